//! What results say, joined with what their run and its tests say of all of them → rows of the store's
//! tables. Nothing is sent here.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use md5::{Digest, Md5};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::entry::{Check, KeptRows, millis};
use super::row_json::clean;
use super::{Begin, Entry, QualityRule};
use crate::run::{DataLoad, InvocationInfo, Status};

/// What the rows of a run have in common.
pub(super) struct Common<'b> {
    pub run: &'b InvocationInfo,
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
    pub fn checks<'e>(&'e self, batch: &'e [Entry]) -> Vec<Checked<'e>> {
        let check = |task: &'e Entry| {
            let rule = self.rules.get(&*task.unique_id)?;
            Some(Checked { task, check: task.check.as_ref()?, rule })
        };
        batch.iter().filter_map(check).collect()
    }
}

/// A row of `data_quality.quality_checks`. Its key is that of its task.
pub(super) struct Checked<'e> {
    pub task: &'e Entry,
    pub check: &'e Check,
    pub rule: &'e QualityRule,
}

impl Checked<'_> {
    /// As the table has it.
    pub fn status(&self) -> &'static str {
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
pub(super) fn task_status(status: Status) -> &'static str {
    match status {
        Status::PartialSuccess => Status::Error.as_str(),
        other => other.as_str(),
    }
}

/// A row of `etl_orchestration.data_loads`.
#[derive(Serialize)]
pub(super) struct LoadRow<'e> {
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
    pub fn of(
        run: &InvocationInfo,
        task: &Entry,
        (load_id, load): &'e (Uuid, DataLoad),
    ) -> LoadRow<'e> {
        LoadRow {
            load_id: *load_id,
            run_id: run.invocation_id,
            task_id: task.task_id,
            kind: load.kind.as_str(),
            unique_id: clean(&load.unique_id),
            source_engine: load.source_engine.as_deref(),
            target_engine: &load.target_engine,
            source: clean(&load.source),
            target: clean(&load.target),
            rows_loaded: load.rows,
            bytes_loaded: load.bytes,
            duration_ms: millis(load.duration),
            status: load.status.as_str(),
            loaded_at: load.loaded_at,
        }
    }
}

/// A row of `data_quality.quality_failures`, and what its incident has to know.
#[derive(Serialize)]
pub(super) struct FailureRow<'e> {
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
    /// The rows of a check, in their order.
    pub fn all(
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
