//! Jinja2's filters on sequences: map, select, sort, groupby and their kin.
//!
//! Those that are lazy in Jinja2 work at once here, and can be read more than once.

use minijinja::value::{Tuple, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::args::{
    bind, error, flag, integer, iterate, opt_integer, required, split_kwargs, type_name,
};
use super::compare::{equals, greater, less, sort_by};
use super::dict::{pair_tuples, pairs_of};
use super::func::{Generator, filter};
use super::{List, ops, repr};

/// Adds the filters.
pub(super) fn install(env: &mut Environment<'static>) {
    filter(env, "map", map);
    filter(env, "select", |state, args| select(state, args, false, true));
    filter(env, "reject", |state, args| select(state, args, false, false));
    filter(env, "selectattr", |state, args| select(state, args, true, true));
    filter(env, "rejectattr", |state, args| select(state, args, true, false));
    filter(env, "groupby", group_by);
    filter(env, "sort", sort);
    filter(env, "unique", unique);
    filter(env, "min", |_, args| extreme("min", args));
    filter(env, "max", |_, args| extreme("max", args));
    filter(env, "sum", sum);
    filter(env, "join", join);
    filter(env, "list", list);
    filter(env, "first", first);
    filter(env, "last", last);
    filter(env, "length", length);
    filter(env, "count", length);
    filter(env, "reverse", reverse);
    filter(env, "batch", batch);
    filter(env, "slice", slice);
    filter(env, "dictsort", dictsort);
    filter(env, "items", items);
    filter(env, "random", first);
}

/// A path such as `a.0.b`, or an integer.
struct Path(Vec<Value>);

impl Path {
    fn new(attribute: &Value) -> Self {
        match attribute.as_str() {
            Some(text) => Path(
                text.split('.')
                    .map(|part| part.parse::<usize>().map_or_else(|_| part.into(), Value::from))
                    .collect(),
            ),
            None => Path(vec![attribute.clone()]),
        }
    }

    fn optional(attribute: &Option<Value>) -> Self {
        match attribute {
            Some(attribute) if !attribute.is_none() => Path::new(attribute),
            _ => Path(Vec::new()),
        }
    }

    fn get(&self, item: &Value) -> Result<Value, Error> {
        let mut found = item.clone();
        for part in &self.0 {
            found = match part.as_str() {
                Some(name) => found.get_attr(name)?,
                None => found.get_item(part)?,
            };
        }
        Ok(found)
    }

    fn get_or(&self, item: &Value, default: &Option<Value>) -> Result<Value, Error> {
        let Some(default) = default.as_ref().filter(|default| !default.is_none()) else {
            return self.get(item);
        };
        let mut found = item.clone();
        for part in &self.0 {
            found = found.get_item(part).unwrap_or_default();
            if found.is_undefined() {
                found = default.clone();
            }
        }
        Ok(found)
    }
}

/// Strings in lower case, for comparisons that ignore case.
fn fold_case(value: Value, case_sensitive: bool) -> Value {
    match (value.as_str(), value.kind()) {
        (Some(text), ValueKind::String)
            if !case_sensitive && text.chars().any(|c| !c.is_ascii_lowercase()) =>
        {
            Value::from(text.to_lowercase())
        }
        _ => value,
    }
}

/// As Jinja has it for `map`, `select` and `reject`: nothing at all stands for an empty sequence.
fn iterate_if_any(value: &Value) -> Result<Vec<Value>, Error> {
    if value.is_none() { Ok(Vec::new()) } else { iterate(value) }
}

fn map(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (value, args) = args.split_first().ok_or_else(|| error("map requires a value"))?;
    let (positional, kwargs) = split_kwargs(args);
    let items = iterate_if_any(value)?;
    if positional.is_empty() {
        let [attribute, default] = bind("map", ["attribute", "default"], args)?;
        if kwargs.is_none() || attribute.is_none() {
            return Err(error("map requires a filter argument"));
        }
        let path = Path::optional(&attribute);
        let mapped = items.iter().map(|item| path.get_or(item, &default));
        return mapped.collect::<Result<_, _>>().map(Generator::value);
    }
    let name = repr::py_str(&positional[0]);
    let mut call = vec![Value::UNDEFINED];
    call.extend_from_slice(&args[1..]);
    let mut mapped = Vec::with_capacity(items.len());
    for item in items {
        call[0] = item;
        mapped.push(state.apply_filter(&name, &call)?);
    }
    Ok(Generator::value(mapped))
}

fn select(
    state: &mut State<'_, '_>,
    args: &[Value],
    by_attribute: bool,
    keep: bool,
) -> Result<Value, Error> {
    let (value, mut args) = args.split_first().ok_or_else(|| error("select requires a value"))?;
    let mut path = Path(Vec::new());
    if by_attribute {
        let (attribute, rest) =
            args.split_first().ok_or_else(|| error("Missing parameter for attribute name"))?;
        path = Path::new(attribute);
        args = rest;
    }
    let test = args.first().filter(|name| !name.is_kwargs()).map(repr::py_str);
    let mut call = vec![Value::UNDEFINED];
    call.extend_from_slice(args.get(1..).unwrap_or_default());
    let mut selected = Vec::new();
    for item in iterate_if_any(value)? {
        let tested = path.get(&item)?;
        let passed = match &test {
            Some(test) => {
                call[0] = tested;
                state.perform_test(test, &call)?
            }
            None => tested.is_true(),
        };
        if passed == keep {
            selected.push(item);
        }
    }
    Ok(Generator::value(selected))
}

fn group_by(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["value", "attribute", "default", "case_sensitive"];
    let [value, attribute, default, case] = bind("groupby", names, args)?;
    let value = required("groupby", "value", value)?;
    let attribute = required("groupby", "attribute", attribute)?;
    let path = Path::new(&attribute);
    let mut keyed = Vec::new();
    for item in iterate(&value)? {
        let key = path.get_or(&item, &default)?;
        keyed.push((fold_case(key.clone(), flag(&case)), key, item));
    }
    let keyed = sort_by(keyed, false, |a, b| less(&a.0, &b.0))?;
    let mut groups: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (folded, key, item) in keyed {
        match groups.last_mut() {
            Some((last, _, items)) if *last == folded => items.push(item),
            _ => groups.push((folded, key, vec![item])),
        }
    }
    Ok(List::value(
        groups.into_iter().map(|(_, key, items)| Group::value(key, List::value(items))).collect(),
    ))
}

/// A pair that also answers to `grouper` and `list`.
struct Group([Value; 2]);

impl Group {
    fn value(key: Value, list: Value) -> Value {
        Value::from_object(Group([key, list]))
    }
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        repr::write_items(f, "(", &self.0, ")")
    }
}

impl minijinja::value::Object for Group {
    fn repr(self: &std::sync::Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Seq
    }

    fn get_value(self: &std::sync::Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some("grouper") => Some(self.0[0].clone()),
            Some("list") => Some(self.0[1].clone()),
            Some(_) => None,
            None => self.0.get(key.as_usize()?).cloned(),
        }
    }

    fn enumerate(self: &std::sync::Arc<Self>) -> minijinja::value::Enumerator {
        minijinja::value::Enumerator::Values(self.0.to_vec())
    }

    fn enumerator_len(self: &std::sync::Arc<Self>) -> Option<usize> {
        Some(2)
    }

    fn render(self: &std::sync::Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

fn sort(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["value", "reverse", "case_sensitive", "attribute"];
    let [value, reverse, case, attribute] = bind("sort", names, args)?;
    let value = required("sort", "value", value)?;
    let items = iterate(&value)?;
    let attribute = attribute.filter(|attribute| !attribute.is_none());
    let paths: Vec<Path> = match attribute.as_ref().and_then(Value::as_str) {
        Some(names) => names.split(',').map(|name| Path::new(&Value::from(name))).collect(),
        None => vec![Path::optional(&attribute)],
    };
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let key: Result<Vec<Value>, Error> = paths
            .iter()
            .map(|path| path.get(&item).map(|key| fold_case(key, flag(&case))))
            .collect();
        keyed.push((key?, item));
    }
    let sorted = sort_by(keyed, flag(&reverse), |a, b| less_of_all(&a.0, &b.0))?;
    Ok(List::value(sorted.into_iter().map(|(_, item)| item).collect()))
}

/// How keys of several parts are sorted: by the first part that differs.
fn less_of_all(a: &[Value], b: &[Value]) -> Result<bool, Error> {
    match a.iter().zip(b).find(|(a, b)| !equals(a, b)) {
        Some((a, b)) => less(a, b),
        None => Ok(false),
    }
}

fn unique(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, case, attribute] = bind("unique", ["value", "case_sensitive", "attribute"], args)?;
    let value = required("unique", "value", value)?;
    let path = Path::optional(&attribute);
    let mut seen = std::collections::HashSet::new();
    let mut unique = Vec::new();
    for item in iterate(&value)? {
        if seen.insert(fold_case(path.get(&item)?, flag(&case))) {
            unique.push(item);
        }
    }
    Ok(Generator::value(unique))
}

fn extreme(name: &'static str, args: &[Value]) -> Result<Value, Error> {
    let [value, case, attribute] = bind(name, ["value", "case_sensitive", "attribute"], args)?;
    let path = Path::optional(&attribute);
    let mut best: Option<(Value, Value)> = None;
    for item in iterate(&required(name, "value", value)?)? {
        let key = fold_case(path.get(&item)?, flag(&case));
        let better = match &best {
            None => true,
            Some((best, _)) if name == "min" => less(&key, best)?,
            Some((best, _)) => greater(&key, best)?,
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or(Value::UNDEFINED, |(_, item)| item))
}

fn sum(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, attribute, start] = bind("sum", ["iterable", "attribute", "start"], args)?;
    let path = Path::optional(&attribute);
    let mut total = start.unwrap_or_else(|| Value::from(0));
    for item in iterate(&required("sum", "iterable", value)?)? {
        total = ops::add(&total, &path.get(&item)?)?;
    }
    Ok(total)
}

fn join(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, separator, attribute] = bind("join", ["value", "d", "attribute"], args)?;
    let value = required("join", "value", value)?;
    let separator = separator.as_ref().map(repr::py_str).unwrap_or_default();
    let path = Path::optional(&attribute);
    let mut out = String::new();
    for (index, item) in iterate(&value)?.iter().enumerate() {
        if index > 0 {
            out.push_str(&separator);
        }
        repr::write_str(&mut out, &path.get(item)?).map_err(Error::from)?;
    }
    Ok(Value::from(out))
}

fn list(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("list", ["value"], args)?;
    iterate(&required("list", "value", value)?).map(List::value)
}

fn first(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("first", ["seq"], args)?;
    let value = required("first", "seq", value)?;
    if value.kind() == ValueKind::Seq {
        return value.get_item_by_index(0);
    }
    Ok(iterate(&value)?.into_iter().next().unwrap_or_default())
}

fn last(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("last", ["seq"], args)?;
    let value = required("last", "seq", value)?;
    Ok(iterate(&value)?.pop().unwrap_or_default())
}

fn length(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("length", ["obj"], args)?;
    let value = required("length", "obj", value)?;
    if value.is_undefined() {
        return Ok(Value::from(0));
    }
    value
        .len()
        .map(Value::from)
        .ok_or_else(|| error(format!("object of type '{}' has no len()", type_name(&value))))
}

fn reverse(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("reverse", ["value"], args)?;
    let value = required("reverse", "value", value)?;
    if let (Some(text), ValueKind::String) = (value.as_str(), value.kind()) {
        return Ok(Value::from(text.chars().rev().collect::<String>()));
    }
    let mut items = iterate(&value)?;
    items.reverse();
    Ok(Generator::value(items))
}

fn batch(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, count, fill] = bind("batch", ["value", "linecount", "fill_with"], args)?;
    let items = iterate(&required("batch", "value", value)?)?;
    let count = integer("batch", &required("batch", "linecount", count)?)?;
    let count = usize::try_from(count).ok().filter(|count| *count > 0);
    let count = count.ok_or_else(|| error("batch needs a positive number"))?;
    let fill = fill.filter(|fill| !fill.is_none());
    let batches = items.chunks(count).map(|chunk| {
        let mut row = chunk.to_vec();
        if let Some(fill) = &fill {
            row.resize(count, fill.clone());
        }
        List::value(row)
    });
    Ok(Generator::value(batches.collect()))
}

fn slice(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, count, fill] = bind("slice", ["value", "slices", "fill_with"], args)?;
    let items = iterate(&required("slice", "value", value)?)?;
    let count = opt_integer("slice", &count)?.and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|c| *c > 0).ok_or_else(|| error("slice needs a positive number"))?;
    let fill = fill.filter(|fill| !fill.is_none());
    let (each, extra) = (items.len() / count, items.len() % count);
    let mut rest = items.as_slice();
    let slices = (0..count).map(|index| {
        let (row, after) = rest.split_at(each + usize::from(index < extra));
        rest = after;
        let mut row = row.to_vec();
        if index >= extra {
            row.extend(fill.clone());
        }
        List::value(row)
    });
    Ok(Generator::value(slices.collect()))
}

fn dictsort(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["value", "case_sensitive", "by", "reverse"];
    let [value, case, by, reverse] = bind("dictsort", names, args)?;
    let pairs = pairs_of(&required("dictsort", "value", value)?)?;
    let by_value = match by.as_ref().map_or(Some("key"), Value::as_str) {
        Some("key") => false,
        Some("value") => true,
        _ => return Err(error("You can only sort by either \"key\" or \"value\"")),
    };
    let key = |pair: &(Value, Value)| {
        fold_case(if by_value { pair.1.clone() } else { pair.0.clone() }, flag(&case))
    };
    let sorted = sort_by(pairs, flag(&reverse), |a, b| less(&key(a), &key(b)))?;
    Ok(List::value(pair_tuples(sorted)))
}

fn items(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = bind("items", ["value"], args)?;
    let value = required("items", "value", value)?;
    match value.kind() {
        ValueKind::Undefined => Ok(Generator::value(Vec::new())),
        ValueKind::Map => Ok(Generator::value(pair_tuples(pairs_of(&value)?))),
        _ => Err(error("Can only get item pairs from a mapping.")),
    }
}

/// `zip(*iterables)`: tuples up to the shortest.
pub(super) fn zip(columns: &[Vec<Value>]) -> Vec<Value> {
    let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
    (0..rows)
        .map(|row| Value::from(Tuple::new(columns.iter().map(|c| c[row].clone()).collect())))
        .collect()
}
