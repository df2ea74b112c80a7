//! The parameters of the methods of dbt's adapter: what is given by name comes to its place.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};

use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::jinja::error::carry;
use crate::jinja::values::split_kwargs;

/// The names of a method's parameters, in their order; `None` of a method that reads its own
/// arguments.
fn names(method: &str) -> Option<&'static [&'static str]> {
    Some(match method {
        "add_query" => &["sql", "auto_begin", "bindings", "abridge_sql_log"],
        "assert_valid_snapshot_target_given_strategy" => &["relation", "column_names", "strategy"],
        "build_catalog_relation" | "get_hard_deletes_behavior" => &["config"],
        "cache_added" | "cache_dropped" | "create_schema" | "drop_relation" | "drop_schema"
        | "is_ducklake" | "truncate_relation" => &["relation"],
        "cache_renamed"
        | "expand_target_column_types"
        | "get_missing_columns"
        | "rename_relation" => &["from_relation", "to_relation"],
        "convert_datetimes_to_strs" => &["table"],
        "get_catalog_integration" => &["name"],
        "get_incremental_strategy_macro" => &["model_context", "strategy"],
        "get_partitions_metadata" => &["table"],
        "get_seed_file_path" => &["model"],
        "get_temp_relation_path" => &["model", "batch_id"],
        "parse_index" => &["raw_index"],
        "quote" => &["identifier"],
        "quote_as_configured" => &["identifier", "quote_key"],
        "quote_seed_column" => &["column", "quote_config"],
        "render_raw_columns_constraints" => &["raw_columns"],
        "render_raw_model_constraints" => &["raw_constraints"],
        "run_sql_for_tests" => &["sql", "fetch", "conn"],
        "valid_snapshot_target" => &["relation", "column_names"],
        "verify_database" => &["database"],
        "warn_once" => &["msg"],
        _ => return None,
    })
}

/// The arguments of a call of `adapter.<method>`, each at its place; what is left out before one that
/// is given is none.
///
/// # Errors
/// For an argument that the method does not have.
pub(super) fn placed(method: &str, args: &[Value]) -> Result<Vec<Value>, Error> {
    let (positional, kwargs) = split_kwargs(args);
    let (Some(names), Some(kwargs)) = (names(method), kwargs) else {
        return Ok(args.to_vec());
    };
    let kwargs = Kwargs::try_from(kwargs.clone())?;
    let mut out = positional.to_vec();
    for name in kwargs.args() {
        let Some(at) = names.iter().position(|known| *known == name) else {
            let message = format!("`adapter.{method}` has no argument `{name}`");
            let mut error = Diagnostic::error(Code::JINJA_RUNTIME, message);
            if let Some(help) = did_you_mean(name, names.iter().copied()) {
                error = error.help(help);
            }
            return Err(carry(Box::new(
                error.help(format!("Its arguments: {}.", names.join(", "))),
            )));
        };
        if out.len() <= at {
            out.resize(at + 1, Value::from(()));
        }
        out[at] = kwargs.get(name)?;
    }
    Ok(out)
}
