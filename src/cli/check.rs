//! `check`: the SQL of the selected nodes bound by their engines. Nothing is run, written or made.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use serde_json::json;

use super::args::{CheckOutput, RunArgs, SelectionArgs};
use super::columns::Known;
use super::session::{Session, Start};
use super::{Exit, Outcome};
use crate::check::{self, Checked, Passed};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::graph::Selected;
use crate::lineage::{self, UntaggedCopy};
use crate::manifest::{ColumnInfo, ResourceType, UniqueId};
use crate::report::{self, Console};
use crate::run::{Engines, RunResult, Status};

/// What is checked.
const KINDS: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Snapshot,
    ResourceType::Seed,
    ResourceType::Analysis,
    ResourceType::Test,
    ResourceType::UnitTest,
    ResourceType::Source,
];

/// The event of a check's warnings, which dbt has none for: `--warn-error` refuses it.
const WARNING: &str = "CheckWarning";

/// Checks the project: exit code 1 where there are errors, or warnings that the flags make errors.
pub(super) fn command(start: &Start, selection: &SelectionArgs, output: CheckOutput) -> Outcome {
    let session = start.session("check", selection, None)?;
    let selected = session.select(selection, KINDS.to_vec(), false)?;
    let checked = check::check(&session.compiler, &session.graph, &session.engines, &selected.set);
    let checked = with_untagged(&session, checked, &selected.set);
    match output {
        CheckOutput::Text => tell(&session, &checked),
        CheckOutput::Json => print(&session, &checked),
    }
    let refused = !checked.findings.is_empty() && session.console.warnings().refuses(WARNING);
    let is_right = checked.errors().next().is_none() && !refused;
    let exit = if is_right { Exit::Done } else { Exit::NodeFailed };
    session.leave();
    Ok(exit)
}

/// What a check found, and the copies of personal columns that are not tagged.
fn with_untagged(session: &Session, mut checked: Checked, selected: &FixedBitSet) -> Checked {
    let copies = untagged(session, &checked, selected);
    checked.findings.extend(copies);
    checked
}

/// Copies of personal columns that are not tagged as these are.
fn untagged(
    session: &Session,
    checked: &Checked,
    selected: &FixedBitSet,
) -> Vec<(UniqueId, Diagnostic)> {
    let (manifest, graph) = (&session.compiler.manifest, &session.graph);
    let tables = manifest.nodes.values().map(|node| &node.columns);
    let mut tables = tables.chain(manifest.sources.values().map(|source| &source.columns));
    if !tables.any(|columns| columns.values().any(ColumnInfo::is_pii)) {
        return Vec::new();
    }
    let sql = |id: &UniqueId| {
        let compiled = checked.compiled.get(id).map(|compiled| compiled.sql.clone());
        compiled.ok_or_else(String::new)
    };
    let known = Known {
        compiler: &session.compiler,
        graph: &session.graph,
        sql: &sql,
        schemas: &checked.schemas,
    };
    let lineage = known.lineage(selected);
    let copies = lineage::untagged_copies(&lineage, graph, manifest).into_iter();
    let is_selected = |copy: &UntaggedCopy| {
        let index = graph.index_of(manifest, &copy.copy.node);
        index.is_some_and(|index| selected.contains(index.index()))
    };
    let place = |UntaggedCopy { copy, offset, .. }: &UntaggedCopy| {
        let node = manifest.nodes.get(&copy.node)?;
        let made_at =
            || session.compiler.locate(&copy.node, checked.compiled.get(&copy.node)?, (*offset)?);
        check::described_at(&session.config, node, &copy.column)
            .or_else(made_at)
            .or_else(|| node.location.clone())
    };
    let finding = |untagged: UntaggedCopy| {
        let place = place(&untagged);
        let UntaggedCopy { copy, of, .. } = untagged;
        let name = report::node_name(manifest, &copy.node);
        let of_name = report::node_name(manifest, &of.node);
        let message = format!(
            "`{name}.{}` has the values of `{of_name}.{}`, which is tagged as personal, and is not tagged",
            copy.column, of.column
        );
        let finding = Diagnostic::warning(Code::UNTAGGED_COPY, message)
            .or_at(place)
            .help("Add `meta: {pii: true}` to the column, or `pii: false` where it is none.");
        (copy.node, finding)
    };
    copies.filter(is_selected).map(finding).collect()
}

/// Checks what another command works on, where it was asked to. Gives what is wrong.
pub(super) fn on_demand(session: &Session, selected: &Selected, run: &RunArgs) -> Option<String> {
    if !run.check {
        return None;
    }
    let checked = check::check(&session.compiler, &session.graph, &engines(session), &selected.set);
    let checked = with_untagged(session, checked, &selected.set);
    tell(session, &checked);
    wrong(&checked)
}

/// The errors of a check in a sentence; none where there are none.
fn wrong(checked: &Checked) -> Option<String> {
    let mut errors = checked.errors();
    let first = errors.next()?;
    let found = report::plural(errors.count() + 1, "mistake");
    Some(format!("{found} found before anything ran: {}", first.message))
}

/// Checks of what a build is about to make what changed since it last passed, unless it is told not to.
/// Gives the nodes that are sure to fail: they are told of at once, and the build goes on as in dbt,
/// where the engine has the last word. A retry goes on with what was told before.
pub(super) fn ahead(session: &Session, selected: &Selected, run: &RunArgs) -> HashSet<UniqueId> {
    let is_off = std::env::var_os("PINTAIL_NO_CHECK").is_some_and(|value| !value.is_empty());
    if run.no_check || is_off || session.only.is_some() {
        return HashSet::new();
    }
    let (compiler, graph) = (&session.compiler, &session.graph);
    let passed = Passed::read(compiler, graph);
    let changed = passed.changed(graph, &selected.set);
    if changed.is_clear() {
        return HashSet::new();
    }
    let check = || {
        let found = check::check_ahead(compiler, graph, &engines(session), &changed, &selected.set);
        with_untagged(session, found, &changed)
    };
    // Whatever is wrong with the check itself keeps nobody from building.
    let Ok(checked) = catch_unwind(AssertUnwindSafe(check)) else { return HashSet::new() };
    let (errors, warnings): (Vec<_>, Vec<_>) =
        checked.findings.iter().partition(|(_, finding)| finding.severity == Severity::Error);
    let broken: HashSet<UniqueId> = errors.iter().map(|(id, _)| id.clone()).collect();
    let mut right = changed;
    for id in &broken {
        if let Some(index) = graph.index_of(&compiler.manifest, id) {
            right.set(index.index(), false);
        }
    }
    passed.keep(&right);
    let console = &session.console;
    for (_, warning) in warnings.iter().take(MOST_WARNINGS) {
        console.diagnostic(warning);
    }
    if warnings.len() > MOST_WARNINGS {
        let more = report::plural(warnings.len() - MOST_WARNINGS, "more warning");
        console.info(&format!("The check has {more}; `pintail check` tells them"));
    }
    errors.iter().for_each(|(_, error)| console.diagnostic(error));
    if !errors.is_empty() {
        let found = report::plural(errors.len(), "mistake");
        let nodes = report::plural(broken.len(), "node");
        console.info(&format!(
            "{found} found before anything ran: {nodes} will fail, what reads them is skipped. `--check` runs nothing then."
        ));
    }
    broken
}

/// Says where a check ahead of a build was wrong: what it called broken was built.
pub(super) fn own_up(console: &Console, broken: &HashSet<UniqueId>, results: &[RunResult]) {
    let went_through = |result: &&RunResult| {
        broken.contains(&result.unique_id)
            && !result.is_failure()
            && result.status != Status::Skipped
    };
    for result in results.iter().filter(went_through) {
        let name = &result.name;
        console.info(&format!(
            "The check was wrong about `{name}`, which went through: please report it."
        ));
    }
}

/// How many warnings of a check ahead of a build are told.
const MOST_WARNINGS: usize = 5;

/// The databases to look at: those of the command itself may make them.
fn engines(session: &Session) -> Arc<Engines> {
    Engines::new(&session.config.target.for_reading(), Vec::new())
}

/// How many nodes that could not be checked are named.
const MOST_NAMED: usize = 20;

/// Shows the findings, then what could not be checked, then how many there are.
fn tell(session: &Session, checked: &Checked) {
    let console = &session.console;
    let findings = checked.findings.iter().map(|(_, finding)| finding);
    findings.chain(&checked.notes).for_each(|finding| console.diagnostic(finding));
    for (id, why) in checked.unchecked.iter().take(MOST_NAMED) {
        console.info(&format!("Not checked: {id}, because {why}"));
    }
    if checked.unchecked.len() > MOST_NAMED {
        let more = report::plural(checked.unchecked.len() - MOST_NAMED, "node");
        console.info(&format!("Not checked: {more} more"));
    }
    let found = match checked.findings.len() {
        0 => "nothing is wrong".to_owned(),
        count => report::plural(count, "finding"),
    };
    console.info(&format!("Checked {}: {found}", report::plural(checked.nodes, "node")));
}

/// Prints everything as one JSON document.
fn print(session: &Session, checked: &Checked) {
    let finding = |(id, finding): &(UniqueId, Diagnostic)| {
        let mut json = report::diagnostic_to_json(finding);
        json["unique_id"] = json!(id);
        if let Some(place) = &finding.location {
            json["location"]["text"] = json!(place.file.text[place.span.clone()]);
        }
        json
    };
    let findings: Vec<serde_json::Value> = checked.findings.iter().map(finding).collect();
    let unchecked: Vec<serde_json::Value> =
        checked.unchecked.iter().map(|(id, why)| json!({"unique_id": id, "why": why})).collect();
    let notes: Vec<serde_json::Value> =
        checked.notes.iter().map(report::diagnostic_to_json).collect();
    let all = json!({
        "checked": checked.nodes,
        "findings": findings,
        "unchecked": unchecked,
        "notes": notes,
    });
    session.console.data(&serde_json::to_string_pretty(&all).unwrap_or_default());
}
