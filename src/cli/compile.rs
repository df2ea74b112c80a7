//! `compile`: compiled SQL of the selected nodes, written to target/compiled.

use std::collections::HashMap;

use rayon::prelude::*;

use super::args::{RunArgs, SelectionArgs};
use super::session::{Session, Start};
use super::{Exit, Outcome};
use crate::compile::write_sql;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::manifest::{ResourceType, UniqueId};

const KINDS: &[ResourceType] =
    &[ResourceType::Model, ResourceType::Test, ResourceType::Analysis, ResourceType::Snapshot];

/// Compiles the project, or one statement.
pub(super) fn command(
    start: &Start,
    selection: &SelectionArgs,
    run: &RunArgs,
    inline: Option<&str>,
    engine: Option<&str>,
) -> Outcome {
    let session = start.session("compile", selection, Some(run))?;
    if let Some(sql) = inline {
        let file = SourceFile::new("--inline", sql);
        let engine = engine.unwrap_or(&session.config.target.default_engine).to_owned();
        let host = session.compiler.free_host(&engine, "inline_query", file);
        let compiled = session.compiler.compile_free(&host)?;
        session.console.data(&compiled.sql);
        return Ok(Exit::Done);
    }
    let selected = session.select(selection, KINDS.to_vec(), false)?;
    let manifest = &session.compiler.manifest;
    let nodes: Vec<_> = selected
        .nodes
        .iter()
        .filter_map(|index| session.graph.member(manifest, *index).node())
        .collect();
    let compiled: Vec<(UniqueId, Result<String, Box<Diagnostic>>)> = nodes
        .par_iter()
        .map(|node| {
            let attempt = || {
                let host = session.compiler.host(&node.unique_id);
                let compiled = session.compiler.compile(&node.unique_id, &host)?;
                write_sql(&session.compiler.path_of("compiled", node), &compiled.sql)?;
                Ok(compiled.sql.to_string())
            };
            (node.unique_id.clone(), attempt())
        })
        .collect();
    session.print_messages();
    let mut done: HashMap<UniqueId, String> = HashMap::with_capacity(compiled.len());
    let mut errors = Vec::new();
    for (id, result) in compiled {
        match result {
            Ok(sql) => {
                done.insert(id, sql);
            }
            Err(error) => errors.push(*error),
        }
    }
    session.write_manifest(&|id| done.get(id).map(String::as_str))?;
    if !errors.is_empty() {
        return fail(&session, errors);
    }
    // One model that was asked for by name is shown, as dbt does.
    if let ([node], false) = (nodes.as_slice(), selection.select.is_empty()) {
        session.console.data(&done[&node.unique_id]);
    }
    let folder = session.config.shown(&session.config.target_path.join("compiled"));
    session.console.info(&format!("Compiled {} nodes to {}", done.len(), folder.display()));
    session.leave();
    Ok(Exit::Done)
}

/// Errors of single nodes: exit code 1, as dbt has it for a compile that began.
fn fail(session: &Session, errors: Vec<Diagnostic>) -> Outcome {
    let Diagnostics(errors) = Diagnostics(errors);
    for error in &errors {
        session.console.diagnostic(error);
    }
    Ok(Exit::NodeFailed)
}
