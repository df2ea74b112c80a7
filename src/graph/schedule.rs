//! What a scheduler needs to run the selected part of a DAG: who waits for how many, who is next,
//! who is lost when one fails.
//!
//! Nodes that are not selected but lie between selected ones still carry the order; they finish
//! by themselves. Nothing is run here, and nothing knows about threads.

use std::collections::{HashMap, VecDeque};

use fixedbitset::FixedBitSet;

use super::{Graph, NodeIndex, test_edges};
use crate::manifest::{Manifest, ResourceType};

/// The state of a run's order. Positions below `len` are nodes of the graph; the others are gates
/// that open when all tests of a node are done.
#[derive(Debug, Clone)]
pub struct RunOrder {
    nodes: Vec<NodeIndex>,
    selected: FixedBitSet,
    /// How many unfinished inputs each position still has.
    waits: Vec<u32>,
    /// The outputs of position `i` are `outputs[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    outputs: Vec<u32>,
    /// The place of each node among those that could run at once.
    ranks: Vec<u32>,
    started: bool,
    unfinished: usize,
}

impl Graph {
    /// The order in which selected nodes can run. With `tests_block`, as `build` needs it, a node
    /// also waits for the selected tests of all that it reads.
    pub fn run_order(
        &self,
        manifest: &Manifest,
        selected: &FixedBitSet,
        tests_block: bool,
    ) -> RunOrder {
        let mut edges: Vec<(u32, u32)> = Vec::with_capacity(self.dag.edge_count());
        let raw = |index: NodeIndex| index.index() as u32;
        for edge in self.dag.raw_edges() {
            edges.push((raw(edge.source()), raw(edge.target())));
        }
        let mut positions = self.len();
        if tests_block {
            let is_test = |index: &NodeIndex| {
                let node = self.member(manifest, *index).node();
                node.is_some_and(|node| node.resource_type == ResourceType::Test)
            };
            let tests: Vec<NodeIndex> =
                selected.ones().map(NodeIndex::new).filter(is_test).collect();
            let added = test_edges::test_edges(self, manifest, &tests);
            for (tests, waiting) in added.gates {
                let gate = positions as u32;
                positions += 1;
                edges.extend(tests.into_iter().map(|test| (raw(test), gate)));
                edges.extend(waiting.into_iter().map(|node| (gate, raw(node))));
            }
            edges.extend(added.edges.into_iter().map(|(test, node)| (raw(test), raw(node))));
            unit_tests_first(self, manifest, selected, &mut edges);
        }
        RunOrder::new(self, selected, positions, &edges)
    }
}

/// A selected unit test runs right before its model: it waits for all that the model waits for,
/// and the model waits for it.
fn unit_tests_first(
    graph: &Graph,
    manifest: &Manifest,
    selected: &FixedBitSet,
    edges: &mut Vec<(u32, u32)>,
) {
    let mut of_model: HashMap<u32, Vec<u32>> = HashMap::new();
    for at in selected.ones().filter(|at| *at < manifest.nodes.len()) {
        if manifest.nodes[at].resource_type == ResourceType::UnitTest {
            for model in graph.parents(NodeIndex::new(at)) {
                if selected.contains(model.index()) {
                    of_model.entry(model.index() as u32).or_default().push(at as u32);
                }
            }
        }
    }
    if of_model.is_empty() {
        return;
    }
    let is_pair = |from: u32, to: u32| of_model.get(&from).is_some_and(|all| all.contains(&to));
    edges.retain(|(from, to)| !is_pair(*from, *to));
    let mut more = Vec::new();
    for (from, to) in edges.iter() {
        if let Some(tests) = of_model.get(to) {
            more.extend(tests.iter().map(|test| (*from, *test)));
        }
    }
    edges.extend(more);
    for (model, tests) in of_model {
        edges.extend(tests.into_iter().map(|test| (test, model)));
    }
}

impl RunOrder {
    fn new(
        graph: &Graph,
        selected: &FixedBitSet,
        positions: usize,
        edges: &[(u32, u32)],
    ) -> RunOrder {
        let (starts, outputs) = lists(positions, edges.iter().copied());
        let (up_starts, inputs) = lists(positions, edges.iter().map(|(from, to)| (*to, *from)));
        let below = reach(selected, positions, &starts, &outputs);
        let mut members = reach(selected, positions, &up_starts, &inputs);
        members.intersect_with(&below);
        let inside = |at: u32| members.contains(at as usize);
        let (starts, outputs) = lists(
            positions,
            edges.iter().copied().filter(|(from, to)| inside(*from) && inside(*to)),
        );
        let mut waits = vec![0; positions];
        for output in &outputs {
            waits[*output as usize] += 1;
        }
        let mut order = RunOrder {
            nodes: graph.in_order(selected),
            selected: selected.clone(),
            waits,
            starts,
            outputs,
            ranks: Vec::new(),
            started: false,
            unfinished: selected.count_ones(..),
        };
        order.ranks = order.ranked(graph, &members);
        order
    }

    /// The selected nodes in topological order.
    pub fn nodes(&self) -> &[NodeIndex] {
        &self.nodes
    }

    /// How many selected nodes have not finished.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// The nodes that wait for nothing, in dbt's order. Call it once, before any `finish`.
    pub fn start(&mut self) -> Vec<NodeIndex> {
        if std::mem::replace(&mut self.started, true) {
            return Vec::new();
        }
        let free: Vec<usize> = (0..self.waits.len())
            .filter(|at| self.waits[*at] == 0)
            .filter(|at| self.is_selected(*at) || !self.outputs_of(*at).is_empty())
            .collect();
        let mut ready = Vec::new();
        for at in free {
            if self.is_selected(at) {
                ready.push(NodeIndex::new(at));
            } else {
                self.release(at, &mut ready);
            }
        }
        self.by_rank(ready)
    }

    /// Takes note that a node is done, whether it went well or not, and gives the nodes that
    /// wait for nothing any more, in dbt's order. Each node finishes once.
    pub fn finish(&mut self, node: NodeIndex) -> Vec<NodeIndex> {
        self.unfinished = self.unfinished.saturating_sub(1);
        let mut ready = Vec::new();
        self.release(node.index(), &mut ready);
        self.by_rank(ready)
    }

    /// All selected nodes that wait for this one, directly or not, in topological order: what
    /// is skipped when it fails.
    pub fn downstream(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let mut from = FixedBitSet::with_capacity(self.waits.len());
        from.insert(node.index());
        let below = reach(&from, self.waits.len(), &self.starts, &self.outputs);
        let is_below = |index: &NodeIndex| *index != node && below.contains(index.index());
        self.nodes.iter().copied().filter(is_below).collect()
    }

    fn is_selected(&self, at: usize) -> bool {
        self.selected.contains(at)
    }

    fn outputs_of(&self, at: usize) -> &[u32] {
        &self.outputs[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Opens what waits for a position; positions that are not selected finish at once.
    fn release(&mut self, at: usize, ready: &mut Vec<NodeIndex>) {
        let mut done = vec![at];
        while let Some(at) = done.pop() {
            for slot in self.starts[at]..self.starts[at + 1] {
                let output = self.outputs[slot as usize] as usize;
                self.waits[output] -= 1;
                if self.waits[output] == 0 {
                    if self.is_selected(output) {
                        ready.push(NodeIndex::new(output));
                    } else {
                        done.push(output);
                    }
                }
            }
        }
    }

    /// Nodes that become ready at once go by the longest chain above them, then by `unique_id`, as
    /// in dbt: projects rely on it where they read what they do not `ref`.
    fn by_rank(&self, mut ready: Vec<NodeIndex>) -> Vec<NodeIndex> {
        ready.sort_by_key(|node| self.ranks[node.index()]);
        ready
    }

    /// The rank of each position that is a selected node.
    fn ranked(&self, graph: &Graph, members: &FixedBitSet) -> Vec<u32> {
        let mut waits = self.waits.clone();
        let mut levels = vec![0_u32; waits.len()];
        let mut queue: VecDeque<usize> = members.ones().filter(|at| waits[*at] == 0).collect();
        let mut met = 0;
        while let Some(at) = queue.pop_front() {
            met += 1;
            let below = levels[at] + u32::from(self.is_selected(at));
            for output in self.outputs_of(at) {
                let output = *output as usize;
                levels[output] = levels[output].max(below);
                waits[output] -= 1;
                if waits[output] == 0 {
                    queue.push_back(output);
                }
            }
        }
        debug_assert_eq!(met, members.count_ones(..), "test edges made a circle");
        let mut nodes: Vec<NodeIndex> = self.nodes.clone();
        nodes.sort_by_key(|node| (levels[node.index()], graph.unique_id(*node)));
        let mut ranks = vec![0; levels.len()];
        for (rank, node) in nodes.into_iter().enumerate() {
            ranks[node.index()] = rank as u32;
        }
        ranks
    }
}

/// Adjacency lists in two arrays, in the order in which the edges come.
fn lists(
    positions: usize,
    edges: impl Iterator<Item = (u32, u32)> + Clone,
) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0; positions + 1];
    for (from, _) in edges.clone() {
        starts[from as usize + 1] += 1;
    }
    for at in 0..positions {
        starts[at + 1] += starts[at];
    }
    let mut next = starts.clone();
    let mut targets = vec![0; starts[positions] as usize];
    for (from, to) in edges {
        targets[next[from as usize] as usize] = to;
        next[from as usize] += 1;
    }
    (starts, targets)
}

/// The positions of a set and all that follow them.
fn reach(from: &FixedBitSet, positions: usize, starts: &[u32], targets: &[u32]) -> FixedBitSet {
    let mut seen = FixedBitSet::with_capacity(positions);
    seen.union_with(from);
    let mut queue: Vec<usize> = from.ones().collect();
    while let Some(at) = queue.pop() {
        for target in &targets[starts[at] as usize..starts[at + 1] as usize] {
            if !seen.put(*target as usize) {
                queue.push(*target as usize);
            }
        }
    }
    seen
}
