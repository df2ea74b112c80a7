//! Rows → the statements that write them: a batch is a transaction.
//!
//! What every result makes, a task or a check, goes over as one array for each column: PostgreSQL reads that
//! in two thirds of the time that JSON takes it. What is rarer goes as JSON.

use std::error::Error;

use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use postgres::{Statement, Transaction};
use serde::Serialize;

use super::row_json::clean;
use super::rows::{Checked, Common, FailureRow, LoadRow, task_status};
use super::{Entry, Store, system_time};
use crate::run::InvocationInfo;

/// What came of writing a batch.
pub(super) struct Written {
    /// What is not written since the connection broke.
    pub left: Vec<Entry>,
    /// How many results PostgreSQL refused.
    pub refused: usize,
    pub problem: Option<postgres::Error>,
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
