//! `clean`: delete the folders that `clean-targets` names. Needs no profile.

use super::session::Start;
use super::{Exit, Outcome};
use crate::config::Basics;
use crate::diagnostic::{Code, Diagnostic};

/// Deletes the folders, never a folder of sources, and nothing outside the project unless
/// `anywhere`.
pub(super) fn command(start: &Start, anywhere: bool) -> Outcome {
    let basics = Basics::load(&start.flags(None)?)?;
    let root = &basics.root;
    for name in &basics.clean_targets {
        let folder = root.join(name);
        let shown = basics.shown(&folder);
        let inside = folder.canonicalize().ok().zip(root.canonicalize().ok());
        let Some((real, real_root)) = inside else { continue };
        let is_source = basics
            .source_paths
            .iter()
            .filter_map(|path| root.join(path).canonicalize().ok())
            .any(|path| path.starts_with(&real));
        if is_source || real_root.starts_with(&real) {
            return Err(Diagnostic::error(
                Code::USAGE,
                format!("{} is not deleted: it is a source", shown.display()),
            )
            .help("Take it out of clean-targets in dbt_project.yml.")
            .into());
        }
        if !anywhere && !real.starts_with(&real_root) {
            return Err(Diagnostic::error(
                Code::USAGE,
                format!("{} is not deleted: it is outside the project", shown.display()),
            )
            .help("Take it out of clean-targets, or run with --no-clean-project-files-only.")
            .into());
        }
        std::fs::remove_dir_all(&real).map_err(|error| {
            Diagnostic::error(Code::UNWRITABLE, format!("{} cannot be deleted", shown.display()))
                .note(error.to_string())
                .help("Check its permissions.")
        })?;
        start.console.info(&format!("Deleted {}", shown.display()));
    }
    Ok(Exit::Done)
}
