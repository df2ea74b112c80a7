//! Splits a SQL script of PostgreSQL's into its statements.
//!
//! Only finds where statements end: quotes, dollar quotes, comments and `BEGIN ATOMIC` bodies are
//! stepped over. Never changes or judges the text; an unclosed quote runs to the end.

use std::ops::Range;

/// The byte ranges of the statements in a script, without their semicolons; pieces of white space
/// and comments alone are left out.
pub(super) fn statements(sql: &str) -> Vec<Range<usize>> {
    let bytes = sql.as_bytes();
    let mut out = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut words = Words::default();
    while at < bytes.len() {
        match bytes[at] {
            b'\'' => {
                let escapes = at > 0 && matches!(bytes[at - 1], b'e' | b'E') && {
                    let before = at.checked_sub(2).map(|i| bytes[i]);
                    !before.is_some_and(is_word)
                };
                at = quoted(bytes, at, b'\'', escapes);
                words.other();
            }
            b'"' => {
                at = quoted(bytes, at, b'"', false);
                words.other();
            }
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = find(bytes, at, b"\n").unwrap_or(bytes.len());
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = comment(bytes, at),
            b'$' => {
                at = dollar(bytes, at);
                words.other();
            }
            b';' if words.depth == 0 => {
                if words.seen {
                    out.push(start..at);
                }
                at += 1;
                start = at;
                words = Words::default();
            }
            byte if is_word(byte) => {
                let from = at;
                while at < bytes.len() && (is_word(bytes[at]) || bytes[at] == b'$') {
                    at += 1;
                }
                words.word(&sql[from..at]);
            }
            byte => {
                if !byte.is_ascii_whitespace() {
                    words.other();
                }
                at += 1;
            }
        }
    }
    if words.seen {
        out.push(start..bytes.len());
    }
    out
}

/// Whether the last statement of a script begins with one of `words`.
pub(super) fn last_word_is(sql: &str, words: &[&str]) -> bool {
    let last = statements(sql).pop().map(|range| first_word(&sql[range]));
    last.as_deref().is_some_and(|word| words.contains(&word))
}

/// The first word of a statement in lower case, comments stepped over.
pub(super) fn first_word(statement: &str) -> String {
    let bytes = statement.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at = find(bytes, at, b"\n").unwrap_or(bytes.len());
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = comment(bytes, at),
            byte if is_word(byte) => {
                let end =
                    bytes[at..].iter().position(|b| !is_word(*b)).map_or(bytes.len(), |n| at + n);
                return statement[at..end].to_ascii_lowercase();
            }
            _ => at += 1,
        }
    }
    String::new()
}

/// What was seen of a statement: enough to know a SQL-standard function body.
#[derive(Default)]
struct Words {
    /// Whether anything but white space and comments was there.
    seen: bool,
    routine: bool,
    create: bool,
    last_begin: bool,
    depth: usize,
}

impl Words {
    fn other(&mut self) {
        self.seen = true;
        self.last_begin = false;
    }

    fn word(&mut self, word: &str) {
        let first = !self.seen;
        self.seen = true;
        let is = |text: &str| word.eq_ignore_ascii_case(text);
        if first && is("create") {
            self.create = true;
        }
        if self.create && (is("function") || is("procedure")) {
            self.routine = true;
        }
        if self.routine {
            if is("atomic") && self.last_begin || self.depth > 0 && is("case") {
                self.depth += 1;
            } else if self.depth > 0 && is("end") {
                self.depth -= 1;
            }
        }
        self.last_begin = is("begin");
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes[from..].windows(what.len()).position(|window| window == what).map(|n| from + n)
}

/// The offset after a quoted text that begins at `at`; a doubled quote stays inside.
fn quoted(bytes: &[u8], mut at: usize, quote: u8, escapes: bool) -> usize {
    at += 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if escapes => at += 2,
            byte if byte == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The offset after a block comment, which may hold others.
fn comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The offset after `$tag$ … $tag$`, or after the `$` where it begins no such text.
fn dollar(bytes: &[u8], at: usize) -> usize {
    let tag_end = bytes[at + 1..].iter().position(|b| !is_word(*b)).map(|n| at + 1 + n);
    let Some(end) = tag_end.filter(|end| bytes[*end] == b'$') else { return at + 1 };
    // `$1$` is a parameter, not a tag.
    if bytes[at + 1].is_ascii_digit() {
        return at + 1;
    }
    let tag = &bytes[at..=end];
    find(bytes, end + 1, tag).map_or(bytes.len(), |n| n + tag.len())
}

#[cfg(test)]
mod tests {
    use super::{first_word, statements};

    fn split(sql: &str) -> Vec<&str> {
        statements(sql).into_iter().map(|range| sql[range].trim()).collect()
    }

    #[test]
    fn semicolons_in_texts_and_comments_end_nothing() {
        assert_eq!(split("select ';'; select 2;"), ["select ';'", "select 2"]);
        assert_eq!(split(r"select E'a\';b'; x"), [r"select E'a\';b'", "x"]);
        assert_eq!(split(r"select 'a\'; x"), [r"select 'a\'", "x"]);
        assert_eq!(
            split("a -- ; \n b; /* ; /* ; */ ; */ c"),
            ["a -- ; \n b", "/* ; /* ; */ ; */ c"]
        );
        assert_eq!(
            split("do $x$ ; $$ ; $x$; select \"a;\""),
            ["do $x$ ; $$ ; $x$", "select \"a;\""]
        );
        assert_eq!(split("select $1; select 2"), ["select $1", "select 2"]);
    }

    #[test]
    fn nothing_but_comments_is_no_statement() {
        assert!(split("-- a\n;; /* b */ ;\n").is_empty());
    }

    #[test]
    fn a_standard_function_body_is_one_statement() {
        let body = "create or replace function f() returns int begin atomic select case when true then 1 end; select 2; end";
        assert_eq!(split(&format!("{body}; select 3")), [body, "select 3"]);
        assert_eq!(split("begin; select 1; end;"), ["begin", "select 1", "end"]);
    }

    #[test]
    fn the_first_word_stands_after_comments() {
        assert_eq!(first_word("/* a */ -- b\n(SELECT 1)"), "select");
        assert_eq!(first_word("  "), "");
    }
}
