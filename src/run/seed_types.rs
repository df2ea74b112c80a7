//! What type a column of a CSV file has, and what its fields say: dbt's inference (agate, as set up
//! in `dbt_common.clients.agate_helper`), with dbt's types in SQL.
//!
//! A column is a number, a date, a time stamp, a boolean or text: the first of these that all its
//! fields are. An empty field and `null` are none of them, but nothing.

use std::borrow::Cow;

use jiff::civil;

use crate::config::EngineKind;

/// A type that the fields of a column may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inferred {
    Integer,
    /// Whole numbers beyond 32 bits, for which dbt's `integer` would be too small.
    BigInteger,
    Number,
    Date,
    Timestamp,
    Boolean,
    Text,
}

/// The type of a column, from its fields that are not empty.
pub(super) fn infer<'a>(fields: impl Iterator<Item = &'a str> + Clone) -> Inferred {
    let fields = fields.filter(|field| !is_null(field));
    let all = |fits: &dyn Fn(&str) -> bool| fields.clone().all(fits);
    // A column without fields has the first of the types.
    if all(&|field| number(field).is_some()) {
        let mut widest = Inferred::Integer;
        for field in fields {
            let whole = number(field).and_then(|number| number.whole());
            match whole.map(i32::try_from) {
                Some(Ok(_)) => {}
                Some(Err(_)) => widest = Inferred::BigInteger,
                None => return Inferred::Number,
            }
        }
        return widest;
    }
    for candidate in [Inferred::Date, Inferred::Timestamp, Inferred::Boolean] {
        if all(&|field| candidate.value(field).is_some()) {
            return candidate;
        }
    }
    Inferred::Text
}

/// Whether a field stands for nothing in a column that is not text.
pub(super) fn is_null(field: &str) -> bool {
    let field = field.trim();
    field.is_empty() || field.eq_ignore_ascii_case("null")
}

impl Inferred {
    /// The type in SQL, as dbt's adapters name it.
    pub fn sql(self, kind: EngineKind) -> &'static str {
        match (self, kind) {
            (Inferred::Integer, _) => "integer",
            (Inferred::BigInteger, _) => "bigint",
            (Inferred::Number, EngineKind::DuckDb) => "double",
            (Inferred::Number, EngineKind::Postgres) => "float8",
            (Inferred::Date, _) => "date",
            (Inferred::Timestamp, _) => "timestamp",
            (Inferred::Boolean, _) => "boolean",
            (Inferred::Text, _) => "text",
        }
    }

    /// What a field says in a column of this type, as the engines read it; `None` where it does
    /// not fit.
    pub fn value(self, field: &str) -> Option<Cow<'_, str>> {
        match self {
            Inferred::Integer | Inferred::BigInteger => {
                Some(number(field)?.whole()?.to_string().into())
            }
            Inferred::Number => Some(number(field)?.text.into()),
            Inferred::Date => Some(date(field.trim())?.to_string().into()),
            Inferred::Timestamp => Some(timestamp(field.trim())?.into()),
            Inferred::Boolean => match field.trim().to_lowercase().as_str() {
                "true" => Some("true".into()),
                "false" => Some("false".into()),
                _ => None,
            },
            Inferred::Text => Some(field.into()),
        }
    }
}

/// Signs of money that agate takes away from numbers.
const CURRENCIES: &[char] = &[
    '؋', '$', 'ƒ', '៛', '¥', '₡', '₱', '£', '€', '¢', '﷼', '₪', '₩', '₭', '₮', '₦', '฿', '₤', '₫',
];

/// `[-]digits[.digits][e[-]digits]`
struct Number {
    text: String,
}

/// A number, with what agate overlooks taken away: `$1,000` and `5%`.
fn number(field: &str) -> Option<Number> {
    let field = field.trim().trim_matches('%');
    let (sign, rest) = match field.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", field),
    };
    let digits = rest.trim_matches(CURRENCIES).replace(',', "");
    let digits = digits.strip_prefix('+').unwrap_or(&digits);
    let starts = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    // Only what is written in digits: no `inf`, no `nan`.
    let fits = starts && digits.parse::<f64>().is_ok_and(f64::is_finite);
    fits.then(|| Number { text: format!("{sign}{digits}") })
}

impl Number {
    /// The number where it is whole, however it is written: `5`, `5.0`, `1e3`.
    fn whole(&self) -> Option<i64> {
        let (mantissa, exponent) = match self.text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (self.text.as_str(), 0),
        };
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let after = after.trim_end_matches('0');
        let zeros = exponent.checked_sub(i32::try_from(after.len()).ok()?)?;
        let digits = format!("{before}{after}");
        if zeros >= 0 {
            let power = 10_i64.checked_pow(zeros.unsigned_abs());
            return digits.parse::<i64>().ok()?.checked_mul(power?);
        }
        // 1500e-2
        let kept = digits.len().checked_sub(zeros.unsigned_abs() as usize)?;
        let (whole, rest) = digits.split_at_checked(kept)?;
        if rest.bytes().all(|digit| digit == b'0') { whole.parse().ok() } else { None }
    }
}

/// Python's `%Y-%m-%d`.
fn date(text: &str) -> Option<civil::Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let fits = parts.next().is_none() && year.len() == 4;
    let year = digits(year, 4).filter(|_| fits)?;
    civil::Date::new(year, digits(month, 2)? as i8, digits(day, 2)? as i8).ok()
}

/// Python's `%Y-%m-%d %H:%M:%S`, or ISO 8601 with a `T`; with an offset, it is moved to UTC.
fn timestamp(text: &str) -> Option<String> {
    if text.contains('T') {
        let in_utc = |stamp: jiff::Timestamp| jiff::tz::TimeZone::UTC.to_datetime(stamp);
        let stamp = match text.parse::<jiff::Timestamp>() {
            Ok(stamp) => in_utc(stamp),
            Err(_) => text.parse::<civil::DateTime>().ok()?,
        };
        return Some(stamp.to_string());
    }
    let (day, time) = text.split_once(char::is_whitespace)?;
    let mut parts = time.trim_start().split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let part = |text| digits(text, 2).map(|n| n as i8);
    let time = civil::Time::new(part(hour)?, part(minute)?, part(second)?, 0).ok()?;
    parts.next().is_none().then_some(())?;
    Some(date(day)?.to_datetime(time).to_string())
}

fn digits(text: &str, most: usize) -> Option<i16> {
    let fits = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Inferred, infer};

    fn typed(fields: &[&str]) -> (Inferred, Vec<String>) {
        let inferred = infer(fields.iter().copied());
        let value = |field: &&str| inferred.value(field).expect("it fits").into_owned();
        (inferred, fields.iter().filter(|field| !super::is_null(field)).map(value).collect())
    }

    fn is(fields: &[&str], inferred: Inferred, values: &[&str]) {
        assert_eq!(typed(fields), (inferred, values.iter().map(|v| (*v).to_owned()).collect()));
    }

    #[test]
    fn numbers_are_whole_where_all_are() {
        is(&["1", "-5", "+6", "007", " 8"], Inferred::Integer, &["1", "-5", "6", "7", "8"]);
        is(&["1.0", "2e3", "150e-1", ""], Inferred::Integer, &["1", "2000", "15"]);
        is(&["2147483648", "null"], Inferred::BigInteger, &["2147483648"]);
        is(&["1.50", "2", "15e-1"], Inferred::Number, &["1.50", "2", "15e-1"]);
        is(&["$5", "1,000", "-€7", "6%"], Inferred::Integer, &["5", "1000", "-7", "6"]);
        is(&["9223372036854775808"], Inferred::Number, &["9223372036854775808"]);
        is(&["inf", "1"], Inferred::Text, &["inf", "1"]);
        is(&["1", "x"], Inferred::Text, &["1", "x"]);
    }

    #[test]
    fn days_and_times_are_those_of_dbt() {
        is(&["2024-01-02", "2024-2-9"], Inferred::Date, &["2024-01-02", "2024-02-09"]);
        is(&["2024-13-02"], Inferred::Text, &["2024-13-02"]);
        let stamps = ["2024-01-02 03:04:05", "2024-02-29T23:59:59+02:00", "2024-01-02T03:04:05.5"];
        let values = ["2024-01-02T03:04:05", "2024-02-29T21:59:59", "2024-01-02T03:04:05.5"];
        is(&stamps, Inferred::Timestamp, &values);
        // dbt does not read fractions after a space, nor days and times in one column.
        is(&["2024-01-02 03:04:05.5"], Inferred::Text, &["2024-01-02 03:04:05.5"]);
        let mixed = ["2024-01-02", "2024-01-02 10:00:00"];
        is(&mixed, Inferred::Text, &mixed);
    }

    #[test]
    fn the_rest_is_truth_or_text() {
        is(&["True", "FALSE", ""], Inferred::Boolean, &["true", "false"]);
        is(&["yes", "no"], Inferred::Text, &["yes", "no"]);
        is(&["", "null"], Inferred::Integer, &[]);
        is(&[], Inferred::Integer, &[]);
    }
}
