//! Running one node, whatever it is: compile it, write its SQL, run its materialization, say what
//! came of it. And the bridges between nodes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::adapter::ConnectionAdapter;
use super::job::Job;
use super::result::{DataLoad, LoadKind, RunResult, Status, Timing};
use super::{Runner, comment, custom, data_test, microbatch, model, python_model, seed, unit_test};
use crate::clock;
use crate::compile::{Batch, Bridge, CompileHost, read_in_place, write_sql};
use crate::config::{EngineKind, EngineParams, scrub};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::bridge;
use crate::engine::publish;
use crate::jinja::{Adapter, Host};
use crate::manifest::{Node, ResourceType};
use crate::parse::is_batched;

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
                let written = result.written.as_deref();
                self.message_of(broken.map_or(node, |broken| &**broken), error, written)
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
    /// Of a statement of PostgreSQL where it is written, and of a template which macros called
    /// which: dbt's kinds of errors differ in that.
    pub(super) fn message_of(
        &self,
        node: &Node,
        error: &Diagnostic,
        written: Option<&Path>,
    ) -> String {
        let mut said = said(error);
        let kind = self.kind_of(node, error);
        let (what, name, path) =
            (node.resource_type.as_str(), &node.name, &node.original_file_path);
        let named = format!("{what} {name} ({path})");
        if let ("Database", Some(file)) = (kind, written) {
            let root = &self.compiler.config.project.root;
            let file = file.strip_prefix(root).unwrap_or(file);
            said.push_str(&format!("\ncompiled code at {}", file.display()));
        }
        if kind == "Compilation" && !error.callers.is_empty() {
            let callers: Vec<&str> = error.callers.iter().map(String::as_str).collect();
            let chain = [&callers[..], &[&named]].concat().join("\n> called by ");
            said.push_str(&format!("\n\n> in {chain}"));
        }
        let said = scrub(&said);
        format!("{kind} Error in {named}\n  {}", said.replace('\n', "\n  "))
    }

    /// What dbt calls such an error of a node.
    pub(super) fn kind_of(&self, node: &Node, error: &Diagnostic) -> &'static str {
        let engine = self.compiler.config.target.engines.get(&node.engine);
        match (error.code.dbt_kind(), engine.map(|engine| engine.kind())) {
            // dbt-duckdb calls them so.
            ("Database", Some(EngineKind::DuckDb)) => "Runtime",
            (kind, _) => kind,
        }
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
            host.write(&compiled.sql)?;
            let params = &target.engines[&node.engine].params;
            // On PostgreSQL a block may make something of the code itself.
            if block.is_none() || matches!(params, EngineParams::DuckDb(_)) {
                let ran = python_model::run(node, &host, &adapter, params, &compiled);
                let (files, made) = ran.inspect_err(|_| {
                    result.execute = Some(Timing { started_at: begun, completed_at: clock::now() });
                    result.written = host.written();
                })?;
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
        result.written = job.host.written();
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

/// dbt's words; else the engine's with the message, which they hold most of the time.
pub(super) fn said(error: &Diagnostic) -> String {
    if let Some(words) = &error.original {
        return words.clone();
    }
    match error.notes.first() {
        Some(note) if note.contains(&error.message) => note.clone(),
        Some(note) => format!("{}: {note}", error.message),
        None => error.message.clone(),
    }
}
