//! Questions about earlier runs.

use super::*;

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
    let history = include_str!("../../src/store/sql/history.sql");
    // By project, or where there is no other, by time.
    check(history, "'shop', null, null, 10", &["Index Scan using pipeline_runs_by_"]);
    let tasks = include_str!("../../src/store/sql/tasks.sql");
    let by_node = ["task_executions_by_node"];
    check(tasks, "'n7', 'shop', null, null, 10", &by_node);
    let troubled = ["task_executions_by_node", "task_executions_troubled"];
    check(tasks, "'n7', 'shop', '{error}', '2026-01-05', 10", &troubled);
    let times = include_str!("../../src/store/sql/times.sql");
    check(times, "'shop', 'dev', null, '2026-01-01', 21", &by_node);
    check(times, "'shop', 'dev', '{model.shop.n7}', '2026-01-01', 21", &by_node);
}
