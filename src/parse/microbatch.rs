//! What the configuration of a microbatch model has to say, checked once the project is read.

use serde_json::Value;

use super::{Dialects, locate_config};
use crate::config::Config;
use crate::config::event_time::{Grain, parse};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifest, Node, ResourceType};

/// Errors of the microbatch models; and a warning for those that read nothing with an
/// `event_time`, whose inputs are read whole by each batch.
pub(super) fn check(
    manifest: &mut Manifest,
    config: &Config,
    dialects: &Dialects,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let built_so = |node: &Node| is_batched(node, config, dialects);
    for node in manifest.nodes.values_mut().filter(|node| built_so(node)) {
        // In the manifest it is a time, however it was written.
        let begin = node.config.text("begin").and_then(parse);
        if let (Some(value), Some(begin)) = (node.config.values.get_mut("begin"), begin) {
            *value = begin.to_string().into();
        }
    }
    for node in manifest.nodes.values().filter(|node| built_so(node)) {
        let before = errors.len();
        errors.extend(problems(node));
        if errors.len() == before && !reads_by_time(node, manifest) {
            warnings.push(
                Diagnostic::warning(
                    Code::BAD_CONFIG,
                    format!(
                        "The microbatch model `{}` has no input with an `event_time` configuration",
                        node.name
                    ),
                )
                .event("MicrobatchModelNoEventTimeInputs")
                .field("model_name", node.name.as_str())
                .or_at(node.location.clone())
                .note("Each of its batches reads its inputs whole.")
                .help("Set event_time on what it reads."),
            );
        }
    }
    warnings.extend(vain_concurrency(
        manifest.nodes.values().map(|node| &**node).filter(|node| built_so(node)),
        config,
    ));
    if let Some(node) = manifest.nodes.values().find(|node| is_microbatch(node))
        && !config.flags.all.is_on(BATCHED)
        && dialects.get(&node.engine).is_overridden("get_incremental_microbatch_sql")
    {
        warnings.push(
            Diagnostic::warning(
                Code::BAD_CONFIG,
                "The project has a macro `get_incremental_microbatch_sql` of its own, so microbatch \
                 models are not built batch by batch",
            )
            .event("MicrobatchMacroOutsideOfBatchesDeprecation")
            .or_at(node.location.clone())
            .help(format!("Set `{BATCHED}: true` under `flags:` in dbt_project.yml.")),
        );
    }
    errors
}

/// A warning about models that ask for batches side by side on an engine that has none.
fn vain_concurrency<'a>(
    models: impl Iterator<Item = &'a Node>,
    config: &Config,
) -> Option<Diagnostic> {
    let kind = |node: &Node| config.target.engines[&node.engine].kind();
    let mut asking = models.filter(|node| {
        node.config.flag("concurrent_batches") == Some(true)
            && !kind(node).runs_batches_side_by_side()
    });
    let first = asking.next()?;
    let (count, adapter) = (1 + asking.count(), kind(first).as_str());
    let models = if count == 1 { "microbatch model has" } else { "microbatch models have" };
    Some(
        Diagnostic::warning(
            Code::BAD_CONFIG,
            format!(
                "{count} {models} `concurrent_batches: true`, which {adapter} does not support"
            ),
        )
        .event("InvalidConcurrentBatchesConfig")
        .field("num_models", count)
        .field("adapter_type", adapter)
        .or_at(first.location.clone())
        .note("Their batches run one after the other."),
    )
}

const BATCHED: &str = "require_batched_execution_for_custom_microbatch_strategy";

fn is_microbatch(node: &Node) -> bool {
    node.config.text("incremental_strategy") == Some("microbatch")
        && node.resource_type == ResourceType::Model
        && node.materialized() == "incremental"
}

/// Whether a node is built batch by batch: not where the project has a strategy of that name of
/// its own, unless it says so in its flags.
pub fn is_batched(node: &Node, config: &Config, dialects: &Dialects) -> bool {
    is_microbatch(node) && {
        let asked = config.project.flags.get(BATCHED).and_then(Value::as_bool);
        asked.unwrap_or(false)
            || !dialects.get(&node.engine).is_overridden("get_incremental_microbatch_sql")
    }
}

fn reads_by_time(node: &Node, manifest: &Manifest) -> bool {
    node.depends_on.iter().any(|id| {
        let config = manifest.nodes.get(id).map(|node| &node.config);
        let config = config.or_else(|| manifest.sources.get(id).map(|source| &source.config));
        config.is_some_and(|config| config.get("event_time").is_some())
    })
}

fn problems(node: &Node) -> Vec<Diagnostic> {
    let config = &node.config;
    let get = |key: &str| config.get(key);
    let mut out = Vec::new();
    let mut refuse = |key: &str, wants: &str| {
        let article = if key.starts_with('e') { "an" } else { "a" };
        let (message, place) = match get(key) {
            None => (format!("must provide {article} '{key}' config"), None),
            Some(value) => {
                let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let place = locate_config(&node.file, key, &shown);
                (
                    format!("must provide {article} '{key}' config that works, but got: {shown}"),
                    place,
                )
            }
        };
        out.push(
            Diagnostic::error(
                Code::BAD_CONFIG,
                format!("The microbatch model `{}` {message}", node.name),
            )
            .or_at(place.or_else(|| node.location.clone()))
            .help(format!("`{key}` is {wants}.")),
        );
    };
    if !get("event_time").is_some_and(Value::is_string) {
        refuse("event_time", "the name of the column that says when a row came about");
    }
    if get("begin").and_then(Value::as_str).and_then(parse).is_none() {
        refuse("begin", "the time that the first batch begins at, such as '2025-01-31'");
    }
    if get("batch_size").and_then(Value::as_str).and_then(Grain::named).is_none() {
        refuse("batch_size", &format!("one of {}", Grain::NAMES.join(", ")));
    }
    if !get("lookback").is_none_or(|value| value.is_i64() || value.is_u64()) {
        refuse("lookback", "how many batches before the last one are built again, a whole number");
    }
    if !get("concurrent_batches").is_none_or(Value::is_boolean) {
        refuse("concurrent_batches", "true or false");
    }
    out
}
