//! Failing rows as JSON objects, as the store keeps them. Nothing is sent here.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::relation::{Cell, ResultSet};

/// Text that PostgreSQL takes: it cannot store a zero character.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "").into() } else { text.into() }
}

/// The names of columns as keys of an object: one that comes twice gets a number.
pub(super) fn column_names(rows: &ResultSet) -> Vec<String> {
    let mut keys: Vec<String> = Vec::with_capacity(rows.columns.len());
    for column in &rows.columns {
        let name = clean(&column.name).into_owned();
        let taken = |candidate: &String| keys.contains(candidate);
        let numbered = (2..).map(|n| format!("{name}_{n}"));
        let key = std::iter::once(name.clone()).chain(numbered).find(|c| !taken(c));
        keys.push(key.unwrap_or(name));
    }
    keys
}

/// A row, or a part of it, as a JSON object. Decimals keep all their digits, as numbers.
pub(super) fn row_text<'a>(
    cells: impl Iterator<Item = (&'a String, &'a Cell)>,
) -> Option<Box<RawValue>> {
    let mut out = String::from("{");
    for (at, (key, cell)) in cells.enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_text(&mut out, key);
        out.push(':');
        push_cell(&mut out, cell);
    }
    out.push('}');
    RawValue::from_string(out).ok()
}

fn push_cell(out: &mut String, cell: &Cell) {
    match cell {
        Cell::Decimal(text) if is_json_number(text) => out.push_str(text),
        Cell::Int(int) => out.push_str(&int.to_string()),
        Cell::List(cells) => {
            out.push('[');
            for (at, cell) in cells.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_cell(out, cell);
            }
            out.push(']');
        }
        Cell::Struct(fields) => {
            out.push('{');
            for (at, (key, cell)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_text(out, key);
                out.push(':');
                push_cell(out, cell);
            }
            out.push('}');
        }
        Cell::Json(json) => push_json(out, json),
        other => push_json(out, &other.to_json()),
    }
}

fn push_json(out: &mut String, json: &serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::String(text) => push_text(out, text),
        Value::Array(_) | Value::Object(_) => {
            // Backslashes come in pairs in JSON text, but for the one that starts an escape.
            let text = json.to_string();
            let mut rest = text.as_str();
            while let Some(at) = rest.find('\\') {
                let (before, escape) = rest.split_at(at);
                out.push_str(before);
                let length = if escape.starts_with("\\u") { 6 } else { 2 };
                let (escape, after) = escape.split_at(length.min(escape.len()));
                if escape != "\\u0000" {
                    out.push_str(escape);
                }
                rest = after;
            }
            out.push_str(rest);
        }
        simple => out.push_str(&simple.to_string()),
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::String(clean(text).into_owned()).to_string());
}

/// Whether digits as an engine prints them are a number in JSON as well: `-12.50`, but not `NaN`.
fn is_json_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relation::Column;

    #[test]
    fn rows_become_exact_json() {
        let column = |name: &str| Column { name: name.into(), data_type: "x".into() };
        let rows = ResultSet {
            columns: vec![column("id"), column("id"), column("price"), column("note"), column("j")],
            rows: vec![vec![
                Cell::Int(i128::from(u64::MAX)),
                Cell::Null,
                Cell::Decimal("12.50".into()),
                Cell::Text("a\0\"b\"\n\\u0000".into()),
                Cell::Json(serde_json::json!({"k": ["x\0y", "\\u0000"]})),
            ]],
        };
        let text = row_text(column_names(&rows).iter().zip(&rows.rows[0])).unwrap();
        assert_eq!(
            text.get(),
            concat!(
                r#"{"id":18446744073709551615,"id_2":null,"price":12.50,"#,
                r#""note":"a\"b\"\n\\u0000","j":{"k":["xy","\\u0000"]}}"#
            )
        );
    }

    #[test]
    fn only_numbers_pass_as_numbers() {
        for (text, expected) in [
            ("0.10", true),
            ("-5", true),
            ("007", false),
            ("NaN", false),
            (".5", false),
            ("", false),
        ] {
            assert_eq!(is_json_number(text), expected, "{text}");
        }
    }
}
