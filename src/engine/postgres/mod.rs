//! The PostgreSQL engine, over the `postgres` crate.
//!
//! Statements go by the simple protocol, so that scripts run as written and every value comes in
//! the server's own exact text; a query is also prepared, for the types of its columns. Which SQL
//! to run is the callers' business.

mod catalog;
mod cell;
mod connect;
mod error;
mod tls;
mod types;

use std::sync::Arc;

use ::postgres::{CancelToken, Client, NoTls, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::script::{last_word_is, statements};
use super::{Canceller, Connection, Engine, EngineError, EngineKind, SqlResult};
use crate::config::PostgresParams;
use crate::diagnostic::Code;
use crate::relation::{Cell, Column, Relation, ResultSet};

/// A database on a PostgreSQL server.
pub struct Postgres {
    name: String,
    params: PostgresParams,
}

impl Postgres {
    /// Reaches the server once, to prove that it is there.
    ///
    /// # Errors
    /// `CONNECT` or `AUTH`, naming the place and what to do.
    pub fn open(name: &str, params: &PostgresParams) -> SqlResult<Postgres> {
        PostgresConnection::open(params)?;
        Ok(Postgres::new(name, params))
    }

    /// The engine without reaching the server: the first [`Engine::connect`] does.
    pub fn new(name: &str, params: &PostgresParams) -> Postgres {
        Postgres { name: name.to_owned(), params: params.clone() }
    }

    /// How it is reached.
    pub fn params(&self) -> &PostgresParams {
        &self.params
    }
}

impl Engine for Postgres {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> EngineKind {
        EngineKind::Postgres
    }

    fn connect(&self) -> SqlResult<Box<dyn Connection>> {
        Ok(Box::new(PostgresConnection::open(&self.params)?))
    }
}

/// A connection to a PostgreSQL server, with UTC and ISO dates.
pub struct PostgresConnection {
    client: Client,
    tls: Option<MakeRustlsConnect>,
    in_transaction: bool,
}

impl PostgresConnection {
    /// Connects, as often as the profile's `retries` say.
    ///
    /// # Errors
    /// `CONNECT` or `AUTH`, naming the place and what to do; never a password.
    pub fn open(params: &PostgresParams) -> SqlResult<PostgresConnection> {
        let (client, tls) = connect::connect(params)?;
        Ok(PostgresConnection { client, tls, in_transaction: false })
    }

    /// The client itself, for what the trait has no words for (`COPY`, parameters).
    pub fn client(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Connection for PostgresConnection {
    fn kind(&self) -> EngineKind {
        EngineKind::Postgres
    }

    fn execute(&mut self, sql: &str) -> SqlResult<Option<u64>> {
        no_nul(sql)?;
        let messages =
            self.client.simple_query(sql).map_err(|error| error::of_statement(&error, sql, 0))?;
        if let Some(open) = super::script::leaves_transaction(sql) {
            self.in_transaction = open;
        }
        let changed = messages.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
            _ => None,
        });
        Ok(changed.filter(|rows| *rows > 0 || last_word_is(sql, COUNTING)))
    }

    fn query(&mut self, sql: &str, limit: Option<usize>) -> SqlResult<ResultSet> {
        no_nul(sql)?;
        let Some(last) = statements(sql).pop() else { return Ok(ResultSet::default()) };
        let offset = last.start;
        if offset > 0 && !statements(&sql[..offset]).is_empty() {
            self.client
                .batch_execute(&sql[..offset])
                .map_err(|error| error::of_statement(&error, sql, 0))?;
            if let Some(open) = super::script::leaves_transaction(&sql[..offset]) {
                self.in_transaction = open;
            }
        }
        let text = &sql[last];
        let of_last = |error: &::postgres::Error| error::of_statement(error, sql, offset);
        let prepared = self.client.prepare(text).map_err(|error| of_last(&error))?;
        let messages = self.client.simple_query(text).map_err(|error| of_last(&error))?;
        if let Some(open) = super::script::leaves_transaction(text) {
            self.in_transaction = open;
        }
        Ok(result_set(&prepared, &messages, limit.unwrap_or(usize::MAX)))
    }

    fn describe(&mut self, sql: &str) -> SqlResult<Vec<Column>> {
        const BEFORE: &str = "(\n";
        no_nul(sql)?;
        let sql = format!("{BEFORE}{sql}\n)");
        let prepared = self.client.prepare(&sql).map_err(|error| {
            let mut error = error::of_statement(&error, &sql, 0);
            error.position = error.position.and_then(|at| at.checked_sub(BEFORE.len()));
            error
        })?;
        Ok(columns_of(&prepared))
    }

    fn begin(&mut self) -> SqlResult<()> {
        self.execute("BEGIN").map(drop)
    }

    fn commit(&mut self) -> SqlResult<()> {
        self.execute("COMMIT").map(drop)
    }

    fn rollback(&mut self) -> SqlResult<()> {
        self.execute("ROLLBACK").map(drop)
    }

    fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    fn list_relations(&mut self, database: Option<&str>, schema: &str) -> SqlResult<Vec<Relation>> {
        catalog::list_relations(self, database, schema)
    }

    fn columns(&mut self, relation: &Relation) -> SqlResult<Vec<Column>> {
        catalog::columns(self, relation)
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::new(Cancel(self.client.cancel_token(), self.tls.clone()))
    }
}

/// Statements whose completion tells a number of rows even when it is none.
const COUNTING: &[&str] = &["insert", "update", "delete", "merge", "copy", "select", "with"];

fn result_set(prepared: &Statement, messages: &[SimpleQueryMessage], limit: usize) -> ResultSet {
    let columns = columns_of(prepared);
    let rows = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        })
        .take(limit)
        .map(|row| {
            prepared
                .columns()
                .iter()
                .enumerate()
                .map(|(index, column)| match row.get(index) {
                    Some(text) => cell::read(text, column.type_()),
                    None => Cell::Null,
                })
                .collect()
        })
        .collect();
    ResultSet { columns, rows }
}

fn columns_of(prepared: &Statement) -> Vec<Column> {
    let column = |column: &::postgres::Column| Column {
        name: column.name().to_owned(),
        data_type: types::name(column.type_(), column.type_modifier()),
    };
    prepared.columns().iter().map(column).collect()
}

fn no_nul(sql: &str) -> SqlResult<()> {
    let Some(position) = sql.find('\0') else { return Ok(()) };
    let mut error = EngineError::of(Code::SQL, "The statement holds a NUL character")
        .note("PostgreSQL takes no NUL character, in statements or in text values.")
        .help("Take the NUL character out.");
    error.position = Some(position);
    Err(error)
}

struct Cancel(CancelToken, Option<MakeRustlsConnect>);

impl Canceller for Cancel {
    fn cancel(&self) {
        // A server that cannot be reached runs nothing of ours any more.
        let _ = match &self.1 {
            Some(tls) => self.0.cancel_query(tls.clone()),
            None => self.0.cancel_query(NoTls),
        };
    }
}
