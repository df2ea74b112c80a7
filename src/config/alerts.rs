//! `alerts:` in dbt_project.yml: who is told of a run that went wrong, and of what.
//!
//! A key of Pintail's own; dbt passes over it.

use std::sync::Arc;
use std::time::Duration;

use super::reader::MapReader;
use super::yaml::Yaml;
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};

/// An entry of `alerts:`.
#[derive(Debug, Clone)]
pub struct Alert {
    /// Its name, or `alert 1` for the first one.
    pub name: String,
    pub to: AlertTo,
    /// Whether it tells of runs that failed.
    pub on_failure: bool,
    /// The score of a run's tests, from 0 to 100, under which it tells.
    pub score_below: Option<f64>,
    /// How long a run may take before it tells.
    pub longer_than: Option<Duration>,
    /// The targets that it is about; all where there are none.
    pub targets: Vec<String>,
}

/// Who takes an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertTo {
    /// An address that takes JSON by POST.
    Webhook(String),
    /// A program and its arguments, which take JSON from standard input.
    Command(Vec<String>),
}

impl Alert {
    /// Whether it is about a target.
    pub fn is_about(&self, target: &str) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|one| one == target)
    }
}

/// A length of time: `90`, `30s`, `5m`, `1h 30m`.
///
/// # Errors
/// What to write instead.
pub fn duration(text: &str) -> std::result::Result<Duration, String> {
    if let Ok(seconds) = text.trim().parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let wrong = || "write 0, 30s, 5m or the like".to_owned();
    let length: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    length.try_into().map_err(|_| wrong())
}

/// Reads the entries; one without an address, as where a variable of the environment is not set,
/// is left out.
///
/// # Errors
/// `BAD_CONFIG`, `UNKNOWN_KEY`, at the key's place.
pub(super) fn read(map: &mut MapReader) -> Result<Vec<Alert>> {
    let file = map.file();
    let mut alerts: Vec<Alert> = Vec::new();
    for (index, yaml) in map.list("alerts")?.iter().enumerate() {
        let mut entry = MapReader::new(file, "an alert", yaml)?;
        let name = entry.text("name")?.unwrap_or_else(|| format!("alert {}", index + 1));
        let to = address(file, &mut entry, yaml)?;
        let score_below = entry.any("score_below").map(|given| score(file, given)).transpose()?;
        let longer_than = entry.any("longer_than").map(|given| length(file, given)).transpose()?;
        let alone = score_below.is_none() && longer_than.is_none();
        let on_failure = entry.flag("on_failure")?.unwrap_or(alone);
        let targets = entry.texts("targets")?.unwrap_or_default();
        entry.deny_left_over()?;
        if !on_failure && alone {
            let help = "Give it `on_failure: true`, `score_below:` or `longer_than:`.";
            return Err(wrong(file, yaml, format!("The alert `{name}` has nothing to tell"), help));
        }
        if alerts.iter().any(|other| other.name == name) {
            let help = "Give each a name of its own.";
            return Err(wrong(file, yaml, format!("Two alerts are called `{name}`"), help));
        }
        let Some(to) = to else { continue };
        alerts.push(Alert { name, to, on_failure, score_below, longer_than, targets });
    }
    Ok(alerts)
}

fn address(file: &Arc<SourceFile>, entry: &mut MapReader, whole: &Yaml) -> Result<Option<AlertTo>> {
    let (webhook, command) = (entry.any("webhook"), entry.any("command"));
    match (webhook, command) {
        (Some(given), None) => {
            let url = entry.text("webhook")?.unwrap_or_default();
            if url.trim().is_empty() {
                return Ok(None);
            }
            if !url.starts_with("https://") && !url.starts_with("http://") {
                // Not shown: whoever knows such an address can write to it.
                let help = "Write an address that begins with https:// or http://.";
                return Err(wrong(file, given, "`webhook` of an alert is no address", help));
            }
            Ok(Some(AlertTo::Webhook(url)))
        }
        (None, Some(given)) => {
            let words = entry.texts("command")?.unwrap_or_default();
            let shell = given.to_json().is_string();
            if words.iter().all(|word| word.trim().is_empty()) {
                return Ok(None);
            }
            let before = if shell { vec!["sh".to_owned(), "-c".to_owned()] } else { Vec::new() };
            Ok(Some(AlertTo::Command(before.into_iter().chain(words).collect())))
        }
        (Some(_), Some(given)) => {
            let help = "Make two alerts of it.";
            Err(wrong(file, given, "An alert has both a webhook and a command", help))
        }
        // The variable that holds the address is not set on this machine.
        (None, None) if whole.get("webhook").or(whole.get("command")).is_some() => Ok(None),
        (None, None) => {
            let help = "Add `webhook: https://…` or `command: …`.";
            Err(wrong(file, whole, "An alert has nobody to tell", help))
        }
    }
}

fn wrong(
    file: &Arc<SourceFile>,
    at: &Yaml,
    message: impl Into<String>,
    help: &str,
) -> Box<Diagnostic> {
    let error = Diagnostic::error(Code::BAD_CONFIG, message);
    Box::new(error.at(Location::new(file.clone(), at.span.clone())).help(help))
}

fn score(file: &Arc<SourceFile>, given: &Yaml) -> Result<f64> {
    let number = given.to_json().as_f64().filter(|score| (0.0..=100.0).contains(score));
    number.ok_or_else(|| {
        let message = "`score_below` of an alert is no score";
        wrong(file, given, message, "Write a number from 0 to 100.")
    })
}

fn length(file: &Arc<SourceFile>, given: &Yaml) -> Result<Duration> {
    let text = match given.to_json() {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let long = duration(&text).ok().filter(|length| !length.is_zero());
    long.ok_or_else(|| {
        let message = "`longer_than` of an alert is no length of time";
        wrong(file, given, message, "Write 30s, 5m, 1h 30m or the like.")
    })
}
