//! Contracts and constraints, grants and comments: what is promised of a relation beside its rows.

use super::sorted;
use super::support::project::{On, Project};

const PROMISED: &str = "
models:
  - name: m
    config: {contract: {enforced: true}}
    constraints: [{type: unique, columns: [id, name]}]
    columns:
      - {name: id, data_type: integer, constraints: [{type: not_null}, {type: check, expression: id > 0}]}
      - {name: name, data_type: varchar}
";

#[test]
fn a_contract_is_checked_before_anything_is_made() {
    for project in Project::on_each(&[
        ("models/schema.yml", PROMISED),
        ("models/m.sql", "{{ config(materialized='table') }} select 'a' as name, 1 as id"),
    ]) {
        project.ok(&["run"]);
        assert_eq!(project.lines("select id from m where name = 'a'"), ["1"]);
        for (sql, why) in [
            ("select '1' as id, 'a' as name", "data type mismatch"),
            ("select 1 as id, 'a' as other", "missing in contract"),
        ] {
            let model = format!("{{{{ config(materialized='table') }}}} {sql}");
            project.file("models/m.sql", &model);
            let said = project.fails(1, &["run"]).text();
            assert!(said.contains("This model has an enforced contract that failed"), "{said}");
            assert!(said.contains(why), "{said}");
            assert_eq!(project.lines("select id from m where name = 'a'"), ["1"]);
        }
        // The constraints are the database's business.
        project.file(
            "models/m.sql",
            "{{ config(materialized='table') }} select -1 as id, 'b' as name",
        );
        project.fails(1, &["run"]);
        assert_eq!(project.lines("select name from m"), ["a"]);
    }
}

#[test]
fn grants_follow_the_configuration_on_postgres() {
    let project = Project::new(On::Postgres, &[("models/m.sql", "select 1 as id")]);
    let role = format!("reader_{}", std::process::id());
    project.postgres(&format!("create role {role}"));
    let granted = format!(
        "select has_table_privilege('{role}', 'm', 'select'), has_table_privilege('{role}', 'm', 'insert')"
    );
    for kind in ["view", "table", "incremental"] {
        for (privilege, expected) in [("select", "true|false"), ("insert", "false|true")] {
            project.file(
                "models/m.sql",
                &format!("{{{{ config(materialized='{kind}', grants={{'{privilege}': ['{role}']}}) }}}} select 1 as id"),
            );
            project.ok(&["run"]);
            assert_eq!(project.lines(&granted), [expected], "{kind}");
        }
    }
    project.postgres("drop table m");
    project.postgres(&format!("drop role {role}"));
}

#[test]
fn descriptions_are_kept_in_the_database() {
    let docs = "
models:
  - name: m
    description: The 'model'
    config: {persist_docs: {relation: true, columns: true}}
    columns: [{name: id, description: A key}]
";
    for kind in ["view", "table", "incremental"] {
        let model = format!("{{{{ config(materialized='{kind}') }}}} select 1 as id");
        for (at, project) in
            Project::on_each(&[("models/schema.yml", docs), ("models/m.sql", &model)])
                .iter()
                .enumerate()
        {
            project.ok(&["run"]);
            let comments = match (at, kind) {
                (0, "view") => {
                    "select comment, (select comment from duckdb_columns() where table_name = 'm') from duckdb_views() where view_name = 'm'"
                }
                (0, _) => {
                    "select comment, (select comment from duckdb_columns() where table_name = 'm') from duckdb_tables() where table_name = 'm'"
                }
                _ => "select obj_description('m'::regclass), col_description('m'::regclass, 1)",
            };
            assert_eq!(project.lines(comments), ["The 'model'|A key"], "{kind}");
            assert_eq!(sorted(project, "m"), ["1"]);
        }
    }
}

#[test]
fn columns_of_an_incremental_model_change_with_its_query() {
    for (mode, rows) in [
        ("ignore", Some(vec!["1|a", "2|None"])),
        ("append_new_columns", Some(vec!["1|a|None", "2|None|x"])),
        ("sync_all_columns", Some(vec!["1|None", "2|x"])),
        ("fail", None),
    ] {
        let model = |sql: &str| {
            format!("{{{{ config(materialized='incremental', on_schema_change='{mode}') }}}} {sql}")
        };
        for project in Project::on_each(&[("models/m.sql", &model("select 1 as id, 'a' as old"))]) {
            project.ok(&["run"]);
            let newer = if mode == "ignore" {
                "select 2 as id, cast(null as varchar) as old, 'x' as newer"
            } else {
                "select 2 as id, 'x' as newer"
            };
            project.file("models/m.sql", &model(newer));
            match &rows {
                Some(rows) => {
                    project.ok(&["run"]);
                    let shown: Vec<String> = sorted(&project, "m");
                    assert_eq!(
                        shown,
                        rows.iter().map(|r| r.replace("None", "NULL")).collect::<Vec<_>>(),
                        "{mode}"
                    );
                }
                None => {
                    let said = project.fails(1, &["run"]).text();
                    assert!(said.contains("out of sync"), "{said}");
                    assert_eq!(sorted(&project, "m"), ["1|a"]);
                }
            }
        }
    }
}

#[test]
fn a_contract_is_checked_while_parsing_as_far_as_that_goes() {
    let promised = |more: &str| {
        format!(
            "models:\n  - name: m\n    config: {{contract: {{enforced: true}}{more}}}\n    \
             columns: [{{name: id, data_type: string, constraints: [{{type: not_null}}]}}]\n"
        )
    };
    let project = Project::new(
        On::Postgres,
        &[
            ("models/schema.yml", &promised("")),
            ("models/m.sql", "{{ config(materialized='table') }} select 'a'::text as id"),
        ],
    );
    // dbt's own name for the type is that of the database.
    project.ok(&["run"]);
    assert_eq!(project.lines("select id from m"), ["a"]);
    project.file("models/schema.yml", &promised(", materialized: view"));
    project.file("models/m.sql", "select 'a'::text as id");
    let said = project.ok(&["parse"]).text();
    assert!(
        said.contains("Constraint types are not supported for view materializations"),
        "{said}"
    );
    project.file("models/schema.yml", &promised(", materialized: incremental"));
    let said = project.fails(2, &["parse"]).text();
    assert!(said.contains("on_schema_change"), "{said}");
}

#[test]
fn a_foreign_key_names_its_table_by_ref() {
    let schema = "
models:
  - name: child
    config: {contract: {enforced: true}}
    columns:
      - name: id
        data_type: integer
        constraints: [{type: foreign_key, to: ref('parent'), to_columns: [id]}]
  - name: parent
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: integer, constraints: [{type: unique}]}]
";
    let project = Project::new(
        On::Postgres,
        &[
            ("models/schema.yml", schema),
            ("models/child.sql", "{{ config(materialized='table') }} select 1 as id"),
            ("models/parent.sql", "{{ config(materialized='table') }} select 1 as id"),
        ],
    );
    project.ok(&["run"]);
    let manifest = project.json("target/manifest.json");
    let child = &manifest["nodes"]["model.shop.child"];
    let parent = &manifest["nodes"]["model.shop.parent"]["relation_name"];
    assert_eq!(&child["columns"]["id"]["constraints"][0]["to"], parent);
}

/// Types that dbt has no word for are told by PostgreSQL's number for them.
#[test]
fn a_contract_holds_for_types_without_a_name() {
    let contract = |data_type: &str| {
        format!(
            "models:\n  - name: m\n    config: {{contract: {{enforced: true}}}}\n    columns: [{{name: price, data_type: '{data_type}'}}]\n"
        )
    };
    let project = Project::new(
        On::Postgres,
        &[
            ("models/m.sql", "select cast('12.34' as money) as price"),
            ("models/schema.yml", &contract("money")),
        ],
    );
    let said = project.ok(&["--debug", "run"]).text();
    assert!(said.contains("The `type_code` 790 was not recognized"), "{said}");
    for (data_type, word) in [("text", "TEXT"), ("text[]", "STRINGARRAY"), ("int", "INTEGER")] {
        project.file("models/schema.yml", &contract(data_type));
        let said = project.fails(1, &["run"]).text();
        let told = said.lines().find(|line| line.contains("| unknown type_code 790 |")).unwrap();
        assert!(told.contains(&format!("| {word} ")), "{told}");
    }
    project.file("models/schema.yml", &contract("uuid"));
    let said = project.fails(1, &["run"]).text();
    assert!(said.contains("| unknown type_code 790 | unknown type_code 2950 |"), "{said}");
}

#[test]
fn types_are_those_of_the_database_where_aliases_are_off() {
    let promised = |more: &str| {
        format!(
            "models:\n  - name: m\n    config: {{contract: {{enforced: true{more}}}}}\n    \
             columns: [{{name: id, data_type: string}}]\n"
        )
    };
    let project = Project::new(
        On::Postgres,
        &[("models/schema.yml", &promised("")), ("models/m.sql", "select 'a'::text as id")],
    );
    project.ok(&["run"]);
    project.file("models/schema.yml", &promised(", alias_types: false"));
    let said = project.fails(1, &["run"]).text();
    assert!(said.contains("type \"string\" does not exist"), "{said}");
}

#[test]
fn a_python_model_has_no_contract() {
    let project = Project::new(
        On::DuckDb,
        &[
            (
                "models/schema.yml",
                "models:\n  - name: m\n    config: {contract: {enforced: true}}\n    columns: [{name: id, data_type: int}]\n",
            ),
            ("models/m.py", "def model(dbt, session):\n    return dbt.ref('gone')\n"),
        ],
    );
    let said = project.fails(2, &["parse"]).text();
    assert!(said.contains("Language Error: Expected 'sql' but found 'python'"), "{said}");
}

#[test]
fn a_foreign_key_follows_a_deferred_ref() {
    let key = "models:\n  - name: m\n    config: {contract: {enforced: true}}\n    columns:\n      - name: id\n        \
               data_type: integer\n        constraints: [{type: foreign_key, to: ref('other'), to_columns: [id]}]\n";
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/schema.yml", key),
            ("models/m.sql", "select 1 as id"),
            ("models/other.sql", "select 1 as id"),
            (
                "macros/names.sql",
                "{% macro generate_alias_name(custom_alias_name, node) %}{{ node.name }}_{{ var('state', 'dev') }}{% endmacro %}",
            ),
        ],
    );
    project.ok(&["parse", "--vars", "state: prod", "--target-path", "state"]);
    project.ok(&["compile", "--defer", "--state", "state"]);
    let node = &project.json("target/manifest.json")["nodes"]["model.shop.m"];
    let to = node["columns"]["id"]["constraints"][0]["to"].as_str().unwrap().to_owned();
    assert!(to.ends_with("\"other_prod\""), "{to}");
}
