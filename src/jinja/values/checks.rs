//! Jinja2's tests: `x is mapping`, `x is sequence`, and so on.

use minijinja::value::ValueKind;
use minijinja::{Environment, Value};

use super::decimal::Decimal;
use super::strings::{is_lower, is_upper};
use super::{Dict, List, repr};

/// Adds the tests that minijinja answers otherwise than Jinja2.
pub(super) fn install(env: &mut Environment<'static>) {
    env.add_test("number", |v: &Value| {
        matches!(v.kind(), ValueKind::Number | ValueKind::Bool) || Decimal::of(v).is_some()
    });
    env.add_test("integer", |v: &Value| v.is_integer());
    env.add_test("float", |v: &Value| v.is_number() && !v.is_integer());
    env.add_test("string", |v: &Value| v.kind() == ValueKind::String);
    env.add_test("sequence", is_sequence);
    env.add_test("iterable", is_iterable);
    env.add_test("mapping", |v: &Value| v.kind() == ValueKind::Map);
    env.add_test("callable", is_callable);
    env.add_test("sameas", same);
    env.add_test("lower", |v: &Value| is_lower(&repr::py_str(v)));
    env.add_test("upper", |v: &Value| is_upper(&repr::py_str(v)));
    env.add_test("list", |v: &Value| v.downcast_object_ref::<List>().is_some());
}

/// Sized and indexable: strings and mappings too; sets, views and generators are not.
fn is_sequence(v: &Value) -> bool {
    use ValueKind::{Bytes, Map, Seq, String, Undefined};
    matches!(v.kind(), String | Seq | Map | Bytes | Undefined)
}

fn is_iterable(v: &Value) -> bool {
    matches!(v.kind(), ValueKind::Undefined | ValueKind::Bytes)
        || (!v.is_none() && v.try_iter().is_ok())
}

/// Containers are not callable; of other objects, those that do not list members are taken to be.
fn is_callable(v: &Value) -> bool {
    match v.kind() {
        ValueKind::Plain => super::datetime::type_name(v).is_none() && Decimal::of(v).is_none(),
        ValueKind::Map => v
            .as_object()
            .is_some_and(|object| object.downcast_ref::<super::func::Namespace>().is_some()),
        _ => false,
    }
}

/// Whether both are the same object: by address for objects, by type and value for the rest.
fn same(a: &Value, b: &Value) -> bool {
    match (a.as_object(), b.as_object()) {
        (Some(a_object), Some(b_object)) => {
            if let (Some(a), Some(b)) =
                (a_object.downcast_ref::<List>(), b_object.downcast_ref::<List>())
            {
                return std::ptr::eq(a, b);
            }
            if let (Some(a), Some(b)) =
                (a_object.downcast_ref::<Dict>(), b_object.downcast_ref::<Dict>())
            {
                return std::ptr::eq(a, b);
            }
            a == b
        }
        (None, None) => a.kind() == b.kind() && a.is_integer() == b.is_integer() && a == b,
        _ => false,
    }
}
