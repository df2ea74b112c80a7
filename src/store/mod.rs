//! The results store: [`RunResult`](crate::run::RunResult)s → PostgreSQL, and questions about them.
//!
//! The tables are in `migrations/`, all other SQL in `sql/`. Nothing here decides how a run goes:
//! while one is under way, what goes wrong with the store is kept and told at its end.

mod audit;
mod entry;
mod history;
mod inbox;
mod migrate;
mod past;
mod priority;
mod quality;
mod row_json;
mod rows;
mod rules;
mod send;
pub mod spool;
mod times;
mod upkeep;
mod writer;

use std::collections::HashMap;
use std::num::TryFromIntError;
use std::time::SystemTime;

use jiff::Timestamp;
use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::PostgresParams;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::embedded;
use crate::engine::postgres::PostgresConnection;
use crate::run::{InvocationInfo, RunResult, Status};

pub use audit::{AuditEvent, AuditedCommand, Role, note as note_audit};
pub use entry::Entry;
pub use history::{Asked, Changes, CheckSummary, FailingRow, RunSummary, TaskSummary};
pub use past::{DayScore, Execution, Executions};
pub use quality::{ContextScore, FlakyTest, Scorecard, SlowTest, WorstTest, score};
use rules::DigestedRule;
pub use rules::QualityRule;
pub use spool::{Begin, End, Left, Spool, Touched};
pub use times::{NodeTimes, Regression};
pub use upkeep::{Keep, Look, Pruned, look};
pub use writer::{Finished, Last, Writer, WriterOptions};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
    /// What was prepared on it, by its text.
    prepared: HashMap<&'static str, Statement>,
    /// Keeps an embedded server up.
    server: Option<embedded::Guard>,
}

/// Results that are sent in one statement.
const BATCH: usize = 1_000;

impl Store {
    /// Starts the server where it is an embedded one, connects, and makes or upgrades the tables
    /// where they are behind. Where they are not, that costs one query.
    ///
    /// # Errors
    /// `NO_SERVER`, `CONNECT` or `AUTH` where the server cannot be reached; `STORE` where it
    /// refuses, or where a newer Pintail made the tables.
    pub fn reach(params: &PostgresParams) -> Result<Store> {
        let (mut connection, server) = embedded::connect(params)?;
        migrate::bring_up_to_date(connection.client())?;
        Ok(Store { connection, prepared: HashMap::new(), server })
    }

    fn client(&mut self) -> &mut Client {
        self.connection.client()
    }

    /// Lets this thread, and the process of an embedded server that serves it, give way to engines.
    fn give_way(&mut self) {
        let is_ours = self.server.is_some();
        let ask = |client: &mut Client| client.query_one("select pg_backend_pid()", &[]);
        let backend = is_ours.then(|| ask(self.client()).ok()).flatten();
        priority::give_way(backend.map(|row| row.get(0)));
    }

    /// A statement that is sent many times.
    fn prepared(&mut self, sql: &'static str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client().prepare(sql)?;
        self.prepared.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Writes the row of a run before its first node starts. The store must be kept until the run
    /// ends: its connection shows that the run is alive.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn begin_run(&mut self, begin: &Begin) -> Result<()> {
        let run = &begin.run;
        let write = |client: &mut Client| {
            client.execute(include_str!("sql/lock_run.sql"), &[&run.invocation_id])?;
            let pid = i32::try_from(run.pid).ok();
            let total = i32::try_from(begin.nodes.len()).unwrap_or(i32::MAX);
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
        write(self.client()).map_err(|error| problem("take note of this run", &error))?;
        Ok(())
    }

    /// Writes the tests of a run as rules: those that are not there as they are.
    fn write_rules(&mut self, rules: &[QualityRule]) -> Result<()> {
        let mut write = || {
            for rules in rules.chunks(2_000) {
                let ids: Vec<Uuid> = rules.iter().map(|rule| rule.rule_id).collect();
                let digests: Vec<Uuid> = rules.iter().map(QualityRule::digest).collect();
                let sql = include_str!("sql/stale_rules.sql");
                let stale = self.client().query(sql, &[&ids, &digests])?;
                let stale: Vec<_> = stale
                    .iter()
                    .filter_map(|row| usize::try_from(row.get::<_, i64>("place") - 1).ok())
                    .map(|at| DigestedRule { rule: &rules[at], digest: digests[at] })
                    .collect();
                if !stale.is_empty() {
                    let sql = include_str!("sql/upsert_rules.sql");
                    self.client().execute(sql, &[&send::json(&stale)])?;
                }
            }
            Ok(())
        };
        write().map_err(|error| problem("take note of the tests of this run", &error))
    }

    /// Marks runs that were never completed, and whose process is gone, as interrupted; all but
    /// the one that asks. A [`Writer`] does this by itself.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn mark_interrupted(&mut self, asks: Uuid) -> Result<u64> {
        self.mark(asks, None)
    }

    /// The same, or for the `only` run of which it is known that its process is gone.
    fn mark(&mut self, asks: Uuid, only: Option<Uuid>) -> Result<u64> {
        self.client()
            .execute(include_str!("sql/mark_interrupted.sql"), &[&asks, &only])
            .map_err(|error| problem("mark runs that were broken off", &error))
    }

    /// Completes the row of a run, and marks the rules of tests that are gone as inactive.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn finish_run(&mut self, run: &InvocationInfo, end: &End) -> Result<()> {
        let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let Outcome { status, counts, finished_at, message } = &end.outcome;
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
            &message.as_deref().map(row_json::clean),
        ];
        self.client()
            .execute(include_str!("sql/finish_run.sql"), &values)
            .map_err(|error| problem("take note of how this run ended", &error))?;
        if let Some(known) = &end.known_tests {
            self.client()
                .execute(include_str!("sql/retire_rules.sql"), &[&run.project, known])
                .map_err(|error| problem("mark tests that are gone", &error))?;
        }
        Ok(())
    }

    /// Writes what a run left on disk. What is in the tables already stays as it is, so nothing
    /// is there twice however often this is done.
    ///
    /// Gives how many results PostgreSQL will never take: their values do not fit.
    ///
    /// # Errors
    /// `STORE` where the server refuses for now; then nothing may be thrown away.
    pub fn replay(&mut self, left: &Left) -> Result<usize> {
        self.begin_run(&left.begin)?;
        self.write_rules(&left.begin.rules)?;
        let mut refused = 0;
        let common = rows::Common::of(&left.begin);
        for batch in left.entries.chunks(BATCH) {
            let written = send::write(self, &common, batch.to_vec());
            if let Some(error) = written.problem.filter(|error| !is_about_values(error)) {
                return Err(problem("take note of the results of an earlier run", &error));
            }
            refused += written.refused;
        }
        let run = &left.begin.run;
        if let Some(end) = &left.end {
            self.finish_run(run, end)?;
        }
        self.client()
            .execute(include_str!("sql/unlock_run.sql"), &[&run.invocation_id])
            .map_err(|error| problem("take note of an earlier run", &error))?;
        if left.end.is_none() {
            self.mark(Uuid::nil(), Some(run.invocation_id))?;
        }
        Ok(refused)
    }

    /// Waits for nobody: whether this connection may run `what` now, which one at a time may; if
    /// not, who does, as far as is known. It may until the connection ends.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn take_turn(&mut self, what: &str, run: &InvocationInfo) -> Result<Turn> {
        let failed = |error: postgres::Error| problem("tell which runs are under way", &error);
        let taken = self.client().query_one(include_str!("sql/take_turn.sql"), &[&what]);
        if taken.map_err(failed)?.get(0) {
            return Ok(Turn::Ours);
        }
        let values: [&(dyn ToSql + Sync); 3] = [&run.project, &run.target, &run.invocation_id];
        let rows = self.client().query(include_str!("sql/running.sql"), &values).map_err(failed)?;
        Ok(Turn::Taken(rows.first().map(|row| Holder {
            command: row.get("command"),
            pid: row.get::<_, Option<i32>>("pid").and_then(|pid| u32::try_from(pid).ok()),
            host: row.get("host"),
            user: row.get("run_user"),
            started_at: history::time(row, "started_us"),
        })))
    }
}

/// Whether a run may go on.
pub enum Turn {
    Ours,
    /// Another one is under way.
    Taken(Option<Holder>),
}

/// Who runs a project at the moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Holder {
    pub command: String,
    pub pid: Option<u32>,
    pub host: Option<String>,
    pub user: Option<String>,
    pub started_at: Timestamp,
}

/// Whether a value does not fit, which waiting does not change: PostgreSQL says so, or it could not be sent.
fn is_about_values(error: &postgres::Error) -> bool {
    let refused = |code: &SqlState| ["22", "23"].iter().any(|class| code.code().starts_with(class));
    let source = std::error::Error::source(error);
    error.code().is_some_and(refused) || source.is_some_and(|it| it.is::<TryFromIntError>())
}

/// The address of a store, which tells it from others; holds no password.
pub fn address(params: &PostgresParams) -> String {
    match &params.embedded {
        Some(folder) => format!("embedded in {}", folder.display()),
        None => format!("{}:{}/{}", params.host, params.port, params.dbname),
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
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "Grant the user of `results_engine` the right to create schemas in its database."
        }
        _ => "Check that the database of `results_engine` is up and has space.",
    }))
}
