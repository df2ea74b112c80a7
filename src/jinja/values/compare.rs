//! Comparisons as Python makes them: `==` between anything, `<` and its kin only between values that
//! have an order, and sorting by them.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::args::{error, iterate, type_name};
use super::decimal;
use super::ops::is_in;
use super::{List, Set, datetime};
use crate::jinja::context::Context;

/// Whether two values compare in a way.
type Comparison = fn(&State, &Value, &Value) -> Result<bool, Error>;

/// The operators that compare: the filter of each, its tests, and what it asks.
const COMPARISONS: &[(&str, &[&str], Comparison)] = &[
    ("__eq", &["eq", "equalto", "=="], |_, a, b| Ok(equals(a, b))),
    ("__ne", &["ne", "!="], |_, a, b| Ok(!equals(a, b))),
    ("__lt", &["lt", "lessthan", "<"], |s, a, b| asked(s, "<", a, b, Ordering::is_lt)),
    ("__le", &["le", "<="], |s, a, b| asked(s, "<=", a, b, Ordering::is_le)),
    ("__gt", &["gt", "greaterthan", ">"], |s, a, b| asked(s, ">", a, b, Ordering::is_gt)),
    ("__ge", &["ge", ">="], |s, a, b| asked(s, ">=", a, b, Ordering::is_ge)),
];

/// Adds the filters that the rewriter makes of operators, and the tests that compare.
pub(super) fn install(env: &mut Environment<'static>) {
    for (filter, tests, passes) in COMPARISONS {
        env.add_filter(*filter, |state: &State, a: &Value, b: &Value| passes(state, a, b));
        for test in *tests {
            env.add_test(*test, |state: &State, a: &Value, b: &Value| passes(state, a, b));
        }
    }
}

/// `__chain(a, '<', b, '==', c, …)`: whether each pair compares so.
pub(super) fn chain(state: &mut State<'_, '_>, parts: &[Value]) -> Result<Value, Error> {
    for link in parts.windows(3).step_by(2) {
        let [a, operator, b] = link else { break };
        let passes = match operator.as_str().unwrap_or_default() {
            "in" => is_in(state, a, b)?,
            "not in" => !is_in(state, a, b)?,
            operator => {
                let known = COMPARISONS.iter().find(|(_, tests, _)| tests.contains(&operator));
                known.map_or(Ok(false), |(_, _, passes)| passes(state, a, b))?
            }
        };
        if !passes {
            return Ok(Value::from(false));
        }
    }
    Ok(Value::from(true))
}

/// `a == b`
pub(super) fn equals(a: &Value, b: &Value) -> bool {
    decimal::compare(a, b).map_or_else(|| a == b, Ordering::is_eq)
}

/// What an operator answers of two values.
fn asked(
    state: &State,
    operator: &str,
    a: &Value,
    b: &Value,
    passes: fn(Ordering) -> bool,
) -> Result<bool, Error> {
    let order = if a.is_undefined() || b.is_undefined() {
        Err(Error::from(ErrorKind::UndefinedError))
    } else {
        order(operator, a, b)
    };
    let unknown = |value: &Value| matches!(value.kind(), ValueKind::Undefined | ValueKind::Plain);
    match order {
        // While parsing, what is unknown may be known to a run.
        Err(_)
            if (unknown(a) || unknown(b))
                && Context::of(state).is_ok_and(|context| !context.host().execute()) =>
        {
            Ok(false)
        }
        order => Ok(order?.is_some_and(passes)),
    }
}

/// How two values are ordered; `None` where neither comes first (not-a-number, sets that are no part
/// of each other).
///
/// # Errors
/// Python has no order between such values.
fn order(operator: &str, a: &Value, b: &Value) -> Result<Option<Ordering>, Error> {
    let refused = || {
        error(format!(
            "'{operator}' not supported between instances of '{}' and '{}'",
            type_name(a),
            type_name(b)
        ))
    };
    if let Some(order) = decimal::compare(a, b) {
        return Ok(Some(order));
    }
    if is_number(a) && is_number(b) {
        let nan = |value: &Value| f64::try_from(value.clone()).is_ok_and(f64::is_nan);
        return Ok((!nan(a) && !nan(b)).then(|| a.cmp(b)));
    }
    match (a.kind(), b.kind()) {
        (ValueKind::String, ValueKind::String) | (ValueKind::Bytes, ValueKind::Bytes) => {
            Ok(Some(a.cmp(b)))
        }
        (ValueKind::Seq, ValueKind::Seq)
            if is_list(a) && is_list(b) || a.is_tuple() && b.is_tuple() =>
        {
            let (a, b) = (iterate(a)?, iterate(b)?);
            match a.iter().zip(&b).find(|(a, b)| !equals(a, b)) {
                Some((a, b)) => order(operator, a, b),
                None => Ok(Some(a.len().cmp(&b.len()))),
            }
        }
        _ => {
            if let (Some(a), Some(b)) =
                (a.downcast_object_ref::<Set>(), b.downcast_object_ref::<Set>())
            {
                return Ok(a.part_of(b));
            }
            match datetime::order(a, b) {
                Some(order) => order.map(Some),
                None => Err(refused()),
            }
        }
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
}

fn is_list(value: &Value) -> bool {
    value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<Vec<Value>>().is_some()
}

/// `a < b`, as sorting asks it; what is undefined goes first.
///
/// # Errors
/// Python has no order between such values.
pub(super) fn less(a: &Value, b: &Value) -> Result<bool, Error> {
    if a.is_undefined() || b.is_undefined() {
        return Ok(a.is_undefined() && !b.is_undefined());
    }
    Ok(order("<", a, b)?.is_some_and(Ordering::is_lt))
}

/// `a > b`, as the search for the greatest asks it.
///
/// # Errors
/// As [`less`].
pub(super) fn greater(a: &Value, b: &Value) -> Result<bool, Error> {
    if a.is_undefined() || b.is_undefined() {
        return less(b, a);
    }
    Ok(order(">", a, b)?.is_some_and(Ordering::is_gt))
}

/// Sorts as Python does: stable, also when reversed.
///
/// # Errors
/// What `less` says of a pair.
pub(super) fn sort_by<T>(
    items: Vec<T>,
    reverse: bool,
    less: impl Fn(&T, &T) -> Result<bool, Error>,
) -> Result<Vec<T>, Error> {
    // The later of two goes first only where it is less, or greater in a reversed list.
    merge_sort(items, &|later, earlier| {
        if reverse { less(earlier, later) } else { less(later, earlier) }
    })
}

fn merge_sort<T>(
    mut items: Vec<T>,
    goes_before: &impl Fn(&T, &T) -> Result<bool, Error>,
) -> Result<Vec<T>, Error> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let mut left = merge_sort(items, goes_before)?.into_iter().peekable();
    let mut right = merge_sort(right, goes_before)?.into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(earlier), Some(later)) = (left.peek(), right.peek()) {
        let taken = if goes_before(later, earlier)? { right.next() } else { left.next() };
        merged.extend(taken);
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
