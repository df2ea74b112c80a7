//! `exceptions`: errors and warnings that the project raises itself.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::{Arguments, contract};
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::fail;
use crate::jinja::values::py_str;

/// dbt's `exceptions` namespace.
#[derive(Debug)]
pub struct Exceptions;

impl Object for Exceptions {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
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
        let message = args.first().map(py_str).unwrap_or_default();
        match method {
            "warn" => {
                let context = Context::of(state)?;
                context.host().log(&message, true);
                Ok(Value::from(""))
            }
            "warn_snapshot_timestamp_data_types" => {
                let theirs = args.get(1).map(py_str).unwrap_or_default();
                let warning = format!(
                    "Data type of snapshot table timestamp columns ({message}) doesn't match \
                     derived column 'updated_at' ({theirs}). Please update snapshot config \
                     'updated_at'."
                );
                Context::of(state)?.host().log(&warning, true);
                Ok(Value::from(""))
            }
            "relation_wrong_type" => {
                Err(fail(Code::RAISED, format!("{message} has the wrong type")))
            }
            "raise_contract_error" => {
                let args = Arguments::new(args, &["yaml_columns", "sql_columns"])?;
                let (promised, actual) = (args.get("yaml_columns"), args.get("sql_columns"));
                let message = contract::message(promised.as_ref(), actual.as_ref());
                Err(fail(Code::RAISED, message))
            }
            "column_type_missing" => {
                let args = Arguments::new(args, &["column_names"])?;
                let names = args.required("column_names");
                let message = format!(
                    "Contracted models require data_type to be defined for each column. Please \
                     ensure that the column name and data_type are defined within the YAML \
                     configuration for the {names} column(s)."
                );
                Err(fail(Code::RAISED, message))
            }
            "missing_config" => {
                let name = args.get(1).map(py_str).unwrap_or_default();
                Err(fail(Code::RAISED, format!("The config `{name}` is missing")))
            }
            "ref_invalid_args"
            | "ref_target_not_found"
            | "missing_relation"
            | "raise_compiler_error"
            | "raise_parsing_error"
            | "raise_database_error"
            | "raise_dependency_error"
            | "raise_not_implemented"
            | "raise_fail_fast_error"
            | "raise_invalid_property_yml_version" => Err(fail(Code::RAISED, message)),
            _ => Err(fail(Code::UNDEFINED, format!("exceptions has no method `{method}`"))),
        }
    }
}
