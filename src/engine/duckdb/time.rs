//! Dates and times as DuckDB prints them, over its whole range (290308 BC to 294247 AD).

/// A date, from days since 1970-01-01: `2024-05-01`, `0044-03-15 (BC)`, `infinity`.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        days if days == -i32::MAX => "-infinity".to_owned(),
        days => {
            let (text, era) = civil(i64::from(days));
            format!("{text}{era}")
        }
    }
}

/// A time of day, from units of `10^-digits` seconds since midnight.
pub(super) fn of_day(units: i64, digits: u32) -> String {
    let per_second = 10_i64.pow(digits);
    let (seconds, fraction) = (units.div_euclid(per_second), units.rem_euclid(per_second));
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let text = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if fraction == 0 {
        return text;
    }
    let fraction = format!("{fraction:0width$}", width = digits as usize);
    format!("{text}.{}", fraction.trim_end_matches('0'))
}

/// A timestamp, from units of `10^-digits` seconds since 1970-01-01 UTC.
pub(super) fn timestamp(units: i64, digits: u32, zone: &str) -> String {
    if units == i64::MAX {
        return "infinity".to_owned();
    }
    if units == -i64::MAX {
        return "-infinity".to_owned();
    }
    let per_day = 86_400 * 10_i64.pow(digits);
    let (text, era) = civil(units.div_euclid(per_day));
    format!("{text}{era} {}{zone}", of_day(units.rem_euclid(per_day), digits))
}

/// The proleptic Gregorian date of a day, and ` (BC)` where it lies before year 1.
/// Howard Hinnant, <https://howardhinnant.github.io/date_algorithms.html>.
fn civil(days: i64) -> (String, &'static str) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (year, bc) = if year > 0 { (year, "") } else { (1 - year, " (BC)") };
    (format!("{year:04}-{month:02}-{day:02}"), bc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_ages() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(-719_528), "0001-01-01 (BC)");
        assert_eq!(date(i32::MAX), "infinity");
    }

    #[test]
    fn fractions_lose_their_trailing_zeros() {
        assert_eq!(timestamp(1_500_000, 6, ""), "1970-01-01 00:00:01.5");
        assert_eq!(timestamp(-1, 9, "+00"), "1969-12-31 23:59:59.999999999+00");
        assert_eq!(of_day(86_400_000_000, 6), "24:00:00");
    }
}
