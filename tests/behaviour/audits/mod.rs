//! `publish: audited`: what fails its tests is never published.

mod configuration;
mod left_overs;
mod publishing;

use super::support::project::Project;
use super::{relations, schema, sorted};

/// The columns of `orders` with tests, and a reader of it.
const PROPERTIES: &str = "models:
  - name: orders
    columns:
      - name: id
        data_tests: [unique, not_null]
";

/// `orders` is what the seed `raw` holds.
fn shop(config: &str) -> [Project; 2] {
    let model = format!("{{{{ config({config}) }}}} select * from {{{{ ref('raw') }}}}");
    Project::on_each(&[
        ("seeds/raw.csv", "id,v\n1,10\n2,20\n"),
        ("models/orders.sql", &model),
        ("models/reader.sql", "select count(*) as n from {{ ref('orders') }}"),
        ("models/properties.yml", PROPERTIES),
    ])
}

fn raw(project: &Project, rows: &str) {
    project.file("seeds/raw.csv", &format!("id,v\n{rows}"));
    project.ok(&["seed"]);
}

fn status(project: &Project, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name} {}", project.status(name))).collect()
}

const ALL: [&str; 4] = ["orders", "not_null_orders_id", "unique_orders_id", "reader"];
const GOOD: [&str; 4] =
    ["orders success", "not_null_orders_id pass", "unique_orders_id pass", "reader success"];
const BAD: [&str; 4] =
    ["orders error", "not_null_orders_id pass", "unique_orders_id fail", "reader skipped"];

#[test]
fn what_fails_its_tests_is_kept_beside_what_is_published() {
    for kind in ["table", "view", "incremental"] {
        for project in shop(&format!("materialized='{kind}', publish='audited'")) {
            project.ok(&["build"]);
            assert_eq!(status(&project, &ALL), GOOD, "{kind}");
            assert_eq!(sorted(&project, "orders"), ["1|10", "2|20"]);

            raw(&project, "3,30\n3,31\n");
            let ran = project.fails(1, &["build", "--exclude", "raw"]);
            assert_eq!(status(&project, &ALL), BAD, "{kind}");
            let published = match kind {
                // A published view shows what its inputs hold; its text is the audited one.
                "view" => ["3|30", "3|31"],
                _ => ["1|10", "2|20"],
            };
            assert_eq!(sorted(&project, "orders"), published, "{kind}");
            let rejected = sorted(&project, "orders__rejected");
            let added = ["1|10", "2|20", "3|30", "3|31"];
            assert_eq!(rejected, added[if kind == "incremental" { 0 } else { 2 }..], "{kind}");
            assert!(ran.text().contains("PT604"), "{}", ran.text());
            let results = project.json("target/run_results.json");
            let results = results["results"].as_array().unwrap();
            let orders = results.iter().find(|r| r["unique_id"] == "model.shop.orders").unwrap();
            let message = orders["message"].as_str().unwrap();
            assert!(
                message.contains("unique_orders_id: Got 1 result, configured to fail if != 0")
                    && message.contains("orders__rejected"),
                "{message}"
            );

            raw(&project, "4,40\n");
            project.ok(&["build", "--exclude", "raw"]);
            assert_eq!(status(&project, &ALL), GOOD);
            let expected = if kind == "incremental" { "4|40,1|10,2|20" } else { "4|40" };
            let mut expected: Vec<&str> = expected.split(',').collect();
            expected.sort_unstable();
            assert_eq!(sorted(&project, "orders"), expected);
            let word = if kind == "view" { "view" } else { "table" };
            assert_eq!(
                relations(&project, schema(&project)),
                [&format!("orders {word}"), "raw table", "reader view"]
            );
        }
    }
}

#[test]
fn a_first_build_that_is_rejected_publishes_nothing() {
    for project in shop("materialized='table', publish='audited'") {
        project.file("seeds/raw.csv", "id,v\n1,10\n1,20\n");
        project.fails(1, &["build"]);
        assert_eq!(status(&project, &ALL), BAD);
        assert_eq!(relations(&project, schema(&project)), ["orders__rejected table", "raw table"]);
    }
}

/// The promise holds whatever was selected.
#[test]
fn tests_decide_though_they_are_not_selected() {
    for project in shop("materialized='table', publish='audited'") {
        project.ok(&["seed"]);
        for args in [
            &["run"][..],
            &["build", "--exclude", "raw", "resource_type:test"],
            &["build", "-s", "orders", "reader", "--resource-type", "model"],
            &["run", "-s", "orders+", "--indirect-selection", "empty"],
        ] {
            let ran = project.ok(args);
            assert_eq!(status(&project, &ALL), GOOD, "{args:?}");
            assert!(ran.text().contains("With 2 tests that decide what is published"));
        }
        raw(&project, "1,10\n1,20\n");
        project.fails(1, &["run"]);
        assert_eq!(status(&project, &ALL), BAD);
        assert_eq!(sorted(&project, "orders"), ["1|10", "2|20"]);
        // `test` alone looks at what is published.
        project.ok(&["test"]);
        assert_eq!(status(&project, &ALL[1..3]), GOOD[1..3]);
    }
}

#[test]
fn only_strict_tests_decide() {
    for project in shop("materialized='table', publish='audited'") {
        let text = "models: [{name: orders, columns: [{name: id, data_tests: [{unique: {config: \
                    {severity: warn}}}, {not_null: {config: {error_if: '> 1'}}}]}]}]";
        project.file("models/properties.yml", text);
        project.file("seeds/raw.csv", "id,v\n1,10\n1,20\n,30\n");
        project.ok(&["build"]);
        assert_eq!(
            status(&project, &ALL),
            [
                "orders success",
                "not_null_orders_id warn",
                "unique_orders_id warn",
                "reader success"
            ]
        );
        let order: Vec<String> = project.statuses().into_iter().map(|(name, _)| name).collect();
        let at = |name: &str| order.iter().position(|other| other == name).unwrap();
        assert!(at("not_null_orders_id") < at("orders"));
        assert!(at("orders") < at("unique_orders_id") && at("unique_orders_id") < at("reader"));
        // Where warnings are errors, the lenient test decides, too.
        project.fails(1, &["--warn-error", "build"]);
        assert_eq!(project.status("orders"), "error");
    }
}

/// A test of two models decides about the one that is built last, once the other one is there.
#[test]
fn tests_of_several_models_decide_about_the_last() {
    for project in Project::on_each(&[
        ("models/a.sql", "{{ config(publish='audited', materialized='table') }} select 1 as id"),
        (
            "models/b.sql",
            "{{ config(publish='audited', materialized='table') }} select {{ var('b', 1) }} as id",
        ),
        ("models/c.sql", "select id from {{ ref('b') }} union all select {{ var('c', 1) }}"),
        ("models/free.sql", "{{ config(materialized='table') }} select {{ var('free', 1) }} as id"),
        (
            "tests/a_in_b.sql",
            "select id from {{ ref('a') }} where id not in (select id from {{ ref('b') }})",
        ),
        (
            "tests/b_in_c.sql",
            "select id from {{ ref('c') }} where id not in (select id from {{ ref('b') }})",
        ),
        (
            "tests/a_in_free.sql",
            "select id from {{ ref('a') }} where id not in (select id from {{ ref('free') }})",
        ),
    ]) {
        let all = ["a", "b", "c", "free", "a_in_b", "b_in_c", "a_in_free"];
        project.ok(&["build", "--threads", "4"]);
        assert_eq!(
            status(&project, &all),
            [
                "a success",
                "b success",
                "c success",
                "free success",
                "a_in_b pass",
                "b_in_c pass",
                "a_in_free pass"
            ]
        );
        project.fails(1, &["run", "--threads", "4", "--vars", "{b: 2}"]);
        assert_eq!(
            status(&project, &all),
            [
                "a success",
                "b error",
                "c skipped",
                "free success",
                "a_in_b fail",
                "b_in_c ",
                "a_in_free pass"
            ]
        );
        project.fails(1, &["build", "--threads", "4", "--vars", "{free: 2}"]);
        assert_eq!(
            status(&project, &all),
            [
                "a error",
                "b skipped",
                "c skipped",
                "free success",
                "a_in_b skipped",
                "b_in_c skipped",
                "a_in_free fail"
            ]
        );
        // What reads a model's reader cannot decide about it.
        project.fails(1, &["build", "--threads", "4", "--vars", "{c: 2}"]);
        assert_eq!(
            status(&project, &all),
            [
                "a success",
                "b success",
                "c success",
                "free success",
                "a_in_b pass",
                "b_in_c fail",
                "a_in_free pass"
            ]
        );
        assert_eq!(project.lines("select id from b"), ["1"]);
    }
}

/// Each of two tests would wait for what is built from the other's model.
#[test]
fn tests_in_a_ring_do_not_wait_for_each_other() {
    let audited = "{{ config(publish='audited', materialized='table') }} select 1 as id";
    for project in Project::on_each(&[
        ("models/b1.sql", audited),
        ("models/b2.sql", audited),
        ("models/d1.sql", "select * from {{ ref('b2') }}"),
        ("models/d2.sql", "select * from {{ ref('b1') }}"),
        (
            "tests/t1.sql",
            "select b.id from {{ ref('b1') }} b join {{ ref('d1') }} d on d.id <> b.id",
        ),
        (
            "tests/t2.sql",
            "select b.id from {{ ref('b2') }} b join {{ ref('d2') }} d on d.id <> b.id",
        ),
    ]) {
        project.ok(&["build", "--threads", "4"]);
        let all = ["b1", "b2", "d1", "d2", "t1", "t2"];
        let passed = ["b1 success", "b2 success", "d1 success", "d2 success", "t1 pass", "t2 pass"];
        assert_eq!(status(&project, &all), passed);
        // One of the two decides.
        project.ok(&["run"]);
        assert_eq!(project.statuses().len(), 5);
    }
}

#[test]
fn a_test_that_could_not_run_lets_nothing_pass() {
    for project in Project::on_each(&[
        ("models/a.sql", "{{ config(publish='audited', materialized='table') }} select 1 as id"),
        ("models/broken.sql", "select 1 as id from nowhere"),
        (
            "tests/with_broken.sql",
            "select id from {{ ref('a') }} where id in (select id from {{ ref('broken') }})",
        ),
        ("models/reader.sql", "select * from {{ ref('a') }}"),
    ]) {
        project.fails(1, &["build"]);
        let all = ["a", "broken", "with_broken", "reader"];
        let expected = ["a skipped", "broken error", "with_broken skipped", "reader skipped"];
        assert_eq!(status(&project, &all), expected);
        assert!(relations(&project, schema(&project)).is_empty());
        project.file("models/broken.sql", "select 2 as id");
        project.file(
            "tests/with_broken.sql",
            "select nothing from {{ ref('a') }}, {{ ref('broken') }}",
        );
        project.fails(1, &["retry"]);
        let expected = ["a error", "broken success", "with_broken error", "reader skipped"];
        assert_eq!(status(&project, &all), expected);
        project.file(
            "tests/with_broken.sql",
            "select id from {{ ref('a') }} where id in (select id from {{ ref('broken') }})",
        );
        project.ok(&["retry"]);
        assert_eq!(
            status(&project, &["a", "with_broken", "reader"]),
            ["a success", "with_broken pass", "reader success"]
        );
    }
}

#[test]
fn failing_rows_are_kept_as_a_table() {
    for project in shop("materialized='table', publish='audited'") {
        let text = "models: [{name: orders, columns: [{name: id, data_tests: [{unique: {config: \
                    {store_failures_as: view, schema: kept, alias: twice}}}]}]}]";
        project.file("models/properties.yml", text);
        project.file("macros/s.sql", "{% macro generate_schema_name(custom, node) %}{{ custom or target.schema }}{% endmacro %}");
        project.file("seeds/raw.csv", "id,v\n1,10\n1,20\n");
        project.fails(1, &["build"]);
        assert_eq!(project.lines("select * from kept.twice"), ["1|2"]);
        assert_eq!(relations(&project, "kept"), ["twice table"]);
        raw(&project, "1,10\n");
        project.ok(&["build"]);
        assert!(project.lines("select * from kept.twice").is_empty());
    }
}
