//! Locks between commands: `flock` on files, freed by the kernel when their holder dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::diagnostic::Code;
use crate::engine::{EngineError, SqlResult};

/// A lock that nobody else holds.
#[derive(Debug)]
pub(super) struct Exclusive(#[allow(dead_code, reason = "held until dropped")] File);

/// A lock that others may share.
#[derive(Debug)]
pub(super) struct Shared(#[allow(dead_code, reason = "held until dropped")] File);

impl Exclusive {
    /// Waits for the lock.
    pub(super) fn take(path: &Path) -> SqlResult<Exclusive> {
        let file = open(path)?;
        file.lock().map_err(|error| refused(path, &error))?;
        Ok(Exclusive(file))
    }

    /// The lock, or `None` where anybody holds it.
    pub(super) fn try_take(path: &Path) -> SqlResult<Option<Exclusive>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Exclusive(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(refused(path, &error)),
        }
    }
}

impl Shared {
    /// Waits until nobody holds it exclusively.
    pub(super) fn take(path: &Path) -> SqlResult<Shared> {
        let file = open(path)?;
        file.lock_shared().map_err(|error| refused(path, &error))?;
        Ok(Shared(file))
    }
}

fn open(path: &Path) -> SqlResult<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .read(true)
        .open(path)
        .map_err(|error| refused(path, &error))
}

fn refused(path: &Path, error: &std::io::Error) -> Box<EngineError> {
    EngineError::of(
        Code::CONNECT,
        format!("The lock file {} of the embedded PostgreSQL cannot be used", path.display()),
    )
    .note(error.to_string())
    .help("Check the permissions of the folder; it has to lie on a file system with locks.")
}
