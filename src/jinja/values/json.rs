//! Between template values and JSON: the bridge to configuration and artifacts, and Python's
//! `json.dumps`.
//!
//! Reading always gives a [`List`] and a [`Dict`], so what comes from a file can be changed.

use std::fmt::Write;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};
use serde_json::{Map, Number, Value as Json};

use super::args::{error, iterate, type_name};
use super::decimal::Decimal;
use super::dict::{View, pairs_of};
use super::func::Generator;
use super::globals::Range;
use super::{Dict, List, Set, repr};

/// JSON as template values: arrays as [`List`], objects as [`Dict`].
pub fn from_json(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(flag) => Value::from(*flag),
        Json::Number(number) => {
            if let Some(int) = number.as_i64() {
                Value::from(int)
            } else if let Some(int) = number.as_u64() {
                Value::from(int)
            } else {
                Value::from(number.as_f64().unwrap_or(f64::NAN))
            }
        }
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => List::value(items.iter().map(from_json).collect()),
        Json::Object(map) => {
            Dict::value(map.iter().map(|(key, value)| (key.as_str(), from_json(value))))
        }
    }
}

/// A template value as JSON. Undefined is null, tuples and sets are arrays, keys become text as
/// Python's `json.dumps` makes them; decimals are numbers, dates and other objects their text.
///
/// # Errors
/// A float that JSON does not know, or an integer beyond 64 bits.
pub fn to_json(value: &Value) -> Result<Json, Error> {
    Ok(match value.kind() {
        ValueKind::Undefined | ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => Json::Number(number(value)?),
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            Json::Array(iterate(value)?.iter().map(to_json).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => Json::Object(
            pairs_of(value)?
                .iter()
                .map(|(k, v)| Ok((key_text(k), to_json(v)?)))
                .collect::<Result<Map<_, _>, Error>>()?,
        ),
        _ => match Decimal::of(value).map(|decimal| Number::from_f64(decimal.to_f64())) {
            Some(Some(number)) => Json::Number(number),
            _ => Json::String(repr::py_str(value)),
        },
    })
}

fn number(value: &Value) -> Result<Number, Error> {
    if value.is_integer() {
        if let Some(int) = value.as_i64() {
            return Ok(int.into());
        }
        return u64::try_from(value.clone())
            .map(Number::from)
            .map_err(|_| error(format!("{value} does not fit into a JSON number")));
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(Number::from_f64)
        .ok_or_else(|| error(format!("{} is not a JSON number", repr::py_repr(value))))
}

/// A key as `json.dumps` writes it.
fn key_text(key: &Value) -> String {
    match key.kind() {
        ValueKind::None => "null".to_owned(),
        ValueKind::Bool => key.is_true().to_string(),
        _ => repr::py_str(key),
    }
}

/// How `json.dumps` lays its output out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    pub sort_keys: bool,
    pub indent: Option<usize>,
}

/// `json.dumps(value)`: spaces after `,` and `:`, everything outside of ASCII escaped.
///
/// # Errors
/// A value that JSON has no form for: undefined, dates and other objects.
pub(super) fn dumps(value: &Value, style: Style) -> Result<String, Error> {
    let mut out = String::new();
    write(&mut out, value, style, 0)?;
    Ok(out)
}

fn write(out: &mut String, value: &Value, style: Style, depth: usize) -> Result<(), Error> {
    if depth > 200 {
        return Err(error("Circular reference detected"));
    }
    match value.kind() {
        ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::String => quote(out, value.as_str().unwrap_or_default()),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(float) if !value.is_integer() && float.is_nan() => out.push_str("NaN"),
            Ok(float) if !value.is_integer() && float.is_infinite() => {
                out.push_str(if float > 0.0 { "Infinity" } else { "-Infinity" });
            }
            _ => out.push_str(&repr::py_repr(value)),
        },
        // What Python makes item by item has no form of its own.
        ValueKind::Seq | ValueKind::Iterable if !is_lazy(value) => {
            let items = iterate(value)?;
            surround(out, ['[', ']'], &items, style, depth, |out, item| {
                write(out, item, style, depth + 1)
            })?;
        }
        ValueKind::Map => {
            let mut pairs: Vec<(String, Value)> =
                pairs_of(value)?.into_iter().map(|(k, v)| (key_text(&k), v)).collect();
            if style.sort_keys {
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
            }
            surround(out, ['{', '}'], &pairs, style, depth, |out, (key, item)| {
                quote(out, key);
                out.push_str(": ");
                write(out, item, style, depth + 1)
            })?;
        }
        _ => {
            let name = type_name(value);
            return Err(error(format!("Object of type {name} is not JSON serializable")));
        }
    }
    Ok(())
}

/// Sets, views of dicts, ranges and generators.
fn is_lazy(value: &Value) -> bool {
    value.downcast_object_ref::<Set>().is_some()
        || value.downcast_object_ref::<View>().is_some()
        || value.downcast_object_ref::<Range>().is_some()
        || value.downcast_object_ref::<Generator>().is_some()
}

fn surround<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: &[T],
    style: Style,
    depth: usize,
    mut write_item: impl FnMut(&mut String, &T) -> Result<(), Error>,
) -> Result<(), Error> {
    let line = |out: &mut String, depth: usize, otherwise: &str| match style.indent {
        Some(width) => {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
        None => out.push_str(otherwise),
    };
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        line(out, depth + 1, if index > 0 { " " } else { "" });
        write_item(out, item)?;
    }
    if !items.is_empty() {
        line(out, depth, "");
    }
    out.push(close);
    Ok(())
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for ch in text.chars() {
        match ch {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(ch),
            _ => {
                for unit in ch.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}
