//! The results store on a real PostgreSQL: what is written is read back with plain SQL.

mod dbt_manifest;
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pintail::engine::Connection;
use pintail::manifest::{Manifest, Node};
use pintail::relation::{Cell, Column, ResultSet};
use pintail::run::{DataLoad, InvocationInfo, LoadKind, RunResult, Status, Timing};
use pintail::store::{Counts, Outcome, QualityRule, RunStatus, Store, Writer, WriterOptions};
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

fn outcome(status: RunStatus, results: &[RunResult]) -> Outcome {
    Outcome { status, counts: Counts::of(results), finished_at: Timestamp::now(), message: None }
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
    let mut store = Store::connect(&database.params).unwrap();
    store.begin_run(&run, 5).unwrap();
    assert_eq!(
        one(
            &database,
            "select status || ' ' || nodes_total || ' ' || (finished_at is null)
            from etl_orchestration.pipeline_runs"
        ),
        "running 5 true"
    );
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let writer = Writer::start(store, &run, rules, WriterOptions::default()).unwrap();
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
    failed.failing_rows = Some(ResultSet {
        columns: columns
            .map(|(name, kind)| Column { name: name.into(), data_type: kind.into() })
            .into(),
        rows: (0..205)
            .map(|id| {
                vec![Cell::Int(id), Cell::Decimal("12.50".into()), Cell::Text("a\0\"ü\"\n".into())]
            })
            .collect(),
    });
    let mut skipped = RunResult::new(&manifest.nodes["model.shop.revenue"], Status::Skipped);
    skipped.message = Some("skipped".into());
    let passed = {
        let mut passed = result(test_node(&manifest, "unique_customers_id"), Status::Pass);
        passed.failures = Some(0);
        passed
    };
    let results = [built, seed, failed, skipped, passed];
    for result in &results {
        writer.record(result);
    }
    writer.record_load(&DataLoad {
        kind: LoadKind::Bridge,
        unique_id: "model.shop.orders".into(),
        source_engine: Some("analytics".into()),
        target_engine: "operational".into(),
        ..results[1].loads[0].clone()
    });
    let finished = writer.finish(&outcome(RunStatus::Failed, &results));
    assert_eq!(finished.warnings, []);
    assert!(finished.unsent.is_empty());
    let mut store = finished.store.expect("still connected");

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

    let runs = store.history(Some("shop"), None, 10).unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].run_id, runs[0].status.as_str()), (run.invocation_id, "failed"));
    assert_eq!(runs[0].started_at.as_microsecond(), run.started_at.as_microsecond());
    assert_eq!(store.history(None, Some("orders"), 10).unwrap().len(), 1);
    assert_eq!(store.history(None, Some("no_such"), 10).unwrap().len(), 0);
    assert_eq!(store.history(Some("other"), None, 10).unwrap().len(), 0);
    let prefix = &run.invocation_id.to_string()[..8];
    assert_eq!(store.tasks(None, Some(prefix), None, 100).unwrap().len(), 5);
    let tasks = store.tasks(None, None, Some("orders"), 100).unwrap();
    assert_eq!((tasks.len(), tasks[0].rows_affected), (1, Some(12)));
    let failures = store.failures(Some("shop"), Some("orders_to_stg"), None, 3).unwrap();
    assert_eq!((failures.len(), failures[0].failures), (1, Some(205)));
    assert_eq!(failures[0].rows.len(), 3);
    assert_eq!(failures[0].rows[2]["id"], 2);
    let of_node = store.failures(None, Some("orders"), Some(prefix), 0).unwrap();
    assert_eq!((of_node.len(), of_node[0].rows.len()), (1, 0));
    let all = store.failures(None, None, None, 1).unwrap();
    assert_eq!((all.len(), all[0].name.as_str()), (1, "orders_to_stg"));
    let names = store.rule_names(Some("shop")).unwrap();
    assert!(names.contains(&"orders_to_stg".into()) && names.contains(&"raw.orders".into()));
}

#[test]
fn rules_change_and_retire_without_losing_their_history() {
    let (database, mut manifest) = (TestDatabase::create(), manifest());
    let write = |manifest: &Manifest| {
        let (run, mut store) = (invocation(), Store::connect(&database.params).unwrap());
        store.begin_run(&run, 0).unwrap();
        let rules = QualityRule::all(manifest, manifest.nodes.values().map(|node| &**node));
        let writer = Writer::start(store, &run, rules, WriterOptions::default()).unwrap();
        let finished = writer.finish(&outcome(RunStatus::Success, &[]));
        assert_eq!(finished.warnings, []);
        finished.store.unwrap()
    };
    let ids = "select string_agg(rule_id::text, ',' order by name) from data_quality.quality_rules";
    write(&manifest);
    let before = one(&database, ids);
    for node in manifest.nodes.values_mut() {
        if node.name == "unique_customers_id" {
            node.config.values.insert("severity".into(), "WARN".into());
        }
    }
    let mut store = write(&manifest);
    assert_eq!(one(&database, ids), before);
    assert_eq!(
        one(
            &database,
            "select name || ' ' || severity from data_quality.quality_rules
            where updated_at > created_at"
        ),
        "unique_customers_id warn"
    );
    let kept: Vec<&str> = manifest
        .nodes
        .keys()
        .map(|id| &**id)
        .filter(|id| !id.contains("no_negative_orders"))
        .collect();
    assert_eq!(store.retire_rules("shop", &kept).unwrap(), 1);
    assert_eq!(
        one(&database, "select name from data_quality.quality_rules where not active"),
        "no_negative_orders"
    );
    write(&manifest);
    assert_eq!(
        one(&database, "select count(*) from data_quality.quality_rules where not active"),
        "0"
    );
}

#[test]
fn a_run_whose_process_died_is_interrupted_by_the_next_one() {
    let database = TestDatabase::create();
    let (dead, alive, next) = (invocation(), invocation(), invocation());
    let mut store = Store::connect(&database.params).unwrap();
    store.begin_run(&dead, 3).unwrap();
    drop(store);
    let mut other = Store::connect(&database.params).unwrap();
    other.begin_run(&alive, 3).unwrap();
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
    let mut store = Store::connect(&database.params).unwrap();
    store.begin_run(&next, 3).unwrap();
    assert_eq!(store.mark_interrupted(&next).unwrap(), 1);
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
                    let mut store = Store::connect(&database.params)?;
                    store.begin_run(&invocation(), 1)
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap().unwrap();
        }
    });
    assert_eq!(one(&database, "select count(*) from etl_orchestration.schema_versions"), "1");
    assert_eq!(one(&database, "select count(*) from etl_orchestration.pipeline_runs"), "8");
}

#[test]
fn tables_of_a_newer_version_are_left_alone() {
    let database = TestDatabase::create();
    Store::connect(&database.params).unwrap();
    let newer = "insert into etl_orchestration.schema_versions values (99, 'later', '', '0')";
    database.connect().execute(newer).unwrap();
    let error = Store::connect(&database.params).err().expect("refused");
    assert_eq!(error.code.0, "PT701");
    assert!(error.message.contains("version 99"), "{}", error.message);
}

#[test]
fn one_bad_result_does_not_take_others_with_it() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let mut store = Store::connect(&database.params).unwrap();
    store.begin_run(&run, 2).unwrap();
    let writer = Writer::start(store, &run, Vec::new(), WriterOptions::default()).unwrap();
    let mut results = vec![result(&manifest.nodes["model.shop.orders"], Status::Success); 3];
    // More than a bigint holds.
    results[1].rows_affected = Some(u64::MAX);
    for result in &results {
        writer.record(result);
    }
    let finished = writer.finish(&outcome(RunStatus::Success, &results));
    assert_eq!(one(&database, "select count(*) from etl_orchestration.task_executions"), "2");
    assert_eq!(one(&database, "select status from etl_orchestration.pipeline_runs"), "success");
    let warning = &finished.warnings[0];
    assert_eq!(warning.message, "The results store could not take note of results");
    assert!(warning.notes.contains(&"One result of this run is not in the store.".to_owned()));
}

#[test]
fn a_lost_connection_is_told_at_the_end() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let mut store = Store::connect(&database.params).unwrap();
    store.begin_run(&run, 2).unwrap();
    let writer = Writer::start(store, &run, Vec::new(), WriterOptions::default()).unwrap();
    database
        .connect()
        .query(
            "select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()",
            None,
        )
        .unwrap();
    let results = vec![result(&manifest.nodes["model.shop.orders"], Status::Success); 3];
    for result in &results {
        writer.record(result);
    }
    let finished = writer.finish(&outcome(RunStatus::Success, &results));
    assert!(finished.store.is_none());
    assert_eq!(finished.unsent.len(), 3);
    assert_eq!(finished.warnings.len(), 1);
}

#[test]
fn a_writer_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Writer>();
}

#[test]
fn opening_and_writing_are_quick() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    Store::connect(&database.params).unwrap();
    let start = Instant::now();
    let connection = database.connect();
    let connected = start.elapsed();
    let start = Instant::now();
    let mut store = Store::open(connection).unwrap();
    let opened = start.elapsed();
    let start = Instant::now();
    store.begin_run(&run, 2).unwrap();
    let begun = start.elapsed();
    let rules = QualityRule::all(&manifest, manifest.nodes.values().map(|node| &**node));
    let writer = Writer::start(store, &run, rules, WriterOptions::default()).unwrap();
    let results = vec![result(test_node(&manifest, "orders_to_stg"), Status::Pass); 4_000];
    let start = Instant::now();
    for result in &results {
        writer.record(result);
    }
    let recorded = start.elapsed();
    let finished = writer.finish(&outcome(RunStatus::Success, &results));
    let written = start.elapsed();
    assert_eq!(finished.warnings, []);
    eprintln!(
        "connect {connected:?}, open {opened:?}, begin {begun:?}, record 4,000 results \
         {recorded:?}, until all are written {written:?}"
    );
    assert_eq!(one(&database, "select count(*) from data_quality.quality_checks"), "4000");
}
