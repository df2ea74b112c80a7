//! The scheduler, materializations, seeds, tests, hooks → [`RunResult`]s.

mod adapter;
mod audit;
mod catalog;
mod comment;
mod custom;
mod data_test;
mod diff;
mod ended;
mod engines;
mod failing_rows;
mod freshness;
mod hooks;
mod incremental;
mod job;
mod microbatch;
mod model;
mod node;
mod pii;
mod project_hooks;
mod python_model;
pub mod result;
mod scheduler;
mod seed;
mod seed_file;
mod seed_types;
mod unit_test;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use fixedbitset::FixedBitSet;

use crate::compile::{Bridge, Compiler};
use crate::diagnostic::Diagnostic;
use crate::graph::{Audits, Graph};
use crate::manifest::Node;

pub use adapter::ConnectionAdapter;
pub use catalog::{Catalog, CatalogColumn, CatalogTable, catalog};
pub use custom::clone_by_block;
pub use engines::{Engines, Pooled};
pub use freshness::{FreshnessResult, FreshnessStatus, freshness, has_freshness};
pub use result::{
    BatchResults, DataLoad, FailingRows, InvocationInfo, LoadKind, RunResult, Status, Timing,
};
pub use seed::is_overridden as seeds_are_overridden;
pub use seed_file::seed_columns;
pub use wire::{Spoken, What};

/// Something that a thread works on.
pub enum Step<'a> {
    Node(&'a Node),
    Bridge(&'a Bridge),
}

/// How far a batch of a microbatch model is.
pub struct BatchNews<'a> {
    /// Its beginning: `2025-01-31`.
    pub label: &'a str,
    /// Counted from 1, of how many.
    pub number: usize,
    pub of: usize,
    /// `None` where it begins; what came of it and in which time where it ended.
    pub ended: Option<(Status, &'a str, std::time::Duration)>,
    /// Whether others run beside it.
    pub concurrent: bool,
}

/// Who is told how a run goes on, from any thread.
pub trait Observer: Send + Sync {
    /// Work on a step began.
    fn started(&self, step: &Step, thread: usize);
    /// A node ended; with the reason where it failed.
    fn finished(&self, node: &Node, result: &RunResult, error: Option<&Diagnostic>);
    /// A batch of a microbatch model begins or ended.
    fn batch(&self, _node: &Node, _news: &BatchNews) {}
    /// A bridge ended.
    fn bridged(&self, bridge: &Bridge, outcome: Result<&DataLoad, &Diagnostic>);
}

/// How to run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub full_refresh: bool,
    pub fail_fast: bool,
    /// `--store-failures`
    pub store_failures: bool,
    /// Whether a test that warns fails: `--warn-error`.
    pub warnings_fail: bool,
    /// Whether failing rows of tests are fetched for the results store.
    pub keep_failing_rows: bool,
    /// When the command began: where the last batch of microbatch models ends.
    pub started_at: Option<jiff::Timestamp>,
    /// What an earlier run did of microbatch models; only what failed is built again.
    pub earlier_batches: HashMap<String, BatchResults>,
}

/// Runs nodes.
pub struct Runner {
    pub compiler: Arc<Compiler>,
    pub engines: Arc<Engines>,
    pub options: Options,
    /// The audited models of the run, and the tests that decide about them.
    pub audits: Audits,
    pub observer: Arc<dyn Observer>,
    /// How many nodes and batches run at the moment.
    pub busy: AtomicUsize,
}

impl Runner {
    /// What is deprecated about how the selected nodes are built.
    pub fn warnings(&self, selected: &FixedBitSet) -> Vec<Diagnostic> {
        let nodes = selected.ones().filter_map(|at| self.compiler.manifest.nodes.get_index(at));
        custom::warnings(self, nodes.map(|(_, node)| &**node))
    }

    /// Runs the selected nodes in the order of the DAG, on the target's number of threads. With
    /// `tests_block`, as in `build`, what depends on a tested node waits for its tests.
    ///
    /// # Errors
    /// Only what keeps the run from starting: an engine or a schema. A node's failure is a result.
    pub fn run(
        &self,
        graph: &Graph,
        selected: &FixedBitSet,
        tests_block: bool,
    ) -> crate::diagnostic::Result<Vec<RunResult>> {
        self.prepare(selected)?;
        let threads = self.compiler.config.target.threads;
        Ok(scheduler::run(self, graph, selected, tests_block, threads))
    }
}
