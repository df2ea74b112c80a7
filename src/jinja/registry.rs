//! Every macro of the project, its packages and Pintail itself, found by dbt's rules.
//!
//! Holds text and arguments only. A macro's template is made at its first call, by `dialect`;
//! macros that nobody calls cost no more than the scan that found them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;
use rayon::prelude::*;
use rust_embed::RustEmbed;

use super::blocks::{Block, BlockKind, split_blocks};
use super::error::syntax_error;
use super::rewrite::{rewrite, syntax};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location, Result, SourceFile};
use crate::manifest::{ById, FastHash, Macro, MacroArgument, UniqueId};

/// The package of the built-in macros.
pub const BUILT_IN: &str = "dbt";

/// The folder that built-in macros are shown in.
pub const BUILT_IN_PATH: &str = "<pintail>";

#[derive(RustEmbed)]
#[folder = "src/macros"]
#[include = "*.sql"]
#[include = "**/*.sql"]
struct BuiltIns;

/// A macro as the dialect calls it.
#[derive(Debug)]
pub struct MacroDef {
    pub name: String,
    pub package: Arc<str>,
    pub unique_id: UniqueId,
    pub file: Arc<SourceFile>,
    /// The path of the file within its package.
    pub path: Arc<str>,
    /// The whole block.
    pub span: Range<usize>,
    pub body: Range<usize>,
    pub arguments: Vec<Argument>,
}

impl MacroDef {
    /// Whether it is Pintail's own.
    pub fn is_built_in(&self) -> bool {
        &*self.package == BUILT_IN
    }

    /// The languages of the models that a materialization takes: SQL where it says nothing.
    pub fn languages(&self) -> Vec<&str> {
        let header = &self.file.text[self.span.start..self.body.start];
        let Some((_, list)) = header.split_once("supported_languages") else {
            return vec!["sql"];
        };
        let list = list.split(']').next().unwrap_or_default();
        // What stands between quotes is every second part.
        list.split(['\'', '"']).skip(1).step_by(2).collect()
    }
}

/// An argument of a macro.
#[derive(Debug, PartialEq)]
pub struct Argument {
    pub name: Arc<str>,
    /// The text of the default value, evaluated at each call that needs it.
    pub default: Option<String>,
}

/// All macros; immutable once built.
#[derive(Debug, Default)]
pub struct MacroRegistry {
    root: String,
    /// Whether macros are listed with the arguments that their tags name: `validate_macro_args`.
    lists_arguments: bool,
    macros: ById<Arc<MacroDef>>,
    /// Package → name → macro.
    packages: HashMap<Arc<str>, HashMap<String, Arc<MacroDef>, FastHash>, FastHash>,
    /// Namespace → packages to look in, from `dispatch:`.
    dispatch: IndexMap<String, Vec<String>>,
    by_name: HashMap<String, Vec<Arc<MacroDef>>, FastHash>,
}

/// A macro of a file; of a materialization with its adapter.
type Added = (Arc<MacroDef>, Option<String>);

/// Collects macros file by file.
#[derive(Debug, Default)]
pub struct RegistryBuilder {
    registry: MacroRegistry,
}

impl MacroRegistry {
    /// A builder that already knows the built-in macros.
    pub fn builder(root_project: &str) -> RegistryBuilder {
        let mut builder = RegistryBuilder::default();
        root_project.clone_into(&mut builder.registry.root);
        let package: Arc<str> = BUILT_IN.into();
        for path in BuiltIns::iter() {
            let Some(found) = BuiltIns::get(&path) else { continue };
            let text = String::from_utf8_lossy(&found.data).into_owned();
            let path = format!("macros/{path}");
            let file = SourceFile::new(format!("{BUILT_IN_PATH}/{path}"), text);
            // Every build is tested; a fault here is found by the first test.
            let _blocks = builder.add_blocks(&package, &file, &path);
        }
        builder
    }

    /// The macro that an unqualified name means in a node of a package: the package's own, the
    /// root project's, the built-in one.
    pub fn find(&self, name: &str, package: &str) -> Option<&Arc<MacroDef>> {
        self.find_exactly(name, package).or_else(|| self.in_common(name))
    }

    fn find_exactly(&self, name: &str, package: &str) -> Option<&Arc<MacroDef>> {
        let candidates = self.by_name.get(name)?;
        let of = |package: &str| candidates.iter().find(|found| &*found.package == package);
        let own = if package == BUILT_IN { None } else { of(package) };
        own.or_else(|| of(&self.root)).or_else(|| of(BUILT_IN))
    }

    /// The macro that dbt takes a name for before anything is rendered: the package's own, the root
    /// project's, one of any package, the built-in one.
    pub fn find_anywhere(&self, name: &str, package: &str) -> Option<&Arc<MacroDef>> {
        let own = self.find_in(package, name);
        own.or_else(|| self.find_in(&self.root, name)).or_else(|| {
            let candidates = self.by_name.get(name)?;
            let foreign = candidates.iter().rev().find(|found| &*found.package != BUILT_IN);
            foreign.or_else(|| candidates.first())
        })
    }

    /// Whether the project or any package has a macro of this name.
    pub fn has_own(&self, name: &str) -> bool {
        self.by_name
            .get(name)
            .is_some_and(|found| found.iter().any(|found| &*found.package != BUILT_IN))
    }

    /// The block that a materialization's name means for an adapter. One for the adapter comes
    /// before one for all of them; among those, the project's own before a package's before the
    /// built-in one. A package's does not take the place of a built-in one, unless the flag
    /// `legacy` allows that.
    pub fn materialization(
        &self,
        name: &str,
        adapter: &str,
        legacy: bool,
    ) -> Option<&Arc<MacroDef>> {
        let levels = [adapter, "default"].map(|adapter| {
            let found = self.by_name.get(&format!("materialization_{name}_{adapter}"));
            found.map(Vec::as_slice).unwrap_or_default()
        });
        let known = levels.iter().any(|level| level.iter().any(|found| found.is_built_in()));
        levels.iter().find_map(|level| {
            let own = level.iter().find(|found| *found.package == self.root);
            let imported = level.iter().find(|found| !found.is_built_in());
            own.or(imported.filter(|_| !known || legacy))
                .or_else(|| level.iter().find(|found| found.is_built_in()))
        })
    }

    /// The macro `package.name`. dbt's adapter packages are part of the built-in one.
    pub fn find_in(&self, package: &str, name: &str) -> Option<&Arc<MacroDef>> {
        let package = match package {
            "dbt_duckdb" | "dbt_postgres" => BUILT_IN,
            other => other,
        };
        let found = self.packages.get(package)?.get(name);
        found.or_else(|| self.in_common(name).filter(|_| package == BUILT_IN))
    }

    /// The default macro for the name of one engine's: what both engines have in common stands once
    /// here, where dbt's adapters each have their own.
    fn in_common(&self, name: &str) -> Option<&Arc<MacroDef>> {
        let rest = name.strip_prefix("postgres__").or_else(|| name.strip_prefix("duckdb__"))?;
        self.packages.get(BUILT_IN)?.get(&format!("default__{rest}"))
    }

    /// Whether a package has macros.
    pub fn has_package(&self, package: &str) -> bool {
        matches!(package, "dbt_duckdb" | "dbt_postgres") || self.packages.contains_key(package)
    }

    /// What `adapter.dispatch(name, namespace)` means for an adapter.
    ///
    /// # Errors
    /// The list of names that were tried.
    pub fn dispatch(
        &self,
        name: &str,
        namespace: Option<&str>,
        adapter: &str,
        package: &str,
    ) -> Result<&Arc<MacroDef>, Vec<String>> {
        let names = [format!("{adapter}__{name}"), format!("default__{name}")];
        let namespace = namespace.filter(|namespace| self.is_namespace(namespace));
        let configured = namespace.and_then(|namespace| self.dispatch.get(namespace));
        let places: Vec<&str> = match (configured, namespace) {
            (Some(order), _) => order.iter().map(String::as_str).collect(),
            (None, Some(namespace)) => vec![&self.root, namespace],
            (None, None) => {
                let found = names.iter().find_map(|name| self.find_exactly(name, package));
                return found.ok_or_else(|| names.to_vec());
            }
        };
        let in_place = |place| names.iter().find_map(move |name| self.find_in(place, name));
        places.iter().copied().find_map(in_place).ok_or_else(|| {
            let tried = |place| names.iter().map(move |name| format!("{place}.{name}"));
            places.iter().flat_map(tried).collect()
        })
    }

    /// Where `dispatch:` has macros of a namespace looked for, if it says so.
    pub fn search_order(&self, namespace: &str) -> Option<&[String]> {
        self.dispatch.get(namespace).map(Vec::as_slice)
    }

    /// Whether macros are dispatched within a namespace: a package, or what `dispatch:` names. Any
    /// other word is as good as none.
    pub fn is_namespace(&self, name: &str) -> bool {
        self.dispatch.contains_key(name) || self.has_package(name)
    }

    /// Whether a name, called plainly or dispatched, can only mean what is built in.
    pub fn is_only_built_in(&self, name: &str, adapter: &str) -> bool {
        let names = [name.to_owned(), format!("{adapter}__{name}"), format!("default__{name}")];
        let found = names.iter().filter_map(|name| self.by_name.get(name)).flatten();
        found.into_iter().all(|found| &*found.package == BUILT_IN)
    }

    /// A macro by id.
    pub fn get(&self, unique_id: &str) -> Option<&Arc<MacroDef>> {
        self.macros.get(unique_id)
    }

    /// The names of all macros that can be called by a plain name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The names of the packages that have macros.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.packages.keys().map(|name| &**name)
    }

    /// The names of the macros of a package.
    pub fn names_in(&self, package: &str) -> impl Iterator<Item = &str> {
        self.packages.get(package).into_iter().flat_map(|found| found.keys().map(String::as_str))
    }

    /// The macros that a macro calls, read from its text: dbt's `depends_on` of macros.
    pub fn called_by(&self, adapter: &str, a_macro: &Macro) -> Vec<UniqueId> {
        super::calls::called_by(self, adapter, a_macro)
    }

    /// The built-in macros as the manifest lists them.
    pub fn built_in(&self) -> Vec<Arc<Macro>> {
        let all = self.macros.values().filter(|found| &*found.package == BUILT_IN);
        all.map(|found| Arc::new(self.listed(found, None))).collect()
    }

    /// A macro as the manifest lists it, before its properties are known.
    fn listed(&self, found: &MacroDef, adapter: Option<String>) -> Macro {
        let names = found.arguments.iter().filter(|_| self.lists_arguments);
        let named =
            |one: &Argument| MacroArgument { name: one.name.to_string(), ..Default::default() };
        Macro {
            docs: serde_json::Map::new(),
            unique_id: found.unique_id.clone(),
            name: found.name.clone(),
            package_name: shown_package(&found.package, &found.name).to_owned(),
            path: found.path.to_string(),
            original_file_path: found.path.to_string(),
            macro_sql: found.file.text[found.span.clone()].to_owned(),
            description: String::new(),
            meta: IndexMap::new(),
            patch_path: None,
            arguments: names.map(named).collect(),
            supported_adapter: adapter,
        }
    }

    /// Parses every macro of a package.
    ///
    /// # Errors
    /// Every syntax error, at its place.
    pub fn check_all(&self, package: &str) -> Result<(), Diagnostics> {
        let Some(macros) = self.packages.get(package) else { return Ok(()) };
        let macros: Vec<&Arc<MacroDef>> = macros.values().collect();
        let mut errors: Vec<Diagnostic> = macros
            .into_par_iter()
            .filter_map(|found| check_syntax(&found.file, found.body.clone()).err().map(|e| *e))
            .collect();
        errors.sort_by_key(|error| format!("{error}"));
        if errors.is_empty() { Ok(()) } else { Err(Diagnostics(errors)) }
    }
}

/// Parses a part of a file without rendering it.
fn check_syntax(file: &Arc<SourceFile>, span: Range<usize>) -> Result<()> {
    let text = &file.text[span.clone()];
    let parsed = rewrite(text).map_err(|error| (error, None)).and_then(|rewritten| {
        minijinja::machinery::parse(&rewritten.text, "macro", syntax())
            .map(|_| ())
            .map_err(|error| (error, Some(rewritten.map)))
    });
    parsed.map_err(|(error, map)| Box::new(syntax_error(&error, file, span.start, map.as_ref())))
}

impl RegistryBuilder {
    /// Takes over `dispatch:` of dbt_project.yml.
    pub fn dispatch(&mut self, dispatch: IndexMap<String, Vec<String>>) {
        self.registry.dispatch = dispatch;
    }

    /// Lists macros with the arguments that their tags name.
    pub fn list_arguments(&mut self) {
        self.registry.lists_arguments = true;
    }

    /// Adds the macros, generic tests and materializations of a file.
    ///
    /// # Errors
    /// Blocks that do not parse, two macros of one name in a package.
    pub fn add_file(
        &mut self,
        package: &Arc<str>,
        file: &Arc<SourceFile>,
        original_file_path: &str,
    ) -> Result<Vec<Arc<Macro>>, Diagnostics> {
        let added = self.add_blocks(package, file, original_file_path)?;
        let listed = |(found, adapter): Added| Arc::new(self.registry.listed(&found, adapter));
        Ok(added.into_iter().map(listed).collect())
    }

    fn add_blocks(
        &mut self,
        package: &Arc<str>,
        file: &Arc<SourceFile>,
        path: &str,
    ) -> Result<Vec<Added>, Diagnostics> {
        let mut added = Vec::new();
        let path: Arc<str> = path.into();
        for block in split_blocks(file)? {
            let Block { kind, span, body, arguments } = block;
            let (name, adapter) = match kind {
                BlockKind::Macro { name } => (name, None),
                BlockKind::Test { name } => (format!("test_{name}"), None),
                BlockKind::Materialization { name, adapter } => {
                    (format!("materialization_{name}_{adapter}"), Some(adapter))
                }
                BlockKind::Snapshot { .. } | BlockKind::Docs { .. } => continue,
            };
            let arguments = match (&adapter, arguments) {
                // A materialization's arguments are its settings, not parameters.
                (Some(_), _) | (None, None) => Vec::new(),
                (None, Some(range)) => split_arguments(&file.text[range]),
            };
            let def = Arc::new(MacroDef {
                unique_id: format!("macro.{}.{name}", shown_package(package, &name)).into(),
                package: package.clone(),
                file: file.clone(),
                path: path.clone(),
                span,
                body,
                arguments,
                name,
            });
            self.add(def.clone())?;
            added.push((def, adapter));
        }
        Ok(added)
    }

    fn add(&mut self, def: Arc<MacroDef>) -> Result<(), Diagnostics> {
        let registry = &mut self.registry;
        let package = registry.packages.entry(def.package.clone()).or_default();
        if let Some(first) = package.get(&def.name) {
            let error = Diagnostic::error(
                Code::DUPLICATE_MACRO,
                format!("There are two macros `{}` in the package `{}`", def.name, def.package),
            )
            .at(Location::new(def.file.clone(), def.span.clone()))
            .related("the other one", Location::new(first.file.clone(), first.span.clone()))
            .note(format!("dbt found multiple macros named \"{}\" in the project", def.name))
            .help("Rename one of them.");
            return Err(error.into());
        }
        package.insert(def.name.clone(), def.clone());
        registry.by_name.entry(def.name.clone()).or_default().push(def.clone());
        registry.macros.insert(def.unique_id.clone(), def);
        Ok(())
    }

    /// Ends the collecting.
    pub fn build(self) -> MacroRegistry {
        self.registry
    }
}

/// Macros of dbt-duckdb's whose names do not say so.
const OF_DUCKDB: &[&str] = &[
    "drop_indexes_on_relation",
    "external_location",
    "get_column_names",
    "location_exists",
    "merge_clause_defaults",
    "normalize_incremental_predicates",
    "py_write_table",
    "register_upstream_external_models",
    "render_write_options",
    "store_relation",
    "validate_dict_field",
    "validate_ducklake_restrictions",
    "validate_merge_clause_list",
    "validate_merge_clauses",
    "validate_merge_config",
    "validate_string_field",
    "validate_string_list_field",
    "write_to_file",
];

/// dbt keeps what is for one database in a package of its adapter's.
fn shown_package<'a>(package: &'a str, name: &str) -> &'a str {
    if package != BUILT_IN {
        package
    } else if name.starts_with("duckdb_") || name.ends_with("_duckdb") || OF_DUCKDB.contains(&name)
    {
        "dbt_duckdb"
    } else if name.starts_with("postgres_") || name.ends_with("_postgres") {
        "dbt_postgres"
    } else {
        package
    }
}

/// `a, b=[1, 2], c='x'` → names and the texts of their defaults.
pub(super) fn split_arguments(text: &str) -> Vec<Argument> {
    let mut parts = Vec::new();
    let (mut depth, mut start, mut quote) = (0usize, 0, None);
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => match c {
                '\'' | '"' => quote = Some(c),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    parts.push(&text[start..at]);
                    start = at + 1;
                }
                _ => {}
            },
        }
    }
    parts.push(&text[start..]);
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once('=') {
            Some((name, default)) => {
                Argument { name: name.trim().into(), default: Some(default.trim().to_owned()) }
            }
            None => Argument { name: part.into(), default: None },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_with_defaults_of_any_shape() {
        let arguments = split_arguments("a, b=[1, 2], c='x,=y', d={'k': (1, 2)}");
        let shown: Vec<_> = arguments.iter().map(|a| (&*a.name, a.default.as_deref())).collect();
        assert_eq!(
            shown,
            vec![
                ("a", None),
                ("b", Some("[1, 2]")),
                ("c", Some("'x,=y'")),
                ("d", Some("{'k': (1, 2)}")),
            ]
        );
    }

    #[test]
    fn every_built_in_macro_parses() {
        let registry = MacroRegistry::builder("root").build();
        assert!(registry.packages.contains_key(BUILT_IN));
        registry.check_all(BUILT_IN).expect("the built-in macros parse");
    }
}
