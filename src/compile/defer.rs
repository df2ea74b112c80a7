//! Deferral: refs to nodes that this run does not build go to the relations of an earlier one.
//!
//! Only says where else a node may be found; whether it is there is asked of the engine.

use std::collections::HashMap;

use serde_json::Value;

use crate::manifest::UniqueId;
use crate::relation::{Relation, RelationKind};

/// The relations of another manifest.
#[derive(Debug)]
pub struct Deferral {
    relations: HashMap<UniqueId, Relation>,
    /// `--favor-state`: taken for what was not selected, even where the own relation is there.
    pub favored: bool,
}

impl Deferral {
    /// The relations of the models, seeds and snapshots in a manifest of dbt's schema.
    pub fn new(manifest: &Value, favored: bool) -> Deferral {
        let sections = [&manifest["nodes"], &manifest["functions"]];
        let nodes = sections.into_iter().filter_map(Value::as_object).flatten();
        let relations = nodes.filter_map(|(id, node)| Some((id.as_str().into(), relation(node)?)));
        Deferral { relations: relations.collect(), favored }
    }

    /// Where the other manifest has a node.
    pub fn relation(&self, id: &str) -> Option<&Relation> {
        self.relations.get(id)
    }
}

fn relation(node: &Value) -> Option<Relation> {
    let text = |key: &str| node[key].as_str().unwrap_or_default();
    let materialized = node["config"]["materialized"].as_str();
    let kind = match (text("resource_type"), materialized) {
        (_, Some("ephemeral")) => return None,
        ("seed" | "snapshot", _) => Some(RelationKind::Table),
        ("model", Some("view")) => Some(RelationKind::View),
        ("model", Some("table" | "incremental")) => Some(RelationKind::Table),
        ("model", _) => None,
        ("function", _) => Some(RelationKind::Function),
        _ => return None,
    };
    let name = if text("alias").is_empty() { text("name") } else { text("alias") };
    let relation = Relation::new(text("database"), text("schema"), name);
    // As it was written there: quoting may differ.
    let verbatim = node["relation_name"].as_str().map(str::to_owned);
    let verbatim = verbatim.filter(|text| *text != relation.render());
    Some(Relation { kind, verbatim, ..relation })
}
