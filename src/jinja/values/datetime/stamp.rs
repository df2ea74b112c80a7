//! `datetime.datetime`: a date and a time of day, with a zone or without.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::super::args::{bind, error, integer, required, text};
use super::super::func::{Function, Namespace};
use super::civil::{Date, Time, date_method, date_of, part, time_of, write_time};
use super::delta::Delta;
use super::parse;
use super::strftime::Fields;
use super::zone::{self, Zone};

/// A timestamp as Python's `datetime`.
#[derive(Clone)]
pub struct DateTime {
    civil: civil::DateTime,
    zone: Option<Zone>,
}

impl DateTime {
    /// A moment in UTC: dbt's `run_started_at`, which is a pytz one.
    pub fn utc(at: jiff::Timestamp) -> Self {
        let civil = micros(TimeZone::UTC.to_datetime(at));
        DateTime { civil, zone: Some(Zone::pytz_utc()) }
    }

    /// The date and time on the wall clock.
    pub(in super::super) fn civil(&self) -> civil::DateTime {
        self.civil
    }

    pub(super) fn zone(&self) -> Option<&Zone> {
        self.zone.as_ref()
    }

    pub(super) fn with_zone(&self, zone: Option<Zone>) -> Self {
        DateTime { civil: self.civil, zone }
    }

    pub(super) fn fields(&self) -> Fields {
        let zone = self.zone.as_ref().map(|zone| (zone.offset(), zone.abbreviation()));
        Fields { civil: self.civil, zone }
    }

    fn offset(&self) -> Option<i32> {
        self.zone.as_ref().map(Zone::offset)
    }

    /// The moment; a timestamp without a zone is taken to be in `otherwise`.
    fn moment(&self, otherwise: &TimeZone) -> Result<jiff::Timestamp, Error> {
        let found = match &self.zone {
            Some(zone) => Offset::from_seconds(zone.offset())
                .and_then(|offset| offset.to_timestamp(self.civil)),
            None => otherwise.to_ambiguous_timestamp(self.civil).compatible(),
        };
        found.map_err(|e| error(e.to_string()))
    }

    /// Microseconds since 1970 in UTC: also of a year that [`jiff::Timestamp`] cannot hold.
    fn epoch_micros(&self, otherwise: &TimeZone) -> i128 {
        let offset = self.offset().unwrap_or_else(|| {
            match otherwise.to_ambiguous_timestamp(self.civil).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset,
                AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => {
                    before
                }
            }
            .seconds()
        });
        let civil =
            self.civil.duration_since(civil::date(1970, 1, 1).to_datetime(civil::Time::midnight()));
        civil.as_micros() - i128::from(offset) * 1_000_000
    }

    /// The same moment in a zone.
    pub(super) fn in_zone(&self, zone: &Zone) -> Result<Self, Error> {
        let moment = self.moment(&TimeZone::system())?;
        DateTime::at(moment, zone)
    }

    /// A moment in a zone.
    fn at(moment: jiff::Timestamp, zone: &Zone) -> Result<Self, Error> {
        let zone = zone.at(moment);
        let offset = Offset::from_seconds(zone.offset()).map_err(|e| error(e.to_string()))?;
        Ok(DateTime { civil: micros(offset.to_datetime(moment)), zone: Some(zone) })
    }

    /// Microseconds since another timestamp.
    pub(super) fn since(&self, other: &DateTime) -> Result<i128, Error> {
        if self.zone.is_some() != other.zone.is_some() {
            return Err(error("can't subtract offset-naive and offset-aware datetimes"));
        }
        Ok(self.epoch_micros(&TimeZone::UTC) - other.epoch_micros(&TimeZone::UTC))
    }

    /// Moved by microseconds on the wall clock, as Python does it.
    pub(super) fn shifted(&self, micros: i128) -> Result<Self, Error> {
        let overflow = || error("date value out of range");
        let micros = i64::try_from(micros).map_err(|_| overflow())?;
        let span = jiff::SignedDuration::from_micros(micros);
        let civil = self.civil.checked_add(span).map_err(|_| overflow())?;
        Ok(DateTime { civil, zone: self.zone.clone() })
    }

    fn iso(&self, separator: char) -> String {
        let mut out = format!("{}{separator}", Date(self.civil.date()));
        // Writing to a string cannot fail.
        let _ = write_time(&mut out, self.civil.time());
        if let Some(offset) = self.offset() {
            out.push_str(&zone::offset_text(offset, ":"));
        }
        out
    }
}

/// Without what is finer than a microsecond.
fn micros(at: civil::DateTime) -> civil::DateTime {
    let nanos = at.subsec_nanosecond() / 1000 * 1000;
    at.with().subsec_nanosecond(nanos).build().unwrap_or(at)
}

/// A moment in a zone, or on the clock of this machine.
fn read(moment: jiff::Timestamp, zone: Option<&Zone>) -> Result<DateTime, Error> {
    match zone {
        Some(zone) => DateTime::at(moment, zone),
        None => {
            let civil = micros(TimeZone::system().to_datetime(moment));
            Ok(DateTime { civil, zone: None })
        }
    }
}

fn now(zone: Option<&Zone>) -> Result<DateTime, Error> {
    read(jiff::Timestamp::now(), zone)
}

/// A timestamp of seconds since 1970, in a zone or in local time.
pub(super) fn from_seconds(seconds: &Value, zone: Option<&Zone>) -> Result<DateTime, Error> {
    let seconds = f64::try_from(seconds.clone()).map_err(|_| error("a number is required"))?;
    let micros_since = super::super::number::truncate((seconds * 1e6).round_ties_even())?;
    let at = i64::try_from(micros_since)
        .ok()
        .and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok())
        .ok_or_else(|| error("timestamp out of range"))?;
    read(at, zone)
}

/// A text as databases and `fromisoformat` have it.
pub(crate) fn from_iso(value: &str) -> Option<DateTime> {
    of_parsed(&parse::iso(value)?).ok()
}

fn of_parsed(parsed: &parse::Parsed) -> Result<DateTime, Error> {
    let zone = parsed.offset.map(Zone::fixed).transpose()?;
    Ok(DateTime { civil: parsed.civil, zone })
}

/// What YAML means by a plain text that looks like a date or a timestamp; `None` where it does not.
pub fn from_yaml(text: &str) -> Option<Result<Value, Error>> {
    Some(parse::yaml(text)?.and_then(|(date, stamp)| match stamp {
        Some(parsed) => of_parsed(&parsed).map(Value::from_object),
        None => Ok(Value::from_object(Date(date))),
    }))
}

/// The class `datetime`.
pub(super) fn class() -> Value {
    let members = vec![
        (
            "now",
            Function::value("now", |_, args| {
                let [zone] = bind("now", ["tz"], args)?;
                let zone = zone.as_ref().map_or(Ok(None), zone::of)?;
                now(zone.as_ref()).map(Value::from_object)
            }),
        ),
        (
            "today",
            Function::value("today", |_, args| {
                let [] = bind("today", [], args)?;
                now(None).map(Value::from_object)
            }),
        ),
        (
            "utcnow",
            Function::value("utcnow", |_, args| {
                let [] = bind("utcnow", [], args)?;
                Ok(Value::from_object(now(Some(&Zone::utc()))?.with_zone(None)))
            }),
        ),
        (
            "strptime",
            Function::value("strptime", |_, args| {
                let [value, format] = bind("strptime", ["date_string", "format"], args)?;
                let value = required("strptime", "date_string", value)?;
                let format = required("strptime", "format", format)?;
                let parsed =
                    parse::strptime(text("strptime", &value)?, text("strptime", &format)?)?;
                let zone = parsed.offset.map(Zone::fixed).transpose()?;
                Ok(Value::from_object(DateTime { civil: parsed.civil, zone }))
            }),
        ),
        (
            "fromisoformat",
            Function::value("fromisoformat", |_, args| {
                let [value] = bind("fromisoformat", ["date_string"], args)?;
                let value = required("fromisoformat", "date_string", value)?;
                let value = text("fromisoformat", &value)?;
                from_iso(value)
                    .map(Value::from_object)
                    .ok_or_else(|| error(format!("Invalid isoformat string: '{value}'")))
            }),
        ),
        (
            "fromtimestamp",
            Function::value("fromtimestamp", |_, args| {
                let [seconds, zone] = bind("fromtimestamp", ["timestamp", "tz"], args)?;
                let zone = zone.as_ref().map_or(Ok(None), zone::of)?;
                let seconds = required("fromtimestamp", "timestamp", seconds)?;
                from_seconds(&seconds, zone.as_ref()).map(Value::from_object)
            }),
        ),
        (
            "utcfromtimestamp",
            Function::value("utcfromtimestamp", |_, args| {
                let [seconds] = bind("utcfromtimestamp", ["timestamp"], args)?;
                let seconds = required("utcfromtimestamp", "timestamp", seconds)?;
                let stamp = from_seconds(&seconds, Some(&Zone::utc()))?;
                Ok(Value::from_object(stamp.with_zone(None)))
            }),
        ),
        (
            "combine",
            Function::value("combine", |_, args| {
                let [date, time, zone] = bind("combine", ["date", "time", "tzinfo"], args)?;
                let date = required("combine", "date", date)?;
                let time = required("combine", "time", time)?;
                let date = match (
                    date.downcast_object_ref::<Date>(),
                    date.downcast_object_ref::<DateTime>(),
                ) {
                    (Some(date), _) => date.0,
                    (_, Some(stamp)) => stamp.civil.date(),
                    _ => return Err(error("combine() argument 1 must be datetime.date")),
                };
                let time = time.downcast_object_ref::<Time>();
                let time =
                    time.ok_or_else(|| error("combine() argument 2 must be datetime.time"))?;
                let zone = zone.as_ref().map_or(Ok(None), zone::of)?;
                Ok(Value::from_object(DateTime { civil: date.to_datetime(time.0), zone }))
            }),
        ),
        ("min", constant(civil::datetime(1, 1, 1, 0, 0, 0, 0))),
        ("max", constant(civil::datetime(9999, 12, 31, 23, 59, 59, 999_999_000))),
    ];
    Namespace::class("datetime.datetime", construct, members)
}

fn constant(civil: civil::DateTime) -> Value {
    Value::from_object(DateTime { civil, zone: None })
}

const NAMES: [&str; 9] =
    ["year", "month", "day", "hour", "minute", "second", "microsecond", "tzinfo", "fold"];

fn construct(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [year, month, day, h, m, s, micros, zone, _fold] = bind("datetime", NAMES, args)?;
    let number = |name: &str, value: Option<Value>| -> Result<i64, Error> {
        integer("datetime", &required("datetime", name, value)?)
    };
    let date = date_of(number("year", year)?, number("month", month)?, number("day", day)?)?;
    let time = time_of(
        part("datetime", &h, 0)?,
        part("datetime", &m, 0)?,
        part("datetime", &s, 0)?,
        part("datetime", &micros, 0)?,
    )?;
    let zone = zone.as_ref().map_or(Ok(None), zone::of)?;
    Ok(Value::from_object(DateTime { civil: date.to_datetime(time), zone }))
}

/// A part of the time of day by its name.
pub(super) fn time_part(time: civil::Time, key: &str) -> Option<Value> {
    Some(match key {
        "hour" => Value::from(time.hour()),
        "minute" => Value::from(time.minute()),
        "second" => Value::from(time.second()),
        "microsecond" => Value::from(time.subsec_nanosecond() / 1000),
        "fold" => Value::from(0),
        _ => return None,
    })
}

/// A time of day with some of its parts replaced.
pub(super) fn replaced_time(
    time: civil::Time,
    h: &Option<Value>,
    m: &Option<Value>,
    s: &Option<Value>,
    micros: &Option<Value>,
) -> Result<civil::Time, Error> {
    time_of(
        part("replace", h, time.hour().into())?,
        part("replace", m, time.minute().into())?,
        part("replace", s, time.second().into())?,
        part("replace", micros, i64::from(time.subsec_nanosecond() / 1000))?,
    )
}

/// Writes `, seconds[, microseconds]` where they are not zero, as in Python's `repr`.
pub(super) fn write_seconds(f: &mut fmt::Formatter<'_>, time: civil::Time) -> fmt::Result {
    let micros = time.subsec_nanosecond() / 1000;
    if time.second() != 0 || micros != 0 {
        write!(f, ", {}", time.second())?;
    }
    if micros != 0 { write!(f, ", {micros}") } else { Ok(()) }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso(' '))
    }
}

impl fmt::Debug for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.civil;
        write!(f, "datetime.datetime({}, {}, {}", at.year(), at.month(), at.day())?;
        write!(f, ", {}, {}", at.hour(), at.minute())?;
        write_seconds(f, at.time())?;
        if let Some(zone) = &self.zone {
            write!(f, ", tzinfo={zone:?}")?;
        }
        f.write_str(")")
    }
}

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "year" => Some(Value::from(self.civil.year())),
            "month" => Some(Value::from(self.civil.month())),
            "day" => Some(Value::from(self.civil.day())),
            "tzinfo" => Some(self.zone.clone().map_or_else(|| Value::from(()), Value::from_object)),
            _ => time_part(self.civil.time(), key),
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        let other = other.downcast_ref::<DateTime>()?;
        match self.since(other) {
            Ok(micros) => Some(micros.cmp(&0)),
            Err(_) => Some(self.civil.cmp(&other.civil).then(Ordering::Less)),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "isoformat" => {
                let [separator, spec] = bind(method, ["sep", "timespec"], args)?;
                let separator =
                    separator.as_ref().and_then(Value::as_str).and_then(|s| s.chars().next());
                let format = match spec.as_ref().and_then(Value::as_str) {
                    None | Some("auto") => {
                        return Ok(Value::from(self.iso(separator.unwrap_or('T'))));
                    }
                    Some("hours") => "%H",
                    Some("minutes") => "%H:%M",
                    Some("seconds") => "%H:%M:%S",
                    Some("milliseconds" | "microseconds") => "%H:%M:%S.%f",
                    Some(_) => return Err(error("Unknown timespec value")),
                };
                let mut clock = super::strftime::format(&self.fields(), format)?;
                if spec.as_ref().and_then(Value::as_str) == Some("milliseconds") {
                    clock.truncate(clock.len() - 3);
                }
                let offset = self.offset().map(|o| zone::offset_text(o, ":")).unwrap_or_default();
                let date = Date(self.civil.date());
                Ok(Value::from(format!("{date}{}{clock}{offset}", separator.unwrap_or('T'))))
            }
            "date" => Ok(Value::from_object(Date(self.civil.date()))),
            "time" | "timetz" => Ok(Value::from_object(Time(self.civil.time()))),
            "timestamp" => {
                let micros = self.epoch_micros(&TimeZone::system());
                #[allow(clippy::cast_precision_loss, reason = "as Python divides")]
                Ok(Value::from(micros as f64 / 1e6))
            }
            "astimezone" => {
                let [zone] = bind(method, ["tz"], args)?;
                match zone.as_ref().map_or(Ok(None), zone::of)? {
                    Some(zone) => self.in_zone(&zone).map(Value::from_object),
                    None => {
                        let moment = self.moment(&TimeZone::system())?;
                        let offset = TimeZone::system().to_offset(moment).seconds();
                        self.in_zone(&Zone::fixed(offset)?).map(Value::from_object)
                    }
                }
            }
            "utcoffset" => Ok(self.offset().map_or_else(
                || Value::from(()),
                |seconds| Delta::value(i128::from(seconds) * 1_000_000),
            )),
            "tzname" => Ok(Value::from(self.zone.as_ref().map(Zone::abbreviation))),
            "dst" => Ok(self.zone.as_ref().map_or_else(|| Value::from(()), Zone::dst)),
            "replace" => {
                let [year, month, day, h, m, s, micros, zone, _fold] =
                    bind("replace", NAMES, args)?;
                let at = self.civil;
                let date = date_of(
                    part("replace", &year, at.year().into())?,
                    part("replace", &month, at.month().into())?,
                    part("replace", &day, at.day().into())?,
                )?;
                let time = replaced_time(at.time(), &h, &m, &s, &micros)?;
                let zone = match &zone {
                    Some(zone) => zone::of(zone)?,
                    None => self.zone.clone(),
                };
                Ok(Value::from_object(DateTime { civil: date.to_datetime(time), zone }))
            }
            _ => date_method(self.civil.date(), &self.fields(), method, args)?
                .ok_or_else(|| Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
