//! A private PostgreSQL cluster for a project: `embedded: true`.
//!
//! Started when a command needs it and stopped by the last command that uses it, unless
//! `pintail postgres start` keeps it up. It listens on a Unix socket in a folder of its user only.
//!
//! Every user of the cluster holds a shared lock on the file `users` while it works; who ends,
//! tries for the exclusive lock and stops the server if it gets it. The kernel takes the lock from
//! a command that dies, so the next one that uses the cluster stops it at its own end: a server
//! outlives a `kill -9` of its command by one command at most. Starting and stopping happen under
//! a second lock, `lock`, one at a time.
//!
//! Durability: `fsync` stays on, so a crash loses no consistency; `synchronous_commit` is off, so
//! the last fraction of a second of commits may be missing after the server or the machine died.

mod cluster;
mod install;
mod lock;
mod server;

use std::path::{Path, PathBuf};

use crate::config::PostgresParams;
use crate::diagnostic::Code;
use crate::engine::postgres::PostgresConnection;
use crate::engine::{Connection, EngineError, SqlResult};
use crate::relation::{quote_identifier, quote_literal};
use cluster::Cluster;
use lock::{Exclusive, Shared};

/// The superuser that every cluster is made with.
const SUPERUSER: &str = "pintail";

/// Keeps the cluster up while it lives; the last one stops it when dropped.
#[derive(Debug)]
pub struct Guard {
    dir: PathBuf,
    port: u16,
    shared: Option<Shared>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Nobody is left to tell of an error; the next command finds the server and stops it.
        let _ = self.release();
    }
}

impl Guard {
    fn release(&mut self) -> SqlResult<()> {
        let _lock = Exclusive::take(&self.dir.join("lock"))?;
        drop(self.shared.take());
        let cluster = Cluster::find(&self.dir, self.port)?;
        if !cluster.is_kept() && Exclusive::try_take(&self.dir.join("users"))?.is_some() {
            cluster.stop()?;
        }
        Ok(())
    }
}

/// What [`status`] tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The server's process, where it runs.
    pub pid: Option<i32>,
    /// Whether `pintail postgres start` asked for it to stay up.
    pub kept: bool,
    /// Whether commands are using it now.
    pub in_use: bool,
    /// Where its data lies.
    pub data: PathBuf,
    /// The folder of its socket.
    pub socket_dir: PathBuf,
    /// PostgreSQL's major version of the data, once there is any.
    pub version: Option<String>,
}

/// What [`stop`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It ran, and is stopped now.
    Stopped,
    /// It did not run.
    WasNotRunning,
    /// Other commands use it: the last of them stops it.
    WhenUnused,
}

/// Makes the cluster where there is none, starts it where it does not run, creates role and
/// database where they are missing, and gives how to connect. Does nothing to parameters that
/// are not of an embedded cluster.
///
/// # Errors
/// `NO_SERVER` without PostgreSQL on the machine; `CONNECT` with the server's log when it fails.
pub fn ensure(params: &PostgresParams) -> SqlResult<(PostgresParams, Option<Guard>)> {
    let Some(dir) = &params.embedded else { return Ok((params.clone(), None)) };
    let (resolved, guard, _) = bring_up(params, dir)?;
    Ok((resolved, Some(guard)))
}

/// Does the same and connects. Of a cluster that is up that takes no more than the one connection.
///
/// # Errors
/// As [`ensure`]; `CONNECT` or `AUTH` where the server cannot be reached.
pub fn connect(params: &PostgresParams) -> SqlResult<(PostgresConnection, Option<Guard>)> {
    let Some(dir) = &params.embedded else { return Ok((PostgresConnection::open(params)?, None)) };
    let (resolved, guard, connection) = bring_up(params, dir)?;
    let connection = connection.map_or_else(|| PostgresConnection::open(&resolved), Ok)?;
    Ok((connection, Some(guard)))
}

/// With a connection, where one was made to see that all is there.
fn bring_up(
    params: &PostgresParams,
    dir: &Path,
) -> SqlResult<(PostgresParams, Guard, Option<PostgresConnection>)> {
    let cluster = prepare(dir, params.port)?;
    let lock = Exclusive::take(&dir.join("lock"))?;
    let shared = Shared::take(&dir.join("users"))?;
    let guard = Guard { dir: dir.to_owned(), port: params.port, shared: Some(shared) };
    let resolved = resolved(params, &cluster);
    let attempt = PostgresParams { retries: 0, ..resolved.clone() };
    // A server without the cluster's folder has nothing left to serve, even if it answers.
    let runs = cluster.pid().is_some();
    let connection = runs.then(|| PostgresConnection::open(&attempt).ok()).flatten();
    let ready = match connection {
        Some(_) => Ok(()),
        None => cluster.start().and_then(|()| provide(&resolved, &cluster)),
    };
    // The guard takes the lock itself when an error drops it.
    drop(lock);
    ready?;
    Ok((resolved, guard, connection))
}

/// Whether the server of an embedded cluster runs; starts nothing.
pub fn is_up(params: &PostgresParams) -> bool {
    let dir = params.embedded.as_deref().filter(|dir| dir.is_dir());
    let cluster = dir.and_then(|dir| Cluster::find(dir, params.port).ok());
    cluster.is_some_and(|cluster| cluster.pid().is_some())
}

/// Starts the cluster and keeps it up after this command.
///
/// # Errors
/// As [`ensure`].
pub fn start(params: &PostgresParams) -> SqlResult<PostgresParams> {
    let (resolved, guard) = ensure(params)?;
    if let Some(guard) = guard {
        let _lock = Exclusive::take(&guard.dir.join("lock"))?;
        Cluster::find(&guard.dir, guard.port)?.keep(true)?;
    }
    Ok(resolved)
}

/// Takes back [`start`], and stops the server unless other commands are using it.
///
/// # Errors
/// `CONNECT` when it does not stop.
pub fn stop(params: &PostgresParams) -> SqlResult<Stopped> {
    let Some(dir) = params.embedded.as_ref().filter(|dir| dir.is_dir()) else {
        return Ok(Stopped::WasNotRunning);
    };
    let _lock = Exclusive::take(&dir.join("lock"))?;
    let cluster = Cluster::find(dir, params.port)?;
    cluster.keep(false)?;
    if cluster.pid().is_none() {
        return Ok(Stopped::WasNotRunning);
    }
    match Exclusive::try_take(&dir.join("users"))? {
        Some(_alone) => cluster.stop().map(|()| Stopped::Stopped),
        None => Ok(Stopped::WhenUnused),
    }
}

/// How the cluster stands; starts nothing.
///
/// # Errors
/// `CONNECT` where its folder cannot be read.
pub fn status(params: &PostgresParams) -> SqlResult<Status> {
    let dir = params.embedded.clone().unwrap_or_default();
    let cluster = Cluster::find(&dir, params.port)?;
    let in_use = dir.is_dir() && Exclusive::try_take(&dir.join("users"))?.is_none();
    Ok(Status {
        pid: cluster.pid(),
        kept: cluster.is_kept(),
        in_use,
        version: cluster.version(),
        data: cluster.data,
        socket_dir: cluster.socket_dir,
    })
}

/// The connection URL, for psql and other programs. Holds no password: of an embedded cluster
/// there is none. Starts nothing.
///
/// # Errors
/// As [`status`].
pub fn url(params: &PostgresParams) -> SqlResult<String> {
    let resolved = match &params.embedded {
        Some(dir) => resolved(params, &Cluster::find(dir, params.port)?),
        None => params.clone(),
    };
    Ok(format!(
        "postgresql:///{}?host={}&port={}&user={}",
        percent(&resolved.dbname),
        percent(&resolved.host),
        resolved.port,
        percent(&resolved.user)
    ))
}

/// Makes the folder with what every command needs before it may lock.
fn prepare(dir: &Path, port: u16) -> SqlResult<Cluster> {
    std::fs::create_dir_all(dir).map_err(|error| {
        EngineError::of(
            Code::CONNECT,
            format!("The folder {} of the embedded PostgreSQL cannot be made", dir.display()),
        )
        .note(error.to_string())
        .help("Check the permissions of the project's folder.")
    })?;
    Cluster::find(dir, port)
}

fn resolved(params: &PostgresParams, cluster: &Cluster) -> PostgresParams {
    PostgresParams {
        embedded: None,
        host: cluster.socket_dir.to_string_lossy().into_owned(),
        password: None,
        ..params.clone()
    }
}

/// Creates the role and the database of the profile where they are missing.
fn provide(params: &PostgresParams, cluster: &Cluster) -> SqlResult<()> {
    // Most often both are there: one attempt that has to be made anyhow.
    let plain = PostgresParams { role: None, search_path: None, retries: 0, ..params.clone() };
    if PostgresConnection::open(&plain).is_ok() {
        return Ok(());
    }
    let admin = PostgresParams {
        user: SUPERUSER.to_owned(),
        dbname: "postgres".to_owned(),
        ..plain.clone()
    };
    let mut connection = PostgresConnection::open(&admin).map_err(|error| {
        error.note(cluster.log_tail()).help("Look into the server's log for the reason.")
    })?;
    let role = include_str!("../sql/postgres_role_exists.sql")
        .replace("$name", &quote_literal(&params.user));
    if connection.query(&role, None)?.rows.is_empty() {
        connection
            .execute(&format!("CREATE ROLE {} LOGIN SUPERUSER", quote_identifier(&params.user)))?;
    }
    let database = include_str!("../sql/postgres_database_exists.sql")
        .replace("$name", &quote_literal(&params.dbname));
    if connection.query(&database, None)?.rows.is_empty() {
        connection.execute(&format!(
            "CREATE DATABASE {} OWNER {}",
            quote_identifier(&params.dbname),
            quote_identifier(&params.user)
        ))?;
    }
    PostgresConnection::open(&plain).map(drop)
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
