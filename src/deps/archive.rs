//! Downloads and archives: a URL → a folder, with a cache for what never changes.
//!
//! Knows nothing of packages.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::diagnostic::{Code, Diagnostic, Result};

/// How often a download is tried.
const TRIES: u32 = 5;

/// The body of a URL.
///
/// # Errors
/// `UNREACHABLE_PACKAGE` with the server's answer.
pub fn get(url: &str) -> Result<Vec<u8>> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .build()
        .into();
    let mut tried = 0;
    loop {
        tried += 1;
        let answer = agent.get(url).call().and_then(|mut response| {
            let mut bytes = Vec::new();
            response.body_mut().as_reader().read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        match answer {
            Ok(bytes) => return Ok(bytes),
            // The server said no; it will not change its mind.
            Err(error @ ureq::Error::StatusCode(400..=499)) => return Err(failed(url, &error)),
            Err(error) if tried >= TRIES => return Err(failed(url, &error)),
            Err(_) => std::thread::sleep(Duration::from_millis(200 * u64::from(tried))),
        }
    }
}

fn failed(url: &str, error: &ureq::Error) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::UNREACHABLE_PACKAGE, format!("{url} could not be downloaded"))
            .note(error.to_string())
            .help("Check the address and the network; a proxy is taken from HTTPS_PROXY."),
    )
}

/// The file of the cache in which a download with this key lies, whether or not it is there.
pub fn cached(key: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty());
    let cache = cache
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))?;
    let name: String = Sha256::digest(key.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    Some(cache.join("pintail").join("packages").join(format!("{name}.tar.gz")))
}

/// Keeps a download; a cache that cannot be written is none.
pub fn keep(path: &Path, bytes: &[u8]) {
    let kept = || -> io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        std::fs::create_dir_all(folder)?;
        let beside = folder.join(format!("{}.part", uuid::Uuid::new_v4()));
        std::fs::write(&beside, bytes)?;
        std::fs::rename(&beside, path)
    };
    let _without_a_cache = kept();
}

/// Unpacks a gzipped tar and gives the one folder that it holds.
///
/// # Errors
/// `BAD_PACKAGE` where it is no such archive, or holds anything but one folder.
pub fn unpack(bytes: &[u8], into: &Path, from: &str) -> Result<PathBuf> {
    if into.exists() {
        std::fs::remove_dir_all(into).map_err(|error| super::unwritable(into, &error))?;
    }
    let bad = |why: String| {
        Box::new(
            Diagnostic::error(Code::BAD_PACKAGE, format!("{from} is no archive of a package"))
                .note(why)
                .help("It has to be a .tar.gz with one folder that holds dbt_project.yml."),
        )
    };
    std::fs::create_dir_all(into).map_err(|error| super::unwritable(into, &error))?;
    // `unpack` refuses entries that would land outside of the folder.
    tar::Archive::new(GzDecoder::new(bytes))
        .unpack(into)
        .map_err(|error| bad(error.to_string()))?;
    let entries: Vec<PathBuf> = std::fs::read_dir(into)
        .map_err(|error| bad(error.to_string()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name != "pax_global_header"))
        .collect();
    match entries.as_slice() {
        [one] if one.is_dir() => Ok(one.clone()),
        many => Err(bad(format!("it holds {} entries at its top", many.len()))),
    }
}

/// Moves a folder, over file systems if need be.
///
/// # Errors
/// `UNWRITABLE`
pub fn move_folder(from: &Path, to: &Path) -> Result<()> {
    if std::fs::rename(from, to).is_ok() {
        return Ok(());
    }
    copy_folder(from, to)?;
    std::fs::remove_dir_all(from).map_err(|error| super::unwritable(from, &error))
}

/// Copies a folder with everything in it; links stay links.
///
/// # Errors
/// `UNWRITABLE`
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let copied = || -> io::Result<()> {
        for entry in walkdir::WalkDir::new(from) {
            let entry = entry?;
            let below = entry.path().strip_prefix(from).unwrap_or(entry.path());
            let target = to.join(below);
            if entry.file_type().is_dir() {
                std::fs::create_dir_all(&target)?;
            } else if entry.file_type().is_symlink() {
                std::os::unix::fs::symlink(std::fs::read_link(entry.path())?, &target)?;
            } else {
                io::copy(&mut File::open(entry.path())?, &mut File::create(&target)?)?;
            }
        }
        Ok(())
    };
    copied().map_err(|error| super::unwritable(to, &error))
}
