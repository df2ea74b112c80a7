//! Real engines for integration tests: a PostgreSQL database for each test, DuckDB files in
//! temporary folders.
//!
//! `PINTAIL_TEST_PG_HOST` (a socket folder), `PINTAIL_TEST_PG_PORT` and `PINTAIL_TEST_PG_USER` name
//! a running throw-away server that trusts its socket. Without them the test process runs an
//! embedded cluster of its own in a temporary folder, stopped when the process ends.

#![allow(dead_code)]

pub mod project;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pintail::config::{DuckDbParams, PostgresParams};
use pintail::engine::duckdb::DuckDb;
use pintail::engine::postgres::{Postgres, PostgresConnection};
use pintail::engine::{Connection, Engine};
use pintail::relation::Cell;

/// Parameters that reach the test server's maintenance database.
pub fn server() -> PostgresParams {
    static SERVER: OnceLock<PostgresParams> = OnceLock::new();
    SERVER
        .get_or_init(|| match std::env::var("PINTAIL_TEST_PG_HOST") {
            Ok(host) => params(
                &host,
                std::env::var("PINTAIL_TEST_PG_PORT").ok().and_then(|port| port.parse().ok()),
                std::env::var("PINTAIL_TEST_PG_USER").ok().as_deref(),
            ),
            Err(_) => own_server(),
        })
        .clone()
}

/// Parameters of a server that trusts its socket.
pub fn params(host: &str, port: Option<u16>, user: Option<&str>) -> PostgresParams {
    PostgresParams {
        embedded: None,
        host: host.to_owned(),
        port: port.unwrap_or(5432),
        user: user.unwrap_or("postgres").to_owned(),
        password: None,
        dbname: "postgres".to_owned(),
        sslmode: None,
        sslcert: None,
        sslkey: None,
        sslrootcert: None,
        application_name: None,
        search_path: None,
        role: None,
        connect_timeout: Duration::from_secs(10),
        retries: 1,
        keepalives_idle: Duration::ZERO,
    }
}

/// A cluster in a temporary folder. A shell that waits for the end of this process, however it
/// comes, stops the server and removes the folder.
fn own_server() -> PostgresParams {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let dir = tempfile::Builder::new().prefix("pintail-test").tempdir_in("/tmp").unwrap().keep();
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut wanted = params("", None, Some("pintail"));
    wanted.embedded = Some(dir.clone());
    let (resolved, guard) = pintail::engine::embedded::ensure(&wanted).expect("start a PostgreSQL");
    std::mem::forget(guard);
    let watchdog = std::process::Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(&dir)
        .arg(&resolved.host)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .process_group(0)
        .spawn()
        .expect("start the watchdog");
    // Its standard input stays open as long as this process lives.
    std::mem::forget(watchdog);
    resolved
}

const WATCHDOG: &str = r#"
read -r _
kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")"
while [ -e "$1/data/postmaster.pid" ]; do sleep 0.05; done
rm -rf "$1" "$2"
"#;

/// A database of a test's own, dropped at its end.
pub struct TestDatabase {
    pub params: PostgresParams,
}

impl TestDatabase {
    pub fn create() -> TestDatabase {
        let mut params = server();
        params.dbname = format!("t_{}", uuid::Uuid::new_v4().simple());
        admin().execute(&format!("CREATE DATABASE {}", params.dbname)).expect("CREATE DATABASE");
        TestDatabase { params }
    }

    pub fn connect(&self) -> PostgresConnection {
        PostgresConnection::open(&self.params).expect("connect to the test database")
    }

    pub fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(Postgres::open("operational", &self.params).expect("open the test database"))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let _ = admin().execute(&format!("DROP DATABASE {} WITH (FORCE)", self.params.dbname));
    }
}

fn admin() -> PostgresConnection {
    PostgresConnection::open(&server()).expect("connect to the test server")
}

/// A DuckDB database in memory.
pub fn duckdb_memory() -> DuckDb {
    DuckDb::open("analytics", &DuckDbParams::default()).expect("open DuckDB in memory")
}

/// A DuckDB database in a file.
pub fn duckdb_file(path: &Path) -> DuckDb {
    let params = DuckDbParams { path: Some(path.to_path_buf()), ..DuckDbParams::default() };
    DuckDb::open("analytics", &params).expect("open a DuckDB file")
}

/// The rows of a query.
pub fn rows(connection: &mut dyn Connection, sql: &str) -> Vec<Vec<Cell>> {
    connection.query(sql, None).unwrap_or_else(|error| panic!("{sql}: {error:?}")).rows
}

/// The only value of a query.
pub fn value(connection: &mut dyn Connection, sql: &str) -> Cell {
    let mut rows = rows(connection, sql);
    assert_eq!(rows.len(), 1, "{sql}");
    rows.remove(0).remove(0)
}

/// A text cell.
pub fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}
