//! A check ahead of a build. What the build does not make is as the databases have it, and only what
//! is sure to fail is an error: nothing stops that would have gone through.

use std::collections::HashSet;
use std::sync::Arc;

use fixedbitset::FixedBitSet;

use super::Checker;
use super::catalog::Found;
use super::schema::Schema;
use crate::compile::Compiler;
use crate::config::EngineConfig;
use crate::diagnostic::{Diagnostic, Severity};
use crate::graph::{Graph, Member, NodeIndex};
use crate::manifest::{Node, ResourceType};
use crate::relation::Relation;

/// Macros that write the statements around a query.
const WRITERS: &[&str] = &[
    "create_table_as",
    "create_view_as",
    "get_create_sql",
    "get_create_table_as_sql",
    "get_create_view_as_sql",
    "get_replace_sql",
    "get_test_sql",
    "snapshot_staging_table",
    "build_snapshot_table",
];

/// What is known of the build.
pub(super) struct Ahead {
    /// What it makes.
    built: FixedBitSet,
    /// The engines that get other statements than ours around their queries.
    rewritten: HashSet<Arc<str>>,
}

impl Ahead {
    pub fn new(compiler: &Compiler, built: &FixedBitSet) -> Ahead {
        let is_rewritten = |config: &&Arc<EngineConfig>| {
            let dialect = compiler.dialects.get(&config.name);
            WRITERS.iter().any(|name| dialect.is_overridden(name))
        };
        let rewritten = compiler.config.target.engines.values().filter(is_rewritten);
        Ahead {
            built: built.clone(),
            rewritten: rewritten.map(|config| config.name.clone()).collect(),
        }
    }
}

impl Checker {
    /// Everything whose columns are needed to check some nodes.
    pub(super) fn needed(&self, graph: &Graph, wanted: &FixedBitSet) -> FixedBitSet {
        if self.ahead.is_none() {
            return graph.ancestors(wanted, None);
        }
        let mut needed = wanted.clone();
        let mut left: Vec<NodeIndex> = wanted.ones().map(NodeIndex::new).collect();
        while let Some(index) = left.pop() {
            if !self.stands(graph.member(&self.compiler.manifest, index), index) {
                left.extend(graph.parents(index).filter(|parent| !needed.put(parent.index())));
            }
        }
        needed
    }

    /// Whether a relation is as the databases have it, since nothing makes it anew.
    pub(super) fn stands(&self, member: Member, index: NodeIndex) -> bool {
        let is_relation = |node: &Node| node.resource_type.is_refable() && !node.is_ephemeral();
        self.ahead.as_ref().is_some_and(|ahead| {
            !ahead.built.contains(index.index()) && member.node().is_some_and(is_relation)
        })
    }

    /// The columns of a relation that stands.
    pub(super) fn standing(&self, node: &Node) -> Schema {
        match self.found(&node.engine, &node.relation()) {
            Found::Columns(columns) => Schema::exact(columns),
            Found::Missing | Found::Unknown => Schema::unknown(),
        }
    }

    /// The columns of what a build leaves behind for its readers: those of the node, and of the table
    /// that it adds to.
    pub(super) fn left_behind(&self, node: &Node, mut schema: Schema) -> Schema {
        let adds = matches!(node.resource_type, ResourceType::Seed | ResourceType::Snapshot)
            || node.materialized() == "incremental";
        if self.ahead.is_none() || !adds {
            return schema;
        }
        match self.found(&node.engine, &node.relation()) {
            Found::Missing => {}
            Found::Columns(columns) => schema.add(&Schema::exact(columns)),
            Found::Unknown => schema.doubt(),
        }
        schema
    }

    /// What the configured database holds under a name.
    pub(super) fn found(&self, engine: &Arc<str>, relation: &Relation) -> Found {
        let config = &self.compiler.config.target.engines[engine];
        match self.catalog.columns(engine, relation) {
            Found::Unknown if self.is_not_made_yet(config) => Found::Missing,
            found => found,
        }
    }

    /// Whether what an engine says against the query of a node is what it will say in the build.
    pub(super) fn is_sure(&self, node: &Node) -> bool {
        self.ahead.as_ref().is_none_or(|ahead| {
            // They may change what the query means.
            node.config.get("sql_header").is_none()
                && node.config.hooks("pre-hook").is_empty()
                && !ahead.rewritten.contains(&node.engine)
        })
    }

    /// Makes warnings of findings that may be wrong, or that no engine minds.
    pub(super) fn soften<'a>(&self, findings: impl IntoIterator<Item = &'a mut Diagnostic>) {
        if self.ahead.is_some() {
            findings.into_iter().for_each(|finding| finding.severity = Severity::Warning);
        }
    }
}

/// Whether a hook may change the columns of tables. What macros write is not seen here.
pub(super) fn changes_columns(hook: &str) -> bool {
    const PLAIN: &[&str] = &["this", "target", "ref", "source", "var", "env_var"];
    const WORDS: &[&str] =
        &["alter", "drop", "replace", "rename", "execute", "call", "do", "import", "load"];
    let text = hook.to_lowercase();
    let is_plain = |inside: &str| {
        let word = inside.trim_start_matches('-').trim_start();
        let end = word.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(word.len());
        PLAIN.contains(&&word[..end])
    };
    text.contains("{%")
        || !text.split("{{").skip(1).all(is_plain)
        || text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|it| WORDS.contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_that_leave_columns_alone_are_known() {
        assert!(!changes_columns("create index if not exists i on {{ this }} (id)"));
        assert!(!changes_columns("grant select on {{ this }} to {{ var('reader') }}"));
        assert!(!changes_columns("analyze {{ ref('orders') }}"));
        assert!(changes_columns("alter table {{ this }} add column x int"));
        assert!(changes_columns("{{ add_columns(this) }}"));
        assert!(changes_columns("{% if execute %} vacuum {% endif %}"));
        assert!(changes_columns("CREATE OR REPLACE VIEW v AS SELECT 1"));
    }
}
