//! Freshness of a source from all the levels that it may be written on, merged as dbt does: the
//! source, its config, the table, its config. Asks no database; `run::freshness` does.

use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Source;

/// What decides about the freshness of a source.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Freshness {
    /// `None` where nothing was said, null where it was turned off.
    pub thresholds: Option<Value>,
    pub loaded_at_field: Option<String>,
    pub loaded_at_query: Option<String>,
}

/// The keys as they stand on one level.
#[derive(Clone, Copy)]
pub(super) struct Level<'a> {
    pub freshness: Option<&'a Value>,
    pub loaded_at_field: Option<&'a Value>,
    pub loaded_at_query: Option<&'a Value>,
}

impl<'a> Level<'a> {
    /// The keys of a map.
    pub fn of(get: impl Fn(&str) -> Option<&'a Value>) -> Self {
        Level {
            freshness: get("freshness"),
            loaded_at_field: get("loaded_at_field"),
            loaded_at_query: get("loaded_at_query"),
        }
    }
}

/// Merges the levels: the source and its config, the table and its config.
pub(super) fn merge(source: [Level<'_>; 2], table: [Level<'_>; 2]) -> Freshness {
    let levels = [source[0], source[1], table[0], table[1]];
    let empty = json!({});
    let mut merged = Some(Value::Object(Map::new()));
    for level in levels {
        merged = match (merged, level.freshness.unwrap_or(&empty)) {
            (_, Value::Null) => None,
            (None, update) if limits(update) => Some(update.clone()),
            (None, _) => None,
            (Some(base), update) => Some(over(&base, update)),
        };
    }
    let said = levels.iter().any(|level| level.freshness.is_some());
    let thresholds = match merged {
        None => Some(Value::Null),
        Some(thresholds) if said => Some(thresholds),
        Some(_) => None,
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let field_of = |levels: [Level<'_>; 2]| {
        text(levels[0].loaded_at_field).or_else(|| text(levels[1].loaded_at_field))
    };
    let query_of = |levels: [Level<'_>; 2]| {
        text(levels[0].loaded_at_query).or_else(|| text(levels[1].loaded_at_query))
    };
    let own_field = table.iter().any(|level| level.loaded_at_field.is_some());
    let own_query = query_of(table);
    Freshness {
        thresholds,
        loaded_at_field: if own_field { field_of(table) } else { field_of(source) },
        loaded_at_query: match own_query {
            None if !own_field => query_of(source),
            own => own,
        },
    }
}

/// The warning for limits that nothing can be held against: neither engine knows by itself when a
/// table was last changed.
pub(super) fn doubt(source: &Source) -> Option<Diagnostic> {
    let limited = source.freshness.as_ref().is_some_and(limits);
    if !limited || source.loaded_at_field.is_some() || source.loaded_at_query.is_some() {
        return None;
    }
    let name = format!("{}.{}", source.source_name, source.name);
    Some(
        Diagnostic::warning(
            Code::BAD_CONFIG,
            format!("The source `{name}` has limits of freshness, and no `loaded_at_field`"),
        )
        .event("FreshnessConfigProblem")
        .or_at(source.location.clone())
        .help("Name the column that says when a row came in, or write a `loaded_at_query`."),
    )
}

/// Whether a threshold limits anything.
pub(super) fn limits(threshold: &Value) -> bool {
    ["warn_after", "error_after"].iter().any(|key| is_time(&threshold[*key]))
}

fn is_time(time: &Value) -> bool {
    !time["count"].is_null() && !time["period"].is_null()
}

/// One threshold over another.
fn over(base: &Value, update: &Value) -> Value {
    let mut merged = Map::new();
    for key in ["warn_after", "error_after"] {
        let (before, after) = (base.get(key), update.get(key));
        let value = match (before, after) {
            (_, Some(Value::Null)) => Value::Null,
            (Some(before), Some(after)) if is_time(before) && !after.is_null() => {
                let part = |name: &str| match &after[name] {
                    Value::Null => before[name].clone(),
                    own => own.clone(),
                };
                json!({"count": part("count"), "period": part("period")})
            }
            (_, Some(after)) => after.clone(),
            (Some(before), None) => before.clone(),
            (None, None) => continue,
        };
        merged.insert(key.to_owned(), value);
    }
    let filter = update.get("filter").filter(|f| !f.is_null()).or_else(|| base.get("filter"));
    if let Some(filter) = filter {
        merged.insert("filter".to_owned(), filter.clone());
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(freshness: &Value) -> Level<'_> {
        Level { freshness: Some(freshness), loaded_at_field: None, loaded_at_query: None }
    }

    const NOTHING: Level<'static> =
        Level { freshness: None, loaded_at_field: None, loaded_at_query: None };

    #[test]
    fn tables_override_parts_and_may_turn_it_off() {
        let source = json!({"warn_after": {"count": 1, "period": "day"}, "filter": "a"});
        let table =
            json!({"warn_after": {"count": 2}, "error_after": {"count": 3, "period": "day"}});
        let merged = merge([level(&source), NOTHING], [level(&table), NOTHING]);
        assert_eq!(
            merged.thresholds,
            Some(json!({
                "warn_after": {"count": 2, "period": "day"},
                "error_after": {"count": 3, "period": "day"},
                "filter": "a"
            }))
        );
        let off = merge([level(&source), NOTHING], [level(&Value::Null), NOTHING]);
        assert_eq!(off.thresholds, Some(Value::Null));
        assert_eq!(merge([NOTHING; 2], [NOTHING; 2]), Freshness::default());
    }
}
