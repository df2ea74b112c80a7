//! sources.json, schema v3: <https://schemas.getdbt.com/dbt/sources/v3.json>.
//!
//! Like dbt, it lists the sources whose age could be found out, and no others.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{CommonMetadata, Each, OnlyMetadata, dbt_time, write_whole};
use crate::diagnostic::Result;
use crate::run::{FreshnessResult, FreshnessStatus, InvocationInfo};

/// Writes sources.json, whole or not at all.
///
/// # Errors
/// `UNWRITABLE` where the file cannot be written.
pub fn write_sources(
    path: &Path,
    invocation: &InvocationInfo,
    results: &[FreshnessResult],
    elapsed: Duration,
) -> Result<()> {
    write_whole(path, |out| sources_to(out, invocation, results, elapsed, Timestamp::now()))
}

/// Writes the JSON text.
///
/// # Errors
/// Those of `out`.
pub fn sources_to(
    out: &mut dyn Write,
    invocation: &InvocationInfo,
    results: &[FreshnessResult],
    elapsed: Duration,
    generated_at: Timestamp,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Whole<'a, R: Serialize> {
        metadata: OnlyMetadata<'a>,
        results: R,
        elapsed_time: f64,
    }
    let known = || {
        let known = results.iter().filter(|r| r.status != FreshnessStatus::RuntimeError);
        known.map(one)
    };
    let whole = Whole {
        metadata: OnlyMetadata(CommonMetadata { schema: "sources/v3", generated_at, invocation }),
        results: Each(known),
        elapsed_time: elapsed.as_secs_f64(),
    };
    Ok(serde_json::to_writer(out, &whole)?)
}

fn one(result: &FreshnessResult) -> Value {
    let moment = |time: Option<jiff::civil::DateTime>| {
        // As Python writes it: a fraction of a second only where there is one.
        time.map(|time| match time.subsec_nanosecond() {
            0 => time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
            _ => time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
        })
    };
    // A limit that the table takes back is null; one that nobody gave has parts that are.
    let time = |key: &str| match result.criteria.get(key) {
        Some(Value::Null) => Value::Null,
        Some(time) => json!({"count": time["count"], "period": time["period"]}),
        None => json!({"count": null, "period": null}),
    };
    let executed = json!({
        "name": "execute",
        "started_at": dbt_time(result.started_at),
        "completed_at": dbt_time(result.completed_at),
    });
    let compiled = json!({
        "name": "compile",
        "started_at": dbt_time(result.started_at),
        "completed_at": dbt_time(result.started_at),
    });
    json!({
        "unique_id": &*result.unique_id,
        "max_loaded_at": moment(result.max_loaded_at),
        "snapshotted_at": moment(result.snapshotted_at),
        "max_loaded_at_time_ago_in_s": result.age,
        "status": result.status.as_str(),
        "criteria": {
            "warn_after": time("warn_after"),
            "error_after": time("error_after"),
            "filter": result.criteria.get("filter").cloned().unwrap_or(Value::Null),
        },
        "adapter_response": result.adapter_response,
        "timing": [compiled, executed],
        "thread_id": crate::worker::name(result.thread),
        "execution_time": result.execution_time.as_secs_f64(),
    })
}
