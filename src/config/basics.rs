//! What can be said of a project without a profile: its folder, name and paths.
//!
//! For commands that touch no database, such as `deps` and `clean`. Configuration that such
//! commands do not need is not even rendered.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::render::YamlRenderer;
use super::text::read_text;
use super::yaml::{self, Yaml};
use super::{Flags, MapReader, find_root, shown};
use crate::diagnostic::{Code, Diagnostic, Result, SourceFile};

const FILE: &str = "dbt_project.yml";

/// A project without its profile.
#[derive(Debug)]
pub struct Basics {
    /// Absolute.
    pub root: PathBuf,
    pub started_in: PathBuf,
    pub name: String,
    /// As written; relative to the project or absolute.
    pub packages_install_path: String,
    pub clean_targets: Vec<String>,
    /// Folders of the project's own files.
    pub source_paths: Vec<String>,
}

impl Basics {
    /// Finds the project and reads what is needed of it.
    ///
    /// # Errors
    /// No project, YAML or Jinja that does not parse, values of the wrong kind.
    pub fn load(flags: &Flags) -> Result<Basics> {
        let started_in = std::env::current_dir().map_err(|error| {
            Box::new(
                Diagnostic::error(Code::UNREADABLE, "The working directory is gone")
                    .note(error.to_string())
                    .help("Change to a folder that exists."),
            )
        })?;
        let root = find_root(flags, &started_in)?;
        let renderer = YamlRenderer::new(flags.vars.clone(), None);
        Basics::of_folder(root, started_in, flags.target_path.as_deref(), &renderer)
    }

    /// Reads the project in a folder, with the target path that the command line gives.
    ///
    /// # Errors
    /// As [`Basics::load`].
    pub fn of_folder(
        root: PathBuf,
        started_in: PathBuf,
        target: Option<&Path>,
        renderer: &YamlRenderer,
    ) -> Result<Basics> {
        let file = read_text(&root.join(FILE), &shown(&started_in, &root).join(FILE))?;
        let whole = yaml::parse(&file)?.root;
        let mut keys = Keys { file: &file, whole: &whole, renderer };
        let name = keys.texts("name")?.and_then(|mut names| names.pop());
        let Some(name) = name else {
            let mut map = MapReader::new(&file, FILE, &whole)?;
            return Err(map.required_text("name").err().unwrap_or_else(|| {
                Box::new(Diagnostic::error(Code::BAD_CONFIG, "The project has no name"))
            }));
        };
        let one = |found: Option<Vec<String>>| found.and_then(|mut found| found.pop());
        let said = target.map(|path| path.display().to_string());
        let target = match said.or_else(|| std::env::var("DBT_TARGET_PATH").ok()) {
            Some(path) => path,
            None => one(keys.texts("target-path")?).unwrap_or_else(|| "target".to_owned()),
        };
        let packages_install_path =
            one(keys.texts("packages-install-path")?).unwrap_or_else(|| "dbt_packages".to_owned());
        let clean_targets = keys.texts("clean-targets")?.unwrap_or_else(|| vec![target]);
        let mut source_paths = Vec::new();
        for (key, default) in [
            ("model-paths", "models"),
            ("seed-paths", "seeds"),
            ("test-paths", "tests"),
            ("macro-paths", "macros"),
            ("analysis-paths", "analyses"),
            ("snapshot-paths", "snapshots"),
        ] {
            source_paths.extend(keys.texts(key)?.unwrap_or_else(|| vec![default.to_owned()]));
        }
        Ok(Basics { root, started_in, name, packages_install_path, clean_targets, source_paths })
    }

    /// A path as the user would write it.
    pub fn shown(&self, path: &Path) -> PathBuf {
        shown(&self.started_in, path)
    }

    /// The folder of installed packages, absolute.
    pub fn packages_folder(&self) -> PathBuf {
        self.root.join(&self.packages_install_path)
    }
}

struct Keys<'a> {
    file: &'a Arc<SourceFile>,
    whole: &'a Yaml,
    renderer: &'a YamlRenderer,
}

impl Keys<'_> {
    fn texts(&mut self, key: &'static str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.whole.get(key) else { return Ok(None) };
        let rendered = self.renderer.render_tree(self.file, value)?;
        let span = rendered.span.clone();
        let key_of = yaml::Key { span: span.clone(), text: key.to_owned() };
        let map = Yaml { span, kind: yaml::YamlKind::Map(vec![(key_of, rendered)]) };
        MapReader::new(self.file, FILE, &map)?.texts(key)
    }
}
