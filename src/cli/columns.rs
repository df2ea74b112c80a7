//! What the columns of a project are made of: the one place where SQL and known columns are put
//! together for lineage.

use std::sync::Arc;

use fixedbitset::FixedBitSet;

use crate::check::{self, Checked, Schemas};
use crate::compile::Compiler;
use crate::graph::{Graph, NodeIndex};
use crate::lineage::{self, Lineage};
use crate::manifest::{Node, UniqueId};
use crate::run::Engines;

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
