//! What `adapter` tells of the database: relations, columns, schemas, grants. Nothing here changes
//! anything there. While parsing there is no database: relations are none, lists empty.

use std::sync::Arc;

use minijinja::{Error, Value};

use super::Arguments;
use super::column::ColumnObject;
use super::relation::RelationObject;
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::{carry, fail};
use crate::jinja::host::Adapter;
use crate::jinja::values::{Dict, List};
use crate::relation::{Column, Relation, quote_literal};

/// A relation as a value; none where there is none.
pub(super) fn relation_value(relation: Option<Relation>) -> Value {
    relation.map_or(Value::from(()), |r| Value::from_object(RelationObject::new(r)))
}

/// Calls one of the methods; `None` where none of them has that name.
pub(super) fn call(
    context: &Context,
    database: Option<Arc<dyn Adapter>>,
    method: &str,
    args: &[Value],
) -> Result<Option<Value>, Error> {
    let adapter = context.shared.fixed.adapter;
    let columns = |columns: Vec<Column>| {
        let objects = columns
            .into_iter()
            .map(|c| Value::from_object(ColumnObject::new(c, adapter).described()));
        List::value(objects.collect())
    };
    let empty = || List::value(Vec::new());
    Ok(Some(match method {
        "get_relation" | "load_relation" | "load_cached_relation" => {
            let wanted = match args.first().and_then(RelationObject::of) {
                Some(relation) => relation,
                None => named_relation(args)?,
            };
            let Some(database) = database else { return Ok(Some(Value::from(()))) };
            relation_value(database.get_relation(&wanted).map_err(carry)?)
        }
        "already_exists" => {
            let args = Arguments::new(args, &["schema", "name"])?;
            let Some(database) = database else { return Ok(Some(false.into())) };
            let all = database.list_relations(None, &args.required("schema")).map_err(carry)?;
            all.iter().any(|r| r.identifier == args.required("name")).into()
        }
        "list_relations" | "list_relations_without_caching" => {
            let (place, schema) = match relation_argument(args, "schema_relation")? {
                Some(relation) => (relation.database, relation.schema.unwrap_or_default()),
                None => {
                    let args = Arguments::new(args, &["database", "schema"])?;
                    (args.text("database"), args.required("schema"))
                }
            };
            let Some(database) = database else { return Ok(Some(empty())) };
            let all = database.list_relations(place.as_deref(), &schema).map_err(carry)?;
            List::value(all.into_iter().map(|r| relation_value(Some(r))).collect())
        }
        "get_columns_in_relation" => {
            let Some(database) = database else { return Ok(Some(empty())) };
            // Of a query: what it would give, were it run.
            if let Some(sql) = args.first().and_then(Value::as_str) {
                return Ok(Some(columns(database.execute(sql).map_err(carry)?.0.columns)));
            }
            let Some(relation) = relation_argument(args, "relation")? else {
                return Err(fail(Code::JINJA_RUNTIME, format!("{method} takes a relation")));
            };
            columns(database.columns(&relation).map_err(carry)?)
        }
        "get_columns_in_table" => {
            let args = Arguments::new(args, &["schema", "identifier"])?;
            let Some(database) = database else { return Ok(Some(empty())) };
            let relation = Relation {
                schema: args.text("schema"),
                identifier: args.required("identifier"),
                ..Relation::default()
            };
            columns(database.columns(&relation).map_err(carry)?)
        }
        "get_column_schema_from_query" => {
            let Some(database) = database else { return Ok(Some(empty())) };
            let sql = Arguments::new(args, &["sql"])?.required("sql");
            let described = database.execute(&sql).map_err(carry)?.0.columns;
            let objects = described
                .into_iter()
                .flat_map(|column| ColumnObject::new(column, adapter).flatten());
            List::value(objects.map(Value::from_object).collect())
        }
        "get_missing_columns" => {
            let args = Arguments::new(args, &["from_relation", "to_relation"])?;
            let of = |name| args.get(name).as_ref().and_then(RelationObject::of);
            let (Some(database), Some(from), Some(to)) =
                (database, of("from_relation"), of("to_relation"))
            else {
                return Ok(Some(empty()));
            };
            let known = database.columns(&to).map_err(carry)?;
            let mut missing = database.columns(&from).map_err(carry)?;
            missing.retain(|column| !known.iter().any(|k| k.name == column.name));
            columns(missing)
        }
        "check_schema_exists" => {
            let args = Arguments::new(args, &["database", "schema"])?;
            let Some(database) = database else { return Ok(Some(false.into())) };
            let mut sql = format!(
                "select 1 from information_schema.schemata where lower(schema_name) = lower({})",
                quote_literal(&args.required("schema"))
            );
            if let Some(catalog) = args.text("database") {
                sql += &format!(" and lower(catalog_name) = lower({})", quote_literal(&catalog));
            }
            let (rows, _) = database.execute(&sql).map_err(carry)?;
            (!rows.rows.is_empty()).into()
        }
        "standardize_grants_dict" => {
            let args = Arguments::new(args, &["grants_table"])?;
            grants(&args.get("grants_table").unwrap_or_default())?
        }
        "valid_incremental_strategies" => {
            let names = ["append", "delete+insert", "merge", "microbatch"];
            List::value(names.into_iter().map(Value::from).collect())
        }
        _ => return Ok(None),
    }))
}

fn named_relation(args: &[Value]) -> Result<Relation, Error> {
    let args = Arguments::new(args, &["database", "schema", "identifier"])?;
    let missing = |name: &&&str| args.given(name).is_none();
    let missing: Vec<_> = ["database", "schema", "identifier"].iter().filter(missing).collect();
    if !missing.is_empty() {
        let names = missing.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
        let message = format!("get_relation() lacks arguments: {names}");
        return Err(fail(Code::JINJA_RUNTIME, message));
    }
    Ok(Relation {
        database: args.text("database"),
        schema: args.text("schema"),
        identifier: args.required("identifier"),
        ..Relation::default()
    })
}

fn relation_argument(args: &[Value], name: &'static str) -> Result<Option<Relation>, Error> {
    let first = match args.first() {
        Some(first) if !first.is_kwargs() => Some(first.clone()),
        _ => Arguments::new(args, &[])?.get(name),
    };
    Ok(first.as_ref().and_then(RelationObject::of))
}

/// The rows of `get_show_grant_sql` as the `grants` config has them: privilege → grantees.
fn grants(table: &Value) -> Result<Value, Error> {
    let mut found: Vec<(Value, Vec<Value>)> = Vec::new();
    for row in table.get_attr("rows")?.try_iter()? {
        let (privilege, grantee) = (row.get_attr("privilege_type")?, row.get_attr("grantee")?);
        match found.iter_mut().find(|(known, _)| *known == privilege) {
            Some((_, grantees)) => grantees.push(grantee),
            None => found.push((privilege, vec![grantee])),
        }
    }
    Ok(Dict::value(found.into_iter().map(|(privilege, all)| (privilege, List::value(all)))))
}
