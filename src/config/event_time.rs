//! Spans of event time: `--event-time-start` and `--event-time-end`, `--sample`, and the condition
//! that a span is in SQL. All times are UTC, as in dbt. Knows no node and no batch.

use jiff::civil::{Date, DateTime};
use jiff::{Span, Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Result};

/// The sizes that batches and samples are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    Hour,
    Day,
    Month,
    Year,
}

impl Grain {
    /// dbt's names.
    pub const NAMES: [&str; 4] = ["hour", "day", "month", "year"];

    /// The grain of a name.
    pub fn named(name: &str) -> Option<Grain> {
        Some(match name {
            "hour" => Grain::Hour,
            "day" => Grain::Day,
            "month" => Grain::Month,
            "year" => Grain::Year,
            _ => return None,
        })
    }

    /// The beginning of the hour, day, month or year that a time lies in.
    pub fn floor(self, at: DateTime) -> DateTime {
        let date = |month, day| Date::new(at.year(), month, day).unwrap_or(at.date());
        match self {
            Grain::Hour => at.date().at(at.hour(), 0, 0, 0),
            Grain::Day => at.date().at(0, 0, 0, 0),
            Grain::Month => date(at.month(), 1).at(0, 0, 0, 0),
            Grain::Year => date(1, 1).at(0, 0, 0, 0),
        }
    }

    /// A time moved by so many of them. A day that the month does not have becomes its last.
    pub fn shift(self, at: DateTime, by: i64) -> DateTime {
        let span = match self {
            Grain::Hour => Span::new().try_hours(by),
            Grain::Day => Span::new().try_days(by),
            Grain::Month => Span::new().try_months(by),
            Grain::Year => Span::new().try_years(by),
        };
        let last = if by < 0 { DateTime::MIN } else { DateTime::MAX };
        span.and_then(|span| at.checked_add(span)).unwrap_or(last)
    }
}

/// From a time on, up to another one that is no longer in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub start: DateTime,
    pub end: DateTime,
}

impl Window {
    /// What both spans hold.
    #[must_use]
    pub fn within(self, other: Window) -> Window {
        Window { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// The condition that a column's time lies in it.
    pub fn condition(&self, column: &str) -> String {
        format!("{column} >= '{}' and {column} < '{}'", shown(self.start), shown(self.end))
    }
}

/// What the command line says of the rows that `ref` and `source` give.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowFlags {
    /// `--empty`
    pub empty: bool,
    /// `--sample`
    pub sample: Option<Window>,
    /// `--event-time-start` and `--event-time-end`
    pub event_time: Option<Window>,
}

impl RowFlags {
    /// Reads the flags as they were written; `sample` is a map where it was one.
    ///
    /// # Errors
    /// `USAGE`
    pub fn read(
        empty: bool,
        sample: Option<&Sample>,
        start: Option<&str>,
        end: Option<&str>,
    ) -> Result<RowFlags> {
        let sample = match sample {
            None => None,
            Some(Sample::Ago(text)) => Some(latest(text, now(Timestamp::now()))?),
            Some(Sample::Between(map)) => {
                let time = |key: &str| {
                    map.get(key).and_then(Value::as_str).and_then(parse).ok_or_else(|| {
                        Box::new(
                            usage(format!("--sample needs a time under `{key}`"))
                                .help("Write --sample '{start: 2025-01-01, end: 2025-01-02}'."),
                        )
                    })
                };
                Some(Window { start: time("start")?, end: time("end")? })
            }
        };
        let time = |flag: &str, text: &str| {
            parse(text).ok_or_else(|| {
                Box::new(
                    usage(format!("{flag} takes a time, but got `{text}`"))
                        .help("Write it as 2025-01-31, or as '2025-01-31 12:00:00'."),
                )
            })
        };
        let (start, end) = (
            start.map(|text| time("--event-time-start", text)).transpose()?,
            end.map(|text| time("--event-time-end", text)).transpose()?,
        );
        let event_time = match (start, end) {
            (None, None) => None,
            (Some(start), Some(end)) if start < end => Some(Window { start, end }),
            (Some(_), Some(_)) => {
                return Err(Box::new(
                    usage("Value for `--event-time-start` must be less than `--event-time-end`")
                        .help("The end is the first time that is no longer in the span."),
                ));
            }
            (one, _) => {
                let (given, missing) = match one {
                    Some(_) => ("--event-time-start", "--event-time-end"),
                    None => ("--event-time-end", "--event-time-start"),
                };
                return Err(Box::new(
                    usage(format!("When specifying `{given}`, `{missing}` must also be present."))
                        .help("Give both, or none."),
                ));
            }
        };
        Ok(RowFlags { empty, sample, event_time })
    }
}

/// `--sample` as written.
#[derive(Debug, Clone)]
pub enum Sample {
    /// `3 days`
    Ago(String),
    /// `{start: …, end: …}`
    Between(serde_json::Map<String, Value>),
}

fn usage(message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(Code::USAGE, message)
}

/// `3 days`: that long before `end`, up to it.
fn latest(text: &str, end: DateTime) -> Result<Window> {
    let words: Vec<&str> = text.split(' ').collect();
    let read = || {
        let [count, grain] = words.as_slice() else { return None };
        let grain = grain.to_lowercase();
        Some((count.parse::<i64>().ok()?, Grain::named(grain.trim_end_matches('s'))?))
    };
    let Some((count, grain)) = read() else {
        return Err(Box::new(
            usage(format!("--sample takes a number and a size, but got `{text}`")).help(format!(
                "Write --sample '3 days'; the sizes are {}.",
                Grain::NAMES.join(", ")
            )),
        ));
    };
    Ok(Window { start: grain.shift(end, count.saturating_neg()), end })
}

/// A moment as UTC, in microseconds.
pub fn now(at: Timestamp) -> DateTime {
    let civil = TimeZone::UTC.to_datetime(at);
    let micros = civil.subsec_nanosecond() / 1000 * 1000;
    civil.with().subsec_nanosecond(micros).build().unwrap_or(civil)
}

/// A date or a time in ISO 8601, with an offset or without one.
pub fn parse(text: &str) -> Option<DateTime> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(now(at));
    }
    if text.len() <= 10 {
        return Some(text.parse::<Date>().ok()?.at(0, 0, 0, 0));
    }
    text.parse::<DateTime>().ok()
}

/// A time as Python prints one in UTC: `2025-01-31 12:00:00+00:00`.
pub fn shown(at: DateTime) -> String {
    format!("{}+00:00", at.to_string().replace('T', " "))
}
