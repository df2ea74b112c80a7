//! The results store on a real PostgreSQL: what is written is read back with plain SQL.

mod dbt_manifest;
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pintail::artifacts::result_json;
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
            self.writer.record(result, &result_json(result));
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

#[test]
fn a_run_is_written_and_can_be_asked_about() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let recording = Recording::start(&database, begin(&run, 5, rules));
    assert_eq!(
        one(
            &database,
            "select status || ' ' || nodes_total || ' ' || (finished_at is null)
            from etl_orchestration.pipeline_runs"
        ),
        "running 5 true"
    );
    let mut built = result(&manifest.nodes["model.shop.orders"], Status::Success);
    built.rows_affected = Some(12);
    built.compiled_code = Some("select 1".into());
    built.relation_name = Some("\"main\".\"orders\"".into());
    let mut seed = result(&manifest.nodes["seed.shop.regions"], Status::Success);
    seed.loads.push(DataLoad {
        kind: LoadKind::Seed,
        unique_id: "seed.shop.regions".into(),
        source_engine: None,
        target_engine: "duckdb".into(),
        source: "seeds/regions.csv".into(),
        target: "\"main\".\"regions\"".into(),
        rows: Some(2),
        bytes: Some(20),
        duration: Duration::from_millis(7),
        status: Status::Success,
        loaded_at: Timestamp::now(),
    });
    let mut failed = result(test_node(&manifest, "orders_to_stg"), Status::Fail);
    failed.failures = Some(205);
    failed.message = Some("Got 205 results, configured to fail if != 0\0".into());
    let columns = [("id", "int"), ("price", "decimal"), ("note", "text")];
    let rows = ResultSet {
        columns: columns
            .map(|(name, kind)| Column { name: name.into(), data_type: kind.into() })
            .into(),
        rows: (0..100)
            .map(|id| {
                vec![Cell::Int(id), Cell::Decimal("12.50".into()), Cell::Text("a\0\"ü\"\n".into())]
            })
            .collect(),
    };
    failed.failing_rows = Some(FailingRows { rows, key: 1, recognisable: true, complete: false });
    let mut skipped = RunResult::new(&manifest.nodes["model.shop.revenue"], Status::Skipped);
    skipped.message = Some("skipped".into());
    let passed = {
        let mut passed = result(test_node(&manifest, "unique_customers_id"), Status::Pass);
        passed.failures = Some(0);
        passed
    };
    let results = [built, seed, failed, skipped, passed];
    recording.record(&results);
    recording.writer.record_load(&DataLoad {
        kind: LoadKind::Bridge,
        unique_id: "model.shop.orders".into(),
        source_engine: Some("analytics".into()),
        target_engine: "operational".into(),
        ..results[1].loads[0].clone()
    });
    let (finished, _) = recording.finish(&end(RunStatus::Failed, &results));
    assert_eq!(finished.warnings, []);
    assert!(finished.complete);
    let mut store = Store::reach(&database.params).unwrap();

    assert_eq!(
        one(
            &database,
            "select concat_ws(' ', status, nodes_total, nodes_passed, nodes_warned,
            nodes_failed, nodes_skipped, finished_at >= started_at, duration_ms >= 0)
            from etl_orchestration.pipeline_runs"
        ),
        "failed 5 3 0 1 1 t t"
    );
    assert_eq!(
        column(
            &database,
            "select concat_ws(' ', name, engine, context, materialization, status,
            rows_affected, duration_ms, thread, started_at is null)
            from etl_orchestration.task_executions order by name"
        ),
        [
            "orders duckdb finance table success 12 250 2 f",
            "orders_to_stg duckdb finance test fail 250 2 f",
            "regions duckdb seed success 250 2 f",
            "revenue duckdb finance table skipped 0 0 t",
            "unique_customers_id duckdb finance test pass 250 2 f",
        ]
    );
    // sha256 of "select 1"
    assert_eq!(
        one(
            &database,
            "select compiled_sql_hash from etl_orchestration.task_executions
            where name = 'orders'"
        ),
        "822ae07d4783158bc1912bb623e5107cc9002d519e1143a9c200ed6ee18b6d0f"
    );
    assert_eq!(
        column(
            &database,
            "select concat_ws(' ', kind, unique_id, source_engine, target_engine,
            rows_loaded, bytes_loaded, duration_ms, task_id is null)
            from etl_orchestration.data_loads order by kind"
        ),
        [
            "bridge model.shop.orders analytics operational 2 20 7 t",
            "seed seed.shop.regions duckdb 2 20 7 f",
        ]
    );
    assert_eq!(one(&database, "select count(*) from data_quality.quality_rules"), "14");
    assert_eq!(
        one(
            &database,
            "select concat_ws(' ', project, node_unique_id, node_name, column_name, kind,
            severity, owner, context, engine, active)
            from data_quality.quality_rules where name = 'orders_to_stg'"
        ),
        "shop model.shop.orders orders customer_id relationships warn sales finance duckdb t"
    );
    assert_eq!(
        column(
            &database,
            "select concat_ws(' ', r.name, c.status, c.failures, c.severity, c.warn_if,
            c.message) from data_quality.quality_checks c join data_quality.quality_rules r
            using (rule_id) order by 1"
        ),
        [
            "orders_to_stg fail 205 warn != 0 Got 205 results, configured to fail if != 0",
            "unique_customers_id pass 0 error != 0",
        ]
    );
    assert_eq!(
        one(
            &database,
            "select concat_ws(' ', count(*), min(row_number), max(row_number))
            from data_quality.quality_failures"
        ),
        "100 1 100"
    );
    assert_eq!(
        one(
            &database,
            "select row_data::text from data_quality.quality_failures
            where row_number = 2"
        ),
        r#"{"id": 1, "note": "a\"ü\"\n", "price": 12.50}"#
    );
    assert_eq!(
        one(
            &database,
            "select concat_ws(' ', row_columns, key_columns, rows_complete,
            (select row_key from data_quality.quality_failures where row_number = 2))
            from data_quality.quality_checks where failures > 0"
        ),
        r#"{id,price,note} 1 f {"id": 1}"#
    );

    let asked = |project| Asked { project, limit: 10, ..Asked::default() };
    let runs = store.history(&asked(Some("shop"))).unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].run_id, runs[0].status.as_str()), (run.invocation_id, "failed"));
    assert_eq!(runs[0].started_at.as_microsecond(), run.started_at.as_microsecond());
    assert_eq!(store.history(&asked(Some("other"))).unwrap().len(), 0);
    let prefix = &run.invocation_id.to_string()[..8];
    for node in ["orders", "model.shop.orders"] {
        let tasks = store.tasks(node, &asked(None)).unwrap();
        assert_eq!((tasks.len(), tasks[0].rows_affected), (1, Some(12)));
    }
    let times = store.times("shop", "dev", None, run.started_at).unwrap();
    let times = times.iter().map(|node| (&*node.name, &*node.durations)).collect::<Vec<_>>();
    let each: &[i64] = &[250];
    assert_eq!(
        times,
        [
            ("orders", each),
            ("regions", each),
            ("orders_to_stg", each),
            ("unique_customers_id", each)
        ]
    );
    let failures =
        store.failures(Some("shop"), Some("dev"), Some("orders_to_stg"), None, 3).unwrap();
    assert_eq!((failures.len(), failures[0].failures), (1, Some(205)));
    assert_eq!(failures[0].rows.len(), 3);
    assert_eq!(failures[0].rows[2].data["id"], 2);
    assert_eq!(failures[0].rows[2].change.as_deref(), Some("new"));
    assert!(store.failures(None, Some("prod"), Some("orders_to_stg"), None, 3).unwrap().is_empty());
    let of_node = store.failures(None, Some("prod"), Some("orders"), Some(prefix), 0).unwrap();
    assert_eq!((of_node.len(), of_node[0].rows.len()), (1, 0));
    let all = store.failures(None, None, None, None, 1).unwrap();
    assert_eq!((all.len(), all[0].name.as_str()), (1, "orders_to_stg"));
    let names = store.rule_names(Some("shop")).unwrap();
    assert!(names.contains(&"orders_to_stg".into()) && names.contains(&"raw.orders".into()));
}

#[test]
fn rules_change_and_retire_without_losing_their_history() {
    let (database, mut manifest) = (TestDatabase::create(), manifest());
    let write = |manifest: &Manifest, known_tests: Option<Vec<String>>| {
        let rules = QualityRule::all(manifest, manifest.nodes.values().map(|node| &**node));
        let recording = Recording::start(&database, begin(&invocation(), 0, rules));
        let (finished, _) = recording.finish(&End { known_tests, ..end(RunStatus::Success, &[]) });
        assert_eq!(finished.warnings, []);
    };
    let ids = "select string_agg(rule_id::text, ',' order by name) from data_quality.quality_rules";
    write(&manifest, None);
    let before = one(&database, ids);
    for node in manifest.nodes.values_mut() {
        if node.name == "unique_customers_id" {
            node.config.values.insert("severity".into(), "WARN".into());
        }
    }
    write(&manifest, None);
    assert_eq!(one(&database, ids), before);
    assert_eq!(
        one(
            &database,
            "select name || ' ' || severity from data_quality.quality_rules
            where updated_at > created_at"
        ),
        "unique_customers_id warn"
    );
    let kept = manifest
        .nodes
        .keys()
        .map(ToString::to_string)
        .filter(|id| !id.contains("no_negative_orders"))
        .collect();
    write(&manifest, Some(kept));
    assert_eq!(
        one(&database, "select name from data_quality.quality_rules where not active"),
        "no_negative_orders"
    );
    write(&manifest, None);
    assert_eq!(
        one(&database, "select count(*) from data_quality.quality_rules where not active"),
        "0"
    );
}

#[test]
fn a_run_whose_process_died_is_interrupted_by_the_next_one() {
    let database = TestDatabase::create();
    let (dead, alive, next) = (invocation(), invocation(), invocation());
    let mut store = Store::reach(&database.params).unwrap();
    store.begin_run(&begin(&dead, 3, Vec::new())).unwrap();
    drop(store);
    let mut other = Store::reach(&database.params).unwrap();
    other.begin_run(&begin(&alive, 3, Vec::new())).unwrap();
    // The server ends the dead one's session in its own time.
    let deadline = Instant::now() + Duration::from_secs(10);
    while one(
        &database,
        "select count(*) from pg_locks where locktype = 'advisory'
        and classid = 20564 and database =
            (select oid from pg_database where datname = current_database())",
    ) != "1"
    {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut store = Store::reach(&database.params).unwrap();
    store.begin_run(&begin(&next, 3, Vec::new())).unwrap();
    assert_eq!(store.mark_interrupted(next.invocation_id).unwrap(), 1);
    let status = |run: &InvocationInfo| {
        let id = run.invocation_id;
        one(
            &database,
            &format!(
                "select concat_ws(' ', status, finished_at is not null)
             from etl_orchestration.pipeline_runs where run_id = '{id}'"
            ),
        )
    };
    assert_eq!(status(&dead), "interrupted t");
    assert_eq!(status(&alive), "running f");
    assert_eq!(status(&next), "running f");
}

#[test]
fn eight_commands_at_once_make_the_tables_once() {
    let database = TestDatabase::create();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut store = Store::reach(&database.params)?;
                    store.begin_run(&begin(&invocation(), 1, Vec::new()))
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
    let twice = "select count(*) - count(distinct version) from etl_orchestration.schema_versions";
    assert_eq!(one(&database, twice), "0");
    assert_eq!(one(&database, "select count(*) from etl_orchestration.pipeline_runs"), "8");
}

#[test]
fn tables_of_a_newer_version_are_left_alone() {
    let database = TestDatabase::create();
    Store::reach(&database.params).unwrap();
    let newer = "insert into etl_orchestration.schema_versions values (99, 'later', '', '0')";
    database.connect().execute(newer).unwrap();
    let error = Store::reach(&database.params).err().expect("refused");
    assert_eq!(error.code.0, "PT701");
    assert!(error.message.contains("version 99"), "{}", error.message);
}

#[test]
fn one_bad_result_does_not_take_others_with_it() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let recording = Recording::start(&database, begin(&run, 2, Vec::new()));
    let mut results = vec![result(&manifest.nodes["model.shop.orders"], Status::Success); 3];
    // More than a bigint holds.
    results[1].rows_affected = Some(u64::MAX);
    recording.record(&results);
    let (finished, folder) = recording.finish(&end(RunStatus::Success, &results));
    assert_eq!(one(&database, "select count(*) from etl_orchestration.task_executions"), "2");
    assert_eq!(one(&database, "select status from etl_orchestration.pipeline_runs"), "success");
    assert!(!finished.complete);
    let warning = &finished.warnings[0];
    assert_eq!(warning.message, "The results store could not take note of results");
    let note = warning.notes.last().unwrap();
    assert!(note.starts_with("One result of this run is kept in "), "{note}");
    // Sending it again brings the others no second time, and says which does not fit.
    let left = spool::left(folder.path());
    let mut store = Store::reach(&database.params).unwrap();
    assert_eq!(store.replay(&left[0]).unwrap(), 1);
    assert_eq!(one(&database, "select count(*) from etl_orchestration.task_executions"), "2");
}

#[test]
fn a_lost_connection_is_made_again() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let recording = Recording::start(&database, begin(&run, 3, Vec::new()));
    let results = vec![result(&manifest.nodes["model.shop.orders"], Status::Success); 3];
    recording.record(&results[..1]);
    end_sessions(&database);
    recording.record(&results[1..]);
    let (finished, _) = recording.finish(&end(RunStatus::Success, &results));
    assert_eq!(finished.warnings, []);
    assert!(finished.complete);
    assert_eq!(one(&database, "select count(*) from etl_orchestration.task_executions"), "3");
    assert_eq!(one(&database, "select status from etl_orchestration.pipeline_runs"), "success");
}

fn end_sessions(database: &TestDatabase) {
    database
        .connect()
        .query(
            "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()",
            None,
        )
        .unwrap();
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

#[test]
fn a_store_that_comes_up_during_the_run_gets_everything() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let recording = Recording::reaching(begin(&run, 2, rules), away_for(1, &database));
    let results = [
        result(&manifest.nodes["model.shop.orders"], Status::Success),
        result(test_node(&manifest, "orders_to_stg"), Status::Pass),
    ];
    recording.record(&results);
    let (finished, _) = recording.finish(&end(RunStatus::Success, &results));
    assert_eq!(finished.warnings, []);
    assert!(finished.complete);
    assert_eq!(one(&database, "select count(*) from etl_orchestration.task_executions"), "2");
    assert_eq!(one(&database, "select count(*) from data_quality.quality_checks"), "1");
}

#[test]
fn what_a_store_that_is_away_does_not_get_is_sent_later_and_once() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let recording = Recording::reaching(begin(&run, 2, rules), away_for(usize::MAX, &database));
    let mut failed = result(test_node(&manifest, "orders_to_stg"), Status::Fail);
    failed.failures = Some(1);
    let rows = ResultSet {
        columns: vec![Column { name: "id".into(), data_type: "int".into() }],
        rows: vec![vec![Cell::Int(7)]],
    };
    failed.failing_rows = Some(FailingRows { rows, key: 1, recognisable: true, complete: true });
    let results = [result(&manifest.nodes["model.shop.orders"], Status::Success), failed];
    recording.record(&results);
    // As long as the run lives nobody else reads its spool.
    assert_eq!(spool::left(recording.folder.path()).len(), 0);
    let (finished, folder) = recording.finish(&end(RunStatus::Failed, &results));
    assert!(!finished.complete);
    let note = finished.warnings[0].notes.last().unwrap();
    assert!(note.starts_with("2 results of this run are kept in "), "{note}");

    let left = spool::left(folder.path());
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].results.len(), left[0].damaged), (2, 0));
    let mut store = Store::reach(&database.params).unwrap();
    for _twice in 0..2 {
        assert_eq!(store.replay(&left[0]).unwrap(), 0);
        assert_eq!(
            one(
                &database,
                "select concat_ws(' ', status, nodes_total, nodes_passed, nodes_failed,
                (select count(*) from etl_orchestration.task_executions),
                (select count(*) from data_quality.quality_checks),
                (select string_agg(row_data::text, '') from data_quality.quality_failures))
                from etl_orchestration.pipeline_runs"
            ),
            "failed 2 1 1 2 1 {\"id\": 7}"
        );
    }
}

/// What a check of a run found: hours after the first, the ids of the rows, and whether they are all.
type Found = (i64, Status, &'static [i64], bool);

/// What a run that found this left on disk, since its store was away.
fn left_behind(database: &TestDatabase, target: &str, found: &Found) -> spool::Left {
    let (hours, status, ids, complete) = *found;
    let manifest = manifest();
    let run = InvocationInfo { target: target.to_owned(), ..invocation() };
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let recording = Recording::reaching(begin(&run, 1, rules), away_for(usize::MAX, database));
    let mut result = result(test_node(&manifest, "orders_to_stg"), status);
    let at = "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap();
    let at = at + Duration::from_secs(3600 * u64::try_from(hours).unwrap());
    result.execute = Some(Timing { started_at: at, completed_at: at });
    result.failures = (status != Status::Error).then_some(ids.len() as u64);
    if !ids.is_empty() {
        let columns =
            ["id", "note"].map(|name| Column { name: name.into(), data_type: "x".into() });
        // The note is another one each time; the key is the id.
        let row = |id: &i64| vec![Cell::Int((*id).into()), Cell::Int(hours.into())];
        let rows = ResultSet { columns: columns.into(), rows: ids.iter().map(row).collect() };
        result.failing_rows = Some(FailingRows { rows, key: 1, recognisable: true, complete });
    }
    recording.record(std::slice::from_ref(&result));
    let (_, folder) = recording.finish(&end(RunStatus::Failed, &[result]));
    spool::left(folder.path()).remove(0)
}

#[test]
fn failing_rows_have_the_same_life_in_whatever_order_runs_arrive() {
    let database = TestDatabase::create();
    let found: [Found; 6] = [
        (1, Status::Fail, &[1, 2, 3], true),
        (2, Status::Fail, &[2], true),
        (3, Status::Fail, &[2, 4], false),
        (4, Status::Error, &[], false),
        (5, Status::Fail, &[3, 4], true),
        (6, Status::Warn, &[4], false),
    ];
    let lives = |target: &str| {
        let sql = format!(
            "select concat_ws(' ', row_key ->> 'id', status, times_seen,
            extract(hour from first_seen), extract(hour from last_seen), extract(hour from resolved_at),
            (select count(*) from etl_orchestration.pipeline_runs
                where run_id in (first_run_id, last_run_id)))
            from data_quality.quality_incidents where target = '{target}' order by 1"
        );
        column(&database, &sql)
    };
    let orders = [
        [0, 1, 2, 3, 4, 5],
        [5, 4, 3, 2, 1, 0],
        [2, 0, 4, 1, 5, 3],
        [4, 1, 0, 5, 2, 3],
        [1, 0, 3, 2, 5, 4],
        [3, 5, 1, 4, 0, 2],
        [0, 4, 1, 2, 5, 3],
        [4, 5, 0, 2, 1, 3],
    ];
    for (at, order) in orders.iter().enumerate() {
        let target = format!("target{at}");
        let mut store = Store::reach(&database.params).unwrap();
        for one in order {
            let left = left_behind(&database, &target, &found[*one]);
            for _twice in 0..2 {
                assert_eq!(store.replay(&left).unwrap(), 0);
            }
        }
        assert_eq!(
            lives(&target),
            [
                "1 resolved 1 1 1 2 1",
                "2 resolved 3 1 3 5 2",
                "3 recurring 2 1 5 2",
                "4 recurring 3 3 6 2"
            ],
            "{order:?}"
        );
    }
    // A check that passes resolves all, on its own target.
    let mut store = Store::reach(&database.params).unwrap();
    store.replay(&left_behind(&database, "target0", &(7, Status::Pass, &[], true))).unwrap();
    let ended = [
        "1 resolved 1 1 1 2 1",
        "2 resolved 3 1 3 5 2",
        "3 resolved 2 1 5 7 2",
        "4 resolved 3 3 6 7 2",
    ];
    assert_eq!(lives("target0"), ended);
    assert_eq!(lives("target1")[2], "3 recurring 2 1 5 2");
    // A row that was found once is new, also where the list was cut off.
    store.replay(&left_behind(&database, "fresh", &(1, Status::Fail, &[9], false))).unwrap();
    assert_eq!(lives("fresh"), ["9 new 1 1 1 1"]);
}

#[test]
fn a_run_that_was_broken_off_is_read_up_to_its_last_whole_line() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::create(folder.path(), &begin(&run, 3, Vec::new()));
    let one_result = result(&manifest.nodes["model.shop.orders"], Status::Success);
    for _ in 0..3 {
        spool.result(None, &result_json(&one_result));
    }
    let path = spool.path().to_owned();
    drop(spool);
    let mut text = std::fs::read_to_string(&path).unwrap();
    // The last line is cut off, and a bit of the one before it is wrong.
    text.truncate(text.len() - 9);
    let second = text.match_indices('\n').nth(1).unwrap().0;
    text.replace_range(second + 30..second + 31, "\u{1}");
    std::fs::write(&path, text).unwrap();
    let left = spool::left(folder.path());
    assert_eq!((left[0].results.len(), left[0].damaged), (1, 1));
    let mut store = Store::reach(&database.params).unwrap();
    store.replay(&left[0]).unwrap();
    assert_eq!(one(&database, "select status from etl_orchestration.pipeline_runs"), "interrupted");
}

#[test]
fn a_writer_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Writer>();
}

#[test]
fn opening_and_writing_are_quick() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    Store::reach(&database.params).unwrap();
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let start = Instant::now();
    let recording = Recording::start(&database, begin(&run, 2, rules));
    let begun = start.elapsed();
    let results = vec![result(test_node(&manifest, "orders_to_stg"), Status::Pass); 4_000];
    let start = Instant::now();
    recording.record(&results);
    let recorded = start.elapsed();
    let (finished, _) = recording.finish(&end(RunStatus::Success, &results));
    let written = start.elapsed();
    assert_eq!(finished.warnings, []);
    eprintln!(
        "open and begin {begun:?}, record 4,000 results {recorded:?}, until all are written \
         {written:?}"
    );
    assert_eq!(one(&database, "select count(*) from data_quality.quality_checks"), "4000");
}

/// Rules r1 … and checks of them, written by hand; gives the store.
fn by_hand(database: &TestDatabase, sql: &str) -> Store {
    let store = Store::reach(&database.params).unwrap();
    let made = "
        insert into etl_orchestration.pipeline_runs (run_id, project, command, target, status, started_at)
            values ('00000000-0000-0000-0000-000000000001', 'shop', 'test', 'dev', 'success', now());
        insert into data_quality.quality_rules
            (rule_id, project, unique_id, name, kind, severity, owner, context)
        select md5('r' || n)::uuid, 'shop', 'test.shop.r' || n, 'r' || n, 'singular',
            case n % 2 when 0 then 'warn' else 'error' end, 'o' || n % 3, 'c' || n % 2
        from generate_series(1, 6) as n;
        create function check_of(rule text, status text, at timestamptz, ms bigint = 10, sql text = 'a')
        returns void language sql as $$
            insert into data_quality.quality_checks (
                check_id, run_id, rule_id, target, status, failures, severity, duration_ms,
                compiled_sql_hash, checked_at, rows_complete
            )
            select gen_random_uuid(), '00000000-0000-0000-0000-000000000001', rule_id, 'dev', status,
                case status when 'fail' then 3 when 'warn' then 1 else 0 end, severity, ms, sql, at, true
            from data_quality.quality_rules where name = rule
        $$;
    ";
    database.connect().execute(&format!("{made}{sql}")).unwrap();
    store
}

#[test]
fn the_score_of_a_day_is_that_of_its_last_checks() {
    let database = TestDatabase::create();
    let mut store = by_hand(
        &database,
        "select check_of('r1', 'pass', '2026-03-01 10:00Z'), check_of('r1', 'fail', '2026-03-01 11:00Z'),
            check_of('r1', 'skipped', '2026-03-01 12:00Z'), check_of('r1', 'pass', '2026-03-02 01:00Z'),
            check_of('r2', 'warn', '2026-03-01 23:59Z'), check_of('r3', 'error', '2026-03-02 01:00Z'),
            check_of('r5', 'pass', '2026-03-02 01:00Z')",
    );
    assert_eq!(
        column(
            &database,
            "select concat_ws(' ', day, project, target, context, owner, rules, passed, warned, failed,
            errors, failing_rows, score) from data_quality.quality_reports order by day, context, owner"
        ),
        [
            "2026-03-01 shop dev c0 o2 1 0 1 0 0 1 50.00",
            "2026-03-01 shop dev c1 o1 1 0 0 1 0 3 0.00",
            "2026-03-02 shop dev c1 o0 1 0 0 0 1 0 0.00",
            "2026-03-02 shop dev c1 o1 1 1 0 0 0 0 100.00",
            "2026-03-02 shop dev c1 o2 1 1 0 0 0 0 100.00",
        ]
    );
    let card = store.scorecard("shop", "dev", "2026-03-02", "2026-03-01").unwrap();
    // A rule of severity error weighs twice: (2 + 2) of 6, before that 0.5 of 3.
    assert_eq!((card.score, card.score_before), (Some(66.67), Some(16.67)));
    let of = |one: &pintail::store::ContextScore| {
        let name = format!("{:?} {:?}", one.context.as_deref(), one.owner.as_deref());
        (name, one.score, one.score_before, one.tests)
    };
    let contexts: Vec<_> = card.contexts.iter().map(of).collect();
    assert_eq!(contexts[0], ("Some(\"c1\") Some(\"o0\")".into(), Some(0.0), None, 1));
    assert_eq!(contexts[1], ("Some(\"c1\") Some(\"o1\")".into(), Some(100.0), Some(0.0), 1));
    let worst: Vec<&str> = card.worst.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(worst, ["r3"]);
    assert_eq!(store.scorecard("shop", "prod", "2026-03-02", "2026-03-01").unwrap().score, None);
}

#[test]
fn tests_that_flip_and_tests_that_slow_down_are_found() {
    let database = TestDatabase::create();
    let mut store = by_hand(
        &database,
        "select check_of('r1', case n % 2 when 0 then 'pass' else 'fail' end, '2026-03-01Z'::timestamptz + n * interval '1 hour'),
            -- failed once and was put right
            check_of('r2', case n when 3 then 'fail' else 'pass' end, '2026-03-01Z'::timestamptz + n * interval '1 hour'),
            -- was written anew each time
            check_of('r3', case n % 2 when 0 then 'pass' else 'fail' end, '2026-03-01Z'::timestamptz + n * interval '1 hour', sql => n::text),
            check_of('r4', 'pass', '2026-03-01Z'::timestamptz + n * interval '1 hour', case n when 8 then 900 else 100 + n end),
            -- slower, but by nothing that anybody would notice
            check_of('r5', 'pass', '2026-03-01Z'::timestamptz + n * interval '1 hour', case n when 8 then 50 else 5 end),
            check_of('r6', 'pass', '2026-03-01Z'::timestamptz + n * interval '1 hour', 900)
        from generate_series(1, 8) as n",
    );
    let card = store.scorecard("shop", "dev", "2026-03-01", "2026-02-01").unwrap();
    let flaky: Vec<_> =
        card.flaky.iter().map(|one| (one.name.as_str(), one.checks, one.flips)).collect();
    assert_eq!(flaky, [("r1", 8, 7)]);
    let slow: Vec<_> =
        card.slow.iter().map(|one| (one.name.as_str(), one.duration_ms, one.median_ms)).collect();
    assert_eq!(slow, [("r4", 900, 104)]);
}

/// Questions about 100 tests in 500 runs, of which each finds its rows by an index.
#[test]
fn questions_about_quality_use_indexes() {
    let database = TestDatabase::create();
    Store::reach(&database.params).unwrap();
    let made = "
        insert into etl_orchestration.pipeline_runs (run_id, project, command, target, status, started_at)
        select md5('run' || n)::uuid, 'shop', 'test', 'dev', 'failed', '2026-03-01Z'::timestamptz - n * interval '6 hours'
        from generate_series(1, 500) as n;
        insert into data_quality.quality_rules
            (rule_id, project, unique_id, name, kind, severity, owner, context)
        select md5('rule' || n)::uuid, 'shop', 'test.shop.t' || n, 't' || n, 'unique', 'error', 'o' || n % 5, 'c' || n % 7
        from generate_series(1, 100) as n;
        insert into data_quality.quality_checks (
            check_id, run_id, rule_id, target, status, failures, severity, duration_ms, compiled_sql_hash, checked_at,
            rows_complete
        )
        select md5('check' || r || ' ' || n)::uuid, md5('run' || n)::uuid, md5('rule' || r)::uuid, 'dev',
            case when r % 20 = 0 then 'fail' else 'pass' end, case when r % 20 = 0 then 3 else 0 end, 'error',
            10, 'a', '2026-03-01Z'::timestamptz - n * interval '6 hours' + r * interval '1 second', true
        from generate_series(1, 500) as n, generate_series(1, 100) as r;
        insert into data_quality.quality_failures (
            check_id, run_id, rule_id, row_number, row_data, incident_id, recorded_at
        )
        select check_id, run_id, rule_id, n, '{\"id\": 1}', md5(rule_id::text || n || (run_id::text < '8'))::uuid, checked_at
        from data_quality.quality_checks, generate_series(1, 3) as n where status = 'fail';
        insert into data_quality.quality_incidents
        select md5('incident' || n)::uuid, md5('rule' || n % 100 + 1)::uuid, 'dev', '{}',
            case when n % 500 = 0 then 'new' else 'resolved' end, 1, '2026-01-01Z', '2026-01-01Z',
            case when n % 500 <> 0 then '2026-03-01Z'::timestamptz - n * interval '1 minute' end,
            md5('run1')::uuid, md5('run1')::uuid
        from generate_series(1, 20000) as n;
        analyze";
    database.connect().execute(made).unwrap();
    let rule = one(&database, "select md5('rule20')::uuid");
    let run = one(&database, "select md5('run1')::uuid");
    let check = one(&database, "select md5('check20 1')::uuid");
    let earlier = one(&database, "select md5('check20 2')::uuid");
    let quoted = |text: &str| format!("'{text}'");
    let questions: [(&str, &str, Vec<String>); 10] = [
        (
            "checks",
            include_str!("../src/store/sql/checks.sql"),
            vec![quoted("shop"), "null".into(), quoted("dev")],
        ),
        (
            "checks_of_run",
            include_str!("../src/store/sql/checks_of_run.sql"),
            vec![quoted("shop"), quoted("t20"), quoted(&run[..8])],
        ),
        (
            "scores",
            include_str!("../src/store/sql/scores.sql"),
            ["shop", "dev", "2026-02-23", "2026-02-16"].map(quoted).into(),
        ),
        (
            "worst_rules",
            include_str!("../src/store/sql/worst_rules.sql"),
            vec![quoted("shop"), quoted("dev"), quoted("2026-02-23"), "10".into()],
        ),
        (
            "flaky_tests",
            include_str!("../src/store/sql/flaky_tests.sql"),
            vec![quoted("shop"), quoted("dev"), "10".into()],
        ),
        (
            "slow_tests",
            include_str!("../src/store/sql/slow_tests.sql"),
            vec![quoted("shop"), quoted("dev"), "10".into()],
        ),
        (
            "failing_rows",
            include_str!("../src/store/sql/failing_rows.sql"),
            vec![quoted(&check), "20".into()],
        ),
        ("changes", include_str!("../src/store/sql/changes.sql"), vec![quoted(&check)]),
        (
            "resolved_rows",
            include_str!("../src/store/sql/resolved_rows.sql"),
            vec![quoted(&check), quoted(&earlier)],
        ),
        (
            "settle_incidents",
            include_str!("../src/store/sql/settle_incidents.sql"),
            vec![quoted(&format!("{{{rule}}}")), quoted("{dev}"), quoted("{2026-03-01T00:00:00Z}")],
        ),
    ];
    for (name, sql, values) in questions {
        let filled = values.iter().enumerate().rev().fold(sql.to_owned(), |sql, (at, value)| {
            // Comments name the parameters, too.
            let lines = sql.lines().map(|line| match line.trim_start().starts_with("--") {
                true => String::new(),
                false => line.replace(&format!("${}", at + 1), value),
            });
            lines.collect::<Vec<_>>().join("\n")
        });
        let plan = column(&database, &format!("explain {filled}")).join("\n");
        for table in ["quality_checks", "quality_failures", "quality_incidents"] {
            assert!(!plan.contains(&format!("Seq Scan on {table}")), "{name}:\n{plan}");
        }
    }
}

/// Makes the tables as a released version did.
fn make_as_version_1(database: &TestDatabase) {
    let sql = include_str!("../src/store/migrations/V1__results_store.sql");
    // What is released stays as it is: stores out there know it by its checksum.
    assert_eq!(
        pintail::checksum::sha256(sql),
        "b8dd5d1ff0ba600435251a58a3dd84d83947f07917228f0c0f977c99d0c87282"
    );
    let migration = refinery::Migration::unapplied("V1__results_store", sql).unwrap();
    let mut runner = refinery::Runner::new(&[migration]).set_grouped(true);
    runner.set_migration_table_name("etl_orchestration.schema_versions");
    let mut connection = database.connect();
    connection.client().batch_execute("create schema etl_orchestration").unwrap();
    runner.run(connection.client()).unwrap();
}

/// Rows as version 1 wrote them: a run with a model, a seed, a skipped model and two tests, and a run
/// that was killed.
const ROWS_OF_VERSION_1: &str = "
    insert into etl_orchestration.pipeline_runs (
        run_id, project, command, selection, target, profile, git_commit, git_branch, run_user, host,
        pid, pintail_version, status, started_at, finished_at, duration_ms, nodes_total, nodes_passed,
        nodes_warned, nodes_failed, nodes_skipped, message)
    values
        ('00000000-0000-4000-8000-000000000001', 'shop', 'build', '', 'dev', 'shop', 'abc', 'main', 'ada',
        'engine', 7, '0.1.0', 'failed', '2026-01-05 10:00+00', '2026-01-05 10:01+00', 60000, 5, 3, 0, 1, 1, null),
        ('00000000-0000-4000-8000-000000000002', 'shop', 'run', '', null, 'shop', null, null, 'ada',
        'engine', 8, '0.1.0', 'running', '2026-01-06 10:00+00', null, null, 5, null, null, null, null, null);
    insert into etl_orchestration.task_executions (
        task_id, run_id, unique_id, resource_type, name, engine, context, materialization, relation, status,
        rows_affected, bytes, started_at, finished_at, duration_ms, compiled_sql_hash, message, retry_of, thread)
    select gen_random_uuid(), run_id::uuid, id, split_part(id, '.', 1), split_part(id, '.', 3), 'duckdb', 'finance',
        'table', '\"main\".\"x\"', status, 12, null, at::timestamptz, at::timestamptz, 250, 'abc', 'OK', null, 1
    from (values
        ('00000000-0000-4000-8000-000000000001', 'seed.shop.regions', 'success', '2026-01-05 10:00:01+00'),
        ('00000000-0000-4000-8000-000000000001', 'model.shop.orders', 'success', '2026-01-05 10:00:02+00'),
        ('00000000-0000-4000-8000-000000000001', 'model.shop.revenue', 'skipped', null),
        ('00000000-0000-4000-8000-000000000001', 'test.shop.unique_orders_id', 'pass', '2026-01-05 10:00:03+00'),
        ('00000000-0000-4000-8000-000000000001', 'test.shop.paid', 'fail', '2026-01-05 10:00:04+00'),
        ('00000000-0000-4000-8000-000000000002', 'model.shop.orders', 'success', '2026-01-06 10:00:02+00')
    ) as v (run_id, id, status, at);
    insert into etl_orchestration.data_loads (
        load_id, run_id, task_id, kind, unique_id, source_engine, target_engine, source, target, rows_loaded,
        bytes_loaded, duration_ms, status, loaded_at)
    select gen_random_uuid(), run_id, task_id, 'seed', unique_id, null, 'duckdb', 'seeds/regions.csv', 'regions', 2,
        20, 7, 'success', started_at
    from etl_orchestration.task_executions where resource_type = 'seed';
    insert into data_quality.quality_rules (
        rule_id, project, unique_id, name, node_unique_id, node_name, column_name, kind, severity, owner, context,
        engine, description)
    select gen_random_uuid(), 'shop', 'test.shop.' || name, name, 'model.shop.orders', 'orders', 'id', 'unique',
        'error', 'sales', 'finance', 'duckdb', null
    from unnest(array['unique_orders_id', 'paid']) as name;
    insert into data_quality.quality_checks (
        check_id, run_id, rule_id, status, failures, severity, warn_if, error_if, duration_ms, message, checked_at)
    select gen_random_uuid(), run_id, rule_id, status, case status when 'fail' then 205 else 0 end, 'error', '!= 0',
        '!= 0', 250, null, started_at
    from data_quality.quality_rules join etl_orchestration.task_executions using (unique_id);
    insert into data_quality.quality_failures (check_id, run_id, rule_id, row_number, row_data, recorded_at)
    select check_id, run_id, rule_id, n, jsonb_build_object('id', n), checked_at
    from data_quality.quality_checks, generate_series(1, 100) as n where status = 'fail'";

#[test]
fn tables_of_version_1_are_upgraded_with_their_rows_and_a_run_goes_on() {
    let database = TestDatabase::create();
    make_as_version_1(&database);
    database.connect().execute(ROWS_OF_VERSION_1).unwrap();
    let counts = "select concat_ws(' ', (select count(*) from etl_orchestration.pipeline_runs),
        (select count(*) from etl_orchestration.task_executions),
        (select count(*) from etl_orchestration.data_loads),
        (select count(*) from data_quality.quality_rules),
        (select count(*) from data_quality.quality_checks),
        (select count(*) from data_quality.quality_failures))";
    let before = one(&database, counts);
    assert_eq!(before, "2 6 1 2 2 100");
    let mut store = Store::reach(&database.params).unwrap();
    assert_eq!(one(&database, counts), before);
    // What was not known then: as far as it can be told, from the run.
    assert_eq!(
        column(
            &database,
            "select distinct concat_ws(' ', project, target, run_started_at at time zone 'UTC')
            from etl_orchestration.task_executions order by 1"
        ),
        ["shop  2026-01-06 10:00:00", "shop dev 2026-01-05 10:00:00"]
    );
    assert_eq!(
        column(
            &database,
            "select concat_ws(' ', status, target, rows_complete, compiled_sql_hash, row_columns)
            from data_quality.quality_checks order by 1"
        ),
        ["fail dev f", "pass dev t"]
    );
    assert_eq!(
        one(
            &database,
            "select concat_ws(' ', count(*), count(incident_id), count(row_key))
            from data_quality.quality_failures"
        ),
        "100 0 0"
    );
    assert_eq!(one(&database, "select count(*) from data_quality.quality_incidents"), "0");

    // All of it is there for the questions of today.
    let asked = Asked { project: Some("shop"), limit: 10, ..Asked::default() };
    assert_eq!(store.history(&asked).unwrap().len(), 2);
    assert_eq!(store.tasks("orders", &asked).unwrap().len(), 2);
    assert_eq!(store.tasks("revenue", &asked).unwrap()[0].status, "skipped");
    let times = store.times("shop", "dev", None, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(times.len(), 4);

    let (manifest, run) = (manifest(), invocation());
    let recording = Recording::start(&database, begin(&run, 1, Vec::new()));
    let results = [result(&manifest.nodes["model.shop.orders"], Status::Success)];
    recording.record(&results);
    let (finished, _) = recording.finish(&end(RunStatus::Success, &results));
    assert_eq!(finished.warnings, []);
    assert_eq!(one(&database, counts), "3 7 1 2 2 100");
    assert_eq!(
        column(&database, "select status from etl_orchestration.pipeline_runs order by started_at"),
        ["failed", "interrupted", "success"]
    );
    let times = store.times("shop", "dev", Some(&["model.shop.orders"]), Timestamp::UNIX_EPOCH);
    assert_eq!(times.unwrap()[0].durations, [250, 250]);
}

/// The history of many runs is read from indexes; `scripts/bench-store` measures with five million.
#[test]
fn questions_about_the_past_use_indexes() {
    let database = TestDatabase::create();
    Store::reach(&database.params).unwrap();
    database
        .connect()
        .execute(
            "insert into etl_orchestration.pipeline_runs (
                run_id, project, command, target, status, started_at)
            select gen_random_uuid(), 'shop', 'build', 'dev', 'success',
                '2026-01-01 00:00+00'::timestamptz + n * interval '1 hour'
            from generate_series(1, 300) as n;
            insert into etl_orchestration.task_executions (
                task_id, run_id, unique_id, resource_type, name, status, started_at, duration_ms,
                project, target, run_started_at)
            select gen_random_uuid(), run_id, 'model.shop.n' || n, 'model', 'n' || n, 'success',
                started_at, n, project, target, started_at
            from etl_orchestration.pipeline_runs, generate_series(1, 80) as n;
            analyze etl_orchestration.pipeline_runs;
            analyze etl_orchestration.task_executions",
        )
        .unwrap();
    let plan = |sql: &str, values: &str| {
        let mut connection = database.connect();
        connection.execute(&format!("prepare q as {sql}")).unwrap();
        let rows = connection.query(&format!("explain execute q({values})"), None).unwrap();
        rows.rows.iter().map(|row| row[0].to_text()).collect::<Vec<_>>().join("\n")
    };
    let check = |sql: &str, values: &str, indexes: &[&str]| {
        let plan = plan(sql, values);
        assert!(!plan.contains("Seq Scan on task_executions"), "{plan}");
        for index in indexes {
            assert!(plan.contains(index), "{index}: {plan}");
        }
    };
    let history = include_str!("../src/store/sql/history.sql");
    // By project, or where there is no other, by time.
    check(history, "'shop', null, null, 10", &["Index Scan using pipeline_runs_by_"]);
    let tasks = include_str!("../src/store/sql/tasks.sql");
    let by_node = ["task_executions_by_node"];
    check(tasks, "'n7', 'shop', null, null, 10", &by_node);
    check(tasks, "'n7', 'shop', '{error}', '2026-01-05', 10", &by_node);
    let times = include_str!("../src/store/sql/times.sql");
    check(times, "'shop', 'dev', null, '2026-01-01', 21", &by_node);
    check(times, "'shop', 'dev', '{model.shop.n7}', '2026-01-01', 21", &by_node);
}
