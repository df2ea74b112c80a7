//! `parse`: read everything, write target/manifest.json.

use super::args::SelectionArgs;
use super::session::Start;
use super::{Exit, Outcome};

/// Parses the project.
pub(super) fn command(start: &Start) -> Outcome {
    let session = start.session("parse", &SelectionArgs::default(), None)?;
    session.write_manifest()?;
    let manifest = &session.compiler.manifest;
    let path = session.config.shown(&session.config.target_path.join("manifest.json"));
    session.console.info(&format!(
        "Parsed {} nodes, {} sources and {} macros; wrote {}",
        manifest.nodes.len(),
        manifest.sources.len(),
        manifest.macros.len(),
        path.display()
    ));
    session.leave();
    Ok(Exit::Done)
}
