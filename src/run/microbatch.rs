//! Microbatch models: which spans of event time are to be built, one after the other or side by
//! side, and what came of them together. Building one is the incremental materialization's
//! business; it never knows that there are others.

use std::sync::atomic::Ordering;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use jiff::civil::DateTime;
use regex::Regex;

use super::result::{BatchResults, RunResult, Status, Timing};
use super::{BatchNews, Runner};
use crate::clock;
use crate::compile::Batch;
use crate::config::event_time::{self, Grain, Window};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::manifest::Node;
use crate::relation::RelationKind;

/// Builds a microbatch model.
///
/// # Errors
/// What kept the first of its batches that failed from being built.
pub(super) fn build(runner: &Runner, node: &Node, result: &mut RunResult) -> Result<()> {
    let begun = clock::now();
    let (exists, incremental) = found(runner, node)?;
    let earlier = runner.options.earlier_batches.get(&*node.unique_id);
    let size = size_of(node)?;
    let spans = match earlier {
        Some(earlier) => earlier.failed.clone(),
        None => spans(runner, node, size, incremental)?,
    };
    let work = Work { runner, node, size, spans: &spans, done: Mutex::default() };
    if !spans.is_empty() {
        work.run(exists, incremental);
    }
    let done = work.done.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Done { mut batches, rows, relation, error, first_failed, .. } = done;
    batches.successful.sort_by_key(|span| span.start);
    batches.failed.sort_by_key(|span| span.start);
    let (good, bad) = (batches.successful.len(), batches.failed.len());
    (result.status, result.message) = match (good, bad) {
        (_, 0) => (Status::Success, Some("SUCCESS".to_owned())),
        (0, _) => (Status::Error, Some("ERROR".to_owned())),
        _ => {
            let text = format!("PARTIAL SUCCESS ({good}/{})", good + bad);
            (Status::PartialSuccess, Some(text))
        }
    };
    if runner.engines.is_interrupted() {
        result.status = Status::Cancelled;
    }
    batches.successful.extend(earlier.iter().flat_map(|earlier| &earlier.successful));
    result.batches = Some(batches);
    result.rows_affected = rows;
    result.failures = Some(0);
    result.relation_name = relation;
    // Each batch is compiled for itself.
    result.compile = Some(Timing { started_at: begun, completed_at: begun });
    result.execute = Some(Timing { started_at: begun, completed_at: clock::now() });
    match error {
        None => Ok(()),
        Some(error) => Err(Box::new(error.note(format!("in the batch {first_failed}")))),
    }
}

/// Whether the model's relation is there, and whether batches come into it as it is.
fn found(runner: &Runner, node: &Node) -> Result<(bool, bool)> {
    let target = node.relation();
    let schema = target.schema.as_deref().unwrap_or_default();
    let mut connection = runner.engines.connection(&node.engine)?;
    let all = connection.list_relations(target.database.as_deref(), schema)?;
    let found = all.into_iter().find(|one| one.identifier == target.identifier);
    let is_table = found.as_ref().is_some_and(|one| one.kind == Some(RelationKind::Table));
    let refresh = node.config.flag("full_refresh").unwrap_or(runner.options.full_refresh);
    Ok((found.is_some(), is_table && !refresh))
}

fn size_of(node: &Node) -> Result<Grain> {
    node.config.text("batch_size").and_then(Grain::named).ok_or_else(|| missing(node, "batch_size"))
}

fn missing(node: &Node, key: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            Code::BAD_CONFIG,
            format!("The microbatch model `{}` has no usable `{key}`", node.name),
        )
        .or_at(node.location.clone())
        .help("Microbatch models need event_time, begin and batch_size."),
    )
}

/// The spans that a run builds: from `--event-time-start`, else from `begin` on the first run,
/// else as many before the last one as `lookback` says; up to now or `--event-time-end`.
fn spans(runner: &Runner, node: &Node, size: Grain, incremental: bool) -> Result<Vec<Window>> {
    let flags = &runner.compiler.config.flags.rows;
    let asked = flags.sample.or(flags.event_time);
    let now = event_time::now(runner.options.started_at.unwrap_or_else(Timestamp::now));
    let until = ceiling(asked.map_or(now, |span| span.end), size);
    let from = match asked {
        Some(span) => size.floor(span.start),
        None if incremental => {
            let lookback = node.config.get("lookback").and_then(serde_json::Value::as_i64);
            // The end of a span is the beginning of the next: the last one lies before it.
            let straddles = i64::from(until == size.floor(until));
            size.shift(size.floor(until), -(lookback.unwrap_or(1) + straddles))
        }
        None => {
            let begin = node.config.text("begin").and_then(event_time::parse);
            size.floor(begin.ok_or_else(|| missing(node, "begin"))?)
        }
    };
    let mut out = Vec::new();
    let mut start = from;
    loop {
        let end = size.shift(start, 1);
        out.push(Window { start, end });
        if end >= until || end <= start {
            break;
        }
        start = end;
    }
    if let Some(last) = out.last_mut() {
        last.end = until;
    }
    Ok(out)
}

fn ceiling(at: DateTime, size: Grain) -> DateTime {
    let floor = size.floor(at);
    if floor == at { at } else { size.shift(floor, 1) }
}

struct Work<'a> {
    runner: &'a Runner,
    node: &'a Node,
    size: Grain,
    spans: &'a [Window],
    done: Mutex<Done>,
}

/// What came of the batches so far.
#[derive(Default)]
struct Done {
    batches: BatchResults,
    rows: Option<u64>,
    relation: Option<String>,
    error: Option<Box<Diagnostic>>,
    first_failed: String,
    exists: bool,
}

impl Work<'_> {
    /// The first batch and the last run alone; those between them side by side where they may.
    fn run(&self, exists: bool, incremental: bool) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).exists = exists;
        let last = self.spans.len() - 1;
        if !self.batch(0, incremental, false) {
            for at in 1..=last {
                self.skip(at);
            }
            return;
        }
        std::thread::scope(|scope| {
            for at in 1..last {
                let threads = self.runner.compiler.config.target.threads;
                let free = self.runner.busy.load(Ordering::Relaxed) < threads;
                if free && self.side_by_side() {
                    self.runner.busy.fetch_add(1, Ordering::Relaxed);
                    let worker = std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(
                        scope,
                        move || {
                            self.batch(at, true, true);
                            self.runner.busy.fetch_sub(1, Ordering::Relaxed);
                        },
                    );
                    if worker.is_ok() {
                        continue;
                    }
                    self.runner.busy.fetch_sub(1, Ordering::Relaxed);
                }
                self.batch(at, true, false);
            }
        });
        if last > 0 {
            self.batch(last, true, false);
        }
    }

    /// Not every engine has batches side by side; a model that reads itself has none, unless it
    /// says so.
    fn side_by_side(&self) -> bool {
        static THIS: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\{[{%][^}]*\bthis\b").expect("the pattern is valid"));
        let engines = &self.runner.compiler.config.target.engines;
        let able = engines[&self.node.engine].kind().runs_batches_side_by_side();
        let exists = self.done.lock().unwrap_or_else(PoisonError::into_inner).exists;
        able && exists
            && match self.node.config.flag("concurrent_batches") {
                Some(wanted) => wanted,
                None => !THIS.is_match(&self.node.raw_code),
            }
    }

    /// Builds one batch; whether that went well.
    fn batch(&self, at: usize, incremental: bool, concurrent: bool) -> bool {
        if self.runner.engines.is_interrupted() {
            self.skip(at);
            return false;
        }
        let span = self.spans[at];
        let (first, last) = (at == 0, at + 1 == self.spans.len());
        let batch = Batch { span, size: self.size, incremental, first, last };
        let label = batch.label();
        self.tell(at, &label, None, concurrent);
        let started = Instant::now();
        let mut result = RunResult::new(self.node, Status::Success);
        let built = self.runner.attempt_batch(self.node, Some(batch), &mut result);
        let (status, said) = match &built {
            Ok(()) => (Status::Success, result.message.as_deref().unwrap_or("OK")),
            Err(error) => (Status::Error, error.message.as_str()),
        };
        self.tell(at, &label, Some((status, said, started.elapsed())), concurrent);
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        match built {
            Ok(()) => {
                done.batches.successful.push(span);
                done.exists = true;
                done.rows = match (done.rows, result.rows_affected) {
                    (Some(a), Some(b)) => Some(a + b),
                    (a, b) => a.or(b),
                };
                done.relation = result.relation_name;
                true
            }
            Err(error) => {
                done.batches.failed.push(span);
                if done.error.is_none() {
                    done.error = Some(error);
                    done.first_failed = label;
                }
                false
            }
        }
    }

    /// A batch that is not built, since the first one was not.
    fn skip(&self, at: usize) {
        let span = self.spans[at];
        let batch = Batch { span, size: self.size, incremental: true, first: false, last: false };
        let ended = Some((Status::Skipped, "SKIPPED", std::time::Duration::ZERO));
        self.tell(at, &batch.label(), ended, false);
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.batches.failed.push(span);
    }

    fn tell(
        &self,
        at: usize,
        label: &str,
        ended: Option<(Status, &str, std::time::Duration)>,
        concurrent: bool,
    ) {
        let (number, of) = (at + 1, self.spans.len());
        self.runner.observer.batch(self.node, &BatchNews { label, number, of, ended, concurrent });
    }
}
