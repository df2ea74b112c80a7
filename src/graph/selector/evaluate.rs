//! A parsed selection → sets of nodes: set operations, neighbours, and the tests that come along.
//!
//! A set is a bit for each node. Mirrors `NodeSelector` of dbt-core step by step, so that odd
//! corners (cautious tests in intersections) come out the same. Never looks at names itself.

use fixedbitset::FixedBitSet;

use super::matcher::Matcher;
use super::spec::{Criterion, Depth, Operator, Spec};
use super::{Earlier, Graph, Indirect, NodeIndex};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::manifest::{Manifest, Node, ResourceType};

/// The selected nodes, and a warning for each selector that matched nothing.
pub(super) fn evaluate(
    graph: &Graph,
    manifest: &Manifest,
    spec: &Spec,
    earlier: Option<&Earlier<'_>>,
) -> Result<(FixedBitSet, Vec<Diagnostic>)> {
    let mut evaluator = Evaluator { graph, manifest, earlier, warnings: Vec::new() };
    let found = evaluator.spec(spec)?;
    Ok((found.direct, evaluator.warnings))
}

/// Whether dbt leaves a node out of runs since it has no SQL.
pub(super) fn is_empty(node: &Node) -> bool {
    let has_own_sql = match node.resource_type {
        ResourceType::Seed | ResourceType::UnitTest => false,
        ResourceType::Test => node.test_metadata.is_none(),
        _ => true,
    };
    has_own_sql && node.raw_code.trim().is_empty()
}

/// What a part of a selection names, and further tests that wait for their other parents.
struct Found {
    direct: FixedBitSet,
    indirect: FixedBitSet,
}

struct Evaluator<'a> {
    graph: &'a Graph,
    manifest: &'a Manifest,
    earlier: Option<&'a Earlier<'a>>,
    warnings: Vec<Diagnostic>,
}

impl Evaluator<'_> {
    fn spec(&mut self, spec: &Spec) -> Result<Found> {
        match spec {
            Spec::One { criterion, indirect } => self.criterion(criterion, *indirect),
            Spec::Many { operator, parts, indirect, expected } => {
                let found: Vec<Found> =
                    parts.iter().map(|part| self.spec(part)).collect::<Result<_>>()?;
                let (mut direct_sets, mut wide_sets) = (Vec::new(), Vec::new());
                for mut part in found {
                    part.indirect.union_with(&part.direct);
                    direct_sets.push(part.direct);
                    wide_sets.push(part.indirect);
                }
                let direct = self.combine(*operator, direct_sets);
                let indirect_nodes = self.combine(*operator, wide_sets);
                let direct = self.take_in(direct, &indirect_nodes, *indirect);
                if let Some(raw) = expected.as_ref().filter(|_| direct.is_clear()) {
                    self.warnings.push(matches_nothing(raw));
                }
                Ok(Found { direct, indirect: indirect_nodes })
            }
        }
    }

    fn combine(&self, operator: Operator, sets: Vec<FixedBitSet>) -> FixedBitSet {
        let mut sets = sets.into_iter();
        let mut all = sets.next().unwrap_or_else(|| self.graph.empty_set());
        for set in sets {
            match operator {
                Operator::Union => all.union_with(&set),
                Operator::Intersection => all.intersect_with(&set),
                Operator::Difference => all.difference_with(&set),
            }
        }
        all
    }

    fn criterion(&self, criterion: &Criterion, indirect: Indirect) -> Result<Found> {
        let matcher = Matcher::new(criterion, self.graph, self.manifest, self.earlier)?;
        let mut matched = self.graph.empty_set();
        for at in 0..self.graph.len() {
            if matcher.matches(self.graph.member(self.manifest, NodeIndex::new(at))) {
                matched.insert(at);
            }
        }
        let mut selected = matched.clone();
        if criterion.childrens_parents {
            let children = self.graph.descendants(&matched, None);
            selected.union_with(&self.graph.ancestors(&children, None));
        }
        if let Some(depth) = criterion.parents {
            selected.union_with(&self.graph.ancestors(&matched, Depth::limit(depth)));
        }
        if let Some(depth) = criterion.children {
            selected.union_with(&self.graph.descendants(&matched, Depth::limit(depth)));
        }
        Ok(self.with_tests(selected, indirect))
    }

    /// Adds the tests of the selected nodes as the mode says; in the stricter modes the others
    /// are kept aside, should their other parents turn up in another part of the selection.
    fn with_tests(&self, selected: FixedBitSet, mode: Indirect) -> Found {
        let mut direct = selected.clone();
        let mut indirect = self.graph.empty_set();
        if mode == Indirect::Empty {
            return Found { direct, indirect };
        }
        let buildable = (mode == Indirect::Buildable).then(|| {
            let mut set = self.graph.ancestors(&selected, None);
            set.insert_range(self.graph.nodes..self.graph.nodes + self.graph.sources);
            set
        });
        for test in self.tests() {
            let parents = || self.graph.parents(test).map(NodeIndex::index);
            if !parents().any(|parent| selected.contains(parent)) {
                continue;
            }
            let all_in = |set: &FixedBitSet| parents().all(|parent| set.contains(parent));
            if mode == Indirect::Eager
                || all_in(&selected)
                || buildable.as_ref().is_some_and(all_in)
            {
                direct.insert(test.index());
            } else {
                indirect.insert(test.index());
            }
        }
        Found { direct, indirect }
    }

    /// Takes in tests that were kept aside and now have all their parents.
    fn take_in(&self, direct: FixedBitSet, aside: &FixedBitSet, mode: Indirect) -> FixedBitSet {
        if direct == *aside || !matches!(mode, Indirect::Cautious | Indirect::Buildable) {
            return direct;
        }
        let mut grown = direct;
        let reach = match mode {
            Indirect::Buildable => Some(self.graph.ancestors(&grown, None)),
            _ => None,
        };
        for at in aside.ones().filter(|at| *at < self.graph.nodes) {
            let all_in = {
                let set = reach.as_ref().unwrap_or(&grown);
                self.graph.parents(NodeIndex::new(at)).all(|parent| set.contains(parent.index()))
            };
            if all_in {
                grown.insert(at);
            }
        }
        grown
    }

    fn tests(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.manifest
            .nodes
            .values()
            .enumerate()
            .filter(|(_, node)| node.resource_type.is_test())
            .map(|(at, _)| NodeIndex::new(at))
    }
}

fn matches_nothing(raw: &str) -> Diagnostic {
    Diagnostic::warning(
        Code::BAD_SELECTOR,
        format!("The selection criterion '{raw}' does not match any enabled nodes"),
    )
    .event("NoNodesForSelectionCriteria")
    .help("`pintail ls` lists what there is.")
}
