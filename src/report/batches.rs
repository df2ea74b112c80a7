//! How the batches of a microbatch model go on: a line each, or dbt's events. Not how the model as
//! a whole ended.

use serde_json::json;

use super::Progress;
use crate::manifest::Node;
use crate::run::{BatchNews, Status};

impl Progress {
    /// Tells of a batch that begins or ended.
    pub fn batch(&self, node: &Node, news: &BatchNews) {
        let BatchNews { label, number, of, ended, concurrent } = news;
        let what = format!("batch {label} of {}.{}", node.schema, node.alias);
        let mut data = json!({
            "node_info": super::progress::node_info(node, "started"),
            "description": what,
            "batch_index": number,
            "total_batches": of,
        });
        let Some((status, said, time)) = ended else {
            let how = if *concurrent { "concurrently" } else { "sequentially" };
            let text = format!("{what} is being run {how}");
            self.event("MicrobatchExecutionDebug", "debug", &text, json!({"msg": text}));
            self.event("LogStartBatch", "info", &format!("{number} of {of} START {what}"), data);
            return;
        };
        let seconds = time.as_secs_f64();
        data["execution_time"] = seconds.into();
        let (word, level, shown) = match status {
            Status::Error => ("ERROR creating", "error", status.as_str()),
            Status::Skipped => ("SKIP", "info", status.as_str()),
            _ => ("OK created", "info", *said),
        };
        data["status"] = shown.into();
        let text = format!("{number} of {of} {word} {what} [{shown} in {seconds:.2}s]");
        self.event("LogBatchResult", level, &text, data);
    }
}
