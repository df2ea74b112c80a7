//! `check`: the SQL of the selected nodes bound by their engines. Nothing is run, written or made.

use serde_json::json;

use super::args::{CheckOutput, RunArgs, SelectionArgs};
use super::session::{Session, Start};
use super::{Exit, Outcome};
use crate::check::{self, Checked};
use crate::diagnostic::Diagnostic;
use crate::graph::Selected;
use crate::manifest::{ResourceType, UniqueId};
use crate::report;
use crate::run::Engines;

/// What is checked.
const KINDS: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Snapshot,
    ResourceType::Seed,
    ResourceType::Test,
    ResourceType::UnitTest,
    ResourceType::Source,
];

/// Checks the project: exit code 1 where anything is wrong.
pub(super) fn command(start: &Start, selection: &SelectionArgs, output: CheckOutput) -> Outcome {
    let session = start.session("check", selection, None)?;
    let selected = session.select(selection, KINDS.to_vec(), false)?;
    let checked = check::check(&session.compiler, &session.graph, &session.engines, &selected.set);
    match output {
        CheckOutput::Text => tell(&session, &checked),
        CheckOutput::Json => print(&session, &checked),
    }
    let exit = if checked.findings.is_empty() { Exit::Done } else { Exit::NodeFailed };
    session.leave();
    Ok(exit)
}

/// Checks what another command works on, where it was asked to; whether that is free of errors.
pub(super) fn ahead(session: &Session, selected: &Selected, run: &RunArgs) -> bool {
    if !run.check {
        return true;
    }
    // Those of the command itself may make the database.
    let engines = Engines::new(&session.config.target.for_reading(), Vec::new());
    let checked = check::check(&session.compiler, &session.graph, &engines, &selected.set);
    tell(session, &checked);
    !checked.has_errors()
}

/// How many nodes that could not be checked are named.
const MOST_NAMED: usize = 20;

/// Shows the findings, then what could not be checked, then how many there are.
fn tell(session: &Session, checked: &Checked) {
    let console = &session.console;
    for (_, finding) in &checked.findings {
        console.diagnostic(finding);
    }
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
    let all = json!({"checked": checked.nodes, "findings": findings, "unchecked": unchecked});
    session.console.data(&serde_json::to_string_pretty(&all).unwrap_or_default());
}
