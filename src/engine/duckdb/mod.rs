//! The DuckDB engine: one database instance per process and file, a connection for each thread.
//!
//! Sends what it is given. Which SQL to run is the callers' business; how to read DuckDB's types
//! and errors is that of the files beside this one.

mod catalog;
mod cell;
mod error;
pub mod extension;
mod library;
mod open;
mod time;
mod types;

use std::sync::{Arc, Mutex, PoisonError};

use duckdb::{InterruptHandle, Statement};

use super::{Canceller, Connection, Engine, EngineKind, SqlResult};
use crate::config::DuckDbParams;
use crate::relation::{Cell, Column, Relation, ResultSet};
pub(super) use library::load;
use open::Instance;
pub use types::DuckType;

/// A DuckDB database file, or a database in memory.
pub struct DuckDb {
    name: String,
    instance: Arc<Instance>,
}

impl DuckDb {
    /// Opens a database and applies its profile: settings, extensions, secrets, attachments.
    /// A file that this process has open already is shared, with the profile of the first.
    ///
    /// # Errors
    /// `LOCKED` naming the process that holds the file, else `CONNECT`.
    pub fn open(name: &str, params: &DuckDbParams) -> SqlResult<DuckDb> {
        Ok(DuckDb { name: name.to_owned(), instance: open::instance(params)? })
    }
}

impl Engine for DuckDb {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> EngineKind {
        EngineKind::DuckDb
    }

    fn connect(&self) -> SqlResult<Box<dyn Connection>> {
        let connection = self.instance.connect()?;
        let instance = Some(self.instance.clone());
        Ok(Box::new(DuckDbConnection {
            connection,
            in_transaction: std::cell::Cell::default(),
            _instance: instance,
        }))
    }
}

/// A connection to a DuckDB instance.
pub struct DuckDbConnection {
    connection: duckdb::Connection,
    in_transaction: std::cell::Cell<bool>,
    // After the connection: the instance outlives it.
    _instance: Option<Arc<Instance>>,
}

impl DuckDbConnection {
    /// A connection while its instance is being opened.
    fn detached(connection: duckdb::Connection) -> Self {
        DuckDbConnection { connection, in_transaction: std::cell::Cell::default(), _instance: None }
    }

    /// Runs all statements but the last, and prepares that. `None` for an empty script.
    fn prepare(&self, sql: &str) -> SqlResult<Option<Statement<'_>>> {
        error::no_nul(sql)?;
        match self.connection.prepare(sql) {
            Ok(statement) => Ok(Some(statement)),
            Err(error) if error::is_empty_script(&error) => Ok(None),
            Err(error) => Err(error::of_statement(&error, sql)),
        }
    }

    /// Runs a query with types that Arrow cannot carry exactly: DuckDB's own text stands in.
    fn query_as_text(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet> {
        let [range] = super::script::statements(sql).try_into().map_err(|_| error::needs_cast())?;
        let inner = &sql[range];
        let described = self.prepare(&format!("DESCRIBE {inner}"))?;
        let Some(mut described) = described else { return Ok(ResultSet::default()) };
        let described = cell::read(&mut described, None)
            .map_err(|error| error::of_statement(&error, inner))?
            .unwrap_or_default();
        let columns: Vec<Column> = described
            .rows
            .into_iter()
            .filter_map(|row| match row.as_slice() {
                [Cell::Text(name), Cell::Text(data_type), ..] => {
                    Some(Column { name: name.clone(), data_type: data_type.clone() })
                }
                _ => None,
            })
            .collect();
        let wrapped = cell::wrapped(inner, &columns);
        let Some(mut statement) = self.prepare(&wrapped)? else { return Ok(ResultSet::default()) };
        let read = cell::read(&mut statement, limit)
            .map_err(|error| error::of_statement(&error, &wrapped))?
            .ok_or_else(error::needs_cast)?;
        let rows = read.rows.into_iter().map(|row| cell::retyped(row, &columns)).collect();
        Ok(ResultSet { columns, rows })
    }
}

impl Connection for DuckDbConnection {
    fn kind(&self) -> EngineKind {
        EngineKind::DuckDb
    }

    fn execute(&mut self, sql: &str) -> SqlResult<Option<u64>> {
        let Some(mut statement) = self.prepare(sql)? else { return Ok(None) };
        statement.execute([]).map_err(|error| error::of_statement(&error, sql))?;
        if let Some(open) = super::script::leaves_transaction(sql) {
            self.in_transaction.set(open);
        }
        // Statements that change rows give their number as one row of one column.
        let counted = statement.row_count() == 1
            && statement.column_names() == ["Count"]
            && super::script::last_word_is(sql, COUNTING);
        if !counted {
            return Ok(None);
        }
        let count = cell::count(&statement).map_err(|error| error::of_statement(&error, sql))?;
        Ok(count)
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet> {
        let Some(mut statement) = self.prepare(sql)? else { return Ok(ResultSet::default()) };
        let read = cell::read(&mut statement, limit);
        drop(statement);
        match read {
            Ok(Some(result)) => Ok(result),
            Ok(None) => self.query_as_text(sql, limit),
            Err(error) if error::is_unsupported_type(&error) => self.query_as_text(sql, limit),
            Err(error) => Err(error::of_statement(&error, sql)),
        }
    }

    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>> {
        const BEFORE: &str = "DESCRIBE (\n";
        catalog::described(self, &format!("{BEFORE}{sql}\n)")).map_err(|mut error| {
            error.position = error.position.and_then(|at| at.checked_sub(BEFORE.len()));
            error
        })
    }

    fn begin(&mut self) -> SqlResult<()> {
        self.execute("BEGIN TRANSACTION").map(drop)
    }

    fn commit(&mut self) -> SqlResult<()> {
        self.execute("COMMIT").map(drop)
    }

    fn rollback(&mut self) -> SqlResult<()> {
        match self.execute("ROLLBACK") {
            Err(error) if !error.words().contains("no transaction is active") => Err(error),
            _ => {
                self.in_transaction.set(false);
                Ok(())
            }
        }
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction.get()
    }

    fn list_relations(&mut self, database: Option<&str>, schema: &str) -> SqlResult<Vec<Relation>> {
        catalog::list_relations(self, database, schema)
    }

    fn columns(&mut self, relation: &Relation) -> SqlResult<Vec<Column>> {
        catalog::columns(self, relation)
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::new(Interrupt(self.connection.interrupt_handle()))
    }
}

/// Statements that tell how many rows they wrote.
const COUNTING: &[&str] =
    &["insert", "update", "delete", "merge", "create", "copy", "with", "from"];

struct Interrupt(Arc<InterruptHandle>);

impl Canceller for Interrupt {
    fn cancel(&self) {
        self.0.interrupt();
    }
}

/// A lock whose holder panicked still guards valid data here.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
