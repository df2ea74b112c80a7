//! Tables of several: groups of a table's rows, and rows of two tables put together.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::super::args::{bind, error, flag, iterate, required};
use super::super::dict::pair_tuples;
use super::super::{Dict, List};
use super::Table;

impl Table {
    /// `group_by(key)`: a table for each value of a column.
    pub(super) fn group_by(&self, args: &[Value]) -> Result<Value, Error> {
        let [key, _name, _type] = bind("group_by", ["key", "key_name", "key_type"], args)?;
        let column = self.index_of(&required("group_by", "key", key)?)?;
        let mut groups: IndexMap<Value, Vec<_>> = IndexMap::new();
        for row in &self.rows {
            groups.entry(row.values()[column].clone()).or_default().push(row.clone());
        }
        let tables = groups.into_iter().map(|(key, rows)| (key, self.like(rows))).collect();
        Ok(Value::from_object(Tables(tables)))
    }

    /// `join(right, left_key, right_key)`: each row with those of another table that have its key.
    pub(super) fn join(&self, args: &[Value]) -> Result<Value, Error> {
        let names = [
            "right_table",
            "left_key",
            "right_key",
            "inner",
            "full_outer",
            "require_match",
            "columns",
        ];
        let [right, left_key, right_key, inner, full, must, columns] = bind("join", names, args)?;
        let right = required("join", "right_table", right)?;
        let right = right
            .downcast_object_ref::<Table>()
            .ok_or_else(|| error("join(): the other side is no table"))?;
        let Some(left_key) = left_key.filter(|key| !key.is_none()) else {
            return Err(unsupported("join without a key"));
        };
        if flag(&full) || flag(&must) {
            return Err(unsupported("join with full_outer or require_match"));
        }
        let right_key = right_key.filter(|key| !key.is_none()).unwrap_or_else(|| left_key.clone());
        let (left_keys, right_keys) = (self.named(&left_key)?, right.named(&right_key)?);
        let taken = match columns.filter(|columns| !columns.is_none()) {
            Some(columns) => right.named(&columns)?,
            None => (0..right.names.len()).collect(),
        };
        let taken: Vec<usize> = taken.into_iter().filter(|at| !right_keys.contains(at)).collect();
        let key = |values: &[Value], columns: &[usize]| -> Vec<Value> {
            columns.iter().map(|column| values[*column].clone()).collect()
        };
        let mut by_key: HashMap<Vec<Value>, Vec<usize>> = HashMap::new();
        for (at, row) in right.rows.iter().enumerate() {
            by_key.entry(key(row.values(), &right_keys)).or_default().push(at);
        }
        let mut rows = Vec::new();
        for row in &self.rows {
            let matches = by_key.get(&key(row.values(), &left_keys));
            if matches.is_none() && !flag(&inner) {
                let nothing = taken.iter().map(|_| Value::from(()));
                rows.push(row.values().iter().cloned().chain(nothing).collect());
            }
            for at in matches.into_iter().flatten() {
                let other = key(right.rows[*at].values(), &taken);
                rows.push(row.values().iter().cloned().chain(other).collect());
            }
        }
        let mut names = (*self.names).clone();
        for at in &taken {
            let name = &right.names[*at];
            let taken = names.contains(name);
            names.push(if taken { format!("{name}2") } else { name.clone() });
        }
        let types = taken.iter().map(|at| right.types.get(*at).cloned().unwrap_or_default());
        let types = self.types.iter().cloned().chain(types).collect();
        Ok(Value::from_object(Table::of(Arc::new(names), types, rows.into_iter())))
    }

    /// `merge(tables)`: the rows of all, with every column that one of them has.
    pub(super) fn merge(args: &[Value]) -> Result<Value, Error> {
        let [tables, _, columns] = bind("merge", ["tables", "row_names", "column_names"], args)?;
        let tables = iterate(&required("merge", "tables", tables)?)?;
        let tables: Vec<&Table> = tables
            .iter()
            .map(|table| {
                table
                    .downcast_object_ref::<Table>()
                    .ok_or_else(|| error("merge() takes a list of tables"))
            })
            .collect::<Result<_, _>>()?;
        let mut found: IndexMap<String, String> = IndexMap::new();
        for table in &tables {
            for (name, data_type) in table.names.iter().zip(&table.types) {
                found.entry(name.clone()).or_insert_with(|| data_type.clone());
            }
        }
        if let Some(columns) = columns.filter(|columns| !columns.is_none()) {
            let wanted = iterate(&columns)?;
            found.retain(|name, _| wanted.iter().any(|wanted| wanted.as_str() == Some(name)));
        }
        let (names, types): (Vec<String>, Vec<String>) = found.into_iter().unzip();
        let row = |row: &Arc<super::Mapped>| {
            names.iter().map(|name| row.by_name(name).unwrap_or(Value::from(()))).collect()
        };
        let rows: Vec<Vec<Value>> =
            tables.iter().flat_map(|table| table.rows.iter().map(row)).collect();
        Ok(Value::from_object(Table::of(Arc::new(names), types, rows.into_iter())))
    }
}

/// The error for what SQL does better.
pub(super) fn unsupported(what: &str) -> Error {
    error(format!("Pintail's tables of results do not know `{what}`: do it in the query"))
}

/// agate's set of tables by key.
struct Tables(IndexMap<Value, Value>);

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<agate.TableSet>")
    }
}

impl Object for Tables {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let by_key = self.0.get(key);
        by_key.or_else(|| Some(self.0.get_index(key.as_usize()?)?.1)).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.values().cloned().collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.len())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method == "get" {
            let [key, default] = bind("get", ["key", "default"], args)?;
            let found = self.get_value(&required("get", "key", key)?);
            return Ok(found.or(default).unwrap_or_else(|| Value::from(())));
        }
        let pairs = || self.0.iter().map(|(key, table)| (key.clone(), table.clone()));
        let result = match method {
            "keys" => Value::from(Tuple::new(self.0.keys().cloned().collect())),
            "values" => Value::from(Tuple::new(self.0.values().cloned().collect())),
            "items" => List::value(pair_tuples(pairs().collect())),
            "dict" => Dict::value(pairs()),
            "aggregate" | "having" | "merge" | "select" => return Err(unsupported(method)),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        };
        let [] = bind(method, [], args)?;
        Ok(result)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
