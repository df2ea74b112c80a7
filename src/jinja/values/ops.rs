//! What the rewriter of templates calls instead of literals and operators that minijinja handles
//! otherwise than Python: the functions `__list`, `__dict`, `__tuple`, `__concat`, `__slice` and
//! `__chain`, and a filter for each operator with two sides (`__add`, `__lt`, `__in`) and for the minus before a
//! value. Nothing here is meant to be written by hand in a template.

use minijinja::value::{Rest, Tuple, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::args::{check_hashable, error, iterate, opt_integer, type_name};
use super::compare::{self, equals};
use super::decimal::{self, Decimal, Operator};
use super::func::global;
use super::globals::Range;
use super::{Dict, List, datetime, format, repr};

/// Adds the functions and filters, and the tests that compare.
pub(super) fn install(env: &mut Environment<'static>) {
    global(env, "__list", |_, items| Ok(List::value(items.to_vec())));
    global(env, "__tuple", |_, items| Ok(Value::from(Tuple::from(items))));
    global(env, "__dict", |_, items| dict(items));
    global(env, "__concat", |_, parts| Ok(Value::from(concat(parts))));
    env.add_filter("__concat", |first: Value, rest: Rest<Value>| {
        let mut out = repr::py_str(&first);
        out.push_str(&concat(&rest));
        out
    });
    env.add_function("__slice", slice);
    global(env, "__chain", compare::chain);
    compare::install(env);
    env.add_filter("__add", add);
    env.add_filter("__sub", sub);
    env.add_filter("__mul", mul);
    env.add_filter("__div", div);
    env.add_filter("__floordiv", floor_div);
    env.add_filter("__mod", modulo);
    env.add_filter("__pow", pow);
    env.add_filter("__neg", neg);
    env.add_filter("__in", is_in);
    env.add_filter("__not_in", |state: &State, value: &Value, container: &Value| {
        is_in(state, value, container).map(|found| !found)
    });
    env.add_test("in", holds);
}

/// `value in container`
///
/// # Errors
/// Nothing can be in the container.
pub(super) fn is_in(state: &State, value: &Value, container: &Value) -> Result<bool, Error> {
    let searchable = container.is_undefined()
        || container.kind() == ValueKind::String
        || container.as_object().is_some();
    if searchable {
        return Ok(holds(state, value, container));
    }
    Err(error(format!("argument of type '{}' is not iterable", type_name(container))))
}

/// `value in container`, also where nothing can be in it.
fn holds(state: &State, value: &Value, container: &Value) -> bool {
    let found = minijinja::tests::is_in(state, value, container).unwrap_or(false);
    let numeric = value.is_number() || Decimal::of(value).is_some();
    found
        || numeric
            && is_sequence(container)
            && iterate(container).is_ok_and(|items| items.iter().any(|item| equals(item, value)))
}

/// `__dict(key, value, key, value, …)`
fn dict(items: &[Value]) -> Result<Value, Error> {
    let mut pairs = Vec::with_capacity(items.len() / 2);
    for pair in items.chunks_exact(2) {
        check_hashable(&pair[0])?;
        pairs.push((pair[0].clone(), pair[1].clone()));
    }
    Ok(Dict::value(pairs))
}

/// `a ~ b ~ c`
fn concat(parts: &[Value]) -> String {
    let mut out = String::new();
    for part in parts {
        // Writing to a string cannot fail.
        let _ = repr::write_str(&mut out, part);
    }
    out
}

fn unsupported(operator: &str, a: &Value, b: &Value) -> Error {
    if a.is_undefined() || b.is_undefined() {
        return Error::from(ErrorKind::UndefinedError);
    }
    error(format!(
        "unsupported operand type(s) for {operator}: '{}' and '{}'",
        type_name(a),
        type_name(b)
    ))
}

/// Either an exact integer or a float; booleans count as integers.
enum Number {
    Int(i128),
    Float(f64),
}

fn number(value: &Value) -> Option<Number> {
    match value.kind() {
        ValueKind::Bool => Some(Number::Int(i128::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => {
            i128::try_from(value.clone()).ok().map(Number::Int)
        }
        ValueKind::Number => f64::try_from(value.clone()).ok().map(Number::Float),
        _ => None,
    }
}

/// A pair of numbers in their common type.
enum Pair {
    Int(i128, i128),
    Float(f64, f64),
}

#[allow(clippy::cast_precision_loss, reason = "as Python's arithmetic does it")]
fn numbers(a: &Value, b: &Value) -> Option<Pair> {
    Some(match (number(a)?, number(b)?) {
        (Number::Int(a), Number::Int(b)) => Pair::Int(a, b),
        (Number::Int(a), Number::Float(b)) => Pair::Float(a as f64, b),
        (Number::Float(a), Number::Int(b)) => Pair::Float(a, b as f64),
        (Number::Float(a), Number::Float(b)) => Pair::Float(a, b),
    })
}

fn exact(result: Option<i128>) -> Result<Value, Error> {
    result.map(super::number::int_value).ok_or_else(|| error("integer beyond 128 bits"))
}

/// `a % b`: the modulo of Python for numbers, printf for a string.
fn modulo(a: &Value, b: &Value) -> Result<Value, Error> {
    if let (Some(text), ValueKind::String) = (a.as_str(), a.kind()) {
        return format::printf(text, b).map(Value::from);
    }
    match numbers(a, b) {
        Some(Pair::Int(_, 0)) | Some(Pair::Float(_, 0.0)) => Err(error("integer modulo by zero")),
        Some(Pair::Int(a, b)) => {
            let rest = a.checked_rem(b).unwrap_or(0);
            exact(Some(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }))
        }
        Some(Pair::Float(a, b)) => {
            let rest = a % b;
            let rest = if rest == 0.0 {
                0f64.copysign(b)
            } else if (rest < 0.0) != (b < 0.0) {
                rest + b
            } else {
                rest
            };
            Ok(Value::from(rest))
        }
        None => datetime::rem(a, b).unwrap_or_else(|| decimal_or_unsupported(Operator::Rem, a, b)),
    }
}

/// What decimals make of it; nothing else is left that knows the operator.
fn decimal_or_unsupported(operator: Operator, a: &Value, b: &Value) -> Result<Value, Error> {
    decimal::arithmetic(operator, a, b).unwrap_or_else(|| Err(unsupported(operator.as_str(), a, b)))
}

/// `a / b`: always a float, but of decimals and time spans.
#[allow(clippy::cast_precision_loss, reason = "as Python's arithmetic does it")]
fn div(a: &Value, b: &Value) -> Result<Value, Error> {
    match numbers(a, b) {
        Some(Pair::Int(_, 0)) | Some(Pair::Float(_, 0.0)) => Err(error("division by zero")),
        Some(Pair::Int(a, b)) => Ok(Value::from(a as f64 / b as f64)),
        Some(Pair::Float(a, b)) => Ok(Value::from(a / b)),
        None => datetime::div(a, b).unwrap_or_else(|| decimal_or_unsupported(Operator::Div, a, b)),
    }
}

/// `a // b`: rounded down.
fn floor_div(a: &Value, b: &Value) -> Result<Value, Error> {
    match numbers(a, b) {
        Some(Pair::Int(_, 0)) | Some(Pair::Float(_, 0.0)) => {
            Err(error("integer division or modulo by zero"))
        }
        Some(Pair::Int(a, b)) => {
            let quotient = a.checked_div(b);
            exact(quotient.map(|q| if a % b != 0 && (a < 0) != (b < 0) { q - 1 } else { q }))
        }
        Some(Pair::Float(a, b)) => Ok(Value::from((a / b).floor())),
        None => datetime::floor_div(a, b)
            .unwrap_or_else(|| decimal_or_unsupported(Operator::FloorDiv, a, b)),
    }
}

/// `a ** b`: an integer where both are and the power is not negative.
#[allow(clippy::cast_precision_loss, reason = "as Python's arithmetic does it")]
fn pow(a: &Value, b: &Value) -> Result<Value, Error> {
    let (x, y) = match numbers(a, b) {
        Some(Pair::Int(a, b @ 0..)) => {
            return exact(u32::try_from(b).ok().and_then(|b| a.checked_pow(b)));
        }
        Some(Pair::Int(a, b)) => (a as f64, b as f64),
        Some(Pair::Float(a, b)) => (a, b),
        None => return decimal_or_unsupported(Operator::Pow, a, b),
    };
    if x == 0.0 && y < 0.0 {
        return Err(error("0.0 cannot be raised to a negative power"));
    }
    Ok(Value::from(x.powf(y)))
}

/// `-a`
fn neg(a: &Value) -> Result<Value, Error> {
    match number(a) {
        Some(Number::Int(int)) => exact(int.checked_neg()),
        Some(Number::Float(float)) => Ok(Value::from(-float)),
        None => match Decimal::of(a) {
            Some(decimal) => decimal.negate(),
            None if a.is_undefined() => Err(Error::from(ErrorKind::UndefinedError)),
            None => datetime::mul(a, &Value::from(-1)).unwrap_or_else(|| {
                Err(error(format!("bad operand type for unary -: '{}'", type_name(a))))
            }),
        },
    }
}

/// `a + b`: numbers, strings, lists (a new [`List`]), tuples, and dates with time spans.
pub(super) fn add(a: &Value, b: &Value) -> Result<Value, Error> {
    if let (Some(x), Some(y)) = (a.as_str(), b.as_str()) {
        return Ok(Value::from([x, y].concat()));
    }
    match numbers(a, b) {
        Some(Pair::Int(a, b)) => return exact(a.checked_add(b)),
        Some(Pair::Float(a, b)) => return Ok(Value::from(a + b)),
        None => {}
    }
    if let Some(result) = datetime::add(a, b) {
        return result;
    }
    if let Some(result) = decimal::arithmetic(Operator::Add, a, b) {
        return result;
    }
    if a.is_tuple() != b.is_tuple() || !is_sequence(a) || !is_sequence(b) {
        return Err(unsupported("+", a, b));
    }
    let mut items = iterate(a)?;
    items.extend(iterate(b)?);
    Ok(if a.is_tuple() { Value::from(Tuple::new(items)) } else { List::value(items) })
}

fn is_sequence(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// `a - b`: numbers, sets, and dates with dates or time spans.
fn sub(state: &mut State<'_, '_>, a: &Value, b: &Value) -> Result<Value, Error> {
    match numbers(a, b) {
        Some(Pair::Int(a, b)) => return exact(a.checked_sub(b)),
        Some(Pair::Float(a, b)) => return Ok(Value::from(a - b)),
        None => {}
    }
    if let Some(result) = datetime::sub(a, b) {
        return result;
    }
    if a.downcast_object_ref::<super::Set>().is_some() {
        return a.call_method(state, "difference", std::slice::from_ref(b));
    }
    decimal_or_unsupported(Operator::Sub, a, b)
}

/// `a * b`: numbers, and a string, list or tuple repeated.
fn mul(a: &Value, b: &Value) -> Result<Value, Error> {
    match numbers(a, b) {
        Some(Pair::Int(a, b)) => return exact(a.checked_mul(b)),
        Some(Pair::Float(a, b)) => return Ok(Value::from(a * b)),
        None => {}
    }
    if let Some(result) = datetime::mul(a, b) {
        return result;
    }
    if let Some(result) = decimal::arithmetic(Operator::Mul, a, b) {
        return result;
    }
    let (repeated, times) = if number(b).is_some() { (a, b) } else { (b, a) };
    let Some(Number::Int(times)) = number(times) else {
        return Err(unsupported("*", a, b));
    };
    let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
    let length = repeated.len().unwrap_or(0);
    if length.checked_mul(times).is_none_or(|length| length > 100_000_000) {
        return Err(Error::new(ErrorKind::InvalidOperation, "the repeated value is too long"));
    }
    if let Some(text) = repeated.as_str() {
        return Ok(Value::from(text.repeat(times)));
    }
    if !is_sequence(repeated) {
        return Err(unsupported("*", a, b));
    }
    let items = iterate(repeated)?;
    let items: Vec<Value> = std::iter::repeat_n(items, times).flatten().collect();
    Ok(if repeated.is_tuple() { Value::from(Tuple::new(items)) } else { List::value(items) })
}

/// `a[start:stop:step]`; a slice of a list is a new list.
fn slice(
    value: &Value,
    start: Option<Value>,
    stop: Option<Value>,
    step: Option<Value>,
) -> Result<Value, Error> {
    let (start, stop) = (opt_integer("slice", &start)?, opt_integer("slice", &stop)?);
    let step = opt_integer("slice", &step)?.unwrap_or(1);
    if step == 0 {
        return Err(error("slice step cannot be zero"));
    }
    if let (Some(text), ValueKind::String) = (value.as_str(), value.kind()) {
        let chars: Vec<char> = text.chars().collect();
        let picked = indices(chars.len(), start, stop, step).map(|index| chars[index]);
        return Ok(Value::from(picked.collect::<String>()));
    }
    if value.is_undefined() {
        return Ok(value.clone());
    }
    if !is_sequence(value) {
        return Err(error(format!("'{}' object is not subscriptable", type_name(value))));
    }
    if let Some(range) = value.downcast_object_ref::<Range>() {
        return Ok(range.part(start, stop, step));
    }
    let items = iterate(value)?;
    let picked =
        indices(items.len(), start, stop, step).map(|index| items[index].clone()).collect();
    Ok(if value.is_tuple() { Value::from(Tuple::new(picked)) } else { List::value(picked) })
}

/// The indices that a slice picks, by the rules of Python's `slice.indices`.
pub(super) fn indices(
    len: usize,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let (mut at, stop) = bounds(len, start, stop, step);
    std::iter::from_fn(move || {
        let more = if step > 0 { at < stop } else { at > stop };
        let index = usize::try_from(at).ok().filter(|_| more)?;
        at = at.saturating_add(step);
        Some(index)
    })
}

/// Where a slice starts and stops.
pub(super) fn bounds(len: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> (i64, i64) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let bound = |index: i64| {
        let index = if index < 0 { index.saturating_add(len) } else { index };
        index.clamp(low, high)
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    (start.map_or(first, bound), stop.map_or(last, bound))
}
