//! What others are told of a run.

use std::collections::BTreeMap;

use super::support::project::{On, Project};

/// The samples of a metrics file by name and labels but for those of the run; each name has its
/// help and type before it.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut known = "";
    let mut found = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.split(' ');
            match words.next() {
                Some("HELP") => known = words.next().unwrap(),
                Some("TYPE") => assert_eq!(rest, format!("TYPE {known} gauge")),
                other => panic!("{other:?}"),
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        let (metric, labels) = name.split_once('{').unwrap();
        assert_eq!(metric, known);
        let labels =
            labels.strip_prefix(r#"project="shop",target="duck",command="build""#).unwrap();
        let labels = labels.trim_start_matches(',').trim_end_matches('}');
        let before = found.insert(format!("{metric} {labels}"), value.parse().unwrap());
        assert!(before.is_none(), "{line}");
    }
    found
}

#[test]
fn metrics_of_a_run() {
    let mut project = Project::new(
        On::DuckDb,
        &[
            ("models/a.sql", "select 1 as id union all select 1"),
            ("models/b.sql", "{{ config(materialized='table') }} select * from {{ ref('a') }}"),
            (
                "models/a.yml",
                "models: [{name: a, columns: [{name: id, data_tests: [not_null, {unique: {config: {severity: warn}}}, {accepted_values: {arguments: {values: [2]}}}]}]}]",
            ),
        ],
    );
    project.fails(1, &["build", "--metrics-file", "shop.prom"]);
    let found = samples(&project.read("shop.prom"));
    let one = |name: &str| found.get(name).copied();
    assert_eq!(one("pintail_run_success "), Some(0.0));
    for (status, count) in [
        ("success", 1.0),
        ("pass", 1.0),
        ("warn", 1.0),
        ("fail", 1.0),
        ("skipped", 1.0),
        ("error", 0.0),
    ] {
        assert_eq!(one(&format!("pintail_run_nodes status=\"{status}\"")), Some(count), "{status}");
    }
    // A pass of weight two, a warning of weight one, a failure of weight two.
    assert_eq!(one("pintail_quality_score "), Some(50.0));
    let began = one("pintail_run_start_time_seconds ").unwrap();
    assert!(began > 1.7e9 && one("pintail_run_end_time_seconds ").unwrap() >= began);
    assert!(one("pintail_run_duration_seconds ").is_some());
    let view = r#"node="model.shop.a",resource_type="model",engine="duckdb""#;
    assert!(one(&format!("pintail_node_duration_seconds {view}")).is_some());
    let failures: Vec<f64> = found
        .iter()
        .filter_map(|(name, value)| name.starts_with("pintail_test_failures").then_some(*value))
        .collect();
    assert_eq!(failures.iter().sum::<f64>(), 2.0, "{found:?}");

    // Over the old file; by the environment; and nothing is left beside it.
    project.env("PINTAIL_METRICS_FILE", "shop.prom");
    project.ok(&["build", "-s", "b", "--exclude", "a"]);
    assert_eq!(samples(&project.read("shop.prom")).get("pintail_run_success "), Some(&1.0));
    let left = std::fs::read_dir(project.path()).unwrap();
    assert!(left.flatten().all(|one| !one.file_name().to_string_lossy().contains("tmp")));

    let ran = project.ok(&["build", "-s", "b", "--metrics-file", "nowhere/shop.prom"]);
    assert!(ran.text().contains("The metrics cannot be written"), "{}", ran.text());
}
