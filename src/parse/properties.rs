//! Properties files (schema.yml) → what they say of each node, still unrendered where a later
//! stage renders it.

use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use regex::Regex;
use serde_json::{Map, Value};

use super::semantic::is_foreign_template;
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

    fn node(&mut self, yaml: &'a Yaml, what: &'a str) -> Result<NodeProperties> {
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
        if yaml.get("freshness").is_some_and(Yaml::is_null) {
            extra.insert("freshness".to_owned(), Value::Null);
        }
        if yaml.get("loaded_at_field").is_some_and(Yaml::is_null) {
            extra.insert("loaded_at_field".to_owned(), Value::Null);
        }
        let quote_columns = match map.any("quoting").and_then(|quoting| quoting.get("column")) {
            Some(given) => given.kind == YamlKind::Bool(true),
            None => map.flag("quote_columns")?.unwrap_or(self.quote_columns),
        };
        let description = map.text("description")?.unwrap_or_default();
        let mut tests = Vec::new();
        for key in ["data_tests", "tests"] {
            for entry in map.list(key)? {
                tests.push(self.test(entry, None)?);
            }
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
    fn rendered_name(&self, map: &mut MapReader) -> Result<String> {
        let name = map.required_text("name")?;
        if !is_template(&name) {
            return Ok(name);
        }
        Ok(self.rendered_text(map, "name")?.unwrap_or(name))
    }

    /// A text with its Jinja rendered.
    fn rendered_text(&self, map: &mut MapReader, key: &'static str) -> Result<Option<String>> {
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
            name,
        };
        let quoted = quote.unwrap_or(quote_columns);
        for key in ["data_tests", "tests"] {
            for entry in map.list(key)? {
                let under = (column.name.clone(), column.tags.clone(), quoted);
                tests.push(self.test(entry, Some(under))?);
            }
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

    fn source(&mut self, yaml: &'a Yaml) -> Result<SourceProperties> {
        let mut map = MapReader::new(self.file, "a source", yaml)?;
        let name = self.rendered_name(&mut map)?;
        let mut config = self.config(&mut map, "config")?;
        for key in ["meta", "tags"] {
            if let Some(value) = map.any(key) {
                let value = self.renderer.render(self.file, value)?;
                merge_alias(&mut config, key, value);
            }
        }
        let text = |map: &mut MapReader<'a>, key| -> Result<Option<String>> {
            let Some(value) = map.any(key) else { return Ok(None) };
            Ok(match self.renderer.render(self.file, value)? {
                Value::String(text) => Some(text),
                Value::Null => None,
                other => Some(other.to_string()),
            })
        };
        let database = match text(&mut map, "database")? {
            Some(database) => Some(database),
            None => text(&mut map, "catalog")?,
        };
        let written = |key: &str| {
            let value = yaml.get(key).filter(|value| !value.is_null())?;
            Some(value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned))
        };
        let written_database = written("database").or_else(|| written("catalog"));
        let written_schema = written("schema");
        let schema = text(&mut map, "schema")?;
        let loader = text(&mut map, "loader")?.unwrap_or_default();
        let mut extra = Map::new();
        for key in ["freshness", "loaded_at_field"] {
            if let Some(value) = map.any(key) {
                extra.insert(key.to_owned(), self.renderer.render(self.file, value)?);
            }
        }
        // A query is rendered when it is asked: it may ref.
        if let Some(value) = map.any("loaded_at_query") {
            extra.insert("loaded_at_query".to_owned(), value.to_json());
        }
        let description = map.text("description")?.unwrap_or_default();
        let mut tables = Vec::new();
        let quoting = yaml.get("quoting").and_then(|quoting| quoting.get("column"));
        self.quote_columns = quoting.is_some_and(|given| given.kind == YamlKind::Bool(true));
        for item in map.list("tables")? {
            tables.push(self.node(item, "a source table")?);
        }
        self.quote_columns = false;
        let quoting = map.json_map("quoting")?;
        let overrides = map.text("overrides")?;
        map.ignore(&["version"]);
        map.deny_left_over()?;
        Ok(SourceProperties {
            location: self.location(yaml.get("name").unwrap_or(yaml)),
            name,
            overrides,
            description,
            config,
            database,
            schema,
            written_database,
            written_schema,
            loader,
            extra,
            quoting,
            tables,
        })
    }

    fn macro_(&mut self, yaml: &'a Yaml) -> Result<MacroProperties> {
        let mut map = MapReader::new(self.file, "a macro", yaml)?;
        let name = map.required_text("name")?;
        let config = self.config(&mut map, "config")?;
        let mut meta = map.json_map("meta")?;
        if let Some(Value::Object(more)) = config.get("meta") {
            meta.extend(more.clone());
        }
        let description = map.text("description")?.unwrap_or_default();
        let mut arguments = Vec::new();
        for item in map.list("arguments")? {
            let mut entry = MapReader::new(self.file, "an argument of a macro", item)?;
            arguments.push(MacroArgument {
                name: entry.required_text("name")?,
                data_type: entry.text("type")?,
                description: entry.text("description")?.unwrap_or_default(),
            });
            entry.pass_left_over(&mut self.warnings);
        }
        let mut docs = map.json_map("docs")?;
        if let Some(Value::Object(more)) = config.get("docs") {
            docs.extend(more.clone());
        }
        map.pass_left_over(&mut self.warnings);
        let meta = meta.into_iter().collect();
        let location = self.location(yaml.get("name").unwrap_or(yaml));
        Ok(MacroProperties { name, location, description, meta, docs, arguments })
    }

    fn exposure(&mut self, yaml: &'a Yaml) -> Result<ExposureProperties> {
        let mut map = MapReader::new(self.file, "an exposure", yaml)?;
        let name = map.required_text("name")?;
        let mut config = self.config(&mut map, "config")?;
        for key in ["meta", "tags"] {
            if let Some(value) = map.any(key) {
                merge_alias(&mut config, key, self.renderer.render(self.file, value)?);
            }
        }
        let exposure = ExposureProperties {
            location: self.location(yaml.get("name").unwrap_or(yaml)),
            exposure_type: map.required_text("type")?,
            label: map.text("label")?,
            url: map.text("url")?,
            maturity: map.text("maturity")?,
            description: map.text("description")?.unwrap_or_default(),
            owner: map.json_map("owner")?.into_iter().collect(),
            depends_on: map.texts("depends_on")?.unwrap_or_default(),
            config,
            name,
        };
        map.ignore(&["enabled"]);
        map.deny_left_over()?;
        Ok(exposure)
    }

    /// Renders the texts but those that are templates of the semantic layer itself.
    fn semantic(&self, yaml: &Yaml, kind: ResourceType) -> Result<SemanticProperties> {
        let Value::Object(map) = self.semantic_value("", yaml)? else {
            return Err(type_error(self.file, kind.as_str(), "a map", yaml));
        };
        let location = self.location(yaml.get("name").unwrap_or(yaml));
        Ok(SemanticProperties { kind, location, map })
    }

    fn semantic_value(&self, key: &str, yaml: &Yaml) -> Result<Value> {
        match &yaml.kind {
            YamlKind::Map(entries) => entries
                .iter()
                .map(|(key, value)| Ok((key.text.clone(), self.semantic_value(&key.text, value)?)))
                .collect::<Result<Map<_, _>>>()
                .map(Value::Object),
            YamlKind::List(items) => {
                items.iter().map(|item| self.semantic_value(key, item)).collect()
            }
            _ if is_foreign_template(key) || key == "description" => Ok(yaml.to_json()),
            _ => self.renderer.render(self.file, yaml),
        }
    }

    fn unit_test(&mut self, yaml: &'a Yaml) -> Result<UnitTestProperties> {
        let mut map = MapReader::new(self.file, "a unit test", yaml)?;
        let name = map.required_text("name")?;
        let config = self.config(&mut map, "config")?;
        let part = |value: Option<&Yaml>| -> Result<Option<Value>> {
            let Some(yaml) = value else { return Ok(None) };
            let mut value = self.renderer.render(self.file, yaml)?;
            plain_times(self.file, yaml, &mut value);
            Ok(Some(value))
        };
        let mut given = Vec::new();
        for item in map.list("given")? {
            match part(Some(item))? {
                Some(Value::Object(input)) => given.push(input),
                _ => return Err(type_error(self.file, "an input of a unit test", "a map", item)),
            }
        }
        let expect = match part(map.any("expect"))? {
            Some(Value::Object(expect)) => expect,
            _ => return Err(type_error(self.file, "`expect` of a unit test", "a map", yaml)),
        };
        let test = UnitTestProperties {
            location: self.location(yaml.get("name").unwrap_or(yaml)),
            model: map.required_text("model")?,
            description: map.text("description")?.unwrap_or_default(),
            overrides: part(map.any("overrides"))?,
            versions: part(map.any("versions"))?,
            config,
            given,
            expect,
            name,
        };
        map.deny_left_over()?;
        Ok(test)
    }

    fn group(&mut self, yaml: &'a Yaml) -> Result<GroupProperties> {
        let mut map = MapReader::new(self.file, "a group", yaml)?;
        let name = map.required_text("name")?;
        let config = self.config(&mut map, "config")?;
        let group = GroupProperties {
            description: map.text("description")?.unwrap_or_default(),
            owner: map.json_map("owner")?.into_iter().collect(),
            config,
            name,
        };
        map.deny_left_over()?;
        Ok(group)
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

/// Plain times of YAML in the form that dbt gives them in rows, as Python's `isoformat()`.
fn plain_times(file: &Arc<SourceFile>, yaml: &Yaml, value: &mut Value) {
    match (&yaml.kind, value) {
        (YamlKind::Map(entries), Value::Object(map)) => {
            for (key, inner) in entries {
                if let Some(value) = map.get_mut(&key.text) {
                    plain_times(file, inner, value);
                }
            }
        }
        (YamlKind::List(items), Value::Array(values)) => {
            for (inner, value) in items.iter().zip(values) {
                plain_times(file, inner, value);
            }
        }
        (YamlKind::Text(text), Value::String(out)) => {
            let written = file.text.get(yaml.span.clone()).unwrap_or_default();
            let starts = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
            if starts
                && written.starts_with(|c: char| c.is_ascii_digit())
                && let Some(iso) = isoformat(text)
            {
                *out = iso;
            }
        }
        _ => {}
    }
}

/// A time of YAML 1.1, date and time of day, as Python prints it.
fn isoformat(text: &str) -> Option<String> {
    static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let pattern = r"^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?$";
        Regex::new(pattern).ok()
    });
    let found = TIME.as_ref()?.captures(text)?;
    let part = |at: usize| found.get(at).map(|part| part.as_str());
    let number = |at: usize| part(at).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0);
    let fraction = match part(7).unwrap_or_default() {
        "" => String::new(),
        digits => format!(".{:0<6}", &digits[..digits.len().min(6)]),
    };
    let zone = match (part(8), part(9)) {
        (Some(_), _) => "+00:00".to_owned(),
        (None, Some(sign)) => {
            let (hours, minutes) = (number(10), number(11));
            let sign = if hours + minutes == 0 { "+" } else { sign };
            format!("{sign}{hours:02}:{minutes:02}")
        }
        (None, None) => String::new(),
    };
    Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{zone}",
        number(1),
        number(2),
        number(3),
        number(4),
        number(5),
        number(6)
    ))
}

/// A key of the top level goes into `config`, which wins where both say something.
fn merge_alias(config: &mut Map<String, Value>, key: &str, value: Value) {
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
