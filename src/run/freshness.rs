//! How old the data of sources is: the newest row by a column or a query of the source, against its
//! limits, as in <https://docs.getdbt.com/reference/resource-properties/freshness>.
//!
//! Nothing is written here; `artifacts::sources` does that.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::DateTime;
use minijinja::Value;
use serde_json::{Map, Value as Json};

use super::{ConnectionAdapter, Engines};
use crate::compile::Compiler;
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};
use crate::jinja::RelationObject;
use crate::jinja::values::{py_str, to_json};
use crate::manifest::{Source, UniqueId};
use crate::worker;

/// How a source is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreshnessStatus {
    Pass,
    Warn,
    Error,
    /// It could not be found out.
    RuntimeError,
}

impl FreshnessStatus {
    /// dbt's word.
    pub fn as_str(self) -> &'static str {
        match self {
            FreshnessStatus::Pass => "pass",
            FreshnessStatus::Warn => "warn",
            FreshnessStatus::Error => "error",
            FreshnessStatus::RuntimeError => "runtime error",
        }
    }
}

/// What came of one source.
#[derive(Debug, Clone)]
pub struct FreshnessResult {
    pub unique_id: UniqueId,
    pub status: FreshnessStatus,
    /// In UTC; of a source without rows, the first moment of the year 1.
    pub max_loaded_at: Option<DateTime>,
    pub snapshotted_at: Option<DateTime>,
    /// Seconds between the two.
    pub age: f64,
    /// The limits that it was held against.
    pub criteria: Json,
    pub message: Option<String>,
    /// What the engine said: `_message`, `code`, `rows_affected`.
    pub adapter_response: Map<String, Json>,
    pub started_at: Timestamp,
    pub completed_at: Timestamp,
    pub execution_time: Duration,
    pub thread: usize,
    /// Whether `collect_freshness` gave a table alone, as it did before dbt 1.5.
    pub bare_table: bool,
}

/// Who is told of each source: when it begins, and with its result when it ends; with its number.
pub type Told<'a> = dyn Fn(usize, &Source, Option<&FreshnessResult>) + Sync + 'a;

/// Asks for the freshness of sources, on as many threads as the target has.
pub fn freshness(
    compiler: &Arc<Compiler>,
    engines: &Arc<Engines>,
    sources: &[&Source],
    told: &Told<'_>,
) -> Vec<FreshnessResult> {
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<FreshnessResult>> = Mutex::default();
    let threads = compiler.config.target.threads.clamp(1, sources.len().max(1));
    let work = |thread: usize| {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(at) else { return };
            told(at + 1, source, None);
            let result = one(compiler, engines, source, thread);
            told(at + 1, source, Some(&result));
            results.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
    };
    worker::run(threads, work);
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a source has limits.
pub fn has_freshness(source: &Source) -> bool {
    let limits = |key: &str| {
        let time = source.freshness.as_ref().and_then(|freshness| freshness.get(key));
        time.is_some_and(|time| !time["count"].is_null() && !time["period"].is_null())
    };
    limits("warn_after") || limits("error_after")
}

fn one(
    compiler: &Arc<Compiler>,
    engines: &Arc<Engines>,
    source: &Source,
    thread: usize,
) -> FreshnessResult {
    let (started_at, timer) = (Timestamp::now(), Instant::now());
    let mut result = FreshnessResult {
        unique_id: source.unique_id.clone(),
        status: FreshnessStatus::RuntimeError,
        max_loaded_at: None,
        snapshotted_at: None,
        age: 0.0,
        criteria: source.freshness.clone().unwrap_or(Json::Null),
        message: None,
        adapter_response: Map::new(),
        started_at,
        completed_at: started_at,
        execution_time: Duration::ZERO,
        thread,
        bare_table: false,
    };
    match ask(compiler, engines, source) {
        Ok((answer, max_loaded_at, snapshotted_at)) => {
            result.adapter_response = response(&answer);
            result.bare_table = whole(&answer).is_none();
            let age = snapshotted_at.duration_since(max_loaded_at).as_secs_f64();
            result.age = age;
            result.status = status(&result.criteria, age);
            result.max_loaded_at = Some(max_loaded_at);
            result.snapshotted_at = Some(snapshotted_at);
        }
        Err(error) => {
            let notes = error.notes.iter().map(|note| format!("\n{note}"));
            result.message = Some(format!("{}{}", error.message, notes.collect::<String>()));
        }
    }
    result.execution_time = timer.elapsed();
    result.completed_at = Timestamp::now();
    result
}

/// The status of an age in seconds.
fn status(criteria: &Json, age: f64) -> FreshnessStatus {
    let exceeded = |key: &str| {
        let time = &criteria[key];
        let seconds = match time["period"].as_str() {
            Some("minute") => 60.0,
            Some("hour") => 3600.0,
            Some("day") => 86_400.0,
            _ => return false,
        };
        time["count"].as_f64().is_some_and(|count| age > count * seconds)
    };
    match (exceeded("error_after"), exceeded("warn_after")) {
        (true, _) => FreshnessStatus::Error,
        (_, true) => FreshnessStatus::Warn,
        _ => FreshnessStatus::Pass,
    }
}

/// What the macro answered, the newest moment in it and the present one, both in UTC.
fn ask(
    compiler: &Arc<Compiler>,
    engines: &Arc<Engines>,
    source: &Source,
) -> Result<(Value, DateTime, DateTime)> {
    let file = SourceFile::new(source.original_file_path.as_str(), "");
    let host = compiler.source_host(source, file);
    host.set_adapter(Arc::new(ConnectionAdapter::new(engines.connection(&source.engine)?)));
    let dialect = compiler.dialects.get(&source.engine);
    let relation = Value::from_object(RelationObject::new(source.relation()));
    let located = |error: Box<Diagnostic>| Box::new(error.or_at(source.location.clone()));
    let answer = match (&source.loaded_at_query, &source.loaded_at_field) {
        (Some(query), _) => {
            let query = dialect.render_str(query, source.location.clone(), host.clone())?;
            let arguments = vec![relation, query.into()];
            dialect.call_macro("collect_freshness_custom_sql", arguments, Vec::new(), host)
        }
        (None, Some(field)) => {
            let filter = source.freshness.as_ref().and_then(|f| f.get("filter")?.as_str());
            let filter = filter.map_or(Value::from(()), Value::from);
            let arguments = vec![relation, field.as_str().into(), filter];
            dialect.call_macro("collect_freshness", arguments, Vec::new(), host)
        }
        (None, None) => Err(Box::new(
            Diagnostic::error(
                Code::BAD_CONFIG,
                format!(
                    "Could not compute freshness for source {}: no 'loaded_at_field' provided and \
                     the engine `{}` does not support metadata-based freshness checks.",
                    source.name, source.engine
                ),
            )
            .help("Name the column of the load time with `loaded_at_field:`."),
        )),
    }
    .map_err(located)?;
    let (newest, now) = moments(&answer).map_err(|why| {
        located(Box::new(
            Diagnostic::error(Code::SQL, format!("The freshness of {} is not known", source.name))
                .note(why),
        ))
    })?;
    Ok((answer, newest, now))
}

/// What the engine said of the statement behind an answer.
fn response(answer: &Value) -> Map<String, Json> {
    let Ok(said) = answer.get_attr("response") else { return Map::new() };
    // DuckDB's says no more than that it went well.
    let has_code = said.get_attr("code").is_ok_and(|code| code.is_true());
    let keys = if has_code { &["_message", "code", "rows_affected"][..] } else { &["_message"] };
    keys.iter()
        .filter_map(|key| {
            let value = to_json(&said.get_attr(key).ok()?).ok()?;
            (!value.is_null()).then(|| ((*key).to_owned(), value))
        })
        .collect()
}

/// The table in an answer that is a whole result.
fn whole(answer: &Value) -> Option<Value> {
    answer.get_attr("table").ok().filter(|table| !table.is_undefined())
}

/// The two moments of the macro's answer: a result with a table, or a table.
fn moments(answer: &Value) -> std::result::Result<(DateTime, DateTime), String> {
    let table = whole(answer).unwrap_or_else(|| answer.clone());
    let rows = table.get_attr("rows").map_err(|error| error.to_string())?;
    let rows: Vec<Value> = rows.try_iter().map_err(|error| error.to_string())?.collect();
    let [row] = rows.as_slice() else {
        return Err(format!("it gave {} rows where there is one", rows.len()));
    };
    let cells: Vec<Value> = row.try_iter().map_err(|error| error.to_string())?.collect();
    let [newest, now, ..] = cells.as_slice() else {
        return Err("it gave fewer than two columns".to_owned());
    };
    let newest = match newest.is_none() {
        true => jiff::civil::date(1, 1, 1).at(0, 0, 0, 0),
        false => moment(newest)?,
    };
    Ok((newest, moment(now)?))
}

/// A timestamp in UTC; one without a zone is taken to be.
fn moment(value: &Value) -> std::result::Result<DateTime, String> {
    let text = py_str(value);
    // A date alone is no timestamp, in dbt as well.
    let zoned = text.parse::<Timestamp>().ok().or_else(|| text.replace(' ', "T").parse().ok());
    match zoned {
        Some(zoned) => Ok(jiff::tz::TimeZone::UTC.to_datetime(zoned)),
        None if text.len() > 10 => text
            .replace(' ', "T")
            .parse()
            .map_err(|_| format!("expected a timestamp value, but got '{text}'")),
        None => Err(format!("expected a timestamp value, but got '{text}'")),
    }
}
