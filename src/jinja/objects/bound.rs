//! Methods of `adapter` that a template asks for without calling them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, State, Value};

/// What dbt's adapters let templates call, and what `adapter` itself has.
const METHODS: &[&str] = &[
    "add_query",
    "already_exists",
    "assert_valid_snapshot_target_given_strategy",
    "build_catalog_relation",
    "cache_added",
    "cache_dropped",
    "cache_renamed",
    "check_schema_exists",
    "commit",
    "convert_type",
    "create_schema",
    "dispatch",
    "drop_relation",
    "drop_schema",
    "execute",
    "expand_target_column_types",
    "get_catalog_integration",
    "get_column_schema_from_query",
    "get_columns_in_relation",
    "get_columns_in_table",
    "get_hard_deletes_behavior",
    "get_incremental_strategy_macro",
    "get_missing_columns",
    "get_partitions_metadata",
    "get_relation",
    "parse_index",
    "quote",
    "quote_as_configured",
    "quote_seed_column",
    "rename_relation",
    "render_raw_columns_constraints",
    "render_raw_model_constraints",
    "run_sql_for_tests",
    "standardize_grants_dict",
    "truncate_relation",
    "type",
    "valid_incremental_strategies",
    "valid_snapshot_target",
];

/// A method with the object that it belongs to.
#[derive(Debug)]
pub(super) struct BoundMethod {
    object: Value,
    name: &'static str,
}

impl BoundMethod {
    /// The method of that name, if there is one.
    pub(super) fn of(object: Value, name: &str) -> Option<Value> {
        let name = METHODS.iter().find(|known| **known == name)?;
        Some(Value::from_object(BoundMethod { object, name }))
    }
}

impl Object for BoundMethod {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        self.object.call_method(state, self.name, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<bound method {}>", self.name)
    }
}
