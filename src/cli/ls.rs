//! `ls`: the selected nodes, a line each.

use serde_json::{Map, Value, json};

use super::args::{LsOutput, SelectionArgs};
use super::session::Start;
use super::{Exit, Outcome};
use crate::graph::Member;
use crate::manifest::ResourceType;

/// Lists nodes.
pub(super) fn command(
    start: &Start,
    selection: &SelectionArgs,
    output: LsOutput,
    keys: &[String],
    kinds: Vec<ResourceType>,
) -> Outcome {
    let session = start.session("list", selection, None)?;
    let selected = session.select(selection, kinds, true)?;
    let manifest = &session.compiler.manifest;
    let mut lines: Vec<String> = selected
        .nodes
        .iter()
        .map(|index| line(&session.graph.member(manifest, *index), output, keys))
        .collect();
    lines.sort();
    if !lines.is_empty() {
        session.console.data(&lines.join("\n"));
    }
    Ok(Exit::Done)
}

fn line(member: &Member, output: LsOutput, keys: &[String]) -> String {
    match (output, member) {
        (LsOutput::Json, _) => json_line(member, keys),
        (LsOutput::Selector, Member::Node(node)) => node.fqn.join("."),
        (LsOutput::Selector, Member::Source(source)) => format!("source:{}", source.fqn.join(".")),
        (LsOutput::Selector, Member::Exposure(e)) => format!("exposure:{}", e.fqn.join(".")),
        (LsOutput::Name, Member::Node(node)) => node.name.clone(),
        (LsOutput::Name, Member::Source(source)) => {
            format!("{}.{}", source.source_name, source.name)
        }
        (LsOutput::Name, Member::Exposure(exposure)) => exposure.name.clone(),
        (LsOutput::Path, Member::Node(node)) => node.original_file_path.clone(),
        (LsOutput::Path, Member::Source(source)) => source.original_file_path.clone(),
        (LsOutput::Path, Member::Exposure(exposure)) => exposure.original_file_path.clone(),
    }
}

/// dbt's default keys, and `engine`.
fn json_line(member: &Member, keys: &[String]) -> String {
    let mut all = Map::new();
    let mut put = |key: &str, value: Value| {
        all.insert(key.to_owned(), value);
    };
    match member {
        Member::Node(node) => {
            put("name", node.name.as_str().into());
            put("resource_type", node.resource_type.as_str().into());
            put("package_name", node.package_name.as_str().into());
            put("original_file_path", node.original_file_path.as_str().into());
            put("unique_id", (&*node.unique_id).into());
            put("alias", node.alias.as_str().into());
            put("engine", (&*node.engine).into());
            let mut config = json!(node.config.values);
            config["materialized"] = node.materialized().into();
            config["enabled"] = true.into();
            put("config", config);
            put("tags", node.tags.clone().into());
            let depends: Vec<&str> = node.depends_on.iter().map(AsRef::as_ref).collect();
            put("depends_on", json!({"nodes": depends}));
            if keys.iter().any(|key| key == "fqn") {
                put("fqn", node.fqn.clone().into());
            }
            if keys.iter().any(|key| key == "description") {
                put("description", node.description.as_str().into());
            }
        }
        Member::Source(source) => {
            put("name", source.name.as_str().into());
            put("source_name", source.source_name.as_str().into());
            put("resource_type", "source".into());
            put("package_name", source.package_name.as_str().into());
            put("original_file_path", source.original_file_path.as_str().into());
            put("unique_id", (&*source.unique_id).into());
            put("engine", (&*source.engine).into());
            put("config", json!(source.config.values));
            put("tags", source.tags.clone().into());
        }
        Member::Exposure(exposure) => {
            put("name", exposure.name.as_str().into());
            put("resource_type", "exposure".into());
            put("package_name", exposure.package_name.as_str().into());
            put("original_file_path", exposure.original_file_path.as_str().into());
            put("unique_id", (&*exposure.unique_id).into());
        }
    }
    if !keys.is_empty() {
        all.retain(|key, _| keys.iter().any(|wanted| wanted.split(' ').any(|w| w == key)));
    }
    Value::Object(all).to_string()
}
