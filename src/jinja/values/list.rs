//! Python's list: mutable and shared, so that `append` in one scope is seen in all others.
//!
//! It never copies on assignment. Iteration follows the list as it grows or shrinks, as in Python.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::args::{bind, error, flag, integer, iterate, opt_integer, required};
use super::compare::{less, sort_by};
use super::repr;

/// A mutable list that all its holders share.
#[derive(Default)]
pub struct List(Mutex<Vec<Value>>);

impl List {
    /// A new list as a value.
    pub fn value(items: Vec<Value>) -> Value {
        Value::from_object(List::from(items))
    }

    /// A copy of the items as they are now.
    pub fn to_vec(&self) -> Vec<Value> {
        self.lock().clone()
    }

    /// The number of items.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Adds an item at the end.
    pub fn push(&self, item: Value) {
        self.lock().push(item);
    }

    fn get(&self, index: usize) -> Option<Value> {
        self.lock().get(index).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn position(&self, item: &Value, from: usize, to: usize) -> Option<usize> {
        let items = self.to_vec();
        let to = to.min(items.len());
        (from..to).find(|index| items[*index] == *item)
    }
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> Self {
        List(Mutex::new(items))
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        repr::write_items(f, "[", &self.to_vec(), "]")
    }
}

/// Reads the list as it is at each step: items added while looping are visited too.
struct Items {
    list: Arc<List>,
    next: usize,
}

impl Iterator for Items {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let item = self.list.get(self.next)?;
        self.next += 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.list.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key.as_usize()?)
    }

    fn get_value_by_str(self: &Arc<Self>, _key: &str) -> Option<Value> {
        None
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Iter(Box::new(Items { list: self.clone(), next: 0 }))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<std::cmp::Ordering> {
        let other = other.downcast_ref::<List>()?;
        Some(self.to_vec().cmp(&other.to_vec()))
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
        const NONE: fn() -> Result<Value, Error> = || Ok(Value::from(()));
        match method {
            "append" => {
                let [item] = bind("append", ["object"], args)?;
                self.push(required("append", "object", item)?);
                NONE()
            }
            "extend" => {
                let [items] = bind("extend", ["iterable"], args)?;
                let items = iterate(&required("extend", "iterable", items)?)?;
                self.lock().extend(items);
                NONE()
            }
            "insert" => {
                let [index, item] = bind("insert", ["index", "object"], args)?;
                let index = integer("insert", &required("insert", "index", index)?)?;
                let item = required("insert", "object", item)?;
                let mut items = self.lock();
                let at = clamp(index, items.len());
                items.insert(at, item);
                NONE()
            }
            "remove" => {
                let [item] = bind("remove", ["value"], args)?;
                let item = required("remove", "value", item)?;
                let at = self
                    .position(&item, 0, usize::MAX)
                    .ok_or_else(|| error("list.remove(x): x not in list"))?;
                let mut items = self.lock();
                if at < items.len() {
                    items.remove(at);
                }
                NONE()
            }
            "pop" => {
                let [index] = bind("pop", ["index"], args)?;
                let index = opt_integer("pop", &index)?.unwrap_or(-1);
                let mut items = self.lock();
                if items.is_empty() {
                    return Err(error("pop from empty list"));
                }
                let at =
                    absolute(index, items.len()).ok_or_else(|| error("pop index out of range"))?;
                Ok(items.remove(at))
            }
            "index" => {
                let [item, start, stop] = bind("index", ["value", "start", "stop"], args)?;
                let item = required("index", "value", item)?;
                let len = self.len();
                let from = opt_integer("index", &start)?.map_or(0, |i| clamp(i, len));
                let to = opt_integer("index", &stop)?.map_or(len, |i| clamp(i, len));
                self.position(&item, from, to)
                    .map(Value::from)
                    .ok_or_else(|| error(format!("{} is not in list", repr::py_repr(&item))))
            }
            "count" => {
                let [item] = bind("count", ["value"], args)?;
                let item = required("count", "value", item)?;
                Ok(Value::from(self.to_vec().iter().filter(|x| **x == item).count()))
            }
            "sort" => {
                let [reverse, _key] = bind("sort", ["reverse", "key"], args)?;
                // Taken out while sorting: a comparison may read this very list.
                let items = std::mem::take(&mut *self.lock());
                let sorted = sort_by(items.clone(), flag(&reverse), less);
                *self.lock() = sorted.as_ref().map_or(items, Clone::clone);
                sorted?;
                NONE()
            }
            "reverse" => {
                self.lock().reverse();
                NONE()
            }
            "copy" => Ok(List::value(self.to_vec())),
            "clear" => {
                self.lock().clear();
                NONE()
            }
            "__len__" => Ok(Value::from(self.len())),
            _ => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// A Python index moved into `0..=len`.
pub(super) fn clamp(index: i64, len: usize) -> usize {
    if index < 0 {
        len.saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        usize::try_from(index).unwrap_or(usize::MAX).min(len)
    }
}

/// A Python index of an item that exists; negative ones count from the end.
pub(super) fn absolute(index: i64, len: usize) -> Option<usize> {
    let at = if index < 0 {
        len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    (at < len).then_some(at)
}
