//! Where DuckDB's `postgres` extension lies, and loading it.
//!
//! Looked up in this order: `PINTAIL_DUCKDB_EXTENSIONS`, the folder that the build named,
//! `../lib/pintail/extensions` beside the program, then DuckDB's own folder and repository.

use std::path::{Path, PathBuf};

use crate::diagnostic::Code;
use crate::engine::{Connection, EngineError, SqlResult};
use crate::relation::quote_literal;

/// The DuckDB that the extension has to be built for.
const VERSION: &str = "v1.5.5";
const FILE: &str = "postgres_scanner.duckdb_extension";

/// The extension's file, in the first of the folders that has it.
pub fn postgres_file() -> Option<PathBuf> {
    let from_environment = std::env::var_os("PINTAIL_DUCKDB_EXTENSIONS").map(PathBuf::from);
    let from_build = option_env!("PINTAIL_EXTENSION_DIR").map(PathBuf::from);
    let beside = std::env::current_exe()
        .and_then(|program| program.canonicalize())
        .ok()
        .and_then(|program| Some(program.parent()?.parent()?.join("lib/pintail/extensions")));
    [from_environment, from_build, beside]
        .into_iter()
        .flatten()
        .flat_map(|folder| [folder.join(VERSION).join(platform()).join(FILE), folder.join(FILE)])
        .find(|file| file.is_file())
}

/// DuckDB's name of this platform.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "osx",
        other => other,
    };
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}_{machine}")
}

/// Loads the `postgres` extension into the instance of a connection; does nothing where it is
/// loaded already.
///
/// # Errors
/// `CONNECT` with where it was looked for.
pub fn load_postgres(connection: &mut dyn Connection) -> SqlResult<()> {
    let loaded =
        "SELECT 1 FROM duckdb_extensions() WHERE extension_name = 'postgres_scanner' AND loaded";
    if !connection.query(loaded, Some(1))?.rows.is_empty() {
        return Ok(());
    }
    let result = match postgres_file() {
        Some(file) => load_file(connection, &file),
        None => connection
            .execute("LOAD postgres")
            .or_else(|_| connection.execute("INSTALL postgres; LOAD postgres"))
            .map(drop),
    };
    result.map_err(|error| {
        EngineError::of(Code::CONNECT, "DuckDB's `postgres` extension cannot be loaded")
            .note(error.words().to_owned())
            .help(format!(
                "Run `make setup`, or set PINTAIL_DUCKDB_EXTENSIONS to the folder that holds {VERSION}/{}/{FILE}.",
                platform()
            ))
    })
}

fn load_file(connection: &mut dyn Connection, file: &Path) -> SqlResult<()> {
    connection.execute(&format!("LOAD {}", quote_literal(&file.to_string_lossy()))).map(drop)
}
