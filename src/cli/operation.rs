//! `run-operation`: call a macro with the database at hand.

use std::sync::Arc;

use super::args::SelectionArgs;
use super::session::{Start, yaml_map};
use super::{Exit, Outcome, interrupt};
use crate::diagnostic::SourceFile;
use crate::jinja::values::from_json;
use crate::run::ConnectionAdapter;

/// Runs a macro.
pub(super) fn command(
    start: &Start,
    name: &str,
    args: Option<&str>,
    engine: Option<&str>,
) -> Outcome {
    let arguments = yaml_map("--args", args)?;
    let session = start.session("run-operation", &SelectionArgs::default(), None)?;
    interrupt::cancels(&session.engines);
    let engine = engine.unwrap_or(&session.config.target.default_engine).to_owned();
    let host = session.compiler.free_host(&engine, name, SourceFile::new("run-operation", ""));
    let adapter = Arc::new(ConnectionAdapter::new(session.engines.connection(&engine)?));
    host.set_adapter(adapter);
    let kwargs = arguments.iter().map(|(k, v)| (k.clone(), from_json(v))).collect();
    let dialect = session.compiler.dialects.get(&engine);
    let called = dialect.call_macro(name, Vec::new(), kwargs, host);
    session.print_messages();
    called?;
    Ok(Exit::Done)
}
