//! Log lines in the shape of dbt's structured logs: `{"info": {…}, "data": {…}}`.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Makes log lines.
#[derive(Debug)]
pub struct JsonLog {
    invocation_id: String,
}

impl JsonLog {
    pub(super) fn new(invocation_id: String) -> Self {
        JsonLog { invocation_id }
    }

    /// One line, without its newline.
    pub(super) fn line(&self, name: &str, level: &str, message: &str, data: Value) -> String {
        let thread = std::thread::current();
        json!({
            "info": {
                "name": name,
                "code": "",
                "category": "",
                "level": level,
                "msg": message,
                "invocation_id": self.invocation_id,
                "pid": std::process::id(),
                "thread": thread.name().unwrap_or("MainThread"),
                "ts": format!("{:.6}", Timestamp::now()),
                "extra": {},
            },
            "data": data,
        })
        .to_string()
    }
}
