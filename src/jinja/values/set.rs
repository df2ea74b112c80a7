//! Python's set. Items keep the order in which they came, where Python's order is arbitrary.
//!
//! Operators (`|`, `&`, `-` of sets) do not exist in templates: the methods do the same.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexSet;
use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{bind, check_hashable, error, iterate, required, split_kwargs};
use super::repr;

type Items = IndexSet<Value>;

/// A mutable set that all its holders share.
#[derive(Default)]
pub struct Set(Mutex<Items>);

impl Set {
    /// A new set as a value: each item once.
    ///
    /// # Errors
    /// An item that Python cannot hash.
    pub fn value(items: Vec<Value>) -> Result<Value, Error> {
        Ok(Value::from_object(Set::new(hashable(items)?)))
    }

    fn new(items: Items) -> Self {
        Set(Mutex::new(items))
    }

    /// The items as they are now.
    pub fn to_vec(&self) -> Vec<Value> {
        self.lock().iter().cloned().collect()
    }

    fn snapshot(&self) -> Items {
        self.lock().clone()
    }

    /// Whether it is a part of another set, the same, or holds it; `None` where neither does.
    pub(super) fn part_of(&self, other: &Set) -> Option<Ordering> {
        let (mine, theirs) = (self.snapshot(), other.snapshot());
        match (mine.is_subset(&theirs), mine.is_superset(&theirs)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Items> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hashable(items: Vec<Value>) -> Result<Items, Error> {
    for item in &items {
        check_hashable(item)?;
    }
    Ok(items.into_iter().collect())
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.to_vec();
        if items.is_empty() { f.write_str("set()") } else { repr::write_items(f, "{", &items, "}") }
    }
}

impl Object for Set {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.to_vec())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.lock().len())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<Set>()?;
        let (mine, theirs) = (self.snapshot(), other.snapshot());
        if mine == theirs {
            return Some(Ordering::Equal);
        }
        let mut mine: Vec<_> = mine.into_iter().collect();
        let mut theirs: Vec<_> = theirs.into_iter().collect();
        mine.sort();
        theirs.sort();
        Some(mine.cmp(&theirs))
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
        let one = |name: &str| -> Result<Value, Error> {
            let [item] = bind(name, ["object"], args)?;
            required(name, "object", item)
        };
        let other = |name: &str| -> Result<Items, Error> { hashable(iterate(&one(name)?)?) };
        let others = || -> Result<Vec<Items>, Error> {
            let (others, _) = split_kwargs(args);
            others.iter().map(|other| hashable(iterate(other)?)).collect()
        };
        match method {
            "add" => {
                let item = one("add")?;
                check_hashable(&item)?;
                self.lock().insert(item);
                none()
            }
            "remove" => {
                let item = one("remove")?;
                if self.lock().shift_remove(&item) {
                    none()
                } else {
                    Err(error(format!("KeyError: {}", repr::py_repr(&item))))
                }
            }
            "discard" => {
                self.lock().shift_remove(&one("discard")?);
                none()
            }
            "pop" => {
                self.lock().shift_remove_index(0).ok_or_else(|| error("pop from an empty set"))
            }
            "clear" => {
                self.lock().clear();
                none()
            }
            "copy" => Ok(made(self.snapshot())),
            "update" | "union" => {
                let mut items = self.snapshot();
                items.extend(others()?.into_iter().flatten());
                self.give(items, method == "update")
            }
            "intersection" | "intersection_update" => {
                let mut items = self.snapshot();
                for other in others()? {
                    items.retain(|item| other.contains(item));
                }
                self.give(items, method == "intersection_update")
            }
            "difference" | "difference_update" => {
                let mut items = self.snapshot();
                for other in others()? {
                    items.retain(|item| !other.contains(item));
                }
                self.give(items, method == "difference_update")
            }
            "symmetric_difference" => {
                let (mine, theirs) = (self.snapshot(), other(method)?);
                Ok(made(mine.symmetric_difference(&theirs).cloned().collect()))
            }
            "issubset" => Ok(self.snapshot().is_subset(&other(method)?).into()),
            "issuperset" => Ok(self.snapshot().is_superset(&other(method)?).into()),
            "isdisjoint" => Ok(self.snapshot().is_disjoint(&other(method)?).into()),
            "__len__" => Ok(Value::from(self.lock().len())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Set {
    /// Keeps the items, or gives them as a new set.
    fn give(&self, items: Items, in_place: bool) -> Result<Value, Error> {
        if in_place {
            *self.lock() = items;
            Ok(Value::from(()))
        } else {
            Ok(made(items))
        }
    }
}

fn made(items: Items) -> Value {
    Value::from_object(Set::new(items))
}
