//! `--warn-error` and `--warn-error-options`: which warnings are errors, and which are not told.
//!
//! Names are those of dbt's events. Decides only; what is told and where is not its business.

use serde_json::{Map, Value};

use super::{FlagValues, event_code, event_names};
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};

/// What becomes of a warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Tell,
    Refuse,
    Silence,
}

/// A choice of events.
#[derive(Debug, Clone, Default)]
struct Names(Vec<String>);

/// Whether an event is about something of dbt's own that goes away. The places of names with spaces
/// are no such event: their number is one.
pub fn is_deprecation(event: &str) -> bool {
    event != "SpacesInResourceNameDeprecation"
        && event_code(event).is_some_and(|code| code.starts_with('D'))
}

impl Names {
    /// How exactly the event is named: 3 by its name, 2 among deprecations, 1 with all, 0 not.
    fn rank(&self, event: &str) -> u8 {
        let one = |name: &String| match name.as_str() {
            name if name.eq_ignore_ascii_case(event) => 3,
            "Deprecations" if is_deprecation(event) => 2,
            "all" | "*" => 1,
            _ => 0,
        };
        self.0.iter().map(one).max().unwrap_or(0)
    }
}

/// The rules of one command.
#[derive(Debug, Clone, Default)]
pub struct WarnPolicy {
    error: Names,
    warn: Names,
    silence: Names,
    /// `require_all_warnings_handled_by_warn_error`
    all_handled: bool,
}

/// Warnings that dbt tells past its own rules, unless a flag of the project forbids that.
const PAST_THE_RULES: &[&str] = &["MicrobatchModelNoEventTimeInputs"];

impl WarnPolicy {
    /// The rules that the flags give.
    ///
    /// # Errors
    /// `USAGE` for both spellings of one key, unknown keys, and values that are no names.
    pub fn of(flags: &FlagValues) -> Result<WarnPolicy> {
        let all_handled = flags.is_on("require_all_warnings_handled_by_warn_error");
        if flags.is_on("warn_error") {
            let error = Names(vec!["all".into()]);
            return Ok(WarnPolicy { error, all_handled, ..WarnPolicy::default() });
        }
        let Some(Value::Object(options)) = flags.values.get("warn_error_options") else {
            return Ok(WarnPolicy::default());
        };
        for key in options.keys() {
            if !["error", "include", "warn", "exclude", "silence"].contains(&key.as_str()) {
                return Err(usage(format!("`{key}` is no key of warn_error_options")));
            }
        }
        let policy = WarnPolicy {
            error: names(options, "error", "include")?,
            warn: names(options, "warn", "exclude")?,
            silence: names(options, "silence", "silence")?,
            all_handled,
        };
        let has = |names: &Names, wanted: &[&str]| {
            names.0.iter().any(|name| wanted.contains(&name.as_str()))
        };
        let takes_warn = has(&policy.error, &["all", "*", "Deprecations"])
            || has(&policy.silence, &["Deprecations"]);
        if !policy.warn.0.is_empty() && !takes_warn {
            return Err(usage(
                "`warn` can only be specified if `error` is all, or Deprecations are in `error` \
                 or `silence`"
                    .to_owned(),
            ));
        }
        Ok(policy)
    }

    /// What becomes of a warning of this name. The most exact rule counts; among equals silence
    /// goes before warning, and that before error.
    ///
    /// What dbt has no event for is only told: it must not fail a command that passes there.
    pub fn verdict(&self, event: &str) -> Verdict {
        if event.is_empty() || (PAST_THE_RULES.contains(&event) && !self.all_handled) {
            return Verdict::Tell;
        }
        let (error, warn, silence) =
            (self.error.rank(event), self.warn.rank(event), self.silence.rank(event));
        if silence > 0 && silence >= warn.max(error) {
            Verdict::Silence
        } else if error > warn {
            Verdict::Refuse
        } else {
            Verdict::Tell
        }
    }
}

fn names(options: &Map<String, Value>, key: &str, older: &str) -> Result<Names> {
    let value = match (options.get(key), options.get(older)) {
        (Some(_), Some(_)) if key != older => {
            return Err(usage(format!(
                "Only `{older}` or `{key}` can be specified in `warn_error_options`, not both"
            )));
        }
        (one, other) => one.or(other),
    };
    let bad = || usage(format!("`{key}` of warn_error_options takes names of events, or `all`"));
    match value {
        None | Some(Value::Null) => Ok(Names::default()),
        Some(Value::String(all)) if all == "all" || all == "*" => Ok(Names(vec![all.clone()])),
        Some(Value::Array(many)) => many
            .iter()
            .map(|one| one.as_str().map(str::to_owned).ok_or_else(bad))
            .map(|name| name.and_then(known))
            .collect::<Result<_>>()
            .map(Names),
        Some(_) => Err(bad()),
    }
}

/// A name, if there is an event of it.
fn known(name: String) -> Result<String> {
    if name == "Deprecations" || event_code(&name).is_some() {
        return Ok(name);
    }
    let message = format!("{name} is not a valid dbt error name.");
    let error = usage(message);
    Err(match did_you_mean(&name, event_names()) {
        Some(help) => Box::new(error.help(help)),
        None => error,
    })
}

fn usage(message: String) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::USAGE, message).help(
        "Write --warn-error-options '{error: all, warn: [NoNodesForSelectionCriteria], silence: []}'.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> WarnPolicy {
        let options = serde_json::from_str(text).unwrap();
        let mut flags = FlagValues::default();
        flags.values.insert("warn_error_options".into(), options);
        WarnPolicy::of(&flags).unwrap()
    }

    #[test]
    fn the_most_exact_rule_counts() {
        let all = policy(r#"{"include": "all", "exclude": ["NoNodesForSelectionCriteria"]}"#);
        assert_eq!(all.verdict("NoNodesForSelectionCriteria"), Verdict::Tell);
        assert_eq!(all.verdict("NoNodeForYamlKey"), Verdict::Refuse);
        let old =
            policy(r#"{"error": ["Deprecations"], "silence": ["PackageRedirectDeprecation"]}"#);
        assert_eq!(old.verdict("ConfigDataPathDeprecation"), Verdict::Refuse);
        assert_eq!(old.verdict("PackageRedirectDeprecation"), Verdict::Silence);
        assert_eq!(old.verdict("NoNodeForYamlKey"), Verdict::Tell);
    }
}
