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

/// Digits of a result, as in Python's default context.
const PRECISION: usize = 28;

/// The largest exponent of that context, and the least.
const MAX_EXPONENT: i64 = 999_999;

/// A decimal number.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Decimal {
    Finite(Finite),
    Infinity { negative: bool },
    NaN,
}

/// `digits × 10^exponent`, with a sign that zero has, too.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Finite {
    negative: bool,
    digits: BigUint,
    exponent: i64,
}

/// What is done with two numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Rem,
    Pow,
}

impl Operator {
    /// As it is written in a template.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::FloorDiv => "//",
            Operator::Rem => "%",
            Operator::Pow => "** or pow()",
        }
    }
}

fn power_of_ten(exponent: i64) -> BigUint {
    BigUint::from(10u8).pow(u32::try_from(exponent).unwrap_or(0))
}

/// How many digits a number has; zero has one.
fn length(digits: &BigUint) -> usize {
    match u128::try_from(digits) {
        Ok(small) => small.checked_ilog10().map_or(1, |log| log as usize + 1),
        Err(_) => digits.to_string().len(),
    }
}

fn is_odd(digits: &BigUint) -> bool {
    digits.bit(0)
}

/// `digits / 10^places`, halves to the even neighbour.
fn rounded(digits: &BigUint, places: i64) -> BigUint {
    let unit = power_of_ten(places);
    let (quotient, rest) = (digits / &unit, digits % &unit);
    let up = match (rest * 2u8).cmp(&unit) {
        Ordering::Less => false,
        Ordering::Equal => is_odd(&quotient),
        Ordering::Greater => true,
    };
    if up { quotient + 1u8 } else { quotient }
}

impl Finite {
    fn new(negative: bool, digits: BigUint, exponent: i64) -> Self {
        Finite { negative, digits, exponent }
    }

    fn is_zero(&self) -> bool {
        self.digits == BigUint::ZERO
    }

    /// The exponent of the first digit.
    fn adjusted(&self) -> i64 {
        self.exponent + i64::try_from(length(&self.digits)).unwrap_or(i64::MAX) - 1
    }

    /// The digits under an exponent that is not above the own one.
    fn digits_at(&self, exponent: i64) -> BigUint {
        if exponent == self.exponent {
            return self.digits.clone();
        }
        &self.digits * power_of_ten(self.exponent - exponent)
    }

    /// Under another exponent, rounded where digits are lost.
    fn rescaled(&self, exponent: i64) -> Self {
        let digits = if exponent <= self.exponent {
            self.digits_at(exponent)
        } else if exponent - self.exponent > i64::try_from(length(&self.digits)).unwrap_or(0) {
            BigUint::ZERO
        } else {
            rounded(&self.digits, exponent - self.exponent)
        };
        Finite::new(self.negative, digits, exponent)
    }

    /// Rounded to the context's precision.
    fn fixed(self) -> Result<Decimal, Error> {
        let extra = length(&self.digits).saturating_sub(PRECISION);
        let mut number = match i64::try_from(extra) {
            Ok(extra) if extra > 0 => self.rescaled(self.exponent + extra),
            _ => self,
        };
        // 9.99… may have become 10.0….
        if length(&number.digits) > PRECISION {
            number = number.rescaled(number.exponent + 1);
        }
        if number.adjusted() > MAX_EXPONENT && !number.is_zero() {
            return Err(error("[<class 'decimal.Overflow'>]"));
        }
        if number.exponent < -MAX_EXPONENT {
            number = number.rescaled(-MAX_EXPONENT);
        }
        Ok(Decimal::Finite(number))
    }

    fn plus(&self, other: &Self) -> Self {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.digits_at(exponent), other.digits_at(exponent));
        if self.negative == other.negative {
            return Finite::new(self.negative, a + b, exponent);
        }
        match a.cmp(&b) {
            Ordering::Less => Finite::new(other.negative, b - a, exponent),
            Ordering::Equal => Finite::new(false, BigUint::ZERO, exponent),
            Ordering::Greater => Finite::new(self.negative, a - b, exponent),
        }
    }

    fn negated(&self) -> Self {
        Finite::new(!self.negative, self.digits.clone(), self.exponent)
    }

    fn times(&self, other: &Self) -> Self {
        let negative = self.negative != other.negative;
        Finite::new(negative, &self.digits * &other.digits, self.exponent + other.exponent)
    }

    /// A quotient of one digit more than the context keeps, so that rounding it is right.
    fn over(&self, other: &Self) -> Self {
        let negative = self.negative != other.negative;
        let ideal = self.exponent - other.exponent;
        if self.is_zero() {
            return Finite::new(negative, BigUint::ZERO, ideal);
        }
        let (a, b) = (length(&self.digits), length(&other.digits));
        let shift = i64::try_from(b + PRECISION + 1).unwrap_or(0) - i64::try_from(a).unwrap_or(0);
        let (numerator, denominator) = if shift >= 0 {
            (&self.digits * power_of_ten(shift), other.digits.clone())
        } else {
            (self.digits.clone(), &other.digits * power_of_ten(-shift))
        };
        let mut digits = &numerator / &denominator;
        let mut exponent = ideal - shift;
        if &digits * &denominator != numerator {
            if (&digits % 5u8) == BigUint::ZERO {
                digits += 1u8;
            }
        } else {
            while exponent < ideal && (&digits % 10u8) == BigUint::ZERO {
                digits /= 10u8;
                exponent += 1;
            }
        }
        Finite::new(negative, digits, exponent)
    }

    /// The whole quotient, cut towards zero, and what is left, with the sign of the dividend.
    fn divided(&self, other: &Self) -> Result<(Self, Self), Error> {
        let exponent = self.exponent.min(other.exponent);
        let (a, b) = (self.digits_at(exponent), other.digits_at(exponent));
        let quotient = &a / &b;
        if length(&quotient) > PRECISION {
            return Err(error("[<class 'decimal.DivisionImpossible'>]"));
        }
        let rest = a - &quotient * b;
        let negative = self.negative != other.negative;
        Ok((Finite::new(negative, quotient, 0), Finite::new(self.negative, rest, exponent)))
    }

    /// Only whole powers; `None` for others.
    fn power(&self, other: &Self) -> Option<Result<Self, Error>> {
        let power = Decimal::Finite(other.clone()).to_i128().filter(|_| other.is_integral())?;
        let times = u32::try_from(power.unsigned_abs()).ok().filter(|times| *times <= 100_000)?;
        let negative = self.negative && times % 2 == 1;
        let exponent = self.exponent * i64::from(times);
        let raised = Finite::new(negative, self.digits.pow(times), exponent);
        if power >= 0 {
            return Some(Ok(raised));
        }
        if raised.is_zero() {
            return Some(Err(error("[<class 'decimal.DivisionByZero'>]")));
        }
        Some(Ok(Finite::new(false, 1u8.into(), 0).over(&raised)))
    }

    fn is_integral(&self) -> bool {
        self.exponent >= 0 || self.rescaled(0).compare(self) == Ordering::Equal
    }

    fn compare(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let (a, b) = (sign(self), sign(other));
        if a != b || a == 0 {
            return a.cmp(&b);
        }
        let sizes = self.adjusted().cmp(&other.adjusted()).then_with(|| {
            let exponent = self.exponent.min(other.exponent);
            self.digits_at(exponent).cmp(&other.digits_at(exponent))
        });
        if a < 0 { sizes.reverse() } else { sizes }
    }
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

    /// With so many digits after the point, and no exponent.
    fn to_places(&self, places: usize) -> String {
        let Decimal::Finite(number) = self else { return self.to_string() };
        let number = number.rescaled(-i64::try_from(places).unwrap_or(MAX_EXPONENT));
        let digits = format!("{:0>width$}", number.digits.to_string(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if number.negative { "-" } else { "" };
        let point = if places > 0 { "." } else { "" };
        format!("{sign}{whole}{point}{fraction}")
    }

    /// The number as a format field lays it out, before it is padded: of specifications that end
    /// with `f`, `F` or `%`, or give no digits. `None` for others.
    pub(super) fn laid_out(&self, spec: &NumberSpec) -> Option<String> {
        let text = match (spec.kind, spec.precision) {
            (None, None) => self.to_string(),
            (Some('f' | 'F'), Some(places)) => self.to_places(places),
            (Some('f' | 'F'), None) => match self {
                Decimal::Finite(number) => {
                    self.to_places(usize::try_from(-number.exponent.min(0)).ok()?)
                }
                other => other.to_string(),
            },
            (Some('%'), precision) => {
                let Decimal::Finite(number) = self else { return None };
                let exponent = number.exponent + 2;
                let number = Finite { exponent, ..number.clone() };
                let places = usize::try_from(-exponent.min(0)).ok()?;
                Decimal::Finite(number).to_places(precision.unwrap_or(places)) + "%"
            }
            _ => return None,
        };
        let text = if spec.thousands { with_commas(&text) } else { text };
        Some(if spec.plus && !text.starts_with('-') { format!("+{text}") } else { text })
    }
}

/// What a format specification says of a number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct NumberSpec {
    /// The part before the sign and the width: how to fill and to align.
    pub align: String,
    pub plus: bool,
    pub width: String,
    pub thousands: bool,
    pub precision: Option<usize>,
    pub kind: Option<char>,
}

impl NumberSpec {
    /// `[[fill]align][sign][width][,][.precision][kind]`; `None` where it says something else.
    pub(super) fn parse(spec: &str) -> Option<Self> {
        let mut out = NumberSpec::default();
        let chars: Vec<char> = spec.chars().collect();
        let is_align = |at: usize| matches!(chars.get(at), Some('<' | '>' | '^'));
        let mut at = if is_align(1) { 2 } else { usize::from(is_align(0)) };
        out.align = chars[..at].iter().collect();
        if let Some(sign @ ('+' | '-')) = chars.get(at) {
            out.plus = *sign == '+';
            at += 1;
        }
        let digits = |at: &mut usize| {
            let from = *at;
            while chars.get(*at).is_some_and(char::is_ascii_digit) {
                *at += 1;
            }
            chars[from..*at].iter().collect::<String>()
        };
        out.width = digits(&mut at);
        if chars.get(at) == Some(&',') {
            out.thousands = true;
            at += 1;
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            out.precision = Some(digits(&mut at).parse().ok()?);
        }
        out.kind = chars.get(at).copied();
        (at + usize::from(out.kind.is_some()) == chars.len()).then_some(out)
    }
}

/// A number with a comma after each three digits of its whole part.
fn with_commas(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let mut out = String::from(sign);
    for (index, digit) in rest[..end].chars().enumerate() {
        if index > 0 && (end - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(&rest[end..]);
    out
}

/// `a operator b` where one is a decimal and the other a decimal or an integer. `None` where no
/// decimal is in it, or Python refuses the pair, as it does with floats.
pub(super) fn arithmetic(operator: Operator, a: &Value, b: &Value) -> Option<Result<Value, Error>> {
    if Decimal::of(a).is_none() && Decimal::of(b).is_none() {
        return None;
    }
    let (a, b) = (Decimal::operand(a)?, Decimal::operand(b)?);
    Some(calculate(operator, &a, &b).map(Decimal::value))
}

fn calculate(operator: Operator, a: &Decimal, b: &Decimal) -> Result<Decimal, Error> {
    let (Decimal::Finite(x), Decimal::Finite(y)) = (a, b) else {
        return Ok(without_digits(operator, a.to_f64(), b.to_f64()));
    };
    let divides = matches!(operator, Operator::Div | Operator::FloorDiv | Operator::Rem);
    if divides && y.is_zero() {
        let fault = if operator == Operator::Rem { "InvalidOperation" } else { "DivisionByZero" };
        return Err(error(format!("[<class 'decimal.{fault}'>]")));
    }
    match operator {
        Operator::Add => x.plus(y),
        Operator::Sub => x.plus(&y.negated()),
        Operator::Mul => x.times(y),
        Operator::Div => x.over(y),
        Operator::FloorDiv => x.divided(y)?.0,
        Operator::Rem => x.divided(y)?.1,
        Operator::Pow => match x.power(y) {
            Some(raised) => raised?,
            // Roots are not exact: a float has about as much of them as anybody prints.
            None => return Ok(Decimal::of_float(a.to_f64().powf(b.to_f64()))),
        },
    }
    .fixed()
}

/// What comes out where one number is infinite or none.
fn without_digits(operator: Operator, a: f64, b: f64) -> Decimal {
    Decimal::of_float(match operator {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::Div => a / b,
        Operator::FloorDiv => (a / b).trunc(),
        Operator::Rem => a % b,
        Operator::Pow => a.powf(b),
    })
}

/// How a decimal and another number compare, floats included. `None` where neither is a decimal,
/// or the other one is no number.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    if Decimal::of(a).is_none() && Decimal::of(b).is_none() {
        return None;
    }
    let number = |value: &Value| match value.kind() {
        ValueKind::Number if !value.is_integer() => {
            f64::try_from(value.clone()).ok().map(Decimal::exactly)
        }
        _ => Decimal::operand(value),
    };
    Some(number(a)?.cmp(&number(b)?))
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

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = match self {
            Decimal::Finite(number) => number,
            Decimal::Infinity { negative } => {
                return f.write_str(if *negative { "-Infinity" } else { "Infinity" });
            }
            Decimal::NaN => return f.write_str("NaN"),
        };
        let digits = number.digits.to_string();
        if number.negative {
            f.write_str("-")?;
        }
        let size = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        // Digits before the point, if it were written without an exponent.
        let before = number.exponent + size;
        let plain = number.exponent <= 0 && before > -6;
        let point = if plain { before } else { 1 };
        if point <= 0 {
            let zeros = usize::try_from(-point).unwrap_or(0);
            write!(f, "0.{:0<zeros$}{digits}", "")?;
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(point.min(size)).unwrap_or(0));
            f.write_str(whole)?;
            if !fraction.is_empty() {
                write!(f, ".{fraction}")?;
            }
        }
        if plain { Ok(()) } else { write!(f, "E{:+}", before - point) }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal('{self}')")
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

impl Decimal {
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
