//! Alerts: messages to a webhook or a program when a run fails, when its tests score too low, or
//! while it takes too long. Who is told of what stands in dbt_project.yml.
//!
//! A message is tried a few times within [`PATIENCE`]. One that does not get through is kept in a
//! folder for the next run of the target, for a day. A receiver may get a message twice, where its
//! first answer was lost.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Run, post_json};
use crate::config::{Alert, AlertTo, scrub_json};
use crate::diagnostic::{Code, Diagnostic};
use crate::run::{InvocationInfo, RunResult};
use crate::store::{Counts, RunStatus};

/// How long a message is tried, all in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a message that was kept is tried.
const ONE_TRY: Duration = Duration::from_secs(2);

/// The pause after a failed try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(500);

/// How old a message may be.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How many failed nodes a message names.
const NAMED: usize = 20;

/// Where alerts work.
#[derive(Debug, Clone)]
pub struct AlertFolders {
    /// The project's, where programs are started.
    pub project: PathBuf,
    /// Where messages are kept that did not get through.
    pub kept: PathBuf,
}

/// The alerts of a run that is under way.
pub struct Alerts {
    alerts: Vec<Alert>,
    folders: AlertFolders,
    /// Ends the clock when it is dropped.
    stop: Sender<()>,
    clock: Option<JoinHandle<Clocked>>,
}

/// What came of watching a run.
#[derive(Default)]
struct Clocked {
    /// The alerts that have told how long it takes.
    told: HashSet<String>,
    warnings: Vec<Diagnostic>,
}

impl Alerts {
    /// Sends what earlier runs kept, and watches how long this one takes.
    pub fn watch(alerts: &[Alert], folders: AlertFolders, run: &InvocationInfo) -> Alerts {
        let mut alerts = alerts.to_vec();
        alerts.retain(|alert| alert.is_about(&run.target));
        let (stop, stopped) = channel::<()>();
        let clock = (!alerts.is_empty()).then(|| {
            let (alerts, folders, run) = (alerts.clone(), folders.clone(), run.clone());
            let begun = Instant::now();
            let work = move || {
                let mut clocked = Clocked::default();
                send_kept(&alerts, &folders, &run.target);
                let mut limited: Vec<&Alert> =
                    alerts.iter().filter(|alert| alert.longer_than.is_some()).collect();
                limited.sort_by_key(|alert| alert.longer_than);
                for alert in limited {
                    let limit = alert.longer_than.unwrap_or_default();
                    let left = limit.saturating_sub(begun.elapsed());
                    if stopped.recv_timeout(left) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                    let message = still_running(alert, &run, limit);
                    clocked.warnings.extend(send(alert, &folders, message));
                    clocked.told.insert(alert.name.clone());
                }
                clocked
            };
            std::thread::Builder::new().name("alerts".to_owned()).spawn(work).ok()
        });
        Alerts { alerts, folders, stop, clock: clock.flatten() }
    }

    /// Tells of a run that is over, while whoever calls this goes on.
    pub fn over(self, run: &Run) -> Sending {
        let Alerts { alerts, folders, stop, clock } = self;
        drop(stop);
        let clocked = clock.and_then(|clock| clock.join().ok()).unwrap_or_default();
        let score = run.score();
        let messages = alerts.into_iter().filter_map(|alert| {
            let told = clocked.told.contains(&alert.name);
            let reasons = reasons(&alert, run.status, score, run.elapsed, told);
            let message = (!reasons.is_empty()).then(|| of_run(&alert, run, score, &reasons))?;
            Some((alert, message))
        });
        Sending::begin(messages.collect(), &folders, clocked.warnings)
    }
}

/// Tells of a command that came to no run.
pub fn alert_of_error(
    alerts: &[Alert],
    folders: &AlertFolders,
    run: &InvocationInfo,
    why: &str,
) -> Sending {
    let about = alerts.iter().filter(|alert| alert.on_failure && alert.is_about(&run.target));
    let text = format!("{}: `{}` on {} could not run: {why}", run.project, run.command, run.target);
    let messages = about.map(|alert| {
        let mut message = common(alert, run, RunStatus::Error.as_str(), &["failure"], text.clone());
        message["message"] = json!(why);
        (alert.clone(), message)
    });
    Sending::begin(messages.collect(), folders, Vec::new())
}

/// Messages on their way.
pub struct Sending {
    threads: Vec<JoinHandle<Option<Diagnostic>>>,
    warnings: Vec<Diagnostic>,
}

impl Sending {
    fn begin(
        messages: Vec<(Alert, Value)>,
        folders: &AlertFolders,
        warnings: Vec<Diagnostic>,
    ) -> Sending {
        let spawn = |(alert, message): (Alert, Value)| {
            let folders = folders.clone();
            let work = move || send(&alert, &folders, message);
            std::thread::Builder::new().name("alert".to_owned()).spawn(work).ok()
        };
        Sending { threads: messages.into_iter().filter_map(spawn).collect(), warnings }
    }

    /// Waits for them, a few seconds at most. What did not get through comes back as warnings.
    pub fn wait(self) -> Vec<Diagnostic> {
        let mut warnings = self.warnings;
        let sent = self.threads.into_iter().filter_map(|thread| thread.join().ok());
        warnings.extend(sent.flatten());
        warnings
    }
}

/// Why a run is worth an alert.
fn reasons(
    alert: &Alert,
    status: RunStatus,
    score: Option<f64>,
    elapsed: Duration,
    told: bool,
) -> Vec<&'static str> {
    let failed = matches!(status, RunStatus::Failed | RunStatus::Error);
    let is_low = alert.score_below.is_some_and(|limit| score.is_some_and(|score| score < limit));
    let is_long = !told && alert.longer_than.is_some_and(|limit| elapsed > limit);
    let all = [
        (alert.on_failure && failed, "failure"),
        (is_low, "score_below"),
        (is_long, "longer_than"),
    ];
    all.into_iter().filter_map(|(holds, reason)| holds.then_some(reason)).collect()
}

fn of_run(alert: &Alert, run: &Run, score: Option<f64>, reasons: &[&str]) -> Value {
    let invocation = run.invocation;
    let counts = Counts::of(run.results);
    let failed: Vec<&RunResult> = run.results.iter().filter(|one| one.is_failure()).collect();
    let what = format!("{}: `{}` on {}", invocation.project, invocation.command, invocation.target);
    let mut said = Vec::new();
    if reasons.contains(&"failure") {
        said.push(match failed.as_slice() {
            [] => "failed".to_owned(),
            some => {
                let names: Vec<&str> = some.iter().take(3).map(|one| &*one.name).collect();
                let more = if some.len() > 3 { ", …" } else { "" };
                format!(
                    "failed: {} of {} ({}{more})",
                    some.len(),
                    run.results.len(),
                    names.join(", ")
                )
            }
        });
    }
    if let (true, Some(score), Some(limit)) =
        (reasons.contains(&"score_below"), score, alert.score_below)
    {
        said.push(format!("tests score {score:.1}, under {limit}"));
    }
    let seconds = run.elapsed.as_secs_f64();
    if reasons.contains(&"longer_than") {
        said.push(format!("took {seconds:.0} s"));
    }
    let text = format!("{what}: {}", said.join("; "));
    let mut message = common(alert, invocation, run.status.as_str(), reasons, text);
    message["finished_at"] = json!(run.finished_at);
    message["elapsed_seconds"] = json!(seconds);
    message["counts"] = json!(counts);
    message["score"] = json!(score);
    message["failed"] = failed.iter().take(NAMED).map(|one| node(run, one)).collect();
    message["failed_not_named"] = json!(failed.len().saturating_sub(NAMED));
    message
}

fn node(run: &Run, result: &RunResult) -> Value {
    let node = run.manifest.nodes.get(&result.unique_id);
    let short = |text: &str| text.chars().take(500).collect::<String>();
    json!({
        "unique_id": result.unique_id,
        "name": result.name,
        "resource_type": result.resource_type.as_str(),
        "status": result.status.as_str(),
        "failures": result.failures,
        "message": result.message.as_deref().map(short),
        "group": node.and_then(|node| node.group.as_deref()),
        "file": node.map(|node| node.original_file_path.clone()),
    })
}

fn still_running(alert: &Alert, run: &InvocationInfo, limit: Duration) -> Value {
    let seconds = limit.as_secs();
    let text = format!(
        "{}: `{}` on {} has been running for more than {seconds} s",
        run.project, run.command, run.target
    );
    let mut message = common(alert, run, "running", &["longer_than"], text);
    message["elapsed_seconds"] = json!(limit.as_secs_f64());
    message
}

/// What every message says. `text` is what chat programs show.
fn common(
    alert: &Alert,
    run: &InvocationInfo,
    status: &str,
    reasons: &[&str],
    text: String,
) -> Value {
    json!({
        "text": text,
        "alert": alert.name,
        "reasons": reasons,
        "status": status,
        "project": run.project,
        "target": run.target,
        "command": run.command,
        "selection": run.selection,
        "invocation_id": run.invocation_id,
        "started_at": run.started_at,
        "user": run.user,
        "host": run.host,
        "git_commit": run.git_commit,
        "git_branch": run.git_branch,
    })
}

/// A message that did not get through.
#[derive(Serialize, Deserialize)]
struct KeptMessage {
    at: Timestamp,
    message: Value,
}

/// Why a try failed.
struct Failure {
    why: String,
    /// Whether it may be different another time.
    passing: bool,
}

impl Failure {
    fn passing(error: impl std::fmt::Display) -> Failure {
        Failure { why: error.to_string(), passing: true }
    }
}

/// Tries until it is through or time is over; what is not through is kept, and told.
fn send(alert: &Alert, folders: &AlertFolders, mut message: Value) -> Option<Diagnostic> {
    scrub_json(&mut message);
    let begun = Instant::now();
    let mut pause = PAUSE;
    let failure = loop {
        let left = PATIENCE.saturating_sub(begun.elapsed());
        match deliver(alert, folders, &message, left) {
            Ok(()) => return None,
            Err(failure) if !failure.passing || begun.elapsed() + pause >= PATIENCE => {
                break failure;
            }
            Err(_) => {}
        }
        std::thread::sleep(pause);
        pause *= 2;
    };
    // Without its place: the line may hold an address, which is not for everybody's eyes.
    let warning =
        Diagnostic::warning(Code::ALERT, format!("The alert `{}` did not get through", alert.name))
            .note(failure.why.clone());
    if !failure.passing {
        return Some(warning.help("Mend its `webhook` or `command` in dbt_project.yml."));
    }
    Some(match keep(folders, message) {
        Ok(()) => warning.note("The next run of this target tries again."),
        Err(error) => warning.note(format!("It could not be kept for the next run: {error}")),
    })
}

fn keep(folders: &AlertFolders, message: Value) -> std::io::Result<()> {
    let kept = KeptMessage { at: Timestamp::now(), message };
    std::fs::create_dir_all(&folders.kept)?;
    let id = uuid::Uuid::new_v4();
    let json = serde_json::to_vec(&kept).expect("a message has text keys only");
    std::fs::write(folders.kept.join(format!("{id}.json")), json)
}

/// Sends what earlier runs kept of these alerts; what is too old, or is no message, goes.
fn send_kept(alerts: &[Alert], folders: &AlertFolders, target: &str) {
    let Ok(entries) = std::fs::read_dir(&folders.kept) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let kept = std::fs::read(&path).ok();
        let kept = kept.and_then(|text| serde_json::from_slice::<KeptMessage>(&text).ok());
        let is_new =
            |kept: &KeptMessage| Timestamp::now().duration_since(kept.at).unsigned_abs() < KEPT;
        let Some(kept) = kept.filter(is_new) else {
            let _next_time = std::fs::remove_file(&path);
            continue;
        };
        let is_of = |alert: &&Alert| {
            kept.message["alert"] == *alert.name && kept.message["target"] == target
        };
        let Some(alert) = alerts.iter().find(is_of) else { continue };
        if deliver(alert, folders, &kept.message, ONE_TRY).is_ok() {
            let _twice_then = std::fs::remove_file(&path);
        }
    }
}

/// One try.
fn deliver(
    alert: &Alert,
    folders: &AlertFolders,
    message: &Value,
    time: Duration,
) -> Result<(), Failure> {
    match &alert.to {
        AlertTo::Webhook(url) => post(url, message, time),
        AlertTo::Command(words) => start(words, folders, message, time),
    }
}

fn post(url: &str, message: &Value, time: Duration) -> Result<(), Failure> {
    match post_json(url, message, time, None) {
        Ok(()) => Ok(()),
        Err(ureq::Error::StatusCode(status)) => Err(Failure {
            why: format!("The webhook answers with HTTP status {status}."),
            passing: status >= 500 || matches!(status, 408 | 425 | 429),
        }),
        // An error may name the address, which is a secret.
        Err(error) => Err(Failure::passing(error.to_string().replace(url, "<webhook>"))),
    }
}

fn start(
    words: &[String],
    folders: &AlertFolders,
    message: &Value,
    time: Duration,
) -> Result<(), Failure> {
    let deadline = Instant::now() + time;
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(&folders.project)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Failure { why: format!("{program}: {error}"), passing: false })?;
    if let Some(mut input) = child.stdin.take() {
        // A message is shorter than what a pipe takes at once; a program need not read it.
        let _unread = input.write_all(message.to_string().as_bytes());
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                return Err(Failure::passing(format!("{program} ended with {status}.")));
            }
            Ok(None) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Ok(None) => {
                let _gone = child.kill().and_then(|()| child.wait());
                return Err(Failure::passing(format!("{program} did not end in time.")));
            }
            Err(error) => return Err(Failure::passing(error)),
        }
    }
}
