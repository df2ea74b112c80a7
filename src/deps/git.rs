//! Packages of Git repositories, fetched by the `git` program in one shallow clone each.
//!
//! Says nothing of what is in them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::diagnostic::{Code, Diagnostic, Result};

/// A repository, checked out.
pub struct Checkout {
    /// The package's folder in it.
    pub folder: PathBuf,
    /// The commit, in full.
    pub commit: String,
}

/// Clones a repository into a new folder and checks a revision out; `HEAD` is its default branch.
///
/// # Errors
/// `UNREACHABLE_PACKAGE` where there is no git, no such repository or no such revision.
pub fn check_out(
    url: &str,
    revision: &str,
    subdirectory: Option<&str>,
    into: &Path,
) -> Result<Checkout> {
    if into.exists() {
        std::fs::remove_dir_all(into).map_err(|error| super::unwritable(into, &error))?;
    }
    if revision.starts_with('-') || url.starts_with('-') {
        return Err(refused(url, revision, "it would be read as a flag of git"));
    }
    let parent = into.parent().unwrap_or(into);
    let named = revision != "HEAD" && !is_commit(revision);
    let mut clone = vec!["clone", "--depth", "1"];
    if subdirectory.is_some() {
        clone.extend(["--filter=blob:none", "--sparse"]);
    }
    if named {
        clone.extend(["--branch", revision]);
    }
    let target = into.to_string_lossy();
    clone.extend(["--", url, target.as_ref()]);
    let cloned = git(parent, &clone)?;
    if !cloned.status.success() {
        // A short commit id is neither a branch nor a tag.
        let short = named && revision.bytes().all(|b| b.is_ascii_hexdigit()) && revision.len() >= 7;
        if !short {
            return Err(refused(url, revision, &words(&cloned)));
        }
        let _leftover = std::fs::remove_dir_all(into);
        run(parent, url, revision, &["clone", "--", url, target.as_ref()])?;
        run(into, url, revision, &["reset", "--hard", revision])?;
    } else if is_commit(revision) {
        let fetched = git(into, &["fetch", "--depth", "1", "origin", revision])?;
        if !fetched.status.success() {
            // Servers may refuse single commits; then the whole history is needed.
            run(into, url, revision, &["fetch", "--unshallow", "--tags", "origin"])?;
        }
        run(into, url, revision, &["reset", "--hard", revision])?;
    }
    if let Some(subdirectory) = subdirectory {
        run(into, url, revision, &["sparse-checkout", "set", "--", subdirectory])
            .or_else(|_| run(into, url, revision, &["sparse-checkout", "set", subdirectory]))?;
    }
    let head = run(into, url, revision, &["rev-parse", "HEAD"])?;
    let commit = String::from_utf8_lossy(&head.stdout).trim().to_owned();
    let folder = subdirectory.map_or_else(|| into.to_path_buf(), |below| into.join(below));
    if !folder.is_dir() {
        let below = subdirectory.unwrap_or_default();
        return Err(refused(url, revision, &format!("it has no folder `{below}`")));
    }
    Ok(Checkout { folder, commit })
}

/// Whether a revision is a commit id in full.
fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

fn git(folder: &Path, words: &[&str]) -> Result<Output> {
    let run = Command::new("git").args(words).current_dir(folder).env("LC_ALL", "C").output();
    run.map_err(|error| {
        Box::new(
            Diagnostic::error(Code::UNREACHABLE_PACKAGE, "The program `git` could not be started")
                .note(error.to_string())
                .help("Install git, and see that it is on the PATH."),
        )
    })
}

fn run(folder: &Path, url: &str, revision: &str, arguments: &[&str]) -> Result<Output> {
    let output = git(folder, arguments)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(refused(url, revision, &words(&output)))
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn refused(url: &str, revision: &str, why: &str) -> Box<Diagnostic> {
    let what = match revision {
        "HEAD" => format!("The package {url} could not be fetched"),
        revision => format!("The package {url} could not be fetched at `{revision}`"),
    };
    Box::new(
        Diagnostic::error(Code::UNREACHABLE_PACKAGE, what)
            .note(why.to_owned())
            .help("Check the address, the revision, and that git may read the repository."),
    )
}
