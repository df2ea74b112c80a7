//! What dbt's `adapter` does for macros that load seeds: types of the columns of a table, statements
//! with values beside them, and the rows that statements give without a table around them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::Arguments;
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
use crate::jinja::host::Statement;
use crate::jinja::values::{List, cell, is_decimal, py_str};
use crate::relation::{Cell, ResultSet, quote_literal};

/// The methods of this file.
pub(super) const METHODS: [&str; 6] = [
    "add_query",
    "convert_datetimes_to_strs",
    "convert_type",
    "get_binding_char",
    "get_seed_file_path",
    "run_sql_for_tests",
];

/// Calls one of [`METHODS`].
pub(super) fn call(context: &Context, method: &str, args: &[Value]) -> Result<Value, Error> {
    let adapter = context.shared.fixed.adapter;
    match method {
        "add_query" => add_query(context, args),
        "run_sql_for_tests" => run_sql_for_tests(context, args),
        "convert_type" => {
            let args = Arguments::new(args, &["agate_table", "col_idx"])?;
            let table = args.get("agate_table").unwrap_or_default();
            let index = args.get("col_idx").unwrap_or_default();
            let column = table.get_attr("columns")?.get_item(&index)?;
            Ok(converted(&py_str(&column.get_attr("data_type")?)).into())
        }
        // Times are bound as texts in any case.
        "convert_datetimes_to_strs" => Ok(args.first().cloned().unwrap_or_default()),
        "get_binding_char" => Ok(if adapter == "duckdb" { "?" } else { "%s" }.into()),
        _ => {
            let model = args.first().cloned().unwrap_or_default();
            let part = |key: &str| model.get_attr(key).map(|value| py_str(&value));
            let path = std::path::Path::new(&part("root_path")?).join(part("original_file_path")?);
            Ok(path.to_string_lossy().into_owned().into())
        }
    }
}

/// dbt's type for a column of a table, from the type that we know it under.
fn converted(data_type: &str) -> &'static str {
    match data_type.to_lowercase().split('(').next().unwrap_or_default().trim() {
        "bigint" | "int8" | "hugeint" | "ubigint" => "bigint",
        "integer" | "int" | "int2" | "int4" | "smallint" | "tinyint" => "integer",
        "double" | "float" | "float4" | "float8" | "real" | "numeric" | "decimal"
        | "double precision" => "float8",
        "boolean" | "bool" => "boolean",
        "date" => "date",
        "time" => "time",
        kind if kind.starts_with("timestamp") => "timestamp without time zone",
        _ => "text",
    }
}

/// `add_query(sql, auto_begin, bindings)`: runs a statement, with values for its placeholders.
fn add_query(context: &Context, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["sql", "auto_begin", "bindings", "abridge_sql_log"])?;
    let mut sql = args.required("sql");
    let bindings = args.get("bindings");
    // What is bound is inserted: nobody reads rows of it.
    let fetch = bindings.is_none();
    if let Some(bindings) = bindings {
        if bindings.kind() == ValueKind::Map {
            return Err(fail(Code::JINJA_RUNTIME, "add_query takes a list of bindings"));
        }
        let values: Vec<Value> = bindings.try_iter()?.collect();
        sql = bound(&sql, &values, context.shared.fixed.adapter == "duckdb")?;
    }
    if let Some(database) = context.database()? {
        let how = Statement { fetch, auto_begin: args.flag("auto_begin", true) };
        let rows = rows_of(&database.run(&sql, how).map_err(carry)?.rows);
        let cursor = Value::from_object(Cursor(Mutex::new(rows.into())));
        // dbt's connection is of use to dbt alone.
        return Ok(Tuple::from([Value::from(()), cursor]).into());
    }
    Ok(Tuple::from([Value::from(()), Value::from(())]).into())
}

/// `run_sql_for_tests(sql, fetch, conn)`: a statement by itself; the first row that it gives, all, or
/// none.
fn run_sql_for_tests(context: &Context, args: &[Value]) -> Result<Value, Error> {
    let Some(database) = context.database()? else { return Ok(Value::from(())) };
    let text = |at: usize| args.get(at).map(py_str).unwrap_or_default();
    let (rows, _) = database.execute(&text(0)).map_err(carry)?;
    let mut rows = rows_of(&rows).into_iter();
    Ok(match text(1).as_str() {
        "one" => rows.next().unwrap_or(Value::from(())),
        "all" => List::value(rows.collect()),
        _ => Value::from(()),
    })
}

/// Rows as Python's drivers give them: tuples.
fn rows_of(rows: &ResultSet) -> Vec<Value> {
    let value = |one: &Cell| match one {
        Cell::Float(number) => Value::from(*number),
        other => cell(other),
    };
    let row = |cells: &Vec<Cell>| Tuple::new(cells.iter().map(value).collect()).into();
    rows.rows.iter().map(row).collect()
}

/// The rows of a statement that nobody took yet.
#[derive(Debug)]
struct Cursor(Mutex<VecDeque<Value>>);

impl Object for Cursor {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let many = args.first().and_then(Value::as_usize).unwrap_or(1).min(rows.len());
        Ok(match method {
            "fetchone" => rows.pop_front().unwrap_or(Value::from(())),
            "fetchmany" => List::value(rows.drain(..many).collect()),
            "fetchall" => List::value(rows.drain(..).collect()),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}

/// A statement with literals in place of its placeholders: `?` of DuckDB, which is none within quotes,
/// or psycopg2's `%s`, which is one anywhere.
fn bound(sql: &str, values: &[Value], marks: bool) -> Result<String, Error> {
    let mut out = String::with_capacity(sql.len() + 8 * values.len());
    let mut values = values.iter();
    let mut next = |out: &mut String| match values.next() {
        Some(value) => {
            out.push_str(&literal(value));
            Ok(())
        }
        None => Err(fail(Code::JINJA_RUNTIME, "add_query: there are fewer bindings than places")),
    };
    let (mut quote, mut characters) = (None, sql.chars());
    while let Some(c) = characters.next() {
        match c {
            '?' if marks && quote.is_none() => next(&mut out)?,
            '%' if !marks => match characters.next() {
                Some('s') => next(&mut out)?,
                Some('%') => out.push('%'),
                other => {
                    out.push('%');
                    out.extend(other);
                }
            },
            '\'' | '"' => {
                match quote {
                    None => quote = Some(c),
                    Some(open) if open == c => quote = None,
                    Some(_) => {}
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    match values.next() {
        None => Ok(out),
        Some(_) => Err(fail(Code::JINJA_RUNTIME, "add_query: there are more bindings than places")),
    }
}

fn literal(value: &Value) -> String {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => "null".to_owned(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number => py_str(value),
        _ if is_decimal(value) => py_str(value),
        _ => quote_literal(&py_str(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_places_of_marks() {
        let values = [Value::from(1), Value::from("o'k"), Value::from(()), Value::from(true)];
        let of = |sql, marks| bound(sql, &values, marks).expect("as many values as places");
        assert_eq!(of("values (?, ?, ?, ?, '?')", true), "values (1, 'o''k', null, true, '?')");
        assert_eq!(
            of("values (%s, %s, %s, %s, '5%%')", false),
            "values (1, 'o''k', null, true, '5%')"
        );
        assert!(bound("values (?)", &values, true).is_err());
        assert!(bound("values (?, ?, ?, ?, ?)", &values, true).is_err());
    }
}
