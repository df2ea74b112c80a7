//! What is said of columns follows those that are only copied: descriptions and `meta`. What a column
//! says itself wins, and is what its own copies get.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use super::{ColumnId, ColumnLineage, Kind, Lineage};
use crate::graph::{Graph, NodeIndex};
use crate::manifest::{ColumnInfo, Inherited, Manifest, Node, UniqueId};

/// What is said of a column, and whose words each part is.
#[derive(Debug, Clone, Default)]
struct Said {
    description: Option<(ColumnId, Described)>,
    meta: IndexMap<String, (ColumnId, Value)>,
}

/// A description, and the docs blocks that it shows.
type Described = (String, Vec<UniqueId>);

/// What nodes get of what they copy.
#[derive(Debug, Default)]
pub struct Inheritance {
    /// The columns that something is said of now that they do not say themselves, as they are then.
    pub columns: Vec<(UniqueId, ColumnInfo)>,
    /// Nodes that read personal columns and whose own could not all be told.
    pub may_be_personal: Vec<UniqueId>,
}

/// Looks at the nodes that inherit. A column whose contract is enforced, and that is not listed, gets
/// nothing: the list is the contract.
pub fn inheritance(lineage: &Lineage, graph: &Graph, manifest: &Manifest) -> Inheritance {
    let mut all: HashMap<ColumnId, Said> = HashMap::new();
    let mut given = Inheritance::default();
    for index in graph.order() {
        let id = graph.unique_id(*index);
        let inherits = manifest.nodes.get(id).filter(|node| node.inherits_docs());
        if let Some(node) = inherits
            && !is_told(lineage, node)
            && reads_personal(graph, manifest, *index)
        {
            given.may_be_personal.push(id.clone());
        }
        let Some(known) = lineage.node(id) else { continue };
        for (name, made) in &known.columns {
            let own = ColumnId::new(id, name);
            let info = described(manifest, id, name);
            let mut said = of_copies(&own, made, &all);
            if let Some(node) = inherits {
                given.columns.extend(
                    with(node, name, info, &said).map(|column| (node.unique_id.clone(), column)),
                );
            }
            said.put_own(&own, info);
            if said.description.is_some() || !said.meta.is_empty() {
                all.insert(own, said);
            }
        }
    }
    given
}

impl Said {
    /// What a column says itself wins over what it was given.
    fn put_own(&mut self, own: &ColumnId, info: Option<&ColumnInfo>) {
        let Some(info) = info else { return };
        if !info.description.is_empty() {
            let described = (info.description.clone(), info.doc_blocks.clone());
            self.description = Some((own.clone(), described));
        }
        for (key, value) in &info.meta {
            self.meta.insert(key.clone(), (own.clone(), value.clone()));
        }
    }
}

/// What is said of the columns that one is a copy of. Where it may be either of several, only what is
/// said of all of them alike; but it is personal where any of them is.
fn of_copies(own: &ColumnId, made: &ColumnLineage, all: &HashMap<ColumnId, Said>) -> Said {
    // Rows that it had before say nothing new.
    let copied: Vec<&ColumnId> = made.copied().filter(|id| *id != own).collect();
    let nothing = Said::default();
    let said = |id: &ColumnId| all.get(id).unwrap_or(&nothing);
    let tag = |id: &ColumnId| said(id).meta.get(ColumnInfo::PII);
    let personal =
        copied.iter().find_map(|id| tag(id).filter(|(_, value)| ColumnInfo::says_pii(value)));
    let mut same = Said::default();
    let is_copy = made.from.iter().all(|(id, kind)| *kind == Kind::Copy || id == own)
        && made.unresolved.is_empty();
    if let Some((first, rest)) = copied.split_first().filter(|_| is_copy) {
        same = said(first).clone();
        for other in rest.iter().map(|id| said(id)) {
            let words = |one: &Said| one.description.as_ref().map(|(_, said)| said.0.clone());
            if words(&same) != words(other) {
                same.description = None;
            }
            same.meta.retain(|key, (_, value)| {
                other.meta.get(key).is_some_and(|(_, others)| others == value)
            });
        }
    }
    if let Some(personal) = personal {
        same.meta.insert(ColumnInfo::PII.to_owned(), personal.clone());
    }
    same
}

/// A column with what it is given; none where that is nothing.
fn with(node: &Node, name: &str, own: Option<&ColumnInfo>, said: &Said) -> Option<ColumnInfo> {
    if own.is_none() && node.has_contract() {
        return None;
    }
    let mut inherited = Inherited::default();
    let mut column = own.cloned().unwrap_or_else(|| ColumnInfo {
        name: name.to_owned(),
        // Macros write it into SQL.
        quote: (!is_plain(name)).then_some(true),
        ..ColumnInfo::default()
    });
    let origin = |of: &ColumnId| (of.node.clone(), of.column.to_string());
    if let Some((of, (description, blocks))) =
        said.description.as_ref().filter(|_| column.description.is_empty())
    {
        column.description.clone_from(description);
        column.doc_blocks.clone_from(blocks);
        inherited.description = Some(origin(of));
    }
    for (key, (of, value)) in &said.meta {
        if !column.meta.contains_key(key) {
            column.meta.insert(key.clone(), value.clone());
            inherited.meta.insert(key.clone(), origin(of));
        }
    }
    if inherited == Inherited::default() {
        return None;
    }
    column.inherited = Some(Box::new(inherited));
    Some(column)
}

/// Whether a name means the same without quotes.
fn is_plain(name: &str) -> bool {
    let is_sign = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    name.chars().all(is_sign) && !name.starts_with(|sign: char| sign.is_ascii_digit())
}

/// Whether it is known of all columns of a node what they are made of.
fn is_told(lineage: &Lineage, node: &Node) -> bool {
    lineage.node(&node.unique_id).is_some_and(|known| {
        !known.is_open && known.columns.values().all(|column| column.unresolved.is_empty())
    })
}

/// Whether any column of what a node reads is tagged as personal, however far above it.
fn reads_personal(graph: &Graph, manifest: &Manifest, index: NodeIndex) -> bool {
    let mut own = graph.empty_set();
    own.insert(index.index());
    let above = graph.ancestors(&own, None);
    above.ones().any(|at| {
        let id = graph.unique_id(NodeIndex::new(at));
        columns_of(manifest, id).is_some_and(|all| all.values().any(ColumnInfo::is_pii))
    })
}

fn columns_of<'m>(
    manifest: &'m Manifest,
    id: &UniqueId,
) -> Option<&'m IndexMap<String, ColumnInfo>> {
    let of_source = || manifest.sources.get(id).map(|source| &source.columns);
    manifest.nodes.get(id).map(|node| &node.columns).or_else(of_source)
}

/// What properties say of a column.
pub(super) fn described<'m>(
    manifest: &'m Manifest,
    id: &UniqueId,
    name: &str,
) -> Option<&'m ColumnInfo> {
    let mut columns = columns_of(manifest, id)?.values();
    columns.find(|column| column.name.eq_ignore_ascii_case(name))
}

impl ColumnLineage {
    /// The columns that this one is a copy of.
    pub(super) fn copied(&self) -> impl Iterator<Item = &ColumnId> {
        self.from.iter().filter(|(_, kind)| *kind == Kind::Copy).map(|(from, _)| from)
    }
}
