//! dbt_project.yml, profiles.yml, packages.yml, flags and environment → one resolved [`Config`].
//!
//! Reads files of its own accord only here; everything below gets a `Config` and never looks at
//! the environment again, but for `env_var` in templates.

mod alerts;
mod basics;
mod catalogs;
mod duckdb_extras;
mod env_secret;
pub mod event_time;
mod events;
mod flags;
mod flow;
mod packages;
mod profile;
mod project;
mod reader;
mod render;
mod selectors;
mod semver;
mod target;
mod text;
mod warnings;
pub mod yaml;

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::relation::Quoting;

pub use alerts::{Alert, AlertTo, duration};
pub use basics::Basics;
pub use env_secret::{Secrets, is_secret, scrub, scrub_json, secret_elsewhere};
pub use events::{WARNING_OF_TEMPLATE, event_code, event_names};
pub use flags::{
    FLAGS, FlagKind, FlagSpec, FlagValues, behaviour, project_flags, unknown_engine_variables,
    value_of as flag_value,
};
pub use packages::{PackageSource, PackageSpec, PackagesFile};
pub use profile::ProfileChoice;
use project::NamedProfile;
pub use project::{Project, config_section};
pub use reader::{MapReader, misspelt_config, type_error};
pub use render::{YamlRenderer, is_template, missing_env, set_yaml_dialect};
pub use selectors::NamedSelector;
pub use semver::{DBT_VERSION, Range, Version};
pub use target::{
    DuckDbAttach, DuckDbExtension, DuckDbParams, EngineConfig, EngineKind, EngineParams,
    PostgresParams, Secret, Target,
};
pub use text::{decode, read_text, unreadable, without_mark};
pub use warnings::{Verdict, WarnPolicy, is_deprecation};

/// What the command line says, as far as more than one command understands it.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    pub project_dir: Option<PathBuf>,
    pub profiles_dir: Option<PathBuf>,
    pub profile: Option<String>,
    pub target: Option<String>,
    pub target_path: Option<PathBuf>,
    pub threads: Option<usize>,
    /// `--vars`, parsed.
    pub vars: Map<String, Value>,
    /// `--no-version-check`: take packages that ask for another version of dbt.
    pub no_version_check: bool,
    pub full_refresh: bool,
    pub fail_fast: bool,
    /// `--store-failures`
    pub store_failures: bool,
    /// Every flag by dbt's name, with what the environment and the project say.
    pub all: FlagValues,
    /// `--empty`, `--sample` and `--event-time-…`
    pub rows: event_time::RowFlags,
}

/// Everything that was said about how to compile and where to run.
#[derive(Debug)]
pub struct Config {
    pub flags: Flags,
    pub project: Project,
    /// Installed packages, in the order of their names.
    pub packages: Vec<Project>,
    pub target: Target,
    /// selectors.yml
    pub selectors: Vec<NamedSelector>,
    /// The folder that the command was started in; paths are shown relative to it.
    pub started_in: PathBuf,
    /// The folder of the profiles.yml that was read, absolute.
    pub profiles_dir: PathBuf,
    /// Where artifacts and compiled SQL go, absolute.
    pub target_path: PathBuf,
    /// Warnings about the files that were read.
    pub warnings: Vec<Diagnostic>,
}

impl Config {
    /// A folder of Pintail's own in the project, `.pintail/<name>`, made where it can be and kept
    /// out of version control. Where it cannot, whoever writes there finds out.
    pub fn own_folder(&self, name: &str) -> PathBuf {
        let own = self.project.root.join(".pintail");
        let folder = own.join(name);
        let ignore = own.join(".gitignore");
        if std::fs::create_dir_all(&folder).is_ok() && !ignore.exists() {
            let _ = std::fs::write(ignore, "*\n");
        }
        folder
    }

    /// What packages ask of dbt's runtime configuration, under dbt's names.
    pub fn runtime(&self, args: &Map<String, Value>) -> Value {
        let dependency = |package: &Project| {
            let known = json!({
                "project_name": package.name,
                "version": package.version,
                "project_root": package.root.to_string_lossy(),
            });
            (package.name.clone(), known)
        };
        let all = std::iter::once(&self.project).chain(&self.packages);
        let quoting = Quoting::default().with(&self.project.quoting);
        let project = &self.project;
        json!({
            "project_name": self.project.name,
            "version": self.project.version,
            "project_root": self.project.root.to_string_lossy(),
            "profile_name": self.target.profile,
            "target_name": self.target.name,
            "threads": self.target.threads,
            "quoting": {
                "database": quoting.database,
                "schema": quoting.schema,
                "identifier": quoting.identifier,
            },
            "model_paths": project.model_paths,
            "seed_paths": project.seed_paths,
            "test_paths": project.test_paths,
            "macro_paths": project.macro_paths,
            "analysis_paths": project.analysis_paths,
            "snapshot_paths": project.snapshot_paths,
            "target_path": self.project.target_path,
            "packages_install_path": self.project.packages_install_path,
            "dependencies": Value::Object(all.map(dependency).collect()),
            "vars": self.project.vars,
            "cli_vars": self.flags.vars,
            "args": args,
            "flags": self.flags.all.of_project,
        })
    }

    /// Finds and reads the project, its packages and its profile. The working directory becomes
    /// the project's folder, as in dbt: relative paths in SQL and profiles start there.
    ///
    /// # Errors
    /// Any error in those files; the first one found.
    pub fn load(flags: Flags) -> Result<Config> {
        let started_in = std::env::current_dir().map_err(|error| {
            Box::new(
                Diagnostic::error(Code::UNREADABLE, "The working directory is gone")
                    .note(error.to_string())
                    .help("Change to a folder that exists."),
            )
        })?;
        let root = find_root(&flags, &started_in)?;
        let absolute = |path: &Path| started_in.join(path);
        let profiles_dir = flags
            .profiles_dir
            .clone()
            .or_else(|| std::env::var_os("DBT_PROFILES_DIR").map(PathBuf::from))
            .map(|dir| absolute(&dir));
        let named = NamedProfile::read(&root, &shown(&started_in, &root), &flags.vars)?;
        let choice = ProfileChoice {
            profiles_dir: profiles_dir.as_deref(),
            started_in: &started_in,
            project_root: &root,
            profile: flags.profile.as_deref().or(named.name.as_deref()),
            profile_at: named.location.clone().filter(|_| flags.profile.is_none()),
            target: flags.target.as_deref(),
            threads: flags.threads,
            vars: &flags.vars,
        };
        let (target, mut warnings) = profile::read(&choice)?;
        let profiles_dir = profile::find(&choice)?.parent().map(Path::to_path_buf);
        let mut project = Project::read(&root, &shown(&started_in, &root), &flags.vars, &target)?;
        let packages = installed(&started_in, &root, &mut project, &flags, &target)?;
        warnings.append(&mut project.warnings);
        let renderer = YamlRenderer::new(flags.vars.clone(), Some(target.to_json()));
        let command = flags.all.text("which").unwrap_or_default();
        catalogs::check(command, &root, &shown(&started_in, &root), &renderer)?;
        let selectors = selectors::read(&root, &shown(&started_in, &root), &renderer)?;
        let said = flags.target_path.clone();
        let target_path =
            match said.or_else(|| std::env::var_os("DBT_TARGET_PATH").map(PathBuf::from)) {
                Some(path) => {
                    // Artifacts name it as it was given.
                    project.target_path = path.display().to_string();
                    absolute(&path)
                }
                None => root.join(&project.target_path),
            };
        std::env::set_current_dir(&root).map_err(|error| {
            Box::new(
                Diagnostic::error(
                    Code::UNREADABLE,
                    format!("{} cannot be entered", root.display()),
                )
                .note(error.to_string())
                .help("Check the folder's permissions."),
            )
        })?;
        Ok(Config {
            flags,
            project,
            packages,
            target,
            selectors,
            started_in,
            profiles_dir: profiles_dir.unwrap_or_default(),
            target_path,
            warnings,
        })
    }

    /// The root project and its packages.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        std::iter::once(&self.project).chain(&self.packages)
    }

    /// A project by name.
    pub fn project_named(&self, name: &str) -> Option<&Project> {
        self.projects().find(|project| project.name == name)
    }

    /// The value of a variable for a package: `--vars`, then the root project's `vars` for that
    /// package, its general ones, then the package's own.
    pub fn var(&self, package: &str, name: &str) -> Option<&Value> {
        fn scoped<'a>(project: &'a Project, package: &str, name: &str) -> Option<&'a Value> {
            let own = project.vars.get(package).and_then(Value::as_object);
            own.and_then(|own| own.get(name)).or_else(|| project.vars.get(name))
        }
        let root = || scoped(&self.project, package, name);
        let own = || {
            let own = self.packages.iter().find(|project| project.name == package)?;
            scoped(own, package, name)
        };
        self.flags.vars.get(name).or_else(root).or_else(own)
    }

    /// All variables of a package, as [`Config::var`] finds them.
    pub fn vars(&self, package: &str) -> Map<String, Value> {
        let own = self.packages.iter().find(|project| project.name == package);
        let mut vars = Map::new();
        for project in own.into_iter().chain([&self.project]) {
            vars.extend(project.vars.clone());
            if let Some(Value::Object(scoped)) = project.vars.get(package) {
                vars.extend(scoped.clone());
            }
        }
        vars.extend(self.flags.vars.clone());
        vars
    }

    /// Whether packages may put materializations in the place of built-in ones, as dbt's flag says.
    pub fn allows_package_materializations(&self) -> bool {
        !self.flags.all.is_on("require_explicit_package_overrides_for_builtin_materializations")
    }

    /// A path as the user would write it: relative to where the command was started, without
    /// `..` in the middle.
    pub fn shown(&self, path: &Path) -> PathBuf {
        shown(&self.started_in, path)
    }
}

/// Reads the installed packages of a project, which have to be as many as it asks for at least.
fn installed(
    started_in: &Path,
    root: &Path,
    project: &mut Project,
    flags: &Flags,
    target: &Target,
) -> Result<Vec<Project>> {
    let renderer = YamlRenderer::new(flags.vars.clone(), None).with_secrets();
    let wanted = PackagesFile::read(root, &shown(started_in, root), &renderer)?;
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Ok(entries) = std::fs::read_dir(root.join(&project.packages_install_path)) {
        folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| {
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("__"));
            !hidden && path.is_dir()
        }));
    }
    folders.sort();
    if wanted.packages.len() > folders.len() {
        let file = wanted.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_PACKAGE,
                format!(
                    "{file} asks for {} packages, but {} are installed in {}",
                    wanted.packages.len(),
                    folders.len(),
                    project.packages_install_path
                ),
            )
            .at(wanted.packages[folders.len()].location.clone())
            .help("Run `pintail deps` to install them."),
        ));
    }
    if !flags.no_version_check {
        project.check_dbt_version()?;
    }
    // A package does not see the variables of the command line in its dbt_project.yml.
    let no_vars = Map::new();
    let mut packages: Vec<Project> = Vec::with_capacity(folders.len());
    for folder in folders {
        if !folder.join("dbt_project.yml").is_file() {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("No dbt_project.yml found at {}", shown(started_in, &folder).display()),
                )
                .help("Every folder there has to be a package: run `pintail deps` again."),
            ));
        }
        let package = Project::read(&folder, &shown(started_in, &folder), &no_vars, target)?;
        if !flags.no_version_check {
            package.check_dbt_version()?;
        }
        let same = |other: &&Project| other.name == package.name;
        if let Some(other) = std::iter::once(&*project).chain(&packages).find(same) {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("There are two projects named `{}`", package.name),
                )
                .at(Location::new(package.file.clone(), 0..0))
                .related("the other one", Location::new(other.file.clone(), 0..0))
                .help("Rename one of them, or take the package out."),
            ));
        }
        packages.push(package);
    }
    Ok(packages)
}

/// `path` without `.` and `..`, relative to `base` where it lies below it.
fn shown(base: &Path, path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    match clean.strip_prefix(base) {
        Ok(relative) => relative.to_path_buf(),
        Err(_) => clean,
    }
}

fn find_root(flags: &Flags, started_in: &Path) -> Result<PathBuf> {
    let named = flags
        .project_dir
        .clone()
        .or_else(|| std::env::var_os("DBT_PROJECT_DIR").map(PathBuf::from));
    if let Some(dir) = named {
        let dir = started_in.join(dir);
        return if dir.join("dbt_project.yml").exists() {
            Ok(std::path::absolute(&dir).unwrap_or(dir))
        } else {
            Err(Box::new(
                Diagnostic::error(
                    Code::NO_PROJECT,
                    format!("There is no dbt_project.yml in {}", dir.display()),
                )
                .help("Name the folder that holds dbt_project.yml with --project-dir."),
            ))
        };
    }
    started_in
        .ancestors()
        .find(|dir| dir.join("dbt_project.yml").exists())
        .map(Path::to_path_buf)
        .ok_or_else(|| {
            Box::new(
                Diagnostic::error(
                    Code::NO_PROJECT,
                    format!(
                        "There is no dbt_project.yml in {} or any folder above it",
                        started_in.display()
                    ),
                )
                .help("Go to the project's folder, or name it with --project-dir."),
            )
        })
}
