//! Versions of models: their names, columns and tests, what a `ref` means, selection, warnings.

use super::support::project::{On, Project};

#[test]
fn versions_have_names_columns_and_tests_of_their_own() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/orders_v1.sql", "select 1 as id, 'a' as old, 3 as amount"),
            (
                "models/orders_next.sql",
                "{{ config(materialized='table') }} select 2 as id, 4 as total",
            ),
            ("models/orders.sql", "select 3 as id, 5 as amount"),
            (
                "models/reader.sql",
                "select (select max(id) from {{ ref('orders') }}) as latest,
                        (select max(id) from {{ ref('orders', v=1) }}) as first,
                        (select max(id) from {{ ref('shop', 'orders', version='3') }}) as next",
            ),
            (
                "models/schema.yml",
                "models:
  - name: orders
    description: all
    latest_version: 2
    config: {meta: {a: 1}}
    data_tests: [{unique: {column_name: id}}]
    columns:
      - name: id
        data_tests: [not_null]
      - name: amount
    versions:
      - v: 1
        deprecation_date: 2020-01-01
        columns:
          - include: all
          - name: old
            data_tests: [not_null]
      - v: 2
        config: {meta: {b: 2}}
      - v: 3
        defined_in: orders_next
        description: next
        data_tests: []
        columns:
          - include: '*'
            exclude: [amount]
          - name: total
",
            ),
        ],
    );
    let ran = project.ok(&["build"]);
    assert_eq!(project.lines("select latest, first, next from reader"), ["3|1|2"]);
    assert_eq!(
        super::relations(&project, "main"),
        ["orders_v1 view", "orders_v2 view", "orders_v3 table", "reader view"]
    );
    assert!(ran.text().contains("deprecation date"), "{}", ran.text());

    let first = project.node("model.shop.orders.v1");
    assert_eq!(first["name"], "orders");
    assert_eq!(first["version"], 1);
    assert_eq!(first["latest_version"], 2);
    assert_eq!(first["fqn"], serde_json::json!(["shop", "orders", "v1"]));
    assert!(first["deprecation_date"].as_str().unwrap().starts_with("2020-01-01T00:00:00"));
    let columns = |id: &str| -> Vec<String> {
        project.node(id)["columns"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(columns("model.shop.orders.v1"), ["id", "amount", "old"]);
    assert_eq!(columns("model.shop.orders.v2"), ["id", "amount"]);
    assert_eq!(columns("model.shop.orders.v3"), ["id", "total"]);
    let second = project.node("model.shop.orders.v2");
    assert_eq!(second["config"]["meta"], serde_json::json!({"a": 1, "b": 2}));
    assert_eq!(second["description"], "all");
    let refs = project.node("model.shop.reader")["refs"].clone();
    assert_eq!(refs[1], serde_json::json!({"name": "orders", "package": null, "version": 1}));

    let tests = project.ok(&["ls", "--quiet", "--resource-type", "test", "--output", "name"]);
    let mut names: Vec<&str> = tests.stdout.lines().collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "not_null_orders_v1_id",
            "not_null_orders_v1_old",
            "not_null_orders_v2_id",
            "not_null_orders_v3_id",
            "unique_orders_v1_id",
            "unique_orders_v2_id",
        ]
    );
    let select = |what: &str| {
        let args = ["ls", "--quiet", "--resource-type", "model", "--select", what];
        project.ok(&args).stdout.trim().replace('\n', " ")
    };
    assert_eq!(select("version:latest"), "shop.orders.v2");
    assert_eq!(select("version:old"), "shop.orders.v1");
    assert_eq!(select("version:prerelease"), "shop.orders.v3");
    assert_eq!(select("version:none"), "shop.reader");
    assert_eq!(select("orders.v1"), "shop.orders.v1");
}

#[test]
fn versions_that_contradict_themselves() {
    let project = Project::new(On::DuckDb, &[("models/m_v1.sql", "select 1 as id")]);
    for (versions, words) in [
        ("latest_version: 3\n    versions: [{v: 1}]", "not one of the versions"),
        ("versions: [{v: 1}, {v: '1'}]", "twice"),
        ("versions: [{v: 1, columns: [{include: all}, {exclude: [id]}]}]", "at most one"),
        ("versions: [{defined_in: m_v1}]", "no `v`"),
    ] {
        project.file("models/schema.yml", &format!("models:\n  - name: m\n    {versions}\n"));
        let ran = project.fails(2, &["parse"]);
        assert!(ran.text().contains(words), "{}", ran.text());
    }
    project.file("models/schema.yml", "models: [{name: m, versions: [{v: 1}]}]\n");
    project.file("models/r.sql", "select * from {{ ref('m', v=2) }}");
    assert!(project.fails(2, &["parse"]).text().contains("m.v2"));
}
