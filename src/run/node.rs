//! Running one node, whatever it is: compile it, write its SQL, run its materialization, say what
//! came of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use minijinja::Value;

use super::adapter::{ConnectionAdapter, SharedConnection};
use super::freshness::FreshnessResult;
use super::result::{DataLoad, LoadKind, RunResult, Status, Timing};
use super::{
    Runner, comment, custom, data_test, ended, microbatch, model, python_model, seed, unit_test,
};
use crate::clock;
use crate::compile::{Batch, Bridge, CompileHost, CompiledNode, read_in_place, write_sql};
use crate::config::{EngineKind, EngineParams, scrub};
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::engine::publish::{self, Along, Step};
use crate::engine::{self, Connection, EngineError, SqlResult, bridge};
use crate::jinja::{Adapter, Dialect, Host, MacroDef};
use crate::manifest::{Node, ResourceType};
use crate::parse::{is_batched, locate_config};
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

impl Runner {
    /// Makes the schemas that the selected nodes are written to.
    pub(super) fn prepare(&self, selected: &fixedbitset::FixedBitSet) -> Result<()> {
        let manifest = &self.compiler.manifest;
        let mut schemas: Vec<(Arc<str>, String, String)> = Vec::new();
        for node in selected.ones().filter_map(|at| manifest.nodes.get_index(at)).map(|(_, n)| n) {
            let makes = match node.resource_type {
                ResourceType::Test => self.stores_failures(node),
                ResourceType::Operation | ResourceType::UnitTest => false,
                _ => !node.is_ephemeral(),
            };
            let entry = (node.engine.clone(), node.database.clone(), node.schema.clone());
            if makes && !schemas.contains(&entry) {
                schemas.push(entry);
            }
        }
        for (engine, database, schema) in schemas {
            if self.engines.is_away(&engine) {
                // Its nodes fail, each by itself.
                continue;
            }
            let mut connection = self.engines.connection(&engine)?;
            publish::create_schema_if_missing(&mut *connection, Some(&database), &schema)?;
        }
        self.refresh_schemas(selected)?;
        // A comment that cannot be written is nobody's fault but the project's.
        if let Some(first) = selected.ones().next()
            && let Some((id, node)) = manifest.nodes.get_index(first)
        {
            let dialect = self.compiler.dialects.get(&node.engine);
            comment::of_node(&self.compiler, dialect, &self.compiler.host(id))?;
        }
        Ok(())
    }

    /// Tells DuckDB of schemas that were just made in PostgreSQL.
    fn refresh_schemas(&self, selected: &fixedbitset::FixedBitSet) -> Result<()> {
        if !self.engines.reads_in_place() {
            return Ok(());
        }
        let (manifest, target) = (&self.compiler.manifest, &self.compiler.config.target);
        let mut schemas: Vec<(Arc<str>, String)> = Vec::new();
        for (_, node) in selected.ones().filter_map(|at| manifest.nodes.get_index(at)) {
            for (_, relation) in read_in_place(node, manifest, target) {
                let entry = (node.engine.clone(), relation.schema.unwrap_or_default());
                if !schemas.contains(&entry) {
                    schemas.push(entry);
                }
            }
        }
        for (engine, schema) in schemas {
            self.engines.refresh_schemas(&engine, &[&schema])?;
        }
        Ok(())
    }

    /// Whether a test keeps its failing rows as a table.
    pub(super) fn stores_failures(&self, node: &Node) -> bool {
        node.config.stores_failures().unwrap_or(self.options.store_failures)
    }

    /// Runs a node to its result; the diagnostic says why where it failed.
    pub(super) fn run_node(
        &self,
        node: &Node,
        thread: usize,
    ) -> (RunResult, Option<Box<Diagnostic>>) {
        self.account(node, thread, |result| self.attempt(node, result))
    }

    /// The result of work on a node: how long it took and how it ended.
    pub(super) fn account(
        &self,
        node: &Node,
        thread: usize,
        work: impl FnOnce(&mut RunResult) -> Result<()>,
    ) -> (RunResult, Option<Box<Diagnostic>>) {
        let started = Instant::now();
        let mut result = RunResult::new(node, Status::Success);
        result.thread = thread;
        self.busy.fetch_add(1, Ordering::Relaxed);
        let mut error = work(&mut result).err();
        self.busy.fetch_sub(1, Ordering::Relaxed);
        if let Some(error) = error.as_ref().filter(|_| result.batches.is_none()) {
            let cancelled = self.engines.is_interrupted();
            result.status = if cancelled { Status::Cancelled } else { Status::Error };
            result.message = Some(if cancelled && error.code == Code::INTERRUPTED {
                "Cancelled: the run was interrupted".to_owned()
            } else {
                let broken = result.broken_within.as_ref();
                let broken = broken.and_then(|id| self.compiler.manifest.nodes.get(id));
                self.message_of(broken.map_or(node, |broken| &**broken), error)
            });
        }
        result.execution_time = started.elapsed();
        result.name_relation(node);
        if result.status == Status::Fail {
            error = Some(Box::new(self.failed_test(node, &result)));
        }
        (result, error)
    }

    /// Why a node failed, as dbt puts it: the kind of error, the node, and what was said.
    pub(super) fn message_of(&self, node: &Node, error: &Diagnostic) -> String {
        let said = said(error);
        let engine = self.compiler.config.target.engines.get(&node.engine);
        let kind = match (error.code.dbt_kind(), engine.map(|engine| engine.kind())) {
            // dbt-duckdb calls them so.
            ("Database", Some(EngineKind::DuckDb)) => "Runtime",
            (kind, _) => kind,
        };
        let (what, name, path) =
            (node.resource_type.as_str(), &node.name, &node.original_file_path);
        let said = scrub(&said);
        format!("{kind} Error in {what} {name} ({path})\n  {}", said.replace('\n', "\n  "))
    }

    /// What a failing test says: where it is declared, and how to look at the rows.
    fn failed_test(&self, node: &Node, result: &RunResult) -> Diagnostic {
        if node.unit_test.is_some() {
            let written = self.compiler.config.shown(&unit_test::path_of(self, node, "compiled"));
            let difference = result.message.as_deref().unwrap_or_default();
            return Diagnostic::error(
                Code::TEST_FAILED,
                format!("The unit test `{}` failed", node.name),
            )
            .or_at(node.location.clone())
            .note(difference.trim().replace('\r', ""))
            .note(format!("compiled code at {}", written.display()));
        }
        let why = result.message.as_deref().unwrap_or("failing rows");
        let error =
            Diagnostic::error(Code::TEST_FAILED, format!("The test `{}` found {why}", node.name))
                .or_at(node.location.clone());
        // The test itself reads what is published.
        match self.hidden_for(node).and_then(|id| self.compiler.manifest.nodes.get(id)) {
            Some(model) => error.note(format!("so `{}` is not published", model.name)),
            None => error.help(format!("See the rows: pintail show --select {}", node.name)),
        }
    }

    /// Does a node's own work: of an audited model, on the relation beside the published one.
    pub(super) fn attempt(&self, node: &Node, result: &mut RunResult) -> Result<()> {
        if let Some(model) = self.hidden_for(node) {
            return self.attempt_with(
                node,
                self.compiler.audit_host(&node.unique_id, model),
                result,
            );
        }
        if is_batched(node, &self.compiler.config, &self.compiler.dialects) {
            return microbatch::build(self, node, result);
        }
        self.attempt_batch(node, None, result)
    }

    /// Compiles a node and runs it; of a microbatch model, one batch.
    pub(super) fn attempt_batch(
        &self,
        node: &Node,
        batch: Option<Batch>,
        result: &mut RunResult,
    ) -> Result<()> {
        self.attempt_with(node, self.compiler.batch_host(&node.unique_id, batch), result)
    }

    fn attempt_with(
        &self,
        node: &Node,
        host: Arc<CompileHost>,
        result: &mut RunResult,
    ) -> Result<()> {
        let mut connection = self.engines.connection(&node.engine)?;
        connection.of_node(&node.unique_id);
        let adapter = Arc::new(ConnectionAdapter::new(connection));
        host.set_adapter(adapter.clone());

        let (manifest, target) = (&self.compiler.manifest, &self.compiler.config.target);
        for (engine, relation) in read_in_place(node, manifest, target) {
            let relation = host.in_place_of(relation);
            let checked = self.engines.check_in_place(&engine, &relation);
            checked.map_err(|error| Box::new(error.or_at(node.location.clone())))?;
        }

        check_name_length(node, target.engines[&node.engine].kind())?;
        if let Some(test) = &node.unit_test {
            return unit_test::check(self, node, test, adapter, result);
        }
        let begun = clock::now();
        let compiled = self.compiler.compile(&node.unique_id, &host);
        result.compile = Some(Timing { started_at: begun, completed_at: clock::now() });
        // A statement of the template may have begun a transaction, which ends here.
        match &compiled {
            Ok(_) => adapter.commit()?,
            Err(_) => drop(adapter.lock().rollback()),
        }
        let compiled =
            compiled.inspect_err(|_| result.broken_within = host.broken_ephemeral().cloned())?;
        if node.resource_type != ResourceType::Seed {
            if !compiled.sql.is_empty() {
                write_sql(&host.path_of("compiled"), &compiled.sql)?;
            }
            result.compiled_code = Some(compiled.sql.clone());
            result.ctes.clone_from(&compiled.ctes);
            result.macros.clone_from(&compiled.macros);
        }
        // A statement of the template may have begun a transaction.
        adapter.commit().map_err(|error| Box::new(error.or_at(node.location.clone())))?;

        let begun = clock::now();
        let mut compiled = compiled;
        let mut _exchange = None;
        let dialect = self.compiler.dialects.get(&node.engine).clone();
        let block = match node.resource_type {
            ResourceType::Operation => None,
            _ => custom::block_of(self, node, &dialect)?,
        };
        if node.is_python() {
            write_sql(&host.path_of("run"), &compiled.sql)?;
            let params = &target.engines[&node.engine].params;
            // On PostgreSQL a block may make something of the code itself.
            if block.is_none() || matches!(params, EngineParams::DuckDb(_)) {
                let (files, made) = python_model::run(node, &host, &adapter, params, &compiled)?;
                (_exchange, compiled) = (Some(files), made);
            }
        }
        host.set_compiled(compiled.sql.clone());
        let job = Job { runner: self, node, dialect, host, adapter, compiled, block };
        if let Some((comment, last)) = job.query_comment()? {
            job.adapter.lock().comment(comment, last);
        }
        let done = match node.resource_type {
            ResourceType::Seed => seed::load(&job, result),
            ResourceType::Test => data_test::check(&job, result),
            ResourceType::Operation => job
                .run_hook(&job.compiled.sql, job.node.location.clone())
                .and_then(|()| job.adapter.commit()),
            _ => model::build(&job, result),
        };
        result.execute = Some(Timing { started_at: begun, completed_at: clock::now() });
        if done.is_err() {
            // Whatever was begun is taken back before anybody else uses the connection.
            let _already_rolled_back = job.adapter.lock().rollback();
        }
        done
    }

    /// Copies a relation from DuckDB into PostgreSQL.
    pub(super) fn run_bridge(&self, bridge: &Bridge) -> Result<DataLoad> {
        let started = Instant::now();
        let config = self.engines.opened_config(&bridge.to_engine)?;
        let EngineParams::Postgres(params) = &config.params else {
            return Err(Box::new(Diagnostic::error(
                Code::BRIDGE,
                format!("`{}` is not PostgreSQL", bridge.to_engine),
            )));
        };
        let mut from = self.engines.connection(&bridge.from_engine)?;
        let mut to = self.engines.connection(&bridge.to_engine)?;
        let report = bridge::copy(&mut *from, &mut *to, params, &bridge.from, &bridge.to)?;
        Ok(DataLoad {
            kind: LoadKind::Bridge,
            unique_id: bridge.source.clone(),
            source_engine: Some(bridge.from_engine.clone()),
            target_engine: bridge.to_engine.clone(),
            source: bridge.from.render(),
            target: bridge.to.render(),
            rows: Some(report.rows),
            bytes: Some(report.bytes),
            duration: started.elapsed(),
            status: Status::Success,
            loaded_at: clock::now(),
        })
    }

    /// The results of nodes that do not run since `cause` failed.
    pub fn skip_all(&self, selected: &fixedbitset::FixedBitSet, cause: &str) -> Vec<RunResult> {
        let nodes = selected.ones().filter_map(|at| self.compiler.manifest.nodes.get_index(at));
        nodes
            .filter(|(_, node)| !node.is_ephemeral())
            .map(|(_, node)| {
                let mut result = RunResult::new(node, Status::Skipped);
                result.message = Some(format!("Skipped: `{cause}` failed"));
                result.name_relation(node);
                self.observer.finished(node, &result, None);
                result
            })
            .collect()
    }

    /// Runs the `on-run-start` hooks of the project, up to the first that fails.
    ///
    /// # Errors
    /// A hook that cannot be rendered: as in dbt, nothing runs then.
    pub fn run_start_hooks(&self) -> Result<Vec<RunResult>> {
        let (results, unrendered) = self.run_hooks("on-run-start");
        unrendered.map_or(Ok(results), Err)
    }

    /// Runs the `on-run-end` hooks, which see what came of the nodes, up to the first that fails.
    /// One that cannot be rendered has no result, as in dbt: it ends the command.
    pub fn run_end_hooks(
        &self,
        results: &[RunResult],
    ) -> (Vec<RunResult>, Option<Box<Diagnostic>>) {
        self.run_end_hooks_seeing(|graph| ended::context(&self.compiler.manifest, results, graph))
    }

    /// The same after `source freshness`.
    pub fn run_end_hooks_of_freshness(
        &self,
        results: &[FreshnessResult],
    ) -> (Vec<RunResult>, Option<Box<Diagnostic>>) {
        self.run_end_hooks_seeing(|graph| ended::freshness_context(results, graph))
    }

    fn run_end_hooks_seeing(
        &self,
        names: impl FnOnce(&Value) -> Vec<(&'static str, Value)>,
    ) -> (Vec<RunResult>, Option<Box<Diagnostic>>) {
        if self.compiler.manifest.hooks("on-run-end").is_empty() {
            return (Vec::new(), None);
        }
        let graph = self.compiler.extra("graph").unwrap_or_default();
        self.compiler.set_ended(names(&graph));
        self.run_hooks("on-run-end")
    }

    /// The results of the hooks, and why one of them could not be rendered.
    fn run_hooks(&self, when: &str) -> (Vec<RunResult>, Option<Box<Diagnostic>>) {
        let manifest = self.compiler.manifest.clone();
        let mut results = Vec::new();
        let mut failed = false;
        for (number, node) in manifest.hooks(when).into_iter().enumerate() {
            let (mut result, error) = if failed {
                (RunResult::new(node, Status::Skipped), None)
            } else {
                self.run_node(node, 0)
            };
            if let Some(error) = error.as_ref().filter(|_| result.compiled_code.is_none()) {
                return (results, Some(error.clone()));
            }
            let name = format!("{}.{when}.{number}", node.package_name);
            result.message = Some(match (&error, failed) {
                (_, true) => format!("{name} skipped"),
                (Some(error), _) => format!("{name} failed, error:\n {}", said(error)),
                (None, _) => format!("{name} passed"),
            });
            result.failures = Some(u64::from(failed || error.is_some()));
            self.observer.finished(node, &result, error.as_deref());
            failed |= error.is_some();
            results.push(result);
        }
        (results, None)
    }
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

/// PostgreSQL cuts longer names off, and two of them may then be the same.
fn check_name_length(node: &Node, kind: EngineKind) -> Result<()> {
    const MOST: usize = 63;
    let makes_one = matches!(
        node.resource_type,
        ResourceType::Model | ResourceType::Seed | ResourceType::Snapshot | ResourceType::UnitTest
    );
    // The table that a unit test makes for a moment has its name.
    let alias = if node.unit_test.is_some() { &node.name } else { &node.alias };
    if kind != EngineKind::Postgres || !makes_one || alias.len() <= MOST {
        return Ok(());
    }
    let message = format!("Relation name '{alias}' is longer than {MOST} characters");
    let error = Diagnostic::error(Code::BAD_CONFIG, message).or_at(node.location.clone());
    Err(Box::new(error.help("Give the node a shorter `alias`, or the unit test a shorter name.")))
}

/// The engine's words with the message, which they hold most of the time.
fn said(error: &Diagnostic) -> String {
    match error.notes.first() {
        Some(note) if note.contains(&error.message) => note.clone(),
        Some(note) => format!("{}: {note}", error.message),
        None => error.message.clone(),
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
