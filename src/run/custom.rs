//! Materializations that are written as blocks, by the project, its packages or Pintail itself, of
//! models, snapshots and tests: the body is rendered, and its statements run on the node's connection.
//! What it left open is rolled back, as in dbt: a body ends with `adapter.commit()`.

use std::sync::Arc;

use minijinja::Value;

use super::model::Outcome;
use super::node::Job;
use super::{Runner, model};
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::jinja::{Dialect, MacroDef, RelationObject, ResponseObject};
use crate::manifest::{Node, ResourceType};
use crate::relation::Response;

/// The block that builds a node; none where the code of its materialization is here.
///
/// # Errors
/// `BAD_CONFIG` where the block does not take the node's language.
pub(super) fn block_of(
    runner: &Runner,
    node: &Node,
    dialect: &Dialect,
) -> Result<Option<Arc<MacroDef>>> {
    let (name, language) = (node.materialized(), node.language());
    let legacy = runner.compiler.config.allows_package_materializations();
    let block = dialect.materialization(name, legacy);
    let Some(block) = block.filter(|block| !(block.is_built_in() && model::is_code(name))) else {
        return Ok(None);
    };
    let languages = block.languages();
    if languages.contains(&language) {
        return Ok(Some(block.clone()));
    }
    let list: Vec<String> = languages.iter().map(|one| format!("'{one}'")).collect();
    let message = format!(
        "Materialization \"{}\" only supports languages [{}]; got \"{language}\"",
        block.name,
        list.join(", ")
    );
    let error = Diagnostic::error(Code::BAD_CONFIG, message).or_at(node.location.clone());
    Err(Box::new(error.help(
        "Its tag can have supported_languages=['sql', 'python'], or the model another `materialized`.",
    )))
}

/// A warning for each node that is built by a package's block in the place of a built-in one.
pub(super) fn warnings<'a>(
    runner: &Runner,
    nodes: impl Iterator<Item = &'a Node>,
) -> Vec<Diagnostic> {
    if !runner.compiler.config.allows_package_materializations() {
        return Vec::new();
    }
    let one = |node: &Node| {
        let (name, dialect) = (node.materialized(), runner.compiler.dialects.get(&node.engine));
        let block = dialect.materialization(name, true)?;
        if Arc::ptr_eq(dialect.materialization(name, false)?, block) {
            return None;
        }
        let package = &*block.package;
        let message = format!(
            "The package `{package}` puts a materialization of its own in the place of the \
             built-in `{name}`, which is deprecated"
        );
        let warning = Diagnostic::warning(Code::BAD_CONFIG, message)
            .event("PackageMaterializationOverrideDeprecation")
            .field("package_name", package)
            .field("materialization_name", name)
            .or_at(node.location.clone());
        Some(warning.help(format!(
            "Call it in a materialization of the project: {{{{ return({package}.{}()) }}}}.",
            block.name
        )))
    };
    let built = |node: &&Node| {
        use ResourceType::{Model, Snapshot, Test};
        matches!(node.resource_type, Model | Snapshot | Test)
    };
    nodes.filter(built).filter_map(one).collect()
}

/// Runs the block of a model: its response, and the relation that it says it made.
pub(super) fn build(job: &Job, block: &Arc<MacroDef>) -> Result<Outcome> {
    let Done { returned, main } = run(job, block)?;
    let relations = returned.get_attr("relations").ok().filter(|list| !list.is_undefined());
    let Some(relations) = relations.and_then(|list| list.try_iter().ok()) else {
        return Err(no_relations(job));
    };
    let relation = relations.filter_map(|value| RelationObject::of(&value)).next();
    Ok(Outcome { response: response(&main), relation })
}

/// What came of a block.
pub(super) struct Done {
    pub returned: Value,
    /// The result of the statement `main`.
    pub main: Value,
}

/// Runs the block.
pub(super) fn run(job: &Job, block: &Arc<MacroDef>) -> Result<Done> {
    // psycopg2 opens a transaction with the first statement, whichever that is.
    if job.kind() == EngineKind::Postgres {
        job.adapter.lock().begin()?;
    }
    let done = job.dialect.materialize(block, job.host.clone());
    let (returned, mut results) = done.map_err(|error| {
        let failed = job.adapter.failed(&error);
        job.place(error, failed)
    })?;
    let Some(main) = results.remove("main") else { return Err(no_main(job)) };
    Ok(Done { returned, main })
}

/// The response of the statement `main`.
pub(super) fn response(main: &Value) -> Response {
    let response = main.get_attr("response").unwrap_or_default();
    match response.downcast_object_ref::<ResponseObject>() {
        Some(ResponseObject(response)) => response.clone(),
        None => Response { message: response.to_string(), ..Response::default() },
    }
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
