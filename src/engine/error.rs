//! Making engine errors: one place for the wording that both engines share.
//!
//! Knows nothing of either engine's messages; those are read in `duckdb::error` and `postgres::error`.

use std::fmt;
use std::ops::Range;

use super::EngineError;
use crate::diagnostic::{Code, Diagnostic};

impl EngineError {
    /// An error that has no place in a statement and is final.
    pub fn new(diagnostic: Diagnostic) -> Box<Self> {
        Box::new(EngineError { diagnostic, position: None, cancelled: false, retryable: false })
    }

    /// An error of Pintail's own making: a code and a sentence.
    pub fn of(code: Code, message: impl Into<String>) -> Box<Self> {
        Self::new(Diagnostic::error(code, message))
    }

    /// With a sentence on what to do.
    #[must_use]
    pub fn help(mut self: Box<Self>, help: impl Into<String>) -> Box<Self> {
        self.diagnostic.help.push(help.into());
        self
    }

    /// With a further fact, such as the engine's own words.
    #[must_use]
    pub fn note(mut self: Box<Self>, note: impl Into<String>) -> Box<Self> {
        self.diagnostic.notes.push(note.into());
        self
    }

    /// The engine's own words, or the message where there are none.
    pub fn words(&self) -> &str {
        self.diagnostic.notes.first().unwrap_or(&self.diagnostic.message)
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl std::error::Error for EngineError {}

impl From<Box<EngineError>> for Box<Diagnostic> {
    fn from(error: Box<EngineError>) -> Self {
        Box::new(error.diagnostic)
    }
}

/// The first line of an engine's message as a sentence without its full stop.
pub(super) fn headline(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default();
    line.trim_end_matches(['.', '!', ' ']).to_owned()
}

/// `LINE 3: …` of a statement, and a caret under the place, as both engines show it. `shown` says
/// which characters of the line there is room for, from how many it has and which one is meant.
pub(super) fn line_with_caret(
    sql: &str,
    position: usize,
    shown: impl Fn(usize, usize) -> Range<usize>,
) -> String {
    let (before, rest) = sql.split_at(sql.floor_char_boundary(position));
    let start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let number = before.lines().count() + usize::from(start == before.len());
    let tail = rest.lines().next().unwrap_or_default();
    let line: Vec<char> = before[start..].chars().chain(tail.chars()).collect();
    let at = before[start..].chars().count();
    let shown = shown(line.len(), at);
    let [left, right] =
        [shown.start > 0, shown.end < line.len()].map(|cut| if cut { "..." } else { "" });
    let head = format!("LINE {number}: {left}");
    let indent = " ".repeat(head.chars().count() + at - shown.start);
    let text: String = line[shown].iter().collect();
    format!("{head}{text}{right}\n{indent}^")
}

/// Takes every secret out of a text.
pub(super) fn redact(text: &str, secrets: &[&str]) -> String {
    let mut out = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        out = out.replace(secret, "*****");
        out = out.replace(&secret.replace('\'', "''"), "*****");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_counted_and_cut() {
        let whole = |length, _| 0..length;
        let sql = "select a,\n  b\n\nfrom c";
        assert_eq!(line_with_caret(sql, 7, whole), "LINE 1: select a,\n               ^");
        assert_eq!(line_with_caret(sql, 10, whole), "LINE 2:   b\n        ^");
        assert_eq!(line_with_caret(sql, 20, whole), "LINE 4: from c\n             ^");
        assert_eq!(line_with_caret(sql, 20, |_, at| 2..at), "LINE 4: ...om ...\n              ^");
    }
}
