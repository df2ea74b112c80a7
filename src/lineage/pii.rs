//! Personal values: columns that are copies of one that is tagged `meta: {pii: true}`.

use std::collections::HashMap;

use super::{ColumnId, Kind, Lineage};
use crate::graph::Graph;
use crate::manifest::{ColumnInfo, Manifest, UniqueId};

/// A copy that is not tagged, and the tagged column whose values it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntaggedCopy {
    pub copy: ColumnId,
    pub of: ColumnId,
}

/// The columns that have the values of a tagged one and say nothing of it. A column that is described
/// with `pii: false` is none, and neither are copies of it.
pub fn untagged_copies(lineage: &Lineage, graph: &Graph, manifest: &Manifest) -> Vec<UntaggedCopy> {
    let mut personal: HashMap<ColumnId, ColumnId> = HashMap::new();
    let mut untagged = Vec::new();
    for index in graph.order() {
        let id = graph.unique_id(*index);
        let Some(node) = lineage.node(id) else { continue };
        for (name, made) in &node.columns {
            let own = ColumnId::new(id, name);
            let info = described(manifest, id, name);
            if info.is_some_and(ColumnInfo::is_pii) {
                personal.insert(own.clone(), own);
                continue;
            }
            let says_no = info.is_some_and(|info| info.meta.contains_key("pii"));
            let mut copied = made.from.iter().filter(|(_, kind)| *kind == Kind::Copy);
            let of = copied.find_map(|(from, _)| personal.get(from)).filter(|_| !says_no).cloned();
            if let Some(of) = of {
                personal.insert(own.clone(), of.clone());
                untagged.push(UntaggedCopy { copy: own, of });
            }
        }
    }
    untagged
}

/// What properties say of a column.
fn described<'m>(manifest: &'m Manifest, id: &UniqueId, name: &str) -> Option<&'m ColumnInfo> {
    let of_source = || manifest.sources.get(id).map(|source| &source.columns);
    let columns = manifest.nodes.get(id).map(|node| &node.columns).or_else(of_source)?;
    columns.values().find(|column| column.name.eq_ignore_ascii_case(name))
}
