//! Incremental models: what is new goes into a temporary table and from there into the target, by
//! the macro of the strategy, all in one transaction. The first run and a full refresh are those
//! of a table.

use minijinja::Value;

use super::job::{Failure, Job, run};
use super::model::{self, Outcome, value};
use crate::config::EngineKind;
use crate::diagnostic::Result;
use crate::engine;
use crate::jinja::values::{Dict, List, from_json};
use crate::jinja::{Adapter, ColumnObject, RelationObject, strategy_macro_name, unknown_strategy};
use crate::relation::{Relation, RelationKind};

/// Builds an incremental model.
pub(super) fn build(job: &Job) -> Result<Outcome> {
    let target = job.target().with_kind(RelationKind::Table);
    // On PostgreSQL also on the first run, which does not need it.
    if job.kind() == EngineKind::Postgres {
        strategy(job)?;
    }
    let existing = job.adapter.get_relation(&target)?;
    let is_table = existing.is_some_and(|r| r.kind == Some(RelationKind::Table));
    if !is_table || job.full_refresh() {
        return model::table(job);
    }
    let strategy = strategy(job)?;
    job.transaction(|connection| {
        job.run_hooks("pre-hook", true)?;
        let temporary = temporary(job, &target)?;
        let code = Value::from(&*job.compiled.sql);
        let create =
            job.sql("get_create_table_as_sql", vec![true.into(), value(&temporary), code])?;
        run(connection, &create)?;
        let columns = columns(job, &temporary, &target)?;
        let change = job.sql(&strategy, vec![arguments(job, &temporary, &target, columns)])?;
        job.write(&change)?;
        let rows = run(connection, &change)?;
        run(connection, &format!("drop table if exists {}", temporary.render()))?;
        model::finish(job, &target, true, false)?;
        job.run_hooks("post-hook", true)?;
        let response = engine::response(connection.kind(), &change, rows);
        Ok(Outcome { response, relation: None })
    })
}

/// The macro of the model's strategy.
fn strategy(job: &Job) -> Result<String> {
    let name = job.node.config.text("incremental_strategy").unwrap_or("default");
    let macro_name = strategy_macro_name(name);
    let known = job.dialect.find_macro(&macro_name, &job.node.package_name);
    let own = job.dialect.is_overridden(&macro_name);
    if known.is_none() || (name == "insert_overwrite" && !own) {
        let error = unknown_strategy(name).or_at(job.locate_config("incremental_strategy", name));
        return Err(Box::new(error));
    }
    Ok(macro_name)
}

/// The relation that the new rows go to first.
fn temporary(job: &Job, target: &Relation) -> Result<Relation> {
    let made = job.call("make_temp_relation", vec![value(target)])?;
    let made = RelationObject::of(&made).unwrap_or_else(|| Relation {
        database: None,
        schema: None,
        ..target.with_suffix("__dbt_tmp")
    });
    Ok(made.with_kind(RelationKind::Table))
}

/// The columns to fill, after `on_schema_change` brought the target in line with the query.
fn columns(job: &Job, temporary: &Relation, target: &Relation) -> Result<Value, Failure> {
    let mode = job.node.config.text("on_schema_change").unwrap_or("ignore");
    if job.kind() == EngineKind::Postgres && !job.contract() {
        job.call("expand_target_column_types", vec![value(temporary), value(target)])?;
    }
    if mode != "ignore" || job.dialect.is_overridden("process_schema_changes") {
        let mode = job.call("incremental_validate_on_schema_change", vec![mode.into()])?;
        let changes =
            job.call("process_schema_changes", vec![mode, value(temporary), value(target)])?;
        if changes.is_true() {
            return Ok(changes);
        }
    }
    let columns = job.adapter.columns(target)?;
    let adapter = job.adapter.lock().kind().as_str();
    let object = |column| Value::from_object(ColumnObject::new(column, adapter));
    Ok(List::value(columns.into_iter().map(object).collect()))
}

/// What a strategy's macro takes.
fn arguments(job: &Job, temporary: &Relation, target: &Relation, columns: Value) -> Value {
    let config = |key: &str| job.node.config.get(key).map_or(Value::from(()), from_json);
    let predicates = match config("predicates") {
        given if given.is_true() => given,
        _ => config("incremental_predicates"),
    };
    Dict::value([
        ("target_relation", value(target)),
        ("temp_relation", value(temporary)),
        ("unique_key", config("unique_key")),
        ("dest_columns", columns),
        ("incremental_predicates", predicates),
    ])
}
