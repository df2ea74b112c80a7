//! The lines of a run in dbt's words: what is built, how it ended, what there is.
//!
//! Only words; who hears them, and when, is `progress`'s and `summary`'s business.

use std::collections::BTreeMap;

use crate::manifest::{Manifest, Node, ResourceType};
use crate::run::{RunResult, Status};

/// `1 of 7 START sql view model main.a ............ [RUN]`, padded to a width.
pub fn dotted(
    place: Option<(usize, usize)>,
    text: &str,
    status: &str,
    seconds: Option<f64>,
    width: usize,
) -> String {
    let mut line = match place {
        Some((index, total)) => format!("{index} of {total} {text} "),
        None => format!("{text} "),
    };
    let length = line.chars().count();
    line.extend(std::iter::repeat_n('.', width.saturating_sub(length)));
    match seconds {
        Some(seconds) => format!("{line} [{status} in {seconds:.2}s]"),
        None => format!("{line} [{status}]"),
    }
}

/// A word in one of the three colours that results have.
pub(super) fn painted(word: &str, status: Status, color: bool) -> String {
    let code = match status {
        Status::Error | Status::Fail | Status::Cancelled => "31",
        Status::Warn | Status::Skipped | Status::PartialSuccess | Status::NoOp => "33",
        _ => "32",
    };
    styled(word, code, color)
}

/// A text with the code of a colour or style for terminals, where colours are wanted.
pub(super) fn styled(text: &str, code: &str, color: bool) -> String {
    if color && !text.is_empty() {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// A node as dbt describes it: `sql view model main.orders`, `seed file main.raw`, `test unique_x`.
pub(super) fn describe(node: &Node, shown_engine: bool) -> String {
    let relation = format!("{}.{}", node.schema, node.alias);
    let what = match node.resource_type {
        ResourceType::Model => {
            let language = if node.is_python() { "python" } else { "sql" };
            format!("{language} {} model {relation}", node.materialized())
        }
        ResourceType::Seed => format!("seed file {relation}"),
        ResourceType::Snapshot => format!("snapshot {relation}"),
        ResourceType::Function => format!("function {relation}"),
        ResourceType::Test => format!("test {}", node.name),
        other => format!("{} {}", other.as_str(), called(node)),
    };
    if shown_engine { format!("{what} on {}", node.engine) } else { what }
}

/// The name of a node, of a unit test with that of its model.
pub(super) fn called(node: &Node) -> String {
    match &node.unit_test {
        Some(test) => format!("{}::{}", test.model, test.versioned_name(&node.name)),
        None => node.name.clone(),
    }
}

/// How a node ended: the words before its name, the word in brackets.
pub(super) fn ended(node: &Node, result: &RunResult) -> (String, String) {
    let failures = result.failures.unwrap_or_default();
    let message = result.message.clone().unwrap_or_else(|| "OK".to_owned());
    let (failed, done) = match node.resource_type {
        ResourceType::Test | ResourceType::UnitTest => ("ERROR", "PASS"),
        ResourceType::Seed => ("ERROR loading", "OK loaded"),
        ResourceType::Snapshot => ("ERROR snapshotting", "OK snapshotted"),
        ResourceType::Operation => ("ERROR", "OK"),
        _ if node.is_audited() => ("ERROR creating", "OK published"),
        _ => ("ERROR creating", "OK created"),
    };
    match result.status {
        Status::Error => (failed.to_owned(), "ERROR".to_owned()),
        Status::PartialSuccess => ("PARTIALLY created".to_owned(), message),
        Status::Cancelled => ("CANCEL".to_owned(), "CANCEL".to_owned()),
        Status::Skipped => ("SKIP".to_owned(), "SKIP".to_owned()),
        Status::NoOp => ("NO-OP".to_owned(), "NO-OP".to_owned()),
        Status::Warn => (format!("WARN {failures}"), format!("WARN {failures}")),
        Status::Fail => (format!("FAIL {failures}"), format!("FAIL {failures}")),
        Status::Pass => ("PASS".to_owned(), "PASS".to_owned()),
        // Its message is for run_results.json.
        Status::Success if node.resource_type == ResourceType::Operation => {
            ("OK".to_owned(), "OK".to_owned())
        }
        Status::Success => (done.to_owned(), message),
    }
}

/// `2 models, 1 seed`: counts of kinds in words, as dbt counts the project.
pub fn found(manifest: &Manifest) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let kinds = [
        (ResourceType::Model, "model"),
        (ResourceType::Seed, "seed"),
        (ResourceType::Snapshot, "snapshot"),
        (ResourceType::Operation, "operation"),
        (ResourceType::Analysis, "analysis"),
        (ResourceType::Test, "data test"),
        (ResourceType::UnitTest, "unit test"),
    ];
    for node in manifest.nodes.values() {
        let name = kinds.iter().find(|(kind, _)| *kind == node.resource_type);
        let name = name.map_or(node.resource_type.as_str(), |(_, name)| name);
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    counts.extend([
        ("source", manifest.sources.len()),
        ("exposure", manifest.exposures.len()),
        ("macro", manifest.macros.len()),
        ("group", manifest.groups.len()),
    ]);
    let shown = counts.iter().filter(|(_, count)| *count > 0);
    shown.map(|(what, count)| plural(*count, what)).collect::<Vec<_>>().join(", ")
}

/// `1 seed, 1 table model, 2 data tests`: what ran, sorted by name.
pub(super) fn ran(results: &[RunResult]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for result in results {
        let what = match result.resource_type {
            ResourceType::Model => format!("{} model", result.materialization.replace('_', " ")),
            ResourceType::Test => "data test".to_owned(),
            ResourceType::Operation => "project hook".to_owned(),
            other => other.as_str().replace('_', " "),
        };
        *counts.entry(what).or_default() += 1;
    }
    counts.iter().map(|(what, count)| plural(*count, what)).collect::<Vec<_>>().join(", ")
}

/// `1 model`, `2 models`.
pub fn plural(count: usize, what: &str) -> String {
    match (count, what.strip_suffix("analysis")) {
        (1, _) => format!("1 {what}"),
        (_, Some(before)) => format!("{count} {before}analyses"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_padded_with_dots() {
        let line = dotted(Some((1, 12)), "OK created x", "OK", Some(0.126), 30);
        assert_eq!(line, "1 of 12 OK created x ......... [OK in 0.13s]");
        assert_eq!(plural(2, "analysis"), "2 analyses");
    }
}
