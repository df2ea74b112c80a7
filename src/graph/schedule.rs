//! What a scheduler needs to run the selected part of a DAG: who waits for how many, who is next,
//! who is lost when one fails.
//!
//! Nodes that are not selected but lie between selected ones still carry the order; they finish
//! by themselves. Nothing is run here, and nothing knows about threads.

use std::collections::{HashMap, VecDeque};

use fixedbitset::FixedBitSet;

use super::{Audits, Graph, NodeIndex, test_edges};
use crate::manifest::{Manifest, ResourceType};

/// Something that waits for nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Due {
    /// A node is to run.
    Node(NodeIndex),
    /// The tests that decide about an audited model are done.
    Publish(NodeIndex),
}

/// The state of a run's order. Positions below `len` are nodes of the graph; the others are gates
/// that open when all tests of a node are done, and then the places where audited models are
/// published.
#[derive(Debug, Clone)]
pub struct RunOrder {
    nodes: Vec<NodeIndex>,
    selected: FixedBitSet,
    /// How many unfinished inputs each position still has.
    waits: Vec<u32>,
    /// The outputs of position `i` are `outputs[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    outputs: Vec<u32>,
    /// The models that are published at the last positions.
    published: Vec<NodeIndex>,
    /// The model of each unit test that runs before it.
    model_of: HashMap<NodeIndex, NodeIndex>,
    /// The place of each node among those that could run at once.
    ranks: Vec<u32>,
    started: bool,
    unfinished: usize,
}

impl Graph {
    /// The order in which selected nodes can run. With `tests_block`, as `build` needs it, a node
    /// also waits for the selected tests of all that it reads. What reads an audited model waits
    /// until it is published; but for the tests that decide about it, all of which are selected.
    pub fn run_order(
        &self,
        manifest: &Manifest,
        selected: &FixedBitSet,
        audits: &Audits,
        tests_block: bool,
    ) -> RunOrder {
        let mut edges: Vec<(u32, u32)> = Vec::with_capacity(self.dag.edge_count());
        let raw = |index: NodeIndex| index.index() as u32;
        for edge in self.dag.raw_edges() {
            edges.push((raw(edge.source()), raw(edge.target())));
        }
        let mut positions = self.len();
        let mut model_of = HashMap::new();
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
            model_of = unit_tests_first(self, manifest, selected, &mut edges);
        }
        let mut published: Vec<NodeIndex> = audits.iter().map(|(model, _)| model).collect();
        published.sort_unstable();
        publish_between(audits, &published, positions as u32, &mut edges);
        RunOrder::new(self, selected, positions, published, model_of, &edges)
    }
}

/// Puts the publishing of audited models between them and what reads them: the positions from
/// `first` on.
fn publish_between(
    audits: &Audits,
    published: &[NodeIndex],
    first: u32,
    edges: &mut Vec<(u32, u32)>,
) {
    let raw = |index: NodeIndex| index.index() as u32;
    let places: HashMap<u32, u32> = published.iter().copied().map(raw).zip(first..).collect();
    for (from, to) in edges.iter_mut() {
        let decided = audits.model_of(NodeIndex::new(*to as usize)).map(raw);
        if let Some(place) = places.get(from).filter(|_| decided != Some(*from)) {
            *from = *place;
        }
    }
    for (model, tests) in audits.iter() {
        let place = places[&raw(model)];
        edges.push((raw(model), place));
        edges.extend(tests.iter().map(|test| (raw(*test), place)));
    }
}

/// The selected unit tests of a model run right before it, one after another: the first waits for
/// all that the model waits for, and the model for the last. So the first that fails holds up the
/// others. The model of each of them.
fn unit_tests_first(
    graph: &Graph,
    manifest: &Manifest,
    selected: &FixedBitSet,
    edges: &mut Vec<(u32, u32)>,
) -> HashMap<NodeIndex, NodeIndex> {
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
        return HashMap::new();
    }
    let is_pair = |from: u32, to: u32| of_model.get(&from).is_some_and(|all| all.contains(&to));
    edges.retain(|(from, to)| !is_pair(*from, *to));
    for (_, to) in edges.iter_mut() {
        if let Some(tests) = of_model.get(to) {
            *to = tests[0];
        }
    }
    let index = |at: u32| NodeIndex::new(at as usize);
    let mut model_of = HashMap::new();
    for (model, tests) in of_model {
        edges.extend(tests.iter().copied().zip(tests.iter().copied().skip(1).chain([model])));
        model_of.extend(tests.into_iter().map(|test| (index(test), index(model))));
    }
    model_of
}

impl RunOrder {
    fn new(
        graph: &Graph,
        selected: &FixedBitSet,
        gates_end: usize,
        published: Vec<NodeIndex>,
        model_of: HashMap<NodeIndex, NodeIndex>,
        edges: &[(u32, u32)],
    ) -> RunOrder {
        let positions = gates_end + published.len();
        let (starts, outputs) = lists(positions, edges.iter().copied());
        let (up_starts, inputs) = lists(positions, edges.iter().map(|(from, to)| (*to, *from)));
        let mut has_work = FixedBitSet::with_capacity(positions);
        has_work.union_with(selected);
        has_work.insert_range(gates_end..positions);
        let below = reach(&has_work, positions, &starts, &outputs);
        let mut members = reach(&has_work, positions, &up_starts, &inputs);
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
            published,
            model_of,
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

    /// What waits for nothing, in dbt's order. Call it once, before any `finish`.
    pub fn start(&mut self) -> Vec<Due> {
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
                ready.push(at);
            } else {
                self.release(at, &mut ready);
            }
        }
        self.by_rank(ready)
    }

    /// Takes note that something is done, whether it went well or not, and gives what waits for
    /// nothing any more, in dbt's order. Each node finishes once, and each publishing.
    pub fn finish(&mut self, done: Due) -> Vec<Due> {
        let at = match done {
            Due::Node(node) => {
                self.unfinished = self.unfinished.saturating_sub(1);
                node.index()
            }
            Due::Publish(model) => {
                let at = self.published.binary_search(&model);
                self.first_published() + at.expect("only what is audited is published")
            }
        };
        let mut ready = Vec::new();
        self.release(at, &mut ready);
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

    /// Whose turn it is when something is due: a unit test runs in that of its model.
    pub fn turn_of(&self, due: Due) -> Due {
        match due {
            Due::Node(node) => Due::Node(*self.model_of.get(&node).unwrap_or(&node)),
            Due::Publish(_) => due,
        }
    }

    /// Whether a node is part of the run.
    pub fn contains(&self, node: NodeIndex) -> bool {
        self.is_selected(node.index())
    }

    fn is_selected(&self, at: usize) -> bool {
        self.selected.contains(at)
    }

    fn first_published(&self) -> usize {
        self.waits.len() - self.published.len()
    }

    /// What there is to do at a position; nothing where it only carries the order.
    fn due_at(&self, at: usize) -> Option<Due> {
        if self.is_selected(at) {
            return Some(Due::Node(NodeIndex::new(at)));
        }
        let model = self.published.get(at.checked_sub(self.first_published())?)?;
        Some(Due::Publish(*model))
    }

    fn outputs_of(&self, at: usize) -> &[u32] {
        &self.outputs[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Opens what waits for a position; positions with nothing to do finish at once.
    fn release(&mut self, at: usize, ready: &mut Vec<usize>) {
        let mut done = vec![at];
        while let Some(at) = done.pop() {
            for slot in self.starts[at]..self.starts[at + 1] {
                let output = self.outputs[slot as usize] as usize;
                self.waits[output] -= 1;
                if self.waits[output] == 0 {
                    match self.due_at(output) {
                        Some(_) => ready.push(output),
                        None => done.push(output),
                    }
                }
            }
        }
    }

    /// Nodes that become ready at once go by the longest chain above them, then by `unique_id`, as
    /// in dbt: projects rely on it where they read what they do not `ref`.
    fn by_rank(&self, mut ready: Vec<usize>) -> Vec<Due> {
        ready.sort_by_key(|at| self.ranks[*at]);
        ready.into_iter().filter_map(|at| self.due_at(at)).collect()
    }

    /// The rank of each position that has something to do.
    fn ranked(&self, graph: &Graph, members: &FixedBitSet) -> Vec<u32> {
        let mut waits = self.waits.clone();
        let mut levels = vec![0_u32; waits.len()];
        let mut queue: VecDeque<usize> = members.ones().filter(|at| waits[*at] == 0).collect();
        let mut met = 0;
        while let Some(at) = queue.pop_front() {
            met += 1;
            let is_step = self.is_selected(at) && !self.model_of.contains_key(&NodeIndex::new(at));
            let below = levels[at] + u32::from(is_step);
            for output in self.outputs_of(at) {
                let output = *output as usize;
                levels[output] = levels[output].max(below);
                waits[output] -= 1;
                if waits[output] == 0 {
                    queue.push_back(output);
                }
            }
        }
        debug_assert_eq!(met, members.count_ones(..), "edges of tests made a circle");
        let published = self.published.iter().zip(self.first_published()..);
        let mut places: Vec<(usize, NodeIndex)> =
            self.nodes.iter().map(|node| (node.index(), *node)).collect();
        places.extend(published.map(|(model, at)| (at, *model)));
        let led = |node: NodeIndex| *self.model_of.get(&node).unwrap_or(&node);
        places.sort_by_key(|(at, node)| (levels[*at], graph.unique_id(led(*node))));
        let mut ranks = vec![0; levels.len()];
        for (rank, (at, _)) in places.into_iter().enumerate() {
            ranks[at] = rank as u32;
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
