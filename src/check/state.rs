//! What is known so far while a project is checked: the columns of each relation, as each engine sees
//! them. Shared by all threads.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::schema::{Schema, Schemas};
use crate::compile::Compiler;
use crate::config::EngineKind;
use crate::engine::bridge;
use crate::manifest::{FastHash, UniqueId};
use crate::relation::{Column, Relation};

/// A node or source as an engine sees it.
type Seen = (UniqueId, Arc<str>);

/// The columns that are known.
pub(super) struct Known {
    compiler: Arc<Compiler>,
    schemas: RwLock<Schemas>,
    /// Empty tables that the scratch databases have, by the engine.
    made: RwLock<HashMap<Seen, (), FastHash>>,
    /// Who is meant by the name of a relation.
    by_name: HashMap<(Arc<str>, String), UniqueId>,
}

impl Known {
    pub fn new(compiler: &Arc<Compiler>) -> Known {
        let manifest = &compiler.manifest;
        let mut by_name = HashMap::new();
        let nodes = manifest.nodes.values().filter(|node| node.resource_type.is_refable());
        for node in nodes.filter(|node| !node.is_ephemeral()) {
            by_name.insert((node.engine.clone(), key(&node.relation())), node.unique_id.clone());
        }
        for source in manifest.sources.values() {
            let name = key(&source.relation());
            by_name.insert((source.engine.clone(), name), source.unique_id.clone());
        }
        for bridge in compiler.bridges.iter() {
            by_name.insert((bridge.to_engine.clone(), key(&bridge.to)), bridge.source.clone());
        }
        Known {
            compiler: compiler.clone(),
            schemas: RwLock::default(),
            made: RwLock::default(),
            by_name,
        }
    }

    /// The columns of a node or source in its own engine.
    pub fn get(&self, id: &str) -> Option<Arc<Schema>> {
        self.schemas.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub fn put(&self, id: &UniqueId, schema: Arc<Schema>) {
        let mut schemas = self.schemas.write().unwrap_or_else(PoisonError::into_inner);
        schemas.insert(id.clone(), schema);
    }

    /// Everything that is known.
    pub fn take(&self) -> Schemas {
        std::mem::take(&mut *self.schemas.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// The columns of a relation that a template names.
    pub fn of_relation(&self, engine: &Arc<str>, relation: &Relation) -> Option<Arc<Schema>> {
        let name = key(relation);
        if let Some(id) = self.by_name.get(&(engine.clone(), name.clone())) {
            return Some(Arc::new(self.seen(id, engine)?));
        }
        // PostgreSQL read in place has the engine's name as its database.
        let database = relation.database.as_deref()?;
        let there = self.compiler.config.target.engines.get(database)?;
        let renamed = Relation { database: Some(there.database.clone()), ..relation.clone() };
        let id = self.by_name.get(&(there.name.clone(), key(&renamed)))?;
        Some(Arc::new(self.seen(id, engine)?))
    }

    /// Whether a node or source of the project has this name, in whatever schema.
    pub fn has_table(&self, name: &str) -> bool {
        self.by_name.keys().any(|(_, key)| {
            key.rsplit('\u{0}').next().is_some_and(|own| own.eq_ignore_ascii_case(name))
        })
    }

    /// A node or source as another engine sees it: with the types that it has there, where they can
    /// cross.
    pub fn seen(&self, id: &UniqueId, here: &Arc<str>) -> Option<Schema> {
        let schema = self.get(id)?;
        let there = self.compiler.manifest.engine_of(id)?;
        if there == here {
            return Some((*schema).clone());
        }
        let engines = &self.compiler.config.target.engines;
        let mut crossed = Schema { columns: Vec::new(), open: schema.open };
        for column in &schema.columns {
            let data_type = column.data_type.as_ref().and_then(|data_type| {
                let own = Column { name: column.name.clone(), data_type: data_type.clone() };
                match engines[here].kind() {
                    EngineKind::Postgres => bridge::carried(&own).ok(),
                    EngineKind::DuckDb => Some(bridge::read_as(&own.data_type)),
                }
            });
            let name = column.name.clone();
            crossed.columns.push(super::schema::BoundColumn { name, data_type });
        }
        Some(crossed)
    }

    /// Notes that the scratch of an engine has a table for it.
    pub fn note_made(&self, id: &UniqueId, engine: &Arc<str>) {
        let mut made = self.made.write().unwrap_or_else(PoisonError::into_inner);
        made.insert((id.clone(), engine.clone()), ());
    }

    /// Whether the scratch of an engine has a table for it.
    pub fn is_made(&self, id: &UniqueId, engine: &Arc<str>) -> bool {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        made.contains_key(&(id.clone(), engine.clone()))
    }
}

fn key(relation: &Relation) -> String {
    let parts = [relation.database.as_deref(), relation.schema.as_deref()];
    let parts = parts.map(Option::unwrap_or_default);
    format!("{}\0{}\0{}", parts[0], parts[1], relation.identifier).to_lowercase()
}
