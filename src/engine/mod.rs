//! One trait for the two engines, and what both share. SQL dialect differences live in
//! `duckdb` and `postgres`; what to run is `run`'s business.

use std::sync::Arc;
use std::time::Duration;

pub use crate::config::EngineKind;
use crate::diagnostic::{Diagnostic, Result};
use crate::relation::{Column, Relation, ResultSet};

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
    /// Runs a script of one or more statements; the rows of the last one that gives any are
    /// thrown away. Returns the number of rows that the last statement changed, where told.
    fn execute(&mut self, sql: &str) -> SqlResult<Option<u64>>;

    /// Runs a script and gives the rows of its last statement, at most `limit` of them.
    fn query(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet>;

    /// Starts a transaction.
    fn begin(&mut self) -> SqlResult<()>;
    /// Commits it.
    fn commit(&mut self) -> SqlResult<()>;
    /// Rolls it back; never fails on a connection that has none.
    fn rollback(&mut self) -> SqlResult<()>;

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

/// How long a connection attempt may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What opening an engine gives.
pub type OpenResult = Result<Arc<dyn Engine>>;
