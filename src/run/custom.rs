//! Materializations that are written as blocks, by the project, its packages or Pintail itself:
//! the body is rendered, and its statements run on the node's connection. What it left open is
//! rolled back, as in dbt: a body ends with `adapter.commit()`.

use minijinja::Value;

use super::model::Outcome;
use super::node::Job;
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::jinja::{RelationObject, ResponseObject};
use crate::manifest::UniqueId;
use crate::relation::Response;

/// Runs the block.
pub(super) fn build(job: &Job, block: &UniqueId) -> Result<Outcome> {
    if !job.dialect.takes_sql(block) {
        return Err(no_sql(job));
    }
    // psycopg2 opens a transaction with the first statement, whichever that is.
    if job.kind() == EngineKind::Postgres {
        job.adapter.lock().begin()?;
    }
    let done = job.dialect.materialize(block, job.host.clone());
    let (returned, results) = done.map_err(|error| {
        let failed = job.adapter.failed(&error);
        job.place(error, failed)
    })?;
    let relations = returned.get_attr("relations").ok().and_then(|list| list.try_iter().ok());
    let Some(relations) = relations else { return Err(no_relations(job)) };
    let relation = relations.filter_map(|value| RelationObject::of(&value)).next();
    let Some(main) = results.get("main") else { return Err(no_main(job)) };
    Ok(Outcome { response: response(main), relation })
}

/// The response of the statement `main`.
fn response(main: &Value) -> Response {
    let response = main.get_attr("response").unwrap_or_default();
    match response.downcast_object_ref::<ResponseObject>() {
        Some(ResponseObject(response)) => response.clone(),
        None => Response { message: response.to_string(), ..Response::default() },
    }
}

fn no_sql(job: &Job) -> Box<Diagnostic> {
    let name = job.node.materialized();
    Box::new(
        Diagnostic::error(
            Code::BAD_CONFIG,
            format!("Materialization \"{name}\" does not support models in SQL"),
        )
        .or_at(job.node.location.clone())
        .help("Its `supported_languages` name no 'sql'."),
    )
}

fn no_relations(job: &Job) -> Box<Diagnostic> {
    let name = job.node.materialized();
    Box::new(
        Diagnostic::error(
            Code::BAD_CONFIG,
            format!(
                "The materialization (\"{name}\") did not explicitly return a list of relations \
                 to add to the cache"
            ),
        )
        .or_at(job.node.location.clone())
        .help("End it with {{ return({'relations': [target_relation]}) }}."),
    )
}

fn no_main(job: &Job) -> Box<Diagnostic> {
    let name = job.node.materialized();
    Box::new(
        Diagnostic::error(
            Code::BAD_CONFIG,
            format!("The materialization `{name}` ran no statement called `main`"),
        )
        .note("main is not being called during running model")
        .or_at(job.node.location.clone())
        .help("Its main SQL belongs into {% call statement('main') %}…{% endcall %}."),
    )
}
