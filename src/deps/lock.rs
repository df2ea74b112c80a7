//! package-lock.yml as dbt writes it, and `--add-package`, which writes packages.yml.
//!
//! The hash says which packages.yml a lock file was made from; it is dbt's, so that both tools
//! accept each other's files.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::package::Pinned;
use super::unwritable;
use crate::config::yaml::{self, Yaml};
use crate::config::{Basics, PackageSpec, PackagesFile, YamlRenderer, read_text};
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};

/// The file's name.
pub const FILE: &str = "package-lock.yml";

/// A lock file.
pub struct Lock {
    pub packages: Vec<PackageSpec>,
    pub hash: Option<String>,
}

/// Reads the lock file, if there is one.
///
/// # Errors
/// Those of YAML and Jinja, entries of no known shape.
pub fn read(path: &Path, shown: &Path, renderer: &YamlRenderer) -> Result<Option<Lock>> {
    if !path.is_file() {
        return Ok(None);
    }
    let file = read_text(path, shown)?;
    let root = yaml::parse(&file)?.root;
    let none = Yaml { span: 0..0, kind: yaml::YamlKind::Null };
    let list = root.get("packages").unwrap_or(&none);
    let packages = PackagesFile::entries(&file, list, renderer)?;
    let hash = root.get("sha1_hash").and_then(Yaml::as_str).map(str::to_owned);
    Ok(Some(Lock { packages, hash }))
}

/// Writes the lock file.
///
/// # Errors
/// `UNWRITABLE`
pub fn write(path: &Path, shown: &Path, packages: &[Pinned], hash: &str) -> Result<()> {
    let entries: Vec<Value> =
        packages.iter().map(|package| Value::Object(package.to_lock_entry())).collect();
    let whole = json!({"packages": entries, "sha1_hash": hash});
    std::fs::write(path, to_yaml(&whole)).map_err(|error| unwritable(shown, &error))
}

/// dbt's hash of the entries of packages.yml: of their JSON, sorted.
pub fn hash(packages: &[PackageSpec]) -> String {
    let mut texts: Vec<String> = packages
        .iter()
        .map(|package| {
            let mut out = String::new();
            python_json(&package.to_json(), &mut out);
            out
        })
        .collect();
    texts.sort();
    Sha1::digest(texts.join("\n").as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

/// JSON as Python's `json.dumps(value, sort_keys=True)` writes it.
fn python_json(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => python_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                python_json(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (at, (key, value)) in sorted(map).into_iter().enumerate() {
                if at > 0 {
                    out.push_str(", ");
                }
                python_string(key, out);
                out.push_str(": ");
                python_json(value, out);
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn python_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    entries
}

/// A map as dbt's YAML writer lays it out: keys sorted, lists indented.
fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out
}

/// Writes a value that begins on the current line, at an indentation.
fn block(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (at, (key, value)) in sorted(map).into_iter().enumerate() {
                if at > 0 {
                    out.push_str(&" ".repeat(indent));
                }
                out.push_str(&scalar(&Value::String(key.clone())));
                out.push(':');
                under(value, indent, out);
            }
        }
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

/// Writes the value of a key or the items of a list below it.
fn under(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            out.push_str(&" ".repeat(indent + 2));
            block(value, indent + 2, out);
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                out.push_str(&" ".repeat(indent + 2));
                out.push_str("- ");
                block(item, indent + 4, out);
            }
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

/// A value on one line, in quotes where it would be read as something else without them.
fn scalar(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text,
        Value::Array(_) => return "[]".to_owned(),
        Value::Object(_) => return "{}".to_owned(),
        other => return other.to_string(),
    };
    let file = SourceFile::new("scalar", text.as_str());
    let plain = !text.contains(['\n', '\t'])
        && !text.starts_with([
            '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '"', '%',
            '@', '`', ' ',
        ])
        // PyYAML knows dates and these two where `yaml` sees text.
        && !matches!(text.as_str(), "=" | "<<")
        && !is_date(text)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && yaml::parse(&file).is_ok_and(|document| document.root.as_str() == Some(text));
    if plain {
        text.clone()
    } else if text.contains(['\n', '\t']) {
        json!(text).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn is_date(text: &str) -> bool {
    text.len() >= 8
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text.split('-').count() >= 3
        && text.bytes().all(|b| b.is_ascii_digit() || b"-:.TZt +".contains(&b))
}

/// Adds a package to packages.yml (or dependencies.yml, where the packages stand there), in place of
/// entries for the same package. Gives the entries that gave way.
///
/// # Errors
/// `BAD_CONFIG` where the file is no map with a list, `UNWRITABLE`.
pub fn add_package(
    basics: &Basics,
    name: &str,
    version: Option<&str>,
    source: &str,
) -> Result<Vec<String>> {
    let in_dependencies = basics.root.join("dependencies.yml");
    let has_packages = |path: &Path| -> Result<bool> {
        Ok(path.is_file() && parse(basics, path)?.1.get("packages").is_some())
    };
    let path = if has_packages(&in_dependencies)? {
        in_dependencies
    } else {
        basics.root.join("packages.yml")
    };
    let mut whole = match path.is_file() {
        true => parse(basics, &path)?.1.to_json(),
        false => json!({"packages": []}),
    };
    if whole.is_null() {
        whole = json!({"packages": []});
    }
    let shown = basics.shown(&path);
    let Some(list) = whole.get_mut("packages").and_then(Value::as_array_mut) else {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_CONFIG,
                format!("{} has no list of packages", shown.display()),
            )
            .help("Write `packages:` with a list below it."),
        ));
    };
    let mut removed = Vec::new();
    list.retain(|entry| {
        let known = ["package", "git", "local", "tarball", "private"]
            .into_iter()
            .find_map(|key| entry.get(key).and_then(Value::as_str));
        match known.filter(|known| same_package(known, name)) {
            Some(known) => {
                removed.push(known.to_owned());
                false
            }
            None => true,
        }
    });
    let mut entry = Map::new();
    entry.insert(if source == "hub" { "package" } else { source }.to_owned(), name.into());
    if let Some(version) = version {
        let key = if source == "git" { "revision" } else { "version" };
        let value = match version.contains(',') {
            true => version.split(',').collect::<Vec<_>>().into(),
            false => version.into(),
        };
        entry.insert(key.to_owned(), value);
    }
    list.push(entry.into());
    std::fs::write(&path, to_yaml(&whole)).map_err(|error| unwritable(&shown, &error))?;
    Ok(removed)
}

fn parse(basics: &Basics, path: &Path) -> Result<(Arc<SourceFile>, Yaml)> {
    let file = read_text(path, &basics.shown(path))?;
    let root = yaml::parse(&file)?.root;
    Ok((file, root))
}

/// Whether an address and a name mean the same package: the name, with dashes for underscores or
/// without its owner, is a whole part of the address.
fn same_package(address: &str, name: &str) -> bool {
    let short = name.rsplit('/').next().unwrap_or(name);
    [name, short].into_iter().any(|name| {
        [name.to_owned(), name.replace('_', "-"), name.replace('-', "_")].iter().any(|variant| {
            let Some(at) = address.find(variant.as_str()) else { return false };
            let is_edge = |c: Option<char>| c.is_none_or(|c| c == '/' || c == '.');
            is_edge(address[..at].chars().next_back())
                && is_edge(address[at + variant.len()..].chars().next())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(text: &str) -> String {
        let file = SourceFile::new("packages.yml", text);
        let root = yaml::parse(&file).expect("parses").root;
        let renderer = YamlRenderer::new(Map::new(), None);
        let list = root.get("packages").expect("packages");
        hash(&PackagesFile::entries(&file, list, &renderer).expect("packages"))
    }

    // The expected values are what dbt-core 1.11.16 writes for the same files.
    #[test]
    fn hashes_are_dbts() {
        let plain = "packages:\n  - package: dbt-labs/dbt_utils\n    version: 1.1.1\n";
        assert_eq!(hash_of(plain), "a158c48c59c2bb7d729d2a4e215aabe5bb4f3353");
        let all = "packages:
  - package: a/b
    version: [\">=0.8.0\", \"<0.9.0\"]
    install_prerelease: true
  - git: \"https://x/{{ 1 }}.git\"
    revision: 1.0
    warn-unpinned: false
    subdirectory: é
  - local: ../x
  - tarball: https://x/y.tgz
    name: y
";
        assert_eq!(hash_of(all), "923bedaf8c8e29e2302e9538b082c278b9e7b9be");
    }

    #[test]
    fn yaml_is_laid_out_as_dbts() {
        let value = json!({
            "packages": [
                {"package": "a/b", "version": [">=1.0.0", "<2.0.0"], "name": "b"},
                {"git": "https://x/y.git", "revision": "1.0"},
            ],
            "sha1_hash": "0123",
        });
        let expected = "packages:
  - name: b
    package: a/b
    version:
      - '>=1.0.0'
      - <2.0.0
  - git: https://x/y.git
    revision: '1.0'
sha1_hash: '0123'
";
        assert_eq!(to_yaml(&value), expected);
    }
}
