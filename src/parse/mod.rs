//! Source files → [`Manifest`]: every template is rendered once with `execute = false` and what it
//! refs, configures and calls is noted. Never touches a database.

mod adding;
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

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::config::{Config, YamlRenderer, misspelt_config};
use crate::diagnostic::{Diagnostic, Diagnostics, Location, Result};
use crate::jinja::{BlockKind, Dialect, InvocationInfo, MacroRegistry, Message, split_blocks};
use crate::load::{FileKind, LoadedFile};
use crate::manifest::{ById, DocBlock, Manifest, Node, ResourceType, UniqueId};
use crate::relation::Quoting;

use adding::{add_generic_tests, add_hooks, add_node, add_others};
use host::Heard;
use patches::{Patches, Section};
use properties::PropertiesFile;

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
    /// What templates said: `log()` and `print()`.
    pub said: Vec<(Message, String)>,
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
    heard: Arc<Heard>,
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
    let yaml = YamlRenderers::new(config);
    let docs = read_docs(files, &yaml, &mut errors);
    let compares_text = config.flags.all.is_on("state_modified_compare_more_unrendered_values");
    let parser = Parser {
        config: config.clone(),
        dialects: Dialects::new(config, &registry, invocation),
        yaml: &yaml,
        docs,
        doubts: Mutex::default(),
        heard: Arc::default(),
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
    errors.extend(config_rules::wrong_values(&manifest, &config.project.file));
    if errors.is_empty() {
        errors.extend(microbatch::check(&mut manifest, config, &parser.dialects, &mut warnings));
        errors.extend(publishing::check(&manifest, config, &parser.dialects, files));
    }
    if errors.is_empty() {
        match sql_files::names_with_spaces(&manifest, config) {
            Ok(found) => warnings.extend(found),
            Err(error) => errors.push(*error),
        }
    }
    if errors.is_empty() {
        warnings.extend(versions::deprecations(&manifest));
        warnings.extend(unused_configs::warning(&manifest, config));
        let said = parser.heard.in_order();
        Ok(Parsed { manifest, dialects: parser.dialects, warnings, said })
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

fn read_docs(
    files: &[LoadedFile],
    yaml: &YamlRenderers,
    errors: &mut Vec<Diagnostic>,
) -> ById<DocBlock> {
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
            let text = &loaded.file.text[block.body.clone()];
            // A template, too, with nothing defined; what cannot be rendered is text to people.
            let is_template = ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark));
            let rendered = is_template.then(|| {
                let names = minijinja::Value::from(());
                yaml.of(&loaded.package).render_text(text, &names).ok()
            });
            let text = rendered.flatten().unwrap_or_else(|| text.to_owned());
            let entry = DocBlock {
                unique_id: unique_id.clone(),
                name: name.clone(),
                package_name: loaded.package.to_string(),
                path: loaded.path.clone(),
                original_file_path: loaded.original_file_path.clone(),
                block_contents: text.trim().to_owned(),
            };
            docs.insert(unique_id, entry);
        }
    }
    docs
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
