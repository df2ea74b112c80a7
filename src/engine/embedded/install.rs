//! Finding PostgreSQL's server programs on this machine. Never installs anything.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::diagnostic::Code;
use crate::engine::{EngineError, SqlResult};

/// A folder with `postgres` and `initdb` of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Install {
    pub(super) bin: PathBuf,
    /// "15"
    pub(super) major: String,
}

impl Install {
    /// The server programs, in `PINTAIL_POSTGRES_BIN` alone where that is set: of the major version that the data was made by where there is data,
    /// else the first found on PATH, by `pg_config --bindir`, or in the usual folders, the
    /// highest version first.
    pub(super) fn find(wanted: Option<&str>) -> SqlResult<Install> {
        let mut others = Vec::new();
        for bin in candidates() {
            let Some(major) = major_of(&bin) else { continue };
            if wanted.is_none_or(|wanted| wanted == major) {
                return Ok(Install { bin, major });
            }
            others.push(major);
        }
        others.dedup();
        Err(match wanted {
            Some(wanted) if !others.is_empty() => EngineError::of(
                Code::NO_SERVER,
                format!(
                    "The embedded cluster was made by PostgreSQL {wanted}; this machine has {}",
                    others.join(", ")
                ),
            )
            .help(format!("Install that version: apt-get install postgresql-{wanted}"))
            .help("Or remove the folder .pintail/postgres to begin anew; the results history in it is lost."),
            _ => EngineError::of(
                Code::NO_SERVER,
                "This machine has no PostgreSQL server programs, which `embedded: true` needs",
            )
            .note(match std::env::var_os(BIN_VARIABLE) {
                Some(named) => format!(
                    "{BIN_VARIABLE} names {}, which has no `postgres` and `initdb`.",
                    PathBuf::from(named).display()
                ),
                None => format!(
                    "Looked on PATH, asked pg_config, and in the usual folders; {BIN_VARIABLE} can name another."
                ),
            })
            .help(format!("Install them: {}", install_command()))
            .help("Or name a server that runs elsewhere: `host`, `port`, `user`, `dbname` in profiles.yml."),
        })
    }

    /// A program of this version.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

fn install_command() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    let has = |program: &str| Path::new("/usr/bin").join(program).exists();
    if has("dnf") {
        "dnf install postgresql-server"
    } else if has("apk") {
        "apk add postgresql"
    } else if has("pacman") {
        "pacman -S postgresql"
    } else {
        "apt-get install postgresql"
    }
}

/// The folder of server programs that the user names; no other is looked at then.
const BIN_VARIABLE: &str = "PINTAIL_POSTGRES_BIN";

fn candidates() -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os(BIN_VARIABLE) {
        let named = PathBuf::from(named);
        return if has_programs(&named) { vec![named] } else { Vec::new() };
    }
    let mut found: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect())
        .unwrap_or_default();
    if let Some(dir) = pg_config_bindir() {
        found.push(dir);
    }
    let families = [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ];
    for (root, prefix, bin) in families {
        let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(root)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let version = name.strip_prefix(prefix)?.parse().ok()?;
                Some((version, entry.path().join(bin)))
            })
            .collect();
        versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        found.extend(versions.into_iter().map(|(_, path)| path));
    }
    found.extend(["/usr/libexec/postgresql", "/usr/local/pgsql/bin"].map(PathBuf::from));
    found.retain(|dir| has_programs(dir));
    found
}

fn has_programs(dir: &Path) -> bool {
    dir.join("postgres").is_file() && dir.join("initdb").is_file()
}

fn pg_config_bindir() -> Option<PathBuf> {
    let output = run("pg_config".as_ref(), "--bindir")?;
    Some(PathBuf::from(output))
}

/// "15" out of `postgres (PostgreSQL) 15.13 (Debian …)`.
fn major_of(bin: &Path) -> Option<String> {
    let version = run(&bin.join("postgres"), "--version")?;
    let number = version.split(") ").nth(1)?;
    let major: String = number.chars().take_while(char::is_ascii_digit).collect();
    (!major.is_empty()).then_some(major)
}

fn run(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
}
