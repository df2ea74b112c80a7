//! `retry`: the last command once more, with its own flags, for the nodes that did not succeed.
//!
//! What they were is read from run_results.json; nothing else is remembered between commands.

use std::collections::HashSet;
use std::path::Path;

use clap::CommandFactory;
use serde_json::Value;

use super::args::Cli;
use super::earlier::Earlier;
use super::session::Start;
use super::{Exit, Outcome, dispatch, flags, recover};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Result};

/// Flags that are about this command, not about the one before.
const OWN: &[&str] = &[
    "project_dir",
    "profiles_dir",
    "target_path",
    "log_path",
    "state",
    "defer_state",
    "warn_error",
    "select",
    "exclude",
    "selector",
    "resource_type",
    "exclude_resource_type",
    "show",
    "output",
    "which",
];

/// Runs the last command again.
pub(super) fn command(start: &Start, state: Option<&Path>) -> Outcome {
    let config = start.config(None)?;
    recover::last_results(&config)?;
    let folder = state.map_or(config.target_path.clone(), |state| config.project.root.join(state));
    let shown = state
        .map_or_else(|| config.project.target_path.clone(), |state| state.display().to_string());
    let before = read(&folder.join("run_results.json"), &shown)?;
    let args = &before["args"];
    let which = args["which"].as_str().unwrap_or_default();
    let warnings = start.flags.values.get("warn_error").and_then(Value::as_bool) == Some(true);
    let again = |result: &&Value| {
        let id = result["unique_id"].as_str().unwrap_or_default();
        let status = result["status"].as_str().unwrap_or_default();
        let open =
            matches!(status, "error" | "fail" | "skipped" | "runtime error" | "partial success")
                || (status == "warn" && warnings);
        open && (which == "run-operation" || !id.starts_with("operation."))
    };
    let results = before["results"].as_array().map_or(&[][..], Vec::as_slice);
    let ids: HashSet<String> = results
        .iter()
        .filter(again)
        .filter_map(|result| result["unique_id"].as_str().map(str::to_owned))
        .collect();
    if which == "run-operation" && ids.is_empty() {
        start.console.info("Nothing to do: the last operation succeeded.");
        return Ok(Exit::Done);
    }
    let words = command_line(which, args).ok_or_else(|| {
        Diagnostic::error(Code::USAGE, format!("`{which}` is no command that can be tried again"))
            .help("retry follows build, compile, clone, docs generate, seed, snapshot, test, run and run-operation.")
    })?;
    let words = words.into_iter().map(Into::into).collect();
    let (mut cli, flags) = flags::parse(words).map_err(|error| {
        let why = match error {
            flags::Refused::Words(error) => error.to_string(),
            flags::Refused::Value(Diagnostics(errors)) => {
                errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        };
        Diagnostic::error(Code::USAGE, "The flags of the last command are not understood")
            .note(why)
            .help("Run the command itself, with the nodes that failed.")
    })?;
    // Where things are is said by this command line; so are variables and threads, if at all.
    let here = start.global;
    cli.global.project_dir = here.project_dir.clone();
    cli.global.profiles_dir = here.profiles_dir.clone();
    cli.global.target_path = here.target_path.clone();
    cli.global.vars = here.vars.clone().or(cli.global.vars);
    cli.global.threads = here.threads.or(cli.global.threads);
    // Relative paths start where this command was started.
    let _still_there = std::env::set_current_dir(&config.started_in);
    dispatch(&cli, &flags, start.audit, &start.console, Some(&Earlier::read(&before, ids)))
}

fn read(path: &Path, shown: &str) -> Result<Value> {
    let missing = |why: String| {
        Box::new(
            Diagnostic::error(
                Code::USAGE,
                format!("Could not find previous run in '{shown}' target directory"),
            )
            .note(why)
            .help("retry reads run_results.json of the last command; run one first."),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| missing(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| missing(error.to_string()))
}

/// The command line that run_results.json tells of, without its selection.
fn command_line(which: &str, args: &Value) -> Option<Vec<String>> {
    let path: &[&str] = match which {
        "generate" => &["docs", "generate"],
        "build" | "compile" | "clone" | "seed" | "snapshot" | "test" | "run" | "run-operation" => {
            &[which]
        }
        _ => return None,
    };
    let mut command = Cli::command();
    command.build();
    let mut found = &command;
    for name in path {
        found = found.find_subcommand(name)?;
    }
    let mut words = vec!["pintail".to_owned()];
    words.extend(path.iter().map(|word| (*word).to_owned()));
    if which == "run-operation" {
        words.push(args["macro"].as_str().or(args["name"].as_str())?.to_owned());
    }
    for known in found.get_arguments() {
        let id = known.get_id().as_str();
        let Some(flag) = known.get_long() else { continue };
        let Some(value) = args.get(id).filter(|_| !OWN.contains(&id)) else { continue };
        let takes_value = known.get_action().takes_values();
        match value {
            Value::Bool(true) if !takes_value => words.push(format!("--{flag}")),
            Value::Bool(_) | Value::Null => {}
            _ if !takes_value => {}
            Value::String(text) if text.is_empty() => {}
            Value::String(text) => words.push(format!("--{flag}={text}")),
            Value::Array(list) => {
                let texts = list.iter().filter_map(Value::as_str);
                words.extend(texts.map(|text| format!("--{flag}={text}")));
            }
            Value::Object(map) if map.is_empty() => {}
            other => words.push(format!("--{flag}={other}")),
        }
    }
    Some(words)
}
