//! A target of profiles.yml as plain data: which engines it has and how to reach them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::diagnostic::Location;

/// Which database system an engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    DuckDb,
    Postgres,
}

impl EngineKind {
    /// dbt's adapter type: `target.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            EngineKind::DuckDb => "duckdb",
            EngineKind::Postgres => "postgres",
        }
    }

    /// How many relations the catalog is asked about one by one, where that is possible: dbt's
    /// `get_catalog_relations` in place of `get_catalog`.
    pub fn catalog_of_relations_up_to(self) -> Option<usize> {
        (self == EngineKind::Postgres).then_some(100)
    }

    /// Whether batches of a microbatch model may run side by side: not with dbt-postgres.
    pub fn runs_batches_side_by_side(self) -> bool {
        self == EngineKind::DuckDb
    }
}

/// A password or token. Printing it in any way gives stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for the connection only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("*****")
    }
}

/// An output of a profile: the engines of one environment.
#[derive(Debug, Clone)]
pub struct Target {
    /// The profile's name.
    pub profile: String,
    /// The output's name: `dev`.
    pub name: String,
    pub threads: usize,
    /// Of nodes that name no engine.
    pub default_engine: Arc<str>,
    /// Where the results store lives: an engine of this target (`results_engine`), or a
    /// PostgreSQL of its own (`results:`), which then has an entry in no other place.
    pub results: Option<Arc<EngineConfig>>,
    /// By name, in the order of the file. A plain output has one, named after its type.
    pub engines: IndexMap<Arc<str>, Arc<EngineConfig>>,
}

impl Target {
    /// The same for looking only: no DuckDB file is made or changed.
    #[must_use]
    pub fn for_reading(&self) -> Target {
        let mut target = self.clone();
        for engine in target.engines.values_mut() {
            let EngineParams::DuckDb(params) = &engine.params else { continue };
            let mut params = params.clone();
            if params.path.is_some() {
                params.settings.insert(ACCESS_MODE.to_owned(), READ_ONLY.into());
            }
            params.attach.iter_mut().for_each(|attached| attached.read_only = true);
            *engine = Arc::new(EngineConfig {
                params: EngineParams::DuckDb(params),
                ..(**engine).clone()
            });
        }
        target
    }

    /// The `target` that Jinja in configuration files sees: that of the default engine.
    pub fn to_json(&self) -> Value {
        let engine = &self.engines[&self.default_engine];
        json!({
            "name": self.name,
            "target_name": self.name,
            "profile_name": self.profile,
            "type": engine.kind().as_str(),
            "schema": engine.schema,
            "database": engine.database,
            "dbname": engine.database,
            "threads": self.threads,
            "engine": &*engine.name,
        })
    }

    /// An engine by name.
    pub fn engine(&self, name: &str) -> Option<&Arc<EngineConfig>> {
        self.engines.get(name)
    }
}

/// A named database inside a target.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    pub name: Arc<str>,
    /// Where profiles.yml describes it.
    pub location: Option<Location>,
    /// The database that nodes live in by default: DuckDB's catalog name (the file's stem),
    /// PostgreSQL's database.
    pub database: String,
    /// The schema that nodes live in by default.
    pub schema: String,
    pub params: EngineParams,
}

impl EngineConfig {
    pub fn kind(&self) -> EngineKind {
        match self.params {
            EngineParams::DuckDb(_) => EngineKind::DuckDb,
            EngineParams::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// How to reach it, where it is PostgreSQL.
    pub fn postgres(&self) -> Option<&PostgresParams> {
        match &self.params {
            EngineParams::DuckDb(_) => None,
            EngineParams::Postgres(params) => Some(params),
        }
    }
}

/// How to reach an engine.
#[derive(Debug, Clone)]
pub enum EngineParams {
    DuckDb(DuckDbParams),
    Postgres(PostgresParams),
}

/// DuckDB's setting of how a file is opened.
const ACCESS_MODE: &str = "access_mode";
const READ_ONLY: &str = "READ_ONLY";

/// dbt-duckdb's profile keys.
#[derive(Debug, Clone, Default)]
pub struct DuckDbParams {
    /// The database file, absolute; `None` for an in-memory database (`:memory:`).
    pub path: Option<PathBuf>,
    pub extensions: Vec<DuckDbExtension>,
    pub settings: IndexMap<String, serde_json::Value>,
    pub attach: Vec<DuckDbAttach>,
    /// `CREATE SECRET` parameters, a map each.
    pub secrets: Vec<IndexMap<String, serde_json::Value>>,
    /// Folders that Python models import from, as written.
    pub module_paths: Vec<String>,
    /// Databases that the profile calls DuckLakes, by name.
    pub marked_ducklakes: Vec<String>,
    /// The folder of files that `external` models without a location are written to.
    pub external_root: String,
}

impl DuckDbParams {
    /// Whether the file is only read, and so has to be there.
    pub fn is_read_only(&self) -> bool {
        let mode = self.settings.get(ACCESS_MODE).and_then(Value::as_str);
        mode.is_some_and(|mode| mode.eq_ignore_ascii_case(READ_ONLY))
    }

    /// The databases that are DuckLakes: those that the profile calls so, and those whose path does.
    pub fn ducklakes(&self) -> Vec<String> {
        let of_path = |attach: &DuckDbAttach| {
            let lower = attach.path.to_ascii_lowercase();
            lower.contains("ducklake:").then(|| attach.name())
        };
        self.marked_ducklakes
            .iter()
            .cloned()
            .chain(self.attach.iter().filter_map(of_path))
            .collect()
    }
}

impl DuckDbAttach {
    /// The name of the attached database: its alias, or the stem of its file.
    pub fn name(&self) -> String {
        match &self.alias {
            Some(alias) => alias.clone(),
            None => {
                let path = self.path.rsplit(['/', ':']).next().unwrap_or_default();
                path.rsplit_once('.').map_or(path, |(stem, _)| stem).to_owned()
            }
        }
    }
}

/// An entry of `extensions`.
#[derive(Debug, Clone)]
pub struct DuckDbExtension {
    pub name: String,
    pub repository: Option<String>,
}

/// An entry of `attach`.
#[derive(Debug, Clone)]
pub struct DuckDbAttach {
    pub path: String,
    pub alias: Option<String>,
    pub kind: Option<String>,
    pub read_only: bool,
    /// The name of a secret to open it with.
    pub secret: Option<String>,
    pub options: IndexMap<String, serde_json::Value>,
}

/// dbt-postgres's profile keys, and `embedded`.
#[derive(Debug, Clone)]
pub struct PostgresParams {
    /// Of an embedded cluster: its folder, `<project>/.pintail/postgres`, absolute.
    pub embedded: Option<PathBuf>,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Secret>,
    pub dbname: String,
    pub sslmode: Option<String>,
    /// PEM files, as the user wrote them: the client's certificate and key, authorities to trust.
    pub sslcert: Option<String>,
    pub sslkey: Option<String>,
    pub sslrootcert: Option<String>,
    pub application_name: Option<String>,
    pub search_path: Option<String>,
    pub role: Option<String>,
    pub connect_timeout: Duration,
    pub retries: u32,
    pub keepalives_idle: Duration,
}
