//! The store itself: its version and size, and what is thrown away of the past.

use jiff::Timestamp;
use postgres::error::SqlState;
use postgres::types::ToSql;
use serde::Serialize;
use uuid::Uuid;

use super::history::time;
use super::{Store, migrate, problem, system_time};
use crate::config::PostgresParams;
use crate::diagnostic::Result;
use crate::engine::embedded;

/// Runs that are removed in one transaction.
const RUNS: usize = 50;

/// Incidents that are removed in one statement.
const INCIDENTS: usize = 5_000;

/// Which runs stay: a run goes that began too long ago and is not among the newest ones. One that is
/// under way stays, and one with the last check of a test that there is today.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// What began before may go.
    pub since: Timestamp,
    /// The newest so many stay.
    pub runs: usize,
}

/// What was removed, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    pub runs: usize,
    /// When the first and the last of them began.
    pub span: Option<(Timestamp, Timestamp)>,
    pub tasks: i64,
    pub loads: i64,
    pub checks: i64,
    pub failures: i64,
    /// Resolved ones; those that are open stay.
    pub incidents: usize,
    /// Tests that are gone, without any check left.
    pub rules: usize,
    /// Runs that are old enough and stay for the checks in them.
    pub stay: usize,
}

/// What a store looks like.
#[derive(Debug, Clone, Serialize)]
pub struct Look {
    /// Of its tables; 0 where there are none.
    pub version: i32,
    /// The version that this Pintail makes.
    pub newest: i32,
    /// Who asks, as the server knows them.
    pub user: String,
    /// The largest first.
    pub tables: Vec<TableLook>,
    /// `None` where the user may not see them, or where there are none.
    pub runs: Option<RunsLook>,
    /// Whether the user may write results, or where there are no tables, make them.
    pub may_write: bool,
}

/// A table of the store.
#[derive(Debug, Clone, Serialize)]
pub struct TableLook {
    pub name: String,
    pub about_rows: i64,
    /// With its indexes.
    pub bytes: i64,
}

/// Which runs there are.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RunsLook {
    pub all: i64,
    pub running: i64,
    /// Of other projects.
    pub of_others: i64,
    pub oldest: Option<Timestamp>,
    pub newest: Option<Timestamp>,
}

/// Looks at a store as it is: makes no tables and changes nothing.
///
/// # Errors
/// `NO_SERVER`, `CONNECT` or `AUTH` where the server cannot be reached; `STORE` where it refuses.
pub fn look(params: &PostgresParams, project: &str) -> Result<Look> {
    let (mut connection, _server) = embedded::connect(params)?;
    let client = connection.client();
    let version = migrate::version(client)?;
    let mut ask = || {
        let user = client.query_one(include_str!("sql/who.sql"), &[])?;
        let rows = client.query(include_str!("sql/tables.sql"), &[])?;
        let may = |what: &str, name: &str| {
            rows.iter().any(|row| row.get::<_, &str>("name") == name && row.get(what))
        };
        let results = ["etl_orchestration.pipeline_runs", "data_quality.quality_checks"];
        let may_read = may("may_read", results[0]);
        let runs = if may_read {
            let row = client.query_one(include_str!("sql/runs.sql"), &[&project])?;
            let at = |name| row.get::<_, Option<i64>>(name).map(|_| time(&row, name));
            Some(RunsLook {
                all: row.get("runs"),
                running: row.get("running"),
                of_others: row.get("of_others"),
                oldest: at("oldest_us"),
                newest: at("newest_us"),
            })
        } else {
            None
        };
        Ok(Look {
            version,
            newest: migrate::newest(),
            user: user.get("name"),
            may_write: if version == 0 {
                user.get("may_create")
            } else {
                results.iter().all(|name| may("may_write", name))
            },
            tables: rows
                .iter()
                .map(|row| TableLook {
                    name: row.get("name"),
                    about_rows: row.get("about_rows"),
                    bytes: row.get("bytes"),
                })
                .collect(),
            runs,
        })
    };
    ask().map_err(|error| problem("be looked at", &error))
}

impl Store {
    /// Removes old runs of a project with all that belongs to them, resolved incidents from their
    /// time, and tests that are gone of which nothing is left. In steps: what is done stays done
    /// when it is broken off. With `dry_run` nothing is removed.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn prune(&mut self, project: &str, keep: Keep, dry_run: bool) -> Result<Pruned> {
        self.try_prune(project, keep, dry_run).map_err(|error| {
            let mut found = problem("remove old runs", &error);
            if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
                found.help =
                    vec!["Only who has the role pintail_admin may remove them.".to_owned()];
            }
            found
        })
    }

    fn try_prune(
        &mut self,
        project: &str,
        keep: Keep,
        dry_run: bool,
    ) -> Result<Pruned, postgres::Error> {
        let newest = i64::try_from(keep.runs).unwrap_or(i64::MAX);
        let values: [&(dyn ToSql + Sync); 3] = [&project, &system_time(keep.since), &newest];
        let old = self.client().query(include_str!("sql/prune_runs.sql"), &values)?;
        let (stay, go): (Vec<_>, Vec<_>) = old.iter().partition(|row| row.get("stays"));
        let mut pruned = Pruned { runs: go.len(), stay: stay.len(), ..Pruned::default() };
        let (Some(first), Some(last)) = (go.first(), go.last()) else { return Ok(pruned) };
        let span = (time(first, "started_us"), time(last, "started_us"));
        pruned.span = Some(span);
        let ids: Vec<Uuid> = go.iter().map(|row| row.get("run_id")).collect();
        let until = system_time(span.1);
        // While the checks are there, the rules that are left without any can be told.
        let rules =
            self.client().query(include_str!("sql/prune_rules.sql"), &[&project, &ids, &until])?;
        let rules: Vec<Uuid> = rules.iter().map(|row| row.get(0)).collect();
        pruned.rules = rules.len();
        for runs in ids.chunks(RUNS) {
            let mut transaction = self.client().transaction()?;
            let counts = transaction.query_one(include_str!("sql/prune_count.sql"), &[&runs])?;
            pruned.tasks += counts.get::<_, i64>("tasks");
            pruned.loads += counts.get::<_, i64>("loads");
            pruned.checks += counts.get::<_, i64>("checks");
            pruned.failures += counts.get::<_, i64>("failures");
            if !dry_run {
                transaction.execute(include_str!("sql/prune.sql"), &[&runs])?;
            }
            transaction.commit()?;
        }
        pruned.incidents = self.prune_incidents(project, until, dry_run)?;
        if !dry_run {
            self.client().execute(include_str!("sql/delete_rules.sql"), &[&rules])?;
        }
        Ok(pruned)
    }

    fn prune_incidents(
        &mut self,
        project: &str,
        until: std::time::SystemTime,
        dry_run: bool,
    ) -> Result<usize, postgres::Error> {
        let mut all = 0;
        loop {
            let limit = i64::try_from(if dry_run { usize::MAX } else { INCIDENTS });
            let ended = self.client().query(
                include_str!("sql/prune_incidents.sql"),
                &[&project, &until, &limit.unwrap_or(i64::MAX)],
            )?;
            let ended: Vec<Uuid> = ended.iter().map(|row| row.get(0)).collect();
            all += ended.len();
            if dry_run || ended.is_empty() {
                return Ok(all);
            }
            self.client().execute(include_str!("sql/delete_incidents.sql"), &[&ended])?;
        }
    }
}
