//! What a person or a CI reads: progress, summaries, diagnostics, rows, log lines.
//!
//! The only module besides `cli` that writes to the terminal.

mod batches;
mod branches;
mod console;
mod diagnostics;
mod events;
mod hook_lines;
mod impact;
mod json_log;
mod lineage;
mod lines;
mod progress;
mod rows;
mod sparkline;
mod statements;
mod summary;
mod warnings;

pub use branches::node_name;
pub use console::{Console, ConsoleOptions, Style};
pub use diagnostics::{render as render_diagnostic, to_json as diagnostic_to_json};
pub use events::Level;
pub use impact::ImpactView;
pub use lineage::LineageView;
pub use lines::{dotted, found, plural};
pub use progress::Progress;
pub use rows::{RowFormat, format_rows, table_width};
pub use sparkline::sparkline;
pub use statements::spoken;
pub use summary::{Ended, counts_line, finished_running, summary};
pub use warnings::Warnings;
