//! The methods of Python's str that look at or change the whole text.
//!
//! Splitting, stripping and searching are in `split`. It never changes a string in place.

use std::sync::LazyLock;

use minijinja::{Error, Value};
use regex::Regex;

use super::args::{bind, error, flag, integer, no_method, opt_integer, required, text};
use super::{format, repr, split};

/// Calls a method of `str`.
///
/// # Errors
/// An unknown method, or arguments that it does not take.
pub(super) fn method(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let s = value.as_str().unwrap_or_default();
    Ok(match method {
        "upper" => none(method, args, || s.to_uppercase())?,
        "lower" => none(method, args, || s.to_lowercase())?,
        "casefold" => none(method, args, || case_folded(s))?,
        "title" => none(method, args, || title(s))?,
        "capitalize" => none(method, args, || capitalize(s))?,
        "swapcase" => none(method, args, || swapcase(s))?,
        "isnumeric" => none(method, args, || all(s, char::is_numeric))?,
        "isdigit" => none(method, args, || all(s, |c| is_decimal(c) || is_small_digit(c)))?,
        "isdecimal" => none(method, args, || all(s, is_decimal))?,
        "isprintable" => none(method, args, || s.chars().all(repr::is_printable))?,
        "isalpha" => none(method, args, || all(s, char::is_alphabetic))?,
        "isalnum" => none(method, args, || all(s, char::is_alphanumeric))?,
        "isspace" => none(method, args, || all(s, char::is_whitespace))?,
        "isascii" => none(method, args, || s.is_ascii())?,
        "isupper" => none(method, args, || is_upper(s))?,
        "islower" => none(method, args, || is_lower(s))?,
        "istitle" => none(method, args, || is_upper(&s[..first_len(s)]) && title(s) == s)?,
        "isidentifier" => none(method, args, || is_identifier(s))?,
        "format" => Value::from(format::str_format(s, args)?),
        "format_map" => {
            let [mapping] = bind(method, ["mapping"], args)?;
            Value::from(format::format_map(s, &required(method, "mapping", mapping)?)?)
        }
        "join" => {
            let [items] = bind(method, ["iterable"], args)?;
            Value::from(format::join(s, &required(method, "iterable", items)?)?)
        }
        "replace" => {
            let [old, new, count] = bind(method, ["old", "new", "count"], args)?;
            let (old, new) = (required(method, "old", old)?, required(method, "new", new)?);
            let (old, new) = (text(method, &old)?, text(method, &new)?);
            match opt_integer(method, &count)?.map(usize::try_from) {
                Some(Ok(count)) => Value::from(s.replacen(old, new, count)),
                _ if !s.contains(old) => value.clone(),
                _ => Value::from(s.replace(old, new)),
            }
        }
        "zfill" => {
            let [width] = bind(method, ["width"], args)?;
            let width = integer(method, &required(method, "width", width)?)?;
            Value::from(zfill(s, width))
        }
        "ljust" | "rjust" | "center" => {
            let [width, fill] = bind(method, ["width", "fillchar"], args)?;
            let width = integer(method, &required(method, "width", width)?)?;
            let fill = match &fill {
                Some(fill) => one_char(method, fill)?,
                None => ' ',
            };
            Value::from(pad(s, method, width, fill))
        }
        "expandtabs" => {
            let [size] = bind(method, ["tabsize"], args)?;
            Value::from(expand_tabs(s, opt_integer(method, &size)?.unwrap_or(8)))
        }
        "encode" => {
            let [encoding, _errors] = bind(method, ["encoding", "errors"], args)?;
            let encoding = encoding.as_ref().and_then(Value::as_str).unwrap_or("utf-8");
            match encoding.to_ascii_lowercase().replace('_', "-").as_str() {
                "utf-8" | "utf8" | "ascii" => Value::from_bytes(s.as_bytes().to_vec()),
                other => return Err(error(format!("unknown encoding: {other}"))),
            }
        }
        "splitlines" => {
            let [keep] = bind(method, ["keepends"], args)?;
            split::lines(s, flag(&keep))
        }
        "__len__" => Value::from(s.chars().count()),
        _ => match split::method(value, s, method, args)? {
            Some(result) => result,
            None => return Err(no_method(value, method)),
        },
    })
}

/// A method without parameters.
fn none<T: Into<Value>>(
    method: &str,
    args: &[Value],
    result: impl FnOnce() -> T,
) -> Result<Value, Error> {
    let [] = bind(method, [], args)?;
    Ok(result().into())
}

fn all(s: &str, test: impl Fn(char) -> bool) -> bool {
    !s.is_empty() && s.chars().all(test)
}

/// A digit of any script.
fn is_decimal(c: char) -> bool {
    static DIGIT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^\p{Nd}").expect("a constant pattern"));
    c.is_ascii_digit() || !c.is_ascii() && DIGIT.is_match(c.encode_utf8(&mut [0; 4]))
}

/// A raised, lowered or circled digit.
fn is_small_digit(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '①'..='⑨')
}

/// Whether there are cased characters and none of them is lower case.
pub(super) fn is_upper(s: &str) -> bool {
    s.chars().any(char::is_uppercase) && !s.chars().any(char::is_lowercase)
}

/// Whether there are cased characters and none of them is upper case.
pub(super) fn is_lower(s: &str) -> bool {
    s.chars().any(char::is_lowercase) && !s.chars().any(char::is_uppercase)
}

fn is_identifier(s: &str) -> bool {
    s.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic())
        && s.chars().all(|c| c == '_' || c.is_alphanumeric())
}

fn first_len(s: &str) -> usize {
    s.chars().next().map_or(0, char::len_utf8)
}

/// In lower case, with the letters that have more than one of it, or none of their own.
fn case_folded(s: &str) -> String {
    s.to_lowercase().replace('ß', "ss").replace('ς', "σ").replace('ſ', "s")
}

/// The first character in upper case, the rest in lower case.
pub(super) fn capitalize(s: &str) -> String {
    let (first, rest) = s.split_at(first_len(s));
    first.to_uppercase() + &rest.to_lowercase()
}

/// Every run of letters with a capital, as `str.title` (not the filter) has it.
fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut inside = false;
    for c in s.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    out
}

fn swapcase(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        if c.is_uppercase() {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
    }
    out
}

fn zfill(s: &str, width: i64) -> String {
    let missing = missing(s, width);
    let (sign, digits) = s.split_at(usize::from(s.starts_with(['+', '-'])));
    format!("{sign}{}{digits}", "0".repeat(missing))
}

/// How much a text lacks to a width; no more than 100 MB, where Python would run out of memory.
fn missing(s: &str, width: i64) -> usize {
    usize::try_from(width.min(100_000_000)).unwrap_or(0).saturating_sub(s.chars().count())
}

/// `ljust`, `rjust` and `center`; the odd space of `center` goes where Python puts it.
pub(super) fn pad(s: &str, method: &str, width: i64, fill: char) -> String {
    let missing = missing(s, width);
    let left = match method {
        "ljust" => 0,
        "rjust" => missing,
        _ => missing / 2 + (missing & usize::try_from(width).unwrap_or(0) & 1),
    };
    let mut out = String::with_capacity(s.len() + missing);
    out.extend(std::iter::repeat_n(fill, left));
    out.push_str(s);
    out.extend(std::iter::repeat_n(fill, missing - left));
    out
}

fn one_char(method: &str, value: &Value) -> Result<char, Error> {
    let mut chars = text(method, value)?.chars();
    match (chars.next(), chars.next()) {
        (Some(fill), None) => Ok(fill),
        _ => Err(error("The fill character must be exactly one character long")),
    }
}

fn expand_tabs(s: &str, size: i64) -> String {
    let size = usize::try_from(size).unwrap_or(0);
    let mut out = String::with_capacity(s.len());
    let mut column = 0;
    for c in s.chars() {
        match c {
            '\t' => {
                let spaces = if size == 0 { 0 } else { size - column % size };
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            _ => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}
