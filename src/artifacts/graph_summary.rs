//! graph_summary.json: the edges of the DAG by number, as dbt writes them for diagnostics.
//!
//! Only `linked`; the tests that hold others up in a build are no edges here.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::{json, write_whole};
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
    out: &mut (dyn Write + Send),
    manifest: &Manifest,
    graph: &Graph,
    invocation_id: &str,
) -> io::Result<()> {
    write!(out, "{{\"_invocation_id\": {}, \"linked\": {{", json!(invocation_id))?;
    json::write_many(out, graph.len(), |at, out| {
        let index = NodeIndex::new(at);
        out.extend_from_slice(format!("\"{at}\":").as_bytes());
        json::put(
            out,
            &Linked {
                name: graph.unique_id(index),
                kind: graph.member(manifest, index).resource_type().as_str(),
                succ: graph.children(index).map(NodeIndex::index).collect(),
            },
        );
    })?;
    write!(out, "}}}}")
}

/// A node and the numbers of those that read it.
#[derive(Serialize)]
struct Linked<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    succ: Vec<usize>,
}
