//! Where lines go: results to stdout, what is said about them to stderr; JSON lines to stdout.

use std::io::{IsTerminal, Write};

use serde_json::Value;

use super::diagnostics;
use super::json_log::JsonLog;
use crate::diagnostic::{Diagnostic, Severity};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// The terminal, or what stands in for it.
#[derive(Debug)]
pub struct Console {
    style: Style,
    quiet: bool,
    color: bool,
    json: JsonLog,
}

impl Console {
    /// A console. `color` of `None` means: where stderr is a terminal that can.
    pub fn new(style: Style, quiet: bool, color: Option<bool>, invocation_id: String) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Console {
            style,
            quiet,
            color: color.unwrap_or(terminal && wanted),
            json: JsonLog::new(invocation_id),
        }
    }

    /// Whether a progress bar makes sense.
    pub fn is_interactive(&self) -> bool {
        self.style == Style::Text && !self.quiet && std::io::stderr().is_terminal()
    }

    /// Whether text is coloured.
    pub fn color(&self) -> bool {
        self.color
    }

    /// Whether JSON lines are written.
    pub fn is_json(&self) -> bool {
        self.style == Style::Json
    }

    /// What was asked for: the rows of `show`, the names of `ls`. Never suppressed.
    pub fn data(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A closed pipe (`| head`) ends the reading, which is not an error of ours.
        let _closed = out
            .write_all(text.as_bytes())
            .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") });
    }

    /// A line about how the work goes on.
    pub fn info(&self, text: &str) {
        if self.style == Style::Json {
            self.event("Note", "info", text, Value::Null);
        } else if !self.quiet {
            self.line(text);
        }
    }

    fn line(&self, text: &str) {
        let _closed = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// An error or warning.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        let warning = diagnostic.severity == Severity::Warning;
        if self.style == Style::Json {
            let level = if warning { "warn" } else { "error" };
            let data = diagnostics::to_json(diagnostic);
            self.event("Diagnostic", level, &diagnostic.to_string(), data);
        } else if !(warning && self.quiet) {
            self.line(&format!("{}\n", diagnostics::render(diagnostic, self.color)));
        }
    }

    /// A JSON line in dbt's shape; nothing in text style.
    pub fn event(&self, name: &str, level: &str, message: &str, data: Value) {
        if self.style == Style::Json {
            self.data(&self.json.line(name, level, message, data));
        }
    }
}
