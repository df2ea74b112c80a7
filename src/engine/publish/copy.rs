//! A copy of a table that can take the original's place: rows, columns, constraints, indexes,
//! comments, owner and grants. What a copy could not keep is an error that names it.

use super::index_names::IndexNames;
use super::{duckdb, in_transaction};
use crate::diagnostic::Code;
use crate::engine::{Connection, EngineError, EngineKind, SqlResult, retry};
use crate::relation::{Cell, Relation, quote_identifier, quote_literal};

/// Makes `to` a copy of the table `from`; both lie in one schema, and `to` is not there.
///
/// # Errors
/// `ENGINE_MISMATCH` naming what a copy would lack: triggers, policies and their kin; the engine's.
/// Nothing was made then.
pub fn copy_table(
    connection: &mut dyn Connection,
    from: &Relation,
    to: &Relation,
) -> SqlResult<IndexNames> {
    retry(|| {
        in_transaction(connection, |connection| match connection.kind() {
            EngineKind::DuckDb => duckdb::copy_table(connection, from, to),
            EngineKind::Postgres => in_postgres(connection, &bare(from), &bare(to)),
        })
    })
}

/// As PostgreSQL knows it, without its database: a session is in one.
fn bare(relation: &Relation) -> Relation {
    Relation { database: None, ..relation.folded() }
}

fn in_postgres(
    connection: &mut dyn Connection,
    from: &Relation,
    to: &Relation,
) -> SqlResult<IndexNames> {
    let about = |sql: &str| {
        sql.replace("$from", &quote_literal(&from.render()))
            .replace("$to", &quote_literal(&to.render()))
    };
    let lacking = connection.query(&about(include_str!("../sql/postgres_uncopied.sql")), None)?;
    if !lacking.rows.is_empty() {
        let list: Vec<String> = lacking.rows.iter().map(|row| row[0].to_text()).collect();
        let message = format!("A copy of {} would lack {}", from.render(), list.join(", "));
        return Err(EngineError::of(Code::ENGINE_MISMATCH, message)
            .help("Publish the model directly, or make it a table that is built whole."));
    }
    let how = connection.query(&about(include_str!("../sql/postgres_storage.sql")), Some(1))?;
    let [unlogged, options] = match how.rows.first().map(Vec::as_slice) {
        Some([unlogged, options]) => [unlogged.to_text(), options.to_text()],
        _ => Default::default(),
    };
    let (from, into) = (from.render(), to.render());
    connection.execute(&format!(
        "CREATE {unlogged}TABLE {into} (LIKE {from} INCLUDING ALL EXCLUDING INDEXES){options}"
    ))?;
    connection.execute(&format!("INSERT INTO {into} SELECT * FROM {from}"))?;
    let mut names = IndexNames::default();
    let parts = connection.query(&about(include_str!("../sql/postgres_copy.sql")), None)?;
    for part in &parts.rows {
        let statement = match part.as_slice() {
            [before, Cell::Text(index), after] => {
                let made = quote_identifier(&names.add(index));
                format!("{}{made}{}", before.to_text(), after.to_text())
            }
            [whole, ..] => whole.to_text(),
            [] => continue,
        };
        connection.execute(&statement)?;
    }
    Ok(names)
}
