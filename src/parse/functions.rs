//! User-defined functions: what their properties say of arguments and results, and the rules that
//! dbt holds them to. Their code is parsed as that of any node; nothing is created here.

use std::sync::Arc;

use super::properties::Reader;
use super::resolve::locate_config;
use crate::config::MapReader;
use crate::config::yaml::Yaml;
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};
use crate::manifest::{FunctionArgument, FunctionFacts, FunctionReturns, Node};

/// What `type` may be.
const TYPES: &[&str] = &["scalar", "aggregate", "table"];
/// What `volatility` may be.
const VOLATILITIES: &[&str] = &["deterministic", "stable", "non-deterministic"];

impl<'a> Reader<'a> {
    /// `arguments` and `returns` of an entry under `functions:`.
    ///
    /// # Errors
    /// `BAD_CONFIG` for an argument or result without a type.
    pub(super) fn function_facts(
        &mut self,
        map: &mut MapReader<'a>,
        yaml: &'a Yaml,
        name: &str,
    ) -> Result<FunctionFacts> {
        let mut arguments = Vec::new();
        for item in map.list("arguments")? {
            let mut entry = MapReader::new(self.file, "an argument of a function", item)?;
            arguments.push(FunctionArgument {
                name: entry.required_text("name")?,
                data_type: entry.required_text("data_type")?,
                description: entry.text("description")?,
                default_value: match entry.any("default_value") {
                    Some(value) => Some(self.renderer.render(self.file, value)?),
                    None => None,
                },
            });
            entry.warn_left_over(&mut self.warnings)?;
        }
        let Some(returns) = map.any("returns") else {
            return Err(no_returns(self.file, yaml, name));
        };
        let mut entry = MapReader::new(self.file, "the result of a function", returns)?;
        let returns = FunctionReturns {
            data_type: entry.required_text("data_type")?,
            description: entry.text("description")?,
        };
        entry.warn_left_over(&mut self.warnings)?;
        Ok(FunctionFacts { arguments, returns: Some(returns) })
    }
}

fn no_returns(file: &Arc<SourceFile>, yaml: &Yaml, name: &str) -> Box<Diagnostic> {
    let place = yaml.get("name").unwrap_or(yaml).span.clone();
    Box::new(
        Diagnostic::error(Code::BAD_CONFIG, format!("The function `{name}` says no `returns`"))
            .note("'returns' is a required property")
            .at(Location::new(file.clone(), place))
            .help("Write `returns: {data_type: …}`."),
    )
}

/// The first rule that a function breaks.
pub(super) fn broken(node: &Node) -> Option<Diagnostic> {
    let facts = node.function.as_deref()?;
    if let Some(argument) = facts.misplaced_argument() {
        let message = format!(
            "Non-defaulted argument '{}' of function '{}' comes after a defaulted argument. \
             Non-defaulted arguments cannot come after defaulted arguments. ",
            argument.name, node.name
        );
        let error = Diagnostic::error(Code::BAD_CONFIG, message).or_at(node.location.clone());
        return Some(error.help("Give it a default, too, or put it first."));
    }
    for (key, known) in [("type", TYPES), ("volatility", VOLATILITIES)] {
        let Some(set) = node.config.get(key).filter(|value| !value.is_null()) else { continue };
        let text = set.as_str().unwrap_or_default();
        if known.contains(&text) {
            continue;
        }
        let message = format!("`{key}` of the function `{}` is {set}, which is none", node.name);
        let place = locate_config(&node.file, key, text).or_else(|| node.location.clone());
        let error = Diagnostic::error(Code::BAD_CONFIG, message).or_at(place);
        return Some(error.help(format!("Write one of {}.", known.join(", "))));
    }
    None
}
