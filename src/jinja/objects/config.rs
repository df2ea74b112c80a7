//! `config(…)` and `config.get(…)`.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::Arguments;
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
use crate::jinja::values::{Dict, List, from_json, to_json};

/// The node's configuration.
#[derive(Debug)]
pub struct ConfigObject;

impl Object for ConfigObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        None
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let context = Context::of(state)?;
        let mut values: IndexMap<String, serde_json::Value> = IndexMap::new();
        for arg in args {
            if arg.is_kwargs() {
                let kwargs = Kwargs::try_from(arg.clone())?;
                for name in kwargs.args() {
                    values.insert(name.to_owned(), to_json(&kwargs.get::<Value>(name)?)?);
                }
            } else if let serde_json::Value::Object(map) = to_json(arg)? {
                values.extend(map);
            } else {
                return Err(fail(
                    Code::JINJA_RUNTIME,
                    "config() takes keyword arguments or one dict",
                ));
            }
        }
        for (old, new) in [("pre_hook", "pre-hook"), ("post_hook", "post-hook")] {
            if values.contains_key(old) && values.contains_key(new) {
                let message = format!("config() has conflicting keys \"{old}\" and \"{new}\"");
                return Err(fail(Code::JINJA_RUNTIME, message));
            }
        }
        context.host().set_config(values).map_err(carry)?;
        Ok(Value::from(""))
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let context = Context::of(state)?;
        let host = context.host();
        let named = Arguments::new(args, &["name", "default", "validator"])?;
        let name = named.required("name");
        match method {
            // While parsing nothing is known of it, whatever the default.
            "get" | "require" | "meta_get" | "meta_require" if !host.execute() => {
                Ok(Value::from(""))
            }
            "get" => Ok(match host.config(&name) {
                Some(value) => from_json(&value),
                None => unsaid(&name).or_else(|| named.get("default")).unwrap_or(Value::from(())),
            }),
            "meta_get" | "meta_require" => {
                let meta = host.config("meta").unwrap_or_default();
                match meta.get(&name) {
                    Some(value) => Ok(from_json(value)),
                    None if method == "meta_require" => Err(missing(&name)),
                    None => Ok(named.get("default").unwrap_or(Value::from(()))),
                }
            }
            "require" => match host.config(&name) {
                Some(value) => Ok(from_json(&value)),
                None => unsaid(&name).ok_or_else(|| missing(&name)),
            },
            "set" => {
                let value = args.get(1).map(to_json).transpose()?.unwrap_or_default();
                let values = [(name, value)].into_iter().collect();
                host.set_config(values).map_err(carry)?;
                Ok(Value::from(""))
            }
            "persist_relation_docs" | "persist_column_docs" => {
                let part = if method == "persist_column_docs" { "columns" } else { "relation" };
                let docs = host.config("persist_docs").unwrap_or_default();
                Ok(docs.get(part).and_then(serde_json::Value::as_bool).unwrap_or(false).into())
            }
            _ => Err(Error::new(
                ErrorKind::UnknownMethod,
                format!("config has no method `{method}`"),
            )),
        }
    }
}

/// What dbt's configuration of a node has where nothing was said: whatever default is given with the
/// question does not count then.
fn unsaid(name: &str) -> Option<Value> {
    Some(match name {
        "packages" | "tags" => List::value(Vec::new()),
        "column_types" | "grants" | "meta" | "persist_docs" | "quoting" => {
            Dict::value(Vec::<(Value, Value)>::new())
        }
        "enabled" => true.into(),
        "on_configuration_change" => "apply".into(),
        "on_schema_change" => "ignore".into(),
        "alias"
        | "batch_size"
        | "begin"
        | "database"
        | "event_time"
        | "full_refresh"
        | "group"
        | "incremental_strategy"
        | "schema"
        | "unique_key" => Value::from(()),
        _ => return None,
    })
}

fn missing(name: &str) -> Error {
    let message = format!("The node does not define a required config parameter '{name}'");
    fail(Code::JINJA_RUNTIME, message)
}
