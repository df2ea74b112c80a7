//! One project over two engines: reading in place, bridges, and several runs in a row.

use super::support::project::{On, Project, lines};

const OPS: &str = "{{ config(engine='operational', materialized='table') }}";

fn bridges(project: &Project) -> Vec<String> {
    lines(project.postgres(
        "select unique_id, rows_loaded from etl_orchestration.data_loads where kind = 'bridge' order by loaded_at, 1",
    ))
}

#[test]
fn both_ways_and_back_again() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("seeds/raw.csv", "id,name\n1,a\n2,b\n3,c\n"),
            (
                "models/duck.sql",
                "{{ config(materialized='table') }} select id, name, id * 1.5 as v from {{ ref('raw') }}",
            ),
            ("models/ops1.sql", &format!("{OPS} select * from {{{{ ref('duck') }}}} where id > 1")),
            ("models/ops2.sql", &format!("{OPS} select count(*) as n from {{{{ ref('duck') }}}}")),
            (
                "models/back.sql",
                "{{ config(materialized='table') }} select sum(id) as total from {{ ref('ops1') }}",
            ),
            (
                "models/again.sql",
                &format!("{OPS} select total + 1 as total from {{{{ ref('back') }}}}"),
            ),
            (
                "models/models.yml",
                "version: 2\nmodels:\n  - name: ops1\n    columns: [{name: id, data_tests: [unique, {relationships: {to: ref('raw'), field: id}}]}]\n",
            ),
        ],
    );
    for threads in ["1", "8", "4"] {
        project.ok(&["build", "--threads", threads]);
        assert_eq!(
            lines(project.postgres("select id, name, v from ops1 order by id")),
            ["2|b|3.0", "3|c|4.5"]
        );
        assert_eq!(lines(project.postgres("select n from ops2")), ["3"]);
        assert_eq!(lines(project.duckdb("select total from back")), ["5"]);
        assert_eq!(lines(project.postgres("select total from again")), ["6"]);
    }
    // Each relation once a run, however many nodes read it. The test of both engines runs on
    // DuckDB, which needs no copy.
    let mut once = bridges(&project);
    once.sort();
    let expected = ["model.shop.back|1", "model.shop.duck|3"];
    let expected: Vec<&str> = expected.iter().flat_map(|line| [*line; 3]).collect();
    assert_eq!(once, expected);

    // What changed comes over at the next run, rows and columns.
    project.file("seeds/raw.csv", "id,name\n5,e\n");
    project.file("models/duck.sql", "{{ config(materialized='table') }} select id, name, id * 1.5 as v, true as fresh from {{ ref('raw') }}");
    project.ok(&["build"]);
    assert_eq!(lines(project.postgres("select id, name, v, fresh from ops1")), ["5|e|7.5|true"]);
    assert_eq!(lines(project.duckdb("select total from back")), ["5"]);
}

#[test]
fn sources_and_ephemeral_models_cross_over() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("data/raw_a.csv", "id,t\n1,\"x, y\"\n2,\n"),
            (
                "models/sources.yml",
                "version: 2\nsources:\n  - name: files\n    config: {meta: {external_location: \"read_csv('data/{name}.csv')\"}}\n    tables: [{name: raw_a}]\n",
            ),
            (
                "models/eph.sql",
                "{{ config(materialized='ephemeral') }} select id * 10 as id, t from {{ source('files', 'raw_a') }}",
            ),
            (
                "models/direct.sql",
                &format!("{OPS} select * from {{{{ source('files', 'raw_a') }}}}"),
            ),
            ("models/through.sql", &format!("{OPS} select * from {{{{ ref('eph') }}}}")),
        ],
    );
    project.ok(&["build"]);
    assert_eq!(
        lines(project.postgres("select id, t from direct order by 1")),
        ["1|x, y", "2|NULL"]
    );
    assert_eq!(
        lines(project.postgres("select id, t from through order by 1")),
        ["10|x, y", "20|NULL"]
    );
    assert_eq!(bridges(&project), ["source.shop.files.raw_a|2"]);
}

#[test]
fn duckdb_sees_what_postgres_rebuilt_in_the_same_run() {
    let ops = |columns: &str| format!("{OPS} select {columns}");
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/ops.sql", &ops("1 as id")),
            (
                "models/duck.sql",
                "{{ config(materialized='table') }} select * from {{ ref('ops') }}",
            ),
            ("models/looking.sql", "select * from {{ ref('ops') }}"),
        ],
    );
    project.ok(&["run"]);
    assert_eq!(lines(project.duckdb("select * from duck")), ["1"]);
    for (columns, row) in
        [("2 as id", "2"), ("3 as id, 'new' as other", "3|new"), ("'text' as id", "text")]
    {
        project.file("models/ops.sql", &ops(columns));
        project.ok(&["run", "--threads", "1"]);
        assert_eq!(lines(project.duckdb("select * from duck")), [row]);
        let shown = project.ok(&["show", "--select", "looking", "--output", "csv", "--quiet"]);
        assert_eq!(
            shown.stdout.lines().last(),
            Some(row.replace('|', ",").as_str()),
            "{}",
            shown.stdout
        );
    }
    // Nothing was copied for that.
    assert_eq!(bridges(&project), [""; 0]);
}

#[test]
fn a_relation_that_is_not_there_fails_its_reader_only() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/bad.sql", "{{ config(materialized='table') }} select * from nowhere"),
            ("models/ops.sql", &format!("{OPS} select * from {{{{ ref('bad') }}}}")),
            ("models/fine.sql", &format!("{OPS} select 1 as id")),
        ],
    );
    project.fails(1, &["build"]);
    assert_eq!(project.status("bad"), "error");
    assert_eq!(project.status("ops"), "skipped");
    assert_eq!(project.status("fine"), "success");
    // Selected alone, its input is missing.
    let ran = project.fails(1, &["run", "--select", "ops"]);
    assert!(ran.text().contains("bad"), "{}", ran.text());
    assert_eq!(project.status("ops"), "error");
}

#[test]
fn a_node_runs_on_its_engine() {
    let project = Project::new(On::Hybrid, &[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels:\n  shop:\n    ops:\n      +engine: operational\nseeds:\n  shop:\n    there:\n      +engine: operational\n",
        ),
        ("macros/which.sql", "{% macro which() %}{{ return(adapter.dispatch('which')()) }}{% endmacro %}
           {% macro default__which() %}'default'{% endmacro %}{% macro postgres__which() %}'pg'{% endmacro %}{% macro duckdb__which() %}'duck'{% endmacro %}"),
        ("models/here.sql", "select {{ which() }} as w, '{{ target.type }}' as t, '{{ target.engine }}' as e, '{{ target.name }}' as n, '{{ target.schema }}' as s"),
        ("models/ops/there.sql", "select {{ which() }} as w, '{{ target.type }}' as t, '{{ target.engine }}' as e, '{{ target.name }}' as n, '{{ target.schema }}' as s"),
        ("seeds/there/s.csv", "a\n1\n"),
        ("tests/on_ops.sql", "{{ config(engine='operational') }} select 1 as x where {{ which() }} <> 'pg'"),
    ]);
    project.ok(&["build"]);
    assert_eq!(lines(project.duckdb("select * from here")), ["duck|duckdb|analytics|hybrid|main"]);
    assert_eq!(
        lines(project.postgres("select * from there")),
        ["pg|postgres|operational|hybrid|public"]
    );
    assert_eq!(lines(project.postgres("select a from s")), ["1"]);
    let names =
        project.ok(&["ls", "--select", "engine:operational", "--output", "name", "--quiet"]).stdout;
    let mut names: Vec<&str> = names.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["on_ops", "s", "there"]);
}
