//! Which node a template belongs to, as far as that is known before it is rendered: the `model` and
//! `node` of templates while parsing.

use std::sync::Arc;

use minijinja::Value;
use minijinja::value::Serde;
use serde_json::json;

use crate::load::LoadedFile;
use crate::manifest::{NodeConfig, ResourceType};

/// The names and places of a node.
#[derive(Debug)]
pub struct Identity {
    pub kind: ResourceType,
    pub name: String,
    pub unique_id: String,
    pub package: Arc<str>,
    pub path: String,
    pub original_file_path: String,
    pub fqn: Vec<String>,
    /// Of a version of a model.
    pub version: Option<serde_json::Value>,
}

impl Identity {
    /// Of a node that has a file.
    pub fn of(kind: ResourceType, loaded: &LoadedFile, name: &str, fqn: &[String]) -> Identity {
        Identity {
            kind,
            name: name.to_owned(),
            unique_id: format!("{}.{}.{name}", kind.as_str(), loaded.package),
            package: loaded.package.clone(),
            path: loaded.path.clone(),
            original_file_path: loaded.original_file_path.clone(),
            fqn: fqn.to_vec(),
            version: None,
        }
    }

    /// The node as templates see it, in the manifest's words, with what is configured so far.
    pub fn value(&self, config: &NodeConfig) -> Value {
        let mut values = config.values.clone();
        let materialized = match self.kind {
            ResourceType::Seed => "seed",
            ResourceType::Test => "test",
            ResourceType::Snapshot => "snapshot",
            ResourceType::Function => "function",
            _ => "view",
        };
        values.entry("materialized".to_owned()).or_insert_with(|| materialized.into());
        values.entry("enabled".to_owned()).or_insert_with(|| true.into());
        Value::from(Serde(json!({
            "unique_id": self.unique_id,
            "name": self.name,
            "alias": config.text("alias").unwrap_or(&self.name),
            "resource_type": self.kind.as_str(),
            "package_name": &*self.package,
            "path": self.path,
            "original_file_path": self.original_file_path,
            "fqn": self.fqn,
            "tags": config.distinct_tags(),
            "meta": config.get("meta"),
            "group": config.get("group"),
            "version": self.version,
            "config": values,
        })))
    }
}
