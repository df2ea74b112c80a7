//! How the batches of a microbatch model go on: a line each, or dbt's events. Not how the model as
//! a whole ended.

use serde_json::json;

use super::Progress;
use super::events::Level;
use super::lines::dotted;
use crate::manifest::Node;
use crate::run::{BatchNews, Status};

impl Progress {
    /// Tells of a batch that begins or ended.
    pub fn batch(&self, node: &Node, news: &BatchNews) {
        let BatchNews { label, number, of, ended, concurrent } = news;
        let what = format!("batch {label} of {}.{}", node.schema, node.alias);
        let data = || {
            json!({
                "node_info": self.info_of(node, "started"),
                "description": what,
                "batch_index": number,
                "total_batches": of,
            })
        };
        let at = Some((*number, *of));
        let Some((status, said, time)) = ended else {
            let how = if *concurrent { "concurrently" } else { "sequentially" };
            let text = format!("{what} is being run {how}");
            let debug = || json!({"msg": text});
            self.event("MicrobatchExecutionDebug", Level::Debug, &text, debug);
            let line = dotted(at, &format!("START {what}"), "RUN", None, self.width());
            self.event("LogStartBatch", Level::Info, &line, data);
            return;
        };
        let seconds = time.as_secs_f64();
        if *status == Status::Error {
            let exc = format!("Exception on worker thread. {said}");
            let data = || json!({"unique_id": &*node.unique_id, "exc": exc});
            self.event("GenericExceptionOnRun", Level::Error, &exc, data);
        }
        let (word, level, shown) = match status {
            Status::Error => ("ERROR creating", Level::Error, status.as_str()),
            Status::Skipped => ("SKIP", Level::Info, status.as_str()),
            _ => ("OK created", Level::Info, *said),
        };
        let line = dotted(at, &format!("{word} {what}"), shown, Some(seconds), self.width());
        self.event("LogBatchResult", level, &line, || {
            let mut data = data();
            data["execution_time"] = seconds.into();
            data["status"] = shown.into();
            data
        });
    }
}
