//! Values as Python prints them: `str()` and `repr()`, and the formatter of the environment.
//!
//! Plain strings and integers are written straight through. It never escapes for HTML or SQL.

use std::fmt::{self, Write};
use std::sync::LazyLock;

use indexmap::IndexMap;
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Output, State, Value};
use regex::Regex;

use super::decimal::Decimal;
use super::dict::{View, pairs_of};
use super::{Dict, List, Set};

/// How deep containers are printed: a list that holds itself has no end.
const MAX_DEPTH: usize = 64;

/// `str(value)`; undefined is the empty string.
pub fn py_str(value: &Value) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_str(&mut out, value);
    out
}

/// `repr(value)`; undefined is `Undefined`.
pub fn py_repr(value: &Value) -> String {
    let mut out = String::new();
    let _ = write_repr(&mut out, value, 0);
    out
}

/// The formatter of the environment: what `{{ value }}` prints.
///
/// # Errors
/// The output cannot be written, or the value is an error that was kept for later.
pub(super) fn formatter(
    out: &mut Output<'_>,
    _state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if let (Some(text), ValueKind::String) = (value.as_str(), value.kind()) {
        return out.write_str(text).map_err(Error::from);
    }
    if value.kind() == ValueKind::Invalid {
        // Iterating an invalid value gives the error that it holds.
        value.try_iter()?;
    }
    write_str(out, value).map_err(Error::from)
}

/// Writes `str(value)`.
pub(super) fn write_str(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value.kind() {
        ValueKind::Undefined => Ok(()),
        ValueKind::String => out.write_str(value.as_str().unwrap_or_default()),
        ValueKind::Number | ValueKind::Bool | ValueKind::None | ValueKind::Bytes => {
            write_repr(out, value, 0)
        }
        _ if is_container(value) || is_namespace(value) => write_repr(out, value, 0),
        _ => write!(out, "{value}"),
    }
}

/// Writes `repr(value)`.
pub(super) fn write_repr(out: &mut dyn Write, value: &Value, depth: usize) -> fmt::Result {
    match value.kind() {
        ValueKind::Undefined => out.write_str("Undefined"),
        ValueKind::String => write_text(out, value.as_str().unwrap_or_default()),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(number) => write_float(out, number),
            Err(_) => write!(out, "{value}"),
        },
        ValueKind::Bytes => {
            out.write_str("b")?;
            write_bytes(out, value.as_bytes().unwrap_or_default())
        }
        ValueKind::None | ValueKind::Bool | ValueKind::Number => write!(out, "{value}"),
        _ => write_object(out, value, depth),
    }
}

fn is_container(value: &Value) -> bool {
    value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<Dict>().is_some()
        || value.is_tuple()
        || value.downcast_object_ref::<Vec<Value>>().is_some()
        || value.downcast_object_ref::<IndexMap<Value, Value>>().is_some()
}

/// Whether it is what `namespace()` makes: minijinja keeps the type to itself.
fn is_namespace(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"))
        && value.downcast_object_ref::<super::func::Namespace>().is_none()
}

fn write_object(out: &mut dyn Write, value: &Value, depth: usize) -> fmt::Result {
    if depth > MAX_DEPTH {
        return out.write_str("...");
    }
    let depth = depth + 1;
    if let Some(list) = value.downcast_object_ref::<List>() {
        return sequence(out, "[", &list.to_vec(), "]", depth);
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        return mapping(out, &dict.pairs(), depth);
    }
    if let Some(tuple) = value.downcast_object_ref::<Tuple>() {
        return sequence(out, "(", tuple, if tuple.len() == 1 { ",)" } else { ")" }, depth);
    }
    if let Some(items) = value.downcast_object_ref::<Vec<Value>>() {
        return sequence(out, "[", items, "]", depth);
    }
    if let Some(pairs) = value.downcast_object_ref::<IndexMap<Value, Value>>() {
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        return mapping(out, &pairs, depth);
    }
    if let Some(decimal) = Decimal::of(value) {
        return write!(out, "{decimal:?}");
    }
    if is_namespace(value) {
        out.write_str("<Namespace ")?;
        mapping(out, &pairs_of(value).unwrap_or_default(), depth)?;
        return out.write_str(">");
    }
    super::datetime::write_repr(out, value).unwrap_or_else(|| write!(out, "{value}"))
}

fn sequence(
    out: &mut dyn Write,
    open: &str,
    items: &[Value],
    close: &str,
    depth: usize,
) -> fmt::Result {
    out.write_str(open)?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write_repr(out, item, depth)?;
    }
    out.write_str(close)
}

fn mapping(out: &mut dyn Write, pairs: &[(Value, Value)], depth: usize) -> fmt::Result {
    out.write_str("{")?;
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.write_str(", ")?;
        }
        write_repr(out, key, depth)?;
        out.write_str(": ")?;
        write_repr(out, value, depth)?;
    }
    out.write_str("}")
}

/// Items between brackets, for an object's own `Debug`.
pub(super) fn write_items(
    out: &mut dyn Write,
    open: &str,
    items: &[Value],
    close: &str,
) -> fmt::Result {
    sequence(out, open, items, close, 0)
}

/// Pairs between braces, for an object's own `Debug`.
pub(super) fn write_pairs(out: &mut dyn Write, pairs: &[(Value, Value)]) -> fmt::Result {
    mapping(out, pairs, 0)
}

/// The Python name of an object's type that `args::type_name` does not know by its kind.
pub(super) fn object_type_name(value: &Value) -> &'static str {
    if value.downcast_object_ref::<Set>().is_some() {
        return "set";
    }
    if let Some(view) = value.downcast_object_ref::<View>() {
        return view.name();
    }
    if Decimal::of(value).is_some() {
        return "decimal.Decimal";
    }
    super::datetime::type_name(value).unwrap_or("object")
}

/// A string as Python's `repr` writes it: single quotes, unless only those are in the text.
pub(super) fn write_text(out: &mut dyn Write, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.write_char(quote)?;
    let mut plain_from = 0;
    for (at, ch) in text.char_indices() {
        let plain = if ch.is_ascii() {
            ch != quote && ch != '\\' && !ch.is_ascii_control()
        } else {
            is_printable(ch)
        };
        if plain {
            continue;
        }
        out.write_str(&text[plain_from..at])?;
        plain_from = at + ch.len_utf8();
        match ch {
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '\\' | '\'' | '"' => write!(out, "\\{ch}")?,
            _ => match u32::from(ch) {
                code @ 0..=0xff => write!(out, "\\x{code:02x}")?,
                code @ 0x100..=0xffff => write!(out, "\\u{code:04x}")?,
                code => write!(out, "\\U{code:08x}")?,
            },
        }
    }
    out.write_str(&text[plain_from..])?;
    out.write_char(quote)
}

/// Python's `str.isprintable` for a character.
pub(super) fn is_printable(ch: char) -> bool {
    if ch.is_ascii() {
        return !ch.is_ascii_control();
    }
    static HIDDEN: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\p{C}\p{Z}]").expect("a constant pattern"));
    !HIDDEN.is_match(ch.encode_utf8(&mut [0; 4]))
}

fn write_bytes(out: &mut dyn Write, bytes: &[u8]) -> fmt::Result {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    out.write_char(quote)?;
    for byte in bytes {
        match byte {
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            b'\\' => out.write_str("\\\\")?,
            0x20..=0x7e if char::from(*byte) != quote => out.write_char(char::from(*byte))?,
            0x20..=0x7e => write!(out, "\\{}", char::from(*byte))?,
            _ => write!(out, "\\x{byte:02x}")?,
        }
    }
    out.write_char(quote)
}

/// A float as Python's `repr` writes it: the shortest digits, with an exponent below 1e-4 and
/// from 1e16 on.
pub(super) fn write_float(out: &mut dyn Write, number: f64) -> fmt::Result {
    if number.is_nan() {
        return out.write_str("nan");
    }
    if number.is_infinite() {
        return out.write_str(if number > 0.0 { "inf" } else { "-inf" });
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(rest) => ('-', rest),
            None => ('+', exponent),
        };
        return write!(out, "{digits}e{sign}{exponent:0>2}");
    }
    let text = format!("{number}");
    out.write_str(&text)?;
    if text.contains('.') { Ok(()) } else { out.write_str(".0") }
}
