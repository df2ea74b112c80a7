//! run_results.json, schema v6: <https://schemas.getdbt.com/dbt/run-results/v6.json>.
//!
//! Failing rows never go here: they are in the results store.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{CommonMetadata, Each, OnlyMetadata, dbt_time, json, write_whole};
use crate::config::Secrets;
use crate::config::event_time::{Window, shown};
use crate::diagnostic::Result;
use crate::manifest::ResourceType;
use crate::run::{BatchResults, InvocationInfo, RunResult, Status, Timing};

/// Writes run_results.json, whole or not at all.
///
/// # Errors
/// `UNWRITABLE` where the file cannot be written.
pub fn write_run_results(
    path: &Path,
    invocation: &InvocationInfo,
    results: &[RunResult],
    elapsed: Duration,
) -> Result<()> {
    write_whole(path, |out| run_results_to(out, invocation, results, elapsed, Timestamp::now()))
}

/// run_results.json of the last run, which the documentation tells of: commands that only compile write
/// run_results.json over, as in dbt.
pub const LAST_RUN: &str = "last_run.json";

/// Keeps what run_results.json tells of a run as [`LAST_RUN`] beside it. The documentation can do without.
pub fn keep_run(results: &Path) {
    let kept = results.with_file_name(LAST_RUN);
    let _ = std::fs::remove_file(&kept);
    // The file is never written to, but another one put in its place: both names may mean one file.
    if std::fs::hard_link(results, &kept).is_err() {
        let _ = std::fs::copy(results, &kept);
    }
}

/// A result as an object of run_results.json.
pub fn run_result(result: &RunResult) -> impl Serialize {
    ResultOut(result)
}

/// Writes run_results.json of a run that was killed: what it did, as [`run_result`] gave it, and
/// of what is `open` the unique ids and whether work on it had begun.
///
/// # Errors
/// `UNWRITABLE` where the file cannot be written.
pub fn write_broken_off(
    path: &Path,
    invocation: &InvocationInfo,
    done: &[Box<RawValue>],
    open: &[(&str, bool)],
) -> Result<()> {
    let open = open.iter().map(|(id, begun)| {
        let (status, message) = match begun {
            true => (Status::Error, "The process ended while this was built"),
            false => (Status::Skipped, "The process ended before this was begun"),
        };
        json!({
            "status": status.as_str(), "timing": [], "thread_id": "MainThread", "execution_time": 0.0,
            "adapter_response": {}, "message": message, "failures": null, "unique_id": id,
            "compiled": null, "compiled_code": null, "relation_name": null, "batch_results": null,
        })
    });
    let open: Vec<Value> = open.collect();
    let put = |at: usize, out: &mut Vec<u8>| match done.get(at) {
        Some(result) => json::put(out, result),
        None => json::put(out, &open[at - done.len()]),
    };
    let count = done.len() + open.len();
    let frame = Frame { invocation, elapsed: Duration::ZERO, generated_at: Timestamp::now() };
    write_whole(path, |out| frame.write(out, count, put))
}

/// Writes the JSON text.
///
/// # Errors
/// Those of `out`.
pub fn run_results_to(
    out: &mut (dyn Write + Send),
    invocation: &InvocationInfo,
    results: &[RunResult],
    elapsed: Duration,
    generated_at: Timestamp,
) -> io::Result<()> {
    let put = |at: usize, out: &mut Vec<u8>| json::put(out, &ResultOut(&results[at]));
    Frame { invocation, elapsed, generated_at }.write(out, results.len(), put)
}

/// What stands around the results.
struct Frame<'a> {
    invocation: &'a InvocationInfo,
    elapsed: Duration,
    generated_at: Timestamp,
}

impl Frame<'_> {
    fn write(
        self,
        out: &mut (dyn Write + Send),
        count: usize,
        put: impl Fn(usize, &mut Vec<u8>) + Sync,
    ) -> io::Result<()> {
        let Frame { invocation, elapsed, generated_at } = self;
        let common = CommonMetadata { schema: "run-results/v6", generated_at, invocation };
        out.write_all(b"{\"metadata\":")?;
        serde_json::to_writer(&mut *out, &OnlyMetadata(common))?;
        out.write_all(b",\"results\":[")?;
        json::write_many(out, count, put)?;
        out.write_all(b"],\"elapsed_time\":")?;
        serde_json::to_writer(&mut *out, &elapsed.as_secs_f64())?;
        out.write_all(b",\"args\":")?;
        serde_json::to_writer(&mut *out, &Args(invocation))?;
        out.write_all(b"}")
    }
}

/// The flags, and the command under dbt's name for it.
struct Args<'a>(&'a InvocationInfo);

impl Serialize for Args<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("which", &self.0.command)?;
        let vars = self.0.args.get("vars").and_then(Value::as_object);
        let secrets = vars.map(Secrets::of_vars).unwrap_or_default();
        for (key, value) in self.0.args.iter().filter(|(key, _)| *key != "which") {
            match (key.as_str(), value) {
                ("vars", Value::Object(vars)) => {
                    map.serialize_entry(key, &secrets.hide_in(vars))?
                }
                ("invocation_command", Value::String(text)) => {
                    map.serialize_entry(key, &secrets.hide(text))?;
                }
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

struct ResultOut<'a>(&'a RunResult);

impl Serialize for ResultOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let result = self.0;
        let phases = [("compile", result.compile), ("execute", result.execute)];
        let timing = || {
            let shown = phases.into_iter().filter_map(|(name, timing)| Some((name, timing?)));
            shown.map(|(name, timing)| TimingOut(name, timing))
        };
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("status", status(result.status))?;
        map.serialize_entry("timing", &Each(timing))?;
        map.serialize_entry("thread_id", &crate::worker::name(result.thread))?;
        map.serialize_entry("execution_time", &result.execution_time.as_secs_f64())?;
        map.serialize_entry("adapter_response", &result.adapter_response)?;
        // dbt seldom gives a reason for what was skipped.
        let reason = result.status != Status::Skipped
            || result.has_dbts_reason
            || result.resource_type == ResourceType::Operation;
        map.serialize_entry("message", &result.message.as_ref().filter(|_| reason))?;
        // dbt counts no failures where they are within bounds.
        let failures = result.failures.map(|n| if result.status == Status::Pass { 0 } else { n });
        map.serialize_entry("failures", &failures)?;
        map.serialize_entry("unique_id", &*result.unique_id)?;
        let compiled = match result.resource_type {
            ResourceType::Seed
            | ResourceType::Source
            | ResourceType::Exposure
            | ResourceType::SavedQuery => None,
            ResourceType::UnitTest => result.compiled_code.is_some().then_some(true),
            _ => Some(result.compiled_code.is_some()),
        };
        map.serialize_entry("compiled", &compiled)?;
        map.serialize_entry("compiled_code", &result.compiled_code)?;
        // dbt names the relation of what is compiled only.
        let compiled = result.resource_type != ResourceType::Seed;
        let relation = result.relation_name.as_ref().filter(|_| compiled);
        map.serialize_entry("relation_name", &relation)?;
        map.serialize_entry("batch_results", &result.batches.as_ref().map(batches))?;
        map.end()
    }
}

/// Spans of batches, each as its beginning and its end.
fn batches(batches: &BatchResults) -> Value {
    let list = |spans: &[Window]| -> Vec<[String; 2]> {
        let time = |at| shown(at).replacen(' ', "T", 1);
        spans.iter().map(|span| [time(span.start), time(span.end)]).collect()
    };
    json!({
        "successful": list(&batches.successful),
        "failed": list(&batches.failed),
    })
}

/// dbt's schema has no word for what was cancelled: it is an error there, with its message.
fn status(status: Status) -> &'static str {
    match status {
        Status::Cancelled => "error",
        other => other.as_str(),
    }
}

struct TimingOut(&'static str, Timing);

impl Serialize for TimingOut {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(3))?;
        map.serialize_entry("name", self.0)?;
        map.serialize_entry("started_at", &dbt_time(self.1.started_at))?;
        map.serialize_entry("completed_at", &dbt_time(self.1.completed_at))?;
        map.end()
    }
}
