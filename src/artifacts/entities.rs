//! Sources, exposures, macros, doc blocks and groups as dbt's manifest has them.
//!
//! Each borrows from the manifest; keys come in dbt's order.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::Each;
use super::config::{ConfigOut, Filled};
use super::nodes::{Columns, DependsOn, RefOut, metric_out, source_out};
use crate::graph::{Member, defaults};
use crate::jinja::MacroDef;
use crate::manifest::{DocBlock, Exposure, Group, Macro, MacroArgument, ResourceType, Source};

pub(super) struct SourceOut<'a> {
    pub source: &'a Source,
    pub created_at: f64,
}

impl Serialize for SourceOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let source = self.source;
        let none = None::<&str>;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("database", &source.database)?;
        map.serialize_entry("schema", &source.schema)?;
        map.serialize_entry("name", &source.name)?;
        map.serialize_entry("resource_type", "source")?;
        map.serialize_entry("package_name", &source.package_name)?;
        map.serialize_entry("path", &source.path)?;
        map.serialize_entry("original_file_path", &source.original_file_path)?;
        map.serialize_entry("unique_id", &*source.unique_id)?;
        map.serialize_entry("fqn", &source.fqn)?;
        map.serialize_entry("source_name", &source.source_name)?;
        map.serialize_entry("source_description", &source.source_description)?;
        map.serialize_entry("loader", &source.loader)?;
        map.serialize_entry("identifier", &source.identifier)?;
        let quoting = |key| source.written_quoting.get(key);
        let quoting = ["database", "schema", "identifier", "column"].map(|key| (key, quoting(key)));
        map.serialize_entry("quoting", &IndexMap::from(quoting))?;
        map.serialize_entry("loaded_at_field", &source.loaded_at_field)?;
        map.serialize_entry("loaded_at_query", &source.loaded_at_query)?;
        let default = &defaults::config_defaults(ResourceType::Source)["freshness"];
        map.serialize_entry("freshness", &Filled { set: source.freshness.as_ref(), default })?;
        map.serialize_entry("external", &none)?;
        map.serialize_entry("description", &source.description)?;
        map.serialize_entry("columns", &Columns(&source.columns, None))?;
        map.serialize_entry("meta", &source.meta)?;
        map.serialize_entry("source_meta", &source.source_meta)?;
        map.serialize_entry("tags", &source.tags)?;
        map.serialize_entry("config", &ConfigOut(Member::Source(source)))?;
        map.serialize_entry("patch_path", &none)?;
        // dbt adds what may stand beside `config:` as well as in it.
        let mut unrendered = source.config.values.clone();
        for (key, value) in [
            ("loaded_at_field", json!(source.loaded_at_field)),
            ("loaded_at_query", json!(source.loaded_at_query)),
            ("meta", json!(source.meta)),
            ("tags", json!(source.tags)),
        ] {
            unrendered.insert(key.to_owned(), value);
        }
        if let Some(freshness) = &source.freshness {
            let whole = json!(Filled { set: Some(freshness), default });
            unrendered.insert("freshness".to_owned(), whole);
        }
        map.serialize_entry("unrendered_config", &unrendered)?;
        map.serialize_entry("relation_name", &source.relation().render())?;
        map.serialize_entry("created_at", &self.created_at)?;
        map.serialize_entry("unrendered_database", &source.unrendered_database)?;
        map.serialize_entry("unrendered_schema", &source.unrendered_schema)?;
        map.serialize_entry("doc_blocks", &source.doc_blocks)?;
        map.end()
    }
}

pub(super) struct ExposureOut<'a> {
    pub exposure: &'a Exposure,
    pub created_at: f64,
}

impl Serialize for ExposureOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let exposure = self.exposure;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &exposure.name)?;
        map.serialize_entry("resource_type", "exposure")?;
        map.serialize_entry("package_name", &exposure.package_name)?;
        map.serialize_entry("path", &exposure.path)?;
        map.serialize_entry("original_file_path", &exposure.original_file_path)?;
        map.serialize_entry("unique_id", &*exposure.unique_id)?;
        map.serialize_entry("fqn", &exposure.fqn)?;
        map.serialize_entry("type", &exposure.exposure_type)?;
        map.serialize_entry("owner", &Owner(&exposure.owner))?;
        map.serialize_entry("description", &exposure.description)?;
        map.serialize_entry("label", &exposure.label)?;
        map.serialize_entry("maturity", &exposure.maturity)?;
        map.serialize_entry("meta", &exposure.meta)?;
        map.serialize_entry("tags", &exposure.tags)?;
        map.serialize_entry("config", &ConfigOut(Member::Exposure(exposure)))?;
        map.serialize_entry("unrendered_config", &exposure.config.values)?;
        map.serialize_entry("url", &exposure.url)?;
        let nodes = Some(&exposure.depends_on[..]);
        map.serialize_entry("depends_on", &DependsOn { macros: &[], nodes })?;
        let refs = || exposure.refs.iter().map(|(call, _)| RefOut(call));
        map.serialize_entry("refs", &Each(refs))?;
        let sources = || exposure.source_calls.iter().map(|(call, _)| source_out(call));
        map.serialize_entry("sources", &Each(sources))?;
        let metrics = || exposure.metrics.iter().map(metric_out);
        map.serialize_entry("metrics", &Each(metrics))?;
        map.serialize_entry("created_at", &self.created_at)?;
        map.end()
    }
}

/// An owner: `email` and `name` always, then whatever else was written.
struct Owner<'a>(&'a IndexMap<String, Value>);

impl Serialize for Owner<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        for key in ["email", "name"] {
            map.serialize_entry(key, &self.0.get(key))?;
        }
        for (key, value) in self.0.iter().filter(|(key, _)| *key != "email" && *key != "name") {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

pub(super) struct MacroOut<'a> {
    pub a_macro: &'a Macro,
    pub def: Option<&'a Arc<MacroDef>>,
    /// The macros that it calls.
    pub calls: &'a [crate::manifest::UniqueId],
    pub created_at: f64,
}

impl Serialize for MacroOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ConfigPart<'a> {
            meta: &'a IndexMap<String, Value>,
            docs: &'a Value,
        }
        #[derive(Serialize)]
        struct ArgumentOut<'a> {
            name: &'a str,
            r#type: Option<&'a str>,
            description: &'a str,
        }
        fn argument(one: &MacroArgument) -> ArgumentOut<'_> {
            let MacroArgument { name, data_type, description } = one;
            ArgumentOut { name, r#type: data_type.as_deref(), description }
        }
        let one = self.a_macro;
        let default = &defaults::config_defaults(ResourceType::Model)["docs"];
        let mut docs = default.clone();
        if let Some(docs) = docs.as_object_mut() {
            docs.extend(one.docs.clone());
        }
        let docs = &docs;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &one.name)?;
        map.serialize_entry("resource_type", "macro")?;
        map.serialize_entry("package_name", &one.package_name)?;
        map.serialize_entry("path", &one.original_file_path)?;
        map.serialize_entry("original_file_path", &one.original_file_path)?;
        map.serialize_entry("unique_id", &*one.unique_id)?;
        map.serialize_entry("macro_sql", &one.macro_sql)?;
        let macros = self.calls;
        map.serialize_entry("depends_on", &DependsOn { macros, nodes: None })?;
        map.serialize_entry("description", &one.description)?;
        map.serialize_entry("meta", &one.meta)?;
        map.serialize_entry("docs", docs)?;
        map.serialize_entry("config", &ConfigPart { meta: &one.meta, docs })?;
        map.serialize_entry("patch_path", &one.patch_path)?;
        map.serialize_entry("arguments", &Each(|| one.arguments.iter().map(argument)))?;
        map.serialize_entry("created_at", &self.created_at)?;
        let languages = self.def.filter(|_| one.supported_adapter.is_some());
        let languages = languages.map(|def| def.languages());
        map.serialize_entry("supported_languages", &languages)?;
        map.end()
    }
}

pub(super) struct DocOut<'a>(pub &'a DocBlock);

impl Serialize for DocOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let doc = self.0;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &doc.name)?;
        map.serialize_entry("resource_type", "doc")?;
        map.serialize_entry("package_name", &doc.package_name)?;
        map.serialize_entry("path", &doc.path)?;
        map.serialize_entry("original_file_path", &doc.original_file_path)?;
        map.serialize_entry("unique_id", &*doc.unique_id)?;
        map.serialize_entry("block_contents", &doc.block_contents)?;
        map.end()
    }
}

pub(super) struct GroupOut<'a>(pub &'a Group);

impl Serialize for GroupOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let group = self.0;
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("name", &group.name)?;
        map.serialize_entry("resource_type", "group")?;
        map.serialize_entry("package_name", &group.package_name)?;
        map.serialize_entry("path", &group.path)?;
        map.serialize_entry("original_file_path", &group.original_file_path)?;
        map.serialize_entry("unique_id", &*group.unique_id)?;
        map.serialize_entry("owner", &Owner(&group.owner))?;
        let description = Some(&group.description).filter(|text| !text.is_empty());
        map.serialize_entry("description", &description)?;
        let mut config = group.config.values.clone();
        config.entry("meta".to_owned()).or_insert_with(|| json!({}));
        map.serialize_entry("config", &config)?;
        map.end()
    }
}
