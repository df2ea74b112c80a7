//! What tells the rows of a node or source apart, as far as the project says it. The databases are
//! not asked.

use serde_json::Value;

use super::{ColumnInfo, Manifest, Node, NodeConfig};

/// The columns of a primary key constraint: one of the model, or one of a column.
pub fn constrained_key(node: &Node) -> Option<Vec<&str>> {
    key_of_constraints(&node.config, node.columns.values())
}

fn key_of_constraints<'a>(
    config: &'a NodeConfig,
    mut columns: impl Iterator<Item = &'a ColumnInfo>,
) -> Option<Vec<&'a str>> {
    let is_key = |constraint: &&Value| constraint["type"] == "primary_key";
    let of_model = config.get("constraints").and_then(Value::as_array);
    if let Some(key) = of_model.into_iter().flatten().find(is_key) {
        let columns = key["columns"].as_array().into_iter().flatten();
        return Some(columns.filter_map(Value::as_str).collect());
    }
    let has_key = |column: &&ColumnInfo| column.constraints.iter().any(|c| is_key(&c));
    Some(vec![columns.find(has_key)?.name.as_str()])
}

impl Manifest {
    /// The columns that tell the rows of a node or source apart: its primary key constraint, or
    /// else the columns that are tested to be both unique and never null, or else its `unique_key`.
    /// Empty where nothing is said. A column of a test may stand in quotes.
    pub fn key_columns(&self, unique_id: &str) -> Vec<String> {
        let node = self.nodes.get(unique_id);
        let source = self.sources.get(unique_id);
        let constrained = node
            .and_then(|node| constrained_key(node))
            .or_else(|| source.and_then(|s| key_of_constraints(&s.config, s.columns.values())));
        if let Some(columns) = constrained.filter(|columns| !columns.is_empty()) {
            return columns.into_iter().map(str::to_owned).collect();
        }
        let tested = self.tested_key(unique_id);
        if !tested.is_empty() {
            return tested;
        }
        // It may also be an expression, which is no column of any result.
        node.map(|node| node.config.text_list("unique_key")).unwrap_or_default()
    }

    fn tested_key(&self, unique_id: &str) -> Vec<String> {
        let (mut unique, mut never_null) = (Vec::new(), Vec::new());
        let of_it = |node: &&Node| node.attached_node.as_deref() == Some(unique_id);
        for test in self.nodes.values().map(|node| &**node).filter(of_it) {
            let (Some(column), Some(metadata)) = (&test.column_name, &test.test_metadata) else {
                continue;
            };
            match metadata.name.as_str() {
                "unique" => unique.push(column),
                "not_null" => never_null.push(column),
                _ => {}
            }
        }
        let first = unique.into_iter().find(|column| never_null.contains(column));
        first.cloned().into_iter().collect()
    }
}
