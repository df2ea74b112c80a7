//! Audited models: built beside what is published, judged by their tests, and only then swapped in.
//! What the tests reject is kept under a name of its own.
//!
//! Which tests decide is `graph`'s business, and when each step is due the scheduler's.

use std::sync::Arc;
use std::time::Instant;

use super::Runner;
use super::adapter::ConnectionAdapter;
use super::job::Job;
use super::result::{DataLoad, RunResult, Status};
use crate::clock;
use crate::compile::CompiledNode;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::publish::{self, IndexNames};
use crate::graph::NodeIndex;
use crate::manifest::{Node, UniqueId};
use crate::relation::{Relation, RelationKind};

/// An audited model that stands beside the published one, while its tests run.
pub(super) struct Built {
    result: RunResult,
    names: IndexNames,
}

/// What came of a model, and why it failed.
pub(super) type Ended = (RunResult, Option<Box<Diagnostic>>);

/// What came of a test that decides about a model.
pub(super) struct Verdict {
    pub test: String,
    pub status: Status,
    pub message: Option<String>,
}

impl Verdict {
    pub fn of(result: &RunResult) -> Verdict {
        let (test, message) = (result.name.clone(), result.message.clone());
        Verdict { test, status: result.status, message }
    }

    fn passes(&self) -> bool {
        matches!(self.status, Status::Pass | Status::Warn)
    }

    /// `unique_orders_id: Got 1 result, configured to fail if != 0`
    fn why(&self) -> String {
        let first = self.message.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
        match self.status {
            Status::Fail => format!("{}: {first}", self.test),
            _ => format!("{}: it could not be run", self.test),
        }
    }
}

impl Runner {
    /// The model that a node finds where it stands before it is published: an audited model
    /// itself, or the one that a test decides about.
    pub(super) fn hidden_for(&self, node: &Node) -> Option<&UniqueId> {
        let manifest = &self.compiler.manifest;
        let index = NodeIndex::new(manifest.nodes.get_index_of(&node.unique_id)?);
        let model = match self.audits.tests_of(index) {
            Some(_) => index,
            None => self.audits.model_of(index)?,
        };
        manifest.nodes.get_index(model.index()).map(|(id, _)| id)
    }

    /// Builds an audited model beside the published one. Where that fails, nothing is left of it.
    pub(super) fn build_hidden(
        &self,
        node: &Node,
        thread: usize,
        loads: Vec<DataLoad>,
    ) -> std::result::Result<Built, Box<Ended>> {
        let mut names = IndexNames::default();
        let (mut result, error) = self.account(node, thread, |result| {
            names = self.make_room(node)?;
            self.attempt(node, result)
        });
        result.loads.extend(loads);
        if result.is_failure() || error.is_some() {
            self.drop_hidden(node);
            return Err(Box::new((result, error)));
        }
        result.relation_name = Some(node.relation().render());
        Ok(Built { result, names })
    }

    /// Drops what a run that was killed left; an incremental model begins as a copy of what is
    /// published.
    fn make_room(&self, node: &Node) -> Result<IndexNames> {
        let hidden = node.audit_relation();
        let at = |error: Diagnostic| Box::new(error.or_at(node.location.clone()));
        let mut connection = self.engines.connection(&node.engine)?;
        connection.of_node(&node.unique_id);
        let room = publish::drop_left_over(&mut *connection, &hidden)
            .and_then(|()| publish::drop_relation(&mut *connection, &hidden));
        room.map_err(|error| at(error.diagnostic))?;
        let full_refresh = node.config.flag("full_refresh").unwrap_or(self.options.full_refresh);
        if node.materialized() != "incremental" || full_refresh {
            return Ok(IndexNames::default());
        }
        let adapter = ConnectionAdapter::new(connection);
        let published = crate::jinja::Adapter::get_relation(&adapter, &node.relation())?;
        if published.is_none_or(|found| found.kind != Some(RelationKind::Table)) {
            return Ok(IndexNames::default());
        }
        publish::copy_table(&mut **adapter.lock(), &node.relation(), &hidden)
            .map_err(|error| at(error.diagnostic))
    }

    /// Drops what was built. That it cannot be dropped changes nothing: the next run does it.
    fn drop_hidden(&self, node: &Node) {
        if let Ok(mut connection) = self.engines.connection(&node.engine) {
            connection.of_node(&node.unique_id);
            let _left_for_then = publish::drop_relation(&mut *connection, &node.audit_relation());
        }
    }

    /// Publishes a model that all of its tests let pass; keeps it for a look where one rejects it;
    /// drops it where one did not run.
    pub(super) fn decide(
        &self,
        node: &Node,
        built: Built,
        verdicts: &[Verdict],
        thread: usize,
    ) -> Ended {
        let Built { mut result, names } = built;
        let interrupted = self.engines.is_interrupted();
        let rejects = |one: &&Verdict| one.status == Status::Fail || one.status == Status::Error;
        let against: Vec<&Verdict> = verdicts.iter().filter(rejects).collect();
        let open = verdicts.iter().find(|verdict| !verdict.passes());
        if against.is_empty() && (interrupted || open.is_some()) {
            self.drop_hidden(node);
            return (self.undecided(node, open, interrupted, thread), None);
        }
        let begun = Instant::now();
        let error = if against.is_empty() {
            self.publish(node, &names, &result).inspect_err(|_| self.drop_hidden(node)).err()
        } else {
            let kept = self.reject(node);
            let target = &self.compiler.config.target;
            let elsewhere = (node.engine != target.default_engine).then_some(&*node.engine);
            Some(Box::new(rejection(node, elsewhere, &against, verdicts.len(), kept)))
        };
        if let Some(error) = &error {
            let mut message = self.message_of(node, error, None);
            if !against.is_empty() {
                message
                    .push_str(&format!("\n  It is kept as {}", node.rejected_relation().render()));
            }
            (result.status, result.message) = (Status::Error, Some(message));
        }
        result.execution_time += begun.elapsed();
        if let Some(timing) = &mut result.execute {
            timing.completed_at = clock::now();
        }
        (result, error)
    }

    /// What came of a model that was built and not published, though no test rejected it.
    fn undecided(
        &self,
        node: &Node,
        open: Option<&Verdict>,
        interrupted: bool,
        thread: usize,
    ) -> RunResult {
        let status = if interrupted { Status::Cancelled } else { Status::Skipped };
        let mut result = RunResult::new(node, status);
        result.thread = thread;
        result.name_relation(node);
        result.message = Some(match open {
            _ if interrupted => "Cancelled: the run was interrupted before it was published".into(),
            Some(test) => format!("Skipped: not published, since `{}` did not run", test.test),
            None => "Skipped: not published".to_owned(),
        });
        result
    }

    /// Puts the model in its place, and runs the hooks that come after the transaction.
    fn publish(&self, node: &Node, names: &IndexNames, built: &RunResult) -> Result<()> {
        let mut connection = self.engines.connection(&node.engine)?;
        connection.of_node(&node.unique_id);
        let at = |error: Diagnostic| Box::new(error.or_at(node.location.clone()));
        publish::replace(&mut *connection, &standing(node), &node.relation(), names)
            .map_err(|error| at(error.diagnostic))?;
        let rejected = node.rejected_relation();
        let _until_the_next_time = publish::drop_unless_busy(&mut *connection, &rejected);
        if node.config.hooks("post-hook").is_empty() {
            return Ok(());
        }
        let host = self.compiler.host(&node.unique_id);
        let adapter = Arc::new(ConnectionAdapter::new(connection));
        host.set_adapter(adapter.clone());
        let sql = built.compiled_code.clone().unwrap_or_default();
        host.set_compiled(sql.clone());
        let compiled = CompiledNode { sql, ..CompiledNode::default() };
        let dialect = self.compiler.dialects.get(&node.engine).clone();
        let job = Job { runner: self, node, dialect, host, adapter, compiled, block: None };
        if let Some((comment, last)) = job.query_comment()? {
            job.adapter.lock().comment(comment, last);
        }
        job.run_hooks("post-hook", false)
    }

    /// Keeps what was rejected in place of what was rejected before.
    fn reject(&self, node: &Node) -> Result<()> {
        let mut connection = self.engines.connection(&node.engine)?;
        connection.of_node(&node.unique_id);
        let rejected = node.rejected_relation();
        publish::replace(&mut *connection, &standing(node), &rejected, &IndexNames::default())
            .map(drop)
            .map_err(|error| Box::new(error.diagnostic))
    }
}

/// The hidden relation with its kind.
fn standing(node: &Node) -> Relation {
    let is_view = node.materialized() == "view";
    let kind = if is_view { RelationKind::View } else { RelationKind::Table };
    node.audit_relation().with_kind(kind)
}

/// Why a model was not published, and where it is kept: `elsewhere` is its engine, where that is
/// not the default one.
fn rejection(
    node: &Node,
    elsewhere: Option<&str>,
    against: &[&Verdict],
    tests: usize,
    kept: Result<()>,
) -> Diagnostic {
    let count = match (against.len(), tests) {
        (1, 1) => "its test".to_owned(),
        (some, all) if some == all => format!("its {all} tests"),
        (some, all) => format!("{some} of its {all} tests"),
    };
    let message = format!("`{}` was not published: {count} did not pass", node.name);
    let why: Vec<String> = against.iter().map(|verdict| verdict.why()).collect();
    let error = Diagnostic::error(Code::NOT_PUBLISHED, message)
        .or_at(node.location.clone())
        .note(why.join("; "))
        .note("readers see what was published before");
    let relation = node.rejected_relation().render();
    let engine = elsewhere.map(|name| format!(" --engine {name}")).unwrap_or_default();
    match kept {
        Ok(()) => error
            .note(format!("what was rejected is kept as {relation}"))
            .help(format!("Look at it: pintail show{engine} --inline 'select * from {relation}'")),
        Err(other) => error.note(format!("what was rejected could not be kept: {}", other.message)),
    }
}
