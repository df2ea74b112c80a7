//! Reads DuckDB's errors: what happened, where in the statement, what was meant, and whether
//! trying again may help.
//!
//! Connections run with `errors_as_json`, so position and candidates come as fields; errors
//! outside a statement come as text.

use std::ops::Range;

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic};
use crate::engine::error::{headline, line_with_caret};
use crate::engine::{EngineError, SqlResult};

/// DuckDB takes C strings.
pub(super) fn no_nul(sql: &str) -> SqlResult<()> {
    let Some(position) = sql.find('\0') else { return Ok(()) };
    let mut error = EngineError::of(Code::SQL, "The statement holds a NUL character")
        .note("DuckDB reads SQL up to the first NUL character.")
        .help("Take the NUL character out; in a text value, write chr(0).");
    error.position = Some(position);
    Err(error)
}

/// Whether a script held no statement at all.
pub(super) fn is_empty_script(error: &duckdb::Error) -> bool {
    matches!(error, duckdb::Error::DuckDBFailure(_, None))
}

/// Whether the result has a type that the crate does not read at all.
pub(super) fn is_unsupported_type(error: &duckdb::Error) -> bool {
    text(error).contains("nsupported")
}

/// A result that only its writer can make readable.
pub(super) fn needs_cast() -> Box<EngineError> {
    EngineError::of(Code::SQL, "The result has a column of a type that cannot be shown")
        .help("Cast INTERVAL, TIMETZ, BIT, UNION, VARIANT, BIGNUM and GEOMETRY columns to VARCHAR.")
}

/// The text of a crate error, without the crate's own frame.
pub(super) fn text(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

/// An error that a statement gave.
pub(super) fn of_statement(error: &duckdb::Error, sql: &str) -> Box<EngineError> {
    of_text(&text(error), sql)
}

/// What DuckDB said, taken apart.
struct Words {
    /// "Binder Error", as DuckDB prints it.
    kind: String,
    message: String,
    /// The message as it came, with the line and the caret where it came as text.
    whole: String,
    position: Option<usize>,
}

impl Words {
    fn read(text: &str) -> Words {
        let json = text.find('{').filter(|at| *at == 0 || text[..*at].ends_with("Error: "));
        if let Some(at) = json
            && let Ok(fields) = serde_json::from_str::<Value>(text[at..].trim())
            && let Some(message) = fields.get("exception_message").and_then(Value::as_str)
        {
            let position = fields
                .get("position")
                .and_then(Value::as_str)
                .and_then(|position| position.parse().ok());
            let kind = fields.get("exception_type").and_then(Value::as_str).unwrap_or("Unknown");
            return Words {
                kind: format!("{kind} Error"),
                message: without_caret(message),
                whole: message.to_owned(),
                position,
            };
        }
        match text.split_once(": ").filter(|(kind, _)| kind.ends_with("Error")) {
            Some((kind, rest)) => Words::of_text(kind, rest),
            None => Words::of_text("", text),
        }
    }

    fn of_text(kind: &str, text: &str) -> Words {
        let (kind, whole) = (kind.to_owned(), text.to_owned());
        Words { kind, message: without_caret(text), whole, position: None }
    }

    /// What DuckDB's own clients print: of a message with a place, its line too.
    fn printed(&self, sql: &str) -> String {
        let Words { kind, whole, position, .. } = self;
        let framed = if kind.is_empty() { whole.clone() } else { format!("{kind}: {whole}") };
        match position.filter(|at| *at < sql.len()) {
            Some(at) => format!("{framed}\n\n{}", line_with_caret(sql, at, in_its_window)),
            None => framed,
        }
    }
}

/// DuckDB shows 60 characters before a place, and 60 from there on.
fn in_its_window(length: usize, at: usize) -> Range<usize> {
    let start = if at < 60 { 0 } else { at - 59 };
    start..length.min(start + 119)
}

/// An error text that a statement gave; `sql` is the whole script that was sent.
pub(super) fn of_text(text: &str, sql: &str) -> Box<EngineError> {
    let words = Words::read(text);
    let mut said = Vec::new();
    let mut candidates = Vec::new();
    for line in words.message.lines() {
        match line
            .strip_prefix("Did you mean ")
            .or_else(|| line.strip_prefix("Candidate bindings: "))
        {
            Some(names) => candidates.push(names.trim_end_matches(['?', '!']).replace('"', "`")),
            None => said.push(line),
        }
    }
    let said = said.join("\n").trim().to_owned();
    let framed =
        if words.kind.is_empty() { said.clone() } else { format!("{}: {said}", words.kind) };
    let mut diagnostic = Diagnostic::error(Code::SQL, headline(&said)).note(framed);
    diagnostic.original = Some(words.printed(sql));
    for names in candidates {
        diagnostic = diagnostic.help(format!("Did you mean {names}?"));
    }
    let cancelled = words.kind.eq_ignore_ascii_case("Interrupt Error");
    let retryable = words.kind.contains("Transaction") && said.to_lowercase().contains("conflict");
    if cancelled {
        diagnostic.code = Code::INTERRUPTED;
        diagnostic.message = "The statement was cancelled".to_owned();
    }
    let position = words.position.filter(|at| *at <= sql.len());
    Box::new(EngineError { diagnostic, position, cancelled, retryable })
}

/// The message without `LINE 3: …` and the caret under it. The place itself is given by
/// `errors_as_json`, in bytes of the whole script.
fn without_caret(message: &str) -> String {
    let end = message.find("\n\nLINE ").unwrap_or(message.len());
    message[..end].trim_end().to_owned()
}

/// An error of opening or attaching a database file.
pub(super) fn of_opening(text: &str, what: &str) -> Box<EngineError> {
    let words = Words::read(text);
    let framed = match words.kind.as_str() {
        "" => words.message.clone(),
        kind => format!("{kind}: {}", words.message),
    };
    if let Some(holder) = lock_holder(&words.message) {
        return EngineError::of(Code::LOCKED, format!("{what} is locked by {holder}"))
            .note(framed)
            .help("DuckDB lets one process write to a file. End that process, or wait for it.")
            .help(
                "To use both at once, give each target a file of its own in profiles.yml (`path`).",
            );
    }
    let error = EngineError::of(
        Code::CONNECT,
        format!("{what} cannot be opened: {}", headline(&words.message)),
    )
    .note(framed);
    if words.message.contains("not a valid DuckDB database file") {
        return error.help("Check `path` in profiles.yml: it names a file of another kind.");
    }
    if words.message.contains("Permission denied") || words.message.contains("Read-only") {
        return error.help("Check the permissions of the file and its folder.");
    }
    error.help("Check `path` in profiles.yml.")
}

/// `process 4711 (/usr/bin/python3.11)` out of DuckDB's lock message.
fn lock_holder(message: &str) -> Option<String> {
    if !message.contains("Could not set lock on file") {
        return None;
    }
    let parsed = message.split_once("held in ").and_then(|(_, rest)| {
        let (program, rest) = rest.split_once(" (PID ")?;
        let (pid, _) = rest.split_once(')')?;
        pid.parse::<u32>().ok()?;
        Some(format!("process {pid} ({program})"))
    });
    Some(parsed.unwrap_or_else(|| "another process".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_json_error_become_a_diagnostic() {
        let text = r#"Binder Error: {"exception_type":"Binder","exception_message":"Referenced column \"bogus\" not found in FROM clause!\nCandidate bindings: \"bogs\"","candidates":"bogs","position":"7"}"#;
        let error = of_text(text, "select bogus");
        assert_eq!(error.position, Some(7));
        assert_eq!(
            error.diagnostic.message,
            "Referenced column \"bogus\" not found in FROM clause"
        );
        assert_eq!(
            error.words(),
            "Binder Error: Referenced column \"bogus\" not found in FROM clause!"
        );
        assert_eq!(error.diagnostic.help, ["Did you mean `bogs`?"]);
        assert_eq!(
            error.diagnostic.original.as_deref(),
            Some(
                "Binder Error: Referenced column \"bogus\" not found in FROM clause!\n\
                 Candidate bindings: \"bogs\"\n\nLINE 1: select bogus\n               ^"
            )
        );
    }

    #[test]
    fn a_lock_names_the_process() {
        let text = "IO Error: Could not set lock on file \"/a/b.duckdb\": Conflicting lock is held in /usr/bin/python3.11 (PID 4711). See also https://duckdb.org/docs";
        let error = of_opening(text, "/a/b.duckdb");
        assert_eq!(error.diagnostic.code, Code::LOCKED);
        assert_eq!(
            error.diagnostic.message,
            "/a/b.duckdb is locked by process 4711 (/usr/bin/python3.11)"
        );
    }
}
