//! `inherit_docs`: descriptions and tags of columns follow those that are only copied.

use serde_json::{Value, json};

use super::support::project::{On, Project};

const PEOPLE: &str = "sources:\n  - name: crm\n    config: {engine: operational}\n    schema: public\n    tables:\n      \
    - name: people\n        columns:\n          - {name: id, description: Who it is}\n          \
    - {name: mail, description: \"{{ doc('mail') }}\", meta: {pii: true, owner: crm}}\n          \
    - {name: name, description: Full name}\n          - {name: phone, meta: {pii: true}}\n";

/// Personal columns on PostgreSQL; `mart` on DuckDB and `served` on PostgreSQL inherit, `stg` between them
/// does not.
const FILES: &[(&str, &str)] = &[
    (
        "dbt_project.yml",
        "name: shop\nprofile: shop\nmodels:\n  shop:\n    marts: {+inherit_docs: true, +materialized: table}\n",
    ),
    ("models/docs.md", "{% docs mail %}Where they can be written to{% enddocs %}"),
    ("models/sources.yml", PEOPLE),
    (
        "models/stg.sql",
        "with people as (select * from {{ source('crm', 'people') }})\n\
         select id, mail as address, upper(name) as name, phone from people",
    ),
    (
        "models/marts/mart.sql",
        "{{ config(persist_docs={'relation': true, 'columns': true}) }}\n\
         select id, address as \"Contact\", name, phone, 1 as one from {{ ref('stg') }}",
    ),
    (
        "models/marts/served.sql",
        "{{ config(engine='operational', persist_docs={'relation': true, 'columns': true}) }}\n\
         select id as person, \"Contact\" as mail, phone from {{ ref('mart') }}",
    ),
    (
        "models/marts/marts.yml",
        "models:\n  - name: served\n    columns:\n      - {name: person, description: Own words}\n      \
         - {name: phone, description: To call, meta: {pii: false}}\n",
    ),
];

fn project(more: &[(&str, &str)]) -> Project {
    let mut project = Project::new(On::Hybrid, &[FILES, more].concat());
    project.env("PINTAIL_PII_KEY", "a key");
    project.postgres(
        "create table people as select 1 as id, 'Secret-a@x.y' as mail, 'Ann' as name, 'Secret-1' as phone",
    );
    project
}

fn of(node: &str, column: &str) -> Value {
    json!({"unique_id": node, "column": column})
}

#[test]
fn what_is_said_of_a_column_is_said_of_its_copies() {
    let project = project(&[]);
    project.ok(&["build"]);
    let source = "source.shop.crm.people";
    let columns = project.node("model.shop.mart")["columns"].clone();
    let contact = &columns["Contact"];
    assert_eq!(contact["description"], "Where they can be written to");
    assert_eq!(contact["doc_blocks"], json!(["doc.shop.mail"]));
    assert_eq!(contact["meta"], json!({"pii": true, "owner": "crm"}));
    assert_eq!(contact["config"]["meta"], contact["meta"]);
    assert_eq!(
        contact["inherited_from"],
        json!({
            "description": of(source, "mail"),
            "meta": {"pii": of(source, "mail"), "owner": of(source, "mail")},
        })
    );
    assert_eq!(columns["id"]["description"], "Who it is");
    assert_eq!(columns["phone"]["meta"], json!({"pii": true}));
    // It is computed, and that is made of nothing.
    assert_eq!((&columns["name"], &columns["one"]), (&Value::Null, &Value::Null));
    // Own words win, and are what copies get.
    let columns = project.node("model.shop.served")["columns"].clone();
    assert_eq!(columns["person"]["description"], "Own words");
    assert_eq!(columns["person"]["inherited_from"], Value::Null);
    assert_eq!(columns["phone"]["meta"], json!({"pii": false}));
    assert_eq!(columns["mail"]["meta"]["pii"], true);
    assert_eq!(project.node("model.shop.stg")["columns"], json!({}));
    let comments = "select column_name, comment from duckdb_columns()
        where table_name = 'mart' and comment <> '' order by 1";
    assert_eq!(
        project.duckdb(comments),
        [["Contact", "Where they can be written to"], ["id", "Who it is"]]
    );
    let comments = "select attname::text, col_description(attrelid, attnum) from pg_attribute
        where attrelid = 'served'::regclass and attnum > 0 order by 1";
    assert_eq!(
        project.postgres(comments),
        [["mail", "Where they can be written to"], ["person", "Own words"], ["phone", "To call"]]
    );
}

#[test]
fn the_manifest_has_no_more_than_before_where_nobody_asks() {
    let project = project(&[("dbt_project.yml", "name: shop\nprofile: shop\n")]);
    project.ok(&["compile"]);
    assert_eq!(project.node("model.shop.mart")["columns"], json!({}));
    assert!(!project.read("target/manifest.json").contains("inherited_from"));
}

#[test]
fn the_wiki_and_the_site_say_whose_words_they_are() {
    let project = project(&[]);
    project.ok(&["docs", "generate", "--empty-catalog"]);
    let nodes = super::docs::data(&project, "nodes-0").to_string();
    assert!(nodes.contains(r#""inherited_from":{"description":{"column":"mail","#) || nodes.contains(r#""inherited_from":{"description":{"unique_id":"source.shop.crm.people","column":"mail"}"#), "{nodes}");
    project.ok(&["docs", "generate", "--empty-catalog", "--format", "markdown"]);
    let page = project.read("target/wiki/model-mart.md");
    assert!(page.contains("Where they can be written to _(of `crm.people.mail`)_"), "{page}");
}

#[test]
fn a_later_run_is_no_change_and_a_copy_no_finding() {
    let project = project(&[]);
    project.ok(&["build", "--target-path", "state"]);
    let changed = ["--quiet", "ls", "--select", "state:modified", "--state", "state"];
    assert_eq!(project.ok(&changed).stdout.trim(), "");
    let checked = project.ok(&["check"]).text();
    assert!(checked.contains("`stg.address`") && !checked.contains("`mart"), "{checked}");
    project.file("models/marts/marts.yml", "models: [{name: mart, config: {inherit_docs: 'yes'}}]");
    let refused = project.fails(2, &["parse"]).text();
    assert!(
        refused.contains("`inherit_docs` of `mart`: 'yes' is neither true nor false"),
        "{refused}"
    );
}

/// What the store keeps of failing rows.
fn kept(project: &Project) -> Vec<Vec<String>> {
    project.postgres(
        "select r.name, f.row_data::text from data_quality.quality_failures f
        join data_quality.quality_rules r using (rule_id) order by 1",
    )
}

#[test]
fn inherited_tags_mask_failing_rows_on_both_engines() {
    let project = project(&[
        ("tests/duck.sql", "select id, \"Contact\" from {{ ref('mart') }}"),
        ("tests/pg.sql", "select person, mail, phone from {{ ref('served') }}"),
    ]);
    project.ok(&["run"]);
    project.fails(1, &["test"]);
    let kept = kept(&project);
    let of = |name: &str| &kept.iter().find(|row| row[0] == name).unwrap()[1];
    assert!(of("duck").starts_with(r#"{"id": 1, "Contact": "pii:"#), "{kept:?}");
    // The description says that the phone is not personal.
    assert!(of("pg").contains(r#""phone": "Secret-1""#), "{kept:?}");
    assert!(of("pg").contains(r#""mail": "pii:"#), "{kept:?}");
}

#[test]
fn what_cannot_be_told_is_masked() {
    // Its template asks a database, so that its SQL is known only in a run.
    let project = project(&[
        (
            "models/marts/asks.sql",
            "{% set found = run_query('select 2 as n') %}\n\
             select id, mail as m, {{ found.rows[0][0] if execute else 0 }} as n from {{ source('crm', 'people') }}",
        ),
        ("tests/asked.sql", "select * from {{ ref('asks') }}"),
    ]);
    project.ok(&["run"]);
    project.fails(1, &["test"]);
    let kept = kept(&project);
    assert!(!kept[0][1].contains("Secret"), "{kept:?}");
}
