//! The command line: a file for each command. The only place where stages are put together.

mod analysed;
mod args;
mod audit;
mod check;
mod clean;
mod clone;
mod columns;
mod compile;
mod debug;
mod deps;
mod docs;
mod docs_serve;
mod earlier;
mod failures;
mod flags;
mod freshness;
mod history;
mod impact;
mod init;
mod interrupt;
mod kinds;
mod lineage;
mod ls;
mod operation;
mod parse;
mod postgres;
mod quality;
mod recover;
mod retry;
mod run;
mod selection;
mod session;
mod show;
mod states;
mod store;
mod store_roles;
mod tables;
mod turn;
mod upkeep;
mod when;

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::json;

use crate::config::{FlagValues, WarnPolicy};
use crate::diagnostic::Diagnostics;
use crate::report::{Console, ConsoleOptions, Level, Style, Warnings};
use crate::store::RunStatus;
use args::{Cli, Command, DocsCommand, GlobalArgs, LogFormat, SourceCommand, StoreCommand};
use audit::Audit;
use earlier::Earlier;

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

    /// What the results store calls it.
    fn run_status(self) -> RunStatus {
        match self {
            Exit::Done => RunStatus::Success,
            Exit::NodeFailed => RunStatus::Failed,
            Exit::CouldNotRun => RunStatus::Error,
            Exit::Interrupted => RunStatus::Interrupted,
        }
    }

    /// What the audit log calls it.
    fn as_str(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::NodeFailed => "a node failed",
            Exit::CouldNotRun => "could not run",
            Exit::Interrupted => "interrupted",
        }
    }
}

/// The result of a command; errors end it with exit code 2.
type Outcome = Result<Exit, Diagnostics>;

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    crate::config::set_yaml_dialect(crate::jinja::install_for_yaml);
    let (cli, flags) = match flags::parse(std::env::args_os().collect()) {
        Ok(parsed) => parsed,
        Err(flags::Refused::Words(error)) => {
            // Help and version are no errors.
            let code = if error.use_stderr() { Exit::CouldNotRun } else { Exit::Done };
            let _closed = error.print();
            return ExitCode::from(code.code());
        }
        Err(flags::Refused::Value(Diagnostics(errors))) => {
            let console = Console::new(ConsoleOptions::default());
            for error in &errors {
                console.fatal(error);
            }
            return ExitCode::from(Exit::CouldNotRun.code());
        }
    };
    let invocation_id = uuid::Uuid::new_v4();
    let console = console(&cli.global, invocation_id.to_string());
    let console = match WarnPolicy::of(&flags) {
        Ok(policy) => {
            let show_all = flags.is_on("show_all_deprecations");
            Arc::new(console.with_warnings(Warnings::new(policy, show_all)))
        }
        Err(error) => {
            console.fatal(&error);
            return ExitCode::from(Exit::CouldNotRun.code());
        }
    };
    if cli.command.prints_data() {
        console.keep_stdout_for_data();
    }
    let began = std::time::Instant::now();
    greet(&console);
    let audit = Arc::new(Audit::new(invocation_id, &flags));
    let outcome = dispatch(&cli, &flags, &audit, &console, None);
    let exit = outcome.unwrap_or_else(|Diagnostics(errors)| {
        for error in &errors {
            console.fatal(error);
        }
        Exit::CouldNotRun
    });
    if let Some(summary) = console.warnings().summary() {
        console.diagnostic(&summary);
    }
    audit.end(exit);
    part(&console, exit, began.elapsed());
    console.flush();
    ExitCode::from(exit.code())
}

/// Says who runs, as dbt's logs begin.
fn greet(console: &Console) {
    let (dialect, own) = (crate::jinja::DBT_VERSION, env!("CARGO_PKG_VERSION"));
    let text = format!("Running with dbt={dialect} (pintail {own})");
    let data = || json!({"version": format!("={dialect}"), "log_version": 3, "pintail": own});
    console.event("MainReportVersion", Level::Info, &text, data);
    let line: Vec<String> = std::env::args().skip(1).collect();
    let text = format!("running pintail with arguments {}", line.join(" "));
    let data = || json!({"args": {"invocation_command": format!("dbt {}", line.join(" "))}});
    console.event("MainReportArgs", Level::Debug, &text, data);
}

/// Says how it ended, as dbt's logs end.
fn part(console: &Console, exit: Exit, took: std::time::Duration) {
    let command = std::env::args().nth(1).unwrap_or_default();
    let (success, seconds) = (exit == Exit::Done, took.as_secs_f64());
    let word = if success { "succeeded" } else { "failed" };
    let now = jiff::Timestamp::now();
    let at = now.strftime("%H:%M:%S%.6f");
    let text = format!("Command `pintail {command}` {word} at {at} after {seconds:.2} seconds");
    console.event("CommandCompleted", Level::Debug, &text, || {
        json!({
            "command": format!("dbt {command}"),
            "success": success,
            "completed_at": format!("{now:.6}"),
            "elapsed": seconds,
        })
    });
}

fn console(args: &GlobalArgs, invocation_id: String) -> Console {
    let style = |format: LogFormat| match format {
        LogFormat::Default => Style::Text,
        LogFormat::Debug => Style::Debug,
        LogFormat::Json => Style::Json,
    };
    let color = match (args.use_colors, args.no_use_colors) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let log = &args.log;
    let level = if log.debug { Level::Debug } else { log.log_level.unwrap_or(Level::Info) };
    // Like dbt: one format for both where only the general one was named, but text for people is
    // written with time and thread into the file.
    let file = log.log_format_file.or(log.log_format).map_or(Style::Debug, style);
    Console::new(ConsoleOptions {
        style: log.log_format.map_or(Style::Text, style),
        level,
        quiet: args.quiet,
        color,
        print: !log.no_print,
        file_style: if file == Style::Text { Style::Debug } else { file },
        file_level: log.log_level_file.unwrap_or(Level::Debug),
        width: log.printer_width,
        invocation_id,
    })
}

/// Runs a command; with `only`, on those nodes whatever is selected.
fn dispatch(
    cli: &Cli,
    flags: &FlagValues,
    audit: &Arc<Audit>,
    console: &Arc<Console>,
    only: Option<&Earlier>,
) -> Outcome {
    let console = console.clone();
    let start = session::Start { global: &cli.global, flags, audit, console, only };
    match &cli.command {
        Command::Build { selection, run, resource_type, exclude_resource_type } => {
            let kinds = kinds::kinds(resource_type, exclude_resource_type, run::BUILD, run::BUILD)?;
            run::command(&start, "build", selection, run, kinds)
        }
        Command::Run { selection, run } => {
            run::command(&start, "run", selection, run, run::RUN.to_vec())
        }
        Command::Test { selection, run, resource_type, exclude_resource_type } => {
            let mut kinds =
                kinds::kinds(resource_type, exclude_resource_type, run::BUILD, run::BUILD)?;
            kinds.retain(|kind| kind.is_test());
            run::command(&start, "test", selection, run, kinds)
        }
        Command::Snapshot { selection, run } => {
            run::command(&start, "snapshot", selection, run, run::SNAPSHOT.to_vec())
        }
        Command::Seed { selection, run, show } => run::seed(&start, selection, run, *show),
        Command::Compile { selection, run, inline, engine, output } => {
            let inline = inline.as_deref();
            compile::command(&start, selection, run, inline, engine.as_deref(), *output)
        }
        Command::Check { selection, output } => check::command(&start, selection, *output),
        Command::Lineage { args } => lineage::command(&start, args),
        Command::Impact { args } => impact::command(&start, args),
        Command::Parse => parse::command(&start),
        Command::Ls { selection, output, output_keys, resource_type, exclude_resource_type } => {
            let kinds = ls::kinds(flags, resource_type, exclude_resource_type)?;
            ls::command(&start, selection, *output, output_keys, kinds)
        }
        Command::Show { selection, inline, inline_direct, engine, limit, output } => {
            let request = show::Request {
                inline: inline.as_deref(),
                inline_direct: inline_direct.as_deref(),
                engine: engine.as_deref(),
                limit: *limit,
                output: *output,
            };
            show::command(&start, selection, &request)
        }
        Command::RunOperation { name, args, engine } => {
            operation::command(&start, name, args.as_deref(), engine.as_deref())
        }
        Command::Docs { command: DocsCommand::Generate { selection, args } } => {
            docs::generate(&start, selection, args)
        }
        Command::Docs { command: DocsCommand::Serve { args } } => docs_serve::command(&start, args),
        Command::Source { command: SourceCommand::Freshness { selection, output } } => {
            freshness::command(&start, selection, output.as_deref())
        }
        Command::Retry { state } => retry::command(&start, state.as_deref()),
        Command::Clone { selection, run, resource_type, exclude_resource_type, state } => {
            let kinds =
                kinds::kinds(resource_type, exclude_resource_type, clone::kinds(), clone::kinds())?;
            clone::command(&start, selection, run, kinds, state.as_deref())
        }
        Command::Init { args } => init::command(&start, args),
        Command::Debug { args } => debug::command(&start, args),
        Command::Clean { no_clean_project_files_only, .. } => {
            clean::command(&start, *no_clean_project_files_only)
        }
        Command::Deps(args) => deps::command(&start, args),
        Command::History { args } => history::history(&start, args),
        Command::Failures { test, run, limit, output } => {
            failures::command(&start, test.as_deref(), run.as_deref(), *limit, *output)
        }
        Command::Store { command } => match command {
            StoreCommand::Init { roles } => store_roles::init(&start, *roles),
            StoreCommand::Status { check, format } => upkeep::status(&start, *check, *format),
            StoreCommand::Prune { args } => upkeep::prune(&start, args),
            StoreCommand::Grant { login, role, contexts } => {
                store_roles::grant(&start, login, *role, contexts)
            }
            StoreCommand::Revoke { login } => store_roles::revoke(&start, login),
            StoreCommand::Audit { limit } => store_roles::audit(&start, *limit),
        },
        Command::Quality { since, format } => quality::command(&start, *since, *format),
        Command::Postgres { command } => postgres::command(&start, *command),
    }
}
