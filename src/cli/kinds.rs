//! `--resource-type` and `--exclude-resource-type`: the kinds of nodes that a command works on.

use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};
use crate::manifest::ResourceType;

/// Kinds of dbt's that no project of Pintail holds as nodes: they can be named, and are not there.
const OTHERS: &[&str] = &[
    "metric",
    "saved_query",
    "semantic_model",
    "source",
    "exposure",
    "analysis",
    "unit_test",
    "function",
    "group",
    "doc",
];

/// The kinds that the words leave of those that a command can work on; without words the
/// command's usual ones.
///
/// # Errors
/// `USAGE` for a word that is no kind.
pub(super) fn kinds(
    only: &[String],
    not: &[String],
    usual: &[ResourceType],
    all: &[ResourceType],
) -> Result<Vec<ResourceType>> {
    let words = |list: &[String]| -> Result<Vec<ResourceType>> {
        let mut kinds = Vec::new();
        for word in list.iter().flat_map(|text| text.split_whitespace()) {
            kinds.extend(named(word, usual, all)?);
        }
        Ok(kinds)
    };
    let mut kinds = if only.is_empty() { usual.to_vec() } else { words(only)? };
    let out = words(not)?;
    kinds.retain(|kind| !out.contains(kind));
    Ok(kinds)
}

fn named(word: &str, usual: &[ResourceType], all: &[ResourceType]) -> Result<Vec<ResourceType>> {
    if let Some(kind) = all.iter().find(|kind| kind.as_str() == word) {
        return Ok(vec![*kind]);
    }
    match word {
        "all" => Ok(all.to_vec()),
        "default" => Ok(usual.to_vec()),
        "data_test" => Ok(vec![ResourceType::Test]),
        word if OTHERS.contains(&word) => Ok(Vec::new()),
        word => {
            let names = all.iter().map(|kind| kind.as_str());
            let mut error = Diagnostic::error(
                Code::USAGE,
                format!("`{word}` is not a kind of node that this command works on"),
            );
            error.help.extend(did_you_mean(word, names.clone()));
            let names: Vec<&str> = names.collect();
            Err(Box::new(error.help(format!("Known kinds: {}.", names.join(", ")))))
        }
    }
}
