//! DuckDB's results, which come as Arrow, into exact cells.
//!
//! Types that Arrow cannot carry exactly never come here: `DuckType::needs_text` names them.

use arrow::array::{Array, AsArray, StructArray};
use arrow::datatypes::{
    ArrowDictionaryKeyType, DataType, Date32Type, Decimal128Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, Time64NanosecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use duckdb::Statement;
use duckdb::core::LogicalTypeId;

use super::time;
use super::types::DuckType;
use crate::engine::json::exact_json;
use crate::relation::{Cell, Column, ResultSet};

/// Runs a prepared statement and reads its rows, at most `limit`. `None` where a column has a
/// type that Arrow cannot carry exactly.
pub(super) fn read(
    statement: &mut Statement<'_>,
    limit: Option<usize>,
) -> duckdb::Result<Option<ResultSet>> {
    // The stream itself panics on errors; `step` gives them.
    let _ = statement.stream_arrow([])?;
    let names = statement.column_names();
    let types: Vec<DuckType> =
        (0..names.len()).map(|index| column_type(statement, index)).collect();
    if types.iter().any(DuckType::needs_text) {
        return Ok(None);
    }
    let limit = limit.unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(chunk) = statement.step()? else { break };
        let take = chunk.len().min(limit - rows.len());
        read_chunk(&chunk, &types, take, &mut rows);
    }
    let columns = names
        .into_iter()
        .zip(&types)
        .map(|(name, data_type)| Column { name, data_type: data_type.to_string() })
        .collect();
    Ok(Some(ResultSet { columns, rows }))
}

/// A column's type; only Arrow tells the length of an array.
fn column_type(statement: &Statement<'_>, index: usize) -> DuckType {
    fn lengths(data_type: &mut DuckType, arrow: &DataType) {
        let fields: Vec<&DataType> = match arrow {
            DataType::FixedSizeList(field, length) => {
                data_type.length = usize::try_from(*length).unwrap_or_default();
                vec![field.data_type()]
            }
            DataType::List(field) | DataType::LargeList(field) => vec![field.data_type()],
            DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
            _ => Vec::new(),
        };
        for ((_, child), field) in data_type.children.iter_mut().zip(fields) {
            lengths(child, field);
        }
    }
    let mut data_type = DuckType::read(&statement.column_logical_type(index));
    lengths(&mut data_type, &statement.column_type(index));
    data_type
}

/// The number that a statement which changed rows gave.
pub(super) fn count(statement: &Statement<'_>) -> duckdb::Result<Option<u64>> {
    let Some(chunk) = statement.step()? else { return Ok(None) };
    let number = chunk.column(0).as_primitive_opt::<Int64Type>().map(|column| column.value(0));
    Ok(number.and_then(|number| u64::try_from(number).ok()))
}

fn read_chunk(chunk: &StructArray, types: &[DuckType], take: usize, rows: &mut Vec<Vec<Cell>>) {
    for row in 0..take {
        let cells = chunk.columns().iter().zip(types);
        rows.push(cells.map(|(column, data_type)| cell(column.as_ref(), row, data_type)).collect());
    }
}

/// Types, by the start of their names, that only DuckDB itself prints exactly.
const AS_TEXT: &[&str] =
    &["INTERVAL", "TIME WITH TIME ZONE", "BIT", "UNION(", "VARIANT", "BIGNUM", "GEOMETRY"];

fn is_text_type(data_type: &str) -> bool {
    AS_TEXT.iter().any(|name| data_type.contains(name))
}

/// The query around `inner` that gives such columns as text.
pub(super) fn wrapped(inner: &str, columns: &[Column]) -> String {
    let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
    let selected: Vec<String> = names
        .iter()
        .zip(columns)
        .map(|(name, column)| match is_text_type(&column.data_type) {
            true => format!("{name}::VARCHAR"),
            false => name.clone(),
        })
        .collect();
    format!("SELECT {} FROM (\n{inner}\n) AS wrapped({})", selected.join(", "), names.join(", "))
}

/// The text cells of [`wrapped`] under the kinds that their types ask for.
pub(super) fn retyped(row: Vec<Cell>, columns: &[Column]) -> Vec<Cell> {
    row.into_iter()
        .zip(columns)
        .map(|(cell, column)| match (cell, column.data_type.as_str()) {
            (Cell::Text(text), "INTERVAL") => Cell::Interval(text),
            (Cell::Text(text), "TIME WITH TIME ZONE") => Cell::Time(text),
            (Cell::Text(text), "BIGNUM") => {
                text.parse().map_or_else(|_| Cell::Decimal(text), Cell::Int)
            }
            (cell, _) => cell,
        })
        .collect()
}

/// One value of an array.
fn cell(array: &dyn Array, row: usize, data_type: &DuckType) -> Cell {
    if array.is_null(row) {
        return Cell::Null;
    }
    match array.data_type() {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Cell::Int(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Cell::Int(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Cell::Int(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(row).into()),
        DataType::UInt8 => Cell::Int(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Cell::Int(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Cell::Int(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Cell::Int(array.as_primitive::<UInt64Type>().value(row).into()),
        DataType::Float32 => {
            // Through its shortest text: 0.1 stays 0.1.
            let value = array.as_primitive::<Float32Type>().value(row);
            Cell::Float(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
        }
        DataType::Float64 => Cell::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, _) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            match data_type.id {
                LogicalTypeId::Hugeint => Cell::Int(value),
                LogicalTypeId::UHugeint => {
                    // The same sixteen bytes, without a sign.
                    #[allow(clippy::cast_sign_loss)]
                    let value = value as u128;
                    i128::try_from(value)
                        .map_or_else(|_| Cell::Decimal(value.to_string()), Cell::Int)
                }
                _ => Cell::Decimal(decimal(value, data_type.decimal.1)),
            }
        }
        DataType::Utf8 => text(array.as_string::<i32>().value(row), data_type),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row), data_type),
        DataType::Utf8View => text(array.as_string_view().value(row), data_type),
        DataType::Binary => Cell::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::LargeBinary => Cell::Bytes(array.as_binary::<i64>().value(row).to_vec()),
        DataType::BinaryView => Cell::Bytes(array.as_binary_view().value(row).to_vec()),
        DataType::Date32 => Cell::Date(time::date(array.as_primitive::<Date32Type>().value(row))),
        DataType::Time64(TimeUnit::Microsecond) => {
            let micros = array.as_primitive::<Time64MicrosecondType>().value(row);
            Cell::Time(time::of_day(micros, 6))
        }
        DataType::Time64(_) => {
            Cell::Time(time::of_day(array.as_primitive::<Time64NanosecondType>().value(row), 9))
        }
        DataType::Timestamp(unit, _) => {
            let (value, digits) = match unit {
                TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 0),
                TimeUnit::Millisecond => {
                    (array.as_primitive::<TimestampMillisecondType>().value(row), 3)
                }
                TimeUnit::Microsecond => {
                    (array.as_primitive::<TimestampMicrosecondType>().value(row), 6)
                }
                TimeUnit::Nanosecond => {
                    (array.as_primitive::<TimestampNanosecondType>().value(row), 9)
                }
            };
            let zoned = data_type.id == LogicalTypeId::TimestampTZ;
            let text = time::timestamp(value, digits, if zoned { "+00" } else { "" });
            if zoned { Cell::TimestampTz(text) } else { Cell::Timestamp(text) }
        }
        DataType::Dictionary(key, _) => match key.as_ref() {
            DataType::UInt8 => member::<UInt8Type>(array, row),
            DataType::UInt16 => member::<UInt16Type>(array, row),
            _ => member::<UInt32Type>(array, row),
        },
        DataType::List(_) => list(&array.as_list::<i32>().value(row), data_type),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), data_type),
        DataType::FixedSizeList(_, _) => list(&array.as_fixed_size_list().value(row), data_type),
        DataType::Struct(_) => Cell::Struct(
            data_type
                .children
                .iter()
                .zip(array.as_struct().columns())
                .map(|((name, child), values)| (name.clone(), cell(values.as_ref(), row, child)))
                .collect(),
        ),
        DataType::Map(_, _) => map(&array.as_map().value(row), data_type),
        other => Cell::Text(format!("<{other}>")),
    }
}

fn text(text: &str, data_type: &DuckType) -> Cell {
    if data_type.id == LogicalTypeId::Uuid {
        return Cell::Uuid(text.to_owned());
    }
    if data_type.is_json()
        && let Some(value) = exact_json(text)
    {
        return Cell::Json(value);
    }
    Cell::Text(text.to_owned())
}

fn member<K: ArrowDictionaryKeyType>(array: &dyn Array, row: usize) -> Cell {
    let dictionary = array.as_dictionary::<K>();
    let index = dictionary.key(row).unwrap_or_default();
    let values = dictionary.values();
    Cell::Text(match values.data_type() {
        DataType::LargeUtf8 => values.as_string::<i64>().value(index).to_owned(),
        _ => values.as_string::<i32>().value(index).to_owned(),
    })
}

fn list(values: &dyn Array, data_type: &DuckType) -> Cell {
    let child = &data_type.children[0].1;
    Cell::List((0..values.len()).map(|index| cell(values, index, child)).collect())
}

/// A map with text keys is a struct; any other a list of `{key, value}`, as Arrow has it.
fn map(entries: &StructArray, data_type: &DuckType) -> Cell {
    let (key, value) = (&data_type.children[0].1, &data_type.children[1].1);
    let (keys, values) = (entries.column(0).as_ref(), entries.column(1).as_ref());
    let pairs = (0..entries.len()).map(|row| (cell(keys, row, key), cell(values, row, value)));
    if key.id == LogicalTypeId::Varchar {
        return Cell::Struct(pairs.map(|(key, value)| (key.to_text(), value)).collect());
    }
    let pair =
        |(key, value)| Cell::Struct(vec![("key".to_owned(), key), ("value".to_owned(), value)]);
    Cell::List(pairs.map(pair).collect())
}

/// An unscaled decimal with its point: `-0.05`.
fn decimal(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
