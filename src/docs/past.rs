//! What is known of earlier runs: from the results store, or of the last run alone from
//! run_results.json. And the data files that show it: runs, and the quality of the data.

use std::collections::HashMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Pages, compact};
use crate::diagnostic::Result;
use crate::store::{
    Asked, CheckSummary, DayScore, Execution, Executions, RunSummary, Scorecard, Store, TaskSummary,
};

/// How many runs are listed …
const RUNS: usize = 50;

/// … and of how many it is told what each thread did, as long as these are not too many tasks.
const CHARTS: usize = 10;
const TASKS: i64 = 60_000;

/// How many executions of each node.
const EXECUTIONS: i64 = 30;

/// How many failing rows of each test.
const ROWS: usize = 20;

/// How many days scores are told of.
const DAYS: i64 = 30;

/// What is known of earlier runs.
#[derive(Debug, Default)]
pub struct Past {
    /// Whether it comes from a results store.
    pub from_store: bool,
    /// The newest first.
    pub runs: Vec<PastRun>,
    /// By `unique_id`.
    pub executions: HashMap<String, Executions>,
    /// The last check of each test that did not pass, with failing rows.
    pub failing: Vec<CheckSummary>,
    pub scores: Option<(Scorecard, Vec<DayScore>)>,
}

/// An earlier run.
#[derive(Debug)]
pub struct PastRun {
    pub summary: RunSummary,
    /// What it did, in the order of time; `None` where that is not told.
    pub tasks: Option<Vec<TaskSummary>>,
}

impl Past {
    /// What a store knows of a project on a target.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn read(store: &mut Store, project: &str, target: &str, now: Timestamp) -> Result<Past> {
        let asked = Asked { project: Some(project), limit: RUNS, ..Asked::default() };
        let mut runs = Vec::new();
        let (mut charts, mut tasks) = (0, 0);
        for summary in store.history(&asked)? {
            if summary.target.as_deref() != Some(target) {
                continue;
            }
            tasks += i64::from(summary.nodes_total.unwrap_or_default());
            charts += 1;
            let told = charts <= CHARTS && (charts == 1 || tasks <= TASKS);
            let tasks = told.then(|| store.tasks_of_run(summary.run_id)).transpose()?;
            runs.push(PastRun { summary, tasks });
        }
        let day = |days: i64| {
            let at = now - SignedDuration::from_hours(24 * days);
            at.strftime("%F").to_string()
        };
        let card = store.scorecard(project, target, &day(6), &day(13))?;
        let days = store.scores_by_day(project, target, &day(DAYS))?;
        Ok(Past {
            from_store: true,
            runs,
            executions: store.executions(project, target, EXECUTIONS)?,
            failing: store.failures(Some(project), Some(target), None, None, ROWS)?,
            scores: (!card.contexts.is_empty()).then_some((card, days)),
        })
    }

    /// The run that run_results.json tells of; nothing where there is none, or where it only
    /// compiled.
    pub fn of_artifact(path: &Path, project: &str, target: &str) -> Past {
        let text = std::fs::read(path).unwrap_or_default();
        let json: Value = serde_json::from_slice(&text).unwrap_or_default();
        let which = json["args"]["which"].as_str().unwrap_or_default();
        if !["build", "run", "test", "seed", "snapshot"].contains(&which) {
            return Past::default();
        }
        let results = json["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        let run_id = text_of(&json["metadata"]["invocation_id"]).and_then(|id| id.parse().ok());
        let run_id: Uuid = run_id.unwrap_or_default();
        let mut tasks = Vec::new();
        let mut executions = HashMap::new();
        for result in results {
            let Some(task) = task_of(result, run_id, target) else { continue };
            let once = Execution {
                at_ms: task.started_at.as_millisecond(),
                status: task.status.clone(),
                duration_ms: task.duration_ms,
                count: result["failures"].as_i64().or(task.rows_affected),
            };
            let all = Executions { all: vec![once], message: task.message.clone() };
            executions.insert(task.unique_id.clone(), all);
            tasks.push(task);
        }
        tasks.sort_by_key(|task| task.started_at);
        let count = |statuses: &[&str]| {
            let of = results.iter().filter(|one| {
                one["status"].as_str().is_some_and(|status| statuses.contains(&status))
            });
            i32::try_from(of.count()).ok()
        };
        let failed = count(&["error", "fail", "partial success", "cancelled"]);
        let summary = RunSummary {
            run_id,
            project: project.to_owned(),
            command: which.to_owned(),
            selection: None,
            target: Some(target.to_owned()),
            git_commit: None,
            git_branch: None,
            user: None,
            host: None,
            status: if failed == Some(0) { "success" } else { "failed" }.to_owned(),
            started_at: tasks.first().map_or(Timestamp::UNIX_EPOCH, |task| task.started_at),
            duration_ms: json["elapsed_time"].as_f64().map(|seconds| (1000.0 * seconds) as i64),
            nodes_total: i32::try_from(results.len()).ok(),
            nodes_passed: count(&["success", "pass", "no-op"]),
            nodes_warned: count(&["warn"]),
            nodes_failed: failed,
            nodes_skipped: count(&["skipped"]),
            message: None,
        };
        let runs = vec![PastRun { summary, tasks: Some(tasks) }];
        Past { runs, executions, ..Past::default() }
    }

    /// How a node ended the last time.
    pub fn last(&self, unique_id: &str) -> Option<&Execution> {
        self.executions.get(unique_id)?.all.last()
    }
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A result of run_results.json, where the node ran.
fn task_of(result: &Value, run_id: Uuid, target: &str) -> Option<TaskSummary> {
    let unique_id = text_of(&result["unique_id"])?;
    let timing = result["timing"].as_array()?;
    let started_at: Timestamp =
        timing.iter().find_map(|one| one["started_at"].as_str()?.parse().ok())?;
    let thread = result["thread_id"].as_str().unwrap_or_default();
    let digits: String = thread.chars().filter(char::is_ascii_digit).collect();
    let (kind, rest) = unique_id.split_once('.')?;
    Some(TaskSummary {
        task_id: Uuid::nil(),
        run_id,
        resource_type: kind.to_owned(),
        name: rest.split('.').nth(1).unwrap_or(rest).to_owned(),
        target: Some(target.to_owned()),
        engine: None,
        context: None,
        materialization: None,
        relation: text_of(&result["relation_name"]),
        status: text_of(&result["status"]).unwrap_or_default(),
        rows_affected: result["adapter_response"]["rows_affected"].as_i64(),
        bytes: None,
        started_at,
        duration_ms: result["execution_time"].as_f64().map(|seconds| (1000.0 * seconds) as i64),
        message: text_of(&result["message"]),
        thread: digits.parse().ok(),
        unique_id,
    })
}

/// The data files of runs and of quality.
pub(super) fn files(pages: &Pages<'_>) -> Vec<(String, Value)> {
    let past = pages.inputs.past;
    let mut files = Vec::new();
    if !past.runs.is_empty() {
        files.push(("runs".to_owned(), past.runs.iter().map(run).collect()));
    }
    for PastRun { summary, tasks } in &past.runs {
        if let Some(tasks) = tasks {
            files.push((format!("run-{}", summary.run_id), chart(pages, summary, tasks)));
        }
    }
    if let Some((card, days)) = &past.scores {
        files.push(("quality".to_owned(), json!({"card": card, "days": days})));
    }
    files
}

fn run(run: &PastRun) -> Value {
    let one = &run.summary;
    compact(json!({
        "id": one.run_id,
        "command": one.command,
        "selection": one.selection,
        "status": one.status,
        "at": one.started_at.as_millisecond(),
        "ms": one.duration_ms,
        "user": one.user,
        "host": one.host,
        "commit": one.git_commit,
        "branch": one.git_branch,
        "total": one.nodes_total,
        "passed": one.nodes_passed,
        "warned": one.nodes_warned,
        "failed": one.nodes_failed,
        "skipped": one.nodes_skipped,
        "message": one.message,
        "chart": run.tasks.is_some(),
    }))
}

/// A run's tasks, each a list: the place of its node, or of what it tests, or -1; kind; name;
/// status; milliseconds from the run's start; duration; thread; engine; rows; the message of what
/// did not pass.
fn chart(pages: &Pages<'_>, run: &RunSummary, tasks: &[TaskSummary]) -> Value {
    let start = run.started_at.as_millisecond();
    let row = |task: &TaskSummary| {
        let id = task.unique_id.as_str();
        let tested = || pages.inputs.manifest.nodes.get(id)?.tested();
        let place = pages.places.get(id).or_else(|| pages.places.get(&**tested()?));
        let quiet = ["success", "pass"].contains(&task.status.as_str());
        json!([
            place.and_then(|at| i64::try_from(*at).ok()).unwrap_or(-1),
            task.resource_type,
            place
                .filter(|_| task.resource_type == "bridge")
                .map_or_else(|| task.name.clone(), |at| pages.members[*at].search_name(),),
            task.status,
            task.started_at.as_millisecond() - start,
            task.duration_ms,
            task.thread,
            task.engine,
            task.rows_affected,
            task.message.as_deref().filter(|_| !quiet),
        ])
    };
    json!({"id": run.run_id, "tasks": tasks.iter().map(row).collect::<Vec<_>>()})
}
