//! Materializations: view and table; `incremental` and `custom` have files of their own. The SQL
//! comes from macros under dbt's names, which a project may override; what happens when, and in
//! which transaction, is here.

use minijinja::Value;
use serde_json::Value as Json;

use super::adapter::SharedConnection;
use super::job::{Failure, Job, Old, run};
use super::result::RunResult;
use super::{custom, incremental};
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};
use crate::engine::publish::{self, Along};
use crate::engine::{self, Connection};
use crate::jinja::RelationObject;
use crate::jinja::values::{Dict, from_json};
use crate::relation::{Relation, RelationKind, Response};

/// Those of models that are code here; further built-in ones are blocks among the macros.
const MATERIALIZATIONS: &[&str] = &["view", "table", "incremental", "ephemeral"];

/// Whether a built-in materialization is code here, so that its block is for others to call.
pub(super) fn is_code(name: &str) -> bool {
    matches!(name, "seed" | "test" | "unit") || MATERIALIZATIONS.contains(&name)
}

/// What came of a materialization.
pub(super) struct Outcome {
    /// The engine's word on the main statement.
    pub response: Response,
    /// What was made, where it is not the node's own relation.
    pub relation: Option<Relation>,
}

/// Builds a model.
pub(super) fn build(job: &Job, result: &mut RunResult) -> Result<()> {
    let name = job.node.materialized();
    let outcome = match &job.block {
        Some(block) => custom::build(job, block)?,
        None if engine::is_blank(&job.compiled.sql) => return Err(no_sql(job)),
        None => {
            job.run_hooks("pre-hook", false)?;
            let outcome = match name {
                "view" => view(job),
                "table" => table(job),
                "incremental" => incremental::build(job),
                other => Err(unknown(job, other)),
            }?;
            // Those of an audited model come after it is published.
            if !job.host.is_before_publishing() {
                job.run_hooks("post-hook", false)?;
            }
            outcome
        }
    };
    result.relation_name = Some(outcome.relation.unwrap_or_else(|| job.target()).render());
    result.answered(outcome.response);
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
    let kind = job.kind().as_str();
    let message = format!("No materialization '{name}' was found for adapter {kind}");
    let mut error =
        Diagnostic::error(Code::BAD_CONFIG, message).or_at(job.locate_config("materialized", name));
    if let Some(help) = did_you_mean(name, MATERIALIZATIONS.iter().copied()) {
        error = error.help(help);
    }
    Box::new(error.help(format!("Known: {}.", MATERIALIZATIONS.join(", "))))
}

/// A relation for a macro.
pub(super) fn value(relation: &Relation) -> Value {
    Value::from_object(RelationObject::new(relation.clone()))
}

/// A step of a swap that runs a part of the job.
fn step<'a>(
    job: &'a Job,
    work: impl Fn() -> Result<()> + 'a,
) -> impl Fn(&mut dyn Connection) -> engine::SqlResult<()> + 'a {
    move |_| work().map_err(|error| job.as_engine_error(error))
}

fn view(job: &Job) -> Result<Outcome> {
    let target = job.target().with_kind(RelationKind::View);
    let before = step(job, || job.run_hooks("pre-hook", true));
    let after = step(job, || {
        job.run_hooks("post-hook", true)?;
        finish(job, &target, true, true)
    });
    let hooked = !job.node.config.hooks("pre-hook").is_empty();
    let finished = wants_finish(job) || !job.node.config.hooks("post-hook").is_empty();
    let along = Along { before: hooked.then_some(&before), after: finished.then_some(&after) };
    let mut connection = SharedConnection(job.adapter.clone());
    drop_left_over(job, &mut connection, &target)?;
    let sql = &*job.compiled.sql;
    let own = job.contract()
        || job.node.config.get("sql_header").is_some()
        || job.dialect.is_overridden("create_view_as")
        || job.dialect.is_overridden("get_create_view_as_sql");
    let done = if own {
        let create = |connection: &mut dyn Connection| {
            let made = job.sql("get_create_view_as_sql", vec![value(&target), Value::from(sql)]);
            let made = made.map_err(|error| job.as_engine_error(error))?;
            job.write(&made).map_err(|error| job.as_engine_error(error))?;
            connection.execute(&made).map(drop).map_err(|mut error| {
                // The position in the model, which is all that the caller knows.
                let at = made.find(sql).filter(|_| !sql.is_empty());
                error.position = error.position.zip(at).and_then(|(p, at)| p.checked_sub(at));
                error
            })
        };
        publish::replace_by(&mut connection, &target, &create, along)
    } else {
        // The file shows dbt's statement, which makes the view beside the old one.
        let beside = target.with_suffix("__dbt_tmp").render();
        job.write(&format!("create view {beside} as (\n{sql}\n);\n"))?;
        publish::replace_view_along(&mut connection, &target, sql, along)
    };
    done.map_err(|error| job.explain(sql, *error))?;
    Ok(Outcome { response: engine::response(job.kind(), "create view", None), relation: None })
}

/// Makes room for what is built beside a relation.
fn drop_left_over(job: &Job, connection: &mut SharedConnection, target: &Relation) -> Result<()> {
    let target = Relation { kind: None, ..target.clone() };
    publish::drop_left_over(connection, &target).map_err(|error| job.explain("", *error))
}

/// The name that a table is built under before it takes its place.
fn shadow(target: &Relation) -> Relation {
    target.with_suffix("__dbt_tmp").with_kind(RelationKind::Table)
}

/// Builds a table and puts it in the place of what is there.
pub(super) fn table(job: &Job) -> Result<Outcome> {
    match job.kind() {
        EngineKind::DuckDb => in_one_transaction(job),
        EngineKind::Postgres => built_beside(job),
    }
}

fn create_table(job: &Job, relation: &Relation) -> Result<String> {
    let code = Value::from(&*job.compiled.sql);
    job.sql("get_create_table_as_sql", vec![false.into(), value(relation), code])
}

/// On DuckDB readers keep their snapshot, so everything is one transaction; where it fails nothing
/// has changed. One statement makes the table and takes the place of the old one, unless there is a
/// view, or the project's own macro makes tables in another way: then it is made beside.
fn in_one_transaction(job: &Job) -> Result<Outcome> {
    match attempt_in_one(job, true) {
        Err(error) if error.notes.iter().any(|note| note.contains("is of type View")) => {
            attempt_in_one(job, false)
        }
        other => other,
    }
}

fn attempt_in_one(job: &Job, replace: bool) -> Result<Outcome> {
    let target = job.target().with_kind(RelationKind::Table);
    job.transaction(|connection| {
        job.run_hooks("pre-hook", true)?;
        let create = create_table(job, &target)?;
        let replaced = create
            .trim_start()
            .strip_prefix("create table ")
            .filter(|_| replace)
            .map(|rest| format!("create or replace table {rest}"));
        let rows = match replaced {
            Some(sql) => {
                job.write(&create)?;
                run(connection, &sql)?
            }
            None => {
                let shadow = shadow(&target);
                let failed = |error| Failure::Sql(String::new(), error);
                let create = create_table(job, &shadow)?;
                job.write(&create)?;
                publish::drop_relation(connection, &shadow).map_err(failed)?;
                let rows = run(connection, &create)?;
                publish::drop_relation(connection, &job.target()).map_err(failed)?;
                let name = crate::relation::quote_identifier(&target.identifier);
                run(connection, &format!("alter table {} rename to {name}", shadow.render()))?;
                rows
            }
        };
        indexes(job, &target)?;
        job.run_hooks("post-hook", true)?;
        finish(job, &target, false, true)?;
        Ok(Outcome { response: engine::response(connection.kind(), &create, rows), relation: None })
    })
}

/// Builds a table under another name and swaps it in.
fn built_beside(job: &Job) -> Result<Outcome> {
    let target = job.target().with_kind(RelationKind::Table);
    let shadow = shadow(&target);
    drop_left_over(job, &mut SharedConnection(job.adapter.clone()), &target)?;
    let response = job.transaction(|connection| {
        job.run_hooks("pre-hook", true)?;
        let create = create_table(job, &shadow)?;
        job.write(&create)?;
        let rows = run(connection, &create)?;
        indexes(job, &shadow)?;
        Ok(engine::response(connection.kind(), &create, rows))
    })?;
    job.swap(&shadow, &target, Old::Replaced, &|| {
        job.run_hooks("post-hook", true)?;
        finish(job, &target, false, true)
    })?;
    Ok(Outcome { response, relation: None })
}

/// `indexes` of the configuration.
pub(super) fn indexes(job: &Job, relation: &Relation) -> Result<()> {
    let wanted =
        matches!(job.node.config.get("indexes"), Some(Json::Array(all)) if !all.is_empty());
    if wanted || job.dialect.is_overridden("create_indexes") {
        job.call("create_indexes", vec![value(relation)])?;
    }
    Ok(())
}

/// Whether [`finish`] has anything to do.
fn wants_finish(job: &Job) -> bool {
    let config = &job.node.config;
    let any = |key: &str| config.get(key).and_then(Json::as_object).is_some_and(|m| !m.is_empty());
    any("grants")
        || any("persist_docs")
        || job.dialect.is_overridden("apply_grants")
        || job.dialect.is_overridden("persist_docs")
}

/// `grants` and `persist_docs` of a relation that was made; of one that `stays`, grants that it
/// has are taken back. `afresh`: it was not there before in this form.
pub(super) fn finish(job: &Job, relation: &Relation, stays: bool, afresh: bool) -> Result<()> {
    if !wants_finish(job) {
        return Ok(());
    }
    let config = &job.node.config;
    let grants =
        config.get("grants").map_or_else(|| Dict::value(Vec::<(Value, Value)>::new()), from_json);
    let existing = value(relation);
    let revoke = match stays {
        true => true.into(),
        false => job.call("should_revoke", vec![existing.clone(), afresh.into()])?,
    };
    job.call("apply_grants", vec![existing.clone(), grants, revoke])?;
    job.call("persist_docs", vec![existing, job.model()])?;
    Ok(())
}
