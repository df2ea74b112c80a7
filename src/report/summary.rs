//! The end of a run: how many of what, how long, and once more what failed and why.

use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use indexmap::IndexMap;
use serde_json::{Value, json};

use super::Console;
use super::events::Level;
use super::lines::{painted, plural, ran};
use super::progress::run_result;
use crate::jinja::values::{from_json, py_str};
use crate::manifest::{Manifest, Node, ResourceType};
use crate::run::{DataLoad, RunResult, Status};

/// `PASS=3 WARN=0 ERROR=1 SKIP=2 NO-OP=0 TOTAL=6`, as dbt has it.
pub fn counts_line(results: &[RunResult]) -> String {
    let [pass, warn, error, skip] = counts(results);
    let (idle, total) = (idle(results), results.len());
    format!("PASS={pass} WARN={warn} ERROR={error} SKIP={skip} NO-OP={idle} TOTAL={total}")
}

fn idle(results: &[RunResult]) -> usize {
    results.iter().filter(|result| result.status == Status::NoOp).count()
}

/// Passed, warned, failed, skipped.
fn counts(results: &[RunResult]) -> [usize; 4] {
    let count = |wanted: &[Status]| results.iter().filter(|r| wanted.contains(&r.status)).count();
    [
        count(&[Status::Success, Status::Pass]),
        count(&[Status::Warn]),
        count(&[Status::Error, Status::Fail, Status::Cancelled, Status::PartialSuccess]),
        count(&[Status::Skipped]),
    ]
}

/// What a run came to, as data.
pub struct Ended<'a> {
    pub results: &'a [RunResult],
    pub bridges: &'a [DataLoad],
    pub elapsed: Duration,
    pub interrupted: bool,
    /// The path of a node's compiled SQL, as shown.
    pub compiled_path: &'a dyn Fn(&RunResult) -> Option<String>,
}

/// Tells the end of a run.
pub fn summary(console: &Console, manifest: &Manifest, ended: &Ended) {
    let Ended { results, bridges, elapsed, .. } = ended;
    let seconds = elapsed.as_secs_f64();
    console.gap();
    if !results.is_empty() {
        finished_running(console, &ran(results), seconds);
        console.event("EndRunResult", Level::Debug, "Command end result", || {
            json!({
                "results": results.iter().map(run_result).collect::<Vec<_>>(),
                "elapsed_time": seconds,
                "success": !results.iter().any(|r| r.is_failure()),
            })
        });
    }
    let engines = by_engine(results);
    if engines.len() > 1 {
        for (engine, kinds) in &engines {
            let list: Vec<String> = kinds.iter().map(|(what, n)| plural(*n, what)).collect();
            console.info(&format!("{engine}: {}", list.join(", ")));
        }
    }
    if !bridges.is_empty() {
        let rows: u64 = bridges.iter().filter_map(|load| load.rows).sum();
        console.info(&format!("Bridged {}, {rows} rows", plural(bridges.len(), "relation")));
    }
    let [pass, warn, error, skip] = counts(results);
    let partial = results.iter().filter(|r| r.status == Status::PartialSuccess).count();
    let failed = error - partial;
    console.gap();
    let (text, status) = if ended.interrupted {
        let text = "Exited because of keyboard interrupt: what was running was cancelled, nothing half-done was left.";
        (text.to_owned(), Status::Warn)
    } else if partial > 0 && failed == 0 {
        let some = if partial == 1 { "success" } else { "successes" };
        let warnings = plural(warn, "warning");
        (format!("Completed with {partial} partial {some}, and {warnings}"), Status::Error)
    } else if error > 0 {
        let (errors, warnings) = (plural(failed, "error"), plural(warn, "warning"));
        let some = if partial == 1 { "success" } else { "successes" };
        let text = format!("Completed with {errors}, {partial} partial {some}, and {warnings}:");
        (text, Status::Error)
    } else if warn > 0 {
        (format!("Completed with {}:", plural(warn, "warning")), Status::Warn)
    } else {
        ("Completed successfully".to_owned(), Status::Success)
    };
    let text = painted(&text, status, console.color());
    console.event("EndOfRunSummary", Level::Info, &text, || {
        json!({
            "num_errors": failed,
            "num_warnings": warn,
            "num_partial_success": partial,
            "keyboard_interrupt": ended.interrupted,
        })
    });
    let failures = results.iter().filter(|r| r.is_failure());
    let bad: Vec<&RunResult> =
        failures.chain(results.iter().filter(|r| r.status == Status::Warn)).collect();
    if engines.len() > 1 && !console.is_json() {
        if !bad.is_empty() {
            console.info(&table(&bad));
        }
    } else {
        for result in bad {
            trouble(console, manifest, result, ended);
        }
    }
    console.gap();
    let text = format!("Done. {}", counts_line(results));
    console.event("StatsLine", Level::Info, &text, || {
        json!({"stats": {
            "pass": pass, "warn": warn, "error": error, "skip": skip, "noop": idle(results),
            "total": results.len(),
        }})
    });
}

/// How many of what ran on each engine.
fn by_engine(results: &[RunResult]) -> IndexMap<&str, IndexMap<&str, usize>> {
    let mut engines: IndexMap<&str, IndexMap<&str, usize>> = IndexMap::new();
    for result in results.iter().filter(|r| !matches!(r.status, Status::Skipped | Status::NoOp)) {
        let what = match result.resource_type {
            ResourceType::Model => result.materialization.as_str(),
            other => other.as_str(),
        };
        *engines.entry(&result.engine).or_default().entry(what).or_default() += 1;
    }
    engines
}

/// What failed or warned, where, and the first line of why: dbt has no engine to tell.
fn table(bad: &[&RunResult]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["status", "node", "engine", "why"]);
    for result in bad {
        let why = result.message.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
        table.add_row([result.status.as_str(), &result.name, &result.engine, why]);
    }
    table.to_string()
}

/// One node that failed or warned.
fn trouble(console: &Console, manifest: &Manifest, result: &RunResult, ended: &Ended) {
    let node = manifest.nodes.get(&result.unique_id);
    let path = node.map_or("", |node| node.original_file_path.as_str());
    let is_warning = result.status == Status::Warn;
    let (name, kind, level, word) = if is_warning {
        ("RunResultWarning", "RunResultWarningMessage", Level::Warn, "Warning")
    } else {
        ("RunResultFailure", "RunResultError", Level::Error, "Failure")
    };
    let what = result.resource_type.as_str();
    let text = format!("{word} in {what} {} ({path})", result.name);
    let group = group_of(manifest, node.map(|node| &**node));
    let info = || json!({"unique_id": &*result.unique_id, "node_name": result.name, "resource_type": what});
    console.gap();
    console.event(name, level, &painted(&text, result.status, console.color()), || {
        with_group(
            json!({
                "resource_type": what, "node_name": result.name, "path": path,
                "node_info": info(),
            }),
            &group,
        )
    });
    if let Some(message) = result.message.as_deref().filter(|message| !message.is_empty()) {
        let shown = format!("  {}", message.replace('\n', "\n  "));
        console.event(kind, level, &shown, || {
            with_group(json!({"msg": message, "node_info": info()}), &group)
        });
    }
    if let Some(path) = (ended.compiled_path)(result) {
        console.gap();
        let text = format!("  compiled code at {path}");
        console.event(
            "SQLCompiledPath",
            Level::Info,
            &text,
            || json!({"path": path, "node_info": info()}),
        );
    }
}

/// The group of a node, or of the one that it tests, as dbt's events show it: all text.
pub(super) fn group_of(manifest: &Manifest, node: Option<&Node>) -> Option<Value> {
    let node = node?;
    let tested = || manifest.nodes.get(node.attached_node.as_ref()?)?.group.as_ref();
    let name = node.group.as_ref().or_else(tested)?;
    let group = manifest.groups.values().find(|group| group.name == *name)?;
    let text = |value: &Value| py_str(&from_json(value));
    let owner: serde_json::Map<String, Value> =
        group.owner.iter().map(|(key, value)| (key.clone(), text(value).into())).collect();
    Some(json!({"name": group.name, "package_name": group.package_name, "owner": owner}))
}

pub(super) fn with_group(mut data: Value, group: &Option<Value>) -> Value {
    if let Some(group) = group {
        data["group"] = group.clone();
    }
    data
}

/// Tells what ran, and how long it took.
pub fn finished_running(console: &Console, what: &str, seconds: f64) {
    let long = in_words(seconds);
    let text = format!("Finished running {what}{long} ({seconds:.2}s).");
    console.event(
        "FinishedRunningStats",
        Level::Info,
        &text,
        || json!({"stat_line": what, "execution": long, "execution_time": seconds}),
    );
}

/// ` in 0 hours 1 minutes and 2.50 seconds`
fn in_words(seconds: f64) -> String {
    let (hours, rest) = ((seconds / 3600.0).floor(), seconds % 3600.0);
    let (minutes, rest) = ((rest / 60.0).floor(), rest % 60.0);
    format!(" in {hours} hours {minutes} minutes and {rest:.2} seconds")
}
