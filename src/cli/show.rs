//! `show`: the first rows of a node or of a query.

use super::args::{RowsFormat, SelectionArgs};
use super::session::Start;
use super::{Exit, Outcome, interrupt};
use crate::diagnostic::{Code, Diagnostic, SourceFile};
use crate::manifest::ResourceType;
use crate::report::{RowFormat, format_rows};

impl From<RowsFormat> for RowFormat {
    fn from(format: RowsFormat) -> Self {
        match format {
            RowsFormat::Text => RowFormat::Table,
            RowsFormat::Json => RowFormat::Json,
            RowsFormat::Csv => RowFormat::Csv,
        }
    }
}

/// Shows rows.
pub(super) fn command(
    start: &Start,
    selection: &SelectionArgs,
    inline: Option<&str>,
    engine: Option<&str>,
    limit: i64,
    output: RowsFormat,
) -> Outcome {
    let session = start.session("show", selection, None)?;
    interrupt::cancels(&session.engines);
    let mut queries: Vec<(String, String, String)> = Vec::new();
    let mut inline_query = None;
    if let Some(sql) = inline {
        let file = SourceFile::new("--inline", sql);
        let engine = engine.unwrap_or(&session.config.target.default_engine).to_owned();
        let host = session.compiler.free_host(&engine, "inline_query", file);
        let compiled = session.compiler.compile_free(&host)?;
        session.engines.attach(host.engine(), &host.read_in_place())?;
        queries.push((String::new(), host.engine().to_string(), compiled.sql.to_string()));
        inline_query = Some((host, compiled));
    } else {
        let kinds = [
            ResourceType::Model,
            ResourceType::Seed,
            ResourceType::Test,
            ResourceType::Analysis,
            ResourceType::Snapshot,
        ];
        if selection.select.is_empty() {
            return Err(Diagnostic::error(Code::USAGE, "show needs a node or a query")
                .help("Name one with --select, or pass SQL with --inline.")
                .into());
        }
        let selected = session.select(selection, kinds.to_vec(), false)?;
        let manifest = &session.compiler.manifest;
        for index in &selected.nodes {
            let Some(node) = session.graph.member(manifest, *index).node() else { continue };
            let named = selection.select.contains(&node.name);
            // The tests of a model that was named are not what was asked for.
            if node.resource_type == ResourceType::Test && !named {
                continue;
            }
            let sql = if node.resource_type == ResourceType::Seed {
                format!("select * from {}", node.relation().render())
            } else {
                let host = session.compiler.host(&node.unique_id);
                session.compiler.compile(&node.unique_id, &host)?.sql.to_string()
            };
            queries.push((node.name.clone(), node.engine.to_string(), sql));
        }
    }
    session.print_messages();
    let cap = usize::try_from(limit).ok();
    let many = queries.len() > 1;
    for (name, engine, sql) in queries {
        let before = "select * from (\n";
        let (limited, before) = match cap {
            Some(n) => {
                let sql = sql.trim_end().trim_end_matches(';');
                (format!("{before}{sql}\n) as shown limit {n}"), before.len())
            }
            None => (sql.clone(), 0),
        };
        let mut connection = session.engines.connection(&engine)?;
        // Statements that are no query, such as `show tables`, cannot be wrapped.
        let rows = connection
            .query(&limited, cap)
            .or_else(|error| connection.query(&sql, cap).map_err(|_| error))
            .map_err(|error| {
                let position = error.position.and_then(|at| at.checked_sub(before));
                let place = inline_query
                    .as_ref()
                    .zip(position)
                    .and_then(|((host, sql), at)| session.compiler.locate_free(host, sql, at));
                Box::new(error.diagnostic.or_at(place))
            })?;
        if many {
            session.console.data(&name);
        }
        session.console.data(&format_rows(&rows, output.into()));
    }
    Ok(Exit::Done)
}
