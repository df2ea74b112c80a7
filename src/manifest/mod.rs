//! What parsing a project gives: nodes, sources, macros, docs and groups, as plain data.
//!
//! No behaviour but look-ups. Nothing is rendered, resolved or executed here.

mod config;
mod function;
mod keys;
mod model;
mod node;
mod semantic;
mod unit_test;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::relation::Relation;

pub use config::{Hook, NodeConfig};
pub use function::{FunctionArgument, FunctionCall, FunctionFacts, FunctionReturns};
pub use keys::constrained_key;
pub use model::{ModelFacts, compare_versions, version_text};
pub use node::{
    Access, ColumnInfo, DocBlock, Exposure, Group, Inherited, Macro, MacroArgument, Node, RefCall,
    ResourceType, Source, SourceCall, TestMetadata,
};
pub use semantic::{MetricCall, SemanticEntity};

pub use unit_test::{UnitFixture, UnitInput, UnitOverrides, UnitTest};

/// dbt's `unique_id`: `model.project.name`.
pub type UniqueId = Arc<str>;

/// The hash of maps whose keys come from the project: nobody attacks themselves, so it is fast.
pub type FastHash = foldhash::fast::FixedState;

/// Entries by their `unique_id`, in the order in which they were read.
pub type ById<T> = IndexMap<UniqueId, T, FastHash>;

/// Everything that a project and its packages define.
#[derive(Debug, Default)]
pub struct Manifest {
    /// The root project's name.
    pub project_name: String,
    /// Whether a `ref` in a package means its own nodes before those of the root project:
    /// `require_ref_searches_node_package_before_root`.
    pub own_package_first: bool,
    /// Models, seeds, tests, hooks (operations), in the order in which they were read.
    /// Boxed: a project has tens of thousands, and the map grows while they are added.
    pub nodes: ById<Box<Node>>,
    pub sources: ById<Source>,
    pub macros: ById<Arc<Macro>>,
    pub docs: ById<DocBlock>,
    pub exposures: ById<Exposure>,
    pub groups: ById<Group>,
    /// Metrics, then semantic models, then saved queries.
    pub semantic: ById<SemanticEntity>,
    pub disabled_semantic: Vec<SemanticEntity>,
    /// Nodes with `enabled: false`: not in the DAG, but a `ref` to one is told apart from a typo.
    pub disabled: Vec<Node>,
    /// Tests of what is disabled or missing. Artifacts list them among the nodes, as dbt does; no
    /// other stage knows of them.
    pub idle_tests: Vec<Node>,
    pub disabled_sources: Vec<Source>,
    pub disabled_exposures: Vec<Exposure>,
}

impl Manifest {
    /// The nodes of one kind.
    pub fn of_type(&self, resource_type: ResourceType) -> impl Iterator<Item = &Node> {
        let nodes = self.nodes.values().map(|node| &**node);
        nodes.filter(move |node| node.resource_type == resource_type)
    }

    /// The engine of a node or source.
    pub fn engine_of(&self, id: &UniqueId) -> Option<&Arc<str>> {
        let of_source = || self.sources.get(id).map(|source| &source.engine);
        self.nodes.get(id).map(|node| &node.engine).or_else(of_source)
    }

    /// The relation of a node or source.
    pub fn relation_of(&self, id: &UniqueId) -> Option<Relation> {
        let of_source = || self.sources.get(id).map(|source| source.relation());
        self.nodes.get(id).map(|node| node.relation()).or_else(of_source)
    }

    /// The `on-run-start` or `on-run-end` hooks in the order in which they run: those of packages
    /// by name, then the project's own.
    pub fn hooks(&self, when: &str) -> Vec<&Node> {
        let is_due = |node: &&Node| node.tags.first().is_some_and(|tag| tag == when);
        let mut hooks: Vec<&Node> = self.of_type(ResourceType::Operation).filter(is_due).collect();
        hooks.sort_by_key(|node| {
            (node.package_name == self.project_name, node.package_name.as_str(), node.index)
        });
        hooks
    }
}
