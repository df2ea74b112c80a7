//! Data tests as rules: what the store knows of a test beside its results.
//!
//! Read from the manifest; nothing is sent here.

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::manifest::{Manifest, Node, UniqueId};

/// A row of `data_quality.quality_rules`, and the terms of the test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct QualityRule {
    pub(super) rule_id: Uuid,
    pub project: String,
    pub unique_id: String,
    pub name: String,
    pub node_unique_id: Option<String>,
    pub node_name: Option<String>,
    pub column_name: Option<String>,
    /// The generic test's name with its package, `singular` or `unit`.
    pub kind: String,
    /// `error` or `warn`
    pub severity: String,
    pub owner: Option<String>,
    /// The group of the test or of its node; of a singular test, that of all it reads.
    pub context: Option<String>,
    pub engine: String,
    pub description: Option<String>,
    pub warn_if: String,
    pub error_if: String,
}

/// A rule as it is sent.
#[derive(Serialize)]
pub(super) struct DigestedRule<'r> {
    #[serde(flatten)]
    pub rule: &'r QualityRule,
    pub digest: Uuid,
}

impl QualityRule {
    /// The rules of those nodes that are tests.
    pub fn all<'m>(
        manifest: &Manifest,
        nodes: impl IntoIterator<Item = &'m Node>,
    ) -> Vec<QualityRule> {
        let tests = nodes.into_iter().filter(|node| node.resource_type.is_test());
        tests.map(|test| QualityRule::of(manifest, test)).collect()
    }

    /// The rule of a test.
    pub fn of(manifest: &Manifest, test: &Node) -> QualityRule {
        let tested = test.unit_test.as_ref().and_then(|_| test.depends_on.first());
        let node_id = test.attached_node.as_ref().or(tested);
        let node = node_id.and_then(|id| manifest.nodes.get(id));
        let source = node_id.and_then(|id| manifest.sources.get(id));
        let group = test
            .group
            .as_deref()
            .or_else(|| node.and_then(|node| node.group.as_deref()))
            .or_else(|| source.and_then(|source| source.config.text("group")))
            .or_else(|| node_id.is_none().then(|| group_of_all(manifest, test)).flatten());
        let group_owner = || {
            let group = manifest.groups.values().find(|one| Some(one.name.as_str()) == group)?;
            owner_text(group.owner.get("name")).or_else(|| owner_text(group.owner.get("email")))
        };
        let owner = owner_text(test.meta.get("owner"))
            .or_else(|| owner_text(node.and_then(|node| node.meta.get("owner"))))
            .or_else(|| owner_text(source.and_then(|source| source.meta.get("owner"))))
            .or_else(group_owner);
        let alone = if test.unit_test.is_some() { "unit" } else { "singular" };
        let kind =
            test.test_metadata.as_ref().map_or(alone.to_owned(), |test| match &test.namespace {
                Some(package) => format!("{package}.{}", test.name),
                None => test.name.clone(),
            });
        let term = |key: &str| test.config.text(key).unwrap_or("!= 0").to_owned();
        let project = manifest.project_name.clone();
        QualityRule {
            rule_id: rule_id(&project, &test.unique_id),
            project,
            unique_id: test.unique_id.to_string(),
            name: test.name.clone(),
            node_unique_id: node_id.map(|id| id.to_string()),
            node_name: node
                .map(|node| node.name.clone())
                .or_else(|| source.map(|one| format!("{}.{}", one.source_name, one.name))),
            column_name: test.column_name.clone(),
            kind,
            severity: test.config.text("severity").unwrap_or("error").to_lowercase(),
            owner,
            context: group.map(str::to_owned),
            engine: test.engine.to_string(),
            description: Some(test.description.clone()).filter(|text| !text.is_empty()),
            warn_if: term("warn_if"),
            error_if: term("error_if"),
        }
    }

    /// Of all that is said of it.
    pub(super) fn digest(&self) -> Uuid {
        let json = serde_json::to_vec(self).expect("rules have text keys only");
        uuid::Builder::from_md5_bytes(Md5::digest(&json).into()).into_uuid()
    }
}

/// The group that all nodes belong to which a singular test reads, if they have one in common.
fn group_of_all<'m>(manifest: &'m Manifest, test: &Node) -> Option<&'m str> {
    let group = |id: &UniqueId| manifest.nodes.get(id).and_then(|node| node.group.as_deref());
    let first = group(test.depends_on.first()?)?;
    test.depends_on.iter().all(|id| group(id) == Some(first)).then_some(first)
}

/// The same test of the same project always has the same id.
fn rule_id(project: &str, unique_id: &str) -> Uuid {
    let digest = Md5::new().chain_update(project).chain_update([0]).chain_update(unique_id);
    uuid::Builder::from_md5_bytes(digest.finalize().into()).into_uuid()
}

/// An owner as text: a name, or a map that has one.
fn owner_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Object(map) => ["name", "team", "email"]
            .iter()
            .find_map(|key| map.get(*key).and_then(Value::as_str).map(str::to_owned)),
        Value::Array(many) => {
            let names: Vec<String> = many.iter().filter_map(|v| owner_text(Some(v))).collect();
            (!names.is_empty()).then(|| names.join(", "))
        }
        _ => None,
    }
}
