//! Commands that build nothing: compile, show, run-operation, clean, debug.

use super::support::project::{On, Project};

#[test]
fn compile_needs_no_database() {
    // The output `pg` of this project leads nowhere.
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/a.sql", "select 1 as id"),
            (
                "models/eph.sql",
                "{{ config(materialized='ephemeral') }} select * from {{ ref('a') }}",
            ),
            (
                "models/sub/b.sql",
                "{{ config(materialized='table') }}\nselect * from {{ ref('eph') }}\n{% if is_incremental() %} nothing {% endif %}",
            ),
            (
                "models/i.sql",
                "{{ config(materialized='incremental') }} select 1 as id {% if is_incremental() %} nothing {% endif %}",
            ),
            ("tests/t.sql", "select * from {{ ref('a') }} where id <> 1"),
        ],
    );
    project.ok(&["compile", "--target", "pg", "--exclude", "i"]);
    assert_eq!(
        project.read("target/compiled/shop/models/sub/b.sql").trim(),
        "with __dbt__cte__eph as (\n\nselect * from \"x\".\"public\".\"a\"\n) select * from __dbt__cte__eph"
            .replace("\n\n", "\n ")
    );
    assert_eq!(
        project.read("target/compiled/shop/tests/t.sql").trim(),
        "select * from \"x\".\"public\".\"a\" where id <> 1"
    );
    project.ok(&["parse", "--target", "pg"]);
    project.ok(&["ls", "--target", "pg"]);
    project.ok(&["compile", "--target", "hybrid", "--exclude", "i"]);
    // On an engine that is there, but before the first run.
    project.ok(&["compile"]);
    let text = project.read("target/compiled/shop/models/i.sql");
    assert!(!text.contains("nothing"), "{text}");
    let ran =
        project.ok(&["compile", "--quiet", "--inline", "select {{ 1 + 1 }} from {{ ref('a') }}"]);
    assert_eq!(ran.stdout.trim(), "select 2 from \"warehouse\".\"main\".\"a\"");
}

#[test]
fn show_prints_rows_of_models_and_queries() {
    for project in Project::on_each(&[
        (
            "models/m.sql",
            "select 1 as id, 'a,b' as t union all select 2, null union all select 3, 'c'",
        ),
        (
            "models/e.sql",
            "{{ config(materialized='ephemeral') }} select max(id) as top from {{ ref('m') }}",
        ),
    ]) {
        project.ok(&["run"]);
        let show = |args: &[&str]| project.ok(&[&["show", "--quiet"], args].concat()).stdout;
        assert_eq!(show(&["--select", "m", "--output", "csv", "--limit", "2"]).lines().count(), 3);
        let json: serde_json::Value = serde_json::from_str(&show(&[
            "--inline",
            "select * from {{ ref('e') }}",
            "--output",
            "json",
        ]))
        .unwrap();
        assert!(json.to_string().contains(r#"{"top":3}"#), "{json}");
        assert_eq!(
            show(&[
                "--inline",
                "select id, t from {{ ref('m') }} where id < {{ var('n', 3) }} order by id",
                "--output",
                "csv"
            ]),
            "id,t\n1,\"a,b\"\n2,\n"
        );
        assert_eq!(
            show(&[
                "--inline",
                "select * from {{ ref('m') }} -- comment",
                "--limit",
                "-1",
                "--output",
                "csv"
            ])
            .lines()
            .count(),
            4
        );
        let table = show(&["--select", "m"]);
        assert!(table.contains("a,b") && table.contains("id"), "{table}");
        let ran = project.run(&["show", "--inline", "select nope from {{ ref('m') }}"]);
        assert!(ran.code != 0 && ran.text().contains("nope"), "{}", ran.text());
    }
}

#[test]
fn operations_run_macros_with_arguments() {
    let macros = "{% macro fill(n, word='x', items=[]) %}
          {% do run_query('create table if not exists filled (n integer, w varchar(20))') %}
          {% do run_query(\"insert into filled values (\" ~ n ~ \", '\" ~ word ~ (items | length) ~ \"')\") %}
          {% set found = run_query('select n, w from filled order by n') %}
          {{ log('rows: ' ~ found.rows | length ~ ', first: ' ~ found.columns[0].values()[0] ~ ', names: ' ~ found.column_names | join('+'), info=True) }}
        {% endmacro %}
        {% macro breaks() %}{% do run_query('select * from nowhere') %}{% endmacro %}";
    for project in Project::on_each(&[("macros/fill.sql", macros)]) {
        let ran =
            project.ok(&["run-operation", "fill", "--args", "{n: 2, word: y, items: [1, 2]}"]);
        assert!(ran.text().contains("rows: 1, first: 2, names: n+w"), "{}", ran.text());
        project.ok(&["run-operation", "fill", "--args", "n: 1"]);
        assert_eq!(project.lines("select * from filled order by n"), ["1|x0", "2|y2"]);
        assert_ne!(project.run(&["run-operation", "breaks"]).code, 0);
        assert_eq!(project.fails(2, &["run-operation", "none_such"]).code, 2);
    }
}

#[test]
fn clean_removes_what_it_is_told_to() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    project.file("dbt_project.yml", "name: shop\nprofile: shop\nclean-targets: [target, extra]\n");
    project.file("extra/x", "").file("kept/x", "");
    project.ok(&["compile"]);
    project.ok(&["clean"]);
    assert!(!project.path().join("target").exists() && !project.path().join("extra").exists());
    assert!(project.path().join("kept/x").exists() && project.path().join("models/m.sql").exists());
}

#[test]
fn debug_says_what_is_wrong() {
    let project = Project::new(On::Hybrid, &[("models/m.sql", "select 1 as id")]);
    project.ok(&["debug"]);
    let broken = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    broken.ok(&["debug"]);
    assert_ne!(broken.run(&["debug", "--target", "pg"]).code, 0);
}

#[test]
fn target_path_and_project_dir_are_followed() {
    let project = Project::new(On::DuckDb, &[("models/m.sql", "select 1 as id")]);
    let outside = tempfile::tempdir().unwrap();
    let mut command = project.command(&["run", "--target-path", "elsewhere", "--project-dir"]);
    let status = command.arg(project.path()).current_dir(outside.path()).output().unwrap().status;
    assert!(status.success());
    assert!(outside.path().join("elsewhere/manifest.json").exists());
    assert!(project.duckdb_path().exists());
}

/// Two runs, their failing rows, and what the store's commands print of them.
#[test]
fn history_and_failures_read_the_store() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/m.sql", "select 1 as id, 'secret' as word union all select null, 'lost'"),
            (
                "models/m.yml",
                "version: 2\nmodels: [{name: m, columns: [{name: id, data_tests: [not_null]}]}]\n",
            ),
        ],
    );
    project.fails(1, &["build"]);
    project.ok(&["run"]);
    let history = project.ok(&["history", "--quiet"]).stdout;
    assert!(history.contains("build") && history.contains("run"), "{history}");
    let run = super::support::project::lines(
        project
            .postgres("select run_id from etl_orchestration.pipeline_runs where command = 'build'"),
    );
    let failures = project.ok(&["failures", "--quiet", "--run", &run[0]]).stdout;
    assert!(failures.contains("not_null_m_id"), "{failures}");
    let rows = project
        .ok(&["failures", "not_null_m_id", "--quiet", "--run", &run[0], "--output", "json"])
        .stdout;
    assert!(rows.contains("id"), "{rows}");
}
