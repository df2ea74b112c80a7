//! `datetime.timedelta`: an exact number of microseconds.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::super::args::{bind, error};
use super::super::func::Namespace;
use super::super::number::truncate;

/// Microseconds in a day.
pub(super) const DAY: i128 = 86_400_000_000;

/// A time span.
#[derive(Clone, Copy)]
pub(crate) struct Delta {
    pub(super) micros: i128,
}

impl Delta {
    pub(crate) fn value(micros: i128) -> Value {
        Value::from_object(Delta { micros })
    }

    fn parts(self) -> (i128, i128, i128) {
        let rest = self.micros.rem_euclid(DAY);
        (self.micros.div_euclid(DAY), rest / 1_000_000, rest % 1_000_000)
    }
}

/// The time span that a value is.
pub(super) fn of(value: &Value) -> Option<Delta> {
    value.downcast_object_ref::<Delta>().copied()
}

/// The class `timedelta`.
pub(super) fn class() -> Value {
    let constant = |micros| Value::from_object(Delta { micros });
    let members = vec![
        ("min", constant(-999_999_999 * DAY)),
        ("max", constant(1_000_000_000 * DAY - 1)),
        ("resolution", constant(1)),
    ];
    Namespace::class("datetime.timedelta", construct, members)
}

fn construct(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"];
    let units = [DAY, 1_000_000, 1, 1000, 60_000_000, 3_600_000_000, 7 * DAY];
    let mut micros = 0i128;
    for (value, unit) in bind("timedelta", names, args)?.into_iter().zip(units) {
        let Some(value) = value else { continue };
        if value.is_integer() {
            let number = i128::try_from(value)?;
            micros = number
                .checked_mul(unit)
                .and_then(|part| micros.checked_add(part))
                .ok_or_else(too_large)?;
        } else {
            #[allow(clippy::cast_precision_loss, reason = "units are small")]
            let part = f64::try_from(value)? * unit as f64;
            let part = truncate(part.round_ties_even())?;
            micros = micros.checked_add(part).ok_or_else(too_large)?;
        }
    }
    bounded(Some(micros))
}

fn too_large() -> Error {
    error("timedelta: the number of days is too large")
}

/// A time span within Python's bounds.
///
/// # Errors
/// It is longer than a thousand million days.
pub(super) fn bounded(micros: Option<i128>) -> Result<Value, Error> {
    let limit = 999_999_999 * DAY;
    micros.filter(|m| (-limit..=limit).contains(m)).map(Delta::value).ok_or_else(too_large)
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds, micros) = self.parts();
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if micros != 0 { write!(f, ".{micros:06}") } else { Ok(()) }
    }
}

impl fmt::Debug for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds, micros) = self.parts();
        let parts: Vec<String> = [("days", days), ("seconds", seconds), ("microseconds", micros)]
            .iter()
            .filter(|(_, number)| *number != 0)
            .map(|(name, number)| format!("{name}={number}"))
            .collect();
        let parts = if parts.is_empty() { "0".to_owned() } else { parts.join(", ") };
        write!(f, "datetime.timedelta({parts})")
    }
}

impl Object for Delta {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let (days, seconds, micros) = self.parts();
        let part = match key {
            "days" => days,
            "seconds" => seconds,
            "microseconds" => micros,
            _ => return None,
        };
        Some(super::super::number::int_value(part))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.micros != 0
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.micros.cmp(&other.downcast_ref::<Delta>()?.micros))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method != "total_seconds" {
            return Err(Error::from(ErrorKind::UnknownMethod));
        }
        let [] = bind(method, [], args)?;
        #[allow(clippy::cast_precision_loss, reason = "as Python divides")]
        Ok(Value::from(self.micros as f64 / 1e6))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
