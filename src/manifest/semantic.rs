//! Metrics, semantic models and saved queries: kept for the tools that read the manifest. Pintail
//! itself runs none of them.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{NodeConfig, RefCall, ResourceType, UniqueId};
use crate::diagnostic::Location;

/// A call of `metric` as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetricCall {
    pub package: Option<String>,
    pub name: String,
}

/// A metric, a semantic model or a saved query.
#[derive(Debug, Clone)]
pub struct SemanticEntity {
    pub unique_id: UniqueId,
    /// One of the three.
    pub kind: ResourceType,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub location: Option<Location>,
    pub fqn: Vec<String>,
    pub config: NodeConfig,
    /// `config` as written, for the manifest's `unrendered_config`.
    pub unrendered_config: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub meta: Value,
    /// Of a semantic model: the model that it describes.
    pub refs: Vec<RefCall>,
    pub depends_on: Vec<UniqueId>,
    /// The keys that only its kind has, as the manifest writes them.
    pub body: Map<String, Value>,
}
