//! What relations say of the three parts of their name: the parts themselves, and which of them are
//! quoted or written.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object};

use crate::jinja::values::py_repr;

const NAMES: [&str; 3] = ["database", "schema", "identifier"];

/// A value for each part; prints as dbt's classes do.
#[derive(Debug)]
pub(super) struct Parts {
    class: &'static str,
    values: [Value; 3],
}

impl Parts {
    /// The names.
    pub(super) fn path(values: [Value; 3]) -> Value {
        Value::from_object(Parts { class: "Path", values })
    }

    /// Yes or no for each.
    pub(super) fn policy(values: [bool; 3]) -> Value {
        Value::from_object(Parts { class: "Policy", values: values.map(Value::from) })
    }
}

impl Object for Parts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = NAMES.iter().position(|name| key.as_str() == Some(name))?;
        Some(self.values[at].clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&NAMES)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |at: usize| format!("{}={}", NAMES[at], py_repr(&self.values[at]));
        write!(f, "{}({}, {}, {})", self.class, part(0), part(1), part(2))
    }
}
