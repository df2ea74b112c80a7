//! The engines of a target as a run uses them: opened at first use, their connections kept and
//! handed out again, and all of them cancelled at once when the run is interrupted.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::adapter::ConnectionAdapter;
use super::wire::{Ear, Spoken, Wire};
use crate::compile::Adapters;
use crate::config::{EngineConfig, EngineKind, EngineParams, Target};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::{self, Canceller, Connection, Engine, SqlResult, bridge, embedded};
use crate::jinja::{Adapter, Message};
use crate::manifest::UniqueId;
use crate::relation::{Cell, Relation, ResultSet};

/// Who hears the lines of templates, from any thread.
type Listener = Box<dyn Fn(Message, &str) + Send + Sync>;

/// All engines of a target.
pub struct Engines {
    pools: HashMap<Arc<str>, Pool>,
    /// PostgreSQL engines that DuckDB nodes read in place.
    in_place: Vec<Arc<str>>,
    interrupted: AtomicBool,
    /// A cancel handle for each connection that was made.
    cancellers: Mutex<Vec<Arc<dyn Canceller>>>,
    listener: OnceLock<Listener>,
    ear: OnceLock<Ear>,
    /// Relations that DuckDB reads exactly.
    checked: Mutex<HashSet<Relation>>,
}

struct Pool {
    config: Arc<EngineConfig>,
    opened: OnceLock<Result<Opened>>,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that nobody uses at the moment, and the node that it was for.
struct Idle {
    connection: Box<dyn Connection>,
    node: Option<UniqueId>,
}

#[derive(Clone)]
struct Opened {
    engine: Arc<dyn Engine>,
    /// The configuration with the embedded server's address filled in.
    config: Arc<EngineConfig>,
    /// Keeps the embedded server up.
    _guard: Option<Arc<embedded::Guard>>,
}

impl Engines {
    /// The engines of a target, none of them opened. DuckDB attaches the engines of `in_place`.
    pub fn new(target: &Target, in_place: Vec<Arc<str>>) -> Arc<Engines> {
        let pools = target
            .engines
            .values()
            .map(|config| {
                let pool = Pool {
                    config: config.clone(),
                    opened: OnceLock::new(),
                    idle: Mutex::default(),
                };
                (config.name.clone(), pool)
            })
            .collect();
        Arc::new(Engines {
            pools,
            in_place,
            interrupted: AtomicBool::new(false),
            cancellers: Mutex::default(),
            listener: OnceLock::new(),
            ear: OnceLock::new(),
            checked: Mutex::default(),
        })
    }

    /// A connection of an engine; it goes back when dropped.
    ///
    /// # Errors
    /// The engine cannot be reached.
    pub fn connection(self: &Arc<Self>, name: &str) -> Result<Pooled> {
        let (name, pool) = self.pool(name)?;
        let opened = self.open(pool)?;
        let idle = lock(&pool.idle).pop();
        let (inner, formerly) = match idle {
            Some(Idle { connection, node }) => (connection, node),
            None => {
                let connection = opened.engine.connect()?;
                lock(&self.cancellers).push(connection.canceller());
                (connection, None)
            }
        };
        let ear = self.ear.get().cloned();
        let wire = Wire { inner, node: None, formerly, comment: None, ear };
        Ok(Pooled { engines: self.clone(), name, wire: Some(wire) })
    }

    /// Opens engines of which it is known that they are used soon. One that cannot be reached says so
    /// when it is.
    pub fn open_ahead(self: &Arc<Self>, names: &HashSet<&str>) {
        for (_, pool) in self.pools.iter().filter(|(name, _)| names.contains(&***name)) {
            let _ = self.open(pool);
        }
    }

    /// The configuration of an engine, opened: with the address of an embedded server.
    ///
    /// # Errors
    /// The engine cannot be reached.
    pub fn opened_config(self: &Arc<Self>, name: &str) -> Result<Arc<EngineConfig>> {
        let (_, pool) = self.pool(name)?;
        Ok(self.open(pool)?.config.clone())
    }

    /// Attaches PostgreSQL engines to a DuckDB engine, for a statement that no node of the DAG is.
    ///
    /// # Errors
    /// An engine cannot be reached.
    pub fn attach(self: &Arc<Self>, duckdb: &str, others: &[Arc<str>]) -> Result<()> {
        for name in others {
            let other = self.opened_config(name)?;
            let EngineParams::Postgres(params) = &other.params else { continue };
            bridge::attach_postgres(&mut *self.connection(duckdb)?, name, params)?;
        }
        Ok(())
    }

    /// Makes schemas of the PostgreSQL engines known to an open DuckDB engine, which looks them up
    /// only once.
    ///
    /// # Errors
    /// The engine's.
    pub fn refresh_schemas(self: &Arc<Self>, duckdb: &str, schemas: &[&str]) -> Result<()> {
        let mut connection = self.connection(duckdb)?;
        let up = |alias: &&Arc<str>| self.opened_config(alias).is_ok();
        for alias in self.in_place.iter().filter(up) {
            bridge::refresh(&mut *connection, alias, schemas)?;
        }
        Ok(())
    }

    /// Whether an engine is one of several, and cannot be reached: what does not need it goes on.
    pub fn is_away(self: &Arc<Self>, name: &str) -> bool {
        let error = |pool: (Arc<str>, &Pool)| self.open(pool.1).err();
        let away = |error: Box<Diagnostic>| error.code == Code::CONNECT;
        self.pools.len() > 1 && self.pool(name).ok().and_then(error).is_some_and(away)
    }

    /// Brings what DuckDB engines have in their logs into their files, which closing them would do
    /// later: for a time in which there is something else to wait for, and after which nothing runs
    /// on them. One that cannot do so now does it when it is closed.
    pub fn settle(&self) {
        for pool in self.pools.values() {
            let has_file =
                matches!(&pool.config.params, EngineParams::DuckDb(it) if it.path.is_some());
            let idle = if has_file { lock(&pool.idle).pop() } else { None };
            if let Some(mut idle) = idle {
                // With a thread of its own DuckDB lets that do the work, and spins here until it has:
                // a processor that others could have.
                let alone = idle.connection.execute("SET threads = 1");
                let written = alone.and_then(|_| idle.connection.execute("CHECKPOINT"));
                if let Some(Ok(opened)) = pool.opened.get()
                    && written.is_ok()
                    && has_nothing_left(&mut *idle.connection)
                {
                    // Closing it would only free memory, which the process's end does sooner.
                    std::mem::forget(opened.engine.clone());
                }
                lock(&pool.idle).push(idle);
            }
        }
    }

    /// Whether DuckDB nodes read PostgreSQL engines.
    pub fn reads_in_place(&self) -> bool {
        !self.in_place.is_empty()
    }

    /// Whether DuckDB reads a PostgreSQL relation exactly; asked once a relation and run.
    ///
    /// # Errors
    /// `BRIDGE_TYPE` naming the columns that would change.
    pub fn check_in_place(self: &Arc<Self>, engine: &str, relation: &Relation) -> Result<()> {
        if lock(&self.checked).contains(relation) {
            return Ok(());
        }
        let columns = self.connection(engine)?.columns(relation)?;
        bridge::check_in_place(relation, &columns)?;
        lock(&self.checked).insert(relation.clone());
        Ok(())
    }

    fn pool(&self, name: &str) -> Result<(Arc<str>, &Pool)> {
        self.pools.get_key_value(name).map(|(name, pool)| (name.clone(), pool)).ok_or_else(|| {
            Box::new(Diagnostic::error(
                Code::UNKNOWN_ENGINE,
                format!("The target has no engine `{name}`"),
            ))
        })
    }

    fn open<'a>(self: &Arc<Self>, pool: &'a Pool) -> Result<&'a Opened> {
        let opened = pool.opened.get_or_init(|| {
            let place = || pool.config.location.clone();
            self.open_now(&pool.config).map_err(|error| Box::new(error.or_at(place())))
        });
        opened.as_ref().map_err(Clone::clone)
    }

    fn open_now(self: &Arc<Self>, config: &Arc<EngineConfig>) -> Result<Opened> {
        let mut resolved = config.clone();
        let mut guard = None;
        if let EngineParams::Postgres(params) = &config.params
            && params.embedded.is_some()
        {
            let (params, held) = embedded::ensure(params)?;
            guard = held.map(Arc::new);
            let params = EngineParams::Postgres(params);
            resolved = Arc::new(EngineConfig { params, ..(**config).clone() });
        }
        let engine = engine::open(&resolved)?;
        if config.kind() == EngineKind::DuckDb && !self.in_place.is_empty() {
            let mut connection = engine.connect()?;
            for name in &self.in_place {
                // Nodes that read one that is away say so; the others have no need of it.
                let Ok(other) = self.opened_config(name) else { continue };
                let EngineParams::Postgres(params) = &other.params else { continue };
                bridge::attach_postgres(connection.as_mut(), name, params)?;
            }
        }
        Ok(Opened { engine, config: resolved, _guard: guard })
    }

    /// Stops everything that is running on any connection, and lets nothing new start.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
        for canceller in lock(&self.cancellers).iter() {
            canceller.cancel();
        }
    }

    /// Whether [`Engines::interrupt`] was called.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    /// Hands the lines of templates on as they come; the first listener stays.
    pub fn listen(&self, listener: impl Fn(Message, &str) + Send + Sync + 'static) {
        let _first_stays = self.listener.set(Box::new(listener));
    }

    /// Tells of every statement from now on; the first listener stays.
    pub fn hear(&self, ear: impl Fn(&Spoken) + Send + Sync + 'static) {
        let _first_stays = self.ear.set(Arc::new(ear));
    }

    fn tell(&self, kind: Message, text: &str) {
        if let Some(listener) = self.listener.get() {
            listener(kind, text);
        }
    }
}

impl Adapters for Arc<Engines> {
    fn adapter(&self, engine: &str) -> Result<Arc<dyn Adapter>> {
        Ok(Arc::new(ConnectionAdapter::new(self.connection(engine)?)))
    }

    fn log(&self, message: &str, info: bool) {
        self.tell(if info { Message::Info } else { Message::Debug }, message);
    }

    fn warn(&self, message: &str) {
        self.tell(Message::Warning, message);
    }

    fn print(&self, message: &str) {
        self.tell(Message::Print, message);
    }
}

/// A connection on loan.
pub struct Pooled {
    engines: Arc<Engines>,
    name: Arc<str>,
    wire: Option<Wire>,
}

impl Pooled {
    /// Whose statements these are.
    pub fn of_node(&mut self, node: &UniqueId) {
        if let Some(wire) = &mut self.wire {
            wire.of_node(node);
        }
    }

    /// Runs a query that holds a secret, of which other words are told.
    ///
    /// # Errors
    /// Those of [`Connection::query`].
    pub fn query_told_as(&mut self, sql: &str, told: &str, limit: usize) -> SqlResult<ResultSet> {
        let wire = self.wire.as_mut().expect("a connection is only taken out on drop");
        wire.query_told_as(sql, told, limit)
    }

    /// Writes a comment into every statement from now on.
    pub fn comment(&mut self, comment: String, last: bool) {
        if let Some(wire) = &mut self.wire {
            wire.comment = Some((comment, last));
        }
    }
}

impl std::ops::Deref for Pooled {
    type Target = dyn Connection;
    fn deref(&self) -> &Self::Target {
        self.wire.as_ref().expect("a connection is only taken out on drop")
    }
}

impl std::ops::DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.wire.as_mut().expect("a connection is only taken out on drop")
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(mut wire) = self.wire.take() else { return };
        if wire.rollback().is_ok()
            && let Some(pool) = self.engines.pools.get(&self.name)
        {
            let node = wire.node.or(wire.formerly);
            lock(&pool.idle).push(Idle { connection: wire.inner, node });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a DuckDB database that was brought into its file has nothing else to do when it is closed:
/// further databases have logs of their own, messages may wait for a file, and what did not fit into
/// memory lies in a folder that goes with it.
fn has_nothing_left(connection: &mut dyn Connection) -> bool {
    let sql = "select (select count(*) from duckdb_databases() where not internal) = 1
        and not current_setting('enable_logging') and current_setting('log_query_path') = '',
        current_setting('temp_directory')";
    let Ok(found) = connection.query(sql, None) else { return false };
    let [row] = found.rows.as_slice() else { return false };
    row[0] == Cell::Bool(true) && !Path::new(&row[1].to_text()).exists()
}
