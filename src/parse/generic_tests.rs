//! Generic tests: entries under columns, models and source tables → test nodes.
//!
//! Names and hashes are dbt's, so that state and selectors carry over.

use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use indexmap::map::Entry;
use regex::Regex;
use serde_json::{Map, Value};

use super::Parser;
use super::config_levels;
use super::host::ParseHost;
use super::identity::Identity;
use super::properties::TestEntry;
use super::python::py_str;
use super::test_names::{identity_hash, synthesized_names};
use super::unrendered::Written;
use crate::diagnostic::{Code, Diagnostic, Result, Severity, did_you_mean};
use crate::jinja::Dialect;
use crate::load::LoadedFile;
use crate::manifest::{Node, RefCall, ResourceType, SourceCall, TestMetadata, UniqueId};
use crate::relation::Relation;

/// What a test stands under.
pub enum TestTarget<'a> {
    /// A model, seed or snapshot, and the kind that its entry is for; one that is not there has no
    /// `unique_id`.
    Node(&'a Node, ResourceType),
    /// A source table: source name and table name, unique id and engine.
    Source { source: &'a str, table: &'a str, unique_id: &'a UniqueId, engine: &'a Arc<str> },
}

/// Arguments that are configuration, wherever they stand.
const CONFIG_ARGUMENTS: &[&str] = &[
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "meta",
    "database",
    "schema",
    "alias",
    "engine",
    "failures_limit",
];

/// The flag by which arguments stand under `arguments:`.
const ARGUMENTS_APART: &str = "require_generic_test_arguments_property";

/// dbt's own tests reach nothing but their arguments; they need no rendering to be parsed.
const PLAIN_TESTS: &[&str] = &["unique", "not_null", "accepted_values", "relationships"];

static FUNCTION_CALL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(env_var|ref|var|source|doc)\s*\((.+)\)\s*$").expect("the pattern is valid")
});
static REF_OF_ONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:\{\{\s*)?ref\(\s*['"]([^'"]+)['"]\s*\)(?:\s*\}\})?\s*$"#)
        .expect("the pattern is valid")
});

impl Parser<'_> {
    /// Parses one test entry of a properties file.
    ///
    /// # Errors
    /// An unknown test, arguments of the wrong shape, Jinja errors.
    pub(super) fn generic_test(
        &self,
        loaded: &LoadedFile,
        target: &TestTarget,
        entry: &TestEntry,
    ) -> Result<Node> {
        let (namespace, name) = match entry.name.split_once('.') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, entry.name.as_str()),
        };
        let mut arguments = entry.arguments.clone();
        self.note_old_forms(entry);
        let mut settings = Map::new();
        if let Some(Value::Object(inner)) = arguments.shift_remove("config") {
            settings.extend(inner);
        }
        for key in CONFIG_ARGUMENTS {
            let Some(value) = arguments.shift_remove(*key) else { continue };
            if settings.contains_key(*key) {
                return Err(Box::new(
                    Diagnostic::error(
                        Code::BAD_CONFIG,
                        format!(
                            "Test cannot have the same key at the top-level and in config: `{key}` \
                             of `{}`",
                            entry.name
                        ),
                    )
                    .at(entry.location.clone())
                    .help("Keep the one under `config:`."),
                ));
            }
            settings.insert((*key).to_owned(), value);
        }
        // In dbt's order, as they stand in the test's code.
        let place = |key: &str| CONFIG_ARGUMENTS.iter().position(|known| *known == key);
        let mut ordered: Vec<(String, Value)> = settings.into_iter().collect();
        ordered.sort_by_key(|(key, _)| place(key).unwrap_or(CONFIG_ARGUMENTS.len()));
        let mut settings: Map<String, Value> = ordered.into_iter().collect();
        if self.config.flags.all.is_on(ARGUMENTS_APART)
            && let Some(Value::Object(inner)) = arguments.shift_remove("arguments")
        {
            arguments.extend(inner);
        }
        let description = arguments.shift_remove("description");
        let custom_name = match arguments.shift_remove("name") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let column_name = entry.column.as_ref().map(|(column, _, quoted)| {
            if *quoted { crate::relation::quote_identifier(column) } else { column.clone() }
        });
        // dbt's order: arguments, the column, then the model.
        let mut kwargs: IndexMap<String, Value> = IndexMap::new();
        kwargs.extend(arguments);
        if let Some(column) = &column_name {
            kwargs.insert("column_name".to_owned(), column.as_str().into());
        }
        let model = match target {
            TestTarget::Node(node, _) => match version_of(node) {
                Some(version) => format!("ref('{}', version='{version}')", node.name),
                None => format!("ref('{}')", node.name),
            },
            TestTarget::Source { source, table, .. } => format!("source('{source}', '{table}')"),
        };
        kwargs.insert("model".to_owned(), format!("{{{{ get_where_subquery({model}) }}}}").into());

        let prefix = match (&namespace, target) {
            (Some(namespace), TestTarget::Node(..)) => format!("{namespace}_{name}"),
            (None, TestTarget::Node(..)) => name.to_owned(),
            (Some(namespace), TestTarget::Source { .. }) => format!("{namespace}_source_{name}"),
            (None, TestTarget::Source { .. }) => format!("source_{name}"),
        };
        let target_name = match target {
            TestTarget::Node(node, _) => match version_of(node) {
                Some(version) => format!("{}_v{version}", node.name),
                None => node.name.clone(),
            },
            TestTarget::Source { source, table, .. } => format!("{source}_{table}"),
        };
        let (short_name, full_name) = match custom_name {
            Some(name) => (name.clone(), name),
            None => synthesized_names(&prefix, &target_name, &kwargs),
        };
        if short_name != full_name && !settings.contains_key("alias") {
            settings.insert("alias".to_owned(), short_name.as_str().into());
        }
        let entry_name = match target {
            TestTarget::Node(node, kind) => format!("{}s.{}", kind.as_str(), node.name),
            TestTarget::Source { source, .. } => format!("sources.{source}"),
        };
        let name = name.to_owned();
        let metadata = TestMetadata { name, namespace, entry: entry_name, kwargs };
        let settings = self.render_settings(loaded, &settings)?;

        // The folders of the properties file without the first, as dbt has it.
        let relative = loaded.original_file_path.split_once('/').map_or("", |(_, rest)| rest);
        let fqn = super::sql_files::fqn(&loaded.package, relative, &full_name);
        let mut config = config_levels::from_own_project(
            &self.config,
            &loaded.package,
            ResourceType::Test,
            &fqn,
        );
        config_levels::apply(&mut config, settings.clone());
        config_levels::apply_root_project(
            &mut config,
            &self.config,
            &loaded.package,
            ResourceType::Test,
            &fqn,
        );
        let mut node = self.bare_node(loaded, ResourceType::Test, &full_name, fqn, config);
        node.unique_id =
            format!("test.{}.{full_name}.{}", loaded.package, identity_hash(&full_name, &metadata))
                .into();
        node.path = format!("{short_name}.sql");
        node.raw_code = raw_code(&metadata, &settings).into();
        node.location = Some(entry.location.clone());
        node.checksum = String::new();
        if let Some(Value::String(text)) = description {
            let enabled = node.config.enabled();
            (node.description, node.doc_blocks) =
                self.documented_if(enabled, &loaded.package, &text, &entry.location)?;
        }
        node.column_name = column_name;
        node.unrendered_config = settings.into_iter().collect();
        // Tags of the column are the test's, but no configuration of it.
        if let Some((_, tags, _)) = &entry.column {
            node.tags.extend(tags.iter().cloned());
        }
        node.tags.sort();
        node.tags.dedup();
        match target {
            TestTarget::Node(of, _) => {
                // dbt looks among the nodes of the package that the entry stands in, and among
                // those that are disabled.
                let is_found = of.package_name == *loaded.package || !of.config.enabled();
                if is_found && !of.unique_id.is_empty() {
                    node.attached_node = Some(of.unique_id.clone());
                    node.group.clone_from(&of.group);
                }
                node.engine = of.engine.clone();
            }
            TestTarget::Source { unique_id, engine, .. } => {
                node.attached_node = Some((*unique_id).clone());
                node.engine = (*engine).clone();
            }
        }
        if node.config.text("engine").is_some() {
            node.engine = self.engine_of(&node.config, loaded, None)?.name.clone();
        }
        self.note_test_dependencies(&mut node, &metadata, entry, target)?;
        node.test_metadata = Some(metadata);

        let engine = &self.config.target.engines[&node.engine];
        let mut named = node.config.clone();
        if named.get("schema").is_none() {
            named.values.insert("schema".to_owned(), "dbt_test__audit".into());
        }
        let identity = Arc::new(Identity {
            unique_id: node.unique_id.to_string(),
            path: node.path.clone(),
            ..Identity::of(ResourceType::Test, loaded, &full_name, &node.fqn)
        });
        let names = self.names(&identity, &named, engine)?;
        (node.database, node.schema, node.alias) = (names.database, names.schema, names.alias);
        let own = std::mem::take(&mut node.unrendered_config);
        node.unrendered_config = self.unrendered(Written {
            package: &loaded.package,
            kind: ResourceType::Test,
            fqn: &node.fqn,
            properties: None,
            own,
            single: Vec::new(),
            code: None,
        });
        Ok(node)
    }

    /// Tells of arguments and configuration where they stood in earlier versions of dbt.
    fn note_old_forms(&self, entry: &TestEntry) {
        let own = entry.arguments.get("arguments");
        let mut found: Vec<Diagnostic> = Vec::new();
        if !self.config.flags.all.is_on(ARGUMENTS_APART) {
            if own.is_some() {
                found.push(
                    Diagnostic::warning(
                        Code::BAD_CONFIG,
                        format!(
                            "`arguments` of `{}` is taken for an argument of that name",
                            entry.name
                        ),
                    )
                    .event("ArgumentsPropertyInGenericTestDeprecation")
                    .help(format!("Set `{ARGUMENTS_APART}: true` under `flags:`.")),
                );
            }
        } else {
            for key in CONFIG_ARGUMENTS.iter().filter(|key| entry.arguments.contains_key(**key)) {
                found.push(
                    Diagnostic::warning(
                        Code::BAD_CONFIG,
                        format!("`{key}` of `{}` stands beside its `config`", entry.name),
                    )
                    .event("PropertyMovedToConfigDeprecation")
                    .field("key", *key)
                    .help("Put it under `config:`."),
                );
            }
            let known = |key: &str| {
                ["config", "column_name", "description", "name", "arguments"].contains(&key)
                    || CONFIG_ARGUMENTS.contains(&key)
            };
            let none = own.is_none_or(|own| own.as_object().is_some_and(Map::is_empty));
            if none && entry.arguments.keys().any(|key| !known(key)) {
                found.push(
                    Diagnostic::warning(
                        Code::BAD_CONFIG,
                        format!("The arguments of the test `{}` stand beside its name", entry.name),
                    )
                    .event("MissingArgumentsPropertyInGenericTestDeprecation")
                    .help("Put them under `arguments:`."),
                );
            }
        }
        if !found.is_empty() {
            self.doubt(found.into_iter().map(|one| one.at(entry.location.clone())));
        }
    }

    fn render_settings(
        &self,
        loaded: &LoadedFile,
        settings: &Map<String, Value>,
    ) -> Result<Map<String, Value>> {
        let mut out = Map::new();
        for (key, value) in settings {
            let value = match value {
                Value::Null => continue,
                Value::String(text) if text.contains("{{") || text.contains("{%") => {
                    let span = 0..0;
                    let yaml = crate::config::yaml::Yaml {
                        span,
                        kind: crate::config::yaml::YamlKind::Text(text.clone()),
                    };
                    self.yaml.of(&loaded.package).render(&loaded.file, &yaml)?
                }
                other => other.clone(),
            };
            if !value.is_null() {
                out.insert(key.clone(), value);
            }
        }
        Ok(out)
    }

    /// Refs and sources in the arguments, what is tested, and whatever the test's macro reads
    /// besides: in this order, which is dbt's.
    fn note_test_dependencies(
        &self,
        node: &mut Node,
        metadata: &TestMetadata,
        entry: &TestEntry,
        target: &TestTarget,
    ) -> Result<()> {
        let tested = |node: &mut Node| match target {
            TestTarget::Node(of, _) => {
                let call =
                    RefCall { package: None, name: of.name.clone(), version: version_of(of) };
                node.refs.push((call, Some(entry.location.clone())));
            }
            TestTarget::Source { source, table, .. } => {
                let call = SourceCall { source: (*source).to_owned(), table: (*table).to_owned() };
                node.source_calls.push((call, Some(entry.location.clone())));
            }
        };
        let macro_name = metadata.macro_name();
        let dialect = self.dialects.get(&node.engine);
        let macro_id = dialect.find_macro(&macro_name, &node.package_name);
        let is_unknown = macro_id.is_none();
        if is_unknown {
            // As in dbt, only this test fails, and only when it is compiled.
            let mut doubt = unknown_test(dialect, metadata).at(entry.location.clone());
            doubt.severity = Severity::Warning;
            self.doubt([doubt]);
        }
        let is_built_in = macro_id.as_ref().is_some_and(|id| id.starts_with("macro.dbt."));
        let plain = PLAIN_TESTS.contains(&metadata.name.as_str()) && is_built_in;
        // Two are not rendered before they are compiled: what they call is not known until then.
        let simple = plain && matches!(metadata.name.as_str(), "unique" | "not_null");
        node.depends_on_macros.extend(macro_id.clone());
        // In each test's `model`; dbt does not see it in those of versions.
        let of_version = matches!(target, TestTarget::Node(of, _) if version_of(of).is_some());
        if !simple && !of_version {
            let subquery = dialect.find_macro("get_where_subquery", &node.package_name);
            node.depends_on_macros.extend(subquery);
        }

        // The common case: `to: ref('x')`, and no template to render.
        let (mut rest, mut read) = (Vec::new(), Vec::new());
        for (key, value) in &metadata.kwargs {
            if key == "model" || key == "column_name" {
                continue;
            }
            if let Value::String(text) = value {
                if let Some(found) = REF_OF_ONE.captures(text) {
                    let call = RefCall { package: None, name: found[1].to_owned(), version: None };
                    read.push((call, Some(entry.location.clone())));
                    continue;
                }
                if FUNCTION_CALL.is_match(text) || text.contains("{{") {
                    rest.push(text.clone());
                }
            } else if value.to_string().contains("{{") {
                rest.push(value.to_string());
            }
        }
        // dbt reads the configuration of the others twice, and tags add up.
        let own_tags = node.unrendered_config.get("tags").filter(|_| !simple).cloned();
        let own_tags = own_tags.map(|tags| ("tags".to_owned(), tags));
        if plain && rest.is_empty() {
            config_levels::apply(&mut node.config, own_tags);
            node.refs.append(&mut read);
            tested(node);
            return Ok(());
        }
        let engine = &self.config.target.engines[&node.engine];
        let this = Relation::new(&engine.database, &engine.schema, &node.name);
        let package: Arc<str> = node.package_name.as_str().into();
        let host = Arc::new(ParseHost::new(self, &package, node.config.clone(), this));
        let mut arguments = Vec::new();
        for (key, value) in &metadata.kwargs {
            let value = test_argument(key, value);
            let value = dialect.render_value(&value, Some(entry.location.clone()), host.clone())?;
            arguments.push((key.clone(), value));
        }
        // What arguments call is not known before the test is compiled, as in dbt.
        host.forget_macros();
        // dbt looks a test up by its name alone, the project's own first: where that is another one
        // than the package's, the package's is not known before it runs.
        let shadow = metadata.namespace.is_some().then(|| {
            let name = format!("test_{}", metadata.name);
            dialect.registry().find_anywhere(&name, &node.package_name)
        });
        let shadow = shadow.flatten().filter(|found| macro_id.as_ref() != Some(&found.unique_id));
        if let Some(found) = shadow {
            let shadowed = |id: &&mut UniqueId| macro_id.as_ref() == Some(&**id);
            if let Some(id) = node.depends_on_macros.iter_mut().find(shadowed) {
                id.clone_from(&found.unique_id);
            }
        } else if !plain && !is_unknown {
            dialect.call_macro(&macro_name, Vec::new(), arguments, host.clone())?;
        }
        let notes = host.take_notes();
        let place = || Some(entry.location.clone());
        node.refs.extend(notes.refs.into_iter().map(|call| (call, place())));
        node.source_calls.extend(notes.sources.into_iter().map(|call| (call, place())));
        // Where a project's own macro reads something else in its place, it is tested all the same.
        let is_read = match target {
            TestTarget::Node(of, _) => node.refs.iter().any(|(call, _)| call.name == of.name),
            TestTarget::Source { .. } => !node.source_calls.is_empty(),
        };
        if !is_read {
            tested(node);
        }
        for id in notes.macros {
            if !node.depends_on_macros.contains(&id) {
                node.depends_on_macros.push(id);
            }
        }
        // `config()` in the body of the test stands above dbt_project.yml and below the entry.
        if !notes.config.values.is_empty() {
            let own = node.unrendered_config.clone();
            for (key, value) in &notes.config.values {
                match node.unrendered_config.entry(key.clone()) {
                    Entry::Vacant(entry) => drop(entry.insert(value.clone())),
                    Entry::Occupied(mut entry) => add_up(key, entry.get_mut(), value),
                }
            }
            config_levels::apply(&mut node.config, notes.config.values);
            config_levels::apply(&mut node.config, own);
            config_levels::apply_root_project(
                &mut node.config,
                &self.config,
                &package,
                ResourceType::Test,
                &node.fqn,
            );
            for tag in node.config.distinct_tags() {
                if !node.tags.contains(&tag) {
                    node.tags.push(tag);
                }
            }
            if let Some(meta) = node.config.get("meta").and_then(Value::as_object) {
                node.meta.extend(meta.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        } else {
            config_levels::apply(&mut node.config, own_tags);
        }
        Ok(())
    }
}

/// What dbt makes of a configuration as written in the entry and in the body of the test: it reads
/// the entry before and after that.
fn add_up(key: &str, own: &mut Value, other: &Value) {
    let listed = |tags: &Value| match tags {
        Value::Array(tags) => tags.clone(),
        one => vec![one.clone()],
    };
    match (key, own, other) {
        ("tags", own, other) => {
            let (before, between) = (listed(own), listed(other));
            *own = [before.clone(), between, before].concat().into();
        }
        ("meta", Value::Object(own), Value::Object(other)) => {
            for (key, value) in other {
                own.entry(key).or_insert_with(|| value.clone());
            }
        }
        _ => {}
    }
}

fn version_of(node: &Node) -> Option<String> {
    node.facts.as_ref().and_then(|facts| facts.version_text())
}

impl TestMetadata {
    /// The macro that the test calls: `test_unique`, `dbt_utils.test_equal_rowcount`.
    pub fn macro_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}.test_{}", self.name),
            None => format!("test_{}", self.name),
        }
    }
}

/// An argument as it is rendered: a bare `ref('x')` counts as an expression, a column's name is
/// never rendered.
pub fn test_argument(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if key != "column_name" && FUNCTION_CALL.is_match(text) => {
            Value::String(format!("{{{{ {} }}}}", text.trim()))
        }
        other => other.clone(),
    }
}

/// The error for a generic test that nobody defines, with the nearest names; without a place.
pub fn unknown_test(dialect: &Dialect, metadata: &TestMetadata) -> Diagnostic {
    let name = match &metadata.namespace {
        Some(namespace) => format!("{namespace}.{}", metadata.name),
        None => metadata.name.clone(),
    };
    let message = format!("There is no generic test `{name}`");
    let mut error = Diagnostic::error(Code::UNDEFINED, message);
    let known = dialect.test_names();
    if let Some(help) = did_you_mean(&name, known.iter().map(String::as_str)) {
        error = error.help(help);
    }
    error.help(
        "Define it with {% test … %} in the tests/generic folder or among the macros, or install \
         the package that has it.",
    )
}

/// The SQL that dbt gives such a test.
fn raw_code(metadata: &TestMetadata, settings: &Map<String, Value>) -> String {
    let call = format!("{{{{ {}(**_dbt_generic_test_kwargs) }}}}", metadata.macro_name());
    if settings.is_empty() {
        return call;
    }
    let settings: Vec<String> = settings
        .iter()
        .map(|(key, value)| match value {
            Value::String(text) => format!("{key}=\"{}\"", text.replace('"', "\\\"")),
            other => format!("{key}={}", py_str(other)),
        })
        .collect();
    format!("{call}{{{{ config({}) }}}}", settings.join(","))
}
