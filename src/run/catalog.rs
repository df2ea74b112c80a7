//! What the databases hold of a project: a row for each column, asked for with dbt's `get_catalog`
//! and `get_catalog_relations`, which a project may override, and matched with nodes and sources.
//!
//! Nothing is written here; `artifacts::catalog` does that.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use minijinja::Value;
use serde_json::{Map, Value as Json};

use super::{ConnectionAdapter, Engines};
use crate::compile::Compiler;
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};
use crate::jinja::RelationObject;
use crate::jinja::values::{List, to_json};
use crate::manifest::{ResourceType, UniqueId};
use crate::relation::Relation;

/// The catalog of a project.
#[derive(Debug, Default)]
pub struct Catalog {
    pub nodes: IndexMap<UniqueId, Arc<CatalogTable>>,
    pub sources: IndexMap<UniqueId, Arc<CatalogTable>>,
    /// Databases that could not be asked, and why.
    pub errors: Vec<Box<Diagnostic>>,
}

/// A relation as it exists.
#[derive(Debug)]
pub struct CatalogTable {
    /// `database`, `schema`, `name`, `type`, `comment`, `owner`.
    pub metadata: Map<String, Json>,
    pub columns: Vec<CatalogColumn>,
    /// What the adapter says about it on top, by id: label, value, description, include.
    pub stats: IndexMap<String, Map<String, Json>>,
}

/// A column of it.
#[derive(Debug)]
pub struct CatalogColumn {
    pub name: String,
    pub data_type: String,
    pub index: i64,
    pub comment: Option<String>,
}

/// Database, schema and name in lower case, on an engine.
type Key = (Arc<str>, String, String, String);

/// What an engine is asked about in one database.
#[derive(Default)]
struct Places {
    schemas: IndexSet<String>,
    relations: Vec<Relation>,
}

/// Asks the engines for everything in the schemas that the project uses, or, where that is little,
/// for what is wanted alone; `wanted` narrows what is kept.
///
/// # Errors
/// Only a macro whose answer is no catalog. What a database refuses is in `errors`.
pub fn catalog(
    compiler: &Arc<Compiler>,
    engines: &Arc<Engines>,
    wanted: Option<&HashSet<UniqueId>>,
) -> Result<Catalog> {
    let manifest = &compiler.manifest;
    let lower = |text: &str| text.to_lowercase();
    let mut places: IndexMap<(Arc<str>, String), Places> = IndexMap::new();
    let mut nodes: HashMap<Key, &UniqueId> = HashMap::new();
    let mut sources: HashMap<Key, Vec<&UniqueId>> = HashMap::new();
    let is_wanted = |id: &UniqueId| wanted.is_none_or(|wanted| wanted.contains(id));
    for (id, node) in &manifest.nodes {
        if !node.resource_type.is_refable() && node.resource_type != ResourceType::Test {
            continue;
        }
        let (database, schema) = (lower(&node.database), lower(&node.schema));
        if !node.is_ephemeral() {
            let place = places.entry((node.engine.clone(), node.database.clone())).or_default();
            // Rows that a test stored are told of, but no reason to read a schema where it does not
            // say itself that it stores them.
            let counts =
                node.resource_type.is_refable() || node.config.stores_failures() == Some(true);
            place.schemas.extend(counts.then(|| schema.clone()));
            place.relations.extend(is_wanted(id).then(|| node.relation()));
        }
        nodes.insert((node.engine.clone(), database, schema, lower(&node.alias)), id);
    }
    for (id, source) in &manifest.sources {
        let (database, schema) = (lower(&source.database), lower(&source.schema));
        let place = places.entry((source.engine.clone(), source.database.clone())).or_default();
        place.schemas.insert(schema.clone());
        place.relations.extend(is_wanted(id).then(|| source.relation()));
        let key = (source.engine.clone(), database, schema, lower(&source.identifier));
        sources.entry(key).or_default().push(id);
    }
    let mut found = Catalog::default();
    for ((engine, database), places) in places {
        let limit = compiler.config.target.engines[&engine].kind().catalog_of_relations_up_to();
        let few = wanted.is_some_and(|wanted| limit.is_some_and(|limit| wanted.len() <= limit));
        let (name, list) = if few {
            let relations = places.relations.into_iter();
            let objects = relations.map(|one| Value::from_object(RelationObject::new(one)));
            ("get_catalog_relations", objects.collect())
        } else {
            ("get_catalog", places.schemas.into_iter().map(Value::from).collect())
        };
        let rows = match ask(compiler, engines, &engine, &database, (name, List::value(list))) {
            Ok(rows) => rows,
            Err(error) => {
                found.errors.push(error);
                continue;
            }
        };
        for (key, table) in tables(&engine, rows)? {
            let table = Arc::new(table);
            if let Some(id) = nodes.get(&key).filter(|id| is_wanted(id)) {
                found.nodes.insert((*id).clone(), table.clone());
            }
            for id in sources.get(&key).into_iter().flatten().filter(|id| is_wanted(id)) {
                found.sources.insert((*id).clone(), table.clone());
            }
        }
    }
    Ok(found)
}

/// The rows that a macro gives for schemas or relations of a database.
fn ask(
    compiler: &Arc<Compiler>,
    engines: &Arc<Engines>,
    engine: &str,
    database: &str,
    (name, list): (&str, Value),
) -> Result<Vec<Map<String, Json>>> {
    let host = compiler.free_host(engine, name, SourceFile::new("catalog", ""));
    host.set_adapter(Arc::new(ConnectionAdapter::new(engines.connection(engine)?)));
    let information_schema = Relation::new(database, "information_schema", "");
    let arguments = vec![Value::from_object(RelationObject::new(information_schema)), list];
    let dialect = compiler.dialects.get(engine);
    let table = dialect.call_macro(name, arguments, Vec::new(), host)?;
    let rows = || -> std::result::Result<Vec<Map<String, Json>>, minijinja::Error> {
        let names: Vec<String> =
            table.get_attr("column_names")?.try_iter()?.map(|name| name.to_string()).collect();
        let row = |row: Value| {
            let cells = row.try_iter()?.map(|cell| to_json(&cell));
            names.iter().cloned().zip(cells).map(|(name, cell)| Ok((name, cell?))).collect()
        };
        table.get_attr("rows")?.try_iter()?.map(row).collect()
    };
    rows().map_err(|error| no_catalog(&error.to_string()))
}

fn no_catalog(why: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::BAD_CONFIG, "The macro `get_catalog` did not return a catalog")
            .note(why.to_owned())
            .help("It has to return rows with table_database, table_schema, table_name, table_type, column_name, column_type and column_index."),
    )
}

/// Rows of columns, gathered by the relation that they belong to.
fn tables(engine: &Arc<str>, rows: Vec<Map<String, Json>>) -> Result<IndexMap<Key, CatalogTable>> {
    let mut found: IndexMap<Key, CatalogTable> = IndexMap::new();
    for row in rows {
        let part = |name: &str| match row.get(name) {
            Some(Json::String(text)) => Ok(text.clone()),
            Some(Json::Null) => Ok(String::new()),
            Some(other) => Ok(other.to_string()),
            None => Err(no_catalog(&format!("there is no column `{name}`"))),
        };
        let key = (
            engine.clone(),
            part("table_database")?.to_lowercase(),
            part("table_schema")?.to_lowercase(),
            part("table_name")?.to_lowercase(),
        );
        let column = CatalogColumn {
            name: part("column_name")?,
            data_type: part("column_type")?,
            index: match row.get("column_index") {
                Some(Json::Number(number)) => number.as_f64().unwrap_or_default() as i64,
                _ => part("column_index")?.parse().unwrap_or_default(),
            },
            comment: row.get("column_comment").and_then(Json::as_str).map(str::to_owned),
        };
        let table = found.entry(key).or_insert_with(|| table(&row));
        table.columns.push(column);
    }
    Ok(found)
}

/// The relation of a row, without columns yet.
fn table(row: &Map<String, Json>) -> CatalogTable {
    let stripped = |prefix: &str| -> Map<String, Json> {
        let pairs = row.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)));
        pairs.map(|(key, value)| (key.to_owned(), value.clone())).collect()
    };
    let mut stats: IndexMap<String, Map<String, Json>> = IndexMap::new();
    for (key, value) in stripped("stats:") {
        if let Some((id, part)) = key.split_once(':') {
            stats.entry(id.to_owned()).or_default().insert(part.to_owned(), value);
        }
    }
    stats.retain(|_, stat| stat.get("include").is_some_and(|include| *include == Json::Bool(true)));
    CatalogTable { metadata: stripped("table_"), columns: Vec::new(), stats }
}
