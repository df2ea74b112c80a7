//! What a result says to the store, as plain data that can also wait in a file.
//!
//! It is kept short, with times as numbers, since each node's thread writes it down before it goes
//! on: what the run and its tests say of all their results stands in [`Begin`](super::Begin) and is
//! joined when it is sent.
//! Keys are made here, so that what is sent twice is stored once; they grow with time, so that new
//! ones lie together in an index. Nothing is sent here.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::microsecond;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::row_json::{column_names, row_text};
use crate::checksum::sha256;
use crate::clock;
use crate::manifest::{ResourceType, UniqueId};
use crate::run::{DataLoad, FailingRows, RunResult, Status};

/// What one result says: its row of `etl_orchestration.task_executions`, and what came with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    pub(super) task_id: Uuid,
    pub(super) unique_id: UniqueId,
    pub(super) resource_type: ResourceType,
    pub(super) name: String,
    pub(super) engine: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<String>,
    pub(super) materialization: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) relation: Option<String>,
    pub(super) status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows_affected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "microsecond::optional")]
    pub(super) started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "microsecond::optional")]
    pub(super) finished_at: Option<Timestamp>,
    pub(super) duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) compiled_sql_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_of: Option<Uuid>,
    pub(super) thread: usize,
    /// For `etl_orchestration.data_loads`, each with its key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) loads: Vec<(Uuid, DataLoad)>,
    /// Of a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) check: Option<Check>,
}

/// What only a test has, for `data_quality.quality_checks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Check {
    #[serde(with = "microsecond::required")]
    pub checked_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u64>,
    /// Whether `rows` are all that failed.
    pub is_complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<KeptRows>,
}

/// Failing rows, for `data_quality.quality_failures`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct KeptRows {
    /// In their order, which the database does not keep.
    pub columns: Vec<String>,
    /// How many columns, the first ones, tell the rows apart; 0 where only all of them do.
    pub key_columns: usize,
    /// Whether the same row can be told in another run.
    pub is_recognisable: bool,
    /// Each row, and the columns of its key where that is not the whole row.
    pub rows: Vec<(Box<RawValue>, Option<Box<RawValue>>)>,
}

impl Entry {
    /// What a result says.
    pub(super) fn of(result: &RunResult) -> Entry {
        let finished_at = result.completed_at();
        let check = result.resource_type.is_test().then(|| {
            let rows = result.failing_rows.as_ref();
            let passed = result.status == Status::Pass && result.failures == Some(0);
            Check {
                checked_at: finished_at.unwrap_or_else(clock::now),
                failures: result.failures,
                is_complete: rows.map_or(passed, |rows| rows.complete),
                rows: rows.map(KeptRows::of),
            }
        });
        Entry {
            task_id: Uuid::now_v7(),
            unique_id: result.unique_id.clone(),
            resource_type: result.resource_type,
            name: result.name.clone(),
            engine: result.engine.clone(),
            context: result.group.clone(),
            materialization: result.materialization.clone(),
            relation: result.relation_name.clone(),
            status: result.status,
            rows_affected: result.rows_affected,
            bytes: result.bytes,
            started_at: result.started_at(),
            finished_at,
            duration_ms: millis(result.execution_time),
            compiled_sql_hash: result.compiled_code.as_deref().map(sha256),
            message: result.message.clone(),
            retry_of: result.retry_of,
            thread: result.thread,
            loads: result.loads.iter().map(|load| (Uuid::now_v7(), load.clone())).collect(),
            check,
        }
    }
}

impl KeptRows {
    fn of(failing: &FailingRows) -> KeptRows {
        let FailingRows { rows, key, recognisable, complete: _ } = failing;
        let columns = column_names(rows);
        let texts = rows.rows.iter().filter_map(|row| {
            let whole = row_text(columns.iter().zip(row))?;
            let of_key = row_text(columns.iter().zip(row).take(*key))?;
            Some((whole, (*key > 0).then_some(of_key)))
        });
        let rows = texts.collect();
        KeptRows { columns, key_columns: *key, is_recognisable: *recognisable, rows }
    }
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
