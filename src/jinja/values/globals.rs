//! The functions that dbt and Jinja2 give every template and that are plain Python: `range`, `dict`,
//! `zip`, `set`, `tojson`, `fromjson`, `local_md5`, `cycler`, `joiner`.
//!
//! dbt's own functions (`ref`, `var`, `log`) are not here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Environment, Error, State, Value};

use super::args::{bind, error, flag, integer, iterate, required, split_kwargs};
use super::dict::pairs_of;
use super::func::{Function, Generator, Namespace, global};
use super::json::{self, Style};
use super::{Dict, Set, from_json, repr, sequences};
use crate::checksum::md5;

/// Adds the functions.
pub(super) fn install(env: &mut Environment<'static>) {
    global(env, "range", range);
    let from_keys = Function::value("fromkeys", |_, args| super::dict::from_keys(args));
    env.add_global("dict", Namespace::class("dict", dict, vec![("fromkeys", from_keys)]));
    global(env, "set", |_, args| or_default("set", args, set));
    global(env, "set_strict", |_, args| {
        let [value] = bind("set_strict", ["value"], args)?;
        set(&required("set_strict", "value", value)?)
    });
    global(env, "zip", zip_or_default);
    global(env, "zip_strict", |_, args| zip(args));
    global(env, "tojson", tojson);
    global(env, "fromjson", |_, args| or_default("fromjson", args, fromjson));
    global(env, "local_md5", |_, args| {
        let [value] = bind("local_md5", ["value"], args)?;
        Ok(Value::from(md5(repr::py_str(&required("local_md5", "value", value)?))))
    });
    // minijinja's own takes one argument.
    let made = env.globals().find(|(name, _)| *name == "namespace").map(|(_, made)| made);
    if let Some(made) = made {
        env.add_global("namespace", Value::from_object(NamespaceOf(made)));
    }
    // Filler text has no place in SQL; that it is there may be asked.
    global(env, "lipsum", |_, _| Err(error("Pintail makes no filler text")));
    global(env, "cycler", |_, args| {
        Ok(Value::from_object(Cycler { items: args.to_vec(), at: AtomicUsize::new(0) }))
    });
    global(env, "joiner", |_, args| {
        let [separator] = bind("joiner", ["sep"], args)?;
        let separator = separator.unwrap_or_else(|| Value::from(", "));
        Ok(Value::from_object(Joiner { separator, used: AtomicUsize::new(0) }))
    });
}

fn range(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [a, b, step] = bind("range", ["start", "stop", "step"], args)?;
    let a = integer("range", &required("range", "stop", a)?)?;
    let (start, stop) = match b {
        Some(b) => (a, integer("range", &b)?),
        None => (0, a),
    };
    let step = step.map_or(Ok(1), |step| integer("range", &step))?;
    if step == 0 {
        return Err(error("range() arg 3 must not be zero"));
    }
    let length = length(start, stop, step);
    // Jinja2's sandbox has the same limit.
    if length > 100_000 {
        return Err(error(
            "Range too big. The sandbox blocks ranges larger than MAX_RANGE (100000).",
        ));
    }
    let length = usize::try_from(length).unwrap_or(0);
    Ok(Value::from_object(Range { start, stop, step, length }))
}

/// How many numbers a range has; below zero, where it has none.
fn length(start: i64, stop: i64, step: i64) -> i128 {
    (i128::from(stop) - i128::from(start) + i128::from(step) - i128::from(step.signum()))
        / i128::from(step)
}

/// Python's range: indexable and printed as `range(0, 3)`.
pub(super) struct Range {
    start: i64,
    stop: i64,
    step: i64,
    length: usize,
}

impl Range {
    /// A slice of it, which is a range, too.
    pub(super) fn part(&self, start: Option<i64>, stop: Option<i64>, step: i64) -> Value {
        let (first, last) = super::ops::bounds(self.length, start, stop, step);
        let (start, stop) = (self.start + first * self.step, self.start + last * self.step);
        let step = self.step.saturating_mul(step);
        let length = usize::try_from(length(start, stop, step)).unwrap_or(0);
        Value::from_object(Range { start, stop, step, length })
    }

    fn get(&self, index: usize) -> Option<Value> {
        let index = i64::try_from(index).ok().filter(|_| index < self.length)?;
        Some(Value::from(self.start + index * self.step))
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.step {
            1 => write!(f, "range({}, {})", self.start, self.stop),
            step => write!(f, "range({}, {}, {step})", self.start, self.stop),
        }
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key.as_usize()?)
    }

    fn enumerate(self: &Arc<Self>) -> minijinja::value::Enumerator {
        let (start, step) = (self.start, self.step);
        let numbers = (0..self.length)
            .map(move |index| start + i64::try_from(index).unwrap_or(0) * step)
            .map(Value::from);
        minijinja::value::Enumerator::Iter(Box::new(numbers))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.length)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

fn dict(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (positional, kwargs) = split_kwargs(args);
    if positional.len() > 1 {
        return Err(error("dict expected at most 1 argument"));
    }
    let mut pairs = Vec::new();
    for source in positional.iter().chain(kwargs) {
        pairs.extend(pairs_of(source)?);
    }
    Ok(Dict::value(pairs))
}

fn set(value: &Value) -> Result<Value, Error> {
    Set::value(iterate(value)?)
}

/// `f(value, default)` as dbt has it: the default, or None, where `f` fails.
fn or_default(
    name: &str,
    args: &[Value],
    f: impl FnOnce(&Value) -> Result<Value, Error>,
) -> Result<Value, Error> {
    let [value, default] = bind(name, ["value", "default"], args)?;
    let value = required(name, "value", value)?;
    Ok(f(&value).unwrap_or_else(|_| default.unwrap_or_else(|| Value::from(()))))
}

fn zip(args: &[Value]) -> Result<Value, Error> {
    let columns = args.iter().map(iterate).collect::<Result<Vec<_>, _>>()?;
    Ok(Generator::value(sequences::zip(&columns)))
}

fn zip_or_default(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (positional, kwargs) = split_kwargs(args);
    let [default] = bind("zip", ["default"], kwargs.map_or(&[], std::slice::from_ref))?;
    Ok(zip(positional).unwrap_or_else(|_| default.unwrap_or_else(|| Value::from(()))))
}

fn tojson(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, _default, sort] = bind("tojson", ["value", "default", "sort_keys"], args)?;
    let style = Style { sort_keys: flag(&sort), indent: None };
    json::dumps(&required("tojson", "value", value)?, style).map(Value::from)
}

fn fromjson(value: &Value) -> Result<Value, Error> {
    let json: serde_json::Value = serde_json::from_str(&repr::py_str(value))
        .map_err(|failure| error(format!("invalid JSON: {failure}")))?;
    Ok(from_json(&json))
}

/// Jinja2's `namespace(…)`, which takes what `dict(…)` takes.
#[derive(Debug)]
struct NamespaceOf(Value);

impl Object for NamespaceOf {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let given = match args {
            [] => return self.0.call(state, args),
            [only] if only.is_kwargs() => return self.0.call(state, args),
            args => dict(state, args)?,
        };
        self.0.call(state, &[given])
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<class 'jinja2.utils.Namespace'>")
    }
}

/// Jinja2's `cycler(…)`.
#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    at: AtomicUsize,
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        (key == "current")
            .then(|| self.items.get(self.at.load(Ordering::Relaxed)).cloned().unwrap_or_default())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let [] = bind(method, [], args)?;
        match method {
            "next" if !self.items.is_empty() => {
                let at = self.at.load(Ordering::Relaxed);
                self.at.store((at + 1) % self.items.len(), Ordering::Relaxed);
                Ok(self.items[at].clone())
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// Jinja2's `joiner(…)`: empty at the first call, the separator at the others.
#[derive(Debug)]
struct Joiner {
    separator: Value,
    used: AtomicUsize,
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let [] = bind("joiner", [], args)?;
        let first = self.used.fetch_add(1, Ordering::Relaxed) == 0;
        Ok(if first { Value::from("") } else { self.separator.clone() })
    }
}
