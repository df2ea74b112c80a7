//! What is known of a relation's columns without looking at any of its rows.

use std::collections::HashMap;
use std::sync::Arc;

use crate::manifest::{FastHash, UniqueId};
use crate::relation::Column;

/// A column: its type in its engine's words, where it could be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundColumn {
    pub name: String,
    pub data_type: Option<String>,
}

/// The columns of a relation, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    pub columns: Vec<BoundColumn>,
    /// Whether there may be more columns than these: what is not known is never wrong.
    pub open: bool,
}

/// The columns of nodes and sources.
pub type Schemas = HashMap<UniqueId, Arc<Schema>, FastHash>;

impl Schema {
    /// Nothing is known.
    pub fn unknown() -> Schema {
        Schema { columns: Vec::new(), open: true }
    }

    /// All columns, with their types.
    pub fn exact(columns: Vec<Column>) -> Schema {
        let bound =
            |column: Column| BoundColumn { name: column.name, data_type: Some(column.data_type) };
        Schema { columns: columns.into_iter().map(bound).collect(), open: false }
    }

    /// The columns, where all of them and their types are known.
    pub fn known(&self) -> Option<Vec<Column>> {
        if self.open || self.columns.is_empty() {
            return None;
        }
        let column = |column: &BoundColumn| {
            let data_type = column.data_type.clone()?;
            Some(Column { name: column.name.clone(), data_type })
        };
        self.columns.iter().map(column).collect()
    }

    /// A column, however its name is written.
    pub fn column(&self, name: &str) -> Option<&BoundColumn> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Whether there is certainly no such column.
    pub fn lacks(&self, name: &str) -> bool {
        !self.open && self.column(name).is_none()
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Adds the columns of another one; of what is in both under different types, the type is not
    /// known.
    pub(super) fn add(&mut self, other: &Schema) {
        for column in &mut self.columns {
            if other.column(&column.name).is_some_and(|it| it.data_type != column.data_type) {
                column.data_type = None;
            }
        }
        let more: Vec<BoundColumn> =
            other.columns.iter().filter(|it| self.column(&it.name).is_none()).cloned().collect();
        self.columns.extend(more);
        self.open |= other.open;
    }

    /// Nothing of it is certain any more.
    pub(super) fn doubt(&mut self) {
        self.columns.iter_mut().for_each(|column| column.data_type = None);
        self.open = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_schemas_say_differently_is_not_known() {
        let schema = |columns: &[(&str, &str)]| {
            let column = |(name, data_type): &(&str, &str)| Column {
                name: (*name).to_owned(),
                data_type: (*data_type).to_owned(),
            };
            Schema::exact(columns.iter().map(column).collect())
        };
        let mut both = schema(&[("a", "INTEGER"), ("b", "DATE")]);
        both.add(&schema(&[("A", "INTEGER"), ("b", "VARCHAR"), ("c", "DATE")]));
        let types: Vec<Option<&str>> =
            both.columns.iter().map(|column| column.data_type.as_deref()).collect();
        assert_eq!(types, [Some("INTEGER"), None, Some("DATE")]);
    }
}
