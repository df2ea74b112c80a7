//! What DuckDB's catalog says of schemas and relations.

use super::DuckDbConnection;
use crate::engine::{Connection, SqlResult};
use crate::relation::{Cell, Column, Relation, RelationKind, quote_literal};

/// The relations of a schema; of the current database where none is named.
pub(super) fn list_relations(
    connection: &mut DuckDbConnection,
    database: Option<&str>,
    schema: &str,
) -> SqlResult<Vec<Relation>> {
    let sql = include_str!("../sql/duckdb_relations.sql")
        .replace("$database", &database_filter(database))
        .replace("$schema", &quote_literal(schema));
    let found = connection.query(&sql, None)?;
    Ok(found.rows.iter().filter_map(|row| relation(row)).collect())
}

fn relation(row: &[Cell]) -> Option<Relation> {
    let [Cell::Text(database), Cell::Text(schema), Cell::Text(name), Cell::Text(kind)] = row else {
        return None;
    };
    let kind = if kind == "view" { RelationKind::View } else { RelationKind::Table };
    Some(Relation::new(database, schema, name).with_kind(kind))
}

/// The columns of a relation in order, empty where it does not exist.
pub(super) fn columns(
    connection: &mut DuckDbConnection,
    relation: &Relation,
) -> SqlResult<Vec<Column>> {
    if let Some(text) = &relation.verbatim {
        // Not in the catalog: `read_csv(…)` and the like tell their columns when asked.
        return described(connection, &format!("DESCRIBE SELECT * FROM {text}"));
    }
    // DESCRIBE looks at the one relation; `duckdb_columns()` at all, but also knows broken views
    // and says nothing of what is not there.
    if let Ok(columns) = described(connection, &format!("DESCRIBE {}", relation.render())) {
        return Ok(columns);
    }
    let schema = match &relation.schema {
        Some(schema) => quote_literal(schema),
        None => "current_schema()".to_owned(),
    };
    let sql = include_str!("../sql/duckdb_columns.sql")
        .replace("$database", &database_filter(relation.database.as_deref()))
        .replace("$schema", &schema)
        .replace("$name", &quote_literal(&relation.identifier));
    described(connection, &sql)
}

/// The columns that a DESCRIBE tells.
pub(super) fn described(connection: &mut DuckDbConnection, sql: &str) -> SqlResult<Vec<Column>> {
    let found = connection.query(sql, None)?;
    let column = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(name), Cell::Text(data_type), ..] => {
            Some(Column { name: name.clone(), data_type: data_type.clone() })
        }
        _ => None,
    };
    Ok(found.rows.iter().filter_map(column).collect())
}

fn database_filter(database: Option<&str>) -> String {
    database.map_or_else(|| "current_database()".to_owned(), quote_literal)
}
