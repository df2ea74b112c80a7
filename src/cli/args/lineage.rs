//! The command lines of what is told of columns.

use clap::{Args, ValueEnum};

use super::CheckOutput;

/// Whose lineage is shown, and how.
#[derive(Debug, Clone, Args)]
pub struct LineageArgs {
    /// A model, seed or snapshot, or a source as `source.table`; `.column` may follow. Without it, how
    /// much of the whole project is known
    #[arg(value_name = "MODEL[.COLUMN]")]
    pub name: Option<String>,
    /// What it is made of; both directions where none is named
    #[arg(long)]
    pub upstream: bool,
    /// What is made of it
    #[arg(long)]
    pub downstream: bool,
    /// Steps to go at most; of a whole model a tree shows one
    #[arg(long, value_name = "N")]
    pub depth: Option<usize>,
    /// A tree for people, or a graph for machines
    #[arg(long, visible_alias = "output", value_name = "FORMAT", default_value = "tree")]
    pub format: LineageFormat,
}

/// What a change touches.
#[derive(Debug, Clone, Args)]
pub struct ImpactArgs {
    /// As text or as JSON
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: CheckOutput,
}

/// How lineage is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LineageFormat {
    Tree,
    Json,
    Mermaid,
    Dot,
}
