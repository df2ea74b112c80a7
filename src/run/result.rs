//! What came of running a node, and who ran it: plain data for the results store, the artifacts
//! and the summary. Nothing is computed or written here.

use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::config::event_time::Window;
use crate::manifest::{ResourceType, UniqueId};
use crate::relation::{Response, ResultSet};

/// How a node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A model, seed, snapshot or hook was built.
    Success,
    /// It could not be built, or a test could not be run.
    Error,
    /// It was not run, since something that it depends on failed.
    Skipped,
    /// A test found no more than it allows.
    Pass,
    /// A test found more than `warn_if` allows, or has `severity: warn`.
    Warn,
    /// A test found more than `error_if` allows.
    Fail,
    /// It was interrupted.
    Cancelled,
    /// Some batches of a microbatch model were built, some were not.
    PartialSuccess,
    /// It was selected, but there is nothing to be done for it: an exposure, a saved query.
    NoOp,
}

impl Status {
    /// Every status.
    pub const ALL: &[Status] = &[
        Status::Success,
        Status::Error,
        Status::Skipped,
        Status::Pass,
        Status::Warn,
        Status::Fail,
        Status::Cancelled,
        Status::PartialSuccess,
        Status::NoOp,
    ];

    /// dbt's word, and `cancelled`, which dbt has none for.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Success => "success",
            Status::Error => "error",
            Status::Skipped => "skipped",
            Status::Pass => "pass",
            Status::Warn => "warn",
            Status::Fail => "fail",
            Status::Cancelled => "cancelled",
            Status::PartialSuccess => "partial success",
            Status::NoOp => "no-op",
        }
    }

    /// Whether what depends on the node may not run, and the command ends with exit code 1.
    pub fn is_failure(self) -> bool {
        matches!(self, Status::Error | Status::Fail | Status::Cancelled | Status::PartialSuccess)
    }
}

/// When a phase of a node's run began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub started_at: Timestamp,
    pub completed_at: Timestamp,
}

/// What kind of data was brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadKind {
    /// A CSV file of the project.
    Seed,
    /// An external source that was read.
    Source,
    /// A copy of a relation from one engine into another.
    Bridge,
}

impl LoadKind {
    /// Its name in the results store.
    pub fn as_str(self) -> &'static str {
        match self {
            LoadKind::Seed => "seed",
            LoadKind::Source => "source",
            LoadKind::Bridge => "bridge",
        }
    }
}

/// Rows that came into an engine from a file or from the other engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataLoad {
    pub kind: LoadKind,
    /// The seed, the source, or the node whose relation was copied.
    pub unique_id: UniqueId,
    /// `None` for files.
    pub source_engine: Option<Arc<str>>,
    pub target_engine: Arc<str>,
    /// The file or the relation that was read.
    pub source: String,
    /// The relation that was written.
    pub target: String,
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
    pub duration: Duration,
    pub status: Status,
    pub loaded_at: Timestamp,
}

/// The batches of a microbatch model that were built and those that were not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchResults {
    pub successful: Vec<Window>,
    pub failed: Vec<Window>,
}

/// Rows that failed a test, as far as they are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct FailingRows {
    pub rows: ResultSet,
    /// How many columns, the first ones, tell the rows apart; 0 where only all of them do.
    pub key: usize,
    /// Whether the same row can be told in another run: not where its values had to be masked and
    /// nothing tells the masks apart.
    pub recognisable: bool,
    /// Whether these are all that failed.
    pub complete: bool,
}

/// What came of one node.
#[derive(Debug, Clone)]
pub struct RunResult {
    pub unique_id: UniqueId,
    pub resource_type: ResourceType,
    pub name: String,
    pub engine: Arc<str>,
    /// The group of the node: its bounded context.
    pub group: Option<String>,
    pub materialization: String,
    pub status: Status,
    /// Rendering; `None` where the node was skipped.
    pub compile: Option<Timing>,
    /// Running; likewise.
    pub execute: Option<Timing>,
    /// The worker that ran it, counted from 1; 0 is the main thread.
    pub thread: usize,
    /// From first to last: rendering, waiting for a connection, running.
    pub execution_time: Duration,
    pub rows_affected: Option<u64>,
    pub bytes: Option<u64>,
    /// Of a test: how many rows failed.
    pub failures: Option<u64>,
    /// `OK`, `INSERT 2`, or why it failed.
    pub message: Option<String>,
    /// Where it was written, as in SQL.
    pub relation_name: Option<String>,
    /// dbt's `adapter_response`: `_message`, `code`, `rows_affected`.
    pub adapter_response: IndexMap<String, Value>,
    pub compiled_code: Option<Arc<str>>,
    /// Where its main statement is written, where it was reached.
    pub written: Option<std::path::PathBuf>,
    /// The macros that its template called.
    pub macros: Vec<UniqueId>,
    /// The ephemeral models inside of it: unique id and SQL.
    pub ctes: Vec<(UniqueId, String)>,
    /// Of a test that found any, where they were fetched.
    pub failing_rows: Option<FailingRows>,
    /// What was brought in to run it: the seed itself, bridges made for it.
    pub loads: Vec<DataLoad>,
    /// The task of an earlier run that this one tries again.
    pub retry_of: Option<Uuid>,
    /// Of a microbatch model: what came of its batches.
    pub batches: Option<BatchResults>,
    /// The ephemeral model that keeps it from being compiled.
    pub broken_within: Option<UniqueId>,
    /// Whether `message` is what dbt says of a skipped node, and not Pintail's own reason.
    pub has_dbts_reason: bool,
}

impl RunResult {
    /// A result with only its names and status, for skipped nodes and to be filled in.
    pub fn new(node: &crate::manifest::Node, status: Status) -> RunResult {
        RunResult {
            unique_id: node.unique_id.clone(),
            resource_type: node.resource_type,
            name: node.name.clone(),
            engine: node.engine.clone(),
            group: node.group.clone(),
            materialization: node.materialized().to_owned(),
            status,
            compile: None,
            execute: None,
            thread: 0,
            execution_time: Duration::ZERO,
            rows_affected: None,
            bytes: None,
            failures: None,
            message: None,
            relation_name: None,
            adapter_response: IndexMap::new(),
            compiled_code: None,
            written: None,
            macros: Vec::new(),
            ctes: Vec::new(),
            failing_rows: None,
            loads: Vec::new(),
            retry_of: None,
            batches: None,
            broken_within: None,
            has_dbts_reason: false,
        }
    }

    /// The result of what has nothing to run: an exposure or a saved query.
    pub fn of_idle(unique_id: &UniqueId, resource_type: ResourceType, name: &str) -> RunResult {
        let engine: Arc<str> = "".into();
        let file = crate::diagnostic::SourceFile::new("", "");
        let node = crate::manifest::Node::bare(resource_type, "", name, file, engine);
        let at = crate::clock::now();
        let timing = Some(Timing { started_at: at, completed_at: at });
        RunResult {
            compile: timing,
            execute: timing,
            unique_id: unique_id.clone(),
            materialization: resource_type.as_str().replace('_', " "),
            failures: Some(0),
            message: Some("NO-OP".to_owned()),
            ..RunResult::new(&node, Status::NoOp)
        }
    }

    /// With the name of what the node would have made, which dbt tells of failures, too.
    pub fn name_relation(&mut self, node: &crate::manifest::Node) {
        if node.resource_type.is_refable() && !node.is_ephemeral() && self.relation_name.is_none() {
            self.relation_name = Some(node.relation().render());
        }
    }

    /// Whether what depends on the node may not run, and the command ends with exit code 1.
    pub fn is_failure(&self) -> bool {
        self.status.is_failure() || self.broken_within.is_some()
    }

    /// Says, as dbt does, which ephemeral model kept the node from running.
    pub fn blame(&mut self, ephemeral: Option<&UniqueId>) {
        if let Some(ephemeral) = ephemeral {
            self.has_dbts_reason = true;
            self.message = Some(format!(
                "Compilation Error in {}, caused by compilation error in referenced ephemeral \
                 model {ephemeral}",
                self.unique_id
            ));
        }
    }

    /// Takes over what the engine said of the main statement.
    pub fn answered(&mut self, response: Response) {
        let Response { message, code, rows_affected } = response;
        self.rows_affected = rows_affected;
        self.adapter_response = IndexMap::from([("_message".to_owned(), message.clone().into())]);
        if !code.is_empty() {
            self.adapter_response.insert("code".to_owned(), code.into());
            let rows = rows_affected.map_or_else(|| (-1).into(), Value::from);
            self.adapter_response.insert("rows_affected".to_owned(), rows);
        }
        self.message = Some(message);
    }

    /// When work on it began, where it did.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.compile.or(self.execute).map(|timing| timing.started_at)
    }

    /// When work on it ended, where it began.
    pub fn completed_at(&self) -> Option<Timestamp> {
        self.execute.or(self.compile).map(|timing| timing.completed_at)
    }
}

/// One command run: who, what, where and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InvocationInfo {
    pub invocation_id: Uuid,
    /// `build`, `run`, `test`, …
    pub command: String,
    pub started_at: Timestamp,
    /// `--select` and `--exclude` as text; empty for everything.
    pub selection: String,
    pub target: String,
    pub profile: String,
    pub project: String,
    pub git_commit: Option<String>,
    pub git_branch: Option<String>,
    pub user: Option<String>,
    pub host: Option<String>,
    pub pid: u32,
    /// Pintail's own version.
    pub version: String,
    /// All flags, for run_results.json.
    pub args: serde_json::Map<String, Value>,
}
