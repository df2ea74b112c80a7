//! What changes of a project touch: as text for people, as JSON for machines.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::branches::{branches, node_name};
use super::lines::styled;
use super::plural;
use crate::lineage::{ColumnId, Impact, NodeChange};
use crate::manifest::{Manifest, UniqueId};

/// What changed, and what that touches.
#[derive(Debug, Default)]
pub struct ImpactView {
    /// The folder of the earlier state.
    pub compared_with: String,
    pub changes: Vec<(UniqueId, NodeChange)>,
    /// Those that are written in another way, and give the same.
    pub same: Vec<UniqueId>,
    /// Those of the changed ones whose earlier SQL is not known.
    pub unknown: Vec<UniqueId>,
    pub new: Vec<UniqueId>,
    pub gone: Vec<UniqueId>,
    pub impact: Impact,
    pub tests: Vec<UniqueId>,
    pub exposures: Vec<UniqueId>,
}

impl ImpactView {
    /// For people.
    pub fn text(&self, manifest: &Manifest, color: bool) -> String {
        let paint = |text: &str, code: &str| styled(text, code, color);
        let mut out = String::new();
        for (id, change) in &self.changes {
            let _ = writeln!(out, "{}", paint(&node_name(manifest, id), "1"));
            let mut lines = Vec::new();
            if self.unknown.contains(id) {
                let why = "its earlier SQL is not in the manifest: all of it counts as changed";
                lines.push(paint(why, "33"));
            } else {
                let kinds = [
                    ("changed", &change.changed, "33"),
                    ("added  ", &change.added, "32"),
                    ("removed", &change.removed, "31"),
                ];
                for (word, names, code) in kinds {
                    if !names.is_empty() {
                        lines.push(format!("{} {}", paint(word, code), names.join(", ")));
                    }
                }
                if change.rows {
                    lines.push(paint("its rows are chosen in another way", "35"));
                }
            }
            branches(&mut out, &lines);
            out.push('\n');
        }
        let lists: [(&str, Vec<String>); 8] = [
            ("New", names(manifest, &self.new)),
            ("Gone", names(manifest, &self.gone)),
            ("Written in another way, and the same", names(manifest, &self.same)),
            ("Columns that may have other values", by_node(manifest, self.impact.columns.iter())),
            ("Columns that lose what they are made of", by_node(manifest, self.impact.lost.iter())),
            ("May have other rows", names(manifest, self.impact.rows.iter())),
            ("Tests to look at", names(manifest, &self.tests)),
            ("Exposures", names(manifest, &self.exposures)),
        ];
        for (title, lines) in lists {
            if !lines.is_empty() {
                let _ = writeln!(out, "{}", paint(title, "1"));
                branches(&mut out, &lines);
                out.push('\n');
            }
        }
        let columns = self.impact.columns.len() + self.impact.lost.len();
        let _ = writeln!(
            out,
            "Compared with {}: {} changed; {} downstream, {} and {} are touched",
            self.compared_with,
            plural(self.changes.len(), "node"),
            plural(columns, "column"),
            plural(self.tests.len(), "test"),
            plural(self.exposures.len(), "exposure"),
        );
        out
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let change = |(id, change): &(UniqueId, NodeChange)| {
            json!({
                "unique_id": id,
                "changed": change.changed,
                "added": change.added,
                "removed": change.removed,
                "rows": change.rows,
                "is_known": !self.unknown.contains(id),
            })
        };
        let column = |id: &ColumnId| json!({"unique_id": id.node, "column": id.column});
        json!({
            "compared_with": self.compared_with,
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "same": self.same,
            "new": self.new,
            "gone": self.gone,
            "columns": self.impact.columns.iter().map(column).collect::<Vec<_>>(),
            "lost": self.impact.lost.iter().map(column).collect::<Vec<_>>(),
            "rows": self.impact.rows,
            "tests": self.tests,
            "exposures": self.exposures,
        })
    }
}

fn names<'a>(manifest: &Manifest, ids: impl IntoIterator<Item = &'a UniqueId>) -> Vec<String> {
    ids.into_iter().map(|id| node_name(manifest, id)).collect()
}

/// A line for each node: its columns.
fn by_node<'a>(manifest: &Manifest, columns: impl Iterator<Item = &'a ColumnId>) -> Vec<String> {
    let mut nodes: BTreeMap<&UniqueId, Vec<&str>> = BTreeMap::new();
    for column in columns {
        nodes.entry(&column.node).or_default().push(&column.column);
    }
    let line = |(id, names): (&UniqueId, Vec<&str>)| {
        format!("{}  {}", node_name(manifest, id), names.join(", "))
    };
    nodes.into_iter().map(line).collect()
}
