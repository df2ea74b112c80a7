//! Questions about earlier runs: which there were, what they did, and which rows failed a test.
//!
//! Reads only. Limits are the caller's; the newest come first.

use jiff::Timestamp;
use postgres::Row;
use serde_json::Value;
use uuid::Uuid;

use super::{Store, problem, system_time};
use crate::diagnostic::Result;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    pub project: Option<&'a str>,
    /// As they stand in the tables; `None` for all.
    pub statuses: Option<Vec<&'a str>>,
    /// Not what began earlier.
    pub since: Option<Timestamp>,
    /// The newest ones.
    pub limit: usize,
}

impl Asked<'_> {
    fn limit(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX)
    }
}

/// A row of `pipeline_runs`.
#[derive(Debug, Clone)]
pub struct RunSummary {
    pub run_id: Uuid,
    pub project: String,
    pub command: String,
    pub selection: Option<String>,
    pub target: Option<String>,
    pub git_commit: Option<String>,
    pub git_branch: Option<String>,
    pub user: Option<String>,
    pub host: Option<String>,
    /// `running`, `success`, `failed`, `interrupted` or `error`
    pub status: String,
    pub started_at: Timestamp,
    pub duration_ms: Option<i64>,
    pub nodes_total: Option<i32>,
    pub nodes_passed: Option<i32>,
    pub nodes_warned: Option<i32>,
    pub nodes_failed: Option<i32>,
    pub nodes_skipped: Option<i32>,
    pub message: Option<String>,
}

/// A row of `task_executions`.
#[derive(Debug, Clone)]
pub struct TaskSummary {
    pub task_id: Uuid,
    pub run_id: Uuid,
    pub unique_id: String,
    pub resource_type: String,
    pub name: String,
    /// Of its run.
    pub target: Option<String>,
    pub engine: Option<String>,
    pub context: Option<String>,
    pub materialization: Option<String>,
    pub relation: Option<String>,
    pub status: String,
    pub rows_affected: Option<i64>,
    pub bytes: Option<i64>,
    /// Of its run, where the node itself never started.
    pub started_at: Timestamp,
    pub duration_ms: Option<i64>,
    pub message: Option<String>,
    pub thread: Option<i32>,
}

/// What came of a test in a run, with the rows that failed it.
#[derive(Debug, Clone)]
pub struct CheckSummary {
    pub check_id: Uuid,
    pub run_id: Uuid,
    pub unique_id: String,
    pub name: String,
    pub node_name: Option<String>,
    pub column_name: Option<String>,
    pub kind: String,
    pub owner: Option<String>,
    pub context: Option<String>,
    /// `pass`, `warn`, `fail`, `error` or `skipped`
    pub status: String,
    /// How many rows failed in all.
    pub failures: Option<i64>,
    pub severity: Option<String>,
    pub message: Option<String>,
    pub checked_at: Timestamp,
    /// The columns of the rows in their order: the key first.
    pub columns: Vec<String>,
    /// How many of the columns, the first ones, tell the rows apart; 0 where only all of them do.
    pub key_columns: usize,
    /// Whether every row that failed is in the store.
    pub complete: bool,
    /// The first of them, and the ones that went away since the check before.
    pub rows: Vec<FailingRow>,
    /// `None` for the first check of a test.
    pub changes: Option<Changes>,
}

/// A row that failed a test.
#[derive(Debug, Clone)]
pub struct FailingRow {
    /// `new`, `recurring`, or `resolved` where an earlier check found it and this one does not;
    /// `None` where it cannot be recognised.
    pub change: Option<String>,
    /// A JSON object.
    pub data: Value,
}

/// What changed from the check before, as far as rows are kept.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The run and the time of the check before.
    pub since_run: Uuid,
    pub since: Timestamp,
    pub new: i64,
    pub recurring: i64,
    /// `None` where the check does not know all rows.
    pub resolved: Option<usize>,
}

impl Store {
    /// The latest runs.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn history(&mut self, asked: &Asked) -> Result<Vec<RunSummary>> {
        let rows = self.client().query(
            include_str!("sql/history.sql"),
            &[&asked.project, &asked.statuses, &asked.since.map(system_time), &asked.limit()],
        );
        let rows = rows.map_err(|error| problem("tell the history", &error))?;
        Ok(rows.iter().map(run_summary).collect())
    }

    /// What the latest runs did with a node, by its name or `unique_id`.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn tasks(&mut self, node: &str, asked: &Asked) -> Result<Vec<TaskSummary>> {
        let since = asked.since.map(system_time);
        let rows = self.client().query(
            include_str!("sql/tasks.sql"),
            &[&node, &asked.project, &asked.statuses, &since, &asked.limit()],
        );
        let rows = rows.map_err(|error| problem("tell what runs did", &error))?;
        Ok(rows.iter().map(task_summary).collect())
    }

    /// The last check of each test of that name (or `unique_id`, or of a node of that name), with
    /// up to `limit` failing rows and those that went away; with no name, of every test whose last
    /// check did not pass. In a certain run where one is given by its id or the start of it, and
    /// else on a target. The worst come first.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn failures(
        &mut self,
        project: Option<&str>,
        target: Option<&str>,
        test: Option<&str>,
        run: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CheckSummary>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut ask = || {
            let checks = match run {
                Some(run) => {
                    let sql = include_str!("sql/checks_of_run.sql");
                    self.client().query(sql, &[&project, &test, &run])?
                }
                None => {
                    let sql = include_str!("sql/checks.sql");
                    self.client().query(sql, &[&project, &test, &target])?
                }
            };
            let mut found: Vec<CheckSummary> = checks.iter().map(check_summary).collect();
            if limit > 0 {
                for check in &mut found {
                    self.add_rows(check, limit)?;
                }
            }
            Ok(found)
        };
        ask().map_err(|error| problem("tell what failed", &error))
    }

    /// Adds the failing rows of a check, and what changed since the one before.
    fn add_rows(&mut self, check: &mut CheckSummary, limit: i64) -> Result<(), postgres::Error> {
        let client = self.client();
        let sql = include_str!("sql/failing_rows.sql");
        let rows = client.query(sql, &[&check.check_id, &limit])?;
        check.rows = rows
            .iter()
            .map(|row| FailingRow { change: row.get("change"), data: row.get("row_data") })
            .collect();
        let changes = client.query_one(include_str!("sql/changes.sql"), &[&check.check_id])?;
        let Some(before) = changes.get::<_, Option<Uuid>>("check_id") else { return Ok(()) };
        let gone = if check.complete {
            let sql = include_str!("sql/resolved_rows.sql");
            Some(client.query(sql, &[&check.check_id, &before])?)
        } else {
            None
        };
        check.changes = Some(Changes {
            since_run: changes.get("run_id"),
            since: time(&changes, "checked_us"),
            new: changes.get("new"),
            recurring: changes.get("recurring"),
            resolved: gone.as_ref().map(Vec::len),
        });
        if check.columns.is_empty() {
            check.columns = changes.get::<_, Option<_>>("row_columns").unwrap_or_default();
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        check.rows.extend(gone.iter().flatten().take(most).map(|row| FailingRow {
            change: Some("resolved".to_owned()),
            data: row.get("row_data"),
        }));
        Ok(())
    }

    /// The names of all tests and tested nodes that the store knows, for suggestions.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn rule_names(&mut self, project: Option<&str>) -> Result<Vec<String>> {
        let rows = self.client().query(include_str!("sql/rule_names.sql"), &[&project]);
        let rows = rows.map_err(|error| problem("list tests", &error))?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }
}

/// A time that the query gives in microseconds since 1970; out of range only by hand.
pub(super) fn time(row: &Row, column: &str) -> Timestamp {
    Timestamp::from_microsecond(row.get(column)).unwrap_or_default()
}

fn run_summary(row: &Row) -> RunSummary {
    RunSummary {
        run_id: row.get("run_id"),
        project: row.get("project"),
        command: row.get("command"),
        selection: row.get("selection"),
        target: row.get("target"),
        git_commit: row.get("git_commit"),
        git_branch: row.get("git_branch"),
        user: row.get("run_user"),
        host: row.get("host"),
        status: row.get("status"),
        started_at: time(row, "started_us"),
        duration_ms: row.get("duration_ms"),
        nodes_total: row.get("nodes_total"),
        nodes_passed: row.get("nodes_passed"),
        nodes_warned: row.get("nodes_warned"),
        nodes_failed: row.get("nodes_failed"),
        nodes_skipped: row.get("nodes_skipped"),
        message: row.get("message"),
    }
}

pub(super) fn task_summary(row: &Row) -> TaskSummary {
    TaskSummary {
        task_id: row.get("task_id"),
        run_id: row.get("run_id"),
        unique_id: row.get("unique_id"),
        resource_type: row.get("resource_type"),
        name: row.get("name"),
        target: row.get::<_, Option<String>>("target").filter(|target| !target.is_empty()),
        engine: row.get("engine"),
        context: row.get("context"),
        materialization: row.get("materialization"),
        relation: row.get("relation"),
        status: row.get("status"),
        rows_affected: row.get("rows_affected"),
        bytes: row.get("bytes"),
        started_at: time(row, "started_us"),
        duration_ms: row.get("duration_ms"),
        message: row.get("message"),
        thread: row.get("thread"),
    }
}

fn check_summary(row: &Row) -> CheckSummary {
    CheckSummary {
        check_id: row.get("check_id"),
        run_id: row.get("run_id"),
        unique_id: row.get("unique_id"),
        name: row.get("name"),
        node_name: row.get("node_name"),
        column_name: row.get("column_name"),
        kind: row.get("kind"),
        owner: row.get("owner"),
        context: row.get("context"),
        status: row.get("status"),
        failures: row.get("failures"),
        severity: row.get("severity"),
        message: row.get("message"),
        checked_at: time(row, "checked_us"),
        columns: row.get::<_, Option<Vec<String>>>("row_columns").unwrap_or_default(),
        key_columns: row
            .get::<_, Option<i32>>("key_columns")
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or_default(),
        complete: row.get("rows_complete"),
        rows: Vec::new(),
        changes: None,
    }
}
