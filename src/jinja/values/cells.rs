//! Cells of a result as template values, as dbt shows them.
//!
//! A decimal is a number: templates compare and count with it, which a text or an object could not.

use minijinja::Value;

use super::datetime::{self, Date, Time};
use super::json::{self, Style};
use super::{from_json, number};
use crate::relation::Cell;

/// The value of a cell. Structured values are JSON text, as in dbt.
pub(super) fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Null => Value::from(()),
        Cell::Bool(flag) => Value::from(*flag),
        Cell::Int(int) => number::int_value(*int),
        Cell::Float(float) => Value::from(*float),
        Cell::Decimal(digits) => decimal(digits),
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

/// An integer without a point, a float with one; text where it is neither.
fn decimal(digits: &str) -> Value {
    if let Ok(int) = digits.parse::<i128>() {
        return number::int_value(int);
    }
    digits.parse::<f64>().map_or_else(|_| Value::from(digits), Value::from)
}
