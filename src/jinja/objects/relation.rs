//! dbt's `Relation`, and the `api` namespace, which makes relations and columns.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::Arguments;
use super::column::ColumnFactory;
use super::parts::Parts;
use crate::diagnostic::Code;
use crate::jinja::context::Context;
use crate::jinja::error::fail;
use crate::jinja::values::{Dict, List, py_str};
use crate::relation::{Quoting, Relation, RelationKind, name_in_sql, quote_identifier};

/// A relation as templates see it; prints as SQL.
#[derive(Debug, Clone)]
pub struct RelationObject {
    pub relation: Relation,
    include: [bool; 3],
}

impl RelationObject {
    /// A relation with all parts shown.
    pub fn new(relation: Relation) -> Self {
        RelationObject { relation, include: [true; 3] }
    }

    /// The relation that a value is.
    pub fn of(value: &Value) -> Option<Relation> {
        value.downcast_object_ref::<RelationObject>().map(|object| object.relation.clone())
    }

    fn sql(&self) -> String {
        let relation = &self.relation;
        if let Some(text) = &relation.verbatim {
            return text.clone();
        }
        let parts = [
            relation.database.as_deref(),
            relation.schema.as_deref(),
            Some(relation.identifier.as_str()).filter(|name| !name.is_empty()),
        ];
        let quoting = relation.quoting;
        let quoting = [quoting.database, quoting.schema, quoting.identifier];
        let mut shown = String::new();
        for ((part, include), quote) in parts.into_iter().zip(self.include).zip(quoting) {
            let Some(part) = part.filter(|_| include) else { continue };
            if !shown.is_empty() {
                shown.push('.');
            }
            shown.push_str(&name_in_sql(part, quote));
        }
        shown
    }

    /// As it stands in SQL: with the rows that are let through.
    fn filtered(&self) -> String {
        match &self.relation.rows {
            Some(rows) => rows.around(self.sql(), &self.relation.identifier),
            None => self.sql(),
        }
    }

    fn set_path(
        &mut self,
        database: Option<Option<String>>,
        schema: Option<Option<String>>,
        identifier: Option<Option<String>>,
    ) {
        if let Some(database) = database {
            self.relation.database = database;
        }
        if let Some(schema) = schema {
            self.relation.schema = schema;
        }
        if let Some(identifier) = identifier {
            self.relation.identifier = identifier.unwrap_or_default();
            self.relation.verbatim = None;
        }
    }

    fn with(&self, change: impl FnOnce(&mut RelationObject)) -> Value {
        let mut other = self.clone();
        change(&mut other);
        Value::from_object(other)
    }
}

fn kind_of(name: &str) -> Option<RelationKind> {
    Some(match name {
        "table" => RelationKind::Table,
        "view" => RelationKind::View,
        "materialized_view" => RelationKind::MaterializedView,
        "cte" => RelationKind::Cte,
        "external" => RelationKind::External,
        "function" => RelationKind::Function,
        _ => return None,
    })
}

/// Yes or no for each part of a name: what is not said stays.
fn three(args: &[Value], own: [bool; 3]) -> Result<[bool; 3], Error> {
    let args = Arguments::new(args, &["database", "schema", "identifier"])?;
    let [database, schema, identifier] = own;
    let parts = [("database", database), ("schema", schema), ("identifier", identifier)];
    Ok(parts.map(|(part, own)| args.flag(part, own)))
}

/// A policy given as a mapping: `{'database': false}`.
fn policy(value: Option<Value>, own: [bool; 3]) -> [bool; 3] {
    let part = |name: &str, own: bool| {
        let given = value.as_ref().and_then(|value| value.get_attr(name).ok());
        given.filter(|v| !v.is_undefined() && !v.is_none()).map_or(own, |v| v.is_true())
    };
    [part("database", own[0]), part("schema", own[1]), part("identifier", own[2])]
}

fn quoting_of(quoting: Quoting) -> [bool; 3] {
    [quoting.database, quoting.schema, quoting.identifier]
}

fn quoting_from([database, schema, identifier]: [bool; 3]) -> Quoting {
    Quoting { database, schema, identifier }
}

/// What a function's statement depends on: its language, its type, and what Python needs.
fn function_config(args: &[Value]) -> Result<Value, Error> {
    let model = args.first().cloned().unwrap_or_default();
    let config = model.get_attr("config")?;
    let get =
        |name: &str| config.get_attr(name).map(|v| if v.is_undefined() { ().into() } else { v });
    let language = model.get_attr("language")?;
    let (version, entry) = (get("runtime_version")?, get("entry_point")?);
    if language.as_str() == Some("python") {
        for (value, what) in [(&version, "A `runtime_version`"), (&entry, "An `entry_point`")] {
            if value.is_none() {
                let message = format!("{what} is required for python functions");
                return Err(fail(Code::BAD_CONFIG, message));
            }
        }
    }
    Ok(Dict::value([
        ("language", language),
        ("type", get("type")?),
        ("runtime_version", version),
        ("entry_point", entry),
    ]))
}

impl Object for RelationObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.filtered())
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<RelationObject>()?;
        Some(self.sql().cmp(&other.sql()))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let relation = &self.relation;
        let text = |text: &Option<String>| text.clone().map_or(Value::from(()), Value::from);
        let is = |kind| Value::from(relation.kind == Some(kind));
        Some(match key.as_str()? {
            "database" => text(&relation.database),
            "schema" => text(&relation.schema),
            "identifier" | "name" | "table" => relation.identifier.as_str().into(),
            "path" => Parts::path([
                text(&relation.database),
                text(&relation.schema),
                relation.identifier.as_str().into(),
            ]),
            "quote_policy" => Parts::policy(quoting_of(relation.quoting)),
            "include_policy" => Parts::policy(self.include),
            "type" => relation.kind.map_or(Value::from(()), |kind| kind.as_str().into()),
            "is_table" => is(RelationKind::Table),
            "is_view" => is(RelationKind::View),
            "is_materialized_view" => is(RelationKind::MaterializedView),
            "is_cte" => is(RelationKind::Cte),
            "is_function" => is(RelationKind::Function),
            "is_dynamic_table" | "is_iceberg_format" | "is_pointer" | "is_shared" => false.into(),
            "can_be_renamed" => {
                let may = [RelationKind::Table, RelationKind::View, RelationKind::MaterializedView];
                relation.kind.is_some_and(|kind| may.contains(&kind)).into()
            }
            "can_be_replaced" => {
                matches!(relation.kind, Some(RelationKind::Table | RelationKind::View)).into()
            }
            // How packages recognise a relation.
            "metadata" => Dict::value([("type", "Relation")]),
            // Macros ask whether it is there: without it a value is no relation.
            "render" => {
                let sql = self.sql();
                Value::from_function(move || sql.clone())
            }
            "View" => "view".into(),
            "Table" => "table".into(),
            "MaterializedView" => "materialized_view".into(),
            "CTE" => "cte".into(),
            "External" => "external".into(),
            "Function" => "function".into(),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "render" => Ok(self.sql().into()),
            "get_default_quote_policy" | "get_default_include_policy" => {
                Ok(Parts::policy([true; 3]))
            }
            "__str__" => Ok(self.filtered().into()),
            "include" => {
                let include = three(args, self.include)?;
                Ok(self.with(|r| r.include = include))
            }
            "quote" => {
                let quoting = quoting_from(three(args, quoting_of(self.relation.quoting))?);
                Ok(self.with(|r| r.relation.quoting = quoting))
            }
            "get_function_config" => function_config(args),
            "get_function_macro_name" => {
                let config = args.first().cloned().unwrap_or_default();
                let part = |name: &str| config.get_attr(name).map(|part| py_str(&part));
                Ok(format!("{}_function_{}", part("type")?, part("language")?).into())
            }
            "quoted" => {
                let name = Arguments::new(args, &["identifier"])?.required("identifier");
                Ok(quote_identifier(&name).into())
            }
            "without_identifier" => Ok(self.with(|r| {
                r.include[2] = false;
                r.set_path(None, None, Some(None));
            })),
            "incorporate" => {
                let names = &["path", "type", "kind", "quote_policy", "include_policy"];
                let args = Arguments::new(args, names)?;
                let include = policy(args.get("include_policy"), self.include);
                let quoting = quoting_of(self.relation.quoting);
                let quoting = quoting_from(policy(args.get("quote_policy"), quoting));
                let kind = args.text("type").or_else(|| args.text("kind"));
                let path = args.get("path");
                // A part that is none is taken away; one that is not named stays.
                let part = |name: &str| -> Option<Option<String>> {
                    let value = path.as_ref()?.get_attr(name).ok()?;
                    (!value.is_undefined()).then(|| (!value.is_none()).then(|| value.to_string()))
                };
                let (database, schema, identifier) =
                    (part("database"), part("schema"), part("identifier"));
                Ok(self.with(|r| {
                    r.include = include;
                    r.relation.quoting = quoting;
                    r.set_path(database, schema, identifier);
                    if let Some(kind) = kind {
                        r.relation.kind = kind_of(&kind);
                    }
                }))
            }
            "replace_path" => {
                let args = Arguments::new(args, &["database", "schema", "identifier"])?;
                let part =
                    |name| args.given(name).map(|value| (!value.is_none()).then(|| py_str(&value)));
                let (database, schema, identifier) =
                    (part("database"), part("schema"), part("identifier"));
                Ok(self.with(|r| r.set_path(database, schema, identifier)))
            }
            "information_schema" | "information_schema_only" => {
                let args = Arguments::new(args, &["view_name"])?;
                let view = args.text("view_name").unwrap_or_default();
                let mut relation = self.relation.with_identifier(view);
                relation.schema = Some("INFORMATION_SCHEMA".to_owned());
                relation.kind = None;
                relation.quoting = Quoting { database: true, schema: false, identifier: false };
                Ok(Value::from_object(RelationObject::new(relation)))
            }
            "get" => {
                let args = Arguments::new(args, &["key", "default"])?;
                let found = self.get_value(&args.required("key").into());
                Ok(found.or_else(|| args.given("default")).unwrap_or(Value::from(())))
            }
            "matches" => {
                let args = Arguments::new(args, &["database", "schema", "identifier"])?;
                let same = |name: &str, own: Option<&str>| {
                    args.text(name).is_none_or(|wanted| own == Some(&wanted))
                };
                let relation = &self.relation;
                Ok((same("database", relation.database.as_deref())
                    && same("schema", relation.schema.as_deref())
                    && same("identifier", Some(&relation.identifier)))
                .into())
            }
            _ => Err(Error::new(
                ErrorKind::UnknownMethod,
                format!("a relation has no method `{method}`"),
            )),
        }
    }
}

/// `api.Relation` and `api.Column`.
pub fn api() -> Value {
    Value::from_pairs([
        ("Relation", Value::from_object(RelationFactory)),
        ("Column", Value::from_object(ColumnFactory)),
    ])
}

#[derive(Debug)]
struct RelationFactory;

impl Object for RelationFactory {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "View" => Some("view".into()),
            // `get_relation_type.View`
            "get_relation_type" => Some(Value::from_object(RelationFactory)),
            "Table" => Some("table".into()),
            "CTE" => Some("cte".into()),
            "External" => Some("external".into()),
            "MaterializedView" => Some("materialized_view".into()),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "create" => {}
            "get_default_quote_policy" | "get_default_include_policy" => {
                return Ok(Parts::policy([true; 3]));
            }
            "scd_args" => {
                let args = Arguments::new(args, &["primary_key", "updated_at"])?;
                let key = args.get("primary_key").unwrap_or_default();
                let mut all: Vec<Value> = match key.kind() {
                    ValueKind::Seq => key.try_iter()?.collect(),
                    _ => vec![key],
                };
                all.extend(args.get("updated_at"));
                return Ok(List::value(all));
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        let names = &["database", "schema", "identifier", "type", "quote_policy", "include_policy"];
        let args = Arguments::new(args, names)?;
        let own = Context::of(state)?.shared.fixed.quoting;
        let relation = Relation {
            database: args.text("database"),
            schema: args.text("schema"),
            identifier: args.required("identifier"),
            kind: args.text("type").as_deref().and_then(kind_of),
            quoting: quoting_from(policy(args.get("quote_policy"), quoting_of(own))),
            verbatim: None,
            rows: None,
        };
        let include = policy(args.get("include_policy"), [true; 3]);
        Ok(Value::from_object(RelationObject { relation, include }))
    }
}
