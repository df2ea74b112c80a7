//! SQL that an engine refuses: its message, at the line of the model's own file.

use insta::assert_snapshot;

use crate::project::Project;

/// A model that fails, one that reads it, one that has nothing to do with it.
fn with_neighbours(engine: &str, broken: &str) -> Project {
    let files = format!(
        "== models/schema.yml\nmodels:\n  - name: broken\n    columns: [{{name: id, data_tests: [not_null]}}]\n== models/broken.sql\n{broken}\n== models/reader.sql\nselect * from {{{{ ref('broken') }}}}\n== models/apart.sql\nselect 1 as id\n"
    );
    match engine {
        "duckdb" => Project::new(&files),
        _ => {
            let project = Project::hybrid(&files);
            project.write(
                "dbt_project.yml",
                "name: shop\nprofile: shop\nmodels:\n  +engine: operational\n  +materialized: table\n",
            );
            project
        }
    }
}

const UNKNOWN_COLUMN: &str = "\
-- Orders of each day.
select
{% for day in ['mon', 'tue', 'wed'] %}
  count(*) as orders_{{ day }},
{% endfor %}
  sum(prize) as revenue
from (values (1, 2.5)) as orders (id, price)";

const UNKNOWN_TABLE: &str = "\
{% set columns = ['id', 'name'] %}

select
  {% for column in columns %}{{ column }}{{ ',' if not loop.last }}
  {% endfor %}
from no_such_customers";

const SYNTAX_ERROR: &str = "\
select
  1 as id,
  2 as as name
from (values (1)) as t (id)";

#[test]
fn duckdb_unknown_column() {
    assert_snapshot!(with_neighbours("duckdb", UNKNOWN_COLUMN).run("build --no-check"));
}

/// As a build tells it that checks first: once, before anything runs.
#[test]
fn unknown_column_ahead_of_a_build() {
    assert_snapshot!(with_neighbours("duckdb", UNKNOWN_COLUMN).run("build"));
}

#[test]
fn duckdb_unknown_table() {
    assert_snapshot!(with_neighbours("duckdb", UNKNOWN_TABLE).run("build --no-check"));
}

#[test]
fn duckdb_syntax_error() {
    assert_snapshot!(with_neighbours("duckdb", SYNTAX_ERROR).run("build --no-check"));
}

#[test]
fn postgres_unknown_column() {
    assert_snapshot!(with_neighbours("postgres", UNKNOWN_COLUMN).run("build --no-check"));
}

#[test]
fn postgres_unknown_table() {
    assert_snapshot!(with_neighbours("postgres", UNKNOWN_TABLE).run("build --no-check"));
}

#[test]
fn postgres_syntax_error() {
    assert_snapshot!(with_neighbours("postgres", SYNTAX_ERROR).run("build --no-check"));
}

#[test]
fn an_error_while_the_query_runs() {
    let project = with_neighbours(
        "duckdb",
        "select\n  cast(x as integer) as id\nfrom (values ('1'), ('one')) as t (x)",
    );
    assert_snapshot!(project.run("build"));
    let project =
        with_neighbours("postgres", "select\n  1 / (x - 1) as id\nfrom (values (1)) as t (x)");
    assert_snapshot!("an_error_while_the_query_runs_on_postgres", project.run("build"));
}

/// Views and incremental models put the SQL into other statements.
#[test]
fn in_a_view() {
    for engine in ["duckdb", "postgres"] {
        let model = "{{ config(materialized='view') }}\nselect\n  nme as name\nfrom (values (1)) as t (name)";
        let shown = with_neighbours(engine, model).run("run --select broken");
        assert_snapshot!(format!("in_a_view_on_{engine}"), shown);
    }
}

#[test]
fn in_an_incremental_model() {
    for engine in ["duckdb", "postgres"] {
        let model = "{{ config(materialized='incremental', unique_key='name') }}\nselect\n  1 as name\nfrom (values (1)) as t (name)\n{% if is_incremental() %}\nwhere nme > 0\n{% endif %}";
        let project = with_neighbours(engine, model);
        let first = project.run("run --select broken");
        assert!(first.starts_with("exit code: 0\n"), "{first}");
        assert_snapshot!(
            format!("in_an_incremental_model_on_{engine}"),
            project.run("run --select broken")
        );
    }
}

/// The reader's own lines, after the ephemeral model's text was put in front.
#[test]
fn in_the_reader_of_an_ephemeral_model() {
    let project = Project::new(
        "== models/days.sql\n{{ config(materialized='ephemeral') }}\n{% for day in [1, 2, 3] %}\nselect {{ day }} as day\n{{ 'union all' if not loop.last }}\n{% endfor %}\n== models/report.sql\nwith totals as (\n  select day from {{ ref('days') }}\n)\nselect\n  day,\n  totl\nfrom totals\n",
    );
    assert_snapshot!(project.run("run"));
}

#[test]
fn inside_an_ephemeral_model() {
    let project = Project::new(
        "== models/days.sql\n{{ config(materialized='ephemeral') }}\n-- days of the week\nselect\n  dayy as day\nfrom (values (1)) as t (day)\n== models/report.sql\nselect day\nfrom {{ ref('days') }}\n",
    );
    assert_snapshot!(project.run("run"));
}

#[test]
fn in_a_macro() {
    let project = Project::new(
        "== macros/money.sql\n{% macro cents(column) %}\n  {{ column }} * hundred\n{% endmacro %}\n== models/report.sql\nselect\n  1 as id,\n  {{ cents('price') }} as cents\nfrom (values (1)) as t (price)\n",
    );
    assert_snapshot!(project.run("run"));
}

#[test]
fn in_a_data_test() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    columns:\n      - name: idd\n        data_tests: [not_null]\n== models/orders.sql\nselect 1 as id\n== tests/no_negative.sql\nselect *\nfrom {{ ref('orders') }}\nwhere prize < 0\n",
    );
    assert_snapshot!(project.run("build --no-check"));
}

#[test]
fn a_data_test_that_finds_rows() {
    let project = Project::new(
        "== models/schema.yml\nmodels:\n  - name: orders\n    columns:\n      - name: id\n        data_tests: [unique, {not_null: {config: {severity: warn}}}]\n== models/orders.sql\nselect * from (values (1), (1), (null)) as t (id)\n== models/reader.sql\nselect * from {{ ref('orders') }}\n",
    );
    assert_snapshot!(project.run("build"));
}

#[test]
fn in_a_hook() {
    let project = Project::new(
        "== models/orders.sql\n{{ config(post_hook='grant select on {{ this }} too nobody') }}\nselect 1 as id\n",
    );
    assert_snapshot!(project.run("run"));
    let project = Project::new(
        "== dbt_project.yml\nname: shop\nprofile: shop\non-run-start:\n  - \"create table if not exists audit (noted timestamp)\"\n  - \"insert into audti values (now())\"\n== models/orders.sql\nselect 1 as id\n",
    );
    assert_snapshot!("in_a_hook_of_the_project", project.run("run"));
}

#[test]
fn in_show_inline() {
    let project = Project::new("");
    let output = project
        .command(&["show", "--inline", "select\n  idd\nfrom (values (1)) as t (id)"])
        .output()
        .unwrap();
    assert_snapshot!(project.shown(&output));
}

#[test]
fn an_empty_model() {
    let project = Project::new("== models/orders.sql\n-- nothing yet\n");
    assert_snapshot!(project.run("run"));
}

/// Text and comments of other scripts before the error: positions are characters on one engine
/// and bytes on the other.
#[test]
fn after_text_in_unicode() {
    for engine in ["duckdb", "postgres"] {
        let model = "select\n  'größe, 顧客 — ünïcode' as label, /* ☃ */ prize\nfrom (values (1)) as t (price)";
        let shown = with_neighbours(engine, model).run("run --select broken");
        assert_snapshot!(format!("after_text_in_unicode_on_{engine}"), shown);
    }
}

#[test]
fn a_failed_build_leaves_the_old_table() {
    for engine in ["duckdb", "postgres"] {
        let project = with_neighbours(engine, "select 1 as id");
        let first = project.run("run --select broken");
        assert!(first.starts_with("exit code: 0\n"), "{first}");
        project.write("models/broken.sql", "select idd from (values (2)) as t (id)");
        let second = project.run("run --select broken");
        assert!(second.starts_with("exit code: 1\n"), "{second}");
        project.write("models/kept.sql", "select id from {{ ref('broken') }}");
        let output =
            project.command(&["show", "--select", "kept", "--output", "json"]).output().unwrap();
        assert_snapshot!("a_failed_build_leaves_the_old_table", project.shown(&output));
    }
}
