//! The package hub: an index of names, and for each package its versions, as JSON.
//!
//! Its address is `DBT_PACKAGE_HUB_URL`, or dbt's hub. Each document is asked for once a command.

use std::collections::HashMap;

use serde_json::Value;

use super::archive;
use crate::config::{DBT_VERSION, Range, Version};
use crate::diagnostic::{Code, Diagnostic, Location, Result, did_you_mean};

const DEFAULT: &str = "https://hub.getdbt.com/";

/// The hub, and what it has answered so far.
#[derive(Debug)]
pub struct Hub {
    base: String,
    answers: HashMap<String, Value>,
}

/// Versions that may be installed, the oldest first, and those that are not for this dbt.
struct Installable {
    found: Vec<(Version, String)>,
    unfit: Vec<String>,
}

impl Hub {
    pub fn new() -> Hub {
        let named = std::env::var("DBT_PACKAGE_HUB_URL").ok().filter(|url| !url.is_empty());
        let mut base = named.unwrap_or_else(|| DEFAULT.to_owned());
        if !base.ends_with('/') {
            base.push('/');
        }
        Hub { base, answers: HashMap::new() }
    }

    /// What tells a version of a package apart from those of other hubs.
    pub fn key(&self, package: &str, version: &str) -> String {
        format!("{}{package}@{version}", self.base)
    }

    fn ask(&mut self, what: &str) -> Result<&Value> {
        if !self.answers.contains_key(what) {
            let url = format!("{}api/v1/{what}.json", self.base);
            let body = archive::get(&url)?;
            let answer: Value = serde_json::from_slice(&body).map_err(|error| {
                Box::new(
                    Diagnostic::error(
                        Code::UNREACHABLE_PACKAGE,
                        format!("{url} did not answer with JSON"),
                    )
                    .note(error.to_string())
                    .help("Check DBT_PACKAGE_HUB_URL."),
                )
            })?;
            self.answers.insert(what.to_owned(), answer);
        }
        Ok(&self.answers[what])
    }

    /// The versions of a package, by name.
    pub fn versions(&mut self, package: &str) -> Result<&serde_json::Map<String, Value>> {
        let answer = self.ask(package)?;
        answer.get("versions").and_then(Value::as_object).ok_or_else(|| {
            Box::new(
                Diagnostic::error(
                    Code::UNREACHABLE_PACKAGE,
                    format!("The hub does not say which versions `{package}` has"),
                )
                .help("Check the package's name and DBT_PACKAGE_HUB_URL."),
            )
        })
    }

    /// Where a package moved to, if it did.
    pub fn moved(&mut self, package: &str) -> Result<Option<String>> {
        let answer = self.ask(package)?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
        let (namespace, name) = (text("redirectnamespace"), text("redirectname"));
        if namespace.is_none() && name.is_none() {
            return Ok(None);
        }
        let namespace = namespace.or_else(|| text("namespace")).unwrap_or_default();
        Ok(Some(format!("{namespace}/{}", name.or_else(|| text("name")).unwrap_or_default())))
    }

    /// Chooses the newest version of a package that all bounds allow and that works with this
    /// version of dbt.
    ///
    /// # Errors
    /// `BAD_PACKAGE`: no such package, bounds that exclude each other, no version within them.
    pub fn choose(
        &mut self,
        package: &str,
        bounds: &[Version],
        prerelease: bool,
        version_check: bool,
        at: &Location,
    ) -> Result<String> {
        let index = self.ask("index")?;
        let listed: Vec<&str> =
            index.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !listed.contains(&package) {
            let mut error = Diagnostic::error(
                Code::BAD_PACKAGE,
                format!("The package `{package}` was not found in the package index"),
            )
            .at(at.clone());
            if let Some(help) = did_you_mean(package, listed.iter().copied()) {
                error = error.help(help);
            }
            return Err(Box::new(error.help("Look its name up on the package hub.")));
        }
        let shown = bounds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let Some(range) = Range::of_all(bounds) else {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("No version of `{package}` can satisfy all of {shown}"),
                )
                .at(at.clone())
                .help("Packages that need it ask for different versions: loosen one of them."),
            ));
        };
        let wants_prerelease = prerelease || bounds.iter().any(Version::is_prerelease);
        let Installable { found, unfit } =
            self.installable(package, wants_prerelease, version_check)?;
        let best = found.iter().rfind(|(version, _)| range.contains(version));
        match best {
            Some((_, version)) => Ok(version.clone()),
            None => {
                let known: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
                let mut error = Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("Could not find a version of `{package}` within {range}"),
                )
                .at(at.clone())
                .help(format!("Versions that there are: {}.", known.join(", ")));
                if !unfit.is_empty() {
                    error = error.help(format!(
                        "Not for dbt {DBT_VERSION}: {}. --no-version-check takes them.",
                        unfit.join(", ")
                    ));
                }
                Err(Box::new(error))
            }
        }
    }

    /// The versions that may be installed, the oldest first, and those that are not for this dbt.
    fn installable(
        &mut self,
        package: &str,
        prerelease: bool,
        version_check: bool,
    ) -> Result<Installable> {
        let (mut found, mut unfit) = (Vec::new(), Vec::new());
        for (text, about) in self.versions(package)? {
            let Some(version) = Version::read(text) else { continue };
            if version.is_prerelease() && !prerelease {
                continue;
            }
            if version_check && !works_here(about) {
                unfit.push(text.clone());
                continue;
            }
            found.push((version, text.clone()));
        }
        found.sort_by(|(a, _), (b, _)| a.compare(b));
        Ok(Installable { found, unfit })
    }

    /// The newest version that may be installed.
    pub fn latest(&mut self, package: &str, version_check: bool) -> Result<Option<String>> {
        let found = self.installable(package, false, version_check)?.found;
        Ok(found.into_iter().next_back().map(|(_, text)| text))
    }

    /// Whether the hub was asked about a package in this command.
    pub fn has_answered(&self, package: &str) -> bool {
        self.answers.contains_key(package)
    }
}

/// Whether a version's `require_dbt_version` lets in the dbt that Pintail is compatible with.
fn works_here(about: &Value) -> bool {
    let texts: Vec<&str> = match about.get("require_dbt_version") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let Some(here) = Version::read(DBT_VERSION) else { return true };
    let bounds = texts.into_iter().filter_map(Version::read);
    Range::of_all(&bounds.collect::<Vec<_>>()).is_some_and(|range| range.contains(&here))
}
