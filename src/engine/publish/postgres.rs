//! Publishing on PostgreSQL: a swap that keeps the views upon a table.
//!
//! PostgreSQL binds views to a table's identity, not its name, and drops them with it. So within one
//! transaction: lock the views from the top down, then the table, in the order in which readers
//! do; put the new table in place; point each view to it by its own definition (`CREATE OR REPLACE
//! VIEW` keeps owner, grants and comment); drop the old table, and with it only the views that do
//! not fit any more.
//!
//! A swap waits for readers, and readers that come later wait behind it. So that one long query
//! does not hold up all others, it waits for a moment at a time and lets others pass between. The
//! moment is shorter than the second after which PostgreSQL looks for deadlocks: where a reader
//! takes table and views in another order, it is the swap that gives way.

use super::index_names::IndexNames;
use super::{
    Along, Published, Step, drop_statement, in_transaction, type_word, view_statement,
    within_select,
};
use crate::engine::{Connection, EngineError, SqlResult, retry};
use crate::relation::{Cell, Relation, RelationKind, quote_identifier, quote_literal};

/// A view that reads a relation, at any distance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependent {
    /// PostgreSQL's identity of the view.
    pub oid: String,
    /// The view; its kind tells a materialized one.
    pub relation: Relation,
    /// Its SELECT with every name in full.
    pub definition: String,
    owner: String,
    options: String,
}

/// All views upon a relation, those that read it directly first, each after all that it reads.
///
/// # Errors
/// The engine's.
pub fn dependents(
    connection: &mut dyn Connection,
    relation: &Relation,
) -> SqlResult<Vec<Dependent>> {
    let sql = include_str!("../sql/postgres_dependents.sql")
        .replace("$relation", &quote_literal(&named(relation).render()));
    // Full names in definitions, whatever the session's search path.
    let path = connection.query("SELECT current_setting('search_path')", None)?;
    let path = path.rows.first().map(|row| row[0].to_text()).unwrap_or_default();
    connection.execute("SELECT set_config('search_path', '', false)")?;
    let found = connection.query(&sql, None);
    let restored = connection
        .execute(&format!("SELECT set_config('search_path', {}, false)", quote_literal(&path)));
    // Where the query failed, so does everything until the rollback, which restores the path too:
    // the first error is the one that tells.
    let found = found.map_err(|mut error| {
        // Another swap has just dropped what a view reads; the next look finds the view rebound.
        let gone = ["could not open relation with OID", "cache lookup failed"];
        error.retryable |= gone.iter().any(|words| error.words().contains(words));
        error
    })?;
    restored?;
    let text = |cell: &Cell| cell.to_text();
    Ok(found
        .rows
        .iter()
        .map(|row| Dependent {
            oid: text(&row[0]),
            relation: Relation {
                schema: Some(text(&row[1])),
                ..Relation::default().with_identifier(text(&row[2]))
            }
            .with_kind(match row[3].to_text().as_str() {
                "m" => RelationKind::MaterializedView,
                _ => RelationKind::View,
            }),
            definition: text(&row[4]),
            owner: text(&row[5]),
            options: text(&row[6]),
        })
        .collect())
}

pub(super) fn replace_table(
    connection: &mut dyn Connection,
    shadow: &Relation,
    target: &Relation,
    names: &IndexNames,
    along: Along,
) -> SqlResult<Published> {
    let kind = shadow.kind.unwrap_or(RelationKind::Table);
    patiently(|order| {
        in_transaction(connection, |connection| {
            Along::run(connection, along.before)?;
            let old = put_aside(connection, target, order)?;
            connection.execute(&rename(&named(shadow), kind, &target.identifier))?;
            if shadow.schema != target.schema
                && let Some(schema) = &target.schema
            {
                let moved = named(shadow).with_identifier(&target.identifier);
                connection.execute(&format!(
                    "ALTER TABLE {} SET SCHEMA {}",
                    moved.render(),
                    quote_identifier(schema)
                ))?;
            }
            let published = finish(connection, old)?;
            for (made, original) in &names.0 {
                let index = named(target).with_identifier(made);
                connection.execute(&format!(
                    "ALTER INDEX {} RENAME TO {}",
                    index.render(),
                    quote_identifier(original)
                ))?;
            }
            Along::run(connection, along.after)?;
            Ok(published)
        })
    })
}

pub(super) fn replace_view(
    connection: &mut dyn Connection,
    target: &Relation,
    select_sql: &str,
    along: Along,
) -> SqlResult<Published> {
    patiently(|order| {
        in_transaction(connection, |connection| {
            Along::run(connection, along.before)?;
            let published = create_view(connection, target, select_sql, order)?;
            Along::run(connection, along.after)?;
            Ok(published)
        })
    })
}

pub(super) fn replace_by(
    connection: &mut dyn Connection,
    target: &Relation,
    create: Step,
    along: Along,
) -> SqlResult<Published> {
    patiently(|order| {
        in_transaction(connection, |connection| {
            Along::run(connection, along.before)?;
            let old = put_aside(connection, target, order)?;
            create(connection)?;
            let published = finish(connection, old)?;
            Along::run(connection, along.after)?;
            Ok(published)
        })
    })
}

fn create_view(
    connection: &mut dyn Connection,
    target: &Relation,
    select_sql: &str,
    order: Order,
) -> SqlResult<Published> {
    let (statement, before) = view_statement(&named(target), select_sql);
    let within = |error| within_select(error, before);
    let found = kind_of(connection, target)?;
    if found.is_none_or(|kind| kind == RelationKind::View) {
        // The common case: the same columns, or more at the end.
        match attempt(connection, &statement) {
            Ok(()) => return Ok(Published::default()),
            Err(error) if !other_columns(&error) => return Err(within(error)),
            Err(_) => {}
        }
    }
    let old = put_aside(connection, target, order)?;
    connection.execute(&statement).map_err(within)?;
    finish(connection, old)
}

/// What stood in the place that a new relation takes.
struct Old {
    relation: Relation,
    kind: RelationKind,
    views: Vec<Dependent>,
}

/// What is locked first. Most readers come by a view to its table; one that reads the table and
/// then the view in one query would meet such a swap half-way every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Views,
    Table,
}

/// Locks the relation and the views upon it, and gives it another name.
fn put_aside(
    connection: &mut dyn Connection,
    target: &Relation,
    order: Order,
) -> SqlResult<Option<Old>> {
    connection.execute("SET LOCAL lock_timeout = '400ms'")?;
    let Some(kind) = kind_of(connection, target)? else { return Ok(None) };
    let target = named(target);
    if order == Order::Table && kind == RelationKind::Table {
        connection.execute(&format!("LOCK TABLE {}", target.render()))?;
    }
    let mut views = dependents(connection, &target)?;
    loop {
        for view in views.iter().rev() {
            // Changes nothing, but takes the lock; LOCK TABLE would lock all other tables of
            // the view too.
            let word = type_word(view.relation.kind.unwrap_or(RelationKind::View));
            connection.execute(&format!(
                "ALTER {word} {} OWNER TO {}",
                view.relation.render(),
                quote_identifier(&view.owner)
            ))?;
        }
        let now = dependents(connection, &target)?;
        if now == views {
            break;
        }
        views = now;
    }
    let name = format!("pintail_old_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    connection.execute(&rename(&target, kind, &name))?;
    Ok(Some(Old { relation: target.with_identifier(name), kind, views }))
}

/// Points the views to what has taken the name, and drops what had it.
fn finish(connection: &mut dyn Connection, old: Option<Old>) -> SqlResult<Published> {
    let mut published = Published::default();
    let Some(old) = old else { return Ok(published) };
    for view in &old.views {
        if view.relation.kind == Some(RelationKind::View) {
            let options = match view.options.as_str() {
                "" => String::new(),
                options => format!(" WITH ({options})"),
            };
            let statement = format!(
                "CREATE OR REPLACE VIEW {}{options} AS {}",
                view.relation.render(),
                view.definition
            );
            if let Err(error) = attempt(connection, &statement)
                && (error.retryable || error.cancelled)
            {
                return Err(error);
            }
        }
    }
    connection.execute(&drop_statement(old.kind, &old.relation))?;
    for view in old.views {
        let alive = format!("SELECT 1 FROM pg_catalog.pg_class WHERE oid = {}", view.oid);
        if connection.query(&alive, Some(1))?.rows.is_empty() {
            published.dropped.push(view.relation);
        } else {
            published.rebound.push(view.relation);
        }
    }
    Ok(published)
}

/// What kind of relation bears the name, if any does.
pub(super) fn kind_of(
    connection: &mut dyn Connection,
    relation: &Relation,
) -> SqlResult<Option<RelationKind>> {
    let sql = include_str!("../sql/postgres_kind.sql")
        .replace("$relation", &quote_literal(&named(relation).render()));
    let found = connection.query(&sql, Some(1))?;
    Ok(found.rows.first().map(|row| match row[0].to_text().as_str() {
        "v" => RelationKind::View,
        "m" => RelationKind::MaterializedView,
        "f" => RelationKind::External,
        _ => RelationKind::Table,
    }))
}

/// Those of some relations that are there, whatever they are.
pub(super) fn present<'a>(
    connection: &mut dyn Connection,
    relations: &'a [Relation],
) -> SqlResult<Vec<&'a Relation>> {
    let there =
        |relation| format!("to_regclass({}) IS NOT NULL", quote_literal(&named(relation).render()));
    let columns: Vec<String> = relations.iter().map(there).collect();
    let found = connection.query(&format!("SELECT {}", columns.join(", ")), Some(1))?;
    let row = found.rows.first().map(Vec::as_slice).unwrap_or_default();
    let present = relations.iter().zip(row).filter(|(_, cell)| **cell == Cell::Bool(true));
    Ok(present.map(|(relation, _)| relation).collect())
}

/// Runs a statement whose failure leaves the transaction usable.
fn attempt(connection: &mut dyn Connection, statement: &str) -> SqlResult<()> {
    connection.execute("SAVEPOINT pintail")?;
    match connection.execute(statement) {
        Ok(_) => connection.execute("RELEASE SAVEPOINT pintail").map(drop),
        Err(error) => {
            connection.execute("ROLLBACK TO SAVEPOINT pintail")?;
            Err(error)
        }
    }
}

/// Whether a view was refused since its columns do not match those that it had.
fn other_columns(error: &EngineError) -> bool {
    error.words().contains("SQLSTATE 42P16")
}

/// Runs a swap until it gets its locks: for about a quarter of an hour.
fn patiently<T>(mut swap: impl FnMut(Order) -> SqlResult<T>) -> SqlResult<T> {
    const TIMES: u32 = 2000;
    for time in 0..TIMES {
        let order = if time % 2 == 0 { Order::Views } else { Order::Table };
        match retry(|| swap(order)) {
            Err(error) if error.words().contains("SQLSTATE 55P03") => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            other => return other,
        }
    }
    retry(|| swap(Order::Views))
}

fn rename(relation: &Relation, kind: RelationKind, name: &str) -> String {
    format!("ALTER {} {} RENAME TO {}", type_word(kind), relation.render(), quote_identifier(name))
}

/// Without its database: a session is in one.
fn named(relation: &Relation) -> Relation {
    Relation { database: None, ..relation.clone() }
}
