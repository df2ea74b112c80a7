//! `fromyaml` and `toyaml`: YAML read as the configuration reads it, and written as PyYAML's
//! `safe_dump` writes it.

use std::ops::Range;

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::objects::Arguments;
use super::values::{Dict, List, from_json, from_yaml, to_json};
use crate::config::yaml::{self, Key, Yaml, YamlKind};
use crate::diagnostic::SourceFile;

/// `fromyaml(text, default=none)`: the default where the text is not YAML.
pub fn fromyaml(_state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["string", "default"])?;
    let file = SourceFile::new("<fromyaml>", args.required("string"));
    let read = yaml::parse(&file).ok().and_then(|document| value_of(&document.root, &file).ok());
    Ok(read.unwrap_or_else(|| args.get("default").unwrap_or(Value::from(()))))
}

/// A value of YAML with what the configuration has no need of: dates, and keys that are no texts.
fn value_of(yaml: &Yaml, file: &SourceFile) -> Result<Value, Error> {
    let is_plain = |span: &Range<usize>, text: &str| file.text.get(span.clone()) == Some(text);
    Ok(match &yaml.kind {
        YamlKind::Text(text) if is_plain(&yaml.span, text) => match from_yaml(text) {
            Some(time) => time?,
            None => text.as_str().into(),
        },
        YamlKind::List(items) => {
            List::value(items.iter().map(|item| value_of(item, file)).collect::<Result<_, _>>()?)
        }
        YamlKind::Map(entries) => {
            let pair = |(key, value): &(Key, Yaml)| {
                let kind = match is_plain(&key.span, &key.text) {
                    true => yaml::resolve_plain(&key.text),
                    false => YamlKind::Text(key.text.clone()),
                };
                let key = value_of(&Yaml { span: key.span.clone(), kind }, file)?;
                Ok((key, value_of(value, file)?))
            };
            Dict::value(entries.iter().map(pair).collect::<Result<Vec<_>, Error>>()?)
        }
        _ => from_json(&yaml.to_json()),
    })
}

/// `toyaml(value, default=none, sort_keys=false)`.
pub fn toyaml(_state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["value", "default", "sort_keys"])?;
    let value = args.given("value").unwrap_or_default();
    let json = match to_json(&value) {
        Ok(json) if is_dumpable(&value) => json,
        _ => return Ok(args.get("default").unwrap_or(Value::from(()))),
    };
    let mut out = String::new();
    write(&mut out, &json, 0, args.flag("sort_keys", false));
    if !(json.is_object() || json.is_array()) {
        out.push_str("\n...");
    }
    out.push('\n');
    Ok(out.into())
}

/// Whether YAML has a form for a value: dbt's own objects have none.
fn is_dumpable(value: &Value) -> bool {
    let all =
        |value: &Value| value.try_iter().is_ok_and(|mut items| items.all(|v| is_dumpable(&v)));
    match value.kind() {
        ValueKind::Plain => false,
        ValueKind::Seq | ValueKind::Iterable => all(value),
        ValueKind::Map => value.try_iter().is_ok_and(|mut keys| {
            keys.all(|key| value.get_item(&key).is_ok_and(|item| is_dumpable(&item)))
        }),
        _ => true,
    }
}

/// Writes a value whose first line begins where the output ends.
fn write(out: &mut String, value: &serde_json::Value, indent: usize, sort: bool) {
    use serde_json::Value as Json;
    match value {
        Json::Object(map) if map.is_empty() => out.push_str("{}"),
        Json::Array(items) if items.is_empty() => out.push_str("[]"),
        Json::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            if sort {
                entries.sort_by_key(|(key, _)| key.as_str());
            }
            for (at, (key, value)) in entries.into_iter().enumerate() {
                new_line(out, at, indent);
                write_text(out, key);
                out.push(':');
                match value {
                    Json::Object(inner) if !inner.is_empty() => {
                        new_line(out, 1, indent + 2);
                        write(out, value, indent + 2, sort);
                    }
                    // PyYAML does not indent the lists of a map.
                    Json::Array(inner) if !inner.is_empty() => {
                        new_line(out, 1, indent);
                        write(out, value, indent, sort);
                    }
                    _ => {
                        out.push(' ');
                        write(out, value, indent + 2, sort);
                    }
                }
            }
        }
        Json::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                new_line(out, at, indent);
                out.push_str("- ");
                write(out, item, indent + 2, sort);
            }
        }
        Json::String(text) => write_text(out, text),
        other => out.push_str(&other.to_string()),
    }
}

fn new_line(out: &mut String, at: usize, indent: usize) {
    if at > 0 {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// A text, in quotes where it would be read as something else.
fn write_text(out: &mut String, text: &str) {
    let odd = |c: char| c.is_control() || c == '\u{feff}';
    if text.contains(odd) {
        out.push_str(&serde_json::Value::from(text).to_string());
    } else if is_plain(text) {
        out.push_str(text);
    } else {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    }
}

fn is_plain(text: &str) -> bool {
    let starts_well = |c: char| !c.is_whitespace() && !"-?:,[]{}#&*!|>'\"%@`".contains(c);
    let dash_in_word =
        text.len() > 1 && !text[1..].starts_with(' ') && text.starts_with(['-', '?', ':']);
    if !(text.starts_with(starts_well) || (dash_in_word && !text.starts_with("--")))
        || text.ends_with([' ', ':'])
        || text.contains(": ")
        || text.contains(" #")
    {
        return false;
    }
    let file = SourceFile::new("<text>", text);
    let read = yaml::parse(&file).map(|document| document.root.to_json());
    // Dates and the old words for yes and no are values of their own to PyYAML.
    let date = text.len() >= 8
        && text.as_bytes()[..4].iter().all(u8::is_ascii_digit)
        && text.as_bytes()[4] == b'-';
    !date && text != "=" && text != "y" && text != "n" && read.is_ok_and(|read| read == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dumped(value: &serde_json::Value) -> String {
        let mut out = String::new();
        write(&mut out, value, 0, false);
        out
    }

    #[test]
    fn written_as_pyyaml_writes() {
        let cases = [
            (
                json!({"a": [1, {"b": null, "c": [2]}], "d": {"e": "x"}}),
                "a:\n- 1\n- b: null\n  c:\n  - 2\nd:\n  e: x",
            ),
            (json!([[1, 2], [], {}]), "- - 1\n  - 2\n- []\n- {}"),
            (
                json!(["yes", "1", "1.5", "a: b", "it's", "", "null", "a b", "-x", "#c"]),
                "- 'yes'\n- '1'\n- '1.5'\n- 'a: b'\n- it's\n- ''\n- 'null'\n- a b\n- -x\n- '#c'",
            ),
            (json!([true, 1.5, "2020-01-01"]), "- true\n- 1.5\n- '2020-01-01'"),
        ];
        for (value, expected) in cases {
            assert_eq!(dumped(&value), expected);
        }
    }
}
