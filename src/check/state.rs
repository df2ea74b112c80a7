//! What is known so far while a project is checked: the columns of each relation, as each engine sees
//! them. Shared by all threads.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::schema::{Schema, Schemas};
use crate::compile::Compiler;
use crate::config::EngineKind;
use crate::engine::bridge;
use crate::manifest::{FastHash, ResourceType, UniqueId};
use crate::relation::{Column, Relation, RelationKind};

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
    /// Sources that are the relations of nodes.
    made_by_nodes: HashSet<UniqueId>,
    /// Tables that tests keep their failing rows in.
    kept: HashSet<String>,
}

impl Known {
    pub fn new(compiler: &Arc<Compiler>) -> Known {
        let manifest = &compiler.manifest;
        let mut by_name = HashMap::new();
        let nodes = manifest.nodes.values().filter(|node| node.resource_type.is_refable());
        for node in nodes.filter(|node| !node.is_ephemeral()) {
            by_name.insert((node.engine.clone(), key(&node.relation())), node.unique_id.clone());
        }
        let is_node = |id: &UniqueId| manifest.nodes.contains_key(id);
        let mut made_by_nodes = HashSet::new();
        for source in manifest.sources.values() {
            let name = key(&source.relation());
            let key = (source.engine.clone(), name);
            if by_name.insert(key, source.unique_id.clone()).is_some_and(|it| is_node(&it)) {
                made_by_nodes.insert(source.unique_id.clone());
            }
        }
        for bridge in compiler.bridges.iter() {
            by_name.insert((bridge.to_engine.clone(), key(&bridge.to)), bridge.source.clone());
        }
        let tests = manifest.of_type(ResourceType::Test);
        Known {
            made_by_nodes,
            kept: tests.map(|test| test.alias.to_lowercase()).collect(),
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
        Some(Arc::new(self.seen(self.who_is(engine, relation)?, engine)?))
    }

    /// What a relation that a template names is.
    pub fn kind_of_relation(&self, engine: &Arc<str>, relation: &Relation) -> Option<RelationKind> {
        let id = self.who_is(engine, relation)?;
        self.get(id).filter(|schema| !schema.open || !schema.columns.is_empty())?;
        let node = self.compiler.manifest.nodes.get(id);
        let is_view = node.is_some_and(|node| {
            node.resource_type == ResourceType::Model && node.materialized() == "view"
        });
        Some(if is_view { RelationKind::View } else { RelationKind::Table })
    }

    /// The node or source that an engine reads under a name.
    fn who_is(&self, engine: &Arc<str>, relation: &Relation) -> Option<&UniqueId> {
        if let Some(id) = self.by_name.get(&(engine.clone(), key(relation))) {
            return Some(id);
        }
        // PostgreSQL read in place has the engine's name as its database.
        let there = self.compiler.config.target.engines.get(relation.database.as_deref()?)?;
        let renamed = Relation { database: Some(there.database.clone()), ..relation.clone() };
        self.by_name.get(&(there.name.clone(), key(&renamed)))
    }

    /// Whether a node or source of the project, or the table of a test, has this name, in whatever schema.
    pub fn has_table(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let is_it = |key: &str| key.rsplit('\u{0}').next() == Some(name.as_str());
        self.kept.contains(&name) || self.by_name.keys().any(|(_, key)| is_it(key))
    }

    /// Whether a source is the relation of a node, which may be another one after a build.
    pub fn is_made_by_node(&self, source: &UniqueId) -> bool {
        self.made_by_nodes.contains(source)
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
