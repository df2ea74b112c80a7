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

/// Whether Python models can run here; says so where they cannot.
fn can_run() -> bool {
    let there = Command::new("python3").args(["-c", "import duckdb"]).output();
    let can = there.is_ok_and(|done| done.status.success());
    if !can {
        eprintln!("skipped: no python3 with duckdb");
    }
    can
}

#[test]
fn they_run_over_copies_of_what_they_read() {
    if !can_run() {
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

#[test]
fn they_can_be_published_only_where_their_tests_pass() {
    if !can_run() {
        return;
    }
    for kind in ["table", "incremental"] {
        let code = FIRST.replace("'incremental'", &format!("'{kind}', publish='audited'"));
        let project = Project::new(
            On::DuckDb,
            &[
                ("models/raw.sql", "select 1 as id, 'a' as name"),
                ("models/first.py", &code),
                ("models/after.sql", "select count(*) as n from {{ ref('first') }}"),
                (
                    "models/first.yml",
                    "models: [{name: first, columns: [{name: name, data_tests: [not_null]}]}]\n",
                ),
            ],
        );
        project.ok(&["build"]);
        assert_eq!(project.lines("select * from first"), ["1|a"], "{kind}");
        assert_eq!(project.lines("select * from after"), ["1"], "{kind}");

        project.file("models/raw.sql", "select 2 as id, cast(null as varchar) as name");
        let text = project.fails(1, &["build"]).text();
        assert!(text.contains("not_null_first_name"), "{text}");
        assert_eq!(project.status("after"), "skipped");
        assert_eq!(project.lines("select * from first"), ["1|a"], "{kind}");
        let rejected = match kind {
            "table" => &["2|NULL"][..],
            _ => &["1|a", "2|NULL"],
        };
        assert_eq!(project.lines("select * from first__rejected order by id"), rejected, "{kind}");

        project.file("models/raw.sql", "select 2 as id, 'b' as name");
        project.ok(&["build"]);
        let published = match kind {
            "table" => &["2|b"][..],
            _ => &["1|a", "2|b"],
        };
        assert_eq!(project.lines("select * from first order by id"), published, "{kind}");
        assert_eq!(project.lines("select * from after"), [published.len().to_string()], "{kind}");
    }
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
