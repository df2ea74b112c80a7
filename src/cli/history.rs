//! `history` and `failures`: earlier runs and failing rows, from the results store.

use serde_json::Value;

use super::args::RowsFormat;
use super::session::Start;
use super::store;
use super::{Exit, Outcome};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::relation::{Cell, Column, ResultSet};
use crate::report::{RowFormat, format_rows};
use crate::store::CheckSummary;

/// Lists recent runs; with a node, what it did in them.
pub(super) fn history(start: &Start, limit: i64, node: Option<&str>) -> Outcome {
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let project = Some(config.project.name.as_str());
    let shown = if let Some(node) = node {
        let tasks = store.tasks(project, None, Some(node), limit)?;
        let rows = tasks.iter().map(|task| {
            vec![
                text(task.run_id.to_string().get(..8)),
                time(task.started_at),
                text(Some(&task.unique_id)),
                text(Some(&task.status)),
                seconds(task.duration_ms),
                number(task.rows_affected),
                text(task.message.as_deref()),
            ]
        });
        table(&["run", "started", "node", "status", "took", "rows", "message"], rows)
    } else {
        let runs = store.history(project, None, limit)?;
        let rows = runs.iter().map(|run| {
            vec![
                text(run.run_id.to_string().get(..8)),
                time(run.started_at),
                text(Some(&run.command)),
                text(run.selection.as_deref()),
                text(run.target.as_deref()),
                text(Some(&run.status)),
                seconds(run.duration_ms),
                number(run.nodes_passed.map(i64::from)),
                number(run.nodes_warned.map(i64::from)),
                number(run.nodes_failed.map(i64::from)),
                number(run.nodes_skipped.map(i64::from)),
                text(run.git_commit.as_deref().and_then(|commit| commit.get(..8))),
            ]
        });
        let header = [
            "run",
            "started",
            "command",
            "selection",
            "target",
            "status",
            "took",
            "pass",
            "warn",
            "fail",
            "skip",
            "commit",
        ];
        table(&header, rows)
    };
    if shown.rows.is_empty() {
        start.console.info("No runs yet: `pintail build` makes the first.");
    } else {
        start.console.data(&format_rows(&shown, RowFormat::Table));
    }
    Ok(Exit::Done)
}

/// Shows the failing rows of a test, or which tests fail.
pub(super) fn failures(
    start: &Start,
    test: Option<&str>,
    run: Option<&str>,
    limit: i64,
    output: RowsFormat,
) -> Outcome {
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    let project = Some(config.project.name.as_str());
    let rows = if test.is_some() { usize::try_from(limit).unwrap_or(usize::MAX) } else { 0 };
    let checks = store.failures(project, test, run, rows)?;
    let console = &start.console;
    if let Some(test) = test
        && checks.is_empty()
    {
        let known = store.rule_names(project)?;
        let mut error = Diagnostic::error(Code::USAGE, format!("The store knows no test `{test}`"));
        if let Some(help) = did_you_mean(test, known.iter().map(String::as_str)) {
            error = error.help(help);
        }
        return Err(error.help("`pintail failures` lists the tests that fail.").into());
    }
    if test.is_none() {
        let list = checks.iter().map(|check| {
            vec![
                text(Some(&check.status)),
                text(Some(&check.name)),
                text(check.node_name.as_deref()),
                number(check.failures),
                text(check.owner.as_deref()),
                text(check.context.as_deref()),
                time(check.checked_at),
            ]
        });
        let header = ["status", "test", "node", "failures", "owner", "context", "checked"];
        let shown = table(&header, list);
        if shown.rows.is_empty() {
            console.info("Every test passed when it was last run.");
        } else {
            console.data(&format_rows(&shown, output.into()));
            console.info("`pintail failures TEST` shows the failing rows of one.");
        }
        return Ok(Exit::Done);
    }
    for check in &checks {
        console.info(&format!(
            "{} {}: {} failing rows, checked {}",
            check.status,
            check.name,
            check.failures.unwrap_or_default(),
            check.checked_at.strftime("%F %T")
        ));
        if check.rows.is_empty() {
            continue;
        }
        console.data(&format_rows(&failing_rows(check), output.into()));
    }
    Ok(Exit::Done)
}

/// The failing rows of a check as a table, the columns in the order of the check.
fn failing_rows(check: &CheckSummary) -> ResultSet {
    let mut names = check.columns.clone();
    // Checks of earlier versions say nothing of the order.
    for row in check.rows.iter().filter_map(Value::as_object) {
        for key in row.keys().filter(|key| !names.contains(key)).cloned().collect::<Vec<_>>() {
            names.push(key);
        }
    }
    let cell = |value: Option<&Value>| match value {
        None | Some(Value::Null) => Cell::Null,
        Some(Value::String(text)) => Cell::Text(text.clone()),
        Some(Value::Number(n)) => Cell::Decimal(n.to_string()),
        Some(Value::Bool(b)) => Cell::Bool(*b),
        Some(other) => Cell::Json(other.clone()),
    };
    let rows = check
        .rows
        .iter()
        .map(|row| names.iter().map(|name| cell(row.get(name))).collect())
        .collect();
    ResultSet { columns: names.into_iter().map(column).collect(), rows }
}

fn column(name: impl Into<String>) -> Column {
    Column { name: name.into(), data_type: "text".to_owned() }
}

fn table(header: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> ResultSet {
    ResultSet { columns: header.iter().map(|name| column(*name)).collect(), rows: rows.collect() }
}

fn text(text: Option<&str>) -> Cell {
    Cell::Text(text.unwrap_or_default().to_owned())
}

fn number(number: Option<i64>) -> Cell {
    number.map_or(Cell::Text(String::new()), |n| Cell::Int(n.into()))
}

fn seconds(milliseconds: Option<i64>) -> Cell {
    text(milliseconds.map(|ms| format!("{:.2}s", ms as f64 / 1000.0)).as_deref())
}

fn time(at: jiff::Timestamp) -> Cell {
    Cell::Text(at.strftime("%F %T").to_string())
}
