//! `publish: audited`: what fails its tests is never published.

use super::support::project::{On, Project, lines};
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

#[test]
fn an_increment_keeps_what_the_table_has() {
    let config = "materialized='incremental', unique_key='id', publish='audited', \
                  contract={'enforced': true}, on_schema_change='append_new_columns', \
                  indexes=[{'columns': ['v']}], persist_docs={'relation': true, 'columns': true}, \
                  pre_hook=\"{% if is_incremental() %} delete from {{ this }} where id = 1 {% endif %}\"";
    let properties = "models:
  - name: orders
    description: all orders
    constraints: [{type: unique, columns: [v]}]
    columns:
      - name: id
        data_type: integer
        description: its number
        constraints: [{type: primary_key}]
        data_tests: [unique, not_null]
      - {name: v, data_type: integer, constraints: [{type: check, expression: v > 0}]}
";
    for project in shop(config) {
        project.file("models/properties.yml", properties);
        project.ok(&["build"]);
        let described = |project: &Project| {
            match project.on {
            On::Postgres => project.lines(
                "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'orders'::regclass
                 union all select indexname, indexdef from pg_indexes where tablename = 'orders'
                 union all select '', obj_description('orders'::regclass) || col_description('orders'::regclass, 1) order by 1, 2",
            ),
            _ => project.lines(
                "select sql || comment from duckdb_tables() where table_name = 'orders'
                 union all select sql from duckdb_indexes() where table_name = 'orders'
                 union all select comment from duckdb_columns() where table_name = 'orders' order by 1",
            ),
        }
        };
        let before = described(&project);
        for turn in 0..2 {
            raw(&project, &format!("2,21\n{},30\n", turn + 3));
            // Rejected by a constraint at first, then by nothing.
            raw(&project, "2,-1\n");
            project.fails(1, &["run"]);
            assert_eq!(project.status("orders"), "error");
            raw(&project, &format!("2,21\n{},{}\n", turn + 3, turn + 30));
            project.ok(&["run"]);
            assert_eq!(described(&project), before);
        }
        assert_eq!(sorted(&project, "orders"), ["2|21", "3|30", "4|31"]);
        raw(&project, "7,70\n");
        project.ok(&["run", "--full-refresh"]);
        assert_eq!(sorted(&project, "orders"), ["7|70"]);
    }
}

#[test]
fn grants_and_foreign_keys_come_with_an_increment() {
    let [_, project] = shop("materialized='incremental', publish='audited'");
    project.ok(&["build"]);
    let role = format!("r_{}", uuid::Uuid::new_v4().simple());
    let mut connection = project.database().connect();
    use pintail::engine::Connection;
    for sql in [
        format!("create role {role}"),
        format!("grant select on orders to {role} with grant option"),
        format!("grant update (v) on orders to {role}"),
        "create table other (id integer primary key)".to_owned(),
        "insert into other values (1), (2), (5)".to_owned(),
        "alter table orders add constraint known foreign key (id) references other (id)".to_owned(),
        "alter table orders set (fillfactor = 70)".to_owned(),
    ] {
        connection.execute(&sql).unwrap();
    }
    let state = "select relacl::text, reloptions::text, (select string_agg(attacl::text, '') from pg_attribute where attrelid = c.oid),
                 (select string_agg(conname || pg_get_constraintdef(oid), '') from pg_constraint where conrelid = c.oid)
                 from pg_class c where oid = 'orders'::regclass";
    let before = project.lines(state);
    raw(&project, "5,50\n");
    project.ok(&["run"]);
    assert_eq!(project.lines(state), before);
    assert_eq!(sorted(&project, "orders"), ["1|10", "2|20", "5|50"]);
    // What a copy would lose is said before anything is done.
    connection.execute("alter table orders enable row level security").unwrap();
    let ran = project.fails(1, &["run"]);
    assert!(
        ran.text().contains("A copy of \"public\".\"orders\" would lack row-level security"),
        "{}",
        ran.text()
    );
    connection.execute(&format!("drop owned by {role}")).unwrap();
    connection.execute(&format!("drop role {role}")).unwrap();
}

#[test]
fn views_upon_a_table_stay_and_see_only_what_passed() {
    let [_, project] = shop("materialized='table', publish='audited'");
    project.ok(&["build"]);
    use pintail::engine::Connection;
    let mut connection = project.database().connect();
    connection.execute("create view own as select sum(v) as total from orders").unwrap();
    raw(&project, "3,30\n3,31\n");
    project.fails(1, &["run"]);
    assert_eq!(project.lines("select total from own"), ["30"]);
    raw(&project, "3,30\n4,31\n");
    project.ok(&["run"]);
    assert_eq!(project.lines("select total from own"), ["61"]);
}

#[test]
fn hooks_after_the_commit_come_after_publishing() {
    let log = |when: &str| {
        format!(
            "insert into log values ('{when}', '{{{{ this.identifier }}}}', '{{{{ sql is not none }}}}')"
        )
    };
    let config = format!(
        "materialized=var('kind', 'table'), publish='audited', pre_hook=\"{}\", post_hook=[\"{}\", after_commit(\"{}\")]",
        log("pre"),
        log("post"),
        log("after")
    );
    for project in shop(&config) {
        let start = "create table if not exists log (a varchar(20), b varchar(20), c varchar(20))";
        let text = format!(
            "name: shop\nprofile: shop\non-run-start: [\"{start}\", \"delete from log\"]\n"
        );
        project.file("dbt_project.yml", &text);
        for kind in ["table", "view", "incremental"] {
            raw(&project, "1,10\n");
            let vars = format!("{{kind: {kind}}}");
            project.ok(&["run", "--vars", &vars, "--full-refresh"]);
            let expected =
                ["after|orders|True", "post|orders__audit|True", "pre|orders__audit|True"];
            assert_eq!(sorted(&project, "log"), expected, "{kind}");
            raw(&project, "1,10\n1,20\n");
            project.fails(1, &["run", "--vars", &vars, "--full-refresh"]);
            assert_eq!(sorted(&project, "log"), expected[1..], "{kind}");
        }
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
fn failing_fast_leaves_nothing_half_done() {
    for project in shop("materialized='table', publish='audited'") {
        project.file("seeds/raw.csv", "id,v\n1,10\n1,20\n");
        project.file("models/other.sql", "{{ config(publish='audited') }} select 1 as id");
        project.file("tests/of_other.sql", "select id from {{ ref('other') }} where id = 2");
        project.fails(1, &["build", "--fail-fast", "--threads", "1"]);
        assert_eq!(project.status("orders"), "error");
        let left = relations(&project, schema(&project));
        assert!(left.iter().all(|name| !name.contains("__audit")), "{left:?}");
        let model = "{{ config(publish='audited') }} select 1 as id, 10 as v";
        project.file("models/orders.sql", model);
        project.ok(&["retry"]);
        assert_eq!(status(&project, &ALL), GOOD);
        assert_eq!(sorted(&project, "orders"), ["1|10"]);
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

/// What a killed run left is dropped by the next one, whatever it is.
#[test]
fn left_overs_are_dropped() {
    let long = "o".repeat(60);
    for project in shop(&format!(
        "materialized=var('kind'), publish='audited', alias='{long}', unique_key='id'"
    )) {
        project.file("tests/positive.sql", "select * from {{ ref('orders') }} where v < 0");
        let hidden = {
            project.fails(1, &["run", "--vars", "{kind: incremental}"]);
            project.ok(&["seed"]);
            project.ok(&["run", "--vars", "{kind: incremental}"]);
            let sql = project.read("target/compiled/shop/tests/positive.sql");
            let from = sql.split("from ").nth(1).unwrap().split(" where").next().unwrap();
            from.rsplit('.').next().unwrap().trim_matches('"').to_owned()
        };
        assert!(hidden.ends_with("__audit") && hidden.len() == 63, "{hidden}");
        for (kind, left) in [
            ("incremental", "view"),
            ("incremental", "table"),
            ("view", "table"),
            ("table", "view"),
        ] {
            let create = format!("create {left} {hidden} as select 7 as id, 8 as v");
            match project.on {
                On::Postgres => {
                    use pintail::engine::Connection;
                    project.database().connect().execute(&create).unwrap();
                }
                _ => drop(project.duckdb(&create)),
            }
            project.ok(&["run", "--vars", &format!("{{kind: {kind}}}")]);
            let names = relations(&project, schema(&project)).join(" ");
            assert!(!names.contains("__audit"), "{names}");
            assert_eq!(sorted(&project, &long), ["1|10", "2|20"], "{kind}");
        }
    }
}

/// Whatever the moment, readers find the old relation or the new one, whole; and the next run
/// leaves nothing of the killed one.
#[test]
fn kills_at_any_moment_leave_whole_relations() {
    let model = |kind: &str| {
        format!(
            "{{{{ config(materialized='{kind}', publish='audited', unique_key='id') }}}}
             select i as id, {{{{ var('turn', 0) }}}} as turn from generate_series(1, 2000) s(i)"
        )
    };
    let tests = "models: [{name: t, columns: [{name: id, data_tests: [unique, not_null]}]}, \
                 {name: i, columns: [{name: id, data_tests: [unique, not_null]}]}, \
                 {name: v, columns: [{name: id, data_tests: [unique, not_null]}]}]";
    for project in Project::on_each(&[
        ("models/t.sql", &model("table")),
        ("models/i.sql", &model("incremental")),
        ("models/v.sql", &model("view")),
        ("models/properties.yml", tests),
    ]) {
        project.ok(&["build"]);
        for turn in 1..=8_u64 {
            let vars = format!("{{turn: {turn}}}");
            let mut command = project.command(&["build", "--vars", &vars]);
            let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(60 + turn * 70));
            child.kill().unwrap();
            child.wait().unwrap();
            for relation in ["t", "i", "v"] {
                let sql = format!(
                    "select count(*), count(distinct id), count(distinct turn) from {relation}"
                );
                assert_eq!(project.lines(&sql), ["2000|2000|1"], "{relation} after {turn}");
            }
        }
        project.ok(&["build"]);
        assert_eq!(relations(&project, schema(&project)), ["i table", "t table", "v view"]);
    }
}

#[test]
fn other_engines_see_only_what_was_published() {
    let project = Project::new(
        On::Hybrid,
        &[
            (
                "models/duck.sql",
                "{{ config(publish='audited', materialized='table') }} select {{ var('duck', 1) }} as id",
            ),
            (
                "models/ops.sql",
                "{{ config(publish='audited', materialized='table', engine='operational') }} select {{ var('ops', 1) }} as id",
            ),
            (
                "models/from_duck.sql",
                "{{ config(materialized='table', engine='operational') }} select id from {{ ref('duck') }}",
            ),
            (
                "models/from_ops.sql",
                "{{ config(materialized='table') }} select id from {{ ref('ops') }}",
            ),
            // On DuckDB, which reads the hidden relation in PostgreSQL.
            (
                "tests/both.sql",
                "select o.id from {{ ref('ops') }} o where o.id not in (select id from {{ ref('duck') }})",
            ),
            ("tests/small.sql", "select id from {{ ref('duck') }} where id > 2"),
            // Through a bridge, which copies what is published.
            (
                "tests/bridged.sql",
                "{{ config(engine='operational') }} select id from {{ ref('duck') }} where id > 1",
            ),
        ],
    );
    let all = ["duck", "ops", "from_duck", "from_ops", "both", "small", "bridged"];
    project.ok(&["build"]);
    assert!(project.statuses().iter().all(|(_, s)| s == "success" || s == "pass"));
    project.fails(1, &["build", "--vars", "{ops: 2}"]);
    assert_eq!(
        status(&project, &all),
        [
            "duck success",
            "ops error",
            "from_duck success",
            "from_ops skipped",
            "both fail",
            "small pass",
            "bridged pass"
        ]
    );
    assert_eq!(lines(project.postgres("select id from ops__rejected")), ["2"]);
    assert_eq!(lines(project.duckdb("select id from from_ops")), ["1"]);
    project.fails(1, &["build", "--vars", "{duck: 3}"]);
    assert_eq!(
        status(&project, &all),
        [
            "duck error",
            "ops skipped",
            "from_duck skipped",
            "from_ops skipped",
            "both skipped",
            "small fail",
            "bridged skipped"
        ]
    );
    assert_eq!(lines(project.postgres("select id from from_duck")), ["1"]);
    // It does not decide: what it looks at is there only afterwards.
    project.fails(1, &["build", "--vars", "{duck: 2, ops: 2}"]);
    assert_eq!(
        status(&project, &["duck", "ops", "bridged", "from_duck"]),
        ["duck success", "ops success", "bridged fail", "from_duck skipped"]
    );
    let tasks = "select name || ' ' || t.status from etl_orchestration.task_executions t join etl_orchestration.pipeline_runs r using (run_id)
                 where r.started_at = (select max(started_at) from etl_orchestration.pipeline_runs) and name in ('duck', 'bridged') order by 1";
    assert_eq!(lines(project.postgres(tasks)), ["bridged fail", "duck success"]);
}

#[test]
fn ephemeral_models_empty_runs_and_deferral() {
    for project in shop("materialized='incremental', publish='audited'") {
        let model = "{{ config(materialized='incremental', publish='audited') }} select * from {{ ref('inner') }}";
        project.file("models/orders.sql", model);
        // An ephemeral model has nothing to publish, wherever it inherits that from.
        project.file("dbt_project.yml", "name: shop\nprofile: shop\nmodels: {+publish: audited}\n");
        project.file(
            "models/inner.sql",
            "{{ config(materialized='ephemeral') }} select * from {{ ref('raw') }}",
        );
        project.file(
            "models/outer.sql",
            "{{ config(materialized='ephemeral') }} select * from {{ ref('orders') }}",
        );
        project.file("tests/of_outer.sql", "select * from {{ ref('outer') }} where v > 1000");
        project.ok(&["build"]);
        project.ok(&["run", "--empty"]);
        assert_eq!(sorted(&project, "orders"), ["1|10", "2|20"]);
        std::fs::rename(project.path().join("target"), project.path().join("state")).unwrap();
        let profiles = project
            .read("profiles.yml")
            .replace("schema: main", "schema: other")
            .replace("schema: public", "schema: other");
        project.file("profiles.yml", &profiles);
        project.ok(&["build", "-s", "orders", "--defer", "--state", "state"]);
        assert_eq!(sorted(&project, "other.orders"), ["1|10", "2|20"]);
        // The ephemeral model reads what is published; so does its test.
        assert_eq!(project.status("of_outer"), "");
        project.ok(&["build", "-s", "of_outer", "--defer", "--state", "state"]);
    }
}

#[test]
fn the_configuration_is_a_change_and_stands_in_the_manifest() {
    let [project, _] = shop("materialized='table'");
    project.ok(&["parse", "--target-path", "old"]);
    let config = project.json("old/manifest.json")["nodes"]["model.shop.orders"]["config"].clone();
    assert!(config.get("publish").is_none());
    let model = "{{ config(materialized='table') }} select * from {{ ref('raw') }}";
    assert_eq!(project.read("models/orders.sql"), model);
    project.file(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nmodels: {shop: {orders: {+publish: audited}}}\n",
    );
    let modified = [
        "ls",
        "-s",
        "state:modified.configs",
        "--state",
        "old",
        "--output",
        "name",
        "--resource-type",
        "model",
    ];
    assert_eq!(project.ok(&modified).stdout.trim(), "orders");
    assert_eq!(
        project
            .ok(&[
                "ls",
                "-s",
                "config.publish:audited",
                "--output",
                "name",
                "--resource-type",
                "model"
            ])
            .stdout
            .trim(),
        "orders"
    );
    project.ok(&["parse"]);
    assert_eq!(project.node("model.shop.orders")["config"]["publish"], "audited");
}

#[test]
fn what_cannot_be_audited_says_so_at_its_place() {
    let refused = |files: &[(&str, &str)], place: &str, words: &str| {
        let project = Project::new(On::DuckDb, files);
        project.file("seeds/raw.csv", "id\n1\n");
        let text = project.fails(2, &["parse"]).text();
        assert!(text.contains(place) && text.contains(words), "{text}");
    };
    let model = |config: &str| format!("{{{{ config({config}) }}}}\nselect 1 as id");
    refused(
        &[("models/m.sql", &model("publish='sometimes'"))],
        "models/m.sql:1:19",
        "'sometimes', which is not known",
    );
    refused(
        &[("models/m.sql", &model("publish=true"))],
        "models/m.sql:1:19",
        "'true', which is not known",
    );
    refused(
        &[("models/m.sql", &model("publish='audited', materialized='external'"))],
        "models/m.sql:1:19",
        "materialized as `external`, which `publish: audited` does not support",
    );
    refused(
        &[
            (
                "models/m.sql",
                &model(
                    "materialized='incremental', incremental_strategy='microbatch', event_time='id', begin='2020-01-01', batch_size='day'",
                ),
            ),
            ("models/p.yml", "models:\n  - name: m\n    config:\n      publish: audited\n"),
        ],
        "models/p.yml:4:16",
        "`m` is a microbatch model",
    );
    refused(
        &[("dbt_project.yml", "name: shop\nprofile: shop\nseeds:\n  +publish: audited\n")],
        "dbt_project.yml:4:13",
        "`raw` is a seed",
    );
    refused(
        &[
            ("models/m.sql", &model("publish='audited', materialized='table'")),
            (
                "macros/t.sql",
                "{% materialization table, adapter='duckdb' %}{{ return({'relations': []}) }}{% endmaterialization %}",
            ),
        ],
        "models/m.sql:1:19",
        "built by the materialization `table` of `shop`",
    );
    refused(
        &[
            ("models/m.sql", &model("publish='audited'")),
            ("models/n.sql", &model("alias='M__audit'")),
        ],
        "models/n.sql",
        "where the audited model `m` is built or kept",
    );
}
