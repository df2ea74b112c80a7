//! `history`: earlier runs, how long their nodes took, and which became slower.

use pintail::engine::Connection;

use super::support::project::{On, Project};

/// Four models, built once; then 20 earlier runs of an hour each are invented, in which all models
/// took 200 ms, and `gone` was there, too. In the last run `slow` took 900 ms and `steady` 210.
fn project() -> Project {
    let model = "select 1 as id";
    let project = Project::new(
        On::Hybrid,
        &[("models/slow.sql", model), ("models/steady.sql", model), ("models/other.sql", model)],
    );
    project.ok(&["build"]);
    project.database().connect().execute(
        "insert into etl_orchestration.pipeline_runs (
            run_id, project, command, target, status, started_at, finished_at, duration_ms,
            nodes_total, nodes_passed, nodes_warned, nodes_failed, nodes_skipped)
        select gen_random_uuid(), project, case when n = 3 then 'test' else 'run' end, target,
            case when n = 7 then 'failed' else 'success' end,
            started_at - n * interval '1 hour', started_at - n * interval '1 hour', 1000, 3, 3, 0, 0, 0
        from etl_orchestration.pipeline_runs, generate_series(1, 20) as n;
        insert into etl_orchestration.task_executions (
            task_id, run_id, unique_id, resource_type, name, engine, status, started_at, duration_ms,
            project, target, run_started_at, compiled_sql_hash)
        select gen_random_uuid(), run_id, 'model.shop.' || name, 'model', name, 'analytics',
            case when name = 'other' and run.status = 'failed' then 'error' else 'success' end,
            started_at, 200, project, target, started_at, 'old'
        from etl_orchestration.pipeline_runs as run,
            unnest(array['slow', 'steady', 'other', 'gone']) as name
        where command <> 'build';
        update etl_orchestration.task_executions
        set duration_ms = case name when 'slow' then 900 else 210 end
        where compiled_sql_hash <> 'old';
        update etl_orchestration.task_executions
        set started_at = started_at - interval '40 days', run_started_at = run_started_at - interval '40 days'
        where name = 'gone'",
    )
    .unwrap();
    project
}

fn rows(csv: &str) -> Vec<Vec<&str>> {
    csv.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn runs_are_listed_by_status_and_time() {
    let project = project();
    let list = |args: &[&str]| {
        let all = [&["history", "--format", "csv"], args].concat();
        let text = project.ok(&all).stdout;
        let rows = rows(&text);
        rows[1..].iter().map(|row| format!("{} {}", row[2], row[5])).collect::<Vec<_>>()
    };
    assert_eq!(list(&["--limit", "2"]), ["build success", "run success"]);
    assert_eq!(list(&["--limit", "100"]).len(), 21);
    assert_eq!(list(&["--status", "failed"]), ["run failed"]);
    assert_eq!(list(&["--since", "210m"]).len(), 4);
    assert_eq!(list(&["--since", "210m", "--status", "failed", "error"]), [""; 0]);
    let json: serde_json::Value =
        serde_json::from_str(&project.ok(&["history", "--format", "json"]).stdout).unwrap();
    let newest = &json[1];
    assert_eq!(newest["duration_ms"], 1000);
    assert_eq!(newest["commit"], serde_json::Value::Null);
    assert_eq!(newest["run"].as_str().unwrap().len(), 36);
    let none = project.ok(&["history", "--since", "2100-01-01", "--status", "running"]).text();
    assert!(none.contains("Nothing in the store is like that."), "{none}");
    let wrong = project.fails(2, &["history", "--since", "soon"]).text();
    assert!(wrong.contains("write 7d, 12h, 2026-11-01 or the like"), "{wrong}");
}

#[test]
fn a_node_is_shown_with_its_durations() {
    let project = project();
    let text = project.ok(&["history", "--node", "slow", "--limit", "3"]).stdout;
    let line = text.lines().next().unwrap();
    assert_eq!(
        line,
        "model.shop.slow  ▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃▃█  median 0.20s, last 0.90s, 20 runs on hybrid"
    );
    let of = |args: &[&str]| {
        let all = [&["history", "--format", "csv"], args].concat();
        let text = project.ok(&all).stdout;
        rows(&text)[1..].iter().map(|row| format!("{} {}", row[3], row[4])).collect::<Vec<_>>()
    };
    assert_eq!(
        of(&["--node", "model.shop.other", "--status", "error"]),
        ["model.shop.other error"]
    );
    assert_eq!(of(&["--node", "other", "--since", "90m"]).len(), 2);
    let none = project.ok(&["history", "--node", "nothing"]).text();
    assert!(none.contains("The store knows no run of `nothing`."), "{none}");
}

#[test]
fn the_slowest_nodes_have_their_share() {
    let project = project();
    let text = project.ok(&["history", "--slowest", "--format", "csv", "--limit", "2"]).stdout;
    let durations = |last: i32| format!("\"[{}{last}]\"", "200,".repeat(19));
    assert_eq!(
        text,
        format!(
            "node,kind,durations_ms,median_ms,last_ms,share\n\
             model.shop.other,model,{},200,210,0.3333\nmodel.shop.slow,model,{},200,900,0.3333\n",
            durations(210),
            durations(900)
        )
    );
    // Nodes that did not run for a month are gone, unless they are asked for.
    let all = project.ok(&["history", "--slowest", "--since", "90d", "--format", "csv"]).stdout;
    assert_eq!(rows(&all).iter().filter(|row| row[0] == "model.shop.gone").count(), 1, "{all}");
    let table = project.ok(&["history", "--slowest"]).stdout;
    assert!(table.contains("▃▃█") && table.contains("33.3 %"), "{table}");
}

#[test]
fn nodes_that_became_slower_are_named_with_the_rule() {
    let project = project();
    let text = project.ok(&["history", "--regressions", "--format", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let found: Vec<_> = json.as_array().unwrap().iter().map(|one| &one["node"]).collect();
    assert_eq!(found, ["model.shop.slow"]);
    assert_eq!((&json[0]["median_ms"], &json[0]["last_ms"]), (&200.into(), &900.into()));
    assert_eq!((&json[0]["times"], &json[0]["sql_changed"]), (&4.5.into(), &true.into()));
    // On another target there is nothing to compare.
    let none = project.ok(&["history", "--regressions", "--since", "2100-01-01"]).text();
    assert!(none.contains("Nothing in the store is like that."), "{none}");
    project.ok(&["build"]);
    let none = project.ok(&["history", "--regressions"]).text();
    assert!(
        none.contains(
            "No node became slower on hybrid: none of 3 nodes took more than 1.5 times its median"
        ),
        "{none}"
    );
}
