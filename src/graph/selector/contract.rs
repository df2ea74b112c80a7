//! Contracts of models between two manifests: what changed, and what breaks those who rely on it.
//!
//! A breaking change is a warning for a model without versions, else an error, as in dbt-core 1.11.

use serde_json::Value;

use super::pruned::pruned;
use crate::diagnostic::{Code, Diagnostic, Result};

/// Whether a model's contract is what it was.
///
/// # Errors
/// A breaking change of a model with a version.
pub(super) fn same(old: &Value, new: &Value, warnings: &mut Vec<Diagnostic>) -> Result<bool> {
    if new["resource_type"] != "model" {
        return Ok(true);
    }
    match (is_enforced(old), is_enforced(new)) {
        (false, now) => return Ok(!now),
        (true, true) if outline(old) == outline(new) => return Ok(true),
        _ => {}
    }
    let breaking = breaking_changes(old, new);
    if !breaking.is_empty() {
        report(new, &breaking, warnings)?;
    }
    Ok(false)
}

/// A model that was deleted, renamed or disabled.
///
/// # Errors
/// A contract was enforced, and the model has a version.
pub(super) fn gone(
    id: &str,
    node: &Value,
    disabled: bool,
    warnings: &mut Vec<Diagnostic>,
) -> Result<()> {
    if node["resource_type"] != "model" || !is_enforced(node) || is_past(node) {
        return Ok(());
    }
    let what = if disabled { "disabled" } else { "deleted or renamed" };
    report(node, &[format!("Contracted model '{id}' was {what}.")], warnings)
}

fn is_past(node: &Value) -> bool {
    let date = node["deprecation_date"].as_str().and_then(|text| text.get(..10));
    let now = jiff::Timestamp::now().to_string();
    date.is_some_and(|date| date <= &now[..10])
}

fn report(node: &Value, changes: &[String], warnings: &mut Vec<Diagnostic>) -> Result<()> {
    let reasons = changes.join("\n  - ");
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    if node["version"].is_null() {
        warnings.push(Diagnostic::warning(
            Code::CONTRACT_BROKEN,
            format!(
                "Breaking change to contracted, unversioned model {} ({})\nWhile comparing to \
                 previous project state, dbt detected a breaking change to an unversioned model.\n  - {reasons}",
                text("name"),
                text("original_file_path"),
            ),
        ).event("UnversionedBreakingChange"));
        return Ok(());
    }
    Err(Box::new(
        Diagnostic::error(
            Code::CONTRACT_BROKEN,
            format!(
                "While comparing to previous project state, dbt detected a breaking change to an \
                 enforced contract of {}.\n  - {reasons}",
                text("unique_id")
            ),
        )
        .help("Keep what is there and add to it, or make a new version of the model."),
    ))
}

fn is_enforced(node: &Value) -> bool {
    node["contract"]["enforced"] == true || node["config"]["contract"]["enforced"] == true
}

fn enforces_constraints(node: &Value) -> bool {
    matches!(node["config"]["materialized"].as_str(), Some("table" | "incremental"))
}

fn list<'v>(node: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    node.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn constraints(node: &Value) -> Vec<Value> {
    list(node, "constraints").map(pruned).collect()
}

fn columns(node: &Value) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = node["columns"].as_object().into_iter().flatten().collect();
    all.sort_by_key(|(name, _)| *name);
    all
}

/// All that a contract says.
#[derive(PartialEq)]
struct Outline {
    /// Name, type and constraints.
    columns: Vec<(String, Value, Vec<Value>)>,
    /// The materialization and the constraints of the whole, where they are enforced.
    model: Option<(Value, Vec<Value>)>,
}

fn outline(node: &Value) -> Outline {
    let columns = columns(node);
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name.clone(), column["data_type"].clone(), constraints(column)));
    let model = enforces_constraints(node)
        .then(|| (node["config"]["materialized"].clone(), constraints(node)));
    Outline { columns: columns.collect(), model }
}

/// `numeric(10, 2)` is `numeric`: sizes break nobody.
fn base_type(data_type: &Value) -> Option<String> {
    let text = data_type.as_str()?;
    Some(text.split('(').next().unwrap_or_default().trim().to_lowercase())
}

fn breaking_changes(old: &Value, new: &Value) -> Vec<String> {
    const BREAK: &str = "\n    - ";
    let mut changes = Vec::new();
    if !is_enforced(new) {
        changes.push(
            "Contract enforcement was removed: Previously, this model had an enforced contract. It \
             is no longer configured to enforce its contract, and this is a breaking change."
                .to_owned(),
        );
    }
    let (mut removed, mut retyped, mut unconstrained) = (Vec::new(), Vec::new(), Vec::new());
    let mut had_constraints = false;
    let shown = |constraint: &Value| {
        let name = constraint["name"].as_str().or(constraint["type"].as_str());
        name.unwrap_or_default().to_owned()
    };
    // Both engines enforce every kind of constraint that dbt has.
    let lost = |old: &Value, new: &Value| -> Vec<Value> {
        let now = constraints(new);
        let mut before = constraints(old);
        before.retain(|one| !now.contains(one) && one["type"] != "custom");
        before
    };
    for (name, column) in columns(old) {
        let now = new["columns"].get(name);
        match now {
            None => removed.push(name.clone()),
            Some(now) if base_type(&now["data_type"]) != base_type(&column["data_type"]) => {
                let text = |value: &Value| value.as_str().unwrap_or("None").to_owned();
                retyped.push(format!(
                    "{name} ({} -> {})",
                    text(&column["data_type"]),
                    text(&now["data_type"])
                ));
            }
            Some(_) => {}
        }
        had_constraints |= list(column, "constraints").next().is_some();
        if let Some(now) = now.filter(|_| enforces_constraints(old)) {
            for one in lost(column, now) {
                unconstrained.push(format!("'{}' constraint on column {name}", shown(&one)));
            }
        }
    }
    let mut of_model = Vec::new();
    if enforces_constraints(old) {
        for one in lost(old, new) {
            let columns: Vec<String> = list(&one, "columns")
                .filter_map(Value::as_str)
                .map(|column| format!("'{column}'"))
                .collect();
            of_model.push(format!(
                "'{}' constraint on columns [{}]",
                shown(&one),
                columns.join(", ")
            ));
        }
    }
    let mut rematerialized = Vec::new();
    if enforces_constraints(old)
        && !enforces_constraints(new)
        && (had_constraints || list(old, "constraints").next().is_some())
    {
        let kind =
            |node: &Value| node["config"]["materialized"].as_str().unwrap_or_default().to_owned();
        rematerialized.push(format!("{} -> {}", kind(old), kind(new)));
    }
    for (title, found) in [
        ("Columns were removed", removed),
        ("Columns with data_type changes", retyped),
        ("Enforced column level constraints were removed", unconstrained),
        ("Enforced model level constraints were removed", of_model),
        ("Materialization changed with enforced constraints", rematerialized),
    ] {
        if !found.is_empty() {
            changes.push(format!("{title}: {BREAK}{}", found.join(BREAK)));
        }
    }
    changes
}
