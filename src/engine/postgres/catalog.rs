//! What PostgreSQL's catalog says of schemas and relations.

use super::PostgresConnection;
use crate::engine::{Connection, SqlResult};
use crate::relation::{Cell, Column, Relation, RelationKind, quote_literal};

/// The relations of a schema. A connection sees its own database only: of another there are none.
pub(super) fn list_relations(
    connection: &mut PostgresConnection,
    database: Option<&str>,
    schema: &str,
) -> SqlResult<Vec<Relation>> {
    let sql =
        include_str!("../sql/postgres_relations.sql").replace("$schema", &quote_literal(schema));
    let found = connection.query(&sql, None)?;
    let here = |relation: &Relation| {
        database.is_none_or(|wanted| relation.database.as_deref() == Some(wanted))
    };
    Ok(found.rows.iter().filter_map(|row| relation(row)).filter(here).collect())
}

fn relation(row: &[Cell]) -> Option<Relation> {
    let [Cell::Text(database), Cell::Text(schema), Cell::Text(name), Cell::Text(kind)] = row else {
        return None;
    };
    let kind = match kind.as_str() {
        "v" => RelationKind::View,
        "m" => RelationKind::MaterializedView,
        "f" => RelationKind::External,
        _ => RelationKind::Table,
    };
    Some(Relation::new(database, schema, name).with_kind(kind))
}

/// The columns of a relation in order, empty where it does not exist.
pub(super) fn columns(
    connection: &mut PostgresConnection,
    relation: &Relation,
) -> SqlResult<Vec<Column>> {
    let relation = relation.folded();
    let schema = match &relation.schema {
        Some(schema) => quote_literal(schema),
        // Wherever the search path finds it: temporary tables have a schema of their own.
        None => "NULL::text".to_owned(),
    };
    let sql = include_str!("../sql/postgres_columns.sql")
        .replace("$schema", &schema)
        .replace("$name", &quote_literal(&relation.identifier));
    let found = connection.query(&sql, None)?;
    let column = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(name), Cell::Text(data_type)] => {
            Some(Column { name: name.clone(), data_type: data_type.clone() })
        }
        _ => None,
    };
    Ok(found.rows.iter().filter_map(column).collect())
}
