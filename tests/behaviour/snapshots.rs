//! Snapshots: the two strategies, hard deletes, both forms of definition, one transaction.

use super::sorted;
use super::support::project::{On, Project};

const CUSTOMERS: &str = "id,name,updated_at\n1,Ann,2024-01-01 00:00:00\n2,Bo,2024-01-01 00:00:00\n";

/// Projects with one snapshot of a seed, taken once.
fn taken(config: &str) -> [Project; 2] {
    let block = format!(
        "{{% snapshot history %}}{{{{ config(unique_key='id', {config}) }}}}\n\
         select * from {{{{ ref('customers') }}}}{{% endsnapshot %}}"
    );
    let projects = Project::on_each(&[
        ("seeds/customers.csv", CUSTOMERS),
        ("snapshots/history.sql", &block),
        ("models/now.sql", "select id, name from {{ ref('history') }} where dbt_valid_to is null"),
    ]);
    for project in &projects {
        project.ok(&["build"]);
        assert_eq!(sorted(project, "now"), ["1|Ann", "2|Bo"]);
    }
    projects
}

fn next(project: &Project, rows: &str) {
    project.file("seeds/customers.csv", &format!("id,name,updated_at\n{rows}"));
    project.ok(&["seed", "--full-refresh"]);
    project.ok(&["snapshot"]);
}

/// Each version of a row, with when it ended.
fn versions(project: &Project) -> Vec<String> {
    project.lines(
        "select id, name, case when dbt_valid_to is null then 'now' \
         else cast(dbt_valid_to as varchar) end from history order by 1, dbt_valid_from, 2",
    )
}

#[test]
fn a_later_time_stamp_makes_a_new_version() {
    for project in taken("strategy='timestamp', updated_at='updated_at'") {
        // Bo changed without a later time: not seen. Cy is new. Ann has a later one.
        next(
            &project,
            "1,Anna,2024-02-01 00:00:00\n2,Bob,2024-01-01 00:00:00\n3,Cy,2024-02-01 00:00:00\n",
        );
        let expected = ["1|Ann|2024-02-01 00:00:00", "1|Anna|now", "2|Bo|now", "3|Cy|now"];
        assert_eq!(versions(&project), expected);
        project.ok(&["snapshot"]);
        assert_eq!(versions(&project), expected, "nothing changed");
    }
}

#[test]
fn checked_columns_make_a_new_version_whatever_the_time() {
    for project in taken("strategy='check', check_cols=['name'], updated_at='updated_at'") {
        next(&project, "1,Ann,2024-02-01 00:00:00\n2,,2024-03-01 00:00:00\n");
        let expected = ["1|Ann|now", "2|Bo|2024-03-01 00:00:00", "2|NULL|now"];
        assert_eq!(versions(&project), expected);
    }
}

#[test]
fn deleted_rows_end_or_get_a_record_of_their_own() {
    let ended = "select id, dbt_valid_to is null from history order by id, dbt_valid_from";
    for mode in ["ignore", "invalidate", "new_record"] {
        let config =
            format!("strategy='timestamp', updated_at='updated_at', hard_deletes='{mode}'");
        for project in taken(&config) {
            for _again in 0..2 {
                next(&project, "1,Ann,2024-01-01 00:00:00\n");
                let expected: &[&str] = match mode {
                    "ignore" => &["1|true", "2|true"],
                    "invalidate" => &["1|true", "2|false"],
                    _ => &["1|true", "2|false", "2|true"],
                };
                assert_eq!(project.lines(ended), expected, "{mode}");
            }
            if mode == "new_record" {
                let last = "select name, dbt_is_deleted from history \
                            where id = 2 and dbt_valid_to is null";
                assert_eq!(project.lines(last), ["Bo|True"]);
            }
        }
    }
}

#[test]
fn yaml_alone_defines_a_snapshot_and_names_its_columns() {
    let yaml = "snapshots:
  - name: history
    relation: ref('customers')
    description: Who was called what
    config:
      strategy: check
      unique_key: [id, updated_at]
      check_cols: all
      dbt_valid_to_current: \"cast('9999-12-31' as timestamp)\"
      snapshot_meta_column_names: {dbt_valid_to: until, dbt_scd_id: version}
    columns:
      - name: version
        data_tests: [unique, not_null]
";
    for project in
        Project::on_each(&[("seeds/customers.csv", CUSTOMERS), ("snapshots/all.yml", yaml)])
    {
        project.ok(&["build"]);
        project.file("seeds/customers.csv", &CUSTOMERS.replace("Bo", "Bob"));
        project.ok(&["build"]);
        assert_eq!(project.status("unique_history_version"), "pass");
        let rows = "select id, name, until > cast('9000-01-01' as timestamp) from history \
                    order by 1, dbt_valid_from";
        assert_eq!(project.lines(rows), ["1|Ann|true", "2|Bo|false", "2|Bob|true"]);
        let node = project.node("snapshot.shop.history");
        assert_eq!(node["raw_code"], "select * from {{ ref('customers') }}");
        assert_eq!(node["path"], "all.yml/history.sql");
        assert_eq!(node["depends_on"]["nodes"][0], "seed.shop.customers");
    }
}

#[test]
fn new_columns_are_added_and_others_stay() {
    for project in taken("strategy='check', check_cols='all'") {
        project.file("seeds/customers.csv", "id,name,city\n1,Ann,Bonn\n2,Bo,Rome\n");
        project.ok(&["seed", "--full-refresh"]);
        project.ok(&["snapshot"]);
        let rows = project.lines(
            "select id, city, updated_at is null, dbt_valid_to is null from history order by 1, 2 nulls first",
        );
        let expected =
            ["1|NULL|false|false", "1|Bonn|true|true", "2|NULL|false|false", "2|Rome|true|true"];
        assert_eq!(rows, expected);
    }
}

#[test]
fn a_failure_leaves_the_snapshot_as_it_was() {
    let hook = "{% if var('late', false) %}select no_such_column{% endif %}";
    let config = format!("strategy='timestamp', updated_at='updated_at', post_hook=\"{hook}\"");
    for project in taken(&config) {
        let before = versions(&project);
        project.file("seeds/customers.csv", &CUSTOMERS.replace("2024", "2025"));
        project.ok(&["seed", "--full-refresh"]);
        project.fails(1, &["snapshot", "--vars", "{late: true}"]);
        assert_eq!(versions(&project), before);
    }
}

#[test]
fn a_snapshot_says_what_its_strategy_needs() {
    let block = |config: &str| {
        format!("{{% snapshot s %}}{{{{ config({config}) }}}} select 1 as id{{% endsnapshot %}}")
    };
    for (config, message) in [
        ("unique_key='id'", "must be configured with a 'strategy' and 'unique_key'"),
        ("unique_key='id', strategy='check'", "must specify a check_cols configuration"),
        ("unique_key='id', strategy='timestamp'", "must specify an updated_at configuration"),
        ("unique_key='id', strategy='own'", "strategy macro 'own' was not found"),
    ] {
        let project = Project::new(super::On::DuckDb, &[("snapshots/s.sql", &block(config))]);
        let ran = project.run(&["snapshot"]);
        assert_ne!(ran.code, 0, "{config}");
        assert!(ran.text().contains(message), "{}", ran.text());
    }
}

/// Jinja2 takes the last line break off every template, that of a block, too.
#[test]
fn the_code_of_a_block_ends_without_its_last_line_break() {
    let block = |end: &str| {
        format!(
            "{{% snapshot s %}}{{{{ config(strategy='check', check_cols='all', unique_key='a') }}}}\n\
             select 1 as a{end}{{% endsnapshot %}}"
        )
    };
    let project = Project::new(On::DuckDb, &[]);
    for (end, left) in [("\n\n", "\n"), ("\n", ""), ("\r\n", ""), (" ", " ")] {
        project.file("snapshots/s.sql", &block(end));
        project.ok(&["compile"]);
        let code =
            project.json("target/manifest.json")["nodes"]["snapshot.shop.s"]["compiled_code"]
                .clone();
        assert_eq!(code, format!("\nselect 1 as a{left}"));
    }
}

/// What dbt_project.yml and the block itself say, as written: a text is no list.
#[test]
fn a_block_keeps_its_configuration_as_written() {
    let block = "{% snapshot s %}{{ config(unique_key='id', strategy='check', check_cols='all', \
                 tags='one', pre_hook='select 1') }} select 1 as id {% endsnapshot %}";
    let project = Project::new(On::DuckDb, &[("snapshots/s.sql", block)]);
    let more = "snapshots: {+schema: history, shop: {+meta: {a: 1}}}";
    project.file("dbt_project.yml", &format!("name: shop\nprofile: shop\n{more}"));
    project.ok(&["parse"]);
    let written = &project.node("snapshot.shop.s")["unrendered_config"];
    assert_eq!(
        *written,
        serde_json::json!({
            "unique_key": "id", "strategy": "check", "check_cols": "all", "tags": "one",
            "pre-hook": "select 1", "schema": "history", "meta": {"a": 1},
        })
    );
}
