//! Models, singular tests and analyses: SQL files → nodes.

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexSet;
use serde_json::Value as Json;

use super::Parser;
use super::config_levels;
use super::host::{Notes, ParseHost};
use super::identity::Identity;
use super::properties::{NodeProperties, texts_of};
use super::python_models::{self, is_python};
use super::resolve::locate_config;
use super::unrendered::Written;
use crate::config::{Config, EngineConfig, WARNING_OF_TEMPLATE};
use crate::diagnostic::{Code, Diagnostic, Location, Result, Severity};
use crate::jinja::UNKNOWN_CALL;
use crate::load::LoadedFile;
use crate::manifest::{Access, Manifest, Node, NodeConfig, ResourceType, version_text};
use crate::relation::Relation;

/// A properties entry and the file that it stands in.
pub type Patch<'a> = (&'a NodeProperties, &'a LoadedFile);

/// What rendering the code of a node gives.
pub struct Configured<'a> {
    /// All levels, merged.
    pub config: NodeConfig,
    pub engine: &'a EngineConfig,
    pub notes: Notes,
}

/// Whether a file uses an undefined name itself, not a macro that it calls.
fn is_own_undefined(error: &Diagnostic, loaded: &LoadedFile) -> bool {
    let own = |at: &Location| Arc::ptr_eq(&at.file, &loaded.file);
    error.code == Code::UNDEFINED
        && error.related.is_empty()
        && error.location.as_ref().is_some_and(own)
        && !error.message.contains("named filter")
}

impl Parser<'_> {
    /// Parses a model, singular test or analysis.
    ///
    /// # Errors
    /// Jinja errors, a name that cannot be used, an unknown engine, a wrong `access`.
    pub(super) fn sql_node(
        &self,
        loaded: &LoadedFile,
        resource_type: ResourceType,
        patch: Option<Patch>,
    ) -> Result<Node> {
        let mut name = file_stem(&loaded.path);
        self.check_name(loaded, name)?;
        let package = &loaded.package;
        let facts = patch.and_then(|(properties, _)| Some(&properties.model.as_ref()?.facts));
        let version = facts.and_then(|facts| facts.version.clone());
        let mut identity;
        let fqn = match (&version, patch) {
            (Some(version), Some((properties, _))) => {
                name = &properties.name;
                let mut fqn = fqn(package, &loaded.path, name);
                fqn.push(format!("v{}", version_text(version)));
                identity = Identity::of(resource_type, loaded, name, &fqn);
                identity.unique_id = format!("{}.v{}", identity.unique_id, version_text(version));
                identity.version = Some(version.clone());
                fqn
            }
            _ => {
                let fqn = match resource_type {
                    ResourceType::Analysis => fqn(package, &analysis_path(loaded), name),
                    _ => fqn(package, &loaded.path, name),
                };
                identity = Identity::of(resource_type, loaded, name, &fqn);
                fqn
            }
        };
        let identity = Arc::new(identity);
        let whole = 0..loaded.file.text.len();
        let Configured { mut config, engine, notes } =
            self.configured(loaded, whole, &identity, patch)?;
        if resource_type == ResourceType::Test && config.get("schema").is_none() {
            config.values.insert("schema".to_owned(), "dbt_test__audit".into());
        }

        let names = self.names(&identity, &config, engine)?;
        let mut node = self.bare_node(loaded, resource_type, name, fqn, config);
        node.unique_id = identity.unique_id.as_str().into();
        if resource_type == ResourceType::Analysis {
            node.path = analysis_path(loaded);
        }
        node.facts = facts.map(|facts| Box::new(facts.clone()));
        if resource_type == ResourceType::Function {
            let facts = patch.and_then(|(properties, _)| properties.function.clone());
            node.function = Some(facts.unwrap_or_default());
        }
        node.function_calls = notes.functions;
        node.metric_calls = notes.metrics;
        node.raw_code = loaded.file.text.trim().into();
        node.database = names.database;
        node.schema = names.schema;
        node.alias = names.alias;
        node.engine = engine.name.clone();
        node.unrendered_config = self.unrendered(Written {
            package,
            kind: resource_type,
            fqn: &node.fqn,
            properties: patch.map(|(properties, _)| properties.written()),
            own: notes.config.values,
            single: notes.single,
            code: (!is_python(&loaded.path)).then_some(&*loaded.file.text),
        });
        node.refs = notes.refs.into_iter().map(|call| (call, None)).collect();
        node.source_calls = notes.sources.into_iter().map(|call| (call, None)).collect();
        node.depends_on_macros = notes.macros;
        if let Some((properties, file)) = patch {
            // dbt reads the properties last: tags that only stand there come after all others.
            let late = properties.config.get("tags").map(texts_of).unwrap_or_default();
            let mut all = node.config.tags();
            if let Some(at) = all.windows(late.len().max(1)).position(|part| *part == *late) {
                all.drain(at..at + late.len());
                let all: IndexSet<String> = all.into_iter().chain(late).collect();
                node.tags = all.into_iter().collect();
            }
            self.describe(&mut node, properties, file)?;
        }
        node.access = access(&node)?;
        if resource_type == ResourceType::Model {
            self.note_later_refs(&mut node)?;
        }
        Ok(node)
    }

    /// Renders the code of a node, and merges the levels of its configuration around what it says
    /// of itself.
    ///
    /// # Errors
    /// Jinja errors, an unknown engine.
    pub(super) fn configured(
        &self,
        loaded: &LoadedFile,
        code: Range<usize>,
        identity: &Arc<Identity>,
        patch: Option<Patch>,
    ) -> Result<Configured<'_>> {
        let (package, kind, fqn) = (&loaded.package, identity.kind, &identity.fqn);
        let mut base = config_levels::from_own_project(&self.config, package, kind, fqn);
        if let Some((properties, _)) = patch {
            config_levels::apply(&mut base, properties.config.clone());
        }
        if kind == ResourceType::Model && is_python(&loaded.path) {
            // Whatever dbt_project.yml says; only the properties and the file itself say otherwise.
            let own = patch.and_then(|(properties, _)| properties.config.get("materialized"));
            let own = own.cloned().unwrap_or_else(|| "table".into());
            config_levels::apply(&mut base, [("materialized".to_owned(), own)]);
        }
        let with = |engine| -> Result<Configured> {
            let notes = self.render(loaded, code.clone(), identity, &base, engine)?;
            let mut config = base.clone();
            config_levels::apply(&mut config, notes.config.values.clone());
            config_levels::apply_root_project(&mut config, &self.config, package, kind, fqn);
            let engine = self.engine_of(&config, loaded, patch)?;
            Ok(Configured { config, engine, notes })
        };
        // The engine is known for sure only once `config()` has been called; it rarely says
        // other than the levels below it.
        let assumed = self.engine_of(&base, loaded, patch)?;
        let found = with(assumed)?;
        if found.engine.kind() == assumed.kind() {
            return Ok(found);
        }
        let engine = found.engine;
        Ok(Configured { engine, ..with(engine)? })
    }

    /// A node of a file with everything that does not need rendering.
    pub(super) fn bare_node(
        &self,
        loaded: &LoadedFile,
        resource_type: ResourceType,
        name: &str,
        fqn: Vec<String>,
        config: NodeConfig,
    ) -> Node {
        let meta = config.get("meta").and_then(Json::as_object).cloned().unwrap_or_default();
        let engine = self.config.target.default_engine.clone();
        Node {
            path: loaded.path.clone(),
            original_file_path: loaded.original_file_path.clone(),
            location: Some(Location::new(loaded.file.clone(), 0..0)),
            fqn,
            checksum: loaded.checksum.clone(),
            meta: meta.into_iter().collect(),
            tags: config.distinct_tags(),
            group: config.text("group").map(str::to_owned),
            config,
            ..Node::bare(resource_type, &loaded.package, name, loaded.file.clone(), engine)
        }
    }

    /// Adds what the properties say for people.
    pub(super) fn describe(
        &self,
        node: &mut Node,
        properties: &NodeProperties,
        file: &LoadedFile,
    ) -> Result<()> {
        let enabled = node.config.enabled();
        let documented =
            |text: &str| self.documented_if(enabled, &file.package, text, &properties.location);
        (node.description, node.doc_blocks) = documented(&properties.description)?;
        node.columns = properties.columns.clone();
        for column in node.columns.values_mut() {
            (column.description, column.doc_blocks) = documented(&column.description)?;
        }
        node.patch_path = Some(format!("{}://{}", file.package, file.original_file_path));
        Ok(())
    }

    fn render(
        &self,
        loaded: &LoadedFile,
        code: Range<usize>,
        identity: &Arc<Identity>,
        base: &NodeConfig,
        engine: &EngineConfig,
    ) -> Result<Notes> {
        if identity.kind == ResourceType::Model && is_python(&loaded.path) {
            return python_models::notes(loaded);
        }
        let this = Relation::new(&engine.database, &engine.schema, &identity.name);
        let dialect = self.dialects.get(&engine.name);
        let mut unknown = Vec::new();
        let mut notes = loop {
            let host = ParseHost::new(self, &identity.package, base.clone(), this.clone());
            let host = Arc::new(host.of_node(identity).bearing_with(&unknown));
            let error = match dialect.render(&loaded.file, code.clone(), host.clone()) {
                // dbt takes a name that is unknown here for one that a run may know: whoever
                // compiles the node is told.
                Err(error) if is_own_undefined(&error, loaded) => error,
                rendered => {
                    rendered?;
                    break host.take_notes();
                }
            };
            let called = error.value_of(UNKNOWN_CALL).map(str::to_owned);
            let called = called.filter(|name| !unknown.contains(name));
            self.doubt([Diagnostic { severity: Severity::Warning, ..*error }]);
            match called {
                // Again, for what stands behind the call.
                Some(name) => unknown.push(name),
                None => break host.take_notes(),
            }
        };
        // dbt reads what holds nothing but plain calls without rendering it, and notes a source once.
        if notes.macros.is_empty() && !loaded.file.text[code].contains("{%") {
            let all: IndexSet<_> = notes.sources.drain(..).collect();
            notes.sources.extend(all);
        }
        let place = Location::new(loaded.file.clone(), 0..0);
        if notes.itertools {
            let message = "Usage of itertools modules is deprecated. Please use the built-in \
                           functions instead.";
            self.doubt([Diagnostic::warning(Code::DEPRECATED, message)
                .event("ModulesItertoolsUsageDeprecation")
                .at(place.clone())
                .help("`zip`, `set`, loops and filters do the same.")]);
        }
        self.doubt(notes.warnings.drain(..).map(|message| {
            Diagnostic::warning(Code::RAISED, message).event(WARNING_OF_TEMPLATE).at(place.clone())
        }));
        Ok(notes)
    }

    /// The engine that a configuration names, or the default one.
    ///
    /// # Errors
    /// `UNKNOWN_ENGINE`, at the word in the SQL or properties file where it stands there.
    pub(super) fn engine_of(
        &self,
        config: &NodeConfig,
        loaded: &LoadedFile,
        patch: Option<Patch>,
    ) -> Result<&EngineConfig> {
        let target = &self.config.target;
        let wanted = config.text("engine").unwrap_or(&target.default_engine);
        if let Some(engine) = target.engine(wanted) {
            return Ok(engine);
        }
        let known: Vec<&str> = target.engines.keys().map(AsRef::as_ref).collect();
        let of_patch = |(properties, file): Patch| {
            let own = properties.config.contains_key("engine");
            own.then(|| locate_config(&file.file, "engine", wanted)).flatten()
        };
        let location = locate_config(&loaded.file, "engine", wanted)
            .or_else(|| patch.and_then(of_patch))
            .or_else(|| locate_config(&self.config.project.file, "engine", wanted))
            .unwrap_or_else(|| Location::new(loaded.file.clone(), 0..0));
        let mut error = Diagnostic::error(
            Code::UNKNOWN_ENGINE,
            format!("The target `{}` has no engine `{wanted}`", target.name),
        )
        .at(location);
        if let Some(help) = crate::diagnostic::did_you_mean(wanted, known.iter().copied()) {
            error = error.help(help);
        }
        Err(Box::new(error.help(format!("Engines of this target: {}.", known.join(", ")))))
    }
}

/// dbt shows analyses in a folder of that name, wherever they lie.
fn analysis_path(loaded: &LoadedFile) -> String {
    format!("analysis/{}", loaded.path)
}

/// The name that a file gives to its node.
pub fn file_stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// `[package, folders…, name]`
pub fn fqn(package: &str, path: &str, name: &str) -> Vec<String> {
    let mut fqn = vec![package.to_owned()];
    if let Some((folders, _)) = path.rsplit_once('/') {
        fqn.extend(folders.split('/').map(str::to_owned));
    }
    fqn.push(name.to_owned());
    fqn
}

/// The flag of dbt's that lets names have spaces.
const WITHOUT_SPACES: &str = "require_resource_names_without_spaces";

impl Parser<'_> {
    /// Refuses names that no relation or command line can do with.
    ///
    /// # Errors
    /// `BAD_NAME`
    pub(super) fn check_name(&self, loaded: &LoadedFile, name: &str) -> Result<()> {
        // Blanks are for the end, where all of them are told: `names_with_spaces`.
        let bad = name.chars().filter(|c| *c != ' ').find(|c| {
            c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '`' | ';' | '\\' | ',')
        });
        let message = match bad {
            None if !name.is_empty() => return Ok(()),
            None => format!("`{name}` cannot be the name of a node: it is empty"),
            Some(c) => format!("`{name}` cannot be the name of a node: it contains {}", shown(c)),
        };
        Err(Box::new(
            Diagnostic::error(Code::BAD_NAME, message)
                .at(Location::new(loaded.file.clone(), 0..0))
                .help("Rename the file; use letters, digits and underscores."),
        ))
    }
}

/// Names with spaces, where they are allowed: the first of them, or with `--debug` all, and how
/// many there are.
///
/// # Errors
/// `BAD_NAME` with all of them, where they are not allowed.
pub fn names_with_spaces(manifest: &Manifest, config: &Config) -> Result<Vec<Diagnostic>> {
    let debug = config.flags.all.is_on("debug");
    let nodes = manifest.nodes.values().filter(|node| node.name.contains(' '));
    if config.flags.all.is_on(WITHOUT_SPACES) {
        let listed = |node: &Node| format!("* '{}' ({})", node.unique_id, node.original_file_path);
        let Some(first) = nodes.clone().next() else { return Ok(Vec::new()) };
        let message = "Resource names cannot contain spaces";
        let mut error = Diagnostic::error(Code::BAD_NAME, message).or_at(first.location.clone());
        error.notes = nodes.map(|node| listed(node)).collect();
        return Err(Box::new(
            error.help("Rename them so that their names do not contain any spaces."),
        ));
    }
    let mut out: Vec<Diagnostic> = nodes
        .map(|node| {
            let message = format!("Found spaces in the name of `{}`", node.unique_id);
            Diagnostic::warning(Code::BAD_NAME, message)
                .event("SpacesInResourceNameDeprecation")
                .field("unique_id", &*node.unique_id)
                .or_at(node.location.clone())
                .help("Rename it; use letters, digits and underscores.")
        })
        .collect();
    let count = out.len();
    if count == 0 {
        return Ok(out);
    }
    if !debug {
        out.truncate(1);
    }
    let mut message = format!("Spaces found in {count} resource name(s), which is deprecated.");
    if !debug {
        message.push_str(" Run again with `--debug` to see them all.");
    }
    out.push(
        Diagnostic::warning(Code::BAD_NAME, message)
            .event("ResourceNamesWithSpacesDeprecation")
            .field("count_invalid_names", count)
            .field("show_debug_hint", !debug)
            .help(format!("Rename them, and set `{WITHOUT_SPACES}: true` under `flags:`.")),
    );
    Ok(out)
}

fn shown(c: char) -> String {
    match c {
        '`' => "a backtick".to_owned(),
        c if c.is_whitespace() || c.is_control() => format!("the character U+{:04X}", u32::from(c)),
        c => format!("`{c}`"),
    }
}

fn access(node: &Node) -> Result<Access> {
    let place = || {
        let written = node.config.text("access").unwrap_or_default();
        locate_config(&node.file, "access", written).or_else(|| node.location.clone())
    };
    match node.config.text("access") {
        None | Some("protected") => Ok(Access::Protected),
        Some("private") if node.group.is_some() => Ok(Access::Private),
        Some("private") => Err(Box::new(
            Diagnostic::error(
                Code::REF_ACCESS,
                format!(
                    "`{}` is private but belongs to no group, so nobody could ref it",
                    node.name
                ),
            )
            .or_at(place())
            .help("Give it a group, or make it protected."),
        )),
        Some("public") => Ok(Access::Public),
        Some(other) => Err(Box::new(
            Diagnostic::error(
                Code::BAD_CONFIG,
                format!("`{other}` is not an access; it is private, protected or public"),
            )
            .or_at(place())
            .help("Write private, protected or public."),
        )),
    }
}
