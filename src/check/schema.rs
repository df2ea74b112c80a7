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
}
