//! Pintail: a declarative SQL-model compiler. One dbt project, one DAG, two engines.
//!
//! A stage is a module and has one representation of its own; data goes down this list once and
//! never back up. A module imports only from those above it. See ARCHITECTURE.md.

pub mod artifacts;
pub mod check;
pub mod checksum;
pub mod cli;
pub mod clock;
pub mod compile;
pub mod config;
pub mod deps;
pub mod diagnostic;
pub mod docs;
pub mod engine;
pub mod graph;
pub mod jinja;
pub mod lineage;
pub mod load;
pub mod manifest;
pub mod notify;
pub mod parse;
pub mod relation;
pub mod report;
pub mod run;
pub mod store;
pub mod worker;
