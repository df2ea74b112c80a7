//! What dbt's manifest has of a function beside what every node has.

use serde::ser::SerializeMap;
use serde_json::{Value, json};

use crate::manifest::Node;

/// dbt's word where no properties say what a function gives.
const UNKNOWN_TYPE: &str = "INVALID_TYPE";

/// `returns` and `arguments`.
pub(super) fn facts<M: SerializeMap>(node: &Node, map: &mut M) -> Result<(), M::Error> {
    let Some(facts) = node.function.as_deref() else { return Ok(()) };
    let returns = match &facts.returns {
        Some(returns) => {
            json!({"data_type": returns.data_type, "description": returns.description})
        }
        None => json!({"data_type": UNKNOWN_TYPE, "description": null}),
    };
    map.serialize_entry("returns", &returns)?;
    let arguments: Vec<Value> = facts
        .arguments
        .iter()
        .map(|argument| {
            json!({
                "name": argument.name,
                "data_type": argument.data_type,
                "description": argument.description,
                "default_value": argument.default_value,
            })
        })
        .collect();
    map.serialize_entry("arguments", &arguments)
}
