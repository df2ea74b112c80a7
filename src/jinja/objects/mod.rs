//! dbt's own objects in templates: relations, columns, `config`, `adapter`, `api`, `exceptions`.

mod adapter;
mod answers;
mod bound;
mod column;
mod config;
mod contract;
mod exceptions;
mod external;
mod forgiving;
mod index;
mod lookups;
mod metric;
mod parameters;
mod parts;
mod relation;
mod response;
mod runtime;
mod seeding;

pub use adapter::{AdapterObject, strategy_macro_name, unknown_strategy};
pub use column::{ColumnObject, translated};
pub use config::ConfigObject;
pub use exceptions::Exceptions;
pub use forgiving::Forgiving;
use index::IndexObject;
pub use metric::MetricObject;
pub use relation::{RelationObject, api};
pub use response::ResponseObject;

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::jinja::values::split_kwargs;

/// Positional and keyword arguments of a call, by name.
pub struct Arguments<'a> {
    positional: &'a [Value],
    kwargs: Option<Kwargs>,
    names: &'static [&'static str],
}

impl<'a> Arguments<'a> {
    /// Reads the arguments of a function whose parameters have these names.
    pub fn new(args: &'a [Value], names: &'static [&'static str]) -> Result<Self, Error> {
        let (positional, kwargs) = split_kwargs(args);
        let kwargs = kwargs.cloned().map(Kwargs::try_from).transpose()?;
        Ok(Arguments { positional, kwargs, names })
    }

    /// The value of a parameter, if it was given and is defined.
    pub fn given(&self, name: &str) -> Option<Value> {
        let at = self.names.iter().position(|known| *known == name);
        let value = at
            .and_then(|at| self.positional.get(at).cloned())
            .or_else(|| self.kwargs.as_ref().and_then(|k| k.get::<Value>(name).ok()));
        value.filter(|value| !value.is_undefined())
    }

    /// The value of a parameter, if it was given and is not none.
    pub fn get(&self, name: &str) -> Option<Value> {
        self.given(name).filter(|value| !value.is_none())
    }

    /// A text; other values as they print.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| super::values::py_str(&value))
    }

    /// A text that has to be there; empty where it is not.
    pub fn required(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// Whether a parameter is given and true.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, |value| value.is_true())
    }
}
