//! dbt's flags: their names, kinds and defaults, and the value of each once the command line, the
//! environment (`DBT_…`) and `flags:` of dbt_project.yml have had their say, in that order.
//!
//! Plain data. Words of a command line are taken apart in `cli`; nothing acts on a flag here.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Config, event_time, yaml};
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagKind {
    /// Nothing; `--no-…` turns it off where `negatable`.
    Switch { negatable: bool },
    /// A word.
    Text,
    /// A whole number.
    Number,
    /// One or more words.
    Many,
    /// A map in YAML.
    Map,
}

/// A flag of dbt's.
#[derive(Debug)]
pub struct FlagSpec {
    /// Its name in `flags` and `invocation_args_dict`, in snake case.
    pub name: &'static str,
    pub kind: FlagKind,
    /// What it is where nobody says anything, as JSON.
    pub default: &'static str,
    /// The environment variable without `DBT_`; empty for none.
    pub env: &'static str,
    /// The commands that take it; empty for all, before or after the command's name.
    pub commands: &'static str,
}

const ON: FlagKind = FlagKind::Switch { negatable: true };
const ONLY: FlagKind = FlagKind::Switch { negatable: false };

const SELECTING: &str = "build clone compile generate freshness list run seed show snapshot test";
const READING: &str = "build clean clone compile debug deps generate serve init list parse run \
                       run-operation retry seed show snapshot freshness test";
const THREADED: &str = "build clone compile generate parse run run-operation retry seed show \
                        snapshot freshness test";
const TARGETED: &str = "build clean clone compile generate serve list parse run run-operation \
                        retry seed show snapshot freshness test";

macro_rules! flags {
    ($($name:literal $kind:expr, $default:literal, $env:literal, $commands:expr;)*) => {
        &[$(FlagSpec { name: $name, kind: $kind, default: $default, env: $env, commands: $commands }),*]
    };
}

/// Every flag that dbt-core 1.11 knows.
pub const FLAGS: &[FlagSpec] = flags! {
    "cache_selected_only" ON, "false", "CACHE_SELECTED_ONLY", "";
    "debug" ON, "false", "DEBUG", "";
    "defer" ON, "false", "DEFER", "";
    "defer_state" FlagKind::Text, "null", "DEFER_STATE", "";
    "fail_fast" ON, "false", "FAIL_FAST", "";
    "favor_state" ON, "false", "FAVOR_STATE", "";
    "indirect_selection" FlagKind::Text, "\"eager\"", "INDIRECT_SELECTION", "";
    "log_cache_events" ON, "false", "LOG_CACHE_EVENTS", "";
    "log_file_max_bytes" FlagKind::Number, "10485760", "LOG_FILE_MAX_BYTES", "";
    "log_format" FlagKind::Text, "\"default\"", "LOG_FORMAT", "";
    "log_format_file" FlagKind::Text, "\"debug\"", "LOG_FORMAT_FILE", "";
    "log_level" FlagKind::Text, "\"info\"", "LOG_LEVEL", "";
    "log_level_file" FlagKind::Text, "\"debug\"", "LOG_LEVEL_FILE", "";
    "log_path" FlagKind::Text, "null", "LOG_PATH", "";
    "macro_debugging" ON, "false", "MACRO_DEBUGGING", "";
    "partial_parse" ON, "true", "PARTIAL_PARSE", "";
    "partial_parse_file_diff" ON, "true", "PARTIAL_PARSE_FILE_DIFF", "";
    "partial_parse_file_path" FlagKind::Text, "null", "PARTIAL_PARSE_FILE_PATH", "";
    "populate_cache" ON, "true", "POPULATE_CACHE", "";
    "print" ON, "true", "PRINT", "";
    "printer_width" FlagKind::Number, "80", "PRINTER_WIDTH", "";
    "profile" FlagKind::Text, "null", "PROFILE", "";
    "quiet" ON, "false", "QUIET", "";
    "record_timing_info" FlagKind::Text, "null", "", "";
    "send_anonymous_usage_stats" ON, "true", "SEND_ANONYMOUS_USAGE_STATS", "";
    "show_all_deprecations" ON, "false", "", "";
    "show_resource_report" ON, "false", "SHOW_RESOURCE_REPORT", "";
    "single_threaded" ON, "false", "SINGLE_THREADED", "";
    "state" FlagKind::Text, "null", "STATE", "";
    "static_parser" ON, "true", "STATIC_PARSER", "";
    "target" FlagKind::Text, "null", "TARGET", "";
    "use_colors" ON, "true", "USE_COLORS", "";
    "use_colors_file" ON, "true", "USE_COLORS_FILE", "";
    "use_experimental_parser" ON, "false", "USE_EXPERIMENTAL_PARSER", "";
    "use_fast_test_edges" ON, "false", "USE_FAST_TEST_EDGES", "";
    "upload_to_artifacts_ingest_api" ON, "false", "UPLOAD_TO_ARTIFACTS_INGEST_API", "";
    "version_check" ON, "true", "VERSION_CHECK", "";
    "warn_error" ONLY, "false", "WARN_ERROR", "";
    "warn_error_options" FlagKind::Map, "{}", "WARN_ERROR_OPTIONS", "";
    "write_json" ON, "true", "WRITE_JSON", "";
    "profiles_dir" FlagKind::Text, "null", "PROFILES_DIR", READING;
    "project_dir" FlagKind::Text, "null", "PROJECT_DIR", READING;
    "target_path" FlagKind::Text, "null", "TARGET_PATH", TARGETED;
    "threads" FlagKind::Number, "null", "", THREADED;
    "vars" FlagKind::Map, "{}", "", READING;
    "select" FlagKind::Many, "[]", "", SELECTING;
    "exclude" FlagKind::Many, "[]", "", SELECTING;
    "selector" FlagKind::Text, "null", "", SELECTING;
    "empty" ON, "false", "EMPTY", "build compile run snapshot";
    "event_time_start" FlagKind::Text, "null", "EVENT_TIME_START", "build run";
    "event_time_end" FlagKind::Text, "null", "EVENT_TIME_END", "build run";
    "sample" FlagKind::Text, "null", "SAMPLE", "build run";
    "export_saved_queries" ON, "false", "EXPORT_SAVED_QUERIES", "build";
    "include_saved_query" ON, "false", "INCLUDE_SAVED_QUERY", "build";
    "full_refresh" ONLY, "false", "FULL_REFRESH", "build clone compile run retry seed show";
    "resource_types" FlagKind::Many, "[]", "RESOURCE_TYPES", "build clone list test";
    "exclude_resource_types" FlagKind::Many, "[]", "EXCLUDE_RESOURCE_TYPES", "build clone list test";
    "store_failures" ONLY, "false", "STORE_FAILURES", "build test";
    "show" ONLY, "false", "", "build seed";
    "introspect" ON, "true", "INTROSPECT", "compile show";
    "inject_ephemeral_ctes" ON, "true", "", "compile";
    "inline" FlagKind::Text, "null", "", "compile show";
    "inline_direct" FlagKind::Text, "null", "", "show";
    "limit" FlagKind::Number, "5", "", "show";
    "output" FlagKind::Text, "null", "", "compile show list freshness";
    "output_keys" FlagKind::Many, "[]", "", "list";
    "sqlparse" FlagKind::Map, "{}", "SQLPARSE", "build compile generate run seed show snapshot freshness test";
    "clean_project_files_only" ON, "true", "CLEAN_PROJECT_FILES_ONLY", "clean";
    "compile" ON, "true", "", "generate";
    "empty_catalog" ONLY, "false", "", "generate";
    "static" ONLY, "false", "", "generate";
    "host" FlagKind::Text, "\"127.0.0.1\"", "HOST", "serve";
    "port" FlagKind::Number, "8080", "", "serve";
    "browser" ON, "true", "", "serve";
    "connection" ONLY, "false", "", "debug";
    "config_dir" ONLY, "false", "", "debug";
    "skip_profile_setup" ONLY, "false", "", "init";
    "lock" ONLY, "false", "", "deps";
    "upgrade" ONLY, "false", "", "deps";
    "source" FlagKind::Text, "\"hub\"", "", "deps";
    "add_package" FlagKind::Text, "null", "", "deps";
    "args" FlagKind::Map, "{}", "", "run-operation";
};

/// Environment variables under their old names.
const RENAMED: &[(&str, &str)] = &[
    ("DBT_DEFER_TO_STATE", "defer"),
    ("DBT_FAVOR_STATE_MODE", "favor_state"),
    ("DBT_NO_PRINT", "print"),
    ("DBT_ARTIFACT_STATE_PATH", "state"),
];

/// Further environment variables of dbt's, without `DBT_ENGINE_`.
const OTHER_VARIABLES: &[&str] = &[
    "DOWNLOAD_DIR",
    "INVOCATION_ENV",
    "PACKAGE_HUB_URL",
    "PP_FILE_DIFF_TEST",
    "PP_TEST",
    "RECORDED_FILE_PATH",
    "TEST_STATE_MODIFIED",
];

/// Environment variables under the prefix of dbt's own that are none of them.
pub fn unknown_engine_variables() -> Vec<String> {
    let is_known = |name: &str| {
        FLAGS.iter().any(|spec| spec.env == name)
            || OTHER_VARIABLES.contains(&name)
            || RENAMED.iter().any(|(old, _)| old.strip_prefix("DBT_") == Some(name))
    };
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown =
        |name: &String| name.strip_prefix("DBT_ENGINE_").is_some_and(|rest| !is_known(rest));
    let mut found: Vec<String> = names.filter(unknown).collect();
    found.sort();
    found
}

/// Switches of `flags:` in dbt_project.yml alone, by which dbt changes its behaviour.
const BEHAVIOURS: &[(&str, bool)] = &[
    ("require_batched_execution_for_custom_microbatch_strategy", false),
    ("require_explicit_package_overrides_for_builtin_materializations", true),
    ("require_resource_names_without_spaces", true),
    ("source_freshness_run_project_hooks", true),
    ("skip_nodes_if_on_run_start_fails", false),
    ("state_modified_compare_more_unrendered_values", false),
    ("state_modified_compare_vars", false),
    ("require_yaml_configuration_for_mf_time_spines", false),
    ("require_nested_cumulative_type_params", false),
    ("validate_macro_args", false),
    ("require_all_warnings_handled_by_warn_error", false),
    ("require_generic_test_arguments_property", true),
    ("require_unique_project_resource_names", false),
    ("require_ref_searches_node_package_before_root", false),
];

/// What a switch of `flags:` is where the project does not say.
pub fn behaviour(name: &str) -> Option<bool> {
    BEHAVIOURS.iter().find(|(known, _)| *known == name).map(|(_, default)| *default)
}

/// Flags of the command line that `flags:` of dbt_project.yml can set.
const OF_PROJECT: &[&str] = &[
    "cache_selected_only",
    "debug",
    "fail_fast",
    "indirect_selection",
    "log_format",
    "log_format_file",
    "log_level",
    "log_level_file",
    "partial_parse",
    "populate_cache",
    "printer_width",
    "send_anonymous_usage_stats",
    "static_parser",
    "use_colors",
    "use_colors_file",
    "use_experimental_parser",
    "version_check",
    "warn_error",
    "warn_error_options",
    "write_json",
];

/// Switches that dbt does not write down where they are off.
const LEFT_OUT_WHERE_OFF: &[&str] = &[
    "debug",
    "full_refresh",
    "fail_fast",
    "warn_error",
    "single_threaded",
    "log_cache_events",
    "store_failures",
    "use_experimental_parser",
];

/// The flags of one command.
#[derive(Debug, Clone, Default)]
pub struct FlagValues {
    /// Every flag of the command by name, with `which` and dbt's behaviour flags.
    pub values: Map<String, Value>,
    /// The names that somebody set.
    pub set: HashSet<String>,
    /// `flags:` of the project as they stand there, those of adapters among them.
    pub of_project: Map<String, Value>,
    /// Environment variables that were set under an old name, each with its new one.
    pub renamed: Vec<(&'static str, String)>,
}

impl FlagValues {
    /// Whether a switch is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.values.get(name) == Some(&Value::Bool(true))
    }

    /// A flag's word.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    /// Fills in what the environment and the project say of flags that `given` does not hold, and
    /// dbt's defaults. Flags of other commands are left out.
    ///
    /// # Errors
    /// `USAGE` for an environment variable or project flag that is not what the flag takes.
    pub fn resolve(
        command: &str,
        given: Map<String, Value>,
        project: &Map<String, Value>,
    ) -> Result<FlagValues> {
        let mut flags = FlagValues { of_project: project.clone(), ..FlagValues::default() };
        for spec in FLAGS {
            let of_command = spec.commands.is_empty()
                || spec.commands.split_whitespace().any(|name| name == command);
            if !of_command {
                continue;
            }
            let said = match given.get(spec.name) {
                Some(value) => Some(value.clone()),
                None => match flags.in_environment(spec)? {
                    None if OF_PROJECT.contains(&spec.name) => from_project(spec, project)?,
                    other => other,
                },
            };
            if said.is_some() {
                flags.set.insert(spec.name.to_owned());
            }
            let value = said.unwrap_or_else(|| {
                serde_json::from_str(spec.default).expect("the defaults above are JSON")
            });
            flags.values.insert(spec.name.to_owned(), value);
        }
        for (name, default) in BEHAVIOURS {
            let value = project.get(*name).and_then(Value::as_bool).unwrap_or(*default);
            flags.values.insert((*name).to_owned(), value.into());
        }
        flags.values.insert("which".into(), command.into());
        flags.values.entry("store_failures").or_insert(false.into());
        flags.values.entry("full_refresh").or_insert(false.into());
        flags.values.entry("introspect").or_insert(true.into());
        flags.values.insert("strict_mode".into(), false.into());
        for (lead, follow) in [
            ("use_colors", "use_colors_file"),
            ("log_level", "log_level_file"),
            ("log_format", "log_format_file"),
        ] {
            if flags.set.contains(lead) && !flags.set.contains(follow) {
                flags.values.insert(follow.into(), flags.values[lead].clone());
            }
        }
        for (first, second) in
            [("warn_error", "warn_error_options"), ("select", "inline"), ("selector", "inline")]
        {
            if flags.set.contains(first) && flags.set.contains(second) {
                let message = format!("{second}: not allowed with argument {first}");
                return Err(Box::new(
                    Diagnostic::error(Code::USAGE, message).help("Give one of the two."),
                ));
            }
        }
        Ok(flags)
    }

    /// The flags as dbt writes them into its artifacts and `invocation_args_dict`: what was left
    /// alone and is off is not there.
    pub fn args(&self, config: &Config) -> Map<String, Value> {
        let mut args = Map::new();
        for (name, value) in self.shown(config) {
            let off = LEFT_OUT_WHERE_OFF.contains(&name.as_str()) && value == Value::Bool(false);
            // Threads of the profile are none of the command line's.
            let unsaid = name == "threads" && !self.set.contains("threads");
            // A day is its first moment, as Python prints it.
            let time = value.as_str().filter(|_| name.starts_with("event_time_"));
            let value = match time.and_then(event_time::parse) {
                Some(time) => event_time::shown(time).replacen(' ', "T", 1).into(),
                None => value,
            };
            if !off && !unsaid && !value.is_null() {
                args.insert(name, value);
            }
        }
        for (name, defaults) in [
            ("warn_error_options", json!({"error": [], "warn": [], "silence": []})),
            ("sqlparse", json!({"MAX_GROUPING_DEPTH": null, "MAX_GROUPING_TOKENS": null})),
        ] {
            if let (Some(Value::Object(said)), Value::Object(mut all)) = (args.get(name), defaults)
            {
                all.extend(said.clone());
                args.insert(name.to_owned(), all.into());
            }
        }
        args
    }

    /// The flags as templates see them in `flags`.
    pub fn shown(&self, config: &Config) -> Map<String, Value> {
        let mut flags = self.values.clone();
        let path = |path: &Path| Value::from(path.to_string_lossy());
        // What was said stays as it was said.
        for (name, found) in
            [("project_dir", &config.project.root), ("profiles_dir", &config.profiles_dir)]
        {
            if flags.get(name).is_none_or(Value::is_null) {
                flags.insert(name.into(), path(found));
            }
        }
        if flags.get("log_path").is_none_or(Value::is_null) {
            let folder = config.project.root.join(&config.project.log_path);
            flags.insert("log_path".into(), path(&folder));
        }
        if flags.contains_key("threads") {
            flags.insert("threads".into(), config.target.threads.into());
        }
        flags
    }

    fn in_environment(&mut self, spec: &FlagSpec) -> Result<Option<Value>> {
        let read = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let old = RENAMED.iter().find(|(_, name)| *name == spec.name);
        if let Some((old, text)) = old.and_then(|(old, _)| Some((*old, read(old)?))) {
            self.renamed.push((old, format!("DBT_ENGINE_{}", spec.env)));
            return value_of(spec.kind, &text).map(Some).ok_or_else(|| wrong(old, &text, spec));
        }
        if spec.env.is_empty() {
            return Ok(None);
        }
        for name in [format!("DBT_ENGINE_{}", spec.env), format!("DBT_{}", spec.env)] {
            if let Some(text) = read(&name) {
                return value_of(spec.kind, &text)
                    .map(Some)
                    .ok_or_else(|| wrong(&name, &text, spec));
            }
        }
        Ok(None)
    }
}

/// A flag's value from its text; `None` where the text is nothing that it takes.
pub fn value_of(kind: FlagKind, text: &str) -> Option<Value> {
    Some(match kind {
        FlagKind::Switch { .. } => match text.to_lowercase().as_str() {
            "1" | "true" | "t" | "yes" | "y" | "on" => true.into(),
            "0" | "false" | "f" | "no" | "n" | "off" => false.into(),
            _ => return None,
        },
        FlagKind::Text => text.into(),
        FlagKind::Number => text.trim().parse::<i64>().ok()?.into(),
        FlagKind::Many => text.split_whitespace().collect::<Vec<_>>().into(),
        FlagKind::Map => match yaml::parse(&SourceFile::new("", text)).ok()?.root.to_json() {
            Value::Null => Value::Object(Map::new()),
            map @ Value::Object(_) => map,
            _ => return None,
        },
    })
}

fn wrong(name: &str, text: &str, spec: &FlagSpec) -> Box<Diagnostic> {
    let takes = match spec.kind {
        FlagKind::Switch { .. } => "a boolean",
        FlagKind::Number => "an integer",
        FlagKind::Map => "a map in YAML",
        FlagKind::Text | FlagKind::Many => "text",
    };
    Box::new(
        Diagnostic::error(
            Code::USAGE,
            format!("Invalid value for {name}: '{text}' is not {takes}"),
        )
        .help(format!(
            "It sets --{}; unset it, or set it to {takes}.",
            spec.name.replace('_', "-")
        )),
    )
}

fn from_project(spec: &FlagSpec, project: &Map<String, Value>) -> Result<Option<Value>> {
    let value = match project.get(spec.name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value) => value,
    };
    let fits = match spec.kind {
        FlagKind::Switch { .. } => value.is_boolean(),
        FlagKind::Number => value.is_i64(),
        FlagKind::Text => value.is_string(),
        FlagKind::Many => value.is_array(),
        FlagKind::Map => value.is_object(),
    };
    match (fits, value) {
        (true, value) => Ok(Some(value.clone())),
        (false, Value::String(text)) => value_of(spec.kind, text).map(Some).ok_or_else(|| {
            wrong(&format!("`{}` of flags in dbt_project.yml", spec.name), text, spec)
        }),
        (false, other) => {
            let name = format!("`{}` of flags in dbt_project.yml", spec.name);
            Err(wrong(&name, &other.to_string(), spec))
        }
    }
}

/// `flags:` of the dbt_project.yml in a folder, or else the flags that an old profiles.yml has under
/// `config:`; the first of the folders `profiles` that has one counts. A file that cannot be read is
/// reported when the project is read.
///
/// # Errors
/// `BAD_CONFIG` where both say something.
pub fn project_flags(root: &Path, profiles: &[PathBuf]) -> Result<Map<String, Value>> {
    let own = section(&root.join("dbt_project.yml"), "flags");
    let profile = profiles.iter().map(|dir| dir.join("profiles.yml")).find(|path| path.exists());
    let moved = profile.map(|path| section(&path, "config")).unwrap_or_default();
    if own.is_empty() || moved.is_empty() {
        return Ok(if own.is_empty() { moved } else { own });
    }
    let message = "Do not specify both 'config' in profiles.yml and 'flags' in dbt_project.yml. \
                   Using 'config' in profiles.yml is deprecated.";
    Err(Box::new(
        Diagnostic::error(Code::BAD_CONFIG, message)
            .help("Move what stands under `config:` to `flags:` of dbt_project.yml."),
    ))
}

/// A map of a YAML file; empty where there is none.
fn section(path: &Path, key: &str) -> Map<String, Value> {
    let Ok(file) = super::text::read_text(path, path) else { return Map::new() };
    let Ok(document) = yaml::parse(&file) else { return Map::new() };
    match document.root.get(key).map(yaml::Yaml::to_json) {
        Some(Value::Object(flags)) => flags,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_is_asked_last() {
        let project = Map::from_iter([
            ("fail_fast".to_owned(), true.into()),
            ("write_json".to_owned(), false.into()),
            ("full_refresh".to_owned(), true.into()),
            ("validate_macro_args".to_owned(), true.into()),
        ]);
        let given = Map::from_iter([("fail_fast".to_owned(), false.into())]);
        let flags = FlagValues::resolve("run", given, &project).unwrap();
        assert_eq!(flags.values["fail_fast"], false);
        assert_eq!(flags.values["write_json"], false);
        assert_eq!(flags.values["full_refresh"], false);
        assert_eq!(flags.values["which"], "run");
        assert!(flags.is_on("validate_macro_args"));
        assert!(!flags.values.contains_key("store_failures_as"));
        assert!(!flags.set.contains("which"));
    }

    #[test]
    fn text_becomes_a_value() {
        let on = FlagKind::Switch { negatable: true };
        assert_eq!(value_of(on, "Yes"), Some(true.into()));
        assert_eq!(value_of(on, "2"), None);
        assert_eq!(value_of(FlagKind::Many, "a  b"), Some(serde_json::json!(["a", "b"])));
        assert_eq!(value_of(FlagKind::Map, "{a: 1}"), Some(serde_json::json!({"a": 1})));
        assert_eq!(value_of(FlagKind::Map, "[1]"), None);
    }
}
