//! How a run goes on: a bar with the nodes in flight on a terminal, lines in dbt's words elsewhere,
//! structured events for machines.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::events::Level;
use super::lines::{called, describe, dotted, ended, painted};
use super::summary::{group_of, with_group};
use super::{Console, diagnostics};
use crate::compile::Bridge;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifest, Node, ResourceType, UniqueId};
use crate::run::{DataLoad, Observer, RunResult, Status, Step};

/// What was begun: the number of each node and when, and when the hooks of the project, which have
/// numbers of their own.
#[derive(Default)]
struct Begun {
    nodes: HashMap<UniqueId, (usize, Timestamp)>,
    hooks: HashMap<UniqueId, Timestamp>,
}

/// Tells a run's progress.
pub struct Progress {
    console: Arc<Console>,
    pub(super) manifest: Arc<Manifest>,
    /// The number of nodes, without the hooks of the project.
    total: usize,
    /// Whether there is more than one engine, so that lines say which.
    engines: bool,
    begun: Mutex<Begun>,
    bar: Option<ProgressBar>,
    in_flight: Mutex<Vec<String>>,
    /// Nodes whose mistakes were told before anything ran.
    told: HashSet<UniqueId>,
    loads: Mutex<Vec<DataLoad>>,
}

impl Progress {
    /// Progress of a run of `total` nodes and the hooks around them.
    pub fn new(
        console: Arc<Console>,
        manifest: Arc<Manifest>,
        total: usize,
        engines: bool,
    ) -> Self {
        let bar = console.is_interactive().then(|| {
            let hooks = manifest.of_type(ResourceType::Operation).count();
            let bar = ProgressBar::with_draw_target(
                Some((total + hooks) as u64),
                ProgressDrawTarget::stderr_with_hz(12),
            );
            let style = "{bar:24} {pos}/{len} {elapsed} {wide_msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("█▓░"));
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        console.set_bar(bar.clone());
        Progress {
            console,
            manifest,
            total,
            engines,
            begun: Mutex::default(),
            bar,
            in_flight: Mutex::default(),
            told: HashSet::new(),
            loads: Mutex::default(),
        }
    }

    /// Nodes whose mistakes were told before anything ran are not explained again.
    pub fn told(self, told: HashSet<UniqueId>) -> Self {
        Progress { told, ..self }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            self.console.set_bar(None);
        }
    }

    /// The bridges that were copied.
    pub fn take_loads(&self) -> Vec<DataLoad> {
        std::mem::take(&mut lock(&self.loads))
    }

    /// The number of a node and when it was begun; `true` for those that begin now.
    fn begin(&self, node: &Node) -> (usize, Timestamp) {
        let mut begun = lock(&self.begun);
        if node.resource_type == ResourceType::Operation {
            let at = begun.hooks.entry(node.unique_id.clone()).or_insert_with(Timestamp::now);
            return (0, *at);
        }
        let next = begun.nodes.len() + 1;
        *begun.nodes.entry(node.unique_id.clone()).or_insert_with(|| (next, Timestamp::now()))
    }

    /// Tells of something selected that has nothing to run: `exposure weekly_report`.
    pub fn idle(&self, what: &str, result: &RunResult) {
        let index = {
            let mut begun = lock(&self.begun);
            let next = begun.nodes.len() + 1;
            begun.nodes.entry(result.unique_id.clone()).or_insert((next, Timestamp::now())).0
        };
        let (words, seconds) = match result.status {
            Status::Skipped => ("SKIP", None),
            _ => ("NO-OP", Some(0.0)),
        };
        let status = painted(words, result.status, self.console.color());
        let at = Some((index, self.total));
        let line = dotted(at, &format!("{words} {what}"), &status, seconds, self.console.width());
        self.console.event("LogNodeNoOpResult", Level::Info, &line, || {
            json!({
                "description": what,
                "index": index,
                "total": self.total,
                "execution_time": 0.0,
                "status": result.status.as_str(),
                "node_info": {
                    "unique_id": &*result.unique_id,
                    "node_name": result.name,
                    "resource_type": result.resource_type.as_str(),
                    "node_status": result.status.as_str(),
                },
            })
        });
    }

    fn result_event(
        &self,
        node: &Node,
        result: &RunResult,
        error: Option<&Diagnostic>,
        place: (usize, Timestamp),
    ) {
        if node.resource_type == ResourceType::Operation {
            return self.hook_ended(node, result, place.1);
        }
        let console = &self.console;
        let (mut words, word) = ended(node, result);
        if error.is_some_and(|error| error.code == Code::NOT_PUBLISHED) {
            words = "REJECTED".to_owned();
        }
        let status = painted(&word, result.status, console.color());
        let described = describe(node, self.engines);
        let kinds = ["test ", "snapshot "];
        let bare = kinds.iter().find_map(|kind| described.strip_prefix(kind));
        let text = format!("{words} {}", bare.unwrap_or(&described));
        let seconds = result.execution_time.as_secs_f64();
        let shown_seconds = (result.status != Status::Skipped).then_some(seconds);
        let at = Some((place.0, self.total));
        let line = dotted(at, &text, &status, shown_seconds, console.width());
        let level = match result.status {
            Status::Error | Status::Fail | Status::Cancelled | Status::PartialSuccess => {
                Level::Error
            }
            Status::Warn => Level::Warn,
            _ => Level::Info,
        };
        // On a terminal the bar tells what goes well.
        if self.bar.is_some() && level == Level::Info && !console.wants_data() {
            return;
        }
        let name = match (result.status, node.resource_type) {
            (Status::Skipped, _) => "SkippingDetails",
            (_, ResourceType::Test | ResourceType::UnitTest) => "LogTestResult",
            (_, ResourceType::Seed) => "LogSeedResult",
            (_, ResourceType::Snapshot) => "LogSnapshotResult",
            (_, ResourceType::Function) => "LogFunctionResult",
            _ => "LogModelResult",
        };
        let line = match result.status {
            Status::Skipped => {
                let what = match node.resource_type {
                    ResourceType::Test => format!("SKIP test {}", node.name),
                    ResourceType::UnitTest => format!("SKIP unit_test {}", called(node)),
                    _ => format!("SKIP relation {}.{}", node.schema, node.name),
                };
                dotted(at, &what, &status, None, console.width())
            }
            _ => line,
        };
        console.event(name, level, &line, || {
            let mut data = json!({
                "node_info": node_info(node, result.status.as_str(), place.1, true),
                "status": result.status.as_str(),
                "execution_time": seconds,
                "index": place.0,
                "total": self.total,
            });
            match name {
                "LogTestResult" => {
                    data["name"] = node.name.as_str().into();
                    data["num_models"] = self.total.into();
                    data["num_failures"] = result.failures.unwrap_or_default().into();
                    data["attached_node"] = node.attached_node.as_deref().into();
                }
                "LogSeedResult" => {
                    data["result_message"] = result.message.clone().into();
                    data["schema"] = node.schema.as_str().into();
                    data["relation"] = node.alias.as_str().into();
                }
                "SkippingDetails" => {
                    data["resource_type"] = node.resource_type.as_str().into();
                    data["schema"] = node.schema.as_str().into();
                    data["node_name"] = node.name.as_str().into();
                }
                _ => {
                    data["description"] = described.clone().into();
                    if result.status == Status::Success {
                        data["status"] = word.clone().into();
                    }
                    data["result_message"] = result.message.clone().into();
                }
            }
            with_group(data, &group_of(&self.manifest, Some(node)))
        });
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

/// A node as dbt's events show it.
pub(super) fn node_info(node: &Node, status: &str, begun: Timestamp, is_over: bool) -> Value {
    let relation = match node.resource_type {
        ResourceType::Test | ResourceType::UnitTest | ResourceType::Operation => String::new(),
        _ => node.relation().render(),
    };
    let finished =
        if is_over && status != "skipped" { time(Timestamp::now()) } else { String::new() };
    json!({
        "node_path": node.path,
        "node_name": node.name,
        "unique_id": &*node.unique_id,
        "resource_type": node.resource_type.as_str(),
        "materialized": node.materialized(),
        "node_status": status,
        "node_started_at": time(begun),
        "node_finished_at": finished,
        "meta": node.meta,
        "node_relation": {
            "database": node.database,
            "schema": node.schema,
            "alias": node.alias,
            "relation_name": relation,
        },
        "node_checksum": node.checksum,
        "engine": &*node.engine,
    })
}

/// A time as events have it: without a zone, in UTC.
fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string()
}

impl Progress {
    /// An event of a part of a node that was begun.
    pub(super) fn event(&self, name: &str, level: Level, text: &str, data: impl FnOnce() -> Value) {
        // On a terminal the bar tells what goes well.
        if self.bar.is_none() || level > Level::Info || self.console.wants_data() {
            self.console.event(name, level, text, data);
        }
    }

    /// A node that was begun, as dbt's events show it.
    pub(super) fn info_of(&self, node: &Node, status: &str) -> Value {
        node_info(node, status, self.begin(node).1, false)
    }

    /// An empty line, where lines are told.
    pub(super) fn gap(&self) {
        if self.bar.is_none() {
            self.console.gap();
        }
    }

    /// Whether lines have colours.
    pub(super) fn color(&self) -> bool {
        self.console.color()
    }

    /// How wide lines are.
    pub(super) fn width(&self) -> usize {
        self.console.width()
    }
}

/// A result as dbt's events show it.
pub(super) fn run_result(result: &RunResult) -> Value {
    let phases = [("compile", result.compile), ("execute", result.execute)];
    let timing: Vec<Value> = phases
        .iter()
        .filter_map(|(name, timing)| {
            let timing = (*timing)?;
            Some(json!({
                "name": name,
                "started_at": format!("{:.6}", timing.started_at),
                "completed_at": format!("{:.6}", timing.completed_at),
            }))
        })
        .collect();
    let response: serde_json::Map<String, Value> =
        result.adapter_response.iter().map(|(k, v)| (k.clone(), as_text(v))).collect();
    json!({
        "status": result.status.as_str(),
        "message": result.message.clone().unwrap_or_default(),
        "timing_info": timing,
        "thread": crate::worker::name(result.thread),
        "execution_time": result.execution_time.as_secs_f64(),
        "adapter_response": response,
        "num_failures": result.failures.unwrap_or_default(),
    })
}

/// The events' `adapter_response` holds text only.
fn as_text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}

impl Observer for Progress {
    fn started(&self, step: &Step, _thread: usize) {
        let name = match step {
            Step::Node(node) => {
                let place = self.begin(node);
                let id = &node.unique_id;
                let info = || json!({"node_info": node_info(node, "started", place.1, false)});
                let text = format!("Began running node {id}");
                self.console.event("NodeStart", Level::Debug, &text, info);
                if node.resource_type == ResourceType::Operation {
                    self.hook_started(node, place.1);
                } else if self.bar.is_none() || self.console.wants_data() {
                    let what = describe(node, self.engines);
                    let at = Some((place.0, self.total));
                    let line =
                        dotted(at, &format!("START {what}"), "RUN", None, self.console.width());
                    self.console.event("LogStartLine", Level::Info, &line, || {
                        json!({
                            "node_info": node_info(node, "started", place.1, false),
                            "description": what,
                            "index": place.0,
                            "total": self.total,
                        })
                    });
                }
                let text = format!("Began executing node {id}");
                self.console.event(
                    "NodeExecuting",
                    Level::Debug,
                    &text,
                    || json!({"node_info": node_info(node, "executing", place.1, false)}),
                );
                node.name.clone()
            }
            Step::Bridge(bridge) => format!("{} → {}", bridge.to.identifier, bridge.to_engine),
        };
        self.show_in_flight(|names| names.push(name));
    }

    fn finished(&self, node: &Node, result: &RunResult, error: Option<&Diagnostic>) {
        let place = self.begin(node);
        self.show_in_flight(|names| names.retain(|name| *name != node.name));
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        self.result_event(node, result, error, place);
        // That a statement was cancelled needs no explanation.
        if let Some(error) = error.filter(|error| error.code != Code::INTERRUPTED) {
            let text = match self.told.contains(&node.unique_id) {
                true => format!("  told above, before anything ran: {}", node.original_file_path),
                false => diagnostics::render(error, self.console.color()),
            };
            self.console.event("CatchableExceptionOnRun", Level::Error, &text, || {
                let mut data = diagnostics::to_json(error);
                data["exc"] = error.to_string().into();
                data["node_info"] = node_info(node, result.status.as_str(), place.1, true);
                data
            });
        }
        if node.resource_type == ResourceType::Operation {
            self.hook_told(node);
        }
        let text = format!("Finished running node {}", node.unique_id);
        self.console.event("NodeFinished", Level::Debug, &text, || {
            json!({
                "node_info": node_info(node, result.status.as_str(), place.1, true),
                "run_result": run_result(result),
            })
        });
    }

    fn bridged(&self, bridge: &Bridge, outcome: Result<&DataLoad, &Diagnostic>) {
        let name = format!("{} → {}", bridge.to.identifier, bridge.to_engine);
        self.show_in_flight(|names| names.retain(|known| *known != name));
        // Where it failed, the nodes that wait for it tell why, each at its own place.
        let Ok(load) = outcome else { return };
        lock(&self.loads).push(load.clone());
        let text = format!(
            "bridge {} {} → {} ({} rows, {}) {:.2}s",
            bridge.to.identifier,
            bridge.from_engine,
            bridge.to_engine,
            load.rows.unwrap_or_default(),
            indicatif::HumanBytes(load.bytes.unwrap_or_default()),
            load.duration.as_secs_f64(),
        );
        if self.bar.is_none() {
            self.console.info(&text);
        }
    }
}
