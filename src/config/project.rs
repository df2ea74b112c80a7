//! dbt_project.yml as plain data, for the root project and for each package.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::alerts::{self, Alert};
use super::reader::{MapReader, misspelt_config, type_error};
use super::render::YamlRenderer;
use super::semver::{DBT_VERSION, Range, Version};
use super::target::Target;
use super::text::read_text;
use super::yaml::{self, Yaml, YamlKind};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};
use crate::manifest::{Hook, ResourceType};

const FILE: &str = "dbt_project.yml";

/// A dbt_project.yml.
#[derive(Debug)]
pub struct Project {
    pub name: String,
    /// The folder of dbt_project.yml, absolute.
    pub root: PathBuf,
    pub file: Arc<SourceFile>,
    pub version: Option<String>,
    pub model_paths: Vec<String>,
    pub seed_paths: Vec<String>,
    pub test_paths: Vec<String>,
    pub macro_paths: Vec<String>,
    pub analysis_paths: Vec<String>,
    pub snapshot_paths: Vec<String>,
    pub function_paths: Vec<String>,
    pub docs_paths: Vec<String>,
    pub target_path: String,
    pub packages_install_path: String,
    pub clean_targets: Vec<String>,
    /// Where the log file goes.
    pub log_path: String,
    /// Folders that are shown beside the docs.
    pub asset_paths: Vec<String>,
    /// `models:`, `seeds:` and so on: rendered, with the `+` keys as written.
    pub configs: IndexMap<&'static str, Map<String, Value>>,
    /// Sections of `configs` that hold Jinja, as they are written.
    pub written_configs: IndexMap<&'static str, Map<String, Value>>,
    pub vars: Map<String, Value>,
    pub on_run_start: Vec<Hook>,
    pub on_run_end: Vec<Hook>,
    /// `alerts:`, whose addresses may hold secrets.
    pub alerts: Vec<Alert>,
    /// `dispatch:`: macro namespace → packages in which to look, in order.
    /// `require-dbt-version`, as written and rendered.
    pub require_dbt_version: Vec<String>,
    /// `restrict-access`: whether protected models are kept from other packages.
    pub restrict_access: bool,
    pub dispatch: IndexMap<String, Vec<String>>,
    pub quoting: Map<String, Value>,
    pub flags: Map<String, Value>,
    /// `query-comment`: what is written into every statement of a node.
    pub query_comment: Option<QueryComment>,
    /// What is doubtful about the file.
    pub warnings: Vec<Diagnostic>,
}

/// `query-comment` of dbt_project.yml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryComment {
    /// The Jinja text of the comment.
    pub text: String,
    /// Whether it stands behind a statement, not before it.
    pub append: bool,
}

/// The key under which a kind of node is configured in dbt_project.yml.
pub fn config_section(resource_type: ResourceType) -> &'static str {
    match resource_type {
        ResourceType::Model => "models",
        ResourceType::Seed => "seeds",
        ResourceType::Snapshot => "snapshots",
        ResourceType::Test => "data_tests",
        ResourceType::UnitTest => "unit_tests",
        ResourceType::Source => "sources",
        ResourceType::Exposure => "exposures",
        // dbt configures analyses as models.
        ResourceType::Analysis => "models",
        ResourceType::Metric => "metrics",
        ResourceType::SemanticModel => "semantic-models",
        ResourceType::SavedQuery => "saved-queries",
        ResourceType::Function => "functions",
        ResourceType::Operation | ResourceType::Macro => "models",
    }
}

const SECTIONS: &[(&str, &str)] = &[
    ("models", "models"),
    ("seeds", "seeds"),
    ("snapshots", "snapshots"),
    ("data_tests", "data_tests"),
    ("tests", "data_tests"),
    ("unit_tests", "unit_tests"),
    ("sources", "sources"),
    ("exposures", "exposures"),
    ("analyses", "analyses"),
    ("metrics", "metrics"),
    ("semantic-models", "semantic-models"),
    ("saved-queries", "saved-queries"),
    ("functions", "functions"),
];

/// What dbt_project.yml says of its profile, which is read before the rest: the rest may use the
/// target.
#[derive(Debug)]
pub struct NamedProfile {
    pub name: Option<String>,
    /// Where it stands.
    pub location: Option<Location>,
}

impl NamedProfile {
    /// Reads `<root>/dbt_project.yml` as far as needed.
    ///
    /// # Errors
    /// `UNREADABLE`, `NOT_UTF8`, `BAD_YAML`, `BAD_CONFIG`, and errors of Jinja in the name.
    pub fn read(root: &Path, shown: &Path, cli_vars: &Map<String, Value>) -> Result<Self> {
        let file = read_text(&root.join(FILE), &shown.join(FILE))?;
        let document = yaml::parse(&file)?;
        let Some(yaml) = document.root.get("profile").filter(|yaml| !yaml.is_null()) else {
            return Ok(NamedProfile { name: None, location: None });
        };
        let location = Some(Location::new(file.clone(), yaml.span.clone()));
        match YamlRenderer::new(cli_vars.clone(), None).render(&file, yaml)? {
            Value::String(name) => Ok(NamedProfile { name: Some(name), location }),
            _ => Err(type_error(&file, "`profile`", "text", yaml)),
        }
    }
}

impl Project {
    /// Refuses a project that asks for another version of dbt than the one Pintail stands for.
    ///
    /// # Errors
    /// `DBT_VERSION`, `BAD_CONFIG` where it is no version.
    pub fn check_dbt_version(&self) -> Result<()> {
        if self.require_dbt_version.is_empty() {
            return Ok(());
        }
        let place = self.file.text.find("require-dbt-version").map_or(0..0, |at| at..at + 19);
        let place = Location::new(self.file.clone(), place);
        let mut bounds = Vec::new();
        for text in &self.require_dbt_version {
            bounds.push(Version::read(text).ok_or_else(|| {
                Box::new(
                    Diagnostic::error(Code::BAD_CONFIG, format!("`{text}` is not a version"))
                        .at(place.clone())
                        .help("Versions have three parts: [\">=1.0.0\", \"<2.0.0\"]."),
                )
            })?);
        }
        let here = Version::read(DBT_VERSION);
        let range = Range::of_all(&bounds);
        if range.as_ref().zip(here).is_some_and(|(range, here)| range.contains(&here)) {
            return Ok(());
        }
        let wanted = self.require_dbt_version.join(", ");
        let message = match range {
            Some(_) => format!(
                "`{}` asks for dbt {wanted}; Pintail stands for dbt {DBT_VERSION}",
                self.name
            ),
            None => format!("No version of dbt can be all of {wanted}, as `{}` asks", self.name),
        };
        Err(Box::new(
            Diagnostic::error(Code::DBT_VERSION, message)
                .at(place)
                .help("Take another version of the package, or run with --no-version-check."),
        ))
    }

    /// Reads `<root>/dbt_project.yml`.
    ///
    /// # Errors
    /// `UNREADABLE`, `NOT_UTF8`, `BAD_YAML`, `BAD_CONFIG`, `UNKNOWN_KEY`, and errors of Jinja in values.
    pub fn read(
        root: &Path,
        shown: &Path,
        cli_vars: &Map<String, Value>,
        target: &Target,
    ) -> Result<Project> {
        let file = read_text(&root.join(FILE), &shown.join(FILE))?;
        let document = yaml::parse(&file)?;
        let mut warnings = document.warnings;
        let renderer = YamlRenderer::new(cli_vars.clone(), Some(target.to_json()));
        // Hooks and configs hold Jinja for later; everything else is rendered now.
        let secrets = YamlRenderer::new(cli_vars.clone(), Some(target.to_json())).with_secrets();
        let rendered = render_sections(&renderer, &secrets, &file, &document.root)?;
        let mut map = MapReader::new(&file, "dbt_project.yml", &rendered)?;

        let name = map.required_text("name")?;
        check_name(&file, &rendered, &name)?;
        check_kinds(&file, &rendered)?;
        let paths = |map: &mut MapReader, key, default: &str| -> Result<Vec<String>> {
            Ok(map.texts(key)?.unwrap_or_else(|| vec![default.to_owned()]))
        };
        for (old, new) in [("source-paths", "model-paths"), ("data-paths", "seed-paths")] {
            warnings.extend(renamed(&file, &rendered, old, new)?);
        }
        for (key, usual) in [("log-path", "logs"), ("target-path", "target")] {
            warnings.extend(deprecated_path(&file, &rendered, key, usual));
        }
        let old_model_paths = map.texts("source-paths")?;
        let old_seed_paths = map.texts("data-paths")?;
        let model_paths = match old_model_paths {
            Some(paths) => paths,
            None => paths(&mut map, "model-paths", "models")?,
        };
        let seed_paths = match old_seed_paths {
            Some(paths) => paths,
            None => paths(&mut map, "seed-paths", "seeds")?,
        };
        let test_paths = paths(&mut map, "test-paths", "tests")?;
        let macro_paths = paths(&mut map, "macro-paths", "macros")?;
        let analysis_paths = paths(&mut map, "analysis-paths", "analyses")?;
        let snapshot_paths = paths(&mut map, "snapshot-paths", "snapshots")?;
        let function_paths = paths(&mut map, "function-paths", "functions")?;
        let target_path = map.text("target-path")?.unwrap_or_else(|| "target".to_owned());
        let packages_install_path =
            map.text("packages-install-path")?.unwrap_or_else(|| "dbt_packages".to_owned());
        let clean_targets =
            map.texts("clean-targets")?.unwrap_or_else(|| vec![target_path.clone()]);
        let docs_paths = map.texts("docs-paths")?.unwrap_or_default();
        let mut configs = IndexMap::new();
        let mut written_configs: IndexMap<&'static str, Map<String, Value>> = IndexMap::new();
        if let (Some(_), Some(old)) = (map.any("data_tests"), map.any("tests")) {
            let message =
                "Invalid project config: cannot have both 'tests' and 'data_tests' defined";
            return Err(Box::new(
                Diagnostic::error(Code::BAD_CONFIG, message)
                    .at(Location::new(file.clone(), old.span.clone()))
                    .help("Write all of it under `data_tests`."),
            ));
        }
        for (key, section) in SECTIONS {
            let found = map.json_map(key)?;
            if let Some(Value::Object(written)) = document.root.get(key).map(Yaml::to_json)
                && written != found
            {
                written_configs.entry(*section).or_default().extend(written);
            }
            let into: &mut Map<String, Value> = configs.entry(*section).or_default();
            into.extend(found);
        }
        let project = Project {
            root: root.to_path_buf(),
            version: map.text("version")?,
            model_paths,
            seed_paths,
            test_paths,
            macro_paths,
            analysis_paths,
            snapshot_paths,
            function_paths,
            docs_paths,
            target_path,
            packages_install_path,
            clean_targets,
            log_path: map.text("log-path")?.unwrap_or_else(|| "logs".to_owned()),
            asset_paths: map.texts("asset-paths")?.unwrap_or_default(),
            configs,
            written_configs,
            vars: map.json_map("vars")?,
            on_run_start: hooks(&mut map, "on-run-start")?,
            on_run_end: hooks(&mut map, "on-run-end")?,
            require_dbt_version: map
                .texts("require-dbt-version")?
                .unwrap_or_default()
                .iter()
                .flat_map(|text| text.split(',').map(|part| part.trim().to_owned()))
                .collect(),
            restrict_access: map.flag("restrict-access")?.unwrap_or(false),
            dispatch: dispatch(&mut map)?,
            quoting: map.json_map("quoting")?,
            flags: map.json_map("flags")?,
            alerts: alerts::read(&mut map)?,
            query_comment: query_comment(document.root.get("query-comment")),
            warnings: Vec::new(),
            file: file.clone(),
            name,
        };
        map.ignore(&["profile", "config-version", "query-comment", "dbt-cloud", "packages"]);
        map.deny_left_over()?;
        warnings.extend(unused_paths(&project));
        for (key, _) in SECTIONS {
            if let Some(section) = document.root.get(key) {
                misspelt_configs(&file, section, &mut warnings);
            }
        }
        Ok(Project { warnings, ..project })
    }
}

/// Renders everything but the sections whose Jinja belongs to a later stage.
fn render_sections(
    renderer: &YamlRenderer,
    secrets: &YamlRenderer,
    file: &Arc<SourceFile>,
    root: &Yaml,
) -> Result<Yaml> {
    let entries = root
        .entries()
        .iter()
        .map(|(key, value)| {
            let value = match key.text.as_str() {
                // A variable is rendered where it is asked for, with what is known there.
                "on-run-start" | "on-run-end" | "query-comment" | "vars" => value.clone(),
                // An address is not a part of what is built.
                "alerts" => secrets.render_tree(file, value)?,
                _ => render_but_hooks(renderer, file, value)?,
            };
            Ok((key.clone(), value))
        })
        .collect::<Result<Vec<_>>>()?;
    let kind = match &root.kind {
        YamlKind::Map(_) => YamlKind::Map(entries),
        other => other.clone(),
    };
    Ok(Yaml { span: root.span.clone(), kind })
}

fn render_but_hooks(renderer: &YamlRenderer, file: &Arc<SourceFile>, yaml: &Yaml) -> Result<Yaml> {
    let YamlKind::Map(entries) = &yaml.kind else { return renderer.render_tree(file, yaml) };
    let entries = entries
        .iter()
        .map(|(key, value)| {
            let value = match key.text.trim_start_matches('+') {
                "pre-hook" | "post-hook" | "pre_hook" | "post_hook" => value.clone(),
                _ => render_but_hooks(renderer, file, value)?,
            };
            Ok((key.clone(), value))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Yaml { span: yaml.span.clone(), kind: YamlKind::Map(entries) })
}

fn check_name(file: &Arc<SourceFile>, root: &Yaml, name: &str) -> Result<()> {
    let ok = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if ok {
        return Ok(());
    }
    let span = root.get("name").map_or(0..0, |y| y.span.clone());
    Err(Box::new(
        Diagnostic::error(Code::BAD_CONFIG, format!("`{name}` cannot be a project's name"))
            .at(Location::new(file.clone(), span))
            .help("Use letters, digits and underscores, beginning with a letter."),
    ))
}

/// Refuses a version that is none, and settings of dbt Cloud that are no map, in the words of
/// dbt's schema.
fn check_kinds(file: &Arc<SourceFile>, root: &Yaml) -> Result<()> {
    let refused = |key: &str, help: &str| {
        let value = root.get(key)?;
        let shown = match &value.kind {
            YamlKind::Text(text) => format!("'{text}'"),
            _ => value.to_json().to_string(),
        };
        Some(Box::new(
            Diagnostic::error(
                Code::BAD_CONFIG,
                format!("`{key}` of dbt_project.yml cannot be {shown}"),
            )
            .at(Location::new(file.clone(), value.span.clone()))
            .note(format!("at path ['{key}']: {shown} is not valid under any of the given schemas"))
            .help(help),
        ))
    };
    let is_version = |value: &Yaml| match &value.kind {
        YamlKind::Text(text) => Version::is_plain(text),
        YamlKind::Number(_) | YamlKind::Null => true,
        _ => false,
    };
    let is_map = |value: &Yaml| matches!(value.kind, YamlKind::Map(_) | YamlKind::Null);
    let wrong = if !root.get("version").is_none_or(is_version) {
        refused("version", "Versions have two or three numbers: \"1.0.0\".")
    } else if !root.get("dbt-cloud").is_none_or(is_map) {
        refused("dbt-cloud", "Write `project-id: …` under it, or leave it out.")
    } else {
        None
    };
    wrong.map_or(Ok(()), Err)
}

/// The warning for a key that has a new name.
///
/// # Errors
/// `BAD_CONFIG` where both names are used.
fn renamed(
    file: &Arc<SourceFile>,
    root: &Yaml,
    old: &str,
    new: &str,
) -> Result<Option<Diagnostic>> {
    let Some((key, _)) = root.entries().iter().find(|(key, _)| key.text == old) else {
        return Ok(None);
    };
    let place = Location::new(file.clone(), key.span.clone());
    if root.get(new).is_some() {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_CONFIG,
                format!("`{old}` and `{new}` cannot both be defined"),
            )
            .at(place)
            .help(format!("Keep `{new}`; `{old}` is its old name.")),
        ));
    }
    Ok(Some(
        Diagnostic::warning(
            Code::BAD_CONFIG,
            format!("The `{old}` config has been renamed to `{new}`"),
        )
        .event(match old {
            "source-paths" => "ConfigSourcePathDeprecation",
            _ => "ConfigDataPathDeprecation",
        })
        .at(place)
        .help(format!("Write `{new}`.")),
    ))
}

/// The warning for a path that belongs on the command line or into the environment.
fn deprecated_path(
    file: &Arc<SourceFile>,
    root: &Yaml,
    key: &str,
    usual: &str,
) -> Option<Diagnostic> {
    let (found, value) = root.entries().iter().find(|(found, _)| found.text == key)?;
    if value.as_str() == Some(usual) {
        return None;
    }
    let (event, other) = match key {
        "log-path" => ("ConfigLogPathDeprecation", "--log-path or DBT_LOG_PATH"),
        _ => ("ConfigTargetPathDeprecation", "--target-path or DBT_TARGET_PATH"),
    };
    let warning =
        Diagnostic::warning(Code::BAD_CONFIG, format!("`{key}` in dbt_project.yml is deprecated"));
    let warning = warning.event(event).field("deprecated_path", key);
    let warning = warning.at(Location::new(file.clone(), found.span.clone()));
    Some(warning.help(format!("Use {other} in its place.")))
}

fn hooks(map: &mut MapReader, key: &'static str) -> Result<Vec<Hook>> {
    Ok(map
        .texts(key)?
        .unwrap_or_default()
        .into_iter()
        .filter(|sql| !sql.trim().is_empty())
        .map(|sql| Hook { sql, transaction: true })
        .collect())
}

/// Pintail adds no comment where the project asks for none.
fn query_comment(given: Option<&Yaml>) -> Option<QueryComment> {
    let (text, append) = match given?.to_json() {
        Value::String(text) => (text, false),
        Value::Object(map) => {
            let append = map.get("append").and_then(Value::as_bool).unwrap_or(false);
            (map.get("comment").and_then(Value::as_str).unwrap_or_default().to_owned(), append)
        }
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(QueryComment { text, append })
}

fn dispatch(map: &mut MapReader) -> Result<IndexMap<String, Vec<String>>> {
    let file = map.file();
    let mut out = IndexMap::new();
    for entry in map.list("dispatch")? {
        let mut entry = MapReader::new(file, "an entry of dispatch", entry)?;
        let namespace = entry.required_text("macro_namespace")?;
        out.insert(namespace, entry.texts("search_order")?.unwrap_or_default());
        entry.deny_left_over()?;
    }
    Ok(out)
}

/// Warns about `+` keys, on any level, that look like a misspelt configuration. Others may be the
/// project's own, which its macros read.
fn misspelt_configs(file: &Arc<SourceFile>, section: &Yaml, warnings: &mut Vec<Diagnostic>) {
    for (key, value) in section.entries() {
        match key.text.strip_prefix('+') {
            Some(name) => {
                let place = || Some(Location::new(file.clone(), key.span.clone()));
                warnings.extend(misspelt_config(name.trim(), place));
            }
            None => misspelt_configs(file, value, warnings),
        }
    }
}

/// A folder that was named but does not exist is worth a word; a default one is not.
fn unused_paths(project: &Project) -> Vec<Diagnostic> {
    let lists =
        [&project.model_paths, &project.seed_paths, &project.macro_paths, &project.test_paths];
    let defaults = ["models", "seeds", "macros", "tests"];
    lists
        .into_iter()
        .flatten()
        .filter(|path| !defaults.contains(&path.as_str()) && !project.root.join(path).exists())
        .map(|path| {
            let mut warning = Diagnostic::warning(
                Code::BAD_CONFIG,
                format!("The folder `{path}` of dbt_project.yml does not exist"),
            )
            .help("Make it, or take it out of dbt_project.yml.");
            if let Some(at) = project.file.text.find(path.as_str()) {
                warning = warning.at(Location::new(project.file.clone(), at..at + path.len()));
            }
            warning
        })
        .collect()
}
