//! dbt's `Relation` and `Column` and the `api` namespace that makes them.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::Arguments;
use crate::jinja::values::{Dict, py_str};
use crate::relation::{Column, Relation, RelationKind, quote_identifier};

/// A relation as templates see it; prints as SQL.
#[derive(Debug, Clone)]
pub struct RelationObject {
    pub relation: Relation,
    include: [bool; 3],
    quote: [bool; 3],
}

impl RelationObject {
    /// A relation with all parts shown and quoted.
    pub fn new(relation: Relation) -> Self {
        RelationObject { relation, include: [true; 3], quote: [true; 3] }
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
        let shown: Vec<String> = parts
            .into_iter()
            .enumerate()
            .filter(|(at, _)| self.include[*at])
            .filter_map(|(at, part)| {
                let part = part?;
                Some(if self.quote[at] { quote_identifier(part) } else { part.to_owned() })
            })
            .collect();
        shown.join(".")
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
        _ => return None,
    })
}

fn three(args: &Arguments, default: bool) -> [bool; 3] {
    ["database", "schema", "identifier"].map(|part| args.flag(part, default))
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
            "type" => relation.kind.map_or(Value::from(()), |kind| kind.as_str().into()),
            "is_table" => is(RelationKind::Table),
            "is_view" => is(RelationKind::View),
            "is_materialized_view" => is(RelationKind::MaterializedView),
            "is_cte" => is(RelationKind::Cte),
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
            "View" => "view".into(),
            "Table" => "table".into(),
            "MaterializedView" => "materialized_view".into(),
            "CTE" => "cte".into(),
            "External" => "external".into(),
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
            "__str__" => Ok(self.filtered().into()),
            "include" => {
                let include =
                    three(&Arguments::new(args, &["database", "schema", "identifier"])?, true);
                Ok(self.with(|r| {
                    for (shown, wanted) in r.include.iter_mut().zip(include) {
                        *shown &= wanted;
                    }
                }))
            }
            "quote" => {
                let quote =
                    three(&Arguments::new(args, &["database", "schema", "identifier"])?, true);
                Ok(self.with(|r| r.quote = quote))
            }
            "without_identifier" => Ok(self.with(|r| r.include[2] = false)),
            "incorporate" => {
                let args = Arguments::new(args, &["path", "type", "kind"])?;
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
            "information_schema" => {
                let args = Arguments::new(args, &["view_name"])?;
                let view = args.text("view_name").unwrap_or_default();
                let mut relation = self.relation.with_identifier(view);
                relation.schema = Some("INFORMATION_SCHEMA".to_owned());
                relation.kind = None;
                let mut object = RelationObject::new(relation);
                object.quote = [true, false, false];
                Ok(Value::from_object(object))
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

/// A column as templates see it; prints as its name.
#[derive(Debug, Clone)]
pub struct ColumnObject(pub Column);

impl ColumnObject {
    /// The size of a text, or the precision of a number.
    pub(super) fn size(&self) -> Option<i64> {
        let inner = self.0.data_type.split_once('(')?.1.split([',', ')']).next()?;
        inner.trim().parse().ok()
    }

    fn base(&self) -> String {
        self.0.data_type.split('(').next().unwrap_or_default().trim().to_lowercase()
    }

    fn is_any(&self, names: &[&str]) -> Value {
        names.contains(&self.base().as_str()).into()
    }

    /// Whether the other is a longer text than this one.
    pub(super) fn can_expand_to(&self, other: &ColumnObject) -> bool {
        let Some(size) = self.size() else { return false };
        self.is_string() && other.is_string() && other.size().unwrap_or(256) > size
    }

    fn is_string(&self) -> bool {
        ["text", "varchar", "character varying", "character", "string", "char", "bpchar"]
            .contains(&self.base().as_str())
    }
}

impl Object for ColumnObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Column {} ({})>", self.0.name, self.0.data_type)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let (own, other) = (&self.0, &other.downcast_ref::<ColumnObject>()?.0);
        Some((&own.name, &own.data_type).cmp(&(&other.name, &other.data_type)))
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "name" | "column" => self.0.name.as_str().into(),
            "quoted" => quote_identifier(&self.0.name).into(),
            "dtype" => self.base().into(),
            "data_type" => self.0.data_type.as_str().into(),
            "char_size" => match self.size() {
                Some(size) if self.is_string() => size.into(),
                _ => Value::from(()),
            },
            "numeric_precision" => self.size().map_or(Value::from(()), Value::from),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        Ok(match method {
            "is_string" => self.is_string().into(),
            "is_number" | "is_numeric" | "is_integer" | "is_float" => {
                let integers = [
                    "integer", "bigint", "smallint", "tinyint", "hugeint", "int", "int4", "int8",
                    "int2",
                ];
                let floats = ["real", "double", "double precision", "float", "float4", "float8"];
                let decimals = ["decimal", "numeric"];
                match method {
                    "is_integer" => self.is_any(&integers),
                    "is_float" => self.is_any(&floats),
                    "is_numeric" => self.is_any(&decimals),
                    _ => self.is_any(&[&integers[..], &floats, &decimals].concat()),
                }
            }
            "string_size" => self.size().unwrap_or(256).into(),
            "can_expand_to" => {
                let other = Arguments::new(args, &["other_column"])?.get("other_column");
                let other = other.as_ref().and_then(|v| v.downcast_object_ref::<ColumnObject>());
                other.is_some_and(|other| self.can_expand_to(other)).into()
            }
            "literal" => {
                let value = args.first().map(ToString::to_string).unwrap_or_default();
                format!("{value}::{}", self.0.data_type).into()
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::UnknownMethod,
                    format!("a column has no method `{method}`"),
                ));
            }
        })
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
            "Table" => Some("table".into()),
            "CTE" => Some("cte".into()),
            "External" => Some("external".into()),
            "MaterializedView" => Some("materialized_view".into()),
            _ => None,
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method != "create" {
            return Err(Error::from(ErrorKind::UnknownMethod));
        }
        let args = Arguments::new(args, &["database", "schema", "identifier", "type"])?;
        let relation = Relation {
            database: args.text("database"),
            schema: args.text("schema"),
            identifier: args.required("identifier"),
            kind: args.text("type").as_deref().and_then(kind_of),
            verbatim: None,
            rows: None,
        };
        Ok(Value::from_object(RelationObject::new(relation)))
    }
}

#[derive(Debug)]
struct ColumnFactory;

impl ColumnFactory {
    fn create(args: &[Value]) -> Result<Value, Error> {
        let args = Arguments::new(
            args,
            &["column", "dtype", "char_size", "numeric_precision", "numeric_scale"],
        )?;
        let dtype = args.required("dtype");
        let data_type = match (args.text("char_size"), args.text("numeric_precision")) {
            // dbt's word for the text types that have a size.
            (Some(size), _) if dtype.to_lowercase().contains("char") => {
                format!("character varying({size})")
            }
            (Some(size), _) => format!("{dtype}({size})"),
            (None, Some(precision)) => match args.text("numeric_scale") {
                Some(scale) => format!("{dtype}({precision},{scale})"),
                None => format!("{dtype}({precision})"),
            },
            (None, None) => dtype,
        };
        let name = args.text("column").or_else(|| args.text("name")).unwrap_or_default();
        Ok(Value::from_object(ColumnObject(Column { name, data_type })))
    }
}

impl Object for ColumnFactory {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        Self::create(args)
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let first = args.first().map(ToString::to_string).unwrap_or_default();
        Ok(match method {
            "create" => return Self::create(args),
            "translate_type" => match first.to_uppercase().as_str() {
                "STRING" => "TEXT".into(),
                _ => first.into(),
            },
            "string_type" => match first.as_str() {
                "" => "character varying".into(),
                size => format!("character varying({size})").into(),
            },
            "numeric_type" => {
                let args = Arguments::new(args, &["dtype", "precision", "scale"])?;
                match (args.text("precision"), args.text("scale")) {
                    (Some(p), Some(s)) => format!("{}({p},{s})", args.required("dtype")).into(),
                    _ => args.required("dtype").into(),
                }
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}
