//! The checksum of a model's contract, as dbt-core makes it: of the columns, types and constraints
//! as Python prints them. Two states with the same checksum have the same contract.

use std::fmt::Write;

use serde_json::Value;

use crate::checksum::sha256;
use crate::manifest::Node;
use crate::parse::py_repr;

/// The checksum in hex; `None` where no contract is enforced.
pub(super) fn checksum(node: &Node) -> Option<String> {
    if !node.has_contract() {
        return None;
    }
    let mut text = String::new();
    let mut columns: Vec<_> = node.columns.values().collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    for column in columns {
        let data_type = column.data_type.as_deref().unwrap_or("None");
        let constraints = printed(&column.constraints, false);
        // Writing into a String cannot fail.
        let _written = write!(text, "|{}{data_type}{constraints}", column.name);
    }
    let materialized = node.materialized();
    if matches!(materialized, "table" | "incremental") {
        let constraints = node.config.get("constraints").and_then(Value::as_array);
        text.push_str(materialized);
        text.push_str(&printed(constraints.map_or(&[], |all| all), true));
    }
    Some(sha256(text))
}

/// A list of dbt's constraint objects.
fn printed(constraints: &[Value], of_model: bool) -> String {
    let none = Value::Array(Vec::new());
    let one = |constraint: &Value| {
        let value = |key: &str| py_repr(constraint.get(key).unwrap_or(&Value::Null));
        let list = |key: &str| py_repr(constraint.get(key).unwrap_or(&none));
        let flag = |key: &str| py_repr(constraint.get(key).unwrap_or(&Value::Bool(true)));
        let kind = constraint.get("type").and_then(Value::as_str).unwrap_or_default();
        let (class, columns) = match of_model {
            true => ("ModelLevelConstraint", format!(", columns={}", list("columns"))),
            false => ("ColumnLevelConstraint", String::new()),
        };
        format!(
            "{class}(type=<ConstraintType.{kind}: '{kind}'>, name={}, expression={}, \
             warn_unenforced={}, warn_unsupported={}, to={}, to_columns={}{columns})",
            value("name"),
            value("expression"),
            flag("warn_unenforced"),
            flag("warn_unsupported"),
            value("to"),
            list("to_columns"),
        )
    };
    let all: Vec<String> = constraints.iter().map(one).collect();
    format!("[{}]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::manifest::{ColumnInfo, ResourceType};

    #[test]
    fn it_is_what_dbt_writes() {
        let file = SourceFile::new("models/d.sql", "select 1 as id");
        let mut node = Node::bare(ResourceType::Model, "p", "d", file, "duckdb".into());
        node.config.values.insert("materialized".into(), "table".into());
        assert_eq!(checksum(&node), None);
        node.config.values.insert("contract".into(), json!({"enforced": true}));
        let column = ColumnInfo {
            name: "id".into(),
            data_type: Some("integer".into()),
            constraints: vec![json!({"type": "not_null"})],
            ..ColumnInfo::default()
        };
        node.columns.insert("id".into(), column);
        assert_eq!(
            checksum(&node).as_deref(),
            Some("42db8bac8ff5eccbb2ccccf7a9a4ceb142612b2910729f18147e0e2daa5d7968")
        );
    }
}
