//! Failing rows of a data test, for the results store: which of them are fetched, and in which
//! order their columns come. Nothing more than what is kept leaves the engine, and nothing of a
//! column that is tagged as personal.

use super::job::Job;
use super::pii;
use super::result::FailingRows;
use crate::manifest::{Node, ResourceType};
use crate::relation::{Cell, Column, ResultSet, quote_identifier};

/// Fetches what the test keeps of the rows that `sql` gives, of which `fail_calc` told `failures`.
/// That they cannot be fetched does not change the result of the test.
pub(super) fn fetch(job: &Job, sql: &str, failures: u64) -> Option<FailingRows> {
    let limit = job.node.config.failures_limit();
    if limit == 0 {
        return None;
    }
    let keyed = with_key(job, sql);
    let from_keyed = keyed.as_deref().and_then(|sql| fetch_from(job, sql, failures, limit));
    from_keyed.or_else(|| fetch_from(job, sql, failures, limit))
}

fn fetch_from(job: &Job, sql: &str, failures: u64, limit: usize) -> Option<FailingRows> {
    let columns =
        query(job, &format!("select * from (\n{sql}\n) failing_rows limit 0"), 0)?.columns;
    let key = key_of(job, &columns);
    let others = (0..columns.len()).filter(|at| !key.contains(at));
    let order: Vec<usize> = key.iter().copied().chain(others).collect();
    let tagged = pii::Tagged::of(&job.runner.compiler.manifest, job.node);
    let masked = tagged.masked(job.node, &job.compiled.sql, &columns);
    let is_masked = masked.contains(&true);
    let tokens = is_masked.then(|| pii::Tokens::of(&job.runner.compiler.config, job.node));
    let mut complete = is_complete(job, sql, failures, limit);
    let shown = |at: &usize| {
        let name = quote_identifier(&columns[*at].name);
        match &tokens {
            Some(tokens) if masked[*at] => {
                format!("{} as {name}", tokens.sql(job.kind(), &format!("c{at}")))
            }
            _ => format!("c{at} as {name}"),
        }
    };
    // By number: two columns may have one name.
    let numbered: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    let mut select = format!(
        "select {}\nfrom (\n{sql}\n) as failing_rows({})",
        order.iter().map(shown).collect::<Vec<_>>().join(", "),
        numbered.join(", ")
    );
    // Of too many, the same ones each time; in the order of the test where it has one.
    if !complete && !key.is_empty() && !sql.to_lowercase().contains("order by") {
        let by: Vec<String> = key.iter().map(|at| format!("cast(c{at} as varchar)")).collect();
        select.push_str(&format!("\norder by {}", by.join(", ")));
    }
    select.push_str(&format!("\nlimit {limit}"));
    let told = tokens.as_ref().map(|tokens| tokens.hide_key(&select));
    let rows = match &told {
        Some(told) => job.adapter.lock().query_told_as(&select, told, limit).ok()?,
        None => query(job, &select, limit)?,
    };
    let identity = if key.is_empty() { &order } else { &key };
    let hidden = tokens.is_some_and(|tokens| !tokens.tell_apart());
    let recognisable = !(hidden && identity.iter().any(|at| masked[*at]));
    complete &= recognisable;
    Some(FailingRows { rows, key: key.len(), recognisable, complete })
}

fn query(job: &Job, sql: &str, limit: usize) -> Option<ResultSet> {
    job.adapter.lock().query(sql, Some(limit)).ok()
}

/// Whether the limit leaves no failing row out.
fn is_complete(job: &Job, sql: &str, failures: u64, limit: usize) -> bool {
    let config = &job.node.config;
    let limit = limit as u64;
    let counts_rows = config.text("fail_calc").is_none_or(|calc| calc.trim() == "count(*)");
    let found = if counts_rows {
        Some(failures)
    } else {
        let count = format!(
            "select count(*) from (\nselect 1 as one from (\n{sql}\n) failing_rows limit {}\n) counted",
            limit.saturating_add(1)
        );
        match query(job, &count, 1).as_ref().and_then(|answer| answer.rows.first()?.first()) {
            Some(Cell::Int(found)) => u64::try_from(*found).ok(),
            _ => None,
        }
    };
    // A test with a `limit` of its own does not look for more.
    let own = config.get("limit").map_or(u64::MAX, |own| own.as_u64().unwrap_or(0));
    found.is_some_and(|found| found <= limit && found < own)
}

/// The query of dbt's own `not_null` gives the column alone, which is null in each row: with the key
/// of what is tested, it tells which rows they are.
fn with_key(job: &Job, sql: &str) -> Option<String> {
    let test = job.node;
    let is_own = || test.depends_on_macros.iter().any(|id| &**id == "macro.dbt.test_not_null");
    let metadata = test.test_metadata.as_ref()?;
    if metadata.name != "not_null" || !is_own() {
        return None;
    }
    let column = test.column_name.as_deref()?;
    let rest = sql.trim_start().strip_prefix(&format!("select {column}\nfrom "))?;
    let mut key = tested_key(job);
    key.retain(|part| !is_same(part, column));
    let key = if key.is_empty() { return None } else { key.join(", ") };
    Some(format!("select {key}, {column}\nfrom {rest}"))
}

fn tested_key(job: &Job) -> Vec<String> {
    let manifest = &job.runner.compiler.manifest;
    job.node.attached_node.as_ref().map(|id| manifest.key_columns(id)).unwrap_or_default()
}

/// The places of the columns that tell the rows apart: the key of what is tested, or of a singular
/// test the first key of what it reads that is there whole; or else what the test is about. Empty
/// where only the whole row does.
fn key_of(job: &Job, columns: &[Column]) -> Vec<usize> {
    let place = |name: &String| columns.iter().position(|column| is_same(&column.name, name));
    let places = |names: &[String]| -> Option<Vec<usize>> {
        let mut found = names.iter().map(place).collect::<Option<Vec<usize>>>()?;
        found.dedup();
        Some(found).filter(|found| !found.is_empty())
    };
    let (test, manifest) = (job.node, &job.runner.compiler.manifest);
    let keys = match (&test.attached_node, test.resource_type) {
        (Some(_), _) => vec![tested_key(job)],
        (None, ResourceType::Test) => {
            test.depends_on.iter().map(|id| manifest.key_columns(id)).collect()
        }
        _ => Vec::new(),
    };
    let key = keys.iter().find_map(|key| places(key));
    key.or_else(|| about(test).iter().find_map(|names| places(names))).unwrap_or_default()
}

/// The columns that a generic test is about, under the names that its result may have.
fn about(test: &Node) -> Vec<Vec<String>> {
    let Some(metadata) = &test.test_metadata else { return Vec::new() };
    let field = match metadata.name.as_str() {
        // Its column is null in each row.
        "not_null" => return Vec::new(),
        "unique" => Some("unique_field"),
        "accepted_values" => Some("value_field"),
        "relationships" => Some("from_field"),
        _ => None,
    };
    let own = test.column_name.clone();
    let named = metadata.kwargs.iter().filter(|(name, _)| *name != "model");
    let named = named.filter_map(|(_, value)| match value {
        serde_json::Value::String(text) => Some(vec![text.clone()]),
        serde_json::Value::Array(many) => {
            many.iter().map(|one| one.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    });
    let single = own.into_iter().chain(field.map(str::to_owned)).map(|name| vec![name]);
    single.chain(named).collect()
}

/// Whether two names mean one column; a name in a project may stand in quotes.
fn is_same(name: &str, other: &str) -> bool {
    name.trim_matches('"').eq_ignore_ascii_case(other.trim_matches('"'))
}
