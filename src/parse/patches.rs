//! Which entry of the properties files describes which file: by section and name, the package's own
//! entry first. What an entry says is read in `properties.rs`; nothing is applied here.

use std::collections::{HashMap, HashSet};

use super::properties::{NodeProperties, PropertiesFile};
use super::{config_levels, sql_files};
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};
use crate::load::{FileKind, LoadedFile};
use crate::manifest::{FastHash, Manifest, ResourceType};

/// The kinds of properties that describe a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Section {
    Models,
    Seeds,
    Snapshots,
    Analyses,
    DataTests,
    Functions,
}

impl Section {
    /// What kind of file it describes.
    fn file_kind(self) -> FileKind {
        match self {
            Section::Models => FileKind::Model,
            Section::Seeds => FileKind::Seed,
            Section::Snapshots => FileKind::Snapshot,
            Section::Analyses => FileKind::Analysis,
            Section::DataTests => FileKind::Test,
            Section::Functions => FileKind::Function,
        }
    }

    /// The kind of node that it describes.
    fn resource_type(self) -> Option<ResourceType> {
        match self {
            Section::Models => Some(ResourceType::Model),
            Section::Seeds => Some(ResourceType::Seed),
            Section::Snapshots => Some(ResourceType::Snapshot),
            Section::Analyses => Some(ResourceType::Analysis),
            Section::Functions => Some(ResourceType::Function),
            // Singular tests have no twins: their names are unique.
            Section::DataTests => None,
        }
    }

    /// The key of properties files.
    fn key(self) -> &'static str {
        match self {
            Section::Models => "models",
            Section::Seeds => "seeds",
            Section::Snapshots => "snapshots",
            Section::Analyses => "analyses",
            Section::DataTests => "data_tests",
            Section::Functions => "functions",
        }
    }

    /// What people call such a node.
    fn what(self) -> &'static str {
        match self {
            Section::Models => "model",
            Section::Seeds => "seed",
            Section::Snapshots => "snapshot",
            Section::Analyses => "analysis",
            Section::DataTests => "data test",
            Section::Functions => "function",
        }
    }
}

/// Which properties describe which node.
pub(super) struct Patches<'a> {
    /// By kind and the name of the file; entries of several packages may share a name.
    by_name: HashMap<(Section, &'a str), Vec<Entry<'a>>, FastHash>,
    all: &'a [LoadedFile],
    config: &'a Config,
}

pub(super) type Entry<'a> = (&'a NodeProperties, &'a LoadedFile);

impl<'a> Patches<'a> {
    pub(super) fn new(
        files: &'a [(&'a LoadedFile, PropertiesFile)],
        all: &'a [LoadedFile],
        config: &'a Config,
        errors: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut by_name: HashMap<_, Vec<Entry>, FastHash> = HashMap::default();
        for (file, found) in files {
            let sections = [
                (Section::Models, &found.models),
                (Section::Seeds, &found.seeds),
                (Section::Snapshots, &found.snapshots),
                (Section::Analyses, &found.analyses),
                (Section::DataTests, &found.data_tests),
                (Section::Functions, &found.functions),
            ];
            for (section, list) in sections {
                for properties in list.iter().flat_map(NodeProperties::each_version) {
                    let name = file_of(properties, &file.package, all);
                    let entries = by_name.entry((section, name)).or_default();
                    let mut others = entries.iter();
                    if let Some((first, _)) = others.find(|(_, of)| of.package == file.package) {
                        errors.push(twice(first, properties));
                    }
                    entries.push((properties, file));
                }
            }
        }
        let patches = Patches { by_name, all, config };
        errors.extend(patches.of_several_packages());
        patches
    }

    /// Entries for one file in several packages. One for a file of another package describes that,
    /// where its own has none; so there may be no second.
    fn of_several_packages(&self) -> Vec<Diagnostic> {
        let mut out: Vec<Diagnostic> = Vec::new();
        for ((section, name), entries) in self.by_name.iter().filter(|(_, all)| all.len() > 1) {
            let kind = section.file_kind();
            let is_it = |file: &&LoadedFile| {
                file.kind == kind
                    && sql_files::file_stem(&file.path) == *name
                    && self.is_enabled(*section, file, name)
            };
            let files: Vec<&LoadedFile> = self.all.iter().filter(is_it).collect();
            let Some(described) = files.first().map(|file| &file.package) else { continue };
            let has_own = |of: &LoadedFile| files.iter().any(|file| file.package == of.package);
            let mut about =
                entries.iter().filter(|(_, of)| of.package == *described || !has_own(of));
            if let Some((first, file)) = about.next() {
                // Two of one package were told of already.
                let others = about.filter(|(_, of)| of.package != file.package);
                out.extend(others.map(|(other, _)| twice(first, other)));
            }
        }
        out.sort_by_key(ToString::to_string);
        out
    }

    /// What describes a file of a package: an entry of its own package, else one of another that
    /// has no such file itself, or one that is disabled in dbt_project.yml.
    pub(super) fn get(&self, section: Section, package: &str, name: &str) -> Option<Entry<'a>> {
        let entries = self.by_name.get(&(section, name))?;
        let own = entries.iter().find(|(_, file)| &*file.package == package);
        let kind = section.file_kind();
        let is_free = |entry: &&Entry| {
            let mut files = files_of(self.all, kind, &entry.1.package, name);
            !files.any(|file| self.is_enabled(section, file, name))
        };
        own.or_else(|| entries.iter().find(is_free)).copied()
    }

    /// Whether dbt_project.yml leaves a file enabled.
    fn is_enabled(&self, section: Section, file: &LoadedFile, name: &str) -> bool {
        let Some(kind) = section.resource_type() else { return true };
        let fqn = sql_files::fqn(&file.package, &file.path, name);
        let mut config = config_levels::from_own_project(self.config, &file.package, kind, &fqn);
        config_levels::apply_root_project(&mut config, self.config, &file.package, kind, &fqn);
        config.enabled()
    }

    /// Entries that describe nothing: most often a misspelt name.
    pub(super) fn unused(&mut self, manifest: &Manifest) -> Vec<Diagnostic> {
        let names: HashSet<&str, FastHash> = manifest
            .nodes
            .values()
            .map(|node| &**node)
            .chain(&manifest.disabled)
            .flat_map(|node| {
                // A version's file has another name than its node.
                let file = node.facts.is_some().then(|| sql_files::file_stem(&node.path));
                [Some(node.name.as_str()), file]
            })
            .flatten()
            .collect();
        let mut out: Vec<Diagnostic> = Vec::new();
        for ((section, name), entries) in &self.by_name {
            let (false, Some((properties, file))) = (names.contains(name), entries.first()) else {
                continue;
            };
            let what = section.what();
            let mut warning = Diagnostic::warning(
                Code::REF_NOT_FOUND,
                format!("These properties describe no {what}: there is none named `{name}`"),
            )
            .event("NoNodeForYamlKey")
            .at(properties.location.clone())
            .note(format!(
                "Did not find matching node for patch with name '{name}' in the '{}' section of \
                 file '{}'",
                section.key(),
                file.original_file_path
            ));
            if let Some(help) = did_you_mean(name, names.iter().copied()) {
                warning = warning.help(help);
            }
            out.push(warning);
        }
        out.sort_by_key(|warning| format!("{warning}"));
        out
    }
}

/// Which disabled nodes an entry may be about, where several nodes share a name.
type Twins<'a> = HashMap<(ResourceType, &'a str, &'a str), usize, FastHash>;

impl Patches<'_> {
    /// Entries that enable a node of which there are several, all of them disabled: which of them
    /// is meant cannot be told.
    pub(super) fn ambiguous(&self, manifest: &Manifest) -> Vec<Diagnostic> {
        let mut twins: Twins = HashMap::default();
        for node in &manifest.disabled {
            *twins.entry((node.resource_type, &node.package_name, &node.name)).or_default() += 1;
        }
        twins.retain(|_, count| *count > 1);
        if twins.is_empty() {
            return Vec::new();
        }
        for node in manifest.nodes.values() {
            twins.remove(&(node.resource_type, node.package_name.as_str(), node.name.as_str()));
        }
        let mut out = Vec::new();
        for ((section, name), entries) in &self.by_name {
            for (properties, file) in entries {
                let Some(kind) = section.resource_type() else { continue };
                let enables = properties.config.get("enabled").and_then(|v| v.as_bool());
                let found = twins.get(&(kind, &*file.package, name));
                let (Some(count), Some(true)) = (found, enables) else { continue };
                let message = format!(
                    "Found {count} matching disabled nodes for {} '{name}'",
                    section.what()
                );
                out.push(
                    Diagnostic::error(Code::DUPLICATE_NODE, message)
                        .at(properties.location.clone())
                        .help("Enable the one that is meant in its file, or in dbt_project.yml."),
                );
            }
        }
        out.sort_by_key(|error| format!("{error}"));
        out
    }
}

/// The name of the file that an entry describes. The latest version of a model may lie in a file
/// without a version in its name.
fn file_of<'a>(properties: &'a NodeProperties, package: &str, all: &[LoadedFile]) -> &'a str {
    let Some(model) = properties.model.as_ref().filter(|model| !model.file.is_empty()) else {
        return &properties.name;
    };
    let is_there = |name: &str| has_file(all, FileKind::Model, package, name);
    if model.facts.is_latest() && !is_there(&model.file) {
        return &properties.name;
    }
    &model.file
}

/// Whether a package has a file of a kind, by its name without folder and extension.
fn has_file(all: &[LoadedFile], kind: FileKind, package: &str, stem: &str) -> bool {
    files_of(all, kind, package, stem).next().is_some()
}

/// The error for two entries that describe one thing.
fn twice(first: &NodeProperties, second: &NodeProperties) -> Diagnostic {
    Diagnostic::error(Code::DUPLICATE_NODE, format!("`{}` is described twice", second.name))
        .at(second.location.clone())
        .related("first here", first.location.clone())
        .help("Merge the two entries into one.")
}

fn files_of<'a>(
    all: &'a [LoadedFile],
    kind: FileKind,
    package: &str,
    stem: &str,
) -> impl Iterator<Item = &'a LoadedFile> {
    all.iter().filter(move |file| {
        file.kind == kind && &*file.package == package && sql_files::file_stem(&file.path) == stem
    })
}
