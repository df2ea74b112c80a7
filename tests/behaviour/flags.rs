//! Where flags come from: the command line, then the environment, then `flags:` of the project.

use super::support::project::{On, Project};

fn project() -> Project {
    Project::new(
        On::DuckDb,
        &[
            (
                "dbt_project.yml",
                "name: shop\nprofile: shop\nflags: {fail_fast: true, validate_macro_args: true}\n",
            ),
            (
                "models/a.sql",
                "select '{{ flags.FAIL_FAST }} {{ flags.FULL_REFRESH }} {{ flags.WHICH }} {{ flags.VALIDATE_MACRO_ARGS }}' as said",
            ),
        ],
    )
}

#[test]
fn the_line_goes_before_the_environment_and_that_before_the_project() {
    let mut project = project();
    let said = |project: &Project, args: &[&str]| {
        project.ok(args);
        project.rows("select said from a")[0][0].clone()
    };
    assert_eq!(said(&project, &["run"]), "True False run True");
    assert_eq!(said(&project, &["--no-fail-fast", "run", "--full-refresh"]), "False True run True");
    project.env("DBT_FULL_REFRESH", "1").env("DBT_ENGINE_FAIL_FAST", "no");
    assert_eq!(said(&project, &["build"]), "False True build True");
    let args = project.json("target/run_results.json")["args"].clone();
    assert_eq!(args["full_refresh"], true);
    assert_eq!(args["invocation_command"], "dbt build");
    project.env("DBT_FULL_REFRESH", "maybe");
    let ran = project.fails(2, &["run"]);
    assert!(ran.stderr.contains("Invalid value for DBT_FULL_REFRESH"), "{}", ran.stderr);
}

#[test]
fn flags_without_a_use_here_are_taken_where_dbt_takes_them() {
    let project = project();
    project.ok(&["--no-partial-parse", "run", "--no-populate-cache", "--use-fast-test-edges"]);
    project.ok(&["compile", "--no-introspect", "--no-version-check", "--static-parser"]);
    project.ok(&["ls", "--resource-types", "model", "--no-send-anonymous-usage-stats"]);
    project.fails(2, &["parse", "--full-refresh"]);
    let both = ["run", "--warn-error", "--warn-error-options", "{error: all}"];
    assert!(project.fails(2, &both).stderr.contains("not allowed with argument warn_error"));
}

#[test]
fn warnings_are_errors_where_that_is_wanted() {
    let project = project();
    project.file("tests/t.sql", "{{ config(severity='warn') }} select 1 as x");
    let nothing = ["run", "-s", "tag:none"];
    assert!(project.ok(&nothing).stdout.contains("does not match any enabled nodes"));
    let refused = project.fails(2, &[&["--warn-error"], &nothing[..]].concat());
    assert!(refused.stderr.contains("does not match any enabled nodes"), "{}", refused.stderr);
    let but = "{error: all, warn: [NoNodesForSelectionCriteria]}";
    project.ok(&[&nothing[..], &["--warn-error-options", but]].concat());
    let silent = "{silence: [NoNodesForSelectionCriteria]}";
    let ran = project.ok(&[&nothing[..], &["--warn-error-options", silent]].concat());
    assert!(!ran.stdout.contains("does not match"), "{}", ran.stdout);
    project.ok(&["build"]);
    project.fails(1, &["build", "--warn-error"]);
    project.fails(1, &["test", "--warn-error-options", "{error: [LogTestResult]}"]);
}

#[test]
fn deprecations_are_told_once_and_counted() {
    let project = Project::new(
        On::DuckDb,
        &[
            ("models/m.sql", "select 1 as id"),
            (
                "models/schema.yml",
                "models:\n  - name: m\n    columns:\n      - name: id\n        data_tests:\n          \
                 - accepted_values: {values: [1], quote: false}\n          \
                 - accepted_values: {name: again, values: [1, 2], quote: false}\n",
            ),
        ],
    );
    let said = project.ok(&["parse"]).text();
    assert_eq!(said.matches("stand beside its name").count(), 1, "{said}");
    assert!(
        said.contains("MissingArgumentsPropertyInGenericTestDeprecation: 2 occurrences"),
        "{said}"
    );
    let said = project.ok(&["--show-all-deprecations", "parse"]).text();
    assert_eq!(said.matches("stand beside its name").count(), 2, "{said}");
    let refused = ["--warn-error-options", "{error: [NoSuchEvent]}", "parse"];
    let said = project.fails(2, &refused).text();
    assert!(said.contains("NoSuchEvent is not a valid dbt error name"), "{said}");
}

/// Values of `DBT_ENV_SECRET…` are stars in all that is printed or written.
#[test]
fn secrets_are_not_told() {
    let model = "select '{{ var('DBT_ENV_SECRET_key') }}' as a, 'of the environment' as b";
    let mut project = Project::new(On::DuckDb, &[("models/m.sql", model)]);
    project.env("DBT_ENV_SECRET_WORD", "of the environment");
    let ran = project.ok(&["--debug", "run", "--vars", "{DBT_ENV_SECRET_key: abc, n: 1}"]);
    let log = project.read("logs/dbt.log");
    for text in [ran.text(), log] {
        assert!(text.contains("'*****' as b"), "{text}");
        assert!(text.contains("{'DBT_ENV_SECRET_key': '*****', 'n': 1}"), "{text}");
        assert!(!text.contains("of the environment"), "{text}");
    }
    let args = project.json("target/run_results.json")["args"].clone();
    assert_eq!(args["vars"], serde_json::json!({"DBT_ENV_SECRET_key": "*****", "n": 1}));
    assert!(args["invocation_command"].as_str().unwrap().contains("DBT_ENV_SECRET_key: *****"));
}

/// As of before `flags:`: the deprecation is told, and the flags count.
#[test]
fn an_old_profile_sets_flags_under_config() {
    let project = project();
    project.file("dbt_project.yml", "name: shop\nprofile: shop\n");
    let profiles = project.read("profiles.yml");
    let old = format!("{profiles}\nconfig: {{fail_fast: true, validate_macro_args: true}}\n");
    project.file("old/profiles.yml", &old);
    let said = project.ok(&["run", "--profiles-dir", "old", "--project-dir", "."]).text();
    assert!(said.contains("ProjectFlagsMovedDeprecation"), "{said}");
    assert_eq!(project.rows("select said from a"), [["True False run True"]]);
    // Folders are written down as they were given.
    let args = project.json("target/run_results.json")["args"].clone();
    assert_eq!((&args["profiles_dir"], &args["project_dir"]), (&"old".into(), &".".into()));
    project.file("dbt_project.yml", "name: shop\nprofile: shop\nflags: {fail_fast: true}\n");
    let refused = project.fails(2, &["run", "--profiles-dir", "old"]);
    assert!(
        refused.stderr.contains("Do not specify both 'config' in profiles.yml"),
        "{}",
        refused.stderr
    );
}

#[test]
fn names_that_dbt_keeps_for_itself_are_told() {
    let mut project = project();
    project.env("DBT_ENGINE_MINE", "1").env("DBT_ENGINE_PARTIAL_PARSE", "0");
    let options = ["--warn-error-options", "{include: all, exclude: [Deprecations]}"];
    let said = project.ok(&[&["parse", "--show-all-deprecations"], &options[..]].concat()).text();
    assert!(said.contains("`DBT_ENGINE_MINE`") && !said.contains("PARTIAL_PARSE"), "{said}");
    assert!(said.contains("`include` and `exclude` of warn_error_options"), "{said}");
}
