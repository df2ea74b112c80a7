//! `impact`: what a change touches, as it is shown.

use super::support::project::{On, Project};

const FILES: &[(&str, &str)] = &[
    ("seeds/raw.csv", "id,customer,amount,status\n1,a,10,new\n"),
    (
        "models/stg.sql",
        "select id, customer, amount, status from {{ ref('raw') }} where amount > 0",
    ),
    ("models/same.sql", "select id from {{ ref('raw') }}"),
    ("models/fct.sql", "select id as order_id, amount * 2 as double, status from {{ ref('stg') }}"),
    ("models/all_of_it.sql", "select * from {{ ref('stg') }}"),
    (
        "models/mart.sql",
        "select status, sum(double) as total from {{ ref('fct') }} group by status",
    ),
    ("models/other.sql", "select customer from {{ ref('stg') }}"),
    (
        "models/properties.yml",
        "models:\n  - name: fct\n    columns:\n      - {name: order_id, data_tests: [unique]}\n      \
         - {name: double, data_tests: [not_null]}\n  - name: mart\n    columns:\n      \
         - {name: status, data_tests: [not_null]}\n      - {name: total, data_tests: [not_null]}\n  \
         - name: other\n    columns: [{name: customer, data_tests: [not_null]}]\n\
         exposures:\n  - {name: board, type: dashboard, owner: {name: me}, depends_on: [ref('mart')]}\n  \
         - {name: list, type: dashboard, owner: {name: me}, depends_on: [ref('other')]}\n",
    ),
];

fn project() -> Project {
    let project = Project::new(On::DuckDb, FILES);
    project.ok(&["compile", "--target-path", "old"]);
    project
}

fn impact(project: &Project) -> String {
    project.ok(&["--quiet", "impact", "--state", "old"]).stdout
}

#[test]
fn nothing_changed() {
    let project = project();
    insta::assert_snapshot!("nothing", impact(&project));
    // Comments and white space are a change of the file, and of nothing else.
    project.file("models/same.sql", "-- more words\nselect\n  ID\nfrom {{ ref('raw') }}");
    insta::assert_snapshot!("only_words", impact(&project));
}

#[test]
fn columns_that_are_made_in_another_way() {
    let project = project();
    project.file(
        "models/stg.sql",
        "with r as (select * from {{ ref('raw') }})\n\
         select id, customer, amount / 100 as amount, status, 1 as version from r where amount > 0",
    );
    insta::assert_snapshot!("changed", impact(&project));
    let json = project.ok(&["--quiet", "impact", "--state", "old", "--output", "json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["changes"][0]["changed"], serde_json::json!(["amount"]));
    assert_eq!(json["exposures"], serde_json::json!(["exposure.shop.board"]));
}

#[test]
fn columns_that_are_gone_and_other_rows() {
    let project = project();
    project.file(
        "models/stg.sql",
        "select id, customer, amount from {{ ref('raw') }} where amount > 0",
    );
    insta::assert_snapshot!("removed", impact(&project));
    project.file(
        "models/stg.sql",
        "select id, customer, amount, status from {{ ref('raw') }} where amount > 10",
    );
    project.file("models/new.sql", "select 1 as x");
    insta::assert_snapshot!("rows", impact(&project));
}

#[test]
fn without_compiled_sql_all_of_a_changed_model_counts() {
    let project = Project::new(On::DuckDb, FILES);
    project.ok(&["parse", "--target-path", "old"]);
    project.file(
        "models/fct.sql",
        "select id as order_id, amount * 3 as double, status from {{ ref('stg') }}",
    );
    insta::assert_snapshot!("unknown", impact(&project));
    let error = project.fails(2, &["--quiet", "impact"]).stderr;
    assert!(error.contains("Name the folder of an earlier manifest.json with --state."), "{error}");
}

#[test]
fn the_sql_of_an_incremental_run_is_compared_with_the_same() {
    let model = |amount: &str| {
        format!(
            "{{{{ config(materialized='incremental') }}}}\n\
             select id, {amount} as amount from {{{{ ref('raw') }}}}\n\
             {{% if is_incremental() %}} where id > (select max(id) from {{{{ this }}}}) {{% endif %}}"
        )
    };
    let project = Project::new(
        On::DuckDb,
        &[
            ("seeds/raw.csv", "id,amount\n1,2\n"),
            ("models/grows.sql", &model("amount")),
            ("models/reads.sql", "select id, amount from {{ ref('grows') }}"),
        ],
    );
    project.ok(&["build"]);
    project.ok(&["build"]);
    let manifest = project.read("target/manifest.json");
    assert!(manifest.contains("select max(id) from"), "its table was there");
    project.file("old/manifest.json", &manifest);
    project.file("models/grows.sql", &format!("-- words\n{}", model("amount")));
    insta::assert_snapshot!("incremental_same", impact(&project));
    project.file("models/grows.sql", &model("amount * 2"));
    insta::assert_snapshot!("incremental_changed", impact(&project));
}
