//! Putting finished relations in their places, so that a reader sees the old one or the new one,
//! whole, and never neither; and the few other changes of the catalog that both engines need.
//!
//! Everything here opens and ends its own transaction: call it outside of one. Conflicts with
//! other sessions are retried here and do not come out.

mod copy;
mod duckdb;
mod index_names;
mod postgres;

use super::{Connection, EngineKind, SqlResult, retry};
use crate::relation::{Relation, RelationKind, quote_identifier, quote_literal};

pub use copy::copy_table;
pub use index_names::IndexNames;
pub use postgres::{Dependent, dependents};

/// What became of the views that read the relation which was replaced. Always empty on DuckDB,
/// whose views find their tables by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Views that read the new relation now, with their owners, grants and comments.
    pub rebound: Vec<Relation>,
    /// Views that do not fit the new relation's columns any more, and those upon them: dropped.
    pub dropped: Vec<Relation>,
}

/// Something that is done on the connection inside a swap's transaction.
pub type Step<'a> = &'a dyn Fn(&mut dyn Connection) -> SqlResult<()>;

/// What the caller wants to stand or fall with a swap: it is done in its transaction, and again
/// when the swap is tried again.
#[derive(Clone, Copy, Default)]
pub struct Along<'a> {
    /// Done first, when the old relation is still in its place.
    pub before: Option<Step<'a>>,
    /// Done last, when the new one is.
    pub after: Option<Step<'a>>,
}

impl Along<'_> {
    fn is_empty(&self) -> bool {
        self.before.is_none() && self.after.is_none()
    }

    fn run(connection: &mut dyn Connection, step: Option<Step>) -> SqlResult<()> {
        step.map_or(Ok(()), |step| step(connection))
    }
}

/// Puts the table `shadow` in the place of `target`, which may be a table, a view or nothing.
/// `shadow` is gone afterwards; its indexes and constraints come along. Both lie in one schema.
///
/// # Errors
/// The engine's; `target` is then as it was, and `shadow` still there.
pub fn replace_table(
    connection: &mut dyn Connection,
    shadow: &Relation,
    target: &Relation,
) -> SqlResult<Published> {
    replace_table_along(connection, shadow, target, Along::default())
}

/// [`replace_table`] with statements in the same transaction.
///
/// # Errors
/// The engine's, also those of the statements; `target` is then as it was, and `shadow` still
/// there.
pub fn replace_table_along(
    connection: &mut dyn Connection,
    shadow: &Relation,
    target: &Relation,
    along: Along,
) -> SqlResult<Published> {
    swap(connection, shadow, target, &IndexNames::default(), along)
}

/// Puts `shadow`, a view or a table as its kind says, in the place of `target`. Where it began as
/// a copy of `target`, its indexes get the names of the original's.
///
/// # Errors
/// The engine's; `target` is then as it was, and `shadow` still there.
pub fn replace(
    connection: &mut dyn Connection,
    shadow: &Relation,
    target: &Relation,
    names: &IndexNames,
) -> SqlResult<Published> {
    swap(connection, shadow, target, names, Along::default())
}

fn swap(
    connection: &mut dyn Connection,
    shadow: &Relation,
    target: &Relation,
    names: &IndexNames,
    along: Along,
) -> SqlResult<Published> {
    match connection.kind() {
        EngineKind::DuckDb => duckdb::replace_table(connection, shadow, target, names, along),
        EngineKind::Postgres => {
            postgres::replace_table(connection, &shadow.folded(), &target.folded(), names, along)
        }
    }
}

/// Makes `target` a view over `select_sql`, in place of the view, the table or nothing that is
/// there. Positions of errors are those in `select_sql`.
///
/// # Errors
/// The engine's; `target` is then as it was.
pub fn replace_view(
    connection: &mut dyn Connection,
    target: &Relation,
    select_sql: &str,
) -> SqlResult<Published> {
    replace_view_along(connection, target, select_sql, Along::default())
}

/// [`replace_view`] with statements in the same transaction.
///
/// # Errors
/// The engine's, also those of the statements; `target` is then as it was.
pub fn replace_view_along(
    connection: &mut dyn Connection,
    target: &Relation,
    select_sql: &str,
    along: Along,
) -> SqlResult<Published> {
    match connection.kind() {
        EngineKind::DuckDb => duckdb::replace_view(connection, target, select_sql, along),
        EngineKind::Postgres => {
            postgres::replace_view(connection, &target.folded(), select_sql, along)
        }
    }
}

/// Puts what `create` makes in the place of `target`, whatever is there.
///
/// # Errors
/// The engine's, also those of the steps; `target` is then as it was.
pub fn replace_by(
    connection: &mut dyn Connection,
    target: &Relation,
    create: Step,
    along: Along,
) -> SqlResult<Published> {
    match connection.kind() {
        EngineKind::DuckDb => duckdb::replace_by(connection, target, create, along),
        EngineKind::Postgres => postgres::replace_by(connection, target, create, along),
    }
}

/// Drops a relation if it is there, with what depends on it. Its kind is looked up where the
/// relation does not say it.
///
/// # Errors
/// The engine's.
pub fn drop_relation(connection: &mut dyn Connection, relation: &Relation) -> SqlResult<()> {
    let folded = (connection.kind() == EngineKind::Postgres).then(|| relation.folded());
    let relation = folded.as_ref().unwrap_or(relation);
    retry(|| {
        let kind = match (relation.kind, connection.kind()) {
            (Some(kind), _) => kind,
            (None, EngineKind::DuckDb) => return duckdb::drop_any(connection, relation),
            (None, EngineKind::Postgres) => match postgres::kind_of(connection, relation)? {
                Some(kind) => kind,
                None => return Ok(()),
            },
        };
        connection.execute(&drop_statement(kind, relation)).map(drop)
    })
}

/// Drops a relation that somebody may be looking at: not at all where that would take a wait.
///
/// # Errors
/// The engine's; the relation is then still there.
pub fn drop_unless_busy(connection: &mut dyn Connection, relation: &Relation) -> SqlResult<()> {
    if connection.kind() == EngineKind::DuckDb {
        return drop_relation(connection, relation);
    }
    in_transaction(connection, |connection| {
        connection.execute("SET LOCAL lock_timeout = '400ms'")?;
        drop_relation(connection, relation)
    })
}

/// Drops what an earlier run, or another tool, left under the names that dbt builds relations and
/// keeps old ones under. On DuckDB nothing is left over.
///
/// # Errors
/// The engine's.
pub fn drop_left_over(connection: &mut dyn Connection, target: &Relation) -> SqlResult<()> {
    if connection.kind() == EngineKind::DuckDb {
        return Ok(());
    }
    let beside = ["__dbt_tmp", "__dbt_backup"].map(|suffix| target.folded().with_suffix(suffix));
    for relation in postgres::present(connection, &beside)? {
        drop_relation(connection, relation)?;
    }
    Ok(())
}

/// Drops what a command that was killed left beside a relation on either engine, under the names
/// that relations are built under.
///
/// # Errors
/// The engine's.
pub fn clear_beside(connection: &mut dyn Connection, target: &Relation) -> SqlResult<()> {
    if connection.kind() == EngineKind::Postgres {
        return drop_left_over(connection, target);
    }
    drop_relation(connection, &target.with_suffix("__dbt_tmp"))
}

/// Makes a schema where there is none; safe when many sessions do so at once.
///
/// # Errors
/// The engine's.
pub fn create_schema_if_missing(
    connection: &mut dyn Connection,
    database: Option<&str>,
    schema: &str,
) -> SqlResult<()> {
    let (exists, name) = match connection.kind() {
        EngineKind::DuckDb => {
            let database_filter =
                database.map_or_else(|| "current_database()".to_owned(), quote_literal);
            let sql = include_str!("../sql/duckdb_schema_exists.sql")
                .replace("$database", &database_filter)
                .replace("$schema", &quote_literal(schema));
            let qualified = Relation {
                database: None,
                schema: database.map(str::to_owned),
                identifier: schema.to_owned(),
                ..Relation::default()
            };
            (sql, qualified.render())
        }
        EngineKind::Postgres => {
            let sql = include_str!("../sql/postgres_schema_exists.sql")
                .replace("$schema", &quote_literal(schema));
            (sql, quote_identifier(schema))
        }
    };
    retry(|| {
        if !connection.query(&exists, Some(1))?.rows.is_empty() {
            return Ok(());
        }
        connection.execute(&format!("CREATE SCHEMA IF NOT EXISTS {name}")).map(drop)
    })
}

/// Runs `work` in a transaction: committed when it succeeds, rolled back when it fails.
///
/// # Errors
/// Those of `work` and of the commit.
pub fn in_transaction<T>(
    connection: &mut dyn Connection,
    work: impl FnOnce(&mut dyn Connection) -> SqlResult<T>,
) -> SqlResult<T> {
    connection.begin()?;
    match work(connection).and_then(|done| connection.commit().map(|()| done)) {
        Ok(done) => Ok(done),
        Err(error) => {
            // The first error is the one that tells.
            let _ = connection.rollback();
            Err(error)
        }
    }
}

fn drop_statement(kind: RelationKind, relation: &Relation) -> String {
    format!("DROP {} IF EXISTS {} CASCADE", type_word(kind), relation.render())
}

/// What DDL calls a kind of relation.
fn type_word(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::View => "VIEW",
        RelationKind::MaterializedView => "MATERIALIZED VIEW",
        RelationKind::External => "FOREIGN TABLE",
        RelationKind::Function => "FUNCTION",
        RelationKind::Table | RelationKind::Cte => "TABLE",
    }
}

/// The statement around a view's SELECT, with the length of what stands before it. The SELECT
/// begins and ends on lines of its own, as it may hold comments.
fn view_statement(target: &Relation, select_sql: &str) -> (String, usize) {
    let before = format!("CREATE OR REPLACE VIEW {} AS (\n", target.render());
    (format!("{before}{}\n)", select_sql.trim_end()), before.len())
}

/// An error's position in the SELECT instead of the whole statement.
fn within_select(mut error: Box<super::EngineError>, before: usize) -> Box<super::EngineError> {
    error.position = error.position.and_then(|at| at.checked_sub(before));
    error
}
