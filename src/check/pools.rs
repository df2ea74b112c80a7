//! The scratch databases of a target: for each DuckDB engine one for each thread, for each PostgreSQL
//! engine one for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::scratch::{DuckScratches, Scratch};
use super::scratch_postgres::PostgresScratch;
use super::tokens::Tokens;
use crate::compile::Compiler;
use crate::config::{EngineConfig, EngineKind, EngineParams, PostgresParams};
use crate::diagnostic::Diagnostic;
use crate::relation::ResultSet;
use crate::run::Engines;

/// The scratch databases, by the engine that they stand for.
pub(super) struct Pools {
    by_engine: HashMap<Arc<str>, Pool>,
    /// What is to be said of engines that are away.
    notes: Vec<Diagnostic>,
}

/// The scratch databases of an engine.
enum Pool {
    /// As many as there are threads.
    DuckDb(DuckScratches, Mutex<Vec<Box<dyn Scratch>>>),
    /// One for all.
    Postgres(Box<Mutex<PostgresScratch>>),
    /// The same on a private server, since the engine's own is away: it lacks the functions and types
    /// that are made there.
    Private(Box<Mutex<PostgresScratch>>),
    /// None, and why.
    Away(String),
}

impl Pool {
    fn away(error: &Diagnostic) -> Pool {
        Pool::Away(format!("of this: {}", error.message))
    }

    fn duckdb(config: &EngineConfig, databases: &[&str]) -> Pool {
        match DuckScratches::open(config, databases) {
            Ok(open) => Pool::DuckDb(open, Mutex::default()),
            Err(error) => Pool::away(&error.diagnostic),
        }
    }

    /// A scratch on the private server of the project, since the one of an engine is away; and what is to
    /// be said then.
    fn private(
        config: &EngineConfig,
        compiler: &Compiler,
        away: Diagnostic,
    ) -> (Pool, Option<Diagnostic>) {
        let message = |how: &str| {
            format!("The PostgreSQL of `{}` is away, and its models are {how}", config.name)
        };
        match begin(config, &private(config, compiler)) {
            Ok(scratch) => {
                let note = Diagnostic::warning(away.code, message("checked by a private server"))
                    .note(away.message)
                    .note("Functions, types and tables that only the real one has are not missed.");
                (Pool::Private(scratch), Some(note))
            }
            Err(missing) => {
                let pool = Pool::away(&away);
                let note = Diagnostic::warning(away.code, message("not checked"))
                    .note(away.message)
                    .note(format!("A private server cannot take its place: {}", missing.message));
                (pool, Some(missing.help.into_iter().fold(note, Diagnostic::help)))
            }
        }
    }
}

/// A scratch in a database that answers.
fn begin(
    config: &EngineConfig,
    engines: &Arc<Engines>,
) -> Result<Box<Mutex<PostgresScratch>>, Box<Diagnostic>> {
    let connection = engines.connection(&config.name)?;
    let scratch = PostgresScratch::begin(connection).map_err(|error| Box::new(error.diagnostic))?;
    Ok(Box::new(Mutex::new(scratch)))
}

/// The engines of a target with the project's private server in the place of one of them.
fn private(config: &EngineConfig, compiler: &Compiler) -> Arc<Engines> {
    let mut target = compiler.config.target.for_reading();
    if let EngineParams::Postgres(params) = &config.params {
        let params = PostgresParams {
            embedded: Some(compiler.config.own_folder("postgres")),
            host: String::new(),
            port: PRIVATE_PORT,
            user: "pintail".to_owned(),
            password: None,
            sslmode: None,
            sslcert: None,
            sslkey: None,
            sslrootcert: None,
            search_path: None,
            role: None,
            ..params.clone()
        };
        let own = EngineConfig { params: EngineParams::Postgres(params), ..config.clone() };
        target.engines.insert(config.name.clone(), Arc::new(own));
    }
    Engines::new(&target, Vec::new())
}

/// The port that names the private server's socket, unless a profile names another.
const PRIVATE_PORT: u16 = 5432;

impl Pools {
    /// Opens what the nodes of a project need; `private` servers in the place of those that are away, where
    /// that is wanted.
    pub fn open(compiler: &Compiler, engines: &Arc<Engines>, private: bool) -> Pools {
        let manifest = &compiler.manifest;
        let target = &compiler.config.target;
        let (mut by_engine, mut notes) = (HashMap::new(), Vec::new());
        for config in target.engines.values() {
            let mut databases: Vec<&str> = vec![&config.database];
            let nodes = manifest.nodes.values().filter(|node| node.engine == config.name);
            databases.extend(nodes.map(|node| node.database.as_str()));
            let sources = manifest.sources.values().filter(|it| it.engine == config.name);
            databases.extend(sources.map(|source| source.database.as_str()));
            // PostgreSQL read in place has its engine's name.
            let others = target.engines.values();
            let others = others.filter(|other| other.kind() == EngineKind::Postgres);
            databases.extend(others.map(|other| &*other.name));
            databases.retain(|name| !name.is_empty());
            databases.sort_unstable();
            databases.dedup();
            // Nothing is started that nobody needs.
            let has_nodes = manifest.nodes.values().any(|node| node.engine == config.name);
            let pool = match config.kind() {
                _ if !has_nodes => {
                    Pool::Away(format!("no node is on the engine `{}`", config.name))
                }
                EngineKind::DuckDb => Pool::duckdb(config, &databases),
                EngineKind::Postgres => {
                    let (pool, note) = match begin(config, engines) {
                        Ok(scratch) => (Pool::Postgres(scratch), None),
                        Err(away) if private => Pool::private(config, compiler, *away),
                        Err(away) => (Pool::away(&away), None),
                    };
                    notes.extend(note);
                    pool
                }
            };
            by_engine.insert(config.name.clone(), pool);
        }
        Pools { by_engine, notes }
    }

    /// What is to be said of engines that are away.
    pub fn notes(&self) -> Vec<Diagnostic> {
        self.notes.clone()
    }

    /// Works on a scratch database of an engine; none where there is none.
    pub fn with_scratch<T>(
        &self,
        engine: &str,
        work: impl FnOnce(&mut dyn Scratch) -> T,
    ) -> Option<T> {
        let (open, idle) = match self.by_engine.get(engine)? {
            Pool::DuckDb(open, idle) => (open, idle),
            Pool::Postgres(one) | Pool::Private(one) => {
                return Some(work(&mut *one.lock().unwrap_or_else(PoisonError::into_inner)));
            }
            Pool::Away(_) => return None,
        };
        let idle = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        let free = idle().pop();
        let mut scratch = match free {
            Some(scratch) => scratch,
            None => open.scratch().ok()?,
        };
        let done = work(&mut *scratch);
        idle().push(scratch);
        Some(done)
    }

    /// Why an engine has no scratch database.
    pub fn away(&self, engine: &str) -> String {
        match self.by_engine.get(engine) {
            Some(Pool::Away(why)) => why.clone(),
            _ => format!("the engine `{engine}` has no scratch database"),
        }
    }

    /// Whether the scratch of an engine has all functions that it has itself.
    pub fn are_complete(&self, engine: &str) -> bool {
        match self.by_engine.get(engine) {
            Some(Pool::DuckDb(scratches, _)) => scratches.complete,
            Some(Pool::Postgres(_)) => true,
            _ => false,
        }
    }

    /// The rows of a query that reads nothing, such as how many days lie between two dates.
    pub fn constant(&self, engine: &str, sql: &str) -> Option<ResultSet> {
        if !is_constant(sql) {
            return None;
        }
        self.with_scratch(engine, |scratch| scratch.query(sql).ok()).flatten()
    }
}

/// Functions that a constant may be made of.
const PURE: &[&str] = &[
    "abs",
    "cast",
    "ceil",
    "ceiling",
    "coalesce",
    "concat",
    "date",
    "date_diff",
    "date_part",
    "date_trunc",
    "datediff",
    "extract",
    "floor",
    "greatest",
    "least",
    "lower",
    "make_date",
    "nullif",
    "round",
    "strftime",
    "strptime",
    "to_char",
    "to_date",
    "try_cast",
    "upper",
];

/// Whether a statement is a query without tables, of functions that do nothing.
fn is_constant(sql: &str) -> bool {
    let tokens = Tokens::of(sql);
    let others = ["from", "into", "with", "values", "table", ";"];
    let is_other = |at: usize| tokens.is_any(at, &others) && at + 1 < tokens.all.len();
    let calls = |at: usize| tokens.is_name(at) && tokens.is(at + 1, "(");
    tokens.is(0, "select")
        && (0..tokens.all.len()).all(|at| {
            let is_pure = at == 0 || tokens.is_any(at, PURE);
            !is_other(at) && (!calls(at) || is_pure)
        })
}

#[cfg(test)]
mod tests {
    use super::is_constant;

    #[test]
    fn only_what_reads_and_does_nothing_is_run() {
        assert!(is_constant("\n select date_diff('day', '2020-01-01'::date, date '2021-01-01')"));
        assert!(is_constant("select ((date_part('year', ('2021-01-01')::date)) * 12 + (1))"));
        assert!(!is_constant("select count(*) from t"));
        assert!(!is_constant("select nextval('s')"));
        assert!(!is_constant("select 1; drop table t"));
        assert!(!is_constant("drop table t"));
    }
}
