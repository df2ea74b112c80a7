//! `show`: the first rows of a node or of a query.

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::json;

use super::args::{RowsFormat, SelectionArgs};
use super::compile::BAD_INLINE;
use super::session::{Session, Start};
use super::{Exit, Outcome, interrupt};
use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};
use crate::engine;
use crate::jinja::values::Table;
use crate::manifest::{Node, ResourceType};
use crate::relation::ResultSet;
use crate::report::{Level, RowFormat, format_rows};
use crate::run::{RunResult, Status, Timing};

impl From<RowsFormat> for RowFormat {
    fn from(format: RowsFormat) -> Self {
        match format {
            RowsFormat::Text => RowFormat::Table,
            RowsFormat::Json => RowFormat::Json,
            RowsFormat::Csv => RowFormat::Csv,
        }
    }
}

/// What `show` was asked for.
pub(super) struct Request<'a> {
    pub inline: Option<&'a str>,
    /// As `inline`, but the SQL is sent as it stands.
    pub inline_direct: Option<&'a str>,
    pub engine: Option<&'a str>,
    pub limit: i64,
    pub output: RowsFormat,
}

const KINDS: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Seed,
    ResourceType::Test,
    ResourceType::Analysis,
    ResourceType::Snapshot,
];

/// A query that was compiled.
struct Query {
    name: String,
    engine: Arc<str>,
    sql: Arc<str>,
    /// `sql_header`
    header: Option<String>,
    result: RunResult,
}

/// Shows rows.
pub(super) fn command(start: &Start, selection: &SelectionArgs, request: &Request) -> Outcome {
    let started = Instant::now();
    let session = start.session("show", selection, None)?;
    interrupt::cancels(&session.engines);
    let (inline, direct) = (request.inline, request.inline_direct);
    if let Some(sql) = inline.or(direct) {
        session.can_defer()?;
        return show_inline(&session, sql, direct.is_some(), request, started);
    }
    if selection.select.is_empty() {
        return Err(Diagnostic::error(Code::USAGE, "show needs a node or a query")
            .help("Either --select or --inline must be passed to show.")
            .into());
    }
    let selected = session.select(selection, KINDS.to_vec(), false)?;
    let mut results = Vec::new();
    for node in session.nodes_of(&selected) {
        let named =
            selection.select.iter().any(|text| *text == node.name || *text == *node.search_name());
        // The tests of a model that was named are not what was asked for.
        if node.resource_type == ResourceType::Test && !named {
            continue;
        }
        let query = query_of(&session, node)?;
        let rows = fetch(&session, &query, request.limit).map_err(|error| *error.diagnostic)?;
        print(&session, &rows, &query.name, false, request.output);
        results.push(query.result);
    }
    write(&session, &results, started)?;
    Ok(Exit::Done)
}

fn query_of(session: &Session, node: &Node) -> Result<Query> {
    let begun = Timestamp::now();
    let mut result = RunResult::new(node, Status::Success);
    let sql: Arc<str> = if node.resource_type == ResourceType::Seed {
        format!("select * from {}", node.relation().render()).into()
    } else if node.is_python() {
        let message = format!("`{}` is a Python model, which has no query to show", node.name);
        return Err(Box::new(
            Diagnostic::error(Code::USAGE, message).or_at(node.location.clone()).help(format!(
                "Run it, then: show --inline \"select * from {{{{ ref('{}') }}}}\"",
                node.name
            )),
        ));
    } else {
        let host = session.compiler.host(&node.unique_id);
        session.compiler.compile(&node.unique_id, &host)?.sql
    };
    result.compiled_code = Some(sql.clone());
    result.compile = Some(Timing { started_at: begun, completed_at: Timestamp::now() });
    let header = node.config.text("sql_header").map(str::to_owned);
    let name = node.search_name().into_owned();
    Ok(Query { name, engine: node.engine.clone(), sql, header, result })
}

fn show_inline(
    session: &Session,
    sql: &str,
    direct: bool,
    request: &Request,
    started: Instant,
) -> Outcome {
    let file = SourceFile::new("--inline", sql);
    let engine = request.engine.unwrap_or(&session.config.target.default_engine).to_owned();
    let name = if direct { "direct-query" } else { "inline_query" };
    let host = session.compiler.free_host(&engine, name, file);
    let mut query = Query {
        name: name.to_owned(),
        engine: host.engine().clone(),
        sql: sql.into(),
        header: None,
        result: RunResult::new(host.node(), Status::Success),
    };
    let mut compiled = None;
    if !direct {
        let made = session.compiler.compile_free(&host).inspect_err(|_| {
            session.console.event("ParseInlineNodeError", Level::Error, BAD_INLINE, || json!({}));
        })?;
        session.engines.attach(host.engine(), &host.read_in_place())?;
        query.sql = made.sql.clone();
        query.result.compiled_code = Some(made.sql.clone());
        compiled = Some(made);
    }
    let rows = fetch(session, &query, request.limit).map_err(|error| {
        let place = compiled.as_ref().zip(error.position);
        let place = place.and_then(|(sql, at)| session.compiler.locate_free(&host, sql, at));
        error.diagnostic.or_at(place)
    })?;
    print(session, &rows, name, true, request.output);
    write(session, &[query.result], started)?;
    Ok(Exit::Done)
}

/// An engine's error with its place in the query.
struct Refused {
    diagnostic: Box<Diagnostic>,
    position: Option<usize>,
}

/// The rows of a query, at most `limit`.
fn fetch(session: &Session, query: &Query, limit: i64) -> std::result::Result<ResultSet, Refused> {
    let cap = usize::try_from(limit).ok();
    let header = query.header.as_ref().map(|header| format!("{header}\n")).unwrap_or_default();
    // Statements that are no query, such as `show tables`, take no limit.
    let limited = match cap.filter(|_| engine::is_query(&query.sql)) {
        Some(n) => {
            let sql = query.sql.trim_end().trim_end_matches(';');
            format!("{header}{sql}\nlimit {n}")
        }
        None => format!("{header}{}", query.sql),
    };
    let connection = session.engines.connection(&query.engine);
    let mut connection = connection.map_err(|diagnostic| Refused { diagnostic, position: None })?;
    connection.query(&limited, cap).map_err(|error| Refused {
        position: error.position.and_then(|at| at.checked_sub(header.len())),
        diagnostic: Box::new(error.diagnostic),
    })
}

/// Prints rows as dbt does: with a heading unless it is quiet, JSON with the node's name.
fn print(session: &Session, rows: &ResultSet, name: &str, inline: bool, output: RowsFormat) {
    let console = &session.console;
    let preview = match output {
        // Drawn as dbt draws it, but nothing is cut off.
        RowsFormat::Text => Table::new(rows).to_text(usize::MAX, usize::MAX, usize::MAX),
        other => format_rows(rows, other.into()),
    };
    let text = match output {
        RowsFormat::Json => {
            let rows: serde_json::Value = serde_json::from_str(&preview).unwrap_or_default();
            let shown = match inline {
                true => json!({"show": rows}),
                false => json!({"node": name, "show": rows}),
            };
            serde_json::to_string_pretty(&shown).unwrap_or_default()
        }
        _ if console.is_quiet() || output == RowsFormat::Csv => preview.clone(),
        _ if inline => format!("Previewing inline node:\n{preview}"),
        _ => format!("Previewing node '{name}':\n{preview}"),
    };
    console.print("ShowNode", &text, || {
        json!({
            "node_name": name,
            "preview": preview,
            "is_inline": inline,
            "output_format": if output == RowsFormat::Json { "json" } else { "text" },
        })
    });
}

fn write(session: &Session, results: &[RunResult], started: Instant) -> Result<()> {
    artifacts::make_folder(&session.config.target_path)?;
    session.write_manifest()?;
    let path = session.config.target_path.join("run_results.json");
    artifacts::write_run_results(&path, &session.invocation, results, started.elapsed())
}
