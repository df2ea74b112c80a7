//! The definitions of selectors.yml → selections, and as dbt's manifest lists them.
//!
//! <https://docs.getdbt.com/reference/node-selection/yaml-selectors>. Reads no files.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::Indirect;
use super::spec::{Criterion, Depth, Operator, Spec, method_named};
use crate::config::NamedSelector;
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};

/// All selectors of selectors.yml.
#[derive(Debug, Clone, Default)]
pub struct Selectors {
    specs: IndexMap<String, Spec>,
    default: Option<String>,
    listed: Map<String, Value>,
}

impl Selectors {
    /// Understands the definitions; `indirect` is the mode of those that name none.
    ///
    /// # Errors
    /// `BAD_SELECTOR`, at the entry.
    pub fn new(entries: &[NamedSelector], indirect: Indirect) -> Result<Selectors> {
        let mut all = Selectors::default();
        for entry in entries {
            let spec = Reader { known: &all.specs, indirect }
                .root(&entry.definition)
                .map_err(|error| Box::new(error.or_at(Some(entry.location.clone()))))?;
            all.specs.insert(entry.name.clone(), spec);
            let mut listed = entry.entry.clone();
            let definition = all.list(&entry.definition);
            listed.insert("definition".into(), definition);
            all.listed.insert(entry.name.clone(), Value::Object(listed));
            if entry.default {
                all.default = Some(entry.name.clone());
            }
        }
        Ok(all)
    }

    /// The selection of a name.
    ///
    /// # Errors
    /// `BAD_SELECTOR` where there is none of that name.
    pub fn get(&self, name: &str) -> Result<&Spec> {
        self.specs.get(name).ok_or_else(|| {
            let known: Vec<String> = self.specs.keys().map(|name| format!("'{name}'")).collect();
            let mut error = Diagnostic::error(
                Code::BAD_SELECTOR,
                format!(
                    "Could not find selector named {name}, expected one of [{}]",
                    known.join(", ")
                ),
            );
            error.help.extend(did_you_mean(name, self.specs.keys().map(String::as_str)));
            Box::new(error.help("Selectors are defined in selectors.yml, beside dbt_project.yml."))
        })
    }

    /// The name of the selector that is taken where nothing is selected.
    pub fn default_name(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// The entries as dbt's manifest has them: definitions spelled out as maps.
    pub fn listed(&self) -> &Map<String, Value> {
        &self.listed
    }

    fn list(&self, definition: &Value) -> Value {
        let of_list = |value: &Value| match value {
            Value::Array(many) => many.iter().map(|one| self.list(one)).collect(),
            one => one.clone(),
        };
        let map = match definition {
            Value::String(text) => return listed_text(text),
            Value::Object(map) => map,
            other => return other.clone(),
        };
        for operator in ["union", "intersection"] {
            if let Some(parts) = map.get(operator) {
                return json!({operator: of_list(parts)});
            }
        }
        match map.iter().next() {
            Some((key, value)) if key == "exclude" => json!({"exclude": of_list(value)}),
            Some((key, value)) if map.len() == 1 => json!({"method": key, "value": of_list(value)}),
            Some((key, value)) if key == "method" && value == "selector" => {
                let name = map.get("value").and_then(Value::as_str).unwrap_or_default();
                self.listed.get(name).map_or(Value::Null, |entry| entry["definition"].clone())
            }
            _ => definition.clone(),
        }
    }
}

/// A selector of the command line as a map.
fn listed_text(text: &str) -> Value {
    let Ok(criterion) = Criterion::parse(text) else { return text.into() };
    let mut map = Map::new();
    let mut method = criterion.method().as_str().to_owned();
    for argument in &criterion.arguments {
        method = format!("{method}.{argument}");
    }
    let mut depth = |key: &str, depth: Option<Depth>| {
        if let Some(depth) = depth {
            map.insert(key.to_owned(), true.into());
            if let Depth::Steps(steps) = depth {
                map.insert(format!("{key}_depth"), steps.to_string().into());
            }
        }
    };
    depth("parents", criterion.parents);
    depth("children", criterion.children);
    if criterion.childrens_parents {
        map.insert("childrens_parents".into(), true.into());
    }
    map.insert("method".into(), method.into());
    if !criterion.value.is_empty() {
        map.insert("value".into(), criterion.value.into());
    }
    Value::Object(map)
}

struct Reader<'a> {
    known: &'a IndexMap<String, Spec>,
    indirect: Indirect,
}

fn bad(message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::BAD_SELECTOR, message))
}

impl Reader<'_> {
    fn root(&self, definition: &Value) -> Result<Spec> {
        if let Value::Object(map) = definition
            && (map.contains_key("union") || map.contains_key("intersection"))
            && map.len() > 1
        {
            let keys: Vec<&str> = map.keys().map(String::as_str).collect();
            return Err(bad(format!(
                "Only a single 'union' or 'intersection' key is allowed in a root level selector \
                 definition; found {}.",
                keys.join(",")
            )));
        }
        self.definition(definition)
    }

    fn definition(&self, definition: &Value) -> Result<Spec> {
        match definition {
            Value::String(text) => {
                Ok(Spec::One { criterion: Criterion::parse(text)?, indirect: self.indirect })
            }
            Value::Object(map) => match (map.get("union"), map.get("intersection")) {
                (Some(parts), _) => self.group("union", parts),
                (None, Some(parts)) => self.group("intersection", parts),
                (None, None) => self.map(map),
            },
            other => Err(bad(format!(
                "Expected to find union, intersection, str or dict, instead found {other}"
            ))),
        }
    }

    fn parts<'v>(&self, key: &str, value: &'v Value) -> Result<&'v [Value]> {
        match value {
            Value::Array(parts) => {
                match parts.iter().find(|part| !part.is_string() && !part.is_object()) {
                    None => Ok(parts),
                    Some(other) => Err(bad(format!(
                        "Invalid value in key \"{key}\", expected dict or str (value: {other})."
                    ))),
                }
            }
            _ => Err(bad(format!("Invalid value for key \"{key}\". Expected a list."))),
        }
    }

    fn group(&self, key: &str, value: &Value) -> Result<Spec> {
        let mut included = Vec::new();
        let mut excluded = None;
        for part in self.parts(key, value)? {
            match part.as_object().and_then(|map| map.get("exclude").zip(Some(map))) {
                Some((exclude, map)) if !map.contains_key("method") => {
                    if excluded.is_some() {
                        return Err(bad(
                            "You cannot provide multiple exclude arguments to the same selector \
                             set operator",
                        ));
                    }
                    excluded = Some(self.excluded(exclude)?);
                }
                _ => included.push(self.definition(part)?),
            }
        }
        let operator = match key {
            "union" => Operator::Union,
            _ => Operator::Intersection,
        };
        let group = many(operator, included);
        Ok(match excluded.flatten() {
            Some(excluded) => many(Operator::Difference, vec![group, excluded]),
            None => group,
        })
    }

    fn excluded(&self, value: &Value) -> Result<Option<Spec>> {
        let parts = self.parts("exclude", value)?;
        let mut parts: Vec<Spec> =
            parts.iter().map(|part| self.definition(part)).collect::<Result<_>>()?;
        Ok(match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(many(Operator::Union, parts)),
        })
    }

    fn map(&self, map: &Map<String, Value>) -> Result<Spec> {
        let keys = || map.keys().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(", ");
        let (method, value) = match (map.get("method"), map.get("value"), map.iter().next()) {
            (_, _, Some((key, value))) if map.len() == 1 => (key.as_str(), value),
            (Some(method), value, _) if method == "selector" => {
                let name = value.and_then(Value::as_str).unwrap_or_default();
                return self.known.get(name).cloned().ok_or_else(|| {
                    bad(format!("Existing selector definition for {name} not found."))
                });
            }
            (Some(Value::String(method)), Some(value), _) => (method.as_str(), value),
            _ => {
                return Err(bad(format!(
                    "Expected either 1 key or else \"method\" and \"value\" keys, but got [{}]",
                    keys()
                )));
            }
        };
        let one = Spec::One {
            criterion: criterion(method, value, map)?,
            indirect: match map.get("indirect_selection") {
                None => self.indirect,
                Some(mode) => mode
                    .as_str()
                    .and_then(Indirect::named)
                    .ok_or_else(|| bad(format!("{mode} is not a valid IndirectSelection")))?,
            },
        };
        let excluded = match map.get("exclude") {
            Some(value) if map.len() > 1 => self.excluded(value)?,
            _ => None,
        };
        Ok(match excluded {
            Some(excluded) => many(Operator::Difference, vec![one, excluded]),
            None => one,
        })
    }
}

fn many(operator: Operator, parts: Vec<Spec>) -> Spec {
    Spec::Many { operator, parts, indirect: Indirect::Eager, expected: None }
}

fn criterion(method: &str, value: &Value, map: &Map<String, Value>) -> Result<Criterion> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null => String::new(),
        _ => return Err(bad(format!("`{method}` takes one value, not {value}"))),
    };
    let truthy = |key: &str| match map.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(on)) => *on,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    let depth = |key: &str| -> Result<Option<Depth>> {
        if !truthy(key) {
            return Ok(None);
        }
        let key = format!("{key}_depth");
        let steps = match map.get(&key) {
            None | Some(Value::Null) => return Ok(Some(Depth::All)),
            Some(Value::String(text)) => text.parse().ok(),
            Some(number) => number.as_u64().and_then(|steps| usize::try_from(steps).ok()),
        };
        match steps {
            Some(steps) => Ok(Some(Depth::Steps(steps))),
            None => Err(bad(format!("Invalid node spec - could not handle {key} {}", map[&key]))),
        }
    };
    let mut parts = method.split('.');
    let named = method_named(parts.next().unwrap_or_default(), method)?;
    let criterion = Criterion {
        childrens_parents: truthy("childrens_parents"),
        parents: depth("parents")?,
        named_method: Some(named),
        arguments: parts.map(str::to_owned).collect(),
        value: text,
        children: depth("children")?,
    };
    if criterion.childrens_parents && criterion.children.is_some() {
        return Err(bad(format!(
            "Invalid node spec {criterion} - \"@\" prefix and \"+\" suffix are incompatible"
        )));
    }
    Ok(criterion)
}
