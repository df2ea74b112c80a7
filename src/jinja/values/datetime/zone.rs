//! Time zones: `datetime.timezone`, `pytz.utc` and `pytz.timezone(name)`.
//!
//! Named zones come from jiff's copy of the tz database, and behave as pytz's: each has one offset,
//! which was chosen when a time was put into it, and stays whatever is added to the time. The zone
//! itself has its oldest one, mostly local mean time.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use minijinja::value::{Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::super::args::{bind, error, flag, required};
use super::super::func::{Function, Namespace};
use super::super::{List, repr};
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
    /// Of pytz, without any change of its offset.
    Static(String),
    /// Of pytz, with the offset that was chosen.
    Named(String, Chosen),
}

/// What is in force in a zone at a moment.
#[derive(Clone, PartialEq)]
struct Chosen {
    /// Seconds to the east of UTC, to the minute.
    offset: i32,
    /// Seconds of daylight saving in it.
    dst: i32,
    /// Whether it counts as daylight saving; Ireland's has none in summer, and less in winter.
    is_dst: bool,
    name: String,
}

/// The first second that pytz reads of the tz database, and about the last one: its files have 32
/// bits. Before it is the zone's first offset, behind it its last one.
const KNOWN: std::ops::Range<i64> = -2_147_483_648..2_147_483_648;

/// The most that daylight saving takes.
const MOST_DST: i32 = 3 * 3600;

impl Chosen {
    /// What is in force at a moment.
    fn at(zone: &TimeZone, moment: Timestamp) -> Self {
        let second = moment.as_second();
        let moment = if second < KNOWN.start {
            Timestamp::MIN
        } else {
            Timestamp::from_second(second.min(KNOWN.end - 1)).unwrap_or(moment)
        };
        let info = zone.to_offset_info(moment);
        let (seconds, is_dst) = (info.offset().seconds(), info.dst().is_dst());
        let name = info.abbreviation().to_owned();
        let dst = if is_dst { Chosen::saved(zone, moment, seconds) } else { 0 };
        // To the nearest minute, as pytz has them.
        let offset = (seconds + 30).div_euclid(60) * 60;
        Chosen { offset, dst: (dst + 30).div_euclid(60) * 60, is_dst, name }
    }

    /// How much daylight saving there is: the difference to the standard time before, or after
    /// where that one makes no sense.
    fn saved(zone: &TimeZone, moment: Timestamp, seconds: i32) -> i32 {
        let standard = |offset: Offset| seconds - offset.seconds();
        let before = zone.preceding(moment).find(|change| !change.dst().is_dst());
        let found = before.map_or(0, |change| standard(change.offset()));
        if (1..=MOST_DST).contains(&found) {
            return found;
        }
        let after = zone.following(moment).filter(|change| !change.dst().is_dst());
        let later = after.take(8).map(|change| standard(change.offset())).find(|dst| *dst > 0);
        later.unwrap_or(found)
    }
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
        let name = zone.iana_name().unwrap_or(name).to_owned();
        let kind = if zone.preceding(Timestamp::MAX).next().is_none() {
            Kind::Static(name)
        } else {
            Kind::Named(name, Chosen::at(&zone, Timestamp::MIN))
        };
        Ok(Zone { kind, zone })
    }

    /// The same zone with what is in force at a moment.
    pub(super) fn at(&self, moment: Timestamp) -> Self {
        match &self.kind {
            Kind::Named(name, _) => {
                let kind = Kind::Named(name.clone(), Chosen::at(&self.zone, moment));
                Zone { kind, zone: self.zone.clone() }
            }
            _ => self.clone(),
        }
    }

    /// The same zone with what is in force at a local time: pytz's `localize`.
    fn localized(&self, local: civil::DateTime, is_dst: Option<bool>) -> Result<Self, Error> {
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        let (first, second) = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, offset),
            AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
                (before, after)
            }
        };
        // The last hours of the year 9999 are dates as well, and what is in force then is known.
        let end = if local.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
        let with =
            |offset: Offset| Chosen::at(&self.zone, offset.to_timestamp(local).unwrap_or(end));
        let chosen = match (ambiguous.offset(), is_dst) {
            (AmbiguousOffset::Unambiguous { .. }, _) => with(first),
            (AmbiguousOffset::Gap { .. }, None) => {
                return Err(error(format!("NonExistentTimeError: {}", spaced(local))));
            }
            (AmbiguousOffset::Fold { .. }, None) => {
                return Err(error(format!("AmbiguousTimeError: {}", spaced(local))));
            }
            // The time that is not there is counted on from hours before or behind it.
            (AmbiguousOffset::Gap { .. }, Some(false)) => {
                Chosen::at(&self.zone, self.moment_around(local, first, -6)?)
            }
            (AmbiguousOffset::Gap { .. }, Some(true)) => {
                Chosen::at(&self.zone, self.moment_around(local, second, 6)?)
            }
            (AmbiguousOffset::Fold { .. }, Some(is_dst)) => {
                // The first of both is the earlier moment.
                let (earlier, later) = (with(first), with(second));
                match (earlier.is_dst == is_dst, later.is_dst == is_dst) {
                    (true, false) => earlier,
                    (false, true) => later,
                    _ if is_dst => earlier,
                    _ => later,
                }
            }
        };
        let kind = match &self.kind {
            Kind::Named(name, _) => Kind::Named(name.clone(), chosen),
            other => other.clone(),
        };
        Ok(Zone { kind, zone: self.zone.clone() })
    }

    /// The moment some hours from a local time under an offset.
    fn moment_around(
        &self,
        local: civil::DateTime,
        offset: Offset,
        hours: i64,
    ) -> Result<Timestamp, Error> {
        offset
            .to_timestamp(local)
            .and_then(|moment| moment.checked_add(jiff::SignedDuration::from_hours(hours)))
            .map_err(|e| error(e.to_string()))
    }

    /// The offset in seconds.
    pub(super) fn offset(&self) -> i32 {
        match &self.kind {
            Kind::Utc | Kind::PytzUtc => 0,
            Kind::Fixed(seconds) => *seconds,
            Kind::Static(_) => self.zone.to_offset(Timestamp::UNIX_EPOCH).seconds(),
            Kind::Named(_, chosen) => chosen.offset,
        }
    }

    /// What the offset is called.
    pub(super) fn abbreviation(&self) -> String {
        match &self.kind {
            Kind::Named(_, chosen) => chosen.name.clone(),
            Kind::Static(_) => {
                let info = self.zone.to_offset_info(Timestamp::UNIX_EPOCH);
                info.abbreviation().to_owned()
            }
            _ => self.to_string(),
        }
    }

    /// The daylight saving in the offset as a time span; zones that are not pytz's know of none.
    pub(super) fn dst(&self) -> Value {
        match &self.kind {
            Kind::Utc | Kind::Fixed(_) => Value::from(()),
            Kind::PytzUtc | Kind::Static(_) => delta::Delta::value(0),
            Kind::Named(_, chosen) => delta::Delta::value(i128::from(chosen.dst) * 1_000_000),
        }
    }
}

/// A local time as Python prints it.
fn spaced(local: civil::DateTime) -> String {
    local.strftime("%Y-%m-%d %H:%M:%S").to_string()
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
    let members = vec![
        ("utc", utc.clone()),
        ("UTC", utc),
        ("timezone", timezone),
        ("FixedOffset", fixed),
        ("all_timezones", List::value(all_names().map(Value::from).collect())),
        ("country_timezones", Function::value("country_timezones", country_timezones)),
    ];
    Namespace::module("pytz", members)
}

/// The names of all zones, sorted.
fn all_names() -> impl Iterator<Item = String> {
    let mut names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    names.sort();
    names.into_iter()
}

/// The names of the zones in a country, which is given by its ISO code of two letters.
fn country_timezones(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [code] = bind("country_timezones", ["iso3166_code"], args)?;
    let code = repr::py_str(&required("country_timezones", "iso3166_code", code)?);
    let zones: Vec<Value> = all_names()
        .filter_map(|name| TimeZone::get(&name).ok())
        .filter(|zone| {
            zone.is_primary()
                && zone.location().is_some_and(|at| at.country().eq_ignore_ascii_case(&code))
        })
        .filter_map(|zone| zone.iana_name().map(Value::from))
        .collect();
    if zones.is_empty() {
        return Err(error(format!("KeyError: '{}'", code.to_uppercase())));
    }
    Ok(List::value(zones))
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
            Kind::Static(name) | Kind::Named(name, _) => f.write_str(name),
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
            Kind::Static(name) => write!(f, "<StaticTzInfo '{name}'>"),
            Kind::Named(name, chosen) => {
                let sign = if chosen.offset > 0 { "+" } else { "" };
                let offset = delta::Delta { micros: i128::from(chosen.offset) * 1_000_000 };
                let kind = if chosen.dst != 0 { "DST" } else { "STD" };
                write!(f, "<DstTzInfo '{name}' {}{sign}{offset} {kind}>", chosen.name)
            }
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
                let stamp = stamp(value)?;
                if stamp.zone().is_some() {
                    return Err(error("Not naive datetime (tzinfo is already set)"));
                }
                let is_dst = match is_dst {
                    Some(is_dst) if is_dst.is_none() => None,
                    is_dst => Some(flag(&is_dst)),
                };
                let zone = self.localized(stamp.civil(), is_dst)?;
                Ok(Value::from_object(stamp.with_zone(Some(zone))))
            }
            "normalize" => {
                let [value] = bind(method, ["dt"], args)?;
                let stamp = stamp(value)?;
                if stamp.zone().is_none() {
                    return Err(error("Naive time - no tzinfo set"));
                }
                stamp.in_zone(self).map(Value::from_object)
            }
            "fromutc" => {
                let [value] = bind(method, ["dt"], args)?;
                let stamp = stamp(value)?.with_zone(Some(Zone::utc()));
                stamp.in_zone(self).map(Value::from_object)
            }
            "utcoffset" | "tzname" | "dst" => {
                let [value, _] = bind(method, ["dt", "is_dst"], args)?;
                let of_pytz = matches!(self.kind, Kind::Named(..));
                let Ok(stamp) = stamp(value) else {
                    return Ok(match method {
                        "tzname" => Value::from(self.to_string()),
                        "utcoffset" if !of_pytz => {
                            delta::Delta::value(i128::from(self.offset()) * 1_000_000)
                        }
                        "dst" if !of_pytz => self.dst(),
                        _ => Value::from(()),
                    });
                };
                let own;
                let zone = match stamp.zone() {
                    Some(zone) => zone,
                    None => {
                        own = self.localized(stamp.civil(), Some(false))?;
                        &own
                    }
                };
                Ok(match method {
                    "tzname" => Value::from(zone.abbreviation()),
                    "dst" => zone.dst(),
                    _ => delta::Delta::value(i128::from(zone.offset()) * 1_000_000),
                })
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
