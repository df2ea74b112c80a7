//! Materializations: view, table, incremental. The SQL comes from macros under dbt's names, which
//! a project may override; what happens when, and in which transaction, is here.

use minijinja::Value;
use serde_json::Value as Json;

use super::node::{Failure, Job, run};
use super::result::RunResult;
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};
use crate::engine::publish::{self, Along, PlacedSql};
use crate::engine::{self, Connection};
use crate::jinja::values::{Dict, List, from_json};
use crate::jinja::{Adapter, ColumnObject, RelationObject};
use crate::relation::{Relation, RelationKind};

const MATERIALIZATIONS: &[&str] = &["view", "table", "incremental", "ephemeral"];

/// Builds a model.
pub(super) fn build(job: &Job, result: &mut RunResult) -> Result<()> {
    for hook in job.hooks("pre-hook", false)? {
        job.run_hook(&hook)?;
    }
    if engine::is_blank(&job.compiled.sql) {
        return Err(no_sql(job));
    }
    let rows = match job.node.materialized() {
        "view" => view(job),
        "table" => table(job),
        "incremental" => incremental(job),
        other => Err(unknown(job, other)),
    }?;
    for hook in job.hooks("post-hook", false)? {
        job.run_hook(&hook)?;
    }
    result.rows_affected = rows;
    let what = job.node.materialized();
    result.message = Some(match (what, rows) {
        ("view", _) => "CREATE VIEW".to_owned(),
        (_, Some(rows)) => format!("{rows} rows"),
        (_, None) => "OK".to_owned(),
    });
    result.relation_name = Some(job.target().render());
    Ok(())
}

fn no_sql(job: &Job) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::SQL, format!("The model `{}` holds no SQL", job.node.name))
            .or_at(job.node.location.clone())
            .help("Write a select; a model that is not ready can have `enabled: false`.")
            .help("Where its Jinja leaves everything out, check the conditions."),
    )
}

fn unknown(job: &Job, name: &str) -> Box<Diagnostic> {
    let mut error =
        Diagnostic::error(Code::BAD_CONFIG, format!("`{name}` is not a materialization"))
            .or_at(job.locate_config("materialized", name));
    if let Some(help) = did_you_mean(name, MATERIALIZATIONS.iter().copied()) {
        error = error.help(help);
    }
    Box::new(error.help(format!("Known: {}.", MATERIALIZATIONS.join(", "))))
}

fn value(relation: &Relation) -> Value {
    Value::from_object(RelationObject::new(relation.clone()))
}

/// Runs hooks inside a transaction.
fn run_hooks(
    job: &Job,
    connection: &mut dyn Connection,
    hooks: &[PlacedSql],
) -> Result<(), Failure> {
    for hook in hooks {
        connection.execute(&hook.0).map_err(|error| job.hook_failed(hook, error))?;
    }
    Ok(())
}

fn view(job: &Job) -> Result<Option<u64>> {
    let target = job.target();
    let sql = &*job.compiled.sql;
    let (before, after) = (job.hooks("pre-hook", true)?, job.hooks("post-hook", true)?);
    let along = Along { before: &before, after: &after };
    job.on_connection(sql, |connection| {
        publish::replace_view_along(connection, &target, sql, along).map(|_| ())
    })?;
    Ok(None)
}

/// The name that a table is built under before it takes its place.
fn shadow(target: &Relation) -> Relation {
    target.with_identifier(format!("{}__dbt_tmp", target.identifier)).with_kind(RelationKind::Table)
}

fn table(job: &Job) -> Result<Option<u64>> {
    match replaced_at_once(job)? {
        Some(rows) => Ok(rows),
        None => built_beside(job),
    }
}

/// On DuckDB one statement makes the new table and puts it in the place of the old one: readers
/// keep their snapshot, and where it fails nothing has changed. `None` where the place holds a
/// view, or the project's own macro makes tables in another way.
fn replaced_at_once(job: &Job) -> Result<Option<Option<u64>>> {
    let config = &job.runner.compiler.config.target.engines[&job.node.engine];
    if config.kind() != EngineKind::DuckDb {
        return Ok(None);
    }
    let create = job.sql(
        "get_create_table_as_sql",
        vec![false.into(), value(&job.target()), Value::from(&*job.compiled.sql)],
    )?;
    let Some(rest) = create.trim_start().strip_prefix("create table ") else { return Ok(None) };
    let replace = format!("create or replace table {rest}");
    let (before, after) = (job.hooks("pre-hook", true)?, job.hooks("post-hook", true)?);
    let done = job.transaction(|connection| {
        run_hooks(job, connection, &before)?;
        let rows = run(connection, &replace)?;
        run_hooks(job, connection, &after)?;
        Ok(rows)
    });
    match done {
        Ok(rows) => Ok(Some(rows)),
        Err(error) if error.notes.iter().any(|note| note.contains("is of type View")) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Builds a table under another name and swaps it in.
fn built_beside(job: &Job) -> Result<Option<u64>> {
    let target = job.target();
    let shadow = shadow(&target);
    let create = job.sql(
        "get_create_table_as_sql",
        vec![false.into(), value(&shadow), Value::from(&*job.compiled.sql)],
    )?;
    let indexes = indexes(job, &shadow)?;
    let before = job.hooks("pre-hook", true)?;
    let rows = job.transaction(|connection| {
        run_hooks(job, connection, &before)?;
        publish::drop_relation(connection, &shadow)
            .map_err(|error| Failure::Sql(String::new(), error))?;
        let rows = run(connection, &create)?;
        for sql in &indexes {
            run(connection, sql)?;
        }
        Ok(rows)
    })?;
    job.swap(&shadow, &target)?;
    Ok(rows)
}

/// `indexes` of the configuration, on PostgreSQL.
fn indexes(job: &Job, relation: &Relation) -> Result<Vec<String>> {
    let config = &job.runner.compiler.config.target.engines[&job.node.engine];
    if config.kind() != EngineKind::Postgres {
        return Ok(Vec::new());
    }
    let Some(Json::Array(wanted)) = job.node.config.get("indexes") else { return Ok(Vec::new()) };
    wanted
        .iter()
        .map(|index| job.sql("get_create_index_sql", vec![value(relation), from_json(index)]))
        .collect()
}

fn incremental(job: &Job) -> Result<Option<u64>> {
    let target = job.target();
    // Also on the first run, which does not need it.
    let strategy = job.node.config.text("incremental_strategy").unwrap_or("default");
    let name = match strategy {
        "append" | "merge" | "default" => format!("get_incremental_{strategy}_sql"),
        "delete+insert" => "get_incremental_delete_insert_sql".to_owned(),
        custom => {
            let name = format!("get_incremental_{}_sql", custom.replace(['+', '-'], "_"));
            if job.dialect.find_macro(&name, &job.node.package_name).is_none() {
                return Err(unknown_strategy(job, custom));
            }
            name
        }
    };
    let existing = job.adapter.get_relation(&target)?;
    let is_table = existing.is_some_and(|r| r.kind == Some(RelationKind::Table));
    if !is_table || job.full_refresh() {
        return table(job);
    }
    let temporary = Relation {
        database: None,
        schema: None,
        ..target.with_identifier(format!("{}__dbt_tmp", target.identifier))
    };
    let create = job.sql(
        "get_create_table_as_sql",
        vec![true.into(), value(&temporary), Value::from(&*job.compiled.sql)],
    )?;
    let columns = job.adapter.columns(&target)?;
    let columns = columns.into_iter().map(|c| Value::from_object(ColumnObject(c))).collect();
    let config = |key: &str| job.node.config.get(key).map_or(Value::from(()), from_json);
    let predicates = match config("incremental_predicates") {
        none if none.is_none() => config("predicates"),
        some => some,
    };
    let arguments = Dict::value([
        ("target_relation", value(&target)),
        ("temp_relation", value(&temporary)),
        ("unique_key", config("unique_key")),
        ("dest_columns", List::value(columns)),
        ("incremental_predicates", predicates),
    ]);
    let change = job.sql(&name, vec![arguments])?;
    let drop = format!("drop table if exists {}", temporary.render());
    let before = job.hooks("pre-hook", true)?;
    let after = job.hooks("post-hook", true)?;
    job.transaction(|connection| {
        run_hooks(job, connection, &before)?;
        run(connection, &drop)?;
        run(connection, &create)?;
        let rows = run(connection, &change)?;
        run(connection, &drop)?;
        run_hooks(job, connection, &after)?;
        Ok(rows)
    })
}

fn unknown_strategy(job: &Job, name: &str) -> Box<Diagnostic> {
    let known = ["append", "delete+insert", "merge"];
    let mut error =
        Diagnostic::error(Code::BAD_CONFIG, format!("`{name}` is not an incremental strategy"))
            .or_at(job.locate_config("incremental_strategy", name));
    if let Some(help) = did_you_mean(name, known) {
        error = error.help(help);
    }
    Box::new(error.help(format!("Known: {}.", known.join(", "))))
}
