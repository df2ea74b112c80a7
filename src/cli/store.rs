//! The results store as commands use it: open it if the target has one, record a run.

use std::sync::Arc;

use jiff::Timestamp;

use super::Exit;
use super::session::Session;
use crate::config::{EngineConfig, EngineParams};
use crate::diagnostic::{Code, Diagnostic, Result, Severity};
use crate::engine::embedded;
use crate::graph::Selected;
use crate::run::RunResult;
use crate::store::{Counts, Outcome, QualityRule, RunStatus, Store, Writer, WriterOptions};

/// A store and what keeps its server up.
pub(super) struct OpenStore {
    pub store: Store,
    _guard: Option<embedded::Guard>,
}

/// Opens the store of a configuration.
pub(super) fn open(results: &EngineConfig) -> Result<OpenStore> {
    let EngineParams::Postgres(params) = &results.params else {
        return Err(Box::new(Diagnostic::error(
            Code::STORE,
            format!("The results store needs PostgreSQL, but `{}` is not", results.name),
        )));
    };
    let connect = || -> Result<OpenStore> {
        let (resolved, guard) = embedded::ensure(params)?;
        Ok(OpenStore { store: Store::connect(&resolved)?, _guard: guard })
    };
    connect().map_err(|error| Box::new(error.or_at(results.location.clone())))
}

/// The error of a command that needs a store where the target has none.
pub(super) fn none_configured(target: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::STORE, format!("The target `{target}` has no results store"))
            .help(
                "Turn it on in profiles.yml: add `results: {type: postgres, host: …, user: …, dbname: …}` \
                 (or `results: {embedded: true}`) to the output, or `results_engine:` to a hybrid one.",
            ),
    )
}

/// Writes a run into the store while it goes on; does nothing where there is none.
pub(super) struct Recorder {
    writer: Option<Writer>,
    _guard: Option<embedded::Guard>,
    problem: Option<Diagnostic>,
}

impl Recorder {
    /// Writes the run's row, before its first node starts.
    pub fn start(session: &Session, selected: &Selected) -> Result<Recorder> {
        let none = Recorder { writer: None, _guard: None, problem: None };
        let Some(results): Option<&Arc<EngineConfig>> = session.config.target.results.as_ref()
        else {
            return Ok(none);
        };
        match Self::try_start(session, selected, results) {
            Ok(recorder) => Ok(recorder),
            // A run goes on without its store, but for one that its own nodes need anyway.
            Err(error) if session.config.target.engines.contains_key(&results.name) => Err(error),
            Err(error) => {
                let problem = Diagnostic { severity: Severity::Warning, ..*error };
                Ok(Recorder { problem: Some(problem), ..none })
            }
        }
    }

    fn try_start(
        session: &Session,
        selected: &Selected,
        results: &EngineConfig,
    ) -> Result<Recorder> {
        let OpenStore { mut store, _guard } = open(results)?;
        store.begin_run(&session.invocation, selected.nodes.len())?;
        let manifest = &session.compiler.manifest;
        let mut rules = Vec::new();
        for index in &selected.nodes {
            let node = session.graph.member(manifest, *index).node();
            if let Some(test) = node.filter(|node| node.resource_type.is_test()) {
                rules.push(QualityRule::of(manifest, test));
            }
        }
        let writer = Writer::start(store, &session.invocation, rules, WriterOptions::default())?;
        Ok(Recorder { writer: Some(writer), _guard, problem: None })
    }

    /// Whether results go anywhere.
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Hands over a result.
    pub fn record(&self, result: &RunResult) {
        if let Some(writer) = &self.writer {
            writer.record(result);
        }
    }

    /// Completes the run's row; what went wrong comes back as warnings.
    pub fn finish(
        self,
        session: &Session,
        exit: Exit,
        results: &[RunResult],
        message: Option<String>,
    ) -> Vec<Diagnostic> {
        let Recorder { writer, problem, _guard } = self;
        let Some(writer) = writer else { return problem.into_iter().collect() };
        let outcome = Outcome {
            status: match exit {
                Exit::Done => RunStatus::Success,
                Exit::NodeFailed => RunStatus::Failed,
                Exit::CouldNotRun => RunStatus::Error,
                Exit::Interrupted => RunStatus::Interrupted,
            },
            counts: Counts::of(results),
            finished_at: Timestamp::now(),
            message,
        };
        let finished = writer.finish(&outcome);
        let mut warnings = finished.warnings;
        if let Some(mut store) = finished.store
            && session.invocation.selection.is_empty()
        {
            let manifest = &session.compiler.manifest;
            let known: Vec<&str> = manifest
                .nodes
                .values()
                .filter(|node| node.resource_type.is_test())
                .map(|test| &*test.unique_id)
                .collect();
            if let Err(error) = store.retire_rules(&session.invocation.project, &known) {
                warnings.push(Diagnostic { severity: Severity::Warning, ..*error });
            }
        }
        warnings
    }
}
