//! Time zones: `datetime.timezone`, `pytz.utc` and `pytz.timezone(name)`.
//!
//! Named zones come from jiff's copy of the tz database. A pytz zone given as `tzinfo=` works as one
//! given through `localize`: Python would take the zone's oldest local mean time.

use std::fmt;
use std::sync::Arc;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::super::args::{bind, error, flag, required};
use super::super::func::{Function, Namespace};
use super::super::repr;
use super::{DateTime, delta};

/// A time zone.
#[derive(Clone, PartialEq)]
pub(crate) struct Zone {
    kind: Kind,
    zone: TimeZone,
}

#[derive(Clone, PartialEq)]
enum Kind {
    Utc,
    PytzUtc,
    Fixed(i32),
    Named(String),
}

impl Zone {
    /// `datetime.timezone.utc`
    pub(crate) fn utc() -> Self {
        Zone { kind: Kind::Utc, zone: TimeZone::UTC }
    }

    /// `pytz.utc`
    pub(crate) fn pytz_utc() -> Self {
        Zone { kind: Kind::PytzUtc, zone: TimeZone::UTC }
    }

    /// A fixed offset in seconds; zero is UTC.
    pub(crate) fn fixed(seconds: i32) -> Result<Self, Error> {
        if seconds == 0 {
            return Ok(Zone::utc());
        }
        let offset = Offset::from_seconds(seconds).map_err(|e| error(e.to_string()))?;
        Ok(Zone { kind: Kind::Fixed(seconds), zone: TimeZone::fixed(offset) })
    }

    fn named(name: &str) -> Result<Self, Error> {
        if name.eq_ignore_ascii_case("utc") {
            return Ok(Zone::pytz_utc());
        }
        let zone = TimeZone::get(name)
            .map_err(|_| error(format!("UnknownTimeZoneError: '{name}' is not a time zone")))?;
        Ok(Zone { kind: Kind::Named(name.to_owned()), zone })
    }

    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The offset in seconds and the abbreviation at a local time.
    pub(super) fn at(&self, local: civil::DateTime) -> (i32, String) {
        match &self.kind {
            Kind::Utc | Kind::PytzUtc => (0, "UTC".to_owned()),
            Kind::Fixed(seconds) => (*seconds, self.to_string()),
            Kind::Named(name) => match self.zone.to_timestamp(local) {
                Ok(moment) => {
                    let info = self.zone.to_offset_info(moment);
                    (info.offset().seconds(), info.abbreviation().to_owned())
                }
                Err(_) => (0, name.clone()),
            },
        }
    }
}

/// The zone that a value is; `None` for Python's None.
pub(super) fn of(value: &Value) -> Result<Option<Zone>, Error> {
    if value.is_none() || value.is_undefined() {
        return Ok(None);
    }
    match value.downcast_object_ref::<Zone>() {
        Some(zone) => Ok(Some(zone.clone())),
        None => Err(error("tzinfo argument must be None or of a tzinfo subclass")),
    }
}

/// The class `datetime.timezone`.
pub(super) fn class() -> Value {
    let construct = |_: &mut State<'_, '_>, args: &[Value]| {
        let [offset, _name] = bind("timezone", ["offset", "name"], args)?;
        let offset = delta::of(&required("timezone", "offset", offset)?)
            .ok_or_else(|| error("timezone() argument 1 must be datetime.timedelta"))?;
        let seconds = i32::try_from(offset.micros / 1_000_000).ok().filter(|s| s.abs() < 86_400);
        let seconds = seconds.ok_or_else(|| error("offset must be less than a day"))?;
        Zone::fixed(seconds).map(Value::from_object)
    };
    let utc = Value::from_object(Zone::utc());
    Namespace::class("datetime.timezone", construct, vec![("utc", utc)])
}

/// The module `pytz`.
pub(super) fn pytz() -> Value {
    let utc = Value::from_object(Zone::pytz_utc());
    let timezone = Function::value("timezone", |_, args| {
        let [name] = bind("timezone", ["zone"], args)?;
        let name = repr::py_str(&required("timezone", "zone", name)?);
        Zone::named(&name).map(Value::from_object)
    });
    let fixed = Function::value("FixedOffset", |_, args| {
        let [minutes] = bind("FixedOffset", ["offset"], args)?;
        let minutes = super::super::args::integer("FixedOffset", &minutes.unwrap_or_default())?;
        let seconds = i32::try_from(minutes * 60).map_err(|_| error("the offset is too large"))?;
        Zone::fixed(seconds).map(Value::from_object)
    });
    let members =
        vec![("utc", utc.clone()), ("UTC", utc), ("timezone", timezone), ("FixedOffset", fixed)];
    Namespace::module("pytz", members)
}

/// An offset as `+HH:MM`, with seconds where it has some.
pub(super) fn offset_text(seconds: i32, separator: &str) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let total = seconds.unsigned_abs();
    let mut out = format!("{sign}{:02}{separator}{:02}", total / 3600, total / 60 % 60);
    if !total.is_multiple_of(60) {
        out.push_str(&format!("{separator}{:02}", total % 60));
    }
    out
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Utc | Kind::PytzUtc => f.write_str("UTC"),
            Kind::Fixed(seconds) => write!(f, "UTC{}", offset_text(*seconds, ":")),
            Kind::Named(name) => f.write_str(name),
        }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Utc => f.write_str("datetime.timezone.utc"),
            Kind::PytzUtc => f.write_str("<UTC>"),
            Kind::Fixed(seconds) => {
                let offset = delta::Delta { micros: i128::from(*seconds) * 1_000_000 };
                write!(f, "datetime.timezone({offset:?})")
            }
            Kind::Named(name) => write!(f, "<DstTzInfo '{name}'>"),
        }
    }
}

impl Object for Zone {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        (key == "zone").then(|| Value::from(self.to_string()))
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let stamp = |value: Option<Value>| -> Result<DateTime, Error> {
            let value = required(method, "dt", value)?;
            value
                .downcast_object_ref::<DateTime>()
                .cloned()
                .ok_or_else(|| error(format!("{method}() needs a datetime")))
        };
        match method {
            "localize" => {
                let [value, is_dst] = bind(method, ["dt", "is_dst"], args)?;
                let _ = flag(&is_dst);
                let stamp = stamp(value)?;
                if stamp.has_zone() {
                    return Err(error("Not naive datetime (tzinfo is already set)"));
                }
                Ok(Value::from_object(stamp.with_zone(Some((**self).clone()))))
            }
            "normalize" | "fromutc" => {
                let [value] = bind(method, ["dt"], args)?;
                stamp(value)?.in_zone((**self).clone()).map(Value::from_object)
            }
            "utcoffset" | "tzname" | "dst" => {
                let [value] = bind(method, ["dt"], args)?;
                let Ok(stamp) = stamp(value) else {
                    return Ok(match (method, &self.kind) {
                        ("tzname", _) => Value::from(self.to_string()),
                        ("utcoffset", Kind::Fixed(_) | Kind::Utc | Kind::PytzUtc) => {
                            let (seconds, _) = self.at(civil::DateTime::ZERO);
                            delta::Delta::value(i128::from(seconds) * 1_000_000)
                        }
                        _ => Value::from(()),
                    });
                };
                let (seconds, name) = self.at(stamp.civil());
                Ok(match method {
                    "tzname" => Value::from(name),
                    _ => delta::Delta::value(i128::from(seconds) * 1_000_000),
                })
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
