//! Tuples whose parts have names, as Python's `isocalendar()` and `timetuple()` give them.

use std::fmt::{self, Write};
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use super::repr;

/// Values by position and by name.
pub(super) struct NamedTuple {
    name: &'static str,
    fields: &'static [&'static str],
    values: Vec<Value>,
}

impl NamedTuple {
    /// A tuple with a name for each of its values.
    pub(super) fn value(
        name: &'static str,
        fields: &'static [&'static str],
        values: Vec<Value>,
    ) -> Value {
        Value::from_object(NamedTuple { name, fields, values })
    }
}

impl fmt::Debug for NamedTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (at, (field, value)) in self.fields.iter().zip(&self.values).enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{field}={}", repr::py_repr(value))?;
        }
        f.write_char(')')
    }
}

impl Object for NamedTuple {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.values.get(key.as_usize()?).cloned()
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let at = self.fields.iter().position(|field| *field == key)?;
        self.values.get(at).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.values.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.values.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
