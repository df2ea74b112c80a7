//! The kinds of things that a manifest holds. Field names are those of dbt's manifest schema v12,
//! <https://schemas.getdbt.com/dbt/manifest/v12.json>, where it has them.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    FastHash, FunctionCall, FunctionFacts, MetricCall, ModelFacts, NodeConfig, UniqueId, UnitTest,
};
use crate::diagnostic::{Location, SourceFile};
use crate::relation::{Quoting, Relation};

/// dbt's `resource_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    Model,
    Seed,
    Snapshot,
    Test,
    UnitTest,
    Analysis,
    Operation,
    Source,
    Exposure,
    Macro,
    Metric,
    SemanticModel,
    SavedQuery,
    Function,
}

impl ResourceType {
    /// dbt's name, which also starts a `unique_id`.
    pub fn as_str(self) -> &'static str {
        match self {
            ResourceType::Model => "model",
            ResourceType::Seed => "seed",
            ResourceType::Snapshot => "snapshot",
            ResourceType::Test => "test",
            ResourceType::UnitTest => "unit_test",
            ResourceType::Analysis => "analysis",
            ResourceType::Operation => "operation",
            ResourceType::Source => "source",
            ResourceType::Exposure => "exposure",
            ResourceType::Macro => "macro",
            ResourceType::Metric => "metric",
            ResourceType::SemanticModel => "semantic_model",
            ResourceType::SavedQuery => "saved_query",
            ResourceType::Function => "function",
        }
    }

    /// A data test or a unit test.
    pub fn is_test(self) -> bool {
        matches!(self, ResourceType::Test | ResourceType::UnitTest)
    }

    /// Whether there is nothing to run for it, so that `build` has a NO-OP of it.
    pub fn is_idle(self) -> bool {
        matches!(self, ResourceType::Exposure | ResourceType::SavedQuery)
    }

    /// Whether others can `ref` it.
    pub fn is_refable(self) -> bool {
        matches!(self, ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot)
    }
}

/// Who may `ref` a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// Its own group.
    Private,
    /// Its own package; the default.
    #[default]
    Protected,
    /// Everybody.
    Public,
}

impl Access {
    pub fn as_str(self) -> &'static str {
        match self {
            Access::Private => "private",
            Access::Protected => "protected",
            Access::Public => "public",
        }
    }
}

/// A call of `ref` as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RefCall {
    pub package: Option<String>,
    pub name: String,
    pub version: Option<String>,
}

/// A call of `source` as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceCall {
    pub source: String,
    pub table: String,
}

/// A column as its properties describe it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnInfo {
    pub name: String,
    pub description: String,
    pub data_type: Option<String>,
    pub meta: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub quote: Option<bool>,
    pub constraints: Vec<Value>,
    /// Of a column of a time spine: `day`.
    pub granularity: Option<String>,
    /// The docs blocks that its description shows.
    pub doc_blocks: Vec<UniqueId>,
    /// What of this is not its own, where there is something.
    pub inherited: Option<Box<Inherited>>,
}

/// What a column has of those that it is a copy of: whose words they are, as node and column.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inherited {
    /// Whose description it has.
    pub description: Option<(UniqueId, String)>,
    /// Whose tags it has, by their keys in `meta`.
    pub meta: IndexMap<String, (UniqueId, String)>,
}

impl ColumnInfo {
    /// The key of `meta` that says whether a column is personal.
    pub const PII: &str = "pii";

    /// Whether it is tagged as personal: `meta: {pii: true}`, or a kind of such data.
    pub fn is_pii(&self) -> bool {
        self.meta.get(Self::PII).is_some_and(Self::says_pii)
    }

    /// Whether a value of [`ColumnInfo::PII`] says yes.
    pub fn says_pii(value: &Value) -> bool {
        match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => {
                !["", "false", "no", "none"].contains(&text.trim().to_lowercase().as_str())
            }
            _ => true,
        }
    }
}

/// What makes a generic test: its name and arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct TestMetadata {
    /// `unique`, `accepted_values`, …
    pub name: String,
    /// The package before the dot in `dbt_utils.equal_rowcount`.
    pub namespace: Option<String>,
    /// The entry in the YAML file that it stands under: `models.orders`, `sources.raw`.
    pub entry: String,
    /// Arguments as written, Jinja unrendered; with `model` as dbt writes it and `column_name`.
    pub kwargs: IndexMap<String, Value>,
}

/// A model, seed, snapshot, test, analysis or hook.
#[derive(Debug, Clone)]
pub struct Node {
    pub unique_id: UniqueId,
    pub name: String,
    pub resource_type: ResourceType,
    pub package_name: String,
    /// Relative to its resource path (`models/`), as in dbt.
    pub path: String,
    /// Relative to its project's root.
    pub original_file_path: String,
    /// The file that it was read from; of a generic test, the YAML file.
    pub file: Arc<SourceFile>,
    /// The Jinja-SQL as written. Empty for seeds.
    pub raw_code: Arc<str>,
    /// Where its code stands in the file, where that holds more than this node: a snapshot block.
    pub code: Option<std::ops::Range<usize>>,
    /// Where the node begins: the start of a SQL file, the entry in a YAML file.
    pub location: Option<Location>,
    pub fqn: Vec<String>,
    pub database: String,
    pub schema: String,
    pub alias: String,
    pub quoting: Quoting,
    /// The name of the engine that it runs on.
    pub engine: Arc<str>,
    pub config: NodeConfig,
    /// `config()` in the file and properties as written, for the manifest's `unrendered_config`.
    pub unrendered_config: IndexMap<String, Value, FastHash>,
    /// blake3/sha256 of the file, in hex.
    pub checksum: String,
    pub description: String,
    /// The docs blocks that its description shows.
    pub doc_blocks: Vec<UniqueId>,
    pub columns: IndexMap<String, ColumnInfo>,
    pub meta: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub group: Option<String>,
    pub access: Access,
    /// `project://models/schema.yml` of the properties that describe it.
    pub patch_path: Option<String>,
    /// Of a model that has versions, a deprecation date or a time spine.
    pub facts: Option<Box<ModelFacts>>,
    pub refs: Vec<(RefCall, Option<Location>)>,
    pub source_calls: Vec<(SourceCall, Option<Location>)>,
    /// Functions that it calls, as written.
    pub function_calls: Vec<FunctionCall>,
    /// Metrics that it names, as written, each as often as it is called.
    pub metric_calls: Vec<MetricCall>,
    /// Nodes and sources that it reads, resolved, each once, in order of first mention.
    pub depends_on: Vec<UniqueId>,
    /// Macros of the project and its packages that it calls.
    pub depends_on_macros: Vec<UniqueId>,
    /// Of a generic test.
    pub test_metadata: Option<TestMetadata>,
    /// Of a function.
    pub function: Option<Box<FunctionFacts>>,
    /// Of a unit test.
    pub unit_test: Option<Arc<UnitTest>>,
    /// Of a generic test on a column.
    pub column_name: Option<String>,
    /// Of a generic test: the node or source that it stands under.
    pub attached_node: Option<UniqueId>,
    /// Of a seed: the folder on disk that its path is relative to.
    pub root_path: Option<String>,
    /// Of a hook of the project: its place in the list.
    pub index: Option<usize>,
    /// Whether its columns may be personal without a tag: it inherits tags, and what its columns are
    /// made of could not be told.
    pub may_be_personal: bool,
}

impl Node {
    /// A node of a name in a package with nothing else known of it.
    pub fn bare(
        resource_type: ResourceType,
        package: &str,
        name: &str,
        file: Arc<SourceFile>,
        engine: Arc<str>,
    ) -> Node {
        Node {
            unique_id: format!("{}.{package}.{name}", resource_type.as_str()).into(),
            name: name.to_owned(),
            resource_type,
            package_name: package.to_owned(),
            path: String::new(),
            original_file_path: String::new(),
            file,
            raw_code: "".into(),
            code: None,
            location: None,
            fqn: Vec::new(),
            database: String::new(),
            schema: String::new(),
            alias: String::new(),
            quoting: Quoting::default(),
            engine,
            config: NodeConfig::default(),
            unrendered_config: IndexMap::default(),
            checksum: String::new(),
            description: String::new(),
            doc_blocks: Vec::new(),
            columns: IndexMap::new(),
            meta: IndexMap::new(),
            tags: Vec::new(),
            group: None,
            access: Access::default(),
            patch_path: None,
            facts: None,
            refs: Vec::new(),
            source_calls: Vec::new(),
            function_calls: Vec::new(),
            metric_calls: Vec::new(),
            depends_on: Vec::new(),
            depends_on_macros: Vec::new(),
            test_metadata: None,
            function: None,
            unit_test: None,
            column_name: None,
            attached_node: None,
            root_path: None,
            index: None,
            may_be_personal: false,
        }
    }

    /// The name that a `ref` without a package means it by: of a version `orders.v1`.
    pub fn search_name(&self) -> std::borrow::Cow<'_, str> {
        match self.facts.as_ref().and_then(|facts| facts.version_text()) {
            Some(version) => format!("{}.v{version}", self.name).into(),
            None => self.name.as_str().into(),
        }
    }

    /// `materialized`, with dbt's default for its kind.
    pub fn materialized(&self) -> &str {
        self.config.text("materialized").unwrap_or(match self.resource_type {
            ResourceType::Seed => "seed",
            ResourceType::Snapshot => "snapshot",
            ResourceType::Test => "test",
            ResourceType::UnitTest => "unit",
            ResourceType::Function => "function",
            _ => "view",
        })
    }

    /// A model written in Python.
    pub fn is_python(&self) -> bool {
        self.resource_type == ResourceType::Model && self.original_file_path.ends_with(".py")
    }

    /// The language of its code.
    pub fn language(&self) -> &'static str {
        let may = matches!(self.resource_type, ResourceType::Model | ResourceType::Function);
        if may && self.original_file_path.ends_with(".py") { "python" } else { "sql" }
    }

    /// Whether it is inlined into those that read it.
    pub fn is_ephemeral(&self) -> bool {
        self.resource_type == ResourceType::Model && self.materialized() == "ephemeral"
    }

    /// Whether its columns have the descriptions and tags of those that they are copies of:
    /// `inherit_docs`.
    pub fn inherits_docs(&self) -> bool {
        matches!(self.resource_type, ResourceType::Model | ResourceType::Snapshot)
            && self.config.flag("inherit_docs") == Some(true)
    }

    /// Whether its contract is enforced, so that its columns are those that are listed.
    pub fn has_contract(&self) -> bool {
        let contract = self.config.get("contract").and_then(|set| set.get("enforced"));
        contract.and_then(Value::as_bool) == Some(true)
    }

    /// Whether its file holds several nodes: dbt writes what it compiles to a file of its own then.
    pub fn shares_its_file(&self) -> bool {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        name(&self.path) != name(&self.original_file_path)
    }

    /// The relation that it makes, in its own engine.
    pub fn relation(&self) -> Relation {
        let relation = Relation::new(&self.database, &self.schema, &self.alias);
        Relation { quoting: self.quoting, ..relation }
    }

    /// What a test is of: the node or source that it stands under, else the first that it reads.
    pub fn tested(&self) -> Option<&UniqueId> {
        self.attached_node.as_ref().or(self.depends_on.first())
    }

    /// Whether it is built beside the published relation, and takes its place only where its tests
    /// pass: `publish: audited`. An ephemeral model has nothing to publish.
    pub fn is_audited(&self) -> bool {
        self.resource_type == ResourceType::Model
            && self.config.text("publish") == Some("audited")
            && !self.is_ephemeral()
    }

    /// Where an audited model stands while its tests run.
    pub fn audit_relation(&self) -> Relation {
        self.relation().with_suffix("__audit")
    }

    /// Where what its tests rejected is kept.
    pub fn rejected_relation(&self) -> Relation {
        self.relation().with_suffix("__rejected")
    }
}

/// A table that the project reads but does not make.
#[derive(Debug, Clone)]
pub struct Source {
    pub unique_id: UniqueId,
    pub source_name: String,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub location: Option<Location>,
    pub fqn: Vec<String>,
    pub database: String,
    pub schema: String,
    /// As written, with Jinja.
    pub unrendered_database: Option<String>,
    pub unrendered_schema: Option<String>,
    pub identifier: String,
    pub quoting: Quoting,
    /// `quoting` as its entry and its source's say it.
    pub written_quoting: serde_json::Map<String, Value>,
    pub engine: Arc<str>,
    /// dbt-duckdb's `external_location`, formatted: what stands in SQL instead of a name.
    pub external_location: Option<String>,
    pub loader: String,
    pub description: String,
    pub source_description: String,
    /// The docs blocks that its description shows.
    pub doc_blocks: Vec<UniqueId>,
    pub columns: IndexMap<String, ColumnInfo>,
    pub meta: IndexMap<String, Value>,
    pub source_meta: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub config: NodeConfig,
    pub loaded_at_field: Option<String>,
    pub loaded_at_query: Option<String>,
    pub freshness: Option<Value>,
}

impl Source {
    /// The relation as it stands in SQL of its own engine.
    pub fn relation(&self) -> Relation {
        Relation {
            verbatim: self.external_location.clone(),
            quoting: self.quoting,
            ..Relation::new(&self.database, &self.schema, &self.identifier)
        }
    }
}

/// An argument of a macro, as its properties describe it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MacroArgument {
    pub name: String,
    pub data_type: Option<String>,
    pub description: String,
}

/// A macro of the project, a package or Pintail itself. Its template is in `jinja`'s registry.
#[derive(Debug, Clone)]
pub struct Macro {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    /// The whole block, tags included.
    pub macro_sql: String,
    pub description: String,
    pub meta: IndexMap<String, Value>,
    /// `docs:` as it was set: `show`, `node_color`.
    pub docs: serde_json::Map<String, Value>,
    pub patch_path: Option<String>,
    pub arguments: Vec<MacroArgument>,
    /// Of a materialization: the adapter (`default`, `duckdb`, `postgres`).
    pub supported_adapter: Option<String>,
}

/// A `{% docs %}` block.
#[derive(Debug, Clone)]
pub struct DocBlock {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub block_contents: String,
}

/// A use of the data outside the project.
#[derive(Debug, Clone)]
pub struct Exposure {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub location: Option<Location>,
    pub fqn: Vec<String>,
    /// `dashboard`, `notebook`, `analysis`, `ml` or `application`
    pub exposure_type: String,
    pub label: Option<String>,
    pub url: Option<String>,
    pub maturity: Option<String>,
    pub description: String,
    pub owner: IndexMap<String, Value>,
    pub meta: IndexMap<String, Value>,
    pub tags: Vec<String>,
    pub config: NodeConfig,
    pub refs: Vec<(RefCall, Option<Location>)>,
    pub source_calls: Vec<(SourceCall, Option<Location>)>,
    /// Metrics that it names.
    pub metrics: Vec<MetricCall>,
    pub depends_on: Vec<UniqueId>,
}

/// A group of nodes with an owner: one bounded context.
#[derive(Debug, Clone)]
pub struct Group {
    pub unique_id: UniqueId,
    pub name: String,
    pub package_name: String,
    pub path: String,
    pub original_file_path: String,
    pub description: String,
    pub owner: IndexMap<String, Value>,
    pub config: NodeConfig,
}
