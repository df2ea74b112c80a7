//! Reads PostgreSQL's errors: SQLSTATE into codes, positions into byte offsets, and connection
//! failures into what to do. No password ever stands in a message.

use std::error::Error as _;
use std::ops::Range;

use ::postgres::error::{DbError, ErrorPosition, SqlState};

use crate::config::PostgresParams;
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::EngineError;
use crate::engine::error::{headline, line_with_caret, redact};

/// An error that a statement gave. `offset` is where the statement that was sent begins in the
/// script.
pub(super) fn of_statement(
    error: &::postgres::Error,
    sql: &str,
    offset: usize,
) -> Box<EngineError> {
    let Some(db) = error.as_db_error() else {
        let said = chain(error);
        return EngineError::of(Code::CONNECT, "The connection to PostgreSQL was lost")
            .note(said)
            .help("Check the server's log; it may have been stopped or restarted.");
    };
    let mut diagnostic = Diagnostic::error(Code::SQL, headline(db.message())).note(framed(db));
    diagnostic.original = Some(printed(db, sql, offset));
    if let Some(hint) = db.hint() {
        diagnostic = diagnostic.help(sentence(hint));
    }
    let cancelled = *db.code() == SqlState::QUERY_CANCELED
        || *db.code() == SqlState::ADMIN_SHUTDOWN && db.message().contains("terminating");
    if *db.code() == SqlState::QUERY_CANCELED {
        diagnostic.code = Code::INTERRUPTED;
    }
    let position = match db.position() {
        Some(ErrorPosition::Original(at)) => Some(offset + byte_offset(&sql[offset..], *at)),
        _ => None,
    };
    Box::new(EngineError { diagnostic, position, cancelled, retryable: is_retryable(db) })
}

/// Failures that another try may not meet: serialization, deadlock, and catalog rows that two
/// sessions made or changed at once.
fn is_retryable(db: &DbError) -> bool {
    let code = db.code();
    *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::T_R_DEADLOCK_DETECTED
        || (*code == SqlState::UNIQUE_VIOLATION && db.constraint().is_some_and(is_catalog_index))
        || (*code == SqlState::INTERNAL_ERROR && db.message().contains("tuple concurrently"))
}

fn is_catalog_index(name: &str) -> bool {
    name.starts_with("pg_") && name.ends_with("_index")
}

/// PostgreSQL's words in one text, as psql shows them.
fn framed(db: &DbError) -> String {
    let mut out = format!("{}: {} (SQLSTATE {})", db.severity(), db.message(), db.code().code());
    if let Some(detail) = db.detail() {
        out.push_str(&format!("\nDETAIL: {detail}"));
    }
    if let Some(place) = db.where_() {
        out.push_str(&format!("\nCONTEXT: {place}"));
    }
    out
}

/// PostgreSQL's words as its own clients print them, but for the severity before them.
fn printed(db: &DbError, sql: &str, offset: usize) -> String {
    let (place, query) = match db.position() {
        Some(ErrorPosition::Original(at)) => {
            (Some((sql, offset + byte_offset(&sql[offset..], *at))), None)
        }
        Some(ErrorPosition::Internal { position, query }) => {
            (Some((query.as_str(), byte_offset(query, *position))), Some(query.as_str()))
        }
        None => (None, None),
    };
    let mut out = db.message().to_owned();
    if let Some((text, at)) = place {
        // A tab is as wide as a blank there.
        out.push('\n');
        out.push_str(&line_with_caret(&text.replace('\t', " "), at, in_its_window));
    }
    let more =
        [("DETAIL", db.detail()), ("HINT", db.hint()), ("QUERY", query), ("CONTEXT", db.where_())];
    for (name, text) in more {
        out.extend(text.map(|text| format!("\n{name}:  {text}")));
    }
    out.trim().to_owned()
}

/// PostgreSQL's clients show 60 characters of a line: the first ones, where ten of them come after
/// the place.
fn in_its_window(length: usize, at: usize) -> Range<usize> {
    const WIDTH: usize = 60;
    const AFTER: usize = 10;
    if length <= WIDTH {
        return 0..length;
    }
    if at + AFTER <= WIDTH {
        return 0..WIDTH;
    }
    let end = length.min(at + AFTER);
    end.saturating_sub(WIDTH)..end
}

fn sentence(text: &str) -> String {
    if text.ends_with(['.', '?', '!']) { text.to_owned() } else { format!("{text}.") }
}

/// A 1-based character position as a byte offset.
fn byte_offset(text: &str, position: u32) -> usize {
    let nth = (position as usize).saturating_sub(1);
    text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at)
}

fn chain(error: &::postgres::Error) -> String {
    let mut out = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let text = inner.to_string();
        if !out.contains(&text) {
            out.push_str(&format!(": {text}"));
        }
        source = inner.source();
    }
    out
}

/// Where a server was looked for, in words: "localhost:5432", "the socket folder /tmp (port 5432)".
pub(super) fn place(params: &PostgresParams) -> String {
    if params.host.starts_with('/') {
        format!("the socket folder {} (port {})", params.host, params.port)
    } else {
        format!("{}:{}", params.host, params.port)
    }
}

/// An error of connecting.
pub(super) fn of_connecting(
    error: &::postgres::Error,
    params: &PostgresParams,
) -> Box<EngineError> {
    let secret = params.password.as_ref().map_or("", |password| password.reveal());
    let place = place(params);
    let Some(db) = error.as_db_error() else {
        let said = redact(&chain(error), &[secret]);
        if said.contains("password missing") || said.contains("invalid configuration: password") {
            return EngineError::of(
                Code::AUTH,
                format!("PostgreSQL at {place} asks for a password and the profile has none"),
            )
            .note(said)
            .help("Set `password` in profiles.yml, such as \"{{ env_var('PGPASSWORD') }}\".");
        }
        return EngineError::of(Code::CONNECT, format!("PostgreSQL at {place} cannot be reached"))
            .note(said)
            .help(if params.host.starts_with('/') {
                "Start the server, or correct `host` (its socket folder) and `port` in profiles.yml."
            } else {
                "Start the server, or correct `host` and `port` in profiles.yml; a firewall may stand between."
            })
            .help("With `embedded: true` in the profile, Pintail runs a PostgreSQL of its own.");
    };
    let said = redact(&framed(db), &[secret]);
    let code = db.code();
    let failed = |code: Code, message: String| EngineError::of(code, message).note(said.clone());
    if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    {
        return failed(
            Code::AUTH,
            format!("PostgreSQL at {place} refused the user `{}`", params.user),
        )
        .help("Check `user` and `password` in profiles.yml, and the server's pg_hba.conf.");
    }
    if *code == SqlState::INVALID_CATALOG_NAME {
        return failed(
            Code::CONNECT,
            format!("PostgreSQL at {place} has no database `{}`", params.dbname),
        )
        .help(format!(
            "Create it with `createdb {}`, or correct `dbname` in profiles.yml.",
            params.dbname
        ));
    }
    let mut refused =
        failed(Code::CONNECT, format!("PostgreSQL at {place} refused: {}", headline(db.message())));
    refused.retryable =
        *code == SqlState::CANNOT_CONNECT_NOW || *code == SqlState::TOO_MANY_CONNECTIONS;
    if *code == SqlState::TOO_MANY_CONNECTIONS {
        return refused.help("Lower `threads`, or raise the server's max_connections.");
    }
    refused
}
