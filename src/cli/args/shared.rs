//! Flags that every command understands, and those of the commands that select and run nodes.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::report::Level;

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
