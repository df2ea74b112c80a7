//! `clean`: delete the folders that `clean-targets` names.

use super::session::Start;
use super::{Exit, Outcome};
use crate::diagnostic::{Code, Diagnostic};

/// Deletes the folders, never anything outside the project.
pub(super) fn command(start: &Start) -> Outcome {
    let config = start.config(None)?;
    let root = &config.project.root;
    for name in &config.project.clean_targets {
        let folder = root.join(name);
        let shown = config.shown(&folder);
        let inside = folder.canonicalize().ok().zip(root.canonicalize().ok());
        let Some((real, real_root)) = inside else { continue };
        let sources = config.project.model_paths.iter().chain(&config.project.seed_paths);
        if !real.starts_with(&real_root) || real == real_root || sources.clone().any(|s| s == name)
        {
            return Err(Diagnostic::error(
                Code::USAGE,
                format!(
                    "{} is not deleted: it is outside the project, or a source",
                    shown.display()
                ),
            )
            .help("Take it out of clean-targets in dbt_project.yml.")
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
