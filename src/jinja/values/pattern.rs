//! Python's `re` for templates, on fancy-regex: look-around and back-references work.
//!
//! Patterns are translated where the syntaxes differ, compiled once and kept for the process. `$`
//! without MULTILINE matches at the very end only, where Python also takes a last line break.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use fancy_regex::{Regex, RegexBuilder};
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::args::{bind, error, integer, opt_integer, required, text};
use super::func::{Call, Function, Generator, Namespace};
use super::matches::{Match, expand};
use super::{List, repr};

const IGNORECASE: i64 = 2;
const MULTILINE: i64 = 8;
const DOTALL: i64 = 16;
const VERBOSE: i64 = 64;

/// Where a match may begin and must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Anchor {
    Search,
    Start,
    Whole,
}

/// The module `re`.
pub(super) fn module() -> Value {
    let mut members: Vec<(&'static str, Value)> = [
        ("A", 256),
        ("ASCII", 256),
        ("I", IGNORECASE),
        ("IGNORECASE", IGNORECASE),
        ("M", MULTILINE),
        ("MULTILINE", MULTILINE),
        ("S", DOTALL),
        ("DOTALL", DOTALL),
        ("U", 32),
        ("UNICODE", 32),
        ("X", VERBOSE),
        ("VERBOSE", VERBOSE),
    ]
    .map(|(name, flag)| (name, Value::from(flag)))
    .to_vec();
    let functions: [(&'static str, Call); 11] = [
        ("compile", |_, args| {
            let [pattern, flags] = bind("compile", ["pattern", "flags"], args)?;
            compiled("compile", pattern, &flags).map(Value::from_dyn_object)
        }),
        ("match", |state, args| module_call(state, "match", args)),
        ("search", |state, args| module_call(state, "search", args)),
        ("fullmatch", |state, args| module_call(state, "fullmatch", args)),
        ("findall", |state, args| module_call(state, "findall", args)),
        ("finditer", |state, args| module_call(state, "finditer", args)),
        ("split", |state, args| module_call(state, "split", args)),
        ("sub", |state, args| module_call(state, "sub", args)),
        ("subn", |state, args| module_call(state, "subn", args)),
        ("escape", |_, args| {
            let [value] = bind("escape", ["pattern"], args)?;
            Ok(Value::from(escape(text("escape", &required("escape", "pattern", value)?)?)))
        }),
        ("purge", |_, _| Ok(Value::from(()))),
    ];
    members.extend(functions.map(|(name, call)| (name, Function::value(name, call))));
    Namespace::module("re", members)
}

/// `re.f(pattern, …, flags)`: the method of the pattern with what is left of the arguments.
fn module_call(state: &mut State<'_, '_>, name: &str, args: &[Value]) -> Result<Value, Error> {
    let none = || Value::from(());
    match name {
        "sub" | "subn" => {
            let names = ["pattern", "repl", "string", "count", "flags"];
            let [pattern, repl, string, count, flags] = bind(name, names, args)?;
            let pattern = compiled(name, pattern, &flags)?;
            let args = [repl, string, count].map(|arg| arg.unwrap_or_else(none));
            pattern.call_method(state, name, &args)
        }
        "split" => {
            let names = ["pattern", "string", "maxsplit", "flags"];
            let [pattern, string, max, flags] = bind(name, names, args)?;
            let args = [string, max].map(|arg| arg.unwrap_or_else(none));
            compiled(name, pattern, &flags)?.call_method(state, name, &args)
        }
        _ => {
            let [pattern, string, flags] = bind(name, ["pattern", "string", "flags"], args)?;
            let string = required(name, "string", string)?;
            compiled(name, pattern, &flags)?.call_method(state, name, &[string])
        }
    }
}

/// Python's `re.escape`.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The pattern that an argument is or stands for.
fn compiled(
    name: &str,
    pattern: Option<Value>,
    flags: &Option<Value>,
) -> Result<Arc<Pattern>, Error> {
    let pattern = required(name, "pattern", pattern)?;
    if let Some(pattern) = pattern.downcast_object::<Pattern>() {
        return Ok(pattern);
    }
    let flags = opt_integer(name, flags)?.unwrap_or(0);
    Pattern::new(text(name, &pattern)?, flags)
}

/// A compiled pattern.
pub(super) struct Pattern {
    source: String,
    flags: i64,
    /// In group order, without group 0.
    names: Vec<Option<String>>,
    search: Regex,
}

type Cache<K, V> = LazyLock<Mutex<HashMap<K, V>>>;

impl Pattern {
    fn new(source: &str, flags: i64) -> Result<Arc<Self>, Error> {
        static PATTERNS: Cache<(String, i64), Arc<Pattern>> = LazyLock::new(Mutex::default);
        let key = (source.to_owned(), flags);
        let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pattern) = patterns.get(&key) {
            return Ok(pattern.clone());
        }
        let search = build(source, flags, Anchor::Search)?;
        let names = search.capture_names().skip(1).map(|name| name.map(str::to_owned)).collect();
        make_room(&mut patterns);
        let pattern = Arc::new(Pattern { source: source.to_owned(), flags, names, search });
        patterns.insert(key, pattern.clone());
        Ok(pattern)
    }

    fn anchored(&self, anchor: Anchor) -> Result<Arc<Regex>, Error> {
        static ANCHORED: Cache<(String, i64, Anchor), Arc<Regex>> = LazyLock::new(Mutex::default);
        let key = (self.source.clone(), self.flags, anchor);
        let mut anchored = ANCHORED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = anchored.get(&key) {
            return Ok(regex.clone());
        }
        make_room(&mut anchored);
        let regex = Arc::new(build(&self.source, self.flags, anchor)?);
        anchored.insert(key, regex.clone());
        Ok(regex)
    }

    pub(super) fn names(&self) -> &[Option<String>] {
        &self.names
    }

    fn find(self: &Arc<Self>, string: &Arc<str>, anchor: Anchor) -> Result<Value, Error> {
        let found = if anchor == Anchor::Search {
            self.captures(&self.search, string, 0)?
        } else {
            self.captures(&*self.anchored(anchor)?, string, 0)?
        };
        Ok(found.map_or_else(|| Value::from(()), Value::from_object))
    }

    fn captures(
        self: &Arc<Self>,
        regex: &Regex,
        string: &Arc<str>,
        from: usize,
    ) -> Result<Option<Match>, Error> {
        let found = regex
            .captures_from_pos(&**string, from)
            .map_err(|failure| error(format!("re: {failure}")))?;
        Ok(found.map(|groups| {
            let spans = (0..groups.len())
                .map(|index| groups.get(index).map(|group| (group.start(), group.end())))
                .collect();
            Match::new(string.clone(), spans, self.clone())
        }))
    }

    /// All matches that do not overlap; an empty one may follow one that is not, as in Python.
    fn all(self: &Arc<Self>, string: &Arc<str>, limit: usize) -> Result<Vec<Match>, Error> {
        let mut found = Vec::new();
        let mut from = 0;
        while found.len() < limit && from <= string.len() {
            let Some(next) = self.captures(&self.search, string, from)? else { break };
            let (start, end) = next.span();
            from = if end > start {
                end
            } else {
                end + string[end..].chars().next().map_or(1, char::len_utf8)
            };
            found.push(next);
        }
        Ok(found)
    }

    fn replace(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        replacement: &Value,
        string: &Arc<str>,
        count: usize,
    ) -> Result<(String, usize), Error> {
        let found = self.all(string, count)?;
        let made = found.len();
        let mut out = String::with_capacity(string.len());
        let mut last = 0;
        for item in found {
            let (start, end) = item.span();
            out.push_str(&string[last..start]);
            last = end;
            match replacement.as_str() {
                Some(template) => expand(&mut out, template, &item)?,
                None => {
                    let piece = replacement.call(state, &[Value::from_object(item)])?;
                    out.push_str(&repr::py_str(&piece));
                }
            }
        }
        out.push_str(&string[last..]);
        Ok((out, made))
    }

    fn split(self: &Arc<Self>, string: &Arc<str>, limit: usize) -> Result<Value, Error> {
        let mut parts = Vec::new();
        let mut last = 0;
        for item in self.all(string, limit)? {
            let (start, end) = item.span();
            parts.push(Value::from(&string[last..start]));
            parts.extend(item.groups(&Value::from(())));
            last = end;
        }
        parts.push(Value::from(&string[last..]));
        Ok(List::value(parts))
    }
}

/// Empties a cache that has grown large, as Python does: patterns may be made up at run time.
fn make_room<K, V>(cache: &mut HashMap<K, V>) {
    if cache.len() >= 512 {
        cache.clear();
    }
}

fn build(source: &str, flags: i64, anchor: Anchor) -> Result<Regex, Error> {
    let pattern = translate(source);
    let break_line = if flags & VERBOSE != 0 { "\n" } else { "" };
    let pattern = match anchor {
        Anchor::Search => pattern,
        Anchor::Start => format!("\\A(?:{pattern}{break_line})"),
        Anchor::Whole => format!("\\A(?:{pattern}{break_line})\\z"),
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(flags & IGNORECASE != 0)
        .multi_line(flags & MULTILINE != 0)
        .dot_matches_new_line(flags & DOTALL != 0)
        .verbose_mode(flags & VERBOSE != 0)
        .build()
        .map_err(|failure| error(format!("re: cannot use the pattern '{source}': {failure}")))
}

/// Python's syntax in fancy-regex's: braces and brackets that are plain text, `\Z`, `{,n}`.
fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 8);
    let mut rest = source;
    let mut class_start = None;
    while let Some(c) = rest.chars().next() {
        let len = c.len_utf8();
        if c == '\\' {
            let escaped = rest[1..].chars().next();
            match (escaped, class_start) {
                (Some('Z'), None) => out.push_str("\\z"),
                (Some('b'), Some(_)) => out.push_str("\\x08"),
                (Some(e), _) => {
                    // Escapes of harmless characters, which fancy-regex may read otherwise.
                    if matches!(
                        e,
                        '<' | '>'
                            | '/'
                            | '"'
                            | '\''
                            | ','
                            | ';'
                            | ':'
                            | '='
                            | '@'
                            | '!'
                            | '%'
                            | '`'
                            | '_'
                    ) {
                        out.push(e);
                    } else {
                        out.push('\\');
                        out.push(e);
                    }
                }
                (None, _) => out.push('\\'),
            }
            rest = &rest[1 + escaped.map_or(0, char::len_utf8)..];
            continue;
        }
        match (c, class_start) {
            ('[', None) => {
                let mut at = 1;
                if rest[at..].starts_with('^') {
                    at += 1;
                }
                out.push_str(&rest[..at]);
                // A bracket right after the opening is text.
                if rest[at..].starts_with(']') {
                    out.push_str("\\]");
                    at += 1;
                }
                class_start = Some(());
                rest = &rest[at..];
                continue;
            }
            (']', Some(())) => {
                class_start = None;
                out.push(']');
            }
            ('[', Some(())) => out.push_str("\\["),
            ('&' | '~', Some(())) => {
                out.push('\\');
                out.push(c);
            }
            ('{', None) => match quantifier(rest) {
                Some((text, length)) => {
                    out.push_str(&text);
                    rest = &rest[length..];
                    continue;
                }
                None => out.push_str("\\{"),
            },
            ('}', None) => out.push_str("\\}"),
            _ => out.push(c),
        }
        rest = &rest[len..];
    }
    out
}

/// `{n}`, `{n,}`, `{,m}` or `{n,m}` at the start, and its length.
fn quantifier(text: &str) -> Option<(String, usize)> {
    let end = text.find('}')?;
    let inner = &text[1..end];
    let (low, high) = inner.split_once(',').map_or((inner, None), |(a, b)| (a, Some(b)));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(low)
        || !high.is_none_or(digits)
        || (low.is_empty() && high.is_none_or(str::is_empty))
    {
        return None;
    }
    let low = if low.is_empty() { "0" } else { low };
    let text = match high {
        Some(high) => format!("{{{low},{high}}}"),
        None => format!("{{{low}}}"),
    };
    Some((text, end + 1))
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "re.compile({})", repr::py_repr(&Value::from(self.source.as_str())))
    }
}

impl Object for Pattern {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(match key {
            "pattern" => Value::from(self.source.as_str()),
            "flags" => Value::from(self.flags | 32),
            "groups" => Value::from(self.names.len()),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let string = |value: Option<Value>| -> Result<Arc<str>, Error> {
            let value = required(method, "string", value)?;
            match value.to_str() {
                Some(string) if value.kind() == ValueKind::String => Ok(string),
                _ => Err(error("expected string or bytes-like object")),
            }
        };
        // Python's 0 means no limit.
        let limit = |value: Option<Value>| -> Result<usize, Error> {
            let limit = value.filter(|limit| !limit.is_none());
            let limit = limit.map_or(Ok(0), |limit| integer(method, &limit))?;
            Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX))
        };
        let anchor = match method {
            "match" => Anchor::Start,
            "fullmatch" => Anchor::Whole,
            _ => Anchor::Search,
        };
        match method {
            "match" | "fullmatch" | "search" => {
                let [value] = bind(method, ["string"], args)?;
                self.find(&string(value)?, anchor)
            }
            "findall" => {
                let [value] = bind(method, ["string"], args)?;
                let found = self.all(&string(value)?, usize::MAX)?;
                Ok(List::value(found.iter().map(Match::find_all_item).collect()))
            }
            "finditer" => {
                let [value] = bind(method, ["string"], args)?;
                let found = self.all(&string(value)?, usize::MAX)?;
                Ok(Generator::value(found.into_iter().map(Value::from_object).collect()))
            }
            "split" => {
                let [value, max] = bind(method, ["string", "maxsplit"], args)?;
                self.split(&string(value)?, limit(max)?)
            }
            "sub" | "subn" => {
                let [replacement, value, count] = bind(method, ["repl", "string", "count"], args)?;
                let replacement = required(method, "repl", replacement)?;
                let (text, made) =
                    self.replace(state, &replacement, &string(value)?, limit(count)?)?;
                Ok(if method == "sub" { Value::from(text) } else { Value::from((text, made)) })
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
