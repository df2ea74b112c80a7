//! Times that stand in YAML without quotes, as Python's YAML reads and prints them. Only for the rows
//! of unit tests: everywhere else a time stays the text that it is.

use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde_json::Value;

use crate::config::yaml::{Yaml, YamlKind};
use crate::diagnostic::SourceFile;

/// Plain times of YAML in the form that dbt gives them in rows, as Python's `isoformat()`.
pub(super) fn plain_times(file: &Arc<SourceFile>, yaml: &Yaml, value: &mut Value) {
    match (&yaml.kind, value) {
        (YamlKind::Map(entries), Value::Object(map)) => {
            for (key, inner) in entries {
                if let Some(value) = map.get_mut(&key.text) {
                    plain_times(file, inner, value);
                }
            }
        }
        (YamlKind::List(items), Value::Array(values)) => {
            for (inner, value) in items.iter().zip(values) {
                plain_times(file, inner, value);
            }
        }
        (YamlKind::Text(text), Value::String(out)) => {
            let written = file.text.get(yaml.span.clone()).unwrap_or_default();
            let starts = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
            if starts
                && written.starts_with(|c: char| c.is_ascii_digit())
                && let Some(iso) = isoformat(text)
            {
                *out = iso;
            }
        }
        _ => {}
    }
}

/// A time of YAML 1.1, date and time of day, as Python prints it.
fn isoformat(text: &str) -> Option<String> {
    static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let pattern = r"^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?$";
        Regex::new(pattern).ok()
    });
    let found = TIME.as_ref()?.captures(text)?;
    let part = |at: usize| found.get(at).map(|part| part.as_str());
    let number = |at: usize| part(at).and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0);
    let fraction = match part(7).unwrap_or_default() {
        "" => String::new(),
        digits => format!(".{:0<6}", &digits[..digits.len().min(6)]),
    };
    let zone = match (part(8), part(9)) {
        (Some(_), _) => "+00:00".to_owned(),
        (None, Some(sign)) => {
            let (hours, minutes) = (number(10), number(11));
            let sign = if hours + minutes == 0 { "+" } else { sign };
            format!("{sign}{hours:02}:{minutes:02}")
        }
        (None, None) => String::new(),
    };
    Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}{zone}",
        number(1),
        number(2),
        number(3),
        number(4),
        number(5),
        number(6)
    ))
}
