//! `store status` and `store prune`: how the results store is, and what goes of its past.

use indicatif::HumanBytes;
use jiff::Timestamp;

use super::args::{PruneArgs, RowsFormat};
use super::session::Start;
use super::tables::{number, table, text};
use super::{Exit, Outcome, recover, store};
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic};
use crate::relation::{Cell, ResultSet};
use crate::report::{format_rows, plural};
use crate::store::{Keep, Look, Pruned, address, look};

/// Tells where the store is, what is in it, and what waits for it. That it is away is told, too,
/// and is a failure only with `check`.
pub(super) fn status(start: &Start, check: bool) -> Outcome {
    let config = start.config(None)?;
    let params = store::configured(&config)?;
    let console = &start.console;
    let say = |name: &str, value: &str| console.data(&format!("{name:<9} {value}"));
    say("address", &address(params));
    let looked = look(&store::hasty(params), &config.project.name);
    match &looked {
        Ok(look) => tell(look, &say),
        Err(error) => {
            say("state", "away; runs go on, and their results wait on disk");
            let why: Vec<&str> =
                std::iter::once(&error.message).chain(&error.notes).map(String::as_str).collect();
            say("why", &why.join("; "));
        }
    }
    waiting(&config, &say);
    if let Ok(look) = &looked
        && !look.tables.is_empty()
    {
        console.data(&format_rows(&tables(look), RowsFormat::Text.into()));
    }
    let well = looked.is_ok_and(|look| look.version == look.newest && look.may_write);
    Ok(if check && !well { Exit::NodeFailed } else { Exit::Done })
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

/// What earlier runs could not send yet.
fn waiting(config: &Config, say: &impl Fn(&str, &str)) {
    let left = recover::left(config);
    if left.is_empty() {
        return say("waiting", "nothing");
    }
    for one in left {
        let run = &one.begin.run;
        let how = if one.end.is_some() { "" } else { ", broken off" };
        let wants = one.begin.store.as_deref().unwrap_or("no store");
        let days = run.started_at.duration_until(Timestamp::now()).as_hours() / 24;
        let age = if days > 0 { format!(" ({days} days ago)") } else { String::new() };
        say(
            "waiting",
            &format!(
                "`{}` of {}{age}{how}: {} for {wants}, in {}",
                run.command,
                minute(run.started_at),
                plural(one.results.len(), "result"),
                config.shown(&one.path).display(),
            ),
        );
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
