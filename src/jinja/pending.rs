//! Stand-ins until `values` has tables, datetimes and modules.
use minijinja::Value;

use super::values::List;
use crate::relation::ResultSet;

pub struct Table;

impl Table {
    pub fn empty() -> Value {
        List::value(Vec::new())
    }
    pub fn value(rows: ResultSet) -> Value {
        let rows = rows
            .rows
            .into_iter()
            .map(|r| r.iter().map(|c| Value::from(minijinja::value::Serde(c.to_json()))).collect());
        List::value(rows.collect())
    }
}
