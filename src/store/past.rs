//! What is known of every node at once: its last executions or checks, and the scores of each day.
//! The documentation shows them.
//!
//! Reads only.

use std::collections::HashMap;

use postgres::Row;
use serde::Serialize;
use uuid::Uuid;

use super::history::task_summary;
use super::{Store, TaskSummary, problem};
use crate::diagnostic::Result;

/// One time that a node ran or a test was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// As in the tables: `success`, `pass`, …
    pub status: String,
    pub duration_ms: Option<i64>,
    /// Rows that were written; of a test, rows that failed.
    pub count: Option<i64>,
}

/// The last executions of a node.
#[derive(Debug, Clone, Default)]
pub struct Executions {
    /// The oldest first.
    pub all: Vec<Execution>,
    /// What the last one said.
    pub message: Option<String>,
}

/// How good the data of a context was on a day.
#[derive(Debug, Clone, Serialize)]
pub struct DayScore {
    /// In UTC: `2026-03-01`.
    pub day: String,
    pub context: Option<String>,
    pub score: f64,
    pub points: f64,
    pub weight: f64,
}

impl Store {
    /// What a run did with each node, in the order in which work on it began; skipped ones left out.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn tasks_of_run(&mut self, run: Uuid) -> Result<Vec<TaskSummary>> {
        let rows = self.client().query(include_str!("sql/tasks_of_run.sql"), &[&run]);
        let rows = rows.map_err(|error| problem("tell what a run did", &error))?;
        Ok(rows.iter().map(task_summary).collect())
    }

    /// The last executions of each node of a project on a target, and the last checks of each test,
    /// by `unique_id`.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn executions(
        &mut self,
        project: &str,
        target: &str,
        limit: i64,
    ) -> Result<HashMap<String, Executions>> {
        let mut found = HashMap::new();
        for sql in [include_str!("sql/executions.sql"), include_str!("sql/checks_over_time.sql")] {
            let rows = self.client().query(sql, &[&project, &target, &limit]);
            let rows = rows.map_err(|error| problem("tell what nodes did", &error))?;
            found.extend(rows.iter().map(|row| (row.get("unique_id"), executions(row))));
        }
        Ok(found)
    }

    /// The scores of each context on each day since one, such as `2026-03-01`.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn scores_by_day(
        &mut self,
        project: &str,
        target: &str,
        since: &str,
    ) -> Result<Vec<DayScore>> {
        let sql = include_str!("sql/scores_by_day.sql");
        let rows = self.client().query(sql, &[&project, &target, &since]);
        let rows = rows.map_err(|error| problem("tell how good the data was", &error))?;
        let score = |row: &Row| DayScore {
            day: row.get("day"),
            context: row.get("context"),
            score: row.get("score"),
            points: row.get("points"),
            weight: row.get("weight"),
        };
        Ok(rows.iter().map(score).collect())
    }
}

fn executions(row: &Row) -> Executions {
    let at: Vec<i64> = row.get("at_ms");
    let statuses: Vec<String> = row.get("statuses");
    let durations: Vec<Option<i64>> = row.get("durations");
    let counts: Vec<Option<i64>> = row.get("counts");
    let all = at.into_iter().zip(statuses).zip(durations.into_iter().zip(counts));
    Executions {
        all: all
            .map(|((at_ms, status), (duration_ms, count))| Execution {
                at_ms,
                status,
                duration_ms,
                count,
            })
            .collect(),
        message: row.get("message"),
    }
}
