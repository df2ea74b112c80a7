//! The names that dbt gives generic tests, and the hash in their `unique_id`.

use indexmap::IndexMap;
use serde_json::Value;

use super::python::{py_repr, py_str, write_dict, write_list, write_text};
use crate::checksum::md5;
use crate::manifest::TestMetadata;

/// dbt's names of a test that was given none: the short one for files and relations, the full one
/// for the `unique_id`.
pub(super) fn synthesized_names(
    prefix: &str,
    target: &str,
    kwargs: &IndexMap<String, Value>,
) -> (String, String) {
    let mut keys: Vec<&String> = kwargs.keys().filter(|key| *key != "model").collect();
    keys.sort();
    let mut parts: Vec<String> = Vec::new();
    for key in keys {
        match &kwargs[key] {
            Value::Object(map) => parts.extend(map.values().map(py_str)),
            Value::Array(items) => parts.extend(items.iter().map(py_str)),
            one => parts.push(py_str(one)),
        }
    }
    let clean: Vec<String> = parts.iter().map(|part| squeeze(part)).collect();
    let full = format!("{prefix}_{target}_{}", clean.join("__"));
    if full.chars().count() >= 64 {
        let identifier: String = format!("{prefix}_{target}").chars().take(30).collect();
        (format!("{identifier}_{}", md5(&full)), full)
    } else {
        (full.clone(), full)
    }
}

/// Runs of anything but ASCII letters, digits and underscores become one underscore.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_run = false;
    for c in text.chars() {
        let plain = c.is_ascii_alphanumeric() || c == '_';
        if plain {
            out.push(c);
        } else if !in_run {
            out.push('_');
        }
        in_run = !plain;
    }
    out
}

/// The last ten digits of the MD5 of the name and the metadata as Python prints them.
pub(super) fn identity_hash(name: &str, metadata: &TestMetadata) -> String {
    /// With sorted keys, and everything in it a text.
    fn write_sorted<'a>(out: &mut String, map: impl Iterator<Item = (&'a String, &'a Value)>) {
        let mut entries: Vec<_> = map.collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        write_dict(out, entries, write_hashable);
    }
    fn write_hashable(out: &mut String, value: &Value) {
        match value {
            Value::Object(map) => write_sorted(out, map.iter()),
            Value::Array(items) => write_list(out, items, write_hashable),
            Value::String(text) => write_text(out, text),
            other => write_text(out, &py_repr(other)),
        }
    }
    let mut text = String::with_capacity(name.len() + 256);
    text.push_str(name);
    text.push_str("{'kwargs': ");
    write_sorted(&mut text, metadata.kwargs.iter());
    text.push_str(", 'name': ");
    write_text(&mut text, &metadata.name);
    text.push_str(", 'namespace': ");
    write_text(&mut text, metadata.namespace.as_deref().unwrap_or("None"));
    text.push('}');
    let digest = md5(text);
    digest[digest.len() - 10..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kwargs(value: Value) -> IndexMap<String, Value> {
        value.as_object().expect("a map").clone().into_iter().collect()
    }

    // The expected values are what dbt-core 1.11.16 writes for the same entries.
    #[test]
    fn names_are_dbts() {
        let (short, full) = synthesized_names(
            "accepted_values",
            "orders",
            &kwargs(
                json!({"values": ["placed", "ship ped"], "column_name": "status", "model": "m"}),
            ),
        );
        assert_eq!(full, "accepted_values_orders_status__placed__ship_ped");
        assert_eq!(short, full);
        let (short, full) = synthesized_names(
            "relationships",
            "a_model_with_a_rather_long_name",
            &kwargs(
                json!({"column_name": "a_column_with_a_long_name", "to": "ref('x')", "field": "id"}),
            ),
        );
        assert_eq!(
            full,
            "relationships_a_model_with_a_rather_long_name_a_column_with_a_long_name__id__ref_x_"
        );
        assert_eq!(short, "relationships_a_model_with_a_r_6a5deb59cb310a841fc9f77ae8fe5e14");
    }
}
