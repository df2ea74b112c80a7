//! Seeds: CSV files → tables, typed by what is in them (see `seed_types`) or by `column_types`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::job::{Failure, Job, Old, run};
use super::result::{DataLoad, LoadKind, RunResult, Status};
use super::seed_file::{ColumnType, Table, path_of, read};
use super::{custom, model};
use crate::clock;
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::publish;
use crate::jinja::{Adapter, Dialect, Host, MacroDef};
use crate::relation::{Relation, RelationKind, Response, quote_identifier, quote_literal};

/// Rows that go into one `insert`.
const BATCH: usize = 1000;

/// Loads a seed.
pub(super) fn load(job: &Job, result: &mut RunResult) -> Result<()> {
    let started = Instant::now();
    let config = &job.runner.compiler.config;
    let path = path_of(job.node);
    let kind = config.target.engines[&job.node.engine].kind();
    let table = read(job.node, config, kind)?;
    if let Some(block) = &job.block {
        return by_block(job, block, &table, started, result);
    }

    let target = job.target();
    let there = job.adapter.get_relation(&target)?.and_then(|there| there.kind);
    if there == Some(RelationKind::View) {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_SEED,
                format!("Cannot seed to '{}', it is a view", target.render()),
            )
            .or_at(job.node.location.clone())
            .help("Drop the view, or give the seed another `alias`."),
        ));
    }
    // As in dbt, the table of an earlier run stays: it has to take the rows.
    let stays = there == Some(RelationKind::Table) && !job.full_refresh();
    let shadow = target.with_suffix("__dbt_tmp").with_kind(RelationKind::Table);
    let types = table.types(job.node);
    for text in table.misnamed(job.node) {
        job.host.log(&text, true);
    }
    let quoted = job.node.config.flag("quote_columns").unwrap_or(true);
    let named = |name: &String| if quoted { quote_identifier(name) } else { name.clone() };
    let columns: Vec<String> = table
        .header
        .iter()
        .zip(&types)
        .map(|(name, column)| format!("{} {}", named(name), column.sql(kind)))
        .collect();
    let filled = if stays { &target } else { &shadow };
    let create = format!("create table {} ({})", filled.render(), columns.join(", "));
    let inserts: Vec<String> = if kind == EngineKind::DuckDb && fast(job) {
        vec![copy_statement(job, filled, &path)]
    } else {
        let names: Vec<String> = table.header.iter().map(named).collect();
        let batches = table.rows.chunks(BATCH).map(|rows| {
            let rows: Vec<String> = rows.iter().map(|row| values(row, &types, kind)).collect();
            let (into, names) = (filled.render(), names.join(", "));
            format!("insert into {into} ({names}) values {}", rows.join(", "))
        });
        batches.collect()
    };
    let last = || {
        let made = target.clone().with_kind(RelationKind::Table);
        if !stays {
            model::indexes(job, &made)?;
        }
        model::finish(job, &made, stays, true)?;
        job.run_hooks("post-hook", true)
    };
    job.run_hooks("pre-hook", false)?;
    job.transaction(|connection| {
        job.run_hooks("pre-hook", true)?;
        if stays {
            run(connection, &format!("delete from {}", target.render()))?;
        } else {
            let failed = |error| Failure::Sql(String::new(), error);
            publish::drop_relation(connection, &shadow).map_err(failed)?;
            run(connection, &create)?;
        }
        for insert in &inserts {
            run(connection, insert)?;
        }
        if stays {
            last()?;
        }
        Ok(())
    })
    .map_err(|error| table.locate_value(error, &path, &config.shown(&path)))?;
    if !stays {
        // On PostgreSQL a full refresh drops the table with what depends on it, as in dbt.
        let drops = kind == EngineKind::Postgres && job.full_refresh();
        let old = if drops { Old::Dropped } else { Old::Replaced };
        job.swap(&shadow, &target, old, &last)?;
    }
    job.run_hooks("post-hook", false)?;
    let rows = table.rows.len() as u64;
    let code = if job.full_refresh() { "CREATE" } else { "INSERT" };
    result.answered(Response {
        message: format!("{code} {rows}"),
        code: code.to_owned(),
        rows_affected: Some(rows),
    });
    result.relation_name = Some(target.render());
    loaded(job, &table, rows, started, result);
    Ok(())
}

/// Loads a seed by a block: the project's, or ours where the project has macros that it calls.
fn by_block(
    job: &Job,
    block: &Arc<MacroDef>,
    table: &Table,
    started: Instant,
    result: &mut RunResult,
) -> Result<()> {
    job.host.set_seed_rows(table.cells(job.node, job.kind()));
    let outcome = custom::build(job, block)?;
    let rows = outcome.response.rows_affected.unwrap_or(table.rows.len() as u64);
    result.relation_name = Some(outcome.relation.unwrap_or_else(|| job.target()).render());
    result.answered(outcome.response);
    loaded(job, table, rows, started, result);
    Ok(())
}

/// Macros that load a seed under dbt's names: one of the project's has its say in the block only.
const MACROS: &[&str] = &[
    "create_csv_table",
    "reset_csv_table",
    "load_csv_rows",
    "get_csv_sql",
    "get_batch_size",
    "get_binding_char",
    "get_seed_column_quoted_csv",
];

/// Whether a project or package has macros in place of those that load seeds.
pub fn is_overridden(dialect: &Dialect) -> bool {
    MACROS.iter().any(|name| dialect.is_overridden(name))
}

/// Writes down what was brought in.
fn loaded(job: &Job, table: &Table, rows: u64, started: Instant, result: &mut RunResult) {
    result.bytes = Some(table.bytes);
    result.loads.push(DataLoad {
        kind: LoadKind::Seed,
        unique_id: job.node.unique_id.clone(),
        source_engine: None,
        target_engine: job.node.engine.clone(),
        source: job.node.original_file_path.clone(),
        target: result.relation_name.clone().unwrap_or_default(),
        rows: Some(rows),
        bytes: Some(table.bytes),
        duration: started.elapsed(),
        status: Status::Success,
        loaded_at: clock::now(),
    });
}

/// dbt-duckdb's config `fast`: whether DuckDB reads the file itself.
fn fast(job: &Job) -> bool {
    job.node.config.flag("fast").unwrap_or(true)
}

/// DuckDB reads the file as it does under dbt-duckdb: it finds out by itself how values are
/// quoted, and only a field with nothing in it is null.
fn copy_statement(job: &Job, table: &Relation, path: &Path) -> String {
    let delimiter = job.node.config.text("delimiter").unwrap_or(",");
    format!(
        "copy {} from {} (format csv, header true, delimiter {})",
        table.render(),
        quote_literal(&path.to_string_lossy()),
        quote_literal(delimiter)
    )
}

fn values(row: &[Option<String>], types: &[ColumnType], kind: EngineKind) -> String {
    let literal = |(field, column): (&Option<String>, &ColumnType)| match field {
        None => "null".to_owned(),
        Some(text) => column.literal(text, kind),
    };
    let cells: Vec<String> = row.iter().zip(types).map(literal).collect();
    format!("({})", cells.join(", "))
}
