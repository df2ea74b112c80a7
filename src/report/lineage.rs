//! Lineage of columns as a tree for people, and as JSON, Mermaid and DOT for machines.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::branches::{branches, node_name, sign};
use super::lines::styled;
use crate::diagnostic::Location;
use crate::lineage::{ColumnId, Edge, Kind, Tree, Unresolved, Way};
use crate::manifest::{Manifest, UniqueId};

/// What the pictures of lineage need to know.
pub struct LineageView<'a> {
    pub manifest: &'a Manifest,
    /// The place in a node's file that a byte of its compiled SQL came from.
    pub place: &'a dyn Fn(&UniqueId, usize) -> Option<Location>,
    pub color: bool,
}

impl LineageView<'_> {
    /// A column with all that hangs on it.
    pub fn tree(&self, tree: &Tree, way: Way) -> String {
        let name = self.bold(&self.name(&tree.column));
        let mut out = format!("{name}{}\n", self.engine(&tree.column));
        self.branches(tree, way, "", &mut out);
        if tree.branches.is_empty() && tree.unresolved.is_empty() {
            branches(&mut out, &[self.dim(self.nothing(&tree.column, way))]);
        }
        out
    }

    /// All columns of a node, with what hangs on each.
    pub fn node(&self, id: &UniqueId, columns: &[Tree], way: Way) -> String {
        let rows = ColumnId::new(id, "");
        let mut out = format!("{}{}\n", self.bold(&self.name(&rows)), self.engine(&rows));
        let inline = columns.iter().filter(|tree| tree.branches.len() < 2);
        let lengths = inline.map(|tree| tree.column.column.chars().count());
        let width = lengths.max().unwrap_or_default();
        for (at, tree) in columns.iter().enumerate() {
            let (sign, deeper) = sign(at + 1 == columns.len());
            let name = self.bold(&format!("{:width$}", tree.column.column));
            match tree.branches.as_slice() {
                [] if tree.unresolved.is_empty() => {
                    let nothing = self.dim(self.nothing(&tree.column, way));
                    let _ = writeln!(out, "{sign}{name}  {nothing}");
                }
                [only] if tree.unresolved.is_empty() && only.branches.is_empty() => {
                    let _ = writeln!(out, "{sign}{name}  {}", self.line(only, tree, way));
                }
                _ => {
                    let _ = writeln!(out, "{sign}{}", self.bold(&tree.column.column));
                    self.branches(tree, way, deeper, &mut out);
                }
            }
        }
        out
    }

    fn nothing(&self, column: &ColumnId, way: Way) -> &'static str {
        match way {
            Way::Up if self.is_given(column) => "not made by the project",
            Way::Up => "made of no column",
            Way::Down => "nothing reads it",
        }
    }

    fn branches(&self, tree: &Tree, way: Way, indent: &str, out: &mut String) {
        let count = tree.unresolved.len() + tree.branches.len();
        let mut at = 0;
        let mut next = || {
            at += 1;
            sign(at == count)
        };
        for unresolved in &tree.unresolved {
            let (sign, _) = next();
            let text = format!("not resolved: {}", self.reason(&tree.column.node, unresolved));
            let _ = writeln!(out, "{indent}{sign}{}", self.red(&text));
        }
        for branch in &tree.branches {
            let (sign, deeper) = next();
            let again = if branch.is_repeated { self.dim("  (see above)") } else { String::new() };
            let _ = writeln!(out, "{indent}{sign}{}{again}", self.line(branch, tree, way));
            self.branches(branch, way, &format!("{indent}{deeper}"), out);
        }
    }

    /// What a column has to do with the one that it hangs on.
    fn line(&self, branch: &Tree, above: &Tree, way: Way) -> String {
        let (from, to) = match way {
            Way::Up => (&branch.column.node, &above.column.node),
            Way::Down => (&above.column.node, &branch.column.node),
        };
        format!(
            "{} {}{}{}",
            self.kind(word(branch.kind, way), branch.kind),
            self.name(&branch.column),
            self.engine(&branch.column),
            self.yellow(&self.crossed(from, to)),
        )
    }

    /// Columns that decide about the rows of a node.
    pub fn filters(&self, node: &UniqueId, filters: &[ColumnId]) -> String {
        let mut out = format!("{}\n", self.bold(&format!("Rows of {}", self.node_name(node))));
        let line = |column: &ColumnId| {
            let crossed = self.yellow(&self.crossed(&column.node, node));
            let word = self.kind("decided by", Some(Kind::Filter));
            format!("{word} {}{}{crossed}", self.name(column), self.engine(column))
        };
        branches(&mut out, &filters.iter().map(line).collect::<Vec<_>>());
        out
    }

    /// How much is known of a whole project, and what is not.
    pub fn summary(
        &self,
        columns: usize,
        resolved: usize,
        unresolved: &[(ColumnId, Unresolved)],
    ) -> String {
        let mut out = String::new();
        for (column, one) in unresolved {
            let reason = self.reason(&column.node, one);
            let _ = writeln!(out, "{}: {}", self.bold(&self.name(column)), self.red(&reason));
        }
        let percent = 100.0 * resolved as f64 / columns.max(1) as f64;
        let _ = writeln!(out, "{resolved} of {columns} columns are resolved: {percent:.1} %");
        out
    }

    /// What could not be told, with its place.
    pub fn reason(&self, node: &UniqueId, unresolved: &Unresolved) -> String {
        let place = unresolved.offset.and_then(|offset| (self.place)(node, offset));
        match place {
            Some(place) => {
                let (line, column) = place.line_column();
                format!("{} ({}:{line}:{column})", unresolved.reason, place.path().display())
            }
            None => unresolved.reason.clone(),
        }
    }

    /// `model.column`
    fn name(&self, id: &ColumnId) -> String {
        let node = self.node_name(&id.node);
        if id.column.is_empty() { node } else { format!("{node}.{}", id.column) }
    }

    fn node_name(&self, id: &UniqueId) -> String {
        node_name(self.manifest, id)
    }

    /// Whether a column is of what the project does not make.
    fn is_given(&self, id: &ColumnId) -> bool {
        let node = self.manifest.nodes.get(&id.node);
        node.is_none_or(|node| node.resource_type == crate::manifest::ResourceType::Seed)
    }

    fn engine(&self, id: &ColumnId) -> String {
        let what = match self.manifest.engine_of(&id.node) {
            _ if self.manifest.nodes.get(&id.node).is_some_and(|node| node.is_ephemeral()) => {
                "ephemeral"
            }
            Some(engine) => engine,
            None => "outside of the project",
        };
        self.dim(&format!("  {what}"))
    }

    /// How data comes from one engine to another.
    fn crossed(&self, from: &UniqueId, to: &UniqueId) -> String {
        let ephemeral = |id| self.manifest.nodes.get(id).is_some_and(|node| node.is_ephemeral());
        let engines = (self.manifest.engine_of(from), self.manifest.engine_of(to));
        match engines {
            (Some(from_engine), Some(to_engine))
                if from_engine != to_engine && !ephemeral(from) && !ephemeral(to) =>
            {
                format!("  ⇄ {from_engine} → {to_engine}")
            }
            _ => String::new(),
        }
    }

    /// Nodes, edges and what is not resolved.
    pub fn json(
        &self,
        roots: &[ColumnId],
        edges: &[Edge],
        unresolved: &[(ColumnId, Unresolved)],
    ) -> Value {
        let ends = edges.iter().flat_map(|edge| [&edge.from.node, &edge.to.node]);
        let ids: BTreeMap<&UniqueId, ()> =
            ends.chain(roots.iter().map(|root| &root.node)).map(|id| (id, ())).collect();
        let node = |id: &UniqueId| {
            let kind = match (self.manifest.nodes.get(id), self.manifest.sources.get(id)) {
                (Some(node), _) => Some(node.resource_type.as_str()),
                (None, source) => source.map(|_| "source"),
            };
            let engine = self.manifest.engine_of(id);
            json!({"unique_id": id, "name": self.node_name(id), "resource_type": kind, "engine": engine})
        };
        let column = |id: &ColumnId| {
            let name = (!id.column.is_empty()).then_some(&id.column);
            json!({"unique_id": id.node, "column": name})
        };
        let edge = |edge: &Edge| {
            let crosses = !self.crossed(&edge.from.node, &edge.to.node).is_empty();
            json!({
                "from": column(&edge.from),
                "to": column(&edge.to),
                "kind": edge.kind,
                "crosses_engines": crosses,
            })
        };
        let problem = |(id, unresolved): &(ColumnId, Unresolved)| {
            let place = unresolved.offset.and_then(|offset| (self.place)(&id.node, offset));
            let place = place.map(|place| {
                let (line, column) = place.line_column();
                json!({"path": place.path(), "line": line, "column": column})
            });
            json!({
                "unique_id": id.node,
                "column": (!id.column.is_empty()).then_some(&id.column),
                "reason": unresolved.reason,
                "location": place,
            })
        };
        json!({
            "roots": roots.iter().map(column).collect::<Vec<_>>(),
            "nodes": ids.into_keys().map(node).collect::<Vec<_>>(),
            "edges": edges.iter().map(edge).collect::<Vec<_>>(),
            "unresolved": unresolved.iter().map(problem).collect::<Vec<_>>(),
        })
    }

    /// A Mermaid flow chart: a box for each node.
    pub fn mermaid(&self, roots: &[ColumnId], edges: &[Edge]) -> String {
        let drawn = Drawn::of(roots, edges);
        let quoted = |text: &str| text.replace('"', "#quot;");
        let mut out = "flowchart LR\n".to_owned();
        for (at, (node, columns)) in drawn.nodes.iter().enumerate() {
            let _ = writeln!(out, "  subgraph n{at}[\"{}\"]", quoted(&self.title(node)));
            for (number, column) in columns.iter().enumerate() {
                let column = if column.is_empty() { "(rows)" } else { column };
                let _ = writeln!(out, "    n{at}c{number}[\"{}\"]", quoted(column));
            }
            out.push_str("  end\n");
        }
        for edge in edges {
            let arrow = match edge.kind {
                Kind::Copy => "-->",
                Kind::Transform => "==>",
                Kind::Filter => "-.->",
            };
            let _ = writeln!(out, "  {} {arrow} {}", drawn.key(&edge.from), drawn.key(&edge.to));
        }
        out
    }

    /// A graph for Graphviz: a cluster for each node.
    pub fn dot(&self, roots: &[ColumnId], edges: &[Edge]) -> String {
        let drawn = Drawn::of(roots, edges);
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut out = "digraph lineage {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for (at, (node, columns)) in drawn.nodes.iter().enumerate() {
            let _ = writeln!(out, "  subgraph cluster_{at} {{");
            let _ = writeln!(out, "    label=\"{}\";", quoted(&self.title(node)));
            for (number, column) in columns.iter().enumerate() {
                let column = if column.is_empty() { "(rows)" } else { column };
                let _ = writeln!(out, "    n{at}c{number} [label=\"{}\"];", quoted(column));
            }
            out.push_str("  }\n");
        }
        for edge in edges {
            let style = match edge.kind {
                Kind::Copy => "style=solid",
                Kind::Transform => "style=bold",
                Kind::Filter => "style=dashed",
            };
            let _ =
                writeln!(out, "  {} -> {} [{style}];", drawn.key(&edge.from), drawn.key(&edge.to));
        }
        out.push_str("}\n");
        out
    }

    fn title(&self, id: &UniqueId) -> String {
        let name = self.node_name(id);
        match self.manifest.engine_of(id) {
            Some(engine) => format!("{name} ({engine})"),
            None => name,
        }
    }

    fn bold(&self, text: &str) -> String {
        self.painted(text, "1")
    }

    fn dim(&self, text: &str) -> String {
        self.painted(text, "2")
    }

    fn red(&self, text: &str) -> String {
        self.painted(text, "31")
    }

    fn yellow(&self, text: &str) -> String {
        self.painted(text, "33")
    }

    fn kind(&self, word: &str, kind: Option<Kind>) -> String {
        match kind {
            Some(Kind::Copy) => self.painted(word, "32"),
            Some(Kind::Transform) => self.painted(word, "36"),
            Some(Kind::Filter) | None => self.painted(word, "35"),
        }
    }

    fn painted(&self, text: &str, code: &str) -> String {
        styled(text, code, self.color)
    }
}

/// What an edge is, read from the column above.
fn word(kind: Option<Kind>, way: Way) -> &'static str {
    match (kind, way) {
        (Some(Kind::Copy), Way::Up) => "copy of",
        (Some(Kind::Transform), Way::Up) => "computed of",
        (Some(Kind::Copy), Way::Down) => "copied into",
        (Some(Kind::Transform), Way::Down) => "computed into",
        (Some(Kind::Filter), Way::Up) => "decided by",
        (Some(Kind::Filter), Way::Down) => "decides the rows of",
        (None, _) => "",
    }
}

/// The nodes of a picture and their columns, numbered.
struct Drawn<'a> {
    nodes: Vec<(&'a UniqueId, Vec<&'a str>)>,
}

impl<'a> Drawn<'a> {
    fn of(roots: &'a [ColumnId], edges: &'a [Edge]) -> Drawn<'a> {
        let mut columns: BTreeMap<&UniqueId, Vec<&str>> = BTreeMap::new();
        let ends = edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
        for id in roots.iter().chain(ends) {
            let all = columns.entry(&id.node).or_default();
            if !all.contains(&&*id.column) {
                all.push(&id.column);
            }
        }
        Drawn { nodes: columns.into_iter().collect() }
    }

    fn key(&self, id: &ColumnId) -> String {
        let node = self.nodes.binary_search_by(|(known, _)| (*known).cmp(&id.node)).unwrap_or(0);
        let column = self.nodes[node].1.iter().position(|known| **known == *id.column);
        format!("n{node}c{}", column.unwrap_or(0))
    }
}
