//! Publishing on DuckDB. Its DDL is transactional and its readers keep their snapshot, so a drop
//! and a rename in one transaction are a swap. Tables with indexes cannot be renamed: the indexes
//! of the shadow are dropped before, and made again in the same transaction.
//!
//! Nothing is looked up that a statement can find out by itself: with a thousand tables, one look
//! into `duckdb_tables()` costs more than the swap.

use super::index_names::IndexNames;
use super::{
    Along, Published, Step, drop_statement, in_transaction, type_word, view_statement,
    within_select,
};
use crate::engine::{Connection, SqlResult, retry};
use crate::relation::{Cell, Relation, RelationKind, quote_identifier, quote_literal};

pub(super) fn replace_table(
    connection: &mut dyn Connection,
    shadow: &Relation,
    target: &Relation,
    names: &IndexNames,
    along: Along,
) -> SqlResult<Published> {
    match retry(|| swap(connection, shadow, target, &[], along)) {
        Err(error) if error.words().contains("entries that depend on it") => {}
        other => return other,
    }
    let mut indexes = indexes(connection, shadow)?;
    for index in &mut indexes {
        let name = shadow.with_identifier(&index.name);
        retry(|| connection.execute(&format!("DROP INDEX {}", name.render())))?;
        index.name = names.original(&index.name).to_owned();
    }
    retry(|| swap(connection, shadow, target, &indexes, along))
}

fn swap(
    connection: &mut dyn Connection,
    shadow: &Relation,
    target: &Relation,
    indexes: &[Index],
    along: Along,
) -> SqlResult<Published> {
    in_transaction(connection, |connection| {
        Along::run(connection, along.before)?;
        drop_any(connection, target)?;
        connection.execute(&format!(
            "ALTER {} {} RENAME TO {}",
            type_word(shadow.kind.unwrap_or(RelationKind::Table)),
            shadow.render(),
            quote_identifier(&target.identifier)
        ))?;
        for index in indexes {
            connection.execute(&index.statement(target))?;
        }
        Along::run(connection, along.after)?;
        Ok(Published::default())
    })
}

/// Drops a table or view of that name if there is one.
pub(super) fn drop_any(connection: &mut dyn Connection, relation: &Relation) -> SqlResult<()> {
    match connection.execute(&drop_statement(RelationKind::Table, relation)) {
        Err(error) if error.words().contains("is of type View") => {
            connection.execute(&drop_statement(RelationKind::View, relation)).map(drop)
        }
        other => other.map(drop),
    }
}

pub(super) fn replace_view(
    connection: &mut dyn Connection,
    target: &Relation,
    select_sql: &str,
    along: Along,
) -> SqlResult<Published> {
    let (statement, before) = view_statement(target, select_sql);
    let create = |connection: &mut dyn Connection| {
        connection.execute(&statement).map(drop).map_err(|error| within_select(error, before))
    };
    let in_one = |connection: &mut dyn Connection, is_table: bool| {
        in_transaction(connection, |connection| {
            Along::run(connection, along.before)?;
            if is_table {
                drop_any(connection, target)?;
            }
            create(connection)?;
            Along::run(connection, along.after)
        })
    };
    retry(|| {
        let done = if along.is_empty() { create(connection) } else { in_one(connection, false) };
        match done {
            Err(error) if error.words().contains("is of type Table") => in_one(connection, true),
            other => other,
        }
    })
    .map(|()| Published::default())
}

pub(super) fn replace_by(
    connection: &mut dyn Connection,
    target: &Relation,
    create: Step,
    along: Along,
) -> SqlResult<Published> {
    retry(|| {
        in_transaction(connection, |connection| {
            Along::run(connection, along.before)?;
            drop_any(connection, target)?;
            create(connection)?;
            Along::run(connection, along.after)
        })
    })
    .map(|()| Published::default())
}

struct Index {
    name: String,
    unique: bool,
    /// What stands after the table's name: `(a, (b + 1));`
    columns: String,
}

impl Index {
    fn statement(&self, table: &Relation) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        format!(
            "CREATE {unique}INDEX {} ON {}{}",
            quote_identifier(&self.name),
            table.render(),
            self.columns
        )
    }
}

/// A query of the catalog about one table.
fn about(sql: &str, table: &Relation) -> String {
    let or_current = |part: &Option<String>, current: &str| match part {
        Some(name) => quote_literal(name),
        None => current.to_owned(),
    };
    sql.replace("$database", &or_current(&table.database, "current_database()"))
        .replace("$schema", &or_current(&table.schema, "current_schema()"))
        .replace("$name", &quote_literal(&table.identifier))
}

fn indexes(connection: &mut dyn Connection, table: &Relation) -> SqlResult<Vec<Index>> {
    let sql = about(include_str!("../sql/duckdb_indexes.sql"), table);
    let found = connection.query(&sql, None)?;
    let index = |row: &Vec<Cell>| match row.as_slice() {
        [Cell::Text(name), Cell::Bool(unique), Cell::Text(sql)] => {
            let columns = after_table(sql)?.to_owned();
            Some(Index { name: name.clone(), unique: *unique, columns })
        }
        _ => None,
    };
    Ok(found.rows.iter().filter_map(index).collect())
}

/// Makes a copy of a table, in an open transaction.
pub(super) fn copy_table(
    connection: &mut dyn Connection,
    from: &Relation,
    to: &Relation,
) -> SqlResult<IndexNames> {
    let found = connection.query(&about(include_str!("../sql/duckdb_table.sql"), from), Some(1))?;
    let (columns, comment) = match found.rows.first().map(Vec::as_slice) {
        Some([Cell::Text(sql), comment]) => (after_table(sql).unwrap_or_default(), comment),
        _ => ("", &Cell::Null),
    };
    let (original, copy) = (from.render(), to.render());
    connection.execute(&format!("CREATE TABLE {copy}{columns}"))?;
    connection.execute(&format!("INSERT INTO {copy} SELECT * FROM {original}"))?;
    let mut names = IndexNames::default();
    for mut index in indexes(connection, from)? {
        index.name = names.add(&index.name);
        connection.execute(&index.statement(to))?;
    }
    let of_columns = about(include_str!("../sql/duckdb_comments.sql"), from);
    let of_columns = connection.query(&of_columns, None)?;
    if let Cell::Text(text) = comment {
        let text = quote_literal(text);
        connection.execute(&format!("COMMENT ON TABLE {copy} IS {text}"))?;
    }
    for row in &of_columns.rows {
        if let [Cell::Text(column), Cell::Text(text)] = row.as_slice() {
            let (column, text) = (quote_identifier(column), quote_literal(text));
            connection.execute(&format!("COMMENT ON COLUMN {copy}.{column} IS {text}"))?;
        }
    }
    Ok(names)
}

/// The rest of DuckDB's own `CREATE TABLE` or `CREATE INDEX` text from the bracket after the
/// table's name.
fn after_table(sql: &str) -> Option<&str> {
    let mut quoted = false;
    let at = sql.char_indices().find_map(|(at, char)| {
        quoted ^= char == '"';
        (char == '(' && !quoted).then_some(at)
    })?;
    Some(&sql[at..])
}

#[cfg(test)]
mod tests {
    use super::after_table;

    #[test]
    fn brackets_in_names_are_no_columns() {
        let sql = "CREATE UNIQUE INDEX \"ix 1\" ON \"s (x\".\"a (\"(i, ((\"j k\" + 1)));";
        assert_eq!(after_table(sql), Some("(i, ((\"j k\" + 1)));"));
    }
}
