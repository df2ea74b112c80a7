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

/// Events of a project over both engines, held against OpenLineage's own schemas where Python and
/// the package `jsonschema` are there.
#[test]
fn lineage_of_a_run() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("seeds/raw.csv", "id\n1\n1\n"),
            (
                "models/inner.sql",
                "{{ config(materialized='ephemeral') }} select * from {{ ref('raw') }}",
            ),
            ("models/a.sql", "select * from {{ ref('inner') }}"),
            (
                "models/b.sql",
                "{{ config(engine='operational', materialized='table') }} select * from {{ ref('a') }}",
            ),
            ("models/c.sql", "select * from {{ ref('b') }}"),
            (
                "models/a.yml",
                "models:\n  - {name: a, columns: [{name: id, description: its number, data_type: bigint, data_tests: [not_null, {unique: {config: {severity: warn}}}]}]}\n  - {name: b, columns: [{name: id, data_tests: [unique]}]}\n",
            ),
        ],
    );
    project.fails(1, &["build", "--openlineage", "events.jsonl"]);
    let text = project.read("events.jsonl");
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |name: &str| -> Vec<&str> {
        let of = |event: &&serde_json::Value| event["job"]["name"].as_str().unwrap().contains(name);
        events.iter().filter(of).map(|event| event["eventType"].as_str().unwrap()).collect()
    };
    assert_eq!(told("shop.build"), ["START", "FAIL"]);
    assert_eq!(told("model.shop.a"), ["START", "COMPLETE"]);
    assert_eq!(told("unique_b_id"), ["START", "FAIL"]);
    assert_eq!(told("model.shop.c"), [""; 0]);
    let end = |name: &str| {
        let of = |event: &&serde_json::Value| event["job"]["name"].as_str().unwrap().contains(name);
        events.iter().rfind(of).unwrap()
    };
    // The ephemeral model is seen through; columns are told where they are described.
    let a = end("model.shop.a");
    assert_eq!(a["inputs"][0]["name"], "warehouse.main.raw");
    assert_eq!(a["outputs"][0]["name"], "warehouse.main.a");
    let fields = &a["outputs"][0]["facets"]["schema"]["fields"];
    assert_eq!(
        fields[0],
        serde_json::json!({"name": "id", "type": "bigint", "description": "its number"})
    );
    let b = end("model.shop.b");
    assert_eq!(b["inputs"][0], a["outputs"][0]);
    assert!(b["outputs"][0]["namespace"].as_str().unwrap().starts_with("postgres://"));
    let parent = &b["run"]["facets"]["parent"]["run"]["runId"];
    assert_eq!(*parent, end("shop.build")["run"]["runId"]);
    let found = &end("unique_a_id")["inputs"][0]["inputFacets"]["dataQualityAssertions"];
    assert_eq!(found["assertions"][0]["success"], false);
    assert_eq!(found["assertions"][0]["severity"], "warn");

    // Nobody listens: a warning, and the run ends as it would.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/api/v1/lineage");
    let ran = project.ok(&["run", "-s", "a", "--openlineage", &url]);
    assert!(ran.text().contains("4 of 4 lineage events were not sent"), "{}", ran.text());

    let python = std::env::var("PINTAIL_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let has =
        std::process::Command::new(&python).args(["-c", "import jsonschema, referencing"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has no jsonschema");
        return;
    }
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openlineage/check.py");
    let output = std::process::Command::new(&python)
        .arg(check)
        .arg(project.path().join("events.jsonl"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("facets are valid"), "{text}");
}
