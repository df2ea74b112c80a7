//! Results → rows of the store's tables, as plain data that can also wait in a file.
//!
//! Keys are made here, so that a row that is sent twice is stored once; they grow with time, so that
//! new ones lie together in an index. Nothing is sent here.

use jiff::Timestamp;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::rules::RuleTerms;
use crate::checksum::sha256;
use crate::clock;
use crate::relation::{Cell, ResultSet};
use crate::run::{DataLoad, FailingRows, InvocationInfo, RunResult, Status};

/// All rows that one result makes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Entry {
    pub(super) task: Option<TaskRow>,
    pub(super) loads: Vec<LoadRow>,
    pub(super) check: Option<CheckRow>,
    pub(super) failures: Vec<FailureRow>,
}

/// A row of `etl_orchestration.task_executions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskRow {
    pub task_id: Uuid,
    pub run_id: Uuid,
    pub unique_id: String,
    pub resource_type: String,
    pub name: String,
    pub engine: String,
    pub context: Option<String>,
    pub materialization: String,
    pub relation: Option<String>,
    pub status: String,
    pub rows_affected: Option<u64>,
    pub bytes: Option<u64>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub duration_ms: u64,
    pub compiled_sql_hash: Option<String>,
    pub message: Option<String>,
    pub retry_of: Option<Uuid>,
    pub thread: usize,
}

/// A row of `etl_orchestration.data_loads`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LoadRow {
    pub load_id: Uuid,
    pub run_id: Uuid,
    pub task_id: Option<Uuid>,
    pub kind: String,
    pub unique_id: String,
    pub source_engine: Option<String>,
    pub target_engine: String,
    pub source: String,
    pub target: String,
    pub rows_loaded: Option<u64>,
    pub bytes_loaded: Option<u64>,
    pub duration_ms: u64,
    pub status: String,
    pub loaded_at: Timestamp,
}

/// A row of `data_quality.quality_checks`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CheckRow {
    pub check_id: Uuid,
    pub run_id: Uuid,
    pub rule_id: Uuid,
    pub target: String,
    pub status: String,
    pub failures: Option<u64>,
    pub severity: String,
    pub warn_if: String,
    pub error_if: String,
    pub duration_ms: u64,
    pub message: Option<String>,
    pub checked_at: Timestamp,
    pub compiled_sql_hash: Option<String>,
    pub row_columns: Option<Vec<String>>,
    pub key_columns: Option<usize>,
    pub rows_complete: bool,
}

/// A row of `data_quality.quality_failures`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FailureRow {
    pub check_id: Uuid,
    pub run_id: Uuid,
    pub rule_id: Uuid,
    pub target: String,
    pub row_number: usize,
    pub row_data: Box<RawValue>,
    /// The same for the same row of the same rule; `None` where it cannot be recognised.
    pub incident_id: Option<Uuid>,
    /// The columns of the key; `None` where that is the whole row.
    pub row_key: Option<Box<RawValue>>,
    pub recorded_at: Timestamp,
}

impl Entry {
    /// The rows of a result of a run; of a test, `rule` are its terms.
    pub(super) fn of(run: &InvocationInfo, result: &RunResult, rule: Option<&RuleTerms>) -> Entry {
        let run_id = run.invocation_id;
        let task_id = Uuid::now_v7();
        let duration_ms = millis(result.execution_time);
        let message = result.message.as_deref().map(clean);
        let compiled_sql_hash = result.compiled_code.as_deref().map(sha256);
        let task = TaskRow {
            task_id,
            run_id,
            unique_id: clean(&result.unique_id),
            resource_type: result.resource_type.as_str().to_owned(),
            name: clean(&result.name),
            engine: result.engine.to_string(),
            context: result.group.clone(),
            materialization: result.materialization.clone(),
            relation: result.relation_name.as_deref().map(clean),
            status: task_status(result.status).to_owned(),
            rows_affected: result.rows_affected,
            bytes: result.bytes,
            started_at: result.started_at(),
            finished_at: result.completed_at(),
            duration_ms,
            compiled_sql_hash: compiled_sql_hash.clone(),
            message: message.clone(),
            retry_of: result.retry_of,
            thread: result.thread,
        };
        let loads = result.loads.iter().map(|load| load_row(run_id, Some(task_id), load));
        let mut entry = Entry { task: Some(task), loads: loads.collect(), ..Entry::default() };
        let Some(rule) = rule else { return entry };
        let check_id = Uuid::now_v7();
        let checked_at = result.completed_at().unwrap_or_else(clock::now);
        let mut check = CheckRow {
            check_id,
            run_id,
            rule_id: rule.rule_id,
            target: clean(&run.target),
            status: check_status(result.status).to_owned(),
            failures: result.failures,
            severity: rule.severity.clone(),
            warn_if: rule.warn_if.clone(),
            error_if: rule.error_if.clone(),
            duration_ms,
            message,
            checked_at,
            compiled_sql_hash,
            row_columns: None,
            key_columns: None,
            rows_complete: result.status == Status::Pass && result.failures == Some(0),
        };
        if let Some(FailingRows { rows, key, recognisable, complete }) = &result.failing_rows {
            let columns = column_names(rows);
            let texts = rows.rows.iter().filter_map(|row| {
                let whole = row_text(columns.iter().zip(row))?;
                let of_key = row_text(columns.iter().zip(row).take(*key))?;
                Some((whole, (*key > 0).then_some(of_key)))
            });
            entry.failures = texts
                .enumerate()
                .map(|(at, (row_data, row_key))| FailureRow {
                    check_id,
                    run_id,
                    rule_id: rule.rule_id,
                    target: check.target.clone(),
                    row_number: at + 1,
                    incident_id: recognisable.then(|| {
                        incident_id(
                            rule.rule_id,
                            &run.target,
                            row_key.as_ref().unwrap_or(&row_data),
                        )
                    }),
                    row_data,
                    row_key,
                    recorded_at: checked_at,
                })
                .collect();
            check.rows_complete = *complete;
            check.row_columns = Some(columns);
            check.key_columns = Some(*key);
        }
        entry.check = Some(check);
        entry
    }

    /// The row of a load that belongs to no node's result.
    pub(super) fn of_load(run_id: Uuid, load: &DataLoad) -> Entry {
        Entry { loads: vec![load_row(run_id, None, load)], ..Entry::default() }
    }
}

fn load_row(run_id: Uuid, task_id: Option<Uuid>, load: &DataLoad) -> LoadRow {
    LoadRow {
        load_id: Uuid::now_v7(),
        run_id,
        task_id,
        kind: load.kind.as_str().to_owned(),
        unique_id: clean(&load.unique_id),
        source_engine: load.source_engine.as_deref().map(str::to_owned),
        target_engine: load.target_engine.to_string(),
        source: clean(&load.source),
        target: clean(&load.target),
        rows_loaded: load.rows,
        bytes_loaded: load.bytes,
        duration_ms: millis(load.duration),
        status: load.status.as_str().to_owned(),
        loaded_at: load.loaded_at,
    }
}

fn check_status(status: Status) -> &'static str {
    match status {
        Status::Success | Status::Pass | Status::NoOp => "pass",
        Status::Warn => "warn",
        Status::Fail => "fail",
        Status::Error | Status::Cancelled | Status::PartialSuccess => "error",
        Status::Skipped => "skipped",
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Text that PostgreSQL takes: it cannot store a zero character.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "")
}

/// The names of columns as keys of an object: one that comes twice gets a number.
fn column_names(rows: &ResultSet) -> Vec<String> {
    let mut keys: Vec<String> = Vec::with_capacity(rows.columns.len());
    for column in &rows.columns {
        let name = clean(&column.name);
        let taken = |candidate: &String| keys.contains(candidate);
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let key = std::iter::once(name.clone()).chain(numbered).find(|c| !taken(c));
        keys.push(key.unwrap_or(name));
    }
    keys
}

/// A row, or a part of it, as a JSON object. Decimals keep all their digits, as numbers.
fn row_text<'a>(cells: impl Iterator<Item = (&'a String, &'a Cell)>) -> Option<Box<RawValue>> {
    let mut out = String::from("{");
    for (at, (key, cell)) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_text(&mut out, key);
        out.push(':');
        push_cell(&mut out, cell);
    }
    out.push('}');
    RawValue::from_string(out).ok()
}

/// The same row of the same rule on the same target always has the same id.
fn incident_id(rule_id: Uuid, target: &str, key: &RawValue) -> Uuid {
    let of_rule = Md5::new().chain_update(rule_id.as_bytes()).chain_update(target);
    let digest = of_rule.chain_update([0]).chain_update(key.get());
    uuid::Builder::from_md5_bytes(digest.finalize().into()).into_uuid()
}

fn push_cell(out: &mut String, cell: &Cell) {
    match cell {
        Cell::Decimal(text) if is_json_number(text) => out.push_str(text),
        Cell::Int(int) => out.push_str(&int.to_string()),
        Cell::List(cells) => {
            out.push('[');
            for (at, cell) in cells.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_cell(out, cell);
            }
            out.push(']');
        }
        Cell::Struct(fields) => {
            out.push('{');
            for (at, (key, cell)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_text(out, key);
                out.push(':');
                push_cell(out, cell);
            }
            out.push('}');
        }
        Cell::Json(json) => push_json(out, json),
        other => push_json(out, &other.to_json()),
    }
}

fn push_json(out: &mut String, json: &serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::String(text) => push_text(out, text),
        Value::Array(_) | Value::Object(_) => {
            // Backslashes come in pairs in JSON text, but for the one that starts an escape.
            let text = json.to_string();
            let mut rest = text.as_str();
            while let Some(at) = rest.find('\\') {
                let (before, escape) = rest.split_at(at);
                out.push_str(before);
                let length = if escape.starts_with("\\u") { 6 } else { 2 };
                let (escape, after) = escape.split_at(length.min(escape.len()));
                if escape != "\\u0000" {
                    out.push_str(escape);
                }
                rest = after;
            }
            out.push_str(rest);
        }
        simple => out.push_str(&simple.to_string()),
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::String(clean(text)).to_string());
}

/// Whether digits as an engine prints them are a number in JSON as well: `-12.50`, but not `NaN`.
fn is_json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

/// A model of which some batches failed is one that failed; its message says how many.
fn task_status(status: Status) -> &'static str {
    match status {
        Status::PartialSuccess => Status::Error.as_str(),
        other => other.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relation::Column;

    #[test]
    fn rows_become_exact_json() {
        let column = |name: &str| Column { name: name.into(), data_type: "x".into() };
        let rows = ResultSet {
            columns: vec![column("id"), column("id"), column("price"), column("note"), column("j")],
            rows: vec![vec![
                Cell::Int(i128::from(u64::MAX)),
                Cell::Null,
                Cell::Decimal("12.50".into()),
                Cell::Text("a\0\"b\"\n\\u0000".into()),
                Cell::Json(serde_json::json!({"k": ["x\0y", "\\u0000"]})),
            ]],
        };
        let text = row_text(column_names(&rows).iter().zip(&rows.rows[0])).unwrap();
        assert_eq!(
            text.get(),
            concat!(
                r#"{"id":18446744073709551615,"id_2":null,"price":12.50,"#,
                r#""note":"a\"b\"\n\\u0000","j":{"k":["xy","\\u0000"]}}"#
            )
        );
    }

    #[test]
    fn only_numbers_pass_as_numbers() {
        for (text, expected) in [
            ("0.10", true),
            ("-5", true),
            ("007", false),
            ("NaN", false),
            (".5", false),
            ("", false),
        ] {
            assert_eq!(is_json_number(text), expected, "{text}");
        }
    }
}
