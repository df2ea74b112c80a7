//! What a pattern of `re` found, and the templates of `sub`.
//!
//! Positions are kept in bytes and shown in characters.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Tuple};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{bind, error, split_kwargs};
use super::pattern::Pattern;
use super::{Dict, repr};

/// A match and its groups.
pub(super) struct Match {
    string: Arc<str>,
    /// Byte ranges; the first is the whole match.
    spans: Vec<Option<(usize, usize)>>,
    pattern: Arc<Pattern>,
}

impl Match {
    pub(super) fn new(
        string: Arc<str>,
        spans: Vec<Option<(usize, usize)>>,
        pattern: Arc<Pattern>,
    ) -> Self {
        Match { string, spans, pattern }
    }

    /// The byte range of the whole match.
    pub(super) fn span(&self) -> (usize, usize) {
        self.spans.first().copied().flatten().unwrap_or((0, 0))
    }

    fn text(&self, index: usize) -> Option<&str> {
        let (start, end) = self.spans.get(index).copied().flatten()?;
        Some(&self.string[start..end])
    }

    fn index(&self, group: &Value) -> Option<usize> {
        if let Some(name) = group.as_str() {
            let known = |known: &Option<String>| known.as_deref() == Some(name);
            return self.pattern.names().iter().position(known).map(|index| index + 1);
        }
        group.as_usize().filter(|index| *index < self.spans.len())
    }

    fn group(&self, group: &Value) -> Result<Value, Error> {
        let index = self.index(group).ok_or_else(|| error("no such group"))?;
        Ok(self.text(index).map_or_else(|| Value::from(()), Value::from))
    }

    /// All groups but the whole match.
    pub(super) fn groups(&self, default: &Value) -> Vec<Value> {
        (1..self.spans.len())
            .map(|index| self.text(index).map_or_else(|| default.clone(), Value::from))
            .collect()
    }

    /// What `findall` lists: the match, its only group, or a tuple of its groups.
    pub(super) fn find_all_item(&self) -> Value {
        match self.spans.len() {
            0 | 1 => Value::from(self.text(0).unwrap_or_default()),
            2 => Value::from(self.text(1).unwrap_or_default()),
            _ => Value::from(Tuple::new(self.groups(&Value::from("")))),
        }
    }

    /// A span in characters; -1 where the group took no part.
    fn char_span(&self, group: Option<Value>) -> Result<(i64, i64), Error> {
        let index = match &group {
            Some(group) => self.index(group).ok_or_else(|| error("no such group"))?,
            None => 0,
        };
        let chars = |at: usize| i64::try_from(self.string[..at].chars().count()).unwrap_or(0);
        Ok(self.spans[index].map_or((-1, -1), |(start, end)| (chars(start), chars(end))))
    }
}

/// Writes the replacement of a match: `\1`, `\g<name>`, `\n` and the like are filled in.
///
/// # Errors
/// A group that the pattern does not have.
pub(super) fn expand(out: &mut String, template: &str, found: &Match) -> Result<(), Error> {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let group = if let Some(named) = rest.strip_prefix("g<") {
            let end = named.find('>').ok_or_else(|| error("missing >, unterminated name"))?;
            let name = &named[..end];
            rest = &named[end + 1..];
            Some(name.parse::<usize>().map_or_else(|_| Value::from(name), Value::from))
        } else {
            let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
            let number = rest[..digits].parse::<usize>().ok().filter(|number| *number > 0);
            if number.is_some() {
                rest = &rest[digits..];
            }
            number.map(Value::from)
        };
        if let Some(group) = group {
            let index =
                found.index(&group).ok_or_else(|| error("invalid group reference in re.sub"))?;
            out.push_str(found.text(index).unwrap_or_default());
            continue;
        }
        let Some(c) = rest.chars().next() else {
            return Err(error("bad escape (end of pattern)"));
        };
        rest = &rest[c.len_utf8()..];
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            'a' => out.push('\u{7}'),
            '0' => out.push('\0'),
            '\\' => out.push('\\'),
            c if c.is_ascii_alphabetic() => return Err(error(format!("bad escape \\{c}"))),
            c => {
                out.push('\\');
                out.push(c);
            }
        }
    }
    out.push_str(rest);
    Ok(())
}

impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = self.char_span(None).unwrap_or((0, 0));
        let text = repr::py_repr(&Value::from(self.text(0).unwrap_or_default()));
        write!(f, "<re.Match object; span=({start}, {end}), match={text}>")
    }
}

impl Object for Match {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(name) => self.get_value_by_str(name),
            None => self.group(key).ok(),
        }
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "string" => Some(Value::from(self.string.clone())),
            "re" => Some(Value::from_dyn_object(self.pattern.clone())),
            "lastindex" => {
                let last = (1..self.spans.len()).rev().find(|index| self.spans[*index].is_some());
                Some(Value::from(last))
            }
            name => self.group(&Value::from(name)).ok(),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "group" => match split_kwargs(args).0 {
                [] => self.group(&Value::from(0)),
                [group] => self.group(group),
                groups => {
                    let groups: Result<Vec<_>, _> = groups.iter().map(|g| self.group(g)).collect();
                    Ok(Value::from(Tuple::new(groups?)))
                }
            },
            "groups" => {
                let [default] = bind(method, ["default"], args)?;
                let default = default.unwrap_or_else(|| Value::from(()));
                Ok(Value::from(Tuple::new(self.groups(&default))))
            }
            "groupdict" => {
                let [default] = bind(method, ["default"], args)?;
                let default = default.unwrap_or_else(|| Value::from(()));
                let groups = self.groups(&default);
                let names = self.pattern.names().iter().zip(groups);
                Ok(Dict::value(names.filter_map(|(name, value)| Some((name.as_deref()?, value)))))
            }
            "start" | "end" | "span" => {
                let [group] = bind(method, ["group"], args)?;
                let (start, end) = self.char_span(group)?;
                Ok(match method {
                    "start" => Value::from(start),
                    "end" => Value::from(end),
                    _ => Value::from((start, end)),
                })
            }
            "expand" => {
                let [template] = bind(method, ["template"], args)?;
                let mut out = String::new();
                expand(&mut out, &repr::py_str(&template.unwrap_or_default()), self)?;
                Ok(Value::from(out))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
