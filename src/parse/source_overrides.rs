//! `overrides:` of sources: what a project says anew of a package's source, put in the place of what
//! the package says, before either becomes a manifest entry.
//!
//! Projects without overrides pay one look at each source.

use super::properties::{NodeProperties, PropertiesFile, SourceProperties};
use crate::diagnostic::{Code, Diagnostic};
use crate::load::LoadedFile;

/// Applies every override and takes it out of its own file. Warns about those that meet no source
/// and about the feature, which dbt has deprecated; two of one source are an error.
pub fn apply(
    files: &mut [(&LoadedFile, PropertiesFile)],
    warnings: &mut Vec<Diagnostic>,
    errors: &mut Vec<Diagnostic>,
) {
    let mut overrides: Vec<SourceProperties> = Vec::new();
    for (_, found) in files.iter_mut() {
        if found.sources.iter().any(|source| source.overrides.is_some()) {
            let (over, own) = found
                .sources
                .drain(..)
                .partition(|source: &SourceProperties| source.overrides.is_some());
            found.sources = own;
            let over: Vec<SourceProperties> = over;
            overrides.extend(over);
        }
    }
    for (at, source) in overrides.iter().enumerate() {
        let same = |other: &&SourceProperties| {
            other.name == source.name && other.overrides == source.overrides
        };
        errors.extend(overrides[..at].iter().find(same).map(|first| twice(first, source)));
    }
    for source in overrides {
        let package = source.overrides.clone().unwrap_or_default();
        let target = files
            .iter_mut()
            .filter(|(file, _)| *file.package == *package)
            .flat_map(|(_, found)| &mut found.sources)
            .find(|known| known.name == source.name);
        let mut warning = Diagnostic::warning(
            Code::DEPRECATED,
            format!("`overrides` of the source `{}` is deprecated", source.name),
        )
        .at(source.location.clone())
        .help("dbt has no other way to change a package's source: declare a source of your own.");
        match target {
            Some(target) => {
                warning = warning.event("SourceOverrideDeprecation");
                patch_source(target, source);
            }
            None => {
                warning.message = format!(
                    "These properties override no source: the package `{package}` has no `{}`",
                    source.name
                );
            }
        }
        warnings.push(warning);
    }
}

fn twice(first: &SourceProperties, second: &SourceProperties) -> Diagnostic {
    let package = second.overrides.as_deref().unwrap_or_default();
    let message = format!(
        "dbt found two schema.yml entries for the same source named {} in package {package}",
        second.name
    );
    Diagnostic::error(Code::DUPLICATE_NODE, message)
        .at(second.location.clone())
        .related("the other one", first.location.clone())
        .help("Take it out of one of these files: a source is overridden once.")
}

fn patch_source(target: &mut SourceProperties, patch: SourceProperties) {
    if !patch.description.is_empty() {
        target.description = patch.description;
    }
    if !patch.loader.is_empty() {
        target.loader = patch.loader;
    }
    if patch.database.is_some() {
        (target.database, target.written_database) = (patch.database, patch.written_database);
    }
    if patch.schema.is_some() {
        (target.schema, target.written_schema) = (patch.schema, patch.written_schema);
    }
    target.config.extend(patch.config);
    target.extra.extend(patch.extra);
    target.quoting.extend(patch.quoting);
    for table in patch.tables {
        if let Some(known) = target.tables.iter_mut().find(|known| known.name == table.name) {
            patch_table(known, table);
        }
    }
}

fn patch_table(target: &mut NodeProperties, patch: NodeProperties) {
    if !patch.description.is_empty() {
        target.description = patch.description;
    }
    target.config.extend(patch.config);
    target.extra.extend(patch.extra);
    // A list that is given anew replaces the old one: that of columns with their tests.
    let has_columns = !patch.columns.is_empty();
    let has_tests = patch.tests.iter().any(|test| test.column.is_none());
    target.tests.retain(|test| if test.column.is_some() { !has_columns } else { !has_tests });
    target.tests.extend(patch.tests);
    if has_columns {
        target.columns = patch.columns;
    }
}
