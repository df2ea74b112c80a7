//! A connection as templates see it: dbt's `adapter` on top of `engine::Connection`; and as code
//! sees it that runs templates between its own statements.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engines::Pooled;
use crate::config::EngineKind;
use crate::diagnostic::{Diagnostic, Result};
use crate::engine::{self, Canceller, Connection, EngineError, SqlResult};
use crate::jinja::{Adapter, Executed, Statement};
use crate::relation::{Column, Relation, ResultSet};

/// The connection of a node, shared by the node's template and its materialization.
pub struct ConnectionAdapter {
    connection: Mutex<Pooled>,
    /// The last statement of a template that failed, and why: a diagnostic knows less.
    failed: Mutex<Option<(String, Box<EngineError>)>>,
}

impl ConnectionAdapter {
    /// Wraps a connection on loan.
    pub fn new(connection: Pooled) -> Self {
        ConnectionAdapter { connection: Mutex::new(connection), failed: Mutex::default() }
    }

    /// The connection itself. Held only for calls that run no template.
    pub fn lock(&self) -> MutexGuard<'_, Pooled> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The statement of a template that a diagnostic is about, with all that the engine said.
    pub fn failed(&self, diagnostic: &Diagnostic) -> Option<(String, Box<EngineError>)> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        failed.filter(|(_, error)| {
            error.diagnostic.message == diagnostic.message
                && error.diagnostic.code == diagnostic.code
        })
    }

    fn keep(&self, sql: &str, error: Box<EngineError>) -> Box<Diagnostic> {
        let diagnostic = error.diagnostic.clone();
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some((sql.to_owned(), error));
        Box::new(diagnostic)
    }
}

impl Adapter for ConnectionAdapter {
    fn run(&self, sql: &str, how: Statement) -> Result<Executed> {
        let mut connection = self.lock();
        let run = |connection: &mut dyn Connection| {
            if how.auto_begin && !connection.in_transaction() {
                connection.begin()?;
            }
            if how.fetch {
                let rows = connection.query(sql, None)?;
                let response =
                    engine::response(connection.kind(), sql, Some(rows.rows.len() as u64));
                return Ok(Executed { rows, response });
            }
            let changed = connection.execute(sql)?;
            let response = engine::response(connection.kind(), sql, changed);
            Ok(Executed { rows: ResultSet::default(), response })
        };
        run(&mut **connection).map_err(|error| self.keep(sql, error))
    }

    fn commit(&self) -> Result<()> {
        let mut connection = self.lock();
        if connection.in_transaction() {
            connection.commit().map_err(|error| self.keep("commit", error))?;
        }
        Ok(())
    }

    fn get_relation(&self, relation: &Relation) -> Result<Option<Relation>> {
        let folded = (self.lock().kind() == EngineKind::Postgres).then(|| relation.folded());
        let relation = folded.as_ref().unwrap_or(relation);
        let Some(schema) = relation.schema.as_deref() else { return Ok(None) };
        let all = self.list_relations(relation.database.as_deref(), schema)?;
        Ok(all.into_iter().find(|found| found.identifier == relation.identifier))
    }

    fn list_relations(&self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>> {
        Ok(self.lock().list_relations(database, schema)?)
    }

    fn columns(&self, relation: &Relation) -> Result<Vec<Column>> {
        Ok(self.lock().columns(relation)?)
    }
}

/// The connection of a node for code that takes any [`Connection`]. It is held for each call
/// alone, so that a template may use it in between.
pub struct SharedConnection(pub Arc<ConnectionAdapter>);

impl Connection for SharedConnection {
    fn kind(&self) -> EngineKind {
        self.0.lock().kind()
    }

    fn execute(&mut self, sql: &str) -> SqlResult<Option<u64>> {
        self.0.lock().execute(sql)
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet> {
        self.0.lock().query(sql, limit)
    }

    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>> {
        self.0.lock().describe(sql)
    }

    fn begin(&mut self) -> SqlResult<()> {
        self.0.lock().begin()
    }

    fn commit(&mut self) -> SqlResult<()> {
        self.0.lock().commit()
    }

    fn rollback(&mut self) -> SqlResult<()> {
        self.0.lock().rollback()
    }

    fn in_transaction(&self) -> bool {
        self.0.lock().in_transaction()
    }

    fn list_relations(&mut self, database: Option<&str>, schema: &str) -> SqlResult<Vec<Relation>> {
        self.0.lock().list_relations(database, schema)
    }

    fn columns(&mut self, relation: &Relation) -> SqlResult<Vec<Column>> {
        self.0.lock().columns(relation)
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        self.0.lock().canceller()
    }
}
