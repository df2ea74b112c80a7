//! From node to node: which columns read which, both ways.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{ColumnId, ColumnLineage, Kind, Lineage, NodeLineage, Unresolved};
use crate::manifest::UniqueId;

/// A column that another one is made of, or that decides about the rows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    pub from: ColumnId,
    /// The column is empty where all rows of the node are meant.
    pub to: ColumnId,
    pub kind: Kind,
}

impl Lineage {
    /// A node or source that was looked at.
    pub fn node(&self, id: &str) -> Option<&NodeLineage> {
        self.nodes.get(id)
    }

    /// What a column is made of.
    pub fn column(&self, id: &ColumnId) -> Option<&ColumnLineage> {
        self.nodes.get(&id.node)?.columns.get(&id.column)
    }

    /// What a node's columns are made of, then what decides its rows.
    pub fn edges_of(&self, id: &UniqueId) -> Vec<Edge> {
        let Some(node) = self.nodes.get(id) else { return Vec::new() };
        let mut edges = Vec::new();
        for (name, column) in &node.columns {
            let to = ColumnId { node: id.clone(), column: name.clone() };
            let made = column.from.iter();
            edges.extend(made.map(|(from, kind)| Edge {
                from: from.clone(),
                to: to.clone(),
                kind: *kind,
            }));
        }
        let rows = ColumnId { node: id.clone(), column: "".into() };
        edges.extend(node.filters.iter().map(|from| Edge {
            from: from.clone(),
            to: rows.clone(),
            kind: Kind::Filter,
        }));
        edges
    }

    /// Makes sure that the columns that a node reads are columns of what it reads: under their
    /// spelling there, and where that passes on what is not known of another one, as a copy of that.
    pub(super) fn complete(&mut self, id: &UniqueId) {
        let Some(mut node) = self.nodes.remove(id) else { return };
        let made = node.columns.values_mut().flat_map(|column| &mut column.from);
        for from in made.map(|(from, _)| from).chain(&mut node.filters) {
            self.settle(from);
        }
        self.nodes.insert(id.clone(), node);
    }

    fn settle(&mut self, read: &mut ColumnId) {
        let Some(upstream) = self.nodes.get_mut(&read.node) else { return };
        if let Some((name, _)) = upstream.column(&read.column) {
            read.column = name.clone();
            return;
        }
        let mut column = ColumnLineage::default();
        if let Some(passed) = &upstream.passes {
            let from = ColumnId { node: passed.clone(), column: read.column.clone() };
            column.from.push((from, Kind::Copy));
        } else if !upstream.unresolved.is_empty() {
            column.unresolved.clone_from(&upstream.unresolved);
        }
        upstream.columns.insert(read.column.clone(), column);
    }

    /// Who reads which column.
    pub fn readers(&self) -> Readers {
        let mut readers = Readers::default();
        let mut ids: Vec<&UniqueId> = self.nodes.keys().collect();
        ids.sort();
        for edge in ids.into_iter().flat_map(|id| self.edges_of(id)) {
            readers.by_column.entry(edge.from.clone()).or_default().push(edge);
        }
        readers
    }
}

/// The edges of a project by what they start from.
#[derive(Debug, Default)]
pub struct Readers {
    by_column: HashMap<ColumnId, Vec<Edge>>,
}

impl Readers {
    /// The edges that start from a column, sorted by where they end.
    pub fn of(&self, column: &ColumnId) -> &[Edge] {
        self.by_column.get(column).map_or(&[], Vec::as_slice)
    }
}

impl ColumnId {
    /// A column of a node or source.
    pub fn new(node: &UniqueId, column: &str) -> ColumnId {
        ColumnId { node: node.clone(), column: Arc::from(column) }
    }
}

/// Which way to go from a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To what it is made of.
    Up,
    /// To what is made of it.
    Down,
}

/// A column and what hangs on it in one direction.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The column is empty where the rows of a node are meant.
    pub column: ColumnId,
    /// What the column above has to do with it; none at the root.
    pub kind: Option<Kind>,
    pub branches: Vec<Tree>,
    /// What cannot be told of it.
    pub unresolved: Vec<Unresolved>,
    /// Whether its branches stand where it was met before.
    pub is_repeated: bool,
}

/// Goes from columns in one direction.
pub struct Walk<'a> {
    pub lineage: &'a Lineage,
    pub readers: &'a Readers,
    pub way: Way,
    /// How many steps at most.
    pub depth: Option<usize>,
}

impl Walk<'_> {
    /// Everything that is reached from a column.
    pub fn tree(&self, root: &ColumnId) -> Tree {
        self.branch(root, None, 0, &mut HashSet::new())
    }

    fn branch(
        &self,
        column: &ColumnId,
        kind: Option<Kind>,
        depth: usize,
        seen: &mut HashSet<ColumnId>,
    ) -> Tree {
        let mut tree = Tree {
            column: column.clone(),
            kind,
            branches: Vec::new(),
            unresolved: Vec::new(),
            is_repeated: false,
        };
        if self.way == Way::Up {
            let made = self.lineage.column(column);
            tree.unresolved = made.map(|made| made.unresolved.clone()).unwrap_or_default();
        }
        let next = self.next(column);
        if next.is_empty() || self.depth.is_some_and(|most| depth >= most) {
            return tree;
        }
        if !seen.insert(column.clone()) {
            tree.is_repeated = true;
            return tree;
        }
        let branch = |(to, kind): (ColumnId, Kind)| {
            stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
                self.branch(&to, Some(kind), depth + 1, seen)
            })
        };
        tree.branches = next.into_iter().map(branch).collect();
        tree
    }

    /// The columns one step away.
    fn next(&self, column: &ColumnId) -> Vec<(ColumnId, Kind)> {
        match self.way {
            Way::Up => {
                self.lineage.column(column).map(|made| made.from.clone()).unwrap_or_default()
            }
            Way::Down => {
                let edges = self.readers.of(column).iter();
                edges.map(|edge| (edge.to.clone(), edge.kind)).collect()
            }
        }
    }

    /// All edges that are met on the way, each once.
    pub fn edges(&self, roots: &[ColumnId]) -> Vec<Edge> {
        let mut edges = Vec::new();
        let mut seen: HashSet<ColumnId> = roots.iter().cloned().collect();
        let mut layer: Vec<ColumnId> = roots.to_vec();
        let mut depth = 0;
        while !layer.is_empty() && self.depth.is_none_or(|most| depth < most) {
            let mut next = Vec::new();
            for here in layer {
                for (there, kind) in self.next(&here) {
                    edges.push(match self.way {
                        Way::Up => Edge { from: there.clone(), to: here.clone(), kind },
                        Way::Down => Edge { from: here.clone(), to: there.clone(), kind },
                    });
                    if seen.insert(there.clone()) {
                        next.push(there);
                    }
                }
            }
            layer = next;
            depth += 1;
        }
        edges
    }
}
