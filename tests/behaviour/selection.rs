//! Selectors through the command line, and what `ls` prints.

use super::support::project::{On, Project};

fn project() -> Project {
    Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\nmodels: {shop: {marts: {+tags: [mart], +materialized: table}}}\n",
            ),
            ("seeds/raw.csv", "id\n1\n"),
            (
                "models/staging/stg.sql",
                "select * from {{ ref('raw') }} union all select id from {{ source('files', 'f') }}",
            ),
            ("models/marts/fct.sql", "select * from {{ ref('stg') }}"),
            ("models/marts/dim.sql", "{{ config(group='g') }} select * from {{ ref('stg') }}"),
            ("models/end.sql", "select * from {{ ref('fct') }} join {{ ref('dim') }} using (id)"),
            ("tests/alone.sql", "select * from {{ ref('fct') }} where id is null"),
            (
                "models/properties.yml",
                "version: 2\ngroups: [{name: g, owner: {name: x}}]\nsources: [{name: files, tables: [{name: f}]}]\nmodels:\n  \
             - name: fct\n    columns: [{name: id, data_tests: [unique, {not_null: {config: {tags: [slow]}}}]}]\n  \
             - name: end\n    columns: [{name: id, data_tests: [{relationships: {to: ref('fct'), field: id}}]}]\nexposures:\n  \
             - {name: dash, type: dashboard, owner: {name: x}, depends_on: [ref('end')]}\n",
            ),
        ],
    )
}

#[test]
fn selectors_are_those_of_dbt() {
    let project = project();
    let rel = "relationships_end_id__id__ref_fct_";
    let cases: &[(&[&str], &[&str])] = &[
        (&["--select", "fct", "--resource-type", "model"], &["fct"]),
        (&["--select", "fct"], &["alone", "fct", "not_null_fct_id", rel, "unique_fct_id"]),
        (
            &["--select", "+fct", "--resource-type", "model", "seed", "source"],
            &["fct", "files.f", "raw", "stg"],
        ),
        (&["--select", "1+fct", "--resource-type", "model", "seed"], &["fct", "stg"]),
        (&["--select", "stg+1", "--resource-type", "model"], &["dim", "fct", "stg"]),
        (&["--select", "@dim", "--resource-type", "model"], &["dim", "end", "fct", "stg"]),
        (
            &["--select", "tag:mart"],
            &["alone", "dim", "fct", "not_null_fct_id", rel, "unique_fct_id"],
        ),
        (&["--select", "models/marts", "--resource-type", "model"], &["dim", "fct"]),
        (&["--select", "path:models/marts/dim.sql"], &["dim"]),
        (&["--select", "marts.*", "--exclude", "dim", "--resource-type", "model"], &["fct"]),
        (&["--select", "shop.marts.dim"], &["dim"]),
        (&["--select", "config.materialized:table,group:g"], &["dim"]),
        (&["--select", "source:files", "--resource-type", "source"], &["files.f"]),
        (&["--select", "source:files+", "--resource-type", "model"], &["dim", "end", "fct", "stg"]),
        (&["--select", "test_type:singular"], &["alone"]),
        (&["--select", "test_name:unique"], &["unique_fct_id"]),
        (&["--select", "tag:slow"], &["not_null_fct_id"]),
        (&["--select", "resource_type:seed"], &["raw"]),
        (
            &["--select", "+exposure:dash", "--resource-type", "model", "--exclude", "stg"],
            &["dim", "end", "fct"],
        ),
        (&["--select", "engine:duckdb", "--resource-type", "seed"], &["raw"]),
        (&["--select", "fct dim", "--resource-type", "model"], &["dim", "fct"]),
        (&["--select", "f*", "--resource-type", "model"], &["fct"]),
        (&["--select", "end", "--indirect-selection", "cautious", "--resource-type", "test"], &[]),
        (
            &["--select", "end", "--indirect-selection", "buildable", "--resource-type", "test"],
            &[rel],
        ),
    ];
    for (args, expected) in cases {
        let ran = project.ok(&[&["ls", "--quiet", "--output", "name"], *args].concat());
        let mut names: Vec<&str> = ran.stdout.lines().collect();
        names.sort_unstable();
        assert_eq!(names, *expected, "{args:?}");
    }
}

#[test]
fn ls_prints_what_it_is_asked_for() {
    let project = project();
    let ls = |args: &[&str]| {
        project
            .ok(&[
                &[
                    "ls",
                    "--quiet",
                    "--select",
                    "fct",
                    "raw",
                    "source:files",
                    "--resource-type",
                    "model",
                    "seed",
                    "source",
                ],
                args,
            ]
            .concat())
            .stdout
    };
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(ls(&[])), ["shop.marts.fct", "shop.raw", "source:shop.files.f"]);
    assert_eq!(sorted(ls(&["--output", "name"])), ["fct", "files.f", "raw"]);
    assert_eq!(
        sorted(ls(&["--output", "path"])),
        ["models/marts/fct.sql", "models/properties.yml", "seeds/raw.csv"]
    );
    for line in ls(&["--output", "json"]).lines() {
        let json: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        assert!(json["unique_id"].is_string() || json["name"].is_string(), "{line}");
    }
    let keys = ls(&["--output", "json", "--output-keys", "name", "resource_type"]);
    let line = keys.lines().find(|line| line.contains("fct")).unwrap();
    let json: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(json, serde_json::json!({"name": "fct", "resource_type": "model"}));
}
