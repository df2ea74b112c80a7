//! Source files → [`Manifest`]: every template is rendered once with `execute = false` and what it
//! refs, configures and calls is noted. Never touches a database.

mod colors;
mod config_levels;
mod config_rules;
mod descriptions;
mod entry_properties;
mod external;
mod freshness;
mod functions;
mod generic_tests;
mod host;
mod identity;
mod later_refs;
mod macro_properties;
mod microbatch;
mod names;
mod others;
mod patches;
mod plain_times;
mod properties;
mod publishing;
mod python;
mod python_calls;
mod python_models;
mod resolve;
mod semantic;
mod semantic_links;
mod snapshots;
mod source_overrides;
mod sql_files;
mod test_names;
mod unit_tests;
mod unrendered;
mod unused_configs;
mod versions;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::config::{Config, YamlRenderer, misspelt_config};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location, Result, did_you_mean};
use crate::jinja::{BlockKind, Dialect, InvocationInfo, MacroRegistry, split_blocks};
use crate::load::{FileKind, LoadedFile};
use crate::manifest::{ById, DocBlock, FastHash, Manifest, Node, ResourceType, UniqueId};
use crate::relation::Quoting;

use generic_tests::TestTarget;
use patches::{Patches, Section};
use properties::{NodeProperties, PropertiesFile};

pub use generic_tests::{test_argument, unknown_test};
pub use later_refs::{Target, target_of};
pub use microbatch::is_batched;
pub use python::py_repr;
pub use resolve::{RefIndex, locate_config, locate_ref};
pub use semantic_links::metric_of;

/// The dialect of each engine of the target.
#[derive(Clone)]
pub struct Dialects {
    by_engine: Arc<HashMap<Arc<str>, Arc<Dialect>>>,
    default_engine: Arc<str>,
}

impl Dialects {
    fn new(config: &Config, registry: &Arc<MacroRegistry>, invocation: &InvocationInfo) -> Self {
        let quoting = Quoting::default().with(&config.project.quoting);
        let by_engine = config
            .target
            .engines
            .values()
            .map(|engine| {
                let dialect =
                    Dialect::new(registry.clone(), engine, &config.target, invocation.clone())
                        .with_quoting(quoting);
                (engine.name.clone(), Arc::new(dialect))
            })
            .collect();
        Dialects {
            by_engine: Arc::new(by_engine),
            default_engine: config.target.default_engine.clone(),
        }
    }

    /// The dialect of an engine of the target.
    pub fn get(&self, engine: &str) -> &Arc<Dialect> {
        self.by_engine.get(engine).unwrap_or_else(|| self.default_one())
    }

    /// Every macro.
    pub fn registry(&self) -> &MacroRegistry {
        self.default_one().registry()
    }

    /// The dialect of the default engine.
    pub fn default_one(&self) -> &Arc<Dialect> {
        &self.by_engine[&self.default_engine]
    }
}

/// What parsing gives.
pub struct Parsed {
    pub manifest: Manifest,
    pub dialects: Dialects,
    pub warnings: Vec<Diagnostic>,
}

/// A renderer of properties files for each package, with the variables that it sees.
struct YamlRenderers {
    root: YamlRenderer,
    packages: HashMap<String, YamlRenderer>,
}

impl YamlRenderers {
    fn new(config: &Config) -> Self {
        let target = config.target.to_json();
        let of = |package: &str| YamlRenderer::new(config.vars(package), Some(target.clone()));
        let packages = config.packages.iter().map(|package| &package.name);
        YamlRenderers {
            root: of(&config.project.name),
            packages: packages.map(|name| (name.clone(), of(name))).collect(),
        }
    }

    fn of(&self, package: &str) -> &YamlRenderer {
        self.packages.get(package).unwrap_or(&self.root)
    }
}

struct Parser<'a> {
    config: Arc<Config>,
    dialects: Dialects,
    yaml: &'a YamlRenderers,
    docs: ById<DocBlock>,
    /// Names that nodes use and that nobody knows: errors when they are compiled.
    doubts: Mutex<Vec<Diagnostic>>,
    /// `state_modified_compare_more_unrendered_values`: what is rendered is kept as written, too.
    compares_text: bool,
}

impl Parser<'_> {
    /// Keeps warnings that are found on any thread.
    fn doubt(&self, found: impl IntoIterator<Item = Diagnostic>) {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }
}

/// Parses a project that was loaded.
///
/// # Errors
/// Every error found, in the order of the files.
pub fn parse(
    config: &Arc<Config>,
    files: &[LoadedFile],
    invocation: &InvocationInfo,
) -> Result<Parsed, Diagnostics> {
    let own_package_first = config.flags.all.is_on("require_ref_searches_node_package_before_root");
    let mut manifest = Manifest {
        project_name: config.project.name.clone(),
        own_package_first,
        ..Manifest::default()
    };
    let mut errors: Vec<Diagnostic> = Vec::new();
    let mut warnings: Vec<Diagnostic> = Vec::new();

    let registry = register_macros(config, files, &mut manifest)?;
    let docs = read_docs(files, &mut errors);
    let yaml = YamlRenderers::new(config);
    let compares_text = config.flags.all.is_on("state_modified_compare_more_unrendered_values");
    let parser = Parser {
        config: config.clone(),
        dialects: Dialects::new(config, &registry, invocation),
        yaml: &yaml,
        docs,
        doubts: Mutex::default(),
        compares_text,
    };

    // Properties come first: they are a level of the configuration of everything else.
    let of_properties: Vec<&LoadedFile> =
        files.iter().filter(|file| file.kind == FileKind::Properties).collect();
    let read: Vec<(&LoadedFile, Result<PropertiesFile>)> = of_properties
        .into_par_iter()
        .with_max_len(1)
        .map(|file| (file, properties::read(file, yaml.of(&file.package), compares_text)))
        .collect();
    let mut properties: Vec<(&LoadedFile, PropertiesFile)> = Vec::with_capacity(read.len());
    for (file, result) in read {
        match result {
            Ok(mut found) => {
                warnings.append(&mut found.warnings);
                properties.push((file, found));
            }
            Err(error) => errors.push(*error),
        }
    }
    source_overrides::apply(&mut properties, &mut warnings, &mut errors);
    let mut patches = Patches::new(&properties, files, config, &mut errors);

    // Boxed, since lists of nodes are moved several times while they grow.
    let nodes: Vec<Result<Box<Node>>> = files
        .par_iter()
        .with_max_len(64)
        .filter_map(|file| {
            let (kind, section) = match file.kind {
                FileKind::Model => (ResourceType::Model, Section::Models),
                FileKind::Test => (ResourceType::Test, Section::DataTests),
                FileKind::Analysis => (ResourceType::Analysis, Section::Analyses),
                FileKind::Seed => (ResourceType::Seed, Section::Seeds),
                FileKind::Function => (ResourceType::Function, Section::Functions),
                _ => return None,
            };
            let stem = sql_files::file_stem(&file.path);
            let patch = patches.get(section, &file.package, stem);
            let node = match kind {
                ResourceType::Seed => parser.seed(file, patch),
                _ => parser.sql_node(file, kind, patch),
            };
            Some(node.map(Box::new))
        })
        .collect();
    manifest.nodes.reserve_exact(nodes.len());
    for result in nodes {
        match result {
            Ok(node) => {
                for key in node.unrendered_config.keys() {
                    // Those of dbt_project.yml are told of there.
                    let doubt = misspelt_config(key, || locate_key(&node, key));
                    warnings.extend(doubt.filter(|doubt| doubt.location.is_some()));
                }
                add_node(&mut manifest, node, &mut errors, &mut warnings);
            }
            Err(error) => errors.push(*error),
        }
    }
    snapshots::add(
        &parser,
        files,
        &properties,
        &patches,
        &mut manifest,
        &mut errors,
        &mut warnings,
    );
    if errors.is_empty() {
        warnings.extend(patches.unused(&manifest));
        errors.extend(patches.ambiguous(&manifest));
    }
    add_others(&parser, &properties, &mut manifest, &mut errors, &mut warnings);
    add_generic_tests(&parser, &properties, &mut manifest, &mut errors, &mut warnings);
    add_hooks(&parser, &mut manifest, &mut errors, &mut warnings);
    unit_tests::add(&parser, files, &properties, &mut manifest, &mut errors, &mut warnings);
    manifest.docs = parser.docs;
    let mut doubts = parser.doubts.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Threads find them in any order.
    doubts.sort_by_key(|doubt| doubt.location.as_ref().map(|at| at.file.path.clone()));
    warnings.append(&mut doubts);

    if !config.project.quoting.is_empty() {
        let quoting = Quoting::default().with(&config.project.quoting);
        manifest.nodes.values_mut().for_each(|node| node.quoting = quoting);
    }
    if errors.is_empty() {
        errors.extend(resolve::resolve(&mut manifest, config, &mut warnings));
        errors.extend(semantic_links::link(&mut manifest, config, &mut warnings));
    }
    errors.extend(config_rules::wrong_limits(&manifest, &config.project.file));
    if errors.is_empty() {
        errors.extend(microbatch::check(&mut manifest, config, &parser.dialects, &mut warnings));
        errors.extend(publishing::check(&manifest, config, &parser.dialects, files));
    }
    if errors.is_empty() {
        warnings.extend(versions::deprecations(&manifest));
        warnings.extend(sql_files::names_with_spaces(&manifest, config));
        warnings.extend(unused_configs::warning(&manifest, config));
        Ok(Parsed { manifest, dialects: parser.dialects, warnings })
    } else {
        Err(Diagnostics(errors))
    }
}

fn register_macros(
    config: &Config,
    files: &[LoadedFile],
    manifest: &mut Manifest,
) -> Result<Arc<MacroRegistry>, Diagnostics> {
    let mut builder = MacroRegistry::builder(&config.project.name);
    builder.dispatch(config.project.dispatch.clone());
    if config.flags.all.is_on("validate_macro_args") {
        builder.list_arguments();
    }
    let mut errors = Vec::new();
    for file in files.iter().filter(|file| file.kind == FileKind::Macro) {
        match builder.add_file(&file.package, &file.file, &file.original_file_path) {
            Ok(macros) => {
                for found in macros {
                    manifest.macros.insert(found.unique_id.clone(), found);
                }
            }
            Err(Diagnostics(more)) => errors.extend(more),
        }
    }
    let registry = builder.build();
    if let Err(Diagnostics(more)) = registry.check_all(&config.project.name) {
        errors.extend(more);
    }
    if errors.is_empty() { Ok(Arc::new(registry)) } else { Err(Diagnostics(errors)) }
}

fn read_docs(files: &[LoadedFile], errors: &mut Vec<Diagnostic>) -> ById<DocBlock> {
    let mut docs = ById::default();
    for loaded in files.iter().filter(|file| file.kind == FileKind::Docs) {
        let blocks = match split_blocks(&loaded.file) {
            Ok(blocks) => blocks,
            Err(Diagnostics(more)) => {
                errors.extend(more);
                continue;
            }
        };
        for block in blocks {
            let BlockKind::Docs { name } = &block.kind else { continue };
            let unique_id: UniqueId = format!("doc.{}.{name}", loaded.package).into();
            let entry = DocBlock {
                unique_id: unique_id.clone(),
                name: name.clone(),
                package_name: loaded.package.to_string(),
                path: loaded.path.clone(),
                original_file_path: loaded.original_file_path.clone(),
                block_contents: loaded.file.text[block.body.clone()].trim().to_owned(),
            };
            docs.insert(unique_id, entry);
        }
    }
    docs
}

fn add_node(
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

fn duplicate(first: &Node, second: &Node) -> Diagnostic {
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
fn declared_twice(
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
fn found_two(kind: ResourceType, name: &str) -> String {
    let many = match kind {
        ResourceType::Analysis => "analyses".to_owned(),
        ResourceType::SavedQuery => "saved queries".to_owned(),
        ResourceType::Test => "data_tests".to_owned(),
        other => format!("{}s", other.as_str().replace('_', " ")),
    };
    format!("dbt found two {many} with the name \"{name}\"")
}

fn add_others(
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

fn add_generic_tests(
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

fn add_hooks(
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

/// Where a node's text names a key of `config()`.
fn locate_key(node: &Node, key: &str) -> Option<Location> {
    let text = &node.file.text;
    let from = text.find("config(").unwrap_or(0);
    let at = from + text[from..].find(key)?;
    Some(Location::new(node.file.clone(), at..at + key.len()))
}

/// The place of a node's first line, for errors about the whole node.
pub fn start_of(node: &Node) -> Location {
    node.location.clone().unwrap_or_else(|| Location::new(node.file.clone(), 0..0))
}
