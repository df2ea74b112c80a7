//! package-lock.yml → folders under `dbt_packages`.
//!
//! Installs exactly what is locked; resolves nothing.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Progress, Work, archive, git, unwritable};
use crate::config::{Basics, PackageSource, PackageSpec};
use crate::diagnostic::{Code, Diagnostic, Result};

/// Installs every package of the lock file into an empty folder.
///
/// # Errors
/// Packages that cannot be had, folders that cannot be written.
pub fn install_all(work: &mut Work<'_>, packages: &[PackageSpec]) -> Result<()> {
    let folder = work.basics.packages_folder();
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
    }
    std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
    for spec in packages {
        install(work, spec, &folder)?;
    }
    Ok(())
}

fn install(work: &mut Work<'_>, spec: &PackageSpec, folder: &Path) -> Result<()> {
    match &spec.source {
        PackageSource::Local { path } => {
            let from = work.basics.root.join(path);
            let from = from.canonicalize().unwrap_or(from);
            let name = name_of(work, spec, &from)?;
            let target = place(folder, &name)?;
            // A file system without links gets a copy.
            if std::os::unix::fs::symlink(&from, &target).is_err() {
                archive::copy_folder(&from, &target)?;
            }
            (work.tell)(Progress::Installed { name: &name, from: &format!("<local @ {path}>") });
        }
        PackageSource::Git { url, revision, subdirectory, .. } => {
            let revision = revision.as_ref().and_then(Value::as_str).unwrap_or("HEAD");
            let into = work.downloads.join(format!("git-{}", uuid::Uuid::new_v4()));
            let checkout = git::check_out(url, revision, subdirectory.as_deref(), &into)?;
            let name = name_of(work, spec, &checkout.folder)?;
            archive::move_folder(&checkout.folder, &place(folder, &name)?)?;
            (work.tell)(Progress::Installed { name: &name, from: &format!("revision {revision}") });
        }
        PackageSource::Tarball { url } => {
            let into = work.downloads.join(format!("tarball-{}", uuid::Uuid::new_v4()));
            let opened = archive::unpack(&archive::get(url)?, &into, url)?;
            let name = name_of(work, spec, &opened)?;
            archive::move_folder(&opened, &place(folder, &name)?)?;
            (work.tell)(Progress::Installed { name: &name, from: "tarball" });
        }
        PackageSource::Hub { package, written, .. } => {
            let version = written.as_str().unwrap_or_default();
            let bytes = download(work, package, version)?;
            let into = work.downloads.join(format!("hub-{}", uuid::Uuid::new_v4()));
            let opened = archive::unpack(&bytes, &into, package)?;
            let name = name_of(work, spec, &opened)?;
            archive::move_folder(&opened, &place(folder, &name)?)?;
            (work.tell)(Progress::Installed { name: &name, from: &format!("version {version}") });
            newer(work, package, version);
        }
        PackageSource::Private { repository } => {
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_PACKAGE,
                    format!("The private package `{repository}` has no provider here"),
                )
                .at(spec.location.clone())
                .help("Private packages belong to dbt's hosted service: use a `git` package."),
            ));
        }
    }
    Ok(())
}

/// The archive of a version, from the cache or the hub. Versions of the hub never change.
fn download(work: &mut Work<'_>, package: &str, version: &str) -> Result<Vec<u8>> {
    let cache = archive::cached(&work.hub.key(package, version));
    if let Some(bytes) = cache.as_ref().and_then(|path| std::fs::read(path).ok()) {
        return Ok(bytes);
    }
    let about = work.hub.versions(package)?.get(version).cloned().unwrap_or(Value::Null);
    let url = about.pointer("/downloads/tarball").and_then(Value::as_str).ok_or_else(|| {
        Box::new(
            Diagnostic::error(
                Code::BAD_PACKAGE,
                format!("The hub has no version {version} of `{package}`"),
            )
            .help("package-lock.yml names it: run `pintail deps --upgrade`."),
        )
    })?;
    let bytes = archive::get(url)?;
    if let Some(path) = cache {
        archive::keep(&path, &bytes);
    }
    Ok(bytes)
}

/// Says that there is a newer version, where the hub was asked anyway.
fn newer(work: &mut Work<'_>, package: &str, version: &str) {
    if !work.hub.has_answered(package) {
        return;
    }
    let check = work.options.version_check;
    if let Ok(Some(latest)) = work.hub.latest(package, check)
        && latest != version
    {
        (work.tell)(Progress::Newer { name: package, latest: &latest });
    }
}

/// The name that the package goes by: the lock file's, else its project's own.
fn name_of(work: &Work<'_>, spec: &PackageSpec, folder: &Path) -> Result<String> {
    if let PackageSource::Tarball { .. } = spec.source
        && let Some(name) = &spec.name
    {
        return Ok(name.clone());
    }
    if !folder.join("dbt_project.yml").is_file() {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_PACKAGE,
                format!("No dbt_project.yml found at {}", work.basics.shown(folder).display()),
            )
            .at(spec.location.clone())
            .help("A package is a dbt project: check the path, or its `subdirectory`."),
        ));
    }
    let started_in = work.basics.started_in.clone();
    Ok(Basics::of_folder(folder.to_path_buf(), started_in, None, work.renderer)?.name)
}

/// The folder of a package by name, which has to lie in the folder of packages.
fn place(folder: &Path, name: &str) -> Result<PathBuf> {
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && name != "." && name != "..";
    if !plain {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_PACKAGE,
                format!(
                    "`{name}` cannot be a package's name: it leads out of {}",
                    folder.display()
                ),
            )
            .help("Rename the package's project."),
        ));
    }
    let target = folder.join(name);
    if target.is_symlink() || target.is_file() {
        std::fs::remove_file(&target).map_err(|error| unwritable(&target, &error))?;
    } else if target.is_dir() {
        std::fs::remove_dir_all(&target).map_err(|error| unwritable(&target, &error))?;
    }
    Ok(target)
}
