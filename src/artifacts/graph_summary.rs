//! graph_summary.json: the edges of the DAG by number, as dbt writes them for diagnostics.
//!
//! Only `linked`; the tests that hold others up in a build are no edges here.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::write_whole;
use crate::diagnostic::Result;
use crate::graph::{Graph, NodeIndex};
use crate::manifest::Manifest;

/// Writes graph_summary.json, whole or not at all.
///
/// # Errors
/// `UNWRITABLE` where the file cannot be written.
pub fn write_graph_summary(
    path: &Path,
    manifest: &Manifest,
    graph: &Graph,
    invocation_id: &str,
) -> Result<()> {
    write_whole(path, |out| summary_to(out, manifest, graph, invocation_id))
}

fn summary_to(
    out: &mut dyn Write,
    manifest: &Manifest,
    graph: &Graph,
    invocation_id: &str,
) -> io::Result<()> {
    write!(out, "{{\"_invocation_id\": {}, \"linked\": {{", json!(invocation_id))?;
    for at in 0..graph.len() {
        let index = NodeIndex::new(at);
        let mut entry = json!({
            "name": &**graph.unique_id(index),
            "type": graph.member(manifest, index).resource_type().as_str(),
        });
        let next: Vec<usize> = graph.children(index).map(NodeIndex::index).collect();
        if !next.is_empty() {
            entry["succ"] = next.into();
        }
        let comma = if at == 0 { "" } else { ", " };
        write!(out, "{comma}\"{at}\": {entry}")?;
    }
    write!(out, "}}}}")
}
