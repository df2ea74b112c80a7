//! Which tests decide whether an audited model is published. A test decides about one model: the
//! last to be built of those that it reads, so that all else that it reads can be there before.
//!
//! Nothing is run here; `schedule` makes the tests wait, and the model's readers for them.

use std::collections::{HashMap, HashSet};

use fixedbitset::FixedBitSet;

use super::{Graph, NodeIndex};
use crate::manifest::{Manifest, Node, ResourceType};

/// The audited models of a run and the tests that decide about them.
#[derive(Debug, Clone, Default)]
pub struct Audits {
    tests: HashMap<NodeIndex, Vec<NodeIndex>>,
    models: HashMap<NodeIndex, NodeIndex>,
}

impl Audits {
    /// The audited models with the tests that decide about each, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (NodeIndex, &[NodeIndex])> {
        self.tests.iter().map(|(model, tests)| (*model, tests.as_slice()))
    }

    /// The tests that decide about a model, in topological order; none where it is not audited.
    pub fn tests_of(&self, model: NodeIndex) -> Option<&[NodeIndex]> {
        self.tests.get(&model).map(Vec::as_slice)
    }

    /// The model that a test decides about.
    pub fn model_of(&self, test: NodeIndex) -> Option<NodeIndex> {
        self.models.get(&test).copied()
    }
}

impl Graph {
    /// The audited models among the selected nodes, and the tests that decide about them, selected
    /// or not. `may_decide` says whether a test is strict enough, and can read a model before it
    /// is published.
    ///
    /// A test that reads something which is only built from the model is none of them: it cannot
    /// run before. Of several independent models it decides about the last one in the order.
    pub fn audits(
        &self,
        manifest: &Manifest,
        selected: &FixedBitSet,
        may_decide: &dyn Fn(&Node, &Node) -> bool,
    ) -> Audits {
        let node = |index: NodeIndex| self.member(manifest, index).node();
        let is_audited = |index: &usize| node(NodeIndex::new(*index)).is_some_and(Node::is_audited);
        let mut models = self.empty_set();
        models.extend(selected.ones().filter(is_audited));
        let mut audits = Audits::default();
        if models.is_clear() {
            return audits;
        }
        let models = self.in_order(&models);
        let place: HashMap<NodeIndex, usize> =
            models.iter().enumerate().map(|(place, model)| (*model, place)).collect();
        audits.tests = models.iter().map(|model| (*model, Vec::new())).collect();
        let mut tests = self.empty_set();
        let readers = models.iter().flat_map(|model| self.children(*model));
        let is_test = |index: &NodeIndex| {
            node(*index).is_some_and(|node| node.resource_type == ResourceType::Test)
        };
        tests.extend(readers.filter(is_test).map(NodeIndex::index));
        let mut before = Before::default();
        for test in self.in_order(&tests) {
            let parents: HashSet<NodeIndex> = self.parents(test).collect();
            let decides = |model: &NodeIndex| match (node(test), node(*model)) {
                (Some(test), Some(model)) => may_decide(test, model),
                _ => false,
            };
            let mut candidates: Vec<NodeIndex> =
                parents.iter().copied().filter(|parent| place.contains_key(parent)).collect();
            candidates.retain(decides);
            candidates.sort_unstable_by_key(|model| std::cmp::Reverse(place[model]));
            let all_before = |model: &NodeIndex| {
                let others = parents.iter().filter(|parent| *parent != model);
                !before.follow(self, *model, others)
            };
            if let Some(model) = candidates.into_iter().find(all_before) {
                let others = parents.into_iter().filter(|parent| *parent != model);
                others.for_each(|other| before.add(other, model));
                audits.tests.entry(model).or_default().push(test);
                audits.models.insert(test, model);
            }
        }
        audits
    }
}

/// What has to be there before a model can be published, on top of what it is built from.
#[derive(Default)]
struct Before {
    models: HashMap<NodeIndex, Vec<NodeIndex>>,
}

impl Before {
    fn add(&mut self, node: NodeIndex, model: NodeIndex) {
        self.models.entry(node).or_default().push(model);
    }

    /// Whether any of some nodes comes after a model.
    fn follow<'a>(
        &self,
        graph: &Graph,
        model: NodeIndex,
        nodes: impl Iterator<Item = &'a NodeIndex>,
    ) -> bool {
        // What reads nothing comes after nothing.
        let nodes: HashSet<NodeIndex> =
            nodes.copied().filter(|node| graph.parents(*node).next().is_some()).collect();
        if nodes.is_empty() {
            return false;
        }
        let mut seen = HashSet::from([model]);
        let mut todo = vec![model];
        while let Some(node) = todo.pop() {
            if nodes.contains(&node) {
                return true;
            }
            let more = self.models.get(&node).into_iter().flatten().copied();
            todo.extend(graph.children(node).chain(more).filter(|next| seen.insert(*next)));
        }
        false
    }
}
