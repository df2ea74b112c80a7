//! `build` checks first what changed. What it is sure of is told at once; the engines have the last word.

use super::support::project::{On, Project};

const ORDERS: (&str, &str) =
    ("models/orders.sql", "{{ config(materialized='table') }} select 1 as id, 'paid' as state");
const READER: (&str, &str) = ("models/reader.sql", "select id, state from {{ ref('orders') }}");

/// What is sure to fail is told before anything is made, and the build goes on without it, as dbt's
/// does; `--check` makes nothing then.
#[test]
fn a_mistake_is_told_before_anything_is_made() {
    const BESIDE: (&str, &str) =
        ("models/beside.sql", "select count(*) as n from {{ ref('orders') }}");
    const BELOW: (&str, &str) = ("models/below.sql", "select id from {{ ref('reader') }}");
    for project in Project::on_each(&[ORDERS, READER, BESIDE, BELOW]) {
        project.ok(&["build"]);
        let results = project.read("target/run_results.json");
        project.file("models/orders.sql", "select 1 as id, 'paid' as status, 2 as two");
        let stopped = project.fails(1, &["build", "--check"]).text();
        assert!(stopped.contains("PT511"), "{stopped}");
        assert_eq!(project.lines("select * from orders"), ["1|paid"], "nothing is touched");
        assert_eq!(project.read("target/run_results.json"), results);

        let told = project.fails(1, &["build"]).text();
        let place = |what: &str| told.find(what).unwrap_or_else(|| panic!("no {what}: {told}"));
        assert!(place("models/reader.sql:1:12") < place("1 mistake found before anything ran"));
        assert!(place("before anything ran: 1 node will fail") < place("Concurrency"));
        place("told above, before anything ran: models/reader.sql");
        assert_eq!(told.matches("error[PT").count(), 1, "explained once: {told}");
        assert_eq!(project.lines("select * from orders"), ["1|paid|2"]);
        assert_eq!(project.status("reader"), "error");
        assert_eq!(project.status("below"), "skipped");
        assert_eq!(project.status("beside"), "success");
        // It does so until it is mended, or told not to look.
        assert!(project.fails(1, &["build"]).text().contains("before anything ran"));
        let off = project.fails(1, &["build", "--no-check"]).text();
        assert!(!off.contains("before anything ran"), "{off}");
        let off = project.command(&["build"]).env("PINTAIL_NO_CHECK", "1").output().unwrap();
        assert!(!String::from_utf8_lossy(&off.stdout).contains("before anything ran"));
        project.file("models/reader.sql", "select id, status from {{ ref('orders') }}");
        project.ok(&["build"]);
    }
}

/// Warnings are told once: what passed is not checked again before it changes, or what it reads does.
#[test]
fn what_passed_is_not_checked_again() {
    let described = ("models/orders.yml", "models: [{name: orders, columns: [{name: total}]}]");
    let macros = ("macros/one.sql", "{% macro one() %}1{% endmacro %}");
    let project = Project::new(On::DuckDb, &[ORDERS, READER, described, macros]);
    let warns = || project.ok(&["build"]).text().contains("`total`, which it does not have");
    assert!(warns());
    assert!(!warns(), "nothing changed");
    project.file("models/reader.sql", "select id from {{ ref('orders') }}");
    assert!(!warns(), "only a reader changed");
    project.file("models/orders.sql", "select {{ one() }} as id, 'paid' as state");
    assert!(warns());
    project.file("macros/one.sql", "{% macro one() %}1 + 0{% endmacro %}");
    assert!(warns(), "a macro changed");
    assert!(!warns());
    // Of a selection only that is noted.
    project.file("models/orders.sql", "select 1 as id, 'paid' as state, 3 as three");
    project.ok(&["build", "--select", "reader"]);
    assert!(warns());
}

/// Models of which a build with dbt makes all: whatever the check thinks of them.
#[test]
fn what_goes_through_is_not_stopped() {
    let files = [
        ORDERS,
        READER,
        // Only the branch that does not run yet is wrong.
        (
            "models/later.sql",
            "{{ config(materialized='incremental', unique_key='idd') }} select 1 as id
             {% if is_incremental() %} where id > (select max(no_such) from {{ this }}) {% endif %}",
        ),
        // Tables and columns that hooks make.
        (
            "models/side.sql",
            "{{ config(pre_hook='create or replace table side_table as select 1 as x') }} select x from side_table",
        ),
        (
            "models/altered.sql",
            "{{ config(materialized='table', post_hook='alter table {{ this }} add column more integer') }} select 1 as id",
        ),
        ("models/reads_altered.sql", "select more from {{ ref('altered') }}"),
        // Nothing reads it, so no engine sees it.
        ("models/unread.sql", "{{ config(materialized='ephemeral') }} -- {{ ref('orders') }}"),
        // A source that is a seed.
        ("seeds/raw.csv", "id,name\n1,Ada\n"),
        (
            "models/sources.yml",
            "sources: [{name: loaded, schema: main, tables: [{name: raw}]}]\nmodels:\n  - {name: reads_raw, columns: [{name: nothing}]}",
        ),
        (
            "models/reads_raw.sql",
            "-- depends_on: {{ ref('raw') }}\nselect * from {{ source('loaded', 'raw') }}",
        ),
        // What a template reads of a database decides.
        (
            "models/introspects.sql",
            "{% set found = run_query('select 1 as one from information_schema.tables limit 1') %}
             select {{ found.columns[0].values() | length }} as n, no_such_column
             {%- if false %} from nowhere {% else %} from (select 2 as no_such_column) {% endif %}",
        ),
    ];
    let project = Project::new(On::DuckDb, &files);
    let first = project.ok(&["build"]).text();
    assert!(!first.contains("before anything ran"), "{first}");
    // The seed and what reads it as a source change together.
    project.file("seeds/raw.csv", "id,name,since\n1,Ada,2024-12-24\n");
    project.file(
        "models/reads_raw.sql",
        "-- depends_on: {{ ref('raw') }}\nselect since from {{ source('loaded', 'raw') }}",
    );
    project.ok(&["build", "--full-refresh"]);
    // Only the reader is built: its parent is as it was.
    project.file("models/orders.sql", "select 1 as id");
    project.file("models/reader.sql", "select id, state as s from {{ ref('orders') }}");
    project.ok(&["build", "--select", "reader"]);
    project.fails(1, &["build", "--select", "orders", "reader"]);
}

/// An incremental model keeps the columns that its table has.
#[test]
fn an_incremental_model_keeps_its_columns() {
    let grows = "{{ config(materialized='incremental', on_schema_change='append_new_columns') }} select 1 as id, 'x' as old";
    let project = Project::new(
        On::DuckDb,
        &[("models/grows.sql", grows), ("models/reads.sql", "select old from {{ ref('grows') }}")],
    );
    project.ok(&["build"]);
    project.file(
        "models/grows.sql",
        "{{ config(materialized='incremental', on_schema_change='append_new_columns') }} select 1 as id, 2 as new",
    );
    project.ok(&["build"]);
}

/// Where the materialization of the project writes other statements, nothing is sure.
#[test]
fn other_statements_than_ours() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "macros/create.sql",
                "{% macro duckdb__create_view_as(relation, sql) %} create or replace view {{ relation }} as (select * from (select 1 as id, 2 as more) as wrapped) {% endmacro %}",
            ),
            ("models/wrapped.sql", "select no_such from nowhere"),
        ],
    );
    let built = project.ok(&["build"]).text();
    assert!(built.contains("warning"), "{built}");
}
