//! Artifacts of an earlier run, as `--state` names them: manifest.json, run_results.json and
//! sources.json, written by Pintail or by dbt-core.
//!
//! Held as JSON and looked up by `unique_id`. Nothing is compared here, and nothing written.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Result};

/// What an earlier run left.
#[derive(Debug)]
pub struct PreviousState {
    /// The folder as it was given.
    pub path: PathBuf,
    pub manifest: Option<Value>,
    /// The status of each node in run_results.json.
    pub results: Option<HashMap<String, String>>,
    /// When each source in sources.json was last loaded.
    pub sources: Option<HashMap<String, String>>,
    /// The same in the target folder: what is true now.
    pub sources_now: Option<HashMap<String, String>>,
}

impl PreviousState {
    /// Reads what there is in a folder; files that are missing are `None`.
    ///
    /// # Errors
    /// `UNREADABLE` for a file that is no artifact, or one of a version that dbt 1.11 refuses.
    pub fn read(path: &Path, target: &Path) -> Result<PreviousState> {
        let manifest = read(&path.join("manifest.json"), "manifest", 4..=12)?;
        let results = read(&path.join("run_results.json"), "run-results", 4..=6)?;
        let sources = read(&path.join("sources.json"), "sources", 3..=3)?;
        let now = read(&target.join("sources.json"), "sources", 3..=3)?;
        Ok(PreviousState {
            path: path.to_path_buf(),
            manifest,
            results: results.map(|json| by_id(&json, "status")),
            sources: sources.map(|json| by_id(&json, "max_loaded_at")),
            sources_now: now.map(|json| by_id(&json, "max_loaded_at")),
        })
    }
}

/// The entry of a manifest for a node, source, exposure or anything else with a `unique_id`.
pub fn find<'m>(manifest: &'m Value, id: &str) -> Option<&'m Value> {
    const SECTIONS: &[&str] = &[
        "nodes",
        "sources",
        "exposures",
        "metrics",
        "semantic_models",
        "unit_tests",
        "saved_queries",
        "functions",
    ];
    SECTIONS.iter().find_map(|section| manifest.get(section)?.get(id))
}

fn by_id(json: &Value, key: &str) -> HashMap<String, String> {
    let results = json.get("results").and_then(Value::as_array).into_iter().flatten();
    let pair = |one: &Value| {
        Some((one.get("unique_id")?.as_str()?.to_owned(), one.get(key)?.as_str()?.to_owned()))
    };
    results.filter_map(pair).collect()
}

fn read(path: &Path, name: &str, versions: std::ops::RangeInclusive<u32>) -> Result<Option<Value>> {
    if !path.is_file() {
        return Ok(None);
    }
    let refused = |why: String| {
        Box::new(
            Diagnostic::error(Code::UNREADABLE, format!("{} cannot be read", path.display()))
                .note(why)
                .help("--state takes the target folder of an earlier run."),
        )
    };
    let text = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let json: Value = serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    let schema = json["metadata"]["dbt_schema_version"].as_str().unwrap_or_default();
    let version = schema
        .strip_suffix(".json")
        .and_then(|schema| schema.rsplit_once("/v"))
        .filter(|(before, _)| before.ends_with(name))
        .and_then(|(_, version)| version.parse::<u32>().ok());
    match version {
        Some(version) if versions.contains(&version) => Ok(Some(json)),
        _ => Err(refused(format!(
            "Expected a schema version of \"https://schemas.getdbt.com/dbt/{name}/v{}.json\", but \
             found \"{schema}\".",
            versions.end()
        ))),
    }
}
