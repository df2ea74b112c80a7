//! Python's `datetime` and `pytz` for templates: dates, times and time spans as objects.
//!
//! minijinja has no hook for operators on objects: `<`, `==` work between two of a kind, arithmetic
//! only through what `ops` makes of it. Nanoseconds are never kept: Python has microseconds.

mod civil;
mod delta;
mod parse;
mod stamp;
mod strftime;
mod zone;

use std::cmp::Ordering;
use std::fmt::{self, Write};

use minijinja::{Error, Value};

use super::args::error;
use super::func::Namespace;
pub(super) use civil::{Date, Time};
pub(super) use delta::Delta;
pub use stamp::DateTime;
pub(super) use stamp::from_iso;
pub use stamp::from_yaml;
pub(super) use zone::Zone;

/// The module `datetime`.
pub(super) fn module() -> Value {
    Namespace::module(
        "datetime",
        vec![
            ("date", civil::date_class()),
            ("datetime", stamp::class()),
            ("time", civil::time_class()),
            ("timedelta", delta::class()),
            ("timezone", zone::class()),
        ],
    )
}

/// A time of day as databases print it.
pub(super) fn time_from_iso(text: &str) -> Option<jiff::civil::Time> {
    parse::iso_time(text).map(|parsed| parsed.civil.time())
}

/// The module `pytz`.
pub(super) fn pytz() -> Value {
    zone::pytz()
}

/// Writes `repr(value)`; `None` where the value is not one of this module's.
pub(super) fn write_repr(out: &mut dyn Write, value: &Value) -> Option<fmt::Result> {
    let object = value.as_object()?;
    if let Some(stamp) = object.downcast_ref::<DateTime>() {
        return Some(write!(out, "{stamp:?}"));
    }
    if let Some(date) = object.downcast_ref::<Date>() {
        return Some(write!(out, "{date:?}"));
    }
    if let Some(time) = object.downcast_ref::<Time>() {
        return Some(write!(out, "{time:?}"));
    }
    if let Some(delta) = object.downcast_ref::<Delta>() {
        return Some(write!(out, "{delta:?}"));
    }
    object.downcast_ref::<Zone>().map(|zone| write!(out, "{zone:?}"))
}

/// The Python name of the value's type.
pub(super) fn type_name(value: &Value) -> Option<&'static str> {
    let object = value.as_object()?;
    if object.is::<DateTime>() {
        Some("datetime.datetime")
    } else if object.is::<Date>() {
        Some("datetime.date")
    } else if object.is::<Time>() {
        Some("datetime.time")
    } else if object.is::<Delta>() {
        Some("datetime.timedelta")
    } else if object.is::<Zone>() {
        Some("datetime.timezone")
    } else {
        None
    }
}

/// `value.strftime(format)`; `None` where the value is not a date or time.
pub(super) fn strftime(value: &Value, format: &str) -> Option<Result<String, Error>> {
    let object = value.as_object()?;
    let fields = if let Some(stamp) = object.downcast_ref::<DateTime>() {
        stamp.fields()
    } else if let Some(date) = object.downcast_ref::<Date>() {
        date.fields()
    } else {
        object.downcast_ref::<Time>()?.fields()
    };
    Some(strftime::format(&fields, format))
}

/// How two dates, times or spans of one kind are ordered; `None` where the values are others.
pub(super) fn order(a: &Value, b: &Value) -> Option<Result<Ordering, Error>> {
    let (x, y) = (a.as_object()?, b.as_object()?);
    if let (Some(x), Some(y)) = (x.downcast_ref::<DateTime>(), y.downcast_ref::<DateTime>()) {
        let since = x.since(y);
        let naive = |_| error("can't compare offset-naive and offset-aware datetimes");
        return Some(since.map(|micros| micros.cmp(&0)).map_err(naive));
    }
    let (first, second) = (type_name(a)?, type_name(b)?);
    if first == second && !x.is::<Zone>() {
        return Some(Ok(a.cmp(b)));
    }
    let is_date = |name| matches!(name, "datetime.date" | "datetime.datetime");
    (is_date(first) && is_date(second))
        .then(|| Err(error("can't compare datetime.datetime to datetime.date")))
}

/// `a + b`, where one is a time span and the other a span, date or timestamp.
pub(super) fn add(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    match (delta::of(a), delta::of(b)) {
        (Some(a), Some(b)) => Some(delta::bounded(Some(a.micros + b.micros))),
        (Some(delta), None) => shift(b, delta.micros),
        (None, Some(delta)) => shift(a, delta.micros),
        (None, None) => None,
    }
}

/// `a - b`: a span between two dates or timestamps, or a date moved back.
pub(super) fn sub(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    if let Some(delta) = delta::of(b) {
        return match delta::of(a) {
            Some(from) => Some(delta::bounded(Some(from.micros - delta.micros))),
            None => shift(a, -delta.micros),
        };
    }
    let (a, b) = (a.as_object()?, b.as_object()?);
    if let (Some(a), Some(b)) = (a.downcast_ref::<DateTime>(), b.downcast_ref::<DateTime>()) {
        return Some(a.since(b).map(Delta::value));
    }
    let (a, b) = (a.downcast_ref::<Date>()?, b.downcast_ref::<Date>()?);
    Some(Ok(Delta::value(i128::from(a.ordinal() - b.ordinal()) * delta::DAY)))
}

/// A time span times a number.
pub(super) fn mul(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    let (delta, factor) = match (delta::of(a), delta::of(b)) {
        (Some(delta), None) => (delta, b),
        (None, Some(delta)) => (delta, a),
        _ => return None,
    };
    if let Some(factor) = factor.as_i64().filter(|_| factor.is_integer()) {
        return Some(delta::bounded(delta.micros.checked_mul(i128::from(factor))));
    }
    let factor = f64::try_from(factor.clone()).ok()?;
    #[allow(clippy::cast_precision_loss, reason = "as Python's arithmetic does it")]
    let micros = (delta.micros as f64 * factor).round_ties_even();
    Some(super::number::truncate(micros).and_then(|micros| delta::bounded(Some(micros))))
}

/// A time span divided by a number, or by another one.
pub(super) fn div(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    let delta = delta::of(a)?;
    #[allow(clippy::cast_precision_loss, reason = "as Python divides")]
    let micros = delta.micros as f64;
    if let Some(by) = delta::of(b) {
        #[allow(clippy::cast_precision_loss, reason = "as Python divides")]
        let by = by.micros as f64;
        return Some(if by == 0.0 { Err(by_zero()) } else { Ok(Value::from(micros / by)) });
    }
    let by = f64::try_from(b.clone()).ok()?;
    if by == 0.0 {
        return Some(Err(by_zero()));
    }
    let micros = (micros / by).round_ties_even();
    Some(super::number::truncate(micros).and_then(|micros| delta::bounded(Some(micros))))
}

/// How often a time span is in another one; or a part of one, rounded down.
pub(super) fn floor_div(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    let delta = delta::of(a)?;
    let (by, by_span) = match delta::of(b) {
        Some(by) => (by.micros, true),
        None => (i128::from(b.as_i64().filter(|_| b.is_integer())?), false),
    };
    if by == 0 {
        return Some(Err(by_zero()));
    }
    let quotient = delta.micros.div_euclid(by);
    // Rounded down also where the divisor is negative.
    let quotient = if by < 0 && delta.micros % by != 0 { quotient - 1 } else { quotient };
    Some(if by_span {
        Ok(super::number::int_value(quotient))
    } else {
        delta::bounded(Some(quotient))
    })
}

/// What is left of a time span after whole parts of another one.
pub(super) fn rem(a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    let (a, b) = (delta::of(a)?.micros, delta::of(b)?.micros);
    if b == 0 {
        return Some(Err(by_zero()));
    }
    let rest = a.rem_euclid(b);
    // It has the sign of the divisor.
    Some(delta::bounded(Some(if b < 0 && rest != 0 { rest + b } else { rest })))
}

fn by_zero() -> Error {
    error("integer division or modulo by zero")
}

fn shift(value: &Value, micros: i128) -> Option<Result<Value, Error>> {
    let object = value.as_object()?;
    if let Some(stamp) = object.downcast_ref::<DateTime>() {
        return Some(stamp.shifted(micros).map(Value::from_object));
    }
    let date = object.downcast_ref::<Date>()?;
    Some(date.shifted(micros.div_euclid(delta::DAY)).map(Value::from_object))
}
