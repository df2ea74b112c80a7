//! packages.yml and dependencies.yml: which packages a project asks for.
//!
//! Reads and renders them; where a package comes from and what it needs itself is `deps`' job.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::reader::MapReader;
use super::render::YamlRenderer;
use super::semver::Version;
use super::text::read_text;
use super::yaml::{self, Yaml};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};

/// A package that a project asks for.
#[derive(Debug, Clone)]
pub struct PackageSpec {
    pub source: PackageSource,
    /// `name:`, which the lock file and tarballs have.
    pub name: Option<String>,
    /// The entry as written, before its Jinja.
    pub unrendered: Value,
    pub location: Location,
}

/// Where a package comes from.
#[derive(Debug, Clone)]
pub enum PackageSource {
    Local {
        /// As written; relative to the project that has the packages.yml.
        path: String,
    },
    Git {
        url: String,
        /// A branch, tag or commit.
        revision: Option<Value>,
        subdirectory: Option<String>,
        warn_unpinned: Option<bool>,
    },
    Tarball {
        url: String,
    },
    Hub {
        /// `dbt-labs/dbt_utils`
        package: String,
        versions: Vec<Version>,
        /// As written, rendered: one version or a list.
        written: Value,
        prerelease: Option<bool>,
    },
    /// A repository of the hosted dbt's Git integration, which a command line has not.
    Private {
        repository: String,
    },
}

/// What a project's packages.yml or dependencies.yml says.
#[derive(Debug)]
pub struct PackagesFile {
    /// `packages.yml` or `dependencies.yml`
    pub path: PathBuf,
    pub packages: Vec<PackageSpec>,
}

const PACKAGES: &str = "packages.yml";
const DEPENDENCIES: &str = "dependencies.yml";

/// What dbt says of a file with a wrong entry, which people search for.
const MALFORMED: &str = "The packages.yml file in this project is malformed.";

impl PackagesFile {
    /// Reads the file of a project that names its packages; a project without one has none.
    ///
    /// # Errors
    /// Those of YAML and Jinja; `BAD_CONFIG` where an entry is of no known shape.
    pub fn read(root: &Path, shown: &Path, renderer: &YamlRenderer) -> Result<PackagesFile> {
        let parse = |name: &str| -> Result<Option<(Arc<SourceFile>, Yaml)>> {
            if !root.join(name).is_file() {
                return Ok(None);
            }
            let file = read_text(&root.join(name), &shown.join(name))?;
            let yaml = yaml::parse(&file)?.root;
            Ok(Some((file, yaml)))
        };
        let packages = parse(PACKAGES)?;
        let dependencies = parse(DEPENDENCIES)?;
        let has = |found: &Option<(Arc<SourceFile>, Yaml)>| {
            found.as_ref().and_then(|(file, yaml)| {
                yaml.get("packages").map(|at| Location::new(file.clone(), at.span.clone()))
            })
        };
        if let (Some(one), Some(other)) = (has(&packages), has(&dependencies)) {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_CONFIG,
                    "Both packages.yml and dependencies.yml have a key `packages`",
                )
                .at(one)
                .related("the other one", other)
                .help("Keep all packages in one of the two files."),
            ));
        }
        let (name, found) = match has(&dependencies) {
            Some(_) => (DEPENDENCIES, dependencies),
            None => (PACKAGES, packages),
        };
        let path = root.join(name);
        let Some((file, yaml)) = found else {
            return Ok(PackagesFile { path, packages: Vec::new() });
        };
        let mut map = MapReader::new(&file, name, &yaml)?;
        map.ignore(&["sha1_hash"]);
        if name == DEPENDENCIES {
            map.ignore(&["projects"]);
        }
        let packages = map
            .list("packages")?
            .iter()
            .map(|entry| spec(&file, entry, renderer))
            .collect::<Result<_>>()
            .map_err(|error| Box::new(error.note(MALFORMED)))?;
        map.deny_left_over()?;
        Ok(PackagesFile { path, packages })
    }

    /// Reads entries of package-lock.yml, which look like those of packages.yml.
    ///
    /// # Errors
    /// As [`PackagesFile::read`].
    pub fn entries(
        file: &Arc<SourceFile>,
        list: &Yaml,
        renderer: &YamlRenderer,
    ) -> Result<Vec<PackageSpec>> {
        list.items().iter().map(|entry| spec(file, entry, renderer)).collect()
    }
}

fn spec(file: &Arc<SourceFile>, entry: &Yaml, renderer: &YamlRenderer) -> Result<PackageSpec> {
    let rendered = renderer.render_tree(file, entry)?;
    let mut map = MapReader::new(file, "a package", &rendered)?;
    let place = |yaml: &Yaml| Location::new(file.clone(), yaml.span.clone());
    let kind = ["local", "git", "tarball", "package", "private"]
        .into_iter()
        .find(|kind| rendered.get(kind).is_some());
    let Some(kind) = kind else {
        return Err(Box::new(
            Diagnostic::error(Code::BAD_CONFIG, "This package does not say where it comes from")
                .at(place(entry))
                .help("Give it one of the keys package, git, local or tarball."),
        ));
    };
    let from = map.required_text(kind)?;
    if from.is_empty() {
        let what = if kind == "package" { "hub" } else { kind };
        return Err(Box::new(
            Diagnostic::error(Code::BAD_CONFIG, format!("A {what} package is missing the value"))
                .at(place(entry))
                .help(format!("`{kind}:` has to be there; a variable in it may have no value.")),
        ));
    }
    let name = map.text("name")?;
    let source = match kind {
        "local" => PackageSource::Local { path: from },
        "git" => PackageSource::Git {
            url: from,
            revision: map.any("revision").map(Yaml::to_json),
            subdirectory: map.text("subdirectory")?,
            warn_unpinned: map.flag("warn-unpinned")?,
        },
        "tarball" => {
            if name.is_none() {
                return Err(Box::new(
                    Diagnostic::error(Code::BAD_CONFIG, "A package from a tarball has no `name`")
                        .at(place(entry))
                        .help("Add `name:`, the name of its project."),
                ));
            }
            PackageSource::Tarball { url: from }
        }
        "package" => hub(&mut map, from, &rendered, &place(entry))?,
        _ => {
            map.ignore(&["provider", "revision", "warn-unpinned", "subdirectory"]);
            PackageSource::Private { repository: from }
        }
    };
    map.deny_left_over()?;
    Ok(PackageSpec { source, name, unrendered: entry.to_json(), location: place(entry) })
}

fn hub(map: &mut MapReader, package: String, entry: &Yaml, at: &Location) -> Result<PackageSource> {
    if !package.contains('/') {
        return Err(Box::new(
            Diagnostic::error(Code::BAD_CONFIG, format!("`{package}` is no package of the hub"))
                .at(at.clone())
                .help("Packages of the hub have an owner: dbt-labs/dbt_utils."),
        ));
    }
    let Some(version) = map.any("version") else {
        return Err(Box::new(
            Diagnostic::error(Code::BAD_CONFIG, format!("`{package}` has no version"))
                .at(at.clone())
                .help("Add `version:`, such as \"1.1.1\" or [\">=1.0.0\", \"<2.0.0\"]."),
        ));
    };
    let texts = map.texts("version")?.unwrap_or_default();
    let versions = texts
        .iter()
        .map(|text| {
            Version::read(text).ok_or_else(|| {
                let error =
                    Diagnostic::error(Code::BAD_CONFIG, format!("`{text}` is not a version"));
                let help = if text.contains(',') {
                    "Write a range as a list: [\">=1.0.0\", \"<2.0.0\"]."
                } else {
                    "Versions have three parts: \"1.1.1\", \">=1.0.0\"."
                };
                Box::new(error.at(map.place(version)).help(help))
            })
        })
        .collect::<Result<_>>()?;
    let written = entry.get("version").map_or(Value::Null, Yaml::to_json);
    let prerelease = map.flag("install_prerelease")?;
    Ok(PackageSource::Hub { package, versions, written, prerelease })
}

impl PackageSpec {
    /// The entry with all keys that dbt knows of its kind: what dbt hashes for the lock file.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
        match &self.source {
            PackageSource::Local { path } => {
                put("local", path.as_str().into());
            }
            PackageSource::Git { url, revision, subdirectory, warn_unpinned } => {
                put("git", url.as_str().into());
                put("revision", revision.clone().into());
                put("subdirectory", subdirectory.clone().into());
                put("warn-unpinned", (*warn_unpinned).into());
            }
            PackageSource::Tarball { url } => {
                put("tarball", url.as_str().into());
            }
            PackageSource::Hub { package, written, prerelease, .. } => {
                put("package", package.as_str().into());
                put("version", written.clone());
                put("install_prerelease", prerelease.unwrap_or(false).into());
            }
            PackageSource::Private { repository } => {
                put("private", repository.as_str().into());
                for key in ["provider", "revision", "subdirectory", "warn-unpinned"] {
                    put(key, self.unrendered.get(key).cloned().unwrap_or(Value::Null));
                }
            }
        }
        if let Some(name) = &self.name {
            put("name", name.as_str().into());
        }
        put("unrendered", self.unrendered.clone());
        map.into()
    }
}
