//! What `publish:` may say: `direct`, or `audited` where a model is a view, a table or an
//! incremental model. Checked once the project is read; building and swapping is `run`'s business.

use std::collections::HashMap;

use super::{Dialects, locate_config};
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic, Location};
use crate::load::LoadedFile;
use crate::manifest::{Manifest, Node, ResourceType};

/// Errors of the nodes that say how they are published.
pub(super) fn check(
    manifest: &Manifest,
    config: &Config,
    dialects: &Dialects,
    files: &[LoadedFile],
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for node in manifest.nodes.values() {
        let Some(value) = node.config.get("publish").filter(|_| node.resource_type.is_refable())
        else {
            continue;
        };
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let refused = match &*shown {
            "direct" => None,
            "audited" => unsupported(node, config, dialects),
            _ => Some((
                format!("`publish` of `{}` is '{shown}', which is not known", node.name),
                "Write `direct`, which is the default, or `audited`.",
            )),
        };
        if let Some((message, help)) = refused {
            let place = place_of(node, &shown, config, files);
            errors.push(Diagnostic::error(Code::BAD_CONFIG, message).or_at(place).help(help));
        }
    }
    errors.extend(taken_names(manifest, config, files));
    errors
}

/// Why a node cannot be audited, and what to do.
fn unsupported(
    node: &Node,
    config: &Config,
    dialects: &Dialects,
) -> Option<(String, &'static str)> {
    const DIRECT: &str =
        "Set `publish: direct` for it; tables, views and incremental models can be audited.";
    let refuse = |what: &str| {
        let message =
            format!("`{}` is {what}, which `publish: audited` does not support", node.name);
        Some((message, DIRECT))
    };
    if node.resource_type != ResourceType::Model {
        return refuse(&format!("a {}", node.resource_type.as_str()));
    }
    let name = node.materialized();
    if node.is_ephemeral() {
        return None;
    }
    if !matches!(name, "view" | "table" | "incremental") {
        return refuse(&format!("materialized as `{name}`"));
    }
    if name == "incremental" && node.config.text("incremental_strategy") == Some("microbatch") {
        return refuse("a microbatch model");
    }
    let packages = config.allows_package_materializations();
    let block = dialects.get(&node.engine).materialization(name, packages);
    let own = block.filter(|block| !block.is_built_in())?;
    refuse(&format!("built by the materialization `{name}` of `{}`", own.package))
}

/// Models whose hidden relations would be those of others.
fn taken_names(manifest: &Manifest, config: &Config, files: &[LoadedFile]) -> Vec<Diagnostic> {
    let audited: Vec<&Node> = manifest
        .nodes
        .values()
        .map(AsRef::as_ref)
        .filter(|node: &&Node| node.is_audited())
        .collect();
    if audited.is_empty() {
        return Vec::new();
    }
    let made = |node: &&Node| node.resource_type.is_refable() && !node.is_ephemeral();
    let key = |node: &Node, name: String| (node.engine.clone(), name.to_lowercase());
    let taken: HashMap<_, &Node> = manifest
        .nodes
        .values()
        .map(AsRef::as_ref)
        .filter(made)
        .map(|node| (key(node, node.relation().render()), node))
        .collect();
    let mut errors = Vec::new();
    for node in audited {
        for beside in [node.audit_relation(), node.rejected_relation()] {
            let Some(other) = taken.get(&key(node, beside.render())) else { continue };
            let message = format!(
                "`{}` is written to {}, where the audited model `{}` is built or kept",
                other.name,
                beside.render(),
                node.name
            );
            let mut error = Diagnostic::error(Code::AMBIGUOUS_RELATION, message)
                .or_at(other.location.clone())
                .help("Give it another alias.");
            if let Some(place) = place_of(node, "audited", config, files) {
                error = error.related("audited here", place);
            }
            errors.push(error);
        }
    }
    errors
}

/// Where the value stands: in the model, in its properties file or in dbt_project.yml.
fn place_of(node: &Node, value: &str, config: &Config, files: &[LoadedFile]) -> Option<Location> {
    let properties = || {
        let path = node.patch_path.as_deref()?;
        let is_it = |file: &&LoadedFile| {
            path.strip_prefix(&*file.package).and_then(|rest| rest.strip_prefix("://"))
                == Some(&*file.original_file_path)
        };
        locate_config(&files.iter().find(is_it)?.file, "publish", value)
    };
    locate_config(&node.file, "publish", value)
        .or_else(properties)
        .or_else(|| locate_config(&config.project.file, "publish", value))
        .or_else(|| node.location.clone())
}
