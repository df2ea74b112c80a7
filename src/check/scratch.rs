//! Databases without a row, in which statements are bound: DuckDB in memory, and PostgreSQL in a
//! transaction that is rolled back.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::{DuckDbParams, EngineConfig, EngineKind, EngineParams};
use crate::engine::duckdb::DuckDb;
use crate::engine::{Connection, Engine, SqlResult};
use crate::relation::{Column, Relation, ResultSet, quote_identifier};

/// Where statements of one engine are bound, by one thread at a time.
pub(super) trait Scratch: Send {
    /// The system.
    fn kind(&self) -> EngineKind;

    /// Makes empty tables that all statements find.
    fn make(&mut self, tables: &[(Relation, Vec<Column>)]) -> SqlResult<()>;

    /// What a statement has to say in place of a relation that was made; none where it can stand.
    fn stand_in(&self, relation: &Relation) -> Option<String>;

    /// Makes a relation that only this scratch finds, in a place of its own with that number: the
    /// names of its columns and their expressions. Gives its name in SQL.
    fn make_own(
        &mut self,
        at: usize,
        name: &str,
        columns: &[(String, String)],
    ) -> SqlResult<String>;

    /// The columns of a query.
    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>>;

    /// The rows of a query.
    fn query(&mut self, sql: &str) -> SqlResult<ResultSet>;

    /// Whether there is a function of this name, with whatever arguments.
    fn has_function(&mut self, name: &str) -> bool;
}

/// The databases in memory of a DuckDB engine, one instance for all threads.
pub(super) struct DuckScratches {
    instance: DuckDb,
    /// Whether all extensions of the profile are loaded.
    pub complete: bool,
    home: String,
    number: AtomicUsize,
}

impl DuckScratches {
    /// Opens an instance with the settings of an engine and the databases that its nodes name. What
    /// the profile attaches is there under its name, empty; nothing is installed.
    ///
    /// # Errors
    /// DuckDB's.
    pub fn open(config: &EngineConfig, databases: &[&str]) -> SqlResult<DuckScratches> {
        let EngineParams::DuckDb(params) = &config.params else {
            return Err(crate::engine::EngineError::of(
                crate::diagnostic::Code::INTERNAL,
                format!("The engine `{}` is not DuckDB", config.name),
            ));
        };
        let mut settings = params.settings.clone();
        settings.shift_remove("access_mode");
        settings.insert("autoinstall_known_extensions".to_owned(), false.into());
        let plain = DuckDbParams { settings, ..DuckDbParams::default() };
        let (instance, mut complete) = match DuckDb::open(&config.name, &plain) {
            Ok(instance) => (instance, true),
            // Settings of extensions that are not loaded.
            Err(_) => (DuckDb::open(&config.name, &DuckDbParams::default())?, false),
        };
        let mut connection = instance.connect()?;
        // There is nothing to do side by side where there are no rows.
        connection.execute("SET threads = 1")?;
        for extension in &params.extensions {
            let load = format!("LOAD {}", quote_identifier(&extension.name));
            complete &= connection.execute(&load).is_ok();
        }
        for database in databases.iter().filter(|name| !BUILT_IN.contains(*name)) {
            let name = quote_identifier(database);
            connection.execute(&format!("ATTACH IF NOT EXISTS ':memory:' AS {name}"))?;
        }
        let home = match BUILT_IN.contains(&config.database.as_str()) {
            true => "memory".to_owned(),
            false => config.database.clone(),
        };
        Ok(DuckScratches { instance, complete, home, number: AtomicUsize::new(0) })
    }

    /// A scratch for one thread.
    ///
    /// # Errors
    /// DuckDB's.
    pub fn scratch(&self) -> SqlResult<Box<dyn Scratch>> {
        let mut connection = self.instance.connect()?;
        let own = format!("pintail_own_{}", self.number.fetch_add(1, Ordering::Relaxed));
        connection.execute(&format!("ATTACH ':memory:' AS {own}"))?;
        connection.execute(&format!("USE {}", quote_identifier(&self.home)))?;
        // What is only bound needs no good plan.
        connection.execute("PRAGMA disable_optimizer")?;
        Ok(Box::new(DuckScratch { connection, own, schemas: 0 }))
    }
}

/// Databases that every instance has.
const BUILT_IN: &[&str] = &["memory", "temp", "system"];

struct DuckScratch {
    connection: Box<dyn Connection>,
    /// The database of what only this connection makes.
    own: String,
    schemas: usize,
}

impl Scratch for DuckScratch {
    fn kind(&self) -> EngineKind {
        EngineKind::DuckDb
    }

    fn make(&mut self, tables: &[(Relation, Vec<Column>)]) -> SqlResult<()> {
        let mut schemas: Vec<String> = tables.iter().map(|(table, _)| schema_of(table)).collect();
        schemas.sort();
        schemas.dedup();
        let mut script = String::from("BEGIN TRANSACTION;");
        for schema in schemas.iter().filter(|schema| !schema.is_empty()) {
            script.push_str(&format!("CREATE SCHEMA IF NOT EXISTS {schema};"));
        }
        for (table, columns) in tables {
            script.push_str(&create_table(table, columns));
        }
        script.push_str("COMMIT");
        let done = self.connection.execute(&script).map(drop);
        if done.is_err() {
            self.connection.rollback()?;
        }
        done
    }

    fn stand_in(&self, _relation: &Relation) -> Option<String> {
        None
    }

    fn make_own(
        &mut self,
        at: usize,
        name: &str,
        columns: &[(String, String)],
    ) -> SqlResult<String> {
        let own = &self.own;
        while self.schemas <= at {
            self.connection.execute(&format!("CREATE SCHEMA {own}.s{}", self.schemas))?;
            self.schemas += 1;
        }
        let name = format!("{own}.s{at}.{}", quote_identifier(name));
        let query = empty_query(columns);
        self.connection.execute(&format!("CREATE OR REPLACE VIEW {name} AS {query}"))?;
        Ok(name)
    }

    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>> {
        self.connection.describe(sql)
    }

    fn query(&mut self, sql: &str) -> SqlResult<ResultSet> {
        self.connection.query(sql, None)
    }

    fn has_function(&mut self, _name: &str) -> bool {
        // DuckDB tells the two apart itself.
        false
    }
}

/// `database.schema`, in SQL.
fn schema_of(table: &Relation) -> String {
    let parts = [table.database.as_deref(), table.schema.as_deref()];
    let parts: Vec<String> = parts.into_iter().flatten().map(quote_identifier).collect();
    parts.join(".")
}

fn create_table(table: &Relation, columns: &[Column]) -> String {
    let quoted = Relation { quoting: Default::default(), rows: None, ..table.clone() };
    empty_table(&quoted.render(), columns)
}

/// The statement that makes a table without rows, where it is not there.
pub(super) fn empty_table(name: &str, columns: &[Column]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|column| format!("{} {}", quote_identifier(&column.name), column.data_type))
        .collect();
    format!("CREATE TABLE IF NOT EXISTS {name} ({});", columns.join(", "))
}

/// A query that gives columns and no rows.
pub(super) fn empty_query(columns: &[(String, String)]) -> String {
    let columns: Vec<String> = columns
        .iter()
        .map(|(name, expression)| format!("{expression} AS {}", quote_identifier(name)))
        .collect();
    format!("SELECT {} WHERE false", columns.join(", "))
}
