//! What a dbt-duckdb profile may say that Pintail cannot do, refused in words; and the database
//! that nodes live in.

use std::sync::Arc;

use super::reader::MapReader;
use super::target::DuckDbParams;
use super::yaml::{Yaml, YamlKind};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};

/// Keys that have nothing to do here.
pub(super) const WITHOUT_EFFECT: &[&str] = &["retries", "keep_open", "disable_transactions"];

/// Keys that need Python or a server, what they are, and what to do.
const REFUSED: [(&str, &str, &str); 3] = [
    (
        "plugins",
        "plugins of dbt-duckdb are Python code, which Pintail does not run",
        "Take `plugins` out; read the data with a DuckDB extension, with `attach`, or as a file.",
    ),
    (
        "filesystems",
        "`filesystems` are Python's fsspec, which Pintail does not have",
        "Take `filesystems` out; DuckDB reads s3, gcs, azure and http with its extensions `httpfs` \
         and `azure`, and takes credentials under `secrets`.",
    ),
    (
        "remote",
        "Pintail opens DuckDB itself and does not reach one over the network",
        "Take `remote` out and set `path`.",
    ),
];

/// Refuses what would be left out in silence.
///
/// # Errors
/// `BAD_CONFIG` at the key.
pub(super) fn refuse(file: &Arc<SourceFile>, map: &mut MapReader) -> Result<()> {
    for (key, what, help) in REFUSED {
        let Some(value) = map.any(key) else { continue };
        let empty = match &value.kind {
            YamlKind::List(items) => items.is_empty(),
            _ => false,
        };
        if !empty {
            let at = Location::new(file.clone(), value.span.clone());
            return Err(Box::new(Diagnostic::error(Code::BAD_CONFIG, what).at(at).help(help)));
        }
    }
    if let Some(path) = map.any("path") {
        let text = path.as_str().unwrap_or_default();
        if text.starts_with("md:") || text.starts_with("motherduck:") {
            let at = Location::new(file.clone(), path.span.clone());
            return Err(Box::new(
                Diagnostic::error(Code::BAD_CONFIG, "MotherDuck is not supported")
                    .at(at)
                    .help("Set `path` to a file, or to ':memory:'."),
            ));
        }
    }
    Ok(())
}

/// The database that nodes live in: that of the file, or an attached one.
///
/// # Errors
/// `BAD_CONFIG` where `database` is neither.
pub(super) fn database(
    file: &Arc<SourceFile>,
    map: &mut MapReader,
    own: String,
    params: &DuckDbParams,
) -> Result<String> {
    let Some(named) = map.any("database") else { return Ok(own) };
    let name = named.as_str().map_or_else(|| plain(named), str::to_owned);
    let attached = params.attach.iter().any(|attach| attach.alias.as_deref() == Some(&name));
    if name == own || attached {
        return Ok(name);
    }
    Err(Box::new(
        Diagnostic::error(
            Code::BAD_CONFIG,
            format!("`database` is `{name}`, but the database of `path` is called `{own}`"),
        )
        .at(Location::new(file.clone(), named.span.clone()))
        .help(format!("Set `database: {own}`, leave it out, or name the alias of an `attach`.")),
    ))
}

fn plain(value: &Yaml) -> String {
    value.to_json().to_string()
}
