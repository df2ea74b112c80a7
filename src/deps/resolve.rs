//! What a project asks for → every package that it needs, each once and at one version.
//!
//! Breadth first, as dbt does it: each round fetches the packages that the last one named. The
//! bounds of all that ask for a package are put together.

use indexmap::IndexMap;
use serde_json::Value;

use super::package::{Origin, Pinned};
use super::{Work, archive, git};
use crate::config::{Basics, PackageSource, PackageSpec, PackagesFile, Version, scrub};
use crate::diagnostic::{Code, Diagnostic, Location, Result};

/// All that was asked of one package.
#[derive(Debug, Clone)]
struct Wanted {
    source: WantedSource,
    location: Location,
}

#[derive(Debug, Clone)]
enum WantedSource {
    Local {
        path: String,
    },
    Git {
        url: String,
        unrendered: String,
        revisions: Vec<String>,
        subdirectory: Option<String>,
        warn: bool,
    },
    Tarball {
        url: String,
        unrendered: String,
        name: String,
    },
    Hub {
        package: String,
        bounds: Vec<Version>,
        prerelease: bool,
    },
}

/// Every package that a list of entries leads to, in the order in which they were first named.
///
/// # Errors
/// Packages that cannot be had, that contradict each other, or two of one name.
pub fn resolve(work: &mut Work<'_>, packages: &[PackageSpec]) -> Result<Vec<Pinned>> {
    let mut pending = wanted(packages)?;
    let mut all: IndexMap<String, Wanted> = IndexMap::new();
    let mut pinned: IndexMap<String, Pinned> = IndexMap::new();
    while !pending.is_empty() {
        let mut next = IndexMap::new();
        for (_, wanted) in pending {
            let key = add(&mut all, wanted)?;
            let (package, needs) = pin(work, &all[&key])?;
            pinned.insert(key, package);
            for need in needs {
                add(&mut next, want(&need)?)?;
            }
        }
        pending = next;
    }
    // Packages asked for again later were pinned again, with all bounds known by then.
    let pinned: Vec<Pinned> = all.keys().filter_map(|key| pinned.get(key).cloned()).collect();
    for (at, package) in pinned.iter().enumerate() {
        if package.name == work.basics.name {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("A package has the name of this project, `{}`", package.name),
                )
                .help("Two projects of one name cannot be told apart: rename this one."),
            ));
        }
        if pinned[..at].iter().any(|other| other.name == package.name) {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("There are two packages named `{}`", package.name),
                )
                .help("Take one of them out of packages.yml, or of the package that needs it."),
            ));
        }
    }
    Ok(pinned)
}

fn wanted(packages: &[PackageSpec]) -> Result<IndexMap<String, Wanted>> {
    let mut out = IndexMap::new();
    for spec in packages {
        add(&mut out, want(spec)?)?;
    }
    Ok(out)
}

fn want(spec: &PackageSpec) -> Result<Wanted> {
    let as_written = |key: &str, rendered: &str| {
        spec.unrendered.get(key).and_then(Value::as_str).unwrap_or(rendered).to_owned()
    };
    let source = match &spec.source {
        PackageSource::Local { path } => WantedSource::Local { path: path.clone() },
        PackageSource::Git { url, revision, subdirectory, warn_unpinned } => WantedSource::Git {
            unrendered: as_written("git", url),
            url: url.clone(),
            revisions: revision.iter().map(text_of).collect(),
            subdirectory: subdirectory.clone(),
            warn: *warn_unpinned != Some(false),
        },
        PackageSource::Tarball { url } => WantedSource::Tarball {
            unrendered: as_written("tarball", url),
            url: url.clone(),
            name: spec.name.clone().unwrap_or_default(),
        },
        PackageSource::Hub { package, versions, prerelease, .. } => WantedSource::Hub {
            package: package.clone(),
            bounds: versions.clone(),
            prerelease: *prerelease == Some(true),
        },
        PackageSource::Private { repository } => {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("The private package `{repository}` has no provider here"),
                )
                .at(spec.location.clone())
                .help("Private packages belong to dbt's hosted service: use a `git` package."),
            ));
        }
    };
    Ok(Wanted { source, location: spec.location.clone() })
}

/// A revision as git knows it; YAML may have made a number of it.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Wanted {
    /// What is the same for all that ask for this package.
    fn key(&self) -> String {
        match &self.source {
            WantedSource::Local { path } => path.clone(),
            WantedSource::Git { url, subdirectory, .. } => {
                let url = url.strip_suffix(".git").unwrap_or(url);
                subdirectory.as_ref().map_or_else(|| url.to_owned(), |s| format!("{url}/{s}"))
            }
            WantedSource::Tarball { name, .. } => name.clone(),
            WantedSource::Hub { package, .. } => package.clone(),
        }
    }
}

fn add(all: &mut IndexMap<String, Wanted>, new: Wanted) -> Result<String> {
    let key = new.key();
    let Some(old) = all.get_mut(&key) else {
        all.insert(key.clone(), new);
        return Ok(key);
    };
    match (&mut old.source, new.source) {
        (WantedSource::Local { .. }, WantedSource::Local { .. })
        | (WantedSource::Tarball { .. }, WantedSource::Tarball { .. }) => {}
        (
            WantedSource::Git { revisions, warn, .. },
            WantedSource::Git { revisions: more, warn: warns, .. },
        ) => {
            for revision in more {
                if !revisions.contains(&revision) {
                    revisions.push(revision);
                }
            }
            *warn &= warns;
        }
        (WantedSource::Hub { bounds, .. }, WantedSource::Hub { bounds: more, .. }) => {
            for bound in more {
                if !bounds.contains(&bound) {
                    bounds.push(bound);
                }
            }
        }
        _ => {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("`{key}` is asked for in two ways that cannot be put together"),
                )
                .at(new.location)
                .related("the other one", old.location.clone())
                .help("Ask for it in the same way in both places."),
            ));
        }
    }
    Ok(key)
}

/// Fetches what is needed to know a package's name and its own packages.
fn pin(work: &mut Work<'_>, wanted: &Wanted) -> Result<(Pinned, Vec<PackageSpec>)> {
    match &wanted.source {
        WantedSource::Local { path } => {
            let folder = work.basics.root.join(path);
            let (name, needs) = read(work, &folder, Some(&wanted.location))?;
            Ok((Pinned { name, from: Origin::Local { path: path.clone() } }, needs))
        }
        WantedSource::Git { url, unrendered, revisions, subdirectory, warn } => {
            let revision = match revisions.as_slice() {
                [] => "HEAD",
                [one] => one,
                many => {
                    return Err(Box::new(
                        Diagnostic::error(
                            Code::BAD_PACKAGE,
                            format!("{url} is asked for at several revisions: {}", many.join(", ")),
                        )
                        .at(wanted.location.clone())
                        .help("A package is installed once: agree on one revision."),
                    ));
                }
            };
            let into = work.downloads.join(format!("git-{}", uuid::Uuid::new_v4()));
            let checkout = git::check_out(url, revision, subdirectory.as_deref(), &into)
                .map_err(|error| Box::new(error.or_at(Some(wanted.location.clone()))))?;
            if *warn && matches!(revision, "HEAD" | "main" | "master") {
                work.warn(
                    Diagnostic::warning(
                        Code::BAD_PACKAGE,
                        format!("The git package {} is not pinned to a revision", scrub(url)),
                    )
                    .at(wanted.location.clone())
                    .help("Its code can change under you: add `revision:` with a tag or commit.")
                    .help("`warn-unpinned: false` turns this warning off."),
                );
            }
            let (name, needs) = read(work, &checkout.folder, Some(&wanted.location))?;
            let from = Origin::Git {
                unrendered: unrendered.clone(),
                revision: checkout.commit,
                subdirectory: subdirectory.clone(),
            };
            Ok((Pinned { name, from }, needs))
        }
        WantedSource::Tarball { url, unrendered, name } => {
            let into = work.downloads.join(format!("tarball-{}", uuid::Uuid::new_v4()));
            let folder = archive::unpack(&archive::get(url)?, &into, url)?;
            let (_, needs) = read(work, &folder, Some(&wanted.location))?;
            let from = Origin::Tarball { unrendered: unrendered.clone() };
            Ok((Pinned { name: name.clone(), from }, needs))
        }
        WantedSource::Hub { package, bounds, prerelease } => {
            let check = work.options.version_check;
            let version = work.hub.choose(package, bounds, *prerelease, check, &wanted.location)?;
            if let Some(moved) = work.hub.moved(package)? {
                work.warn(
                    Diagnostic::warning(
                        Code::BAD_PACKAGE,
                        format!("The `{package}` package is deprecated in favor of `{moved}`"),
                    )
                    .event("PackageRedirectDeprecation")
                    .at(wanted.location.clone())
                    .help("Change its name in packages.yml."),
                );
            }
            let about = &work.hub.versions(package)?[&version];
            let short = package.rsplit('/').next().unwrap_or(package);
            let name = about.get("name").and_then(Value::as_str).unwrap_or(short).to_owned();
            let needs = needs_of(about, &wanted.location)?;
            let from = Origin::Hub { package: package.clone(), version };
            Ok((Pinned { name, from }, needs))
        }
    }
}

/// The name and packages of a project in a folder.
fn read(
    work: &Work<'_>,
    folder: &std::path::Path,
    asked_at: Option<&Location>,
) -> Result<(String, Vec<PackageSpec>)> {
    if !folder.join("dbt_project.yml").is_file() {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_PACKAGE,
                format!("No dbt_project.yml found at {}", work.basics.shown(folder).display()),
            )
            .or_at(asked_at.cloned())
            .help("A package is a dbt project: check the path, or its `subdirectory`."),
        ));
    }
    let basics = Basics::of_folder(
        folder.to_path_buf(),
        work.basics.started_in.clone(),
        None,
        work.renderer,
    )?;
    let file = PackagesFile::read(folder, &work.basics.shown(folder), work.renderer)?;
    Ok((basics.name, file.packages))
}

/// The packages that the hub says a version needs.
fn needs_of(about: &Value, at: &Location) -> Result<Vec<PackageSpec>> {
    let mut out = Vec::new();
    for entry in about.get("packages").and_then(Value::as_array).into_iter().flatten() {
        let Some(package) = entry.get("package").and_then(Value::as_str) else { continue };
        let written = entry.get("version").cloned().unwrap_or(Value::Null);
        let texts: Vec<&str> = match &written {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let versions = texts.into_iter().filter_map(Version::read).collect();
        out.push(PackageSpec {
            source: PackageSource::Hub {
                package: package.to_owned(),
                versions,
                written,
                prerelease: None,
            },
            name: None,
            unrendered: entry.clone(),
            location: at.clone(),
        });
    }
    Ok(out)
}
