//! `store status` and `store prune`: how the results store is, and what goes of its past.

use std::fmt;
use std::path::PathBuf;

use indicatif::HumanBytes;
use jiff::Timestamp;
use serde::Serialize;

use super::args::{PruneArgs, ReportFormat, RowsFormat};
use super::session::Start;
use super::tables::{number, table, text};
use super::{Exit, Outcome, recover, store};
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic};
use crate::relation::{Cell, ResultSet};
use crate::report::{format_rows, plural};
use crate::store::{Keep, Left, Look, Pruned, address, look};

/// Tells where the store is, what is in it, and what waits for it. That it is away is told, too,
/// and is a failure only with `check`.
pub(super) fn status(start: &Start, check: bool, format: ReportFormat) -> Outcome {
    let config = start.config(None)?;
    let params = store::configured(&config)?;
    let status = StoreStatus {
        address: address(params),
        why_away: None,
        store: None,
        waiting: recover::left(&config).iter().map(|left| Waiting::of(&config, left)).collect(),
    };
    let status = match look(&store::hasty(params), &config.project.name) {
        Ok(look) => StoreStatus { store: Some(look), ..status },
        Err(error) => {
            let why: Vec<&str> =
                std::iter::once(&error.message).chain(&error.notes).map(String::as_str).collect();
            StoreStatus { why_away: Some(why.join("; ")), ..status }
        }
    };
    let console = &start.console;
    match format {
        ReportFormat::Json => {
            console.data(&serde_json::to_string_pretty(&status).unwrap_or_default());
        }
        ReportFormat::Table => status.tell(&|text| console.data(text)),
    }
    let well = status.store.is_some_and(|look| look.version == look.newest && look.may_write);
    Ok(if check && !well { Exit::NodeFailed } else { Exit::Done })
}

/// What is told; as JSON, these are the keys.
#[derive(Serialize)]
struct StoreStatus {
    address: String,
    /// `None` where it is up.
    why_away: Option<String>,
    /// `None` where it is away.
    store: Option<Look>,
    waiting: Vec<Waiting>,
}

/// What an earlier run could not send yet.
#[derive(Serialize)]
struct Waiting {
    command: String,
    started_at: Timestamp,
    broken_off: bool,
    results: usize,
    /// The address of the store that it wants.
    store: Option<String>,
    file: PathBuf,
}

impl Waiting {
    fn of(config: &Config, left: &Left) -> Waiting {
        let run = &left.begin.run;
        Waiting {
            command: run.command.clone(),
            started_at: run.started_at,
            broken_off: left.end.is_none(),
            results: left.results.len(),
            store: left.begin.store.clone(),
            file: config.shown(&left.path).to_path_buf(),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.started_at.duration_until(Timestamp::now()).as_hours() / 24;
        let age = if days > 0 { format!(" ({days} days ago)") } else { String::new() };
        write!(
            f,
            "`{}` of {}{age}{}: {} for {}, in {}",
            self.command,
            minute(self.started_at),
            if self.broken_off { ", broken off" } else { "" },
            plural(self.results, "result"),
            self.store.as_deref().unwrap_or("no store"),
            self.file.display(),
        )
    }
}

impl StoreStatus {
    fn tell(&self, line: &impl Fn(&str)) {
        let say = |name: &str, value: &str| line(&format!("{name:<9} {value}"));
        say("address", &self.address);
        if let Some(look) = &self.store {
            tell(look, &say);
        }
        if let Some(why) = &self.why_away {
            say("state", "away; runs go on, and their results wait on disk");
            say("why", why);
        }
        if self.waiting.is_empty() {
            say("waiting", "nothing");
        }
        for one in &self.waiting {
            say("waiting", &one.to_string());
        }
        if let Some(look) = self.store.as_ref().filter(|look| !look.tables.is_empty()) {
            line(&format_rows(&tables(look), RowsFormat::Text.into()));
        }
    }
}

fn tables(look: &Look) -> ResultSet {
    let rows = look.tables.iter().map(|one| {
        let size = HumanBytes(one.bytes.try_into().unwrap_or_default()).to_string();
        vec![text(Some(&one.name)), number(Some(one.about_rows)), Cell::Decimal(size)]
    });
    table(&["table", "rows (about)", "size"], rows)
}

fn tell(look: &Look, say: &impl Fn(&str, &str)) {
    let (version, newest) = (look.version, look.newest);
    say(
        "state",
        &match version {
            0 => "up; it has no tables yet: the next run or `pintail store init` makes them"
                .to_owned(),
            _ if version < newest => format!(
                "up; its tables have version {version}, the next command brings them to {newest}"
            ),
            _ if version > newest => format!(
                "up; its tables have version {version}, and this Pintail knows only {newest}: use the newer one"
            ),
            _ => format!("up; its tables have version {version}, which is the newest"),
        },
    );
    let may = match (look.may_write, version) {
        (true, 0) => "may make the tables",
        (false, 0) => "may not make the tables",
        (true, _) => "may write",
        (false, _) => "may not write",
    };
    say("user", &format!("{}, who {may}", look.user));
    if let Some(runs) = &look.runs {
        let mut all = plural(runs.all.try_into().unwrap_or_default(), "run");
        if let (Some(oldest), Some(newest)) = (runs.oldest, runs.newest) {
            all += &format!(", from {} to {}", minute(oldest), minute(newest));
        }
        if runs.of_others > 0 {
            all += &format!("; {} of other projects", runs.of_others);
        }
        if runs.running > 0 {
            all += &format!("; {} under way", runs.running);
        }
        say("runs", &all);
    } else if version > 0 {
        say("runs", "not for this user");
    }
    if !look.tables.is_empty() {
        let bytes: i64 = look.tables.iter().map(|one| one.bytes).sum();
        say("size", &HumanBytes(bytes.try_into().unwrap_or_default()).to_string());
    }
}

/// Removes old runs of the project.
pub(super) fn prune(start: &Start, args: &PruneArgs) -> Outcome {
    if args.keep.is_none() && args.keep_runs.is_none() {
        return Err(Diagnostic::error(Code::USAGE, "`store prune` was not told what to keep")
            .help("Write --keep 90d, --keep-runs 500, or both: then what one of them keeps stays.")
            .into());
    }
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    let keep = Keep {
        since: args.keep.unwrap_or(Timestamp::MAX),
        runs: args.keep_runs.unwrap_or_default(),
    };
    let pruned = store.prune(&config.project.name, keep, args.dry_run)?;
    start.console.data(&report(&config.project.name, &pruned, args.dry_run));
    start.audit.keep(store);
    Ok(Exit::Done)
}

fn report(project: &str, pruned: &Pruned, dry_run: bool) -> String {
    let count = |n: i64, what: &str| plural(n.try_into().unwrap_or_default(), what);
    let mut lines = Vec::new();
    if let Some((first, last)) = pruned.span {
        let would = if dry_run { "Would remove" } else { "Removed" };
        let runs = plural(pruned.runs, "run");
        lines.push(format!(
            "{would} {runs} of {project}, begun from {} to {}:",
            minute(first),
            minute(last)
        ));
        lines.push(format!(
            "{}, {}, {}, {}",
            count(pruned.tasks, "execution"),
            count(pruned.loads, "load"),
            count(pruned.checks, "check"),
            count(pruned.failures, "failing row"),
        ));
        if pruned.incidents + pruned.rules > 0 {
            lines.push(format!(
                "{}, {} that are gone",
                plural(pruned.incidents, "resolved incident"),
                plural(pruned.rules, "test"),
            ));
        }
    } else {
        lines.push(format!("No run of {project} is to be removed."));
    }
    if pruned.stay > 0 {
        lines.push(format!(
            "{} more would be old enough, but the last check of a test is in there.",
            plural(pruned.stay, "run")
        ));
    }
    lines.join("\n")
}

fn minute(at: Timestamp) -> String {
    at.strftime("%F %R").to_string()
}
