//! Entries → the statements that write them as rows: a batch is a transaction.
//!
//! What every result makes, a task or a check, goes over as one array for each column: PostgreSQL reads that
//! in two thirds of the time that JSON takes it. What is rarer goes as JSON.

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;

use bytes::BytesMut;
use jiff::Timestamp;
use md5::{Digest, Md5};
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Statement, Transaction};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::entry::{Check, KeptRows, Load};
use super::row_json::clean;
use super::{Begin, Entry, QualityRule, Store, system_time};
use crate::run::{InvocationInfo, Status};

/// What came of writing a batch.
pub(super) struct Written {
    /// What is not written since the connection broke.
    pub left: Vec<Entry>,
    /// How many results PostgreSQL refused.
    pub refused: usize,
    pub problem: Option<postgres::Error>,
}

/// What the rows of a run have in common.
pub(super) struct Common<'b> {
    run: &'b InvocationInfo,
    /// By their `unique_id`.
    rules: HashMap<&'b str, &'b QualityRule>,
}

impl<'b> Common<'b> {
    /// As the run said it at its beginning.
    pub fn of(begin: &'b Begin) -> Common<'b> {
        let rules = begin.rules.iter().map(|rule| (&*rule.unique_id, rule)).collect();
        Common { run: &begin.run, rules }
    }

    /// The checks of a batch; a test that the run did not set out to run has none.
    fn checks<'e>(&'e self, batch: &'e [Entry]) -> Vec<Checked<'e>> {
        let check = |task: &'e Entry| {
            let rule = self.rules.get(&*task.unique_id)?;
            Some(Checked { task, check: task.check.as_ref()?, rule })
        };
        batch.iter().filter_map(check).collect()
    }
}

/// A row of `data_quality.quality_checks`. Its key is that of its task.
struct Checked<'e> {
    task: &'e Entry,
    check: &'e Check,
    rule: &'e QualityRule,
}

impl Checked<'_> {
    fn status(&self) -> &'static str {
        match self.task.status {
            Status::Success | Status::Pass | Status::NoOp => "pass",
            Status::Warn => "warn",
            Status::Fail => "fail",
            Status::Error | Status::Cancelled | Status::PartialSuccess => "error",
            Status::Skipped => "skipped",
        }
    }
}

/// A model of which some batches failed is one that failed; its message says how many.
fn task_status(status: Status) -> &'static str {
    match status {
        Status::PartialSuccess => Status::Error.as_str(),
        other => other.as_str(),
    }
}

/// A row of `etl_orchestration.data_loads`.
#[derive(Serialize)]
struct LoadRow<'e> {
    load_id: Uuid,
    run_id: Uuid,
    task_id: Uuid,
    kind: &'e str,
    unique_id: Cow<'e, str>,
    source_engine: Option<&'e str>,
    target_engine: &'e str,
    source: Cow<'e, str>,
    target: Cow<'e, str>,
    rows_loaded: Option<u64>,
    bytes_loaded: Option<u64>,
    duration_ms: u64,
    status: &'e str,
    loaded_at: Timestamp,
}

impl<'e> LoadRow<'e> {
    fn of(run: &InvocationInfo, task: &Entry, load: &'e Load) -> LoadRow<'e> {
        LoadRow {
            load_id: load.load_id,
            run_id: run.invocation_id,
            task_id: task.task_id,
            kind: &load.kind,
            unique_id: clean(&load.unique_id),
            source_engine: load.source_engine.as_deref(),
            target_engine: &load.target_engine,
            source: clean(&load.source),
            target: clean(&load.target),
            rows_loaded: load.rows_loaded,
            bytes_loaded: load.bytes_loaded,
            duration_ms: load.duration_ms,
            status: load.status.as_str(),
            loaded_at: load.loaded_at,
        }
    }
}

/// A row of `data_quality.quality_failures`, and what its incident has to know.
#[derive(Serialize)]
struct FailureRow<'e> {
    check_id: Uuid,
    run_id: Uuid,
    rule_id: Uuid,
    target: &'e str,
    row_number: usize,
    row_data: &'e RawValue,
    /// The same for the same row of the same rule; `None` where it cannot be recognised.
    incident_id: Option<Uuid>,
    row_key: Option<&'e RawValue>,
    recorded_at: Timestamp,
}

impl<'e> FailureRow<'e> {
    fn all(
        run: &InvocationInfo,
        target: &'e str,
        checked: &Checked<'e>,
    ) -> impl Iterator<Item = FailureRow<'e>> {
        let (run_id, check_id, rule_id) =
            (run.invocation_id, checked.task.task_id, checked.rule.rule_id);
        let recorded_at = checked.check.checked_at;
        let rows =
            checked.check.rows.iter().flat_map(|kept| kept.rows.iter().map(move |row| (kept, row)));
        rows.zip(1..).map(move |((KeptRows { is_recognisable, .. }, (row, key)), row_number)| {
            let known_by = key.as_deref().unwrap_or(row);
            FailureRow {
                check_id,
                run_id,
                rule_id,
                target,
                row_number,
                row_data: row,
                incident_id: is_recognisable.then(|| incident_id(rule_id, target, known_by)),
                row_key: key.as_deref(),
                recorded_at,
            }
        })
    }
}

/// The same row of the same rule on the same target always has the same id.
fn incident_id(rule_id: Uuid, target: &str, key: &RawValue) -> Uuid {
    let of_rule = Md5::new().chain_update(rule_id.as_bytes()).chain_update(target);
    let digest = of_rule.chain_update([0]).chain_update(key.get());
    uuid::Builder::from_md5_bytes(digest.finalize().into()).into_uuid()
}

/// Writes a batch, or where PostgreSQL refuses it, each result by itself.
pub(super) fn write(store: &mut Store, common: &Common, batch: Vec<Entry>) -> Written {
    let problem = send(store, common, &batch).err();
    let mut written = Written { left: Vec::new(), refused: 0, problem };
    if written.problem.is_none() {
        return written;
    }
    for entry in batch {
        if !store.client().is_closed() && send(store, common, std::slice::from_ref(&entry)).is_ok()
        {
            continue;
        }
        if store.client().is_closed() {
            written.left.push(entry);
        } else {
            written.refused += 1;
        }
    }
    written
}

/// Writes a batch in one transaction, one statement for each table.
fn send(store: &mut Store, common: &Common, batch: &[Entry]) -> Result<(), postgres::Error> {
    let run = common.run;
    let target = clean(&run.target);
    let load = |task| move |load| LoadRow::of(run, task, load);
    let loads: Vec<_> = batch.iter().flat_map(|task| task.loads.iter().map(load(task))).collect();
    let checks = common.checks(batch);
    let failures: Vec<_> =
        checks.iter().flat_map(|checked| FailureRow::all(run, &target, checked)).collect();
    let mut prepared = |any: bool, sql| any.then(|| store.prepared(sql)).transpose();
    let insert_tasks = prepared(!batch.is_empty(), include_str!("sql/insert_tasks.sql"))?;
    let insert_loads = prepared(!loads.is_empty(), include_str!("sql/insert_loads.sql"))?;
    let insert_checks = prepared(!checks.is_empty(), include_str!("sql/insert_checks.sql"))?;
    let insert_failures = prepared(!failures.is_empty(), include_str!("sql/insert_failures.sql"))?;
    let settle = prepared(!checks.is_empty(), include_str!("sql/settle_incidents.sql"))?;
    let mut transaction = store.client().transaction()?;
    if let Some(statement) = insert_tasks {
        write_tasks(&mut transaction, &statement, run, batch)?;
    }
    if let Some(statement) = insert_loads {
        transaction.execute(&statement, &[&json(&loads)])?;
    }
    if let Some(statement) = insert_checks {
        write_checks(&mut transaction, &statement, run, &checks)?;
    }
    if let Some(statement) = insert_failures {
        transaction.execute(&statement, &[&json(&failures)])?;
    }
    if let Some(statement) = settle {
        let rules = column(&checks, |it| it.rule.rule_id);
        let targets = column(&checks, |_| &*target);
        let times = column(&checks, |it| system_time(it.check.checked_at));
        transaction.execute(&statement, &[&rules, &targets, &times])?;
    }
    transaction.commit()
}

fn write_tasks(
    transaction: &mut Transaction,
    statement: &Statement,
    run: &InvocationInfo,
    tasks: &[Entry],
) -> Result<(), postgres::Error> {
    let columns: [&(dyn ToSql + Sync); 19] = [
        &column(tasks, |task| task.task_id),
        &column(tasks, |_| run.invocation_id),
        &column(tasks, |task| clean(&task.unique_id)),
        &column(tasks, |task| task.resource_type.as_str()),
        &column(tasks, |task| clean(&task.name)),
        &column(tasks, |task| &*task.engine),
        &column(tasks, |task| task.context.as_deref()),
        &column(tasks, |task| &*task.materialization),
        &column(tasks, |task| task.relation.as_deref().map(clean)),
        &column(tasks, |task| task_status(task.status)),
        &column(tasks, |task| task.rows_affected.map(Bigint)),
        &column(tasks, |task| task.bytes.map(Bigint)),
        &column(tasks, |task| task.started_at.map(system_time)),
        &column(tasks, |task| task.finished_at.map(system_time)),
        &column(tasks, |task| Bigint(task.duration_ms)),
        &column(tasks, |task| task.compiled_sql_hash.as_deref()),
        &column(tasks, |task| task.message.as_deref().map(clean)),
        &column(tasks, |task| task.retry_of),
        &column(tasks, |task| int(task.thread)),
    ];
    transaction.execute(statement, &columns).map(|_| ())
}

fn write_checks(
    transaction: &mut Transaction,
    statement: &Statement,
    run: &InvocationInfo,
    checks: &[Checked],
) -> Result<(), postgres::Error> {
    let columns: [&(dyn ToSql + Sync); 16] = [
        &column(checks, |it| it.task.task_id),
        &column(checks, |_| run.invocation_id),
        &column(checks, |it| it.rule.rule_id),
        &column(checks, |_| clean(&run.target)),
        &column(checks, Checked::status),
        &column(checks, |it| it.check.failures.map(Bigint)),
        &column(checks, |it| &*it.rule.severity),
        &column(checks, |it| &*it.rule.warn_if),
        &column(checks, |it| &*it.rule.error_if),
        &column(checks, |it| Bigint(it.task.duration_ms)),
        &column(checks, |it| it.task.message.as_deref().map(clean)),
        &column(checks, |it| system_time(it.check.checked_at)),
        &column(checks, |it| it.task.compiled_sql_hash.as_deref()),
        // An array of arrays would have to be a rectangle.
        &column(checks, |it| it.check.rows.as_ref().map(|rows| json(&rows.columns))),
        &column(checks, |it| it.check.rows.as_ref().map(|rows| int(rows.key_columns))),
        &column(checks, |it| it.check.is_complete),
    ];
    transaction.execute(statement, &columns).map(|_| ())
}

fn column<'r, R, T>(rows: &'r [R], value: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// A count; one that a bigint does not hold is refused, not changed.
#[derive(Debug)]
struct Bigint(u64);

impl ToSql for Bigint {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        i64::try_from(self.0)?.to_sql(kind, out)
    }

    fn accepts(kind: &Type) -> bool {
        <i64 as ToSql>::accepts(kind)
    }

    to_sql_checked!();
}

fn int(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) fn json(rows: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(rows).expect("rows have text keys only")
}
