//! Configurations that contradict their node: values of the wrong kind, materializations that a
//! kind cannot have, keys that exclude each other. A look at one node, without any other.

use serde_json::Value;

use super::resolve::locate_config;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Access, Node, ResourceType};

/// The first rule that a node breaks.
pub fn broken(node: &Node) -> Option<Diagnostic> {
    let error = |key: &str, message: String, help: &str| {
        let written = node.config.text(key).unwrap_or_default();
        let place = locate_config(&node.file, key, written).or_else(|| node.location.clone());
        Some(Diagnostic::error(Code::BAD_CONFIG, message).or_at(place).help(help))
    };
    if let Some(Value::String(text)) = node.config.get("enabled")
        && !text.eq_ignore_ascii_case("true")
        && !text.eq_ignore_ascii_case("false")
    {
        let message =
            format!("`enabled` of `{}` is '{text}', which is not of type boolean", node.name);
        return error("enabled", message, "Write true or false.");
    }
    let only = match node.resource_type {
        ResourceType::Seed => Some("seed"),
        ResourceType::Test => Some("test"),
        _ => None,
    };
    if let (Some(only), Some(set)) = (only, node.config.text("materialized"))
        && set != only
    {
        let message = format!("A {only} must have a materialized value of '{only}', not '{set}'");
        return error("materialized", message, "Take the configuration out.");
    }
    if node.resource_type != ResourceType::Model {
        return None;
    }
    if node.access == Access::Public && node.is_ephemeral() {
        let message = format!("`{}` is ephemeral, and so cannot be public", node.name);
        return error("access", message, "Nobody outside could read it: materialize it.");
    }
    keys_of_two(node)
}

/// A primary key in more than one place.
fn keys_of_two(node: &Node) -> Option<Diagnostic> {
    let is_key = |constraint: &Value| constraint["type"] == "primary_key";
    let mut keyed = node.columns.values().filter(|column| column.constraints.iter().any(is_key));
    let first = keyed.next()?;
    let of_model = node.config.get("constraints").and_then(Value::as_array);
    let error = |message: String, help: &str| {
        let error = Diagnostic::error(Code::BAD_CONFIG, message).or_at(node.location.clone());
        Some(error.note("Primary key constraint error").help(help))
    };
    if let Some(second) = keyed.next() {
        return error(
            format!(
                "Two columns of `{}` have primary key constraints: `{}` and `{}`",
                node.name, first.name, second.name
            ),
            "A key of several columns is a constraint of the model.",
        );
    }
    if of_model.is_some_and(|constraints| constraints.iter().any(is_key)) {
        return error(
            format!(
                "`{}` has a primary key constraint of its own and one on the column `{}`",
                node.name, first.name
            ),
            "Keep one of the two.",
        );
    }
    None
}
