//! What a node reads beside its own SQL: the refs and sources in its hooks and in its foreign keys.
//! Only takes notes; hooks run later, and constraints are written by macros.

use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::Parser;
use super::host::ParseHost;
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::manifest::{Node, RefCall, ResourceType, SourceCall};
use crate::relation::Relation;

/// What a text like `ref('orders')` names.
#[derive(Debug)]
pub enum Target {
    Ref(RefCall),
    Source(SourceCall),
}

/// The node or source that a call names, written as one call with texts in it.
pub fn target_of(text: &str) -> Option<Target> {
    static CALL: LazyLock<Regex> = LazyLock::new(|| {
        let word = r#"['"]([^'"]+)['"]"#;
        let version = r#"(?:,\s*(?:v|version)\s*=\s*['"]?([\w.]+)['"]?\s*)?"#;
        let call = format!(r"^\s*(ref|source)\s*\(\s*{word}\s*(?:,\s*{word}\s*)?{version}\)\s*$");
        Regex::new(&call).expect("the pattern is valid")
    });
    let found = CALL.captures(text)?;
    let part = |at: usize| found.get(at).map(|part| part.as_str().to_owned());
    match (&found[1], part(2)?, part(3)) {
        ("source", source, Some(table)) => Some(Target::Source(SourceCall { source, table })),
        ("source", ..) => None,
        (_, package, Some(name)) => {
            Some(Target::Ref(RefCall { package: Some(package), name, version: part(4) }))
        }
        (_, name, None) => Some(Target::Ref(RefCall { package: None, name, version: part(4) })),
    }
}

impl Parser<'_> {
    /// Adds them to the node, whose properties and configuration are complete.
    ///
    /// # Errors
    /// Jinja errors in the hooks; a seed that reads another node.
    pub(super) fn note_later_refs(&self, node: &mut Node) -> Result<()> {
        let mut texts: Vec<String> = Vec::new();
        for key in ["pre-hook", "post-hook"] {
            if node.config.get(key).is_some() {
                texts.extend(node.config.hooks(key).into_iter().map(|hook| hook.sql));
            }
        }
        texts.retain(|text| text.contains("{{") || text.contains("{%"));
        let of_model = node.config.get("constraints").and_then(|all| all.as_array());
        let of_columns = node.columns.values().flat_map(|column| &column.constraints);
        for constraint in of_model.into_iter().flatten().chain(of_columns) {
            let to = constraint.get("to").and_then(|to| to.as_str()).map(str::trim);
            match to {
                Some(to) if target_of(to).is_some() => texts.push(format!("{{{{ {to} }}}}")),
                Some(to) => {
                    return Err(Box::new(
                        Diagnostic::error(
                            Code::BAD_CONFIG,
                            format!(
                                "Invalid 'ref' or 'source' syntax on foreign key constraint 'to' on \
                                 model {}: {to}.",
                                node.name
                            ),
                        )
                        .or_at(node.location.clone())
                        .help("Write to: ref('model') or to: source('source', 'table')."),
                    ));
                }
                None => {}
            }
        }
        if texts.is_empty() {
            return Ok(());
        }
        let this = Relation::new(&node.database, &node.schema, &node.alias);
        let package: Arc<str> = node.package_name.as_str().into();
        let host = Arc::new(ParseHost::new(self, &package, node.config.clone(), this));
        let dialect = self.dialects.get(&node.engine);
        for text in texts {
            let at = node.file.text.find(&text).map(|at| at..at + text.len());
            let place = at.map(|span| Location::new(node.file.clone(), span));
            let place = place.or_else(|| node.location.clone());
            dialect.render_str(&text, place.clone(), host.clone())?;
            let notes = host.take_notes();
            if node.resource_type == ResourceType::Seed
                && (!notes.refs.is_empty() || !notes.sources.is_empty())
            {
                return Err(Box::new(
                    Diagnostic::error(
                        Code::BAD_CONFIG,
                        format!(
                            "Seeds cannot depend on other nodes: a hook of `{}` calls ref() or source()",
                            node.name
                        ),
                    )
                    .or_at(place)
                    .help("Move that hook to a model."),
                ));
            }
            node.refs.extend(notes.refs.into_iter().map(|call| (call, place.clone())));
            for call in notes.sources {
                if !node.source_calls.iter().any(|(known, _)| *known == call) {
                    node.source_calls.push((call, place.clone()));
                }
            }
            for id in notes.macros {
                if !node.depends_on_macros.contains(&id) {
                    node.depends_on_macros.push(id);
                }
            }
        }
        Ok(())
    }
}
