//! The database as templates see it while a project is checked: the columns that are bound already,
//! and nothing else. Whoever asks for more gets SQL that is not what would run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use super::pools::Pools;
use super::schema::Schema;
use super::state::Known;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::jinja::{Adapter, Executed, Statement};
use crate::relation::{Column, Relation, RelationKind};

/// The answers for one node.
pub(super) struct SchemaAdapter {
    pub known: Arc<Known>,
    pub pools: Arc<Pools>,
    pub engine: Arc<str>,
    /// The node's own relation, and whether it is there: `is_incremental()`.
    pub own: Relation,
    pub own_exists: bool,
    pub own_schema: RwLock<Option<Arc<Schema>>>,
    /// Whether it was asked for what only a database knows.
    pub asked: AtomicBool,
    /// Whether it was asked for anything.
    pub used: AtomicBool,
}

impl SchemaAdapter {
    fn is_own(&self, relation: &Relation) -> bool {
        relation.identifier == self.own.identifier && relation.schema == self.own.schema
    }

    fn schema(&self, relation: &Relation) -> Option<Arc<Schema>> {
        if self.is_own(relation) {
            return self.own_schema.read().ok()?.clone();
        }
        self.known.of_relation(&self.engine, relation)
    }

    /// Whether the template asked for what only a database knows.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether the template saw anything of a database.
    pub fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    fn note_use(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }
}

impl Adapter for SchemaAdapter {
    fn run(&self, sql: &str, _how: Statement) -> Result<Executed> {
        self.note_use();
        if let Some(rows) = self.pools.constant(&self.engine, sql) {
            return Ok(Executed { rows, ..Executed::default() });
        }
        self.ask();
        Err(Box::new(Diagnostic::error(
            Code::SQL,
            "The project is checked without running any statement",
        )))
    }

    fn commit(&self) -> Result<()> {
        Ok(())
    }

    fn get_relation(&self, relation: &Relation) -> Result<Option<Relation>> {
        self.note_use();
        if self.is_own(relation) {
            let own = relation.clone().with_kind(RelationKind::Table);
            return Ok(self.own_exists.then_some(own));
        }
        let Some(kind) = self.known.kind_of_relation(&self.engine, relation) else {
            self.ask();
            return Ok(None);
        };
        Ok(Some(relation.clone().with_kind(kind)))
    }

    fn list_relations(&self, _database: Option<&str>, _schema: &str) -> Result<Vec<Relation>> {
        self.ask();
        Ok(Vec::new())
    }

    fn columns(&self, relation: &Relation) -> Result<Vec<Column>> {
        self.note_use();
        let Some(schema) = self.schema(relation) else {
            self.ask();
            return Ok(Vec::new());
        };
        if schema.open {
            self.ask();
        }
        let column = |column: &super::schema::BoundColumn| Column {
            name: column.name.clone(),
            data_type: column.data_type.clone().unwrap_or_else(|| {
                self.ask();
                "varchar".to_owned()
            }),
        };
        Ok(schema.columns.iter().map(column).collect())
    }
}
