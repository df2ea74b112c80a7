//! Materializations that are written as blocks, by the project, its packages or Pintail itself, of
//! all that is built or tested: the body is rendered, and its statements run on the node's connection.
//! What it left open is rolled back, as in dbt: a body ends with `adapter.commit()`.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{ValueIter, ValueKind};

use super::adapter::ConnectionAdapter;
use super::job::Job;
use super::model::Outcome;
use super::{Runner, model, seed};
use crate::compile::CompileHost;
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::jinja::values::{is_decimal, py_str};
use crate::jinja::{Dialect, MacroDef, RelationObject, ResponseObject};
use crate::manifest::{Node, ResourceType};
use crate::relation::{Cell, Column, Response, ResultSet};

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
    let by_code = |block: &MacroDef| {
        let asked = node.resource_type == ResourceType::Seed && seed::is_overridden(dialect);
        block.is_built_in() && model::is_code(name) && !asked
    };
    let Some(block) = block.filter(|block| !by_code(block)) else { return Ok(None) };
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
        use ResourceType::{Model, Seed, Snapshot, Test, UnitTest};
        matches!(node.resource_type, Model | Seed | Snapshot | Test | UnitTest)
    };
    nodes.filter(built).filter_map(one).collect()
}

/// Runs the block of a model, seed or snapshot: its response, and the relation that it says it made.
pub(super) fn build(job: &Job, block: &Arc<MacroDef>) -> Result<Outcome> {
    let Done { returned, main } = run(job, block)?;
    let Some(relations) = relations(&returned) else {
        let error = no_relations(job.node.materialized());
        return Err(Box::new(error.or_at(job.node.location.clone())));
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

/// Runs the block `clone`, outside of a run: what the database said to its statement `main`, where
/// it has one.
///
/// # Errors
/// What the block raises, the engine's, and a block that does not say which relations it made.
pub fn clone_by_block(
    dialect: &Dialect,
    block: &Arc<MacroDef>,
    host: Arc<CompileHost>,
    adapter: &ConnectionAdapter,
) -> Result<Option<String>> {
    if adapter.lock().kind() == EngineKind::Postgres {
        adapter.lock().begin()?;
    }
    let done = dialect.materialize(block, host);
    // What the block left open ends here, as in dbt.
    let _nothing_open = adapter.lock().rollback();
    let (returned, results) = done?;
    if relations(&returned).is_none() {
        return Err(no_relations("clone"));
    }
    Ok(results.get("main").map(|main| response(main).message))
}

/// The relations that a block says it made.
fn relations(returned: &Value) -> Option<ValueIter> {
    let relations = returned.get_attr("relations").ok().filter(|list| !list.is_undefined())?;
    relations.try_iter().ok()
}

/// The response of the statement `main`.
pub(super) fn response(main: &Value) -> Response {
    let response = main.get_attr("response").unwrap_or_default();
    match response.downcast_object_ref::<ResponseObject>() {
        Some(ResponseObject(response)) => response.clone(),
        None => Response { message: response.to_string(), ..Response::default() },
    }
}

/// The rows of the statement `main`.
pub(super) fn rows(main: &Value) -> ResultSet {
    let list = |value: Value| value.try_iter().into_iter().flatten().collect::<Vec<Value>>();
    let names = main.get_attr("table").and_then(|table| table.get_attr("column_names"));
    let columns = list(names.unwrap_or_default())
        .into_iter()
        .map(|name| Column { name: py_str(&name), data_type: String::new() });
    let cell = |value: Value| match (value.kind(), i128::try_from(value.clone())) {
        (ValueKind::None, _) => Cell::Null,
        (ValueKind::Bool, _) => Cell::Bool(value.is_true()),
        (ValueKind::Number, Ok(number)) => Cell::Int(number),
        (ValueKind::Number, Err(_)) => Cell::Decimal(py_str(&value)),
        _ if is_decimal(&value) => Cell::Decimal(py_str(&value)),
        _ => Cell::Text(py_str(&value)),
    };
    let rows = list(main.get_attr("data").unwrap_or_default());
    let rows = rows.into_iter().map(|row| list(row).into_iter().map(cell).collect());
    ResultSet { columns: columns.collect(), rows: rows.collect() }
}

fn no_relations(name: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(
            Code::BAD_CONFIG,
            format!(
                "The materialization (\"{name}\") did not explicitly return a list of relations \
                 to add to the cache"
            ),
        )
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
