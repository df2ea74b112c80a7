//! Directories → source files, read in parallel and sorted by path.
//!
//! Says what kind each file is by the folder that it was found in and its extension; never looks
//! into the text, but for its encoding and checksum.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::config::{Config, Project};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location, Result, SourceFile};

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
    let mut found: Vec<Found> = Vec::new();
    for project in config.projects() {
        find(project, &mut found);
    }
    let read: Vec<_> = found.into_par_iter().map(|found| found.read(config)).collect();
    let (mut files, mut errors) = (Vec::with_capacity(read.len()), Vec::new());
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

fn find(project: &Project, out: &mut Vec<Found>) {
    let package: Arc<str> = project.name.as_str().into();
    let folders = [
        (&project.model_paths, FileKind::Model),
        (&project.seed_paths, FileKind::Seed),
        (&project.test_paths, FileKind::Test),
        (&project.macro_paths, FileKind::Macro),
        (&project.analysis_paths, FileKind::Analysis),
        (&project.snapshot_paths, FileKind::Snapshot),
        (&project.docs_paths, FileKind::Docs),
    ];
    let mut seen = std::collections::HashSet::new();
    for (paths, folder_kind) in folders {
        for resource_path in paths {
            let folder = project.root.join(resource_path);
            let walk = walkdir::WalkDir::new(&folder).follow_links(true).sort_by_file_name();
            let visible = walk.into_iter().filter_entry(|entry| {
                entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
            });
            for entry in visible.flatten().filter(|entry| entry.file_type().is_file()) {
                let Some(kind) = kind_of(entry.path(), folder_kind) else { continue };
                let Ok(relative) = entry.path().strip_prefix(&folder) else { continue };
                let original = Path::new(resource_path).join(relative);
                if !seen.insert((kind, original.clone())) {
                    continue;
                }
                let relative = relative.to_string_lossy().into_owned();
                out.push(Found {
                    // A generic test lies in a `generic` folder among the singular ones.
                    kind: match kind {
                        FileKind::Test if relative.starts_with("generic/") => FileKind::Macro,
                        other => other,
                    },
                    package: package.clone(),
                    path: relative,
                    original_file_path: original.to_string_lossy().into_owned(),
                    absolute: entry.path().to_path_buf(),
                });
            }
        }
    }
}

fn kind_of(path: &Path, folder: FileKind) -> Option<FileKind> {
    let extension = path.extension()?.to_str()?;
    match (extension, folder) {
        ("yml" | "yaml", _) => Some(FileKind::Properties),
        ("md", _) => Some(FileKind::Docs),
        ("csv", FileKind::Seed) => Some(FileKind::Seed),
        ("sql", FileKind::Seed | FileKind::Docs) => None,
        ("sql", kind) => Some(kind),
        _ => None,
    }
}

impl Found {
    fn read(self, config: &Config) -> Result<LoadedFile> {
        let shown = config.shown(&self.absolute);
        let unreadable = |error: std::io::Error| {
            Box::new(
                Diagnostic::error(Code::UNREADABLE, format!("{} cannot be read", shown.display()))
                    .note(error.to_string())
                    .help("Check the file's permissions."),
            )
        };
        let (text, checksum) = if self.kind == FileKind::Seed {
            let size = std::fs::metadata(&self.absolute).map_err(unreadable)?.len();
            let checksum = if size > MAX_HASHED_SEED {
                self.original_file_path.clone()
            } else {
                sha256(&std::fs::read(&self.absolute).map_err(unreadable)?)
            };
            (String::new(), checksum)
        } else {
            let bytes = std::fs::read(&self.absolute).map_err(unreadable)?;
            let text = String::from_utf8(bytes).map_err(|error| {
                let valid = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[valid];
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Box::new(
                    Diagnostic::error(
                        Code::NOT_UTF8,
                        format!("{} is not valid UTF-8 (byte 0x{byte:02x})", shown.display()),
                    )
                    .at(Location::new(SourceFile::new(shown.clone(), text), valid..valid + 1))
                    .help("Save the file as UTF-8."),
                )
            })?;
            // dbt hashes the text without surrounding white space.
            let checksum = sha256(text.trim().as_bytes());
            // A byte-order mark is not part of the text.
            let text = match text.strip_prefix('\u{feff}') {
                Some(rest) => rest.to_owned(),
                None => text,
            };
            (text, checksum)
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

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
