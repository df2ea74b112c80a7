//! The command line, with dbt's names: flags may stand before or after the command.

mod docs;
mod lineage;
mod shared;
mod store;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

pub use docs::{DocsCommand, DocsFormat, DocsGenerateArgs, DocsServeArgs};
pub use lineage::{ImpactArgs, LineageArgs, LineageFormat};
pub use shared::{GlobalArgs, LogFormat, RunArgs, SelectionArgs};
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
    /// Show which columns, tests and exposures are touched by what changed since the manifest in --state
    Impact {
        #[command(flatten)]
        args: ImpactArgs,
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
                | Command::Impact { .. }
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
