//! One trait for the two engines, and what both share. SQL dialect differences live in
//! `duckdb` and `postgres`; what to run is `run`'s business.

pub mod bridge;
pub mod duckdb;
pub mod embedded;
mod error;
mod json;
pub mod postgres;
pub mod publish;
mod script;

use std::sync::Arc;

pub use crate::config::EngineKind;
use crate::config::{EngineConfig, EngineParams};
use crate::diagnostic::Diagnostic;
use crate::relation::{Column, Relation, Response, ResultSet, quote_literal};

/// Why the engine refused a statement: in `Diagnostic::notes` the engine's words; and the
/// position in the statement where the engine told it.
#[derive(Debug, Clone)]
pub struct EngineError {
    /// What happened, with code `SQL`, `CONNECT`, `LOCKED`, `AUTH`, …
    pub diagnostic: Diagnostic,
    /// Byte offset in the statement that was sent, where the engine named a place.
    pub position: Option<usize>,
    /// Whether the statement was cancelled on request.
    pub cancelled: bool,
    /// Whether it may succeed when tried again (a write conflict, a serialization failure).
    pub retryable: bool,
}

/// The result of a statement.
pub type SqlResult<T> = std::result::Result<T, Box<EngineError>>;

/// The query whose rows say whether a function is there.
pub fn function_query(kind: EngineKind, function: &Relation) -> String {
    let text = match kind {
        EngineKind::DuckDb => include_str!("sql/duckdb_function.sql"),
        EngineKind::Postgres => include_str!("sql/postgres_function.sql"),
    };
    let literal = |part: &Option<String>| quote_literal(part.as_deref().unwrap_or_default());
    text.replace("$database", &literal(&function.database))
        .replace("$schema", &literal(&function.schema))
        .replace("$name", &quote_literal(&function.identifier))
}

/// A database that nodes run on. Shared by all threads.
pub trait Engine: Send + Sync {
    /// The name inside the target: `analytics`.
    fn name(&self) -> &str;
    /// The system.
    fn kind(&self) -> EngineKind;
    /// A connection for one thread. Connections are kept and handed out again by the caller.
    fn connect(&self) -> SqlResult<Box<dyn Connection>>;
}

/// A connection, used by one thread at a time.
pub trait Connection: Send {
    /// The system on the other side: which dialect to speak.
    fn kind(&self) -> EngineKind;

    /// Runs a script of one or more statements; rows that they give are thrown away. Returns the
    /// number of rows that the last statement changed, where told.
    fn execute(&mut self, sql: &str) -> SqlResult<Option<u64>>;

    /// Runs a script and gives the rows of its last statement, at most `limit` of them.
    fn query(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet>;

    /// The columns that a query gives, which is bound but not run.
    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>>;

    /// Starts a transaction.
    fn begin(&mut self) -> SqlResult<()>;
    /// Commits it.
    fn commit(&mut self) -> SqlResult<()>;
    /// Rolls it back; never fails on a connection that has none.
    fn rollback(&mut self) -> SqlResult<()>;
    /// Whether a transaction is open, begun by [`Connection::begin`] or by a statement.
    fn in_transaction(&self) -> bool;

    /// The relations of a schema.
    fn list_relations(&mut self, database: Option<&str>, schema: &str) -> SqlResult<Vec<Relation>>;

    /// The columns of a relation, empty where it does not exist.
    fn columns(&mut self, relation: &Relation) -> SqlResult<Vec<Column>>;

    /// A handle with which another thread cancels the statement that is running here.
    fn canceller(&self) -> Arc<dyn Canceller>;
}

/// Cancels what a connection is running.
pub trait Canceller: Send + Sync {
    /// Asks the engine to stop the running statement; does nothing when none runs.
    fn cancel(&self);
}

/// What an engine says of a script that it ran, in dbt's words.
pub fn response(kind: EngineKind, sql: &str, changed: Option<u64>) -> Response {
    match kind {
        EngineKind::DuckDb => {
            Response { message: "OK".to_owned(), code: String::new(), rows_affected: changed }
        }
        EngineKind::Postgres => script::response(sql, changed),
    }
}

/// Whether a script holds no statement: white space, comments and semicolons alone.
pub fn is_blank(sql: &str) -> bool {
    script::statements(sql).is_empty()
}

/// Whether a statement is a query, which a limit can stand behind.
pub fn is_query(sql: &str) -> bool {
    ["select", "with", "from", "values", "table"].contains(&script::first_word(sql).as_str())
}

/// How long a connection attempt may take where the profile does not say.
pub const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// Loads the library that an engine needs, while something else is done. Where it is missing, opening the
/// engine says so.
pub fn load_ahead(kind: EngineKind) {
    if kind == EngineKind::DuckDb {
        let _ = duckdb::load();
    }
}

/// Opens the engine of a target: the DuckDB file with its settings, extensions and attachments, or
/// a PostgreSQL server that is reached once to prove that it is there.
///
/// `embedded` PostgreSQL has to be resolved before, with [`embedded::ensure`].
///
/// # Errors
/// `CONNECT`, `LOCKED`, `AUTH`, with what to do.
pub fn open(config: &EngineConfig) -> SqlResult<Arc<dyn Engine>> {
    match &config.params {
        EngineParams::DuckDb(params) => Ok(Arc::new(duckdb::DuckDb::open(&config.name, params)?)),
        EngineParams::Postgres(params) => {
            Ok(Arc::new(postgres::Postgres::open(&config.name, params)?))
        }
    }
}

/// Runs `work`, again and with growing pauses while it fails with an error that may pass.
///
/// # Errors
/// The last error, when it is final or came back for about ten seconds.
pub fn retry<T>(mut work: impl FnMut() -> SqlResult<T>) -> SqlResult<T> {
    let mut pause = std::time::Duration::from_millis(1);
    let mut attempt = 0;
    loop {
        match work() {
            Err(error) if error.retryable && attempt < MAX_RETRIES => {
                attempt += 1;
                std::thread::sleep(pause);
                pause = (pause * 2).min(std::time::Duration::from_millis(250));
            }
            other => return other,
        }
    }
}

/// With pauses from 1 to 250 ms: about ten seconds.
const MAX_RETRIES: u32 = 45;
