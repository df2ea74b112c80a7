//! What others are told of a run: people by alerts, monitoring by a file of metrics, catalogs by
//! events of lineage. Never keeps a run from ending, and never changes how it ended.

mod alerts;
mod metrics;
mod openlineage;

use std::time::Duration;

use jiff::Timestamp;

use crate::manifest::{Manifest, Node, ResourceType};
use crate::run::{InvocationInfo, RunResult, Status};
use crate::store::{RunStatus, score};

pub use alerts::{AlertFolders, Alerts, alert_of_error};
pub use metrics::write_metrics;
pub use openlineage::send_lineage;

/// A run that is over.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub invocation: &'a InvocationInfo,
    pub manifest: &'a Manifest,
    pub results: &'a [RunResult],
    pub status: RunStatus,
    pub finished_at: Timestamp,
    pub elapsed: Duration,
}

impl Run<'_> {
    /// The score of the run's tests from 0 to 100, as `data_quality.quality_reports` reckons it: a
    /// pass counts whole, a warning half, a failure nothing, and tests of severity error twice as
    /// much as others. None where no test ran.
    pub fn score(&self) -> Option<f64> {
        let (mut points, mut weight) = (0.0_f64, 0.0);
        for result in self.results.iter().filter(|result| result.resource_type.is_test()) {
            let worth = match result.status {
                Status::Pass => 1.0,
                Status::Warn => 0.5,
                Status::Skipped | Status::NoOp => continue,
                _ => 0.0,
            };
            let node = self.manifest.nodes.get(&result.unique_id);
            let counts = if node.is_none_or(|node| is_strict(node)) { 2.0 } else { 1.0 };
            points += counts * worth;
            weight += counts;
        }
        score(points, weight)
    }
}

/// Sends JSON by POST, once, within a time; with a bearer token, if there is one.
fn post_json(
    url: &str,
    body: &serde_json::Value,
    time: Duration,
    token: Option<&str>,
) -> std::result::Result<(), ureq::Error> {
    let time = time.max(Duration::from_millis(1));
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(time)).build().into();
    let mut request = agent.post(url).header("Content-Type", "application/json");
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    request.send(body.to_string()).map(drop)
}

/// Whether a test is of severity error, as unit tests are.
fn is_strict(test: &Node) -> bool {
    test.resource_type == ResourceType::UnitTest
        || !test.config.text("severity").is_some_and(|text| text.eq_ignore_ascii_case("warn"))
}
