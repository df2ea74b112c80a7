//! Reading a YAML map key by key: what is taken is known, what is left over is a mistake.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexSet;
use serde_json::Value;

use super::yaml::{Key, Yaml, YamlKind};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile, did_you_mean, nearest};

/// A map of a YAML file that is being read.
pub struct MapReader<'a> {
    file: &'a Arc<SourceFile>,
    /// What the map describes, for messages: "a model", "dbt_project.yml".
    what: &'a str,
    entries: &'a [(Key, Yaml)],
    known: Vec<&'static str>,
}

impl<'a> MapReader<'a> {
    /// Starts to read a map.
    ///
    /// # Errors
    /// `BAD_CONFIG` where the value is not a map; null is read as an empty one.
    pub fn new(file: &'a Arc<SourceFile>, what: &'a str, yaml: &'a Yaml) -> Result<Self> {
        match &yaml.kind {
            YamlKind::Map(entries) => Ok(MapReader { file, what, entries, known: Vec::new() }),
            YamlKind::Null => Ok(MapReader { file, what, entries: &[], known: Vec::new() }),
            _ => Err(type_error(file, what, "a map", yaml)),
        }
    }

    /// The file that is read.
    pub fn file(&self) -> &'a Arc<SourceFile> {
        self.file
    }

    /// The place of a value.
    pub fn place(&self, yaml: &Yaml) -> Location {
        Location::new(self.file.clone(), yaml.span.clone())
    }

    /// The place that stands for an engine: its `host`, `path` or `type`, else its first key.
    pub fn engine_place(&self) -> Option<Location> {
        let named = |wanted: &str| self.entries.iter().find(|(key, _)| key.text == wanted);
        let entry = ["host", "path", "embedded", "type"].into_iter().find_map(named);
        let (key, value) = entry.or_else(|| self.entries.first())?;
        let span = key.span.start..value.span.end.max(key.span.end);
        Some(Location::new(self.file.clone(), span))
    }

    /// A value of any kind; null counts as absent.
    pub fn any(&mut self, key: &'static str) -> Option<&'a Yaml> {
        self.known.push(key);
        let found = self.entries.iter().find(|(k, _)| k.text == key).map(|(_, v)| v);
        found.filter(|v| !v.is_null())
    }

    /// A text; numbers and booleans are taken as they are written.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        let Some(value) = self.any(key) else { return Ok(None) };
        match &value.kind {
            YamlKind::Text(text) => Ok(Some(text.clone())),
            YamlKind::Number(n) => Ok(Some(n.to_string())),
            YamlKind::Bool(b) => Ok(Some(b.to_string())),
            _ => Err(type_error(self.file, &format!("`{key}`"), "text", value)),
        }
    }

    /// A text that has to be there.
    pub fn required_text(&mut self, key: &'static str) -> Result<String> {
        self.text(key)?.ok_or_else(|| {
            let error =
                Diagnostic::error(Code::BAD_CONFIG, format!("{} has no `{key}`", self.what));
            let place = |key: &Key| Location::new(self.file.clone(), key.span.clone());
            let near = |found: &&Key| !nearest(key, [found.text.as_str()]).is_empty();
            Box::new(match (self.left_over().into_iter().find(near), self.entries.first()) {
                (Some(meant), _) => error.at(place(meant)).help(format!("Did you mean `{key}`?")),
                (None, Some((first, _))) => {
                    error.at(place(first)).help(format!("Add `{key}:` to it."))
                }
                (None, None) => error
                    .at(Location::new(self.file.clone(), 0..0))
                    .help(format!("Add `{key}:` to it.")),
            })
        })
    }

    /// A boolean.
    pub fn flag(&mut self, key: &'static str) -> Result<Option<bool>> {
        let Some(value) = self.any(key) else { return Ok(None) };
        match value.kind {
            YamlKind::Bool(b) => Ok(Some(b)),
            _ => Err(type_error(self.file, &format!("`{key}`"), "true or false", value)),
        }
    }

    /// One text or a list of texts.
    pub fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.any(key) else { return Ok(None) };
        let one = |item: &Yaml| match &item.kind {
            YamlKind::Text(text) => Ok(text.clone()),
            YamlKind::Number(n) => Ok(n.to_string()),
            _ => Err(type_error(self.file, &format!("`{key}`"), "text", item)),
        };
        match &value.kind {
            YamlKind::List(items) => items.iter().map(one).collect::<Result<_>>().map(Some),
            _ => one(value).map(|text| Some(vec![text])),
        }
    }

    /// A list.
    pub fn list(&mut self, key: &'static str) -> Result<&'a [Yaml]> {
        let Some(value) = self.any(key) else { return Ok(&[]) };
        match &value.kind {
            YamlKind::List(items) => Ok(items),
            _ => {
                let error = type_error(self.file, &format!("`{key}`"), "a list", value);
                // As dbt has it.
                Err(Box::new(error.note(format!("'{key}' is not a list"))))
            }
        }
    }

    /// A map as JSON; empty where absent.
    pub fn json_map(&mut self, key: &'static str) -> Result<serde_json::Map<String, Value>> {
        let Some(value) = self.any(key) else { return Ok(serde_json::Map::new()) };
        match value.to_json() {
            Value::Object(map) => Ok(map),
            _ => Err(type_error(self.file, &format!("`{key}`"), "a map", value)),
        }
    }

    /// Keys that are accepted but mean nothing here.
    pub fn ignore(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    /// The keys that nobody took.
    pub fn left_over(&self) -> Vec<&'a Key> {
        let unknown = |k: &&'a Key| !self.known.contains(&k.text.as_str());
        self.entries.iter().map(|(k, _)| k).filter(unknown).collect()
    }

    /// Ends the reading: a key that nobody took is an error.
    pub fn deny_left_over(&self) -> Result<()> {
        match self.left_over().first() {
            Some(key) => Err(Box::new(self.unknown_key(key))),
            None => Ok(()),
        }
    }

    /// Ends the reading as dbt does for properties: keys that nobody took are ignored. One that is
    /// close to a known one is worth a word, though.
    pub fn pass_left_over(&self, warnings: &mut Vec<Diagnostic>) {
        for key in self.left_over() {
            let Some(near) = self.nearest(&key.text) else { continue };
            warnings.push(
                Diagnostic::warning(
                    Code::UNKNOWN_KEY,
                    format!("`{}` is not a key of {}, and is ignored", key.text, self.what),
                )
                .at(Location::new(self.file.clone(), key.span.clone()))
                .help(format!("Did you mean `{near}`?"))
                .help("Put facts of your own under `config: meta:`."),
            );
        }
    }

    /// A project may have a key of its own in thousands of columns: each is looked up once.
    fn nearest(&self, key: &str) -> Option<&'static str> {
        type Known = BTreeMap<(String, String), Option<&'static str>>;
        static KNOWN: Mutex<Known> = Mutex::new(BTreeMap::new());
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let looked_up = (self.what.to_owned(), key.to_owned());
        *known.entry(looked_up).or_insert_with(|| {
            similar::get_close_matches(key, &self.known, 1, 0.8).first().copied()
        })
    }

    /// Ends the reading of a part of a profile: a key close to a known one is a misspelling and an
    /// error; another is ignored with a warning.
    pub fn warn_left_over(&self, warnings: &mut Vec<Diagnostic>) -> Result<()> {
        for key in self.left_over() {
            let error = self.unknown_key(key);
            if error.help.iter().any(|h| h.starts_with("Did you mean")) {
                return Err(Box::new(error));
            }
            warnings.push(Diagnostic {
                severity: crate::diagnostic::Severity::Warning,
                help: vec!["It is ignored.".into()],
                ..error
            });
        }
        Ok(())
    }

    fn unknown_key(&self, key: &Key) -> Diagnostic {
        let mut error = Diagnostic::error(
            Code::UNKNOWN_KEY,
            format!("`{}` is not a key of {}", key.text, self.what),
        )
        .at(Location::new(self.file.clone(), key.span.clone()));
        if self.what == "dbt_project.yml" {
            // As JSON schemas have it.
            let words = "Additional properties are not allowed";
            error = error.note(format!("{words} ('{}' was unexpected)", key.text));
        }
        // A key may have been asked for twice.
        let known: IndexSet<&str> = self.known.iter().copied().collect();
        error = match did_you_mean(&key.text, known.iter().copied()) {
            Some(help) => error.help(help),
            None => {
                let known: Vec<&str> = known.into_iter().collect();
                error.help(format!("Known keys: {}.", known.join(", ")))
            }
        };
        error
    }
}

/// Configurations that mean something to dbt or Pintail.
const CONFIGS: &[&str] = &[
    "access",
    "alias",
    "batch_size",
    "begin",
    "bind",
    "check_cols",
    "column_types",
    "concurrent_batches",
    "contract",
    "database",
    "delimiter",
    "dbt_valid_to_current",
    "docs",
    "enabled",
    "engine",
    "error_if",
    "event_time",
    "fail_calc",
    "full_refresh",
    "freshness",
    "grants",
    "group",
    "hard_deletes",
    "incremental_predicates",
    "incremental_strategy",
    "indexes",
    "inherit_docs",
    "invalidate_hard_deletes",
    "limit",
    "loaded_at_field",
    "lookback",
    "materialized",
    "merge_exclude_columns",
    "merge_update_columns",
    "meta",
    "on_configuration_change",
    "on_schema_change",
    "persist_docs",
    "post-hook",
    "post_hook",
    "pre-hook",
    "pre_hook",
    "publish",
    "quote_columns",
    "quoting",
    "schema",
    "severity",
    "snapshot_meta_column_names",
    "sql_header",
    "store_failures",
    "store_failures_as",
    "strategy",
    "tags",
    "target_database",
    "target_schema",
    "unique_key",
    "unlogged",
    "updated_at",
    "warn_if",
    "where",
];

/// The warning for a configuration that is close to a known one and no known one itself; dbt takes
/// any key, so that it would be silently without effect.
pub fn misspelt_config(name: &str, place: impl FnOnce() -> Option<Location>) -> Option<Diagnostic> {
    let near = nearest_config(name)?;
    Some(
        Diagnostic::warning(Code::UNKNOWN_KEY, format!("`{name}` is not a known configuration"))
            .or_at(place())
            .help(format!("Did you mean `{near}`?"))
            .help("It is kept for your own macros, and has no effect otherwise."),
    )
}

/// A project may have a key of its own in each of its thousands of models: each is looked up once.
fn nearest_config(name: &str) -> Option<&'static str> {
    static KNOWN: Mutex<BTreeMap<String, Option<&'static str>>> = Mutex::new(BTreeMap::new());
    if CONFIGS.contains(&name) {
        return None;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry(name.to_owned()).or_insert_with(|| {
        let near = similar::get_close_matches(name, CONFIGS, 1, 0.8);
        near.first().copied()
    })
}

/// The error for a value of the wrong kind.
pub fn type_error(file: &Arc<SourceFile>, what: &str, wanted: &str, got: &Yaml) -> Box<Diagnostic> {
    let location = Location::new(file.clone(), got.span.clone());
    let is_jinja = file.text[location.span.clone()].starts_with("{{");
    let error = Diagnostic::error(
        Code::BAD_CONFIG,
        format!("{what} has to be {wanted}, but is {}", got.kind_name()),
    )
    .at(location);
    Box::new(if is_jinja {
        error.help("Put quotes around a value that starts with Jinja: key: \"{{ … }}\"")
    } else {
        error.help(format!("Write {wanted} here."))
    })
}
