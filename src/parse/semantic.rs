//! Metrics, semantic models and saved queries of properties files → manifest entries, with dbt's
//! defaults written out.
//!
//! Knows their shape, not their meaning: no metric is computed. Projects without them pay nothing.

use serde_json::{Map, Value, json};

use super::Parser;
use super::config_levels;
use super::properties::SemanticProperties;
use super::sql_files::fqn;
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::load::LoadedFile;
use crate::manifest::{ById, Manifest, NodeConfig, ResourceType, SemanticEntity};

const GRANULARITIES: &[&str] = &[
    "nanosecond",
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
];
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

/// An entry that is being read.
struct Entry<'a> {
    what: &'a str,
    map: &'a Map<String, Value>,
    location: &'a Location,
}

impl<'a> Entry<'a> {
    fn error(&self, message: String, help: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(Code::BAD_CONFIG, message).at(self.location.clone()).help(help))
    }

    /// A value, or null.
    fn any(&self, key: &str) -> Value {
        self.map.get(key).cloned().unwrap_or(Value::Null)
    }

    fn flag(&self, key: &str) -> Value {
        self.map.get(key).and_then(Value::as_bool).unwrap_or(false).into()
    }

    /// A text; numbers and booleans as Python prints them.
    fn text(&self, key: &str) -> Value {
        match self.any(key) {
            Value::Null => Value::Null,
            Value::Bool(flag) => if flag { "True" } else { "False" }.into(),
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        }
    }

    fn required(&self, key: &str) -> Result<String> {
        match self.text(key) {
            Value::String(text) => Ok(text),
            _ => Err(self.error(
                format!("{} has no `{key}`: '{key}' is a required property", self.what),
                "Add it.",
            )),
        }
    }

    fn one_of(&self, key: &str, known: &[&str]) -> Result<Value> {
        let text = self.required(key)?.to_lowercase();
        if known.contains(&text.as_str()) {
            return Ok(text.into());
        }
        Err(self.error(
            format!("`{text}` is not a valid `{key}` of {}", self.what),
            &format!("It is one of {}.", known.join(", ")),
        ))
    }

    fn list(&self, key: &str) -> Result<&'a [Value]> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.error(
                format!("`{key}` of {} has to be a list", self.what),
                "Write its items with dashes.",
            )),
        }
    }

    fn below(&self, what: &'a str, value: &'a Value) -> Result<Entry<'a>> {
        match value {
            Value::Object(map) => Ok(Entry { what, map, location: self.location }),
            _ => Err(self.error(format!("{what} has to be a map"), "Write its keys below it.")),
        }
    }

    fn known(&self, keys: &[&str]) -> Result<()> {
        match self.map.keys().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.error(
                format!("`{key}` is not a key of {}", self.what),
                &format!("Known keys: {}.", keys.join(", ")),
            )),
        }
    }
}

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

/// What a metric of its type cannot be without.
fn needs(entry: &Entry, kind: &Value, params: &Entry) -> Result<()> {
    let wanted: &[&str] = match kind.as_str().unwrap_or_default() {
        "simple" | "cumulative" => &["measure"],
        "ratio" => &["numerator", "denominator"],
        "conversion" => &["conversion_type_params"],
        _ => &[],
    };
    match wanted.iter().find(|key| params.any(key).is_null()) {
        None => Ok(()),
        Some(key) => Err(entry.error(
            format!("This metric has no `type_params: {key}`"),
            &format!("A metric of its type needs {}.", wanted.join(" and ")),
        )),
    }
}

fn type_params(params: &Entry, is_cumulative: bool) -> Result<Value> {
    params.known(&[
        "measure",
        "numerator",
        "denominator",
        "expr",
        "window",
        "grain_to_date",
        "metrics",
        "conversion_type_params",
        "cumulative_type_params",
    ])?;
    let metrics: Vec<Value> = params
        .list("metrics")?
        .iter()
        .map(|one| metric_input(params, one))
        .collect::<Result<_>>()?;
    let conversion = match params.any("conversion_type_params") {
        Value::Null => Value::Null,
        set => {
            let set = params.below("`conversion_type_params`", &set)?.map.clone();
            let set =
                Entry { what: "`conversion_type_params`", map: &set, location: params.location };
            let calculation = match set.any("calculation") {
                Value::Null => "conversion_rate".into(),
                _ => set.one_of("calculation", &["conversions", "conversion_rate"])?,
            };
            json!({
                "base_measure": input_measure(&set, &set.any("base_measure"))?,
                "conversion_measure": input_measure(&set, &set.any("conversion_measure"))?,
                "entity": set.required("entity")?,
                "calculation": calculation,
                "window": window(&set, &set.any("window"))?,
                "constant_properties": set.any("constant_properties"),
            })
        }
    };
    let cumulative = if is_cumulative {
        let set = params.any("cumulative_type_params");
        let pick = |key: &str| match set.get(key).filter(|value| !value.is_null()) {
            Some(value) => value.clone(),
            None => params.any(key),
        };
        let period = set.get("period_agg").filter(|value| !value.is_null()).cloned();
        json!({
            "window": window(params, &pick("window"))?,
            "grain_to_date": pick("grain_to_date"),
            "period_agg": period.unwrap_or_else(|| "first".into()),
            "metric": null,
        })
    } else {
        Value::Null
    };
    let grain = match params.any("grain_to_date") {
        Value::Null => Value::Null,
        _ => params.one_of("grain_to_date", GRANULARITIES)?,
    };
    Ok(json!({
        "measure": input_measure(params, &params.any("measure"))?,
        "input_measures": [],
        "numerator": metric_input(params, &params.any("numerator"))?,
        "denominator": metric_input(params, &params.any("denominator"))?,
        "expr": params.text("expr"),
        "window": window(params, &params.any("window"))?,
        "grain_to_date": grain,
        "metrics": metrics,
        "conversion_type_params": conversion,
        "cumulative_type_params": cumulative,
        "metric_aggregation_params": null,
    }))
}

fn input_measure(entry: &Entry, value: &Value) -> Result<Value> {
    let (name, set) = match value {
        Value::Null => return Ok(Value::Null),
        Value::String(name) => (name.clone(), Map::new()),
        set => {
            let set = entry.below("a measure of a metric", set)?;
            set.known(&["name", "filter", "alias", "join_to_timespine", "fill_nulls_with"])?;
            (set.required("name")?, set.map.clone())
        }
    };
    let set = Entry { what: "a measure of a metric", map: &set, location: entry.location };
    Ok(json!({
        "name": name,
        "filter": filter(&set.any("filter")),
        "alias": set.any("alias"),
        "join_to_timespine": set.flag("join_to_timespine"),
        "fill_nulls_with": set.any("fill_nulls_with"),
    }))
}

fn metric_input(entry: &Entry, value: &Value) -> Result<Value> {
    let (name, set) = match value {
        Value::Null => return Ok(Value::Null),
        Value::String(name) => (name.clone(), Map::new()),
        set => {
            let set = entry.below("a metric of a metric", set)?;
            set.known(&["name", "filter", "alias", "offset_window", "offset_to_grain"])?;
            (set.required("name")?, set.map.clone())
        }
    };
    let set = Entry { what: "a metric of a metric", map: &set, location: entry.location };
    Ok(json!({
        "name": name,
        "filter": filter(&set.any("filter")),
        "alias": set.any("alias"),
        "offset_window": window(&set, &set.any("offset_window"))?,
        "offset_to_grain": set.any("offset_to_grain"),
    }))
}

fn filter(value: &Value) -> Value {
    let one = |text: &Value| json!({"where_sql_template": text});
    match value {
        Value::Null => Value::Null,
        Value::Array(many) => json!({"where_filters": many.iter().map(one).collect::<Vec<_>>()}),
        text => json!({"where_filters": [one(text)]}),
    }
}

/// `28 days` → a count and a granularity.
fn window(entry: &Entry, value: &Value) -> Result<Value> {
    let Value::String(text) = value else { return Ok(Value::Null) };
    let lower = text.to_lowercase();
    let parts: Vec<&str> = lower.split(' ').collect();
    let help = "Write a count and a granularity: 28 days.";
    let [count, granularity] = parts.as_slice() else {
        return Err(entry.error(format!("Invalid window ({text})"), help));
    };
    let Ok(count) = count.parse::<u64>() else {
        return Err(entry.error(format!("Invalid count ({count}) in the window ({text})"), help));
    };
    let singular = granularity.strip_suffix('s').filter(|one| GRANULARITIES.contains(one));
    Ok(json!({"count": count, "granularity": singular.unwrap_or(granularity)}))
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
            .note(super::found_two(one.kind, &one.name))
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
