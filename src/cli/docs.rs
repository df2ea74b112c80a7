//! `docs generate`: compile, ask the databases what they hold and the store what happened, write
//! catalog.json and the site.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{DocsFormat, DocsGenerateArgs, RunArgs, SelectionArgs};
use super::columns::Known;
use super::compile::{Compiled, compile_nodes, finish};
use super::session::{Session, Start};
use super::{Exit, Outcome, interrupt, store};
use crate::artifacts;
use crate::check::Schema;
use crate::clock;
use crate::diagnostic::{Diagnostic, Result};
use crate::docs::{self, ColumnEdge, EdgeKind, Past, Site};
use crate::lineage::{self, Kind};
use crate::manifest::{Node, ResourceType, UniqueId};
use crate::relation::Column;
use crate::run::{self, Catalog, CatalogColumn, CatalogTable, RunResult};

/// Writes the catalog and the site.
pub(super) fn generate(
    start: &Start,
    selection: &SelectionArgs,
    args: &DocsGenerateArgs,
) -> Outcome {
    let started = std::time::Instant::now();
    let session = start.session("generate", selection, Some(&RunArgs::default()))?;
    interrupt::cancels(&session.engines);
    artifacts::make_folder(&session.config.target_path)?;
    // Compiling writes results of its own over those of the last run.
    let past = past(&session);
    let compile = !args.no_compile;
    let mut compiled = Compiled::default();
    let mut wanted: Option<HashSet<UniqueId>> = None;
    if compile {
        let selected = session.select(selection, super::compile::KINDS.to_vec(), false)?;
        let nodes = session.nodes_of(&selected);
        compiled = compile_nodes(&session, &nodes);
        let failed = finish(&session, &compiled, started)?;
        if failed {
            for error in &compiled.errors {
                session.console.diagnostic(error);
            }
            session.console.info("The catalog was not written: some nodes do not compile.");
            return Ok(Exit::CouldNotRun);
        }
        let mut kinds = super::compile::KINDS.to_vec();
        kinds.push(ResourceType::Source);
        let selected = session.select(selection, kinds, true)?;
        let ids = selected.nodes.iter().map(|index| session.graph.unique_id(*index).clone());
        wanted = Some(ids.collect());
    }
    let mut catalog = if args.empty_catalog {
        Catalog::default()
    } else {
        session.console.info("Building catalog");
        run::catalog(&session.compiler, &session.engines, wanted.as_ref())?
    };
    if session.console.warnings().refuses("CatalogGenerationError") && !catalog.errors.is_empty() {
        return Err(catalog.errors.swap_remove(0).into());
    }
    let target = &session.config.target_path;
    let path = target.join("catalog.json");
    artifacts::write_catalog(&path, &session.invocation, &catalog)?;
    let written = {
        let results = compiled.results.iter().chain(&compiled.inlined);
        let code: HashMap<&str, &RunResult> =
            results.map(|result| (&*result.unique_id, result)).collect();
        let sql = |id: &str| code.get(id)?.compiled_code.clone();
        let edges = if compile { column_edges(&session, &sql, &catalog) } else { Vec::new() };
        let inputs = docs::Inputs {
            manifest: &session.compiler.manifest,
            graph: &session.graph,
            target: &session.config.target,
            bridges: &session.compiler.bridges,
            catalog: &catalog,
            compiled: &sql,
            lineage: &edges,
            past: &past,
            generated_at: clock::now(),
        };
        write(&inputs, target, args)?
    };
    copy_assets(&session)?;
    for error in &catalog.errors {
        session.console.diagnostic(error);
    }
    session.console.info(&format!("Catalog written to {}", path.display()));
    session.console.info(&format!("Documentation written to {}", written.display()));
    Ok(if catalog.errors.is_empty() { Exit::Done } else { Exit::NodeFailed })
}

/// Which columns are made of which. What the project does not make has the columns that the catalog
/// knows; those of models come from their SQL, which may be newer than their tables.
fn column_edges(
    session: &Session,
    sql: &(dyn Fn(&str) -> Option<Arc<str>> + Sync),
    catalog: &Catalog,
) -> Vec<ColumnEdge> {
    let nodes = &session.compiler.manifest.nodes;
    let is_query = |id: &UniqueId| {
        let is_query = |node: &Node| node.resource_type == ResourceType::Model && !node.is_python();
        nodes.get(id).is_some_and(|node| is_query(node))
    };
    let tables = catalog.nodes.iter().chain(&catalog.sources).filter(|(id, _)| !is_query(id));
    let schema = |table: &CatalogTable| {
        let column = |column: &CatalogColumn| Column {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
        };
        Arc::new(Schema::exact(table.columns.iter().map(column).collect()))
    };
    let schemas = tables.map(|(id, table)| (id.clone(), schema(table))).collect();
    let sql = |id: &UniqueId| sql(id).ok_or_else(|| "it was not compiled".to_owned());
    let graph = &session.graph;
    let mut wanted = graph.empty_set();
    wanted.insert_range(..);
    let lineage =
        Known { compiler: &session.compiler, graph: &session.graph, sql: &sql, schemas: &schemas }
            .lineage(&wanted);
    let edges = graph.order().iter().flat_map(|at| lineage.edges_of(graph.unique_id(*at)));
    let edges = edges.filter(|edge| edge.from.node != edge.to.node);
    let edge = |edge: lineage::Edge| ColumnEdge {
        from: (edge.from.node, edge.from.column.to_string()),
        to: (edge.to.node, edge.to.column.to_string()),
        kind: match edge.kind {
            Kind::Copy => EdgeKind::Copy,
            Kind::Transform => EdgeKind::Transform,
            Kind::Filter => EdgeKind::Filter,
        },
    };
    edges.map(edge).collect()
}

/// Writes the documentation in its format; gives where it begins.
fn write(inputs: &docs::Inputs<'_>, target: &Path, args: &DocsGenerateArgs) -> Result<PathBuf> {
    if args.format == DocsFormat::Markdown {
        let folder = target.join("wiki");
        docs::write_markdown(&folder, inputs)?;
        return Ok(folder.join("Home.md"));
    }
    let site = Site::new(inputs);
    site.write(target)?;
    if args.is_static {
        site.write_single(&target.join("static_index.html"))?;
    }
    Ok(target.join("index.html"))
}

/// What earlier runs did: from the store, or where there is none what the last run left.
fn past(session: &Session) -> Past {
    let config = &session.config;
    let (project, target) = (&config.project.name, &config.target.name);
    if config.target.results.is_some() {
        let asked = store::open(config)
            .and_then(|mut store| Past::read(&mut store, project, target, clock::now()));
        match asked {
            Ok(past) => return past,
            Err(error) => {
                let warning = Diagnostic::warning(error.code, error.message.clone())
                    .note("The documentation shows the last run only.");
                session.console.diagnostic(&warning);
            }
        }
    }
    // Without a run of its own run_results.json is that of a command that compiled after the last run.
    let told = ["run_results.json", artifacts::LAST_RUN];
    let pasts = told.map(|name| Past::of_artifact(&config.target_path.join(name), project, target));
    pasts.into_iter().find(|past| !past.runs.is_empty()).unwrap_or_default()
}

/// The project's `asset-paths`, beside the page.
fn copy_assets(session: &Session) -> Result<()> {
    let project = &session.config.project;
    for name in &project.asset_paths {
        docs::copy(&project.root.join(name), &session.config.target_path.join(name))?;
    }
    Ok(())
}
