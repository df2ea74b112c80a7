//! `quality`: the scorecard of the data, from the results store.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use super::args::ReportFormat;
use super::session::Start;
use super::tables::{number, seconds, table, text};
use super::{Exit, Outcome, store};
use crate::clock;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::relation::Cell;
use crate::report::{RowFormat, format_rows};
use crate::store::Scorecard;

/// Prints how good the data is since a day, and which tests need a look.
pub(super) fn command(start: &Start, since: Timestamp, format: ReportFormat) -> Outcome {
    let now = clock::now();
    let first = first_day(since, now)?;
    let today = Offset::UTC.to_datetime(now).date();
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    // As many days as there are from the first one to today.
    let days = (today - first).get_days() + 1;
    let before = first - days.days();
    let (project, target) = (&config.project.name, &config.target.name);
    let card = store.scorecard(project, target, &first.to_string(), &before.to_string())?;
    let console = &start.console;
    match format {
        ReportFormat::Json => {
            console.data(&serde_json::to_string_pretty(&card).unwrap_or_default());
        }
        ReportFormat::Table if card.contexts.is_empty() => {
            console.info(&format!("Nothing was checked since {before}: `pintail test` does so."));
        }
        ReportFormat::Table => console.data(&shown(&card, days)),
    }
    Ok(Exit::Done)
}

/// The first day that lies whole in the time since then; today, where none does.
fn first_day(since: Timestamp, now: Timestamp) -> Result<Date> {
    if since > now {
        let error = Diagnostic::error(Code::USAGE, "`--since` lies in the future");
        return Err(Box::new(error.help("Write a number of days (7d), or a date that has begun.")));
    }
    let (since, today) = (Offset::UTC.to_datetime(since), Offset::UTC.to_datetime(now).date());
    let begun = since.time() != Time::midnight();
    let first = if begun { since.date().tomorrow().unwrap_or(today) } else { since.date() };
    Ok(first.min(today))
}

fn shown(card: &Scorecard, days: i32) -> String {
    let span = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let mut out = format!(
        "Data quality of {} on {} since {} ({span}): {} of 100{}\n",
        card.project,
        card.target,
        card.since,
        points(card.score),
        match trend(card.score, card.score_before).as_str() {
            "" => String::new(),
            trend => format!(", {trend} against the {span} before"),
        }
    );
    let contexts = card.contexts.iter().map(|one| {
        vec![
            text(one.context.as_deref().or(Some("(none)"))),
            text(one.owner.as_deref()),
            text(Some(&points(one.score))),
            text(Some(&trend(one.score, one.score_before))),
            text(Some(&format!("{}/{}", one.passed, one.tests))),
            text(Some(&format!("{}/{}/{}", one.new, one.recurring, one.resolved))),
        ]
    });
    let header = ["context", "owner", "score", "trend", "passed", "new/rec/res"];
    section(&mut out, "", &header, contexts.collect());
    out.push_str("Failing rows: new / recurring / resolved in this time.\n");
    let worst = card.worst.iter().map(|one| {
        vec![
            text(Some(&one.status)),
            text(Some(&one.name)),
            text(one.context.as_deref()),
            number(one.failures),
            text(Some(&format!("{} of {}", one.bad, one.checks))),
        ]
    });
    let header = ["status", "test", "context", "rows", "not passed"];
    section(&mut out, "Worst tests", &header, worst.collect());
    let flaky = card.flaky.iter().map(|one| {
        vec![
            text(Some(&one.name)),
            text(one.context.as_deref()),
            text(Some(&format!("{} in {} checks", one.flips, one.checks))),
        ]
    });
    section(&mut out, "Flaky tests", &["test", "context", "flips"], flaky.collect());
    let slow = card.slow.iter().map(|one| {
        let took = |ms: i64| text(Some(&seconds(ms as f64)));
        vec![
            text(Some(&one.name)),
            text(one.context.as_deref()),
            took(one.duration_ms),
            took(one.median_ms),
        ]
    });
    section(&mut out, "Slow tests", &["test", "context", "last", "median"], slow.collect());
    out.truncate(out.trim_end().len());
    out
}

/// Adds a table under its title; nothing where it is empty.
fn section(out: &mut String, title: &str, header: &[&str], rows: Vec<Vec<Cell>>) {
    if rows.is_empty() {
        return;
    }
    if !title.is_empty() {
        out.push_str(&format!("\n{title}\n"));
    }
    out.push_str(&format_rows(&table(header, rows.into_iter()), RowFormat::Table));
    out.push('\n');
}

fn points(score: Option<f64>) -> String {
    score.map(|score| format!("{score:.1}")).unwrap_or_default()
}

/// `▲ 1.5`; empty where nothing is known of the time before.
fn trend(now: Option<f64>, before: Option<f64>) -> String {
    let Some((now, before)) = now.zip(before) else { return String::new() };
    let change = now - before;
    match change {
        _ if change.abs() < 0.05 => "=".to_owned(),
        _ if change > 0.0 => format!("▲ {change:.1}"),
        _ => format!("▼ {:.1}", -change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_begins_with_a_whole_day() {
        let now: Timestamp = "2026-03-10T10:00:00Z".parse().unwrap();
        let first = |since: &str| first_day(since.parse().unwrap(), now).map(|day| day.to_string());
        assert_eq!(first("2026-03-03T10:00:00Z").unwrap(), "2026-03-04");
        assert_eq!(first("2026-03-03T00:00:00Z").unwrap(), "2026-03-03");
        assert_eq!(first("2026-03-10T08:00:00Z").unwrap(), "2026-03-10");
        assert!(first("2026-03-10T10:00:01Z").is_err());
    }

    #[test]
    fn a_trend_has_a_direction() {
        assert_eq!(trend(Some(98.0), Some(96.5)), "▲ 1.5");
        assert_eq!(trend(Some(90.0), Some(96.5)), "▼ 6.5");
        assert_eq!(trend(Some(90.0), Some(90.01)), "=");
        assert_eq!(trend(Some(90.0), None), "");
    }
}
