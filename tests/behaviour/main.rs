//! What Pintail does with small projects on the real engines, command by command. The expected
//! values can be checked by hand; where dbt has a say, they are what dbt-core 1.11 with dbt-duckdb
//! and dbt-postgres gave.

#[path = "../support/mod.rs"]
mod support;

mod alerts;
mod audits;
mod blocks;
mod check_ahead;
mod commands;
mod configs;
mod contracts;
mod data_tests;
mod dialect;
mod docs;
mod duckdb_files;
mod engines;
mod flags;
mod functions;
mod history;
mod hooks;
mod impact;
mod incremental;
mod inherit_docs;
mod lineage;
mod materializations;
mod microbatch;
mod names;
mod notify;
mod order;
mod overrides;
mod packages;
mod python_models;
mod quality;
mod readers;
mod recovery;
mod secrets;
mod security;
mod seeds;
mod selection;
mod semantic;
mod snapshots;
mod state;
mod synthetic;
mod unit_tests;
mod upkeep;
mod versions;

use support::project::{On, Project};

/// A line for each row of a relation, in the order of all columns.
fn sorted(project: &Project, relation: &str) -> Vec<String> {
    let mut lines = project.lines(&format!("select * from {relation}"));
    lines.sort();
    lines
}

/// Names and kinds of the relations of a schema: `orders table`.
fn relations(project: &Project, schema: &str) -> Vec<String> {
    project.lines(&format!(
        "select table_name || case table_type when 'VIEW' then ' view' else ' table' end
         from information_schema.tables where table_schema = '{schema}' order by 1"
    ))
}

/// The schema that the default output writes to.
fn schema(project: &Project) -> &'static str {
    match project.on {
        On::Postgres => "public",
        _ => "main",
    }
}
