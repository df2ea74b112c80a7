//! Cells of a result as template values, as dbt shows them: what is no integer is a decimal, floats
//! included.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::datetime::{self, Date, Time};
use super::decimal::Decimal;
use super::json::{self, Style};
use super::{from_json, number};
use crate::relation::Cell;

/// The value of a cell. Structured values are JSON text, as in dbt.
pub fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::from(()),
        Cell::Bool(flag) => Value::from(*flag),
        Cell::Int(int) => number::int_value(*int),
        Cell::Float(float) => Decimal::of_float(*float).value(),
        Cell::Decimal(digits) => match Decimal::parse(digits) {
            Some(decimal) => decimal.value(),
            None => Value::from(digits.as_str()),
        },
        Cell::Text(text) | Cell::Interval(text) | Cell::Uuid(text) => Value::from(text.as_str()),
        Cell::Date(text) => match datetime::from_iso(text) {
            Some(stamp) => Value::from_object(Date(stamp.civil().date())),
            None => Value::from(text.as_str()),
        },
        Cell::Time(text) => match datetime::time_from_iso(text) {
            Some(time) => Value::from_object(Time(time)),
            None => Value::from(text.as_str()),
        },
        Cell::Timestamp(text) | Cell::TimestampTz(text) => match datetime::from_iso(text) {
            Some(stamp) => Value::from_object(stamp),
            None => Value::from(text.as_str()),
        },
        Cell::Bytes(bytes) => Value::from_bytes(bytes.clone()),
        Cell::Json(_) | Cell::List(_) | Cell::Struct(_) => {
            let value = from_json(&cell.to_json());
            json::dumps(&value, Style::default()).map_or_else(|_| Value::from(()), Value::from)
        }
    }
}

/// The type that agate gives a column of such values.
pub(super) fn agate_type<'v>(values: impl Iterator<Item = &'v Value>) -> &'static str {
    let type_of = |value: &Value| match value.kind() {
        ValueKind::Bool => "Boolean",
        ValueKind::Number if value.is_integer() => "Integer",
        ValueKind::Number => "Number",
        _ if Decimal::of(value).is_some() => "Number",
        _ => match super::datetime::type_name(value) {
            Some("datetime.date") => "Date",
            Some("datetime.datetime") => "DateTime",
            _ => "Text",
        },
    };
    let join = |a, b| match (a, b) {
        _ if a == b => a,
        ("Integer" | "Number", "Integer" | "Number") => "Number",
        _ => "Text",
    };
    // Of nothing at all dbt makes integers.
    values.filter(|value| !value.is_none()).map(type_of).reduce(join).unwrap_or("Integer")
}
