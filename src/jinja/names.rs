//! `context`: all names of a node's templates as one mapping, dbt's way to reach a name that is made
//! up. Variables and arguments of a template are none of them.

use std::sync::{Arc, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::context::{Context, SPECIAL};
use super::objects::Forgiving;
use super::values::{List, py_str};

/// The `context` of a template.
#[derive(Debug)]
pub struct Names(Arc<Context>);

impl Names {
    /// The names that a template's node knows.
    pub fn of(context: &Context) -> Self {
        Names(Arc::new(context.root()))
    }

    fn find(&self, name: &str) -> Option<Value> {
        let added = self.0.shared.added.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = added.get(name) {
            return Some(value.clone());
        }
        drop(added);
        let known = |value: &Value| value.downcast_object_ref::<Forgiving>().is_none();
        let own = self.0.get_value_by_str(name);
        let global = || self.0.shared.fixed.globals.get(name).cloned();
        own.clone().filter(known).or_else(global).or(own)
    }

    /// Every name that means something.
    fn all(&self) -> Vec<Value> {
        let fixed = &self.0.shared.fixed;
        let mut names: Vec<&str> = SPECIAL.to_vec();
        names.extend(fixed.globals.keys().map(String::as_str));
        names.extend(fixed.registry.names());
        names.extend(fixed.registry.packages());
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter(|name| self.find(name).is_some()).map(Value::from).collect()
    }
}

impl Object for Names {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.all())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match (method, args) {
            ("get", [name, rest @ ..]) => {
                let found = self.find(name.as_str().unwrap_or_default());
                Ok(found.or_else(|| rest.first().cloned()).unwrap_or(Value::from(())))
            }
            ("keys", []) => Ok(List::value(self.all())),
            ("update", [names]) => {
                let shared = &self.0.shared;
                let mut added = shared.added.lock().unwrap_or_else(PoisonError::into_inner);
                for name in names.try_iter()? {
                    added.insert(py_str(&name), names.get_item(&name)?);
                }
                Ok(Value::from(()))
            }
            _ => match self.find(method) {
                Some(callable) => callable.call(state, args),
                None => Err(Error::from(ErrorKind::UnknownMethod)),
            },
        }
    }
}
