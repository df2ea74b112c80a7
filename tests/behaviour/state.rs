//! Earlier runs: `state:`, `result:`, `--defer`, and selectors.yml.

use super::support::project::{On, Project};

fn files() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels: {shop: {marts: {+materialized: table}}}\n",
        ),
        ("seeds/raw.csv", "id\n1\n2\n"),
        ("macros/m.sql", "{% macro limits() %}id > 0{% endmacro %}"),
        ("models/stg.sql", "select * from {{ ref('raw') }} where {{ limits() }}"),
        ("models/marts/fct.sql", "select * from {{ ref('stg') }}"),
        ("models/marts/dim.sql", "select 1 as id"),
        (
            "models/properties.yml",
            "models:\n  - name: fct\n    config: {contract: {enforced: true}}\n    columns:\n      \
             - {name: id, data_type: integer, data_tests: [unique]}\n",
        ),
    ]
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_generic_test_that_is_gone_is_an_error_of_state_modified() {
    let project = Project::new(On::DuckDb, &files());
    project.file("tests/generic/t.sql", "{% test tidy(model) %}select 1 where 1 = 0{% endtest %}");
    project.file("models/tidy.yml", "models: [{name: dim, data_tests: [tidy]}]");
    project.ok(&["parse", "--target-path", "old"]);
    std::fs::remove_file(project.path().join("tests/generic/t.sql")).unwrap();
    // Without a comparison only the test itself fails.
    project.ok(&["run", "-s", "dim"]);
    let ran = project.fails(2, &["run", "-s", "state:modified", "--state", "old"]);
    assert!(ran.stderr.contains("a macro or test that does not exist: `tidy`"), "{}", ran.stderr);
}

#[test]
fn what_changed_is_selected() {
    let project = Project::new(On::DuckDb, &files());
    project.ok(&["parse", "--target-path", "old"]);
    let names = |criterion: &str| {
        let args = ["ls", "-s", criterion, "--state", "old", "--output", "name"];
        lines(&project.ok(&args).stdout)
    };
    assert!(names("state:modified").is_empty());
    assert_eq!(names("state:old").len(), 5);
    project.file("models/new.sql", "select 1 as id");
    assert_eq!(names("state:new"), ["new"]);
    assert_eq!(names("state:modified"), ["new"]);
    project.file("models/marts/dim.sql", "select 2 as id");
    assert_eq!(names("state:modified.body"), ["dim", "new"]);
    project.file("macros/m.sql", "{% macro limits() %}id > 1{% endmacro %}");
    assert_eq!(names("state:modified.macros"), ["stg"]);
    assert_eq!(names("state:modified.macros,+fct"), ["stg"]);
    project.file(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nmodels: {shop: {marts: {+materialized: view}}}\n",
    );
    assert_eq!(names("state:modified.configs"), ["dim", "fct", "new", "unique_fct_id"]);
    project.file(
        "models/properties.yml",
        "models:\n  - name: fct\n    config: {contract: {enforced: true}}\n    columns:\n      \
         - {name: id, data_type: bigint, data_tests: [unique]}\n",
    );
    let ran = project.ok(&["ls", "-s", "state:modified.contract", "--state", "old"]);
    assert!(ran.stderr.contains("id (integer -> bigint)"), "{}", ran.stderr);
    let ran = project.fails(2, &["ls", "-s", "state:modified"]);
    assert!(ran.stderr.contains("no comparison manifest"), "{}", ran.stderr);
}

#[test]
fn manifests_of_old_versions_say_less() {
    let project = Project::new(On::DuckDb, &files());
    project.ok(&["parse", "--target-path", "old"]);
    let old = project.read("old/manifest.json").replace("\"access\":\"protected\",", "");
    project.file("old/manifest.json", &old.replace("\"raw_code\":", "\"raw_sql\":"));
    let args = ["ls", "-s", "state:modified", "--state", "old", "--output", "name"];
    assert_eq!(project.ok(&args).stdout, "");
}

#[test]
fn large_seeds_are_compared_by_their_paths() {
    let project = Project::new(On::DuckDb, &files());
    project.ok(&["parse", "--target-path", "small"]);
    project.file("seeds/raw.csv", &format!("id\n{}", "1234567\n".repeat(140_000)));
    project.ok(&["parse", "--target-path", "large"]);
    let of = |state| ["ls", "-s", "state:modified,raw", "--state", state, "--output", "name"];
    let ran = project.ok(&of("small"));
    assert!(ran.stdout == "raw\n" && ran.stderr.contains(">1MB"), "{}", ran.text());
    assert_eq!(project.ok(&of("large")).stdout, "");
    let strict: Vec<&str> = ["--warn-error"].into_iter().chain(of("small")).collect();
    project.fails(2, &strict);
}

#[test]
fn results_of_an_earlier_run_are_selected() {
    let mut all = files();
    all.push(("models/marts/bad.sql", "select 1 / id as id, nowhere from {{ ref('stg') }}"));
    all.push(("models/after.sql", "select * from {{ ref('bad') }}"));
    let project = Project::new(On::DuckDb, &all);
    project.fails(1, &["build", "--target-path", "old"]);
    let args = ["ls", "--state", "old", "--output", "name", "-s", "result:error", "result:skipped"];
    assert_eq!(lines(&project.ok(&args).stdout), ["after", "bad"]);
}

#[test]
fn refs_are_deferred_to_what_an_earlier_run_built() {
    for project in Project::on_each(&files()) {
        let other = format!(
            "{}\n",
            project
                .read("profiles.yml")
                .replace("schema: main", "schema: dev")
                .replace("schema: public", "schema: dev")
        );
        project.ok(&["build", "--target-path", "prod"]);
        project.file("profiles.yml", &other);
        let defer = ["run", "--defer", "--state", "prod", "-s"];
        project.fails(1, &["run", "-s", "fct"]);
        project.ok(&[&defer[..], &["fct"]].concat());
        assert_eq!(project.lines("select id from dev.fct order by 1"), ["1", "2"]);
        // What is there is taken, unless the other is favoured.
        project.file("models/stg.sql", "select 7 as id");
        project.ok(&["run", "-s", "stg"]);
        project.ok(&[&defer[..], &["fct"]].concat());
        assert_eq!(project.lines("select id from dev.fct"), ["7"]);
        project.ok(&[&defer[..], &["fct", "--favor-state"]].concat());
        assert_eq!(project.lines("select id from dev.fct order by 1"), ["1", "2"]);
        let ran = project.fails(2, &["run", "--defer"]);
        assert!(ran.stderr.contains("required for deferral"), "{}", ran.stderr);
    }
}

/// As in dbt: a manifest to defer to is missed only when it is known what is selected.
#[test]
fn a_selection_is_looked_at_before_what_is_deferred_to() {
    let project = Project::new(On::DuckDb, &files());
    project.file("old/note.txt", "");
    let defer = ["--defer", "--state", "old"];
    let says = |args: &[&str], code: i32, what: &str| {
        let said = project.fails(code, &[args, &defer].concat()).text();
        assert!(said.contains(what), "{args:?}: {said}");
    };
    let no_sources = "No previous state comparison freshness results in sources.json";
    says(&["run", "-s", "source_status:fresher"], 2, no_sources);
    says(&["run", "-s", "stg"], 2, "Could not find manifest in --state path");
    says(&["show", "--inline", "select 1"], 2, "Could not find manifest in --state path");
    says(&["compile", "--inline", "select 1"], 2, "Could not find manifest in --state path");
    project.ok(&[&["run", "-s", "nothing_of_that_name"][..], &defer].concat());
}

#[test]
fn selectors_have_names() {
    let mut all = files();
    all.push((
        "selectors.yml",
        "selectors:\n  - name: marts\n    default: true\n    definition: {method: fqn, value: marts, indirect_selection: empty}\n  \
         - name: wide\n    definition:\n      union:\n        - {method: selector, value: marts}\n        \
         - {method: fqn, value: fct, parents: true, parents_depth: 1}\n        - exclude: ['dim', {method: test_type, value: generic}]\n",
    ));
    let project = Project::new(On::DuckDb, &all);
    let names =
        |args: &[&str]| lines(&project.ok(&[&["ls", "--output", "name"], args].concat()).stdout);
    assert_eq!(names(&["--selector", "marts"]), ["dim", "fct"]);
    assert_eq!(names(&[]), ["dim", "fct"]);
    assert_eq!(names(&["--selector", "wide"]), ["fct", "stg"]);
    assert_eq!(names(&["-s", "raw"]), ["raw"]);
    let ran = project.fails(2, &["ls", "--selector", "wied"]);
    assert!(ran.stderr.contains("expected one of ['marts', 'wide']"), "{}", ran.stderr);
    project.ok(&["parse"]);
    let listed = project.json("target/manifest.json")["selectors"]["wide"]["definition"].clone();
    assert_eq!(listed["union"][0]["value"], "marts");
    assert_eq!(listed["union"][2]["exclude"][0]["method"], "fqn");
}
