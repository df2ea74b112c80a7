//! What dbt's `adapter` does for macros that load seeds: types of the columns of a table, statements
//! with values beside them.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::Arguments;
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
use crate::jinja::host::Statement;
use crate::jinja::values::{is_decimal, py_str};
use crate::relation::quote_literal;

/// The methods of this file.
pub(super) const METHODS: [&str; 5] = [
    "add_query",
    "convert_datetimes_to_strs",
    "convert_type",
    "get_binding_char",
    "get_seed_file_path",
];

/// Calls one of [`METHODS`].
pub(super) fn call(context: &Context, method: &str, args: &[Value]) -> Result<Value, Error> {
    let adapter = context.shared.fixed.adapter;
    match method {
        "add_query" => add_query(context, args),
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
    if let Some(bindings) = args.get("bindings") {
        if bindings.kind() == ValueKind::Map {
            return Err(fail(Code::JINJA_RUNTIME, "add_query takes a list of bindings"));
        }
        let values: Vec<Value> = bindings.try_iter()?.collect();
        sql = bound(&sql, &values, context.shared.fixed.adapter == "duckdb")?;
    }
    if let Some(database) = context.database()? {
        let how = Statement { fetch: false, auto_begin: args.flag("auto_begin", true) };
        database.run(&sql, how).map_err(carry)?;
    }
    Ok(Value::from(()))
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
