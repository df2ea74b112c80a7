//! The results store on a real PostgreSQL: what is written is read back with plain SQL.

#[path = "../dbt_manifest/mod.rs"]
mod dbt_manifest;
#[path = "../support/mod.rs"]
mod support;

mod away;
mod past;
mod quality;
mod upgrades;
mod writing;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pintail::artifacts::run_result;
use pintail::engine::Connection;
use pintail::manifest::{Manifest, Node};
use pintail::relation::{Cell, Column, ResultSet};
use pintail::run::{DataLoad, FailingRows, InvocationInfo, LoadKind, RunResult, Status, Timing};
use pintail::store::{
    Asked, Begin, Counts, End, Finished, Outcome, QualityRule, RunStatus, Spool, Store, Writer,
    WriterOptions, spool,
};
use support::TestDatabase;

fn manifest() -> Manifest {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let (mut manifest, _) = dbt_manifest::read(&fixtures.join("selectors/manifest.json"));
    let orders = &mut manifest.nodes["model.shop.orders"];
    orders.meta.insert("owner".into(), serde_json::json!({"team": "sales", "email": "s@x.y"}));
    manifest
}

fn invocation() -> InvocationInfo {
    InvocationInfo {
        invocation_id: uuid::Uuid::new_v4(),
        command: "build".into(),
        started_at: Timestamp::now(),
        selection: "--select +orders".into(),
        target: "dev".into(),
        profile: "shop".into(),
        project: "shop".into(),
        git_commit: Some("abc123".into()),
        git_branch: None,
        user: Some("ada".into()),
        host: Some("engine".into()),
        pid: std::process::id(),
        version: "0.1.0".into(),
        args: serde_json::Map::new(),
    }
}

fn begin(run: &InvocationInfo, nodes: usize, rules: Vec<QualityRule>) -> Begin {
    let nodes = (0..nodes).map(|at| format!("model.shop.n{at}")).collect();
    Begin::new(run.clone(), Some("here".into()), nodes, rules, "run_results.json".into())
}

fn end(status: RunStatus, results: &[RunResult]) -> End {
    let (counts, finished_at) = (Counts::of(results), Timestamp::now());
    End { outcome: Outcome { status, counts, finished_at, message: None }, known_tests: None }
}

/// A run that is being written.
struct Recording {
    folder: tempfile::TempDir,
    writer: Writer,
}

impl Recording {
    fn start(database: &TestDatabase, begin: Begin) -> Recording {
        let params = database.params.clone();
        Recording::reaching(begin, move || Store::reach(&params))
    }

    fn reaching(
        begin: Begin,
        reach: impl Fn() -> pintail::diagnostic::Result<Store> + Send + 'static,
    ) -> Recording {
        let folder = tempfile::tempdir().unwrap();
        let spool = Arc::new(Spool::create(folder.path(), &begin));
        let options = WriterOptions { pause: Duration::ZERO, ..WriterOptions::default() };
        let writer =
            Writer::start(reach(), Box::new(reach), Arc::new(begin), spool, options).unwrap();
        Recording { folder, writer }
    }

    fn record(&self, results: &[RunResult]) {
        for result in results {
            self.writer.record(result, &run_result(result));
        }
    }

    fn finish(self, end: &End) -> (Finished, tempfile::TempDir) {
        (self.writer.end(end.clone()).wait(), self.folder)
    }
}

fn result(node: &Node, status: Status) -> RunResult {
    let started_at = Timestamp::now();
    let completed_at = started_at + Duration::from_millis(250);
    let mut result = RunResult::new(node, status);
    result.execute = Some(Timing { started_at, completed_at });
    result.execution_time = Duration::from_millis(250);
    result.thread = 2;
    result
}

fn test_node<'m>(manifest: &'m Manifest, name: &str) -> &'m Node {
    manifest.nodes.values().find(|node| node.name == name).expect("a test of that name")
}

/// The single column of a query, as text.
fn column(database: &TestDatabase, sql: &str) -> Vec<String> {
    let rows = database.connect().query(sql, None).expect(sql);
    rows.rows.iter().map(|row| row[0].to_text()).collect()
}

fn one(database: &TestDatabase, sql: &str) -> String {
    column(database, sql).join("|")
}

/// A store that is away for its first calls.
fn away_for(
    calls: usize,
    database: &TestDatabase,
) -> impl Fn() -> pintail::diagnostic::Result<Store> + Send + 'static {
    let (params, count) = (database.params.clone(), AtomicUsize::new(0));
    let mut nowhere = params.clone();
    nowhere.host = "/nowhere".into();
    nowhere.retries = 0;
    move || {
        let away = count.fetch_add(1, Ordering::SeqCst) < calls;
        Store::reach(if away { &nowhere } else { &params })
    }
}
