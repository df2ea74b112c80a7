//! The scratch databases of a target: for each DuckDB engine one for each thread, for each PostgreSQL
//! engine one for all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::scratch::{DuckScratches, Scratch};
use super::scratch_postgres::PostgresScratch;
use super::tokens::Tokens;
use crate::compile::Compiler;
use crate::config::{EngineConfig, EngineKind};
use crate::diagnostic::Diagnostic;
use crate::relation::ResultSet;
use crate::run::Engines;

/// The scratch databases, by the engine that they stand for.
pub(super) struct Pools {
    by_engine: HashMap<Arc<str>, Pool>,
}

/// The scratch databases of an engine.
enum Pool {
    /// As many as there are threads.
    DuckDb(DuckScratches, Mutex<Vec<Box<dyn Scratch>>>),
    /// One for all.
    Postgres(Box<Mutex<PostgresScratch>>),
    /// None, and why.
    Away(String),
}

impl Pool {
    fn open(config: &EngineConfig, engines: &Arc<Engines>, databases: &[&str]) -> Pool {
        let why = |error: &Diagnostic| Pool::Away(format!("of this: {}", error.message));
        match config.kind() {
            EngineKind::DuckDb => match DuckScratches::open(config, databases) {
                Ok(open) => Pool::DuckDb(open, Mutex::default()),
                Err(error) => why(&error.diagnostic),
            },
            EngineKind::Postgres => match engines.connection(&config.name) {
                Ok(connection) => match PostgresScratch::begin(connection) {
                    Ok(scratch) => Pool::Postgres(Box::new(Mutex::new(scratch))),
                    Err(error) => why(&error.diagnostic),
                },
                Err(error) => why(&error),
            },
        }
    }
}

impl Pools {
    /// Opens what the nodes of a project need.
    pub fn open(compiler: &Compiler, engines: &Arc<Engines>) -> Pools {
        let manifest = &compiler.manifest;
        let target = &compiler.config.target;
        let mut by_engine = HashMap::new();
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
            let pool = match has_nodes {
                true => Pool::open(config, engines, &databases),
                false => Pool::Away(format!("no node is on the engine `{}`", config.name)),
            };
            by_engine.insert(config.name.clone(), pool);
        }
        Pools { by_engine }
    }

    /// Works on a scratch database of an engine; none where there is none.
    pub fn with_scratch<T>(
        &self,
        engine: &str,
        work: impl FnOnce(&mut dyn Scratch) -> T,
    ) -> Option<T> {
        let (open, idle) = match self.by_engine.get(engine)? {
            Pool::DuckDb(open, idle) => (open, idle),
            Pool::Postgres(one) => {
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
