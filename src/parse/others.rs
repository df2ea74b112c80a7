//! Seeds, sources, exposures, groups, docs blocks and the project's hooks → manifest entries.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Parser;
use super::config_levels;
use super::external;
use super::freshness::{self, Level};
use super::host::ParseHost;
use super::identity::Identity;
use super::properties::{ExposureProperties, GroupProperties, NodeProperties, SourceProperties};
use super::sql_files::{Patch, file_stem, fqn};
use super::unrendered::Written;
use crate::checksum::sha256;
use crate::config::config_section;
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::load::LoadedFile;
use crate::manifest::{Exposure, Group, Hook, Node, NodeConfig, ResourceType, Source};
use crate::relation::{Quoting, Relation};

impl Parser<'_> {
    /// A CSV file of a seed path.
    ///
    /// # Errors
    /// A name that cannot be used, an unknown engine.
    pub(super) fn seed(&self, loaded: &LoadedFile, patch: Option<Patch>) -> Result<Node> {
        let name = file_stem(&loaded.path);
        self.check_name(loaded, name)?;
        let fqn = fqn(&loaded.package, &loaded.path, name);
        let kind = ResourceType::Seed;
        let mut config = config_levels::from_own_project(&self.config, &loaded.package, kind, &fqn);
        if let Some((properties, _)) = patch {
            config_levels::apply(&mut config, properties.config.clone());
        }
        config_levels::apply_root_project(&mut config, &self.config, &loaded.package, kind, &fqn);
        let engine = self.engine_of(&config, loaded, patch)?;
        let identity = Arc::new(Identity::of(kind, loaded, name, &fqn));
        let names = self.names(&identity, &config, engine)?;
        let mut node = self.bare_node(loaded, kind, name, fqn, config);
        node.unrendered_config = self.unrendered(Written {
            package: &loaded.package,
            kind,
            fqn: &node.fqn,
            properties: patch.map(|(properties, _)| properties.written()),
            own: IndexMap::default(),
            single: Vec::new(),
            code: None,
        });
        node.engine = engine.name.clone();
        (node.database, node.schema, node.alias) = (names.database, names.schema, names.alias);
        node.root_path =
            self.config.project_named(&loaded.package).map(|p| p.root.display().to_string());
        if let Some((properties, file)) = patch {
            self.describe(&mut node, properties, file)?;
        }
        self.note_later_refs(&mut node)?;
        Ok(node)
    }

    /// dbt-duckdb's `external_location` of a source, formatted.
    ///
    /// # Errors
    /// A template that names what is not there; a plugin.
    fn external_location(
        &self,
        meta: &IndexMap<String, Value>,
        config: &NodeConfig,
        fields: &mut IndexMap<String, String>,
        table: &NodeProperties,
    ) -> Result<Option<String>> {
        let get = |key: &str| config.get(key).or_else(|| meta.get(key)).and_then(Value::as_str);
        let refuse = |message: String, help: &str| {
            let at = table.location.clone();
            Err(Box::new(Diagnostic::error(Code::BAD_CONFIG, message).at(at).help(help)))
        };
        if let Some(plugin) = get("plugin") {
            return refuse(
                format!("The source reads through the plugin `{plugin}`, which is Python code"),
                "Pintail runs no plugins. Read the data with a DuckDB extension, or with \
                 `external_location`.",
            );
        }
        let Some(template) = get("external_location") else { return Ok(None) };
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        fields.extend(meta.iter().map(|(key, value)| (key.clone(), shown(value))));
        let own = config.values.iter().filter(|(key, _)| *key != "meta");
        fields.extend(own.map(|(key, value)| (key.clone(), shown(value))));
        let formatter = get("formatter").unwrap_or("newstyle");
        match external::location(template, formatter, fields, &self.config) {
            Ok(location) => Ok(Some(location)),
            Err(message) => refuse(
                message,
                "Braces that are no field are written twice; or set `formatter: oldstyle`.",
            ),
        }
    }

    /// A table of a source.
    ///
    /// # Errors
    /// An unknown engine, Jinja errors in descriptions.
    pub(super) fn source(
        &self,
        loaded: &LoadedFile,
        source: &SourceProperties,
        table: &NodeProperties,
    ) -> Result<Source> {
        let package = &loaded.package;
        let mut fqn = fqn(package, &loaded.path, &source.name);
        fqn.push(table.name.clone());
        let kind = ResourceType::Source;
        let mut config = config_levels::from_own_project(&self.config, package, kind, &fqn);
        config_levels::apply(&mut config, source.config.clone());
        config_levels::apply(&mut config, table.config.clone());
        config_levels::apply_root_project(&mut config, &self.config, package, kind, &fqn);
        let engine = self.engine_of(&config, loaded, Some((table, loaded)))?;
        let map_of = |value: Option<&Value>| -> IndexMap<String, Value> {
            value.and_then(Value::as_object).cloned().unwrap_or_default().into_iter().collect()
        };
        let meta = map_of(config.get("meta"));
        let of_source = |key: &str| source.extra.get(key);
        let of_table = |key: &str| table.extra.get(key);
        let fields = [of_source("loaded_at_field"), of_table("loaded_at_field")];
        if fields.into_iter().flatten().any(|field| field.as_str() == Some("")) {
            let message = "loaded_at_field cannot be an empty string.";
            let error = Diagnostic::error(Code::BAD_CONFIG, message).at(table.location.clone());
            return Err(Box::new(error.help("Name a column, or write null where there is none.")));
        }
        let fresh = freshness::merge(
            [Level::of(of_source), Level::of(|key| source.config.get(key))],
            [Level::of(of_table), Level::of(|key| table.config.get(key))],
        );
        let text = |key: &str| table.extra.get(key).and_then(Value::as_str).map(str::to_owned);
        let identifier = text("identifier").unwrap_or_else(|| table.name.clone());
        let schema = source.schema.clone().unwrap_or_else(|| source.name.clone());
        let database = source.database.clone().unwrap_or_else(|| engine.database.clone());
        let mut fields = IndexMap::from([
            ("name".to_owned(), table.name.clone()),
            ("identifier".to_owned(), identifier.clone()),
            ("schema".to_owned(), schema.clone()),
            ("database".to_owned(), database.clone()),
            ("source_name".to_owned(), source.name.clone()),
        ]);
        let external_location = self.external_location(&meta, &config, &mut fields, table)?;
        let enabled = config.enabled();
        let documented = |text: &str| self.documented_if(enabled, package, text, &table.location);
        let mut columns = table.columns.clone();
        for column in columns.values_mut() {
            (column.description, column.doc_blocks) = documented(&column.description)?;
        }
        let (description, doc_blocks) = documented(&table.description)?;
        let (source_description, _) =
            self.documented_if(enabled, package, &source.description, &source.location)?;
        let mut written_quoting = source.quoting.clone();
        if let Some(own) = table.extra.get("quoting").and_then(Value::as_object) {
            written_quoting.extend(own.clone());
        }
        Ok(Source {
            unique_id: format!("source.{package}.{}.{}", source.name, table.name).into(),
            source_name: source.name.clone(),
            name: table.name.clone(),
            package_name: package.to_string(),
            path: loaded.original_file_path.clone(),
            original_file_path: loaded.original_file_path.clone(),
            location: Some(table.location.clone()),
            fqn,
            database,
            schema,
            unrendered_database: source.written_database.clone(),
            unrendered_schema: source.written_schema.clone(),
            identifier,
            quoting: Quoting::default().with(&written_quoting),
            written_quoting,
            engine: engine.name.clone(),
            external_location,
            loader: text("loader").unwrap_or_else(|| source.loader.clone()),
            description,
            doc_blocks,
            source_description,
            columns,
            source_meta: map_of(source.config.get("meta")),
            meta,
            tags: config.distinct_tags(),
            loaded_at_field: fresh.loaded_at_field,
            loaded_at_query: fresh.loaded_at_query,
            freshness: fresh.thresholds.or_else(|| config.get("freshness").cloned()),
            config,
        })
    }

    /// An exposure.
    ///
    /// # Errors
    /// Jinja errors in `depends_on` and descriptions.
    pub(super) fn exposure(
        &self,
        loaded: &LoadedFile,
        properties: &ExposureProperties,
    ) -> Result<Exposure> {
        let package = &loaded.package;
        let fqn = fqn(package, &loaded.path, &properties.name);
        let kind = ResourceType::Exposure;
        let mut config = NodeConfig::default();
        let project = self.config.project_named(package);
        let section = project.and_then(|project| project.configs.get(config_section(kind)));
        // Of exposures, and of nothing else, `meta` counts without its plus.
        if let Some(meta) = section.and_then(|section| section.get("meta")) {
            config_levels::apply(&mut config, [("meta".to_owned(), meta.clone())]);
        }
        let own = config_levels::from_own_project(&self.config, package, kind, &fqn);
        config_levels::apply(&mut config, own.values);
        config_levels::apply(&mut config, properties.config.clone());
        let mut tags = config.distinct_tags();
        if !tags.is_empty() {
            tags.sort();
            config.values.insert("tags".to_owned(), tags.into());
        }
        let host = self.host(package, NodeConfig::default());
        let dialect = self.dialects.default_one();
        for call in &properties.depends_on {
            dialect.eval(call, Some(properties.location.clone()), host.clone())?;
        }
        let notes = host.take_notes();
        let at = |_: &()| Some(properties.location.clone());
        let (description, _) = self.documented_if(
            config.enabled(),
            package,
            &properties.description,
            &properties.location,
        )?;
        Ok(Exposure {
            unique_id: format!("exposure.{package}.{}", properties.name).into(),
            name: properties.name.clone(),
            package_name: package.to_string(),
            path: loaded.path.clone(),
            original_file_path: loaded.original_file_path.clone(),
            location: Some(properties.location.clone()),
            fqn,
            exposure_type: properties.exposure_type.clone(),
            label: properties.label.clone(),
            url: properties.url.clone(),
            maturity: properties.maturity.clone(),
            description,
            owner: properties.owner.clone(),
            meta: meta_of(&config),
            tags: config.distinct_tags(),
            config,
            refs: notes.refs.into_iter().map(|call| (call, at(&()))).collect(),
            source_calls: notes.sources.into_iter().map(|call| (call, at(&()))).collect(),
            metrics: notes.metrics,
            depends_on: Vec::new(),
        })
    }

    /// A group.
    pub(super) fn group(&self, loaded: &LoadedFile, properties: &GroupProperties) -> Group {
        // dbt configures groups as models, too.
        let kind = ResourceType::Model;
        let fqn = fqn(&loaded.package, &loaded.path, &properties.name);
        let mut config = config_levels::from_own_project(&self.config, &loaded.package, kind, &fqn);
        config_levels::apply(&mut config, properties.config.clone());
        config_levels::apply_root_project(&mut config, &self.config, &loaded.package, kind, &fqn);
        Group {
            unique_id: format!("group.{}.{}", loaded.package, properties.name).into(),
            name: properties.name.clone(),
            package_name: loaded.package.to_string(),
            path: loaded.path.clone(),
            original_file_path: loaded.original_file_path.clone(),
            description: properties.description.clone(),
            owner: properties.owner.clone(),
            config,
        }
    }

    /// A hook of a project: `on-run-start` or `on-run-end`.
    ///
    /// # Errors
    /// Jinja errors in the hook.
    pub(super) fn hook(
        &self,
        project: &crate::config::Project,
        when: &str,
        index: usize,
        hook: &Hook,
    ) -> Result<Node> {
        let package: Arc<str> = project.name.as_str().into();
        let name = format!("{package}-{when}-{index}");
        let host = self.host(&package, NodeConfig::default());
        let location = project
            .file
            .text
            .find(hook.sql.trim())
            .map(|at| Location::new(project.file.clone(), at..at + hook.sql.trim().len()));
        let dialect = self.dialects.default_one();
        dialect.render_str(&hook.sql, location.clone(), host.clone())?;
        let notes = host.take_notes();
        let loaded = LoadedFile {
            kind: crate::load::FileKind::Properties,
            package: package.clone(),
            path: format!("hooks/{name}.sql"),
            original_file_path: "./dbt_project.yml".to_owned(),
            absolute: project.root.join("dbt_project.yml"),
            file: project.file.clone(),
            checksum: sha256(project.file.text.trim().as_bytes()),
        };
        let fqn = vec![package.to_string(), "hooks".to_owned(), name.clone()];
        let kind = ResourceType::Operation;
        let mut config = config_levels::from_own_project(&self.config, &package, kind, &fqn);
        config_levels::apply_root_project(&mut config, &self.config, &package, kind, &fqn);
        let mut node = self.bare_node(&loaded, ResourceType::Operation, &name, fqn, config);
        let engine = &self.config.target.engines[&node.engine];
        let identity = Arc::new(Identity {
            unique_id: node.unique_id.to_string(),
            ..Identity::of(kind, &loaded, &name, &node.fqn)
        });
        let names = self.names(&identity, &node.config, engine)?;
        (node.database, node.schema, node.alias) = (names.database, names.schema, names.alias);
        node.raw_code = hook.sql.as_str().into();
        node.location = location;
        node.index = Some(index);
        // First of all: it tells a hook from an operation, and when it runs.
        node.tags.insert(0, when.to_owned());
        node.unrendered_config = self.unrendered(Written {
            package: &package,
            kind,
            fqn: &node.fqn,
            properties: None,
            own: IndexMap::default(),
            single: Vec::new(),
            code: None,
        });
        node.metric_calls = notes.metrics;
        node.refs = notes.refs.into_iter().map(|call| (call, None)).collect();
        node.source_calls = notes.sources.into_iter().map(|call| (call, None)).collect();
        node.depends_on_macros = notes.macros;
        Ok(node)
    }

    /// A host for things that are not a file of their own.
    pub(super) fn host(&self, package: &Arc<str>, base: NodeConfig) -> Arc<ParseHost> {
        let engine = &self.config.target.engines[&self.config.target.default_engine];
        let this = Relation::new(&engine.database, &engine.schema, package);
        Arc::new(ParseHost::new(self, package, base, this))
    }
}

fn meta_of(config: &NodeConfig) -> IndexMap<String, Value> {
    let meta: Map<String, Value> =
        config.get("meta").and_then(Value::as_object).cloned().unwrap_or_default();
    meta.into_iter().collect()
}
