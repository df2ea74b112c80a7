//! dbt's `adapter`: dispatch, and what needs the database.
//!
//! While parsing (`execute` is false) nothing reaches a database: relations are none, lists empty.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, State, Value};

use super::Arguments;
use super::relation::{ColumnObject, RelationObject};
use super::response::ResponseObject;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
use crate::jinja::host::{Adapter, Statement};
use crate::jinja::macros::{MacroObject, call_macro};
use crate::jinja::registry::BUILT_IN;
use crate::jinja::values::{List, Table, py_str};
use crate::relation::{Relation, quote_identifier};

/// The `adapter` of a template.
#[derive(Debug)]
pub struct AdapterObject;

impl Object for AdapterObject {
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
        let context = Context::of(state)?;
        match method {
            "dispatch" => dispatch(&context, args),
            "type" => Ok(context.shared.fixed.adapter.into()),
            "quote" => {
                let name = args.first().map(py_str).unwrap_or_default();
                Ok(quote_identifier(&name).into())
            }
            "quote_as_configured" | "quote_seed_column" => {
                let name = args.first().map(py_str).unwrap_or_default();
                let quote = args.get(1).is_none_or(|v| v.is_none() || v.is_true());
                Ok(if quote { quote_identifier(&name).into() } else { name.into() })
            }
            "commit" => {
                if context.host().execute()
                    && let Some(database) = context.host().adapter()
                {
                    database.commit().map_err(carry)?;
                }
                Ok(Value::from(""))
            }
            "get_incremental_strategy_macro" => strategy_macro(&context, args),
            "cache_added"
            | "cache_dropped"
            | "cache_renamed"
            | "cache_new"
            | "verify_database"
            | "is_motherduck"
            | "disable_transactions"
            | "is_ducklake"
            | "use_database"
            | "store_relation"
            | "warn_once"
            | "pre_model_hook"
            | "post_model_hook" => Ok(false.into()),
            "location_exists" => Ok(false.into()),
            "drop_relation" | "rename_relation" | "truncate_relation" | "create_schema"
            | "drop_schema" => statement(&context, state, method, args),
            "expand_target_column_types" => expand_column_types(&context, state, args),
            _ => {
                let database =
                    if context.host().execute() { context.host().adapter() } else { None };
                with_database(database, method, args)
            }
        }
    }
}

fn dispatch(context: &Context, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["macro_name", "macro_namespace", "packages"])?;
    let name = args.required("macro_name");
    if name.contains('.') {
        let message = format!("adapter.dispatch takes a plain name, but got `{name}`");
        return Err(carry(Box::new(Diagnostic::error(Code::JINJA_RUNTIME, message).help(
            "Name the package as the second argument: adapter.dispatch('name', 'package').",
        ))));
    }
    let namespace = args.text("macro_namespace");
    let registry = context.registry();
    let adapter = context.shared.fixed.adapter;
    match registry.dispatch(&name, namespace.as_deref(), adapter, &context.package) {
        Ok(found) => Ok(Value::from_object(MacroObject(found.clone()))),
        Err(tried) => {
            let mut error = Diagnostic::error(
                Code::UNDEFINED,
                format!("adapter.dispatch found no macro for `{name}` on {adapter}"),
            )
            .note(format!("Looked for {}", tried.join(", ")));
            if let Some(help) = did_you_mean(&format!("default__{name}"), registry.names()) {
                error = error.help(help);
            }
            Err(carry(Box::new(
                error.help(format!("Define a macro `{adapter}__{name}` or `default__{name}`.")),
            )))
        }
    }
}

fn relation_value(relation: Option<Relation>) -> Value {
    relation.map_or(Value::from(()), |r| Value::from_object(RelationObject::new(r)))
}

fn with_database(
    database: Option<Arc<dyn Adapter>>,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let empty = || List::value(Vec::new());
    match method {
        "get_relation" | "load_relation" => {
            let wanted = match args.first().and_then(RelationObject::of) {
                Some(relation) => relation,
                None => {
                    let args = Arguments::new(args, &["database", "schema", "identifier"])?;
                    Relation {
                        database: args.text("database"),
                        schema: args.text("schema"),
                        identifier: args.required("identifier"),
                        ..Relation::default()
                    }
                }
            };
            let Some(database) = database else { return Ok(Value::from(())) };
            Ok(relation_value(database.get_relation(&wanted).map_err(carry)?))
        }
        "already_exists" => {
            let args = Arguments::new(args, &["schema", "table"])?;
            let Some(database) = database else { return Ok(false.into()) };
            let all = database.list_relations(None, &args.required("schema")).map_err(carry)?;
            Ok(all.iter().any(|r| r.identifier == args.required("table")).into())
        }
        "list_relations" | "list_relations_without_caching" => {
            let (place, schema) = match args.first().and_then(RelationObject::of) {
                Some(relation) => (relation.database, relation.schema.unwrap_or_default()),
                None => {
                    let args = Arguments::new(args, &["database", "schema"])?;
                    (args.text("database"), args.required("schema"))
                }
            };
            let Some(database) = database else { return Ok(empty()) };
            let all = database.list_relations(place.as_deref(), &schema).map_err(carry)?;
            Ok(List::value(all.into_iter().map(|r| relation_value(Some(r))).collect()))
        }
        "get_column_schema_from_query" => {
            let Some(database) = database else { return Ok(empty()) };
            let sql = Arguments::new(args, &["sql"])?.required("sql");
            Ok(columns(database.execute(&sql).map_err(carry)?.0.columns))
        }
        "get_columns_in_relation" => {
            let Some(database) = database else { return Ok(empty()) };
            // Of a query: what it would give, were it run.
            if let Some(sql) = args.first().and_then(Value::as_str) {
                return Ok(columns(database.execute(sql).map_err(carry)?.0.columns));
            }
            let Some(relation) = args.first().and_then(RelationObject::of) else {
                return Err(fail(Code::JINJA_RUNTIME, format!("{method} takes a relation")));
            };
            Ok(columns(database.columns(&relation).map_err(carry)?))
        }
        "get_missing_columns" => {
            let Some(database) = database else { return Ok(empty()) };
            let of = |at: usize| args.get(at).and_then(RelationObject::of);
            let (Some(from), Some(to)) = (of(0), of(1)) else { return Ok(empty()) };
            let known = database.columns(&to).map_err(carry)?;
            let mut missing = database.columns(&from).map_err(carry)?;
            missing.retain(|column| !known.iter().any(|k| k.name == column.name));
            Ok(columns(missing))
        }
        "check_schema_exists" => {
            let args = Arguments::new(args, &["database", "schema"])?;
            let Some(database) = database else { return Ok(false.into()) };
            let sql = format!(
                "select 1 from information_schema.schemata where schema_name = {}",
                crate::relation::quote_literal(&args.required("schema"))
            );
            let (rows, _) = database.execute(&sql).map_err(carry)?;
            Ok((!rows.rows.is_empty()).into())
        }
        "execute" => {
            let args = Arguments::new(args, &["sql", "auto_begin", "fetch", "limit"])?;
            let Some(database) = database else {
                return Ok(List::value(vec![Value::from(""), Table::empty()]));
            };
            let how = Statement {
                fetch: args.flag("fetch", false),
                auto_begin: args.flag("auto_begin", false),
            };
            let done = database.run(&args.required("sql"), how).map_err(carry)?;
            let response = Value::from_object(ResponseObject(done.response));
            Ok(List::value(vec![response, Table::value(&done.rows)]))
        }
        _ => Err(fail(Code::UNDEFINED, format!("adapter has no method `{method}`"))),
    }
}

fn columns(columns: Vec<crate::relation::Column>) -> Value {
    List::value(columns.into_iter().map(|c| Value::from_object(ColumnObject(c))).collect())
}

/// What is plain SQL is a macro, so that a project can override it.
fn statement(
    context: &Arc<Context>,
    state: &State,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if !context.host().execute() {
        return Ok(Value::from(""));
    }
    let mut args = args.to_vec();
    if method == "drop_relation"
        && let Some(relation) = args.first().and_then(RelationObject::of)
        && relation.kind.is_none()
    {
        let Some(database) = context.host().adapter() else { return Ok(Value::from("")) };
        match database.get_relation(&relation).map_err(carry)? {
            Some(found) => args[0] = relation_value(Some(found)),
            None => return Ok(Value::from("")),
        }
    }
    call_by_name(context, state, method, &args)?;
    if method.ends_with("_schema")
        && let Some(database) = context.host().adapter()
    {
        database.commit().map_err(carry)?;
    }
    Ok(Value::from(""))
}

/// Calls a macro that is always there.
fn call_by_name(
    context: &Arc<Context>,
    state: &State,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    match context.registry().find(name, &context.package) {
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
    let done = Ok(Value::from(""));
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
        let (old, new) = (ColumnObject(column.clone()), ColumnObject(new.clone()));
        if old.can_expand_to(&new) {
            let size = new.size().unwrap_or(256);
            let new_type = format!("character varying({size})");
            let args = [relation_value(Some(to.clone())), column.name.into(), new_type.into()];
            call_by_name(context, state, "alter_column_type", &args)?;
        }
    }
    done
}

/// The macro that writes the SQL of an incremental strategy: `get_incremental_<name>_sql`.
fn strategy_macro(context: &Context, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["context", "strategy"])?;
    let strategy = args.text("strategy").unwrap_or_else(|| "default".to_owned());
    match context.registry().find(&strategy_macro_name(&strategy), &context.package) {
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
