//! A store that is away, runs that die, and what the spool keeps of them.

use super::*;

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

#[test]
fn a_run_that_was_broken_off_is_read_up_to_its_last_whole_line() {
    let (database, manifest, run) = (TestDatabase::create(), manifest(), invocation());
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::create(folder.path(), &begin(&run, 3, Vec::new()));
    let one_result = result(&manifest.nodes["model.shop.orders"], Status::Success);
    for _ in 0..3 {
        spool.result(None, &run_result(&one_result));
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
