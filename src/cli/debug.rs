//! `debug`: what was found, what is wrong with it, and whether the engines can be reached.

use serde_json::json;

use super::args::DebugArgs;
use super::session::Start;
use super::{Exit, Outcome, store};
use crate::config::{EngineConfig, EngineParams};
use crate::diagnostic::{Code, Diagnostic};
use crate::report::Level;
use crate::run::Engines;

/// Checks the set-up, in the order and words of dbt's; every check that fails is told at the end.
pub(super) fn command(start: &Start, args: &DebugArgs) -> Outcome {
    let say = |text: &str| {
        start.console.event("DebugCmdOut", Level::Info, text, || json!({"msg": text}));
    };
    if args.config_dir {
        let folder = profiles_dir(start);
        say(&format!("To view your profiles.yml file, run:\n\nopen {}", folder.display()));
        return Ok(Exit::Done);
    }
    if let Some(folder) = start.global.project_dir.as_ref().filter(|folder| !folder.exists()) {
        let message = format!(
            "Invalid value for '--project-dir': Path '{}' does not exist.",
            folder.display()
        );
        return Err(Diagnostic::error(Code::USAGE, message).into());
    }
    say(&format!("dbt version: {}", crate::jinja::DBT_VERSION));
    say(&format!("pintail version: {}", env!("CARGO_PKG_VERSION")));
    say(&format!("os info: {} {}", std::env::consts::OS, std::env::consts::ARCH));
    let folder = profiles_dir(start);
    say(&format!("Using profiles dir at {}", folder.display()));
    say(&format!("Using profiles.yml file at {}", folder.join("profiles.yml").display()));
    let mut failed: Vec<Diagnostic> = Vec::new();
    let config = match start.config(None) {
        Ok(config) => Some(config),
        // As in dbt, this is no failed check.
        Err(error) if error.code == Code::MISSING_VAR => return Err(error.into()),
        Err(error) => {
            failed.push(*error);
            None
        }
    };
    if let Some(config) = &config {
        say(&format!(
            "Using dbt_project.yml file at {}",
            config.project.root.join("dbt_project.yml").display()
        ));
        let types: Vec<&str> = config.target.engines.values().map(|e| e.kind().as_str()).collect();
        say(&format!("adapter type: {}", types.join(", ")));
    }
    if args.connection {
        say("Skipping steps before connection verification");
    } else {
        configuration(&say, failed.first());
        dependencies(&say, &mut failed);
    }
    match &config {
        Some(config) => {
            let engines = Engines::new(&config.target, Vec::new());
            for engine in config.target.engines.values() {
                say("Connection:");
                for (key, value) in connection_info(config.target.engines.len() > 1, engine) {
                    say(&format!("  {key}: {value}"));
                }
                let reached = engines.connection(&engine.name).and_then(|mut connection| {
                    Ok(connection.query("select 1 as id", Some(1)).map(|_| ())?)
                });
                verdict(&say, "Connection test", reached.err(), &mut failed);
            }
            if let Some(results) = &config.target.results {
                say(&format!("Results store in {}:", results.name));
                verdict(&say, "Connection test", store::reach(results).err(), &mut failed);
            }
        }
        None => say("Connection test skipped since no profile was found"),
    }
    let result = |text: &str| {
        start.console.event("DebugCmdResult", Level::Info, text, || json!({"msg": text}));
    };
    if failed.is_empty() {
        result("All checks passed!");
        return Ok(Exit::Done);
    }
    let checks = if failed.len() == 1 { "check" } else { "checks" };
    result(&format!("{} {checks} failed:", failed.len()));
    for error in &failed {
        if let Some(what) = loading(error) {
            result(&format!("{what} loading failed for the following reason:"));
        }
        start.console.diagnostic(error);
    }
    Ok(Exit::NodeFailed)
}

fn verdict(
    say: &impl Fn(&str),
    what: &str,
    error: Option<Box<Diagnostic>>,
    failed: &mut Vec<Diagnostic>,
) {
    let word = if error.is_none() { "OK connection ok" } else { "ERROR" };
    say(&format!("  {what}: [{word}]\n"));
    failed.extend(error.map(|error| *error));
}

/// What could not be loaded, where that is what an error is about.
fn loading(error: &Diagnostic) -> Option<&'static str> {
    let place = error.location.as_ref().map(|place| place.path());
    let of = |name: &str| place.is_some_and(|path| path.ends_with(name));
    match error.code {
        Code::CONNECT | Code::AUTH | Code::LOCKED | Code::NO_SERVER => None,
        Code::NO_PROFILE => Some("Profile"),
        Code::NO_PROJECT => Some("Project"),
        _ if of("profiles.yml") => Some("Profile"),
        _ if of("dbt_project.yml") => Some("Project"),
        _ => None,
    }
}

/// Which of the two files is at fault.
fn configuration(say: &impl Fn(&str), error: Option<&Diagnostic>) {
    let (mut profiles, mut project) = ("OK found and valid", "OK found and valid");
    if let Some(error) = error {
        let place = error.location.as_ref().map(|place| place.path().display().to_string());
        let in_profiles = place.is_some_and(|path| path.ends_with("profiles.yml"));
        match error.code {
            Code::NO_PROJECT => project = "ERROR not found",
            Code::NO_PROFILE if error.message.starts_with("No profile was named") => {
                (profiles, project) = ("ERROR not found", "ERROR invalid");
            }
            Code::NO_PROFILE if !in_profiles => profiles = "ERROR not found",
            _ if in_profiles => profiles = "ERROR invalid",
            _ => project = "ERROR invalid",
        }
    }
    say("Configuration:");
    say(&format!("  profiles.yml file [{profiles}]"));
    say(&format!("  dbt_project.yml file [{project}]"));
}

fn dependencies(say: &impl Fn(&str), failed: &mut Vec<Diagnostic>) {
    let git = std::process::Command::new("git").arg("--version").output();
    say("Required dependencies:");
    match git {
        Ok(output) if output.status.success() => say(" - git [OK found]\n"),
        _ => {
            say(" - git [ERROR]\n");
            failed
                .push(Diagnostic::error(Code::USAGE, "git cannot be run").help(
                    "Install git, or add it to PATH: `deps` needs it for packages from git.",
                ));
        }
    }
}

/// What can be told of a connection: never its secrets.
fn connection_info(many: bool, engine: &EngineConfig) -> Vec<(&'static str, String)> {
    let mut info = Vec::new();
    if many {
        info.push(("engine", engine.name.to_string()));
    }
    match &engine.params {
        EngineParams::DuckDb(params) => {
            let path =
                params.path.as_ref().map_or(":memory:".to_owned(), |p| p.display().to_string());
            info.extend([
                ("database", engine.database.clone()),
                ("schema", engine.schema.clone()),
                ("path", path),
            ]);
        }
        EngineParams::Postgres(params) => {
            if params.embedded.is_some() {
                info.push(("server", "embedded".to_owned()));
            }
            info.extend([
                ("host", params.host.clone()),
                ("port", params.port.to_string()),
                ("user", params.user.clone()),
                ("database", engine.database.clone()),
                ("schema", engine.schema.clone()),
            ]);
        }
    }
    info
}

/// The folder that profiles.yml is looked for in first, or found in.
fn profiles_dir(start: &Start) -> std::path::PathBuf {
    let named = start.global.profiles_dir.clone();
    let named = named.or_else(|| std::env::var_os("DBT_PROFILES_DIR").map(Into::into));
    let here = std::env::current_dir().unwrap_or_default();
    if let Some(folder) = named {
        return here.join(folder);
    }
    let project = start.global.project_dir.as_ref().map(|dir| here.join(dir));
    let places = [Some(here), project].into_iter().flatten();
    let found = places.into_iter().find(|dir| dir.join("profiles.yml").exists());
    found.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".dbt"))
}
