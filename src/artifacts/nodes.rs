//! Models, seeds, snapshots, tests, analyses and hooks as dbt's manifest has them.
//!
//! Each borrows from a [`Node`]; keys come in dbt's order, and only those of the node's kind.

use std::borrow::Cow;
use std::sync::LazyLock;

use indexmap::IndexMap;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::Each;
use super::config::{ConfigOut, Filled};
use crate::compile::{Compiler, cte_name};
use crate::graph::{Member, defaults};
use crate::manifest::{
    ColumnInfo, FunctionCall, Inherited, MetricCall, Node, RefCall, ResourceType, SourceCall,
    UniqueId,
};
use crate::run::{RunResult, Status};

static CONTRACT: LazyLock<Value> =
    LazyLock::new(|| json!({"enforced": false, "alias_types": true, "checksum": null}));

static CONSTRAINT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "type": null, "name": null, "expression": null, "warn_unenforced": true,
        "warn_unsupported": true, "to": null, "to_columns": []
    })
});

/// What dbt notes as called by a test while it is compiled and run: it calls these for each.
const OF_RUNNING_TESTS: &[&str] = &[
    "macro.dbt.get_where_subquery",
    "macro.dbt.should_store_failures",
    "macro.dbt.statement",
    "macro.dbt.get_limit_subquery_sql",
];

/// A node with what is known of it beside the manifest.
pub(super) struct NodeOut<'a> {
    pub node: &'a Node,
    /// Seconds since 1970: when the manifest was made.
    pub created_at: f64,
    /// The target folder as shown to the user: `target`.
    pub target_path: &'a str,
    /// Its result, where it was compiled.
    pub compiled: Option<&'a RunResult>,
    /// Whether it ran, so that what ran stands below `target/run`.
    pub ran: bool,
    /// Of a hook: its place among those that ran with it, from one on; else as parsed.
    pub index: Option<usize>,
    /// Whether tests that do not say otherwise keep their failing rows.
    pub stores_failures: bool,
    /// Columns that its tests show to be its key.
    pub primary_key: &'a [&'a str],
    /// Who knows what the `ref` of a foreign key names.
    pub compiler: Option<&'a Compiler>,
}

impl<'a> NodeOut<'a> {
    /// A node of which no more is known than parsing tells.
    pub fn parsed(node: &'a Node, created_at: f64, target_path: &'a str) -> Self {
        NodeOut {
            node,
            created_at,
            target_path,
            compiled: None,
            ran: false,
            index: node.index,
            stores_failures: false,
            primary_key: &[],
            compiler: None,
        }
    }
}

impl Serialize for NodeOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let node = self.node;
        let kind = node.resource_type;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("database", &node.database)?;
        map.serialize_entry("schema", &node.schema)?;
        map.serialize_entry("name", &node.name)?;
        map.serialize_entry("resource_type", kind.as_str())?;
        map.serialize_entry("package_name", &node.package_name)?;
        map.serialize_entry("path", &node.path)?;
        map.serialize_entry("original_file_path", &node.original_file_path)?;
        map.serialize_entry("unique_id", &*node.unique_id)?;
        map.serialize_entry("fqn", &node.fqn)?;
        map.serialize_entry("alias", &node.alias)?;
        map.serialize_entry("checksum", &Checksum::of(node))?;
        map.serialize_entry("config", &ConfigOut(Member::Node(node)))?;
        map.serialize_entry("tags", &node.tags)?;
        map.serialize_entry("description", &node.description)?;
        let target_of = self.compiled.and(self.compiler).map(|of| (node, of));
        map.serialize_entry("columns", &Columns(&node.columns, target_of))?;
        map.serialize_entry("meta", &node.meta)?;
        map.serialize_entry("group", &node.group)?;
        map.serialize_entry("docs", &docs(node))?;
        map.serialize_entry("patch_path", &node.patch_path)?;
        let has_file = self.ran && kind != ResourceType::Operation;
        let build_path = || self.path_below(Some("run").filter(|_| has_file));
        map.serialize_entry("build_path", &build_path())?;
        map.serialize_entry("unrendered_config", &node.unrendered_config)?;
        map.serialize_entry("created_at", &self.created_at)?;
        map.serialize_entry("relation_name", &self.relation_name())?;
        map.serialize_entry("raw_code", &*node.raw_code)?;
        map.serialize_entry("doc_blocks", &node.doc_blocks)?;
        if kind == ResourceType::Seed {
            map.serialize_entry("root_path", &node.root_path)?;
            let macros = &node.depends_on_macros;
            map.serialize_entry("depends_on", &DependsOn { macros, nodes: None })?;
            return map.end();
        }
        map.serialize_entry("language", node.language())?;
        map.serialize_entry("refs", &Each(|| node.refs.iter().map(|(call, _)| RefOut(call))))?;
        let sources = || node.source_calls.iter().map(|(call, _)| source_out(call));
        map.serialize_entry("sources", &Each(sources))?;
        let metrics = || node.metric_calls.iter().map(metric_out);
        map.serialize_entry("metrics", &Each(metrics))?;
        let functions = || node.function_calls.iter().map(function_out);
        map.serialize_entry("functions", &Each(functions))?;
        let (mut macros, nodes) = (Cow::from(&node.depends_on_macros), Some(&node.depends_on[..]));
        // Macros below `execute` are seen once the node is compiled.
        for id in self.compiled.into_iter().flat_map(|result| &result.macros) {
            if !macros.contains(id) {
                macros.to_mut().push(id.clone());
            }
        }
        if let Some(result) = self.compiled.filter(|_| kind == ResourceType::Test) {
            // Also where its statement failed.
            let failed = result.status == Status::Error && result.execute.is_some();
            let known = if self.ran || failed { OF_RUNNING_TESTS } else { &OF_RUNNING_TESTS[..1] };
            let generic = node.test_metadata.is_some();
            for id in known.iter().filter(|id| generic || !id.ends_with("_where_subquery")) {
                if !macros.iter().any(|other| **other == **id) {
                    macros.to_mut().push((*id).into());
                }
            }
        }
        map.serialize_entry("depends_on", &DependsOn { macros: &macros, nodes })?;
        // dbt writes no such file for snapshots, nor for hooks without SQL.
        let code = self.compiled.and_then(|result| result.compiled_code.as_deref());
        let has_file = |code: &&str| kind != ResourceType::Snapshot && !code.is_empty();
        let compiled = code.filter(has_file).map(|_| "compiled");
        map.serialize_entry("compiled_path", &self.path_below(compiled))?;
        if let Some((code, result)) = code.zip(self.compiled) {
            map.serialize_entry("compiled", &true)?;
            map.serialize_entry("compiled_code", code)?;
            map.serialize_entry("extra_ctes_injected", &true)?;
            let ctes = || result.ctes.iter().map(|cte| self.extra_cte(cte));
            map.serialize_entry("extra_ctes", &Each(ctes))?;
        }
        let set = node.config.get("contract").filter(|set| set.is_object());
        match super::contract::checksum(node) {
            Some(checksum) => {
                let mut whole = set.cloned().unwrap_or_default();
                whole["checksum"] = checksum.into();
                let set = Some(&whole);
                map.serialize_entry("contract", &Filled { set, default: &CONTRACT })?;
            }
            None => map.serialize_entry("contract", &Filled { set, default: &CONTRACT })?,
        }
        match kind {
            ResourceType::Model => self.model(&mut map)?,
            ResourceType::Test => generic_test(node, &mut map)?,
            ResourceType::Operation => map.serialize_entry("index", &self.index)?,
            ResourceType::Function => super::functions::facts(node, &mut map)?,
            _ => {}
        }
        map.end()
    }
}

impl NodeOut<'_> {
    fn model<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        map.serialize_entry("access", node.access.as_str())?;
        let constraints = node.config.get("constraints").and_then(Value::as_array);
        let constraints = constraints.map_or(&[][..], |all| all);
        let target_of = self.compiled.and(self.compiler).map(|of| (node, of));
        map.serialize_entry("constraints", &Constraints(constraints, target_of))?;
        let facts = node.facts.as_deref();
        map.serialize_entry("version", &facts.and_then(|facts| facts.version.as_ref()))?;
        let latest = facts.and_then(|facts| facts.latest_version.as_ref());
        map.serialize_entry("latest_version", &latest)?;
        let date = facts.and_then(|facts| facts.deprecation_date.as_ref());
        map.serialize_entry("deprecation_date", &date)?;
        map.serialize_entry("primary_key", self.primary_key)?;
        let spine = facts.and_then(|facts| facts.time_spine.as_ref());
        map.serialize_entry("time_spine", &spine.map(super::semantic::time_spine))
    }

    /// Where the node is written; `None` for what makes no relation.
    fn relation_name(&self) -> Option<String> {
        let node = self.node;
        let makes_one = match node.resource_type {
            ResourceType::Model => !node.is_ephemeral(),
            ResourceType::Seed | ResourceType::Snapshot => true,
            // What the command line says counts once the test is compiled.
            ResourceType::Test => node
                .config
                .stores_failures()
                .unwrap_or(self.stores_failures && self.compiled.is_some()),
            _ => false,
        };
        makes_one.then(|| node.relation().render())
    }

    /// An ephemeral model inside of its SQL.
    fn extra_cte(&self, (id, sql): &(UniqueId, String)) -> Value {
        let name = self.compiler.map(|compiler| cte_name(&compiler.manifest.nodes[id].alias));
        json!({"id": &**id, "sql": format!(" {} as (\n{sql}\n)", name.unwrap_or_default())})
    }

    /// Where it is written below a folder of the target, by dbt's rule: under the file that it was
    /// read from, and in a file of its own where that file holds several nodes.
    fn path_below(&self, folder: Option<&str>) -> Option<String> {
        let node = self.node;
        let (target, folder, package) = (self.target_path, folder?, &node.package_name);
        let file = &node.original_file_path;
        let below = format!("{target}/{folder}/{package}/{file}");
        Some(if node.shares_its_file() { format!("{below}/{}", node.path) } else { below })
    }
}

fn generic_test<M: SerializeMap>(node: &Node, map: &mut M) -> Result<(), M::Error> {
    #[derive(Serialize)]
    struct MetadataOut<'a> {
        name: &'a str,
        kwargs: &'a IndexMap<String, Value>,
        namespace: Option<&'a str>,
    }
    let Some(test) = &node.test_metadata else { return Ok(()) };
    map.serialize_entry("column_name", &node.column_name)?;
    map.serialize_entry("file_key_name", &test.entry)?;
    // dbt attaches tests to nodes only, not to sources.
    let attached = node.attached_node.as_deref().filter(|id| !id.starts_with("source."));
    map.serialize_entry("attached_node", &attached)?;
    let (name, namespace) = (test.name.as_str(), test.namespace.as_deref());
    map.serialize_entry("test_metadata", &MetadataOut { name, kwargs: &test.kwargs, namespace })
}

/// `docs`: of the config, with dbt's defaults.
fn docs(node: &Node) -> Filled<'_> {
    static NONE: Value = Value::Null;
    let default = defaults::config_defaults(ResourceType::Model).get("docs").unwrap_or(&NONE);
    Filled { set: node.config.get("docs"), default }
}

#[derive(Serialize)]
struct Checksum<'a> {
    name: &'static str,
    checksum: &'a str,
}

impl Checksum<'_> {
    /// Generic tests have no file of their own.
    fn of(node: &Node) -> Checksum<'_> {
        if node.test_metadata.is_some() || node.checksum.is_empty() {
            Checksum { name: "none", checksum: "" }
        } else {
            // dbt does not read large seeds for it: their path stands in for what is in them.
            let is_path = node.resource_type == ResourceType::Seed
                && node.checksum == node.original_file_path;
            let name = if is_path { "path" } else { "sha256" };
            Checksum { name, checksum: &node.checksum }
        }
    }
}

#[derive(Serialize)]
pub(super) struct DependsOn<'a> {
    pub macros: &'a [UniqueId],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<&'a [UniqueId]>,
}

/// A `ref` as dbt lists it.
pub(super) struct RefOut<'a>(pub &'a RefCall);

impl Serialize for RefOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(3))?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("package", &self.0.package)?;
        // dbt keeps a number a number.
        let version = self.0.version.as_ref().map(|version| {
            version.parse::<i64>().map_or_else(|_| Value::from(version.as_str()), Value::from)
        });
        map.serialize_entry("version", &version)?;
        map.end()
    }
}

/// A `source` call as dbt lists it.
pub(super) fn source_out(call: &SourceCall) -> [&str; 2] {
    [&call.source, &call.table]
}

/// A `function` call as dbt lists it.
fn function_out(call: &FunctionCall) -> Vec<&str> {
    call.package.as_deref().into_iter().chain([call.name.as_str()]).collect()
}

/// A `metric` call as dbt lists it.
pub(super) fn metric_out(call: &MetricCall) -> Vec<&str> {
    call.package.as_deref().into_iter().chain([call.name.as_str()]).collect()
}

/// Whose foreign keys, and what they name.
type Filling<'a> = Option<(&'a Node, &'a Compiler)>;

/// Columns by name.
pub(super) struct Columns<'a>(pub &'a IndexMap<String, ColumnInfo>, pub Filling<'a>);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(self.0.iter().map(|(name, column)| (name, ColumnOut(column, self.1))))
    }
}

struct ColumnOut<'a>(&'a ColumnInfo, Filling<'a>);

impl Serialize for ColumnOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ConfigPart<'a> {
            meta: &'a IndexMap<String, Value>,
            tags: &'a [String],
        }
        let column = self.0;
        let mut map = out.serialize_map(Some(10))?;
        map.serialize_entry("name", &column.name)?;
        map.serialize_entry("description", &column.description)?;
        map.serialize_entry("meta", &column.meta)?;
        map.serialize_entry("data_type", &column.data_type)?;
        map.serialize_entry("constraints", &Constraints(&column.constraints, self.1))?;
        map.serialize_entry("quote", &column.quote)?;
        let config = ConfigPart { meta: &column.meta, tags: &column.tags };
        map.serialize_entry("config", &config)?;
        map.serialize_entry("tags", &column.tags)?;
        map.serialize_entry("granularity", &column.granularity)?;
        map.serialize_entry("doc_blocks", &column.doc_blocks)?;
        if let Some(inherited) = &column.inherited {
            map.serialize_entry("inherited_from", &inherited_json(inherited))?;
        }
        map.end()
    }
}

/// Whose the words of a column are, which it did not have of its own. The manifest's schema allows keys
/// that it does not know.
pub fn inherited_json(inherited: &Inherited) -> Value {
    let origin = |(id, column): &(UniqueId, String)| json!({"unique_id": id, "column": column});
    let meta: Map<String, Value> =
        inherited.meta.iter().map(|(key, of)| (key.clone(), origin(of))).collect();
    let mut json = Map::new();
    if let Some(of) = &inherited.description {
        json.insert("description".to_owned(), origin(of));
    }
    if !meta.is_empty() {
        json.insert("meta".to_owned(), meta.into());
    }
    json.into()
}

struct Constraints<'a>(&'a [Value], Filling<'a>);

impl Serialize for Constraints<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let one = |written: &Value| {
            let to = written.get("to").and_then(Value::as_str);
            let relation = self
                .1
                .zip(to)
                .and_then(|((node, compiler), to)| compiler.constraint_target(node, to));
            let mut whole = written.clone();
            if let Some(relation) = relation {
                whole["to"] = relation.into();
            }
            ConstraintOut(whole)
        };
        out.collect_seq(self.0.iter().map(one))
    }
}

struct ConstraintOut(Value);

impl Serialize for ConstraintOut {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        Filled { set: Some(&self.0), default: &CONSTRAINT }.serialize(out)
    }
}
