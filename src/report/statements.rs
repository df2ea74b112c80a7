//! The SQL that is sent, and how it ended, as dbt's debug events: what `dbt.log` is read for.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Console;
use super::events::Level;
use super::progress::node_info;
use crate::engine;
use crate::manifest::Manifest;
use crate::run::{Spoken, What};

/// How much of a statement that holds the rows of a seed is told.
const ABRIDGED: usize = 512;

/// Tells of a statement.
pub fn spoken(console: &Console, manifest: &Manifest, spoken: &Spoken) {
    let name = spoken.node.map_or("master", |id| &**id);
    // What no node asks for has none.
    let with_info = |mut data: Value| {
        if let Some(node) = spoken.node.and_then(|id| manifest.nodes.get(id)) {
            data["node_info"] = node_info(node, "executing", Timestamp::now(), false);
        }
        data
    };
    match spoken.what {
        What::Sent(sql) => {
            let sql = match sql.char_indices().nth(ABRIDGED) {
                Some((at, _)) if name.starts_with("seed.") => format!("{}...", &sql[..at]).into(),
                _ => std::borrow::Cow::Borrowed(sql),
            };
            let text = format!("On {name}: {sql}");
            console.event("SQLQuery", Level::Debug, &text, || {
                with_info(json!({"conn_name": name, "sql": sql}))
            });
        }
        What::Done(sql, changed, time) => {
            let status = engine::response(spoken.kind, sql, changed).message;
            let seconds = time.as_secs_f64();
            let text = format!("SQL status: {status} in {seconds:.3} seconds");
            console.event("SQLQueryStatus", Level::Debug, &text, || {
                with_info(json!({"status": status, "elapsed": seconds, "query_id": null}))
            });
        }
        What::Reused(before) => {
            let text = format!(
                "Re-using an available connection from the pool (formerly {before}, now {name})"
            );
            console.event(
                "ConnectionReused",
                Level::Debug,
                &text,
                || json!({"orig_conn_name": &**before, "conn_name": name}),
            );
        }
    }
}
