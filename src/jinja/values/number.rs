//! Numbers as Python converts, rounds and asks them.
//!
//! Integers are exact up to 128 bits, as minijinja keeps them; Python's go on for ever.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::args::{bind, error, no_method};

/// A float without its fraction, as `int(x)` gives it.
///
/// # Errors
/// Infinity, not-a-number, or a number beyond 128 bits.
pub(super) fn truncate(number: f64) -> Result<i128, Error> {
    if number.is_nan() {
        return Err(error("cannot convert float NaN to integer"));
    }
    if number.is_infinite() || number.abs() >= 1.7e38 {
        return Err(error("cannot convert float infinity to integer"));
    }
    #[allow(clippy::cast_possible_truncation, reason = "the range was just checked")]
    Ok(number.trunc() as i128)
}

/// A value for an integer: small ones in the form that minijinja is fastest with.
pub(super) fn int_value(int: i128) -> Value {
    i64::try_from(int).map_or_else(|_| Value::from(int), Value::from)
}

/// `int(value, base)` for a text; `None` where it is not an integer.
pub(super) fn parse_int(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match (base, lower.get(..2)) {
        (16 | 0, Some("0x")) => (16, &lower[2..]),
        (8 | 0, Some("0o")) => (8, &lower[2..]),
        (2 | 0, Some("0b")) => (2, &lower[2..]),
        (0, _) => (10, lower.as_str()),
        _ => (base, lower.as_str()),
    };
    if digits.starts_with(['_', '+', '-']) || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let number = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    Some(if negative { -number } else { number })
}

/// `float(text)`; `None` where it is not a number.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Python's `round(number, digits)`: halves go to the even neighbour, by the exact value.
pub(super) fn round_half_even(number: f64, digits: i64) -> f64 {
    if !number.is_finite() {
        return number;
    }
    match usize::try_from(digits) {
        // Formatting rounds the exact binary value, half to even: what Python does.
        Ok(digits) => format!("{number:.*}", digits.min(400)).parse().unwrap_or(number),
        Err(_) => {
            let unit = 10f64.powi(i32::try_from(-digits).unwrap_or(i32::MAX));
            (number / unit).round_ties_even() * unit
        }
    }
}

/// Calls a method of int or float.
///
/// # Errors
/// An unknown method.
pub(super) fn method(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let float = || f64::try_from(value.clone()).unwrap_or(f64::NAN);
    let integral = value.kind() == ValueKind::Bool || value.is_integer();
    let result = match method {
        "is_integer" => Value::from(integral || (float().is_finite() && float().fract() == 0.0)),
        "bit_length" if integral => {
            let number = i128::try_from(value.clone()).unwrap_or(0).unsigned_abs();
            Value::from(128 - number.leading_zeros())
        }
        "conjugate" => value.clone(),
        "__abs__" => Value::from(float().abs()),
        _ => return Err(no_method(value, method)),
    };
    let [] = bind(method, [], args)?;
    Ok(result)
}
