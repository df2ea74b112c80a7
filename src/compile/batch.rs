//! One batch of a microbatch model as its template sees it, and which rows of what it reads
//! belong to it. Which batches there are, and running them, is `run`'s business.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::DateTime;
use minijinja::Value;
use serde_json::Value as Json;

use super::host::CompileHost;
use crate::config::EngineKind;
use crate::config::event_time::{Grain, Window, shown};
use crate::jinja::values;
use crate::jinja::values::Dict;
use crate::manifest::{ColumnInfo, NodeConfig, ResourceType};
use crate::relation::{Relation, RowFilter};

/// A span of event time that a microbatch model is built for, in one statement.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    pub span: Window,
    pub size: Grain,
    /// Whether it comes into a table that is there; else it makes the table.
    pub incremental: bool,
    /// Pre-hooks run before the first batch of a run only, post-hooks after the last only.
    pub first: bool,
    pub last: bool,
}

impl Batch {
    /// Its beginning, as exact as its size: `2025-01-31`.
    pub fn label(&self) -> String {
        let at = self.span.start;
        match self.size {
            Grain::Year => at.strftime("%Y").to_string(),
            Grain::Month => at.strftime("%Y-%m").to_string(),
            Grain::Day => at.strftime("%Y-%m-%d").to_string(),
            Grain::Hour => at.strftime("%Y-%m-%dT%H").to_string(),
        }
    }

    /// Where its SQL is written: `m.sql` becomes `m/m_2025-01-31.sql`.
    pub fn path(&self, whole: &Path) -> PathBuf {
        let stem = whole.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension = whole.extension().map_or_else(String::new, |e| format!(".{}", e.display()));
        whole.with_file_name(&stem).join(format!("{stem}_{}{extension}", self.label()))
    }

    /// `model.batch`
    pub(super) fn value(&self) -> Value {
        Dict::value([
            ("id", Value::from(self.label().replace('-', ""))),
            ("event_time_start", time_value(self.span.start)),
            ("event_time_end", time_value(self.span.end)),
        ])
    }

    /// The keys of the configuration that a batch has of its own.
    pub(super) fn config(&self, key: &str) -> Option<Json> {
        Some(match key {
            "full_refresh" if self.incremental => false.into(),
            "pre-hook" if !self.first => Json::Array(Vec::new()),
            "post-hook" if !self.last => Json::Array(Vec::new()),
            "__dbt_internal_microbatch_event_time_start" => shown(self.span.start).into(),
            "__dbt_internal_microbatch_event_time_end" => shown(self.span.end).into(),
            _ => return None,
        })
    }

    /// `model` with the batch.
    pub(super) fn add_to(&self, model: &Value) -> Value {
        let pairs = |of: &Value| -> Vec<(Value, Value)> {
            let keys = of.try_iter().into_iter().flatten();
            keys.filter_map(|key| Some((key.clone(), of.get_item(&key).ok()?))).collect()
        };
        let out = Dict::value(pairs(model));
        let config = Dict::value(model.get_attr("config").map(|c| pairs(&c)).unwrap_or_default());
        let insert = |into: &Value, key: &str, value: Value| {
            if let Some(dict) = into.downcast_object_ref::<Dict>() {
                dict.insert(key.into(), value);
            }
        };
        let (start, end) = (time_value(self.span.start), time_value(self.span.end));
        insert(&config, "__dbt_internal_microbatch_event_time_start", start);
        insert(&config, "__dbt_internal_microbatch_event_time_end", end);
        insert(&out, "config", config);
        insert(&out, "batch", self.value());
        out
    }
}

fn time_value(at: DateTime) -> Value {
    let moment = jiff::tz::TimeZone::UTC.to_timestamp(at);
    moment.map_or(Value::from(()), |at| Value::from_object(values::DateTime::utc(at)))
}

/// What is known of something that is read: its configuration and columns.
pub(super) struct Read<'a> {
    pub config: &'a NodeConfig,
    pub columns: &'a indexmap::IndexMap<String, ColumnInfo>,
    /// `quoting: {column: true}`
    pub quote_columns: bool,
}

impl CompileHost {
    /// The rows of a relation that the node reads here.
    pub(super) fn let_through(&self, read: &Read, relation: Relation) -> Relation {
        let flags = &self.compiler.config.flags.rows;
        let batch = self.batch.as_ref();
        if !flags.empty && flags.sample.is_none() && batch.is_none() {
            return relation;
        }
        let span = match (batch, flags.sample) {
            (Some(batch), Some(sample)) => Some(batch.span.within(sample)),
            (Some(batch), None) => Some(batch.span),
            (None, sample) => sample,
        };
        let filters =
            matches!(self.node().resource_type, ResourceType::Model | ResourceType::Snapshot);
        let column = read.config.text("event_time").filter(|_| filters);
        let condition =
            column.zip(span).map(|(column, span)| span.condition(&quoted(column, read)));
        if !flags.empty && condition.is_none() {
            return relation;
        }
        let engine = self.compiler.config.target.engines.get(self.engine());
        let named = engine.is_some_and(|engine| engine.kind() == EngineKind::Postgres);
        let rows = RowFilter { empty: flags.empty, condition, named };
        Relation { rows: Some(Arc::new(rows)), ..relation }
    }
}

/// The column's name, in quotes where its properties say so.
fn quoted(column: &str, read: &Read) -> String {
    let described = read.columns.values().find(|info| info.name == column);
    let quote = described.and_then(|info| info.quote).unwrap_or(read.quote_columns);
    if quote { crate::relation::quote_identifier(column) } else { column.to_owned() }
}
