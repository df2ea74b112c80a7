//! Snapshots: `{% snapshot %}` blocks of SQL files, and entries in YAML that name a `relation`.
//!
//! Says which nodes there are and checks their configuration; never what a snapshot does.

use std::sync::Arc;

use rayon::prelude::*;
use serde_json::Value;

use super::identity::Identity;
use super::properties::{NodeProperties, PropertiesFile};
use super::sql_files::{Configured, Patch};
use super::unrendered::Written;
use super::{Parser, Patches, Section, add_node, config_levels};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location, Result};
use crate::jinja::{Block, BlockKind, split_blocks};
use crate::load::{FileKind, LoadedFile};
use crate::manifest::{Manifest, Node, NodeConfig, ResourceType};

/// Adds all snapshots to the manifest.
pub(super) fn add(
    parser: &Parser,
    files: &[LoadedFile],
    properties: &[(&LoadedFile, PropertiesFile)],
    patches: &Patches,
    manifest: &mut Manifest,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    let files = files.par_iter().filter(|file| file.kind == FileKind::Snapshot);
    let of_blocks: Vec<Vec<Result<Node, Diagnostics>>> =
        files.map(|file| blocks_of(parser, file, patches)).collect();
    let of_yaml = properties.iter().flat_map(|(loaded, found)| {
        let with_relation = found.snapshots.iter().filter(|p| p.extra.contains_key("relation"));
        with_relation.map(|entry| parser.yaml_snapshot(loaded, entry).map_err(Diagnostics::from))
    });
    for result in of_blocks.into_iter().flatten().chain(of_yaml) {
        let checked = result.and_then(|node| {
            if node.config.enabled() {
                check(&node)?;
            }
            Ok(node)
        });
        match checked {
            Ok(node) => add_node(manifest, node, errors, warnings),
            Err(Diagnostics(more)) => errors.extend(more),
        }
    }
}

fn blocks_of(
    parser: &Parser,
    loaded: &LoadedFile,
    patches: &Patches,
) -> Vec<Result<Node, Diagnostics>> {
    let blocks = match split_blocks(&loaded.file) {
        Ok(blocks) => blocks,
        Err(errors) => return vec![Err(errors)],
    };
    let snapshots = blocks.iter().filter_map(|block| match &block.kind {
        BlockKind::Snapshot { name } => Some((block, name)),
        _ => None,
    });
    snapshots
        .map(|(block, name)| {
            let patch = patches.get(Section::Snapshots, &loaded.package, name);
            Ok(parser.snapshot_block(loaded, block, name, patch)?)
        })
        .collect()
}

impl Parser<'_> {
    /// A `{% snapshot %}` block.
    fn snapshot_block(
        &self,
        loaded: &LoadedFile,
        block: &Block,
        name: &str,
        patch: Option<Patch>,
    ) -> Result<Node> {
        self.check_name(loaded, name)?;
        // Unlike other nodes, a snapshot has the name of its file in its fqn.
        let mut fqn = folders(loaded);
        fqn.push(super::sql_files::file_stem(&loaded.path).to_owned());
        fqn.push(name.to_owned());
        let identity = Arc::new(Identity::of(ResourceType::Snapshot, loaded, name, &fqn));
        let configured = self.configured(loaded, block.body.clone(), &identity, patch)?;
        let code = Some(&loaded.file.text[block.body.clone()]);
        let properties = patch.map(|(properties, _)| properties);
        let mut node = self.snapshot(loaded, &identity, configured, properties, code)?;
        node.raw_code = loaded.file.text[block.body.clone()].into();
        node.code = Some(block.body.clone());
        node.location = Some(Location::new(loaded.file.clone(), block.span.clone()));
        if let Some((properties, file)) = patch {
            self.describe(&mut node, properties, file)?;
        }
        Ok(node)
    }

    /// A snapshot of a whole relation, which needs no SQL.
    fn yaml_snapshot(&self, loaded: &LoadedFile, properties: &NodeProperties) -> Result<Node> {
        let name = &properties.name;
        self.check_name(loaded, name)?;
        let package = &loaded.package;
        let mut fqn = folders(loaded);
        fqn.push(name.to_owned());
        let kind = ResourceType::Snapshot;
        let mut identity = Identity::of(kind, loaded, name, &fqn);
        identity.path = format!("{}/{name}.sql", loaded.path);
        let identity = Arc::new(identity);

        let mut config = config_levels::from_own_project(&self.config, package, kind, &fqn);
        config_levels::apply(&mut config, properties.config.clone());
        config_levels::apply_root_project(&mut config, &self.config, package, kind, &fqn);
        let engine = self.engine_of(&config, loaded, Some((properties, loaded)))?;

        let relation = properties.extra.get("relation").and_then(Value::as_str).unwrap_or_default();
        let host = self.host(package, NodeConfig::default());
        let place = Some(properties.location.clone());
        self.dialects.default_one().eval(relation, place, host.clone())?;
        let notes = host.take_notes();
        if notes.refs.len() + notes.sources.len() != 1 {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_CONFIG,
                    format!("Invalid ref or source expression: {relation}"),
                )
                .at(properties.location.clone())
                .help("Write relation: ref('model') or relation: source('source', 'table')."),
            ));
        }
        let configured = Configured { config, engine, notes };
        let mut node = self.snapshot(loaded, &identity, configured, Some(properties), None)?;
        node.raw_code = format!("select * from {{{{ {relation} }}}}").into();
        node.location = Some(properties.location.clone());
        self.describe(&mut node, properties, loaded)?;
        Ok(node)
    }

    fn snapshot(
        &self,
        loaded: &LoadedFile,
        identity: &Arc<Identity>,
        configured: Configured,
        properties: Option<&NodeProperties>,
        code: Option<&str>,
    ) -> Result<Node> {
        let Configured { config, engine, notes } = configured;
        let names = self.names(identity, &config, engine)?;
        let (name, fqn) = (&identity.name, identity.fqn.clone());
        let mut node = self.bare_node(loaded, ResourceType::Snapshot, name, fqn, config);
        node.path.clone_from(&identity.path);
        // The old way to say where a snapshot goes takes no part in the rules of names.
        let fixed = |key: &str| node.config.text(key).map(str::to_owned);
        let (database, schema) = (fixed("target_database"), fixed("target_schema"));
        node.database = database.filter(|name| !name.is_empty()).unwrap_or(names.database);
        node.schema = schema.filter(|name| !name.is_empty()).unwrap_or(names.schema);
        node.alias = names.alias;
        node.engine = engine.name.clone();
        node.unrendered_config = self.unrendered(Written {
            package: &loaded.package,
            kind: ResourceType::Snapshot,
            fqn: &node.fqn,
            properties: properties.map(NodeProperties::written),
            own: notes.config.values,
            single: notes.single,
            code,
        });
        node.metric_calls = notes.metrics;
        node.refs = notes.refs.into_iter().map(|call| (call, None)).collect();
        node.source_calls = notes.sources.into_iter().map(|call| (call, None)).collect();
        node.depends_on_macros = notes.macros;
        Ok(node)
    }
}

/// The package and the folders of a file.
fn folders(loaded: &LoadedFile) -> Vec<String> {
    let mut parts = vec![loaded.package.to_string()];
    if let Some((folders, _)) = loaded.path.rsplit_once('/') {
        parts.extend(folders.split('/').map(str::to_owned));
    }
    parts
}

/// Whether a snapshot says all that its strategy needs, in dbt's words.
fn check(node: &Node) -> Result<()> {
    let config = &node.config;
    let is_set = |key: &str| match config.get(key) {
        None => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    let fault = if !is_set("strategy") || !is_set("unique_key") {
        Some("Snapshots must be configured with a 'strategy' and 'unique_key'.".to_owned())
    } else {
        match config.text("strategy") {
            Some("check") => match config.get("check_cols") {
                _ if !is_set("check_cols") => Some(
                    "A snapshot configured with the check strategy must specify a check_cols \
                     configuration."
                        .to_owned(),
                ),
                Some(Value::String(one)) if one != "all" => Some(format!(
                    "Invalid value for 'check_cols': {one}. Expected 'all' or a list of strings."
                )),
                _ => None,
            },
            Some("timestamp") if !is_set("updated_at") => Some(
                "A snapshot configured with the timestamp strategy must specify an updated_at \
                 configuration."
                    .to_owned(),
            ),
            Some("timestamp") if is_set("check_cols") => {
                Some("A 'timestamp' snapshot should not have 'check_cols'".to_owned())
            }
            _ => None,
        }
    };
    let fault = fault.or_else(|| {
        (node.materialized() != "snapshot")
            .then(|| "A snapshot must have a materialized value of 'snapshot'".to_owned())
    });
    match fault {
        None => Ok(()),
        Some(message) => Err(Box::new(
            Diagnostic::error(Code::BAD_CONFIG, message)
                .or_at(node.location.clone())
                .note(format!("snapshot: {}", node.name))
                .help("Say so in its config(), in its properties, or in dbt_project.yml."),
        )),
    }
}
