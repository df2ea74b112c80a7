//! Jinja2's filters on texts, numbers and single values.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::args::{bind, error, flag, opt_integer, required, type_name};
use super::decimal::Decimal;
use super::func::filter;
use super::json::{self, Style};
use super::number::{int_value, parse_float, parse_int, round_half_even, truncate};
use super::{format, pprint, repr, strings};

/// Adds the filters.
pub(super) fn install(env: &mut Environment<'static>) {
    filter(env, "string", |_, args| one("string", args).map(|v| text(&v)));
    filter(env, "int", int);
    filter(env, "float", float);
    filter(env, "abs", abs);
    filter(env, "round", round);
    filter(env, "default", default);
    filter(env, "d", default);
    filter(env, "attr", attr);
    filter(env, "tojson", tojson);
    filter(env, "upper", |_, args| {
        one("upper", args).map(|v| repr::py_str(&v).to_uppercase().into())
    });
    filter(env, "lower", |_, args| {
        one("lower", args).map(|v| repr::py_str(&v).to_lowercase().into())
    });
    filter(env, "capitalize", |_, args| {
        one("capitalize", args).map(|v| strings::capitalize(&repr::py_str(&v)).into())
    });
    filter(env, "title", |_, args| one("title", args).map(|v| title(&repr::py_str(&v)).into()));
    filter(env, "trim", |_, args| string_method("strip", args));
    filter(env, "replace", replace);
    filter(env, "wordcount", |_, args| one("wordcount", args).map(|v| word_count(&v).into()));
    filter(env, "urlencode", urlencode);
    filter(env, "format", |_, args| {
        let (text, args) = args.split_first().ok_or_else(|| error("format requires a value"))?;
        format::filter(text, args).map(Value::from)
    });
    filter(env, "pprint", |_, args| one("pprint", args).map(|v| pprint::pretty(&v).into()));
    filter(env, "filesizeformat", file_size);
    // dbt's own filter.
    filter(env, "is_list", |_, args| {
        one("is_list", args).map(|v| v.downcast_object_ref::<super::List>().is_some().into())
    });
    // Where a value is rendered on its own, the dialect decides its type; as filters they pass on.
    for name in ["as_text", "as_bool", "as_native", "as_number"] {
        filter(env, name, |_, args| one("as", args));
    }
}

fn one(name: &str, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind(name, ["value"], args)?;
    required(name, "value", value)
}

fn text(value: &Value) -> Value {
    if value.kind() == ValueKind::String { value.clone() } else { repr::py_str(value).into() }
}

/// A filter that is a method of the value's text.
fn string_method(method: &str, args: &[Value]) -> Result<Value, Error> {
    let (value, args) = args.split_first().ok_or_else(|| error("a filter requires a value"))?;
    strings::method(&text(value), method, args)
}

fn undefined(filter: &str) -> Error {
    Error::new(ErrorKind::UndefinedError, format!("an undefined value has no `{filter}`"))
}

fn int(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, default, base] = bind("int", ["value", "default", "base"], args)?;
    let value = required("int", "value", value)?;
    let default = || default.clone().unwrap_or_else(|| Value::from(0));
    let base = opt_integer("int", &base)?.and_then(|base| u32::try_from(base).ok()).unwrap_or(10);
    if !(base == 0 || (2..=36).contains(&base)) {
        return Err(error("int() base must be >= 2 and <= 36, or 0"));
    }
    Ok(match value.kind() {
        ValueKind::Bool => Value::from(i64::from(value.is_true())),
        ValueKind::Number if value.is_integer() => value,
        ValueKind::Number => f64::try_from(value)
            .ok()
            .and_then(|number| truncate(number).ok())
            .map_or_else(default, int_value),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            parse_int(text, base)
                .or_else(|| parse_float(text).and_then(|number| truncate(number).ok()))
                .map_or_else(default, int_value)
        }
        ValueKind::Undefined => return Err(undefined("int")),
        _ => match Decimal::of(&value) {
            Some(decimal) => decimal.truncate().map_or_else(|_| default(), int_value),
            None => default(),
        },
    })
}

fn float(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, default] = bind("float", ["value", "default"], args)?;
    let value = required("float", "value", value)?;
    let number = match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value).ok(),
        ValueKind::String => parse_float(value.as_str().unwrap_or_default()),
        ValueKind::Undefined => return Err(undefined("float")),
        _ => Decimal::of(&value).map(Decimal::to_f64),
    };
    Ok(number.map_or_else(|| default.unwrap_or_else(|| Value::from(0.0)), Value::from))
}

fn abs(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let value = one("abs", args)?;
    match value.kind() {
        ValueKind::Bool => Ok(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone())
            .ok()
            .and_then(i128::checked_abs)
            .map(int_value)
            .ok_or_else(|| error("integer beyond 128 bits")),
        ValueKind::Number => Ok(Value::from(f64::try_from(value)?.abs())),
        _ => match Decimal::of(&value) {
            Some(decimal) => decimal.abs(),
            None => Err(error(format!("bad operand type for abs(): '{}'", type_name(&value)))),
        },
    }
}

fn round(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, precision, method] = bind("round", ["value", "precision", "method"], args)?;
    let value = required("round", "value", value)?;
    let digits = opt_integer("round", &precision)?.unwrap_or(0);
    let method = method.as_ref().map_or(Some("common"), Value::as_str);
    let decimal = Decimal::of(&value);
    if let (Some(decimal), Some("common")) = (decimal, method) {
        return Ok(decimal.round(digits));
    }
    if decimal.is_none() && !matches!(value.kind(), ValueKind::Number | ValueKind::Bool) {
        let name = type_name(&value);
        return Err(error(format!("type {name} doesn't define __round__ method")));
    }
    let integral = value.is_integer() || value.kind() == ValueKind::Bool;
    let number = match decimal {
        Some(decimal) => decimal.to_f64(),
        None => f64::try_from(value.clone())?,
    };
    let scale = 10f64.powi(i32::try_from(digits).unwrap_or(i32::MAX));
    match method {
        Some("common") if integral && digits >= 0 => int_of(&value),
        Some("common") if integral => Ok(int_value(truncate(round_half_even(number, digits))?)),
        Some("common") => Ok(Value::from(round_half_even(number, digits))),
        Some("ceil") => Ok(Value::from((number * scale).ceil() / scale)),
        Some("floor") => Ok(Value::from((number * scale).floor() / scale)),
        _ => Err(error("method must be common, ceil or floor")),
    }
}

fn int_of(value: &Value) -> Result<Value, Error> {
    Ok(if value.kind() == ValueKind::Bool {
        Value::from(i64::from(value.is_true()))
    } else {
        value.clone()
    })
}

fn default(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["value", "default_value", "boolean"];
    let [value, default, boolean] = bind("default", names, args)?;
    let value = value.unwrap_or_default();
    if value.is_undefined() || (flag(&boolean) && !value.is_true()) {
        return Ok(default.unwrap_or_else(|| Value::from("")));
    }
    Ok(value)
}

fn attr(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, name] = bind("attr", ["obj", "name"], args)?;
    let value = required("attr", "obj", value)?;
    let name = required("attr", "name", name)?;
    match name.as_str() {
        // Keys of a dict are not its attributes.
        Some(name) if value.downcast_object_ref::<super::Dict>().is_none() => value.get_attr(name),
        _ => Ok(Value::UNDEFINED),
    }
}

fn tojson(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, indent] = bind("tojson", ["value", "indent"], args)?;
    let indent = opt_integer("tojson", &indent)?.and_then(|indent| usize::try_from(indent).ok());
    let json =
        json::dumps(&required("tojson", "value", value)?, Style { sort_keys: true, indent })?;
    // Jinja2 makes it safe for HTML, also where nothing is escaped.
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\'' => out.push_str("\\u0027"),
            _ => out.push(c),
        }
    }
    Ok(Value::from(out))
}

/// Words begin after blanks, dashes and opening brackets, as in Jinja2's filter.
fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut begins = true;
    for c in s.chars() {
        if begins {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        begins = c.is_whitespace() || matches!(c, '-' | '(' | '{' | '[' | '<');
    }
    out
}

fn replace(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, old, new, count] = bind("replace", ["s", "old", "new", "count"], args)?;
    let value = text(&required("replace", "s", value)?);
    let old = text(&required("replace", "old", old)?);
    let new = text(&required("replace", "new", new)?);
    let count = count.filter(|count| !count.is_none()).unwrap_or_else(|| Value::from(-1));
    strings::method(&value, "replace", &[old, new, count])
}

fn word_count(value: &Value) -> usize {
    repr::py_str(value)
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .count()
}

fn urlencode(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let value = one("urlencode", args)?;
    if !matches!(value.kind(), ValueKind::Map | ValueKind::Seq | ValueKind::Iterable) {
        return Ok(Value::from(quote(&repr::py_str(&value), false)));
    }
    let pairs = super::dict::pairs_of(&value)?;
    let parts: Vec<String> = pairs
        .iter()
        .map(|(k, v)| quote(&repr::py_str(k), true) + "=" + &quote(&repr::py_str(v), true))
        .collect();
    Ok(Value::from(parts.join("&")))
}

fn quote(text: &str, for_query: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if !for_query => out.push('/'),
            b' ' if for_query => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A number of bytes for people: powers of 1000, or of 1024.
fn file_size(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, binary] = bind("filesizeformat", ["value", "binary"], args)?;
    let value = required("filesizeformat", "value", value)?;
    let bytes = match (value.as_str(), Decimal::of(&value)) {
        (Some(text), _) => parse_float(text).ok_or_else(|| {
            error(format!("could not convert string to float: {}", repr::py_repr(&value)))
        })?,
        (None, Some(decimal)) => decimal.to_f64(),
        (None, None) => f64::try_from(value)?,
    };
    let (base, after) = if flag(&binary) { (1024.0, "iB") } else { (1000.0, "B") };
    if bytes == 1.0 {
        return Ok("1 Byte".into());
    }
    if bytes < base {
        return Ok(format!("{} Bytes", truncate(bytes)?).into());
    }
    let first = if flag(&binary) { "K" } else { "k" };
    let (mut number, mut prefix) = (bytes / base, first);
    for larger in ["M", "G", "T", "P", "E", "Z", "Y"] {
        if number < base {
            break;
        }
        (number, prefix) = (number / base, larger);
    }
    Ok(format!("{number:.1} {prefix}{after}").into())
}
