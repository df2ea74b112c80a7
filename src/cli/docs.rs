//! `docs generate`: compile, ask the databases what they hold, write catalog.json and a page that
//! lists it. The page is a table of contents, no more.

use std::collections::HashSet;
use std::path::Path;

use super::args::{DocsGenerateArgs, RunArgs, SelectionArgs};
use super::compile::{compile_nodes, finish};
use super::session::{Session, Start};
use super::{Exit, Outcome, interrupt};
use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::manifest::{ResourceType, UniqueId};
use crate::run::{self, Catalog};

const PAGE: &str = include_str!("docs_page.html");

/// Writes the catalog.
pub(super) fn generate(
    start: &Start,
    selection: &SelectionArgs,
    args: &DocsGenerateArgs,
) -> Outcome {
    let started = std::time::Instant::now();
    let session = start.session("generate", selection, Some(&RunArgs::default()))?;
    interrupt::cancels(&session.engines);
    artifacts::make_folder(&session.config.target_path)?;
    let compile = !args.no_compile;
    let mut wanted: Option<HashSet<UniqueId>> = None;
    if compile {
        let selected = session.select(selection, super::compile::KINDS.to_vec(), false)?;
        let nodes = session.nodes_of(&selected);
        let compiled = compile_nodes(&session, &nodes);
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
    write(&target.join("index.html"), PAGE)?;
    if args.is_static {
        write_static(&session, &path)?;
    }
    copy_assets(&session)?;
    for error in &catalog.errors {
        session.console.diagnostic(error);
    }
    session.console.info(&format!("Catalog written to {}", path.display()));
    Ok(if catalog.errors.is_empty() { Exit::Done } else { Exit::NodeFailed })
}

fn unwritable(path: &Path, error: &std::io::Error) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::UNWRITABLE, format!("{} cannot be written", path.display()))
            .note(error.to_string())
            .help("Check the folder's permissions and the space left on the disk."),
    )
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}

/// The page with both artifacts inside, in one file.
fn write_static(session: &Session, catalog: &Path) -> Result<()> {
    let target = &session.config.target_path;
    let manifest = target.join("manifest.json");
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|error| unwritable(path, &error))?;
        // Inside a script element, only this could end it.
        Ok::<_, Box<Diagnostic>>(text.replace("</", "<\\/"))
    };
    let page = PAGE
        .replace("\"MANIFEST.JSON INLINE DATA\"", &read(&manifest)?)
        .replace("\"CATALOG.JSON INLINE DATA\"", &read(catalog)?);
    write(&target.join("static_index.html"), &page)
}

/// The project's `asset-paths`, beside the page.
fn copy_assets(session: &Session) -> Result<()> {
    let project = &session.config.project;
    for name in &project.asset_paths {
        let (from, to) = (project.root.join(name), session.config.target_path.join(name));
        if to.exists() {
            std::fs::remove_dir_all(&to).map_err(|error| unwritable(&to, &error))?;
        }
        for entry in walkdir::WalkDir::new(&from).into_iter().flatten() {
            let Ok(relative) = entry.path().strip_prefix(&from) else { continue };
            let place = to.join(relative);
            let copied = if entry.file_type().is_dir() {
                std::fs::create_dir_all(&place)
            } else {
                std::fs::copy(entry.path(), &place).map(|_| ())
            };
            copied.map_err(|error| unwritable(&place, &error))?;
        }
    }
    Ok(())
}
