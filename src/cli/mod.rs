//! The command line: a file for each command. The only place where stages are put together.

mod args;
mod clean;
mod compile;
mod debug;
mod deps;
mod docs;
mod flags;
mod history;
mod interrupt;
mod ls;
mod operation;
mod parse;
mod postgres;
mod run;
mod session;
mod show;
mod store;

use std::process::ExitCode;
use std::sync::Arc;

use crate::config::FlagValues;
use crate::diagnostic::Diagnostics;
use crate::report::{Console, Style};
use args::{Cli, Command, DocsCommand, GlobalArgs, LogFormat};

/// How a command ended, as dbt's exit codes have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// 0
    Done,
    /// 1: a node failed.
    NodeFailed,
    /// 2: it could not run.
    CouldNotRun,
    /// 130: Ctrl-C.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::NodeFailed => 1,
            Exit::CouldNotRun => 2,
            Exit::Interrupted => 130,
        }
    }
}

/// The result of a command; errors end it with exit code 2.
type Outcome = Result<Exit, Diagnostics>;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let (cli, flags) = match flags::parse(std::env::args_os().collect()) {
        Ok(parsed) => parsed,
        Err(flags::Refused::Words(error)) => {
            // Help and version are no errors.
            let code = if error.use_stderr() { Exit::CouldNotRun } else { Exit::Done };
            let _closed = error.print();
            return ExitCode::from(code.code());
        }
        Err(flags::Refused::Value(Diagnostics(errors))) => {
            let console = Console::new(Style::Text, false, None, String::new());
            for error in &errors {
                console.diagnostic(error);
            }
            return ExitCode::from(Exit::CouldNotRun.code());
        }
    };
    let invocation_id = uuid::Uuid::new_v4();
    let console = Arc::new(console(&cli.global, invocation_id.to_string()));
    let outcome = dispatch(&cli, &flags, invocation_id, &console);
    let exit = outcome.unwrap_or_else(|Diagnostics(errors)| {
        for error in &errors {
            console.diagnostic(error);
        }
        Exit::CouldNotRun
    });
    ExitCode::from(exit.code())
}

fn console(args: &GlobalArgs, invocation_id: String) -> Console {
    let style = match args.log_format {
        LogFormat::Default => Style::Text,
        LogFormat::Json => Style::Json,
    };
    let color = match (args.use_colors, args.no_use_colors) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    Console::new(style, args.quiet, color, invocation_id)
}

fn dispatch(cli: &Cli, flags: &FlagValues, id: uuid::Uuid, console: &Arc<Console>) -> Outcome {
    let start = session::Start { global: &cli.global, flags, id, console: console.clone() };
    match &cli.command {
        Command::Build { selection, run, resource_type, exclude_resource_type } => {
            let kinds = run::kinds(resource_type, exclude_resource_type, run::BUILD)?;
            run::command(&start, "build", selection, run, kinds)
        }
        Command::Run { selection, run } => {
            run::command(&start, "run", selection, run, run::RUN.to_vec())
        }
        Command::Test { selection, run } => {
            run::command(&start, "test", selection, run, run::TEST.to_vec())
        }
        Command::Snapshot { selection, run } => {
            run::command(&start, "snapshot", selection, run, run::SNAPSHOT.to_vec())
        }
        Command::Seed { selection, run, show } => run::seed(&start, selection, run, *show),
        Command::Compile { selection, run, inline, engine } => {
            compile::command(&start, selection, run, inline.as_deref(), engine.as_deref())
        }
        Command::Parse => parse::command(&start),
        Command::Ls { selection, output, output_keys, resource_type, exclude_resource_type } => {
            let kinds = run::kinds(resource_type, exclude_resource_type, run::LIST)?;
            ls::command(&start, selection, *output, output_keys, kinds)
        }
        Command::Show { selection, inline, engine, limit, output } => {
            show::command(&start, selection, inline.as_deref(), engine.as_deref(), *limit, *output)
        }
        Command::RunOperation { name, args, engine } => {
            operation::command(&start, name, args.as_deref(), engine.as_deref())
        }
        Command::Docs { command: DocsCommand::Generate { selection, args } } => {
            docs::generate(&start, selection, args)
        }
        Command::Debug => debug::command(&start),
        Command::Clean { no_clean_project_files_only, .. } => {
            clean::command(&start, *no_clean_project_files_only)
        }
        Command::Deps(args) => deps::command(&start, args),
        Command::History { limit, node } => history::history(&start, *limit, node.as_deref()),
        Command::Failures { test, run, limit, output } => {
            history::failures(&start, test.as_deref(), run.as_deref(), *limit, *output)
        }
        Command::Postgres { command } => postgres::command(&start, *command),
    }
}
