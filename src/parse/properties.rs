//! Properties files (schema.yml) → what they say of each node, still unrendered where a later
//! stage renders it.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::versions::ModelProperties;
use crate::config::yaml::{self, Yaml, YamlKind};
use crate::config::{MapReader, YamlRenderer, is_template, misspelt_config, type_error};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};
use crate::load::LoadedFile;
use crate::manifest::{ColumnInfo, FunctionFacts, MacroArgument, ResourceType};

/// Everything that one properties file says.
#[derive(Debug, Default)]
pub struct PropertiesFile {
    pub models: Vec<NodeProperties>,
    pub seeds: Vec<NodeProperties>,
    pub snapshots: Vec<NodeProperties>,
    pub analyses: Vec<NodeProperties>,
    pub functions: Vec<NodeProperties>,
    /// Of singular tests.
    pub data_tests: Vec<NodeProperties>,
    pub sources: Vec<SourceProperties>,
    pub macros: Vec<MacroProperties>,
    pub exposures: Vec<ExposureProperties>,
    pub groups: Vec<GroupProperties>,
    pub semantic: Vec<SemanticProperties>,
    pub unit_tests: Vec<UnitTestProperties>,
    pub warnings: Vec<Diagnostic>,
}

/// The properties of a model, seed, snapshot, analysis, singular test or source table.
#[derive(Debug, Clone)]
pub struct NodeProperties {
    pub name: String,
    pub location: Location,
    pub description: String,
    /// `config:`, with `meta`, `tags`, `access`, `group` and `docs` of the top level merged in.
    pub config: Map<String, Value>,
    /// The same as written, where that is asked for.
    pub written: Option<Map<String, Value>>,
    pub columns: IndexMap<String, ColumnInfo>,
    pub tests: Vec<TestEntry>,
    /// Keys that only some kinds have, such as a source table's `identifier`.
    pub extra: Map<String, Value>,
    /// Of a model that has versions, a deprecation date or a time spine.
    pub model: Option<Box<ModelProperties>>,
    /// Of a function.
    pub function: Option<Box<FunctionFacts>>,
}

/// The tests of a model or a column, under one of the two names that they have.
///
/// # Errors
/// `BAD_CONFIG` where both names are used.
pub(super) fn tests_of<'a>(map: &mut MapReader<'a>) -> Result<Vec<&'a Yaml>> {
    let (new, old) = (map.any("data_tests"), map.any("tests"));
    if let (Some(_), Some(old)) = (new, old.filter(|old| !old.items().is_empty())) {
        let message = "Invalid test config: cannot have both 'tests' and 'data_tests' defined";
        return Err(Box::new(
            Diagnostic::error(Code::BAD_CONFIG, message)
                .at(Location::new(map.file().clone(), old.span.clone()))
                .help("Write all of them under `data_tests`."),
        ));
    }
    Ok(map.list("data_tests")?.iter().chain(map.list("tests")?).collect())
}

impl NodeProperties {
    /// The `unique_id` of the node that it describes.
    pub fn unique_id(&self, kind: ResourceType, package: &str) -> String {
        let version = self.model.as_ref().and_then(|model| model.facts.version_text());
        let kind = kind.as_str();
        match version {
            Some(version) => format!("{kind}.{package}.{}.v{version}", self.name),
            None => format!("{kind}.{package}.{}", self.name),
        }
    }

    /// The entries that describe a node each: those of the versions where there are any.
    pub fn each_version(&self) -> &[NodeProperties] {
        match &self.model {
            Some(model) if !model.versions.is_empty() => &model.versions,
            _ => std::slice::from_ref(self),
        }
    }
}

/// A generic test as it stands under a node or column.
#[derive(Debug, Clone)]
pub struct TestEntry {
    /// As written: `unique` or `dbt_utils.equal_rowcount`.
    pub name: String,
    /// Arguments and config, unrendered.
    pub arguments: Map<String, Value>,
    /// The column that it stands under, with its tags and whether it is quoted.
    pub column: Option<(String, Vec<String>, bool)>,
    pub location: Location,
}

/// A source with its tables.
#[derive(Debug)]
pub struct SourceProperties {
    pub name: String,
    /// The package whose source of this name it changes.
    pub overrides: Option<String>,
    pub location: Location,
    pub description: String,
    pub config: Map<String, Value>,
    pub database: Option<String>,
    pub schema: Option<String>,
    /// As written, with its Jinja.
    pub written_database: Option<String>,
    pub written_schema: Option<String>,
    pub loader: String,
    /// `freshness`, `loaded_at_field` and `loaded_at_query`, where they were written.
    pub extra: Map<String, Value>,
    pub quoting: Map<String, Value>,
    pub tables: Vec<NodeProperties>,
}

/// A macro's description.
#[derive(Debug)]
pub struct MacroProperties {
    pub name: String,
    pub location: Location,
    pub description: String,
    pub meta: IndexMap<String, Value>,
    pub docs: Map<String, Value>,
    pub arguments: Vec<MacroArgument>,
}

/// An exposure.
#[derive(Debug)]
pub struct ExposureProperties {
    pub name: String,
    pub location: Location,
    pub exposure_type: String,
    pub label: Option<String>,
    pub url: Option<String>,
    pub maturity: Option<String>,
    pub description: String,
    pub owner: IndexMap<String, Value>,
    pub config: Map<String, Value>,
    /// `ref('x')` and `source('a', 'b')` as written.
    pub depends_on: Vec<String>,
}

/// A metric, semantic model or saved query, as written but for its rendered texts.
#[derive(Debug)]
pub struct SemanticProperties {
    pub kind: ResourceType,
    pub location: Location,
    pub map: Map<String, Value>,
}

/// A group.
#[derive(Debug)]
pub struct GroupProperties {
    pub name: String,
    pub description: String,
    pub owner: IndexMap<String, Value>,
    pub config: Map<String, Value>,
}

/// A unit test. Its rows are still in the form in which they were written.
#[derive(Debug)]
pub struct UnitTestProperties {
    pub name: String,
    pub location: Location,
    pub model: String,
    pub description: String,
    pub config: Map<String, Value>,
    pub given: Vec<Map<String, Value>>,
    pub expect: Map<String, Value>,
    pub overrides: Option<Value>,
    pub versions: Option<Value>,
}

/// Reads a properties file.
///
/// # Errors
/// `BAD_YAML`, `BAD_CONFIG`, `UNKNOWN_KEY`, and errors of Jinja in values.
pub fn read(
    loaded: &LoadedFile,
    renderer: &YamlRenderer,
    as_written: bool,
) -> Result<PropertiesFile> {
    let document = yaml::parse(&loaded.file)?;
    let warnings = document.warnings;
    let mut reader =
        Reader { file: &loaded.file, renderer, as_written, warnings, quote_columns: false };
    let mut map = MapReader::new(&loaded.file, "a properties file", &document.root)
        .map_err(|error| Box::new(error.note("Dictionary expected")))?;
    let mut out = PropertiesFile::default();
    map.ignore(&[
        "version",
        "anchors",
        // selectors.yml and packages.yml may lie in a resource path.
        "selectors",
        "packages",
    ]);
    for item in map.list("models")? {
        let mut properties = reader.node(item, "a model")?;
        reader.model(item, &mut properties)?;
        out.models.push(properties);
    }
    for item in map.list("seeds")? {
        out.seeds.push(reader.node(item, "a seed")?);
    }
    for item in map.list("snapshots")? {
        out.snapshots.push(reader.node(item, "a snapshot")?);
    }
    for item in map.list("analyses")? {
        out.analyses.push(reader.node(item, "an analysis")?);
    }
    for item in map.list("functions")? {
        out.functions.push(reader.node(item, FUNCTION)?);
    }
    for key in ["data_tests", "tests"] {
        for item in map.list(key)? {
            if item.get("name").is_none() {
                // As in dbt, what stands below it is not read either.
                reader.warnings.push(nameless_test(loaded, reader.location(item)));
                break;
            }
            out.data_tests.push(reader.node(item, "a data test")?);
        }
    }
    for item in map.list("sources")? {
        out.sources.push(reader.source(item)?);
    }
    for item in map.list("macros")? {
        out.macros.push(reader.macro_(item)?);
    }
    for item in map.list("exposures")? {
        out.exposures.push(reader.exposure(item)?);
    }
    for item in map.list("groups")? {
        out.groups.push(reader.group(item)?);
    }
    for (key, kind) in [
        ("metrics", ResourceType::Metric),
        ("semantic_models", ResourceType::SemanticModel),
        ("saved_queries", ResourceType::SavedQuery),
    ] {
        for item in map.list(key)? {
            out.semantic.push(reader.semantic(item, kind)?);
        }
    }
    for item in map.list("unit_tests")? {
        out.unit_tests.push(reader.unit_test(item)?);
    }
    map.pass_left_over(&mut reader.warnings);
    out.warnings = reader.warnings;
    Ok(out)
}

fn nameless_test(loaded: &LoadedFile, at: Location) -> Diagnostic {
    let path = &loaded.original_file_path;
    Diagnostic::warning(
        Code::BAD_CONFIG,
        format!(
            "Unable to parse 'data_tests' section of file '{path}': Entry did not contain a name"
        ),
    )
    .at(at)
    .help("Here stand properties of singular tests, by their name. Generic tests belong to models.")
}

/// Reads the entries of one file.
pub(super) struct Reader<'a> {
    pub(super) file: &'a Arc<SourceFile>,
    pub(super) renderer: &'a YamlRenderer,
    /// Whether configs are kept as they are written, too.
    pub(super) as_written: bool,
    pub(super) warnings: Vec<Diagnostic>,
    /// Whether columns are quoted where nothing says otherwise: what the source says.
    pub(super) quote_columns: bool,
}

/// What an entry under `functions:` is called.
const FUNCTION: &str = "a function";

/// Keys of a node that say the same as its config, and are merged into it.
const CONFIG_ALIASES: &[&str] = &["meta", "tags", "access", "group", "docs"];

impl NodeProperties {
    /// `config:` as written, or as it was rendered where that was not asked for.
    pub fn written(&self) -> &Map<String, Value> {
        self.written.as_ref().unwrap_or(&self.config)
    }
}

impl<'a> Reader<'a> {
    pub(super) fn location(&self, yaml: &Yaml) -> Location {
        Location::new(self.file.clone(), yaml.span.clone())
    }

    pub(super) fn node(&mut self, yaml: &'a Yaml, what: &'a str) -> Result<NodeProperties> {
        let mut map = MapReader::new(self.file, what, yaml)?;
        let name_at = yaml.get("name").unwrap_or(yaml);
        let name = self.rendered_name(&mut map)?;
        let written = self.as_written.then(|| written_config(yaml));
        let function = match what {
            FUNCTION => Some(Box::new(self.function_facts(&mut map, yaml, &name)?)),
            _ => None,
        };
        let mut config = self.config(&mut map, "config")?;
        for key in CONFIG_ALIASES {
            if let Some(value) = map.any(key) {
                let value = self.renderer.render(self.file, value)?;
                merge_alias(&mut config, key, value);
            }
        }
        // Constraints of the whole model are checked with its contract, from its config.
        if let Some(value) = map.any("constraints") {
            let value = self.renderer.render(self.file, value)?;
            config.entry("constraints").or_insert(value);
        }
        let mut extra = Map::new();
        if let Some(value) = map.any("loaded_at_query") {
            extra.insert("loaded_at_query".to_owned(), value.to_json());
        }
        for key in ["identifier", "loaded_at_field", "freshness", "loader", "relation", "quoting"] {
            if let Some(value) = map.any(key) {
                extra.insert(key.to_owned(), self.renderer.render(self.file, value)?);
            }
        }
        // That of the source is turned off.
        for key in ["freshness", "loaded_at_field"] {
            if yaml.get(key).is_some_and(Yaml::is_null) {
                extra.insert(key.to_owned(), Value::Null);
            }
        }
        let quote_columns = match map.any("quoting").and_then(|quoting| quoting.get("column")) {
            Some(given) => given.kind == YamlKind::Bool(true),
            None => map.flag("quote_columns")?.unwrap_or(self.quote_columns),
        };
        let description = map.text("description")?.unwrap_or_default();
        let mut tests = Vec::new();
        for entry in tests_of(&mut map)? {
            tests.push(self.test(entry, None)?);
        }
        let mut columns = IndexMap::new();
        for item in map.list("columns")? {
            let column = self.column(item, quote_columns, &mut tests)?;
            columns.insert(column.name.clone(), column);
        }
        map.ignore(&[
            "latest_version",
            "versions",
            "deprecation_date",
            "time_spine",
            "external",
            "primary_key",
            "anchors",
        ]);
        map.pass_left_over(&mut self.warnings);
        Ok(NodeProperties {
            location: self.location(name_at),
            name,
            description,
            config,
            written,
            columns,
            tests,
            extra,
            model: None,
            function,
        })
    }

    /// Config values are rendered here, but for hooks and a test's `where`, which run later.
    pub(super) fn config(
        &mut self,
        map: &mut MapReader<'a>,
        key: &'static str,
    ) -> Result<Map<String, Value>> {
        let Some(yaml) = map.any(key) else { return Ok(Map::new()) };
        let YamlKind::Map(entries) = &yaml.kind else {
            return Err(type_error(self.file, "`config`", "a map", yaml));
        };
        let mut out = Map::new();
        for (key, value) in entries {
            let name = key.text.trim_start_matches('+').to_owned();
            let place = || Some(Location::new(self.file.clone(), key.span.clone()));
            self.warnings.extend(misspelt_config(&name, place));
            let value = match name.as_str() {
                // Rendered when they are used.
                "pre-hook" | "post-hook" | "pre_hook" | "post_hook" | "loaded_at_query" => {
                    value.to_json()
                }
                _ => self.renderer.render(self.file, value)?,
            };
            out.insert(name, value);
        }
        Ok(out)
    }

    /// A name, which may be a template.
    pub(super) fn rendered_name(&self, map: &mut MapReader) -> Result<String> {
        let name = map.required_text("name")?;
        if !is_template(&name) {
            return Ok(name);
        }
        Ok(self.rendered_text(map, "name")?.unwrap_or(name))
    }

    /// A text with its Jinja rendered.
    pub(super) fn rendered_text(
        &self,
        map: &mut MapReader,
        key: &'static str,
    ) -> Result<Option<String>> {
        Ok(match map.any(key) {
            Some(value) => match self.renderer.render(self.file, value)? {
                Value::Null => None,
                Value::String(text) => Some(text),
                other => Some(other.to_string()),
            },
            None => None,
        })
    }

    pub(super) fn column(
        &mut self,
        yaml: &'a Yaml,
        quote_columns: bool,
        tests: &mut Vec<TestEntry>,
    ) -> Result<ColumnInfo> {
        let mut map = MapReader::new(self.file, "a column", yaml)?;
        let name = self.rendered_name(&mut map)?;
        let config = self.config(&mut map, "config")?;
        let mut meta = map.json_map("meta")?;
        if let Some(Value::Object(more)) = config.get("meta") {
            meta.extend(more.clone());
        }
        let mut tags = map.texts("tags")?.unwrap_or_default();
        if let Some(more) = config.get("tags") {
            tags.extend(texts_of(more));
        }
        let quote = map.flag("quote")?;
        let column = ColumnInfo {
            description: map.text("description")?.unwrap_or_default(),
            data_type: self.rendered_text(&mut map, "data_type")?,
            meta: meta.into_iter().collect(),
            constraints: {
                let written = map.list("constraints")?;
                let render = |one| self.renderer.render(self.file, one);
                written.iter().map(render).collect::<Result<_>>()?
            },
            granularity: map.text("granularity")?,
            quote,
            tags,
            doc_blocks: Vec::new(),
            inherited: None,
            name,
        };
        let quoted = quote.unwrap_or(quote_columns);
        for entry in tests_of(&mut map)? {
            let under = (column.name.clone(), column.tags.clone(), quoted);
            tests.push(self.test(entry, Some(under))?);
        }
        map.ignore(&["policy_tags", "dimension", "entity"]);
        map.pass_left_over(&mut self.warnings);
        Ok(column)
    }

    pub(super) fn test(
        &self,
        yaml: &'a Yaml,
        column: Option<(String, Vec<String>, bool)>,
    ) -> Result<TestEntry> {
        let malformed = || {
            Box::new(
                Diagnostic::error(
                    Code::BAD_CONFIG,
                    "A test is a name, or a map with one name in it",
                )
                .at(self.location(yaml))
                .help("Write `- unique`, or `- accepted_values: {arguments: {values: […]}}`."),
            )
        };
        let (name, arguments) = match &yaml.kind {
            YamlKind::Text(name) => (name.clone(), Map::new()),
            YamlKind::Map(entries) => match yaml.get("test_name").and_then(Yaml::as_str) {
                Some(name) => {
                    let Value::Object(mut rest) = yaml.to_json() else { return Err(malformed()) };
                    rest.shift_remove("test_name");
                    (name.to_owned(), rest)
                }
                None => match entries.as_slice() {
                    [(key, value)] => match value.to_json() {
                        Value::Object(arguments) => (key.text.clone(), arguments),
                        Value::Null => (key.text.clone(), Map::new()),
                        _ => {
                            return Err(type_error(
                                self.file,
                                "a test's arguments",
                                "a map",
                                value,
                            ));
                        }
                    },
                    _ => return Err(malformed()),
                },
            },
            _ => return Err(malformed()),
        };
        let span = match &yaml.kind {
            YamlKind::Map(entries) => entries[0].0.span.clone(),
            _ => yaml.span.clone(),
        };
        Ok(TestEntry { name, arguments, column, location: Location::new(self.file.clone(), span) })
    }
}

/// A node's config with its Jinja.
fn written_config(yaml: &Yaml) -> Map<String, Value> {
    let mut config = Map::new();
    for key in CONFIG_ALIASES {
        if let Some(value) = yaml.get(key) {
            config.insert((*key).to_owned(), value.to_json());
        }
    }
    for (key, value) in yaml.get("config").map(Yaml::entries).unwrap_or_default() {
        config.insert(key.text.trim_start_matches('+').to_owned(), value.to_json());
    }
    config
}

/// A key of the top level goes into `config`, which wins where both say something.
pub(super) fn merge_alias(config: &mut Map<String, Value>, key: &str, value: Value) {
    match (config.get_mut(key), value) {
        (None, value) => {
            config.insert(key.to_owned(), value);
        }
        (Some(Value::Object(own)), Value::Object(outer)) => {
            for (k, v) in outer {
                own.entry(k).or_insert(v);
            }
        }
        (Some(own), outer) if key == "tags" => {
            let mut all = texts_of(&outer);
            all.extend(texts_of(own));
            *own = all.into_iter().map(Value::String).collect();
        }
        _ => {}
    }
}

/// One text or a list of texts.
pub fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => many.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
