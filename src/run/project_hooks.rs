//! The hooks of the project, before the first node and after the last one.

use minijinja::Value;

use super::freshness::FreshnessResult;
use super::node::said;
use super::{RunResult, Runner, Status, Step, ended};
use crate::diagnostic::{Diagnostic, Result};

impl Runner {
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
                self.observer.started(&Step::Node(node), 0);
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
