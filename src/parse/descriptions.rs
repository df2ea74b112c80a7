//! Descriptions: `doc()` calls and other Jinja in them become text, and it is noted which docs blocks
//! they show. Only what people read; never a part of a configuration.

use std::collections::HashMap;
use std::sync::LazyLock;

use minijinja::Value;
use minijinja::value::Rest;
use regex::Regex;

use super::Parser;
use crate::diagnostic::{Code, Diagnostic, Location, Result, did_you_mean};
use crate::manifest::{DocBlock, UniqueId};

/// `doc('name')` or `doc('package', 'name')`.
static DOC_CALL: LazyLock<Regex> = LazyLock::new(|| {
    let word = r#"['"]([^'"]+)['"]"#;
    Regex::new(&format!(r"\bdoc\s*\(\s*{word}\s*(?:,\s*{word}\s*)?\)"))
        .expect("the pattern is valid")
});

impl Parser<'_> {
    /// A description with its `doc()` calls filled in.
    ///
    /// # Errors
    /// `UNDEFINED` for a docs block that does not exist.
    pub(super) fn description(
        &self,
        package: &str,
        text: &str,
        location: &Location,
    ) -> Result<String> {
        Ok(self.documented(package, text, location)?.0)
    }

    /// What is said of something that may be disabled: then, as in dbt, its text stands as written.
    ///
    /// # Errors
    /// Those of [`Parser::documented`], of what is enabled.
    pub(super) fn documented_if(
        &self,
        enabled: bool,
        package: &str,
        text: &str,
        location: &Location,
    ) -> Result<(String, Vec<UniqueId>)> {
        match enabled {
            true => self.documented(package, text, location),
            false => Ok((text.to_owned(), Vec::new())),
        }
    }

    /// A description with its `doc()` calls filled in, and the docs blocks that it shows, in order.
    ///
    /// # Errors
    /// `UNDEFINED` for a docs block that does not exist, `JINJA_SYNTAX` for a wrong call of `doc()`.
    pub(super) fn documented(
        &self,
        package: &str,
        text: &str,
        location: &Location,
    ) -> Result<(String, Vec<UniqueId>)> {
        if !text.contains("{{") && !text.contains("{%") {
            return Ok((text.to_owned(), Vec::new()));
        }
        let mut calls: Vec<((Option<String>, String), &DocBlock)> = Vec::new();
        for call in DOC_CALL.captures_iter(text) {
            let first = call[1].to_owned();
            let (named, name) = match call.get(2) {
                Some(second) => (Some(first), second.as_str().to_owned()),
                None => (None, first),
            };
            let block = self.doc_block(named.as_deref(), package, &name, location)?;
            calls.push(((named, name), block));
        }
        // Only a call that stands alone between its braces counts as one for dbt.
        let alone = |call: &regex::Match| {
            let before = text[..call.start()].trim_end().trim_end_matches('-');
            let after = text[call.end()..].trim_start().trim_start_matches('-');
            before.ends_with("{{") && after.starts_with("}}")
        };
        let blocks: Vec<UniqueId> = DOC_CALL
            .find_iter(text)
            .zip(&calls)
            .filter(|(call, _)| alone(call))
            .map(|(_, (_, block))| block.unique_id.clone())
            .collect();
        // The common case: nothing but the call.
        if let (Some(call), [(_, block)]) = (DOC_CALL.find(text), &*calls)
            && let Some(before) = text[..call.start()].trim().strip_prefix("{{")
            && let Some(after) = text[call.end()..].trim().strip_suffix("}}")
            && before.trim().is_empty()
            && after.trim().is_empty()
        {
            return Ok((block.block_contents.clone(), blocks));
        }
        let texts: HashMap<(Option<String>, String), String> =
            calls.into_iter().map(|(names, block)| (names, block.block_contents.clone())).collect();
        let doc = Value::from_function(move |names: Rest<String>| {
            let key = match names.as_slice() {
                [name] => (None, name.clone()),
                [package, name, ..] => (Some(package.clone()), name.clone()),
                [] => (None, String::new()),
            };
            texts.get(&key).cloned().unwrap_or_default()
        });
        let names = Value::from_pairs([("doc", doc)]);
        match self.yaml.of(package).render_text(text, &names) {
            Ok(text) => Ok((text, blocks)),
            Err(error) if text.contains("doc(") => {
                let from = text.find("doc(").unwrap_or_default();
                let call = text[from..].split("}}").next().unwrap_or_default().trim();
                let message = format!("`{call}` is no call of doc()");
                let error = Diagnostic::error(Code::JINJA_SYNTAX, message)
                    .at(place_of(call, location))
                    .note(error.to_string());
                Err(Box::new(error.help("Write {{ doc('name') }}.")))
            }
            // What cannot be rendered is text to people.
            Err(_) => Ok((text.to_owned(), blocks)),
        }
    }

    fn doc_block(
        &self,
        named_package: Option<&str>,
        package: &str,
        name: &str,
        location: &Location,
    ) -> Result<&DocBlock> {
        let root = self.config.project.name.as_str();
        let candidates = match named_package {
            Some(package) => vec![package],
            None => vec![root, package],
        };
        for package in candidates {
            if let Some(block) = self.docs.get(format!("doc.{package}.{name}").as_str()) {
                return Ok(block);
            }
        }
        let known = self.docs.values().map(|block| block.name.as_str());
        let mut error =
            Diagnostic::error(Code::UNDEFINED, format!("There is no docs block `{name}`"))
                .at(place_of(&format!("'{name}'"), location));
        if let Some(help) = did_you_mean(name, known) {
            error = error.help(help);
        }
        Err(Box::new(
            error.help(format!("Define it: {{% docs {name} %}} … {{% enddocs %}} in a .md file.")),
        ))
    }
}

/// Where a text stands in the file of a location, else that location.
fn place_of(text: &str, location: &Location) -> Location {
    match location.file.text.find(text) {
        Some(at) => Location::new(location.file.clone(), at..at + text.len()),
        None => location.clone(),
    }
}
