//! Versions of a model: one entry of a properties file → the entries of its versions, each with its
//! own columns, tests and configuration; and warnings about models past their date.
//!
//! Projects without versions pay nothing here.

use std::collections::HashSet;

use indexmap::IndexMap;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde_json::{Map, Value};

use super::properties::{NodeProperties, Reader, TestEntry, tests_of};
use crate::config::yaml::{Yaml, YamlKind};
use crate::config::{MapReader, type_error};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::manifest::{ColumnInfo, Manifest, ModelFacts, compare_versions, version_text};

/// What a properties file says of a model beyond what it says of every node.
#[derive(Debug, Clone, Default)]
pub struct ModelProperties {
    pub facts: ModelFacts,
    /// Of the entry of a version: the name of its file, without `.sql`.
    pub file: String,
    /// The entries of its versions, each whole.
    pub versions: Vec<NodeProperties>,
}

/// `columns: [{include: …, exclude: …}]` of a version.
enum Included {
    All,
    Only(Vec<String>),
}

/// The columns of a version, its `include` and `exclude`, and its columns' tests.
struct VersionColumns {
    included: Included,
    excluded: Vec<String>,
    own: IndexMap<String, ColumnInfo>,
    tests: Vec<TestEntry>,
}

impl<'a> Reader<'a> {
    /// Reads the keys that only models have, and completes the entry with them.
    ///
    /// # Errors
    /// Versions of the wrong shape, a `latest_version` that is none of them, a wrong date.
    pub(super) fn model(&mut self, yaml: &'a Yaml, base: &mut NodeProperties) -> Result<()> {
        let scalar = |key: &str| yaml.get(key).filter(|value| !value.is_null());
        let latest = scalar("latest_version");
        let date = scalar("deprecation_date");
        let spine = scalar("time_spine");
        let versions = scalar("versions");
        if latest.is_none() && date.is_none() && spine.is_none() && versions.is_none() {
            return Ok(());
        }
        let mut model = ModelProperties::default();
        model.facts.deprecation_date = date.map(|date| self.date(date)).transpose()?;
        if let Some(spine) = spine {
            self.check_time_spine(spine, base)?;
            model.facts.time_spine = Some(spine.to_json());
        }
        let entries = match versions.map(|versions| &versions.kind) {
            Some(YamlKind::List(entries)) => entries.as_slice(),
            Some(_) => {
                let found = versions.unwrap_or(yaml);
                return Err(type_error(self.file, "`versions`", "a list", found));
            }
            None => &[],
        };
        let numbers: Vec<Value> = entries
            .iter()
            .map(|entry| self.version_of(entry, &base.name))
            .collect::<Result<_>>()?;
        let mut seen = HashSet::new();
        for (number, entry) in numbers.iter().zip(entries) {
            if !seen.insert(version_text(number)) {
                return Err(Box::new(
                    Diagnostic::error(
                        Code::DUPLICATE_NODE,
                        format!(
                            "Version {} of `{}` is there twice",
                            version_text(number),
                            base.name
                        ),
                    )
                    .at(self.location(entry))
                    .help("Give each version a `v` of its own."),
                ));
            }
        }
        let latest = match latest {
            Some(latest) => {
                let wanted = latest.to_json();
                let known = numbers.iter().any(|one| version_text(one) == version_text(&wanted));
                if !known && !numbers.is_empty() {
                    let all: Vec<String> = numbers.iter().map(version_text).collect();
                    return Err(Box::new(
                        Diagnostic::error(
                            Code::BAD_CONFIG,
                            format!(
                                "latest_version {} is not one of the versions of `{}`",
                                version_text(&wanted),
                                base.name
                            ),
                        )
                        .at(self.location(latest))
                        .help(format!("Its versions are {}.", all.join(", "))),
                    ));
                }
                Some(wanted)
            }
            None => numbers.iter().max_by(|a, b| compare_versions(a, b)).cloned(),
        };
        for (number, entry) in numbers.into_iter().zip(entries) {
            let version = self.version(entry, base, number, latest.clone())?;
            model.versions.push(version);
        }
        base.model = Some(Box::new(model));
        Ok(())
    }

    /// A time spine's columns have to be columns of the model, and the first one to have a
    /// granularity.
    fn check_time_spine(&self, spine: &Yaml, base: &NodeProperties) -> Result<()> {
        let wrong = |message: String| {
            let known: Vec<&str> = base.columns.keys().map(String::as_str).collect();
            Err(Box::new(
                Diagnostic::error(Code::BAD_CONFIG, message)
                    .at(self.location(spine))
                    .help(format!("Its columns are {}.", known.join(", "))),
            ))
        };
        let name = spine.get("standard_granularity_column").and_then(Yaml::as_str);
        let name = name.unwrap_or_default();
        match base.columns.get(name) {
            None => {
                return wrong(format!(
                    "Time spine standard granularity column must be defined on the model. `{}` has \
                     no column `{name}`",
                    base.name
                ));
            }
            Some(column) if column.granularity.is_none() => {
                return wrong(format!(
                    "Time spine standard granularity column must have a granularity defined. `{name}` \
                     of `{}` has none",
                    base.name
                ));
            }
            Some(_) => {}
        }
        let custom = spine.get("custom_granularities").map(Yaml::items).unwrap_or_default();
        for one in custom {
            let column = one.get("column_name").or_else(|| one.get("name")).and_then(Yaml::as_str);
            if let Some(column) = column.filter(|name| !base.columns.contains_key(*name)) {
                return wrong(format!(
                    "Time spine custom granularity columns do not exist in the model. `{}` has no \
                     column `{column}`",
                    base.name
                ));
            }
        }
        Ok(())
    }

    fn version_of(&self, entry: &Yaml, model: &str) -> Result<Value> {
        match entry.get("v").map(Yaml::to_json) {
            Some(number @ (Value::Number(_) | Value::String(_))) => Ok(number),
            _ => Err(Box::new(
                Diagnostic::error(Code::BAD_CONFIG, format!("A version of `{model}` has no `v`"))
                    .at(self.location(entry))
                    .help("Write `- v: 1`; it may be a number or a text."),
            )),
        }
    }

    fn version(
        &mut self,
        yaml: &'a Yaml,
        base: &NodeProperties,
        number: Value,
        latest: Option<Value>,
    ) -> Result<NodeProperties> {
        let mut map = MapReader::new(self.file, "a version of a model", yaml)?;
        map.ignore(&["v"]);
        let file = map.text("defined_in")?;
        let mut config = base.config.clone();
        deep_merge(&mut config, self.config(&mut map, "config")?);
        for key in ["access", "docs"] {
            if let Some(value) = map.any(key) {
                config.insert(key.to_owned(), self.renderer.render(self.file, value)?);
            }
        }
        if let Some(value) = map.any("constraints") {
            config.insert("constraints".to_owned(), value.to_json());
        }
        let description = map.text("description")?.unwrap_or_default();
        let date = match map.any("deprecation_date") {
            Some(date) => Some(self.date(date)?),
            None => None,
        };
        let columns = self.version_columns(&mut map)?;
        let says = map.any("data_tests").or(map.any("tests")).is_some();
        let tests: Vec<_> = tests_of(&mut map)?
            .into_iter()
            .map(|entry| self.test(entry, None))
            .collect::<Result<_>>()?;
        let own_tests = says.then_some(tests);
        map.pass_left_over(&mut self.warnings);

        let included = |name: &str| {
            let in_list = match &columns.included {
                Included::All => true,
                Included::Only(names) => names.iter().any(|one| one == name),
            };
            in_list && !columns.excluded.iter().any(|one| one == name)
        };
        let mut all: IndexMap<String, ColumnInfo> = base
            .columns
            .iter()
            .filter(|(name, _)| included(name))
            .map(|(name, column)| (name.clone(), column.clone()))
            .collect();
        all.extend(columns.own);
        let (of_columns, of_model): (Vec<&TestEntry>, Vec<&TestEntry>) =
            base.tests.iter().partition(|test| test.column.is_some());
        let mut tests: Vec<TestEntry> = of_columns
            .into_iter()
            .filter(|test| test.column.as_ref().is_some_and(|(name, ..)| included(name)))
            .cloned()
            .collect();
        tests.extend(columns.tests);
        tests.extend(own_tests.unwrap_or_else(|| of_model.into_iter().cloned().collect()));
        let file = file.unwrap_or_else(|| format!("{}_v{}", base.name, version_text(&number)));
        Ok(NodeProperties {
            name: base.name.clone(),
            location: self.location(yaml),
            description: if description.is_empty() {
                base.description.clone()
            } else {
                description
            },
            config,
            // A version's own config as written is not told apart from the model's.
            written: None,
            columns: all,
            tests,
            extra: base.extra.clone(),
            function: None,
            model: Some(Box::new(ModelProperties {
                facts: ModelFacts {
                    version: Some(number),
                    latest_version: latest,
                    deprecation_date: date,
                    time_spine: None,
                },
                file,
                versions: Vec::new(),
            })),
        })
    }

    fn version_columns(&mut self, map: &mut MapReader<'a>) -> Result<VersionColumns> {
        let mut out = VersionColumns {
            included: Included::All,
            excluded: Vec::new(),
            own: IndexMap::new(),
            tests: Vec::new(),
        };
        let mut has_rule = false;
        for item in map.list("columns")? {
            let rule = item.get("include").or_else(|| item.get("exclude"));
            if rule.is_none() || item.get("name").is_some() {
                let column = self.column(item, false, &mut out.tests)?;
                out.own.insert(column.name.clone(), column);
                continue;
            }
            if std::mem::replace(&mut has_rule, true) {
                return Err(Box::new(
                    Diagnostic::error(
                        Code::BAD_CONFIG,
                        "A version can have at most one include/exclude element",
                    )
                    .at(self.location(item))
                    .help("Put both keys into one element."),
                ));
            }
            let mut rule = MapReader::new(self.file, "the columns of a version", item)?;
            let everything = |text: &[String]| matches!(text, [one] if one == "*" || one == "all");
            if let Some(names) = rule.texts("include")?.filter(|names| !everything(names)) {
                out.included = Included::Only(names);
            }
            out.excluded = rule.texts("exclude")?.unwrap_or_default();
            rule.deny_left_over()?;
        }
        Ok(out)
    }

    /// A date or time, in the system's zone where it names none.
    fn date(&self, yaml: &Yaml) -> Result<String> {
        let text = yaml.as_str().unwrap_or_default().trim();
        let zone = TimeZone::system;
        let zoned = text
            .parse::<Timestamp>()
            .map(|stamp| stamp.to_zoned_datetime(TimeZone::UTC))
            .or_else(|_| text.parse::<DateTime>().and_then(|time| time.to_zoned_datetime(zone())))
            .or_else(|_| text.parse::<Date>().and_then(|date| date.to_zoned_datetime(zone())));
        match zoned {
            Ok(zoned) => Ok(shown(&zoned)),
            Err(_) => Err(Box::new(
                Diagnostic::error(Code::BAD_CONFIG, format!("`{text}` is not a date"))
                    .at(self.location(yaml))
                    .help("Write a date as 2024-01-31, or a time as 2024-01-31 12:00:00+00:00."),
            )),
        }
    }
}

/// As Python's `isoformat` has it.
fn shown(zoned: &ZonedDateTime) -> String {
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn deep_merge(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => deep_merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Warnings about models past their `deprecation_date`, and about refs to models that have one.
pub fn deprecations(manifest: &Manifest) -> Vec<Diagnostic> {
    let dated: Vec<_> = manifest
        .nodes
        .values()
        .filter_map(|node| Some((node, node.facts.as_ref()?.deprecation_date.as_deref()?)))
        .collect();
    if dated.is_empty() {
        return Vec::new();
    }
    let now = Timestamp::now();
    let mut out = Vec::new();
    for (node, date) in dated {
        let facts = node.facts.as_deref();
        let name = match facts.and_then(ModelFacts::version_text) {
            Some(version) => format!("{}.v{version}", node.name),
            None => node.name.clone(),
        };
        let is_past = date.parse::<Timestamp>().is_ok_and(|date| date < now);
        if is_past {
            out.push(
                Diagnostic::warning(
                    Code::DEPRECATED,
                    format!("Model {name} has passed its deprecation date of {date}"),
                )
                .event("DeprecatedModel")
                .field("model_name", node.name.as_str())
                .field("deprecation_date", date)
                .or_at(node.location.clone())
                .help("Remove it once nothing reads it any more."),
            );
        }
        for child in manifest.nodes.values() {
            if child.resource_type != crate::manifest::ResourceType::Model
                || !child.depends_on.contains(&node.unique_id)
            {
                continue;
            }
            let what = if is_past { "was deprecated on" } else { "will be deprecated on" };
            let mut warning = Diagnostic::warning(
                Code::DEPRECATED,
                format!("`{}` refs `{name}`, which {what} {date}", child.name),
            )
            .event(if is_past { "DeprecatedReference" } else { "UpcomingReferenceDeprecation" })
            .field("model_name", child.name.as_str())
            .field("ref_model_name", node.name.as_str())
            .field("ref_model_package", node.package_name.as_str())
            .field("ref_model_deprecation_date", date)
            .or_at(super::locate_ref(child, &node.name));
            if let Some(latest) = facts.and_then(|facts| facts.latest_version.as_ref()) {
                warning = warning.help(format!("Its latest version is {}.", version_text(latest)));
            }
            out.push(warning);
        }
    }
    out
}
