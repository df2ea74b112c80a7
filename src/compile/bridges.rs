//! Which relations have to be copied from DuckDB into PostgreSQL, and how a relation of one engine
//! is named on another. Decides only; `engine` copies and `run` schedules.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::config::{Config, EngineConfig, EngineKind, Target};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifest, Node, ResourceType, UniqueId};
use crate::parse::locate_ref;
use crate::relation::Relation;

/// A copy of a relation from one engine into another: a step of its own in the DAG.
#[derive(Debug, Clone)]
pub struct Bridge {
    /// `bridge.<project>.<engine>.<name>`
    pub unique_id: UniqueId,
    /// What is copied: a node or a source.
    pub source: UniqueId,
    pub from_engine: Arc<str>,
    pub to_engine: Arc<str>,
    /// The relation as it stands in the engine that it is copied from.
    pub from: Relation,
    /// The copy.
    pub to: Relation,
}

/// The bridges of a project, by what they copy and where to.
#[derive(Debug, Default, Clone)]
pub struct Bridges {
    by_source: IndexMap<(UniqueId, Arc<str>), Bridge>,
}

impl Bridges {
    /// The bridge that brings a node or source to an engine.
    pub fn get(&self, source: &UniqueId, engine: &Arc<str>) -> Option<&Bridge> {
        self.by_source.get(&(source.clone(), engine.clone()))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Bridge> {
        self.by_source.values()
    }

    /// The bridges that a node reads through, ephemeral models seen through.
    pub fn read_by<'a>(&'a self, node: &Node, manifest: &Manifest) -> Vec<&'a Bridge> {
        if self.by_source.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        each_upstream(node, manifest, &mut |id| {
            if let Some(bridge) = self.get(id, &node.engine) {
                found.push(bridge);
            }
        });
        found
    }
}

/// The nodes and sources that a node's SQL reads in the end: its dependencies, and in place of
/// ephemeral models theirs.
fn each_upstream(node: &Node, manifest: &Manifest, each: &mut dyn FnMut(&UniqueId)) {
    let mut seen = HashSet::new();
    let mut stack: Vec<&UniqueId> = node.depends_on.iter().rev().collect();
    while let Some(id) = stack.pop() {
        if !seen.insert(id) {
            continue;
        }
        match manifest.nodes.get(id) {
            Some(upstream) if upstream.is_ephemeral() => {
                stack.extend(upstream.depends_on.iter().rev());
            }
            _ => each(id),
        }
    }
}

/// The nodes and sources that a node's SQL reads in the end, ephemeral models seen through.
pub fn upstream(node: &Node, manifest: &Manifest) -> Vec<UniqueId> {
    let mut found = Vec::new();
    each_upstream(node, manifest, &mut |id| found.push(id.clone()));
    found
}

/// Finds every bridge that the project needs.
///
/// # Errors
/// `ENGINE_MISMATCH` for reads between two engines of one kind.
pub fn plan(manifest: &Manifest, config: &Config) -> Result<Bridges, Vec<Diagnostic>> {
    let mut bridges = Bridges::default();
    let mut errors = Vec::new();
    if config.target.engines.len() < 2 {
        return Ok(bridges);
    }
    for node in manifest.nodes.values() {
        if node.is_ephemeral() || node.resource_type == ResourceType::Seed {
            continue;
        }
        each_upstream(node, manifest, &mut |id| {
            let (engine, name, relation) = match (manifest.nodes.get(id), manifest.sources.get(id))
            {
                (Some(up), _) => (&up.engine, up.name.clone(), up.relation()),
                (None, Some(up)) => {
                    (&up.engine, format!("{}__{}", up.source_name, up.name), up.relation())
                }
                (None, None) => return,
            };
            if *engine == node.engine {
                return;
            }
            let (from, to) = (&config.target.engines[engine], &config.target.engines[&node.engine]);
            match (from.kind(), to.kind()) {
                (EngineKind::Postgres, EngineKind::DuckDb) => {}
                (EngineKind::DuckDb, EngineKind::Postgres) => {
                    let bridge = Bridge {
                        unique_id: format!("bridge.{}.{}.{name}", manifest.project_name, to.name)
                            .into(),
                        source: id.clone(),
                        from_engine: from.name.clone(),
                        to_engine: to.name.clone(),
                        from: relation,
                        to: Relation::new(&to.database, &bridge_schema(to), &name),
                    };
                    bridges.by_source.insert((id.clone(), to.name.clone()), bridge);
                }
                _ => errors.push(
                    Diagnostic::error(
                        Code::ENGINE_MISMATCH,
                        format!(
                            "`{}` on the engine `{}` reads `{name}` on `{}`, but both are {}",
                            node.name,
                            to.name,
                            from.name,
                            to.kind().as_str()
                        ),
                    )
                    .or_at(locate_ref(node, &name))
                    .help("Data moves between DuckDB and PostgreSQL only; put both on one engine."),
                ),
            }
        });
    }
    if errors.is_empty() { Ok(bridges) } else { Err(errors) }
}

/// The schema that copies for an engine live in.
pub fn bridge_schema(engine: &EngineConfig) -> String {
    format!("{}_bridge", engine.schema)
}

/// The PostgreSQL relations that a DuckDB node reads where they are: engine and relation.
pub fn read_in_place(
    node: &Node,
    manifest: &Manifest,
    target: &Target,
) -> Vec<(Arc<str>, Relation)> {
    let mut found = Vec::new();
    let kind = |engine: &str| target.engine(engine).map(|engine| engine.kind());
    if target.engines.len() < 2 || kind(&node.engine) != Some(EngineKind::DuckDb) {
        return found;
    }
    each_upstream(node, manifest, &mut |id| {
        if let (Some(engine), Some(relation)) = (manifest.engine_of(id), manifest.relation_of(id))
            && kind(engine) == Some(EngineKind::Postgres)
        {
            found.push((engine.clone(), relation));
        }
    });
    found
}

/// A relation of PostgreSQL as DuckDB names it: the attached catalog has the engine's name.
pub fn in_place(engine: &EngineConfig, relation: &Relation) -> Relation {
    Relation { database: Some(engine.name.to_string()), ..relation.clone() }
}
