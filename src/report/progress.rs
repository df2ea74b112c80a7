//! How a run goes on: a bar with the nodes in flight on a terminal, a line a node elsewhere, JSON
//! events for machines.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{Console, diagnostics};
use crate::compile::Bridge;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Node, ResourceType};
use crate::run::{DataLoad, Observer, RunResult, Status, Step};

/// Tells a run's progress.
pub struct Progress {
    console: Arc<Console>,
    total: usize,
    done: AtomicUsize,
    bar: Option<ProgressBar>,
    in_flight: Mutex<Vec<String>>,
    failures: Mutex<Vec<Diagnostic>>,
    loads: Mutex<Vec<DataLoad>>,
}

impl Progress {
    /// Progress of a run of `total` nodes.
    pub fn new(console: Arc<Console>, total: usize) -> Self {
        let bar = console.is_interactive().then(|| {
            let bar = ProgressBar::with_draw_target(
                Some(total as u64),
                ProgressDrawTarget::stderr_with_hz(12),
            );
            let style = "{bar:24} {pos}/{len} {elapsed} {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("█▓░"));
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress {
            console,
            total,
            done: AtomicUsize::new(0),
            bar,
            in_flight: Mutex::default(),
            failures: Mutex::default(),
            loads: Mutex::default(),
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Why nodes failed, in the order in which they did.
    pub fn take_failures(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut lock(&self.failures))
    }

    /// The bridges that were copied.
    pub fn take_loads(&self) -> Vec<DataLoad> {
        std::mem::take(&mut lock(&self.loads))
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.console.info(text)),
            None => self.console.info(text),
        }
    }

    fn show_in_flight(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut names = lock(&self.in_flight);
        change(&mut names);
        if let Some(bar) = &self.bar {
            bar.set_message(names.join("  "));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node is, in dbt's words.
fn what(node: &Node) -> String {
    match node.resource_type {
        ResourceType::Model => format!("{} model", node.materialized()),
        ResourceType::Test => "test".to_owned(),
        other => other.as_str().to_owned(),
    }
}

pub(super) fn node_info(node: &Node, status: &str) -> serde_json::Value {
    json!({
        "unique_id": &*node.unique_id,
        "node_name": node.name,
        "node_path": node.path,
        "node_status": status,
        "materialized": node.materialized(),
        "resource_type": node.resource_type.as_str(),
        "engine": &*node.engine,
    })
}

impl Progress {
    /// An event for machines, or its line for people.
    pub(super) fn event(&self, name: &str, level: &str, text: &str, data: serde_json::Value) {
        if self.console.is_json() {
            self.console.event(name, level, text, data);
        } else if level != "debug" && (self.bar.is_none() || level == "error") {
            self.line(text);
        }
    }
}

impl Observer for Progress {
    fn started(&self, step: &Step, _thread: usize) {
        let name = match step {
            Step::Node(node) => {
                if self.console.is_json() {
                    let text = format!("Began running node {}", node.unique_id);
                    let data = json!({"node_info": node_info(node, "started")});
                    self.console.event("NodeStart", "debug", &text, data);
                }
                node.name.clone()
            }
            Step::Bridge(bridge) => format!("{} → {}", bridge.to.identifier, bridge.to_engine),
        };
        self.show_in_flight(|names| names.push(name));
    }

    fn finished(&self, node: &Node, result: &RunResult, error: Option<&Diagnostic>) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        self.show_in_flight(|names| names.retain(|name| *name != node.name));
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Some(error) = error {
            lock(&self.failures).push(error.clone());
        }
        let level = match result.status {
            Status::Error | Status::Fail | Status::Cancelled | Status::PartialSuccess => "error",
            Status::Warn => "warn",
            _ => "info",
        };
        let text = result_line(node, result, done, self.total);
        if self.console.is_json() {
            let name = match node.resource_type {
                ResourceType::Test => "LogTestResult",
                ResourceType::Seed => "LogSeedResult",
                _ => "LogModelResult",
            };
            let data = json!({
                "node_info": node_info(node, result.status.as_str()),
                "status": result.status.as_str(),
                "execution_time": result.execution_time.as_secs_f64(),
                "num_failures": result.failures,
                "index": done,
                "total": self.total,
            });
            self.console.event(name, level, &text, data.clone());
            let mut finished = data;
            finished["run_result"] =
                json!({"status": result.status.as_str(), "message": result.message});
            self.console.event(
                "NodeFinished",
                "debug",
                &format!("Finished running node {}", node.unique_id),
                finished,
            );
            if let Some(error) = error {
                self.console.diagnostic(error);
            }
        } else if self.bar.is_none() || level != "info" {
            self.line(&text);
            // That a statement was cancelled needs no explanation.
            if let Some(error) = error.filter(|error| error.code != Code::INTERRUPTED) {
                self.line(&diagnostics::render(error, self.console.color()));
            }
        }
    }

    fn bridged(&self, bridge: &Bridge, outcome: Result<&DataLoad, &Diagnostic>) {
        let name = format!("{} → {}", bridge.to.identifier, bridge.to_engine);
        self.show_in_flight(|names| names.retain(|known| *known != name));
        // Where it failed, the nodes that wait for it tell why, each at its own place.
        let Ok(load) = outcome else { return };
        lock(&self.loads).push(load.clone());
        let text = format!(
            "          bridge {} {} → {} ({} rows, {}) {:.2}s",
            bridge.to.identifier,
            bridge.from_engine,
            bridge.to_engine,
            load.rows.unwrap_or_default(),
            indicatif::HumanBytes(load.bytes.unwrap_or_default()),
            load.duration.as_secs_f64(),
        );
        if self.bar.is_none() {
            self.line(&text);
        }
    }
}

/// `3 of 40  OK      table model main.orders on analytics (120 rows) 0.05s`
fn result_line(node: &Node, result: &RunResult, done: usize, total: usize) -> String {
    let status = match result.status {
        Status::Success => "OK",
        Status::Error => "ERROR",
        Status::Skipped => "SKIP",
        Status::Pass => "PASS",
        Status::Warn => "WARN",
        Status::Fail => "FAIL",
        Status::Cancelled => "CANCEL",
        Status::PartialSuccess => "PARTIAL",
    };
    let name = if node.resource_type == ResourceType::Test {
        node.name.clone()
    } else {
        format!("{}.{}", node.schema, node.alias)
    };
    let width = total.to_string().len();
    let mut line =
        format!("{done:>width$} of {total} {status:<6} {} {name} on {}", what(node), node.engine);
    let message = result.message.as_deref().filter(|m| *m != "CREATE VIEW" && *m != "OK");
    let rows = result.rows_affected.filter(|_| result.status == Status::Success);
    let what = match (rows, message) {
        (Some(rows), _) => Some(format!("{rows} rows")),
        (None, message) => message.and_then(|text| text.lines().next()).map(str::to_owned),
    };
    if let Some(what) = what {
        line.push_str(&format!(" ({what})"));
    }
    if result.status != Status::Skipped {
        line.push_str(&format!(" {:.2}s", result.execution_time.as_secs_f64()));
    }
    line
}
