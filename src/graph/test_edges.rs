//! What waits for which test in a `build`: a node runs only after the tests of all that it reads,
//! as dbt's `add_test_edges` has it.
//!
//! A test of one node holds back that node's readers. A test that reads several nodes (a
//! relationship) holds back the first nodes that are downstream of all of them: never others,
//! since that could make a circle. Tests hold back each other never.

use super::{Graph, NodeIndex};
use crate::manifest::{Manifest, Node};

/// Tests handled at a time: a bit each.
const BLOCK: usize = 256;

type Bits = [u64; BLOCK / 64];

const NO_BITS: Bits = [0; BLOCK / 64];

/// Which nodes wait for a test: from the test to the node.
pub(super) struct TestEdges {
    /// For each node with tests of its own, those tests and the nodes that wait for all of them.
    pub gates: Vec<(Vec<NodeIndex>, Vec<NodeIndex>)>,
    /// From tests that read several nodes.
    pub edges: Vec<(NodeIndex, NodeIndex)>,
}

/// The edges for the given tests.
pub(super) fn test_edges(graph: &Graph, manifest: &Manifest, tests: &[NodeIndex]) -> TestEdges {
    let mut own: Vec<Vec<NodeIndex>> = vec![Vec::new(); graph.len()];
    let mut shared: Vec<(NodeIndex, Vec<NodeIndex>)> = Vec::new();
    for &test in tests {
        let mut parents: Vec<NodeIndex> = graph.parents(test).collect();
        parents.sort_unstable();
        parents.dedup();
        match parents[..] {
            [] => {}
            [only] => own[only.index()].push(test),
            _ => shared.push((test, parents)),
        }
    }
    let gates = own.into_iter().enumerate().filter(|(_, tests)| !tests.is_empty());
    let gates = gates.filter_map(|(at, tests)| {
        let readers = graph.children(NodeIndex::new(at));
        let waiting: Vec<NodeIndex> =
            readers.filter(|reader| is_executable(graph, manifest, *reader)).collect();
        (!waiting.is_empty()).then_some((tests, waiting))
    });
    let gates = gates.collect();
    // Neighbours in the order of the graph share parents: fewer blocks are busy at a node.
    let order: Vec<NodeIndex> = graph
        .order()
        .iter()
        .copied()
        .filter(|index| {
            let node = graph.member(manifest, *index).node();
            node.is_none_or(|node| !node.resource_type.is_test())
        })
        .collect();
    let mut edges = Vec::new();
    for block in shared.chunks(BLOCK) {
        shared_edges(graph, manifest, &order, block, &mut edges);
    }
    TestEdges { gates, edges }
}

/// Edges of up to [`BLOCK`] tests, by one walk down the graph for each parent's place in a test:
/// linear in the graph, whatever lies between the parents.
fn shared_edges(
    graph: &Graph,
    manifest: &Manifest,
    order: &[NodeIndex],
    block: &[(NodeIndex, Vec<NodeIndex>)],
    edges: &mut Vec<(NodeIndex, NodeIndex)>,
) {
    let most = block.iter().map(|(_, parents)| parents.len()).max().unwrap_or(0);
    // Bit t at a node: the node is downstream of all parents of test t looked at so far.
    let mut below_all: Vec<Bits> = vec![[u64::MAX; BLOCK / 64]; graph.len()];
    for place in 0..most {
        let mut below: Vec<Bits> = vec![NO_BITS; graph.len()];
        let mut absent = NO_BITS;
        for (bit, (_, parents)) in block.iter().enumerate() {
            match parents.get(place) {
                Some(parent) => set(&mut below[parent.index()], bit),
                None => set(&mut absent, bit),
            }
        }
        for &index in order {
            let above = joined(graph, &below, index);
            for (word, all) in below_all[index.index()].iter_mut().enumerate() {
                *all &= above[word] | absent[word];
                below[index.index()][word] |= above[word];
            }
        }
    }
    let mut waits: Vec<Bits> = vec![NO_BITS; graph.len()];
    for &index in order {
        let inherited = joined(graph, &waits, index);
        let all = below_all[index.index()];
        let executable = is_executable(graph, manifest, index);
        for word in 0..NO_BITS.len() {
            waits[index.index()][word] = inherited[word] | all[word];
            let mut new = all[word] & !inherited[word];
            while executable && new != 0 {
                let bit = new.trailing_zeros() as usize;
                new &= new - 1;
                if let Some((test, _)) = block.get(word * 64 + bit) {
                    edges.push((*test, index));
                }
            }
        }
    }
}

/// The bits of all parents together.
fn joined(graph: &Graph, bits: &[Bits], index: NodeIndex) -> Bits {
    let mut all = NO_BITS;
    for parent in graph.parents(index) {
        for (word, value) in all.iter_mut().enumerate() {
            *value |= bits[parent.index()][word];
        }
    }
    all
}

fn set(bits: &mut Bits, bit: usize) {
    bits[bit / 64] |= 1 << (bit % 64);
}

fn is_executable(graph: &Graph, manifest: &Manifest, index: NodeIndex) -> bool {
    let node = graph.member(manifest, index).node();
    node.is_some_and(|node: &Node| !node.resource_type.is_test())
}
