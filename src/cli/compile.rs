//! `compile`: compiled SQL of the selected nodes, written to target/compiled.

use std::collections::HashMap;
use std::time::Instant;

use rayon::prelude::*;
use serde_json::json;

use super::args::{RowsFormat, RunArgs, SelectionArgs};
use super::session::{Session, Start};
use super::{Exit, Outcome, check};
use crate::artifacts;
use crate::clock;
use crate::compile::write_sql;
use crate::diagnostic::{Diagnostic, Result, SourceFile};
use crate::manifest::{FastHash, Node, ResourceType};
use crate::report::Level;
use crate::run::{RunResult, Status, Timing};

/// What dbt's `compile` works on.
pub(super) const KINDS: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Test,
    ResourceType::Analysis,
    ResourceType::Snapshot,
    ResourceType::Seed,
    ResourceType::Function,
    ResourceType::Operation,
];

/// Said before the error of an inline statement.
pub(super) const BAD_INLINE: &str = "Error parsing inline query";

/// Compiles the project, or one statement.
pub(super) fn command(
    start: &Start,
    selection: &SelectionArgs,
    run: &RunArgs,
    inline: Option<&str>,
    engine: Option<&str>,
    output: RowsFormat,
) -> Outcome {
    let started = Instant::now();
    let session = start.session("compile", selection, Some(run))?;
    if let Some(sql) = inline {
        session.can_defer()?;
        let file = SourceFile::new("--inline", sql);
        let engine = engine.unwrap_or(&session.config.target.default_engine).to_owned();
        let host = session.compiler.free_host(&engine, "inline_query", file);
        let begun = clock::now();
        let compiled = session.compiler.compile_free(&host).inspect_err(|_| {
            session.console.event("ParseInlineNodeError", Level::Error, BAD_INLINE, || json!({}));
        })?;
        let mut result = RunResult::new(host.node(), Status::Success);
        result.compiled_code = Some(compiled.sql.clone());
        result.compile = Some(Timing { started_at: begun, completed_at: clock::now() });
        artifacts::make_folder(&session.config.target_path)?;
        let none = Compiled { results: vec![result], errors: Vec::new(), inlined: Vec::new() };
        finish(&session, &none, started)?;
        print(&session, "inline_query", &compiled.sql, true, output);
        return Ok(Exit::Done);
    }
    let selected = session.select(selection, KINDS.to_vec(), false)?;
    let nodes = session.nodes_of(&selected);
    let compiled = compile_nodes(&session, &nodes);
    if finish(&session, &compiled, started)? {
        for error in &compiled.errors {
            session.console.diagnostic(error);
        }
        return Ok(Exit::CouldNotRun);
    }
    // What was asked for by name is shown, as dbt does; of a selection that is one node, that.
    let named = |result: &RunResult| selection.select.contains(&result.name);
    let single = compiled.results.len() == 1 && !selection.select.is_empty();
    for result in compiled.results.iter().chain(&compiled.inlined) {
        if let Some(sql) = result.compiled_code.as_deref().filter(|_| single || named(result)) {
            print(&session, &result.name, sql, false, output);
        }
    }
    let folder = session.config.shown(&session.config.target_path.join("compiled"));
    let count = compiled.results.len();
    session.console.info(&format!("Compiled {count} nodes to {}", folder.display()));
    let is_right = check::on_demand(&session, &selected, run).is_none();
    session.leave();
    // As with the manifest.
    std::mem::forget(compiled);
    Ok(if is_right { Exit::Done } else { Exit::NodeFailed })
}

/// Prints compiled SQL as dbt does: with a heading unless it is quiet, JSON with the node's name.
fn print(session: &Session, name: &str, sql: &str, inline: bool, output: RowsFormat) {
    let text = match output {
        RowsFormat::Json => {
            let shown = match inline {
                true => json!({"compiled": sql}),
                false => json!({"node": name, "compiled": sql}),
            };
            serde_json::to_string_pretty(&shown).unwrap_or_default()
        }
        _ if session.console.is_quiet() => sql.to_owned(),
        _ if inline => format!("Compiled inline node is:\n{sql}"),
        _ => format!("Compiled node '{name}' is:\n{sql}"),
    };
    session.console.print("CompiledNode", &text, || {
        json!({
            "node_name": name,
            "compiled": sql,
            "is_inline": inline,
            "output_format": if output == RowsFormat::Json { "json" } else { "text" },
        })
    });
}

/// What came of compiling nodes.
#[derive(Default)]
pub(super) struct Compiled {
    /// One for each node, as dbt writes them; ephemeral models have none.
    pub results: Vec<RunResult>,
    pub errors: Vec<Diagnostic>,
    /// The SQL of ephemeral models, which the manifest shows, too.
    pub inlined: Vec<RunResult>,
}

/// Compiles nodes and writes their SQL.
pub(super) fn compile_nodes(session: &Session, nodes: &[&Node]) -> Compiled {
    let one = |node: &&Node| {
        let (begun, timer) = (clock::now(), Instant::now());
        let mut result = RunResult::new(node, Status::Success);
        let mut attempt = || -> Result<()> {
            if node.resource_type == ResourceType::Seed {
                return Ok(());
            }
            let host = session.compiler.host(&node.unique_id);
            let compiled = session.compiler.compile(&node.unique_id, &host)?;
            if !compiled.sql.is_empty() {
                write_sql(&session.compiler.path_of("compiled", node), &compiled.sql)?;
            }
            result.compiled_code = Some(compiled.sql);
            (result.ctes, result.macros) = (compiled.ctes, compiled.macros);
            let is_kept = node.config.stores_failures() == Some(true);
            if node.resource_type.is_refable() && !node.is_ephemeral() || is_kept {
                result.relation_name = Some(node.relation().render());
            }
            Ok(())
        };
        let error = attempt().err();
        if let Some(error) = &error {
            result.status = Status::Error;
            result.message = Some(error.message.clone());
        }
        let now = clock::now();
        result.compile = Some(Timing { started_at: begun, completed_at: now });
        if error.is_none() {
            result.execute = Some(Timing { started_at: now, completed_at: now });
        }
        result.execution_time = timer.elapsed();
        result.thread = rayon::current_thread_index().map_or(0, |at| at + 1);
        (result, error)
    };
    let is_hook = |node: &&Node| node.resource_type == ResourceType::Operation;
    let mut compiled: Vec<&Node> = nodes.iter().copied().filter(|node| !is_hook(node)).collect();
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    // Short runs of nodes, so that no thread is left with a long one at the end.
    compiled.par_iter().with_max_len(64).map(one).unzip_into_vecs(&mut results, &mut errors);
    // dbt stops at the first error, and what needs nothing else comes before the hooks, whose
    // templates may change a database.
    let comes_first =
        |node: &Node| !nodes.iter().any(|other| node.depends_on.contains(&other.unique_id));
    let mut failed = errors.iter().zip(&compiled).filter(|(error, _)| error.is_some());
    if !failed.any(|(_, node)| comes_first(node)) {
        for (at, hook) in nodes.iter().enumerate().filter(|(_, node)| is_hook(node)) {
            let (result, error) = one(hook);
            compiled.insert(at, hook);
            results.insert(at, result);
            errors.insert(at, error);
        }
    }
    let errors: Vec<Diagnostic> = errors.into_iter().flatten().map(|error| *error).collect();
    let mut of = compiled.iter();
    let is_inlined = |result: &mut RunResult| {
        let is_ephemeral = of.next().is_some_and(|node| node.is_ephemeral());
        is_ephemeral && result.status == Status::Success
    };
    let inlined = results.extract_if(.., is_inlined).collect();
    Compiled { results, errors, inlined }
}

/// Writes manifest.json and run_results.json; whether any node failed.
pub(super) fn finish(session: &Session, compiled: &Compiled, started: Instant) -> Result<bool> {
    // dbt stops at the first error, with nothing to tell of the other nodes.
    if !compiled.errors.is_empty() {
        session.write_manifest()?;
        return Ok(true);
    }
    let all = compiled.results.iter().chain(&compiled.inlined);
    let mut done: HashMap<&str, &RunResult, FastHash> = HashMap::default();
    done.reserve(compiled.results.len() + compiled.inlined.len());
    done.extend(all.map(|result| (&*result.unique_id, result)));
    let results = session.config.target_path.join("run_results.json");
    let (manifest, others) = rayon::join(
        || session.write_manifest_with(&|id| done.get(id).copied(), &|_| false),
        || {
            session.write_graph_summary()?;
            let (invocation, all) = (&session.invocation, &compiled.results);
            artifacts::write_run_results(&results, invocation, all, started.elapsed())
        },
    );
    manifest.and(others).map(|()| false)
}
