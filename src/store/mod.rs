//! The results store: [`RunResult`](crate::run::RunResult)s → PostgreSQL, and questions about them.
//!
//! The tables are in `migrations/`, all other SQL in `sql/`. Nothing here decides how a run goes:
//! while one is under way, what goes wrong with the store is kept and told at its end.

mod history;
mod migrate;
mod rows;
mod rules;
mod writer;

use std::time::SystemTime;

use jiff::Timestamp;
use postgres::Client;
use postgres::types::ToSql;

use crate::config::PostgresParams;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::postgres::PostgresConnection;
use crate::run::{InvocationInfo, RunResult, Status};

pub use history::{CheckSummary, RunSummary, TaskSummary};
pub use rows::Entry;
pub use rules::QualityRule;
pub use writer::{Finished, Writer, WriterOptions};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// No node failed.
    Success,
    /// At least one did.
    Failed,
    /// Ctrl-C.
    Interrupted,
    /// It could not run.
    Error,
}

impl RunStatus {
    /// Its name in `pipeline_runs`.
    pub fn as_str(self) -> &'static str {
        match self {
            RunStatus::Success => "success",
            RunStatus::Failed => "failed",
            RunStatus::Interrupted => "interrupted",
            RunStatus::Error => "error",
        }
    }
}

/// How many nodes ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Built, or passed.
    pub passed: usize,
    pub warned: usize,
    /// Failed, could not run, or were cancelled.
    pub failed: usize,
    pub skipped: usize,
}

impl Counts {
    /// Counts results of what can run: exposures and saved queries are no tasks.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a RunResult>) -> Counts {
        let mut counts = Counts::default();
        for result in results.into_iter().filter(|result| !result.resource_type.is_idle()) {
            match result.status {
                Status::Success | Status::Pass | Status::NoOp => counts.passed += 1,
                Status::Warn => counts.warned += 1,
                Status::Error | Status::Fail | Status::Cancelled | Status::PartialSuccess => {
                    counts.failed += 1
                }
                Status::Skipped => counts.skipped += 1,
            }
        }
        counts
    }
}

/// How a command ended, for its row.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub status: RunStatus,
    pub counts: Counts,
    pub finished_at: Timestamp,
    /// Why, where it did not end well.
    pub message: Option<String>,
}

/// An open results store with its schema up to date.
pub struct Store {
    connection: PostgresConnection,
}

impl Store {
    /// Connects to a server that is up, and opens the store there: see [`Store::open`].
    ///
    /// # Errors
    /// `CONNECT` or `AUTH` where the server cannot be reached; those of [`Store::open`].
    pub fn connect(params: &PostgresParams) -> Result<Store> {
        let connection =
            PostgresConnection::open(params).map_err(|error| Box::new(error.diagnostic))?;
        Store::open(connection)
    }

    /// Takes a connection, and makes or upgrades the tables where they are behind. Where they are
    /// not, that costs one query.
    ///
    /// # Errors
    /// `STORE` where the server refuses, or where a newer Pintail made the tables.
    pub fn open(mut connection: PostgresConnection) -> Result<Store> {
        migrate::bring_up_to_date(connection.client())?;
        Ok(Store { connection })
    }

    fn client(&mut self) -> &mut Client {
        self.connection.client()
    }

    /// Writes the row of a run before its first node starts. The store must be kept, or handed to
    /// a [`Writer`], until the run ends: its connection shows that the run is alive.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn begin_run(&mut self, run: &InvocationInfo, nodes_total: usize) -> Result<()> {
        let begin = |client: &mut Client| {
            client.execute(include_str!("sql/lock_run.sql"), &[&run.invocation_id])?;
            let pid = i32::try_from(run.pid).ok();
            let total = i32::try_from(nodes_total).unwrap_or(i32::MAX);
            let started_at = system_time(run.started_at);
            let values: [&(dyn ToSql + Sync); 14] = [
                &run.invocation_id,
                &run.project,
                &run.command,
                &run.selection,
                &run.target,
                &run.profile,
                &run.git_commit,
                &run.git_branch,
                &run.user,
                &run.host,
                &pid,
                &run.version,
                &started_at,
                &total,
            ];
            client.execute(include_str!("sql/begin_run.sql"), &values)
        };
        begin(self.client()).map_err(|error| problem("take note of this run", &error))?;
        Ok(())
    }

    /// Marks other runs that were never completed, and whose process is gone, as interrupted.
    /// A [`Writer`] does this by itself.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn mark_interrupted(&mut self, run: &InvocationInfo) -> Result<u64> {
        self.client()
            .execute(include_str!("sql/mark_interrupted.sql"), &[&run.invocation_id])
            .map_err(|error| problem("mark runs that were broken off", &error))
    }

    /// Completes the row of a run.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn finish_run(&mut self, run: &InvocationInfo, outcome: &Outcome) -> Result<()> {
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let Outcome { status, counts, finished_at, message } = outcome;
        let took = finished_at.as_millisecond() - run.started_at.as_millisecond();
        let values: [&(dyn ToSql + Sync); 10] = [
            &run.invocation_id,
            &status.as_str(),
            &system_time(*finished_at),
            &took.max(0),
            &None::<i32>,
            &count(counts.passed),
            &count(counts.warned),
            &count(counts.failed),
            &count(counts.skipped),
            &message.as_deref().map(rows::clean),
        ];
        self.client()
            .execute(include_str!("sql/finish_run.sql"), &values)
            .map_err(|error| problem("take note of how this run ended", &error))?;
        Ok(())
    }

    /// Marks the rules of tests that are no longer in the project as inactive.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn retire_rules(&mut self, project: &str, known: &[&str]) -> Result<u64> {
        self.client()
            .execute(include_str!("sql/retire_rules.sql"), &[&project, &known])
            .map_err(|error| problem("mark tests that are gone", &error))
    }
}

/// A time as the driver takes it; it has room for all of ours.
fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::try_from(time).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What the server said, as a diagnostic.
fn problem(what: &str, error: &postgres::Error) -> Box<Diagnostic> {
    let mut found = Diagnostic::error(Code::STORE, format!("The results store could not {what}"));
    match error.as_db_error() {
        Some(db) => {
            found.notes.push(format!("PostgreSQL says: {}", db.message()));
            found.notes.extend(db.detail().map(str::to_owned));
        }
        None => found.notes.push(error.to_string()),
    }
    Box::new(found.help(match error.code() {
        Some(code) if *code == postgres::error::SqlState::INSUFFICIENT_PRIVILEGE => {
            "Grant the user of `results_engine` the right to create schemas in its database."
        }
        _ => "Check that the database of `results_engine` is up and has space.",
    }))
}
