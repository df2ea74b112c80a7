//! The result of a query as dbt's macros know it: an agate table.
//!
//! A table never changes: `rename`, `select`, `where` and the like give new ones.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{bind, error, flag, iterate, opt_integer, required};
use super::dict::pairs_of;
use super::mapped::{Kind, Mapped};
use super::{List, cells, repr};
use crate::relation::{Cell, Column, ResultSet};

mod combine;

/// An agate-like table.
#[derive(Default)]
pub struct Table {
    names: Arc<Vec<String>>,
    types: Vec<String>,
    /// Each a row of values.
    rows: Vec<Arc<Mapped>>,
    columns: OnceLock<Value>,
}

impl Table {
    /// The rows of a result.
    pub fn new(result: &ResultSet) -> Self {
        let names = Arc::new(result.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>());
        let types = result.columns.iter().map(|c| c.data_type.clone()).collect();
        let cell = |(cell, column): (&Cell, &Column)| match cell {
            // The number itself, as Python gets it from DuckDB: 0.1 is 0.10000000149011612.
            #[allow(clippy::cast_possible_truncation, reason = "a FLOAT has no more digits")]
            Cell::Float(number) if column.data_type == "FLOAT" => {
                cells::value(&Cell::Float(f64::from(*number as f32)))
            }
            cell => cells::value(cell),
        };
        let rows =
            result.rows.iter().map(|row| row.iter().zip(&result.columns).map(cell).collect());
        Table::of(names, types, rows)
    }

    /// The rows of a result as a value.
    pub fn value(result: &ResultSet) -> Value {
        Value::from_object(Table::new(result))
    }

    /// A table without columns: what `run_query` gives while parsing.
    pub fn empty() -> Value {
        Value::from_object(Table::default())
    }

    fn of(
        names: Arc<Vec<String>>,
        types: Vec<String>,
        rows: impl Iterator<Item = Vec<Value>>,
    ) -> Self {
        let row = |values| Arc::new(Mapped::new(Kind::Row, Some(names.clone()), values));
        let rows = rows.map(row).collect();
        Table { rows, types, columns: OnceLock::new(), names }
    }

    fn like(&self, rows: Vec<Arc<Mapped>>) -> Value {
        Value::from_object(Table {
            names: self.names.clone(),
            types: self.types.clone(),
            rows,
            columns: OnceLock::new(),
        })
    }

    fn row(&self, index: usize) -> Option<Value> {
        Some(Value::from_dyn_object(self.rows.get(index)?.clone()))
    }

    fn columns(&self) -> Value {
        let make = || {
            let columns = self.names.iter().enumerate().map(|(index, name)| {
                let values = self.rows.iter().map(|row| row.values()[index].clone()).collect();
                let data_type = self.types.get(index).cloned().unwrap_or_default();
                let kind = Kind::Column { index, name: name.clone(), data_type };
                Value::from_object(Mapped::new(kind, None, values))
            });
            let columns = columns.collect();
            Value::from_object(Mapped::new(Kind::Columns, Some(self.names.clone()), columns))
        };
        self.columns.get_or_init(make).clone()
    }

    fn index_of(&self, name: &Value) -> Result<usize, Error> {
        match name.as_str() {
            Some(name) => self.names.iter().position(|known| known == name),
            None => name.as_usize().filter(|index| *index < self.names.len()),
        }
        .ok_or_else(|| error(format!("the table has no column {}", repr::py_repr(name))))
    }

    fn picked(&self, indices: &[usize]) -> Value {
        let names = indices.iter().map(|index| self.names[*index].clone()).collect();
        let types = indices.iter().map(|i| self.types.get(*i).cloned().unwrap_or_default());
        let rows = self.rows.iter().map(|row| {
            indices.iter().map(|index| row.values()[*index].clone()).collect::<Vec<_>>()
        });
        Value::from_object(Table::of(Arc::new(names), types.collect(), rows))
    }

    /// The columns that an argument names: one, or several.
    fn named(&self, value: &Value) -> Result<Vec<usize>, Error> {
        if value.as_str().is_some() || value.is_integer() {
            return Ok(vec![self.index_of(value)?]);
        }
        iterate(value)?.iter().map(|name| self.index_of(name)).collect()
    }

    fn rename(&self, names: &Value) -> Result<Value, Error> {
        let mut renamed = (*self.names).clone();
        if names.kind() == minijinja::value::ValueKind::Map {
            let changes: HashMap<String, String> = pairs_of(names)?
                .iter()
                .map(|(from, to)| (repr::py_str(from), repr::py_str(to)))
                .collect();
            for name in &mut renamed {
                if let Some(to) = changes.get(name) {
                    name.clone_from(to);
                }
            }
        } else if !names.is_none() {
            renamed = iterate(names)?.iter().map(repr::py_str).collect();
        }
        if renamed.len() != self.names.len() {
            return Err(error("rename(): there must be a name for each column"));
        }
        let rows = self.rows.iter().map(|row| row.values().to_vec());
        Ok(Value::from_object(Table::of(Arc::new(renamed), self.types.clone(), rows)))
    }

    fn order_by(
        &self,
        state: &mut State<'_, '_>,
        key: &Value,
        reverse: bool,
    ) -> Result<Value, Error> {
        let mut keyed = Vec::with_capacity(self.rows.len());
        let columns = self.named(key).ok();
        for row in &self.rows {
            let key: Vec<Value> = match &columns {
                Some(columns) => columns.iter().map(|c| row.values()[*c].clone()).collect(),
                None => vec![key.call(state, &[Value::from_dyn_object(row.clone())])?],
            };
            // agate puts NULLs last.
            let key: Vec<(bool, Value)> = key.into_iter().map(|k| (k.is_none(), k)).collect();
            keyed.push((key, row.clone()));
        }
        keyed.sort_by(|a, b| if reverse { b.0.cmp(&a.0) } else { a.0.cmp(&b.0) });
        Ok(self.like(keyed.into_iter().map(|(_, row)| row).collect()))
    }

    /// The table as agate's `print_table` draws it, a line break after each line.
    pub fn to_text(&self, max_rows: usize, max_columns: usize, max_width: usize) -> String {
        super::drawing::draw(
            &self.names,
            &self.rows.iter().map(|row| row.values()).collect::<Vec<_>>(),
            super::drawing::Limits { rows: max_rows, columns: max_columns, width: max_width },
        )
    }

    fn print(&self, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let names =
            ["max_rows", "max_columns", "output", "max_column_width", "locale", "max_precision"];
        let [rows, columns, _, width, _, _] = bind("print_table", names, args)?;
        let limit = |value: Option<Value>, otherwise: usize| match value {
            None => Ok(otherwise),
            Some(value) if value.is_none() => Ok(usize::MAX),
            value => opt_integer("print_table", &value)
                .map(|n| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(otherwise)),
        };
        let text = self.to_text(limit(rows, 20)?, limit(columns, 6)?, limit(width, 20)?);
        // Only the dialect knows where printing goes: its `print` is asked for it.
        if let Some(print) = state.lookup("print") {
            print.call(state, &[Value::from(text.trim_end_matches('\n'))])?;
        }
        Ok(Value::from(()))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(6);
        writeln!(f, "| {:width$} | data_type |", "column")?;
        writeln!(f, "| {} | --------- |", "-".repeat(width))?;
        for (at, name) in self.names.iter().enumerate() {
            let values = self.rows.iter().map(|row| &row.values()[at]);
            writeln!(f, "| {name:width$} | {:9} |", cells::agate_type(values))?;
        }
        Ok(())
    }
}

impl Object for Table {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(name) => self.get_value_by_str(name),
            None => self.row(key.as_usize()?),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let texts = |texts: &[String]| {
            let texts = texts.iter().map(|text| Value::from(text.as_str())).collect();
            Value::from(minijinja::value::Tuple::new(texts))
        };
        match key {
            "columns" => Some(self.columns()),
            "rows" => {
                let rows = (0..self.rows.len()).filter_map(|index| self.row(index)).collect();
                Some(Value::from_object(Mapped::new(Kind::Rows, None, rows)))
            }
            "column_names" => Some(texts(&self.names)),
            "column_types" => Some(texts(&self.types)),
            "row_names" => Some(Value::from(())),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.rows.len())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.rows.len())
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "print_table" => self.print(state, args),
            "rename" => {
                let [names, ..] = bind(
                    "rename",
                    ["column_names", "row_names", "slug_columns", "slug_rows"],
                    args,
                )?;
                self.rename(&names.unwrap_or_else(|| Value::from(())))
            }
            "select" => {
                let [key] = bind("select", ["key"], args)?;
                Ok(self.picked(&self.named(&required("select", "key", key)?)?))
            }
            "exclude" => {
                let [key] = bind("exclude", ["key"], args)?;
                let out = self.named(&required("exclude", "key", key)?)?;
                let kept: Vec<_> = (0..self.names.len()).filter(|i| !out.contains(i)).collect();
                Ok(self.picked(&kept))
            }
            "where" => {
                let [test] = bind("where", ["test"], args)?;
                let test = required("where", "test", test)?;
                let mut kept = Vec::new();
                for row in &self.rows {
                    if test.call(state, &[Value::from_dyn_object(row.clone())])?.is_true() {
                        kept.push(row.clone());
                    }
                }
                Ok(self.like(kept))
            }
            "limit" => {
                let [a, b, step] = bind("limit", ["start_or_stop", "stop", "step"], args)?;
                let (a, b) = (opt_integer("limit", &a)?, opt_integer("limit", &b)?);
                let (start, stop) = if b.is_some() { (a, b) } else { (None, a) };
                let step = opt_integer("limit", &step)?.filter(|step| *step != 0).unwrap_or(1);
                let rows = super::ops::indices(self.rows.len(), start, stop, step);
                Ok(self.like(rows.map(|index| self.rows[index].clone()).collect()))
            }
            "order_by" => {
                let [key, reverse] = bind("order_by", ["key", "reverse"], args)?;
                self.order_by(state, &required("order_by", "key", key)?, flag(&reverse))
            }
            "distinct" => {
                let [key] = bind("distinct", ["key"], args)?;
                let columns = match key.filter(|key| !key.is_none()) {
                    Some(key) => self.named(&key)?,
                    None => (0..self.names.len()).collect(),
                };
                let mut seen = std::collections::HashSet::new();
                let fresh = |row: &&Arc<Mapped>| {
                    seen.insert(
                        columns.iter().map(|c| row.values()[*c].clone()).collect::<Vec<_>>(),
                    )
                };
                Ok(self.like(self.rows.iter().filter(fresh).cloned().collect()))
            }
            "group_by" => self.group_by(args),
            "join" => self.join(args),
            "merge" => Table::merge(args),
            "find" => {
                let [test] = bind("find", ["test"], args)?;
                let test = required("find", "test", test)?;
                for row in &self.rows {
                    let row = Value::from_dyn_object(row.clone());
                    if test.call(state, std::slice::from_ref(&row))?.is_true() {
                        return Ok(row);
                    }
                }
                Ok(Value::from(()))
            }
            "aggregate" | "bins" | "compute" | "denormalize" | "homogenize" | "normalize"
            | "pivot" | "print_bars" | "print_csv" | "print_html" | "print_json"
            | "print_structure" | "to_csv" | "to_json" => Err(combine::unsupported(method)),
            "to_dict" | "to_list" => {
                Ok(List::value((0..self.rows.len()).filter_map(|index| self.row(index)).collect()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write!(text, "{self:?}")?;
        f.write_str(&text)
    }
}
