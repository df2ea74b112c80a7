//! Paths below `models:` and its kin in the root project's dbt_project.yml that no resource lies
//! under: most often a misspelt folder. Only warns.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::config::{Config, config_section};
use crate::diagnostic::{Code, Diagnostic, Location};
use crate::manifest::{Manifest, ResourceType};

type Fqns<'a> = HashMap<&'static str, Vec<&'a [String]>>;

/// The warning, if there is any such path.
pub fn warning(manifest: &Manifest, config: &Config) -> Option<Diagnostic> {
    let mut open: Vec<(&str, Vec<&str>)> = Vec::new();
    for (section, settings) in &config.project.configs {
        paths(settings, &mut Vec::new(), &mut |path| open.push((section, path.to_vec())));
    }
    if open.is_empty() {
        return None;
    }
    let (used, disabled) = fqns(manifest);
    let below = |fqn: &[String], path: &[&str]| {
        fqn.len() >= path.len() && fqn.iter().zip(path).all(|(have, want)| have == want)
    };
    open.retain(|(section, path)| {
        let own = used.get(section).map(Vec::as_slice).unwrap_or_default();
        !own.iter().chain(&disabled).any(|fqn| below(fqn, path))
    });
    open.dedup();
    let list: Vec<String> =
        open.iter().map(|(section, path)| [&[*section], &**path].concat().join(".")).collect();
    let last = open.first()?.1.last().copied().unwrap_or(open[0].0);
    let file = &config.project.file;
    let at = file.text.find(&format!("{last}:")).map(|at| at..at + last.len());
    let text: String = list.iter().map(|path| format!("\n- {path}")).collect();
    let mut warning = Diagnostic::warning(
        Code::BAD_CONFIG,
        format!("Configuration paths exist in dbt_project.yml that apply to no resource:{text}"),
    )
    .event("UnusedResourceConfigPath")
    .field("unused_config_paths", list)
    .help("Correct or remove them.");
    if let Some(span) = at {
        warning = warning.at(Location::new(file.clone(), span));
    }
    Some(warning)
}

/// Tells of each path that has settings.
fn paths<'a>(
    settings: &'a Map<String, Value>,
    path: &mut Vec<&'a str>,
    tell: &mut dyn FnMut(&[&'a str]),
) {
    let mut has_own = false;
    for (key, value) in settings {
        match value.as_object().filter(|_| !key.starts_with('+')) {
            Some(inner) => {
                path.push(key);
                paths(inner, path, tell);
                path.pop();
            }
            None => has_own = true,
        }
    }
    if has_own {
        tell(path);
    }
}

/// The names of all resources by section, and of those that are disabled.
fn fqns(manifest: &Manifest) -> (Fqns<'_>, Vec<&[String]>) {
    let mut used: Fqns = HashMap::new();
    let nodes = manifest.nodes.values().map(|node| (node.resource_type, &node.fqn));
    let sources = manifest.sources.values().map(|one| (ResourceType::Source, &one.fqn));
    let exposures = manifest.exposures.values().map(|one| (ResourceType::Exposure, &one.fqn));
    let semantic = manifest.semantic.values().map(|one| (one.kind, &one.fqn));
    for (kind, fqn) in nodes.chain(sources).chain(exposures).chain(semantic) {
        used.entry(config_section(kind)).or_default().push(fqn);
    }
    let nodes = manifest.disabled.iter().map(|node| &*node.fqn);
    let sources = manifest.disabled_sources.iter().map(|one| &*one.fqn);
    let exposures = manifest.disabled_exposures.iter().map(|one| &*one.fqn);
    let semantic = manifest.disabled_semantic.iter().map(|one| &*one.fqn);
    (used, nodes.chain(sources).chain(exposures).chain(semantic).collect())
}
