//! `postgres start|stop|status|url`: the embedded PostgreSQL.

use super::args::PostgresCommand;
use super::session::Start;
use super::{Exit, Outcome};
use crate::config::{EngineParams, PostgresParams, Target};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::embedded::{self, Stopped};

/// Starts, stops and tells of the embedded PostgreSQL.
pub(super) fn command(start: &Start, command: PostgresCommand) -> Outcome {
    let config = start.config(None)?;
    let params = embedded_params(&config.target)?;
    let console = &start.console;
    let plain = |error: Box<crate::engine::EngineError>| Box::new(error.diagnostic);
    match command {
        PostgresCommand::Start => {
            embedded::start(params).map_err(plain)?;
            let url = embedded::url(params).map_err(plain)?;
            console.data(&format!("PostgreSQL is up and stays up: {url}"));
        }
        PostgresCommand::Stop => console.data(match embedded::stop(params).map_err(plain)? {
            Stopped::Stopped => "PostgreSQL is stopped",
            Stopped::WasNotRunning => "PostgreSQL was not running",
            Stopped::WhenUnused => "PostgreSQL stops when the commands that use it have ended",
        }),
        PostgresCommand::Status => {
            let status = embedded::status(params).map_err(plain)?;
            let data = config.shown(&status.data);
            console.data(&match status.pid {
                Some(pid) => {
                    let kept = if status.kept { ", kept up" } else { "" };
                    format!("PostgreSQL runs (pid {pid}{kept}); data in {}", data.display())
                }
                None => format!("PostgreSQL does not run; data in {}", data.display()),
            });
        }
        PostgresCommand::Url => console.data(&embedded::url(params).map_err(plain)?),
    }
    Ok(Exit::Done)
}

fn embedded_params(target: &Target) -> Result<&PostgresParams> {
    let engines = target.engines.values().chain(&target.results);
    let found = engines.filter_map(|engine| match &engine.params {
        EngineParams::Postgres(params) if params.embedded.is_some() => Some(params),
        _ => None,
    });
    found.into_iter().next().ok_or_else(|| {
        Box::new(
            Diagnostic::error(
                Code::USAGE,
                format!("The target `{}` has no embedded PostgreSQL", target.name),
            )
            .help("Give an engine `type: postgres` and `embedded: true` in profiles.yml."),
        )
    })
}
