//! The `graph` of templates: the entries of manifest.json as one value, before anything is compiled.

use serde::Serialize;
use serde_json::{Map, Value};

use super::entities::{ExposureOut, GroupOut, SourceOut};
use super::nodes::NodeOut;
use crate::manifest::{ById, Manifest, Node, ResourceType, SemanticEntity};

/// dbt's `flat_graph`: nodes, sources, exposures and groups by unique id, as manifest.json has them.
pub fn flat_graph(manifest: &Manifest) -> Value {
    let created_at = jiff::Timestamp::now().as_microsecond() as f64 / 1e6;
    let mut graph = Map::new();
    let semantic = |kind| {
        let of_kind = manifest.semantic.values().filter(|one| one.kind == kind);
        let entries = of_kind
            .map(|one| (one.unique_id.to_string(), super::semantic::entity(one, created_at)));
        Value::Object(entries.collect())
    };
    graph.insert(
        "exposures".into(),
        section(&manifest.exposures, |exposure| ExposureOut { exposure, created_at }),
    );
    graph.insert("functions".into(), Value::Object(Map::new()));
    graph.insert("groups".into(), section(&manifest.groups, GroupOut));
    graph.insert("metrics".into(), semantic(ResourceType::Metric));
    // Unit tests are no nodes of it.
    let nodes = manifest.nodes.values().map(|node| &**node).chain(&manifest.idle_tests);
    let value = |node| {
        serde_json::to_value(node_out(node, created_at))
            .expect("what manifest.json is made of is JSON")
    };
    let nodes = nodes
        .filter(|node| node.unit_test.is_none())
        .map(|node| (node.unique_id.to_string(), value(node)));
    graph.insert("nodes".into(), Value::Object(nodes.collect()));
    graph.insert(
        "sources".into(),
        section(&manifest.sources, |source| SourceOut { source, created_at }),
    );
    graph.insert("semantic_models".into(), semantic(ResourceType::SemanticModel));
    graph.insert("saved_queries".into(), semantic(ResourceType::SavedQuery));
    Value::Object(graph)
}

/// A node as manifest.json has it: the `model` of its templates.
pub fn node_value(node: &Node) -> Value {
    let created_at = jiff::Timestamp::now().as_microsecond() as f64 / 1e6;
    serde_json::to_value(node_out(node, created_at)).expect("what manifest.json is made of is JSON")
}

/// A metric as manifest.json has it: what `metric()` gives to templates.
pub fn metric_value(metric: &SemanticEntity) -> Value {
    let created_at = jiff::Timestamp::now().as_microsecond() as f64 / 1e6;
    super::semantic::entity(metric, created_at)
}

fn node_out(node: &Node, created_at: f64) -> NodeOut<'_> {
    NodeOut::parsed(node, created_at, "target")
}

fn section<'a, T, S: Serialize>(entries: &'a ById<T>, out: impl Fn(&'a T) -> S) -> Value {
    let value = |entry: &'a T| {
        serde_json::to_value(out(entry)).expect("what manifest.json is made of is JSON")
    };
    Value::Object(entries.iter().map(|(id, entry)| (id.to_string(), value(entry))).collect())
}
