//! Opening a database as its profile says: settings, extensions, secrets, attachments.
//!
//! A process holds each file open once: DuckDB's lock is no guard against the own process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use indexmap::IndexMap;
use serde_json::Value;

use super::{DuckDbConnection, error, extension, library, lock};
use crate::config::{DuckDbAttach, DuckDbExtension, DuckDbParams};
use crate::diagnostic::Code;
use crate::engine::error::redact;
use crate::engine::{EngineError, SqlResult};
use crate::relation::{quote_identifier, quote_literal};

/// An open database. The connection is only there to make others from.
pub(super) struct Instance {
    root: Mutex<duckdb::Connection>,
    /// Statements that every new connection starts with.
    session: Vec<String>,
}

impl Instance {
    /// A connection of its own to this database.
    pub(super) fn connect(&self) -> SqlResult<duckdb::Connection> {
        let connection = lock(&self.root)
            .try_clone()
            .map_err(|error| error::of_opening(&error::text(&error), "The DuckDB database"))?;
        for statement in &self.session {
            connection
                .execute_batch(statement)
                .map_err(|error| error::of_statement(&error, statement))?;
        }
        Ok(connection)
    }
}

/// The files that are open, by canonical path.
static OPEN: LazyLock<Mutex<HashMap<PathBuf, Weak<Instance>>>> = LazyLock::new(Mutex::default);

/// Errors with positions as fields, and one time zone for all machines and both engines. The
/// profile's `settings` come after and may say otherwise.
const SESSION: &str = "SET errors_as_json = true; SET TimeZone = 'UTC'";

/// Settings that DuckDB takes only while it opens a database.
const STARTUP: &[&str] =
    &["access_mode", "allow_unsigned_extensions", "duckdb_api", "allow_unredacted_secrets"];

/// The instance of a file, opened where it is not, or a new one in memory.
pub(super) fn instance(params: &DuckDbParams) -> SqlResult<Arc<Instance>> {
    let Some(path) = &params.path else { return open(params, None).map(Arc::new) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|_| !params.is_read_only()) {
        std::fs::create_dir_all(folder).map_err(|error| {
            EngineError::of(
                Code::CONNECT,
                format!("The folder {} of the DuckDB file cannot be made", folder.display()),
            )
            .note(error.to_string())
            .help("Check the permissions of the folders above it, or set another `path`.")
        })?;
    }
    let key = canonical(path);
    let mut opened = lock(&OPEN);
    if let Some(instance) = opened.get(&key).and_then(Weak::upgrade) {
        return Ok(instance);
    }
    let instance = Arc::new(open(params, Some(path))?);
    opened.insert(key, Arc::downgrade(&instance));
    Ok(instance)
}

/// The path with links resolved; the file itself may not be there yet.
fn canonical(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}

fn open(params: &DuckDbParams, path: Option<&Path>) -> SqlResult<Instance> {
    library::load()?;
    let shown = path.map_or_else(
        || "The DuckDB database in memory".to_owned(),
        |path| path.display().to_string(),
    );
    let failed = |error: duckdb::Error| error::of_opening(&error::text(&error), &shown);
    let mut config = duckdb::Config::default()
        .with("custom_user_agent", concat!("pintail/", env!("CARGO_PKG_VERSION")))
        .map_err(failed)?;
    for (name, value) in params.settings.iter().filter(|(name, _)| is_startup(name)) {
        config = config.with(name, plain(value)).map_err(failed)?;
    }
    let root = match path {
        Some(path) => duckdb::Connection::open_with_flags(path, config),
        None => duckdb::Connection::open_in_memory_with_flags(config),
    }
    .map_err(failed)?;
    let mut session = vec![SESSION.to_owned()];
    root.execute_batch(SESSION).map_err(failed)?;

    let mut opening = Opening { connection: root, session: &mut session };
    // Some settings are there only once their extension is, and some are for loading extensions.
    let later =
        opening.settings(params.settings.iter().filter(|(name, _)| !is_startup(name)), true)?;
    for wanted in &params.extensions {
        opening.extension(wanted)?;
    }
    opening.settings(later.into_iter(), false)?;
    for (index, secret) in params.secrets.iter().enumerate() {
        opening.secret(index, secret)?;
    }
    for attached in &params.attach {
        opening.attach(attached)?;
    }
    let root = opening.connection;
    Ok(Instance { root: Mutex::new(root), session })
}

fn is_startup(name: &str) -> bool {
    STARTUP.iter().any(|startup| startup.eq_ignore_ascii_case(name))
}

struct Opening<'a> {
    connection: duckdb::Connection,
    session: &'a mut Vec<String>,
}

impl Opening<'_> {
    fn run(&self, sql: &str) -> Result<(), String> {
        self.connection.execute_batch(sql).map_err(|error| error::text(&error))
    }

    /// Sets what can be set for all connections; the rest is set again in each. Gives those
    /// that DuckDB does not know yet, where `lenient`.
    fn settings<'p>(
        &mut self,
        settings: impl Iterator<Item = (&'p String, &'p Value)>,
        lenient: bool,
    ) -> SqlResult<Vec<(&'p String, &'p Value)>> {
        let mut unknown = Vec::new();
        for (name, value) in settings {
            let assignment = format!("{} = {}", quote_identifier(name), literal(value));
            if self.run(&format!("SET GLOBAL {assignment}")).is_ok() {
                // A session's own value, such as that of TimeZone, stands over the global one.
                self.session.push(format!("SET {assignment}"));
                continue;
            }
            let local = format!("SET {assignment}");
            match self.run(&local) {
                Ok(()) => self.session.push(local),
                Err(text) if lenient && text.contains("unrecognized configuration parameter") => {
                    unknown.push((name, value));
                }
                Err(text) => {
                    let said = error::of_text(&text, "");
                    let mut failed = EngineError::of(
                        Code::CONNECT,
                        format!("DuckDB refused the setting `{name}`"),
                    )
                    .note(said.words().to_owned());
                    failed.diagnostic.help = said.diagnostic.help.clone();
                    return Err(failed.help("Correct it under `settings` in profiles.yml."));
                }
            }
        }
        Ok(unknown)
    }

    fn extension(&mut self, wanted: &DuckDbExtension) -> SqlResult<()> {
        let name = quote_identifier(&wanted.name);
        if matches!(wanted.name.as_str(), "postgres" | "postgres_scanner") {
            return self.postgres();
        }
        if self.run(&format!("LOAD {name}")).is_ok() {
            return Ok(());
        }
        let from = match wanted.repository.as_deref() {
            None => String::new(),
            Some(url) if url.contains(['/', ':']) => format!(" FROM {}", quote_literal(url)),
            Some(alias) => format!(" FROM {alias}"),
        };
        self.run(&format!("INSTALL {name}{from}; LOAD {name}")).map_err(|text| {
            EngineError::of(
                Code::CONNECT,
                format!("DuckDB's extension `{}` cannot be installed", wanted.name),
            )
            .note(error::of_text(&text, "").words().to_owned())
            .help("Check its name under `extensions` in profiles.yml, and that this machine reaches extensions.duckdb.org.")
        })
    }

    fn postgres(&mut self) -> SqlResult<()> {
        let connection = self
            .connection
            .try_clone()
            .map_err(|error| error::of_opening(&error::text(&error), "The DuckDB database"))?;
        let _ = connection.execute_batch(SESSION);
        extension::load_postgres(&mut DuckDbConnection::detached(connection))
    }

    fn secret(&mut self, index: usize, secret: &IndexMap<String, Value>) -> SqlResult<()> {
        let name = secret
            .get("name")
            .and_then(Value::as_str)
            .map_or_else(|| format!("_dbt_secret_{}", index + 1), str::to_owned);
        let persistent = secret.get("persistent").and_then(Value::as_bool).unwrap_or(false);
        let mut hidden = Vec::new();
        let mut options = Vec::new();
        for (key, value) in secret {
            if matches!(key.as_str(), "name" | "persistent" | "storage") || value.is_null() {
                continue;
            }
            if !matches!(key.as_str(), "type" | "provider" | "scope") {
                collect_texts(value, &mut hidden);
            }
            options.push(format!("{} {}", key.to_uppercase(), literal(value)));
        }
        let storage = secret
            .get("storage")
            .and_then(Value::as_str)
            .map_or_else(String::new, |storage| format!(" IN {}", quote_identifier(storage)));
        let kind = if persistent { "PERSISTENT" } else { "TEMPORARY" };
        let sql = format!(
            "CREATE OR REPLACE {kind} SECRET {}{storage} ({})",
            quote_identifier(&name),
            options.join(", ")
        );
        self.run(&sql).map_err(|text| {
            let said = redact(error::of_text(&text, "").words(), &hidden);
            EngineError::of(Code::CONNECT, format!("DuckDB refused the secret `{name}`"))
                .note(said)
                .help("Correct it under `secrets` in profiles.yml; its extension may have to be listed under `extensions`.")
        })
    }

    fn attach(&mut self, attached: &DuckDbAttach) -> SqlResult<()> {
        if attached.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("postgres"))
            || attached.path.starts_with("postgres:")
        {
            self.postgres()?;
        }
        let mut options = Vec::new();
        if let Some(kind) = &attached.kind {
            options.push(format!("TYPE {}", quote_identifier(kind)));
        }
        if attached.read_only {
            options.push("READ_ONLY".to_owned());
        }
        if let Some(secret) = &attached.secret {
            options.push(format!("SECRET {}", quote_identifier(secret)));
        }
        for (key, value) in &attached.options {
            match value {
                Value::Null | Value::Bool(false) => {}
                Value::Bool(true) => options.push(key.to_uppercase()),
                // Quotes that were written along are not part of the text.
                Value::String(text) => {
                    let text = text.trim().trim_matches(['\'', '"']);
                    options.push(format!("{} {}", key.to_uppercase(), quote_literal(text)));
                }
                value => options.push(format!("{} {}", key.to_uppercase(), literal(value))),
            }
        }
        let mut sql = format!("ATTACH IF NOT EXISTS {}", quote_literal(&attached.path));
        if let Some(alias) = &attached.alias {
            sql.push_str(&format!(" AS {}", quote_identifier(alias)));
        }
        if !options.is_empty() {
            sql.push_str(&format!(" ({})", options.join(", ")));
        }
        // A connection string may hold a password.
        let shown = attached.alias.clone().unwrap_or_else(|| shown_path(&attached.path));
        self.run(&sql).map_err(|text| {
            let text = redact(&text, &passwords(&attached.path));
            let mut error = error::of_opening(&text, &format!("The attached database {shown}"));
            error.diagnostic.help.push("Correct it under `attach` in profiles.yml.".to_owned());
            error
        })
    }
}

/// A JSON value as a DuckDB literal.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quote_literal(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", quote_literal(key), literal(value)))
                .collect();
            format!("MAP {{{}}}", pairs.join(", "))
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn collect_texts<'a>(value: &'a Value, out: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, out)),
        Value::Object(map) => map.values().for_each(|item| collect_texts(item, out)),
        _ => {}
    }
}

/// What stands for passwords in a libpq connection string or URL.
fn passwords(path: &str) -> Vec<&str> {
    let mut found = Vec::new();
    if let Some((_, rest)) = path.split_once("password=") {
        found.push(rest.split([' ', '&']).next().unwrap_or(rest).trim_matches('\''));
    }
    if let Some((user, _)) = path.split_once("://").and_then(|(_, rest)| rest.split_once('@'))
        && let Some((_, password)) = user.split_once(':')
    {
        found.push(password);
    }
    found
}

fn shown_path(path: &str) -> String {
    redact(path, &passwords(path))
}
