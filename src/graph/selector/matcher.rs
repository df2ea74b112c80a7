//! One criterion, made ready to be compared with every node: what each selector method means.
//!
//! Values that a method cannot take are refused here, before the first node is looked at.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::Value;

use super::Earlier;
use super::glob::{PathPattern, Pattern, has_wildcard, parts_of};
use super::spec::{Criterion, Method};
use super::state::{Change, Comparison};
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};
use crate::graph::{Graph, Member, NodeIndex, defaults};
use crate::manifest::{Manifest, ResourceType};

/// dbt's kinds that a project of Pintail never holds: valid to ask for, always empty.
const OTHER_KINDS: &[&str] = &["group", "fixture", "function", "doc"];

/// A criterion with its value parsed and its patterns compiled.
pub(super) enum Matcher {
    Fqn(Fqn),
    Paths(HashSet<String>),
    File(Pattern),
    Tag(Pattern),
    Config {
        keys: Vec<String>,
        value: String,
    },
    Source {
        package: Pattern,
        source: Pattern,
        table: Pattern,
    },
    Kind(Option<ResourceType>),
    Package(Pattern),
    Tests {
        generic: bool,
        singular: bool,
        unit: bool,
    },
    UnitTest {
        package: Pattern,
        name: Pattern,
    },
    TestName(Pattern),
    Engine(Pattern),
    Group(Pattern),
    Access(String),
    Named {
        kind: ResourceType,
        package: Pattern,
        name: Pattern,
    },
    /// Models by how their version stands to the latest one; without one: no versions.
    Version(Option<Ordering>),
    /// Those of these places in the graph.
    Ids(HashSet<String>),
}

impl Matcher {
    pub(super) fn new(
        criterion: &Criterion,
        graph: &Graph,
        manifest: &Manifest,
        earlier: Option<&Earlier<'_>>,
    ) -> Result<Matcher> {
        let value = criterion.value.as_str();
        let pattern = || Pattern::new(value);
        Ok(match criterion.method() {
            Method::Fqn => Matcher::Fqn(Fqn::new(value)),
            Method::Path => Matcher::Paths(paths(criterion, graph, manifest)?),
            Method::File => Matcher::File(pattern()),
            Method::Tag => Matcher::Tag(pattern()),
            Method::Config if criterion.arguments.is_empty() => {
                return Err(bad(criterion, "names no config key")
                    .help("Write `config.materialized:table` or `config.meta.owner:sales`.")
                    .into());
            }
            Method::Config => {
                Matcher::Config { keys: criterion.arguments.clone(), value: value.to_owned() }
            }
            Method::Source => {
                let parts: Vec<&str> = value.split('.').collect();
                let (package, source, table) = match parts[..] {
                    [source] => ("*", source, "*"),
                    [source, table] => ("*", source, table),
                    [package, source, table] => (package, source, table),
                    _ => {
                        return Err(bad(criterion, "has too many parts")
                            .help(
                                "Write `source:name`, `source:name.table` or \
                                 `source:package.name.table`.",
                            )
                            .into());
                    }
                };
                Matcher::Source {
                    package: Pattern::new(package),
                    source: Pattern::new(source),
                    table: Pattern::new(table),
                }
            }
            Method::ResourceType => Matcher::Kind(kind(criterion)?),
            Method::Package if value == "this" => {
                Matcher::Package(Pattern::Literal(manifest.project_name.clone()))
            }
            Method::Package => Matcher::Package(pattern()),
            Method::TestType => {
                let (generic, singular, unit) = match value {
                    "generic" | "schema" => (true, false, false),
                    "singular" => (false, true, false),
                    "data" => (true, true, false),
                    "unit" => (false, false, true),
                    _ => {
                        return Err(bad(criterion, "is no type of test")
                            .help("Types are `generic`, `singular`, `data` and `unit`.")
                            .into());
                    }
                };
                Matcher::Tests { generic, singular, unit }
            }
            Method::TestName => Matcher::TestName(pattern()),
            Method::Engine => Matcher::Engine(pattern()),
            Method::Group => Matcher::Group(pattern()),
            Method::Access => Matcher::Access(value.to_owned()),
            Method::Exposure | Method::Metric | Method::SemanticModel | Method::SavedQuery => {
                let parts: Vec<&str> = value.split('.').collect();
                let (package, name) = match parts[..] {
                    [name] => ("*", name),
                    [package, name] => (package, name),
                    _ => {
                        return Err(bad(criterion, "has too many parts")
                            .help("Write `exposure:name` or `exposure:package.name`.")
                            .into());
                    }
                };
                let kind = match criterion.method() {
                    Method::Metric => ResourceType::Metric,
                    Method::SemanticModel => ResourceType::SemanticModel,
                    Method::SavedQuery => ResourceType::SavedQuery,
                    _ => ResourceType::Exposure,
                };
                let (package, name) = (Pattern::new(package), Pattern::new(name));
                Matcher::Named { kind, package, name }
            }
            Method::Version => match value {
                "none" => Matcher::Version(None),
                "latest" => Matcher::Version(Some(Ordering::Equal)),
                "prerelease" => Matcher::Version(Some(Ordering::Greater)),
                "old" => Matcher::Version(Some(Ordering::Less)),
                _ => {
                    return Err(bad(criterion, "is no kind of version")
                        .help("Kinds are `latest`, `prerelease`, `old` and `none`.")
                        .into());
                }
            },
            Method::UnitTest => {
                let parts: Vec<&str> = value.split('.').collect();
                let (package, name) = match parts[..] {
                    [name] => ("*", name),
                    [package, name] => (package, name),
                    _ => {
                        return Err(bad(criterion, "has too many parts")
                            .help("Write `unit_test:name` or `unit_test:package.name`.")
                            .into());
                    }
                };
                Matcher::UnitTest { package: Pattern::new(package), name: Pattern::new(name) }
            }
            Method::State => Matcher::Ids(changed(criterion, graph, earlier)?),
            Method::Result => {
                let results = earlier.and_then(|earlier| earlier.state.results.as_ref());
                let results = results.ok_or_else(|| lacking("No comparison run_results"))?;
                let fits = results.iter().filter(|(_, status)| *status == value);
                Matcher::Ids(fits.map(|(id, _)| id.clone()).collect())
            }
            Method::SourceStatus => Matcher::Ids(fresher(criterion, earlier)?),
        })
    }

    pub(super) fn matches(&self, member: Member<'_>) -> bool {
        let node = member.node();
        match self {
            Matcher::Fqn(fqn) => !matches!(member, Member::Source(_)) && fqn.matches(member.fqn()),
            Matcher::Paths(paths) => {
                let path = normal(member.original_file_path());
                paths.contains(path.as_ref())
                    || member.patch_file().is_some_and(|file| paths.contains(normal(file).as_ref()))
                    || folders(&path).any(|folder| paths.contains(folder))
            }
            Matcher::File(pattern) => {
                let path = member.original_file_path();
                let name = path.rsplit('/').next().unwrap_or(path);
                let stem = match name.rsplit_once('.') {
                    Some((stem, _)) if !stem.is_empty() => stem,
                    _ => name,
                };
                pattern.matches(name) || pattern.matches(stem)
            }
            Matcher::Tag(pattern) => member.tags().iter().any(|tag| pattern.matches(tag)),
            Matcher::Config { keys, value } => config_matches(member, keys, value),
            Matcher::Source { package, source, table } => match member {
                Member::Source(one) => {
                    package.matches(&one.package_name)
                        && source.matches(&one.source_name)
                        && table.matches(&one.name)
                }
                _ => false,
            },
            Matcher::Kind(kind) => *kind == Some(member.resource_type()),
            Matcher::Package(pattern) => pattern.matches(member.package_name()),
            Matcher::Tests { generic, singular, unit } => {
                node.is_some_and(|node| match node.resource_type {
                    ResourceType::Test if node.test_metadata.is_some() => *generic,
                    ResourceType::Test => *singular,
                    ResourceType::UnitTest => *unit,
                    _ => false,
                })
            }
            Matcher::UnitTest { package, name } => node.is_some_and(|node| {
                node.resource_type == ResourceType::UnitTest
                    && package.matches(&node.package_name)
                    && name.matches(&node.name)
            }),
            Matcher::TestName(pattern) => node.is_some_and(|node| match &node.test_metadata {
                Some(test) => pattern.matches(&test.name),
                None => node.resource_type == ResourceType::UnitTest && pattern.matches(&node.name),
            }),
            Matcher::Engine(pattern) => member.engine().is_some_and(|name| pattern.matches(name)),
            // dbt compares with the config: a test has its model's group, but no such config.
            Matcher::Group(pattern) => node.is_some_and(|node| {
                let group = match node.resource_type {
                    ResourceType::Test => node.config.text("group"),
                    _ => node.group.as_deref(),
                };
                group.is_some_and(|group| pattern.matches(group))
            }),
            Matcher::Access(access) => node.is_some_and(|node| {
                node.resource_type == ResourceType::Model && node.access.as_str() == access
            }),
            Matcher::Named { kind, package, name } => {
                *kind == member.resource_type()
                    && package.matches(member.package_name())
                    && name.matches(member.name())
            }
            Matcher::Version(wanted) => node.is_some_and(|node| {
                let facts = node.facts.as_ref();
                node.resource_type == ResourceType::Model
                    && facts.and_then(|facts| facts.against_latest()) == *wanted
            }),
            Matcher::Ids(ids) => ids.contains(&**member.unique_id()),
        }
    }
}

/// A dotted name, compared with a node's `fqn` with and without its package.
pub(super) struct Fqn {
    whole: Pattern,
    raw: String,
    parts: Vec<String>,
    /// The first part that has a wildcard, and the pattern from there on.
    wild: Option<(usize, Pattern)>,
}

impl Fqn {
    fn new(raw: &str) -> Fqn {
        let parts: Vec<String> = raw.split('.').map(str::to_owned).collect();
        let wild = parts.iter().position(|part| has_wildcard(part));
        let wild = wild.map(|at| (at, Pattern::new(&parts[at..].join("."))));
        Fqn { whole: Pattern::new(raw), raw: raw.to_owned(), parts, wild }
    }

    fn matches(&self, fqn: &[String]) -> bool {
        matches!(self.whole, Pattern::Everything)
            || self.matches_from(fqn)
            || fqn.split_first().is_some_and(|(_, unscoped)| self.matches_from(unscoped))
    }

    /// `is_selected_node` of dbt. Dots in names count as further levels.
    fn matches_from(&self, fqn: &[String]) -> bool {
        let Some(leaf) = fqn.last() else { return false };
        if *leaf == self.raw {
            return true;
        }
        let flat = || fqn.iter().flat_map(|part| part.split('.'));
        let plain = self.wild.as_ref().map_or(self.parts.len(), |(at, _)| *at);
        let mut levels = flat();
        for part in &self.parts[..plain] {
            if levels.next() != Some(part.as_str()) {
                return false;
            }
        }
        let Some((at, pattern)) = &self.wild else { return true };
        if flat().count() < self.parts.len() {
            return false;
        }
        let rest: Vec<&str> = flat().skip(*at).collect();
        pattern.matches(&rest.join(".")) || (self.parts.len() == 1 && self.whole.matches(leaf))
    }
}

/// The files and folders of the root project that a path selector names. A package's node is
/// compared with the same set, as dbt does by looking at the root project's disk.
fn paths(criterion: &Criterion, graph: &Graph, manifest: &Manifest) -> Result<HashSet<String>> {
    let value = criterion.value.as_str();
    if value.starts_with('/') {
        return Err(bad(criterion, "is an absolute path")
            .help("Write the path relative to the project's folder, such as `models/staging`.")
            .into());
    }
    let pattern = PathPattern::new(value);
    let mut files: HashSet<String> = HashSet::new();
    for at in 0..graph.len() {
        let member = graph.member(manifest, NodeIndex::new(at));
        if member.package_name() != manifest.project_name {
            continue;
        }
        for file in [Some(member.original_file_path()), member.patch_file()].into_iter().flatten() {
            let file = normal(file);
            if !files.contains(file.as_ref()) {
                files.insert(file.into_owned());
            }
        }
    }
    let folders: HashSet<&str> = files.iter().flat_map(|file| folders(file)).collect();
    let mut found: HashSet<String> = folders
        .into_iter()
        .filter(|folder| pattern.matches(folder, true))
        .map(str::to_owned)
        .collect();
    files.retain(|file| pattern.matches(file, false));
    found.extend(files);
    Ok(found)
}

/// A path without `.` and doubled slashes.
fn normal(path: &str) -> std::borrow::Cow<'_, str> {
    if path.starts_with("./") || path.contains("/./") || path.contains("//") {
        parts_of(path).collect::<Vec<_>>().join("/").into()
    } else {
        path.into()
    }
}

/// The folders that a file lies in, the nearest first, without the project's own.
fn folders(path: &str) -> impl Iterator<Item = &str> {
    let up = |path: &str| path.rfind('/');
    std::iter::successors(up(path).map(|at| &path[..at]), move |folder| {
        up(folder).map(|at| &folder[..at])
    })
}

fn kind(criterion: &Criterion) -> Result<Option<ResourceType>> {
    let known = [
        ResourceType::Model,
        ResourceType::Seed,
        ResourceType::Snapshot,
        ResourceType::Test,
        ResourceType::UnitTest,
        ResourceType::Analysis,
        ResourceType::Operation,
        ResourceType::Source,
        ResourceType::Exposure,
        ResourceType::Macro,
        ResourceType::Metric,
        ResourceType::SemanticModel,
        ResourceType::SavedQuery,
        ResourceType::Function,
    ];
    let value = criterion.value.as_str();
    if let Some(kind) = known.into_iter().find(|kind| kind.as_str() == value) {
        return Ok(Some(kind));
    }
    if OTHER_KINDS.contains(&value) {
        return Ok(None);
    }
    let mut error = bad(criterion, "is no resource type");
    error.help.extend(did_you_mean(value, known.map(ResourceType::as_str)));
    Err(error
        .help("Types are `model`, `seed`, `snapshot`, `test`, `source` and `exposure`.")
        .into())
}

fn config_matches(member: Member<'_>, keys: &[String], wanted: &str) -> bool {
    if matches!(member, Member::Exposure(_)) {
        return false;
    }
    let Some((first, rest)) = keys.split_first() else { return false };
    let Some(value) = defaults::config_value(member, first) else { return false };
    let mut value = value.as_ref();
    for key in rest {
        match value.get(key) {
            Some(inner) => value = inner,
            None => return false,
        }
    }
    let any_case = first == "severity" && rest.is_empty();
    let same = |value: &Value| match value {
        Value::String(text) if any_case => text.eq_ignore_ascii_case(wanted),
        Value::String(text) => text == wanted,
        Value::Bool(flag) => wanted.eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
        // dbt never matches a number; here `config.lookback:1` does.
        Value::Number(number) => number.to_string() == wanted,
        _ => false,
    };
    match value {
        Value::Array(many) => many.iter().any(same),
        one => same(one),
    }
}

/// The nodes that `state:` names.
fn changed(
    criterion: &Criterion,
    graph: &Graph,
    earlier: Option<&Earlier<'_>>,
) -> Result<HashSet<String>> {
    let old = earlier.and_then(|earlier| earlier.state.manifest.as_ref().zip(Some(earlier)));
    let Some((old, earlier)) = old else {
        return Err(lacking("Got a state selector method, but no comparison manifest"));
    };
    let value = criterion.value.as_str();
    let Some((_, change)) = Change::ALL.iter().find(|(name, _)| *name == value) else {
        let known: Vec<&str> = Change::ALL.iter().map(|(name, _)| *name).collect();
        let help = format!("Write one of {}.", known.join(", "));
        return Err(Box::new(bad(criterion, "is no comparison of states").help(help)));
    };
    let present = earlier.present.as_ref().ok_or_else(|| lacking("No present manifest"))?;
    let comparison = Comparison::new(old, present, earlier.strictness);
    let mut warnings = earlier.warnings.borrow_mut();
    let mut found = HashSet::new();
    for at in 0..graph.len() {
        let id = graph.unique_id(NodeIndex::new(at));
        if comparison.fits(id, *change, &mut warnings)? {
            found.insert(id.to_string());
        }
    }
    if matches!(change, Change::Modified | Change::Unmodified | Change::Contract) {
        comparison.gone(&mut warnings)?;
    }
    // A model is compared once for each parent of a selection that names it.
    let mut said = HashSet::new();
    warnings.retain(|warning| said.insert(warning.message.clone()));
    Ok(found)
}

/// The sources that `source_status:` names: loaded since the earlier look, or new.
fn fresher(criterion: &Criterion, earlier: Option<&Earlier<'_>>) -> Result<HashSet<String>> {
    let state = earlier.map(|earlier| earlier.state);
    let before = state
        .and_then(|state| state.sources.as_ref())
        .ok_or_else(|| lacking("No previous state comparison freshness results in sources.json"))?;
    let now = state
        .and_then(|state| state.sources_now.as_ref())
        .ok_or_else(|| lacking("No current state comparison freshness results in sources.json"))?;
    if criterion.value != "fresher" {
        return Ok(HashSet::new());
    }
    let is_fresher = |(id, at): &(&String, &String)| before.get(*id).is_none_or(|old| *at > old);
    Ok(now.iter().filter(is_fresher).map(|(id, _)| id.clone()).collect())
}

fn lacking(what: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::NO_STATE, what)
            .help("Name the folder of an earlier run's artifacts with --state."),
    )
}

fn bad(criterion: &Criterion, what: &str) -> Diagnostic {
    let message = format!("`{}` in the selector `{criterion}` {what}", criterion.value);
    Diagnostic::error(Code::BAD_SELECTOR, message)
}
