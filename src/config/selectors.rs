//! selectors.yml as plain data: named selections, rendered, with the place of each.
//!
//! What a definition means is the selector's business; only its outline is checked here.

use std::path::Path;

use serde_json::{Map, Value};

use super::render::YamlRenderer;
use super::text::read_text;
use super::yaml::{self, Yaml};
use crate::diagnostic::{Code, Diagnostic, Location, Result};

const FILE: &str = "selectors.yml";

/// One entry of selectors.yml.
#[derive(Debug, Clone)]
pub struct NamedSelector {
    pub name: String,
    /// A text or a map.
    pub definition: Value,
    /// Whether it stands in for `--select` where nothing is selected.
    pub default: bool,
    /// The entry as it goes into the manifest.
    pub entry: Map<String, Value>,
    pub location: Location,
}

/// Reads `<root>/selectors.yml`; nothing where there is none.
///
/// # Errors
/// `UNREADABLE`, `BAD_YAML`, errors of Jinja, and `BAD_SELECTOR` for entries that are none.
pub fn read(root: &Path, shown: &Path, renderer: &YamlRenderer) -> Result<Vec<NamedSelector>> {
    let path = root.join(FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let file = read_text(&path, &shown.join(FILE))?;
    let document = yaml::parse(&file)?;
    let at = |yaml: &Yaml| Location::new(file.clone(), yaml.span.clone());
    let bad = |message: String, yaml: &Yaml| {
        Diagnostic::error(Code::BAD_SELECTOR, message).at(at(yaml)).help(
            "selectors.yml is `selectors:` with a list of entries, each with a `name` and a `definition`.",
        )
    };
    let list = match document.root.get("selectors") {
        Some(list) if !list.is_null() => list,
        _ => return Ok(Vec::new()),
    };
    let mut all: Vec<NamedSelector> = Vec::new();
    if list.items().is_empty() && !matches!(&list.kind, yaml::YamlKind::List(_)) {
        return Err(bad("`selectors` is not a list".to_owned(), list).into());
    }
    for item in list.items() {
        let Value::Object(entry) = renderer.render(&file, item)? else {
            return Err(bad(format!("A selector is a map, not {}", item.kind_name()), item).into());
        };
        let Some(name) = entry.get("name").and_then(Value::as_str) else {
            return Err(bad("A selector has no name".to_owned(), item).into());
        };
        let Some(definition) =
            entry.get("definition").filter(|value| value.is_string() || value.is_object())
        else {
            let message = format!(
                "Could not parse selector file data: the definition of `{name}` is no text and no map. \
                 Valid root-level selector definitions: union, intersection, string, dictionary. No lists."
            );
            return Err(bad(message, item).into());
        };
        let default = entry.get("default").and_then(Value::as_bool).unwrap_or(false);
        if let Some(other) = all.iter().find(|other| other.default && default) {
            let message =
                format!("Found multiple selectors with `default: true`: {} and {name}", other.name);
            return Err(bad(message, item).into());
        }
        all.push(NamedSelector {
            name: name.to_owned(),
            definition: definition.clone(),
            default,
            location: at(item),
            entry,
        });
    }
    Ok(all)
}
