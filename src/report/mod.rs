//! What a person or a CI reads: progress, summaries, diagnostics, rows, JSON log lines.
//!
//! The only module besides `cli` that writes to the terminal.

mod batches;
mod console;
mod diagnostics;
mod json_log;
mod progress;
mod rows;
mod summary;

pub use console::{Console, Style};
pub use diagnostics::{render as render_diagnostic, to_json as diagnostic_to_json};
pub use progress::Progress;
pub use rows::{RowFormat, format_rows};
pub use summary::{counts_line, summary};
