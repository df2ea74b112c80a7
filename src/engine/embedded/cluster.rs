//! Where an embedded cluster lies: its data, its socket folder, its user; and making it.
//!
//! As root, PostgreSQL runs as `postgres` (or `nobody`), who owns the data. A project in a folder
//! that this user cannot enter (`/root/…`) keeps its data in `/var/lib/pintail/<hash>` instead, and
//! `.pintail/postgres/location` names it; so does a project on a file system without owners and
//! permissions, below `~/.local/share/pintail`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Gid, Uid, User, chown};

use super::install::Install;
use crate::checksum::sha256;
use crate::diagnostic::Code;
use crate::engine::{EngineError, SqlResult};

/// A socket's path has to fit into 107 bytes with `/.s.PGSQL.65535.lock`.
const LONGEST_SOCKET_DIR: usize = 85;

/// The user that the server runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    /// Whether this process is another user: root.
    pub(super) other: bool,
}

impl Owner {
    fn of_server() -> SqlResult<Owner> {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        if !uid.is_root() {
            return Ok(Owner { uid, gid, other: false });
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Owner { uid: user.uid, gid: user.gid, other: true })
            .ok_or_else(|| {
                EngineError::of(
                    Code::NO_SERVER,
                    "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`",
                )
                .help("Create one: useradd --system postgres")
            })
    }

    /// Whether this user may enter a folder and all above it.
    fn enters(self, dir: &Path) -> bool {
        dir.ancestors().all(|folder| {
            fs::metadata(folder).is_ok_and(|metadata| {
                let mode = metadata.mode();
                let bit = if metadata.uid() == self.uid.as_raw() {
                    0o100
                } else if metadata.gid() == self.gid.as_raw() {
                    0o010
                } else {
                    0o001
                };
                mode & bit != 0
            })
        })
    }

    /// Makes a folder that only this user may enter; false where the file system cannot.
    fn make(self, dir: &Path) -> std::io::Result<bool> {
        fs::create_dir_all(dir)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        if self.other {
            chown(dir, Some(self.uid), Some(self.gid))?;
        }
        let metadata = fs::metadata(dir)?;
        Ok(metadata.mode() & 0o777 == 0o700 && metadata.uid() == self.uid.as_raw())
    }

    /// A server program run as this user, outside the terminal's process group, without the
    /// caller's PG variables.
    pub(super) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if self.other {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").current_dir("/").stdin(Stdio::null()).process_group(0);
        command
    }
}

/// An embedded cluster's places.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    /// `.pintail/postgres`
    pub(super) dir: PathBuf,
    pub(super) data: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) port: u16,
    pub(super) owner: Owner,
}

impl Cluster {
    /// The places of the cluster of a project. Makes nothing.
    pub(super) fn find(dir: &Path, port: u16) -> SqlResult<Cluster> {
        let dir = canonical(dir);
        let owner = Owner::of_server()?;
        let hash = hash(&dir);
        let data = match fs::read_to_string(dir.join("location")) {
            // A copy of a project brings the name of the original's data along.
            Ok(location) if belongs(Path::new(location.trim()), &dir) => {
                PathBuf::from(location.trim()).join("data")
            }
            _ if dir.join("data").exists() => dir.join("data"),
            _ if owner.other && !nearest(&dir).is_some_and(|folder| owner.enters(folder)) => {
                away(&hash).join("data")
            }
            _ => dir.join("data"),
        };
        let socket_dir = socket_dir(owner, &hash);
        Ok(Cluster { dir, data, socket_dir, port, owner })
    }

    /// The major version of the data, once there is any.
    pub(super) fn version(&self) -> Option<String> {
        let version = fs::read_to_string(self.data.join("PG_VERSION")).ok()?;
        Some(version.trim().to_owned())
    }

    pub(super) fn is_kept(&self) -> bool {
        self.dir.join("keep").exists()
    }

    /// Sets or takes away the mark that it stays up.
    pub(super) fn keep(&self, keep: bool) -> SqlResult<()> {
        let mark = self.dir.join("keep");
        let done = if keep {
            fs::write(&mark, "")
        } else {
            match fs::remove_file(&mark) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        done.map_err(|error| self.failed("cannot be marked to stay up", &error.to_string()))
    }

    /// Makes the cluster if there is none. A half-made one of a command that died is thrown
    /// away: only a finished one gets its name.
    pub(super) fn create(&mut self, install: &Install) -> SqlResult<()> {
        if self.data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let io = |error: std::io::Error| self.failed("cannot be made", &error.to_string());
        let mut home = self.data.parent().map_or_else(|| self.dir.clone(), Path::to_path_buf);
        fs::create_dir_all(&home).map_err(io)?;
        let mut fresh = home.join("data.new");
        let _ = fs::remove_dir_all(&fresh);
        if !self.owner.make(&fresh).unwrap_or(false) {
            let _ = fs::remove_dir_all(&fresh);
            home = away(&hash(&self.dir));
            fresh = home.join("data.new");
            fs::create_dir_all(&home).map_err(io)?;
            let _ = fs::remove_dir_all(&fresh);
            if !self.owner.make(&fresh).map_err(io)? {
                return Err(self.failed("has no folder that only its user may enter", ""));
            }
        }
        self.initdb(install, &fresh)?;
        flush(&fresh).map_err(io)?;
        let data = home.join("data");
        fs::rename(&fresh, &data).map_err(io)?;
        if home != self.dir {
            fs::write(home.join("project"), self.dir.as_os_str().as_encoded_bytes()).map_err(io)?;
            fs::write(self.dir.join("location"), home.as_os_str().as_encoded_bytes())
                .map_err(io)?;
        }
        self.data = data;
        Ok(())
    }

    fn initdb(&self, install: &Install, data: &Path) -> SqlResult<()> {
        let mut said = String::new();
        // Not every system has the locale C.UTF-8.
        for locale in ["C.UTF-8", "C"] {
            let output = self
                .owner
                .command(&install.program("initdb"))
                .arg("--pgdata")
                .arg(data)
                .args(["--username", super::SUPERUSER, "--encoding", "UTF8", "--locale", locale])
                // The order of C.UTF-8, compared byte by byte.
                .args(["--lc-collate", "C"])
                .args(["--auth-local", "trust", "--auth-host", "reject"])
                .args(["--no-instructions", "--no-sync"])
                .output()
                .map_err(|error| self.failed("cannot be made", &error.to_string()))?;
            if output.status.success() {
                return Ok(());
            }
            said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            if !said.contains("locale") {
                break;
            }
        }
        Err(self.failed("cannot be made: initdb failed", &said))
    }

    /// Makes the socket's folder, which others may neither read nor have made before.
    pub(super) fn make_socket_dir(&self) -> SqlResult<()> {
        let refused = |said: &str| {
            self.failed(
                &format!("cannot use the socket folder {}", self.socket_dir.display()),
                said,
            )
        };
        if self.socket_dir.as_os_str().len() > LONGEST_SOCKET_DIR {
            return Err(refused("Its path is too long for a Unix socket.")
                .help("Set XDG_RUNTIME_DIR to a shorter folder."));
        }
        if let Ok(metadata) = fs::symlink_metadata(&self.socket_dir)
            && (!metadata.is_dir() || metadata.uid() != self.owner.uid.as_raw())
        {
            return Err(refused("It belongs to somebody else.").help("Remove it."));
        }
        match self.owner.make(&self.socket_dir) {
            Ok(true) => Ok(()),
            Ok(false) => Err(refused("It cannot be kept from other users.")),
            Err(error) => Err(refused(&error.to_string())),
        }
    }

    pub(super) fn failed(&self, what: &str, said: &str) -> Box<EngineError> {
        let error = EngineError::of(
            Code::CONNECT,
            format!("The embedded PostgreSQL in {} {what}", self.dir.display()),
        );
        if said.is_empty() { error } else { error.note(said) }
    }
}

/// Brings everything that was written to disk. One call for the file system takes a twentieth of
/// the time of `initdb`'s call for each of its thousand files.
fn flush(dir: &Path) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    nix::unistd::syncfs(fs::File::open(dir)?)?;
    #[cfg(not(target_os = "linux"))]
    {
        let _ = dir;
        nix::unistd::sync();
    }
    Ok(())
}

/// The path with links resolved, as far as it is there.
fn canonical(dir: &Path) -> PathBuf {
    let Some(there) = nearest(dir) else { return dir.to_path_buf() };
    match (there.canonicalize(), dir.strip_prefix(there)) {
        (Ok(resolved), Ok(rest)) if rest.as_os_str().is_empty() => resolved,
        (Ok(resolved), Ok(rest)) => resolved.join(rest),
        _ => dir.to_path_buf(),
    }
}

/// The folder itself or the nearest above it that is there.
fn nearest(dir: &Path) -> Option<&Path> {
    dir.ancestors().find(|folder| folder.exists())
}

/// Whether the data at `home` was made for the project folder `dir`, or that folder has moved.
fn belongs(home: &Path, dir: &Path) -> bool {
    fs::read_to_string(home.join("project"))
        .is_ok_and(|project| Path::new(&project) == dir || !Path::new(&project).exists())
}

/// Where data lies that cannot lie in the project.
fn away(hash: &str) -> PathBuf {
    let base = if nix::unistd::geteuid().is_root() {
        PathBuf::from("/var/lib/pintail")
    } else {
        std::env::var_os("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")))
            .unwrap_or_else(|| PathBuf::from("/var/tmp"))
            .join("pintail")
    };
    base.join(hash)
}

fn socket_dir(owner: Owner, hash: &str) -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| {
        !owner.other
            && dir.is_dir()
            && dir.as_os_str().len() + 1 + hash.len() + 8 <= LONGEST_SOCKET_DIR
    });
    match runtime {
        Some(dir) => dir.join(format!("pintail-{hash}")),
        None => PathBuf::from(format!("/tmp/pintail-{}-{hash}", owner.uid)),
    }
}

fn hash(dir: &Path) -> String {
    sha256(dir.as_os_str().as_encoded_bytes())[..10].to_owned()
}
