//! `state:`: which nodes are new or changed, by two manifests, as dbt-core 1.11 compares them.
//!
//! Both are JSON in dbt's schema: the earlier one as it was written, the present one as it would be.
//! Nothing is selected here.

use std::cell::OnceCell;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::contract;
use super::pruned::pruned;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::graph::previous::find;

/// What of a node is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    New,
    Old,
    Modified,
    Unmodified,
    Body,
    Configs,
    Descriptions,
    Relation,
    Macros,
    Contract,
}

impl Change {
    /// Every comparison with its name after `state:`.
    pub const ALL: &[(&str, Change)] = &[
        ("new", Change::New),
        ("old", Change::Old),
        ("modified", Change::Modified),
        ("unmodified", Change::Unmodified),
        ("modified.body", Change::Body),
        ("modified.configs", Change::Configs),
        ("modified.persisted_descriptions", Change::Descriptions),
        ("modified.relation", Change::Relation),
        ("modified.macros", Change::Macros),
        ("modified.contract", Change::Contract),
    ];
}

/// Switches of `flags:` that decide how much counts as a change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Strictness {
    /// `state_modified_compare_more_unrendered_values`
    pub unrendered: bool,
    /// `state_modified_compare_vars`
    pub vars: bool,
}

/// Two manifests side by side.
pub struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    strictness: Strictness,
    changed_macros: OnceCell<HashSet<&'a str>>,
}

static NULL: Value = Value::Null;

impl<'a> Comparison<'a> {
    pub fn new(old: &'a Value, new: &'a Value, strictness: Strictness) -> Self {
        Comparison { old, new, strictness, changed_macros: OnceCell::new() }
    }

    /// Whether a node of the present manifest fits `change`. Breaking changes of contracts come
    /// as warnings.
    ///
    /// # Errors
    /// A breaking change of the contract of a model with a version.
    pub fn fits(&self, id: &str, change: Change, warnings: &mut Vec<Diagnostic>) -> Result<bool> {
        let Some(new) = find(self.new, id) else { return Ok(false) };
        let old = find(self.old, id);
        let kind = new["resource_type"].as_str().unwrap_or_default();
        let parsed = is_parsed(kind);
        // What has no such property is never changed in it; what is new is changed in all it has.
        let changed =
            |has: bool, same: &dyn Fn(&Value) -> bool| has && old.is_none_or(|old| !same(old));
        Ok(match change {
            Change::New => old.is_none(),
            Change::Old => old.is_some(),
            Change::Modified => self.is_modified(old, new, warnings)?,
            Change::Unmodified => !self.is_modified(old, new, warnings)?,
            Change::Body => changed(parsed, &|old| same_body(old, new)),
            Change::Configs => changed(kind != "unit_test", &|old| self.same_config(old, new)),
            Change::Descriptions => changed(parsed, &|old| same_descriptions(old, new)),
            Change::Relation => {
                changed(parsed || kind == "source", &|old| self.same_relation(old, new))
            }
            Change::Macros => self.macros_changed(new)?,
            Change::Contract => match old {
                None => parsed,
                Some(old) => !contract::same(old, new, warnings)?,
            },
        })
    }

    /// Models of the earlier manifest that are gone: contracts that this breaks.
    ///
    /// # Errors
    /// A breaking change of the contract of a model with a version.
    pub fn gone(&self, warnings: &mut Vec<Diagnostic>) -> Result<()> {
        let nodes = self.old["nodes"].as_object().into_iter().flatten();
        for (id, old) in nodes {
            let disabled = self.new["disabled"].get(id).and_then(|all| all.get(0));
            match disabled {
                Some(disabled) => contract::gone(id, disabled, true, warnings)?,
                None if self.new["nodes"].get(id).is_none() => {
                    contract::gone(id, old, false, warnings)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn is_modified(
        &self,
        old: Option<&Value>,
        new: &Value,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<bool> {
        let kind = new["resource_type"].as_str().unwrap_or_default();
        if let ("seed", Some(old)) = (kind, old) {
            warnings.extend(large_seed(old, new));
        }
        let same = match (kind, old) {
            // dbt does not count these as changed where they are new.
            ("source" | "exposure" | "metric" | "semantic_model" | "saved_query", None) => true,
            (_, None) => false,
            ("source", Some(old)) => {
                self.same_relation(old, new)
                    && same_keys(
                        old,
                        new,
                        &["fqn", "quoting", "freshness", "loaded_at_field", "external"],
                    )
                    && self.same_config(old, new)
            }
            ("exposure", Some(old)) => {
                let keys = ["fqn", "type", "owner", "maturity", "url", "description", "label"];
                same_keys(old, new, &keys)
                    && as_set(&old["depends_on"]["nodes"]) == as_set(&new["depends_on"]["nodes"])
                    && self.same_config(old, new)
            }
            ("metric", Some(old)) => {
                same_keys(old, new, &["type", "description", "label"]) && self.same_config(old, new)
            }
            ("semantic_model", Some(old)) => {
                let keys = [
                    "model",
                    "description",
                    "defaults",
                    "entities",
                    "dimensions",
                    "measures",
                    "config",
                    "primary_entity",
                    "group",
                ];
                same_keys(old, new, &keys)
            }
            ("saved_query", Some(old)) => {
                let keys = ["query_params", "description", "label", "config", "group", "tags"];
                same_keys(old, new, &keys) && exports_of(old) == exports_of(new)
            }
            ("unit_test", Some(old)) => same_keys(old, new, &["checksum"]),
            ("test", Some(old)) if !new["test_metadata"].is_null() => {
                same_keys(old, new, &["fqn"]) && self.same_config(old, new)
            }
            (_, Some(old)) => {
                let same_contract = contract::same(old, new, warnings)?;
                same_body(old, new)
                    && self.same_config(old, new)
                    && same_descriptions(old, new)
                    && same_keys(old, new, &["fqn"])
                    && self.same_relation(old, new)
                    && (!self.strictness.vars || same_keys(old, new, &["vars"]))
                    && (kind != "model"
                        || access_of(old) == access_of(new)
                            && same_keys(
                                old,
                                new,
                                &["deprecation_date", "version", "latest_version"],
                            ))
                    && (kind != "function" || same_keys(old, new, &["arguments", "returns"]))
                    && same_contract
            }
        };
        Ok(!same || self.macros_changed(new)?)
    }

    /// Configs as they are written, without what only names or groups.
    fn same_config(&self, old: &Value, new: &Value) -> bool {
        const LEFT_OUT: &[&str] = &["alias", "schema", "database", "tags", "group"];
        // dbt writes down some that nobody set; what matters of them is compared as a property.
        const OF_SOURCES: &[&str] =
            &["freshness", "loaded_at_field", "loaded_at_query", "meta", "tags"];
        const OF_TESTS: &[&str] = &[
            "severity",
            "where",
            "limit",
            "fail_calc",
            "warn_if",
            "error_if",
            "store_failures",
            "store_failures_as",
        ];
        static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        let written = |node: &'_ Value| -> Map<String, Value> {
            node["unrendered_config"].as_object().unwrap_or(&NONE).clone()
        };
        let (old_config, new_config) = (written(old), written(new));
        let keys = old_config.keys().chain(new_config.keys());
        let kind = new["resource_type"].as_str().unwrap_or_default();
        let mut compared = keys.filter(|key| match kind {
            "test" => OF_TESTS.contains(&key.as_str()),
            "source" => !OF_SOURCES.contains(&key.as_str()),
            _ => !LEFT_OUT.contains(&key.as_str()),
        });
        compared.all(|key| old_config.get(key) == new_config.get(key))
    }

    /// The configured names, not those that macros and the target make of them.
    fn same_relation(&self, old: &Value, new: &Value) -> bool {
        if new["resource_type"] == "source" {
            let keys: &[&str] = match self.strictness.unrendered {
                true => &["unrendered_database", "unrendered_schema", "identifier"],
                false => &["database", "schema", "identifier"],
            };
            return same_keys(old, new, keys);
        }
        ["database", "schema", "alias"]
            .iter()
            .all(|key| old["unrendered_config"].get(key) == new["unrendered_config"].get(key))
    }

    /// Whether a macro that a node calls changed, directly or not.
    ///
    /// # Errors
    /// `UNDEFINED` for a generic test that nobody defines any more, as in dbt.
    fn macros_changed(&self, node: &Value) -> Result<bool> {
        let changed = self.changed_macros.get_or_init(|| changed_macros(self.old, self.new));
        if changed.is_empty() {
            return Ok(false);
        }
        if let Some(test) = node["test_metadata"]["name"].as_str() {
            let end = format!(".test_{test}");
            if !called(node).any(|id| id.ends_with(&end)) {
                let name = node["name"].as_str().unwrap_or_default();
                return Err(Box::new(
                    Diagnostic::error(
                        Code::UNDEFINED,
                        format!(
                            "`{name}` depends on a macro or test that does not exist: `{test}`"
                        ),
                    )
                    .help("Define the generic test again, or take it out of the properties file."),
                ));
            }
        }
        let mut seen: HashSet<&str> = HashSet::new();
        let mut open: Vec<&str> = called(node).collect();
        while let Some(id) = open.pop() {
            if changed.contains(id) {
                return Ok(true);
            }
            if seen.insert(id) {
                open.extend(called(&self.new["macros"][id]));
            }
        }
        Ok(false)
    }
}

/// Built-in macros are the tool's, not the project's: another tool or version is no change.
const BUILT_IN: &[&str] = &[
    "dbt",
    "dbt_duckdb",
    "dbt_postgres",
    "dbt_bigquery",
    "dbt_snowflake",
    "dbt_redshift",
    "pintail",
];

fn changed_macros<'a>(old: &'a Value, new: &'a Value) -> HashSet<&'a str> {
    let macros = |manifest: &'a Value| {
        let all = manifest["macros"].as_object().into_iter().flatten();
        all.filter(|(_, one)| {
            !one["package_name"].as_str().is_some_and(|name| BUILT_IN.contains(&name))
        })
    };
    let text = |one: &'a Value| one["macro_sql"].as_str().unwrap_or_default().trim();
    let mut changed = HashSet::new();
    for (id, one) in macros(new) {
        if old["macros"].get(id).is_none_or(|old| text(old) != text(one)) {
            changed.insert(id.as_str());
        }
    }
    let gone = macros(old).filter(|(id, _)| new["macros"].get(id.as_str()).is_none());
    changed.extend(gone.map(|(id, _)| id.as_str()));
    changed
}

fn called(node: &Value) -> impl Iterator<Item = &str> {
    node["depends_on"]["macros"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// dbt's `ParsedNode`s: what has a body, persisted descriptions and a contract.
fn is_parsed(kind: &str) -> bool {
    matches!(
        kind,
        "model"
            | "seed"
            | "snapshot"
            | "test"
            | "analysis"
            | "operation"
            | "function"
            | "sql_operation"
    )
}

/// A seed that is too large to be compared by what is in it.
fn large_seed(old: &Value, new: &Value) -> Option<Diagnostic> {
    if new["checksum"]["name"] != "path" {
        return None;
    }
    let (event, what) = if old["checksum"]["name"] != "path" {
        ("SeedIncreased", "it was smaller, and counts as changed")
    } else if old["checksum"] == new["checksum"] {
        ("SeedExceedsLimitSamePath", "it lies where it did, and counts as unchanged")
    } else {
        ("SeedExceedsLimitAndPathChanged", "it lies elsewhere, and counts as changed")
    };
    let name = new["name"].as_str().unwrap_or_default();
    let message = format!("The seed `{name}` is >1MB in size, so it is not read: {what}");
    let warning = Diagnostic::warning(Code::USAGE, message).event(event).field("name", name);
    Some(warning.field("package_name", new["package_name"].clone()))
}

fn same_body(old: &Value, new: &Value) -> bool {
    if new["resource_type"] == "seed" {
        return old["checksum"] == new["checksum"];
    }
    let code = |node: &Value| {
        node.get("raw_code").or_else(|| node.get("raw_sql")).unwrap_or(&NULL).clone()
    };
    code(old) == code(new)
}

/// Who may ref a model; manifests of old versions do not say it.
fn access_of(node: &Value) -> &str {
    node["access"].as_str().unwrap_or("protected")
}

/// Exports by what is written of them: where they go depends on the target.
fn exports_of(saved_query: &Value) -> Vec<[&Value; 4]> {
    fn one(export: &Value) -> [&Value; 4] {
        let written = &export["unrendered_config"];
        [&export["name"], &written["export_as"], &written["schema"], &written["alias"]]
    }
    saved_query["exports"].as_array().into_iter().flatten().map(one).collect()
}

fn same_descriptions(old: &Value, new: &Value) -> bool {
    let persisted = |key: &str| new["config"]["persist_docs"][key] == true;
    if persisted("relation") && old["description"] != new["description"] {
        return false;
    }
    if !persisted("columns") {
        return true;
    }
    // What is inherited is a matter of those that it is inherited from, and not in all manifests.
    let inherits = [old, new].iter().any(|node| node["config"]["inherit_docs"] == true);
    let is_own = |one: &Value| {
        !inherits || (one["description"] != "" && one["inherited_from"]["description"].is_null())
    };
    let columns = |node: &Value| -> Vec<(String, Value)> {
        let columns = node["columns"].as_object().into_iter().flatten();
        let mut all: Vec<_> = columns
            .filter(|(_, one)| is_own(one))
            .map(|(name, one)| (name.clone(), one["description"].clone()))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    columns(old) == columns(new)
}

fn same_keys(old: &Value, new: &Value, keys: &[&str]) -> bool {
    let of = |node: &Value, key: &str| pruned(node.get(key).unwrap_or(&NULL));
    keys.iter().all(|key| of(old, key) == of(new, key))
}

fn as_set(value: &Value) -> HashSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
