//! How Python prints values: dbt builds names and hashes from that.

use serde_json::Value;

use crate::jinja::values;

/// Python's `str()`.
pub fn py_str(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => py_repr(other),
    }
}

/// Python's `repr()`.
pub fn py_repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        // With Python's exponents: 1e-07.
        Value::Number(number) if number.is_f64() => {
            out.push_str(&values::py_repr(&values::from_json(value)));
        }
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => write_list(out, items, write_repr),
        Value::Object(map) => write_dict(out, map, write_repr),
    }
}

/// `[1, 'x']`, with each item as `write` has it.
pub fn write_list(out: &mut String, items: &[Value], write: impl Fn(&mut String, &Value)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push(']');
}

/// `{'a': 1}`, with each value as `write` has it.
pub fn write_dict<'a>(
    out: &mut String,
    entries: impl IntoIterator<Item = (&'a String, &'a Value)>,
    write: impl Fn(&mut String, &Value),
) {
    out.push('{');
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        write_text(out, key);
        out.push_str(": ");
        write(out, value);
    }
    out.push('}');
}

/// The `repr()` of a text.
pub fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\')) {
        out.push_str(text);
    } else {
        for c in text.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c == quote => out.extend(['\\', c]),
                c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
                c => out.push(c),
            }
        }
    }
    out.push(quote);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prints_as_python_does() {
        let value = json!({"a": [1, true, null, "it's", "say \"hi\"", "both ' and \""]});
        assert_eq!(
            py_repr(&value),
            r#"{'a': [1, True, None, "it's", 'say "hi"', 'both \' and "']}"#
        );
        assert_eq!(py_repr(&json!([1e-7, 0.5, 2.0, 1e16, 1])), "[1e-07, 0.5, 2.0, 1e+16, 1]");
    }
}
