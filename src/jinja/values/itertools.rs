//! Python's `itertools` for templates. Everything is made at once.
//!
//! What has no end in Python (`count`, `cycle`, `repeat`) ends here after 100 000 items, the limit
//! that Jinja2's sandbox sets for `range`; products and permutations stop with an error at ten times that.

use minijinja::value::Tuple;
use minijinja::{Error, State, Value};

use super::args::{bind, error, iterate, opt_integer, required, split_kwargs};
use super::func::{Call, Function, Generator, Namespace};
use super::{List, ops};

const ENDLESS: usize = 100_000;
const LIMIT: usize = 1_000_000;

/// The module `itertools`.
pub(super) fn module() -> Value {
    let functions: [(&'static str, Call); 14] = [
        ("product", product),
        ("combinations", |_, args| chosen("combinations", args)),
        ("combinations_with_replacement", |_, args| chosen("combinations_with_replacement", args)),
        ("permutations", |_, args| chosen("permutations", args)),
        ("islice", islice),
        ("zip_longest", zip_longest),
        ("count", count),
        ("repeat", repeat),
        ("cycle", cycle),
        ("accumulate", accumulate),
        ("groupby", group_by),
        ("compress", compress),
        ("starmap", star_map),
        ("tee", tee),
    ];
    let mut members = functions.map(|(name, call)| (name, Function::value(name, call))).to_vec();
    let from_iterable = Function::value("from_iterable", |_, args| {
        let [items] = bind("from_iterable", ["iterable"], args)?;
        chain(&iterate(&required("from_iterable", "iterable", items)?)?)
    });
    let chain = Namespace::class(
        "itertools.chain",
        |_, args| chain(args),
        vec![("from_iterable", from_iterable)],
    );
    members.push(("chain", chain));
    Namespace::module("itertools", members)
}

fn chain(iterables: &[Value]) -> Result<Value, Error> {
    let mut items = Vec::new();
    for iterable in iterables {
        items.extend(iterate(iterable)?);
    }
    Ok(Generator::value(items))
}

fn tuple(items: Vec<Value>) -> Value {
    Value::from(Tuple::new(items))
}

fn product(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (pools, kwargs) = split_kwargs(args);
    let [repeat] = bind("product", ["repeat"], kwargs.map_or(&[], std::slice::from_ref))?;
    let repeat = usize::try_from(opt_integer("product", &repeat)?.unwrap_or(1)).unwrap_or(0);
    let pools = pools.iter().map(iterate).collect::<Result<Vec<_>, _>>()?;
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for _ in 0..repeat {
        for pool in &pools {
            if rows.len().saturating_mul(pool.len()) > LIMIT {
                return Err(error(format!("product() would give more than {LIMIT} items")));
            }
            rows = rows
                .iter()
                .flat_map(|row| pool.iter().map(|item| row.iter().chain([item]).cloned().collect()))
                .collect();
        }
    }
    Ok(Generator::value(rows.into_iter().map(tuple).collect()))
}

fn chosen(name: &'static str, args: &[Value]) -> Result<Value, Error> {
    let [items, r] = bind(name, ["iterable", "r"], args)?;
    let items = iterate(&required(name, "iterable", items)?)?;
    let r = match opt_integer(name, &r)? {
        Some(r) => usize::try_from(r).map_err(|_| error("r must be non-negative"))?,
        None if name == "permutations" => items.len(),
        None => return Err(error(format!("{name}() missing required argument 'r'"))),
    };
    let mut found = Vec::new();
    choose(name, &items, r, &mut Vec::new(), &mut found)?;
    Ok(Generator::value(found))
}

fn choose(
    name: &str,
    items: &[Value],
    r: usize,
    picked: &mut Vec<usize>,
    found: &mut Vec<Value>,
) -> Result<(), Error> {
    if picked.len() == r {
        if found.len() >= LIMIT {
            return Err(error(format!("{name}() would give more than {LIMIT} items")));
        }
        found.push(tuple(picked.iter().map(|index| items[*index].clone()).collect()));
        return Ok(());
    }
    let from = match (name, picked.last()) {
        ("permutations", _) | (_, None) => 0,
        ("combinations", Some(last)) => last + 1,
        (_, Some(last)) => *last,
    };
    for index in from..items.len() {
        if name == "permutations" && picked.contains(&index) {
            continue;
        }
        picked.push(index);
        choose(name, items, r, picked, found)?;
        picked.pop();
    }
    Ok(())
}

fn islice(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [items, a, b, step] = bind("islice", ["iterable", "start", "stop", "step"], args)?;
    let items = iterate(&required("islice", "iterable", items)?)?;
    let number = |value: &Option<Value>| -> Result<Option<usize>, Error> {
        opt_integer("islice", value)?
            .map(|n| usize::try_from(n).map_err(|_| error("islice() takes no negative numbers")))
            .transpose()
    };
    let (start, stop) = match &b {
        Some(_) => (number(&a)?.unwrap_or(0), number(&b)?),
        None => (0, number(&a)?),
    };
    let step = number(&step)?.unwrap_or(1).max(1);
    let stop = stop.unwrap_or(items.len()).min(items.len());
    let picked = (start.min(stop)..stop).step_by(step).map(|index| items[index].clone());
    Ok(Generator::value(picked.collect()))
}

fn zip_longest(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (columns, kwargs) = split_kwargs(args);
    let [fill] = bind("zip_longest", ["fillvalue"], kwargs.map_or(&[], std::slice::from_ref))?;
    let fill = fill.unwrap_or_else(|| Value::from(()));
    let columns = columns.iter().map(iterate).collect::<Result<Vec<_>, _>>()?;
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let row =
        |at: usize| tuple(columns.iter().map(|c| c.get(at).unwrap_or(&fill).clone()).collect());
    Ok(Generator::value((0..rows).map(row).collect()))
}

fn count(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [start, step] = bind("count", ["start", "step"], args)?;
    let mut next = start.unwrap_or_else(|| Value::from(0));
    let step = step.unwrap_or_else(|| Value::from(1));
    let mut numbers = Vec::with_capacity(ENDLESS);
    for _ in 0..ENDLESS {
        let after = ops::add(&next, &step)?;
        numbers.push(std::mem::replace(&mut next, after));
    }
    Ok(Generator::value(numbers))
}

fn repeat(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [item, times] = bind("repeat", ["object", "times"], args)?;
    let item = required("repeat", "object", item)?;
    let times = match opt_integer("repeat", &times)? {
        Some(times) => usize::try_from(times).unwrap_or(0).min(LIMIT),
        None => ENDLESS,
    };
    Ok(Generator::value(vec![item; times]))
}

fn cycle(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [items] = bind("cycle", ["iterable"], args)?;
    let items = iterate(&required("cycle", "iterable", items)?)?;
    Ok(Generator::value(items.iter().cycle().take(ENDLESS).cloned().collect()))
}

fn accumulate(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [items, func, initial] = bind("accumulate", ["iterable", "func", "initial"], args)?;
    let mut items = iterate(&required("accumulate", "iterable", items)?)?.into_iter();
    let mut sums: Vec<Value> =
        initial.filter(|initial| !initial.is_none()).or_else(|| items.next()).into_iter().collect();
    for item in items {
        let Some(last) = sums.last() else { break };
        let next = match &func {
            Some(func) if !func.is_none() => func.call(state, &[last.clone(), item])?,
            _ => ops::add(last, &item)?,
        };
        sums.push(next);
    }
    Ok(Generator::value(sums))
}

fn group_by(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [items, key] = bind("groupby", ["iterable", "key"], args)?;
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in iterate(&required("groupby", "iterable", items)?)? {
        let key = match &key {
            Some(key) if !key.is_none() => key.call(state, std::slice::from_ref(&item))?,
            _ => item.clone(),
        };
        match groups.last_mut() {
            Some((last, group)) if *last == key => group.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let pairs = groups.into_iter().map(|(key, group)| tuple(vec![key, List::value(group)]));
    Ok(Generator::value(pairs.collect()))
}

fn compress(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [items, selectors] = bind("compress", ["data", "selectors"], args)?;
    let items = iterate(&required("compress", "data", items)?)?;
    let selectors = iterate(&required("compress", "selectors", selectors)?)?;
    let kept = items.into_iter().zip(selectors).filter(|(_, selector)| selector.is_true());
    Ok(Generator::value(kept.map(|(item, _)| item).collect()))
}

fn star_map(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [func, items] = bind("starmap", ["function", "iterable"], args)?;
    let func = required("starmap", "function", func)?;
    let mut results = Vec::new();
    for item in iterate(&required("starmap", "iterable", items)?)? {
        results.push(func.call(state, &iterate(&item)?)?);
    }
    Ok(Generator::value(results))
}

fn tee(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [items, n] = bind("tee", ["iterable", "n"], args)?;
    let items = iterate(&required("tee", "iterable", items)?)?;
    let n = usize::try_from(opt_integer("tee", &n)?.unwrap_or(2)).unwrap_or(0).min(1000);
    Ok(tuple((0..n).map(|_| Generator::value(items.clone())).collect()))
}
