//! The project of the speed benchmark, against what dbt-core 1.11.16 made of it: every node's name,
//! place, dependencies, configuration and compiled SQL.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::support::project::pintail;

/// What `tests/fixtures/synthetic_20.json` keeps of a node of dbt's manifest.
fn kept(node: &Value) -> Value {
    let mut nodes: Vec<&str> = node["depends_on"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    nodes.sort_unstable();
    let mut config: Map<String, Value> = node["config"].as_object().unwrap().clone();
    // Pintail's own.
    config.remove("engine");
    config.sort_keys();
    let compiled = node["compiled_code"].as_str().map(|sql| {
        let digest = Sha256::digest(sql.trim().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    json!({
        "fqn": node["fqn"],
        "depends_on": nodes,
        "macros": node["depends_on"]["macros"],
        "relation": node["relation_name"],
        "path": node["path"],
        "checksum": node["checksum"],
        "tags": node["tags"],
        "config": config,
        "compiled": compiled,
    })
}

#[test]
fn the_synthetic_project_is_what_dbt_makes_of_it() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let generator = here.join("../shared/tools/gen_project.py");
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("synthetic");
    let made = Command::new("python3").arg(&generator).arg(&project).arg("20").output();
    if !made.is_ok_and(|output| output.status.success()) {
        println!("skipped: {} cannot be run", generator.display());
        return;
    }
    let output = pintail().arg("compile").current_dir(&project).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let read = |path: &Path| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let expected = read(&here.join("tests/fixtures/synthetic_20.json"));
    let manifest = read(&project.join("target/manifest.json"));
    let names = |value: &Value| {
        let mut names: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&manifest["nodes"]), names(&expected));
    for (id, dbt) in expected.as_object().unwrap() {
        assert_eq!(kept(&manifest["nodes"][id]), *dbt, "{id}");
        let Some(path) = manifest["nodes"][id]["compiled_path"].as_str() else { continue };
        assert!(project.join(path).exists(), "{id}: {path}");
    }
}
