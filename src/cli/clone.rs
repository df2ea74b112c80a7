//! `clone`: relations of another state of the project, made here without building them: a view upon
//! each, since neither engine can copy a table without reading it; or what the project's own
//! materialization `clone` makes.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use super::args::{RunArgs, SelectionArgs};
use super::session::{Session, Start};
use super::{Exit, Outcome, interrupt};
use crate::artifacts;
use crate::clock;
use crate::compile::Deferral;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::publish;
use crate::jinja::MacroDef;
use crate::manifest::{Node, ResourceType};
use crate::report::counts_line;
use crate::run::{ConnectionAdapter, RunResult, Status, Timing, clone_by_block};
use crate::worker;

const KINDS: &[ResourceType] = &[ResourceType::Model, ResourceType::Seed, ResourceType::Snapshot];

/// What dbt says where there was nothing to do.
const NOTHING_DONE: &str = "No-op";

/// Kinds that can be cloned.
pub(super) fn kinds() -> &'static [ResourceType] {
    KINDS
}

/// Makes the clones.
pub(super) fn command(
    start: &Start,
    selection: &SelectionArgs,
    run: &RunArgs,
    kinds: Vec<ResourceType>,
    state: Option<&Path>,
) -> Outcome {
    let started = Instant::now();
    let session = start.session("clone", selection, Some(run))?;
    interrupt::cancels(&session.engines);
    artifacts::make_folder(&session.config.target_path)?;
    let other = Deferral::new(&other_manifest(&session, state)?, false);
    session.compiler.set_deferral(other);
    let selected = session.select(selection, kinds, false)?;
    let nodes: Vec<&Node> =
        session.nodes_of(&selected).into_iter().filter(|node| !node.is_ephemeral()).collect();
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(RunResult, Option<Box<Diagnostic>>)>> = Mutex::default();
    let threads = session.config.target.threads.clamp(1, nodes.len().max(1));
    worker::run(threads, |thread| {
        while let Some(node) = nodes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let done = clone_node(&session, node, thread);
            results.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        }
    });
    let (results, errors): (Vec<RunResult>, Vec<_>) =
        results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().unzip();
    session.write_manifest()?;
    let path = session.config.target_path.join("run_results.json");
    artifacts::write_run_results(&path, &session.invocation, &results, started.elapsed())?;
    let mut failed = false;
    for error in errors.into_iter().flatten() {
        session.console.diagnostic(&error);
        failed = true;
    }
    session.console.info(&format!("Done. {}", counts_line(&results)));
    Ok(if failed { Exit::NodeFailed } else { Exit::Done })
}

/// The manifest of the other state.
fn other_manifest(session: &Session, state: Option<&Path>) -> Result<Value> {
    let Some(folder) = state else {
        return Err(Box::new(
            Diagnostic::error(
                Code::USAGE,
                "--state or --defer-state are required for deferral, but neither was provided",
            )
            .help("Name the folder of its manifest.json with --state."),
        ));
    };
    let path = session.config.project.root.join(folder).join("manifest.json");
    let wrong = |why: String| {
        Box::new(
            Diagnostic::error(
                Code::USAGE,
                format!("Could not find manifest in --state path: '{}'", path.display()),
            )
            .note(why)
            .help("It is the target folder of an earlier run, or a copy of it."),
        )
    };
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

fn clone_node(
    session: &Session,
    node: &Node,
    thread: usize,
) -> (RunResult, Option<Box<Diagnostic>>) {
    let (begun, timer) = (clock::now(), Instant::now());
    let mut result = RunResult::new(node, Status::Success);
    result.thread = thread;
    result.relation_name = Some(node.relation().render());
    let made = make(session, node);
    let error = match made {
        Ok(message) => {
            result.message = Some(message);
            None
        }
        Err(error) => {
            result.status = Status::Error;
            result.message = Some(error.to_string());
            Some(error)
        }
    };
    let timing = Timing { started_at: begun, completed_at: clock::now() };
    result.execute = Some(timing);
    result.compile = Some(Timing { started_at: begun, completed_at: begun });
    result.execution_time = timer.elapsed();
    (result, error)
}

/// Makes one clone; what came of it.
fn make(session: &Session, node: &Node) -> Result<String> {
    let console = &session.console;
    let dialect = session.compiler.dialects.get(&node.engine);
    let legacy = session.config.allows_package_materializations();
    let block = dialect.materialization("clone", legacy).filter(|block| !block.is_built_in());
    if let Some(block) = block {
        return by_block(session, node, block);
    }
    let Some(from) = session.compiler.deferred(&node.unique_id) else {
        console.info(&format!("No relation found in state manifest for {}", node.unique_id));
        return Ok(NOTHING_DONE.to_owned());
    };
    let target = node.relation();
    let mut connection = session.engines.connection(&node.engine)?;
    let schema = target.schema.as_deref().unwrap_or_default();
    publish::create_schema_if_missing(&mut *connection, target.database.as_deref(), schema)?;
    let there = connection.list_relations(target.database.as_deref(), schema)?;
    let existing = there.iter().any(|relation| relation.identifier == target.identifier);
    if existing && !session.config.flags.full_refresh {
        console.info(&format!("Relation {} already exists", target.render()));
        return Ok(NOTHING_DONE.to_owned());
    }
    if from.render() == target.render() && !existing {
        let message = format!("{} does not exist, so it cannot be cloned", target.render());
        return Err(Box::new(
            Diagnostic::error(Code::SQL, message)
                .or_at(node.location.clone())
                .help("The state names the same relation as this target: build it first."),
        ));
    }
    if from.render() == target.render() {
        console.info(&format!(
            "Target and source are one, skipping clone for relation: {}",
            target.render()
        ));
        return Ok(NOTHING_DONE.to_owned());
    }
    publish::replace_view(&mut *connection, &target, &format!("select * from {}", from.render()))
        .map_err(|error| Box::new(error.diagnostic.or_at(node.location.clone())))?;
    Ok("CREATE VIEW".to_owned())
}

/// Runs the project's own block, which says itself what there is to do.
fn by_block(session: &Session, node: &Node, block: &Arc<MacroDef>) -> Result<String> {
    let compiler = &session.compiler;
    let connection = session.engines.connection(&node.engine)?;
    let adapter = Arc::new(ConnectionAdapter::new(connection));
    let target = node.relation();
    let schema = target.schema.as_deref().unwrap_or_default();
    publish::create_schema_if_missing(&mut **adapter.lock(), target.database.as_deref(), schema)?;
    let host = compiler.host(&node.unique_id);
    host.set_adapter(adapter.clone());
    if let Some(from) = compiler.deferred(&node.unique_id) {
        host.set_compiled(format!("select * from {}", from.render()).into());
    }
    let message = clone_by_block(compiler.dialects.get(&node.engine), block, host, &adapter)
        .map_err(|error| Box::new(error.or_at(node.location.clone())))?;
    Ok(message.unwrap_or_else(|| NOTHING_DONE.to_owned()))
}
