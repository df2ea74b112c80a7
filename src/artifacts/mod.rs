//! manifest.json, run_results.json and catalog.json in dbt's schemas (v12, v6 and v1), with the keys and defaults
//! that dbt-core 1.11 writes.
//!
//! Straight from the manifest and the results to bytes, without a tree of values in between.
//! Nothing is decided here: what is not known yet is null or empty, as in dbt.

mod catalog;
mod config;
mod contract;
mod entities;
mod flat_graph;
mod functions;
mod graph_summary;
mod json;
mod manifest;
mod nodes;
mod run_results;
mod semantic;
mod sources;
mod unit_tests;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::diagnostic::{Code, Diagnostic, Result};
use crate::graph::Member;
use crate::manifest::Node;
use crate::run::InvocationInfo;

pub use catalog::{catalog_to, write_catalog};
pub use flat_graph::{flat_graph, metric_value, node_value};
pub use graph_summary::write_graph_summary;
pub use manifest::{ManifestInputs, manifest_to, write_manifest};
pub use nodes::inherited_json;
pub use run_results::{
    LAST_RUN, keep_run, run_result, run_results_to, write_broken_off, write_run_results,
};
pub use semantic::write_semantic_manifest;
pub use sources::{sources_to, write_sources};

pub use crate::jinja::DBT_VERSION;

/// A time as dbt prints it: `2024-01-01T00:00:00.000000Z`.
pub fn dbt_time(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// Environment variables that go into an artifact's metadata: those that start with
/// `DBT_ENV_CUSTOM_ENV_`, under the rest of their names.
pub fn custom_env() -> IndexMap<String, String> {
    let mut found: IndexMap<String, String> = std::env::vars()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned(), value))
        })
        .collect();
    found.sort_keys();
    found
}

/// What manifest.json says of one node, source or exposure that was not compiled.
pub fn entry(member: Member<'_>, target_path: &str) -> serde_json::Value {
    let created_at = 0.0;
    let value = match member {
        Member::Node(node @ Node { unit_test: Some(test), .. }) => {
            serde_json::to_value(unit_tests::UnitTestOut { node, test, created_at })
        }
        Member::Node(node) => {
            serde_json::to_value(nodes::NodeOut::parsed(node, created_at, target_path))
        }
        Member::Source(source) => serde_json::to_value(entities::SourceOut { source, created_at }),
        Member::Exposure(exposure) => {
            serde_json::to_value(entities::ExposureOut { exposure, created_at })
        }
        Member::Semantic(one) => Ok(semantic::entity(one, created_at)),
    };
    value.unwrap_or_default()
}

/// The keys that all artifacts have in their metadata.
struct CommonMetadata<'a> {
    schema: &'a str,
    generated_at: Timestamp,
    invocation: &'a InvocationInfo,
}

impl CommonMetadata<'_> {
    fn entries<M: SerializeMap>(&self, map: &mut M) -> std::result::Result<(), M::Error> {
        let schema = format!("https://schemas.getdbt.com/dbt/{}.json", self.schema);
        map.serialize_entry("dbt_schema_version", &schema)?;
        map.serialize_entry("dbt_version", DBT_VERSION)?;
        map.serialize_entry("generated_at", &dbt_time(self.generated_at))?;
        map.serialize_entry("invocation_id", &self.invocation.invocation_id)?;
        map.serialize_entry("invocation_started_at", &dbt_time(self.invocation.started_at))?;
        map.serialize_entry("env", &custom_env())
    }
}

/// Metadata that is no more than what all artifacts have.
struct OnlyMetadata<'a>(CommonMetadata<'a>);

impl Serialize for OnlyMetadata<'_> {
    fn serialize<S: serde::Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        self.0.entries(&mut map)?;
        map.end()
    }
}

/// Makes the folder of the artifacts, so that a command can begin by knowing that it may write.
///
/// # Errors
/// `UNWRITABLE` with the system's reason.
pub fn make_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Box::new(
            Diagnostic::error(
                Code::UNWRITABLE,
                format!("The target folder {} cannot be made", folder.display()),
            )
            .note(error.to_string())
            .help("Check the permissions of the folder above, or name another with --target-path."),
        )
    })
}

/// Writes a file beside its place and moves it there, so that nobody reads half of it.
///
/// # Errors
/// `UNWRITABLE` with the system's reason.
fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> io::Result<()>,
) -> Result<()> {
    let unwritable = |error: io::Error| {
        Diagnostic::unwritable(path, &error)
            .help("Check the folder's permissions and the space left on the disk.")
    };
    let beside = path.with_extension(format!("json.{}", std::process::id()));
    let attempt = || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut out = BufWriter::with_capacity(1 << 16, File::create(&beside)?);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?;
        std::fs::rename(&beside, path)
    };
    attempt().map_err(|error| {
        // What is left of the attempt is of no use to anybody.
        let _ = std::fs::remove_file(&beside);
        Box::new(unwritable(error))
    })
}

/// A list that serde writes from an iterator.
struct Each<F>(F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: serde::Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        out.collect_seq((self.0)())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_six_digits() {
        let time: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(dbt_time(time), "2024-01-01T00:00:00.000000Z");
    }
}
