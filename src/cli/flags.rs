//! The command line taken apart: every flag of dbt's is understood where dbt takes it, and flags
//! that the environment or `flags:` of dbt_project.yml set are put on the line as if written there.
//!
//! So commands read their own arguments only, and never the environment. What a flag is and what
//! it defaults to stands in `config::FLAGS`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use serde_json::{Map, Value};

use super::args::Cli;
use crate::config::{FLAGS, FlagKind, FlagSpec, FlagValues, flag_value, project_flags};
use crate::diagnostic::Diagnostics;

/// Why a command line cannot be run.
pub(super) enum Refused {
    /// Help, or words that mean nothing here.
    Words(clap::Error),
    /// A value that does not fit.
    Value(Diagnostics),
}

impl From<clap::Error> for Refused {
    fn from(error: clap::Error) -> Self {
        Refused::Words(error)
    }
}

/// Reads the words of a command line.
pub(super) fn parse(words: Vec<OsString>) -> Result<(Cli, FlagValues), Refused> {
    let mut program = with_all_flags(Cli::command());
    let words =
        if asks_version(&words) { vec!["pintail".into(), "--version".into()] } else { words };
    let matches = program.try_get_matches_from_mut(&words)?;
    let (name, leaf) = leaf(&matches);
    let mut given = Map::new();
    for spec in FLAGS {
        if let Some(value) = given_value(leaf, spec) {
            given.insert(spec.name.to_owned(), value);
        }
    }
    let folder = project_folder(&given);
    let project = project_flags(&folder, &profiles_folders(&given, &folder))
        .map_err(|error| Refused::Value((*error).into()))?;
    let resolve = || FlagValues::resolve(&name, given.clone(), &project);
    let mut flags = resolve().map_err(|error| Refused::Value((*error).into()))?;
    if written_as_models(&words) {
        let select = flags.values.get("select").cloned().unwrap_or_default();
        flags.values.insert("models".into(), select);
        flags.set.insert("models".to_owned());
    }
    let shown: Vec<String> =
        words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    flags.values.insert("invocation_command".into(), format!("dbt {}", shown.join(" ")).into());
    let mut words = words;
    // Written after a `--`, they would be taken for something else.
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut added = Vec::new();
    for spec in FLAGS {
        if flags.set.contains(spec.name) && !given.contains_key(spec.name) {
            added.extend(written(spec, &flags.values[spec.name], leaf));
        }
    }
    if added.is_empty() {
        return Ok((Cli::from_arg_matches(&matches)?, flags));
    }
    words.splice(end..end, added);
    let matches = program.try_get_matches_from_mut(&words)?;
    Ok((Cli::from_arg_matches(&matches)?, flags))
}

/// Whether a command line asks for the version, which it may do anywhere.
fn asks_version(words: &[OsString]) -> bool {
    let flags = words.iter().skip(1).take_while(|word| *word != "--");
    flags.into_iter().any(|word| ["-v", "-V", "--version"].iter().any(|flag| word == flag))
}

/// Whether `--select` was written under its old names.
fn written_as_models(words: &[OsString]) -> bool {
    words.iter().any(|word| {
        let word = word.to_string_lossy();
        let name = word.split('=').next().unwrap_or_default();
        matches!(name, "-m" | "--models" | "--model")
    })
}

/// The innermost command that was named, under dbt's name for it, and its matches.
fn leaf(matches: &ArgMatches) -> (String, &ArgMatches) {
    let mut name = String::new();
    let mut at = matches;
    while let Some((inner, below)) = at.subcommand() {
        name = if inner == "ls" { "list".to_owned() } else { inner.to_owned() };
        at = below;
    }
    (name, at)
}

/// The folder of dbt_project.yml, as far as can be said before anything is read.
fn project_folder(given: &Map<String, Value>) -> PathBuf {
    let env = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
    let named = given.get("project_dir").and_then(Value::as_str).map(str::to_owned);
    match named.or_else(|| env("DBT_ENGINE_PROJECT_DIR")).or_else(|| env("DBT_PROJECT_DIR")) {
        Some(dir) => PathBuf::from(dir),
        None => {
            let here = std::env::current_dir().unwrap_or_default();
            let above = here.ancestors().find(|dir| dir.join("dbt_project.yml").exists());
            above.map_or_else(|| here.clone(), Path::to_path_buf)
        }
    }
}

/// The folders that profiles.yml may lie in.
fn profiles_folders(given: &Map<String, Value>, project: &Path) -> Vec<PathBuf> {
    let env = |name| std::env::var(name).ok().filter(|text: &String| !text.is_empty());
    let named = given.get("profiles_dir").and_then(Value::as_str).map(str::to_owned);
    match named.or_else(|| env("DBT_ENGINE_PROFILES_DIR")).or_else(|| env("DBT_PROFILES_DIR")) {
        Some(dir) => vec![PathBuf::from(dir)],
        None => {
            let here = std::env::current_dir().unwrap_or_default();
            let home = std::env::home_dir().map(|home| home.join(".dbt"));
            [here, project.to_path_buf()].into_iter().chain(home).collect()
        }
    }
}

/// A flag's name among the arguments; commands have some under a shorter one.
fn id_of(spec: &FlagSpec) -> &'static str {
    match spec.name {
        "resource_types" => "resource_type",
        "exclude_resource_types" => "exclude_resource_type",
        other => other,
    }
}

fn long_of(spec: &FlagSpec) -> String {
    id_of(spec).replace('_', "-")
}

/// What the command line itself says of a flag.
fn given_value(matches: &ArgMatches, spec: &FlagSpec) -> Option<Value> {
    let id = id_of(spec);
    let written = |id: &str| {
        matches.try_contains_id(id).unwrap_or(false)
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    if let FlagKind::Switch { .. } = spec.kind {
        let off = format!("no_{id}");
        return match (written(id), written(&off)) {
            (true, false) => Some(true.into()),
            (false, true) => Some(false.into()),
            (true, true) => {
                let last = |id: &str| matches.indices_of(id).and_then(Iterator::last);
                Some((last(id) > last(&off)).into())
            }
            (false, false) => None,
        };
    }
    if !written(id) {
        return None;
    }
    let words: Vec<String> =
        matches.get_raw(id)?.map(|word| word.to_string_lossy().into_owned()).collect();
    match spec.kind {
        // Several may be written as one word.
        FlagKind::Many => {
            let each = words.iter().flat_map(|word| word.split_whitespace());
            Some(each.collect::<Vec<_>>().into())
        }
        // What is no map or number is refused by the command, which can say where.
        kind => {
            let word = words.last()?;
            Some(flag_value(kind, word).unwrap_or_else(|| word.as_str().into()))
        }
    }
}

/// A flag as words of the command line, where the command takes it.
fn written(spec: &FlagSpec, value: &Value, matches: &ArgMatches) -> Vec<OsString> {
    let long = long_of(spec);
    let knows = |id: &str| matches.try_contains_id(id).is_ok();
    let words: Vec<String> = match (spec.kind, value) {
        (_, Value::Null) => vec![],
        (FlagKind::Switch { .. }, Value::Bool(true)) if knows(id_of(spec)) => {
            vec![format!("--{long}")]
        }
        (FlagKind::Switch { .. }, _) if knows(&format!("no_{}", id_of(spec))) => {
            vec![format!("--no-{long}")]
        }
        (FlagKind::Switch { .. }, _) => vec![],
        _ if !knows(id_of(spec)) => vec![],
        (FlagKind::Many, Value::Array(many)) => many
            .iter()
            .map(|one| format!("--{long}={}", one.as_str().unwrap_or_default()))
            .collect(),
        (_, Value::String(text)) => vec![format!("--{long}={text}")],
        (_, other) => vec![format!("--{long}={other}")],
    };
    words.into_iter().map(OsString::from).collect()
}

/// The command line with those flags of dbt's added, hidden, that no command declares itself.
fn with_all_flags(program: Command) -> Command {
    let mut program = program;
    for spec in FLAGS.iter().filter(|spec| spec.commands.is_empty()) {
        program = added(program, spec, true);
    }
    let names: Vec<String> =
        program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        program = program.mut_subcommand(name, commands_flags);
    }
    program
}

fn commands_flags(command: Command) -> Command {
    let mut command = command;
    let inner: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in inner {
        command = command.mut_subcommand(name, commands_flags);
    }
    let name = match command.get_name() {
        "ls" => "list".to_owned(),
        name => name.to_owned(),
    };
    for spec in FLAGS {
        if spec.commands.split_whitespace().any(|one| one == name) {
            command = added(command, spec, false);
        }
    }
    command
}

/// A command with a flag and its `--no-` form, if it does not have them.
fn added(command: Command, spec: &FlagSpec, global: bool) -> Command {
    // These stand on the program itself.
    let everywhere = ["profiles_dir", "project_dir", "target_path", "threads", "vars"];
    let id = id_of(spec);
    if everywhere.contains(&id) {
        return command;
    }
    let mut command = command;
    let long = long_of(spec);
    let has = |command: &Command, id: &str, long: &str| {
        command.get_arguments().any(|arg| {
            let aliases = arg.get_all_aliases().unwrap_or_default();
            arg.get_id() == id || arg.get_long() == Some(long) || aliases.contains(&long)
        })
    };
    if !has(&command, id, &long) {
        let arg = Arg::new(id).long(long.clone()).global(global).hide(true);
        let arg = match spec.kind {
            FlagKind::Switch { .. } => arg.action(ArgAction::SetTrue),
            FlagKind::Many => arg.action(ArgAction::Append).num_args(1..),
            _ => arg.action(ArgAction::Set),
        };
        let short = match spec.name {
            "debug" => Some('d'),
            "fail_fast" => Some('x'),
            "full_refresh" => Some('f'),
            "record_timing_info" => Some('r'),
            _ => None,
        };
        command = command.arg(match short {
            Some(short) => arg.short(short),
            None => arg,
        });
    }
    if spec.name != id {
        let alias = spec.name.replace('_', "-");
        command = command.mut_arg(id, |arg| arg.alias(alias));
    }
    let (off, long_off) = (format!("no_{id}"), format!("no-{long}"));
    if spec.kind == (FlagKind::Switch { negatable: true }) && !has(&command, &off, &long_off) {
        let arg = Arg::new(off.clone()).long(long_off).global(global).hide(true);
        command = command.arg(arg.action(ArgAction::SetTrue).overrides_with(id));
        command = command.mut_arg(id, |arg| arg.overrides_with(off));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        with_all_flags(Cli::command()).debug_assert();
    }

    #[test]
    fn flags_stand_before_or_after_the_command() {
        for line in ["pintail --fail-fast --no-print run", "pintail run -x --no-print -s a b"] {
            let words = line.split(' ').map(OsString::from).collect();
            let Ok((_, flags)) = parse(words) else { panic!("{line}") };
            assert!(flags.is_on("fail_fast"), "{line}");
            assert_eq!(flags.values["print"], false, "{line}");
            assert_eq!(flags.values["which"], "run");
        }
    }

    #[test]
    fn the_version_is_told_before_and_after_a_command() {
        for line in ["pintail -v", "pintail -V", "pintail run --version", "pintail docs serve -v"] {
            let words = line.split(' ').map(OsString::from).collect();
            let Err(Refused::Words(told)) = parse(words) else { panic!("{line}") };
            assert_eq!(told.kind(), clap::error::ErrorKind::DisplayVersion);
            assert!(told.to_string().starts_with("pintail "), "{told}");
        }
    }

    #[test]
    fn a_flag_of_another_command_is_refused() {
        let words = ["pintail", "parse", "--full-refresh"].map(OsString::from).to_vec();
        assert!(matches!(parse(words), Err(Refused::Words(_))));
    }
}
