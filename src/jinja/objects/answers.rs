//! What dbt's `adapter` answers without asking the database.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use minijinja::{Error, State, Value};

use super::relation::RelationObject;
use crate::checksum;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
use crate::jinja::values::{Dict, List, py_str};
use crate::relation::quote_identifier;

/// The schema of relations that dbt-duckdb makes for a moment where there are no temporary ones.
const TEMPORARY_SCHEMA: &str = "dbt_temp";

/// Messages of `adapter.warn_once` that were told.
static TOLD: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// Calls one of the methods, with its arguments at their places; `None` where none of them has that
/// name.
pub(super) fn call(
    context: &Context,
    state: &State,
    method: &str,
    args: &[Value],
) -> Result<Option<Value>, Error> {
    let fixed = &context.shared.fixed;
    let text = |at: usize| args.get(at).map(py_str).unwrap_or_default();
    let quoted = |quote| Value::from(if quote { quote_identifier(&text(0)) } else { text(0) });
    Ok(Some(match method {
        "type" => fixed.adapter.into(),
        "quote" => quoted(true),
        "quote_as_configured" => quoted(match text(1).as_str() {
            "database" => fixed.quoting.database,
            "schema" => fixed.quoting.schema,
            _ => fixed.quoting.identifier,
        }),
        "quote_seed_column" => quoted(args.get(1).is_none_or(|v| v.is_none() || v.is_true())),
        "is_ducklake" => {
            let relation = args.first().and_then(RelationObject::of);
            let database = relation.and_then(|relation| relation.database);
            database.is_some_and(|database| fixed.ducklakes.contains(&database)).into()
        }
        "verify_database" => {
            let database = text(0).trim_matches('"').to_owned();
            let own = fixed.target.get_attr("database").map(|own| py_str(&own))?;
            if database.to_lowercase() != own.to_lowercase() {
                let adapter = fixed.adapter;
                let message =
                    format!("Cross-db references not allowed in {adapter} ({database} vs {own})");
                return Err(fail(Code::JINJA_RUNTIME, message));
            }
            "".into()
        }
        "build_catalog_relation" => {
            let config = args.first().map(|node| node.get_attr("config")).transpose()?;
            let config = config.unwrap_or_default();
            let asked = |name: &str| match config.is_undefined() {
                true => None,
                false => config.get_attr(name).ok().filter(Value::is_true),
            };
            match asked("catalog_name").or_else(|| asked("catalog")) {
                Some(name) => return Err(no_catalog(&py_str(&name))),
                None => Value::from(()),
            }
        }
        "get_catalog_integration" => return Err(no_catalog(&text(0))),
        "get_partitions_metadata" if !context.host().execute() => List::value(Vec::new()),
        "get_partitions_metadata" => {
            let message = "`get_partitions_metadata` is not implemented for this adapter!";
            return Err(fail(Code::JINJA_RUNTIME, message));
        }
        "get_temp_relation_path" => {
            let of = |name| args.first().map(|model| model.get_attr(name)).transpose();
            let name = of("identifier")?.map(|name| py_str(&name)).unwrap_or_default();
            // One for each model and invocation.
            let invocation = state.lookup("invocation_id").unwrap_or_default();
            let own = checksum::md5(format!("{}.{name}", py_str(&invocation)));
            let mut identifier = format!("{name}__{}", &own[..12]);
            if args.get(1).is_some_and(Value::is_true) {
                identifier += &format!("__{}", text(1));
            }
            Dict::value([
                (Value::from("database"), of("database")?.unwrap_or_default()),
                (Value::from("schema"), TEMPORARY_SCHEMA.into()),
                (Value::from("identifier"), identifier.into()),
            ])
        }
        "warn_once" => {
            let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
            if told.get_or_insert_default().insert(text(0)) {
                context.host().log(&format!("DuckDB adapter: {}", text(0)), true);
            }
            Value::from(())
        }
        "cache_added" | "cache_dropped" | "cache_renamed" => "".into(),
        "is_motherduck" | "disable_transactions" => false.into(),
        "store_relation" => {
            return Err(carry(Box::new(
                Diagnostic::error(
                    Code::JINJA_RUNTIME,
                    "adapter.store_relation hands a relation to a plugin of dbt-duckdb's, which is \
                     Python code: Pintail runs none",
                )
                .help("Write a file with the materialization `external`, or attach the database."),
            )));
        }
        _ => return Ok(None),
    }))
}

fn no_catalog(name: &str) -> Error {
    carry(Box::new(
        Diagnostic::error(Code::JINJA_RUNTIME, format!("Catalog not found. Received: {name}"))
            .note("Neither DuckDB nor PostgreSQL writes tables to a catalog.")
            .help("Take `catalog_name` out of the configuration."),
    ))
}
