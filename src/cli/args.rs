//! The command line, with dbt's names: flags may stand before or after the command.

mod lineage;
mod store;

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::report::Level;

pub use lineage::{LineageArgs, LineageFormat};
pub use store::{HistoryArgs, PruneArgs, ReportFormat, RoleName, StoreCommand};

/// What `--version` says: like dbt, which version of its language this is.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\n\nCore:\n  - installed: 1.11.16\n\nPlugins:\n  - duckdb: 1.10.1\n  - postgres: 1.11.0"
);

/// One dbt project, one DAG, two engines: DuckDB and PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "pintail", version = VERSION, disable_version_flag = true, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    /// Say which version this is
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version)]
    pub version: Option<bool>,
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags that every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Project and profile")]
pub struct GlobalArgs {
    /// Folder of dbt_project.yml; by default this folder or one above it
    #[arg(long, global = true, value_name = "DIR")]
    pub project_dir: Option<PathBuf>,
    /// Folder of profiles.yml; by default this folder, the project's, then ~/.dbt
    #[arg(long, global = true, value_name = "DIR")]
    pub profiles_dir: Option<PathBuf>,
    /// Profile to use instead of the one that dbt_project.yml names
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Output of the profile to use instead of its default
    #[arg(short, long, global = true, value_name = "NAME")]
    pub target: Option<String>,
    /// Folder for compiled SQL and artifacts, instead of `target`
    #[arg(long, global = true, value_name = "DIR")]
    pub target_path: Option<PathBuf>,
    /// Variables as YAML: '{start: 2020-01-01}'
    #[arg(long, global = true, value_name = "YAML")]
    pub vars: Option<String>,
    /// How many nodes may run at once
    #[arg(long, global = true, value_name = "N")]
    pub threads: Option<usize>,
    /// Print nothing but errors and what was asked for
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Colour even where the output is not a terminal
    #[arg(long, global = true, overrides_with = "no_use_colors")]
    pub use_colors: bool,
    /// No colour
    #[arg(long, global = true)]
    pub no_use_colors: bool,
    /// Steps that one template may take before it counts as endless
    #[arg(long, global = true, value_name = "N", default_value_t = 100_000_000)]
    pub template_steps: u64,
    #[command(flatten)]
    pub log: LogArgs,
    #[command(flatten)]
    pub ignored: IgnoredArgs,
}

/// What is said, how, and where to.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// Text for people, or a JSON object a line for machines
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// The same for the log file
    #[arg(long, global = true, value_name = "FORMAT")]
    pub log_format_file: Option<LogFormat>,
    /// The least that is shown: debug, info, warn, error or none
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level)]
    pub log_level: Option<Level>,
    /// The least that goes to the log file
    #[arg(long, global = true, value_name = "LEVEL", value_parser = level)]
    pub log_level_file: Option<Level>,
    /// Folder of the log file, dbt.log
    #[arg(long, global = true, value_name = "DIR")]
    pub log_path: Option<PathBuf>,
    /// Length in bytes from which on the log file is put aside; 0 for never
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 10 << 20,
        hide = true
    )]
    pub log_file_max_bytes: u64,
    /// Show everything there is to say
    #[arg(short, long, global = true)]
    pub debug: bool,
    #[arg(long, global = true, hide = true)]
    pub no_debug: bool,
    /// Show what templates print(); the default
    #[arg(long, global = true, overrides_with = "no_print", hide = true)]
    pub print: bool,
    /// Do not show what templates print()
    #[arg(long, global = true)]
    pub no_print: bool,
    /// Width of result lines
    #[arg(long, global = true, value_name = "N", default_value_t = 80, hide = true)]
    pub printer_width: usize,
}

fn level(text: &str) -> Result<Level, String> {
    Level::named(text).ok_or_else(|| "known are debug, info, warn, error and none".to_owned())
}

/// Flags of dbt's that have nothing to do here, accepted so that scripts keep working.
#[derive(Debug, Clone, Args)]
pub struct IgnoredArgs {
    #[arg(long, global = true, hide = true)]
    pub partial_parse: bool,
    #[arg(long, global = true, hide = true)]
    pub no_partial_parse: bool,
    #[arg(long, global = true, hide = true)]
    pub static_parser: bool,
    #[arg(long, global = true, hide = true)]
    pub no_static_parser: bool,
    #[arg(long, global = true, hide = true)]
    pub version_check: bool,
    #[arg(long, global = true, hide = true)]
    pub no_version_check: bool,
    #[arg(long, global = true, hide = true)]
    pub send_anonymous_usage_stats: bool,
    #[arg(long, global = true, hide = true)]
    pub no_send_anonymous_usage_stats: bool,
    #[arg(long, global = true, hide = true)]
    pub use_experimental_parser: bool,
    #[arg(long, global = true, hide = true)]
    pub cache_selected_only: bool,
    #[arg(long, global = true, hide = true)]
    pub no_cache_selected_only: bool,
    #[arg(long, global = true, hide = true)]
    pub populate_cache: bool,
    #[arg(long, global = true, hide = true)]
    pub no_populate_cache: bool,
    #[arg(long, global = true, hide = true)]
    pub write_json: bool,
    #[arg(long, global = true, hide = true)]
    pub log_cache_events: bool,
    #[arg(long, global = true, hide = true)]
    pub no_log_cache_events: bool,
    #[arg(long, global = true, hide = true)]
    pub use_colors_file: bool,
    #[arg(long, global = true, hide = true)]
    pub no_use_colors_file: bool,
    #[arg(long, global = true, hide = true)]
    pub show_all_deprecations: bool,
    #[arg(long, global = true, hide = true)]
    pub no_show_all_deprecations: bool,
    #[arg(long, global = true, hide = true)]
    pub no_quiet: bool,
}

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    #[value(alias = "text")]
    Default,
    /// Text with time, level and thread.
    Debug,
    /// A JSON object a line.
    Json,
}

/// What to select.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArgs {
    /// Nodes to take: names, paths, tag:x, config.x:y, engine:x, with + @ , and wildcards
    #[arg(short, long, aliases = ["models", "model"], short_alias = 'm', num_args = 1.., value_name = "SELECTOR")]
    pub select: Vec<String>,
    /// Nodes to leave out
    #[arg(long, num_args = 1.., value_name = "SELECTOR")]
    pub exclude: Vec<String>,
    /// Which tests come along with a node
    #[arg(long, value_name = "MODE", default_value = "eager")]
    pub indirect_selection: String,
}

/// How to run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Running")]
pub struct RunArgs {
    /// Build incremental models and seeds from nothing
    #[arg(short, long)]
    pub full_refresh: bool,
    /// Stop at the first failure
    #[arg(short = 'x', long)]
    pub fail_fast: bool,
    /// Keep the failing rows of tests as tables
    #[arg(long)]
    pub store_failures: bool,
    /// Check the SQL of all that is selected first; nothing runs where a mistake is found
    #[arg(long, overrides_with = "no_check")]
    pub check: bool,
    /// Check nothing first: by default `build` checks what changed since it passed; or PINTAIL_NO_CHECK
    #[arg(long, overrides_with = "check")]
    pub no_check: bool,
    /// How long to wait for another run of this project on the same target: 0, 30s, 5m
    #[arg(long, value_name = "TIME", value_parser = crate::config::duration, default_value = "30m")]
    pub lock_timeout: Duration,
    /// File for metrics of the run in Prometheus' text format; or PINTAIL_METRICS_FILE
    #[arg(long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
    /// File or URL for OpenLineage events of the run; or PINTAIL_OPENLINEAGE
    #[arg(long, value_name = "URL|FILE")]
    pub openlineage: Option<String>,
    #[command(flatten)]
    pub rows: RowArgs,
}

/// Which rows `ref` and `source` give.
#[derive(Debug, Clone, Default, Args)]
pub struct RowArgs {
    /// Build without any rows: relations and their columns only
    #[arg(long, overrides_with = "no_empty")]
    pub empty: bool,
    #[arg(long, hide = true)]
    pub no_empty: bool,
    /// Read only rows of this span of event time: '3 days' or '{start: …, end: …}'
    #[arg(long, value_name = "SPAN")]
    pub sample: Option<String>,
    /// Where the batches of microbatch models begin
    #[arg(long, value_name = "TIME")]
    pub event_time_start: Option<String>,
    /// Where they end: the first time that is not in them
    #[arg(long, value_name = "TIME")]
    pub event_time_end: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build everything: seeds, models and their tests, in the order of the DAG
    Build {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        run: RunArgs,
        /// Only these kinds of nodes
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        resource_type: Vec<String>,
        /// Not these kinds of nodes
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        exclude_resource_type: Vec<String>,
    },
    /// Run models
    Run {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        run: RunArgs,
    },
    /// Run data tests and unit tests
    Test {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        run: RunArgs,
        /// Only these kinds of tests: test, unit_test
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        resource_type: Vec<String>,
        /// Not these kinds of tests
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        exclude_resource_type: Vec<String>,
    },
    /// Take snapshots: keep the versions of rows that change
    Snapshot {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        run: RunArgs,
    },
    /// Load seeds
    Seed {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        run: RunArgs,
        /// Print the first rows of each seed
        #[arg(long)]
        show: bool,
    },
    /// Write compiled SQL to target/compiled; needs no database unless a model asks for one
    Compile {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        run: RunArgs,
        /// SQL to compile instead of the project's
        #[arg(long, value_name = "SQL")]
        inline: Option<String>,
        /// Engine of --inline
        #[arg(long, value_name = "NAME")]
        engine: Option<String>,
        /// As text or as JSON
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        output: RowsFormat,
    },
    /// Check the SQL of models, snapshots and tests with their engines, without touching any data
    Check {
        #[command(flatten)]
        selection: SelectionArgs,
        /// As text or as JSON
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        output: CheckOutput,
    },
    /// Show which columns a column is made of, and which are made of it
    Lineage {
        #[command(flatten)]
        args: LineageArgs,
    },
    /// Read the project and write target/manifest.json
    Parse,
    /// List nodes
    #[command(visible_alias = "list")]
    Ls {
        #[command(flatten)]
        selection: SelectionArgs,
        /// What to print of each node
        #[arg(long, value_name = "FORMAT", default_value = "selector")]
        output: LsOutput,
        /// Keys of --output json
        #[arg(long, num_args = 1.., value_name = "KEY")]
        output_keys: Vec<String>,
        /// Only these kinds of nodes
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        resource_type: Vec<String>,
        /// Not these kinds of nodes
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        exclude_resource_type: Vec<String>,
    },
    /// Show the rows of a model or of a query
    Show {
        #[command(flatten)]
        selection: SelectionArgs,
        /// A query, with ref() and macros
        #[arg(long, value_name = "SQL", conflicts_with = "select")]
        inline: Option<String>,
        /// A query that is sent as it stands
        #[arg(long, value_name = "SQL", conflicts_with_all = ["select", "inline"])]
        inline_direct: Option<String>,
        /// Engine of --inline
        #[arg(long, value_name = "NAME")]
        engine: Option<String>,
        /// How many rows; -1 for all
        #[arg(long, value_name = "N", default_value_t = 5, allow_negative_numbers = true)]
        limit: i64,
        /// As a table, as JSON or as CSV
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        output: RowsFormat,
    },
    /// Run a macro
    RunOperation {
        /// The macro's name
        #[arg(value_name = "MACRO")]
        name: String,
        /// Its arguments as YAML: '{name: value}'
        #[arg(long, value_name = "YAML")]
        args: Option<String>,
        /// Engine to run on
        #[arg(long, value_name = "NAME")]
        engine: Option<String>,
    },
    /// The documentation of the project
    Docs {
        #[command(subcommand)]
        command: DocsCommand,
    },
    /// Check the set-up: files, profile, connections, results store
    Debug {
        #[command(flatten)]
        args: DebugArgs,
    },
    /// Delete the folders that clean-targets names
    Clean {
        /// Never anything outside the project, which is the default
        #[arg(long, overrides_with = "no_clean_project_files_only", hide = true)]
        clean_project_files_only: bool,
        /// Also folders outside the project
        #[arg(long)]
        no_clean_project_files_only: bool,
    },
    /// Install the packages of packages.yml
    Deps(DepsArgs),
    /// Sources of data
    Source {
        #[command(subcommand)]
        command: SourceCommand,
    },
    /// The last command once more, for the nodes that did not succeed
    Retry {
        /// Folder of the run_results.json to read, instead of the target folder
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
    },
    /// Views upon the relations of another state of the project
    Clone {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        run: RunArgs,
        /// Only these kinds of nodes
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        resource_type: Vec<String>,
        /// Not these kinds of nodes
        #[arg(long, num_args = 1.., value_name = "TYPE")]
        exclude_resource_type: Vec<String>,
        /// Folder of the other state's manifest.json
        #[arg(long, value_name = "DIR")]
        state: Option<PathBuf>,
    },
    /// Make a project, or a profile for the one that is here
    Init {
        #[command(flatten)]
        args: InitArgs,
    },
    /// The results store itself: its tables and who may use them
    Store {
        #[command(subcommand)]
        command: StoreCommand,
    },
    /// Recent runs and how long their nodes took, from the results store
    History {
        #[command(flatten)]
        args: HistoryArgs,
    },
    /// Failing rows of tests, from the results store, and what changed since the check before
    Failures {
        /// A test's name; without one, the failing tests of the run are listed
        #[arg(value_name = "TEST")]
        test: Option<String>,
        /// A run's id; by default the latest
        #[arg(long, value_name = "ID")]
        run: Option<String>,
        /// How many rows
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: i64,
        /// As a table, as JSON or as CSV
        #[arg(
            long = "format",
            visible_alias = "output",
            value_name = "FORMAT",
            default_value = "text"
        )]
        output: RowsFormat,
    },
    /// How good the data is, from the results store: scores, failing rows, flaky and slow tests
    Quality {
        /// The time to look at, in whole days: 7d, 2w, 2026-11-01 (UTC)
        #[arg(long, value_name = "TIME", value_parser = super::when::since, default_value = "7d")]
        since: Timestamp,
        /// As tables or as JSON
        #[arg(long, visible_alias = "output", value_name = "FORMAT", default_value = "table")]
        format: ReportFormat,
    },
    /// The embedded PostgreSQL
    Postgres {
        #[command(subcommand)]
        command: PostgresCommand,
    },
}

impl Command {
    /// Whether its output is data that somebody may read into a program.
    pub fn prints_data(&self) -> bool {
        matches!(
            self,
            Command::Ls { .. }
                | Command::Show { .. }
                | Command::Compile { .. }
                | Command::Check { output: CheckOutput::Json, .. }
                | Command::Lineage { .. }
                | Command::History { .. }
                | Command::Failures { .. }
                | Command::Store { .. }
                | Command::Quality { .. }
                | Command::Postgres { .. }
        )
    }
}

/// How findings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub enum DocsCommand {
    /// Write the documentation: target/index.html with the folder target/site, and catalog.json
    Generate {
        #[command(flatten)]
        selection: SelectionArgs,
        #[command(flatten)]
        args: DocsGenerateArgs,
    },
    /// Serve the documentation on this machine; it is made anew when a file of the project changes
    Serve {
        #[command(flatten)]
        args: DocsServeArgs,
    },
}

#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// How old the data of sources is, against the limits that they have
    #[command(visible_alias = "snapshot-freshness")]
    Freshness {
        #[command(flatten)]
        selection: SelectionArgs,
        /// File to write instead of target/sources.json
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// What `debug` checks.
#[derive(Debug, Clone, Default, Args)]
pub struct DebugArgs {
    /// Only the connections
    #[arg(long)]
    pub connection: bool,
    /// Only tell where profiles.yml is
    #[arg(long)]
    pub config_dir: bool,
}

/// What `init` makes.
#[derive(Debug, Clone, Default, Args)]
pub struct InitArgs {
    /// The name of a new project
    #[arg(value_name = "NAME")]
    pub project_name: Option<String>,
    /// Make no profile
    #[arg(short, long)]
    pub skip_profile_setup: bool,
}

/// How the catalog is made.
#[derive(Debug, Clone, Default, Args)]
pub struct DocsGenerateArgs {
    /// Compile first, which is the default
    #[arg(long, overrides_with = "no_compile", hide = true)]
    pub compile: bool,
    /// Leave compiling out
    #[arg(long)]
    pub no_compile: bool,
    /// Ask no database
    #[arg(long)]
    pub empty_catalog: bool,
    /// Also write static_index.html: the whole site in one file
    #[arg(long = "static")]
    pub is_static: bool,
    /// A site, or pages of Markdown for a repository's wiki in target/wiki
    #[arg(long, value_name = "FORMAT", default_value = "html")]
    pub format: DocsFormat,
}

/// How documentation is served.
#[derive(Debug, Clone, Args)]
pub struct DocsServeArgs {
    /// The address to listen on
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// The port to listen on; 0 takes any
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    pub port: u16,
    /// Open a browser, which is the default at a terminal
    #[arg(long, overrides_with = "no_browser", hide = true)]
    pub browser: bool,
    /// Open no browser
    #[arg(long)]
    pub no_browser: bool,
    /// Serve what there is, whatever changes
    #[arg(long)]
    pub no_watch: bool,
}

/// What documentation is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DocsFormat {
    #[default]
    Html,
    Markdown,
}

/// What `deps` does beside installing.
#[derive(Debug, Clone, Args)]
pub struct DepsArgs {
    /// Add a package to packages.yml: name@version
    #[arg(long, value_name = "PACKAGE")]
    pub add_package: Option<String>,
    /// Where the package of --add-package comes from: hub, git or local
    #[arg(long, value_name = "SOURCE", default_value = "hub")]
    pub source: String,
    /// Write package-lock.yml, install nothing
    #[arg(long)]
    pub lock: bool,
    /// Resolve versions again though packages.yml has not changed
    #[arg(long)]
    pub upgrade: bool,
}

/// What `ls` prints of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LsOutput {
    Selector,
    Name,
    Path,
    Json,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowsFormat {
    #[value(alias = "table")]
    Text,
    Json,
    Csv,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum PostgresCommand {
    /// Start it and keep it up
    Start,
    /// Stop it
    Stop,
    /// Say whether it runs
    Status,
    /// Print a connection URL for psql and other clients
    Url,
}
