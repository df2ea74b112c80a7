//! Refs and sources as written → the nodes that they mean; and the rules that only hold for the
//! project as a whole: names are unique, access is kept, relations do not collide.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;
use regex::Regex;

use crate::config::{Config, EngineKind};
use crate::diagnostic::{Code, Diagnostic, Location, Result, Severity, SourceFile, did_you_mean};
use crate::manifest::{
    Access, ById, FastHash, FunctionCall, Manifest, Node, RefCall, ResourceType, Source,
    SourceCall, UniqueId,
};

/// Looks nodes and sources up by the names that `ref` and `source` give. Holds ids only.
#[derive(Debug, Default)]
pub struct RefIndex {
    root: String,
    /// Whether a package's own nodes come before the root project's.
    own_first: bool,
    nodes: HashMap<String, Vec<Entry>, FastHash>,
    sources: HashMap<SourceCall, Vec<Entry>, FastHash>,
    functions: HashMap<String, Vec<Entry>, FastHash>,
    /// Name → where it is defined.
    disabled: HashMap<String, String>,
    disabled_sources: HashSet<SourceCall>,
}

#[derive(Debug)]
struct Entry {
    package: String,
    id: UniqueId,
}

impl RefIndex {
    /// An index of a manifest's nodes and sources.
    pub fn new(manifest: &Manifest) -> Self {
        let mut index = RefIndex {
            root: manifest.project_name.clone(),
            own_first: manifest.own_package_first,
            ..RefIndex::default()
        };
        for node in manifest.nodes.values().filter(|n| n.resource_type.is_refable()) {
            let entry = Entry { package: node.package_name.clone(), id: node.unique_id.clone() };
            let Some(facts) = node.facts.as_ref().filter(|facts| facts.version.is_some()) else {
                index.nodes.entry(node.name.clone()).or_default().push(entry);
                continue;
            };
            // A version goes by its number, the latest one also without.
            if facts.is_latest() {
                let entry = Entry { package: entry.package.clone(), id: entry.id.clone() };
                index.nodes.entry(node.name.clone()).or_default().push(entry);
            }
            index.nodes.entry(node.search_name().into_owned()).or_default().push(entry);
        }
        for source in manifest.sources.values() {
            let entry =
                Entry { package: source.package_name.clone(), id: source.unique_id.clone() };
            index.sources.entry(source_call(source)).or_default().push(entry);
        }
        for node in manifest.of_type(ResourceType::Function) {
            let entry = Entry { package: node.package_name.clone(), id: node.unique_id.clone() };
            index.functions.entry(node.name.clone()).or_default().push(entry);
        }
        for node in &manifest.disabled {
            index.disabled.insert(node.name.clone(), node.original_file_path.clone());
        }
        index.disabled_sources.extend(manifest.disabled_sources.iter().map(source_call));
        index
    }

    /// The entry that a call in a package means: the wanted package's; where none is wanted the
    /// root project's, the own package's, any. The own package's comes first where the project's
    /// flag says so, for nodes, sources and functions alike (dbt's `_packages_to_search`).
    fn choose<'e>(
        &self,
        named: &'e [Entry],
        wanted: Option<&str>,
        own: &str,
    ) -> Option<&'e UniqueId> {
        let of = |package: &str| named.iter().find(|entry| entry.package == package);
        let order = if self.own_first { [own, &self.root] } else { [&self.root, own] };
        let entry = match wanted {
            Some(package) => of(package),
            None => order.into_iter().find_map(of).or_else(|| named.first()),
        };
        Some(&entry?.id)
    }

    /// The node that a `ref` in a package means.
    ///
    /// # Errors
    /// `REF_DISABLED`, `REF_NOT_FOUND` with the nearest names; without a place.
    pub fn node(&self, package: &str, call: &RefCall) -> Result<&UniqueId> {
        let versioned = call.version.as_ref().map(|version| format!("{}.v{version}", call.name));
        let wanted = versioned.as_ref().unwrap_or(&call.name);
        let named = self.nodes.get(wanted).map(Vec::as_slice).unwrap_or_default();
        if let Some(id) = self.choose(named, call.package.as_deref(), package) {
            return Ok(id);
        }
        if let Some(path) = self.disabled.get(&call.name) {
            return Err(Box::new(
                Diagnostic::error(
                    Code::REF_DISABLED,
                    format!("A ref depends on a node named '{}' which is disabled", call.name),
                )
                .help(format!("Enable it in {path}, or take the ref out.")),
            ));
        }
        let what = match &call.package {
            Some(package) => format!("'{wanted}' in package or project '{package}'"),
            None => format!("'{wanted}'"),
        };
        let mut error = Diagnostic::error(
            Code::REF_NOT_FOUND,
            format!("A ref depends on a node named {what} which was not found"),
        );
        error = match did_you_mean(wanted, self.nodes.keys().map(String::as_str)) {
            Some(help) => error.help(help),
            None => error.help("Check the spelling, or add the model."),
        };
        Err(Box::new(error))
    }

    /// The table that a `source` means.
    ///
    /// # Errors
    /// `REF_DISABLED`, `REF_NOT_FOUND` with the nearest names; without a place.
    pub fn source(&self, package: &str, call: &SourceCall) -> Result<&UniqueId> {
        let named = self.sources.get(call).map(Vec::as_slice).unwrap_or_default();
        if let Some(id) = self.choose(named, None, package) {
            return Ok(id);
        }
        let full = format!("{}.{}", call.source, call.table);
        if self.disabled_sources.contains(call) {
            return Err(Box::new(
                Diagnostic::error(
                    Code::REF_DISABLED,
                    format!("A source() depends on a source named '{full}' which is disabled"),
                )
                .help("Enable it, or take the source() out."),
            ));
        }
        let known: Vec<String> =
            self.sources.keys().map(|k| format!("{}.{}", k.source, k.table)).collect();
        let mut error = Diagnostic::error(
            Code::REF_NOT_FOUND,
            format!("A source() depends on a source named '{full}' which was not found"),
        );
        error = match did_you_mean(&full, known.iter().map(String::as_str)) {
            Some(help) => error.help(help),
            None => error.help("Declare it under `sources:` in a properties file."),
        };
        Err(Box::new(error))
    }

    /// The function that a `function` in a package means.
    ///
    /// # Errors
    /// `REF_DISABLED`, `REF_NOT_FOUND` with the nearest names; without a place.
    pub fn function(&self, package: &str, call: &FunctionCall) -> Result<&UniqueId> {
        let named = self.functions.get(&call.name).map(Vec::as_slice).unwrap_or_default();
        if let Some(id) = self.choose(named, call.package.as_deref(), package) {
            return Ok(id);
        }
        let name = &call.name;
        if let Some(path) = self.disabled.get(name) {
            return Err(Box::new(
                Diagnostic::error(
                    Code::REF_DISABLED,
                    format!("A function() depends on a function named '{name}' which is disabled"),
                )
                .help(format!("Enable it in {path}, or take the call out.")),
            ));
        }
        let error = Diagnostic::error(
            Code::REF_NOT_FOUND,
            format!("A function() depends on a function named '{name}' which was not found"),
        );
        Err(Box::new(match did_you_mean(name, self.functions.keys().map(String::as_str)) {
            Some(help) => error.help(help),
            None => error.help("Check the spelling, or add it to functions/."),
        }))
    }
}

/// Fills `depends_on` of every node and exposure, and puts tests that touch both engines where
/// they can run.
///
/// Gives every error found.
pub fn resolve(
    manifest: &mut Manifest,
    config: &Config,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let mut resolved: Vec<Vec<UniqueId>> = Vec::with_capacity(manifest.nodes.len());
    let mut idle: HashSet<UniqueId, FastHash> = HashSet::default();
    let mut exposures: Vec<Vec<UniqueId>> = Vec::new();
    {
        let index = RefIndex::new(manifest);
        let found: Vec<_> = manifest
            .nodes
            .par_values()
            .map(|node| dependencies(node, manifest, &index, config))
            .collect();
        for (node, (found, mut wrong)) in manifest.nodes.values().zip(found) {
            if node.resource_type == ResourceType::Test && !wrong.is_empty() {
                idle.insert(node.unique_id.clone());
                warnings.extend(wrong.into_iter().filter_map(|error| of_idle_test(node, error)));
            } else {
                errors.append(&mut wrong);
            }
            if node.package_name != manifest.project_name && !manifest.own_package_first {
                warnings.extend(reads_the_root(node, &found, manifest));
            }
            resolved.push(found);
        }
        for exposure in manifest.exposures.values() {
            let mut ids = Vec::new();
            for (call, location) in &exposure.source_calls {
                match index.source(&exposure.package_name, call) {
                    Ok(id) if ids.contains(id) => {}
                    Ok(id) => ids.push(id.clone()),
                    Err(error) => errors.push(error.or_at(location.clone())),
                }
            }
            for (call, location) in &exposure.refs {
                match index.node(&exposure.package_name, call) {
                    Ok(id) if manifest.nodes[id].access == Access::Private => {
                        let message = format!(
                            "`{}` is private, so the exposure `{}` cannot ref it",
                            manifest.nodes[id].name, exposure.name
                        );
                        let error = Diagnostic::error(Code::REF_ACCESS, message);
                        let error = error.or_at(location.clone());
                        errors.push(error.help("Make it protected or public."));
                    }
                    Ok(id) if ids.contains(id) => {}
                    Ok(id) => ids.push(id.clone()),
                    Err(error) => errors.push(error.or_at(location.clone())),
                }
            }
            exposures.push(ids);
        }
    }
    for (node, ids) in manifest.nodes.values_mut().zip(resolved) {
        node.depends_on = ids;
    }
    for (exposure, ids) in manifest.exposures.values_mut().zip(exposures) {
        exposure.depends_on = ids;
    }
    set_aside(manifest, &idle);
    place_tests(manifest, config);
    let unique = config.flags.all.is_on("require_unique_project_resource_names");
    let kept = config.flags.store_failures;
    let (of_two, colliding) = rayon::join(
        || refs_of_two(manifest, unique, warnings),
        || colliding_relations(manifest, kept),
    );
    errors.extend(of_two);
    errors.extend(colliding);
    errors
}

/// What a node reads, and the errors of what it names wrongly.
fn dependencies(
    node: &Node,
    manifest: &Manifest,
    index: &RefIndex,
    config: &Config,
) -> (Vec<UniqueId>, Vec<Diagnostic>) {
    let mut errors = Vec::new();
    let mut ids: Vec<UniqueId> = Vec::with_capacity(node.refs.len() + node.source_calls.len());
    let mut add = |id: &UniqueId| {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    };
    for (call, location) in &node.source_calls {
        match index.source(&node.package_name, call) {
            Ok(id) => add(id),
            Err(error) => {
                errors.push(error.or_at(location.clone().or_else(|| locate_ref(node, &call.table))))
            }
        }
    }
    for (call, location) in &node.refs {
        let place = || location.clone().or_else(|| locate_ref(node, &call.name));
        match index.node(&node.package_name, call) {
            Ok(id) => match check_access(node, &manifest.nodes[id], config) {
                Ok(()) => add(id),
                Err(error) => errors.push(error.or_at(place())),
            },
            Err(error) => {
                errors.push(in_a_macro(*error, node, manifest, &call.name).or_at(place()));
            }
        }
    }
    for call in &node.function_calls {
        match index.function(&node.package_name, call) {
            Ok(id) => add(id),
            Err(error) => errors.push(error.or_at(locate_ref(node, &call.name))),
        }
    }
    (ids, errors)
}

/// Why a test cannot run: as in dbt no error. That something is disabled goes without saying.
fn of_idle_test(node: &Node, mut error: Diagnostic) -> Option<Diagnostic> {
    if error.code == Code::REF_DISABLED {
        return None;
    }
    error.severity = Severity::Warning;
    let told = error
        .event("NodeNotFoundOrDisabled")
        .field("unique_id", &*node.unique_id)
        .field("original_file_path", node.original_file_path.as_str())
        .field("resource_type_title", "Test")
        .field("disabled", "False");
    Some(told.note(format!("The test `{}` does not run.", node.name)))
}

/// Takes tests that cannot run out of the nodes.
fn set_aside(manifest: &mut Manifest, idle: &HashSet<UniqueId, FastHash>) {
    if idle.is_empty() {
        return;
    }
    let (nodes, tests): (ById<_>, ById<Box<Node>>) =
        std::mem::take(&mut manifest.nodes).into_iter().partition(|(id, _)| !idle.contains(id));
    manifest.nodes = nodes;
    manifest.idle_tests = tests.into_values().map(|test| *test).collect();
    for test in &mut manifest.idle_tests {
        test.config.values.insert("enabled".to_owned(), false.into());
    }
}

/// A warning for a node of a package whose `ref` without a package found one of the root project.
fn reads_the_root(node: &Node, found: &[UniqueId], manifest: &Manifest) -> Option<Diagnostic> {
    let named =
        |name: &str| node.refs.iter().any(|(call, _)| call.package.is_none() && call.name == name);
    let root = found.iter().find(|id| {
        let target = manifest.nodes.get(*id);
        target.is_some_and(|one| one.package_name == manifest.project_name && named(&one.name))
    })?;
    let message = format!(
        "The node `{}` of the package `{}` depends on `{root}` of the root project",
        node.name, node.package_name
    );
    Some(
        Diagnostic::warning(Code::REF_NOT_FOUND, message)
            .event("PackageNodeDependsOnRootProjectNode")
            .field("node_name", node.name.as_str())
            .field("package_name", node.package_name.as_str())
            .field("root_project_unique_id", &**root)
            .or_at(node.location.clone())
            .help("Set `require_ref_searches_node_package_before_root: true` under `flags:`."),
    )
}

/// A private node is for its group; a package that restricts access keeps all but public nodes to
/// itself. Tests may look at anything.
fn check_access(node: &Node, target: &Node, config: &Config) -> Result<()> {
    if node.resource_type.is_test() || target.access == Access::Public {
        return Ok(());
    }
    let is_foreign = node.package_name != target.package_name;
    let owner = if is_foreign { config.project_named(&target.package_name) } else { None };
    if owner.is_some_and(|project| project.restrict_access) {
        return Err(Box::new(
            Diagnostic::error(
                Code::REF_ACCESS,
                format!(
                    "`{}` is {} to the package `{}`, which restricts access, and `{}` is not in it",
                    target.name,
                    target.access.as_str(),
                    target.package_name,
                    node.name
                ),
            )
            .help("Make it public in its package, or read another model of it."),
        ));
    }
    if target.access == Access::Protected || (node.group == target.group && target.group.is_some())
    {
        return Ok(());
    }
    let group = target.group.as_deref().unwrap_or("none");
    let own = match &node.group {
        Some(own) => format!("`{}` is in the group `{own}`", node.name),
        None => format!("`{}` is in no group", node.name),
    };
    Err(Box::new(
        Diagnostic::error(
            Code::REF_ACCESS,
            format!("`{}` is private to the group `{group}`, and {own}", target.name),
        )
        .help(format!(
            "Put `{}` into the group `{group}`, or make `{}` protected or public.",
            node.name, target.name
        )),
    ))
}

/// Where a node's text mentions a name in a `ref` or `source` call.
pub fn locate_ref(node: &Node, name: &str) -> Option<Location> {
    ref_in(&node.file, name).or_else(|| node.location.clone())
}

fn ref_in(file: &Arc<SourceFile>, name: &str) -> Option<Location> {
    let pattern = format!(
        r#"\b(?:ref|source|function|metric)\s*\([^)]*['"]{}['"][^)]*\)"#,
        regex::escape(name)
    );
    let at = Regex::new(&pattern).ok()?.find(&file.text)?.range();
    Some(Location::new(file.clone(), at))
}

/// Where a file gives a value to a configuration: in a call of `config()`, or as YAML.
pub fn locate_config(file: &Arc<SourceFile>, key: &str, value: &str) -> Option<Location> {
    let (key, value) = (regex::escape(key), regex::escape(value));
    let pattern = format!(r#"\b{key}['"]?\s*[=:]\s*(['"]?{value}['"]?)"#);
    let found = Regex::new(&pattern).ok()?.captures(&file.text)?.get(1)?.range();
    Some(Location::new(file.clone(), found))
}

/// Adds where the macro that a node calls makes the call that is wrong.
fn in_a_macro(error: Diagnostic, node: &Node, manifest: &Manifest, name: &str) -> Diagnostic {
    if ref_in(&node.file, name).is_some() || node.resource_type == ResourceType::Test {
        return error;
    }
    let called = node.depends_on_macros.iter().filter_map(|id| manifest.macros.get(id));
    match called.into_iter().find(|found| found.macro_sql.contains(name)) {
        Some(found) => error.note(format!(
            "The call stands in the macro `{}` ({}), which `{}` calls.",
            found.name, found.original_file_path, node.name
        )),
        None => error,
    }
}

/// A test that reads nodes of both engines runs on DuckDB, which reads PostgreSQL in place,
/// unless it says where to run.
fn place_tests(manifest: &mut Manifest, config: &Config) {
    let kind_of = |engine: &str| config.target.engine(engine).map(|e| e.kind());
    let mut moves = Vec::new();
    for (at, node) in manifest.nodes.values().enumerate() {
        let fixed =
            node.resource_type != ResourceType::Test || node.config.text("engine").is_some();
        if fixed || kind_of(&node.engine) != Some(EngineKind::Postgres) {
            continue;
        }
        let engines = node.depends_on.iter().filter_map(|id| manifest.engine_of(id));
        let duckdb = engines.into_iter().find(|e| kind_of(e) == Some(EngineKind::DuckDb));
        if let Some(engine) = duckdb {
            moves.push((at, engine.clone()));
        }
    }
    for (at, engine) in moves {
        manifest.nodes[at].engine = engine;
    }
}

fn source_call(source: &Source) -> SourceCall {
    SourceCall { source: source.source_name.clone(), table: source.name.clone() }
}

/// Two nodes of different kinds under one name, which a `ref` could not tell apart. (Two of one
/// kind have one unique id, and were found before.)
fn refs_of_two(
    manifest: &Manifest,
    unique: bool,
    warnings: &mut Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut seen: HashMap<(&str, std::borrow::Cow<'_, str>), &Node, FastHash> = HashMap::default();
    let mut errors = Vec::new();
    for node in manifest.nodes.values().filter(|node| node.resource_type.is_refable()) {
        let key = (node.package_name.as_str(), node.search_name());
        match seen.insert(key, node) {
            Some(first) if unique => errors.push(super::adding::duplicate(first, node)),
            Some(first) => {
                let mut warning = super::adding::duplicate(first, node)
                    .event("DuplicateNameDistinctNodeTypesDeprecation");
                warning.severity = Severity::Warning;
                warnings.push(warning);
            }
            None => {}
        }
    }
    let versioned = |node: &&&Node| node.search_name() != node.name.as_str();
    for node in seen.values().filter(versioned) {
        let unversioned = (node.package_name.as_str(), node.name.as_str().into());
        if let Some(other) = seen.get(&unversioned) {
            errors.push(super::adding::duplicate(other, node));
        }
    }
    errors
}

/// Two nodes that would be written to one relation; `kept`: tests keep their failing rows.
fn colliding_relations(manifest: &Manifest, kept: bool) -> Vec<Diagnostic> {
    let mut seen: HashMap<(&str, String), &Node, FastHash> = HashMap::default();
    let mut errors = Vec::new();
    let made = |node: &Node| match node.resource_type {
        ResourceType::Test => node.config.stores_failures().unwrap_or(kept),
        kind => kind.is_refable() && !node.is_ephemeral(),
    };
    for node in manifest.nodes.values().filter(|node| made(node)) {
        let relation = node.relation().render();
        let Some(first) = seen.insert((&*node.engine, relation.to_lowercase()), node) else {
            continue;
        };
        let duplicate =
            first.search_name() == node.search_name() && first.package_name == node.package_name;
        if duplicate && node.resource_type.is_refable() {
            continue;
        }
        let mut error = Diagnostic::error(
            Code::AMBIGUOUS_RELATION,
            format!("`{}` and `{}` would both be written to {relation}", first.name, node.name),
        )
        .or_at(locate_config(&node.file, "alias", &node.alias).or_else(|| node.location.clone()))
        .note(format!("dbt found two resources with the database representation {relation}"))
        .help("Give one of them another alias or schema.");
        if let Some(location) = &first.location {
            error = error.related("the other one", location.clone());
        }
        errors.push(error);
    }
    errors
}
