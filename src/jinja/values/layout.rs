//! Jinja2's filters that lay texts out in lines and columns: wordwrap, indent, center, truncate.

use std::sync::LazyLock;

use fancy_regex::Regex;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, State, Value};

use super::args::{bind, error, flag, integer, iterate, opt_integer, required};
use super::func::filter;
use super::{repr, split, strings};

/// Adds the filters.
pub(super) fn install(env: &mut Environment<'static>) {
    filter(env, "center", center);
    filter(env, "indent", indent);
    filter(env, "truncate", shorten);
    filter(env, "wordwrap", word_wrap);
}

fn center(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, width] = bind("center", ["value", "width"], args)?;
    let width = opt_integer("center", &width)?.unwrap_or(80);
    let value = repr::py_str(&required("center", "value", value)?);
    Ok(Value::from(strings::pad(&value, "center", width, ' ')))
}

fn indent(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, width, first, blank] = bind("indent", ["s", "width", "first", "blank"], args)?;
    let value = repr::py_str(&required("indent", "s", value)?);
    let margin = match &width {
        Some(width) if width.kind() == ValueKind::String => repr::py_str(width),
        Some(width) => {
            " ".repeat(usize::try_from(integer("indent", width)?.min(10_000)).unwrap_or(0))
        }
        None => "    ".to_owned(),
    };
    let lines = iterate(&split::lines(&(value + "\n"), false))?;
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        let line = line.as_str().unwrap_or_default();
        if index > 0 {
            out.push('\n');
        }
        let indented = if index == 0 { flag(&first) } else { flag(&blank) || !line.is_empty() };
        if indented {
            out.push_str(&margin);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

fn shorten(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["s", "length", "killwords", "end", "leeway"];
    let [value, length, kill, end, leeway] = bind("truncate", names, args)?;
    let value = repr::py_str(&required("truncate", "s", value)?);
    let number = |value: &Option<Value>, otherwise: usize| -> Result<usize, Error> {
        let number = opt_integer("truncate", value)?;
        Ok(number.and_then(|number| usize::try_from(number).ok()).unwrap_or(otherwise))
    };
    let (length, leeway) = (number(&length, 255)?, number(&leeway, 5)?);
    let end = end.as_ref().map_or_else(|| "...".to_owned(), repr::py_str);
    let room = length.checked_sub(end.chars().count()).ok_or_else(|| {
        error(format!("expected length >= {}, got {length}", end.chars().count()))
    })?;
    let chars: Vec<char> = value.chars().collect();
    if chars.len() <= length + leeway {
        return Ok(Value::from(value));
    }
    let cut: String = chars[..room].iter().collect();
    let cut = match cut.rsplit_once(' ') {
        Some((words, _)) if !flag(&kill) => words.to_owned(),
        _ => cut,
    };
    Ok(Value::from(cut + &end))
}

/// `text | wordwrap(width)`: each line broken at blanks, and after hyphens.
fn word_wrap(_: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let names = ["s", "width", "break_long_words", "wrapstring", "break_on_hyphens"];
    let [value, width, long, between, hyphens] = bind("wordwrap", names, args)?;
    let value = repr::py_str(&required("wordwrap", "s", value)?);
    let width = opt_integer("wordwrap", &width)?.unwrap_or(79);
    let wrap = Wrap {
        width: usize::try_from(width)
            .ok()
            .filter(|width| *width > 0)
            .ok_or_else(|| error(format!("invalid width {width} (must be > 0)")))?,
        long_words: long.is_none() || flag(&long),
        hyphens: hyphens.is_none() || flag(&hyphens),
    };
    let between = between.filter(|between| !between.is_none());
    let between = between.as_ref().map_or_else(|| "\n".to_owned(), repr::py_str);
    let lines = iterate(&split::lines(&value, false))?;
    let lines: Vec<String> = lines
        .iter()
        .map(|line| wrap.lines(line.as_str().unwrap_or_default()).join(&between))
        .collect();
    Ok(lines.join(&between).into())
}

/// How Python's `textwrap` breaks a line.
struct Wrap {
    width: usize,
    /// Whether words that are longer than a line are cut.
    long_words: bool,
    /// Whether a line may end after a hyphen.
    hyphens: bool,
}

impl Wrap {
    fn lines(&self, text: &str) -> Vec<String> {
        let is_blank = |chunk: &[char]| chunk.iter().all(|c| c.is_whitespace());
        // The next chunk is the last of them.
        let mut chunks: Vec<Vec<char>> =
            self.chunks(text).into_iter().rev().map(|chunk| chunk.chars().collect()).collect();
        let mut lines: Vec<String> = Vec::new();
        while !chunks.is_empty() {
            let mut line: Vec<Vec<char>> = Vec::new();
            let mut length = 0;
            if !lines.is_empty() && chunks.last().is_some_and(|chunk| is_blank(chunk)) {
                chunks.pop();
            }
            while let Some(chunk) = chunks.pop_if(|chunk| length + chunk.len() <= self.width) {
                length += chunk.len();
                line.push(chunk);
            }
            if let Some(chunk) = chunks.pop_if(|chunk| chunk.len() > self.width) {
                if self.long_words {
                    let mut head = chunk;
                    let rest = head.split_off(self.cut(&head, self.width - length));
                    line.push(head);
                    chunks.push(rest);
                } else if line.is_empty() {
                    line.push(chunk);
                } else {
                    chunks.push(chunk);
                }
            }
            line.pop_if(|chunk| is_blank(chunk));
            if !line.is_empty() {
                lines.push(line.concat().into_iter().collect());
            }
        }
        lines
    }

    /// Where a word that is too long is cut: after a hyphen, if it has one.
    fn cut(&self, word: &[char], room: usize) -> usize {
        let hyphen = word[..room.min(word.len())].iter().rposition(|c| *c == '-');
        match hyphen {
            Some(at) if self.hyphens && word[..at].iter().any(|c| *c != '-') => at + 1,
            _ => room,
        }
    }

    /// Words, the blanks between them, and where hyphens count the parts of words.
    fn chunks<'t>(&self, text: &'t str) -> Vec<&'t str> {
        static PARTS: LazyLock<Regex> = LazyLock::new(|| {
            let letter = r"[^\d\W]";
            let mark = r#"[\w!"'&.,?]"#;
            let pattern = format!(
                r"[\t\n\x0b\x0c\r ]+|(?<={mark})-{{2,}}(?=\w)|[^\t\n\x0b\x0c\r ]+?(?:-(?:(?<={letter}{letter}-)|(?<={letter}-{mark}-))(?={letter}-?{letter})|(?=[\t\n\x0b\x0c\r ]|\z)|(?<={mark})(?=-{{2,}}\w))"
            );
            Regex::new(&pattern).expect("a constant pattern")
        });
        static WORDS: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"[\t\n\x0b\x0c\r ]+|[^\t\n\x0b\x0c\r ]+").expect("a constant pattern")
        });
        let pattern = if self.hyphens { &PARTS } else { &WORDS };
        let (mut chunks, mut end) = (Vec::new(), 0);
        for found in pattern.find_iter(text).flatten() {
            chunks.push(&text[end..found.start()]);
            chunks.push(found.as_str());
            end = found.end();
        }
        chunks.push(&text[end..]);
        chunks.retain(|chunk| !chunk.is_empty());
        chunks
    }
}
