//! Warnings as the flags want them: told, refused or silent; and deprecations counted, each told
//! once, with a summary at the end, as dbt does it.
//!
//! Decides and counts. Writing a line is the console's business.

use std::sync::{Mutex, PoisonError};

use indexmap::IndexMap;

use crate::config::{Verdict, WarnPolicy, event_code, is_deprecation};
use crate::diagnostic::{Code, Diagnostic, Result, Severity};

/// What was warned about in one command.
#[derive(Debug, Default)]
pub struct Warnings {
    policy: WarnPolicy,
    show_all: bool,
    deprecations: Mutex<IndexMap<&'static str, usize>>,
}

impl Warnings {
    /// Rules, and whether every deprecation is told (`--show-all-deprecations`).
    pub fn new(policy: WarnPolicy, show_all: bool) -> Warnings {
        Warnings { policy, show_all, deprecations: Mutex::default() }
    }

    /// Whether a warning is to be told.
    ///
    /// # Errors
    /// The warning as an error, where the flags want that.
    pub fn judge(&self, warning: &Diagnostic) -> Result<bool> {
        match self.policy.verdict(warning.event) {
            Verdict::Silence => return Ok(false),
            Verdict::Refuse => {
                let error = Diagnostic { severity: Severity::Error, ..warning.clone() };
                return Err(Box::new(error.help(
                    "It is a warning, but --warn-error or --warn-error-options makes it an error.",
                )));
            }
            Verdict::Tell => {}
        }
        if !is_deprecation(warning.event) {
            return Ok(true);
        }
        let mut counts = self.deprecations.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(warning.event).or_insert(0);
        *count += 1;
        Ok(*count == 1 || self.show_all)
    }

    /// Whether a test that warns fails.
    pub fn tests_fail(&self) -> bool {
        self.refuses("LogTestResult")
    }

    /// Whether warnings of a name are errors.
    pub fn refuses(&self, event: &str) -> bool {
        self.policy.verdict(event) == Verdict::Refuse
    }

    /// Whether warnings of a name are not told.
    pub fn silences(&self, event: &str) -> bool {
        self.policy.verdict(event) == Verdict::Silence
    }

    /// How often which deprecation was met; nothing where there was none.
    pub fn summary(&self) -> Option<Diagnostic> {
        let counts = self.deprecations.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.is_empty() || self.policy.verdict("DeprecationsSummary") == Verdict::Silence {
            return None;
        }
        let mut text = "Summary of encountered deprecations:".to_owned();
        for (event, count) in counts.iter() {
            let plural = if *count == 1 { "" } else { "s" };
            text.push_str(&format!("\n- {event}: {count} occurrence{plural}"));
        }
        let list: Vec<serde_json::Value> = counts
            .iter()
            .map(|(event, count)| {
                serde_json::json!({
                    "event_name": event,
                    "event_code": event_code(event).unwrap_or_default(),
                    "occurrences": count,
                })
            })
            .collect();
        let mut summary = Diagnostic::warning(Code::USAGE, text)
            .event("DeprecationsSummary")
            .field("summaries", list)
            .field("show_all_hint", !self.show_all);
        if !self.show_all {
            summary =
                summary.help("Each is shown once; --show-all-deprecations shows all of them.");
        }
        Some(summary)
    }
}
