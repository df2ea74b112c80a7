//! catalog.json, schema v1: <https://schemas.getdbt.com/dbt/catalog/v1.json>.
//!
//! Writes what `run::catalog` found; asks no database.

use std::io::{self, Write};
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{CommonMetadata, OnlyMetadata, write_whole};
use crate::diagnostic::Result;
use crate::manifest::UniqueId;
use crate::run::{Catalog, CatalogTable, InvocationInfo};

/// Writes catalog.json, whole or not at all.
///
/// # Errors
/// `UNWRITABLE` where the file cannot be written.
pub fn write_catalog(path: &Path, invocation: &InvocationInfo, catalog: &Catalog) -> Result<()> {
    write_whole(path, |out| catalog_to(out, invocation, catalog, Timestamp::now()))
}

/// Writes the JSON text.
///
/// # Errors
/// Those of `out`.
pub fn catalog_to(
    out: &mut dyn Write,
    invocation: &InvocationInfo,
    catalog: &Catalog,
    generated_at: Timestamp,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Whole<'a> {
        metadata: OnlyMetadata<'a>,
        nodes: Tables<'a>,
        sources: Tables<'a>,
        errors: Option<Vec<String>>,
    }
    let errors: Vec<String> = catalog.errors.iter().map(|error| error.to_string()).collect();
    let whole = Whole {
        metadata: OnlyMetadata(CommonMetadata { schema: "catalog/v1", generated_at, invocation }),
        nodes: Tables(&catalog.nodes),
        sources: Tables(&catalog.sources),
        errors: (!errors.is_empty()).then_some(errors),
    };
    Ok(serde_json::to_writer(out, &whole)?)
}

struct Tables<'a>(&'a IndexMap<UniqueId, std::sync::Arc<CatalogTable>>);

impl Serialize for Tables<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        out.collect_map(self.0.iter().map(|(id, table)| (&**id, TableOut(id, table))))
    }
}

struct TableOut<'a>(&'a str, &'a CatalogTable);

impl Serialize for TableOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let TableOut(id, table) = self;
        let metadata: Map<String, Value> =
            ["type", "schema", "name", "database", "comment", "owner"]
                .into_iter()
                .map(|key| {
                    let value = table.metadata.get(key).cloned().unwrap_or(Value::Null);
                    (key.to_owned(), value)
                })
                .collect();
        let columns: Map<String, Value> = table
            .columns
            .iter()
            .map(|column| {
                let shown = json!({
                    "type": column.data_type,
                    "index": column.index,
                    "name": column.name,
                    "comment": column.comment,
                });
                (column.name.clone(), shown)
            })
            .collect();
        let mut map = out.serialize_map(Some(4))?;
        map.serialize_entry("metadata", &metadata)?;
        map.serialize_entry("columns", &columns)?;
        map.serialize_entry("stats", &stats(table))?;
        map.serialize_entry("unique_id", id)?;
        map.end()
    }
}

/// The adapter's statistics, and the entry that says whether there are any.
fn stats(table: &CatalogTable) -> Map<String, Value> {
    let mut all = Map::new();
    for (id, stat) in &table.stats {
        let part = |key: &str| stat.get(key).cloned().unwrap_or(Value::Null);
        let entry = json!({
            "id": id,
            "label": part("label"),
            "value": part("value"),
            "include": part("include"),
            "description": part("description"),
        });
        all.insert(id.clone(), entry);
    }
    let entry = json!({
        "id": "has_stats",
        "label": "Has Stats?",
        "value": !table.stats.is_empty(),
        "include": false,
        "description": "Indicates whether there are statistics for this table",
    });
    all.insert("has_stats".to_owned(), entry);
    all
}
