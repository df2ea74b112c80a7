//! What is secret stays secret: passwords and `DBT_ENV_SECRET_…` variables are in no output, no
//! log, no artifact, no file of Pintail's own and no table of the results store.

use std::path::Path;

use crate::support::project::{On, Project};

const SECRET: &str = "s3cr3t-\"quoted\"-value";

#[track_caller]
fn assert_hidden(what: &str, text: &str) {
    for shape in [SECRET, r#"s3cr3t-\"quoted\"-value"#, "s3cr3t"] {
        assert!(!text.contains(shape), "{what} shows it:\n{text}");
    }
}

fn assert_hidden_below(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_hidden_below(&path);
        } else if path.extension().is_none_or(|extension| extension != "duckdb") {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert_hidden(&path.display().to_string(), &text);
        }
    }
}

#[test]
fn secrets_are_in_nothing_that_is_printed_or_kept() {
    let mut project = Project::new(
        On::Hybrid,
        &[
            ("models/one.sql", "select 1 as id"),
            (
                "models/two.sql",
                "{{ config(engine='operational') }} select id from {{ ref('one') }}",
            ),
            // The engine quotes what it does not like.
            ("models/broken.sql", "select cast('x' as integer) as id"),
            (
                "macros/says.sql",
                "{% macro says() %}{{ log(var('token', ''), info=true) }}{{ print(var('token', '')) }}{% endmacro %}",
            ),
        ],
    );
    project.env("DBT_ENV_SECRET_TOKEN", SECRET);
    let profiles = project.read("profiles.yml").replace(
        "password: ''",
        "password: \"{{ env_var('DBT_ENV_SECRET_TOKEN') }}\", application_name: \"{{ env_var('DBT_ENV_SECRET_TOKEN') }}\"",
    );
    let profiles = profiles.replace(
        "path: warehouse.duckdb",
        "path: warehouse.duckdb, secrets: [{type: s3, key_id: a, secret: \"{{ env_var('DBT_ENV_SECRET_TOKEN') }}\"}]",
    );
    project.file("profiles.yml", &profiles);
    let vars = serde_json::json!({ "token": SECRET }).to_string();
    for args in [
        &["build", "--vars", &vars, "--log-level", "debug"][..],
        &["retry", "--log-level", "debug", "--log-format", "json"],
        &["run-operation", "says", "--vars", &vars],
        &["debug", "--log-level", "debug"],
        &["show", "--inline", "select '{{ var('token') }}' as x", "--vars", &vars],
        &["docs", "generate", "--vars", &vars],
        &["history"],
        &["history", "--log-format", "json"],
    ] {
        assert_hidden(&format!("{args:?}"), &project.run(args).text());
    }
    let tables = project.postgres(
        "select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname in ('etl_orchestration', 'data_quality', 'security_audit')",
    );
    assert!(tables.len() > 5, "{tables:?}");
    for table in tables.into_iter().flatten() {
        let rows = project.postgres(&format!("select t::text from {table} t"));
        assert_hidden(&table, &format!("{rows:?}"));
    }
    // Where it was written by hand it stays, of course.
    for folder in ["target", "logs", ".pintail"] {
        assert_hidden_below(&project.path().join(folder));
    }
}

/// Whatever stands in a file of the project reaches the store as a value.
#[test]
fn names_and_texts_from_files_are_no_sql_of_the_store() {
    let evil = "x'); drop schema etl_orchestration cascade; --";
    let yaml = format!(
        "models:\n  - name: one\n    description: \"{evil}\"\n    config: {{meta: {{owner: \"{evil}\"}}}}\n    columns:\n      \
         - name: id\n        data_tests:\n          - not_null: {{name: \"a'b\\\"c;drop/**/table/**/x\", config: {{meta: {{owner: \"{evil}\"}}}}}}\n"
    );
    let project = Project::new(
        On::Hybrid,
        &[("models/one.sql", "select null::int as id"), ("models/one.yml", &yaml)],
    );
    project.fails(1, &["build", "--vars", &format!("{{a: \"{evil}\"}}")]);
    assert_eq!(
        project.postgres("select owner, name from data_quality.quality_rules"),
        [[evil, "a'b\"c;drop/**/table/**/x"]]
    );
    let shown = project.ok(&["failures", "a'b\"c;drop/**/table/**/x"]).text();
    assert!(shown.contains("a'b\"c;drop/**/table/**/x"), "{shown}");
    project.fails(2, &["failures", "'; drop schema data_quality cascade; --"]);
    assert_eq!(project.postgres("select count(*) from etl_orchestration.pipeline_runs"), [["1"]]);
}
