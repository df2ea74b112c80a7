//! Operators between decimals and other numbers.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::super::args::error;
use super::Decimal;

/// What is done with two numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::jinja::values) enum Operator {
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
    pub(in crate::jinja::values) fn as_str(self) -> &'static str {
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

/// `a operator b` where one is a decimal and the other a decimal or an integer. `None` where no
/// decimal is in it, or Python refuses the pair, as it does with floats.
pub(in crate::jinja::values) fn arithmetic(
    operator: Operator,
    a: &Value,
    b: &Value,
) -> Option<Result<Value, Error>> {
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
pub(in crate::jinja::values) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
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
