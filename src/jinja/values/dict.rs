//! Python's dict: ordered, mutable and shared, with item and attribute access.
//!
//! Its methods come before keys of the same name when they are called, as in Jinja2. The views
//! (`keys`, `values`, `items`) are snapshots: they never follow later changes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::{Equivalent, IndexMap};
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{bind, check_hashable, error, iterate, required, split_kwargs, type_name};
use super::compare::equals;
use super::decimal::Decimal;
use super::{List, repr};

/// A mutable, ordered dict that all its holders share.
#[derive(Default)]
pub struct Dict(Mutex<IndexMap<Value, Value>>);

/// A key looked up by its text, without making a value of it. Hashes as `Value` hashes strings.
struct Text<'a>(&'a str);

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Equivalent<Value> for Text<'_> {
    fn equivalent(&self, key: &Value) -> bool {
        key.as_str() == Some(self.0) && key.kind() == ValueKind::String
    }
}

impl Dict {
    /// A new dict as a value.
    pub fn value<K, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Value
    where
        K: Into<Value>,
        V: Into<Value>,
    {
        Value::from_object(Dict::from_iter(
            pairs.into_iter().map(|(key, value)| (key.into(), value.into())),
        ))
    }

    /// The pairs as they are now.
    pub fn pairs(&self) -> Vec<(Value, Value)> {
        self.lock().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// The keys as they are now.
    pub fn keys(&self) -> Vec<Value> {
        self.lock().keys().cloned().collect()
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The value of a key of any kind.
    pub fn get(&self, key: &Value) -> Option<Value> {
        let pairs = self.lock();
        pairs.get(key).or_else(|| pairs.get(&known_number(&pairs, key)?)).cloned()
    }

    /// The value of a text key.
    pub fn get_str(&self, key: &str) -> Option<Value> {
        self.lock().get(&Text(key)).cloned()
    }

    /// Sets a key. A key that exists keeps its place.
    pub fn insert(&self, key: Value, value: Value) {
        let mut pairs = self.lock();
        let key = known_number(&pairs, &key).unwrap_or(key);
        pairs.insert(key, value);
    }

    fn lock(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `update(mapping or pairs, **kwargs)`.
    fn update(&self, args: &[Value]) -> Result<(), Error> {
        let (positional, kwargs) = split_kwargs(args);
        if positional.len() > 1 {
            return Err(Error::new(
                ErrorKind::TooManyArguments,
                "update expected at most 1 argument",
            ));
        }
        for source in positional.iter().chain(kwargs) {
            let pairs = pairs_of(source)?;
            self.lock().extend(pairs);
        }
        Ok(())
    }
}

/// The key that is the same number as a decimal, or the decimal that is the same as a number: they
/// hash otherwise here, not in Python.
fn known_number(pairs: &IndexMap<Value, Value>, key: &Value) -> Option<Value> {
    let of_decimal = Decimal::of(key).is_some();
    if !of_decimal && !key.is_number() {
        return None;
    }
    let other =
        |known: &&Value| if of_decimal { known.is_number() } else { Decimal::of(known).is_some() };
    pairs.keys().filter(other).find(|known| equals(known, key)).cloned()
}

impl FromIterator<(Value, Value)> for Dict {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(pairs: I) -> Self {
        Dict(Mutex::new(pairs.into_iter().collect()))
    }
}

/// The pairs of a mapping, or of an iterable of pairs, as `dict(…)` takes them.
///
/// # Errors
/// The value is neither, or a key is not hashable.
pub(super) fn pairs_of(source: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if let Some(dict) = source.downcast_object_ref::<Dict>() {
        return Ok(dict.pairs());
    }
    if source.kind() == ValueKind::Map {
        return source
            .try_iter()?
            .map(|key| source.get_item(&key).map(|value| (key, value)))
            .collect();
    }
    let mut pairs = Vec::new();
    for (index, item) in iterate(source)?.into_iter().enumerate() {
        let parts = iterate(&item).map_err(|_| {
            error(format!(
                "cannot convert dictionary update sequence element #{index} to a sequence"
            ))
        })?;
        let [key, value] = <[Value; 2]>::try_from(parts).map_err(|parts| {
            error(format!(
                "dictionary update sequence element #{index} has length {}; 2 is required",
                parts.len()
            ))
        })?;
        check_hashable(&key)?;
        pairs.push((key, value));
    }
    Ok(pairs)
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        repr::write_pairs(f, &self.pairs())
    }
}

impl Object for Dict {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.get_str(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.keys())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let none = || Ok(Value::from(()));
        match method {
            "get" => {
                let [key, default] = bind("get", ["key", "default"], args)?;
                let key = required("get", "key", key)?;
                Ok(self.get(&key).or(default).unwrap_or_else(|| Value::from(())))
            }
            // dbt's nodes and results are objects with this method.
            "to_dict" => Ok(Value::from_dyn_object(self.clone())),
            "keys" => Ok(View::value("dict_keys", self.keys())),
            "values" => Ok(View::value("dict_values", self.lock().values().cloned().collect())),
            "items" => Ok(View::value("dict_items", pair_tuples(self.pairs()))),
            "update" => {
                self.update(args)?;
                none()
            }
            "pop" => {
                let [key, default] = bind("pop", ["key", "default"], args)?;
                let key = required("pop", "key", key)?;
                self.lock()
                    .shift_remove(&key)
                    .or(default)
                    .ok_or_else(|| error(format!("KeyError: {}", repr::py_repr(&key))))
            }
            "popitem" => {
                let pair = self.lock().pop();
                pair.map(|(k, v)| Value::from(Tuple::from([k, v])))
                    .ok_or_else(|| error("popitem(): dictionary is empty"))
            }
            "setdefault" => {
                let [key, default] = bind("setdefault", ["key", "default"], args)?;
                let key = required("setdefault", "key", key)?;
                check_hashable(&key)?;
                let default = default.unwrap_or_else(|| Value::from(()));
                Ok(self.lock().entry(key).or_insert(default).clone())
            }
            "__setitem__" => {
                let [key, value] = bind("__setitem__", ["key", "value"], args)?;
                let key = required("__setitem__", "key", key)?;
                check_hashable(&key)?;
                self.insert(key, required("__setitem__", "value", value)?);
                none()
            }
            "copy" => Ok(Value::from_object(Dict(Mutex::new(self.lock().clone())))),
            "clear" => {
                self.lock().clear();
                none()
            }
            "fromkeys" => from_keys(args),
            "__len__" => Ok(Value::from(self.len())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// `dict.fromkeys(keys, value)`.
pub(super) fn from_keys(args: &[Value]) -> Result<Value, Error> {
    let [keys, value] = bind("fromkeys", ["iterable", "value"], args)?;
    let value = value.unwrap_or_else(|| Value::from(()));
    let keys = iterate(&required("fromkeys", "iterable", keys)?)?;
    Ok(Dict::value(keys.into_iter().map(|key| (key, value.clone()))))
}

/// Pairs as tuples of two.
pub(super) fn pair_tuples(pairs: Vec<(Value, Value)>) -> Vec<Value> {
    pairs.into_iter().map(|(k, v)| Value::from(Tuple::from([k, v]))).collect()
}

/// `dict_keys`, `dict_values`, `dict_items`: iterable, sized, printed under their own names.
pub(super) struct View {
    name: &'static str,
    items: Vec<Value>,
}

impl View {
    pub(super) fn value(name: &'static str, items: Vec<Value>) -> Value {
        Value::from_object(View { name, items })
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        repr::write_items(f, "([", &self.items, "])")
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let view = self.clone();
        let mut next = 0;
        let len = self.items.len();
        Enumerator::Iter(Box::new((0..len).map(move |_| {
            let item = view.items[next].clone();
            next += 1;
            item
        })))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Methods of mappings that are not a [`Dict`]: what serde or minijinja made. They cannot change.
///
/// # Errors
/// A method that would change the mapping, or one that dicts do not have.
pub(super) fn foreign_method(map: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "items" => Ok(View::value("dict_items", pair_tuples(pairs_of(map)?))),
        "keys" => Ok(View::value("dict_keys", iterate(map)?)),
        "values" => Ok(View::value(
            "dict_values",
            pairs_of(map)?.into_iter().map(|(_, value)| value).collect(),
        )),
        "copy" => Ok(Dict::value(pairs_of(map)?)),
        "get" => {
            let [key, default] = bind("get", ["key", "default"], args)?;
            let found = map.get_item(&required("get", "key", key)?)?;
            if found.is_undefined() {
                Ok(default.unwrap_or_else(|| Value::from(())))
            } else {
                Ok(found)
            }
        }
        "update" | "pop" | "popitem" | "setdefault" | "clear" => Err(error(format!(
            "this {} is read-only: take a copy with `.copy()` before `.{method}()`",
            type_name(map)
        ))),
        _ => Err(super::args::no_method(map, method)),
    }
}

/// Methods of sequences that are not a [`List`]: tuples, and what serde or minijinja made.
///
/// # Errors
/// A method that would change the sequence, or one that lists do not have.
pub(super) fn foreign_seq_method(
    seq: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match method {
        "index" | "count" => {
            let [item] = bind(method, ["value"], args)?;
            let item = required(method, "value", item)?;
            let items = iterate(seq)?;
            if method == "count" {
                return Ok(Value::from(items.iter().filter(|x| **x == item).count()));
            }
            items.iter().position(|x| *x == item).map(Value::from).ok_or_else(|| {
                error(format!("{} is not in {}", repr::py_repr(&item), type_name(seq)))
            })
        }
        "copy" if !seq.is_tuple() => Ok(List::value(iterate(seq)?)),
        "append" | "extend" | "insert" | "remove" | "pop" | "sort" | "reverse" | "clear"
            if !seq.is_tuple() =>
        {
            Err(error(format!(
                "this {} is read-only: take a copy with `| list` before `.{method}()`",
                type_name(seq)
            )))
        }
        _ => Err(super::args::no_method(seq, method)),
    }
}
