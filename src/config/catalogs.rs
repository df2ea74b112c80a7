//! catalogs.yml: where tables of open formats are to be written. Neither engine writes such tables,
//! so the file is only checked, and refused where it asks for any.

use std::path::Path;
use std::sync::Arc;

use super::reader::MapReader;
use super::render::YamlRenderer;
use super::text::read_text;
use super::yaml::{self, Yaml};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};

const FILE: &str = "catalogs.yml";

/// The commands that read the file, as in dbt.
const READERS: &[&str] = &["build", "compile", "parse", "run", "seed", "snapshot", "test"];

/// Checks `<root>/catalogs.yml`, where there is one and the command reads it.
///
/// # Errors
/// `UNREADABLE`, `BAD_YAML`, errors of Jinja, and `BAD_CONFIG` for catalogs that contradict
/// themselves and for all others, since no engine has any.
pub fn check(command: &str, root: &Path, shown: &Path, renderer: &YamlRenderer) -> Result<()> {
    let path = root.join(FILE);
    if !READERS.contains(&command) || !path.is_file() {
        return Ok(());
    }
    let file = read_text(&path, &shown.join(FILE))?;
    let document = yaml::parse(&file)?.root;
    let mut map = MapReader::new(&file, FILE, &document)?;
    let mut asked = None;
    for entry in map.list("catalogs")? {
        asked = Some(active(&file, entry, renderer)?);
    }
    let Some((kind, at)) = asked else { return Ok(()) };
    Err(Box::new(
        Diagnostic::error(Code::BAD_CONFIG, format!("Catalog type is not supported: {kind}"))
            .at(at)
            .note("Neither DuckDB nor PostgreSQL writes tables to a catalog.")
            .help("Take the catalog out of catalogs.yml."),
    ))
}

/// The type of the integration that a catalog writes to, and its place.
fn active(
    file: &Arc<SourceFile>,
    entry: &Yaml,
    renderer: &YamlRenderer,
) -> Result<(String, Location)> {
    let text = |yaml: &Yaml| {
        Ok::<_, Box<Diagnostic>>(match renderer.render(file, yaml)? {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        })
    };
    let at = |yaml: &Yaml| Location::new(file.clone(), yaml.span.clone());
    let mut map = MapReader::new(file, "a catalog", entry)?;
    map.required_text("name")?;
    let name = map.any("name").map(text).transpose()?.unwrap_or_default();
    let bad = |message: String, yaml: &Yaml, help: &str| {
        let message = format!("Catalog '{name}' {message}");
        Box::new(Diagnostic::error(Code::BAD_CONFIG, message).at(at(yaml)).help(help))
    };
    let mut known: Vec<(String, String, Location)> = Vec::new();
    for written in map.list("write_integrations")? {
        let mut one = MapReader::new(file, "a write integration", written)?;
        one.required_text("name")?;
        one.required_text("catalog_type")?;
        let [own, kind] = ["name", "catalog_type"].map(|key| written.get(key).map(text));
        let (own, kind) =
            (own.transpose()?.unwrap_or_default(), kind.transpose()?.unwrap_or_default());
        if known.iter().any(|(other, ..)| *other == own) {
            let message =
                format!("cannot have multiple 'write_integrations' with the same name: '{own}'.");
            return Err(bad(message, written, "Rename one of them."));
        }
        known.push((own, kind, at(written)));
    }
    match (map.any("active_write_integration"), known.len()) {
        (None, 1) => {}
        (None, _) => {
            let message = "must specify an 'active_write_integration' when multiple \
                           'write_integrations' are provided.";
            return Err(bad(message.to_owned(), entry, "Add `active_write_integration:` to it."));
        }
        (Some(written), _) => {
            let wanted = text(written)?;
            let Some(found) = known.iter().position(|(own, ..)| *own == wanted) else {
                let names: Vec<String> = known.iter().map(|(own, ..)| format!("'{own}'")).collect();
                let message = format!(
                    "must specify an 'active_write_integration' from its set of defined \
                     'write_integrations': [{}]. Got: '{wanted}'.",
                    names.join(", ")
                );
                return Err(bad(message, written, "Name one of its write integrations."));
            };
            known.swap(0, found);
        }
    }
    let (_, kind, place) = known.swap_remove(0);
    Ok((kind, place))
}
