//! Configurations that contradict their node: values of the wrong kind, materializations that a
//! kind cannot have, keys that exclude each other. A look at one node, without any other.

use std::sync::Arc;

use serde_json::Value;

use super::colors::COLORS;
use super::resolve::locate_config;
use crate::diagnostic::{Code, Diagnostic, SourceFile};
use crate::manifest::{Access, Manifest, Node, ResourceType};

/// The first rule that a node breaks; what is only odd goes to the warnings.
pub fn broken(node: &Node, warnings: &mut Vec<Diagnostic>) -> Option<Diagnostic> {
    let error = |key: &str, message: String, help: &str| {
        let written = node.config.text(key).unwrap_or_default();
        let place = locate_config(&node.file, key, written).or_else(|| node.location.clone());
        Some(Diagnostic::error(Code::BAD_CONFIG, message).or_at(place).help(help))
    };
    if let Some(value) = node.config.get("enabled").filter(|value| !value.is_boolean()) {
        let shown = super::python::py_repr(value);
        let shown = shown.trim_matches('\'');
        let message = format!("`enabled` of `{}`: '{shown}' is not of type 'boolean'", node.name);
        return error("enabled", message, "Write true or false.");
    }
    if let Some(color) = node.config.get("docs").and_then(|docs| docs.get("node_color"))
        && let Some(text) = color.as_str().filter(|text| !is_color(text))
    {
        let message = format!("Invalid color name for docs.node_color of `{}`: {text}", node.name);
        let help = "Write a colour's name of CSS, or #rrggbb.";
        return error("node_color", message, help);
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
    keys_of_two(node).or_else(|| contract(node, warnings))
}

/// A configuration of Pintail's own: its key, what it may be, what is said of any other value, and what
/// to do then.
type Own = (&'static str, fn(&Value) -> bool, &'static str, &'static str);

const OF_TESTS: Own = (
    "failures_limit",
    Value::is_u64,
    "is no number of rows",
    "Write a whole number; 0 keeps no failing rows.",
);

const OF_MODELS: Own =
    ("inherit_docs", Value::is_boolean, "is neither true nor false", "Write true or false.");

/// Pintail's own configurations that have values of another kind, each place that says so once.
pub fn wrong_values(manifest: &Manifest, project: &Arc<SourceFile>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for node in manifest.nodes.values() {
        let (key, fits, wrong, help) = match node.resource_type {
            kind if kind.is_test() => OF_TESTS,
            ResourceType::Model | ResourceType::Snapshot => OF_MODELS,
            _ => continue,
        };
        let Some(set) = node.config.get(key).filter(|value| !fits(value)) else { continue };
        let shown = super::python::py_repr(set);
        let written = set.as_str().map_or_else(|| set.to_string(), str::to_owned);
        let place = locate_config(&node.file, key, &written)
            .or_else(|| locate_config(project, key, &written))
            .or_else(|| node.location.clone());
        let message = format!("`{key}` of `{}`: {shown} {wrong}", node.name);
        let error = Diagnostic::error(Code::BAD_CONFIG, message).or_at(place).help(help);
        if !found.iter().any(|other| other.location == error.location) {
            found.push(error);
        }
    }
    found
}

/// What an enforced contract needs of its model.
fn contract(node: &Node, warnings: &mut Vec<Diagnostic>) -> Option<Diagnostic> {
    if !node.has_contract() {
        return None;
    }
    let error = |message: String, help: &str| {
        let error = Diagnostic::error(Code::BAD_CONFIG, message).or_at(node.location.clone());
        Some(error.help(help))
    };
    let materialized = node.materialized();
    // Without properties at all, the run says so.
    if node.columns.is_empty() && node.patch_path.is_some() {
        return error(
            format!(
                "Contract enforcement failed for `{}`: Constraints must be defined in a `yml` \
                 schema configuration file like `schema.yml`",
                node.name
            ),
            "List its columns with their types under `columns:`.",
        );
    }
    if node.is_python() {
        return error(
            format!(
                "Contract enforcement failed for `{}`: Language Error: Expected 'sql' but found \
                 'python'",
                node.name
            ),
            "Take the contract out: only the columns of SQL can be held against it.",
        );
    }
    let change = node.config.text("on_schema_change").unwrap_or("ignore");
    if materialized == "incremental" && !["append_new_columns", "fail"].contains(&change) {
        return error(
            format!(
                "Invalid value for on_schema_change: {change}. Models materialized as incremental \
                 with contracts enabled must set on_schema_change to 'append_new_columns' or 'fail'"
            ),
            "Columns that are missed or dropped would break the contract.",
        );
    }
    let of_model = node.config.get("constraints").and_then(Value::as_array);
    let of_columns = node.columns.values().flat_map(|column| &column.constraints);
    for constraint in of_model.into_iter().flatten().chain(of_columns.clone()) {
        let kind = constraint["type"].as_str().unwrap_or_default();
        if !CONSTRAINTS.contains(&kind) {
            return error(
                format!(
                    "Invalid constraint type on model {}: Type must be one of ['{}'], not '{kind}'",
                    node.name,
                    CONSTRAINTS.join("', '")
                ),
                "Correct the `type` of the constraint.",
            );
        }
    }
    let loud = |constraint: &Value| constraint.get("warn_unsupported") != Some(&Value::Bool(false));
    let mut all = of_model.into_iter().flatten().chain(of_columns);
    if !matches!(materialized, "table" | "incremental") && all.any(loud) {
        warnings.push(
            Diagnostic::warning(
                Code::BAD_CONFIG,
                format!("Constraint types are not supported for {materialized} materializations"),
            )
            .event("UnsupportedConstraintMaterialization")
            .field("materialized", materialized)
            .or_at(node.location.clone())
            .help("Set `warn_unsupported: false` on each constraint to hear nothing of it."),
        );
    }
    None
}

/// The kinds of constraints, by dbt's names.
const CONSTRAINTS: &[&str] =
    &["check", "not_null", "unique", "primary_key", "foreign_key", "custom"];

/// A hexadecimal colour, or what may be a colour's name: one word of letters, as all of CSS's are.
fn is_color(text: &str) -> bool {
    match text.strip_prefix('#') {
        Some(digits) => {
            matches!(digits.len(), 3 | 6) && digits.chars().all(|c| c.is_ascii_hexdigit())
        }
        None => COLORS.binary_search(&text.to_lowercase().as_str()).is_ok(),
    }
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
        let names: Vec<&str> = [first, second].into_iter().chain(keyed).map(|c| &*c.name).collect();
        return error(
            format!(
                "`{}` has more than one key: Found {} columns (['{}']) with primary key \
                 constraints defined",
                node.name,
                names.len(),
                names.join("', '")
            ),
            "A key of several columns is a constraint of the model.",
        );
    }
    if of_model.is_some_and(|constraints| constraints.iter().any(is_key)) {
        return error(
            format!(
                "`{}`: Primary key constraints defined at the model level and the columns level \
                 (`{}`)",
                node.name, first.name
            ),
            "Keep one of the two.",
        );
    }
    None
}
