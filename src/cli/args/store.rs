//! The arguments of commands that ask or keep the results store.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::RowsFormat;
use crate::cli::when;

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Make the tables where they are missing or behind
    Init {
        /// Also the database roles pintail_admin, pintail_engineer and pintail_analyst
        #[arg(long)]
        roles: bool,
    },
    /// Where it is, whether it can be used, how large it is, and what waits for it
    Status {
        /// End with exit code 1 where results cannot be written now
        #[arg(long)]
        check: bool,
        /// As text or as JSON
        #[arg(long, visible_alias = "output", value_name = "FORMAT", default_value = "table")]
        format: ReportFormat,
    },
    /// Remove old runs of this project with all that belongs to them
    Prune {
        #[command(flatten)]
        args: PruneArgs,
    },
    /// Give a login of the database a role
    Grant {
        login: String,
        #[arg(long)]
        role: RoleName,
        /// What an analyst sees: groups of the project, or * for all
        #[arg(long = "context", value_name = "GROUP", num_args = 1.., value_delimiter = ',')]
        contexts: Vec<String>,
    },
    /// Take the role of a login away
    Revoke { login: String },
    /// Which commands were given, by whom, and how they ended; for admins
    Audit {
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: i64,
    },
}

/// What a login may do with the results store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    Admin,
    Engineer,
    Analyst,
}

/// What of the past is shown.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// What this node did in the runs, by its name or unique id, and how long it takes
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,
    /// Only runs that ended like this; with --node, where the node did
    #[arg(long, num_args = 1.., value_name = "STATUS")]
    pub status: Vec<PastStatus>,
    /// Nothing from before: 7d, 12h, 2026-11-01 (UTC)
    #[arg(long, value_name = "TIME", value_parser = when::since)]
    pub since: Option<Timestamp>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// The nodes that take longest, by the median of their last 20 runs on the target; of those
    /// that ran in the last 30 days, or --since
    #[arg(long, conflicts_with_all = ["node", "status"])]
    pub slowest: bool,
    /// The nodes that became slower: the last run took more than 1.5 times the median of the 20
    /// before it, more than 100 ms longer, and lies outside of their spread
    #[arg(long, conflicts_with_all = ["node", "status", "slowest"])]
    pub regressions: bool,
    /// As a table, as JSON or as CSV
    #[arg(long, visible_alias = "output", value_name = "FORMAT", default_value = "text")]
    pub format: RowsFormat,
}

/// How a run or a node in it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PastStatus {
    Success,
    #[value(alias = "fail")]
    Failed,
    Error,
    Interrupted,
    Running,
    Pass,
    Warn,
    Skipped,
    Cancelled,
}

impl PastStatus {
    /// As the store calls it, of runs and of nodes.
    pub fn in_store(self) -> &'static [&'static str] {
        match self {
            PastStatus::Success => &["success"],
            PastStatus::Failed => &["failed", "fail"],
            PastStatus::Error => &["error"],
            PastStatus::Interrupted => &["interrupted"],
            PastStatus::Running => &["running"],
            PastStatus::Pass => &["pass"],
            PastStatus::Warn => &["warn"],
            PastStatus::Skipped => &["skipped"],
            PastStatus::Cancelled => &["cancelled"],
        }
    }
}

/// Which runs stay. Whatever these say, a run that is under way stays, and one with the last check
/// of a test that there is today.
#[derive(Debug, Clone, Args)]
pub struct PruneArgs {
    /// Runs that began since: 90d, 2026-11-01 (UTC)
    #[arg(long, value_name = "TIME", value_parser = when::since)]
    pub keep: Option<Timestamp>,
    /// The newest runs, whatever their age
    #[arg(long, value_name = "N")]
    pub keep_runs: Option<usize>,
    /// Only tell what would go
    #[arg(long)]
    pub dry_run: bool,
}

/// How what the store tells is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    #[value(alias = "text")]
    Table,
    Json,
}
