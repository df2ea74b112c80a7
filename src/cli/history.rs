//! `history`: earlier runs and how long their nodes took, from the results store.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::args::{HistoryArgs, RowsFormat};
use super::session::Start;
use super::tables::{number, seconds, table, text, time};
use super::{Exit, Outcome, store};
use crate::diagnostic::Result;
use crate::relation::{Cell, ResultSet};
use crate::report::{format_rows, plural, sparkline, table_width};
use crate::store::{Asked, NodeTimes, RunSummary, Store};

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
                    seconds(node.median_ms()),
                    seconds(node.last_ms() as f64),
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
            text(milliseconds.map(|ms| seconds(ms as f64)).as_deref())
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
