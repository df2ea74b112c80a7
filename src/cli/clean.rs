//! `clean`: delete the folders that `clean-targets` names. Needs no profile.

use std::path::PathBuf;

use serde_json::json;

use super::session::Start;
use super::{Exit, Outcome};
use crate::config::Basics;
use crate::diagnostic::{Code, Diagnostic};
use crate::report::Level;

/// Deletes the folders; never a source path, and what is outside the project only where that was
/// allowed.
pub(super) fn command(start: &Start, outside: bool) -> Outcome {
    let basics = Basics::load(&start.flags(None)?)?;
    let root = &basics.root;
    let absolute = |name: &String| {
        let path = root.join(name);
        path.canonicalize().unwrap_or_else(|_| std::path::absolute(&path).unwrap_or(path))
    };
    let real_root = root.canonicalize().unwrap_or_else(|_| root.clone());
    let sources: Vec<PathBuf> = basics.source_paths.iter().map(absolute).collect();
    let targets: Vec<PathBuf> = basics.clean_targets.iter().map(absolute).collect();
    let refused = |what: &str, paths: Vec<&PathBuf>| {
        let list: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        Diagnostic::error(
            Code::USAGE,
            format!("dbt will not clean the following {what}: {}", list.join(", ")),
        )
    };
    let protected: Vec<&PathBuf> =
        targets.iter().filter(|path| sources.contains(path) || **path == real_root).collect();
    if !protected.is_empty() {
        return Err(refused("source paths", protected)
            .help("Take them out of clean-targets in dbt_project.yml.")
            .into());
    }
    let beyond: Vec<&PathBuf> =
        targets.iter().filter(|path| !path.starts_with(&real_root)).collect();
    if !outside && !beyond.is_empty() {
        return Err(refused("directories outside the project", beyond)
            .help("Take them out of clean-targets in dbt_project.yml, or pass --no-clean-project-files-only.")
            .into());
    }
    let names = |wanted: &str| basics.clean_targets.iter().any(|name| name == wanted);
    if names("dbt_modules") && !names(&basics.packages_install_path) {
        let warning = Diagnostic::warning(
            Code::USAGE,
            "clean-targets names `dbt_modules`, but the default package install path has changed \
             from `dbt_modules` to `dbt_packages`.",
        );
        let warning = warning.event("PackageInstallPathDeprecation");
        start.console.warn(&warning.help("Name `dbt_packages` in its place."))?;
    }
    for folder in &targets {
        let shown = basics.shown(folder);
        let shown = shown.display();
        let checked = format!("Checking {shown}/*");
        start.console.event(
            "CheckCleanPath",
            Level::Info,
            &checked,
            || json!({"path": folder.display().to_string()}),
        );
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Diagnostic::error(
                    Code::UNWRITABLE,
                    format!("{shown} cannot be deleted"),
                )
                .note(error.to_string())
                .help("Check its permissions.")
                .into());
            }
            _ => {}
        }
        start.console.event(
            "ConfirmCleanPath",
            Level::Info,
            &format!("Cleaned {shown}/*"),
            || json!({"path": folder.display().to_string()}),
        );
    }
    let done = "Finished cleaning all paths.";
    start.console.event("FinishedCleanPaths", Level::Info, done, || json!({}));
    Ok(Exit::Done)
}
