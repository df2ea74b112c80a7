//! `run-operation`: call a macro with the database at hand.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::args::SelectionArgs;
use super::session::{Start, yaml_map};
use super::{Exit, Outcome, interrupt};
use crate::artifacts;
use crate::clock;
use crate::diagnostic::SourceFile;
use crate::jinja::values::from_json;
use crate::run::{ConnectionAdapter, RunResult, Status, Timing};

/// Runs a macro. That it failed is a result like a node's: exit code 1, and run_results.json.
pub(super) fn command(
    start: &Start,
    name: &str,
    args: Option<&str>,
    engine: Option<&str>,
) -> Outcome {
    let (started, timer) = (clock::now(), Instant::now());
    let arguments = yaml_map("--args", args)?;
    let mut flags = start.flags.clone();
    flags.values.insert("macro".into(), name.into());
    let start = Start { flags: &flags, console: start.console.clone(), ..*start };
    let mut session = start.session("run-operation", &SelectionArgs::default(), None)?;
    session.invocation.args.insert("args".into(), Value::Object(arguments.clone()));
    interrupt::cancels(&session.engines);
    artifacts::make_folder(&session.config.target_path)?;
    let engine = engine.unwrap_or(&session.config.target.default_engine).to_owned();
    let host = session.compiler.free_host(&engine, name, SourceFile::new("run-operation", ""));
    let dialect = session.compiler.dialects.get(&engine);
    // An operation of a package may go without the package's name.
    let full = session
        .config
        .packages
        .iter()
        .map(|package| format!("{}.{name}", package.name))
        .find(|full| dialect.find_macro(full, &session.config.project.name).is_some())
        .filter(|_| dialect.find_macro(name, &session.config.project.name).is_none());
    let name = full.as_deref().unwrap_or(name);
    let found = dialect.find_macro(name, &session.config.project.name);
    let mut result = RunResult::new(host.node(), Status::Success);
    if let Some(id) = &found {
        result.unique_id = id.clone();
    }
    let read = clock::now();
    let call = || -> crate::diagnostic::Result<()> {
        let connection = session.engines.connection(&engine)?;
        host.set_adapter(Arc::new(ConnectionAdapter::new(connection)));
        let kwargs = arguments.iter().map(|(k, v)| (k.clone(), from_json(v))).collect();
        dialect.call_macro(name, Vec::new(), kwargs, host.clone()).map(|_| ())
    };
    let error = call().err();
    // A macro that is not there is no operation at all.
    if let (Some(error), None) = (&error, &found) {
        return Err(error.clone().into());
    }
    result.failures = Some(u64::from(error.is_some()));
    if error.is_some() {
        result.status = Status::Error;
    }
    result.compile = Some(Timing { started_at: started, completed_at: read });
    result.execute = Some(Timing { started_at: read, completed_at: clock::now() });
    result.execution_time = timer.elapsed();
    let path = session.config.target_path.join("run_results.json");
    session.write_manifest()?;
    artifacts::write_run_results(&path, &session.invocation, &[result], timer.elapsed())?;
    Ok(match error {
        Some(error) => {
            session.console.info("Encountered an error while running operation:");
            session.console.diagnostic(&error);
            if session.engines.is_interrupted() { Exit::Interrupted } else { Exit::NodeFailed }
        }
        None => Exit::Done,
    })
}
