//! What the results store keeps of data tests: rules, failing rows with their keys, and their life.

use super::support::project::{On, Project};

/// `d` on DuckDB and `p` on PostgreSQL with the same five rows.
const ROWS: &str = "select 'n1' as note, 1 as id, 'a' as kind union all select 'n2', 2, 'b' \
     union all select 'n3', 3, 'z' union all select 'n4', 4, 'z' union all select 'n5', 5, null";

fn project(files: &[(&str, &str)]) -> Project {
    let d = format!("{{{{ config(materialized='table') }}}} {ROWS}");
    let p = format!("{{{{ config(materialized='table', engine='operational') }}}} {ROWS}");
    let mut all = vec![("models/d.sql", d.as_str()), ("models/p.sql", p.as_str())];
    all.extend(files);
    Project::new(On::Hybrid, &all)
}

/// A properties file with these columns for both models.
fn columns(of_both: &str) -> String {
    let of = |model: &str| format!("  - name: {model}\n    columns:\n{of_both}");
    format!("models:\n{}{}", of("d"), of("p"))
}

fn store(project: &Project, sql: &str) -> Vec<String> {
    project.postgres(sql).into_iter().map(|row| row.join(" ")).collect()
}

/// Of each check that found something: the test, its columns, and the keys of its rows.
const KEPT: &str =
    "select r.name, c.failures, c.rows_complete, c.row_columns[1:c.key_columns]::text,
    c.row_columns[c.key_columns + 1:]::text,
    (select string_agg(coalesce(f.row_key, f.row_data)::text, ' ' order by f.row_number)
     from data_quality.quality_failures f where f.check_id = c.check_id)
    from data_quality.quality_checks c join data_quality.quality_rules r using (rule_id)
    where c.status <> 'pass' order by r.name";

#[test]
fn failing_rows_come_with_their_key_first() {
    let yaml = columns(
        "      - name: note\n      - name: id\n        data_tests: [unique, not_null]\n      \
         - name: kind\n        data_tests:\n          - not_null\n          \
         - accepted_values: {arguments: {values: [a, b]}}\n          \
         - relationships: {arguments: {to: ref('kinds'), field: kind}}\n",
    );
    let project = project(&[
        ("models/_.yml", &yaml),
        ("seeds/kinds.csv", "kind\na\nb\n"),
        ("tests/late_d.sql", "select kind, note, id from {{ ref('d') }} where id > 3"),
        ("tests/late_p.sql", "select kind, note, id from {{ ref('p') }} where id > 3"),
        (
            "tests/pairs.sql",
            "select count(*) as n, kind from {{ ref('d') }} group by 2 having count(*) > 1",
        ),
    ]);
    project.fails(1, &["build"]);
    let of = |name: &str| {
        [
            format!(
                "accepted_values_{name}_kind__a__b 1 true {{value_field}} {{n_records}} {{\"value_field\": \"z\"}}"
            ),
            format!("late_{name} 2 true {{id}} {{kind,note}} {{\"id\": 4}} {{\"id\": 5}}"),
            format!("not_null_{name}_kind 1 true {{id}} {{kind}} {{\"id\": 5}}"),
            format!(
                "relationships_{name}_kind__kind__ref_kinds_ 2 true {{from_field}} {{}} \
                 {{\"from_field\": \"z\"}} {{\"from_field\": \"z\"}}"
            ),
        ]
    };
    let mut expected = [of("d"), of("p")].concat();
    expected.push("pairs 1 true {} {n,kind} {\"n\": 2, \"kind\": \"z\"}".to_owned());
    expected.sort();
    assert_eq!(store(&project, KEPT), expected);
    // The same order in what is printed.
    let shown = project.ok(&["failures", "late_p", "--output", "csv"]).stdout;
    assert_eq!(shown, "id,kind,note\n4,z,n4\n5,NULL,n5\n".replace("NULL", ""));
}

#[test]
fn the_key_is_the_constraint_before_tests_and_unique_key() {
    let yaml = "models:\n  - name: d\n    constraints: [{type: primary_key, columns: [kind, note]}]\n    \
         columns:\n      - name: id\n        data_tests: [unique, not_null]\n  \
         - name: p\n    columns:\n      - name: note\n        constraints: [{type: primary_key}]\n      \
         - name: id\n        data_tests: [unique, not_null]\n";
    let keyed = "{{ config(materialized='table', unique_key=['id', 'note']) }} select * from {{ ref('d') }}";
    let project = project(&[
        ("models/_.yml", yaml),
        ("models/keyed.sql", keyed),
        (
            "tests/of_d.sql",
            "{{ config(severity='warn') }} select * from {{ ref('d') }} where id = 1",
        ),
        ("tests/of_keyed.sql", "select * from {{ ref('keyed') }} where id = 1"),
        ("tests/of_p.sql", "select * from {{ ref('p') }} where id = 1"),
    ]);
    project.fails(1, &["build"]);
    assert_eq!(
        store(&project, KEPT),
        [
            "of_d 1 true {kind,note} {id} {\"kind\": \"a\", \"note\": \"n1\"}",
            "of_keyed 1 true {id,note} {kind} {\"id\": 1, \"note\": \"n1\"}",
            "of_p 1 true {note} {id,kind} {\"note\": \"n1\"}",
        ]
    );
}

#[test]
fn failures_limit_is_inherited_and_nothing_more_is_fetched() {
    let yaml = "models:\n  - name: d\n    columns:\n      - name: id\n        data_tests:\n          \
         - unique\n          - not_null\n          - below: {name: none_kept, config: {failures_limit: 0}}\n          \
         - below: {name: two_kept, failures_limit: 2}\n          - below: {name: three_kept}\n          \
         - below: {name: five_kept, config: {failures_limit: 5}}\n          \
         - below: {name: by_sum, config: {fail_calc: sum(id), failures_limit: 5}}\n          \
         - below: {name: limited, config: {limit: 2, failures_limit: 5}}\n";
    let project = project(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\ndata_tests:\n  +failures_limit: 3\n"),
        ("models/_.yml", yaml),
        (
            "tests/generic/below.sql",
            "{% test below(model, column_name) %} select * from {{ model }} where {{ column_name }} < 10 {% endtest %}",
        ),
    ]);
    project.fails(1, &["--debug", "build", "--select", "d"]);
    assert_eq!(
        store(&project, KEPT),
        [
            "by_sum 15 true {id} {note,kind} {\"id\": 1} {\"id\": 2} {\"id\": 3} {\"id\": 4} {\"id\": 5}",
            "five_kept 5 true {id} {note,kind} {\"id\": 1} {\"id\": 2} {\"id\": 3} {\"id\": 4} {\"id\": 5}",
            "limited 2 false {id} {note,kind} {\"id\": 1} {\"id\": 2}",
            "none_kept 5 false NULL NULL NULL",
            "three_kept 5 false {id} {note,kind} {\"id\": 1} {\"id\": 2} {\"id\": 3}",
            "two_kept 5 false {id} {note,kind} {\"id\": 1} {\"id\": 2}",
        ]
    );
    // The engine itself was asked for no more.
    let log = project.read("logs/dbt.log");
    assert!(log.contains("limit 2\n"), "{log}");
    assert!(!log.contains("limit 100"), "{log}");
}

#[test]
fn rules_know_their_context_owner_and_kind() {
    let yaml = "groups:\n  - {name: sales, owner: {name: Sales}}\n  - {name: stock, owner: {email: stock@x.y}}\n\
         sources:\n  - name: raw\n    schema: main\n    config: {group: stock, meta: {owner: {team: Loaders}}}\n    tables:\n      \
         - name: d\n        columns:\n          - name: id\n            data_tests: [not_null]\n\
         models:\n  - name: d\n    config: {group: sales}\n    columns:\n      - name: id\n        data_tests:\n          \
         - unique: {description: Ids are told apart.}\n  - name: p\n    config: {group: stock}\n\
         data_tests:\n  - name: one\n    description: Never so.\n  - name: own\n    config: {group: stock, severity: warn, meta: {owner: Ada}}\n\
         unit_tests:\n  - name: doubled\n    model: twice\n    description: Twice as much.\n    given: [{input: ref('d'), rows: [{id: 1}]}]\n    expect: {rows: [{n: 2}]}\n";
    let project = project(&[
        ("models/_.yml", yaml),
        ("models/twice.sql", "{{ config(group='sales') }} select 2 * id as n from {{ ref('d') }}"),
        ("tests/one.sql", "select * from {{ ref('d') }} where false"),
        ("tests/both.sql", "select d.id from {{ ref('d') }} d, {{ ref('p') }} where false"),
        ("tests/own.sql", "select * from {{ ref('d') }} where false"),
    ]);
    project.ok(&["run"]);
    project.ok(&["test"]);
    let rules = "select name, kind, severity, coalesce(context, '-'), coalesce(owner, '-'),
        coalesce(node_name, '-'), coalesce(column_name, '-'), coalesce(description, '-')
        from data_quality.quality_rules order by name";
    assert_eq!(
        store(&project, rules),
        [
            "both singular error - - - - -",
            "doubled unit error sales Sales twice - Twice as much.",
            "one singular error sales Sales - - Never so.",
            "own singular warn stock Ada - - -",
            "source_not_null_raw_d_id not_null error stock Loaders raw.d id -",
            "unique_d_id unique error sales Sales d id Ids are told apart.",
        ]
    );
}
