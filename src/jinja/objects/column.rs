//! dbt's `Column`: a name and a type taken apart as the adapter's own class does it, and
//! `api.Column`, which makes them. It never asks a database.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::Arguments;
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::fail;
use crate::jinja::values::{List, py_repr, py_str};
use crate::relation::Column;

const STRINGS: &[&str] = &["text", "character varying", "character", "varchar"];
const FLOATS: &[&str] = &["real", "float4", "float", "double precision", "float8", "double"];
const DUCKDB_FLOATS: &[&str] = &["real", "float", "float4", "float8", "double"];
const INTEGERS: &[&str] = &[
    "smallint",
    "integer",
    "bigint",
    "smallserial",
    "serial",
    "bigserial",
    "int2",
    "int4",
    "int8",
    "serial2",
    "serial4",
    "serial8",
];
const DUCKDB_INTEGERS: &[&str] = &[
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "hugeint",
    "utinyint",
    "usmallint",
    "uinteger",
    "ubigint",
    "int1",
    "int2",
    "int4",
    "int8",
    "short",
    "int",
    "signed",
    "long",
];

/// A column as templates see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnObject {
    name: String,
    dtype: String,
    char_size: Option<i64>,
    numeric_precision: Option<i64>,
    numeric_scale: Option<i64>,
    duckdb: bool,
}

impl ColumnObject {
    /// A column as the adapter (`duckdb` or `postgres`) describes it to dbt: DuckDB's types stay
    /// whole, PostgreSQL's come without their size, which stands beside them.
    pub fn new(column: Column, adapter: &str) -> Self {
        let mut object = ColumnObject {
            name: column.name,
            dtype: column.data_type,
            char_size: None,
            numeric_precision: None,
            numeric_scale: None,
            duckdb: adapter == "duckdb",
        };
        if !object.duckdb {
            object.take_apart();
        }
        object
    }

    /// With what DuckDB's information schema says of the size of its numbers.
    pub(super) fn described(mut self) -> Self {
        let name = self.dtype.to_uppercase();
        (self.numeric_precision, self.numeric_scale) = match name.as_str() {
            _ if !self.duckdb => return self,
            "TINYINT" | "UTINYINT" => (Some(8), Some(0)),
            "SMALLINT" | "USMALLINT" => (Some(16), Some(0)),
            "INTEGER" | "UINTEGER" => (Some(32), Some(0)),
            "BIGINT" | "UBIGINT" => (Some(64), Some(0)),
            "HUGEINT" | "UHUGEINT" => (Some(128), Some(0)),
            "FLOAT" => (Some(24), Some(0)),
            "DOUBLE" => (Some(53), Some(0)),
            _ => {
                let sizes = name.strip_prefix("DECIMAL(").and_then(|rest| rest.strip_suffix(')'));
                let sizes = sizes.and_then(|sizes| sizes.split_once(','));
                match sizes.map(|(first, second)| (first.parse(), second.trim().parse())) {
                    Some((Ok(precision), Ok(scale))) => (Some(precision), Some(scale)),
                    _ => return self,
                }
            }
        };
        self
    }

    /// `character varying(20)` → the type and its size; the precisions of PostgreSQL's own types.
    fn take_apart(&mut self) {
        let (precision, scale) = match self.dtype.as_str() {
            "smallint" => (Some(16), Some(0)),
            "integer" => (Some(32), Some(0)),
            "bigint" => (Some(64), Some(0)),
            "real" => (Some(24), None),
            "double precision" => (Some(53), None),
            _ => (None, None),
        };
        (self.numeric_precision, self.numeric_scale) = (precision, scale);
        let Some((base, rest)) = self.dtype.split_once('(') else { return };
        let Some((sizes, after)) = rest.split_once(')') else { return };
        if after.starts_with('[') {
            return;
        }
        let mut sizes = sizes.split(',').map(|size| size.trim().parse().ok());
        let (first, second) = (sizes.next().flatten(), sizes.next().flatten());
        match base {
            "numeric" => (self.numeric_precision, self.numeric_scale) = (first, second),
            "character varying" | "character" | "bit" | "bit varying" => self.char_size = first,
            _ => {}
        }
        self.dtype = format!("{base}{after}");
    }

    /// The column that a value is.
    pub fn of(value: &Value) -> Option<Arc<ColumnObject>> {
        value.downcast_object::<ColumnObject>()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn is(&self, types: &[&str]) -> bool {
        types.contains(&self.dtype.to_lowercase().as_str())
    }

    /// A text of some length.
    pub fn is_string(&self) -> bool {
        self.is(STRINGS)
    }

    fn is_float(&self) -> bool {
        self.is(if self.duckdb { DUCKDB_FLOATS } else { FLOATS })
    }

    fn is_integer(&self) -> bool {
        self.is(if self.duckdb { DUCKDB_INTEGERS } else { INTEGERS })
    }

    fn is_numeric(&self) -> bool {
        self.is(&["numeric", "decimal"])
    }

    fn is_struct(&self) -> bool {
        self.dtype.to_lowercase().starts_with("struct")
    }

    /// How long a text may be, as dbt counts: 256 where nothing is said.
    pub fn string_size(&self) -> i64 {
        if self.dtype == "text" { 256 } else { self.char_size.unwrap_or(256) }
    }

    /// Whether the other is a longer text than this one.
    pub fn can_expand_to(&self, other: &ColumnObject) -> bool {
        self.is_string() && other.is_string() && other.string_size() > self.string_size()
    }

    /// The type with its size, as it stands in SQL.
    pub fn data_type(&self) -> String {
        let sizeless = !self.duckdb
            && (self.is(&["text"])
                || (self.is(&["character varying"]) && self.char_size.is_none()));
        if sizeless {
            return self.dtype.clone();
        }
        if self.is_string() {
            return string_type(self.string_size());
        }
        match (self.numeric_precision, self.numeric_scale) {
            (Some(precision), Some(scale)) if self.is_numeric() => {
                format!("{}({precision},{scale})", self.dtype)
            }
            _ => self.dtype.clone(),
        }
    }

    /// Of a struct its fields, with the names of those around them: `a.b`.
    pub(super) fn flatten(&self) -> Vec<ColumnObject> {
        let inner = self.dtype.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        let Some(inner) = inner.filter(|_| self.is_struct()) else { return vec![self.clone()] };
        let mut flat = Vec::new();
        for field in split_fields(inner) {
            let Some((name, dtype)) = field.trim().split_once(' ') else { continue };
            let name = format!("{}.{name}", self.name);
            flat.extend(ColumnObject { name, dtype: dtype.to_owned(), ..self.clone() }.flatten());
        }
        flat
    }
}

/// At the commas outside of all brackets.
fn split_fields(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut fields) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                fields.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.push(&text[start..]);
    fields
}

fn string_type(size: impl fmt::Display) -> String {
    format!("character varying({size})")
}

fn number(value: Option<i64>) -> Value {
    value.map_or(Value::from(()), Value::from)
}

impl Object for ColumnObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.duckdb {
            return write!(f, "<Column {} ({})>", self.name, self.data_type());
        }
        let text = |text: &str| py_repr(&text.into());
        let size = |size| py_repr(&number(size));
        write!(
            f,
            "DuckDBColumn(column={}, dtype={}, char_size={}, numeric_precision={}, \
             numeric_scale={}, fields=[])",
            text(&self.name),
            text(&self.dtype),
            size(self.char_size),
            size(self.numeric_precision),
            size(self.numeric_scale)
        )
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some((**self).cmp(other.downcast_ref::<ColumnObject>()?))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "name" | "column" => self.name.as_str().into(),
            "quoted" => format!("\"{}\"", self.name).into(),
            "dtype" => self.dtype.as_str().into(),
            "data_type" | "expanded_data_type" => self.data_type().into(),
            "char_size" => number(self.char_size),
            "numeric_precision" => number(self.numeric_precision),
            "numeric_scale" => number(self.numeric_scale),
            "fields" if self.duckdb => List::value(Vec::new()),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        Ok(match method {
            "is_string" => self.is_string().into(),
            "is_float" => self.is_float().into(),
            "is_integer" => self.is_integer().into(),
            "is_numeric" => self.is_numeric().into(),
            "is_number" => (self.is_integer() || self.is_numeric() || self.is_float()).into(),
            "is_struct" if self.duckdb => self.is_struct().into(),
            "flatten" if self.duckdb => {
                List::value(self.flatten().into_iter().map(Value::from_object).collect())
            }
            "string_size" if !self.is_string() => {
                let message = "Called string_size() on non-string field!";
                return Err(fail(Code::JINJA_RUNTIME, message));
            }
            "string_size" => self.string_size().into(),
            "can_expand_to" => {
                let other = Arguments::new(args, &["other_column"])?.get("other_column");
                other
                    .as_ref()
                    .and_then(Self::of)
                    .is_some_and(|other| self.can_expand_to(&other))
                    .into()
            }
            "literal" => {
                let value = args.first().map(py_str).unwrap_or_default();
                format!("{value}::{}", self.data_type()).into()
            }
            _ => return ColumnFactory.method(state, method, args),
        })
    }
}

/// `api.Column`, dbt's class.
#[derive(Debug)]
pub struct ColumnFactory;

impl ColumnFactory {
    fn create(state: &State, args: &[Value], create: bool) -> Result<Value, Error> {
        let args = match create {
            true => Arguments::new(args, &["name", "label_or_dtype"])?,
            false => Arguments::new(
                args,
                &["column", "dtype", "char_size", "numeric_precision", "numeric_scale"],
            )?,
        };
        let dtype = args.text("dtype").or_else(|| args.text("label_or_dtype")).unwrap_or_default();
        let number = |name: &str| args.text(name).and_then(|text| text.parse().ok());
        Ok(Value::from_object(ColumnObject {
            name: args.text("column").or_else(|| args.text("name")).unwrap_or_default(),
            dtype: if create { translated(&dtype) } else { dtype },
            char_size: number("char_size"),
            numeric_precision: number("numeric_precision"),
            numeric_scale: number("numeric_scale"),
            duckdb: Context::of(state)?.shared.fixed.adapter == "duckdb",
        }))
    }

    /// `numeric(10,2)` → `numeric` with both numbers beside it.
    fn described(state: &State, args: &[Value]) -> Result<Value, Error> {
        let args = Arguments::new(args, &["name", "raw_data_type"])?;
        let raw = args.required("raw_data_type");
        let (dtype, sizes) = raw.split_once('(').unwrap_or((&raw, ""));
        let mut sizes = sizes.trim_end_matches(')').split(',').map(|size| size.trim().parse().ok());
        let (first, second) = (sizes.next().flatten(), sizes.next().flatten());
        Ok(Value::from_object(ColumnObject {
            name: args.required("name"),
            dtype: dtype.to_owned(),
            char_size: first.filter(|_| second.is_none()),
            numeric_precision: first.filter(|_| second.is_some()),
            numeric_scale: second,
            duckdb: Context::of(state)?.shared.fixed.adapter == "duckdb",
        }))
    }

    fn method(&self, state: &State, method: &str, args: &[Value]) -> Result<Value, Error> {
        Ok(match method {
            "create" => return Self::create(state, args, true),
            "from_description" => return Self::described(state, args),
            "translate_type" => {
                translated(&Arguments::new(args, &["dtype"])?.required("dtype")).into()
            }
            "string_type" => {
                string_type(Arguments::new(args, &["size"])?.text("size").unwrap_or_default())
                    .into()
            }
            "numeric_type" => {
                let args = Arguments::new(args, &["dtype", "precision", "scale"])?;
                match (args.text("precision"), args.text("scale")) {
                    (Some(p), Some(s)) => format!("{}({p},{s})", args.required("dtype")).into(),
                    _ => args.required("dtype").into(),
                }
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::UnknownMethod,
                    format!("a column has no method `{method}`"),
                ));
            }
        })
    }
}

/// A type under the name that the databases have for it, where dbt has one of its own.
pub fn translated(dtype: &str) -> String {
    if dtype.eq_ignore_ascii_case("string") { "TEXT".to_owned() } else { dtype.to_owned() }
}

impl Object for ColumnFactory {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Self::create(state, args, false)
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        self.method(state, method, args)
    }
}
