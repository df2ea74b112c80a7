//! `datetime.date` and `datetime.time`, and their classes.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use jiff::civil;
use minijinja::value::{DynObject, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::super::args::{bind, error, opt_integer, required, text};
use super::super::func::{Function, Namespace};
use super::super::named::NamedTuple;
use super::strftime::{self, Fields};
use super::{parse, stamp};

/// A date.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date(pub civil::Date);

/// A time of day.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub civil::Time);

impl Date {
    /// Days since the first of January of the year 1, which is 1.
    pub(super) fn ordinal(self) -> i64 {
        let first = civil::date(1, 1, 1);
        let span = self.0.since((jiff::Unit::Day, first));
        span.map_or(0, |span| i64::from(span.get_days())) + 1
    }

    pub(super) fn fields(self) -> Fields {
        Fields { civil: self.0.to_datetime(civil::Time::midnight()), zone: None }
    }

    pub(super) fn shifted(self, days: i128) -> Result<Self, Error> {
        let overflow = || error("date value out of range");
        let days = i32::try_from(days).map_err(|_| overflow())?;
        let span = jiff::Span::new().try_days(days).map_err(|_| overflow())?;
        self.0.checked_add(span).map(Date).map_err(|_| overflow())
    }
}

impl Time {
    pub(super) fn fields(self) -> Fields {
        Fields { civil: civil::date(1900, 1, 1).to_datetime(self.0), zone: None }
    }
}

/// A part of a date or time from an argument.
pub(super) fn part(name: &str, value: &Option<Value>, otherwise: i64) -> Result<i64, Error> {
    Ok(opt_integer(name, value)?.unwrap_or(otherwise))
}

/// A date of three numbers.
///
/// # Errors
/// As Python's `ValueError`: a month or day that does not exist.
pub(super) fn date_of(year: i64, month: i64, day: i64) -> Result<civil::Date, Error> {
    let year = i16::try_from(year).ok().filter(|year| (1..=9999).contains(year));
    let year = year.ok_or_else(|| error("year is out of range"))?;
    let month = i8::try_from(month).ok().filter(|month| (1..=12).contains(month));
    let month = month.ok_or_else(|| error("month must be in 1..12"))?;
    i8::try_from(day)
        .ok()
        .and_then(|day| civil::Date::new(year, month, day).ok())
        .ok_or_else(|| error("day is out of range for month"))
}

/// A time of four numbers.
///
/// # Errors
/// As Python's `ValueError`: a number beyond its range.
pub(super) fn time_of(h: i64, m: i64, s: i64, micros: i64) -> Result<civil::Time, Error> {
    let check = |name: &str, number: i64, max: i64| -> Result<i8, Error> {
        i8::try_from(number)
            .ok()
            .filter(|_| (0..=max).contains(&number))
            .ok_or_else(|| error(format!("{name} must be in 0..{max}")))
    };
    let (h, m, s) = (check("hour", h, 23)?, check("minute", m, 59)?, check("second", s, 59)?);
    let nanos = i32::try_from(micros).ok().filter(|micros| (0..1_000_000).contains(micros));
    let nanos = nanos.ok_or_else(|| error("microsecond must be in 0..999999"))? * 1000;
    civil::Time::new(h, m, s, nanos).map_err(|e| error(e.to_string()))
}

/// The class `date`.
pub(super) fn date_class() -> Value {
    let construct = |_: &mut State<'_, '_>, args: &[Value]| {
        let [year, month, day] = bind("date", ["year", "month", "day"], args)?;
        let number = |name: &str, value: Option<Value>| -> Result<i64, Error> {
            super::super::args::integer("date", &required("date", name, value)?)
        };
        let date = date_of(number("year", year)?, number("month", month)?, number("day", day)?)?;
        Ok(Value::from_object(Date(date)))
    };
    let today = Function::value("today", |_, _| {
        Ok(Value::from_object(Date(
            jiff::tz::TimeZone::system().to_datetime(jiff::Timestamp::now()).date(),
        )))
    });
    let from_iso = Function::value("fromisoformat", |_, args| {
        let [value] = bind("fromisoformat", ["date_string"], args)?;
        let value = required("fromisoformat", "date_string", value)?;
        let value = text("fromisoformat", &value)?;
        match parse::iso(value) {
            Some(parsed) if value.len() <= 10 => Ok(Value::from_object(Date(parsed.civil.date()))),
            _ => Err(error(format!("Invalid isoformat string: '{value}'"))),
        }
    });
    let from_timestamp = Function::value("fromtimestamp", |_, args| {
        let [seconds] = bind("fromtimestamp", ["timestamp"], args)?;
        let stamp = stamp::from_seconds(&required("fromtimestamp", "timestamp", seconds)?, None)?;
        Ok(Value::from_object(Date(stamp.civil().date())))
    });
    let from_ordinal = Function::value("fromordinal", |_, args| {
        let [days] = bind("fromordinal", ["ordinal"], args)?;
        let days = required("fromordinal", "ordinal", days)?;
        let days = super::super::args::integer("fromordinal", &days)?;
        let first = Date(civil::date(1, 1, 1));
        Ok(Value::from_object(first.shifted(i128::from(days) - 1)?))
    });
    let members = vec![
        ("today", today),
        ("fromisoformat", from_iso),
        ("fromtimestamp", from_timestamp),
        ("fromordinal", from_ordinal),
        ("min", Value::from_object(Date(civil::date(1, 1, 1)))),
        ("max", Value::from_object(Date(civil::date(9999, 12, 31)))),
    ];
    Namespace::class("datetime.date", construct, members)
}

/// The class `time`.
pub(super) fn time_class() -> Value {
    let construct = |_: &mut State<'_, '_>, args: &[Value]| {
        let names = ["hour", "minute", "second", "microsecond", "tzinfo"];
        let [h, m, s, micros, _zone] = bind("time", names, args)?;
        let time = time_of(
            part("time", &h, 0)?,
            part("time", &m, 0)?,
            part("time", &s, 0)?,
            part("time", &micros, 0)?,
        )?;
        Ok(Value::from_object(Time(time)))
    };
    let from_iso = Function::value("fromisoformat", |_, args| {
        let [value] = bind("fromisoformat", ["time_string"], args)?;
        let value = required("fromisoformat", "time_string", value)?;
        let value = text("fromisoformat", &value)?;
        let parsed = parse::iso_time(value)
            .ok_or_else(|| error(format!("Invalid isoformat string: '{value}'")))?;
        Ok(Value::from_object(Time(parsed.civil.time())))
    });
    let constant = |time| Value::from_object(Time(time));
    let members = vec![
        ("fromisoformat", from_iso),
        ("min", constant(civil::time(0, 0, 0, 0))),
        ("max", constant(civil::time(23, 59, 59, 999_999_000))),
    ];
    Namespace::class("datetime.time", construct, members)
}

/// Writes `HH:MM:SS[.ffffff]`.
pub(super) fn write_time(f: &mut impl fmt::Write, time: civil::Time) -> fmt::Result {
    write!(f, "{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())?;
    match time.subsec_nanosecond() / 1000 {
        0 => Ok(()),
        micros => write!(f, ".{micros:06}"),
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "datetime.date({}, {}, {})", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_time(f, self.0)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "datetime.time({}, {}", self.0.hour(), self.0.minute())?;
        stamp::write_seconds(f, self.0)?;
        f.write_str(")")
    }
}

/// The methods that dates share with timestamps; `None` where it is not one of them.
pub(super) fn date_method(
    date: civil::Date,
    fields: &Fields,
    method: &str,
    args: &[Value],
) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "strftime" | "__format__" => {
            let [format] = bind(method, ["format"], args)?;
            let format = required(method, "format", format)?;
            Value::from(strftime::format(fields, text(method, &format)?)?)
        }
        "weekday" => Value::from(strftime::weekday(date)),
        "isoweekday" => Value::from(strftime::weekday(date) + 1),
        "toordinal" => Value::from(Date(date).ordinal()),
        "ctime" => Value::from(strftime::format(fields, "%c")?),
        "isocalendar" => {
            let week = date.iso_week_date();
            let weekday = strftime::weekday(date) + 1;
            let fields = &["year", "week", "weekday"];
            let numbers = vec![week.year().into(), week.week().into(), weekday.into()];
            NamedTuple::value("datetime.IsoCalendarDate", fields, numbers)
        }
        "timetuple" => {
            let time = fields.civil;
            let numbers: Vec<Value> = vec![
                date.year().into(),
                date.month().into(),
                date.day().into(),
                time.hour().into(),
                time.minute().into(),
                time.second().into(),
                strftime::weekday(date).into(),
                date.day_of_year().into(),
                Value::from(if fields.zone.is_some() { 0 } else { -1 }),
            ];
            let fields = &[
                "tm_year", "tm_mon", "tm_mday", "tm_hour", "tm_min", "tm_sec", "tm_wday",
                "tm_yday", "tm_isdst",
            ];
            NamedTuple::value("time.struct_time", fields, numbers)
        }
        _ => return Ok(None),
    }))
}

impl Object for Date {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "year" => Some(Value::from(self.0.year())),
            "month" => Some(Value::from(self.0.month())),
            "day" => Some(Value::from(self.0.day())),
            _ => None,
        }
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<Date>()?.0))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "isoformat" | "__str__" => Ok(Value::from(self.to_string())),
            "replace" => {
                let [year, month, day] = bind("replace", ["year", "month", "day"], args)?;
                let date = date_of(
                    part("replace", &year, self.0.year().into())?,
                    part("replace", &month, self.0.month().into())?,
                    part("replace", &day, self.0.day().into())?,
                )?;
                Ok(Value::from_object(Date(date)))
            }
            _ => date_method(self.0, &self.fields(), method, args)?
                .ok_or_else(|| Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Object for Time {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        stamp::time_part(self.0, key)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        Some(self.0.cmp(&other.downcast_ref::<Time>()?.0))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "isoformat" => Ok(Value::from(self.to_string())),
            "strftime" => {
                let [format] = bind(method, ["format"], args)?;
                let format = required(method, "format", format)?;
                strftime::format(&self.fields(), text(method, &format)?).map(Value::from)
            }
            "replace" => {
                let names = ["hour", "minute", "second", "microsecond", "tzinfo"];
                let [h, m, s, micros, _zone] = bind("replace", names, args)?;
                stamp::replaced_time(self.0, &h, &m, &s, &micros)
                    .map(|time| Value::from_object(Time(time)))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
