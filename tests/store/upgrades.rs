//! The tables are made once, and those of each released version are upgraded.

use super::*;

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

/// Makes the tables as a released version did.
fn make_as_version_1(database: &TestDatabase) {
    let sql = include_str!("../../src/store/migrations/V1__results_store.sql");
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
