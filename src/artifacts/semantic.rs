//! Metrics, semantic models and saved queries in the manifest, and semantic_manifest.json, which
//! the semantic layer's own tools read. Only written, never computed.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::write_whole;
use crate::diagnostic::Result;
use crate::manifest::{Manifest, ResourceType, SemanticEntity};

/// Keys of the manifest that come before those of the kind, and those that come after them.
pub(super) fn entity(one: &SemanticEntity, created_at: f64) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| {
        out.insert(key.to_owned(), value);
    };
    put("name", one.name.as_str().into());
    put("resource_type", one.kind.as_str().into());
    put("package_name", one.package_name.as_str().into());
    put("path", one.path.as_str().into());
    put("original_file_path", one.original_file_path.as_str().into());
    put("unique_id", (*one.unique_id).into());
    put("fqn", one.fqn.clone().into());
    for (key, value) in &one.body {
        put(key, value.clone());
    }
    put("config", config(one));
    put("unrendered_config", json!(one.unrendered_config));
    let nodes: Vec<&str> = one.depends_on.iter().map(AsRef::as_ref).collect();
    put("depends_on", json!({"macros": [], "nodes": nodes}));
    let refs: Vec<Value> = one
        .refs
        .iter()
        .map(|call| {
            let version = call.version.as_ref().map(|version| {
                version.parse::<i64>().map_or_else(|_| version.as_str().into(), Value::from)
            });
            json!({"name": call.name, "package": call.package, "version": version})
        })
        .collect();
    put("refs", refs.into());
    put("created_at", created_at.into());
    if one.kind == ResourceType::Metric {
        put("meta", one.meta.clone());
        put("tags", one.tags.clone().into());
        put("sources", json!([]));
        put("metrics", json!([]));
    }
    if one.kind == ResourceType::SavedQuery {
        put("tags", one.tags.clone().into());
    }
    out.into()
}

fn config(one: &SemanticEntity) -> Value {
    let mut out = json!({
        "enabled": one.config.enabled(),
        "group": one.config.get("group"),
        "meta": one.config.get("meta").cloned().unwrap_or_else(|| json!({})),
    });
    if one.kind == ResourceType::SavedQuery {
        out["export_as"] = json!(one.config.get("export_as"));
        out["schema"] = json!(one.config.get("schema"));
        out["cache"] =
            one.config.get("cache").cloned().unwrap_or_else(|| json!({"enabled": false}));
    }
    for (key, value) in &one.config.values {
        if out.get(key).is_none() {
            out[key] = value.clone();
        }
    }
    out
}

/// Writes semantic_manifest.json.
///
/// # Errors
/// `UNWRITABLE` where the file cannot be written.
pub fn write_semantic_manifest(path: &Path, manifest: &Manifest) -> Result<()> {
    write_whole(path, |out| Ok(serde_json::to_writer(out, &semantic_manifest(manifest))?))
}

fn semantic_manifest(manifest: &Manifest) -> Value {
    let of = |kind: ResourceType| manifest.semantic.values().filter(move |one| one.kind == kind);
    let with = |one: &SemanticEntity, first: &[&str], rest: &[&str]| {
        let mut out = Map::new();
        out.insert("name".to_owned(), one.name.as_str().into());
        for key in first.iter().chain(rest) {
            out.insert((*key).to_owned(), one.body.get(*key).cloned().unwrap_or(Value::Null));
        }
        out
    };
    let models: Vec<Value> = of(ResourceType::SemanticModel)
        .map(|one| {
            let keys = [
                "defaults",
                "description",
                "node_relation",
                "primary_entity",
                "entities",
                "measures",
                "dimensions",
                "label",
                "metadata",
            ];
            let mut out = with(one, &keys, &[]);
            out.insert("config".to_owned(), json!({"meta": config(one)["meta"]}));
            for key in ["entities", "measures"] {
                let list = out.get_mut(key).and_then(Value::as_array_mut);
                for element in list.into_iter().flatten() {
                    element["metadata"] = Value::Null;
                }
            }
            out.into()
        })
        .collect();
    let metrics: Vec<Value> = of(ResourceType::Metric)
        .map(|one| {
            let keys = ["description", "type", "type_params", "filter", "metadata", "label"];
            let mut out = with(one, &keys, &["time_granularity"]);
            out.insert("config".to_owned(), json!({"meta": config(one)["meta"]}));
            // What the manifest has beyond that schema.
            if let Some(Value::Object(params)) = out.get_mut("type_params") {
                params.remove("metric_aggregation_params");
                if let Some(Value::Object(inner)) = params.get_mut("cumulative_type_params") {
                    inner.remove("metric");
                }
            }
            out.into()
        })
        .collect();
    let queries: Vec<Value> = of(ResourceType::SavedQuery)
        .map(|one| {
            let mut out = with(one, &["description", "query_params", "label", "metadata"], &[]);
            let exports = one.body.get("exports").and_then(Value::as_array);
            let exports: Vec<Value> = exports
                .into_iter()
                .flatten()
                .map(|export| {
                    let mut config = export["config"].clone();
                    if let Value::Object(config) = &mut config {
                        config.remove("database");
                    }
                    json!({"name": export["name"], "config": config})
                })
                .collect();
            out.insert("exports".to_owned(), exports.into());
            out.insert("tags".to_owned(), one.tags.clone().into());
            out.into()
        })
        .collect();
    json!({
        "semantic_models": models,
        "metrics": metrics,
        "project_configuration": project_configuration(manifest),
        "saved_queries": queries,
    })
}

/// Time spines, and the model that was one by its name before they could be configured.
fn project_configuration(manifest: &Manifest) -> Value {
    let mut spines = Vec::new();
    let mut old = Vec::new();
    for node in manifest.nodes.values() {
        let spine = node.facts.as_ref().and_then(|facts| facts.time_spine.as_ref());
        if let Some(spine) = spine {
            let column = spine["standard_granularity_column"].as_str().unwrap_or_default();
            let grain = node.columns.get(column).and_then(|column| column.granularity.as_deref());
            spines.push(json!({
                "node_relation": {
                    "alias": node.alias,
                    "schema_name": node.schema,
                    "database": node.database,
                    "relation_name": node.relation().render(),
                },
                "primary_column": {"name": column, "time_granularity": grain},
                "custom_granularities": custom_granularities(spine),
            }));
        } else if node.name == "metricflow_time_spine"
            && node.resource_type == ResourceType::Model
            && of_any_kind(manifest, ResourceType::SemanticModel)
        {
            old.push(json!({
                "location": node.relation().render(),
                "column_name": "date_day",
                "grain": "day",
            }));
        }
    }
    json!({
        "time_spine_table_configurations": old,
        "metadata": null,
        "dsi_package_version": {"major_version": "0", "minor_version": "9", "patch_version": "0"},
        "time_spines": spines,
    })
}

fn of_any_kind(manifest: &Manifest, kind: ResourceType) -> bool {
    manifest.semantic.values().any(|one| one.kind == kind)
}

/// A time spine as the manifest writes it.
pub(super) fn time_spine(spine: &Value) -> Value {
    json!({
        "standard_granularity_column": spine["standard_granularity_column"],
        "custom_granularities": custom_granularities(spine),
    })
}

fn custom_granularities(spine: &Value) -> Vec<Value> {
    let list = spine["custom_granularities"].as_array().into_iter().flatten();
    list.map(|one| json!({"name": one["name"], "column_name": one["column_name"]})).collect()
}
