//! What became different between two looks at a project, and what that touches.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ColumnId, Kind, Lineage, NodeLineage, Walk, Way};
use crate::manifest::UniqueId;

/// How the columns of a node differ from what they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeChange {
    pub added: Vec<Arc<str>>,
    pub removed: Vec<Arc<str>>,
    /// Those that are made in another way, or of something else.
    pub changed: Vec<Arc<str>>,
    /// Whether its rows are chosen in another way.
    pub rows: bool,
}

impl NodeChange {
    /// Of a node of which nothing is known from before: everything may be different.
    pub fn unknown(now: &Lineage, id: &str) -> NodeChange {
        let columns = now.node(id).into_iter().flat_map(|node| node.columns.keys());
        NodeChange { changed: columns.cloned().collect(), rows: true, ..NodeChange::default() }
    }

    /// How a node differs from what it was before; none where it was not there.
    pub fn between(before: &Lineage, now: &Lineage, id: &str) -> Option<NodeChange> {
        let (before, now) = (before.node(id)?, now.node(id)?);
        let has = |node: &NodeLineage, name: &str| node.column(name).is_some();
        let mut change = NodeChange { rows: before.sign != now.sign, ..NodeChange::default() };
        for (name, column) in &now.columns {
            match before.column(name) {
                None => change.added.push(name.clone()),
                Some((_, old)) if old.sign != column.sign => change.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        let gone = before.columns.keys().filter(|name| !has(now, name));
        change.removed.extend(gone.cloned());
        Some(change)
    }

    /// How much is different.
    pub fn size(&self) -> usize {
        let columns = [&self.added, &self.removed, &self.changed];
        columns.map(Vec::len).iter().sum::<usize>() + usize::from(self.rows)
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        *self == NodeChange::default()
    }
}

/// What changes of nodes touch.
#[derive(Debug, Default)]
pub struct Impact {
    /// Columns of other nodes whose values may be different.
    pub columns: BTreeSet<ColumnId>,
    /// Columns of other nodes that were made of what is not there any more.
    pub lost: BTreeSet<ColumnId>,
    /// Nodes that may have other rows.
    pub rows: BTreeSet<UniqueId>,
}

impl Impact {
    /// Follows changes to whatever reads them. `children` gives who reads a node.
    pub fn of(
        changes: &[(UniqueId, NodeChange)],
        before: &Lineage,
        now: &Lineage,
        children: &dyn Fn(&UniqueId) -> Vec<UniqueId>,
    ) -> Impact {
        let mut impact = Impact::default();
        let mut rows: Vec<UniqueId> = Vec::new();
        let (readers_before, readers) = (before.readers(), now.readers());
        for (id, change) in changes {
            if change.rows {
                rows.extend(children(id));
            }
            let columns = |names: &[Arc<str>]| -> Vec<ColumnId> {
                names.iter().map(|name| ColumnId::new(id, name)).collect()
            };
            let there = [columns(&change.changed), columns(&change.added)].concat();
            let ways = [
                (
                    Walk { lineage: now, readers: &readers, way: Way::Down, depth: None },
                    there,
                    false,
                ),
                (
                    Walk { lineage: before, readers: &readers_before, way: Way::Down, depth: None },
                    columns(&change.removed),
                    true,
                ),
            ];
            for (walk, roots, is_lost) in ways {
                for edge in walk.edges(&roots) {
                    if edge.kind == Kind::Filter {
                        rows.push(edge.to.node);
                    } else if is_lost {
                        impact.lost.insert(edge.to);
                    } else {
                        impact.columns.insert(edge.to);
                    }
                }
            }
        }
        while let Some(id) = rows.pop() {
            if impact.rows.insert(id.clone()) {
                rows.extend(children(&id));
            }
        }
        impact
    }
}
