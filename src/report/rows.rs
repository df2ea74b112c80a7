//! Rows of a result as a table, as CSV or as JSON.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::relation::{Cell, ResultSet};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFormat {
    Table,
    Csv,
    Json,
}

/// Rows as text; ends without a newline.
pub fn format_rows(rows: &ResultSet, format: RowFormat) -> String {
    match format {
        RowFormat::Table => table(rows),
        RowFormat::Csv => csv_text(rows),
        RowFormat::Json => {
            let list: Vec<serde_json::Value> = rows
                .rows
                .iter()
                .map(|row| {
                    let entries = rows.columns.iter().zip(row);
                    entries.map(|(column, cell)| (column.name.clone(), cell.to_json())).collect()
                })
                .collect();
            serde_json::to_string_pretty(&list).unwrap_or_default()
        }
    }
}

/// How wide a table may be, where it goes to a terminal.
pub fn table_width() -> Option<u16> {
    Table::new().width()
}

/// Up to this width a column is not broken where the table can be made narrow enough elsewhere.
const SHORT: usize = 21;

/// The space around a value.
const PADDING: usize = 2;

fn table(rows: &ResultSet) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(rows.columns.iter().map(|column| column.name.as_str()));
    for row in &rows.rows {
        table.add_row(row.iter().map(|cell| match cell {
            Cell::Null => "NULL".to_owned(),
            other => other.to_text(),
        }));
    }
    let widths: Vec<usize> =
        table.column_max_content_widths().iter().map(|w| *w as usize).collect();
    let least: usize = widths.iter().map(|width| width.min(&SHORT) + PADDING + 1).sum();
    if table.width().is_some_and(|width| least < width as usize) {
        for (column, width) in table.column_iter_mut().zip(&widths) {
            let least = u16::try_from(width.min(&SHORT) + PADDING).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    let first = rows.rows.first();
    for (at, column) in table.column_iter_mut().enumerate() {
        let number = |cell: &Cell| matches!(cell, Cell::Int(_) | Cell::Float(_) | Cell::Decimal(_));
        if first.and_then(|row| row.get(at)).is_some_and(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn csv_text(rows: &ResultSet) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut write = || -> csv::Result<()> {
        writer.write_record(rows.columns.iter().map(|column| column.name.as_str()))?;
        for row in &rows.rows {
            writer.write_record(row.iter().map(Cell::to_text))?;
        }
        Ok(())
    };
    // Writing to memory does not fail.
    let _infallible = write();
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim_end().to_owned()
}
