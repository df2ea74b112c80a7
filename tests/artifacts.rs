//! The artifacts against dbt-core: its manifest is read into Pintail's types, written again, and
//! must come out the same, but for what the types leave out, which is listed here.

mod dbt_manifest;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pintail::artifacts::{ManifestInputs, manifest_to, run_results_to, write_run_results};
use pintail::graph::Graph;
use pintail::jinja::MacroRegistry;
use pintail::run::{InvocationInfo, RunResult, Status, Timing};
use serde_json::Value;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn invocation(project: &str) -> InvocationInfo {
    InvocationInfo {
        invocation_id: uuid::Uuid::nil(),
        command: "build".into(),
        started_at: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
        selection: String::new(),
        target: "dev".into(),
        profile: "art".into(),
        project: project.into(),
        git_commit: None,
        git_branch: None,
        user: None,
        host: None,
        pid: 1,
        version: "0.1.0".into(),
        args: serde_json::Map::new(),
    }
}

/// Writes a manifest of dbt's again with Pintail.
fn rewritten(json: &Value) -> Value {
    let manifest = dbt_manifest::manifest(json);
    let graph = Graph::build(&manifest).unwrap();
    let result = |id: &str, node: &Value| {
        let mut result = RunResult::new(manifest.nodes.get(id)?, Status::Success);
        result.compiled_code = Some(node["compiled_code"].as_str()?.into());
        Some(result)
    };
    let compiled: HashMap<&str, RunResult> = json["nodes"]
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(id, node)| Some((id.as_str(), result(id, node)?)))
        .collect();
    let mut out = Vec::new();
    let inputs = ManifestInputs {
        manifest: &manifest,
        graph: &graph,
        invocation: &invocation(&manifest.project_name),
        adapter_type: "duckdb",
        generated_at: "2026-01-02T03:04:06Z".parse().unwrap(),
        quoting: pintail::relation::Quoting::default(),
        target_path: "target",
        selectors: &serde_json::Map::new(),
        compiler: None,
        compiled: &|id| compiled.get(id),
        ran: &|_| false,
        registry: &MacroRegistry::builder(&manifest.project_name).build(),
    };
    manifest_to(&mut out, &inputs).unwrap();
    serde_json::from_slice(&out).expect("it is JSON")
}

/// Writes both artifacts where `check.py` can be run on them, when asked by
/// `PINTAIL_TEST_ARTIFACTS=folder`.
#[test]
fn artifacts_are_left_for_check_py() {
    let Some(folder) = std::env::var_os("PINTAIL_TEST_ARTIFACTS") else { return };
    for project in ["artifacts", "selectors"] {
        let (manifest, dbt) = dbt_manifest::read(&fixture(&format!("{project}/manifest.json")));
        let folder = Path::new(&folder).join(project);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("manifest.json"), rewritten(&dbt).to_string()).unwrap();
        let results: Vec<RunResult> = Status::ALL
            .iter()
            .zip(manifest.nodes.values())
            .map(|(status, node)| RunResult::new(node, *status))
            .collect();
        let path = folder.join("run_results.json");
        write_run_results(&path, &invocation(project), &results, Duration::ZERO).unwrap();
    }
}

/// Where two values differ, as paths.
fn differences(path: &str, dbt: &Value, ours: &Value, found: &mut Vec<String>) {
    match (dbt, ours) {
        (Value::Object(dbt), Value::Object(ours)) => {
            for (key, value) in dbt {
                let path = format!("{path}/{key}");
                match ours.get(key) {
                    Some(own) => differences(&path, value, own, found),
                    None => found.push(format!("{path}: missing")),
                }
            }
            for key in ours.keys().filter(|key| !dbt.contains_key(*key)) {
                found.push(format!("{path}/{key}: added"));
            }
        }
        (Value::Array(dbt), Value::Array(ours)) if dbt.len() == ours.len() => {
            for (at, (dbt, ours)) in dbt.iter().zip(ours).enumerate() {
                differences(&format!("{path}/{at}"), dbt, ours, found);
            }
        }
        (dbt, ours) if dbt == ours => {}
        (dbt, ours) => found.push(format!("{path}: {dbt} ≠ {ours}")),
    }
}

/// What Pintail's types do not keep, or what differs by design.
fn is_known(difference: &str) -> bool {
    let ends = |what: &str| difference.split(':').next().unwrap().ends_with(what);
    let within = |what: &str| difference.contains(what);
    difference.starts_with("/metadata/")
        || ends("/created_at")
        || ends("/config/engine")
        // Which doc blocks a description uses, and CTEs of ephemeral models, are not listed.
        || within("/doc_blocks")
        || ends("/extra_ctes")
        || ends("/build_path")
        // The built-in macros are Pintail's; what macros call is read from the macros of a project.
        || within("/macros/macro.dbt")
        || (within("/macros/macro.") && within("/depends_on/macros"))
        || ends("snapshot.art.snap/compiled_path")
        || ends("art.one/contract/checksum")
        || ends("art.one/constraints")
        // Sources: how they were written before rendering.
        || (within("/sources/") && (ends("/external") || ends("/unrendered_schema")))
        || (within("/sources/") && within("/unrendered_config"))
        || (within("/exposures/") && within("/unrendered_config"))
}

#[test]
fn dbts_manifest_comes_out_as_dbt_wrote_it() {
    for project in ["artifacts", "selectors"] {
        let (_, dbt) = dbt_manifest::read(&fixture(&format!("{project}/manifest.json")));
        let ours = rewritten(&dbt);
        let mut found = Vec::new();
        differences("", &dbt, &ours, &mut found);
        found.retain(|difference| !is_known(difference));
        assert!(found.is_empty(), "{project}:\n{}", found.join("\n"));
    }
}

#[test]
fn metadata_has_dbts_keys() {
    let (_, dbt) = dbt_manifest::read(&fixture("artifacts/manifest.json"));
    let ours = rewritten(&dbt);
    let keys = |json: &Value| -> Vec<String> {
        json["metadata"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&ours), keys(&dbt));
    for key in ["dbt_schema_version", "dbt_version", "project_name", "project_id", "quoting"] {
        assert_eq!(ours["metadata"][key], dbt["metadata"][key], "{key}");
    }
    assert_eq!(ours["metadata"]["generated_at"], "2026-01-02T03:04:06.000000Z");
    assert_eq!(ours["metadata"]["invocation_started_at"], "2026-01-02T03:04:05.678901Z");
    // Nobody said where it runs, so the keys are those that dbt has.
    assert!(ours["nodes"]["model.art.one"]["config"]["engine"].is_null());
}

#[test]
fn dbts_results_come_out_as_dbt_wrote_them() {
    let (manifest, _) = dbt_manifest::read(&fixture("artifacts/manifest.json"));
    let text = std::fs::read_to_string(fixture("artifacts/run_results.json")).unwrap();
    let dbt: Value = serde_json::from_str(&text).unwrap();
    let mut expected = dbt["results"].as_array().unwrap().clone();
    // dbt-core runs exposures as no-ops, and hooks outside of the manifest's words.
    expected.retain(|result| manifest.nodes.contains_key(result["unique_id"].as_str().unwrap()));
    let results: Vec<RunResult> = expected
        .iter()
        .map(|json| {
            let node = &manifest.nodes[json["unique_id"].as_str().unwrap()];
            let status = json["status"].as_str().unwrap();
            let status = Status::ALL.iter().find(|known| known.as_str() == status).unwrap();
            let timing = |at: usize| {
                let time = |key: &str| json["timing"][at][key].as_str().unwrap().parse().unwrap();
                json["timing"].get(at).map(|_| Timing {
                    started_at: time("started_at"),
                    completed_at: time("completed_at"),
                })
            };
            let text = |key: &str| json[key].as_str().map(str::to_owned);
            let mut result = RunResult::new(node, *status);
            result.compile = timing(0);
            result.execute = timing(1);
            let thread = json["thread_id"].as_str().unwrap();
            result.thread =
                thread.chars().filter_map(|c| c.to_digit(10)).next().unwrap_or(0) as usize;
            result.execution_time =
                Duration::from_secs_f64(json["execution_time"].as_f64().unwrap());
            let response = json["adapter_response"].as_object().unwrap();
            result.adapter_response =
                response.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            result.message = text("message");
            result.failures = json["failures"].as_u64();
            result.compiled_code = text("compiled_code").map(Into::into);
            result.relation_name = text("relation_name");
            result
        })
        .collect();
    assert!(results.len() > 15);
    let mut out = Vec::new();
    let elapsed = Duration::from_millis(1500);
    let now = "2026-01-02T03:04:06Z".parse().unwrap();
    run_results_to(&mut out, &invocation("art"), &results, elapsed, now).unwrap();
    let ours: Value = serde_json::from_slice(&out).unwrap();
    let mut found = Vec::new();
    differences("", &Value::Array(expected), &ours["results"], &mut found);
    // Durations go through whole nanoseconds.
    found.retain(|difference| !difference.contains("/execution_time"));
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(ours["elapsed_time"], 1.5);
    assert_eq!(ours["args"]["which"], "build");
    let keys = |json: &Value| -> Vec<String> {
        json["metadata"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&ours), keys(&dbt));
}
