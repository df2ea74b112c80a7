//! What was parsed → its place in the manifest: nodes, tests and hooks, and everything that only
//! properties files declare. Nothing may be there twice.

use std::borrow::Cow;
use std::collections::HashMap;

use rayon::prelude::*;

use super::generic_tests::TestTarget;
use super::properties::{NodeProperties, PropertiesFile};
use super::{Parser, config_rules, freshness, functions, macro_properties, semantic};
use crate::diagnostic::{Code, Diagnostic, Location, Result, did_you_mean};
use crate::load::LoadedFile;
use crate::manifest::{FastHash, Manifest, Node, ResourceType};

/// A node where it belongs: among the nodes, or among those that are set aside.
pub(super) fn add_node(
    manifest: &mut Manifest,
    node: impl Into<Box<Node>>,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    let node = node.into();
    errors.extend(config_rules::broken(&node, warnings).or_else(|| functions::broken(&node)));
    if !node.config.enabled() {
        manifest.disabled.push(*node);
        return;
    }
    if let Some(first) = manifest.nodes.get(&node.unique_id) {
        // dbt tells tests of one name apart by nothing but their hash: the same entry twice.
        errors.push(duplicate(first, &node));
        return;
    }
    manifest.nodes.insert(node.unique_id.clone(), node);
}

/// The error for a second node of a name.
pub(super) fn duplicate(first: &Node, second: &Node) -> Diagnostic {
    let package = &second.package_name;
    let mut error = Diagnostic::error(
        Code::DUPLICATE_NODE,
        match (first.resource_type.as_str(), second.resource_type.as_str()) {
            (one, other) if one == other => {
                format!("There are two {one}s `{}` in the package `{package}`", second.name)
            }
            (one, other) => format!(
                "There are a {one} and a {other} named `{}` in the package `{package}`",
                second.name
            ),
        },
    )
    .or_at(second.location.clone())
    .note(found_two(first.resource_type, &second.name))
    .help("Rename one of them: refs would not know which one is meant.");
    if let Some(location) = &first.location {
        error = error.related("the other one", location.clone());
    }
    error
}

/// The error for a second entry of a name, at its place and that of the first; `found` is the name
/// as dbt says it.
pub(super) fn declared_twice(
    kind: ResourceType,
    name: &str,
    found: &str,
    (second, first): (&Option<Location>, &Option<Location>),
) -> Diagnostic {
    let message = format!("The {} `{name}` is declared twice", kind.as_str());
    let error = Diagnostic::error(Code::DUPLICATE_NODE, message)
        .or_at(second.clone())
        .note(found_two(kind, found));
    match first {
        Some(first) => error.related("first here", first.clone()),
        None => error,
    }
}

/// What dbt says of two of a name, which people search for.
pub(super) fn found_two(kind: ResourceType, name: &str) -> String {
    let many = match kind {
        ResourceType::Analysis => "analyses".to_owned(),
        ResourceType::SavedQuery => "saved queries".to_owned(),
        ResourceType::Test => "data_tests".to_owned(),
        other => format!("{}s", other.as_str().replace('_', " ")),
    };
    format!("dbt found two {many} with the name \"{name}\"")
}

/// Sources, groups, exposures, what is made of metrics, and what is said of macros.
pub(super) fn add_others(
    parser: &Parser,
    files: &[(&LoadedFile, PropertiesFile)],
    manifest: &mut Manifest,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    let mut semantic = Vec::new();
    for (loaded, found) in files {
        for source in &found.sources {
            for table in &source.tables {
                let parsed = parser.source(loaded, source, table);
                warnings.extend(parsed.as_ref().ok().and_then(freshness::doubt));
                match parsed {
                    Ok(entry) if !entry.config.enabled() => manifest.disabled_sources.push(entry),
                    Ok(entry) => {
                        if let Some(first) = manifest.sources.get(&entry.unique_id) {
                            let name = format!("{}.{}", entry.source_name, entry.name);
                            let found = format!("{}_{}", entry.source_name, entry.name);
                            let places = (&entry.location, &first.location);
                            let error = declared_twice(ResourceType::Source, &name, &found, places);
                            errors.push(error.help("Merge the two entries into one."));
                        } else {
                            manifest.sources.insert(entry.unique_id.clone(), entry);
                        }
                    }
                    Err(error) => errors.push(*error),
                }
            }
        }
        for properties in &found.groups {
            let group = parser.group(loaded, properties);
            manifest.groups.insert(group.unique_id.clone(), group);
        }
        for properties in &found.semantic {
            match parser.semantic(loaded, properties) {
                Ok(entities) => semantic.extend(entities),
                Err(error) => errors.push(*error),
            }
        }
        for properties in &found.exposures {
            match parser.exposure(loaded, properties) {
                Ok(exposure) => {
                    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
                    if !exposure.name.chars().all(plain) {
                        let warning = Diagnostic::warning(
                            Code::BAD_NAME,
                            format!("The name of the exposure `{}` is no word", exposure.name),
                        )
                        .event("ExposureNameDeprecation")
                        .note(
                            "Starting in v1.3, the 'name' of an exposure should contain only \
                             letters, numbers, and underscores.",
                        )
                        .field("exposure", exposure.name.as_str())
                        .or_at(exposure.location.clone())
                        .help("Use letters, digits and underscores; `label` is for people.");
                        warnings.push(warning);
                    }
                    if !exposure.config.enabled() {
                        manifest.disabled_exposures.push(exposure);
                    } else if let Some(first) = manifest.exposures.get(&exposure.unique_id) {
                        let name = &exposure.name;
                        let places = (&exposure.location, &first.location);
                        let error = declared_twice(ResourceType::Exposure, name, name, places);
                        errors.push(error.help("Rename one of them."));
                    } else {
                        manifest.exposures.insert(exposure.unique_id.clone(), exposure);
                    }
                }
                Err(error) => errors.push(*error),
            }
        }
        for properties in &found.macros {
            if let Err(error) =
                macro_properties::apply(parser, loaded, properties, manifest, warnings)
            {
                errors.push(*error);
            }
        }
    }
    semantic::add(manifest, semantic, errors);
    let known: Vec<String> = manifest.groups.values().map(|group| group.name.clone()).collect();
    for node in manifest.nodes.values() {
        if let Some(group) = &node.group
            && !known.contains(group)
        {
            let mut error = Diagnostic::error(
                Code::REF_NOT_FOUND,
                format!("Invalid group '{group}' of `{}`: it does not exist", node.name),
            )
            .or_at(node.location.clone());
            if let Some(help) = did_you_mean(group, known.iter().map(String::as_str)) {
                error = error.help(help);
            }
            errors.push(error.help("Declare it under `groups:` in a properties file."));
        }
    }
}

/// The tests that properties files declare.
pub(super) fn add_generic_tests(
    parser: &Parser,
    files: &[(&LoadedFile, PropertiesFile)],
    manifest: &mut Manifest,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    let disabled: HashMap<&str, &Node, FastHash> =
        manifest.disabled.iter().map(|node| (&*node.unique_id, node)).collect();
    let tests: Vec<Result<Box<Node>>> = files
        .par_iter()
        .with_max_len(1)
        .flat_map_iter(|(loaded, found)| {
            let (manifest, disabled) = (&*manifest, &disabled);
            let of_nodes = [
                (&found.models, ResourceType::Model),
                (&found.seeds, ResourceType::Seed),
                (&found.snapshots, ResourceType::Snapshot),
            ];
            let on_nodes = of_nodes.into_iter().flat_map(move |(list, kind)| {
                let entries = list.iter().flat_map(NodeProperties::each_version);
                entries.filter(|p| !p.tests.is_empty()).flat_map(move |properties| {
                    let id = |kind| properties.unique_id(kind, &loaded.package);
                    let named = |kind| manifest.nodes.get(id(kind).as_str()).map(|node| &**node);
                    // dbt finds the node of a test by its name, whatever section it stands in.
                    let others = of_nodes.iter().map(|(_, other)| *other);
                    let node = named(kind).or_else(|| others.filter_map(named).next());
                    // A project may test what a package has.
                    let foreign = || {
                        let is_it = |node: &Node| {
                            node.name == properties.name
                                && node.resource_type == kind
                                && node.facts.is_none()
                        };
                        manifest.nodes.values().map(|node| &**node).find(|node| is_it(node))
                    };
                    // Tests of a disabled node, and of none, are set aside with the refs resolved.
                    let disabled = || disabled.get(id(kind).as_str()).copied();
                    let node = node.or_else(foreign).or_else(disabled).map(Cow::Borrowed);
                    let node = node.unwrap_or_else(|| {
                        let engine = parser.config.target.default_engine.clone();
                        let (package, file) = (&loaded.package, loaded.file.clone());
                        let node = Node::bare(kind, package, &properties.name, file, engine);
                        Cow::Owned(Node { unique_id: "".into(), ..node })
                    });
                    let tests = properties.tests.iter();
                    tests.map(move |test| {
                        parser.generic_test(loaded, &TestTarget::Node(&node, kind), test)
                    })
                })
            });
            let on_sources = found.sources.iter().flat_map(move |source| {
                source.tables.iter().filter(|t| !t.tests.is_empty()).flat_map(move |table| {
                    let id = format!("source.{}.{}.{}", loaded.package, source.name, table.name);
                    let disabled =
                        || manifest.disabled_sources.iter().find(|s| *s.unique_id == *id);
                    let entry = manifest.sources.get(id.as_str()).or_else(disabled);
                    entry.into_iter().flat_map(move |entry| {
                        let target = TestTarget::Source {
                            source: &source.name,
                            table: &table.name,
                            unique_id: &entry.unique_id,
                            engine: &entry.engine,
                        };
                        table.tests.iter().map(move |t| parser.generic_test(loaded, &target, t))
                    })
                })
            });
            on_nodes.chain(on_sources).map(|test| test.map(Box::new))
        })
        .collect();
    manifest.nodes.reserve_exact(tests.len());
    for result in tests {
        match result {
            Ok(node) => add_node(manifest, node, errors, warnings),
            Err(error) => errors.push(*error),
        }
    }
}

/// The hooks of the project and of its packages.
pub(super) fn add_hooks(
    parser: &Parser,
    manifest: &mut Manifest,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    let config = parser.config.clone();
    for project in config.projects() {
        let hooks = [("on-run-start", &project.on_run_start), ("on-run-end", &project.on_run_end)];
        for (when, list) in hooks {
            for (index, hook) in list.iter().enumerate() {
                match parser.hook(project, when, index, hook) {
                    Ok(node) => add_node(manifest, node, errors, warnings),
                    Err(error) => errors.push(*error),
                }
            }
        }
    }
}
