//! `type_params` of a metric: what a metric of each type is made of, its filters and its windows.

use serde_json::{Map, Value, json};

use super::entry::Entry;
use crate::diagnostic::Result;

pub(super) const GRANULARITIES: &[&str] = &[
    "nanosecond",
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
];

/// What a metric of its type cannot be without.
pub(super) fn needs(entry: &Entry, kind: &Value, params: &Entry) -> Result<()> {
    let wanted: &[&str] = match kind.as_str().unwrap_or_default() {
        "simple" | "cumulative" => &["measure"],
        "ratio" => &["numerator", "denominator"],
        "conversion" => &["conversion_type_params"],
        _ => &[],
    };
    match wanted.iter().find(|key| params.any(key).is_null()) {
        None => Ok(()),
        Some(key) => Err(entry.error(
            format!("This metric has no `type_params: {key}`"),
            &format!("A metric of its type needs {}.", wanted.join(" and ")),
        )),
    }
}

pub(super) fn type_params(params: &Entry, is_cumulative: bool) -> Result<Value> {
    params.known(&[
        "measure",
        "numerator",
        "denominator",
        "expr",
        "window",
        "grain_to_date",
        "metrics",
        "conversion_type_params",
        "cumulative_type_params",
    ])?;
    let metrics: Vec<Value> = params
        .list("metrics")?
        .iter()
        .map(|one| metric_input(params, one))
        .collect::<Result<_>>()?;
    let conversion = match params.any("conversion_type_params") {
        Value::Null => Value::Null,
        set => {
            let set = params.below("`conversion_type_params`", &set)?.map.clone();
            let set =
                Entry { what: "`conversion_type_params`", map: &set, location: params.location };
            let calculation = match set.any("calculation") {
                Value::Null => "conversion_rate".into(),
                _ => set.one_of("calculation", &["conversions", "conversion_rate"])?,
            };
            json!({
                "base_measure": input_measure(&set, &set.any("base_measure"))?,
                "conversion_measure": input_measure(&set, &set.any("conversion_measure"))?,
                "entity": set.required("entity")?,
                "calculation": calculation,
                "window": window(&set, &set.any("window"))?,
                "constant_properties": set.any("constant_properties"),
            })
        }
    };
    let cumulative = if is_cumulative {
        let set = params.any("cumulative_type_params");
        let pick = |key: &str| match set.get(key).filter(|value| !value.is_null()) {
            Some(value) => value.clone(),
            None => params.any(key),
        };
        let period = set.get("period_agg").filter(|value| !value.is_null()).cloned();
        json!({
            "window": window(params, &pick("window"))?,
            "grain_to_date": pick("grain_to_date"),
            "period_agg": period.unwrap_or_else(|| "first".into()),
            "metric": null,
        })
    } else {
        Value::Null
    };
    let grain = match params.any("grain_to_date") {
        Value::Null => Value::Null,
        _ => params.one_of("grain_to_date", GRANULARITIES)?,
    };
    Ok(json!({
        "measure": input_measure(params, &params.any("measure"))?,
        "input_measures": [],
        "numerator": metric_input(params, &params.any("numerator"))?,
        "denominator": metric_input(params, &params.any("denominator"))?,
        "expr": params.text("expr"),
        "window": window(params, &params.any("window"))?,
        "grain_to_date": grain,
        "metrics": metrics,
        "conversion_type_params": conversion,
        "cumulative_type_params": cumulative,
        "metric_aggregation_params": null,
    }))
}

fn input_measure(entry: &Entry, value: &Value) -> Result<Value> {
    let keys = &["name", "filter", "alias", "join_to_timespine", "fill_nulls_with"];
    let Some((name, set)) = named(entry, value, "a measure of a metric", keys)? else {
        return Ok(Value::Null);
    };
    let set = Entry { what: "a measure of a metric", map: &set, location: entry.location };
    Ok(json!({
        "name": name,
        "filter": filter(&set.any("filter")),
        "alias": set.any("alias"),
        "join_to_timespine": set.flag("join_to_timespine"),
        "fill_nulls_with": set.any("fill_nulls_with"),
    }))
}

fn metric_input(entry: &Entry, value: &Value) -> Result<Value> {
    let keys = &["name", "filter", "alias", "offset_window", "offset_to_grain"];
    let Some((name, set)) = named(entry, value, "a metric of a metric", keys)? else {
        return Ok(Value::Null);
    };
    let set = Entry { what: "a metric of a metric", map: &set, location: entry.location };
    Ok(json!({
        "name": name,
        "filter": filter(&set.any("filter")),
        "alias": set.any("alias"),
        "offset_window": window(&set, &set.any("offset_window"))?,
        "offset_to_grain": set.any("offset_to_grain"),
    }))
}

/// What may be written as a name alone, or as a map with a name; `None` where there is nothing.
fn named(
    entry: &Entry,
    value: &Value,
    what: &str,
    keys: &[&str],
) -> Result<Option<(String, Map<String, Value>)>> {
    match value {
        Value::Null => Ok(None),
        Value::String(name) => Ok(Some((name.clone(), Map::new()))),
        set => {
            let set = entry.below(what, set)?;
            set.known(keys)?;
            Ok(Some((set.required("name")?, set.map.clone())))
        }
    }
}

pub(super) fn filter(value: &Value) -> Value {
    let one = |text: &Value| json!({"where_sql_template": text});
    match value {
        Value::Null => Value::Null,
        Value::Array(many) => json!({"where_filters": many.iter().map(one).collect::<Vec<_>>()}),
        text => json!({"where_filters": [one(text)]}),
    }
}

/// `28 days` → a count and a granularity.
fn window(entry: &Entry, value: &Value) -> Result<Value> {
    let Value::String(text) = value else { return Ok(Value::Null) };
    let lower = text.to_lowercase();
    let parts: Vec<&str> = lower.split(' ').collect();
    let help = "Write a count and a granularity: 28 days.";
    let [count, granularity] = parts.as_slice() else {
        return Err(entry.error(format!("Invalid window ({text})"), help));
    };
    let Ok(count) = count.parse::<u64>() else {
        return Err(entry.error(format!("Invalid count ({count}) in the window ({text})"), help));
    };
    let singular = granularity.strip_suffix('s').filter(|one| GRANULARITIES.contains(one));
    Ok(json!({"count": count, "granularity": singular.unwrap_or(granularity)}))
}
