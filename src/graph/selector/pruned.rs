//! Properties without what says nothing, for comparisons: one manifest writes it out, another leaves it out.

use serde_json::{Map, Value};

/// A value without what says nothing: nulls, and maps of nothing else.
pub(super) fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .map(|(key, value)| (key.clone(), pruned(value)))
                .filter(|(_, value)| !value.is_null())
                .collect();
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        Value::Array(many) => many.iter().map(pruned).collect(),
        other => other.clone(),
    }
}
