//! Times on the command line that look back.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::config::event_time;

/// A time in the past: so long ago (`90d`, `12h`, `2w 3d`), a day (`2026-11-01`, from its start in
/// UTC), or a time with its zone (`2026-11-01T12:00:00Z`).
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let utc = |at: DateTime| TimeZone::UTC.to_timestamp(at);
    if let Some(at) = event_time::parse(text).and_then(|at| utc(at).ok()) {
        return Ok(at);
    }
    // Days of 24 hours: in UTC there are no others.
    let now = TimeZone::UTC.to_datetime(Timestamp::now());
    let ago = |span: Span| now.checked_sub(span.abs()).and_then(utc);
    text.trim()
        .parse::<Span>()
        .and_then(ago)
        .map_err(|_| "write 7d, 12h, 2026-11-01 or the like".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_days_look_back() {
        let day = since("2026-11-01").unwrap();
        assert_eq!(day.to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(since("2026-11-01T01:00:00+01:00").unwrap(), day);
        for (text, hours) in [("90d", 2160), ("12h", 12), ("2w 3d", 408), (" 1 day ", 24)] {
            let ago = since(text).unwrap().until(Timestamp::now()).unwrap();
            assert_eq!(ago.get_seconds() / 3600, hours, "{text}");
        }
        for text in ["", "7", "soon", "2026-13-01"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
