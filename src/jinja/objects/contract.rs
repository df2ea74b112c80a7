//! What `exceptions.raise_contract_error` says: the columns of a query held against those that
//! its model promises. Only words; the columns are compared by the macros.

use minijinja::Value;

use crate::jinja::values::{Table, py_str};
use crate::relation::{Cell, Column, ResultSet};

/// The message for the columns promised in YAML and those of the SQL, each a list of dicts with
/// `name` and `data_type`.
pub(super) fn message(promised: Option<&Value>, actual: Option<&Value>) -> String {
    let promised = columns(promised);
    if promised.is_empty() {
        return "This model has an enforced contract, and its 'columns' specification is missing"
            .to_owned();
    }
    let actual = columns(actual);
    let mut wrong: Vec<[String; 4]> = Vec::new();
    for (name, is) in &actual {
        let row = match promised.iter().find(|(known, _)| known == name) {
            Some((_, should)) if should == is => continue,
            Some((_, should)) => [name, is, should, "data type mismatch"],
            None => [name, is, "", "missing in contract"],
        };
        wrong.push(row.map(str::to_owned));
    }
    for (name, should) in &promised {
        if !actual.iter().any(|(known, _)| known == name) {
            wrong.push([name, "", should, "missing in definition"].map(str::to_owned));
        }
    }
    wrong.sort();
    format!(
        "This model has an enforced contract that failed.\n\
         Please ensure the name, data_type, and number of columns in your contract match the \
         columns in your model's definition.\n\n{}",
        table(wrong)
    )
}

fn columns(list: Option<&Value>) -> Vec<(String, String)> {
    let text = |value: &Value, key: &str| {
        let found = value.get_attr(key).ok().filter(|found| !found.is_undefined());
        found.as_ref().map(py_str).unwrap_or_default()
    };
    let items = list.and_then(|list| list.try_iter().ok());
    items.into_iter().flatten().map(|c| (text(&c, "name"), text(&c, "data_type"))).collect()
}

fn table(rows: Vec<[String; 4]>) -> String {
    let names = ["column_name", "definition_type", "contract_type", "mismatch_reason"];
    let result = ResultSet {
        columns: names
            .map(|name| Column { name: name.to_owned(), data_type: "text".to_owned() })
            .into(),
        rows: rows.into_iter().map(|row| row.map(Cell::Text).into()).collect(),
    };
    let value = Table::value(&result);
    let drawn = value.downcast_object_ref::<Table>();
    drawn.map(|table| table.to_text(usize::MAX, 6, 50)).unwrap_or_default()
}
