//! The end of a run: how many of what, where, how long, and a table of what failed and why.

use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use indexmap::IndexMap;

use crate::manifest::ResourceType;
use crate::run::{DataLoad, RunResult, Status};

/// `PASS=3 WARN=0 ERROR=1 SKIP=2 TOTAL=6`, as dbt has it.
pub fn counts_line(results: &[RunResult]) -> String {
    let count = |wanted: &[Status]| results.iter().filter(|r| wanted.contains(&r.status)).count();
    format!(
        "PASS={} WARN={} ERROR={} SKIP={} TOTAL={}",
        count(&[Status::Success, Status::Pass]),
        count(&[Status::Warn]),
        count(&[Status::Error, Status::Fail, Status::Cancelled, Status::PartialSuccess]),
        count(&[Status::Skipped]),
        results.len()
    )
}

/// The summary of a run.
pub fn summary(results: &[RunResult], bridges: &[DataLoad], elapsed: Duration) -> String {
    let mut out = String::new();
    let trouble = |r: &&RunResult| r.status.is_failure() || r.status == Status::Warn;
    if results.iter().any(|r| trouble(&r)) {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_header(["status", "node", "engine", "why"]);
        let mut sorted: Vec<&RunResult> = results.iter().filter(trouble).collect();
        sorted.sort_by_key(|r| r.status == Status::Warn);
        for result in sorted {
            let why = result.message.as_deref().unwrap_or_default();
            let why = why.lines().next().unwrap_or_default();
            table.add_row([result.status.as_str(), &result.name, &result.engine, why]);
        }
        out.push_str(&format!("{table}\n"));
    }
    let mut by_engine: IndexMap<&str, IndexMap<String, usize>> = IndexMap::new();
    for result in results.iter().filter(|r| r.status != Status::Skipped) {
        let what = match result.resource_type {
            ResourceType::Model => result.materialization.clone(),
            other => other.as_str().to_owned(),
        };
        *by_engine.entry(&result.engine).or_default().entry(what).or_default() += 1;
    }
    for (engine, kinds) in &by_engine {
        let list: Vec<String> = kinds.iter().map(|(what, n)| plural(*n, what)).collect();
        out.push_str(&format!("{engine}: {}\n", list.join(", ")));
    }
    if !bridges.is_empty() {
        let rows: u64 = bridges.iter().filter_map(|load| load.rows).sum();
        out.push_str(&format!("bridged: {}, {rows} rows\n", plural(bridges.len(), "relation")));
    }
    out.push_str(&format!("{} in {:.2}s", counts_line(results), elapsed.as_secs_f64()));
    out
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
