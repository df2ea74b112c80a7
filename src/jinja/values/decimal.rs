//! Python's `decimal.Decimal`: numbers of queries, which keep their digits and their zeros.
//!
//! The arithmetic is that of Python's default context: 28 digits, halves to the even neighbour, the
//! exponent kept (1.50 + 1 = 2.50). minijinja has no operators for objects: they come here by
//! `ops`, from the calls that the rewriter makes of them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use num_bigint::BigUint;

use super::args::{bind, error, required};
use super::{args, repr};

pub(super) use arithmetic::{Operator, arithmetic, compare};
use digits::{Finite, length, power_of_ten};
pub(super) use layout::NumberSpec;

mod arithmetic;
mod digits;
mod layout;

/// The largest exponent of that context, and the least.
const MAX_EXPONENT: i64 = 999_999;

/// A decimal number.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Decimal {
    Finite(Finite),
    Infinity { negative: bool },
    NaN,
}

impl Decimal {
    /// A number as databases and Python write it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest.eq_ignore_ascii_case("nan") {
            return Some(Decimal::NaN);
        }
        if rest.eq_ignore_ascii_case("inf") || rest.eq_ignore_ascii_case("infinity") {
            return Some(Decimal::Infinity { negative });
        }
        let (number, exponent) = match rest.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse().ok()?),
            None => (rest, 0i64),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = [whole, fraction].concat();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        if exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let digits = match digits.parse::<u128>() {
            Ok(small) => BigUint::from(small),
            Err(_) => digits.parse().ok()?,
        };
        Some(Decimal::Finite(Finite::new(negative, digits, exponent)))
    }

    /// What agate makes of a float: the digits that Python prints of it.
    pub(super) fn of_float(number: f64) -> Self {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = repr::write_float(&mut text, number);
        Decimal::parse(&text).unwrap_or(Decimal::NaN)
    }

    fn of_int(number: i128) -> Self {
        Decimal::Finite(Finite::new(number < 0, number.unsigned_abs().into(), 0))
    }

    /// A float, every bit of it.
    fn exactly(number: f64) -> Self {
        if number.is_nan() {
            return Decimal::NaN;
        }
        if number.is_infinite() {
            return Decimal::Infinity { negative: number < 0.0 };
        }
        // No float has more than 1074 digits after the point, and Rust prints as many as it is told.
        Decimal::parse(&format!("{number:.1074}")).unwrap_or(Decimal::NaN)
    }

    pub(super) fn value(self) -> Value {
        Value::from_object(self)
    }

    /// The decimal that a value is.
    pub(super) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref::<Decimal>()
    }

    /// The decimal that arithmetic makes of a value: floats are none.
    fn operand(value: &Value) -> Option<Self> {
        match value.kind() {
            ValueKind::Plain => Decimal::of(value).cloned(),
            ValueKind::Bool => Some(Decimal::of_int(value.is_true().into())),
            ValueKind::Number if value.is_integer() => {
                i128::try_from(value.clone()).ok().map(Decimal::of_int)
            }
            _ => None,
        }
    }

    pub(super) fn to_f64(&self) -> f64 {
        match self {
            Decimal::Finite(_) => self.to_string().parse().unwrap_or(f64::NAN),
            Decimal::Infinity { negative: false } => f64::INFINITY,
            Decimal::Infinity { negative: true } => f64::NEG_INFINITY,
            Decimal::NaN => f64::NAN,
        }
    }

    /// Without its fraction; `None` beyond 128 bits.
    fn to_i128(&self) -> Option<i128> {
        let Decimal::Finite(number) = self else { return None };
        let digits = match number.exponent {
            0 => number.digits.clone(),
            more @ 1..=40 => &number.digits * power_of_ten(more),
            less @ ..0 if -less <= i64::try_from(length(&number.digits)).unwrap_or(0) => {
                &number.digits / power_of_ten(-less)
            }
            ..0 => BigUint::ZERO,
            _ if number.is_zero() => BigUint::ZERO,
            _ => return None,
        };
        let size = i128::try_from(&digits).ok()?;
        Some(if number.negative { -size } else { size })
    }

    /// `int(x)`.
    ///
    /// # Errors
    /// It is no number, or beyond 128 bits.
    pub(super) fn truncate(&self) -> Result<i128, Error> {
        match self {
            Decimal::Finite(_) => self.to_i128().ok_or_else(|| error("an integer beyond 128 bits")),
            Decimal::Infinity { .. } => Err(error("cannot convert Infinity to integer")),
            Decimal::NaN => Err(error("cannot convert NaN to integer")),
        }
    }

    pub(super) fn abs(&self) -> Result<Value, Error> {
        match self {
            Decimal::Finite(number) => {
                let number = Finite { negative: false, ..number.clone() };
                number.fixed().map(Decimal::value)
            }
            Decimal::Infinity { .. } => Ok(Decimal::Infinity { negative: false }.value()),
            Decimal::NaN => Ok(Decimal::NaN.value()),
        }
    }

    /// `-x`
    pub(super) fn negate(&self) -> Result<Value, Error> {
        match self {
            Decimal::Finite(number) if number.is_zero() => {
                Finite { negative: false, ..number.clone() }.fixed().map(Decimal::value)
            }
            Decimal::Finite(number) => number.negated().fixed().map(Decimal::value),
            Decimal::Infinity { negative } => Ok(Decimal::Infinity { negative: !negative }.value()),
            Decimal::NaN => Ok(Decimal::NaN.value()),
        }
    }

    /// `round(x, places)`, halves to the even neighbour.
    pub(super) fn round(&self, places: i64) -> Value {
        match self {
            Decimal::Finite(number) => {
                let places = places.clamp(-MAX_EXPONENT, MAX_EXPONENT);
                Decimal::Finite(number.rescaled(-places)).value()
            }
            other => other.clone().value(),
        }
    }

    /// Without zeros at the end.
    fn normalized(&self) -> Result<Value, Error> {
        let Decimal::Finite(number) = self else { return Ok(self.clone().value()) };
        let Decimal::Finite(mut number) = number.clone().fixed()? else {
            return Ok(self.clone().value());
        };
        if number.is_zero() {
            number.exponent = 0;
        }
        while !number.is_zero() && (&number.digits % 10u8) == BigUint::ZERO {
            number.digits /= 10u8;
            number.exponent += 1;
        }
        Ok(Decimal::Finite(number).value())
    }
}

impl Ord for Decimal {
    /// What is no number comes last, as no order has a place for it.
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |number: &Self| match number {
            Decimal::Infinity { negative: true } => 0,
            Decimal::Finite(_) => 1,
            Decimal::Infinity { negative: false } => 2,
            Decimal::NaN => 3,
        };
        match (self, other) {
            (Decimal::Finite(a), Decimal::Finite(b)) => a.compare(b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Object for Decimal {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !matches!(&**self, Decimal::Finite(number) if number.is_zero())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some((**self).cmp(other.downcast_ref::<Decimal>()?))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let finite = match &**self {
            Decimal::Finite(number) => Some(number),
            _ => None,
        };
        if method == "quantize" {
            let [exponent] = bind(method, ["exp"], args)?;
            let exponent = required(method, "exp", exponent)?;
            let (Some(number), Some(Decimal::Finite(unit))) = (finite, Decimal::operand(&exponent))
            else {
                let name = args::type_name(&exponent);
                return Err(error(format!("conversion from {name} to Decimal is not supported")));
            };
            return Ok(Decimal::Finite(number.rescaled(unit.exponent)).value());
        }
        let answer = match method {
            "is_nan" => Value::from(**self == Decimal::NaN),
            "is_infinite" => Value::from(matches!(**self, Decimal::Infinity { .. })),
            "is_finite" => Value::from(finite.is_some()),
            "is_zero" => Value::from(finite.is_some_and(Finite::is_zero)),
            "is_signed" => Value::from(match &**self {
                Decimal::Finite(number) => number.negative,
                Decimal::Infinity { negative } => *negative,
                Decimal::NaN => false,
            }),
            "adjusted" => Value::from(finite.map_or(0, Finite::adjusted)),
            "normalize" => self.normalized()?,
            "to_integral_value" | "to_integral" => match finite {
                Some(number) if number.exponent < 0 => self.round(0),
                _ => (**self).clone().value(),
            },
            "copy_abs" | "__abs__" => self.abs()?,
            "copy_negate" => self.negate()?,
            "conjugate" => (**self).clone().value(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        };
        let [] = bind(method, [], args)?;
        Ok(answer)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
