//! Python models on DuckDB: what the model reads goes into a scratch file, a `python3` of its own
//! runs the code over it, and what it returns comes back as a table to select from.
//!
//! A DuckDB file belongs to one process, so Python never opens the project's own. How the table
//! then becomes a model is the business of the materializations, which see plain SQL.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::json;

use super::adapter::ConnectionAdapter;
use crate::compile::{CompileHost, CompiledNode};
use crate::config::{DuckDbParams, EngineParams};
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::jinja::{Adapter, Host};
use crate::manifest::Node;
use crate::relation::{Relation, RelationKind, quote_identifier, quote_literal};

const RUNNER: &str = include_str!("python_model.py");
/// What the runner ends with where Python has no `duckdb`.
const NO_DUCKDB: i32 = 3;
const NEEDED: &str = "Python models run in the `python3` of the PATH, with the packages that they \
                      import and `duckdb`: pip install duckdb pandas pyarrow";

/// The scratch files of one model; they are gone when it is.
pub(super) struct Exchange {
    adapter: Arc<ConnectionAdapter>,
    folder: PathBuf,
    /// The name under which the connection knows a file.
    catalog: String,
}

impl Exchange {
    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn detach(&self) {
        let sql = format!("detach database if exists {}", quote_identifier(&self.catalog));
        let _nothing_to_save = self.adapter.lock().execute(&sql);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.detach();
        let _best_effort = std::fs::remove_dir_all(&self.folder);
    }
}

/// Runs a model: gives the SQL that selects what it returned, as long as the exchange lives.
///
/// # Errors
/// `PYTHON_FAILED` with Python's own words; `ENGINE_MISMATCH` where the engine is not DuckDB.
pub(super) fn run(
    node: &Node,
    host: &CompileHost,
    adapter: &Arc<ConnectionAdapter>,
    params: &EngineParams,
    code: &CompiledNode,
) -> Result<(Exchange, CompiledNode)> {
    let refuse = |code, message: String| {
        Box::new(Diagnostic::error(code, message).or_at(node.location.clone()))
    };
    let EngineParams::DuckDb(params) = params else {
        let message = format!("`{}` is a Python model, which only DuckDB takes", node.name);
        return Err(Box::new(
            refuse(Code::ENGINE_MISMATCH, message)
                .help("Write it in SQL, or put it on an engine of the type duckdb."),
        ));
    };
    if node.materialized() == "view" {
        let message = "Materialization \"view\" only supports languages ['sql']; got \"python\"";
        return Err(Box::new(
            refuse(Code::BAD_CONFIG, message.to_owned())
                .help("Make it a table, an incremental or an external model."),
        ));
    }
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let exchange = Exchange {
        adapter: adapter.clone(),
        folder: std::env::temp_dir().join(format!("pintail-python-{unique}")),
        catalog: format!("pintail_python_{unique}"),
    };
    let unwritable = |error: std::io::Error| {
        let message = format!("{} cannot be written", exchange.folder.display());
        Box::new(Diagnostic::error(Code::UNWRITABLE, message).note(error.to_string()))
    };
    std::fs::create_dir_all(&exchange.folder).map_err(unwritable)?;
    let script = exchange.folder.join("run.py");
    std::fs::write(&script, RUNNER).map_err(unwritable)?;

    let relations = relations(node, host, adapter)?;
    give(&exchange, &relations)?;
    let job = job(node, host, params, &relations, &exchange);
    let output = python(&script, &job).map_err(|error| {
        let message = "Python could not be started";
        Box::new(
            refuse(Code::PYTHON_FAILED, message.to_owned()).note(error.to_string()).help(NEEDED),
        )
    })?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        host.print(line);
    }
    if output.status.code() == Some(NO_DUCKDB) {
        let message = "Python has no package `duckdb`".to_owned();
        return Err(Box::new(refuse(Code::PYTHON_FAILED, message).help(NEEDED)));
    }
    if !output.status.success() {
        return Err(failed(node, &output));
    }
    attach(&exchange, "made.duckdb", true)?;
    let sql = format!("select * from {}.main.result", quote_identifier(&exchange.catalog));
    let made = CompiledNode { sql: sql.into(), insertion: None, ..code.clone() };
    Ok((exchange, made))
}

/// The relations that the model may load, itself among them where it names `dbt.this`.
fn relations(
    node: &Node,
    host: &CompileHost,
    adapter: &Arc<ConnectionAdapter>,
) -> Result<Vec<Relation>> {
    let mut found: Vec<Relation> = Vec::new();
    for (call, _) in &node.refs {
        found.push(host.resolve_ref(call.clone())?);
    }
    for (call, _) in &node.source_calls {
        found.push(host.resolve_source(call.clone())?);
    }
    if found.iter().any(|relation| relation.kind == Some(RelationKind::Cte)) {
        let message = format!("The Python model `{}` reads an ephemeral model", node.name);
        return Err(Box::new(
            Diagnostic::error(Code::PYTHON_FAILED, message)
                .or_at(node.location.clone())
                .help("An ephemeral model is part of a SQL statement; make it a view or a table."),
        ));
    }
    // A file is read where it is.
    found.retain(|relation| relation.verbatim.is_none());
    if node.raw_code.contains("dbt.this")
        && let Some(this) = host.this()
    {
        found.extend(adapter.get_relation(&this)?);
    }
    let mut once: Vec<Relation> = Vec::with_capacity(found.len());
    for relation in found {
        let same = |known: &Relation| known.render() == relation.render();
        if !once.iter().any(same) {
            once.push(relation);
        }
    }
    Ok(once)
}

fn attach(exchange: &Exchange, file: &str, read_only: bool) -> Result<()> {
    let (path, name) = (quote_literal(&exchange.file(file)), quote_identifier(&exchange.catalog));
    let options = if read_only { " (read_only)" } else { "" };
    exchange.adapter.lock().execute(&format!("attach {path} as {name}{options}"))?;
    Ok(())
}

/// Copies what the model reads into the file that Python opens.
fn give(exchange: &Exchange, relations: &[Relation]) -> Result<()> {
    if relations.is_empty() {
        return Ok(());
    }
    attach(exchange, "given.duckdb", false)?;
    let catalog = quote_identifier(&exchange.catalog);
    for (number, relation) in relations.iter().enumerate() {
        let from = relation.render();
        exchange.adapter.lock().execute(&format!(
            "create table {catalog}.main.given_{number} as select * from {from}"
        ))?;
    }
    exchange.detach();
    Ok(())
}

/// What the runner reads from its standard input.
fn job(
    node: &Node,
    host: &CompileHost,
    params: &DuckDbParams,
    relations: &[Relation],
    exchange: &Exchange,
) -> serde_json::Value {
    let own = |relation: &Relation| {
        json!({
            "database": relation.database.as_deref().unwrap_or(&node.database),
            "schema": relation.schema.as_deref().unwrap_or("main"),
            "identifier": relation.identifier,
        })
    };
    let text =
        |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut settings = serde_json::Map::new();
    settings.insert("TimeZone".to_owned(), "UTC".into());
    settings.extend(params.settings.iter().map(|(name, value)| (name.clone(), text(value).into())));
    json!({
        "name": node.alias,
        "code": host.path_of("compiled"),
        "database": node.database,
        "relations": relations.iter().map(own).collect::<Vec<_>>(),
        "given": exchange.file("given.duckdb"),
        "made": exchange.file("made.duckdb"),
        "module_paths": params.module_paths,
        "extensions": params.extensions.iter().map(|one| &one.name).collect::<Vec<_>>(),
        "settings": settings,
    })
}

fn python(script: &Path, job: &serde_json::Value) -> std::io::Result<Output> {
    let program = std::env::var_os("PINTAIL_PYTHON").unwrap_or_else(|| "python3".into());
    let mut child = Command::new(program)
        .arg(script)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // A child that is gone already says why on its own.
        let _closed = input.write_all(job.to_string().as_bytes());
    }
    child.wait_with_output()
}

/// What Python said, at the line of the model that it was said about.
fn failed(node: &Node, output: &Output) -> Box<Diagnostic> {
    let said = String::from_utf8_lossy(&output.stderr);
    let (first, rest) = said.split_once('\n').unwrap_or((&said, ""));
    let line = first.strip_prefix("line ").and_then(|line| line.parse::<usize>().ok());
    let said = if line.is_some() { rest } else { &*said };
    let place = line.and_then(|line| line_of(node, line)).or_else(|| node.location.clone());
    let last = said.trim_end().lines().last().unwrap_or("it gave no reason");
    Box::new(
        Diagnostic::error(Code::PYTHON_FAILED, format!("Python model failed: {last}"))
            .or_at(place)
            .note(said.trim_end()),
    )
}

/// A line of the compiled code, which begins with the model's own text without white space around.
fn line_of(node: &Node, line: usize) -> Option<Location> {
    let text = &node.file.text;
    let mut start = text.len() - text.trim_start().len();
    for _ in 1..line {
        start += text.get(start..)?.find('\n')? + 1;
    }
    let length = text.get(start..)?.find('\n').unwrap_or(text.len() - start);
    let indent = length - text[start..start + length].trim_start().len();
    Some(Location::new(node.file.clone(), start + indent..start + length))
}
