//! Models in Python: read without Python, run by one on DuckDB where it is there.

use std::process::Command;

use super::support::project::{On, Project};

const FIRST: &str = "import os

def model(dbt, session):
    dbt.config(materialized='incremental', unique_key='id', tags=['py'])
    rows = dbt.ref('raw').filter('id > 0')
    if dbt.is_incremental:
        already = session.sql(f'select max(id) from {dbt.this}').fetchone()[0]
        rows = rows.filter(f'id > {already}')
    return rows
";

fn project() -> Project {
    Project::new(
        On::DuckDb,
        &[
            ("models/raw.sql", "select * from (values (1, 'a'), (2, 'b')) t (id, name)"),
            ("models/first.py", FIRST),
            ("models/after.sql", "select count(*) as n from {{ ref('first') }}"),
            ("models/broken.py", "def model(dbt, session):\n    return dbt.ref('raw').nothing\n"),
            ("models/behind.sql", "select * from {{ ref('broken') }}"),
        ],
    )
}

#[test]
fn they_are_nodes_like_others() {
    let project = project();
    project.ok(&["parse"]);
    let node = project.node("model.shop.first");
    assert_eq!(node["language"], "python");
    assert_eq!(node["config"]["materialized"], "incremental");
    assert_eq!(node["depends_on"]["nodes"], serde_json::json!(["model.shop.raw"]));
    assert_eq!(project.node("model.shop.broken")["config"]["materialized"], "table");
    let listed = project.ok(&["ls", "--quiet", "--select", "raw+,tag:py"]).stdout;
    assert_eq!(listed.trim(), "shop.first");

    project.file("models/first.py", "def model(dbt, session):\n    return dbt.ref(name)\n");
    let text = project.fails(2, &["parse"]).text();
    assert!(text.contains("first.py:2:20") && text.contains("literals"), "{text}");
}

#[test]
fn without_python_they_fail_alone() {
    let mut project = project();
    project.env("PINTAIL_PYTHON", "/no/such/python");
    let text = project.fails(1, &["run"]).text();
    assert!(text.contains("Python could not be started") && text.contains("pip install"), "{text}");
    assert_eq!(project.status("raw"), "success");
    assert_eq!(project.status("first"), "error");
    assert_eq!(project.status("after"), "skipped");
}

#[test]
fn they_run_over_copies_of_what_they_read() {
    let there = Command::new("python3").args(["-c", "import duckdb"]).output();
    if !there.is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: no python3 with duckdb");
        return;
    }
    let project = project();
    let text = project.fails(1, &["run"]).text();
    assert!(text.contains("broken.py:2:5") && text.contains("nothing"), "{text}");
    assert_eq!(project.status("behind"), "skipped");
    assert_eq!(project.lines("select * from after"), ["2"]);
    project.file("models/raw.sql", "select 3 as id, 'c' as name union all select 2, 'changed'");
    project.ok(&["run", "--select", "raw", "first", "after"]);
    assert_eq!(project.lines("select * from first order by 1"), ["1|a", "2|b", "3|c"]);
}

/// As in dbt, a Python model reads whole relations whatever `--empty` and `--sample` say.
#[test]
fn what_they_ref_is_no_sample() {
    let mut project = project();
    project.env("PINTAIL_PYTHON", "/no/such/python");
    project.file("models/s.yml", "models: [{name: raw, config: {event_time: id}}]\n");
    let is_object =
        "select {{ ref('raw').render is defined and ref('raw').render is callable }} as a";
    project.file("models/asks.sql", is_object);
    for flags in [&["--empty"][..], &["--sample", "3 days"]] {
        project.run(&[&["run", "-s", "raw", "first", "asks"][..], flags].concat());
        let compiled = project.read("target/compiled/shop/models/first.py");
        let relations = compiled.split("relations = ").nth(1).expect("what it refs");
        let first = relations.lines().next().unwrap_or_default();
        assert!(first.contains("main") && !first.contains("select"), "{first}");
        assert_eq!(project.read("target/compiled/shop/models/asks.sql"), "select True as a");
    }
}
