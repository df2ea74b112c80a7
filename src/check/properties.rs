//! What properties say of columns, held against the columns that there are: descriptions, tests and
//! contracts.

use std::sync::Arc;

use super::Checker;
use super::node::Outcome;
use super::schema::Schema;
use crate::config::yaml::{Yaml, parse};
use crate::config::{Config, EngineKind, read_text};
use crate::diagnostic::{Code, Diagnostic, Location, SourceFile, did_you_mean};
use crate::manifest::{Node, Source};

impl Checker {
    /// The columns that a node's properties describe and that it does not have; and what its contract
    /// promises and is not so.
    pub(super) fn properties(&self, node: &Node, schema: &Schema, outcome: &mut Outcome) {
        if node.has_contract() {
            self.contract(node, schema, outcome);
            return;
        }
        for column in node.columns.values().filter(|column| lacks(schema, &column.name)) {
            let finding = undescribed(&node.name, &column.name, schema);
            outcome.findings.push(finding.or_at(self.place_of(node, &column.name)));
        }
    }

    /// The columns that a source's properties describe and that it does not have.
    pub(super) fn source_properties(&self, source: &Source, schema: &Schema, out: &mut Outcome) {
        let mut columns =
            source.columns.values().filter(|column| lacks(schema, &column.name)).peekable();
        if columns.peek().is_none() {
            return;
        }
        let file = file_of(&self.compiler.config, &source.package_name, &source.original_file_path);
        for column in columns {
            let finding = undescribed(&source.name, &column.name, schema);
            let place = file.as_ref().and_then(|file| {
                column_in(file, &["sources", "tables"], &source.name, &column.name)
            });
            out.findings.push(finding.or_at(place).or_at(source.location.clone()));
        }
    }

    /// A generic test on a column that there is not.
    pub(super) fn lost_test(&self, test: &Node) -> Option<Diagnostic> {
        let column = test.column_name.as_deref()?;
        let attached = test.attached_node.as_ref()?;
        let schema = self.known.get(attached)?;
        if !lacks(&schema, column) {
            return None;
        }
        let metadata = test.test_metadata.as_ref()?;
        let of = attached.rsplit('.').next().unwrap_or_default();
        let message = format!(
            "The test `{}` is on the column `{column}`, which `{of}` does not have",
            metadata.name
        );
        let finding = Diagnostic::error(Code::UNKNOWN_PROPERTY, message);
        let finding = with_nearest(finding, column, &schema);
        let own = self.compiler.manifest.nodes.get(attached);
        let place = own.and_then(|node| self.place_of(node, column));
        Some(finding.or_at(place).or_at(test.location.clone()))
    }

    fn contract(&self, node: &Node, schema: &Schema, outcome: &mut Outcome) {
        if schema.open {
            return;
        }
        for column in &schema.columns {
            let promised =
                node.columns.values().find(|it| it.name.eq_ignore_ascii_case(&column.name));
            let Some(promised) = promised else {
                let message = format!(
                    "`{}` has a column `{}` that its contract does not promise",
                    node.name, column.name
                );
                let finding = Diagnostic::error(Code::CONTRACT_UNMET, message)
                    .help("Add it to `columns`, or take it out of the model.");
                outcome.findings.push(finding.or_at(node.location.clone()));
                continue;
            };
            let (Some(wanted), Some(is)) = (&promised.data_type, &column.data_type) else {
                continue;
            };
            if self.is_type(node, wanted, is) {
                continue;
            }
            let message = format!(
                "The contract of `{}` promises `{}` as {wanted}, but it is {is}",
                node.name, column.name
            );
            let finding = Diagnostic::error(Code::CONTRACT_UNMET, message)
                .help(format!("Cast it in the model, or promise {is}."));
            let place = self.place_of(node, &promised.name);
            outcome.findings.push(finding.or_at(place).or_at(node.location.clone()));
        }
        for column in node.columns.values().filter(|column| lacks(schema, &column.name)) {
            let message = format!(
                "The contract of `{}` promises a column `{}`, which it does not have",
                node.name, column.name
            );
            let finding = Diagnostic::error(Code::CONTRACT_UNMET, message);
            let finding = with_nearest(finding, &column.name, schema);
            let place = self.place_of(node, &column.name);
            outcome.findings.push(finding.or_at(place).or_at(node.location.clone()));
        }
    }

    /// Whether a type as it is written in properties is this type; also where that cannot be told.
    fn is_type(&self, node: &Node, wanted: &str, is: &str) -> bool {
        let cast = format!("select cast(null as {wanted}) as c");
        let told = self.pools.with_scratch(&node.engine, |scratch| {
            (scratch.kind(), scratch.describe(&cast).ok().and_then(|mut columns| columns.pop()))
        });
        match told {
            Some((EngineKind::DuckDb, Some(column))) => column.data_type == is,
            Some((EngineKind::Postgres, Some(column))) => {
                comparable(&column.data_type) == comparable(is)
            }
            _ => true,
        }
    }

    /// Where the properties of a node describe a column.
    fn place_of(&self, node: &Node, column: &str) -> Option<Location> {
        described_at(&self.compiler.config, node, column)
    }
}

/// Where the properties of a node describe a column.
pub fn described_at(config: &Config, node: &Node, column: &str) -> Option<Location> {
    let (package, path) = node.patch_path.as_deref()?.split_once("://")?;
    let file = file_of(config, package, path)?;
    column_in(&file, &["models", "seeds", "snapshots"], &node.name, column)
}

fn file_of(config: &Config, package: &str, path: &str) -> Option<Arc<SourceFile>> {
    let path = config.project_named(package)?.root.join(path);
    read_text(&path, &config.shown(&path)).ok()
}

fn undescribed(of: &str, column: &str, schema: &Schema) -> Diagnostic {
    let message = format!("`{of}` is described with a column `{column}`, which it does not have");
    with_nearest(Diagnostic::warning(Code::UNKNOWN_PROPERTY, message), column, schema)
}

/// A finding about a column that is not there, with those of nearly that name.
pub(super) fn with_nearest(finding: Diagnostic, column: &str, schema: &Schema) -> Diagnostic {
    match did_you_mean(column, schema.names()) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// Whether there is certainly no such column; what is no plain name is none.
pub(super) fn lacks(schema: &Schema, name: &str) -> bool {
    let plain = name.trim_matches(['"', '`']);
    let is_name = plain.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ' '));
    is_name && !plain.is_empty() && schema.lacks(plain)
}

/// PostgreSQL's types as far as contracts tell them apart.
fn comparable(data_type: &str) -> String {
    let base = data_type.split('(').next().unwrap_or(data_type).trim_end();
    let base = base.trim_end_matches("[]");
    let zoned = data_type.contains("with time zone");
    let word = match base {
        "smallint" => "integer",
        "real" => "double precision",
        "character varying" | "character" | "name" | "\"char\"" => "text",
        "timestamp without time zone" | "timestamp with time zone" => "timestamp",
        other => other,
    };
    let array = if data_type.ends_with("[]") { "[]" } else { "" };
    format!("{word}{}{array}", if zoned { " with time zone" } else { "" })
}

/// Where a properties file describes a column of an entry, in lists of these names, however deep.
fn column_in(
    file: &Arc<SourceFile>,
    lists: &[&str],
    entry: &str,
    column: &str,
) -> Option<Location> {
    fn entry_in<'y>(yaml: &'y Yaml, lists: &[&str], entry: &str) -> Option<&'y Yaml> {
        for (key, value) in yaml.entries() {
            if !lists.contains(&key.text.as_str()) {
                continue;
            }
            for item in value.items() {
                let is_it = item.get("name").and_then(Yaml::as_str) == Some(entry);
                if is_it && item.get("columns").is_some() {
                    return Some(item);
                }
                if let Some(found) = entry_in(item, lists, entry) {
                    return Some(found);
                }
            }
        }
        None
    }
    let document = parse(file).ok()?;
    let found = entry_in(&document.root, lists, entry)?;
    let names = found.get("columns")?.items().iter().filter_map(|item| item.get("name"));
    let is_it = |name: &&Yaml| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(column));
    let name = names.into_iter().find(is_it)?;
    Some(Location::new(file.clone(), name.span.clone()))
}
