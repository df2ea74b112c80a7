//! `unit_tests:` of properties files → nodes that are run against a model. The rows are brought into
//! one form here, whether they stand in the YAML, in a fixture file or in a seed; what they are
//! compared with is known only when the test runs.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::properties::{PropertiesFile, UnitTestProperties};
use super::python::{py_repr, py_str};
use super::{Parser, RefIndex, add_node, config_levels};
use crate::checksum::sha256;
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::load::{FileKind, LoadedFile};
use crate::manifest::{
    Manifest, Node, NodeConfig, RefCall, ResourceType, UniqueId, UnitFixture, UnitInput,
    UnitOverrides, UnitTest, version_text,
};

/// Adds all unit tests to the manifest, after everything that they may name.
pub(super) fn add(
    parser: &Parser,
    files: &[LoadedFile],
    properties: &[(&LoadedFile, PropertiesFile)],
    manifest: &mut Manifest,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    if properties.iter().all(|(_, found)| found.unit_tests.is_empty()) {
        return;
    }
    let index = RefIndex::new(manifest);
    let mut fixtures = HashMap::new();
    for file in files.iter().filter(|file| file.kind == FileKind::Fixture) {
        let name = super::sql_files::file_stem(&file.path);
        if let Some(first) = fixtures.insert((&*file.package, name), file) {
            errors.push(
                Diagnostic::error(
                    Code::DUPLICATE_NODE,
                    format!("There are two fixtures `{name}` in the package `{}`", file.package),
                )
                .at(Location::new(file.file.clone(), 0..0))
                .related("the other one", Location::new(first.file.clone(), 0..0))
                .help("Rename one of them: unit tests name a fixture without its folder."),
            );
        }
    }
    let mut nodes = Vec::new();
    {
        let project = Project { parser, manifest, index, fixtures };
        for (loaded, found) in properties {
            for entry in &found.unit_tests {
                match project.unit_tests(loaded, entry) {
                    Ok(found) => nodes.extend(found),
                    Err(error) => errors.push(error.or_at(Some(entry.location.clone()))),
                }
            }
        }
    }
    for node in nodes {
        add_node(manifest, node, errors, warnings);
    }
}

struct Project<'a> {
    parser: &'a Parser<'a>,
    manifest: &'a Manifest,
    index: RefIndex,
    fixtures: HashMap<(&'a str, &'a str), &'a LoadedFile>,
}

impl Project<'_> {
    /// The nodes of a unit test: one, or one for each version of its model that it is meant for.
    fn unit_tests(&self, loaded: &LoadedFile, entry: &UnitTestProperties) -> Result<Vec<Node>> {
        let (package, name) = (&loaded.package, &entry.name);
        let call = model_call(&entry.model);
        let enabled = |node: &&Node| node.name == call.name && !node.config.enabled();
        let model = match self.index.node(package, &call) {
            Ok(id) => &self.manifest.nodes[id],
            Err(_) => match self.manifest.disabled.iter().find(enabled) {
                Some(disabled) => disabled,
                None => {
                    return Err(refused(format!(
                        "Unable to find model '{package}.{}' for unit test '{name}' in {}",
                        entry.model, loaded.original_file_path
                    )));
                }
            },
        };
        let mut fqn = vec![package.to_string()];
        let mut folders = loaded.original_file_path.split('/').skip(1).peekable();
        while let Some(folder) = folders.next() {
            if folders.peek().is_some() {
                fqn.push(folder.to_owned());
            }
        }
        fqn.extend([entry.model.clone(), name.clone()]);
        let kind = ResourceType::UnitTest;
        let config = &self.parser.config;
        let mut levels = config_levels::from_own_project(config, package, kind, &fqn);
        config_levels::apply(&mut levels, entry.config.clone());
        config_levels::apply_root_project(&mut levels, config, package, kind, &fqn);
        if !model.config.enabled() {
            levels.values.insert("enabled".to_owned(), false.into());
        }

        let test = self.definition(loaded, entry, model)?;
        self.check_incremental(entry, &test, model)?;
        let mut node = self.parser.bare_node(loaded, kind, name, fqn, levels);
        node.unique_id = format!("unit_test.{package}.{}.{name}", entry.model).into();
        node.location = Some(entry.location.clone());
        node.database.clone_from(&model.database);
        node.schema.clone_from(&model.schema);
        node.alias.clone_from(name);
        node.engine = model.engine.clone();
        node.description = self.parser.description(package, &entry.description, &entry.location)?;
        node.checksum = checksum(&test);
        node.refs = vec![(call, Some(entry.location.clone()))];
        if model.facts.as_ref().is_none_or(|facts| facts.version.is_none()) {
            if chosen(entry, "include").or(chosen(entry, "exclude")).is_some() {
                return Err(refused(format!(
                    "Unit test '{name}' should not have a versions include or exclude when \
                     referencing non-versioned model '{}'",
                    model.name
                )));
            }
            node.unit_test = Some(test.into());
            return Ok(vec![node]);
        }
        let versions = self.versions(entry, model)?;
        let one = |version: Value| {
            let text = version_text(&version);
            let mut node = node.clone();
            node.unique_id = format!("{}_v{text}", node.unique_id).into();
            node.refs[0].0.version = Some(text);
            node.unit_test = Some(UnitTest { version: Some(version), ..test.clone() }.into());
            node
        };
        Ok(versions.into_iter().map(one).collect())
    }

    /// The versions of a model that a unit test is meant for.
    fn versions(&self, entry: &UnitTestProperties, model: &Node) -> Result<Vec<Value>> {
        let (only, not) = (chosen(entry, "include"), chosen(entry, "exclude"));
        if only.is_some() && not.is_some() {
            return Err(refused(format!(
                "Unit test '{}' can have either `include` or `exclude` of versions, not both",
                entry.name
            )));
        }
        let wanted = |version: &Value| {
            let text = version_text(version);
            match (&only, &not) {
                (_, Some(not)) => !not.contains(&text),
                (Some(only), None) => only.contains(&text),
                (None, None) => true,
            }
        };
        let same =
            |node: &&Node| node.name == model.name && node.package_name == model.package_name;
        let models = self.manifest.of_type(ResourceType::Model).filter(same);
        let versions = models.filter_map(|node| node.facts.as_ref()?.version.clone());
        let found: Vec<Value> = versions.filter(wanted).collect();
        if found.is_empty() {
            return Err(refused(format!(
                "Unit test '{}' referenced a version of '{}' which was not found.",
                entry.name, model.name
            )));
        }
        Ok(found)
    }

    fn definition(
        &self,
        loaded: &LoadedFile,
        entry: &UnitTestProperties,
        model: &Node,
    ) -> Result<UnitTest> {
        let mut given = Vec::new();
        for input in &entry.given {
            let text = input.get("input").and_then(Value::as_str).unwrap_or_default();
            let fixture = self.fixture(loaded, entry, input, Some(text))?;
            let id = self.input(loaded, entry, text, model)?;
            given.push(UnitInput { input: text.to_owned(), id, fixture });
        }
        let map = |key: &str| -> Map<String, Value> {
            let part = entry.overrides.as_ref().and_then(|overrides| overrides.get(key));
            part.and_then(Value::as_object).cloned().unwrap_or_default()
        };
        Ok(UnitTest {
            model: entry.model.clone(),
            given,
            expect: self.fixture(loaded, entry, &entry.expect, None)?,
            overrides: entry.overrides.as_ref().map(|_| UnitOverrides {
                macros: map("macros"),
                vars: map("vars"),
                env_vars: map("env_vars"),
            }),
            versions: entry.versions.clone(),
            version: None,
        })
    }

    /// The node or source that an input stands for; that there is none is said when it runs.
    fn input(
        &self,
        loaded: &LoadedFile,
        entry: &UnitTestProperties,
        text: &str,
        model: &Node,
    ) -> Result<Option<UniqueId>> {
        if text.trim() == "this" {
            return Ok(Some(model.unique_id.clone()));
        }
        let host = self.parser.host(&loaded.package, NodeConfig::default());
        let dialect = self.parser.dialects.default_one();
        dialect.eval(text, Some(entry.location.clone()), host.clone())?;
        let notes = host.take_notes();
        let found = match (notes.refs.first(), notes.sources.first()) {
            (Some(call), _) => self.index.node(&loaded.package, call),
            (None, Some(call)) => self.index.source(&loaded.package, call),
            (None, None) => {
                return Err(refused(format!(
                    "Unit test given inputs must be either a 'ref', 'source' or 'this' call. \
                     Got: '{text}'."
                )));
            }
        };
        Ok(found.ok().cloned())
    }

    /// The rows of an input, or those of `expect`.
    fn fixture(
        &self,
        loaded: &LoadedFile,
        entry: &UnitTestProperties,
        written: &Map<String, Value>,
        input: Option<&str>,
    ) -> Result<UnitFixture> {
        let text = |key: &str| written.get(key).and_then(Value::as_str);
        let format = text("format").unwrap_or("dict").to_owned();
        let file = text("fixture");
        let kind = if input.is_some() { "input" } else { "expected" };
        let mismatch = |more: &str| {
            refused(format!(
                "Unit test {} has {kind} rows{more} which do not match format {format}{}",
                entry.name,
                if more.is_empty() { "" } else { ".  Expected string." },
            ))
        };
        let content = || -> Result<Option<String>> {
            match file {
                Some(name) => self.fixture_file(loaded, name).map(|f| Some(f.trim().to_owned())),
                None => Ok(text("rows").map(str::to_owned)),
            }
        };
        let mut rows = match format.as_str() {
            "dict" => match (written.get("rows"), file, input) {
                (None | Some(Value::Null), None, Some(input)) => {
                    csv_rows(&self.seed_text(loaded, entry, input)?)
                }
                (Some(Value::Array(rows)), ..) => Value::Array(rows.clone()),
                _ => return Err(mismatch("")),
            },
            "csv" => match content()? {
                Some(text) => csv_rows(&text),
                None => return Err(mismatch(" or fixtures")),
            },
            "sql" => match content()? {
                Some(text) => Value::String(text),
                None => return Err(mismatch(" or fixtures")),
            },
            other => {
                return Err(refused(format!(
                    "Unit test {} has rows of the format `{other}`",
                    entry.name
                ))
                .help("Formats are `dict`, `csv` and `sql`.")
                .into());
            }
        };
        if let Value::Array(rows) = &mut rows {
            // The first row says which types the columns have, on some databases.
            let whole = |row: &Value| {
                row.as_object().is_some_and(|row| row.values().all(|value| !value.is_null()))
            };
            if let Some(at) = rows.iter().position(whole) {
                rows.swap(0, at);
            }
        }
        Ok(UnitFixture { format, rows, fixture: file.map(str::to_owned) })
    }

    fn fixture_file(&self, loaded: &LoadedFile, name: &str) -> Result<&str> {
        match self.fixtures.get(&(&*loaded.package, name)) {
            Some(file) => Ok(&file.file.text),
            None => Err(refused(format!(
                "File not found for fixture '{name}' in unit tests in {}",
                loaded.original_file_path
            ))
            .help("Fixtures are .csv and .sql files in the folder `fixtures` of a test path.")
            .into()),
        }
    }

    /// The text of a seed, whose own rows are meant where an input gives none.
    fn seed_text(
        &self,
        loaded: &LoadedFile,
        entry: &UnitTestProperties,
        input: &str,
    ) -> Result<String> {
        let id = self.input(loaded, entry, input, &self.nothing(loaded))?;
        let seed = id.as_ref().and_then(|id| self.manifest.nodes.get(id));
        let seed = seed.filter(|node| node.resource_type == ResourceType::Seed);
        let read = seed.and_then(|seed| {
            let root = std::path::Path::new(seed.root_path.as_deref()?);
            std::fs::read_to_string(root.join(&seed.original_file_path)).ok()
        });
        read.ok_or_else(|| {
            let name = input.split(['\'', '"']).nth(1).unwrap_or(input);
            let project = self.parser.config.project_named(&loaded.package);
            let paths = project.map(|project| project.seed_paths.as_slice()).unwrap_or_default();
            let paths: Vec<String> = paths.iter().map(|path| format!("'{path}'")).collect();
            refused(format!(
                "Unable to find seed '{}.{name}' for unit tests in directories: [{}]",
                loaded.package,
                paths.join(", ")
            ))
        })
    }

    fn nothing(&self, loaded: &LoadedFile) -> Node {
        let engine = self.parser.config.target.default_engine.clone();
        Node::bare(ResourceType::Model, &loaded.package, "", loaded.file.clone(), engine)
    }

    fn check_incremental(
        &self,
        entry: &UnitTestProperties,
        test: &UnitTest,
        model: &Node,
    ) -> Result<()> {
        if !model.raw_code.contains("is_incremental") {
            return Ok(());
        }
        let says = test.overrides.as_ref().and_then(|o| o.macros.get("is_incremental"));
        match says.and_then(Value::as_bool) {
            None => Err(refused(format!(
                "Boolean override for 'is_incremental' must be provided for unit test '{}' in \
                 model '{}'",
                entry.name, model.name
            ))),
            Some(true) if !test.given.iter().any(|given| given.input == "this") => {
                Err(refused(format!(
                    "Unit test '{}' for incremental model '{}' must have a 'this' input",
                    entry.name, model.name
                )))
            }
            Some(_) => Ok(()),
        }
    }
}

/// `orders`, or `orders v2`.
fn model_call(model: &str) -> RefCall {
    let mut words = model.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    RefCall { package: None, name, version: words.next().map(str::to_owned) }
}

/// The versions that `versions:` names under a key.
fn chosen(entry: &UnitTestProperties, key: &str) -> Option<Vec<String>> {
    let list = entry.versions.as_ref()?.get(key)?;
    let versions: Vec<String> = list.as_array()?.iter().map(version_text).collect();
    (!versions.is_empty()).then_some(versions)
}

/// Rows as maps; an empty field is NULL.
fn csv_rows(text: &str) -> Value {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers().map(|h| h.iter().map(str::to_owned).collect()).unwrap_or_default();
    let rows = reader.records().filter_map(std::result::Result::ok).map(|record| {
        let field = |at: usize| match record.get(at) {
            None | Some("") => Value::Null,
            Some(text) => text.into(),
        };
        Value::Object(header.iter().enumerate().map(|(at, n)| (n.clone(), field(at))).collect())
    });
    rows.collect()
}

/// dbt's: of what Python prints for everything but the description. States carry over by it.
fn checksum(test: &UnitTest) -> String {
    let UnitTest { model, given, expect, overrides, versions, .. } = test;
    let given: Vec<String> = given
        .iter()
        .map(|one| {
            let input = py_repr(&one.input.as_str().into());
            format!("UnitTestInputFixture(input={input}, {})", printed(&one.fixture))
        })
        .collect();
    let versions = versions.as_ref().map_or("None".to_owned(), |versions| {
        let list = |key: &str| py_repr(versions.get(key).unwrap_or(&Value::Null));
        let (include, exclude) = (list("include"), list("exclude"));
        format!("UnitTestNodeVersions(include={include}, exclude={exclude})")
    });
    let overrides = overrides.as_ref().map_or("None".to_owned(), |overrides| {
        let dict = |map: &Map<String, Value>| py_repr(&Value::Object(map.clone()));
        let (macros, vars) = (dict(&overrides.macros), dict(&overrides.vars));
        let env_vars = dict(&overrides.env_vars);
        format!("UnitTestOverrides(macros={macros}, vars={vars}, env_vars={env_vars})")
    });
    let expect = format!("UnitTestOutputFixture({})", printed(expect));
    let mut text = format!("{model}-{versions}-[{}]-{expect}-{overrides}", given.join(", "));
    for one in test.given.iter().filter(|one| one.fixture.fixture.is_some()) {
        text.push_str(&format!("-{}", py_str(&one.fixture.rows)));
    }
    sha256(text.as_bytes())
}

fn printed(fixture: &UnitFixture) -> String {
    let format = match fixture.format.as_str() {
        "csv" => "CSV",
        "sql" => "SQL",
        _ => "Dict",
    };
    let file = fixture.fixture.as_deref().map_or(Value::Null, Value::from);
    format!(
        "rows={}, format=<UnitTestFormat.{format}: '{}'>, fixture={}",
        py_repr(&fixture.rows),
        fixture.format,
        py_repr(&file)
    )
}

fn refused(message: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::BAD_CONFIG, message))
}
