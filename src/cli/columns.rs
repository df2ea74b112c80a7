//! What the columns of a project are made of: the one place where SQL and known columns are put
//! together for lineage.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use fixedbitset::FixedBitSet;

use super::session::Session;
use crate::check::{self, Checked, Schemas};
use crate::compile::{CompiledNode, Compiler};
use crate::diagnostic::Location;
use crate::graph::{Graph, NodeIndex};
use crate::lineage::{self, Lineage};
use crate::manifest::{FastHash, Node, ResourceType, UniqueId};
use crate::run::Engines;

/// Compiled SQL by its node.
pub(super) type CompiledNodes = HashMap<UniqueId, CompiledNode, FastHash>;

/// What is known of the columns of a project, and the SQL that it is known from.
pub(super) struct Analysed {
    pub lineage: Lineage,
    pub compiled: CompiledNodes,
    /// The SQL of incremental models whose table is there.
    pub compiled_later: CompiledNodes,
    pub schemas: Schemas,
}

/// The lineage of the wanted models, snapshots, seeds and sources, with the columns that their engines
/// bind.
pub(super) fn analyse(session: &Session, wanted: &FixedBitSet) -> Analysed {
    let (compiler, graph) = (&session.compiler, &session.graph);
    let manifest = &compiler.manifest;
    let mut queries = wanted.clone();
    for index in wanted.ones() {
        let kind = graph.member(manifest, NodeIndex::new(index)).resource_type();
        queries.set(index, kind.is_refable() || kind == ResourceType::Source);
    }
    let Checked { schemas, mut compiled, compiled_later, .. } =
        check::check(compiler, graph, &session.engines, &queries);
    // Templates that ask the database for more than names and types are compiled as for a run.
    let others = Mutex::new(Vec::new());
    let sql = |id: &UniqueId| {
        if let Some(compiled) = compiled.get(id) {
            return Ok(compiled.sql.clone());
        }
        match compiler.compile(id, &compiler.host(id)) {
            Ok(compiled) => {
                let sql = compiled.sql.clone();
                let mut others = others.lock().unwrap_or_else(PoisonError::into_inner);
                others.push((id.clone(), compiled));
                Ok(sql)
            }
            Err(error) => {
                let first = error.message.lines().next().unwrap_or_default();
                Err(format!("it does not compile: {first}"))
            }
        }
    };
    let lineage = Known { compiler, graph, sql: &sql, schemas: &schemas }.lineage(&queries);
    compiled.extend(others.into_inner().unwrap_or_else(PoisonError::into_inner));
    Analysed { lineage, compiled, compiled_later, schemas }
}

impl Analysed {
    /// The place in a node's file that a byte of its compiled SQL came from.
    pub fn place(&self, session: &Session, id: &UniqueId, offset: usize) -> Option<Location> {
        session.compiler.locate(id, self.compiled.get(id)?, offset)
    }
}

/// Commands that write down what is said of columns, or act on it, and open databases for it.
const INHERITING: &[&str] = &[
    "build",
    "clone",
    "compile",
    "generate",
    "retry",
    "run",
    "run-operation",
    "seed",
    "show",
    "snapshot",
    "test",
];

/// Gives the models with `inherit_docs` what is said of the columns that they copy, before any template
/// sees them. What they copy is told by their SQL, bound in scratch databases.
pub(super) fn inherit(compiler: &mut Arc<Compiler>, graph: &Graph, command: &str) {
    let mut wanted = graph.empty_set();
    for (at, member) in
        (0..graph.len()).map(|at| (at, graph.member(&compiler.manifest, NodeIndex::new(at))))
    {
        wanted.set(at, member.node().is_some_and(Node::inherits_docs));
    }
    if wanted.is_clear() || !INHERITING.contains(&command) {
        return;
    }
    let engines = Engines::new(&compiler.config.target.for_reading(), Vec::new());
    let Checked { schemas, compiled, .. } = check::check(compiler, graph, &engines, &wanted);
    let sql = |id: &UniqueId| {
        let compiled = compiled.get(id).map(|compiled| compiled.sql.clone());
        compiled.ok_or_else(|| "its SQL is known only in a run".to_owned())
    };
    let known = Known { compiler, graph, sql: &sql, schemas: &schemas };
    let lineage = known.lineage(&wanted);
    let inheritance = lineage::inheritance(&lineage, graph, &compiler.manifest);
    Compiler::inherit(compiler, inheritance.columns, &inheritance.may_be_personal);
}

/// The SQL of a node, or why there is none.
pub(super) type SqlOf<'a> = dyn Fn(&UniqueId) -> Result<Arc<str>, String> + Sync + 'a;

/// What is known of the nodes of a project.
pub(super) struct Known<'a> {
    pub compiler: &'a Arc<Compiler>,
    pub graph: &'a Graph,
    pub sql: &'a SqlOf<'a>,
    pub schemas: &'a Schemas,
}

impl Known<'_> {
    /// The lineage of the wanted nodes and of all that they read.
    pub fn lineage(&self, wanted: &FixedBitSet) -> Lineage {
        self.lineage_as_named(wanted, &|_| None)
    }

    /// The same, where the SQL may have the names that nodes and sources had at another time.
    pub fn lineage_as_named(
        &self,
        wanted: &FixedBitSet,
        earlier_name: &(dyn Fn(&UniqueId) -> Option<Vec<String>> + Sync),
    ) -> Lineage {
        let inputs = lineage::Inputs {
            compiler: self.compiler,
            graph: self.graph,
            sql: self.sql,
            schemas: self.schemas,
            earlier_name,
        };
        lineage::analyse(&inputs, wanted)
    }
}
