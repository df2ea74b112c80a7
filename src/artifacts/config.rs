//! A node's `config` with dbt's defaults written out, in dbt's order, then the user's own keys,
//! then `engine`. Values are borrowed; nothing is merged that parsing has not merged.

use indexmap::IndexMap;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::graph::{Member, defaults};
use crate::manifest::{Hook, ResourceType};

/// The config of a node, source or exposure.
pub(super) struct ConfigOut<'a>(pub Member<'a>);

impl Serialize for ConfigOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let member = self.0;
        let config = member.config();
        let defaults = defaults::config_defaults(member.resource_type());
        let mut map = out.serialize_map(None)?;
        for (key, default) in defaults {
            let set = config.values.get(key);
            match (key.as_str(), member) {
                ("tags", Member::Node(_)) => map.serialize_entry(key, &config.tags())?,
                ("tags", _) => map.serialize_entry(key, member.tags())?,
                ("meta", Member::Node(node)) if set.is_none() => {
                    map.serialize_entry(key, &node.meta)?;
                }
                ("meta", Member::Source(source)) if set.is_none() => {
                    map.serialize_entry(key, &source.meta)?;
                }
                ("meta", Member::Exposure(exposure)) if set.is_none() => {
                    map.serialize_entry(key, &exposure.meta)?;
                }
                ("group", Member::Node(node)) if node.resource_type != ResourceType::Test => {
                    map.serialize_entry(key, &node.group)?;
                }
                ("access", Member::Node(node)) => {
                    map.serialize_entry(key, node.access.as_str())?;
                }
                ("materialized", Member::Node(node)) => {
                    map.serialize_entry(key, node.materialized())?;
                }
                ("pre-hook" | "post-hook", _) => {
                    map.serialize_entry(key, &Hooks(&config.hooks(key)))?;
                }
                ("store_failures", _) => map.serialize_entry(key, &config.stores_failures())?,
                ("store_failures_as", _) => {
                    map.serialize_entry(key, &stores_failures_as(member))?;
                }
                ("freshness", Member::Source(source)) => {
                    let set = source.freshness.as_ref();
                    map.serialize_entry(key, &Filled { set, default })?;
                }
                ("loaded_at_field", Member::Source(source)) => {
                    map.serialize_entry(key, &source.loaded_at_field)?;
                }
                ("loaded_at_query", Member::Source(source)) => {
                    map.serialize_entry(key, &source.loaded_at_query)?;
                }
                ("docs" | "contract", _) => {
                    // dbt keeps those keys of them that it knows.
                    let known = default.as_object().into_iter().flatten();
                    let known: IndexMap<&str, &Value> = known
                        .map(|(key, default)| {
                            let set = set.and_then(|set| set.get(key));
                            (key.as_str(), set.unwrap_or(default))
                        })
                        .collect();
                    map.serialize_entry(key, &known)?;
                }
                _ => map.serialize_entry(key, &Filled { set, default })?,
            }
        }
        for (key, value) in &config.values {
            // Constraints are a property, wherever they were said.
            if !defaults.contains_key(key) && !matches!(key.as_str(), "engine" | "constraints") {
                map.serialize_entry(key, value)?;
            }
        }
        // Where it was said: dbt's own projects keep the keys that they have.
        if let Some(engine) = member.engine().filter(|_| config.values.contains_key("engine")) {
            map.serialize_entry("engine", engine)?;
        }
        map.end()
    }
}

fn stores_failures_as(member: Member<'_>) -> Option<&str> {
    member.config().text("store_failures_as").or_else(|| {
        let stores = member.config().flag("store_failures")?;
        Some(if stores { "table" } else { "ephemeral" })
    })
}

/// A value that was set, or the default; an object gets the default's keys that it lacks.
pub(super) struct Filled<'a> {
    pub set: Option<&'a Value>,
    pub default: &'a Value,
}

impl Serialize for Filled<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match (self.set, self.default) {
            (None, default) => default.serialize(out),
            (Some(Value::Object(set)), Value::Object(default)) => {
                let mut map = out.serialize_map(None)?;
                for (key, default) in default {
                    map.serialize_entry(key, &Filled { set: set.get(key), default })?;
                }
                for (key, value) in set.iter().filter(|(key, _)| !default.contains_key(*key)) {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            (Some(set), _) => set.serialize(out),
        }
    }
}

struct Hooks<'a>(&'a [Hook]);

impl Serialize for Hooks<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct HookOut<'a> {
            sql: &'a str,
            transaction: bool,
            index: Option<usize>,
        }
        let mut list = out.serialize_seq(Some(self.0.len()))?;
        for hook in self.0 {
            let out = HookOut { sql: &hook.sql, transaction: hook.transaction, index: None };
            list.serialize_element(&out)?;
        }
        list.end()
    }
}
