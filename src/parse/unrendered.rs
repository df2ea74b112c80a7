//! A node's configuration as it is written, which dbt keeps beside the merged one: comparisons of
//! states look at it, so that a value that another target renders differently is no change.
//!
//! Levels replace each other here, key by key; nothing is merged.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Parser;
use super::config_levels::dashed;
use crate::config::{Project, config_section};
use crate::manifest::{FastHash, ResourceType};

/// The levels of one node.
pub(super) struct Written<'a> {
    pub package: &'a str,
    pub kind: ResourceType,
    pub fqn: &'a [String],
    /// `config:` of its properties.
    pub properties: Option<&'a Map<String, Value>>,
    /// What it says of itself.
    pub own: IndexMap<String, Value, FastHash>,
    /// What stands in `own` as a list, but was said as a text.
    pub single: Vec<(String, Value)>,
    /// Its Jinja-SQL, where values of `config()` are taken as written.
    pub code: Option<&'a str>,
}

impl Parser<'_> {
    /// `unrendered_config` of dbt's manifest.
    pub(super) fn unrendered(&self, written: Written<'_>) -> IndexMap<String, Value, FastHash> {
        let mut out = IndexMap::default();
        let project = self.config.project_named(written.package);
        if let Some(section) = project.and_then(|project| section_of(project, written.kind)) {
            levels(section, written.fqn, &mut out);
        }
        for (key, value) in written.properties.into_iter().flatten() {
            // Constraints stand beside a config, not in it.
            if key != "constraints" {
                put(&mut out, key, value.clone());
            }
        }
        let as_text = self.compares_text.then_some(written.code).flatten();
        match as_text.map(call_arguments).filter(|found| !found.is_empty()) {
            Some(found) => {
                for (key, text) in found {
                    put(&mut out, &key, text.into());
                }
            }
            None => {
                for (key, value) in written.own {
                    put(&mut out, &key, value);
                }
                for (key, value) in written.single {
                    let is_only = |list: &Vec<Value>| list.len() == 1;
                    if out.get(dashed(&key)).and_then(Value::as_array).is_some_and(is_only) {
                        put(&mut out, &key, value);
                    }
                }
            }
        }
        let root = &self.config.project;
        if written.package != root.name
            && let Some(section) = section_of(root, written.kind)
        {
            levels(section, written.fqn, &mut out);
        }
        out
    }
}

fn section_of(project: &Project, kind: ResourceType) -> Option<&Map<String, Value>> {
    let name = config_section(kind);
    project.written_configs.get(name).or_else(|| project.configs.get(name))
}

fn put(out: &mut IndexMap<String, Value, FastHash>, key: &str, value: Value) {
    out.insert(dashed(key).to_owned(), value);
}

fn levels(
    section: &Map<String, Value>,
    fqn: &[String],
    out: &mut IndexMap<String, Value, FastHash>,
) {
    let mut level = section;
    let mut parts = fqn.iter();
    loop {
        for (key, value) in level {
            match key.strip_prefix('+') {
                Some(key) => put(out, key.trim(), value.clone()),
                None if !value.is_object() => put(out, key, value.clone()),
                None => {}
            }
        }
        match parts.next().and_then(|part| level.get(part)).and_then(Value::as_object) {
            Some(next) => level = next,
            None => return,
        }
    }
}

/// The arguments of the `config()` calls in a text, as written: `a='b'` is `a` and `'b'`.
fn call_arguments(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find("config(") {
        let named = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        rest = &rest[at + "config(".len()..];
        if named {
            continue;
        }
        let (arguments, length) = split_arguments(rest);
        for argument in arguments {
            if let Some((key, value)) = argument.split_once('=') {
                let key = key.trim();
                if !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    found.push((key.to_owned(), value.trim().to_owned()));
                }
            }
        }
        rest = &rest[length..];
    }
    found
}

/// The arguments up to the closing bracket, and how far that is.
fn split_arguments(text: &str) -> (Vec<&str>, usize) {
    let (mut depth, mut start, mut quote) = (0_usize, 0, None);
    let mut all = Vec::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')') if depth == 0 => {
                all.push(&text[start..at]);
                return (all, at);
            }
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                all.push(&text[start..at]);
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    (all, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_taken_as_written() {
        let code = "{{ config(materialized='table' if x(1, 2) else ')', tags=['a', \"b\"],) }} {{ my.config(a=1) }}";
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            call_arguments(code),
            [pair("materialized", "'table' if x(1, 2) else ')'"), pair("tags", "['a', \"b\"]")]
        );
        assert!(call_arguments("select 1").is_empty());
    }
}
