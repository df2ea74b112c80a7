//! A connection as templates see it: dbt's `adapter` on top of `engine::Connection`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::engines::Pooled;
use crate::diagnostic::Result;
use crate::jinja::Adapter;
use crate::relation::{Column, Relation, ResultSet};

/// The connection of a node, shared by the node's template and its materialization.
pub struct ConnectionAdapter {
    connection: Mutex<Pooled>,
}

impl ConnectionAdapter {
    /// Wraps a connection on loan.
    pub fn new(connection: Pooled) -> Self {
        ConnectionAdapter { connection: Mutex::new(connection) }
    }

    /// The connection itself. Templates that run meanwhile on another thread would wait; none do.
    pub fn lock(&self) -> MutexGuard<'_, Pooled> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Adapter for ConnectionAdapter {
    fn execute(&self, sql: &str) -> Result<(ResultSet, Option<u64>)> {
        let rows = self.lock().query(sql, None)?;
        Ok((rows, None))
    }

    fn get_relation(&self, relation: &Relation) -> Result<Option<Relation>> {
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
