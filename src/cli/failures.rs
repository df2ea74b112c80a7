//! `failures`: the failing rows of tests, from the results store, and what changed of them.

use serde_json::Value;

use super::args::RowsFormat;
use super::session::Start;
use super::tables::{column, number, table, text, time};
use super::{Exit, Outcome, store};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::relation::{Cell, ResultSet};
use crate::report::{format_rows, plural};
use crate::store::{Changes, CheckSummary};

/// Shows the failing rows of a test, or which tests fail.
pub(super) fn command(
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
    let target = Some(config.target.name.as_str());
    let checks = store.failures(project, target, test, run, rows)?;
    let console = &start.console;
    if let Some(test) = test
        && checks.is_empty()
    {
        let known = store.rule_names(project)?;
        if known.iter().any(|name| name == test) {
            let checked = match run {
                Some(run) => format!("in the run `{run}`"),
                None => format!("on the target `{}`", config.target.name),
            };
            let message = format!("`{test}` was not checked {checked}");
            return Err(Diagnostic::error(Code::USAGE, message)
                .help("`pintail history` lists the runs.")
                .into());
        }
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
        console.info(&headline(check));
        if check.rows.is_empty() {
            continue;
        }
        console.data(&format_rows(&failing_rows(check), output.into()));
    }
    Ok(Exit::Done)
}

/// What came of a check, and what changed since the one before.
fn headline(check: &CheckSummary) -> String {
    let failures = check.failures.unwrap_or_default();
    let rows = plural(usize::try_from(failures).unwrap_or_default(), "failing row");
    let at = check.checked_at.strftime("%F %T");
    let mut out = format!("{} {}: {rows}, checked {at}", check.status, check.name);
    if let Some(Changes { since_run, since, new, recurring, resolved }) = &check.changes {
        let resolved = match resolved {
            Some(resolved) => format!("{resolved} resolved"),
            None => "not all are kept".to_owned(),
        };
        let (since, run) = (since.strftime("%F %T"), since_run.to_string());
        let run = run.get(..8).unwrap_or_default();
        out.push_str(&format!(
            "\n{new} new, {recurring} recurring, {resolved} since run {run} of {since}"
        ));
    }
    out
}

/// The failing rows of a check as a table: what changed, then the columns in the order of the check.
fn failing_rows(check: &CheckSummary) -> ResultSet {
    let mut names = check.columns.clone();
    // Checks of earlier versions say nothing of the order.
    for row in check.rows.iter().filter_map(|row| row.data.as_object()) {
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
    let rows = check.rows.iter().map(|row| {
        let cells = names.iter().map(|name| cell(row.data.get(name)));
        std::iter::once(text(row.change.as_deref())).chain(cells).collect()
    });
    let rows = rows.collect();
    // A column of the rows may have the name itself.
    let change = if names.iter().any(|name| name == "change") { "_change" } else { "change" };
    let columns = std::iter::once(change.to_owned()).chain(names).map(column).collect();
    ResultSet { columns, rows }
}
