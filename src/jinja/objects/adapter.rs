//! dbt's `adapter`: dispatch, and what needs the database.
//!
//! While parsing (`execute` is false) nothing reaches a database: relations are none, lists empty.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::bound::BoundMethod;
use super::column::ColumnObject;
use super::lookups::{self, relation_value};
use super::parameters::placed;
use super::relation::RelationObject;
use super::response::ResponseObject;
use super::runtime::{BehaviorObject, RuntimeObject};
use super::{Arguments, Forgiving, IndexObject, answers, api, external, seeding};
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
use crate::jinja::host::{Adapter, Statement};
use crate::jinja::macros::{MacroObject, call_macro};
use crate::jinja::registry::BUILT_IN;
use crate::jinja::values::{List, Table, py_str};

/// The `adapter` of a template.
#[derive(Debug)]
pub struct AdapterObject {
    /// `duckdb` or `postgres`.
    pub adapter: &'static str,
    /// dbt's runtime configuration.
    pub config: Value,
}

impl Object for AdapterObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let config = &self.config;
        match key.as_str()? {
            "config" => Some(Value::from_object(RuntimeObject(config.clone()))),
            "behavior" => Some(Value::from_object(BehaviorObject {
                adapter: self.adapter,
                flags: config.get_attr("flags").unwrap_or_default(),
            })),
            "Relation" => api().get_attr("Relation").ok(),
            method => BoundMethod::of(Value::from_dyn_object(self.clone()), method),
        }
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
        let context = Context::of(state)?;
        let args = &placed(method, args)?[..];
        if let Some(value) = answers::call(&context, state, method, args)? {
            return Ok(value);
        }
        match method {
            "dispatch" => dispatch(&context, args),
            "commit" => {
                if context.host().execute()
                    && let Some(database) = context.host().adapter()
                {
                    database.commit().map_err(carry)?;
                }
                Ok(Value::from(""))
            }
            "get_incremental_strategy_macro" => strategy_macro(&context, args),
            "parse_index" => {
                let index = args.first().cloned().unwrap_or_default();
                call_by_name(&context, state, "validate_index_config", args)?;
                Ok(Value::from_object(IndexObject(index)))
            }
            _ if external::METHODS.contains(&method) => external::call(&context, method, args),
            _ if seeding::METHODS.contains(&method) => seeding::call(&context, method, args),
            "drop_relation" | "rename_relation" | "truncate_relation" | "create_schema"
            | "drop_schema" => statement(&context, state, method, args),
            _ if macro_behind(method).is_some() => {
                let (name, number) = macro_behind(method).unwrap_or_default();
                call_by_name(&context, state, name, &args[..args.len().min(number)])
            }
            "expand_target_column_types" => expand_column_types(&context, state, args),
            // A project may have its own macro for what dbt's adapter asks.
            "get_columns_in_relation" | "list_relations_without_caching"
                if context.host().execute() && overrides(&context, method) =>
            {
                match context.registry().find(method, &context.package) {
                    Some(found) => call_macro(found, state.env(), &context, args),
                    None => Ok(Value::from(())),
                }
            }
            _ => {
                match with_database(&context, context.database()?, method, args) {
                    // A run will tell.
                    Err(_) if !context.host().execute() => Ok(Value::from_object(Forgiving)),
                    other => other,
                }
            }
        }
    }
}

/// The macro of ours that does what a method of dbt's adapter does, and how many of its arguments the
/// macro takes.
fn macro_behind(method: &str) -> Option<(&'static str, usize)> {
    Some(match method {
        "assert_valid_snapshot_target_given_strategy" => ("snapshot_assert_target", 3),
        "valid_snapshot_target" => ("snapshot_assert_target", 2),
        "get_hard_deletes_behavior" => ("snapshot_hard_deletes", 1),
        "render_raw_columns_constraints" => ("columns_with_constraints", 1),
        "render_raw_model_constraints" => ("constraints_of_model", 1),
        _ => return None,
    })
}

/// Whether the project or a package has a macro of its own in place of a built-in one.
fn overrides(context: &Context, name: &str) -> bool {
    let adapter = context.shared.fixed.adapter;
    let registry = context.registry();
    registry.has_own(name)
        || registry
            .dispatch(name, Some("dbt"), adapter, "")
            .is_ok_and(|found| &*found.package != BUILT_IN)
}

fn is_generic_test(context: &Context) -> bool {
    context.host().model().get_attr("test_metadata").is_ok_and(|metadata| metadata.is_true())
}

fn dispatch(context: &Context, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["macro_name", "macro_namespace", "packages"])?;
    let name = args.required("macro_name");
    if name.contains('.') {
        let message = format!(
            "In adapter.dispatch, got a macro name of \"{name}\", but \".\" is not a valid macro \
             name component"
        );
        let (package, plain) = name.split_once('.').unwrap_or_default();
        return Err(carry(Box::new(Diagnostic::error(Code::JINJA_RUNTIME, message).help(
            format!("Did you mean `adapter.dispatch(\"{plain}\", macro_namespace=\"{package}\")`?"),
        ))));
    }
    let namespace = args.text("macro_namespace");
    let registry = context.registry();
    let adapter = context.shared.fixed.adapter;
    let found = registry.dispatch(&name, namespace.as_deref(), adapter, context.host().package());
    // A generic test knows the macros that its own may call, of whatever package they are.
    let within = namespace.as_deref().filter(|namespace| registry.is_namespace(namespace));
    let found = match (found, within) {
        (Err(_), None) if is_generic_test(context) => {
            registry.dispatch(&name, None, adapter, &context.package)
        }
        (found, _) => found,
    };
    match found {
        Ok(found) => Ok(Value::from_object(MacroObject(found.clone()))),
        Err(tried) => {
            let mut error = Diagnostic::error(
                Code::UNDEFINED,
                format!(
                    "In dispatch: No macro named '{name}' found within namespace: '{}'",
                    namespace.as_deref().unwrap_or("None")
                ),
            )
            .note(format!("Searched for {}", tried.join(", ")));
            if let Some(help) = did_you_mean(&format!("default__{name}"), registry.names()) {
                error = error.help(help);
            }
            Err(carry(Box::new(
                error.help(format!("Define a macro `{adapter}__{name}` or `default__{name}`.")),
            )))
        }
    }
}

fn with_database(
    context: &Context,
    database: Option<Arc<dyn Adapter>>,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match method {
        "execute" => {
            let args = Arguments::new(args, &["sql", "auto_begin", "fetch", "limit"])?;
            let limit = args.get("limit").and_then(|limit| limit.as_usize());
            let Some(database) = database else {
                return Ok(List::value(vec![Value::from(""), Table::empty()]));
            };
            let how = Statement {
                fetch: args.flag("fetch", false),
                auto_begin: args.flag("auto_begin", false),
            };
            let mut done = database.run(&args.required("sql"), how).map_err(carry)?;
            done.rows.rows.truncate(limit.unwrap_or(usize::MAX));
            let response = Value::from_object(ResponseObject(done.response));
            Ok(List::value(vec![response, Table::value(&done.rows)]))
        }
        _ => match lookups::call(context, database, method, args)? {
            Some(value) => Ok(value),
            None => Err(fail(Code::UNDEFINED, format!("adapter has no method `{method}`"))),
        },
    }
}

/// What is plain SQL is a macro, so that a project can override it.
fn statement(
    context: &Arc<Context>,
    state: &State,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if !context.host().execute() {
        return Ok(Value::from(()));
    }
    let mut args = args.to_vec();
    if method == "drop_relation"
        && let Some(relation) = args.first().and_then(RelationObject::of)
        && relation.kind.is_none()
    {
        let Some(database) = context.host().adapter() else { return Ok(Value::from(())) };
        match database.get_relation(&relation).map_err(carry)? {
            Some(found) => args[0] = relation_value(Some(found)),
            None => return Ok(Value::from(())),
        }
    }
    call_by_name(context, state, method, &args)?;
    if method.ends_with("_schema")
        && let Some(database) = context.host().adapter()
    {
        database.commit().map_err(carry)?;
    }
    Ok(Value::from(()))
}

/// Calls a macro that is always there.
pub(super) fn call_by_name(
    context: &Arc<Context>,
    state: &State,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match context.registry().find(name, context.host().package()) {
        Some(found) => call_macro(found, state.env(), context, args),
        None => Err(fail(Code::UNDEFINED, format!("There is no macro `{name}`"))),
    }
}

/// Text columns of a table that are too short for what a query gives are made longer.
fn expand_column_types(
    context: &Arc<Context>,
    state: &State,
    args: &[Value],
) -> Result<Value, Error> {
    let done = Ok(Value::from(()));
    let args = Arguments::new(args, &["from_relation", "to_relation"])?;
    let of = |name| args.get(name).as_ref().and_then(RelationObject::of);
    let (Some(from), Some(to)) = (of("from_relation"), of("to_relation")) else { return done };
    // The sizes of DuckDB's texts mean nothing.
    if !context.host().execute() || context.shared.fixed.adapter != "postgres" {
        return done;
    }
    let Some(database) = context.host().adapter() else { return done };
    let wanted = database.columns(&from).map_err(carry)?;
    let present = database.columns(&to).map_err(carry)?;
    for column in present {
        let Some(new) = wanted.iter().find(|new| new.name == column.name) else { continue };
        let (old, new) = (
            ColumnObject::new(column.clone(), "postgres"),
            ColumnObject::new(new.clone(), "postgres"),
        );
        if old.can_expand_to(&new) {
            let size = new.string_size();
            let new_type = format!("character varying({size})");
            let args = [relation_value(Some(to.clone())), column.name.into(), new_type.into()];
            call_by_name(context, state, "alter_column_type", &args)?;
        }
    }
    done
}

/// The macro that writes the SQL of an incremental strategy: `get_incremental_<name>_sql`.
fn strategy_macro(context: &Context, args: &[Value]) -> Result<Value, Error> {
    let strategy = args
        .get(1)
        .filter(|name| !name.is_none())
        .map(py_str)
        .unwrap_or_else(|| "default".to_owned());
    match context.registry().find(&strategy_macro_name(&strategy), context.host().package()) {
        Some(found) if strategy != "insert_overwrite" || &*found.package != BUILT_IN => {
            Ok(Value::from_object(MacroObject(found.clone())))
        }
        _ => Err(carry(Box::new(unknown_strategy(&strategy)))),
    }
}

/// The error for an incremental strategy that nobody defines.
pub fn unknown_strategy(strategy: &str) -> Diagnostic {
    let name = strategy_macro_name(strategy);
    let known = ["append", "delete+insert", "merge", "microbatch"];
    let mut error =
        Diagnostic::error(Code::BAD_CONFIG, format!("`{strategy}` is not an incremental strategy"))
            .note(format!(
                "dbt could not find an incremental strategy macro with the name \"{name}\""
            ));
    if let Some(help) = did_you_mean(strategy, known) {
        error = error.help(help);
    }
    error.help(format!("Known: {}. Or define a macro `{name}`.", known.join(", ")))
}

/// `delete+insert` → `get_incremental_delete_insert_sql`
pub fn strategy_macro_name(strategy: &str) -> String {
    format!("get_incremental_{}_sql", strategy.replace('+', "_"))
}
