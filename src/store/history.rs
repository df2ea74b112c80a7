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
    /// The first of them, a JSON object each.
    pub rows: Vec<Value>,
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
    /// up to `limit` failing rows; with no name, of every test whose last check did not pass.
    /// In a certain run where one is given by its id or the start of it. The worst come first.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn failures(
        &mut self,
        project: Option<&str>,
        test: Option<&str>,
        run: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CheckSummary>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut ask = || {
            let checks =
                self.client().query(include_str!("sql/checks.sql"), &[&project, &test, &run])?;
            let mut found: Vec<CheckSummary> = checks.iter().map(check_summary).collect();
            if limit > 0 {
                let failing = self.client().prepare(include_str!("sql/failing_rows.sql"))?;
                for check in found.iter_mut().filter(|check| check.failures != Some(0)) {
                    let rows = self.client().query(&failing, &[&check.check_id, &limit])?;
                    check.rows = rows.iter().map(|row| row.get(0)).collect();
                }
            }
            Ok(found)
        };
        ask().map_err(|error| problem("tell what failed", &error))
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

fn task_summary(row: &Row) -> TaskSummary {
    TaskSummary {
        task_id: row.get("task_id"),
        run_id: row.get("run_id"),
        unique_id: row.get("unique_id"),
        resource_type: row.get("resource_type"),
        name: row.get("name"),
        target: row.get("target"),
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
    }
}
