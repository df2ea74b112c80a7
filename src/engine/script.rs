//! Splits a SQL script of PostgreSQL's into its statements.
//!
//! Only finds where statements end: quotes, dollar quotes, comments and `BEGIN ATOMIC` bodies are
//! stepped over. Never changes or judges the text; an unclosed quote runs to the end.

use std::ops::Range;

use crate::relation::Response;

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

/// Whether a transaction is open behind a script, where the script itself begins or ends one.
pub(super) fn leaves_transaction(sql: &str) -> Option<bool> {
    const WORDS: [&str; 6] = ["begin", "start", "commit", "end", "rollback", "abort"];
    let bytes = sql.as_bytes();
    let may = bytes.iter().enumerate().any(|(at, byte)| {
        matches!(byte.to_ascii_lowercase(), b'b' | b's' | b'c' | b'e' | b'r' | b'a')
            && (at == 0 || !is_word(bytes[at - 1]))
            && WORDS.iter().any(|word| {
                bytes
                    .get(at..at + word.len())
                    .is_some_and(|w| w.eq_ignore_ascii_case(word.as_bytes()))
            })
    });
    if !may {
        return None;
    }
    let mut open = None;
    for range in statements(sql) {
        let statement = &sql[range];
        match first_word(statement).as_str() {
            "begin" | "start" => open = Some(true),
            "commit" | "end" | "abort" => open = Some(false),
            // To a savepoint is not out of the transaction.
            "rollback" if !statement.split_whitespace().any(|w| w.eq_ignore_ascii_case("to")) => {
                open = Some(false);
            }
            _ => {}
        }
    }
    open
}

/// PostgreSQL's command tag for the last statement of a script, which its client does not give.
pub(super) fn response(sql: &str, changed: Option<u64>) -> Response {
    let last = statements(sql).pop().map_or("", |range| &sql[range]);
    let words: Vec<String> = words(last).map(str::to_ascii_uppercase).collect();
    let verb = words.first().map_or("", String::as_str);
    let skipped = [
        "OR",
        "REPLACE",
        "TEMP",
        "TEMPORARY",
        "UNLOGGED",
        "UNIQUE",
        "RECURSIVE",
        "GLOBAL",
        "LOCAL",
    ];
    let object = || {
        let mut rest = words.iter().skip(1).map(String::as_str).filter(|w| !skipped.contains(w));
        match rest.next() {
            Some(first @ ("MATERIALIZED" | "FOREIGN")) => {
                format!("{first} {}", rest.next().unwrap_or_default())
            }
            first => first.unwrap_or_default().to_owned(),
        }
    };
    let counted = |code: &str, text: String| Response {
        message: text,
        code: code.to_owned(),
        rows_affected: Some(changed.unwrap_or(0)),
    };
    let rows = changed.unwrap_or(0);
    let plain = |text: String| Response { code: text.clone(), message: text, rows_affected: None };
    match verb {
        "INSERT" => counted("INSERT", format!("INSERT 0 {rows}")),
        "UPDATE" | "DELETE" | "MERGE" | "COPY" => counted(verb, format!("{verb} {rows}")),
        "SELECT" | "WITH" | "VALUES" | "TABLE" => counted("SELECT", format!("SELECT {rows}")),
        "CREATE" => match object().as_str() {
            "TABLE" | "MATERIALIZED VIEW" if words.iter().any(|word| word == "AS") => {
                counted("SELECT", format!("SELECT {rows}"))
            }
            object => plain(format!("CREATE {object}")),
        },
        "ALTER" | "DROP" | "TRUNCATE" | "REFRESH" => plain(format!("{verb} {}", object())),
        verb => plain(verb.to_owned()),
    }
}

/// The words of a statement in order, those in quotes and comments left out.
fn words(statement: &str) -> impl Iterator<Item = &str> {
    let bytes = statement.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            match bytes[at] {
                quote @ (b'\'' | b'"') => at = quoted(bytes, at, quote, false),
                b'-' if bytes.get(at + 1) == Some(&b'-') => {
                    at = find(bytes, at, b"\n").unwrap_or(bytes.len());
                }
                b'/' if bytes.get(at + 1) == Some(&b'*') => at = comment(bytes, at),
                byte if is_word(byte) => {
                    let from = at;
                    while at < bytes.len() && is_word(bytes[at]) {
                        at += 1;
                    }
                    return Some(&statement[from..at]);
                }
                _ => at += 1,
            }
        }
        None
    })
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
    use super::{first_word, leaves_transaction, response, statements};

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
    fn a_script_may_end_its_transaction() {
        assert_eq!(leaves_transaction("select 1; commit;"), Some(false));
        assert_eq!(leaves_transaction("begin; select 1"), Some(true));
        assert_eq!(leaves_transaction("select 'commit;' as begin_date"), None);
        assert_eq!(leaves_transaction("rollback to savepoint a"), None);
    }

    #[test]
    fn tags_as_postgres_gives_them() {
        let tag = |sql, changed| response(sql, changed).message;
        assert_eq!(tag("create table a as (select 1)", Some(3)), "SELECT 3");
        assert_eq!(tag("create unlogged table \"as\" (i int)", None), "CREATE TABLE");
        assert_eq!(tag("x; insert into a values (1)", Some(1)), "INSERT 0 1");
        assert_eq!(tag("create or replace view a as select 1", None), "CREATE VIEW");
        assert_eq!(tag("refresh materialized view a", None), "REFRESH MATERIALIZED VIEW");
    }

    #[test]
    fn the_first_word_stands_after_comments() {
        assert_eq!(first_word("/* a */ -- b\n(SELECT 1)"), "select");
        assert_eq!(first_word("  "), "");
    }
}
