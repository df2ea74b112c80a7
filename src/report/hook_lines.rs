//! What is told of the project's hooks: they are counted by themselves, before and after the nodes.

use jiff::Timestamp;
use serde_json::json;

use super::events::Level;
use super::lines::{dotted, ended, painted};
use super::progress::{Progress, node_info};
use crate::manifest::{Manifest, Node};
use crate::run::{RunResult, Status};

/// Where a hook stands among those of its time.
struct Place {
    /// `shop.on-run-start.0`
    name: String,
    index: usize,
    total: usize,
}

impl Place {
    fn of(manifest: &Manifest, node: &Node) -> Place {
        let when = node.tags.first().map_or("", |tag| tag.as_str());
        let all = manifest.hooks(when);
        let at = all.iter().position(|hook| hook.unique_id == node.unique_id).unwrap_or_default();
        Place {
            name: format!("{}.{when}.{at}", node.package_name),
            index: at + 1,
            total: all.len(),
        }
    }
}

impl Progress {
    /// A hook begins.
    pub(super) fn hook_started(&self, node: &Node, begun: Timestamp) {
        let Place { name, index, total } = Place::of(&self.manifest, node);
        if index == 1 && node.tags.first().is_some_and(|when| when == "on-run-end") {
            self.gap();
        }
        let at = Some((index, total));
        let line = dotted(at, &format!("START hook: {name}"), "RUN", None, self.width());
        self.event("LogHookStartLine", Level::Info, &line, || {
            json!({
                "node_info": node_info(node, "started", begun, false),
                "statement": name,
                "index": index,
                "total": total,
            })
        });
    }

    /// A hook ended.
    pub(super) fn hook_ended(&self, node: &Node, result: &RunResult, begun: Timestamp) {
        let Place { name, index, total } = Place::of(&self.manifest, node);
        let (words, word) = ended(node, result);
        let status = painted(&word, result.status, self.color());
        let seconds = result.execution_time.as_secs_f64();
        let shown = (result.status != Status::Skipped).then_some(seconds);
        let text = format!("{words} hook: {name}");
        let line = dotted(Some((index, total)), &text, &status, shown, self.width());
        let level = if result.is_failure() { Level::Error } else { Level::Info };
        self.event("LogHookEndLine", level, &line, || {
            json!({
                "node_info": node_info(node, result.status.as_str(), begun, true),
                "statement": name,
                "status": result.status.as_str(),
                "execution_time": seconds,
                "index": index,
                "total": total,
            })
        });
    }

    /// All is told of a hook: an empty line parts the last one at the start from the nodes.
    pub(super) fn hook_told(&self, node: &Node) {
        let Place { index, total, .. } = Place::of(&self.manifest, node);
        if index == total && node.tags.first().is_some_and(|when| when == "on-run-start") {
            self.gap();
        }
    }
}
