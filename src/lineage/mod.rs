//! Compiled SQL → which columns each column is made of: through common table expressions, subqueries,
//! set operations, stars and ephemeral models, from node to node and from engine to engine.
//!
//! Reads syntax and names only; no engine is asked. What cannot be told is listed with its reason,
//! never guessed.

mod change;
mod columns;
mod dialect;
mod duckdb_syntax;
mod expression;
mod from;
mod graph;
mod inherit;
mod made;
mod names;
mod node;
mod pii;
mod pivot;
mod query;
mod scope;
mod select;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use indexmap::IndexMap;
use rayon::prelude::*;

use crate::check::Schemas;
use crate::compile::Compiler;
use crate::graph::{Graph, Member};
use crate::manifest::{FastHash, UniqueId};

pub use change::{Impact, NodeChange};
pub use dialect::name_parts;
pub use graph::{Edge, Readers, Tree, Walk, Way};
pub use inherit::{Inheritance, inheritance};
pub use made::Kind;
use made::Sign;
pub use pii::{UntaggedCopy, untagged_copies};

/// A column of a node, of a source, or of what is neither.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId {
    /// The node or source; of what is neither the text that stands for it in the SQL.
    pub node: UniqueId,
    pub column: Arc<str>,
}

/// What could not be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    pub reason: String,
    /// The byte of the compiled SQL.
    pub offset: Option<usize>,
}

/// What one column is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnLineage {
    /// Nothing where it is made of constants, or where rows are counted.
    pub from: Vec<(ColumnId, Kind)>,
    /// Why this may not be all.
    pub unresolved: Vec<Unresolved>,
    /// The byte of the compiled SQL where it is made.
    pub offset: Option<usize>,
    sign: Sign,
}

/// What the columns of a node are made of.
#[derive(Debug, Clone, Default)]
pub struct NodeLineage {
    /// In the order of the relation.
    pub columns: IndexMap<Arc<str>, ColumnLineage>,
    /// The columns that decide which rows there are.
    pub filters: Vec<ColumnId>,
    /// Why there may be more columns.
    pub unresolved: Vec<Unresolved>,
    /// Why more columns may decide.
    pub unresolved_filters: Vec<Unresolved>,
    /// How its rows are chosen.
    sign: Sign,
    /// Whether there may be more columns.
    is_open: bool,
    /// The relation whose unknown columns are columns here under their names.
    passes: Option<UniqueId>,
}

/// What the columns of a project are made of.
#[derive(Debug, Default)]
pub struct Lineage {
    nodes: HashMap<UniqueId, NodeLineage, FastHash>,
}

/// What lineage is told from.
pub struct Inputs<'a> {
    pub compiler: &'a Arc<Compiler>,
    pub graph: &'a Graph,
    /// The compiled SQL of a node, or why there is none.
    pub sql: &'a (dyn Fn(&UniqueId) -> Result<Arc<str>, String> + Sync),
    /// The columns that are known already.
    pub schemas: &'a Schemas,
    /// The parts of another name of a node or source, which its readers' SQL may have.
    pub earlier_name: &'a (dyn Fn(&UniqueId) -> Option<Vec<String>> + Sync),
}

/// Looks at the wanted nodes and at all that they read.
pub fn analyse(inputs: &Inputs<'_>, wanted: &FixedBitSet) -> Lineage {
    let needed = inputs.graph.ancestors(wanted, None);
    let manifest = &inputs.compiler.manifest;
    let mut lineage = Lineage::default();
    let levels = inputs.graph.levels(&needed, |_| 0);
    for level in &levels {
        let made: Vec<(UniqueId, NodeLineage)> = level
            .par_iter()
            .filter_map(|index| {
                let id = inputs.graph.unique_id(*index);
                let one = match inputs.graph.member(manifest, *index) {
                    Member::Node(node) if node.resource_type.is_refable() => {
                        node::of_node(inputs, node, &lineage)
                    }
                    Member::Source(source) => node::of_source(inputs, source),
                    _ => return None,
                };
                Some((id.clone(), one))
            })
            .collect();
        lineage.nodes.extend(made);
    }
    for level in levels.iter().rev() {
        for index in level {
            lineage.complete(inputs.graph.unique_id(*index));
        }
    }
    lineage
}
