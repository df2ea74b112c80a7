//! What a database holds, as plain data: relations, columns and rows of a result.
//!
//! Shared by the Jinja context (which shows them to templates) and the engines (which make them).
//! No SQL dialect lives here but the quoting of identifiers, which is the same on both engines.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::checksum;

/// What kind of object a relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    Table,
    View,
    MaterializedView,
    /// A common table expression: an ephemeral model.
    Cte,
    External,
    /// A user-defined function.
    Function,
}

impl RelationKind {
    /// dbt's name of the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            RelationKind::Table => "table",
            RelationKind::View => "view",
            RelationKind::MaterializedView => "materialized_view",
            RelationKind::Cte => "cte",
            RelationKind::External => "external",
            RelationKind::Function => "function",
        }
    }
}

/// Which parts of a name stand in quotes: dbt's `quoting`. All of them where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quoting {
    pub database: bool,
    pub schema: bool,
    pub identifier: bool,
}

impl Default for Quoting {
    fn default() -> Self {
        Quoting { database: true, schema: true, identifier: true }
    }
}

impl Quoting {
    /// The same with what a `quoting:` mapping says.
    #[must_use]
    pub fn with(self, config: &serde_json::Map<String, serde_json::Value>) -> Self {
        let part = |name: &str, own: bool| {
            config.get(name).and_then(serde_json::Value::as_bool).unwrap_or(own)
        };
        Quoting {
            database: part("database", self.database),
            schema: part("schema", self.schema),
            identifier: part("identifier", self.identifier),
        }
    }
}

/// The name of a table or view, with what is known of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Relation {
    pub database: Option<String>,
    pub schema: Option<String>,
    pub identifier: String,
    /// None where it is not known or does not matter.
    pub kind: Option<RelationKind>,
    pub quoting: Quoting,
    /// Text that stands in for the name where it is not a name: an external source's
    /// `read_csv(…)`, an ephemeral model's `__dbt__cte__x`.
    pub verbatim: Option<String>,
    /// Of what `ref` and `source` give: which of its rows they let through.
    pub rows: Option<Arc<RowFilter>>,
}

/// Which rows of a relation a template reads where it prints the relation: dbt's `--empty`, and
/// the spans of event time of samples and batches. `render()` in a template passes it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RowFilter {
    /// None at all.
    pub empty: bool,
    /// Those that a condition holds for.
    pub condition: Option<String>,
    /// Whether the engine wants a name for a query in brackets.
    pub named: bool,
}

impl RowFilter {
    /// The query that stands for the relation called `name`, which is `sql`.
    pub fn around(&self, sql: String, name: &str) -> String {
        let alias = |what: &str| {
            if self.named { format!(" _dbt_{what}_subq_{name}") } else { String::new() }
        };
        let mut out = sql;
        if self.empty {
            out = format!("(select * from {out} where false limit 0){}", alias("limit"));
        }
        if let Some(condition) = &self.condition {
            out = format!("(select * from {out} where {condition}){}", alias("et_filter"));
        }
        out
    }
}

impl Relation {
    /// A relation of three parts.
    pub fn new(database: &str, schema: &str, identifier: &str) -> Self {
        Relation {
            database: Some(database.to_owned()),
            schema: Some(schema.to_owned()),
            identifier: identifier.to_owned(),
            kind: None,
            quoting: Quoting::default(),
            verbatim: None,
            rows: None,
        }
    }

    /// The same name with a kind.
    #[must_use]
    pub fn with_kind(mut self, kind: RelationKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The same place with another identifier.
    #[must_use]
    pub fn with_identifier(&self, identifier: impl Into<String>) -> Self {
        Relation { identifier: identifier.into(), verbatim: None, rows: None, ..self.clone() }
    }

    /// The same place under a longer name, for what is made beside a relation. Where PostgreSQL would
    /// cut the name off, it is shortened so that the names of two relations stay different.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        const MOST: usize = 63;
        let name = &self.identifier;
        if name.len() + suffix.len() <= MOST {
            return self.with_identifier(format!("{name}{suffix}"));
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let hash = format!("{:08x}", hasher.finish() as u32);
        let mut end = MOST - suffix.len() - hash.len();
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        self.with_identifier(format!("{}{hash}{suffix}", &name[..end]))
    }

    /// The relation as it stands in SQL: `"db"."schema"."name"`, or the verbatim text.
    pub fn render(&self) -> String {
        if let Some(text) = &self.verbatim {
            return text.clone();
        }
        let mut out = String::new();
        let quoting = self.quoting;
        let around = [(&self.database, quoting.database), (&self.schema, quoting.schema)];
        for (part, quote) in around {
            let Some(part) = part else { continue };
            out.push_str(&name_in_sql(part, quote));
            out.push('.');
        }
        out.push_str(&name_in_sql(&self.identifier, quoting.identifier));
        out
    }

    /// The relation under the names that PostgreSQL knows: it turns what is not quoted to lower case.
    #[must_use]
    pub fn folded(&self) -> Relation {
        let fold = |part: &str, quoted: bool| {
            if quoted { part.to_owned() } else { part.to_lowercase() }
        };
        Relation {
            database: self.database.as_deref().map(|part| fold(part, self.quoting.database)),
            schema: self.schema.as_deref().map(|part| fold(part, self.quoting.schema)),
            identifier: fold(&self.identifier, self.quoting.identifier),
            quoting: Quoting::default(),
            ..self.clone()
        }
    }
}

/// A part of a name as it stands in SQL.
pub fn name_in_sql(name: &str, quote: bool) -> Cow<'_, str> {
    if quote { quote_identifier(name).into() } else { name.into() }
}

/// An identifier in double quotes, inner ones doubled: safe against any character.
pub fn quote_identifier(name: &str) -> String {
    quoted(name, '"')
}

/// A string literal in single quotes, inner ones doubled.
pub fn quote_literal(text: &str) -> String {
    quoted(text, '\'')
}

fn quoted(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for (at, part) in text.split(quote).enumerate() {
        if at > 0 {
            out.extend([quote, quote]);
        }
        out.push_str(part);
    }
    out.push(quote);
    out
}

/// A column of a relation or a result: its name and its type in the engine's own words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Column {
    pub name: String,
    pub data_type: String,
}

/// One value of a result. Exact: decimals, dates and times keep the engine's own text.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// Digits with a point, as the engine prints them.
    Decimal(String),
    Text(String),
    /// `YYYY-MM-DD`
    Date(String),
    /// `HH:MM:SS[.ffffff]`
    Time(String),
    /// `YYYY-MM-DD HH:MM:SS[.ffffff]`
    Timestamp(String),
    /// `YYYY-MM-DD HH:MM:SS[.ffffff]+00`, always in UTC
    TimestampTz(String),
    Interval(String),
    Uuid(String),
    Json(serde_json::Value),
    Bytes(Vec<u8>),
    List(Vec<Cell>),
    Struct(Vec<(String, Cell)>),
}

impl Cell {
    /// The value as JSON: decimals as numbers where they fit exactly, times as text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(b) => Value::Bool(*b),
            Cell::Int(i) => i64::try_from(*i).map_or_else(|_| i.to_string().into(), Value::from),
            Cell::Float(f) => {
                serde_json::Number::from_f64(*f).map_or_else(|| f.to_string().into(), Value::Number)
            }
            Cell::Decimal(s) => serde_json::from_str::<serde_json::Number>(s)
                .ok()
                .filter(|n| n.to_string() == *s)
                .map_or_else(|| s.clone().into(), Value::Number),
            Cell::Text(s)
            | Cell::Date(s)
            | Cell::Time(s)
            | Cell::Timestamp(s)
            | Cell::TimestampTz(s)
            | Cell::Interval(s)
            | Cell::Uuid(s) => Value::String(s.clone()),
            Cell::Json(j) => j.clone(),
            Cell::Bytes(b) => Value::String(checksum::hex(b)),
            Cell::List(l) => Value::Array(l.iter().map(Cell::to_json).collect()),
            Cell::Struct(fields) => {
                Value::Object(fields.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
            }
        }
    }

    /// The value as text for a table on a terminal or a CSV file; NULL is empty.
    pub fn to_text(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Text(s)
            | Cell::Decimal(s)
            | Cell::Date(s)
            | Cell::Time(s)
            | Cell::Timestamp(s)
            | Cell::TimestampTz(s)
            | Cell::Interval(s)
            | Cell::Uuid(s) => s.clone(),
            Cell::Int(i) => i.to_string(),
            other => match other.to_json() {
                serde_json::Value::String(s) => s,
                json => json.to_string(),
            },
        }
    }
}

/// The rows that a statement gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResultSet {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

/// dbt's `adapter_response`: what an engine says of a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// `OK` on DuckDB; PostgreSQL's command tag: `SELECT 3`, `INSERT 0 2`, `CREATE VIEW`.
    pub message: String,
    /// The tag without its numbers; empty on DuckDB, which has none.
    pub code: String,
    /// The rows that the statement changed, where told.
    pub rows_affected: Option<u64>,
}
