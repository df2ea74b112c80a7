//! Python's values on minijinja: lists, dicts, sets, strings and numbers with the methods, filters,
//! tests and printing that dbt projects were written for.
//!
//! [`install`] sets all of it on an environment. Nothing here knows of dbt's own names (`ref`,
//! `config`, `adapter`); it depends on minijinja, jiff, regex, serde_json and `crate::relation` only.

mod args;
mod cells;
mod checks;
mod compare;
mod datetime;
mod decimal;
mod dict;
mod drawing;
mod format;
mod func;
mod globals;
mod html;
mod itertools;
mod json;
mod layout;
mod list;
mod mapped;
mod matches;
mod modules;
mod named;
mod number;
mod ops;
mod pattern;
mod pprint;
mod repr;
mod scalars;
mod sequences;
mod set;
mod split;
mod strings;
mod table;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, State, Value};

use super::context::Context;

pub use args::split_kwargs;
pub use cells::value as cell;
pub use datetime::{DateTime, from_yaml};
pub use dict::Dict;
pub use json::{from_json, to_json};
pub use list::List;
pub use modules::modules;
pub use repr::{py_repr, py_str};
pub use set::Set;
pub use table::Table;

/// Makes an environment print, compare and convert as Python does: the formatter, the methods of
/// values, filters, tests and global functions.
pub fn install(env: &mut Environment<'static>) {
    env.set_formatter(repr::formatter);
    env.set_unknown_method_callback(call_method);
    ops::install(env);
    sequences::install(env);
    scalars::install(env);
    layout::install(env);
    html::install(env);
    checks::install(env);
    globals::install(env);
    // minijinja's own, which Jinja2 does not have.
    for name in ["bool", "chain", "lines", "split", "zip"] {
        env.remove_filter(name);
    }
    for name in ["endingwith", "int", "safe", "startingwith"] {
        env.remove_test(name);
    }
    env.remove_global("debug");
}

/// Whether a value is a decimal, as queries give them.
pub fn is_decimal(value: &Value) -> bool {
    decimal::Decimal::of(value).is_some()
}

/// Methods of values that are not objects of this folder: what [`install`] sets as the callback for
/// unknown methods, of which an environment has only one.
///
/// # Errors
/// `UnknownMethod` where the value's type has no such method; a method's own errors.
pub fn call_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match value.kind() {
        // While parsing, what is undefined may be known to a run.
        ValueKind::Undefined if Context::of(state).is_ok_and(|c| !c.host().execute()) => {
            Ok(Value::UNDEFINED)
        }
        ValueKind::String => strings::method(value, method, args),
        ValueKind::Number | ValueKind::Bool => number::method(value, method, args),
        ValueKind::Map if value.downcast_object_ref::<Dict>().is_none() => {
            dict::foreign_method(value, method, args)
        }
        ValueKind::Seq | ValueKind::Iterable
            if value.downcast_object_ref::<List>().is_none()
                && value.downcast_object_ref::<Set>().is_none() =>
        {
            dict::foreign_seq_method(value, method, args)
        }
        ValueKind::Bytes if method == "decode" => {
            Ok(Value::from(String::from_utf8_lossy(value.as_bytes().unwrap_or_default())))
        }
        _ => Err(args::no_method(value, method)),
    }
}

#[cfg(test)]
mod tests;
