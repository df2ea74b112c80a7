//! The configuration of a node: the keys that were set, with typed getters for those that Pintail
//! itself reads. Defaults live in the getters, so a node without configuration costs nothing.

use indexmap::{IndexMap, IndexSet};
use serde_json::Value;

use super::FastHash;

/// A hook: SQL that runs before or after a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The Jinja-SQL as written.
    pub sql: String,
    /// Whether it runs in the node's transaction (dbt's `transaction`, default true).
    pub transaction: bool,
}

impl Hook {
    /// The hooks that a configuration holds: a text, a dict, or a list of them. A text that is
    /// the JSON of a dict is what dbt's `before_begin()` and its kin write.
    pub fn all(value: &Value) -> Vec<Hook> {
        match value {
            Value::Array(many) => many.iter().filter_map(Hook::one).collect(),
            value => Hook::one(value).into_iter().collect(),
        }
    }

    fn one(value: &Value) -> Option<Hook> {
        match value {
            Value::String(sql) => {
                let dict = Some(sql.trim()).filter(|text| text.starts_with('{'));
                let dict = dict.and_then(|text| serde_json::from_str::<Value>(text).ok());
                let hook = dict.filter(Value::is_object).as_ref().and_then(Hook::one);
                hook.or_else(|| Some(Hook { sql: sql.clone(), transaction: true }))
            }
            Value::Object(map) => map.get("sql").and_then(Value::as_str).map(|sql| Hook {
                sql: sql.to_owned(),
                transaction: map.get("transaction").and_then(Value::as_bool).unwrap_or(true),
            }),
            _ => None,
        }
    }
}

/// The keys that were set for a node after all levels were merged, under dbt's names
/// (`pre-hook` and `post-hook` with a dash).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeConfig {
    pub values: IndexMap<String, Value, FastHash>,
}

impl NodeConfig {
    /// The value of a key, if set and not null.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).filter(|v| !v.is_null())
    }

    /// A text value.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Value::as_str)
    }

    /// A boolean value.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key).and_then(Value::as_bool)
    }

    /// A value that may be one text or a list of them.
    pub fn text_list(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(many)) => {
                many.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// `enabled`, by default true.
    pub fn enabled(&self) -> bool {
        self.flag("enabled").unwrap_or(true)
    }

    /// `failures_limit` of a test: how many failing rows the results store keeps of a check.
    pub fn failures_limit(&self) -> usize {
        let limit = self.get("failures_limit").and_then(Value::as_u64);
        limit.map_or(100, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// `tags`
    pub fn tags(&self) -> Vec<String> {
        self.text_list("tags")
    }

    /// Its tags, each once.
    pub fn distinct_tags(&self) -> Vec<String> {
        let tags: IndexSet<String> = self.tags().into_iter().collect();
        tags.into_iter().collect()
    }

    /// Of a test: whether it keeps its failing rows as a relation, where that is said.
    pub fn stores_failures(&self) -> Option<bool> {
        match self.text("store_failures_as") {
            Some(kept_as) => Some(kept_as != "ephemeral"),
            None => self.flag("store_failures"),
        }
    }

    /// `pre-hook` or `post-hook`, in order.
    pub fn hooks(&self, key: &str) -> Vec<Hook> {
        match self.get(key) {
            Some(value) => Hook::all(value),
            None => Vec::new(),
        }
    }
}
