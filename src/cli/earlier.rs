//! What an earlier command left for `retry`: which nodes did not succeed, which batches of
//! microbatch models failed, and when it began. Read from its run_results.json.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::config::event_time::{Window, parse};
use crate::run::BatchResults;

/// What is to be done again.
#[derive(Debug, Clone, Default)]
pub(super) struct Earlier {
    /// The unique ids of the only nodes that take part.
    pub nodes: HashSet<String>,
    /// Of microbatch models of which some batches succeeded; without any, all are built again.
    pub batches: HashMap<String, BatchResults>,
    /// When the command began: the last batches end then, as they did before.
    pub began: Option<jiff::Timestamp>,
}

impl Earlier {
    /// Of these nodes, out of run_results.json.
    pub fn read(results: &Value, nodes: HashSet<String>) -> Earlier {
        let all = results["results"].as_array().map_or(&[][..], Vec::as_slice);
        let batches = all.iter().filter_map(|result| {
            let spans = |key: &str| spans(&result["batch_results"][key]);
            let batches = BatchResults { successful: spans("successful"), failed: spans("failed") };
            let some = !batches.successful.is_empty() && !batches.failed.is_empty();
            some.then(|| Some((result["unique_id"].as_str()?.to_owned(), batches)))?
        });
        let metadata = &results["metadata"];
        let began = metadata["invocation_started_at"].as_str();
        let began = began.or_else(|| metadata["generated_at"].as_str());
        Earlier { nodes, batches: batches.collect(), began: began.and_then(|at| at.parse().ok()) }
    }
}

/// Pairs of a beginning and an end.
fn spans(list: &Value) -> Vec<Window> {
    let list = list.as_array().map_or(&[][..], Vec::as_slice);
    let time = |text: &Value| text.as_str().and_then(parse);
    list.iter()
        .filter_map(|pair| Some(Window { start: time(&pair[0])?, end: time(&pair[1])? }))
        .collect()
}
