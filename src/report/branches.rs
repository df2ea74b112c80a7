//! How nodes are named and how branches are drawn, wherever something hangs on something.

use std::fmt::Write;

use crate::manifest::Manifest;

/// A node or source as people name it: `orders`, `orders.v2`, `crm.people`; of what is not in the
/// manifest what its `unique_id` says, and any other text as it is.
pub fn node_name(manifest: &Manifest, id: &str) -> String {
    if let Some(node) = manifest.nodes.get(id).filter(|node| !node.resource_type.is_test()) {
        return node.search_name().into_owned();
    }
    if let Some(source) = manifest.sources.get(id) {
        return format!("{}.{}", source.source_name, source.name);
    }
    let mut parts = id.splitn(3, '.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(kind), Some(_), Some(name)) if KINDS.contains(&kind) => without_hash(name).to_owned(),
        _ => id.to_owned(),
    }
}

/// What a `unique_id` may begin with that is named here and may not be in the manifest's nodes.
const KINDS: &[&str] = &["model", "seed", "snapshot", "test", "unit_test", "exposure"];

/// The name of a test without the hash that tells it apart from others.
fn without_hash(name: &str) -> &str {
    let is_hash = |text: &str| text.len() == 10 && text.chars().all(|c| c.is_ascii_hexdigit());
    name.rsplit_once('.').filter(|(_, end)| is_hash(end)).map_or(name, |(start, _)| start)
}

/// What stands before a branch and before what hangs on it.
pub(super) fn sign(is_last: bool) -> (&'static str, &'static str) {
    if is_last { ("└── ", "    ") } else { ("├── ", "│   ") }
}

/// Lines as the branches of what stands above them.
pub(super) fn branches(out: &mut String, lines: &[String]) {
    for (at, line) in lines.iter().enumerate() {
        let _ = writeln!(out, "{}{line}", sign(at + 1 == lines.len()).0);
    }
}
