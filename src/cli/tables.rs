//! Tables of what the results store tells, cell by cell.

use jiff::Timestamp;

use crate::relation::{Cell, Column, ResultSet};

/// A column of a table.
pub(super) fn column(name: impl Into<String>) -> Column {
    Column { name: name.into(), data_type: "text".to_owned() }
}

/// Rows under a header.
pub(super) fn table(header: &[&str], rows: impl Iterator<Item = Vec<Cell>>) -> ResultSet {
    ResultSet { columns: header.iter().map(|name| column(*name)).collect(), rows: rows.collect() }
}

/// A text; nothing where there is none.
pub(super) fn text(text: Option<&str>) -> Cell {
    Cell::Text(text.unwrap_or_default().to_owned())
}

/// A number; nothing where there is none.
pub(super) fn number(number: Option<i64>) -> Cell {
    number.map_or(Cell::Text(String::new()), |n| Cell::Int(n.into()))
}

/// Milliseconds for people.
pub(super) fn seconds(milliseconds: f64) -> String {
    format!("{:.2}s", milliseconds / 1000.0)
}

/// A time to the second.
pub(super) fn time(at: Timestamp) -> Cell {
    Cell::Text(at.strftime("%F %T").to_string())
}
