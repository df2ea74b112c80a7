//! What configurations and unit tests say of columns, and what cannot cross between the engines.

use regex::Regex;
use serde_json::Value;

use super::Checker;
use super::node::Outcome;
use super::properties::{lacks, with_nearest};
use super::schema::Schema;
use crate::compile::upstream;
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Location};
use crate::engine::bridge;
use crate::manifest::{Node, ResourceType, UnitFixture, UnitTest};
use crate::parse::{locate_config, locate_ref};
use crate::relation::{Column, quote_identifier};

impl Checker {
    /// Keys and times of incremental models and snapshots that are no columns.
    pub(super) fn configs(&self, node: &Node, schema: &Schema, outcome: &mut Outcome) {
        let keys: &[&str] = match (node.resource_type, node.materialized()) {
            (ResourceType::Snapshot, _) => &["unique_key", "updated_at", "check_cols"],
            (ResourceType::Model, "incremental") => &["unique_key"],
            _ => return,
        };
        for key in keys {
            let Some(value) = node.config.get(key) else { continue };
            let names: Vec<&str> = match value {
                Value::String(name) if name != "all" => vec![name],
                Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
                _ => continue,
            };
            for name in names.into_iter().filter(|name| lacks(schema, name)) {
                let message = format!(
                    "`{key}` of `{}` names the column `{name}`, which it does not have",
                    node.name
                );
                let finding =
                    with_nearest(Diagnostic::error(Code::UNKNOWN_COLUMN, message), name, schema);
                let place = locate_config(&node.file, key, name);
                outcome.findings.push(finding.or_at(place).or_at(node.location.clone()));
            }
        }
    }

    /// Columns that a node reads from the other engine, and that cannot come over as they are.
    pub(super) fn crossings(&self, node: &Node, outcome: &mut Outcome) {
        let (manifest, engines) = (&self.compiler.manifest, &self.compiler.config.target.engines);
        if engines.len() < 2 {
            return;
        }
        for id in upstream(node, manifest) {
            let of_node = manifest.nodes.get(&id).map(|up| (&up.engine, up.name.as_str()));
            let of_source = || manifest.sources.get(&id).map(|up| (&up.engine, up.name.as_str()));
            let Some((engine, name)) = of_node.or_else(of_source) else { continue };
            if *engine == node.engine {
                continue;
            }
            let Some(schema) = self.known.get(&id) else { continue };
            for column in &schema.columns {
                let Some(data_type) = &column.data_type else { continue };
                let own = Column { name: column.name.clone(), data_type: data_type.clone() };
                let told = match engines[&node.engine].kind() {
                    EngineKind::Postgres => bridge::carried(&own).err().map(|advice| {
                        let advice = advice.replace("$column", &quote_identifier(&own.name));
                        ("PostgreSQL cannot hold", advice)
                    }),
                    EngineKind::DuckDb => bridge::is_inexact(data_type).then(|| {
                        let name = quote_identifier(&own.name);
                        let advice = format!("Write {name}::numeric(18,2), or as many digits as it needs, in the PostgreSQL model.");
                        ("DuckDB cannot read", advice)
                    }),
                };
                let Some((cannot, advice)) = told else { continue };
                let message = format!(
                    "The column `{}` of `{name}` has the type {data_type}, which {cannot} exactly",
                    own.name
                );
                let finding = Diagnostic::error(Code::BRIDGE_TYPE, message).help(advice);
                outcome.findings.push(finding.or_at(locate_ref(node, name)));
            }
        }
    }

    /// Rows of a unit test whose columns are not those of what they stand for.
    pub(super) fn unit_test(&self, node: &Node, test: &UnitTest) -> Outcome {
        let mut outcome = Outcome::default();
        for given in &test.given {
            let model = node.depends_on.first();
            let of_this = (given.input.trim() == "this").then_some(model).flatten();
            let Some(id) = of_this.or(given.id.as_ref()) else { continue };
            if let Some(schema) = self.known.get(id) {
                let what = format!("`{}`", given.input.trim());
                self.fixture(node, &given.fixture, &what, &schema, &mut outcome);
            }
        }
        let model = node.depends_on.first().and_then(|id| self.known.get(id));
        // With other variables and macros the model may have other columns.
        if let Some(schema) = model.filter(|_| test.overrides.is_none()) {
            let what = format!("the model `{}`", test.model);
            self.fixture(node, &test.expect, &what, &schema, &mut outcome);
        }
        self.soften(&mut outcome.findings);
        outcome
    }

    fn fixture(
        &self,
        node: &Node,
        fixture: &UnitFixture,
        what: &str,
        schema: &Schema,
        outcome: &mut Outcome,
    ) {
        let Value::Array(rows) = &fixture.rows else { return };
        let mut told: Vec<&str> = Vec::new();
        for name in rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys()) {
            if told.contains(&name.as_str()) || !lacks(schema, name) {
                continue;
            }
            told.push(name);
            let message = format!(
                "The unit test `{}` gives a column `{name}`, which {what} does not have",
                node.name
            );
            let finding =
                with_nearest(Diagnostic::error(Code::UNIT_FIXTURE, message), name, schema);
            let place = key_after(node.location.as_ref(), name);
            outcome.findings.push(finding.or_at(place).or_at(node.location.clone()));
        }
    }
}

/// Where a key first stands in the YAML behind a place.
fn key_after(place: Option<&Location>, key: &str) -> Option<Location> {
    let place = place?;
    let pattern = format!(r#"\b({})['"]?\s*:"#, regex::escape(key));
    let rest = &place.file.text[place.span.end..];
    let found = Regex::new(&pattern).ok()?.captures(rest)?.get(1)?.range();
    let start = place.span.end + found.start;
    Some(Location::new(place.file.clone(), start..start + found.len()))
}
