//! manifest.json, schema v12: <https://schemas.getdbt.com/dbt/manifest/v12.json>.
//!
//! Written straight from the manifest, which is only read.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::entities::{DocOut, ExposureOut, GroupOut, MacroOut, SourceOut};
use super::json::{self, put};
use super::nodes::NodeOut;
use super::unit_tests::UnitTestOut;
use super::{CommonMetadata, write_whole};
use crate::checksum::md5;
use crate::compile::Compiler;
use crate::diagnostic::Result;
use crate::graph::{Graph, NodeIndex};
use crate::jinja::MacroRegistry;
use crate::manifest::{ById, DocBlock, FastHash, Manifest, Node, ResourceType, constrained_key};
use crate::relation::Quoting;
use crate::run::{InvocationInfo, RunResult};

/// What manifest.json is made of.
pub struct ManifestInputs<'a> {
    pub manifest: &'a Manifest,
    pub graph: &'a Graph,
    pub invocation: &'a InvocationInfo,
    /// dbt's adapter type of the default engine.
    pub adapter_type: &'a str,
    pub generated_at: Timestamp,
    /// Of the project.
    pub quoting: Quoting,
    /// The target folder relative to the project: `target`.
    pub target_path: &'a str,
    /// selectors.yml as dbt lists it.
    pub selectors: &'a serde_json::Map<String, serde_json::Value>,
    /// The result of a node, which has its SQL where it was compiled.
    pub compiled: &'a (dyn Fn(&str) -> Option<&'a RunResult> + Sync),
    /// Who knows what the `ref` of a foreign key names, once things are compiled.
    pub compiler: Option<&'a Compiler>,
    /// Whether a node ran.
    pub ran: &'a (dyn Fn(&str) -> bool + Sync),
    /// The built-in macros, and what macros call.
    pub registry: &'a MacroRegistry,
}

/// Writes manifest.json, whole or not at all.
///
/// # Errors
/// `UNWRITABLE` where the file cannot be written.
pub fn write_manifest(path: &Path, inputs: &ManifestInputs<'_>) -> Result<()> {
    write_whole(path, |out| manifest_to(out, inputs))
}

/// Writes the JSON text.
///
/// # Errors
/// Those of `out`.
pub fn manifest_to(out: &mut (dyn Write + Send), inputs: &ManifestInputs<'_>) -> io::Result<()> {
    let manifest = inputs.manifest;
    let created_at = inputs.generated_at.as_microsecond() as f64 / 1e6;
    let keys = primary_keys(manifest);
    let graph = inputs.graph;
    let mut out = Sections { out, first: true };
    out.value("metadata", &MetadataOut(inputs))?;
    // Unit tests come last in the manifest, and have a section of their own.
    let tests = manifest.nodes.values().rev().take_while(|node| node.unit_test.is_some()).count();
    let nodes = manifest.nodes.len() - tests;
    let (functions, others): (Vec<&Node>, Vec<&Node>) = manifest.nodes.as_slice()[..nodes]
        .values()
        .map(|node| &**node)
        .partition(|node| node.resource_type == ResourceType::Function);
    let numbers = hook_numbers(manifest, inputs.ran);
    let others: Vec<&Node> = others.into_iter().chain(&manifest.idle_tests).collect();
    let stores_failures =
        inputs.invocation.args.get("store_failures").is_some_and(|on| *on == true);
    let entry = |node: &Node, out: &mut Vec<u8>| {
        put(out, &*node.unique_id);
        out.push(b':');
        let found = keys.get(&*node.unique_id);
        let node = NodeOut {
            node,
            created_at,
            target_path: inputs.target_path,
            compiled: (inputs.compiled)(&node.unique_id).filter(|one| one.compiled_code.is_some()),
            ran: (inputs.ran)(&node.unique_id),
            stores_failures,
            index: numbers.get(&*node.unique_id).copied().or(node.index),
            primary_key: found.map_or(&[], |found| found.columns()),
            compiler: inputs.compiler,
        };
        put(out, &node);
    };
    out.chunks("nodes", others.len(), |at, out| entry(others[at], out))?;
    out.entries("sources", &manifest.sources, 0..manifest.sources.len(), |source, out| {
        put(out, &SourceOut { source, created_at });
    })?;
    let built_in = inputs.registry.built_in();
    out.chunks("macros", built_in.len() + manifest.macros.len(), |at, out| {
        let own = || manifest.macros.get_index(at - built_in.len()).map(|(_, one)| one);
        let Some(a_macro) = built_in.get(at).or_else(own) else { return };
        let calls = inputs.registry.called_by(inputs.adapter_type, a_macro);
        put(out, &*a_macro.unique_id);
        out.push(b':');
        let def = inputs.registry.get(&a_macro.unique_id);
        put(out, &MacroOut { a_macro, def, calls: &calls, created_at });
    })?;
    let overview = overview();
    let own = manifest.docs.contains_key(&overview.unique_id);
    out.chunks("docs", manifest.docs.len() + usize::from(!own), |at, out| {
        let doc = manifest.docs.get_index(at).map_or(&overview, |(_, doc)| doc);
        put(out, &*doc.unique_id);
        out.push(b':');
        put(out, &DocOut(doc));
    })?;
    out.entries("exposures", &manifest.exposures, 0..manifest.exposures.len(), |exposure, out| {
        put(out, &ExposureOut { exposure, created_at });
    })?;
    out.semantic("metrics", manifest, ResourceType::Metric, created_at)?;
    out.entries("groups", &manifest.groups, 0..manifest.groups.len(), |group, out| {
        put(out, &GroupOut(group));
    })?;
    out.value("selectors", inputs.selectors)?;
    out.value("disabled", &Disabled { inputs, created_at })?;
    // Tests that never run are no part of the DAG, but of these.
    let idle = &manifest.idle_tests;
    let mut idle_children: HashMap<&str, Vec<&str>, FastHash> = HashMap::default();
    for test in idle {
        for id in &test.depends_on {
            idle_children.entry(id).or_default().push(&test.unique_id);
        }
    }
    for (key, parents) in [("parent_map", true), ("child_map", false)] {
        out.chunks(key, graph.len() + idle.len(), |at, out| {
            let (id, mut ids): (&str, Vec<&str>) = match at.checked_sub(graph.len()) {
                Some(at) if parents => {
                    (&idle[at].unique_id, idle[at].depends_on.iter().map(|id| &**id).collect())
                }
                Some(at) => (&idle[at].unique_id, Vec::new()),
                None => {
                    let index = NodeIndex::new(at);
                    (graph.unique_id(index), near(graph, index, parents))
                }
            };
            if !parents {
                ids.extend(idle_children.get(id).into_iter().flatten());
            }
            ids.sort_unstable();
            put(out, id);
            out.push(b':');
            put(out, &ids);
        })?;
    }
    out.value("group_map", &group_map(manifest))?;
    out.semantic("saved_queries", manifest, ResourceType::SavedQuery, created_at)?;
    out.semantic("semantic_models", manifest, ResourceType::SemanticModel, created_at)?;
    out.entries("unit_tests", &manifest.nodes, nodes..nodes + tests, |node, out| {
        if let Some(test) = &node.unit_test {
            put(out, &UnitTestOut { node, test, created_at });
        }
    })?;
    out.chunks("functions", functions.len(), |at, out| entry(functions[at], out))?;
    out.out.write_all(b"}")
}

/// The hooks of the run by the number that dbt gives each when they run.
fn hook_numbers<'a>(
    manifest: &'a Manifest,
    ran: &dyn Fn(&str) -> bool,
) -> HashMap<&'a str, usize, FastHash> {
    let mut numbers = HashMap::default();
    for when in ["on-run-start", "on-run-end"] {
        let hooks = manifest.hooks(when);
        if hooks.iter().any(|hook| ran(&hook.unique_id)) {
            numbers.extend(hooks.iter().zip(1..).map(|(hook, number)| (&*hook.unique_id, number)));
        }
    }
    numbers
}

/// The text that stands before a project's documentation where the project has none of its own.
fn overview() -> DocBlock {
    DocBlock {
        unique_id: "doc.dbt.__overview__".into(),
        name: "__overview__".to_owned(),
        package_name: "dbt".to_owned(),
        path: "overview.md".to_owned(),
        original_file_path: "docs/overview.md".to_owned(),
        block_contents: "The models, sources and tests of this project, and what they read."
            .to_owned(),
    }
}

/// The top-level keys, one after the other.
struct Sections<'a> {
    out: &'a mut (dyn Write + Send),
    first: bool,
}

impl Sections<'_> {
    fn key(&mut self, key: &str) -> io::Result<()> {
        let before = if std::mem::replace(&mut self.first, false) { '{' } else { ',' };
        write!(self.out, "{before}\"{key}\":")
    }

    fn value(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.key(key)?;
        Ok(serde_json::to_writer(&mut *self.out, value)?)
    }

    /// The metrics, semantic models or saved queries by `unique_id`.
    fn semantic(
        &mut self,
        key: &str,
        manifest: &Manifest,
        kind: ResourceType,
        created_at: f64,
    ) -> io::Result<()> {
        let of_kind = manifest.semantic.values().filter(|one| one.kind == kind);
        let all: serde_json::Map<String, serde_json::Value> = of_kind
            .map(|one| (one.unique_id.to_string(), super::semantic::entity(one, created_at)))
            .collect();
        self.value(key, &all)
    }

    /// A map by `unique_id`.
    fn entries<T: Sync>(
        &mut self,
        key: &str,
        entries: &ById<T>,
        range: Range<usize>,
        one: impl Fn(&T, &mut Vec<u8>) + Sync,
    ) -> io::Result<()> {
        self.chunks(key, range.len(), |at, out| {
            if let Some((id, value)) = entries.get_index(range.start + at) {
                put(out, &**id);
                out.push(b':');
                one(value, out);
            }
        })
    }

    /// A map of `count` entries, made by several threads and put out in order.
    fn chunks(
        &mut self,
        key: &str,
        count: usize,
        entry: impl Fn(usize, &mut Vec<u8>) + Sync,
    ) -> io::Result<()> {
        self.key(key)?;
        self.out.write_all(b"{")?;
        json::write_many(self.out, count, entry)?;
        self.out.write_all(b"}")
    }
}

struct MetadataOut<'i, 'a>(&'i ManifestInputs<'a>);

impl Serialize for MetadataOut<'_, '_> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Quoted {
            database: bool,
            schema: bool,
            identifier: bool,
            column: Option<bool>,
        }
        let ManifestInputs { manifest, invocation, generated_at, .. } = *self.0;
        let mut map = out.serialize_map(None)?;
        CommonMetadata { schema: "manifest/v12", generated_at, invocation }.entries(&mut map)?;
        map.serialize_entry("project_name", &manifest.project_name)?;
        let project_id = md5(&manifest.project_name);
        map.serialize_entry("project_id", &project_id)?;
        map.serialize_entry("user_id", &None::<&str>)?;
        map.serialize_entry("send_anonymous_usage_stats", &false)?;
        map.serialize_entry("adapter_type", self.0.adapter_type)?;
        let of = self.0.quoting;
        let quoting = Quoted {
            database: of.database,
            schema: of.schema,
            identifier: of.identifier,
            column: None,
        };
        map.serialize_entry("quoting", &quoting)?;
        map.serialize_entry("run_started_at", &super::dbt_time(invocation.started_at))?;
        map.end()
    }
}

/// Disabled nodes and sources: a list for each id.
struct Disabled<'i, 'a> {
    inputs: &'i ManifestInputs<'a>,
    created_at: f64,
}

impl Serialize for Disabled<'_, '_> {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let Disabled { inputs, created_at } = *self;
        let mut nodes: IndexMap<&str, Vec<NodeOut<'_>>> = IndexMap::new();
        for node in inputs.manifest.disabled.iter().filter(|node| node.unit_test.is_none()) {
            let out = NodeOut::parsed(node, created_at, inputs.target_path);
            nodes.entry(&node.unique_id).or_default().push(out);
        }
        let mut sources: IndexMap<&str, Vec<SourceOut<'_>>> = IndexMap::new();
        for source in &inputs.manifest.disabled_sources {
            let out = SourceOut { source, created_at };
            sources.entry(&source.unique_id).or_default().push(out);
        }
        let semantic = &inputs.manifest.disabled_semantic;
        let mut map = out.serialize_map(None)?;
        for one in semantic {
            map.serialize_entry(&*one.unique_id, &[super::semantic::entity(one, created_at)])?;
        }
        for exposure in &inputs.manifest.disabled_exposures {
            map.serialize_entry(&*exposure.unique_id, &[ExposureOut { exposure, created_at }])?;
        }
        for (id, all) in &nodes {
            map.serialize_entry(id, all)?;
        }
        for (id, all) in &sources {
            map.serialize_entry(id, all)?;
        }
        map.end()
    }
}

/// Parents or children.
fn near(graph: &Graph, index: NodeIndex, parents: bool) -> Vec<&str> {
    let name = |index| &**graph.unique_id(index);
    match parents {
        true => graph.parents(index).map(name).collect(),
        false => graph.children(index).map(name).collect(),
    }
}

/// The members of each group.
fn group_map(manifest: &Manifest) -> IndexMap<&str, Vec<&str>> {
    let mut map: IndexMap<&str, Vec<&str>> =
        manifest.groups.values().map(|group| (group.name.as_str(), Vec::new())).collect();
    let nodes = manifest.nodes.values().map(|node| &**node).chain(&manifest.idle_tests);
    let of_nodes = nodes.map(|node| (node.group.as_deref(), &node.unique_id));
    let of_semantic =
        manifest.semantic.values().map(|one| (one.config.text("group"), &one.unique_id));
    for (group, id) in of_nodes.chain(of_semantic) {
        if let Some(members) = group.and_then(|group| map.get_mut(group)) {
            members.push(id);
        }
    }
    map
}

/// Columns of a model that tests show to be unique, and unique and never null.
#[derive(Default)]
struct Keys<'a> {
    constrained: Option<Vec<&'a str>>,
    unique: Vec<&'a str>,
    not_null: Vec<&'a str>,
    both: Vec<&'a str>,
    /// By tests that are disabled.
    perhaps: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn columns(&self) -> &[&'a str] {
        match &self.constrained {
            Some(columns) => columns,
            None if !self.both.is_empty() => &self.both,
            None if !self.unique.is_empty() => &self.unique,
            None => &self.perhaps,
        }
    }
}

/// dbt's `infer_primary_key`: a primary key constraint, or else columns with the tests of one.
fn primary_keys(manifest: &Manifest) -> HashMap<&str, Keys<'_>, FastHash> {
    let mut found: HashMap<&str, Keys<'_>, FastHash> = HashMap::default();
    for node in manifest.nodes.values() {
        if let (ResourceType::Model, Some(columns)) = (node.resource_type, constrained_key(node)) {
            found.entry(&node.unique_id).or_default().constrained = Some(columns);
        }
    }
    let enabled = manifest.nodes.values().map(|node| (&**node, true));
    let disabled = manifest.disabled.iter().map(|node| (node, false));
    for (node, enabled) in enabled.chain(disabled) {
        let (Some(test), Some(model)) = (&node.test_metadata, &node.attached_node) else {
            continue;
        };
        let keys = found.entry(model).or_default();
        let list = match test.name.as_str() {
            "unique" | "unique_combination_of_columns" if enabled => &mut keys.unique,
            "unique" | "unique_combination_of_columns" => &mut keys.perhaps,
            "not_null" => &mut keys.not_null,
            _ => continue,
        };
        match test.kwargs.get("column_name").and_then(|v| v.as_str()) {
            Some(column) => list.push(column),
            None => {
                let columns = test.kwargs.get("combination_of_columns");
                let columns = columns.and_then(|v| v.as_array()).into_iter().flatten();
                list.extend(columns.filter_map(|v| v.as_str()));
            }
        }
    }
    for keys in found.values_mut() {
        let Keys { unique, not_null, both, perhaps, .. } = keys;
        for list in [&mut *unique, not_null, perhaps] {
            list.sort_unstable();
            list.dedup();
        }
        let is_unique = |column: &&&str| unique.contains(column) || perhaps.contains(column);
        *both = not_null.iter().filter(is_unique).copied().collect();
    }
    found
}
