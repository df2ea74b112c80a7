//! dbt's runtime configuration as `adapter.config`, and `adapter.behavior`: the switches by which
//! an adapter changes what it does.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use crate::config::behaviour;
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::fail;
use crate::jinja::values::List;

/// The switches of both adapters that dbt-core does not know, with the adapter whose own they are, and
/// what they are where `flags:` does not say.
const SWITCHES: &[(&str, Option<&str>, bool)] = &[
    ("enable_truthy_nulls_equals_macro", None, false),
    ("postgres_skip_autocommit_transaction_statements", Some("postgres"), true),
];

/// The one of dbt-core's that adapters have, too.
const BATCHED: &str = "require_batched_execution_for_custom_microbatch_strategy";

/// `adapter.config`: values under dbt's names.
#[derive(Debug)]
pub(super) struct RuntimeObject(pub Value);

impl Object for RuntimeObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get_item(key).ok().filter(|value| !value.is_undefined())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let ("get_macro_search_order", [namespace]) = (method, args) else {
            return Err(Error::from(ErrorKind::UnknownMethod));
        };
        let context = Context::of(state)?;
        let order = namespace.as_str().and_then(|name| context.registry().search_order(name));
        let value = |order: &[String]| {
            List::value(order.iter().map(|package| Value::from(package.as_str())).collect())
        };
        Ok(order.map_or(Value::from(()), value))
    }
}

/// `adapter.behavior`.
#[derive(Debug)]
pub(super) struct BehaviorObject {
    /// `duckdb` or `postgres`.
    pub adapter: &'static str,
    /// `flags:` of the project.
    pub flags: Value,
}

impl Object for BehaviorObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        let is_here = |of: &Option<&str>| of.is_none_or(|of| of == self.adapter);
        let own = SWITCHES.iter().find(|(known, of, _)| *known == name && is_here(of));
        let own = own.map(|(name, _, default)| (*name, *default));
        let shared = || Some((BATCHED, behaviour(BATCHED).filter(|_| name == BATCHED)?));
        let Some((name, default)) = own.or_else(shared) else {
            let error = fail(Code::UNDEFINED, format!("The flag {name} has not been registered."));
            return Some(Value::from(error));
        };
        let said = self.flags.get_attr(name).ok().filter(|value| !value.is_undefined());
        let on = said.map_or(default, |value| value.is_true());
        Some(Value::from_object(Switch { name, on }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// A switch: on or off by itself, and as `setting`.
#[derive(Debug)]
struct Switch {
    name: &'static str,
    on: bool,
}

impl Object for Switch {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "setting" | "no_warn" => Some(self.on.into()),
            "name" => Some(self.name.into()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.on
    }
}
