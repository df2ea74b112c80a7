//! Decimals as they are printed: as Python writes them, and by format specifications.

use std::fmt;

use super::digits::{Finite, length};
use super::{Decimal, MAX_EXPONENT};

impl Decimal {
    /// With so many digits after the point, and no exponent.
    fn to_places(&self, places: usize) -> String {
        let Decimal::Finite(number) = self else { return self.to_string() };
        let number = number.rescaled(-i64::try_from(places).unwrap_or(MAX_EXPONENT));
        let digits = format!("{:0>width$}", number.digits.to_string(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if number.negative { "-" } else { "" };
        let point = if places > 0 { "." } else { "" };
        format!("{sign}{whole}{point}{fraction}")
    }

    /// The number as a format field lays it out, before it is padded: of specifications that end
    /// with `f`, `F`, `e`, `E`, `g`, `G` or `%`, or give no digits. `None` for others.
    pub(in crate::jinja::values) fn laid_out(&self, spec: &NumberSpec) -> Option<String> {
        let text = match (spec.kind, spec.precision) {
            (None, None) => self.to_string(),
            (Some('f' | 'F'), Some(places)) => self.to_places(places),
            (Some('f' | 'F'), None) => match self {
                Decimal::Finite(number) => {
                    self.to_places(usize::try_from(-number.exponent.min(0)).ok()?)
                }
                other => other.to_string(),
            },
            (Some('%'), precision) => {
                let Decimal::Finite(number) = self else { return None };
                let exponent = number.exponent + 2;
                let number = Finite { exponent, ..number.clone() };
                let places = usize::try_from(-exponent.min(0)).ok()?;
                Decimal::Finite(number).to_places(precision.unwrap_or(places)) + "%"
            }
            (Some('e' | 'E'), precision) => {
                let Decimal::Finite(number) = self else { return Some(self.to_string()) };
                let number = precision.map_or_else(|| number.clone(), |p| number.to_digits(p + 1));
                with_exponent(&number)
            }
            (Some('g' | 'G'), precision) => match (self, precision) {
                (Decimal::Finite(number), Some(precision)) => {
                    let digits = precision.max(1);
                    let long = length(&number.digits) > digits;
                    let number = if long { number.to_digits(digits) } else { number.clone() };
                    // More digits before the point than were asked for.
                    if number.exponent > 0 {
                        with_exponent(&number)
                    } else {
                        Decimal::Finite(number).to_string()
                    }
                }
                _ => self.to_string(),
            },
            _ => return None,
        };
        let text = match spec.kind {
            Some('e' | 'g') => text.replace('E', "e"),
            _ => text,
        };
        let text = if spec.thousands { with_commas(&text) } else { text };
        Some(if spec.plus && !text.starts_with('-') { format!("+{text}") } else { text })
    }
}

/// What a format specification says of a number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::jinja::values) struct NumberSpec {
    /// The part before the sign and the width: how to fill and to align.
    pub align: String,
    pub plus: bool,
    pub width: String,
    pub thousands: bool,
    pub precision: Option<usize>,
    pub kind: Option<char>,
}

impl NumberSpec {
    /// `[[fill]align][sign][width][,][.precision][kind]`; `None` where it says something else.
    pub(in crate::jinja::values) fn parse(spec: &str) -> Option<Self> {
        let mut out = NumberSpec::default();
        let chars: Vec<char> = spec.chars().collect();
        let is_align = |at: usize| matches!(chars.get(at), Some('<' | '>' | '^'));
        let mut at = if is_align(1) { 2 } else { usize::from(is_align(0)) };
        out.align = chars[..at].iter().collect();
        if let Some(sign @ ('+' | '-')) = chars.get(at) {
            out.plus = *sign == '+';
            at += 1;
        }
        let digits = |at: &mut usize| {
            let from = *at;
            while chars.get(*at).is_some_and(char::is_ascii_digit) {
                *at += 1;
            }
            chars[from..*at].iter().collect::<String>()
        };
        out.width = digits(&mut at);
        if chars.get(at) == Some(&',') {
            out.thousands = true;
            at += 1;
        }
        if chars.get(at) == Some(&'.') {
            at += 1;
            out.precision = Some(digits(&mut at).parse().ok()?);
        }
        out.kind = chars.get(at).copied();
        (at + usize::from(out.kind.is_some()) == chars.len()).then_some(out)
    }
}

/// Written with an exponent, behind the first digit.
fn with_exponent(number: &Finite) -> String {
    let digits = number.digits.to_string();
    let (whole, fraction) = digits.split_at(1);
    let sign = if number.negative { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}E{:+}", number.adjusted())
}

/// A number with a comma after each three digits of its whole part.
fn with_commas(text: &str) -> String {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let mut out = String::from(sign);
    for (index, digit) in rest[..end].chars().enumerate() {
        if index > 0 && (end - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out.push_str(&rest[end..]);
    out
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = match self {
            Decimal::Finite(number) => number,
            Decimal::Infinity { negative } => {
                return f.write_str(if *negative { "-Infinity" } else { "Infinity" });
            }
            Decimal::NaN => return f.write_str("NaN"),
        };
        let digits = number.digits.to_string();
        if number.negative {
            f.write_str("-")?;
        }
        let size = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        // Digits before the point, if it were written without an exponent.
        let before = number.exponent + size;
        let plain = number.exponent <= 0 && before > -6;
        let point = if plain { before } else { 1 };
        if point <= 0 {
            let zeros = usize::try_from(-point).unwrap_or(0);
            write!(f, "0.{:0<zeros$}{digits}", "")?;
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(point.min(size)).unwrap_or(0));
            f.write_str(whole)?;
            if !fraction.is_empty() {
                write!(f, ".{fraction}")?;
            }
        }
        if plain { Ok(()) } else { write!(f, "E{:+}", before - point) }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal('{self}')")
    }
}
