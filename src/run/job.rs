//! A node at work on its connection: what every materialization calls.

use std::sync::Arc;

use minijinja::Value;

use super::Runner;
use super::adapter::{ConnectionAdapter, SharedConnection};
use crate::compile::{CompileHost, CompiledNode};
use crate::config::EngineKind;
use crate::diagnostic::{Diagnostic, Location, Result};
use crate::engine::publish::{self, Along, Step};
use crate::engine::{self, Connection, EngineError, SqlResult};
use crate::jinja::{Dialect, Host, MacroDef};
use crate::manifest::{Node, ResourceType};
use crate::parse::locate_config;
use crate::relation::Relation;

/// A node on its connection, with everything that its materialization needs.
pub(super) struct Job<'a> {
    pub runner: &'a Runner,
    pub node: &'a Node,
    pub dialect: Arc<Dialect>,
    pub host: Arc<CompileHost>,
    pub adapter: Arc<ConnectionAdapter>,
    pub compiled: CompiledNode,
    /// The block that builds it; none where code of ours does.
    pub block: Option<Arc<MacroDef>>,
}

impl Job<'_> {
    /// The relation that the node makes.
    pub fn target(&self) -> Relation {
        self.host.relation()
    }

    /// Whether the existing relation is to be replaced whatever it is.
    pub fn full_refresh(&self) -> bool {
        if self.host.batch().is_some_and(|batch| batch.incremental) {
            return false;
        }
        self.node.config.flag("full_refresh").unwrap_or(self.runner.options.full_refresh)
    }

    /// The engine that the node runs on.
    pub fn kind(&self) -> EngineKind {
        self.runner.compiler.config.target.engines[&self.node.engine].kind()
    }

    /// Whether the columns of the model are promised.
    pub fn contract(&self) -> bool {
        let contract = self.node.config.get("contract");
        contract.and_then(|c| c.get("enforced")).and_then(|e| e.as_bool()).unwrap_or(false)
    }

    /// `model` as templates see it.
    pub fn model(&self) -> Value {
        self.host.model()
    }

    /// What a macro gives.
    pub fn call(&self, name: &str, args: Vec<Value>) -> Result<Value> {
        self.dialect.call_macro(name, args, Vec::new(), self.host.clone())
    }

    /// The SQL that a macro gives.
    pub fn sql(&self, name: &str, args: Vec<Value>) -> Result<String> {
        Ok(self.call(name, args)?.to_string())
    }

    /// Writes the SQL that makes the node to `target/run`.
    pub fn write(&self, sql: &str) -> Result<()> {
        if self.node.is_python() {
            return Ok(());
        }
        self.host.write(sql)
    }

    /// Does something on the connection with SQL that holds the node's own.
    pub fn on_connection<T>(
        &self,
        sql: &str,
        work: impl Fn(&mut dyn Connection) -> SqlResult<T>,
    ) -> Result<T> {
        let mut connection = self.adapter.lock();
        work(&mut **connection).map_err(|error| {
            drop(connection);
            self.explain(sql, *error)
        })
    }

    /// Runs statements as one transaction; again where the engine says that it may go well the
    /// next time. Templates may use the connection between them.
    pub fn transaction<T>(
        &self,
        work: impl Fn(&mut dyn Connection) -> Result<T, Failure>,
    ) -> Result<T> {
        let mut connection = SharedConnection(self.adapter.clone());
        let outcome = engine::retry(|| {
            connection.begin()?;
            match work(&mut connection) {
                Ok(value) => {
                    // A hook may have ended the transaction itself.
                    if connection.in_transaction() {
                        connection.commit()?;
                    }
                    Ok(Ok(value))
                }
                Err(failure) => {
                    connection.rollback()?;
                    match failure {
                        Failure::Sql(_, error) if error.retryable => Err(error),
                        Failure::Sql(sql, error) => Ok(Err(self.explain(&sql, *error))),
                        Failure::Other(diagnostic) => match self.adapter.failed(&diagnostic) {
                            Some((_, error)) if error.retryable => Err(error),
                            failed => Ok(Err(self.place(diagnostic, failed))),
                        },
                    }
                }
            }
        });
        match outcome {
            Ok(done) => done,
            Err(error) => Err(self.explain("", *error)),
        }
    }

    /// A diagnostic of a template with the place of the statement that it is about, where it has
    /// none of its own.
    pub fn place(
        &self,
        diagnostic: Box<Diagnostic>,
        failed: Option<(String, Box<EngineError>)>,
    ) -> Box<Diagnostic> {
        match failed {
            Some((sql, error)) if diagnostic.location.is_none() => {
                self.explain(&sql, EngineError { diagnostic: *diagnostic, ..*error })
            }
            _ => diagnostic,
        }
    }

    /// A diagnostic as the error of a step of a swap.
    pub fn as_engine_error(&self, diagnostic: Box<Diagnostic>) -> Box<EngineError> {
        let failed = self.adapter.failed(&diagnostic);
        let retryable = failed.as_ref().is_some_and(|(_, error)| error.retryable);
        let cancelled = failed.as_ref().is_some_and(|(_, error)| error.cancelled);
        let diagnostic = *self.place(diagnostic, failed);
        Box::new(EngineError { diagnostic, position: None, cancelled, retryable })
    }

    /// Puts a finished table in its place, and does what comes last in the transaction of the
    /// swap: where that fails, the relation is as it was.
    pub fn swap(
        &self,
        shadow: &Relation,
        target: &Relation,
        old: Old,
        last: &dyn Fn() -> Result<()>,
    ) -> Result<()> {
        let after = |_: &mut dyn Connection| last().map_err(|error| self.as_engine_error(error));
        let gone = Relation { kind: None, ..target.clone() };
        let drop_old = |connection: &mut dyn Connection| publish::drop_relation(connection, &gone);
        let before: Option<Step> = if old == Old::Dropped { Some(&drop_old) } else { None };
        let along = Along { before, after: Some(&after) };
        let mut connection = SharedConnection(self.adapter.clone());
        let swapped =
            publish::replace_table_along(&mut connection, shadow, target, along).map(drop);
        let swapped = swapped.map_err(|error| self.explain("", *error));
        if swapped.is_err() {
            // The next run would do so too.
            let _left_for_then = publish::drop_relation(&mut connection, shadow);
        }
        swapped
    }

    /// Where a configuration gets a value: in the model, or in dbt_project.yml.
    pub fn locate_config(&self, key: &str, value: &str) -> Option<Location> {
        locate_config(&self.node.file, key, value)
            .or_else(|| locate_config(&self.runner.compiler.config.project.file, key, value))
            .or_else(|| self.node.location.clone())
    }

    /// An engine's error at its place in the model.
    pub fn explain(&self, sql: &str, error: EngineError) -> Box<Diagnostic> {
        let mut diagnostic = error.diagnostic;
        if diagnostic.location.is_some() {
            return Box::new(diagnostic);
        }
        let compiler = &self.runner.compiler;
        let within = sql.find(&*self.compiled.sql).filter(|_| !self.compiled.sql.is_empty());
        let place = match (within, error.position) {
            (Some(at), Some(position))
                if (at..at + self.compiled.sql.len()).contains(&position) =>
            {
                compiler.locate(&self.node.unique_id, &self.compiled, position - at)
            }
            _ => None,
        };
        let reads = place.as_ref().map(|place| &place.file.text[place.span.clone()]);
        if diagnostic.message.contains("does not exist")
            && reads.is_some_and(|text| text.starts_with("ref"))
        {
            let name = &self.node.name;
            diagnostic = diagnostic
                .help(format!("Build what it reads, too: pintail build --select +{name}"));
        }
        diagnostic = diagnostic.or_at(place.or_else(|| self.node.location.clone()));
        if self.node.resource_type != ResourceType::Seed {
            let path = compiler.path_of("compiled", self.node);
            let shown = compiler.config.shown(&path);
            diagnostic.notes.push(format!("compiled SQL: {}", shown.display()));
        }
        Box::new(diagnostic)
    }
}

/// What becomes of the table in whose place a finished one is put.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Old {
    /// The views upon it read the new one.
    Replaced,
    /// It is dropped, and with it what depends on it.
    Dropped,
}

/// Why a transaction was given up.
pub(super) enum Failure {
    /// The engine refused this statement.
    Sql(String, Box<EngineError>),
    /// A template or a rule of ours.
    Other(Box<Diagnostic>),
}

impl From<Box<Diagnostic>> for Failure {
    fn from(error: Box<Diagnostic>) -> Self {
        Failure::Other(error)
    }
}

/// Runs a statement inside [`Job::transaction`].
pub(super) fn run(connection: &mut dyn Connection, sql: &str) -> Result<Option<u64>, Failure> {
    connection.execute(sql).map_err(|error| Failure::Sql(sql.to_owned(), error))
}
