//! dbt's default of every config key, by resource type, as dbt-core 1.11 writes them into its
//! manifest; and the value that a node's config has once they are filled in.
//!
//! Selectors compare with these and the manifest prints them. Nothing is merged or stored.

use std::borrow::Cow;
use std::sync::LazyLock;

use indexmap::IndexMap;
use serde_json::Value;

use super::Member;
use crate::manifest::{FastHash, ResourceType};

/// Config keys with their defaults.
pub type Table = IndexMap<String, Value, FastHash>;

static TABLES: LazyLock<IndexMap<String, Table, FastHash>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("config_defaults.json"))
        .expect("the file is part of the program and a test reads it")
});

static NONE: LazyLock<Table> = LazyLock::new(Table::default);

/// Every config key of a kind with dbt's default, in the order of dbt's manifest; empty for kinds
/// without configuration.
pub fn config_defaults(kind: ResourceType) -> &'static Table {
    TABLES.get(kind.as_str()).unwrap_or(&NONE)
}

/// The value of a config key as dbt's manifest has it: what was set, what Pintail keeps beside
/// the config (tags, meta, engine, …), or dbt's default. `None` for a key that is in neither.
pub fn config_value<'m>(member: Member<'m>, key: &str) -> Option<Cow<'m, Value>> {
    let set = member.config().values.get(key);
    let map = |map: &IndexMap<String, Value>| {
        Value::Object(map.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
    };
    let own = match (key, member) {
        ("tags", Member::Node(_)) => Some(Value::from(member.config().tags())),
        ("tags", _) => Some(Value::from(member.tags().to_vec())),
        ("meta", Member::Node(node)) if set.is_none() => Some(map(&node.meta)),
        ("meta", Member::Source(source)) if set.is_none() => Some(map(&source.meta)),
        ("engine", _) => member.engine().map(Value::from),
        ("materialized", Member::Node(node)) => Some(node.materialized().into()),
        ("access", Member::Node(node)) if node.resource_type == ResourceType::Model => {
            Some(node.access.as_str().into())
        }
        ("group", Member::Node(node)) if node.resource_type != ResourceType::Test => {
            node.group.as_deref().map(Value::from)
        }
        _ => None,
    };
    if let Some(own) = own {
        return Some(Cow::Owned(own));
    }
    let default = || config_defaults(member.resource_type()).get(key);
    set.or_else(default).map(Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_there() {
        assert_eq!(config_defaults(ResourceType::Test)["severity"], "ERROR");
        assert_eq!(config_defaults(ResourceType::Model)["docs"]["show"], true);
        assert!(config_defaults(ResourceType::Macro).is_empty());
    }
}
