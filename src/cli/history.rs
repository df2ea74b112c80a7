//! `history` and `failures`: earlier runs and failing rows, from the results store.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::args::{HistoryArgs, RowsFormat};
use super::session::Start;
use super::store;
use super::{Exit, Outcome};
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};
use crate::relation::{Cell, Column, ResultSet};
use crate::report::{format_rows, plural, sparkline, table_width};
use crate::store::{Asked, Changes, CheckSummary, NodeTimes, RunSummary, Store};

/// Lists recent runs; with a node, what it did in them; or nodes by how long they take.
pub(super) fn history(start: &Start, args: &HistoryArgs) -> Outcome {
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    let table = args.format == RowsFormat::Text;
    let form = Form { table, narrow: table && table_width().is_some_and(|width| width < WIDE) };
    let project = config.project.name.as_str();
    let statuses = args.status.iter().flat_map(|status| status.in_store()).copied().collect();
    let asked = Asked {
        project: Some(project),
        statuses: (!args.status.is_empty()).then_some(statuses),
        since: args.since,
        limit: args.limit,
    };
    let mut past =
        Past { start, project, target: &config.target.name, store: &mut store, form, asked };
    let (shown, none) = if args.slowest {
        past.slowest()?
    } else if args.regressions {
        past.regressions()?
    } else if let Some(node) = &args.node {
        past.of_node(node)?
    } else {
        (past.runs()?, "No runs yet: `pintail build` makes the first.".to_owned())
    };
    if shown.rows.is_empty() && form.table {
        let narrow = !args.status.is_empty() || args.since.is_some();
        start.console.info(if narrow { "Nothing in the store is like that." } else { &none });
    } else {
        start.console.data(&format_rows(&shown, args.format.into()));
    }
    Ok(Exit::Done)
}

/// Without `--since`, nodes that did not run for so long are left out: they may be gone.
const RECENT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Narrower terminals get fewer columns.
const WIDE: u16 = 110;

/// A question about the past.
struct Past<'a> {
    start: &'a Start<'a>,
    project: &'a str,
    target: &'a str,
    store: &'a mut Store,
    form: Form,
    asked: Asked<'a>,
}

impl Past<'_> {
    fn runs(&mut self) -> Result<ResultSet> {
        let runs = self.store.history(&self.asked)?;
        Ok(match self.form {
            Form { table: false, .. } => run_data(&runs),
            form => run_list(form, &runs),
        })
    }

    /// With a line for each node of that name before the table.
    fn of_node(&mut self, node: &str) -> Result<(ResultSet, String)> {
        let form = self.form;
        let tasks = self.store.tasks(node, &self.asked)?;
        if form.table {
            let ids: BTreeSet<&str> = tasks.iter().map(|task| &*task.unique_id).collect();
            let ids: Vec<&str> = ids.into_iter().collect();
            let times =
                self.store.times(self.project, self.target, Some(&ids), Timestamp::UNIX_EPOCH)?;
            for node in times {
                self.start.console.data(&format!(
                    "{}  {}  median {}, last {}, {} on {}",
                    node.unique_id,
                    sparkline(node.recent()),
                    length(node.median_ms()),
                    length(node.last_ms() as f64),
                    plural(node.recent().len(), "run"),
                    self.target,
                ));
            }
        }
        let one = form.table && tasks.iter().all(|task| task.unique_id == tasks[0].unique_id);
        let rows = tasks.iter().map(|task| {
            let mut row = vec![
                form.id(task.run_id),
                form.time(task.started_at),
                form.text(task.target.as_deref()),
            ];
            if !one {
                row.push(form.text(Some(&task.unique_id)));
            }
            row.extend([
                form.text(Some(&task.status)),
                form.took(task.duration_ms),
                form.number(task.rows_affected),
                form.text(task.message.as_deref()),
            ]);
            row
        });
        let mut header =
            vec!["run", "started", "target", "node", "status", form.took_name(), "rows", "message"];
        header.retain(|name| !one || *name != "node");
        Ok((table(&header, rows), format!("The store knows no run of `{node}`.")))
    }

    fn times(&mut self) -> Result<Vec<NodeTimes>> {
        let since = self.asked.since.unwrap_or_else(|| Timestamp::now() - RECENT);
        self.store.times(self.project, self.target, None, since)
    }

    fn slowest(&mut self) -> Result<(ResultSet, String)> {
        let form = self.form;
        let mut nodes = self.times()?;
        let all: f64 = nodes.iter().map(NodeTimes::median_ms).sum();
        nodes.sort_by(|a, b| b.median_ms().total_cmp(&a.median_ms()));
        let rows = nodes.iter().take(self.asked.limit).map(|node| {
            vec![
                form.text(Some(if form.table { &node.name } else { &node.unique_id })),
                form.text(Some(&node.resource_type)),
                form.trend(node.recent()),
                form.took(Some(node.median_ms().round() as i64)),
                form.took(Some(node.last_ms())),
                form.share(node.median_ms() / all.max(1.0)),
            ]
        });
        let header = ["node", "kind", form.trend_name(), "median", "last", "share"];
        let none = format!("No runs on {} in the last 30 days.", self.target);
        Ok((table(&form.lengths(&header), rows), none))
    }

    fn regressions(&mut self) -> Result<(ResultSet, String)> {
        let form = self.form;
        let nodes = self.times()?;
        let slower = nodes.iter().filter_map(|node| Some((node, node.regression()?)));
        let mut slower: Vec<_> = slower.collect();
        slower.sort_by(|(_, a), (_, b)| b.factor.total_cmp(&a.factor));
        let rows = slower.iter().take(self.asked.limit).map(|(node, found)| {
            let mut row =
                vec![form.text(Some(if form.table { &node.name } else { &node.unique_id }))];
            if !form.narrow {
                row.push(form.text(Some(&node.resource_type)));
                row.push(form.time(node.last_at));
            }
            row.extend([
                form.trend(&node.durations),
                form.took(Some(found.median_ms.round() as i64)),
                form.took(Some(found.last_ms)),
                Cell::Decimal(format!("{:.1}", found.factor)),
                form.changed(node.sql_changed),
            ]);
            row
        });
        let sql = if form.table { "SQL" } else { "sql_changed" };
        let mut header =
            vec!["node", "kind", "started", form.trend_name(), "median", "last", "times", sql];
        header.retain(|name| !(form.narrow && ["kind", "started"].contains(name)));
        let none = format!(
            "No node became slower on {}: none of {} took more than 1.5 times its median and 100 ms \
             more, outside of its spread.",
            self.target,
            plural(nodes.len(), "node"),
        );
        Ok((table(&form.lengths(&header), rows), none))
    }
}

/// How values are shown: for people, or for programs.
#[derive(Clone, Copy)]
struct Form {
    table: bool,
    /// A table on a narrow terminal.
    narrow: bool,
}

impl Form {
    fn text(self, value: Option<&str>) -> Cell {
        if self.table { text(value) } else { value.map_or(Cell::Null, |value| text(Some(value))) }
    }

    fn number(self, value: Option<i64>) -> Cell {
        if self.table {
            number(value)
        } else {
            value.map_or(Cell::Null, |value| Cell::Int(value.into()))
        }
    }

    fn id(self, id: uuid::Uuid) -> Cell {
        let id = id.to_string();
        text(if self.table { id.get(..8) } else { Some(&id) })
    }

    fn time(self, at: Timestamp) -> Cell {
        match (self.table, self.narrow) {
            (false, _) => text(Some(&format!("{at:.6}"))),
            (true, true) => text(Some(&at.strftime("%F %R").to_string())),
            (true, false) => time(at),
        }
    }

    fn took(self, milliseconds: Option<i64>) -> Cell {
        if self.table {
            text(milliseconds.map(|ms| length(ms as f64)).as_deref())
        } else {
            self.number(milliseconds)
        }
    }

    fn took_name(self) -> &'static str {
        if self.table { "took" } else { "duration_ms" }
    }

    fn trend(self, durations: &[i64]) -> Cell {
        if self.table {
            text(Some(&sparkline(durations)))
        } else {
            Cell::List(durations.iter().map(|ms| Cell::Int((*ms).into())).collect())
        }
    }

    fn trend_name(self) -> &'static str {
        if self.table { "last runs" } else { "durations_ms" }
    }

    fn share(self, part: f64) -> Cell {
        if self.table {
            text(Some(&format!("{:.1} %", part * 100.0)))
        } else {
            Cell::Decimal(format!("{part:.4}"))
        }
    }

    fn changed(self, changed: bool) -> Cell {
        if self.table {
            text(Some(if changed { "changed" } else { "same" }))
        } else {
            Cell::Bool(changed)
        }
    }

    /// Names of columns that hold milliseconds say so to programs.
    fn lengths(self, header: &[&'static str]) -> Vec<&'static str> {
        let name = |name: &&'static str| match *name {
            "median" if !self.table => "median_ms",
            "last" if !self.table => "last_ms",
            other => other,
        };
        header.iter().map(name).collect()
    }
}

/// All of runs, for programs.
fn run_data(runs: &[RunSummary]) -> ResultSet {
    let form = Form { table: false, narrow: false };
    let rows = runs.iter().map(|run| {
        vec![
            form.id(run.run_id),
            form.time(run.started_at),
            form.text(Some(&run.command)),
            form.text(run.selection.as_deref()),
            form.text(run.target.as_deref()),
            form.text(Some(&run.status)),
            form.took(run.duration_ms),
            form.number(run.nodes_passed.map(i64::from)),
            form.number(run.nodes_warned.map(i64::from)),
            form.number(run.nodes_failed.map(i64::from)),
            form.number(run.nodes_skipped.map(i64::from)),
            form.text(run.git_commit.as_deref()),
            form.text(run.user.as_deref()),
            form.text(run.host.as_deref()),
            form.text(run.message.as_deref()),
        ]
    });
    let header = [
        "run",
        "started",
        "command",
        "selection",
        "target",
        "status",
        form.took_name(),
        "pass",
        "warn",
        "fail",
        "skip",
        "commit",
        "user",
        "host",
        "message",
    ];
    table(&header, rows)
}

/// Runs for people: on a narrow terminal the essential of them.
fn run_list(form: Form, runs: &[RunSummary]) -> ResultSet {
    let rows = runs.iter().map(|run| {
        let selection = run.selection.as_deref().unwrap_or_default();
        let command = format!("{} {selection}", run.command);
        let mut row = vec![form.id(run.run_id), form.time(run.started_at)];
        row.push(text(Some(command.trim_end())));
        if !form.narrow {
            row.push(form.text(run.target.as_deref()));
        }
        row.extend([text(Some(&run.status)), form.took(run.duration_ms), text(Some(&ended(run)))]);
        if !form.narrow {
            row.push(text(run.git_commit.as_deref().and_then(|commit| commit.get(..8))));
        }
        row
    });
    let mut header =
        vec!["run", "started", "command", "target", "status", "took", "results", "commit"];
    header.retain(|name| !(form.narrow && ["target", "commit"].contains(name)));
    table(&header, rows)
}

/// How its nodes ended: `361 pass 10 warn`.
fn ended(run: &RunSummary) -> String {
    let counts = [
        (run.nodes_passed, "pass"),
        (run.nodes_warned, "warn"),
        (run.nodes_failed, "fail"),
        (run.nodes_skipped, "skip"),
    ];
    let some = counts.iter().filter_map(|(count, name)| Some((count.filter(|n| *n > 0)?, name)));
    some.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(" ")
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
    let rows = if failures == 1 { "row" } else { "rows" };
    let at = check.checked_at.strftime("%F %T");
    let mut out =
        format!("{} {}: {failures} failing {rows}, checked {at}", check.status, check.name);
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

fn column(name: impl Into<String>) -> Column {
    Column { name: name.into(), data_type: "text".to_owned() }
}

pub(super) fn table(header: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> ResultSet {
    ResultSet { columns: header.iter().map(|name| column(*name)).collect(), rows: rows.collect() }
}

pub(super) fn text(text: Option<&str>) -> Cell {
    Cell::Text(text.unwrap_or_default().to_owned())
}

pub(super) fn number(number: Option<i64>) -> Cell {
    number.map_or(Cell::Text(String::new()), |n| Cell::Int(n.into()))
}

/// Milliseconds for people.
fn length(milliseconds: f64) -> String {
    format!("{:.2}s", milliseconds / 1000.0)
}

pub(super) fn time(at: Timestamp) -> Cell {
    Cell::Text(at.strftime("%F %T").to_string())
}
