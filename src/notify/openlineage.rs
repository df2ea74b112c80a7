//! A run as OpenLineage events, <https://openlineage.io/docs/spec/object-model>: START and COMPLETE, FAIL
//! or ABORT for the run itself and for each node that ran, with what it reads and writes.
//!
//! They are sent when the run is over, with the times at which things happened.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Run, is_strict, post_json};
use crate::config::{EngineParams, Target};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::manifest::{ColumnInfo, Node, UniqueId};
use crate::relation::Relation;
use crate::run::{RunResult, Status};
use crate::store::RunStatus;

const SPEC: &str = "https://openlineage.io/spec";
/// How long a server may take for all events together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends the events of a run: to a URL, each by POST, or to the end of a file, a line each.
///
/// # Errors
/// `UNWRITABLE` or `CONNECT` with what was not sent.
pub fn send_lineage(to: &str, started_in: &Path, target: &Target, run: &Run) -> Result<()> {
    let events = Events { target, run }.all();
    if to.starts_with("http://") || to.starts_with("https://") {
        return post(to, &events);
    }
    let path = started_in.join(to);
    let mut text = String::new();
    for event in &events {
        text.push_str(&event.to_string());
        text.push('\n');
    }
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        Box::new(
            Diagnostic::warning(
                Code::UNWRITABLE,
                format!("The lineage events cannot be written to {}", path.display()),
            )
            .note(error.to_string())
            .help("Its folder has to be there; name another file with --openlineage."),
        )
    })
}

/// Gives up at the first event that the server does not take.
fn post(url: &str, events: &[Value]) -> Result<()> {
    let begun = Instant::now();
    let key = std::env::var("OPENLINEAGE_API_KEY").ok().filter(|key| !key.is_empty());
    for (sent, event) in events.iter().enumerate() {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        if let Err(error) = post_json(url, event, left, key.as_deref()) {
            let count = events.len() - sent;
            let message = format!("{count} of {} lineage events were not sent", events.len());
            return Err(Box::new(
                Diagnostic::warning(Code::CONNECT, message)
                    .note(error.to_string())
                    .help("Check the address of --openlineage; a file takes them, too."),
            ));
        }
    }
    Ok(())
}

struct Events<'a> {
    target: &'a Target,
    run: &'a Run<'a>,
}

impl Events<'_> {
    /// All events, those of the run around those of its nodes.
    fn all(&self) -> Vec<Value> {
        let Run { invocation, .. } = self.run;
        let (end, error) = match self.run.status {
            RunStatus::Success => ("COMPLETE", None),
            RunStatus::Interrupted => ("ABORT", None),
            _ => ("FAIL", Some("The run did not end well")),
        };
        let own = |kind, at, error| {
            let run = json!({"runId": invocation.invocation_id, "facets": failure(error)});
            event(kind, at, run, self.job(), [Vec::new(), Vec::new()])
        };
        let mut events = vec![own("START", invocation.started_at, None)];
        for result in self.run.results {
            if let Some(node) = self.run.manifest.nodes.get(&result.unique_id) {
                events.extend(self.of_node(node, result).into_iter().flatten());
            }
        }
        events.push(own(end, self.run.finished_at, error));
        events
    }

    fn job(&self) -> Value {
        let Run { invocation, .. } = self.run;
        json!({
            "namespace": invocation.project,
            "name": format!("{}.{}", invocation.project, invocation.command),
        })
    }

    /// How a node began and how it ended; nothing where it did not run.
    fn of_node(&self, node: &Node, result: &RunResult) -> Option<[Value; 2]> {
        let (began, ended) = (result.started_at()?, result.completed_at()?);
        let end = match result.status {
            Status::Success | Status::Pass | Status::Warn | Status::NoOp => "COMPLETE",
            Status::Cancelled => "ABORT",
            Status::Error | Status::Fail | Status::PartialSuccess => "FAIL",
            Status::Skipped => return None,
        };
        let (id, project) = (Uuid::new_v4(), &self.run.invocation.project);
        let parent = facet(
            "facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet",
            json!({"run": {"runId": self.run.invocation.invocation_id}, "job": self.job()}),
        );
        let one = |kind: &str, at, result: Option<&RunResult>| {
            let failed = result.filter(|_| end == "FAIL").and_then(|r| r.message.as_deref());
            let mut facets = failure(failed);
            facets.insert("parent".to_owned(), parent.clone());
            let run = json!({"runId": id, "facets": facets});
            let job = json!({"namespace": project, "name": &*node.unique_id});
            let writes = node.resource_type.is_refable() && !node.is_ephemeral();
            let output = self.dataset(&node.engine, node.relation(), node.columns.values());
            let outputs = if writes { vec![output] } else { Vec::new() };
            event(kind, at, run, job, [self.inputs(node, result), outputs])
        };
        Some([one("START", began, None), one(end, ended, Some(result))])
    }

    /// What a node reads, ephemeral models seen through; of a test that ran, with what it found.
    fn inputs(&self, node: &Node, result: Option<&RunResult>) -> Vec<Value> {
        let manifest = self.run.manifest;
        let tested = node.tested();
        let (mut seen, mut out) = (HashSet::new(), Vec::new());
        let mut todo: Vec<&UniqueId> = node.depends_on.iter().rev().collect();
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            let mut dataset = match (manifest.nodes.get(id), manifest.sources.get(id)) {
                (Some(read), _) if read.is_ephemeral() => {
                    todo.extend(read.depends_on.iter().rev());
                    continue;
                }
                (Some(read), _) if read.resource_type.is_refable() => {
                    self.dataset(&read.engine, read.relation(), read.columns.values())
                }
                (_, Some(source)) => {
                    self.dataset(&source.engine, source.relation(), source.columns.values())
                }
                _ => continue,
            };
            if let Some(result) = result.filter(|_| node.resource_type.is_test())
                && tested == Some(id)
                && let Some(assertions) = assertions(node, result)
            {
                dataset["inputFacets"] = json!({"dataQualityAssertions": assertions});
            }
            out.push(dataset);
        }
        out
    }

    /// A relation, with its columns where properties describe them.
    fn dataset<'a>(
        &self,
        engine: &str,
        relation: Relation,
        columns: impl Iterator<Item = &'a ColumnInfo>,
    ) -> Value {
        let namespace = match self.target.engine(engine).map(|engine| &engine.params) {
            Some(EngineParams::Postgres(params)) => {
                let local = params.embedded.is_some() || params.host.starts_with('/');
                let host = if local { "localhost" } else { &params.host };
                format!("postgres://{host}:{}", params.port)
            }
            Some(EngineParams::DuckDb(params)) => match &params.path {
                Some(path) => format!("duckdb://{}", path.display()),
                None => "duckdb://:memory:".to_owned(),
            },
            None => engine.to_owned(),
        };
        let parts = [relation.database, relation.schema, Some(relation.identifier)];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(".");
        let fields: Vec<Value> = columns.map(field).collect();
        let mut facets = Map::new();
        if !fields.is_empty() {
            let url = "facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet";
            facets.insert("schema".to_owned(), facet(url, json!({"fields": fields})));
        }
        json!({"namespace": namespace, "name": name, "facets": facets})
    }
}

fn field(column: &ColumnInfo) -> Value {
    let mut field = json!({"name": column.name});
    if let Some(data_type) = &column.data_type {
        field["type"] = data_type.as_str().into();
    }
    if !column.description.is_empty() {
        field["description"] = column.description.as_str().into();
    }
    field
}

/// What a test found; nothing where it could not be run.
fn assertions(test: &Node, result: &RunResult) -> Option<Value> {
    let success = match result.status {
        Status::Pass => true,
        Status::Warn | Status::Fail => false,
        _ => return None,
    };
    let kind = test.test_metadata.as_ref().map_or("custom_sql", |metadata| &metadata.name);
    let mut assertion = json!({
        "assertion": kind,
        "success": success,
        "name": test.name,
        "severity": if is_strict(test) { "error" } else { "warn" },
    });
    if let Some(column) = &test.column_name {
        assertion["column"] = column.as_str().into();
    }
    let url = "facets/1-1-0/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet";
    Some(facet(url, json!({"assertions": [assertion]})))
}

/// The facet of a failure, by its name; empty where there is none.
fn failure(message: Option<&str>) -> Map<String, Value> {
    let url = "facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet";
    let of = |message| facet(url, json!({"message": message, "programmingLanguage": "SQL"}));
    message.map(|message| ("errorMessage".to_owned(), of(message))).into_iter().collect()
}

fn facet(schema: &str, mut value: Value) -> Value {
    value["_producer"] = producer().into();
    value["_schemaURL"] = format!("{SPEC}/{schema}").into();
    value
}

fn event(kind: &str, at: Timestamp, run: Value, job: Value, data: [Vec<Value>; 2]) -> Value {
    let [inputs, outputs] = data;
    json!({
        "eventType": kind,
        "eventTime": at.to_string(),
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
        "producer": producer(),
        "schemaURL": format!("{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"),
    })
}

fn producer() -> String {
    format!("urn:pintail:{}", env!("CARGO_PKG_VERSION"))
}
