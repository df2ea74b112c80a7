//! Directories → source files, read in parallel and sorted by path.
//!
//! Says what kind each file is by the folder that it was found in and its extension; never looks
//! into the text, but for its encoding and checksum.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rayon::prelude::*;

use crate::checksum::sha256;
use crate::config::{Config, Project, decode, unreadable, without_mark};
use crate::diagnostic::{Diagnostic, Diagnostics, Result, SourceFile};
use crate::manifest::FastHash;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    Model,
    Seed,
    /// A singular test.
    Test,
    Macro,
    Analysis,
    Snapshot,
    /// A user-defined function.
    Function,
    /// Rows for unit tests, as CSV or SQL.
    Fixture,
    /// A YAML file of properties.
    Properties,
    /// A Markdown file of docs blocks.
    Docs,
}

/// A file that was found and read.
#[derive(Debug)]
pub struct LoadedFile {
    pub kind: FileKind,
    /// The name of the project or package that it belongs to.
    pub package: Arc<str>,
    /// Relative to the resource path that it was found in: `staging/orders.sql`.
    pub path: String,
    /// Relative to its project's root: `models/staging/orders.sql`.
    pub original_file_path: String,
    /// On disk, absolute.
    pub absolute: PathBuf,
    /// Its text; of seeds the text is empty, since they may be large.
    pub file: Arc<SourceFile>,
    /// SHA-256 in hex, as dbt has it; of seeds over 1 MiB the path stands in.
    pub checksum: String,
}

/// dbt does not hash seeds over 1 MiB.
const MAX_HASHED_SEED: u64 = 1024 * 1024;

/// Reads every file of the project and its packages.
///
/// # Errors
/// `UNREADABLE` and `NOT_UTF8`, all of them.
pub fn load(config: &Config) -> Result<Vec<LoadedFile>, Diagnostics> {
    let (mut listed, mut errors) = (Vec::new(), Vec::new());
    for project in config.projects() {
        for folder in folders(project) {
            folder.list(config, &mut listed, &mut errors);
        }
    }
    let found: Vec<Option<Found>> =
        listed.into_par_iter().map(|(folder, file)| folder.found(file)).collect();
    let mut seen: HashSet<(Arc<str>, FileKind, String), FastHash> = HashSet::default();
    let mut is_first =
        |f: &Found| seen.insert((f.package.clone(), f.kind, f.original_file_path.clone()));
    let found: Vec<Found> = found.into_iter().flatten().filter(|found| is_first(found)).collect();
    let read: Vec<_> = found.into_par_iter().map(|found| found.read(config)).collect();
    let mut files = Vec::with_capacity(read.len());
    for result in read {
        match result {
            Ok(file) => files.push(file),
            Err(error) => errors.push(*error),
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(Diagnostics(errors)) }
}

struct Found {
    kind: FileKind,
    package: Arc<str>,
    path: String,
    original_file_path: String,
    absolute: PathBuf,
}

/// A resource path of a project.
struct Folder {
    package: Arc<str>,
    kind: FileKind,
    /// As the project names it.
    named: PathBuf,
    absolute: PathBuf,
    ignored: Option<Arc<Gitignore>>,
}

/// The folders of a project, in the order in which its files count.
fn folders(project: &Project) -> Vec<Arc<Folder>> {
    let package: Arc<str> = project.name.as_str().into();
    let ignored = ignored(project).map(Arc::new);
    let kinds = [
        (&project.model_paths, FileKind::Model),
        (&project.seed_paths, FileKind::Seed),
        (&project.test_paths, FileKind::Test),
        (&project.macro_paths, FileKind::Macro),
        (&project.analysis_paths, FileKind::Analysis),
        (&project.snapshot_paths, FileKind::Snapshot),
        (&project.function_paths, FileKind::Function),
        (&project.docs_paths, FileKind::Docs),
    ];
    let one = |path: &String, kind| {
        Arc::new(Folder {
            package: package.clone(),
            kind,
            named: path.into(),
            absolute: project.root.join(path),
            ignored: ignored.clone(),
        })
    };
    let each =
        kinds.into_iter().flat_map(|(paths, kind)| paths.iter().map(move |path| (path, kind)));
    each.map(|(path, kind)| one(path, kind)).collect()
}

impl Folder {
    /// Adds every file below, without hidden ones, and the errors of what cannot be looked at.
    fn list(
        self: &Arc<Self>,
        config: &Config,
        files: &mut Vec<(Arc<Folder>, PathBuf)>,
        errors: &mut Vec<Diagnostic>,
    ) {
        let walk = walkdir::WalkDir::new(&self.absolute).follow_links(true).sort_by_file_name();
        let visible = walk.into_iter().filter_entry(|entry| {
            entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
        });
        for entry in visible {
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    files.push((self.clone(), entry.into_path()));
                }
                Ok(_) => {}
                Err(error) => errors.extend(lost(config, &self.absolute, self.kind, error)),
            }
        }
    }

    /// What a file of the folder is; `None` where it is nothing, or ignored.
    fn found(&self, file: PathBuf) -> Option<Found> {
        let kind = kind_of(&file, self.kind)?;
        let relative = file.strip_prefix(&self.absolute).ok()?;
        let original = self.named.join(relative);
        let skip = |rules: &Arc<Gitignore>| {
            rules.matched_path_or_any_parents(&original, false).is_ignore()
        };
        if self.ignored.as_ref().is_some_and(skip) {
            return None;
        }
        let relative = relative.to_string_lossy().into_owned();
        Some(Found {
            // A generic test lies in a `generic` folder among the singular ones.
            kind: match kind {
                FileKind::Test if relative.starts_with("generic/") => FileKind::Macro,
                FileKind::Test if relative.starts_with("fixtures/") => FileKind::Fixture,
                FileKind::Fixture if !relative.starts_with("fixtures/") => return None,
                other => other,
            },
            package: self.package.clone(),
            path: relative,
            original_file_path: original.to_string_lossy().into_owned(),
            absolute: file,
        })
    }
}

/// The rules of the project's `.dbtignore`, if it has one.
fn ignored(project: &Project) -> Option<Gitignore> {
    let path = project.root.join(".dbtignore");
    let text = std::fs::read_to_string(path).ok()?;
    let mut rules = GitignoreBuilder::new("");
    for line in text.lines() {
        // A pattern that does not parse matches nothing.
        let _unusable = rules.add_line(None, line);
    }
    rules.build().ok()
}

/// The error of a file or folder that the search could not look at, where it could matter.
fn lost(
    config: &Config,
    folder: &Path,
    kind: FileKind,
    error: walkdir::Error,
) -> Option<Diagnostic> {
    let path = error.path()?.to_path_buf();
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let foreign = path.extension().is_some() && kind_of(&path, kind).is_none();
    // A link to a folder above is walked once; a folder that is not there holds nothing.
    if hidden || foreign || error.loop_ancestor().is_some() {
        return None;
    }
    let error = error.into_io_error()?;
    if path == folder && error.kind() == std::io::ErrorKind::NotFound {
        return None;
    }
    Some(*unreadable(&config.shown(&path), &error))
}

fn kind_of(path: &Path, folder: FileKind) -> Option<FileKind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match (extension.as_str(), folder) {
        ("yml" | "yaml", _) => Some(FileKind::Properties),
        ("md", _) => Some(FileKind::Docs),
        ("csv", FileKind::Seed) => Some(FileKind::Seed),
        ("csv", FileKind::Test) => Some(FileKind::Fixture),
        ("py", FileKind::Model) if path.extension()? == "py" => Some(FileKind::Model),
        ("sql", FileKind::Seed | FileKind::Docs) => None,
        ("sql", kind) => Some(kind),
        ("py", FileKind::Function) => Some(FileKind::Function),
        _ => None,
    }
}

impl Found {
    fn read(self, config: &Config) -> Result<LoadedFile> {
        let shown = config.shown(&self.absolute);
        let unreadable = |error: std::io::Error| unreadable(&shown, &error);
        let (text, checksum) = if self.kind == FileKind::Seed {
            let size = std::fs::metadata(&self.absolute).map_err(unreadable)?.len();
            let checksum = if size > MAX_HASHED_SEED {
                self.original_file_path.clone()
            } else {
                // As dbt has it: of the text without surrounding white space.
                sha256(std::fs::read(&self.absolute).map_err(unreadable)?.trim_ascii())
            };
            (String::new(), checksum)
        } else {
            let bytes = std::fs::read(&self.absolute).map_err(unreadable)?;
            let text = decode(bytes, &shown)?;
            // dbt hashes the text without surrounding white space.
            let checksum = sha256(text.trim().as_bytes());
            (without_mark(&text).to_owned(), checksum)
        };
        Ok(LoadedFile {
            kind: self.kind,
            package: self.package,
            path: self.path,
            original_file_path: self.original_file_path,
            absolute: self.absolute,
            file: SourceFile::new(shown, text),
            checksum,
        })
    }
}
