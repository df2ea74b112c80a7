//! Config precedence: dbt_project.yml, then properties, then `config()`; and for nodes of a
//! package, the root project's dbt_project.yml above them all.
//!
//! How values of two levels meet is per key, as dbt documents it: tags and hooks add up, `meta`
//! and its like merge by key, everything else is replaced.

use serde_json::{Map, Value};

use super::properties::texts_of;
use crate::config::{Config, config_section};
use crate::manifest::{NodeConfig, ResourceType};

/// Keys whose values are maps that merge by key.
const MERGED: &[&str] = &["meta", "column_types", "quoting", "persist_docs", "docs", "contract"];

/// Adds a level on top of what is there.
pub fn apply(config: &mut NodeConfig, level: impl IntoIterator<Item = (String, Value)>) {
    for (key, value) in level {
        apply_one(config, &key, value);
    }
}

/// Hooks by the name that they have in dbt_project.yml.
pub(super) fn dashed(key: &str) -> &str {
    match key {
        "pre_hook" => "pre-hook",
        "post_hook" => "post-hook",
        other => other,
    }
}

fn apply_one(config: &mut NodeConfig, key: &str, value: Value) {
    let key = dashed(key);
    match key {
        "tags" => {
            let mut tags = config.tags();
            tags.extend(texts_of(&value));
            config.values.insert(key.to_owned(), tags.into());
        }
        "pre-hook" | "post-hook" => {
            let mut all = match config.values.shift_remove(key) {
                Some(Value::Array(hooks)) => hooks,
                Some(Value::Null) | None => Vec::new(),
                Some(one) => vec![one],
            };
            match value {
                Value::Array(hooks) => all.extend(hooks),
                Value::Null => {}
                one => all.push(one),
            }
            config.values.insert(key.to_owned(), Value::Array(all));
        }
        "grants" => apply_grants(config, value),
        _ if MERGED.contains(&key) => match (config.values.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => below.extend(above),
            (_, value) => {
                config.values.insert(key.to_owned(), value);
            }
        },
        _ => {
            config.values.insert(key.to_owned(), value);
        }
    }
}

/// Adds what `config()` says, as a level for [`apply`]: grants keep their `+`.
pub fn note(config: &mut NodeConfig, values: impl IntoIterator<Item = (String, Value)>) {
    for (key, value) in values {
        let Value::Object(said) = value else {
            apply_one(config, &key, value);
            continue;
        };
        if key != "grants" {
            apply_one(config, &key, said.into());
            continue;
        }
        let known = config.values.entry(key).or_insert_with(|| Map::new().into());
        let Some(known) = known.as_object_mut() else { continue };
        for (privilege, grantees) in said {
            let more = match known.get(&privilege) {
                Some(before) if privilege.starts_with('+') => {
                    let mut all = texts_of(before);
                    all.extend(texts_of(&grantees));
                    all.into()
                }
                _ => grantees,
            };
            known.insert(privilege, more);
        }
    }
}

/// `+select: [x]` adds to the grantees of the level below, `select: [x]` replaces them.
fn apply_grants(config: &mut NodeConfig, value: Value) {
    let Value::Object(above) = value else { return };
    let below = config.values.entry("grants".to_owned()).or_insert_with(|| Map::new().into());
    let Some(below) = below.as_object_mut() else { return };
    for (privilege, grantees) in above {
        let mut all = Vec::new();
        let name = match privilege.strip_prefix('+') {
            Some(name) => {
                all = below.get(name).map(texts_of).unwrap_or_default();
                name.to_owned()
            }
            None => privilege,
        };
        all.extend(texts_of(&grantees));
        below.insert(name, all.into());
    }
}

/// The levels of a dbt_project.yml section that apply to an fqn, the outermost first.
fn project_levels(section: &Map<String, Value>, fqn: &[String], config: &mut NodeConfig) {
    let mut level = section;
    let mut parts = fqn.iter();
    loop {
        for (key, value) in level {
            if let Some(key) = key.strip_prefix('+') {
                apply_one(config, key.trim(), value.clone());
            } else if !value.is_object() {
                apply_one(config, key, value.clone());
            }
        }
        match parts.next().and_then(|part| level.get(part)).and_then(Value::as_object) {
            Some(next) => level = next,
            None => return,
        }
    }
}

/// What dbt_project.yml of the node's own package says.
pub fn from_own_project(
    config: &Config,
    package: &str,
    resource_type: ResourceType,
    fqn: &[String],
) -> NodeConfig {
    let mut out = NodeConfig::default();
    if let Some(project) = config.project_named(package)
        && let Some(section) = project.configs.get(config_section(resource_type))
    {
        project_levels(section, fqn, &mut out);
    }
    out
}

/// What the root project says of a node of a package; nothing for its own nodes.
pub fn apply_root_project(
    out: &mut NodeConfig,
    config: &Config,
    package: &str,
    resource_type: ResourceType,
    fqn: &[String],
) {
    if package != config.project.name
        && let Some(section) = config.project.configs.get(config_section(resource_type))
    {
        project_levels(section, fqn, out);
    }
}
