//! `exceptions`: errors and warnings that the project raises itself.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::{Arguments, contract};
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
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
                if context.shared.fixed.refuses_warnings && context.host().execute() {
                    return Err(carry(Box::new(
                        Diagnostic::error(Code::JINJA_RUNTIME, message).help(
                            "It is a warning, but --warn-error or --warn-error-options makes it \
                             an error.",
                        ),
                    )));
                }
                context.host().warn(&message);
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
                let args = Arguments::new(args, &["relation", "expected_type", "model"])?;
                let kind = args
                    .get("relation")
                    .and_then(|relation| relation.get_attr("type").ok())
                    .map_or_else(|| "relation".to_owned(), |kind| py_str(&kind));
                let expected = args.required("expected_type");
                let message = format!(
                    "Trying to create {expected} {message}, but it currently exists as a {kind}. \
                     Either drop {message} manually, or run dbt with `--full-refresh` and dbt \
                     will drop it for you."
                );
                Err(fail(Code::RAISED, message))
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
                let args = Arguments::new(args, &["model", "name"])?;
                let model = args.get("model").and_then(|model| model.get_attr("unique_id").ok());
                let model = model.map(|id| py_str(&id)).unwrap_or_default();
                let name = args.required("name");
                let message = format!(
                    "Model '{model}' does not define a required config parameter '{name}'."
                );
                Err(fail(Code::RAISED, message))
            }
            "missing_materialization" => {
                let args = Arguments::new(args, &["model", "adapter_type"])?;
                let config = args.get("model").and_then(|model| model.get_attr("config").ok());
                let name = config.and_then(|config| config.get_attr("materialized").ok());
                let name = name.map(|name| py_str(&name)).unwrap_or_default();
                let adapter = args.required("adapter_type");
                let message = format!(
                    "No materialization '{name}' was found for adapter {adapter}! \
                     (searched types 'default' and '{adapter}')"
                );
                Err(fail(Code::RAISED, message))
            }
            "missing_relation" => Err(fail(Code::RAISED, format!("Relation {message} not found!"))),
            "ref_invalid_args"
            | "ref_target_not_found"
            | "raise_compiler_error"
            | "raise_parsing_error"
            | "raise_database_error"
            | "raise_dependency_error"
            | "raise_not_implemented"
            | "raise_fail_fast_error"
            | "raise_cache_inconsistent"
            | "raise_dep_not_found"
            | "raise_duplicate_patch_name"
            | "raise_duplicate_resource_name"
            | "raise_ambiguous_alias"
            | "raise_ambiguous_catalog_match"
            | "raise_dataclass_not_dict"
            | "raise_invalid_property_yml_version" => Err(fail(Code::RAISED, message)),
            _ => Err(fail(Code::UNDEFINED, format!("exceptions has no method `{method}`"))),
        }
    }
}
