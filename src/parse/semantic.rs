//! Metrics, semantic models and saved queries of properties files → manifest entries, with dbt's
//! defaults written out.
//!
//! Knows their shape, not their meaning: no metric is computed. Projects without them pay nothing.

mod entry;
mod metric_params;

use serde_json::{Map, Value, json};

use super::Parser;
use super::config_levels;
use super::properties::SemanticProperties;
use super::sql_files::fqn;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::load::LoadedFile;
use crate::manifest::{ById, Manifest, NodeConfig, ResourceType, SemanticEntity};
use entry::Entry;
use metric_params::{GRANULARITIES, filter, needs, type_params};

const AGGREGATIONS: &[&str] = &[
    "sum",
    "min",
    "max",
    "count_distinct",
    "sum_boolean",
    "average",
    "percentile",
    "median",
    "count",
];

impl Parser<'_> {
    /// An entry of `metrics:`, `semantic_models:` or `saved_queries:`; of a semantic model also the
    /// metrics that its measures make.
    ///
    /// # Errors
    /// Keys and values of the wrong kind.
    pub(super) fn semantic(
        &self,
        loaded: &LoadedFile,
        properties: &SemanticProperties,
    ) -> Result<Vec<SemanticEntity>> {
        let entry = Entry {
            what: match properties.kind {
                ResourceType::Metric => "a metric",
                ResourceType::SemanticModel => "a semantic model",
                _ => "a saved query",
            },
            map: &properties.map,
            location: &properties.location,
        };
        let name = entry.required("name")?;
        check_name(&entry, &name)?;
        let mut one = self.entity(loaded, &entry, properties.kind, &name)?;
        let mut made = Vec::new();
        match properties.kind {
            ResourceType::Metric => one.body = self.metric(loaded, &entry, &one.config)?,
            ResourceType::SemanticModel => {
                one.body = self.semantic_model(loaded, &entry, &one.config)?;
                let call = entry.required("model")?;
                let host = self.host(&loaded.package, NodeConfig::default());
                let place = Some(properties.location.clone());
                self.dialects.default_one().eval(&call, place, host.clone())?;
                one.refs = host.take_notes().refs;
                for measure in entry.list("measures")? {
                    if measure["create_metric"] == true {
                        made.push(self.metric_of_measure(loaded, &entry, measure, &one.config)?);
                    }
                }
            }
            _ => one.body = self.saved_query(loaded, &entry, &one.config)?,
        }
        made.insert(0, one);
        Ok(made)
    }

    fn entity(
        &self,
        loaded: &LoadedFile,
        entry: &Entry,
        kind: ResourceType,
        name: &str,
    ) -> Result<SemanticEntity> {
        let package = &loaded.package;
        let fqn = fqn(package, &loaded.path, name);
        let mut config = config_levels::from_own_project(&self.config, package, kind, &fqn);
        let written = entry.any("config").as_object().cloned().unwrap_or_default();
        config_levels::apply(&mut config, written.clone());
        config_levels::apply_root_project(&mut config, &self.config, package, kind, &fqn);
        let meta = match config
            .get("meta")
            .filter(|meta| meta.as_object().is_none_or(|m| !m.is_empty()))
        {
            Some(meta) => meta.clone(),
            None if entry.any("meta").is_object() => entry.any("meta"),
            None => json!({}),
        };
        let mut tags = super::properties::texts_of(&entry.any("tags"));
        if kind == ResourceType::SavedQuery {
            tags.extend(config.distinct_tags());
            tags.sort();
            tags.dedup();
        }
        Ok(SemanticEntity {
            unique_id: format!("{}.{package}.{name}", kind.as_str()).into(),
            kind,
            name: name.to_owned(),
            package_name: package.to_string(),
            path: loaded.path.clone(),
            original_file_path: loaded.original_file_path.clone(),
            location: Some(entry.location.clone()),
            fqn,
            config,
            unrendered_config: written.into_iter().collect(),
            tags,
            meta,
            refs: Vec::new(),
            depends_on: Vec::new(),
            body: Map::new(),
        })
    }

    /// A description, or what stands for none.
    fn described(&self, loaded: &LoadedFile, entry: &Entry, none: Value) -> Result<Value> {
        match entry.any("description") {
            Value::String(text) => {
                Ok(self.description(&loaded.package, &text, entry.location)?.into())
            }
            _ => Ok(none),
        }
    }

    fn metric(
        &self,
        loaded: &LoadedFile,
        entry: &Entry,
        config: &NodeConfig,
    ) -> Result<Map<String, Value>> {
        entry.known(&[
            "name",
            "label",
            "type",
            "type_params",
            "description",
            "filter",
            "time_granularity",
            "meta",
            "tags",
            "config",
        ])?;
        let kinds = ["simple", "ratio", "cumulative", "derived", "conversion"];
        let kind = entry.one_of("type", &kinds)?;
        let params = entry.any("type_params");
        let params = entry.below("`type_params`", &params)?;
        let body = json!({
            "description": self.described(loaded, entry, "".into())?,
            "label": entry.required("label")?,
            "type": kind,
            "type_params": type_params(&params, kind == "cumulative")?,
            "filter": filter(&entry.any("filter")),
            "metadata": null,
            "time_granularity": entry.any("time_granularity"),
            "group": config.get("group"),
        });
        needs(entry, &kind, &params)?;
        Ok(into_map(body))
    }

    /// The metric of a measure with `create_metric: true`.
    fn metric_of_measure(
        &self,
        loaded: &LoadedFile,
        model: &Entry,
        measure: &Value,
        config: &NodeConfig,
    ) -> Result<SemanticEntity> {
        let measure = model.below("a measure", measure)?;
        let name = measure.required("name")?;
        let or_name = |value: Value| if value.is_null() { name.as_str().into() } else { value };
        let description = match measure.any("description") {
            Value::String(text) if !text.is_empty() => text,
            _ => format!("Metric created from measure {name}"),
        };
        let map = into_map(json!({
            "name": name,
            "label": or_name(measure.any("label")),
            "type": "simple",
            "type_params": {"measure": name, "expr": or_name(measure.text("expr"))},
            "description": description,
            "config": {
                "enabled": config.enabled(),
                "meta": config.get("meta").cloned().unwrap_or_else(|| json!({})),
            },
        }));
        let entry = Entry { what: "a metric", map: &map, location: model.location };
        let mut metric = self.entity(loaded, &entry, ResourceType::Metric, &name)?;
        metric.body = self.metric(loaded, &entry, &metric.config)?;
        Ok(metric)
    }

    fn semantic_model(
        &self,
        loaded: &LoadedFile,
        entry: &Entry,
        config: &NodeConfig,
    ) -> Result<Map<String, Value>> {
        entry.known(&[
            "name",
            "model",
            "config",
            "description",
            "label",
            "defaults",
            "entities",
            "measures",
            "dimensions",
            "primary_entity",
        ])?;
        let element_config = |element: &Entry| {
            let mut meta =
                config.get("meta").and_then(Value::as_object).cloned().unwrap_or_default();
            if let Some(Value::Object(own)) = element.any("config").get("meta") {
                meta.extend(own.clone());
            }
            json!({"meta": meta})
        };
        let mut entities = Vec::new();
        for value in entry.list("entities")? {
            let one = entry.below("an entity", value)?;
            one.known(&["name", "type", "description", "label", "role", "expr", "config"])?;
            entities.push(json!({
                "name": one.required("name")?,
                "type": one.one_of("type", &["foreign", "natural", "primary", "unique"])?,
                "description": self.described(loaded, &one, Value::Null)?,
                "label": one.any("label"),
                "role": one.any("role"),
                "expr": one.text("expr"),
                "config": element_config(&one),
            }));
        }
        let mut measures = Vec::new();
        for value in entry.list("measures")? {
            let one = entry.below("a measure", value)?;
            one.known(&[
                "name",
                "agg",
                "description",
                "label",
                "expr",
                "agg_params",
                "non_additive_dimension",
                "agg_time_dimension",
                "create_metric",
                "config",
            ])?;
            let agg_params = one.any("agg_params");
            let additive = one.any("non_additive_dimension");
            measures.push(json!({
                "name": one.required("name")?,
                "agg": one.one_of("agg", AGGREGATIONS)?,
                "description": self.described(loaded, &one, Value::Null)?,
                "label": one.any("label"),
                "create_metric": false,
                "expr": one.text("expr"),
                "agg_params": match agg_params {
                    Value::Null => Value::Null,
                    ref set => {
                        let set = one.below("`agg_params`", set)?;
                        json!({
                            "percentile": set.any("percentile"),
                            "use_discrete_percentile": set.flag("use_discrete_percentile"),
                            "use_approximate_percentile": set.flag("use_approximate_percentile"),
                        })
                    }
                },
                "non_additive_dimension": match additive {
                    Value::Null => Value::Null,
                    ref set => {
                        let set = one.below("`non_additive_dimension`", set)?;
                        json!({
                            "name": set.required("name")?,
                            "window_choice": set.one_of("window_choice", AGGREGATIONS)?,
                            "window_groupings": set.list("window_groupings")?,
                        })
                    }
                },
                "agg_time_dimension": one.any("agg_time_dimension"),
                "config": element_config(&one),
            }));
        }
        let mut dimensions = Vec::new();
        for value in entry.list("dimensions")? {
            let one = entry.below("a dimension", value)?;
            one.known(&[
                "name",
                "type",
                "description",
                "label",
                "is_partition",
                "type_params",
                "expr",
                "config",
            ])?;
            let params = one.any("type_params");
            let params = match &params {
                Value::Null => Value::Null,
                set => {
                    let set = one.below("`type_params`", set)?;
                    let validity = match set.any("validity_params") {
                        Value::Null => Value::Null,
                        params => json!({
                            "is_start": params["is_start"].as_bool().unwrap_or(false),
                            "is_end": params["is_end"].as_bool().unwrap_or(false),
                        }),
                    };
                    json!({
                        "time_granularity": set.one_of("time_granularity", GRANULARITIES)?,
                        "validity_params": validity,
                    })
                }
            };
            dimensions.push(json!({
                "name": one.required("name")?,
                "type": one.one_of("type", &["categorical", "time"])?,
                "description": self.described(loaded, &one, Value::Null)?,
                "label": one.any("label"),
                "is_partition": one.flag("is_partition"),
                "type_params": params,
                "expr": one.text("expr"),
                "metadata": null,
                "config": element_config(&one),
            }));
        }
        let defaults = match entry.any("defaults") {
            Value::Null => Value::Null,
            set => json!({"agg_time_dimension": set["agg_time_dimension"]}),
        };
        Ok(into_map(json!({
            "model": entry.required("model")?,
            "node_relation": null,
            "description": self.described(loaded, entry, Value::Null)?,
            "label": entry.any("label"),
            "defaults": defaults,
            "entities": entities,
            "measures": measures,
            "dimensions": dimensions,
            "metadata": null,
            "primary_entity": entry.any("primary_entity"),
            "group": config.get("group"),
        })))
    }

    fn saved_query(
        &self,
        loaded: &LoadedFile,
        entry: &Entry,
        config: &NodeConfig,
    ) -> Result<Map<String, Value>> {
        entry.known(&[
            "name",
            "query_params",
            "description",
            "label",
            "exports",
            "config",
            "tags",
        ])?;
        let params = entry.any("query_params");
        let params = entry.below("`query_params`", &params)?;
        params.known(&["metrics", "group_by", "where", "order_by", "limit"])?;
        let engine = &self.config.target.engines[&self.config.target.default_engine];
        let mut exports = Vec::new();
        for value in entry.list("exports")? {
            let one = entry.below("an export", value)?;
            one.known(&["name", "config"])?;
            let own = one.any("config");
            let pick = |key: &str| {
                let own = own.get(key).filter(|value| !value.is_null());
                own.or_else(|| config.get(key)).cloned()
            };
            let name = one.required("name")?;
            let schema = pick("schema").or_else(|| pick("schema_name"));
            let schema = match schema.as_ref().and_then(Value::as_str) {
                Some(schema) => schema.to_owned(),
                None => engine.schema.clone(),
            };
            let database = pick("database").unwrap_or_else(|| engine.database.as_str().into());
            exports.push(json!({
                "name": name,
                "config": {
                    "export_as": pick("export_as").unwrap_or(Value::Null),
                    "schema_name": schema,
                    "alias": pick("alias").unwrap_or_else(|| name.as_str().into()),
                    "database": database,
                },
                "unrendered_config": if own.is_null() { json!({}) } else { own },
            }));
        }
        Ok(into_map(json!({
            "query_params": {
                "metrics": params.list("metrics")?,
                "group_by": params.list("group_by")?,
                "where": filter(&params.any("where")),
                "order_by": params.list("order_by")?,
                "limit": params.any("limit"),
            },
            "exports": exports,
            "description": self.described(loaded, entry, Value::Null)?,
            "label": entry.any("label"),
            "metadata": null,
            "group": config.get("group"),
        })))
    }
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn check_name(entry: &Entry, name: &str) -> Result<()> {
    if entry.what != "a metric" {
        return Ok(());
    }
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let rule = if name.chars().count() > 250 {
        "cannot contain more than 250 characters"
    } else if name.contains(' ') {
        "cannot contain spaces"
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        "must begin with a letter"
    } else if !plain {
        "must contain only letters, numbers and underscores"
    } else {
        return Ok(());
    };
    Err(entry.error(
        format!("The metric name '{name}' is invalid: it {rule}"),
        "Rename it: letters, digits and underscores, beginning with a letter.",
    ))
}

/// Whether a key's text is a template of the semantic layer's own, which is not rendered here.
pub fn is_foreign_template(key: &str) -> bool {
    matches!(key, "filter" | "where")
}

/// A map by `unique_id`, for look-ups while linking.
pub type Entities = ById<SemanticEntity>;

/// Puts entities into the manifest: metrics first, then semantic models, then saved queries.
pub fn add(manifest: &mut Manifest, mut all: Vec<SemanticEntity>, errors: &mut Vec<Diagnostic>) {
    all.sort_by_key(|one| match one.kind {
        ResourceType::Metric => 0,
        ResourceType::SemanticModel => 1,
        _ => 2,
    });
    for one in all {
        if !one.config.enabled() {
            manifest.disabled_semantic.push(one);
            continue;
        }
        if let Some(first) = manifest.semantic.get(&one.unique_id) {
            let what = one.kind.as_str().replace('_', " ");
            let mut error = Diagnostic::error(
                Code::DUPLICATE_NODE,
                format!("The {what} `{}` is declared twice", one.name),
            )
            .or_at(one.location.clone())
            .note(super::adding::found_two(one.kind, &one.name))
            .help("Rename one of them.");
            if let Some(location) = &first.location {
                error = error.related("first here", location.clone());
            }
            errors.push(error);
            continue;
        }
        manifest.semantic.insert(one.unique_id.clone(), one);
    }
}
