//! packages.yml → folders of packages: what `deps` does, between `config` and `load`.
//!
//! Resolves packages and what they need in turn, writes package-lock.yml and installs what it says.
//! Never reads a model, and is not part of any other command.

mod archive;
mod git;
mod hub;
mod install;
mod lock;
mod package;
mod resolve;

use std::path::PathBuf;

use crate::config::{Basics, PackagesFile, YamlRenderer};
use crate::diagnostic::{Diagnostic, Result};

pub use lock::add_package;

/// What the command line says about the work.
#[derive(Debug, Default)]
pub struct DepsOptions {
    /// Write package-lock.yml, install nothing.
    pub lock_only: bool,
    /// Resolve again though packages.yml has not changed.
    pub upgrade: bool,
    /// Whether versions of packages have to fit this version of dbt.
    pub version_check: bool,
}

/// What happens, for people.
#[derive(Debug)]
pub enum Progress<'a> {
    /// packages.yml names nothing.
    Nothing,
    Locked(&'a std::path::Path),
    Installed {
        name: &'a str,
        /// `version 1.0.0`, `<local @ path>` and the like.
        from: &'a str,
    },
    /// There is a newer version than the one installed.
    Newer {
        name: &'a str,
        latest: &'a str,
    },
    Warning(&'a Diagnostic),
}

/// Where packages are worked on, and what is known of the command.
pub(crate) struct Work<'a> {
    basics: &'a Basics,
    renderer: &'a YamlRenderer,
    /// Checked-out repositories and opened archives.
    downloads: PathBuf,
    options: &'a DepsOptions,
    hub: hub::Hub,
    tell: &'a mut dyn FnMut(Progress<'_>),
}

/// Resolves, locks and installs the packages of a project.
///
/// # Errors
/// A packages.yml of the wrong shape, packages that cannot be had or contradict each other, folders
/// that cannot be written. Secrets of the environment do not show in any of them.
pub fn install(
    basics: &Basics,
    renderer: &YamlRenderer,
    options: &DepsOptions,
    tell: &mut dyn FnMut(Progress<'_>),
) -> Result<()> {
    let scratch = scratch_folder()?;
    let mut work = Work {
        basics,
        renderer,
        downloads: scratch.path.clone(),
        options,
        hub: hub::Hub::new(),
        tell,
    };
    work.run()
}

impl Work<'_> {
    fn run(&mut self) -> Result<()> {
        let basics = self.basics;
        let wanted = PackagesFile::read(&basics.root, &basics.shown(&basics.root), self.renderer)?;
        let lock_path = basics.root.join(lock::FILE);
        let hash = lock::hash(&wanted.packages);
        let known = lock::read(&lock_path, &basics.shown(&lock_path), self.renderer)?;
        let fits = known.as_ref().is_some_and(|known| known.hash.as_deref() == Some(hash.as_str()));
        let locked = match known {
            Some(known) if fits && !self.options.upgrade => known.packages,
            known if wanted.packages.is_empty() => {
                known.map_or_else(Vec::new, |lock| lock.packages)
            }
            _ => {
                let pinned = resolve::resolve(self, &wanted.packages)?;
                lock::write(&lock_path, &basics.shown(&lock_path), &pinned, &hash)?;
                (self.tell)(Progress::Locked(&basics.shown(&lock_path)));
                lock::read(&lock_path, &basics.shown(&lock_path), self.renderer)?
                    .map_or_else(Vec::new, |lock| lock.packages)
            }
        };
        if wanted.packages.is_empty() {
            (self.tell)(Progress::Nothing);
        }
        if self.options.lock_only {
            return Ok(());
        }
        install::install_all(self, &locked)
    }

    fn warn(&mut self, warning: Diagnostic) {
        (self.tell)(Progress::Warning(&warning));
    }
}

/// A folder that is deleted when the command ends; `DBT_DOWNLOADS_DIR` stays.
struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep {
            let _left_to_the_system = std::fs::remove_dir_all(&self.path);
        }
    }
}

fn scratch_folder() -> Result<Scratch> {
    let named = std::env::var_os("DBT_DOWNLOADS_DIR").filter(|path| !path.is_empty());
    let (path, keep) = match named {
        Some(path) => (PathBuf::from(path), true),
        None => {
            (std::env::temp_dir().join(format!("pintail-deps-{}", uuid::Uuid::new_v4())), false)
        }
    };
    std::fs::create_dir_all(&path).map_err(|error| unwritable(&path, &error))?;
    Ok(Scratch { path, keep })
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Box<Diagnostic> {
    Box::new(Diagnostic::unwritable(path, error).help("Check the permissions of its folder."))
}
