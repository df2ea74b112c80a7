//! PostgreSQL without a row: schemas of our own in a transaction that is rolled back. Nobody else sees
//! them, and no lock on a relation of the user's is held longer than it takes to bind a statement.

use indexmap::IndexSet;

use super::scratch::{Scratch, empty_query, empty_table};
use crate::config::EngineKind;
use crate::engine::SqlResult;
use crate::relation::{Column, Relation, ResultSet, quote_identifier, quote_literal};
use crate::run::Pooled;

/// The one scratch of a PostgreSQL engine: what a transaction makes, no other one sees.
pub(super) struct PostgresScratch {
    /// Rolled back when it is dropped.
    connection: Pooled,
    /// The database and schema that each of our schemas stands for.
    schemas: IndexSet<(Option<String>, Option<String>)>,
    /// How many schemas there are for what only one statement sees.
    own: usize,
    token: u32,
}

impl PostgresScratch {
    /// Begins the transaction.
    ///
    /// # Errors
    /// PostgreSQL's.
    pub fn begin(mut connection: Pooled) -> SqlResult<PostgresScratch> {
        connection.begin()?;
        connection.execute("SAVEPOINT bound")?;
        let schemas = IndexSet::new();
        Ok(PostgresScratch { connection, schemas, own: 0, token: std::process::id() })
    }

    /// Keeps what was made since the last statement was bound.
    fn keep(&mut self) -> SqlResult<()> {
        self.connection.execute("RELEASE SAVEPOINT bound; SAVEPOINT bound").map(drop)
    }

    /// Gives up what was done since then, and the locks with it.
    fn give_up(&mut self) -> SqlResult<()> {
        self.connection.execute("ROLLBACK TO SAVEPOINT bound").map(drop)
    }

    fn schema(&self, at: usize) -> String {
        format!("pintail_check_{}_{at}", self.token)
    }

    fn run(&mut self, script: &str) -> SqlResult<()> {
        match self.connection.execute(script) {
            Ok(_) => self.keep(),
            Err(error) => {
                self.give_up()?;
                Err(error)
            }
        }
    }
}

fn place_of(relation: &Relation) -> (Option<String>, Option<String>) {
    let folded = relation.folded();
    (folded.database, folded.schema)
}

impl Scratch for PostgresScratch {
    fn kind(&self) -> EngineKind {
        EngineKind::Postgres
    }

    fn make(&mut self, tables: &[(Relation, Vec<Column>)]) -> SqlResult<()> {
        let (mut script, before) = (String::new(), self.schemas.len());
        for (table, columns) in tables {
            let (at, is_new) = self.schemas.insert_full(place_of(table));
            let schema = self.schema(at);
            if is_new {
                script.push_str(&format!("CREATE SCHEMA IF NOT EXISTS {schema};"));
            }
            let name = quote_identifier(&table.folded().identifier);
            script.push_str(&empty_table(&format!("{schema}.{name}"), columns));
        }
        self.run(&script).inspect_err(|_| self.schemas.truncate(before))
    }

    fn stand_in(&self, relation: &Relation) -> Option<String> {
        let at = self.schemas.get_index_of(&place_of(relation))?;
        let name = quote_identifier(&relation.folded().identifier);
        Some(format!("{}.{name}", self.schema(at)))
    }

    fn make_own(
        &mut self,
        at: usize,
        name: &str,
        columns: &[(String, String)],
    ) -> SqlResult<String> {
        let schema = format!("pintail_own_{}_{at}", self.token);
        let mut script = String::new();
        for new in self.own..=at {
            script.push_str(&format!("CREATE SCHEMA pintail_own_{}_{new};", self.token));
        }
        let name = format!("{schema}.{}", quote_identifier(name));
        let query = empty_query(columns);
        script.push_str(&format!("DROP VIEW IF EXISTS {name}; CREATE VIEW {name} AS {query}"));
        self.run(&script)?;
        self.own = self.own.max(at + 1);
        Ok(name)
    }

    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>> {
        let described = self.connection.describe(sql);
        self.give_up()?;
        described
    }

    fn query(&mut self, sql: &str) -> SqlResult<ResultSet> {
        let found = self.connection.query(sql, None);
        self.give_up()?;
        found
    }

    fn has_function(&mut self, name: &str) -> bool {
        let bare = name.rsplit('.').next().unwrap_or(name);
        let sql =
            format!("SELECT 1 FROM pg_catalog.pg_proc WHERE proname = {}", quote_literal(bare));
        self.query(&sql).is_ok_and(|found| !found.rows.is_empty())
    }
}
