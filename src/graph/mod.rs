//! The DAG of a manifest: who reads whom, in which order, and which part of it a selection names.
//!
//! Nothing is rendered, compiled or run here, and the manifest is never changed: indices stay
//! valid only as long as it is not.

mod audits;
mod cycle;
pub mod defaults;
mod member;
pub mod previous;
mod schedule;
pub mod selector;
mod test_edges;

use fixedbitset::FixedBitSet;
use petgraph::Direction;
use petgraph::graph::DiGraph;
use rayon::prelude::*;

use crate::diagnostic::{Code, Diagnostic, Result};
use crate::manifest::{Manifest, UniqueId};

pub use audits::Audits;
pub use member::Member;
pub use petgraph::graph::NodeIndex;
pub use previous::PreviousState;
pub use schedule::{Due, RunOrder};
pub use selector::{Earlier, Indirect, Selected, Selection, Selectors};

/// The DAG. An edge goes from what is read to what reads it.
///
/// Indices are dense: the manifest's nodes in their order, then its sources, then its exposures.
#[derive(Debug)]
pub struct Graph {
    dag: DiGraph<UniqueId, ()>,
    order: Vec<NodeIndex>,
    nodes: usize,
    sources: usize,
    exposures: usize,
}

impl Graph {
    /// Links nodes, sources and exposures by `depends_on`.
    ///
    /// # Errors
    /// `CYCLE` where nodes depend on each other in a circle; `INTERNAL` where `depends_on` names
    /// something that the manifest does not hold.
    pub fn build(manifest: &Manifest) -> Result<Graph> {
        let (nodes, sources) = (manifest.nodes.len(), manifest.sources.len());
        let exposures = manifest.exposures.len();
        let total = nodes + sources + exposures + manifest.semantic.len();
        let mut dag = DiGraph::with_capacity(total, total * 2);
        let ids = manifest.nodes.keys().chain(manifest.sources.keys());
        for id in ids.chain(manifest.exposures.keys()).chain(manifest.semantic.keys()) {
            dag.add_node(id.clone());
        }
        let mut graph = Graph { dag, order: Vec::new(), nodes, sources, exposures };
        // petgraph lists the edge that was added last first: adding them backwards gives
        // parents in the order of `depends_on` and children in the order of the manifest.
        let reads = (0..total)
            .into_par_iter()
            .map(|at| graph.reads(manifest, NodeIndex::new(at)))
            .collect::<Result<Vec<_>>>()?;
        for (at, read) in reads.into_iter().enumerate().rev() {
            for read in read.into_iter().rev() {
                graph.dag.add_edge(read, NodeIndex::new(at), ());
            }
        }
        graph.order = graph.sorted();
        if graph.order.len() < total {
            return Err(Box::new(cycle::diagnose(&graph, manifest)));
        }
        Ok(graph)
    }

    /// The indices of what a reader depends on, in order.
    fn reads(&self, manifest: &Manifest, reader: NodeIndex) -> Result<Vec<NodeIndex>> {
        let of = |id: &UniqueId| {
            self.index_of(manifest, id).ok_or_else(|| {
                let reader = self.unique_id(reader);
                Box::new(Diagnostic::error(
                    Code::INTERNAL,
                    format!("`{reader}` depends on `{id}`, which is not in the manifest"),
                ))
            })
        };
        self.member(manifest, reader).depends_on().iter().map(of).collect()
    }

    /// The number of nodes, sources and exposures.
    pub fn len(&self) -> usize {
        self.dag.node_count()
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The index of a node, source or exposure.
    pub fn index_of(&self, manifest: &Manifest, id: &str) -> Option<NodeIndex> {
        let at = manifest
            .nodes
            .get_index_of(id)
            .or_else(|| Some(self.nodes + manifest.sources.get_index_of(id)?))
            .or_else(|| Some(self.nodes + self.sources + manifest.exposures.get_index_of(id)?))
            .or_else(|| {
                let before = self.nodes + self.sources + self.exposures;
                Some(before + manifest.semantic.get_index_of(id)?)
            })?;
        Some(NodeIndex::new(at))
    }

    /// The `unique_id` at an index.
    pub fn unique_id(&self, index: NodeIndex) -> &UniqueId {
        &self.dag[index]
    }

    /// What stands at an index.
    pub fn member<'m>(&self, manifest: &'m Manifest, index: NodeIndex) -> Member<'m> {
        let at = index.index();
        if at < self.nodes {
            Member::Node(&manifest.nodes[at])
        } else if at < self.nodes + self.sources {
            Member::Source(&manifest.sources[at - self.nodes])
        } else if at < self.nodes + self.sources + self.exposures {
            Member::Exposure(&manifest.exposures[at - self.nodes - self.sources])
        } else {
            let before = self.nodes + self.sources + self.exposures;
            Member::Semantic(&manifest.semantic[at - before])
        }
    }

    /// Everything, each after all that it reads; among equals in the order of the manifest.
    pub fn order(&self) -> &[NodeIndex] {
        &self.order
    }

    /// What a node reads, in the order of `depends_on`.
    pub fn parents(&self, index: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        self.dag.neighbors_directed(index, Direction::Incoming)
    }

    /// What reads a node, in the order of the manifest.
    pub fn children(&self, index: NodeIndex) -> impl Iterator<Item = NodeIndex> + '_ {
        self.dag.neighbors_directed(index, Direction::Outgoing)
    }

    /// `from` and all that it reads, directly or not, at most `depth` steps away.
    pub fn ancestors(&self, from: &FixedBitSet, depth: Option<usize>) -> FixedBitSet {
        self.reach(from, Direction::Incoming, depth)
    }

    /// `from` and all that reads it, directly or not, at most `depth` steps away.
    pub fn descendants(&self, from: &FixedBitSet, depth: Option<usize>) -> FixedBitSet {
        self.reach(from, Direction::Outgoing, depth)
    }

    /// A set of indices, empty.
    pub fn empty_set(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.len())
    }

    /// The indices of a set in topological order.
    pub fn in_order(&self, set: &FixedBitSet) -> Vec<NodeIndex> {
        self.order.iter().copied().filter(|index| set.contains(index.index())).collect()
    }

    /// The members of a set, those that read nothing first, each level after those that it reads; at
    /// the earliest on the level that `least` gives.
    pub fn levels(
        &self,
        set: &FixedBitSet,
        least: impl Fn(NodeIndex) -> usize,
    ) -> Vec<Vec<NodeIndex>> {
        let mut level_of = vec![0usize; self.len()];
        let mut levels: Vec<Vec<NodeIndex>> = Vec::new();
        for index in self.in_order(set) {
            let above = self.parents(index).map(|parent| level_of[parent.index()] + 1);
            let level = above.max().unwrap_or(0).max(least(index));
            level_of[index.index()] = level;
            if levels.len() <= level {
                levels.resize_with(level + 1, Vec::new);
            }
            levels[level].push(index);
        }
        levels
    }

    /// Breadth first, a layer at a time: each node and edge is seen once.
    fn reach(&self, from: &FixedBitSet, way: Direction, depth: Option<usize>) -> FixedBitSet {
        let mut seen = from.clone();
        let mut layer: Vec<NodeIndex> = from.ones().map(NodeIndex::new).collect();
        let mut steps = 0;
        while !layer.is_empty() && depth.is_none_or(|depth| steps < depth) {
            let mut next = Vec::new();
            for node in layer {
                for near in self.dag.neighbors_directed(node, way) {
                    if !seen.put(near.index()) {
                        next.push(near);
                    }
                }
            }
            layer = next;
            steps += 1;
        }
        seen
    }

    /// Kahn's order, by layers; shorter than the graph where there is a circle.
    fn sorted(&self) -> Vec<NodeIndex> {
        let mut waits: Vec<u32> = vec![0; self.len()];
        for edge in self.dag.raw_edges() {
            waits[edge.target().index()] += 1;
        }
        let mut order: Vec<NodeIndex> =
            self.dag.node_indices().filter(|index| waits[index.index()] == 0).collect();
        order.reserve(self.len() - order.len());
        let mut at = 0;
        while let Some(&index) = order.get(at) {
            at += 1;
            for child in self.children(index) {
                waits[child.index()] -= 1;
                if waits[child.index()] == 0 {
                    order.push(child);
                }
            }
        }
        order
    }
}
