//! Explains why a manifest has no topological order: the shortest circle, as a path with the
//! place of every `ref` in it. Never called on a graph without one.

use std::collections::VecDeque;

use fixedbitset::FixedBitSet;
use petgraph::algo::tarjan_scc;

use super::{Graph, NodeIndex};
use crate::diagnostic::{Code, Diagnostic, Location};
use crate::manifest::Manifest;
use crate::parse::locate_ref;

/// The circle as a diagnostic at the first node that the user would open.
pub(super) fn diagnose(graph: &Graph, manifest: &Manifest) -> Diagnostic {
    let circles: Vec<Vec<NodeIndex>> = tarjan_scc(&graph.dag)
        .into_iter()
        .filter(|part| part.len() > 1 || graph.dag.contains_edge(part[0], part[0]))
        .collect();
    let further = circles.len().saturating_sub(1);
    let Some(part) = circles.into_iter().min_by_key(|part| part.iter().min().copied()) else {
        return Diagnostic::error(Code::CYCLE, "Found a cycle of models");
    };
    let path = shortest(graph, &part);
    let name = |index: NodeIndex| graph.member(manifest, index).name();
    let shown: Vec<&str> = path.iter().chain(path.first()).map(|index| name(*index)).collect();
    let first = name(path[0]);
    let message = if path.len() == 1 {
        format!("Found a cycle: `{first}` depends on itself: {}", shown.join(" → "))
    } else {
        format!("Found a cycle, models depend on each other: {}", shown.join(" → "))
    };
    let mut found = Diagnostic::error(Code::CYCLE, message).or_at(ref_location(
        graph,
        manifest,
        path[0],
        path[1 % path.len()],
    ));
    for (at, reader) in path.iter().enumerate().skip(1) {
        let read = path[(at + 1) % path.len()];
        if let Some(place) = ref_location(graph, manifest, *reader, read) {
            let message = format!("`{}` refs `{}` here", name(*reader), name(read));
            found = found.related(message, place);
        }
    }
    found = found.note("An arrow points from a model to the one that it refs.").help(
        "Take one of these refs out: move what both sides need into a model of its own that each \
         of them refs.",
    );
    match further {
        0 => found,
        1 => found.note("There is one more circle in this project."),
        n => found.note(format!("There are {n} more circles in this project.")),
    }
}

/// The shortest circle through the first node of a strongly connected part, each node followed
/// by one that it reads.
fn shortest(graph: &Graph, part: &[NodeIndex]) -> Vec<NodeIndex> {
    let start = part.iter().min().copied().unwrap_or_default();
    let mut inside = FixedBitSet::with_capacity(graph.len());
    inside.extend(part.iter().map(|index| index.index()));
    let mut came_from = vec![None; graph.len()];
    let mut queue = VecDeque::from([start]);
    while let Some(reader) = queue.pop_front() {
        for read in graph.parents(reader) {
            if read == start {
                let mut path = vec![reader];
                while let Some(before) = came_from[path[path.len() - 1].index()] {
                    path.push(before);
                }
                path.reverse();
                return path;
            }
            if inside.contains(read.index()) && came_from[read.index()].is_none() {
                came_from[read.index()] = Some(reader);
                queue.push_back(read);
            }
        }
    }
    vec![start]
}

/// Where `reader` refs `read`, or else where `reader` begins.
fn ref_location(
    graph: &Graph,
    manifest: &Manifest,
    reader: NodeIndex,
    read: NodeIndex,
) -> Option<Location> {
    let reader = graph.member(manifest, reader);
    let read = graph.member(manifest, read).name();
    let refs = reader.node().map_or(&[][..], |node| &node.refs);
    refs.iter()
        .find(|(call, _)| call.name == read)
        .and_then(|(_, place)| place.clone())
        .or_else(|| reader.node().and_then(|node| locate_ref(node, read)))
        .or_else(|| reader.location().cloned())
        .or_else(|| reader.node().map(|node| Location::new(node.file.clone(), 0..0)))
}
