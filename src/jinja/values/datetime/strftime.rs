//! `strftime` in the C locale, directive by directive as Python has it.

use jiff::civil;
use minijinja::Error;

use super::super::args::error;
use super::zone::offset_text;

/// What a date, a time or both have to be printed.
pub(super) struct Fields {
    pub civil: civil::DateTime,
    /// Offset in seconds and abbreviation; `None` without a zone.
    pub zone: Option<(i32, String)>,
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Days since Monday, 0 to 6.
pub(super) fn weekday(date: civil::Date) -> usize {
    usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0)
}

fn month_name(date: civil::DateTime) -> &'static str {
    MONTHS[usize::try_from(date.month() - 1).unwrap_or(0)]
}

/// The fields as text.
///
/// # Errors
/// A directive that Python does not know.
pub(super) fn format(fields: &Fields, format: &str) -> Result<String, Error> {
    let at = fields.civil;
    let mut out = String::with_capacity(format.len() * 2);
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut directive = chars.next().unwrap_or('%');
        // glibc's flags: no padding, spaces.
        let flag = matches!(directive, '-' | '_').then_some(directive);
        if flag.is_some() {
            directive = chars.next().unwrap_or('%');
        }
        let piece = piece(fields, at, directive)?;
        match flag {
            Some('-') => {
                let short = piece.trim_start_matches(['0', ' ']);
                out.push_str(if short.is_empty() { "0" } else { short });
            }
            Some(_) => {
                let digits = piece.trim_start_matches('0').len().max(1);
                out.push_str(&" ".repeat(piece.len() - digits));
                out.push_str(&piece[piece.len() - digits..]);
            }
            None => out.push_str(&piece),
        }
    }
    Ok(out)
}

fn piece(fields: &Fields, at: civil::DateTime, directive: char) -> Result<String, Error> {
    let hour12 = (at.hour() + 11) % 12 + 1;
    let monday_based = weekday(at.date());
    let day_of_year = usize::try_from(at.day_of_year()).unwrap_or(1);
    let recurse = |text: &str| format(fields, text);
    Ok(match directive {
        'Y' => at.year().to_string(),
        'C' => format!("{:02}", at.year() / 100),
        'y' => format!("{:02}", at.year() % 100),
        'm' => format!("{:02}", at.month()),
        'd' => format!("{:02}", at.day()),
        'e' => format!("{:2}", at.day()),
        'H' => format!("{:02}", at.hour()),
        'k' => format!("{:2}", at.hour()),
        'I' => format!("{hour12:02}"),
        'l' => format!("{hour12:2}"),
        'M' => format!("{:02}", at.minute()),
        'S' => format!("{:02}", at.second()),
        'f' => format!("{:06}", at.subsec_nanosecond() / 1000),
        'p' => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        'P' => if at.hour() < 12 { "am" } else { "pm" }.to_owned(),
        'j' => format!("{day_of_year:03}"),
        'a' => DAYS[monday_based][..3].to_owned(),
        'A' => DAYS[monday_based].to_owned(),
        'b' | 'h' => month_name(at)[..3].to_owned(),
        'B' => month_name(at).to_owned(),
        'w' => ((monday_based + 1) % 7).to_string(),
        'u' => (monday_based + 1).to_string(),
        'W' => format!("{:02}", (day_of_year + 6 - monday_based) / 7),
        'U' => format!("{:02}", (day_of_year + 6 - (monday_based + 1) % 7) / 7),
        'V' => format!("{:02}", at.date().iso_week_date().week()),
        'G' => at.date().iso_week_date().year().to_string(),
        'g' => format!("{:02}", at.date().iso_week_date().year() % 100),
        'z' => fields.zone.as_ref().map(|(s, _)| offset_text(*s, "")).unwrap_or_default(),
        'Z' => fields.zone.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
        's' => {
            let offset = fields.zone.as_ref().map_or(0, |(seconds, _)| i64::from(*seconds));
            let utc = jiff::tz::TimeZone::UTC.to_timestamp(at).map_err(|e| error(e.to_string()))?;
            (utc.as_second() - offset).to_string()
        }
        'D' | 'x' => recurse("%m/%d/%y")?,
        'T' | 'X' => recurse("%H:%M:%S")?,
        'F' => recurse("%Y-%m-%d")?,
        'R' => recurse("%H:%M")?,
        'r' => recurse("%I:%M:%S %p")?,
        'c' => recurse("%a %b %e %H:%M:%S %Y")?,
        'n' => "\n".to_owned(),
        't' => "\t".to_owned(),
        '%' => "%".to_owned(),
        other => format!("%{other}"),
    })
}
