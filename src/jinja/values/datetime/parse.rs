//! Texts as dates and times: `strptime`, and the ISO forms of `fromisoformat` and of databases.

use std::sync::LazyLock;

use jiff::civil;
use minijinja::Error;
use regex::Regex;

use super::super::args::error;
use super::civil::{date_of, time_of};
use super::strftime::{DAYS, MONTHS};

/// What was read, with what was not given at Python's defaults.
pub(super) struct Parsed {
    pub civil: civil::DateTime,
    /// Offset in seconds.
    pub offset: Option<i32>,
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Up to `max` digits as a number.
    fn number(&mut self, max: usize) -> Option<i32> {
        let end = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        let number = self.rest[..end].parse().ok()?;
        self.rest = &self.rest[end..];
        Some(number)
    }

    /// Exactly `n` digits as a number.
    fn digits(&mut self, n: usize) -> Option<i32> {
        let before = self.rest.len();
        let number = self.number(n)?;
        (before - self.rest.len() == n).then_some(number)
    }

    /// One of the names, whole or by its first three letters; gives its index.
    fn name(&mut self, names: &[&str], short: bool) -> Option<usize> {
        for (index, name) in names.iter().enumerate() {
            let name = if short { &name[..3] } else { name };
            let head = self.rest.get(..name.len());
            if head.is_some_and(|head| head.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[name.len()..];
                return Some(index);
            }
        }
        None
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    /// A fraction of a second, as microseconds.
    fn fraction(&mut self) -> Option<i32> {
        let end = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits: String = self.rest[..end].chars().chain("000000".chars()).take(6).collect();
        self.rest = &self.rest[end..];
        (end > 0).then(|| digits.parse().ok()).flatten()
    }

    /// `Z`, `+HH`, `+HHMM` or `+HH:MM[:SS]`, in seconds.
    fn offset(&mut self) -> Option<i32> {
        if self.literal("Z").is_some() || self.literal("z").is_some() {
            return Some(0);
        }
        let sign = if self.literal("-").is_some() {
            -1
        } else {
            self.literal("+")?;
            1
        };
        let mut seconds = self.digits(2)? * 3600;
        for unit in [60, 1] {
            let colon = self.literal(":").is_some();
            if colon || self.rest.starts_with(|c: char| c.is_ascii_digit()) {
                seconds += self.digits(2)? * unit;
            }
        }
        Some(sign * seconds)
    }
}

#[derive(Default)]
struct Parts {
    year: Option<i32>,
    month: i32,
    day: i32,
    day_of_year: Option<i32>,
    hour: i32,
    hour12: Option<i32>,
    afternoon: bool,
    minute: i32,
    second: i32,
    micros: i32,
    offset: Option<i32>,
}

impl Parts {
    fn build(&self) -> Option<Parsed> {
        let small = |number: i32| i8::try_from(number).ok();
        let hour = match self.hour12 {
            Some(hour) => hour % 12 + if self.afternoon { 12 } else { 0 },
            None => self.hour,
        };
        let year = i16::try_from(self.year.unwrap_or(1900)).ok()?;
        let mut date =
            civil::Date::new(year, small(self.month.max(1))?, small(self.day.max(1))?).ok()?;
        if let Some(day) = self.day_of_year {
            date = date.with().day_of_year(i16::try_from(day).ok()?).build().ok()?;
        }
        let time = civil::Time::new(
            small(hour)?,
            small(self.minute)?,
            small(self.second)?,
            self.micros * 1000,
        )
        .ok()?;
        Some(Parsed { civil: date.to_datetime(time), offset: self.offset })
    }
}

/// `datetime.strptime(text, format)`.
///
/// # Errors
/// The text does not have this form, or the format a directive that is not known.
pub(super) fn strptime(text: &str, format: &str) -> Result<Parsed, Error> {
    let mut reader = Reader { rest: text };
    let mut parts = Parts::default();
    let mut matched = read(&mut reader, &mut parts, format)?;
    if matched && !reader.rest.is_empty() {
        return Err(error(format!("unconverted data remains: {}", reader.rest)));
    }
    let built = if matched { parts.build() } else { None };
    matched = built.is_some();
    match built {
        Some(parsed) if matched => Ok(parsed),
        _ => Err(error(format!("time data '{text}' does not match format '{format}'"))),
    }
}

fn read(reader: &mut Reader<'_>, parts: &mut Parts, format: &str) -> Result<bool, Error> {
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c.is_whitespace() {
            reader.rest = reader.rest.trim_start();
            continue;
        }
        if c != '%' {
            match reader.rest.strip_prefix(c) {
                Some(rest) => reader.rest = rest,
                None => return Ok(false),
            }
            continue;
        }
        let directive = chars.next().unwrap_or('%');
        let found = match directive {
            'Y' => reader.digits(4).map(|n| parts.year = Some(n)),
            'y' => reader
                .digits(2)
                .map(|n| parts.year = Some(if n < 69 { 2000 + n } else { 1900 + n })),
            'm' => reader.number(2).map(|n| parts.month = n.max(-1)),
            'd' | 'e' => reader.number(2).map(|n| parts.day = n),
            'H' => reader.number(2).map(|n| parts.hour = n),
            'I' => reader.number(2).map(|n| parts.hour12 = Some(n)),
            'M' => reader.number(2).map(|n| parts.minute = n),
            'S' => reader.number(2).map(|n| parts.second = n),
            'f' => reader.fraction().map(|n| parts.micros = n),
            'j' => reader.number(3).map(|n| parts.day_of_year = Some(n)),
            'p' => reader.name(&["AM.", "PM."].map(|n| &n[..2]), false).map(|n| {
                parts.afternoon = n == 1;
            }),
            'B' => {
                reader.name(&MONTHS, false).map(|n| parts.month = i32::try_from(n + 1).unwrap_or(1))
            }
            'b' | 'h' => {
                reader.name(&MONTHS, true).map(|n| parts.month = i32::try_from(n + 1).unwrap_or(1))
            }
            'A' => reader.name(&DAYS, false).map(|_| ()),
            'a' => reader.name(&DAYS, true).map(|_| ()),
            'w' | 'u' => reader.number(1).map(|_| ()),
            'z' => reader.offset().map(|n| parts.offset = Some(n)),
            'Z' => ["UTC", "GMT"].iter().find_map(|name| reader.literal(name)),
            'T' | 'X' => read(reader, parts, "%H:%M:%S")?.then_some(()),
            'F' => read(reader, parts, "%Y-%m-%d")?.then_some(()),
            'D' | 'x' => read(reader, parts, "%m/%d/%y")?.then_some(()),
            '%' => reader.literal("%"),
            other => {
                return Err(error(format!("'{other}' is a bad directive in format '{format}'")));
            }
        };
        if found.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An ISO date, with a time and an offset where they are given: what `fromisoformat` takes and what
/// databases print.
pub(super) fn iso(text: &str) -> Option<Parsed> {
    let mut reader = Reader { rest: text.trim() };
    let mut parts = Parts { year: Some(reader.digits(4)?), ..Parts::default() };
    let dashes = reader.literal("-").is_some();
    parts.month = reader.digits(2).filter(|n| *n > 0)?;
    if dashes {
        reader.literal("-")?;
    }
    parts.day = reader.digits(2).filter(|n| *n > 0)?;
    if !reader.rest.is_empty() {
        reader.rest = &reader.rest[reader.rest.chars().next()?.len_utf8()..];
        clock(&mut reader, &mut parts)?;
    }
    reader.rest.is_empty().then(|| parts.build()).flatten()
}

/// An ISO time with an offset where it is given.
pub(super) fn iso_time(text: &str) -> Option<Parsed> {
    let mut reader = Reader { rest: text.trim() };
    let mut parts = Parts::default();
    clock(&mut reader, &mut parts)?;
    reader.rest.is_empty().then(|| parts.build()).flatten()
}

fn clock(reader: &mut Reader<'_>, parts: &mut Parts) -> Option<()> {
    parts.hour = reader.digits(2)?;
    let colons = reader.literal(":").is_some();
    if colons || reader.rest.starts_with(|c: char| c.is_ascii_digit()) {
        parts.minute = reader.digits(2)?;
        if reader.literal(":").is_some()
            || (!colons && reader.rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            parts.second = reader.digits(2)?;
            if reader.literal(".").is_some() || reader.literal(",").is_some() {
                parts.micros = reader.fraction()?;
            }
        }
    }
    if !reader.rest.is_empty() {
        parts.offset = Some(reader.offset()?);
    }
    Some(())
}

/// A date or timestamp as YAML writes it without quotes; `None` where the text is none of them.
/// An inner `None` is a date without a time.
pub(super) fn yaml(text: &str) -> Option<Result<(civil::Date, Option<Parsed>), Error>> {
    static FORM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"^(\d{4})-(\d\d?)-(\d\d?)(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d):(\d\d)(?:\.(\d*))?(?:[ \t]*(?:(Z)|([-+])(\d\d?)(?::(\d\d))?))?)?$",
        )
        .expect("a constant pattern")
    });
    let found = FORM.captures(text)?;
    let number = |at: usize| found.get(at).map_or(0, |part| part.as_str().parse().unwrap_or(0i64));
    let read = || {
        let date = date_of(number(1), number(2), number(3))?;
        if found.get(4).is_none() {
            return Ok((date, None));
        }
        let fraction = found.get(7).map_or("", |part| part.as_str());
        let micros = format!("{fraction:0<6}")[..6].parse().unwrap_or(0);
        let time = time_of(number(4), number(5), number(6), micros)?;
        let seconds = i32::try_from(number(10) * 3600 + number(11) * 60).unwrap_or(0);
        let offset = match found.get(9) {
            Some(sign) => Some(if sign.as_str() == "-" { -seconds } else { seconds }),
            None => found.get(8).map(|_| 0),
        };
        Ok((date, Some(Parsed { civil: date.to_datetime(time), offset })))
    };
    // A date has two digits for the month and the day.
    (found.get(4).is_some() || text.len() == 10).then(read)
}
