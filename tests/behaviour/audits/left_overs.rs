//! Runs that were broken off: readers find whole relations, and nothing hidden is left for good.

use super::super::support::project::{On, Project};
use super::super::{relations, schema, sorted};
use super::{ALL, GOOD, shop, status};

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
