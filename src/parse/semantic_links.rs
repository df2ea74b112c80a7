//! Links of metrics, semantic models and saved queries: which measure a metric is made of, which
//! model a measure stands on; and the rules of time spines.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::semantic::Entities;
use super::{RefIndex, locate_ref};
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::manifest::{ById, Manifest, MetricCall, ResourceType, SemanticEntity, UniqueId};

/// Fills `depends_on` of every entity, and what the manifest says of resolved measures.
///
/// Gives every error found.
pub fn link(
    manifest: &mut Manifest,
    config: &Config,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let named = manifest.exposures.values().any(|exposure| !exposure.metrics.is_empty())
        || manifest.nodes.values().any(|node| !node.metric_calls.is_empty());
    if manifest.semantic.is_empty() && !named {
        return Vec::new();
    }
    let mut errors = Vec::new();
    let mut entities = std::mem::take(&mut manifest.semantic);
    let index = RefIndex::new(manifest);
    let mut has_models = false;
    for entity in entities.values_mut().filter(|one| one.kind == ResourceType::SemanticModel) {
        has_models = true;
        for call in entity.refs.clone() {
            match index.node(&entity.package_name, &call) {
                Ok(id) => {
                    if let Some(node) = manifest.nodes.get(id) {
                        entity.body.insert(
                            "node_relation".to_owned(),
                            json!({
                                "alias": node.alias,
                                "schema_name": node.schema,
                                "database": node.database,
                                "relation_name": node.relation().render(),
                            }),
                        );
                    }
                    entity.depends_on.push(id.clone());
                }
                Err(error) => errors.push(error.or_at(entity.location.clone())),
            }
        }
    }
    errors.extend(measures_twice(&entities));
    let measures = measures(&entities);
    let metrics: Vec<UniqueId> = entities
        .values()
        .filter(|one| one.kind == ResourceType::Metric)
        .map(|one| one.unique_id.clone())
        .collect();
    for id in &metrics {
        if let Err(error) = link_metric(&mut entities, &measures, manifest, id, 0) {
            errors.push(*error);
        }
    }
    for at in 0..entities.len() {
        if entities[at].kind != ResourceType::SavedQuery {
            continue;
        }
        let names = entities[at].body["query_params"]["metrics"].clone();
        for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let asking = &entities[at];
            let (package, location) = (&asking.package_name, &asking.location);
            let place = (&*asking.name, package.as_str(), location);
            match metric_named(&entities, manifest, place, &plain(name)) {
                Ok(id) => {
                    if !entities[at].depends_on.contains(&id) {
                        entities[at].depends_on.push(id);
                    }
                }
                Err(error) => errors.push(*error),
            }
        }
    }
    let mut exposures = std::mem::take(&mut manifest.exposures);
    for exposure in exposures.values_mut() {
        for call in exposure.metrics.clone() {
            let place = (&*exposure.name, &*exposure.package_name, &exposure.location);
            match metric_named(&entities, manifest, place, &call) {
                Ok(id) => exposure.depends_on.push(id),
                Err(error) => errors.push(*error),
            }
        }
    }
    manifest.exposures = exposures;
    let mut nodes = std::mem::take(&mut manifest.nodes);
    for node in nodes.values_mut() {
        for call in std::mem::take(&mut node.metric_calls) {
            let location = locate_ref(node, &call.name);
            let place = (&*node.name, &*node.package_name, &location);
            match metric_named(&entities, manifest, place, &call) {
                Ok(id) if node.depends_on.contains(&id) => {}
                Ok(id) => node.depends_on.push(id),
                Err(error) => errors.push(*error),
            }
            node.metric_calls.push(call);
        }
    }
    manifest.nodes = nodes;
    if has_models && errors.is_empty() && !has_time_spine(manifest) {
        errors.push(
            Diagnostic::error(
                Code::BAD_CONFIG,
                "The semantic layer requires a time spine model with granularity DAY or smaller",
            )
            .help("Give a model of days `time_spine: {standard_granularity_column: …}`."),
        );
    }
    if has_models && !metrics.is_empty() {
        warnings.extend(old_forms(&entities, manifest, config));
    }
    manifest.semantic = entities;
    errors
}

/// What dbt's semantic layer asks for in another form today.
fn old_forms(entities: &Entities, manifest: &Manifest, config: &Config) -> Vec<Diagnostic> {
    let flags = &config.flags.all;
    let mut found = Vec::new();
    let old = |one: &&SemanticEntity| {
        let params = one.body.get("type_params").filter(|_| one.kind == ResourceType::Metric);
        params.is_some_and(|params| {
            ["window", "grain_to_date"].iter().any(|key| !params[*key].is_null())
        })
    };
    if let Some(metric) = entities.values().find(old)
        && !flags.is_on("require_nested_cumulative_type_params")
    {
        found.push(
            Diagnostic::warning(
                Code::BAD_CONFIG,
                format!(
                    "`window` and `grain_to_date` of `{}` stand beside each other",
                    metric.name
                ),
            )
            .event("MFCumulativeTypeParamsDeprecation")
            .or_at(metric.location.clone())
            .help("Put them under `cumulative_type_params:`."),
        );
    }
    let spine = manifest.nodes.values().find(|node| node.name == "metricflow_time_spine");
    let by_day = manifest.nodes.values().any(|node| {
        let spine = node.facts.as_ref().and_then(|facts| facts.time_spine.as_ref());
        let column = spine.and_then(|spine| spine["standard_granularity_column"].as_str());
        let column = column.and_then(|name| node.columns.get(name));
        column.and_then(|column| column.granularity.as_deref()) == Some("day")
    });
    if let Some(node) = spine
        && !by_day
        && !flags.is_on("require_yaml_configuration_for_mf_time_spines")
    {
        found.push(
            Diagnostic::warning(
                Code::BAD_CONFIG,
                "`metricflow_time_spine` is taken for the time spine by its name",
            )
            .event("MFTimespineWithoutYamlConfigurationDeprecation")
            .or_at(node.location.clone())
            .help("Give it `time_spine:` in its properties."),
        );
    }
    found
}

/// Names that two measures have: a metric could not say which of them it is made of.
fn measures_twice(entities: &Entities) -> Vec<Diagnostic> {
    let mut seen: HashMap<&str, &str> = HashMap::new();
    let mut errors = Vec::new();
    for one in entities.values().filter(|one| one.kind == ResourceType::SemanticModel) {
        let measures = one.body.get("measures").and_then(Value::as_array);
        let names = measures.into_iter().flatten().filter_map(|one| one["name"].as_str());
        for name in names {
            let Some(first) = seen.insert(name, &one.name) else { continue };
            let message = format!(
                "There are two measures named `{name}`, in the semantic models `{first}` and `{}`",
                one.name
            );
            errors.push(
                Diagnostic::error(Code::BAD_CONFIG, message)
                    .event("SemanticValidationFailure")
                    .or_at(one.location.clone())
                    .help("Give one of them another name."),
            );
        }
    }
    errors
}

/// Measure → the semantic models that have it.
fn measures(entities: &Entities) -> HashMap<String, Vec<(String, UniqueId)>> {
    let mut found: HashMap<String, Vec<(String, UniqueId)>> = HashMap::new();
    for one in entities.values().filter(|one| one.kind == ResourceType::SemanticModel) {
        for measure in one.body["measures"].as_array().into_iter().flatten() {
            if let Some(name) = measure["name"].as_str() {
                let entry = (one.package_name.clone(), one.unique_id.clone());
                found.entry(name.to_owned()).or_default().push(entry);
            }
        }
    }
    found
}

/// A metric that is named without a package.
fn plain(name: &str) -> MetricCall {
    MetricCall { package: None, name: name.to_owned() }
}

/// The metric that a call in a package means: the wanted package's; where none is wanted the root
/// project's, the own package's, any.
pub fn metric_of<'e>(
    entities: &'e ById<SemanticEntity>,
    root: &str,
    package: &str,
    call: &MetricCall,
) -> Option<&'e SemanticEntity> {
    let name = &call.name;
    let of = |package: &str| entities.get(format!("metric.{package}.{name}").as_str());
    if let Some(wanted) = &call.package {
        return of(wanted);
    }
    [root, package].into_iter().find_map(of).or_else(|| {
        entities.values().find(|one| one.kind == ResourceType::Metric && one.name == *name)
    })
}

fn metric_named(
    entities: &Entities,
    manifest: &Manifest,
    (asking, package, location): (&str, &str, &Option<Location>),
    call: &MetricCall,
) -> Result<UniqueId> {
    if let Some(found) = metric_of(entities, &manifest.project_name, package, call) {
        return Ok(found.unique_id.clone());
    }
    let name = &call.name;
    let disabled = |one: &&SemanticEntity| one.kind == ResourceType::Metric && one.name == *name;
    let is_disabled = manifest.disabled_semantic.iter().any(|one| disabled(&one));
    let what = if is_disabled { "is disabled" } else { "does not exist" };
    Err(Box::new(
        Diagnostic::error(
            Code::REF_NOT_FOUND,
            format!("The metric `{name}`, which `{asking}` names, {what}"),
        )
        .or_at(location.clone())
        .help("Check its name, and that it is enabled."),
    ))
}

fn link_metric(
    entities: &mut Entities,
    measures: &HashMap<String, Vec<(String, UniqueId)>>,
    manifest: &Manifest,
    id: &UniqueId,
    depth: usize,
) -> Result<()> {
    let metric = &entities[id];
    let done =
        metric.body["type_params"]["input_measures"].as_array().is_some_and(|a| !a.is_empty());
    if done {
        return Ok(());
    }
    if depth > 50 {
        return Err(Box::new(
            Diagnostic::error(
                Code::CYCLE,
                format!("The metric `{}` is made of itself", metric.name),
            )
            .or_at(metric.location.clone())
            .help("Metrics of metrics have to end at measures."),
        ));
    }
    let params = metric.body["type_params"].clone();
    let kind = metric.body["type"].as_str().unwrap_or_default().to_owned();
    let mut inputs: Vec<Value> = Vec::new();
    let mut depends: Vec<UniqueId> = Vec::new();
    let mut add = |measure: &Value| {
        if !measure.is_null() && !inputs.contains(measure) {
            inputs.push(measure.clone());
        }
    };
    match kind.as_str() {
        "simple" | "cumulative" => add(&params["measure"]),
        "conversion" => {
            add(&params["conversion_type_params"]["base_measure"]);
            add(&params["conversion_type_params"]["conversion_measure"]);
        }
        _ => {
            let of: Vec<&Value> = if kind == "ratio" {
                vec![&params["numerator"], &params["denominator"]]
            } else {
                params["metrics"].as_array().into_iter().flatten().collect()
            };
            for input in of {
                let name = input["name"].as_str().unwrap_or_default();
                let asking = &entities[id];
                let place = (&*asking.name, &*asking.package_name, &asking.location);
                let target = metric_named(entities, manifest, place, &plain(name))?;
                link_metric(entities, measures, manifest, &target, depth + 1)?;
                let below = entities[&target].body["type_params"]["input_measures"].clone();
                below.as_array().into_iter().flatten().for_each(&mut add);
                if !depends.contains(&target) {
                    depends.push(target);
                }
            }
        }
    }
    if matches!(kind.as_str(), "simple" | "cumulative" | "conversion") {
        for input in &inputs {
            let name = input["name"].as_str().unwrap_or_default();
            let metric = &entities[id];
            let found = measures.get(name).map(Vec::as_slice).unwrap_or_default();
            let of = |package: &str| found.iter().find(|(of, _)| of == package);
            let found = of(&manifest.project_name)
                .or_else(|| of(&metric.package_name))
                .or_else(|| found.first());
            let Some((_, model)) = found else {
                let has = |one: &&SemanticEntity| {
                    let all = one.body.get("measures").and_then(Value::as_array);
                    all.into_iter().flatten().any(|measure| measure["name"] == name)
                };
                if let Some(off) = manifest.disabled_semantic.iter().find(has) {
                    return Err(Box::new(
                        Diagnostic::error(
                            Code::REF_DISABLED,
                            format!(
                                "The measure `{name}` is referenced on disabled semantic model \
                                 `{}`.",
                                off.name
                            ),
                        )
                        .or_at(metric.location.clone())
                        .help("Enable it, or disable the metric, too."),
                    ));
                }
                return Err(Box::new(
                    Diagnostic::error(
                        Code::REF_NOT_FOUND,
                        format!(
                            "No semantic model has the measure `{name}` of the metric `{}`",
                            metric.name
                        ),
                    )
                    .or_at(metric.location.clone())
                    .help("Check the measure's name, and that its semantic model is enabled."),
                ));
            };
            if !depends.contains(model) {
                depends.push(model.clone());
            }
        }
    }
    let metric = &mut entities[id];
    metric.body["type_params"]["input_measures"] = inputs.into();
    metric.depends_on = depends;
    Ok(())
}

/// Whether there is a model of days or smaller steps, or dbt's old one by its name.
fn has_time_spine(manifest: &Manifest) -> bool {
    manifest.nodes.values().any(|node| {
        if node.name == "metricflow_time_spine" && node.resource_type == ResourceType::Model {
            return true;
        }
        let spine = node.facts.as_ref().and_then(|facts| facts.time_spine.as_ref());
        let column = spine.and_then(|spine| spine["standard_granularity_column"].as_str());
        let grain = column.and_then(|name| node.columns.get(name)?.granularity.as_deref());
        grain.is_some_and(|grain| {
            matches!(
                grain,
                "nanosecond" | "microsecond" | "millisecond" | "second" | "minute" | "hour" | "day"
            )
        })
    })
}
