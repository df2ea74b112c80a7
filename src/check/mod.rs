//! Compiled SQL → findings and bound columns, without touching any data: each node is bound by its own
//! engine over empty tables that have the columns of what it reads.
//!
//! What is not known for certain is never a finding. Nothing is run, made or changed in the
//! configured databases.

mod adapter;
mod ahead;
mod bind;
mod catalog;
mod configs;
mod finding;
mod hooks;
mod node;
mod passed;
mod patch;
mod pools;
mod properties;
mod refusal;
mod repair;
mod schema;
mod scratch;
mod scratch_postgres;
mod state;
mod tokens;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use crate::compile::{CompiledNode, Compiler};
use crate::config::{EngineConfig, EngineKind, EngineParams};
use crate::diagnostic::{Diagnostic, Severity};
use crate::graph::{Graph, Member, NodeIndex};
use crate::manifest::{FastHash, Node, UniqueId};
use crate::relation::{Column, Relation};
use crate::run::Engines;
use ahead::{Ahead, changes_columns};
use catalog::Catalog;
use hooks::{MadeNames, has_header};
use node::Outcome;
use pools::Pools;
use state::Known;

pub use passed::Passed;
pub use properties::described_at;
pub use schema::{BoundColumn, Schema, Schemas};

/// What checking found.
#[derive(Debug, Default)]
pub struct Checked {
    /// The mistakes of the nodes that were asked for, in the order of the DAG.
    pub findings: Vec<(UniqueId, Diagnostic)>,
    /// The nodes that could not be checked, and why.
    pub unchecked: Vec<(UniqueId, String)>,
    /// How many nodes were checked.
    pub nodes: usize,
    /// The columns of all nodes and sources that these read, and their own.
    pub schemas: Schemas,
    /// The SQL that was bound, of each model and snapshot.
    pub compiled: HashMap<UniqueId, CompiledNode, FastHash>,
    /// What is to be said of the whole check.
    pub notes: Vec<Diagnostic>,
    /// That of incremental models whose table is there.
    pub compiled_later: HashMap<UniqueId, CompiledNode, FastHash>,
}

impl Checked {
    /// Leaves out what is told already: the mistake of an ephemeral model, which is a part of all that
    /// read it; and that a column is described, where it is tested, too.
    fn keep_once(&mut self) {
        let mut errors = HashSet::new();
        let place = |finding: &Diagnostic| {
            let place = finding.location.as_ref()?;
            Some((place.file.path.clone(), place.span.clone(), finding.code))
        };
        for (_, finding) in &self.findings {
            if finding.severity == Severity::Error {
                errors.extend(place(finding));
            }
        }
        let mut told = HashSet::new();
        self.findings.retain(|(_, finding)| {
            let place = place(finding);
            let is_less = finding.severity == Severity::Warning
                && place.as_ref().is_some_and(|place| errors.contains(place));
            !is_less && (place.is_none() || told.insert((place, finding.message.clone())))
        });
    }

    /// The findings that are errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        let findings = self.findings.iter().map(|(_, finding)| finding);
        findings.filter(|finding| finding.severity == Severity::Error)
    }
}

/// Checks the wanted nodes of a project.
pub fn check(
    compiler: &Arc<Compiler>,
    graph: &Graph,
    engines: &Arc<Engines>,
    wanted: &FixedBitSet,
) -> Checked {
    check_by(&Checker::new(compiler, engines, None), graph, wanted)
}

/// Checks the wanted nodes of those that a build is about to make. What it does not make is as the
/// databases have it; an error is only what certainly fails in that build, all else is a warning.
pub fn check_ahead(
    compiler: &Arc<Compiler>,
    graph: &Graph,
    engines: &Arc<Engines>,
    wanted: &FixedBitSet,
    built: &FixedBitSet,
) -> Checked {
    let ahead = Ahead::new(compiler, built);
    check_by(&Checker::new(compiler, engines, Some(ahead)), graph, wanted)
}

fn check_by(checker: &Checker, graph: &Graph, wanted: &FixedBitSet) -> Checked {
    let compiler = &checker.compiler;
    let needed = checker.needed(graph, wanted);
    let mut checked = Checked::default();
    // Tests have no readers: their models go first, and they at once.
    let least = |index: NodeIndex| {
        usize::from(graph.member(&compiler.manifest, index).resource_type().is_test())
    };
    for level in graph.levels(&needed, least) {
        let outcomes: Vec<Outcome> = level
            .par_iter()
            .map(|index| checker.member(graph.member(&compiler.manifest, *index), *index))
            .collect();
        let mut made = Vec::new();
        for (index, outcome) in level.iter().zip(outcomes) {
            let id = graph.unique_id(*index);
            if let Some(schema) = outcome.schema {
                checker.known.put(id, Arc::new(schema));
                made.push(id.clone());
            }
            if let Some(compiled) = outcome.compiled {
                checked.compiled.insert(id.clone(), compiled);
            }
            if let Some(compiled) = outcome.compiled_later {
                checked.compiled_later.insert(id.clone(), compiled);
            }
            if !wanted.contains(index.index()) {
                continue;
            }
            let is_node = graph.member(&compiler.manifest, *index).node().is_some();
            match outcome.unchecked {
                Some(why) if outcome.findings.is_empty() => {
                    checked.unchecked.push((id.clone(), why));
                }
                _ => checked.nodes += usize::from(is_node),
            }
            for finding in outcome.findings {
                checked.findings.push((id.clone(), finding));
            }
        }
        checker.make(&made);
    }
    checked.keep_once();
    checked.notes = checker.pools.notes();
    checked.schemas = checker.known.take();
    checked
}

/// What checking needs; shared by all threads.
struct Checker {
    compiler: Arc<Compiler>,
    known: Arc<Known>,
    catalog: Catalog,
    pools: Arc<Pools>,
    /// The tables and functions that no scratch database has, and that the project may make.
    made_names: MadeNames,
    /// Whether hooks may change tables before anything is made.
    changes_tables: bool,
    /// Of a check ahead of a build.
    ahead: Option<Ahead>,
    /// The names of tables, for proposals.
    tables: Vec<String>,
}

impl Checker {
    fn new(compiler: &Arc<Compiler>, engines: &Arc<Engines>, ahead: Option<Ahead>) -> Checker {
        let manifest = &compiler.manifest;
        let at_start = manifest.hooks("on-run-start");
        let tables = manifest.nodes.values().filter(|node| node.resource_type.is_refable());
        Checker {
            known: Arc::new(Known::new(compiler)),
            catalog: Catalog::new(engines.clone()),
            pools: Arc::new(Pools::open(compiler, engines, ahead.is_none())),
            changes_tables: at_start.iter().any(|hook| changes_columns(&hook.raw_code)),
            ahead,
            made_names: MadeNames::of(manifest),
            tables: tables.map(|node| node.alias.clone()).collect(),
            compiler: compiler.clone(),
        }
    }

    /// Checks a member of the graph.
    fn member(&self, member: Member, index: NodeIndex) -> Outcome {
        match member {
            Member::Node(node) if self.stands(member, index) => {
                Outcome { schema: Some(self.standing(node)), ..Outcome::default() }
            }
            Member::Node(node) => {
                let outcome = self.node(node);
                let schema = outcome.schema.map(|schema| self.left_behind(node, schema));
                Outcome { schema, ..outcome }
            }
            Member::Source(source) => self.source(source),
            _ => Outcome::default(),
        }
    }

    /// Makes tables for nodes and sources in the engines that may read them.
    fn make(&self, ids: &[UniqueId]) {
        for (engine, config) in &self.compiler.config.target.engines {
            let mut tables: Vec<(&UniqueId, (Relation, Vec<Column>))> = Vec::new();
            for id in ids {
                if let Some(table) = self.table(id, config)
                    && let Some(columns) =
                        self.known.seen(id, engine).and_then(|schema| schema.known())
                {
                    tables.push((id, (table, columns)));
                }
            }
            let all: Vec<(Relation, Vec<Column>)> =
                tables.iter().map(|(_, table)| table.clone()).collect();
            if all.is_empty() {
                continue;
            }
            self.pools.with_scratch(engine, |scratch| {
                let all_made = scratch.make(&all).is_ok();
                for (id, table) in &tables {
                    if all_made || scratch.make(std::slice::from_ref(table)).is_ok() {
                        self.known.note_made(id, engine);
                    }
                }
            });
        }
    }

    /// The name by which an engine reads a node or source; none where it cannot.
    fn table(&self, id: &UniqueId, here: &EngineConfig) -> Option<Relation> {
        let manifest = &self.compiler.manifest;
        let (there, relation) = (manifest.engine_of(id)?, manifest.relation_of(id)?);
        if relation.verbatim.is_some() {
            return None;
        }
        if *there == here.name {
            return Some(relation);
        }
        match here.kind() {
            EngineKind::Postgres => {
                self.compiler.bridges.get(id, &here.name).map(|bridge| bridge.to.clone())
            }
            EngineKind::DuckDb => {
                let kind = self.compiler.config.target.engines[there].kind();
                let in_place = || self.compiler.seen_from(id, there, &here.name, relation);
                (kind == EngineKind::Postgres).then(in_place)
            }
        }
    }

    /// Whether a table or function of a name that a node uses may be there in a run, though its scratch
    /// has none.
    fn may_be_made(&self, node: &Node, name: Option<&str>) -> bool {
        has_header(node) || !self.pools.are_complete(&node.engine) || self.made_names.may_have(name)
    }

    /// Whether there is nothing yet in the database of an engine: its file is not there, and nothing
    /// is attached to it.
    fn is_not_made_yet(&self, engine: &EngineConfig) -> bool {
        match &engine.params {
            EngineParams::DuckDb(params) => {
                let is_new = params.path.as_ref().is_none_or(|path| !path.exists());
                is_new && params.attach.is_empty()
            }
            EngineParams::Postgres(_) => false,
        }
    }
}
