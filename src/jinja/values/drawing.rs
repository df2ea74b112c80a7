//! A table as agate prints it on a terminal: GitHub's Markdown, numbers to the right.
//!
//! It draws text only; where the text goes is decided by who asks for it.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::decimal::Decimal;
use super::repr;

/// How much is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub rows: usize,
    pub columns: usize,
    pub width: usize,
}

/// Digits after the point that are shown at most.
const MAX_PLACES: usize = 3;

/// The drawn table, a line break after each line.
pub(super) fn draw(names: &[String], rows: &[&[Value]], limits: Limits) -> String {
    let shown = names.len().min(limits.columns);
    let cut_columns = names.len() > shown;
    let shown_rows = &rows[..rows.len().min(limits.rows)];
    let mut header: Vec<String> = names[..shown].iter().map(|n| shorten(n, limits.width)).collect();
    let mut right = Vec::with_capacity(shown);
    let mut body: Vec<Vec<String>> = vec![Vec::with_capacity(shown); shown_rows.len()];
    for column in 0..shown {
        let values = shown_rows.iter().map(|row| &row[column]);
        let places = decimal_places(values.clone());
        right.push(values.clone().any(|v| !v.is_none() && v.kind() != ValueKind::String));
        for (line, value) in body.iter_mut().zip(values) {
            let text = match places {
                _ if value.is_none() => String::new(),
                Some(places) => fixed(value, places),
                None => repr::py_str(value),
            };
            line.push(shorten(&text, limits.width));
        }
    }
    if cut_columns {
        header.push("...".to_owned());
        right.push(false);
        body.iter_mut().for_each(|line| line.push("...".to_owned()));
    }
    let cells = |column: usize| body.iter().map(move |line| &line[column]);
    let width = |column: usize| {
        cells(column).chain([&header[column]]).map(|c| c.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut out = String::new();
    let mut line = |cells: &[String]| {
        out.push('|');
        for ((cell, width), right) in cells.iter().zip(&widths).zip(&right) {
            let space = " ".repeat(width.saturating_sub(cell.chars().count()));
            let (before, after) = if *right { (space.as_str(), "") } else { ("", space.as_str()) };
            out.push_str(&format!(" {before}{cell}{after} |"));
        }
        out.push('\n');
    };
    line(&header);
    line(&widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>());
    body.iter().for_each(|cells| line(cells));
    if rows.len() > shown_rows.len() {
        line(&vec!["...".to_owned(); widths.len()]);
    }
    out
}

fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(3)).chain("...".chars()).collect()
}

/// The digits after the point that a column of floats needs; `None` where it holds other values.
fn decimal_places<'a>(values: impl Iterator<Item = &'a Value>) -> Option<(usize, bool)> {
    let mut places = None;
    for value in values.filter(|value| !value.is_none()) {
        let decimal = Decimal::of(value).map(|decimal| Value::from(decimal.to_f64()));
        let value = decimal.as_ref().unwrap_or(value);
        if !value.is_number() {
            return None;
        }
        let text = repr::py_str(value);
        let digits = text.split_once('.').map_or("", |(_, digits)| digits).trim_end_matches('0');
        let float = !value.is_integer();
        places = match places {
            Some((most, any)) => Some((digits.len().max(most), any || float)),
            None => Some((digits.len(), float)),
        };
    }
    let (most, any_float) = places?;
    any_float.then_some((most.min(MAX_PLACES), most > MAX_PLACES))
}

/// A number with thousands separated and its digits cut.
fn fixed(value: &Value, (places, cut): (usize, bool)) -> String {
    let decimal = Decimal::of(value).map(Decimal::to_f64);
    let Some(number) = decimal.or_else(|| f64::try_from(value.clone()).ok()) else {
        return repr::py_str(value);
    };
    if !number.is_finite() {
        return repr::py_str(value);
    }
    let text = format!("{:.places$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::from(if number < 0.0 { "-" } else { "" });
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if places > 0 {
        out.push('.');
        out.push_str(fraction);
    }
    if cut {
        out.push('…');
    }
    out
}
