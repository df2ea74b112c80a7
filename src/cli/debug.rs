//! `debug`: what Pintail found, and whether it can reach the engines.

use super::session::Start;
use super::{Exit, Outcome, store};
use crate::config::EngineParams;
use crate::run::Engines;

/// Checks the set-up; every connection that fails is told.
pub(super) fn command(start: &Start) -> Outcome {
    let config = start.config(None)?;
    let console = &start.console;
    let target = &config.target;
    console.data(&format!("pintail {}", env!("CARGO_PKG_VERSION")));
    console.data(&format!("project   {} ({})", config.project.name, config.project.root.display()));
    console.data(&format!(
        "profile   {}, target {}, {} threads",
        target.profile, target.name, target.threads
    ));
    let engines = Engines::new(target, Vec::new());
    let mut exit = Exit::Done;
    for engine in target.engines.values() {
        let place = match &engine.params {
            EngineParams::DuckDb(params) => match &params.path {
                Some(path) => config.shown(path).display().to_string(),
                None => ":memory:".to_owned(),
            },
            EngineParams::Postgres(params) if params.embedded.is_some() => "embedded".to_owned(),
            EngineParams::Postgres(params) => format!("{}:{}", params.host, params.port),
        };
        let head = format!(
            "engine    {}: {} {place}, schema {}",
            engine.name,
            engine.kind().as_str(),
            engine.schema
        );
        let version = engines.connection(&engine.name).and_then(|mut connection| {
            let rows = connection.query("select version()", Some(1))?;
            Ok(rows.rows.first().and_then(|row| row.first()).map(|cell| cell.to_text()))
        });
        match version {
            Ok(version) => console.data(&format!("{head}: OK ({})", version.unwrap_or_default())),
            Err(error) => {
                console.data(&format!("{head}: FAILED"));
                console.diagnostic(&error);
                exit = Exit::NodeFailed;
            }
        }
    }
    match &target.results {
        None => console.data("store     none: `history` and `failures` have nothing to show"),
        Some(results) => match store::open(results) {
            Ok(_) => console.data(&format!("store     in {}: OK", results.name)),
            Err(error) => {
                console.data(&format!("store     in {}: FAILED", results.name));
                console.diagnostic(&error);
                exit = Exit::NodeFailed;
            }
        },
    }
    Ok(exit)
}
