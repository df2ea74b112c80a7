//! What a run writes, and how it reads.

use super::*;

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
    failed.loads.push(DataLoad {
        kind: LoadKind::Bridge,
        unique_id: "model.shop.orders".into(),
        source_engine: Some("analytics".into()),
        target_engine: "operational".into(),
        ..seed.loads[0].clone()
    });
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
            "select concat_ws(' ', kind, load.unique_id, source_engine, target_engine,
            rows_loaded, bytes_loaded, load.duration_ms, name)
            from etl_orchestration.data_loads as load
            inner join etl_orchestration.task_executions using (task_id) order by kind"
        ),
        [
            "bridge model.shop.orders analytics operational 2 20 7 orders_to_stg",
            "seed seed.shop.regions duckdb 2 20 7 regions",
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
