//! The methods of Python's str that strip, split, search and test the ends of a text.
//!
//! Positions are counted in characters, as in Python, never in bytes.

use minijinja::value::Tuple;
use minijinja::{Error, Value};

use super::args::{bind, error, opt_integer, required, text};
use super::list::clamp;
use super::{List, repr};

/// Calls one of the methods of this file; `None` where the method is not one of them.
///
/// # Errors
/// Arguments that the method does not take.
pub(super) fn method(
    value: &Value,
    s: &str,
    method: &str,
    args: &[Value],
) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "strip" | "lstrip" | "rstrip" => {
            let [chars] = bind(method, ["chars"], args)?;
            let stripped = match &chars {
                Some(chars) if !chars.is_none() => {
                    let chars = text(method, chars)?;
                    strip(s, method, |c| chars.contains(c))
                }
                _ => strip(s, method, char::is_whitespace),
            };
            if stripped.len() == s.len() { value.clone() } else { Value::from(stripped) }
        }
        "split" | "rsplit" => {
            let [separator, max] = bind(method, ["sep", "maxsplit"], args)?;
            let max = opt_integer(method, &max)?.and_then(|max| usize::try_from(max).ok());
            let parts = match &separator {
                Some(separator) if !separator.is_none() => {
                    let separator = text(method, separator)?;
                    if separator.is_empty() {
                        return Err(error("empty separator"));
                    }
                    split_by(s, separator, max, method == "rsplit")
                }
                _ => split_whitespace(s, max, method == "rsplit"),
            };
            List::value(parts.into_iter().map(Value::from).collect())
        }
        "partition" | "rpartition" => {
            let [separator] = bind(method, ["sep"], args)?;
            let separator = required(method, "sep", separator)?;
            let separator = text(method, &separator)?;
            let parts = if method == "partition" {
                s.split_once(separator).map_or([s, "", ""], |(a, b)| [a, separator, b])
            } else {
                s.rsplit_once(separator).map_or(["", "", s], |(a, b)| [a, separator, b])
            };
            Value::from(Tuple::from(parts.map(Value::from)))
        }
        "startswith" | "endswith" => {
            let [affix, start, end] = bind(method, ["prefix", "start", "end"], args)?;
            let part = span(s, method, &start, &end)?.map_or("", |(from, to)| &s[from..to]);
            let affix = required(method, "prefix", affix)?;
            let test = |affix: &Value| -> Result<bool, Error> {
                let affix = text(method, affix)?;
                Ok(if method == "startswith" {
                    part.starts_with(affix)
                } else {
                    part.ends_with(affix)
                })
            };
            let mut found = false;
            match affix.downcast_object_ref::<Tuple>() {
                Some(affixes) => {
                    for affix in affixes.iter() {
                        found = found || test(affix)?;
                    }
                }
                None => found = test(&affix)?,
            }
            Value::from(found)
        }
        "removeprefix" | "removesuffix" => {
            let [affix] = bind(method, ["prefix"], args)?;
            let affix = required(method, "prefix", affix)?;
            let affix = text(method, &affix)?;
            let rest = if method == "removeprefix" {
                s.strip_prefix(affix)
            } else {
                s.strip_suffix(affix)
            };
            rest.map_or_else(|| value.clone(), Value::from)
        }
        "find" | "rfind" | "index" | "rindex" | "count" => {
            let [sub, start, end] = bind(method, ["sub", "start", "end"], args)?;
            let sub = required(method, "sub", sub)?;
            let sub = text(method, &sub)?;
            let found = match span(s, method, &start, &end)? {
                None => None,
                Some((from, to)) => {
                    let part = &s[from..to];
                    if method == "count" {
                        return Ok(Some(Value::from(part.matches(sub).count())));
                    }
                    let at = if method.starts_with('r') { part.rfind(sub) } else { part.find(sub) };
                    at.map(|at| s[..from + at].chars().count())
                }
            };
            match (found, method) {
                (Some(at), _) => Value::from(at),
                (None, "count") => Value::from(0),
                (None, "index" | "rindex") => return Err(error("substring not found")),
                (None, _) => Value::from(-1),
            }
        }
        "translate" => {
            let [table] = bind(method, ["table"], args)?;
            let table = required(method, "table", table)?;
            let mut out = String::with_capacity(s.len());
            for c in s.chars() {
                let to = table.get_item(&Value::from(u32::from(c)))?;
                if to.is_undefined() {
                    out.push(c);
                } else if let Some(code) = to.as_usize() {
                    out.extend(u32::try_from(code).ok().and_then(char::from_u32));
                } else if !to.is_none() {
                    out.push_str(&repr::py_str(&to));
                }
            }
            Value::from(out)
        }
        _ => return Ok(None),
    }))
}

/// `str.splitlines`.
pub(super) fn lines(s: &str, keep_ends: bool) -> Value {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut chars = s.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let is_break = matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if !is_break {
            continue;
        }
        let mut end = at + c.len_utf8();
        if c == '\r' && chars.next_if(|(_, next)| *next == '\n').is_some() {
            end += 1;
        }
        lines.push(Value::from(&s[start..if keep_ends { end } else { at }]));
        start = end;
    }
    if start < s.len() {
        lines.push(Value::from(&s[start..]));
    }
    List::value(lines)
}

fn strip<'a>(s: &'a str, method: &str, test: impl Fn(char) -> bool + Copy) -> &'a str {
    let s = if method == "rstrip" { s } else { s.trim_start_matches(test) };
    if method == "lstrip" { s } else { s.trim_end_matches(test) }
}

fn split_by<'a>(s: &'a str, by: &str, max: Option<usize>, from_end: bool) -> Vec<&'a str> {
    match (max, from_end) {
        (None, _) => s.split(by).collect(),
        (Some(max), false) => s.splitn(max.saturating_add(1), by).collect(),
        (Some(max), true) => {
            let mut parts: Vec<_> = s.rsplitn(max.saturating_add(1), by).collect();
            parts.reverse();
            parts
        }
    }
}

fn split_whitespace(s: &str, max: Option<usize>, from_end: bool) -> Vec<&str> {
    let Some(max) = max else {
        return s.split_whitespace().collect();
    };
    let mut parts = Vec::new();
    let mut rest = if from_end { s.trim_end() } else { s.trim_start() };
    while !rest.is_empty() {
        let at = if from_end {
            rest.char_indices().rev().find(|(_, c)| c.is_whitespace())
        } else {
            rest.char_indices().find(|(_, c)| c.is_whitespace())
        };
        match at {
            Some((at, c)) if parts.len() < max => {
                let (left, right) = (&rest[..at], &rest[at + c.len_utf8()..]);
                if from_end {
                    parts.push(right);
                    rest = left.trim_end();
                } else {
                    parts.push(left);
                    rest = right.trim_start();
                }
            }
            _ => {
                parts.push(rest);
                break;
            }
        }
    }
    // What is left after the last split keeps its inner and far spaces.
    if from_end {
        parts.reverse();
    }
    parts
}

/// The byte range of `s[start:end]`; `None` where it starts behind the end.
fn span(
    s: &str,
    method: &str,
    start: &Option<Value>,
    end: &Option<Value>,
) -> Result<Option<(usize, usize)>, Error> {
    let (start, end) = (opt_integer(method, start)?, opt_integer(method, end)?);
    if start.is_none() && end.is_none() {
        return Ok(Some((0, s.len())));
    }
    let len = s.chars().count();
    if start.is_some_and(|start| usize::try_from(start).is_ok_and(|start| start > len)) {
        return Ok(None);
    }
    let from = start.map_or(0, |i| clamp(i, len));
    let to = end.map_or(len, |i| clamp(i, len));
    let byte = |index: usize| s.char_indices().nth(index).map_or(s.len(), |(at, _)| at);
    Ok((from <= to).then(|| (byte(from), byte(to))))
}
