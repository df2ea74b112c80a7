//! `ls`: the selected nodes, a line each.

use serde_json::{Map, Value, json};

use super::args::{LsOutput, SelectionArgs};
use super::session::{Session, Start};
use super::{Exit, Outcome, kinds, run};
use crate::artifacts;
use crate::config::FlagValues;
use crate::diagnostic::Result;
use crate::graph::Member;
use crate::manifest::ResourceType;
use crate::report::Level;

/// The keys of `--output json` where none are named.
const KEYS: &[&str] = &[
    "alias",
    "name",
    "package_name",
    "depends_on",
    "tags",
    "config",
    "resource_type",
    "source_name",
    "original_file_path",
    "unique_id",
];

/// The kinds that are listed: analyses only where they are asked for, and models alone where they
/// are selected by the old `--models`.
pub(super) fn kinds(
    flags: &FlagValues,
    only: &[String],
    not: &[String],
) -> Result<Vec<ResourceType>> {
    if flags.set.contains("models") {
        return Ok(run::RUN.to_vec());
    }
    let all = [run::LIST, &[ResourceType::Analysis]].concat();
    kinds::kinds(only, not, run::LIST, &all)
}

/// Lists nodes.
pub(super) fn command(
    start: &Start,
    selection: &SelectionArgs,
    output: LsOutput,
    keys: &[String],
    kinds: Vec<ResourceType>,
) -> Outcome {
    let session = start.session("list", selection, None)?;
    artifacts::make_folder(&session.config.target_path)?;
    session.write_manifest()?;
    let selected = session.select(selection, kinds, true)?;
    let manifest = &session.compiler.manifest;
    let mut members: Vec<Member> =
        selected.nodes.iter().map(|index| session.graph.member(manifest, *index)).collect();
    members.sort_unstable_by(|a, b| a.unique_id().cmp(b.unique_id()));
    if members.is_empty() {
        let text = "No nodes selected!";
        session.console.event("NoNodesSelected", Level::Warn, text, || json!({}));
    }
    // `--output-keys "name config"` is one argument with two keys.
    let keys: Vec<&str> = keys.iter().flat_map(|key| key.split(' ')).collect();
    let lines = members.into_iter().map(|member| line(&session, member, output, &keys));
    if session.console.is_json() {
        lines.for_each(|line| session.console.data(&line));
    } else {
        let text: Vec<String> = lines.collect();
        if !text.is_empty() {
            session.console.data(&text.join("\n"));
        }
    }
    Ok(Exit::Done)
}

fn line(session: &Session, member: Member, output: LsOutput, keys: &[&str]) -> String {
    match output {
        LsOutput::Json => json_line(session, member, keys),
        LsOutput::Selector => member.selector(),
        LsOutput::Name => member.search_name(),
        LsOutput::Path => member.original_file_path().to_owned(),
    }
}

/// Keys of the manifest's entry; with a dot, a part of one.
fn json_line(session: &Session, member: Member, keys: &[&str]) -> String {
    let whole = artifacts::entry(member, &session.config.project.target_path);
    let mut shown = Map::new();
    if keys.is_empty() {
        let Value::Object(all) = whole else { return whole.to_string() };
        shown.extend(all.into_iter().filter(|(key, _)| KEYS.contains(&key.as_str())));
    } else {
        for key in keys {
            let mut value = Some(&whole);
            for part in key.split('.') {
                value = value.and_then(|value| value.get(part));
            }
            let present = value.filter(|value| !key.contains('.') || !value.is_null());
            if let Some(value) = present {
                shown.insert((*key).to_owned(), value.clone());
            }
        }
    }
    Value::Object(shown).to_string()
}
