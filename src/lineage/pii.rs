//! Personal values: columns that are copies of one that is tagged `meta: {pii: true}`.

use std::collections::HashMap;

use super::inherit::described;
use super::{ColumnId, Lineage};
use crate::graph::Graph;
use crate::manifest::{ColumnInfo, Manifest};

/// A copy that is not tagged, and the tagged column whose values it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntaggedCopy {
    pub copy: ColumnId,
    pub of: ColumnId,
    /// The byte of the compiled SQL where the copy is made.
    pub offset: Option<usize>,
}

/// The columns that have the values of a tagged one and say nothing of it. A column that is described
/// with `pii: false` is none, and neither are copies of it; one that inherits tags counts as tagged.
pub fn untagged_copies(lineage: &Lineage, graph: &Graph, manifest: &Manifest) -> Vec<UntaggedCopy> {
    let mut personal: HashMap<ColumnId, ColumnId> = HashMap::new();
    let mut untagged = Vec::new();
    for index in graph.order() {
        let id = graph.unique_id(*index);
        let Some(node) = lineage.node(id) else { continue };
        let inherits = manifest.nodes.get(id).is_some_and(|node| node.inherits_docs());
        for (name, made) in &node.columns {
            let own = ColumnId::new(id, name);
            let info = described(manifest, id, name);
            if info.is_some_and(ColumnInfo::is_pii) {
                personal.insert(own.clone(), own);
                continue;
            }
            let says_no = info.is_some_and(|info| info.meta.contains_key(ColumnInfo::PII));
            let of = made.copied().find_map(|from| personal.get(from)).filter(|_| !says_no);
            match of.cloned() {
                Some(_) if inherits => {
                    personal.insert(own.clone(), own);
                }
                Some(of) => {
                    personal.insert(own.clone(), of.clone());
                    untagged.push(UntaggedCopy { copy: own, of, offset: made.offset });
                }
                None => {}
            }
        }
    }
    untagged
}
