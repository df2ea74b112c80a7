//! agate's sequences with names: the row, the column, all rows and all columns of a result.
//!
//! They answer to positions and to names, by item and by attribute, and never change.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexSet;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{bind, required};
use super::dict::pair_tuples;
use super::{Dict, List, repr};

/// What a sequence is, with what only that kind knows.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Row,
    Column { index: usize, name: String, data_type: String },
    Rows,
    Columns,
}

/// Values in order, with names where they have some.
#[derive(Clone)]
pub(super) struct Mapped {
    kind: Kind,
    keys: Option<Arc<Vec<String>>>,
    values: Vec<Value>,
}

impl Mapped {
    pub(super) fn new(kind: Kind, keys: Option<Arc<Vec<String>>>, values: Vec<Value>) -> Self {
        Mapped { kind, keys, values }
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The value of a name, as the database wrote it.
    pub(super) fn by_name(&self, name: &str) -> Option<Value> {
        let at = self.keys.as_ref()?.iter().position(|key| key == name)?;
        self.values.get(at).cloned()
    }

    fn key_values(&self) -> Option<Vec<Value>> {
        Some(self.keys.as_ref()?.iter().map(|key| Value::from(key.as_str())).collect())
    }

    fn pairs(&self) -> Vec<(Value, Value)> {
        self.key_values().unwrap_or_default().into_iter().zip(self.values.iter().cloned()).collect()
    }

    fn without_nulls(&self) -> Vec<Value> {
        self.values.iter().filter(|value| !value.is_none()).cloned().collect()
    }
}

fn tuple(values: Vec<Value>) -> Value {
    Value::from(Tuple::new(values))
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            Kind::Row => "Row",
            Kind::Column { .. } => "Column",
            Kind::Rows | Kind::Columns => "MappedSequence",
        };
        let more = if self.values.len() > 5 { ", ...)>" } else { ")>" };
        write!(f, "<agate.{name}: ")?;
        repr::write_items(f, "(", &self.values[..self.values.len().min(5)], more)
    }
}

impl Object for Mapped {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_str(), key.kind()) {
            (Some(name), ValueKind::String) => self.by_name(name),
            _ => self.values.get(key.as_usize()?).cloned(),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Kind::Column { index, name, data_type } = &self.kind {
            match key {
                "name" => return Some(Value::from(name.as_str())),
                "index" => return Some(Value::from(*index)),
                "data_type" => return Some(Value::from(data_type.as_str())),
                _ => {}
            }
        }
        self.by_name(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.values.len())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.values.len())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method == "get" {
            let [key, default] = bind("get", ["key", "default"], args)?;
            let key = required("get", "key", key)?;
            return Ok(self.get_value(&key).or(default).unwrap_or_else(|| Value::from(())));
        }
        let sorted = |mut values: Vec<Value>| {
            // agate puts NULLs last.
            values.sort_by(|a, b| a.is_none().cmp(&b.is_none()).then_with(|| a.cmp(b)));
            tuple(values)
        };
        let result = match (method, &self.kind) {
            ("values", _) => tuple(self.values.clone()),
            ("keys", _) => self.key_values().map_or_else(|| Value::from(()), tuple),
            ("items", _) => List::value(pair_tuples(self.pairs())),
            ("dict", _) => Dict::value(self.pairs()),
            ("values_distinct", Kind::Column { .. }) => {
                let distinct: IndexSet<Value> = self.values.iter().cloned().collect();
                tuple(distinct.into_iter().collect())
            }
            ("values_without_nulls", Kind::Column { .. }) => tuple(self.without_nulls()),
            ("values_sorted", Kind::Column { .. }) => sorted(self.values.clone()),
            ("values_without_nulls_sorted", Kind::Column { .. }) => sorted(self.without_nulls()),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        };
        let [] = bind(method, [], args)?;
        Ok(result)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
