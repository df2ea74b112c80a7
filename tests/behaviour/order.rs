//! What runs after what, what is skipped, and exit codes.

use super::support::project::{On, Project};

fn position(project: &Project, name: &str) -> usize {
    project
        .statuses()
        .iter()
        .position(|(other, _)| other == name)
        .unwrap_or_else(|| panic!("{name} did not run"))
}

const CHAIN: &[(&str, &str)] = &[
    ("seeds/s.csv", "id\n1\n"),
    ("models/a.sql", "select * from {{ ref('s') }}"),
    ("models/b.sql", "select * from {{ ref('a') }} where {{ var('b', '1 = 1') }}"),
    ("models/c.sql", "select * from {{ ref('b') }}"),
    ("models/other.sql", "select 1 as id"),
    (
        "models/models.yml",
        "version: 2\nmodels:\n  - name: a\n    columns: [{name: id, data_tests: [not_null, {accepted_values: {values: ['{{ var(\"id\", 1) }}'], quote: false}}]}]\n  \
         - name: c\n    columns: [{name: id, data_tests: [unique]}]\n",
    ),
];

#[test]
fn build_goes_down_the_dag_with_tests_in_between() {
    for threads in ["1", "8"] {
        for project in Project::on_each(CHAIN) {
            project.ok(&["build", "--threads", threads]);
            let order = ["s", "a", "not_null_a_id", "b", "c", "unique_c_id"];
            let places: Vec<usize> = order.iter().map(|name| position(&project, name)).collect();
            assert!(places.is_sorted(), "{:?}", project.statuses());
            assert_eq!(project.statuses().len(), 8);
        }
    }
}

/// The order of dbt-core 1.11.16 with one thread: whatever becomes ready first, and of what becomes
/// ready at once the highest in the DAG, by `unique_id`.
#[test]
fn one_thread_takes_nodes_in_the_order_of_dbt() {
    let files = &[
        ("seeds/rows.csv", "id\n1\n"),
        ("models/z_base.sql", "select 1 as id"),
        ("models/m_mid.sql", "select * from {{ ref('z_base') }}"),
        ("models/a_deep.sql", "select * from {{ ref('m_mid') }}"),
        ("models/b_base.sql", "select 1 as id"),
        ("models/n_one.sql", "select * from {{ ref('b_base') }}"),
        (
            "models/models.yml",
            "models:\n  - name: z_base\n    columns: [{name: id, data_tests: [not_null, unique]}]\n  \
             - name: b_base\n    columns: [{name: id, data_tests: [not_null]}]\n  \
             - name: n_one\n    columns: [{name: id, data_tests: [unique]}]\n",
        ),
    ];
    for project in Project::on_each(files) {
        let ran = |command| {
            project.ok(&[command, "--threads", "1"]);
            project.statuses().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            ran("build"),
            "b_base z_base rows not_null_b_base_id not_null_z_base_id unique_z_base_id n_one m_mid \
             unique_n_one_id a_deep"
        );
        assert_eq!(ran("run"), "b_base z_base n_one m_mid a_deep");
    }
}

#[test]
fn what_depends_on_a_failed_model_is_skipped() {
    for project in Project::on_each(CHAIN) {
        project.fails(1, &["build", "--vars", "{b: nope = 1}"]);
        let status = |name: &str| project.status(name);
        assert_eq!(status("a"), "success");
        assert_eq!(status("b"), "error");
        assert_eq!(status("c"), "skipped");
        assert_eq!(status("unique_c_id"), "skipped");
        assert_eq!(status("other"), "success");
        // `run` skips as well.
        project.fails(1, &["run", "--vars", "{b: nope = 1}"]);
        assert_eq!((status("b"), status("c")), ("error".into(), "skipped".into()));
    }
}

#[test]
fn what_depends_on_a_failed_test_is_skipped_by_build_only() {
    for project in Project::on_each(CHAIN) {
        project.fails(1, &["build", "--vars", "{id: 7}"]);
        for name in ["b", "c", "unique_c_id"] {
            assert_eq!(project.status(name), "skipped", "{name}");
        }
        assert_eq!(project.status("other"), "success");
        project.ok(&["run", "--vars", "{id: 7}"]);
        project.fails(1, &["test", "--vars", "{id: 7}"]);
        assert_eq!(project.status("unique_c_id"), "pass");
    }
}

#[test]
fn a_warning_holds_nothing_up() {
    for project in Project::on_each(CHAIN) {
        project
            .file("dbt_project.yml", "name: shop\nprofile: shop\ndata_tests:\n  +severity: warn\n");
        project.ok(&["build", "--vars", "{id: 7}"]);
        assert_eq!(project.status("c"), "success");
        assert!(project.statuses().iter().any(|(_, status)| status == "warn"));
    }
}

#[test]
fn fail_fast_starts_nothing_more() {
    let mut files = vec![("models/a_bad.sql".to_owned(), "select * from nowhere".to_owned())];
    files.extend((0..5).map(|i| (format!("models/z{i}.sql"), "select 1 as id".to_owned())));
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    for project in Project::on_each(&files) {
        project.fails(1, &["run", "--fail-fast", "--threads", "1"]);
        let first_bad = position(&project, "a_bad");
        for (name, status) in &project.statuses()[first_bad + 1..] {
            assert_eq!(status, "skipped", "{name}");
        }
        project.fails(1, &["run", "--threads", "1"]);
        assert_eq!(project.statuses().iter().filter(|(_, status)| status == "success").count(), 5);
    }
}

#[test]
fn many_nodes_on_many_threads() {
    let mut files = Vec::new();
    for i in 0..40 {
        let kind = ["table", "view", "incremental"][i % 3];
        let from = if i < 8 {
            "(select 1 as n) t".to_owned()
        } else {
            format!("{{{{ ref('m{}') }}}}", i - 8)
        };
        files.push((
            format!("models/m{i}.sql"),
            format!("{{{{ config(materialized='{kind}', schema='s{}') }}}} select n + 1 as n from {from}", i % 4),
        ));
    }
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    for project in Project::on_each(&files) {
        for threads in ["8", "1"] {
            project.ok(&["run", "--threads", threads, "--full-refresh"]);
            assert_eq!(project.statuses().len(), 40);
            let schema = if project.on == On::Postgres { "public_s3" } else { "main_s3" };
            assert_eq!(project.lines(&format!("select n from {schema}.m39")), ["6"]);
        }
    }
}

#[test]
fn exit_codes_are_those_of_dbt() {
    let project = Project::new(
        On::DuckDb,
        &[("models/good.sql", "select 1 as id"), ("models/bad.sql", "select * from nowhere")],
    );
    project.ok(&["run", "--select", "good"]);
    project.fails(1, &["run"]);
    project.ok(&["compile"]);
    project.ok(&["parse"]);
    project.fails(2, &["run", "--no-such-flag"]);
    project.fails(2, &["run", "--target", "none"]);
    project.file("models/worse.sql", "select * from {{ ref('nothing') }}");
    project.fails(2, &["run"]);
    project.fails(2, &["parse"]);
    let ran = project.ok(&["--version"]);
    assert!(ran.stdout.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_selection_of_nothing_is_no_failure() {
    let project = Project::new(On::DuckDb, &[("models/good.sql", "select 1 as id")]);
    let ran = project.ok(&["run", "--select", "nope"]);
    assert!(ran.text().contains("nope"), "{}", ran.text());
}
