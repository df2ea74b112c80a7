//! What `on-run-end` hooks see of the run: `results`, `schemas` and `database_schemas`, as in
//! <https://docs.getdbt.com/reference/dbt-jinja-functions/on-run-end-context>.

use minijinja::Value;
use serde_json::json;

use super::freshness::FreshnessResult;
use super::result::{RunResult, Status};
use crate::jinja::values::{DateTime, Dict, List, from_json};
use crate::manifest::{Manifest, ResourceType};

/// The names with their values.
///
/// `graph` is that of templates: the nodes of the results are those that it has.
pub(super) fn context(
    manifest: &Manifest,
    results: &[RunResult],
    graph: &Value,
) -> Vec<(&'static str, Value)> {
    let mut places: Vec<(&str, &str)> = Vec::new();
    let mut shown = Vec::new();
    for result in results {
        let Some(node) = manifest.nodes.get(&result.unique_id) else {
            // An exposure or a saved query.
            shown.push(one(in_graph(graph, &result.unique_id), result));
            continue;
        };
        // Hooks are shown only where they failed.
        if node.resource_type == ResourceType::Operation && !result.is_failure() {
            continue;
        }
        let made = !result.is_failure() && result.status != Status::Skipped;
        if made && node.resource_type.is_refable() && !node.is_ephemeral() {
            let place = (node.database.as_str(), node.schema.as_str());
            if result.relation_name.is_some() && !places.contains(&place) {
                places.push(place);
            }
        }
        shown.push(one(compiled(&in_graph(graph, &node.unique_id), result), result));
    }
    let mut schemas: Vec<&str> = Vec::new();
    for (_, schema) in &places {
        if !schemas.contains(schema) {
            schemas.push(schema);
        }
    }
    let pair = |(database, schema): (&str, &str)| {
        List::value(vec![Value::from(database), Value::from(schema)])
    };
    vec![
        ("results", List::value(shown)),
        ("schemas", List::value(schemas.into_iter().map(Value::from).collect())),
        ("database_schemas", List::value(places.into_iter().map(pair).collect())),
    ]
}

/// The entry of a `unique_id`.
fn in_graph(graph: &Value, id: &str) -> Value {
    let entry = |section| graph.get_attr(section).ok()?.get_item(&Value::from(id)).ok();
    let known = |entry: &Value| !entry.is_undefined();
    let sections = ["nodes", "exposures", "saved_queries", "sources"];
    sections.into_iter().filter_map(entry).find(known).unwrap_or_default()
}

/// The names with their values after `source freshness`, which makes no relations.
pub(super) fn freshness_context(
    results: &[FreshnessResult],
    graph: &Value,
) -> Vec<(&'static str, Value)> {
    let results =
        results.iter().map(|result| one_source(in_graph(graph, &result.unique_id), result));
    let none = || List::value(Vec::new());
    vec![
        ("results", List::value(results.collect())),
        ("schemas", none()),
        ("database_schemas", none()),
    ]
}

fn one_source(node: Value, result: &FreshnessResult) -> Value {
    let moment = |at: Option<jiff::civil::DateTime>| {
        let at = at.and_then(|at| jiff::tz::TimeZone::UTC.to_timestamp(at).ok());
        at.map_or(Value::from(()), |at| Value::from_object(DateTime::utc(at)))
    };
    Dict::value([
        ("node", node),
        ("unique_id", Value::from(&*result.unique_id)),
        ("status", Value::from(result.status.as_str())),
        ("message", Value::from(result.message.clone())),
        ("failures", Value::from(())),
        ("execution_time", Value::from(result.execution_time.as_secs_f64())),
        ("thread_id", Value::from(crate::worker::name(result.thread))),
        ("adapter_response", from_json(&json!(result.adapter_response))),
        ("max_loaded_at", moment(result.max_loaded_at)),
        ("snapshotted_at", moment(result.snapshotted_at)),
        ("age", Value::from(result.age)),
    ])
}

/// A node with the SQL that it ran.
fn compiled(node: &Value, result: &RunResult) -> Value {
    let mut pairs = match node.downcast_object_ref::<Dict>() {
        Some(node) => node.pairs(),
        None => return node.clone(),
    };
    // What a configuration does not have is none in dbt's objects, not undefined.
    let config = node.get_attr("config").unwrap_or_default();
    if let Some(config) = config.downcast_object_ref::<Dict>() {
        let mut all = config.pairs();
        for key in ["full_refresh", "materialized", "unique_key", "incremental_strategy"] {
            if !all.iter().any(|(known, _)| known.as_str() == Some(key)) {
                all.push((key.into(), Value::from(())));
            }
        }
        pairs.retain(|(key, _)| key.as_str() != Some("config"));
        pairs.push(("config".into(), Dict::value(all)));
    }
    if let Some(sql) = &result.compiled_code {
        pairs.retain(|(key, _)| !matches!(key.as_str(), Some("compiled" | "compiled_code")));
        pairs.push(("compiled".into(), true.into()));
        pairs.push(("compiled_code".into(), Value::from(&**sql)));
    }
    Dict::value(pairs)
}

fn one(node: Value, result: &RunResult) -> Value {
    let phase = |name: &str, timing: &super::Timing| {
        json!({"name": name, "started_at": timing.started_at.to_string(),
               "completed_at": timing.completed_at.to_string()})
    };
    let compile = result.compile.iter().map(|timing| phase("compile", timing));
    let execute = result.execute.iter().map(|timing| phase("execute", timing));
    let timing = serde_json::Value::Array(compile.chain(execute).collect());
    Dict::value([
        ("node", node),
        ("unique_id", Value::from(&*result.unique_id)),
        ("status", Value::from(result.status.as_str())),
        ("message", Value::from(result.message.clone())),
        ("failures", Value::from(result.failures)),
        ("execution_time", Value::from(result.execution_time.as_secs_f64())),
        ("thread_id", Value::from(crate::worker::name(result.thread))),
        ("timing", from_json(&timing)),
        ("adapter_response", from_json(&json!(result.adapter_response))),
        ("relation_name", Value::from(result.relation_name.clone())),
    ])
}
