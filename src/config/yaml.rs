//! YAML files as a tree that remembers where each key and value stands.
//!
//! dbt reads YAML with PyYAML, which resolves plain scalars by YAML 1.1 (`yes` is true, `1e3` is
//! text, `010` is eight); serde front ends resolve by 1.2 and drop the positions of keys. So the
//! scanner is `saphyr-parser` and the composition is here: anchors, merge keys, duplicate keys.

use std::ops::Range;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};
use serde_json::{Map, Number, Value};

use super::flow::on_one_line;
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};

/// A value and the bytes that it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct Yaml {
    pub span: Range<usize>,
    pub kind: YamlKind,
}

/// What a YAML value is.
#[derive(Debug, Clone, PartialEq)]
pub enum YamlKind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Yaml>),
    /// In the order of the file; of duplicate keys the last one, as PyYAML has it.
    Map(Vec<(Key, Yaml)>),
}

/// The key of a map entry. Keys that are not text are given as text.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub span: Range<usize>,
    pub text: String,
}

impl Yaml {
    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Key, Yaml)] {
        match &self.kind {
            YamlKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Yaml] {
        match &self.kind {
            YamlKind::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a map's key.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.entries().iter().find(|(k, _)| k.text == key).map(|(_, v)| v)
    }

    /// The text of a text value.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            YamlKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is null or an empty document.
    pub fn is_null(&self) -> bool {
        self.kind == YamlKind::Null
    }

    /// What kind of value it is, for messages.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            YamlKind::Null => "nothing",
            YamlKind::Bool(_) => "a boolean",
            YamlKind::Number(_) => "a number",
            YamlKind::Text(_) => "text",
            YamlKind::List(_) => "a list",
            YamlKind::Map(_) => "a map",
        }
    }

    /// The value without positions.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            YamlKind::Null => Value::Null,
            YamlKind::Bool(b) => Value::Bool(*b),
            YamlKind::Number(n) => Value::Number(n.clone()),
            YamlKind::Text(s) => Value::String(s.clone()),
            YamlKind::List(items) => items.iter().map(Yaml::to_json).collect(),
            YamlKind::Map(entries) => Value::Object(
                entries.iter().map(|(k, v)| (k.text.clone(), v.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }
}

/// A parsed file: its tree, and what is doubtful about it.
#[derive(Debug)]
pub struct Document {
    pub root: Yaml,
    pub warnings: Vec<Diagnostic>,
}

/// Parses the first document of a file.
///
/// # Errors
/// `BAD_YAML` with the place where the scanner stopped.
pub fn parse(file: &Arc<SourceFile>) -> Result<Document> {
    compose(file, &file.text).or_else(|error| match on_one_line(&file.text) {
        Some(text) => compose(file, &text).map_err(|_| error),
        None => Err(error),
    })
}

fn compose(file: &Arc<SourceFile>, text: &str) -> Result<Document> {
    let mut composer = Composer {
        file,
        ascii: file.text.is_ascii(),
        cursor: (0, 0),
        anchors: Vec::new(),
        warnings: Vec::new(),
    };
    let mut parser = Parser::new_from_str(text);
    let mut root = None;
    loop {
        let (event, span) = composer.next(&mut parser)?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => break,
            first => root = Some(composer.compose(&mut parser, first, span)?),
        }
    }
    let root = root.unwrap_or(Yaml { span: 0..0, kind: YamlKind::Null });
    Ok(Document { root, warnings: composer.warnings })
}

struct Composer<'a> {
    file: &'a Arc<SourceFile>,
    ascii: bool,
    /// The last converted position: (characters, bytes).
    cursor: (usize, usize),
    /// Finished anchored values, by the scanner's number.
    anchors: Vec<Option<Yaml>>,
    warnings: Vec<Diagnostic>,
}

type Source<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

impl<'a> Composer<'a> {
    fn next(&mut self, parser: &mut Source<'a>) -> Result<(Event<'a>, Range<usize>)> {
        match parser.next_event() {
            Some(Ok((event, span))) => {
                let start = self.byte(span.start);
                Ok((event, start..self.byte(span.end).max(start)))
            }
            Some(Err(error)) => Err(self.syntax_error(*error.marker(), error.info())),
            None => Ok((Event::StreamEnd, 0..0)),
        }
    }

    /// The scanner counts characters; files are read by bytes.
    fn byte(&mut self, marker: Marker) -> usize {
        if self.ascii {
            return marker.index().min(self.file.text.len());
        }
        if marker.index() < self.cursor.0 {
            self.cursor = (0, 0);
        }
        let rest = &self.file.text[self.cursor.1..];
        let steps = marker.index() - self.cursor.0;
        let bytes = rest.char_indices().nth(steps).map_or(rest.len(), |(at, _)| at);
        self.cursor = (marker.index(), self.cursor.1 + bytes);
        self.cursor.1
    }

    fn syntax_error(&mut self, marker: Marker, info: &str) -> Box<Diagnostic> {
        let at = self.byte(marker);
        let location = Location::new(self.file.clone(), at..at + 1);
        let mut error =
            Diagnostic::error(Code::BAD_YAML, format!("This YAML does not parse: {info}"));
        let (line, _) = location.line_column();
        let text = self.file.text.lines().nth(line - 1).unwrap_or_default();
        error = if text.starts_with('\t') || text.trim_start_matches(' ').starts_with('\t') {
            error.help("YAML is indented with spaces; replace the tab.")
        } else if info.contains("quoted scalar") {
            error.help("Close the quote, and indent the further lines of a quoted text.")
        } else if text.contains(": {{") || text.contains(": {%") {
            error.help("Put quotes around a value that starts with Jinja: key: \"{{ … }}\"")
        } else if text.matches(": ").count() > 1 {
            error.help("Put quotes around a value that contains a colon followed by a space.")
        } else {
            error.help("Check the indentation and the quotes on this line and the one above it.")
        };
        Box::new(error.at(location))
    }

    fn compose(
        &mut self,
        parser: &mut Source<'a>,
        event: Event<'a>,
        span: Range<usize>,
    ) -> Result<Yaml> {
        let (anchor, value) = match event {
            Event::Alias(number) => {
                let value = self.anchors.get(number).cloned().flatten();
                let kind = value.map_or(YamlKind::Null, |v| v.kind);
                return Ok(Yaml { span, kind });
            }
            Event::Scalar(text, style, anchor, tag) => {
                let as_text = tag.is_some_and(|t| t.suffix == "str");
                let kind = if style == ScalarStyle::Plain && !as_text {
                    resolve_plain(&text)
                } else {
                    let mut text = text.into_owned();
                    // dbt parses a file without the white space around it.
                    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                    if is_block && self.ends_the_file(span.end) {
                        text.truncate(text.trim_end().len());
                    }
                    YamlKind::Text(text)
                };
                (anchor, Yaml { span, kind })
            }
            Event::SequenceStart(anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    match self.next(parser)? {
                        (Event::SequenceEnd, end) => break end,
                        (event, at) => items.push(self.compose(parser, event, at)?),
                    }
                };
                (anchor, Yaml { span: span.start..end.end, kind: YamlKind::List(items) })
            }
            Event::MappingStart(anchor, _) => {
                let (entries, end) = self.map(parser)?;
                (anchor, Yaml { span: span.start..end, kind: YamlKind::Map(entries) })
            }
            _ => (0, Yaml { span, kind: YamlKind::Null }),
        };
        if anchor > 0 {
            if self.anchors.len() <= anchor {
                self.anchors.resize(anchor + 1, None);
            }
            self.anchors[anchor] = Some(value.clone());
        }
        Ok(value)
    }

    /// Whether nothing comes after an offset.
    fn ends_the_file(&self, offset: usize) -> bool {
        self.file.text.get(offset..).is_none_or(|rest| rest.trim().is_empty())
    }

    fn map(&mut self, parser: &mut Source<'a>) -> Result<(Vec<(Key, Yaml)>, usize)> {
        let mut entries: Vec<(Key, Yaml)> = Vec::new();
        let mut merged: Vec<(Key, Yaml)> = Vec::new();
        let end = loop {
            let (event, at) = match self.next(parser)? {
                (Event::MappingEnd, end) => break end.end,
                other => other,
            };
            let key = match self.compose(parser, event, at)? {
                Yaml { span, kind: YamlKind::Text(text) } => Key { span, text },
                other => {
                    let text = match other.to_json() {
                        Value::String(text) => text,
                        json => json.to_string(),
                    };
                    Key { span: other.span, text }
                }
            };
            let (event, at) = self.next(parser)?;
            let value = self.compose(parser, event, at)?;
            if key.text == "<<" {
                match value.kind {
                    YamlKind::Map(inner) => merged.extend(inner),
                    YamlKind::List(many) => {
                        for map in many {
                            merged.extend(map.entries().iter().cloned());
                        }
                    }
                    _ => {}
                }
            } else if let Some(earlier) = entries.iter_mut().find(|(k, _)| k.text == key.text) {
                self.warnings.push(twice(self.file, &earlier.0, &key));
                *earlier = (key, value);
            } else {
                entries.push((key, value));
            }
        };
        for (key, value) in merged {
            if !entries.iter().any(|(k, _)| k.text == key.text) {
                entries.push((key, value));
            }
        }
        Ok((entries, end))
    }
}

/// What a scalar without quotes is by PyYAML's rules (YAML 1.1).
pub fn resolve_plain(text: &str) -> YamlKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return YamlKind::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return YamlKind::Bool(true);
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return YamlKind::Bool(false);
        }
        _ => {}
    }
    let starts_like_a_number =
        text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let number = if starts_like_a_number { integer(text).or_else(|| float(text)) } else { None };
    number.map_or_else(|| YamlKind::Text(text.to_owned()), YamlKind::Number)
}

fn integer(text: &str) -> Option<Number> {
    let (negative, digits) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let clean = digits.replace('_', "");
    let value = if let Some(binary) = clean.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()?
    } else if let Some(hex) = clean.strip_prefix("0x") {
        i64::from_str_radix(hex, 16).ok()?
    } else if clean.contains(':') {
        let mut parts = clean.split(':');
        let first = parts.next().filter(|p| p.starts_with(|c: char| ('1'..='9').contains(&c)))?;
        let mut total: i64 = first.parse().ok()?;
        for part in parts {
            let part: i64 = part.parse().ok().filter(|p| (0..60).contains(p))?;
            total = total * 60 + part;
        }
        total
    } else if clean.len() > 1 && clean.starts_with('0') {
        i64::from_str_radix(&clean[1..], 8).ok()?
    } else if digits.starts_with(|c: char| c.is_ascii_digit())
        && clean.bytes().all(|b| b.is_ascii_digit())
    {
        match clean.parse::<i64>() {
            Ok(value) => value,
            Err(_) if !negative => return clean.parse::<u64>().ok().map(Number::from),
            Err(_) => return None,
        }
    } else {
        return None;
    };
    Some(Number::from(if negative { -value } else { value }))
}

fn float(text: &str) -> Option<Number> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let mantissa_ok = mantissa.matches('.').count() == 1
        && mantissa.bytes().any(|b| b.is_ascii_digit())
        && mantissa.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'_'));
    let exponent_ok = exponent.is_none_or(|e| {
        e.starts_with(['+', '-']) && e.len() > 1 && e[1..].bytes().all(|b| b.is_ascii_digit())
    });
    if !mantissa_ok || !exponent_ok {
        return None;
    }
    text.replace('_', "").parse().ok().and_then(Number::from_f64)
}

/// The warning for a key that a map has already.
fn twice(file: &Arc<SourceFile>, first: &Key, key: &Key) -> Diagnostic {
    let at = |key: &Key| Location::new(file.clone(), key.span.clone());
    let (line, column) = at(key).line_column();
    // The words of dbt's YAML reader, which does not get the empty lines that a file begins with.
    let blank = &file.text[..file.text.len() - file.text.trim_start().len()];
    let line = line - blank.matches('\n').count();
    let theirs = format!(
        "Duplicate key '{}' in \"<unicode string>\", line {line}, column {column}",
        key.text
    );
    let shown = file.path.display().to_string();
    let message = format!("The key `{}` stands twice in this map; the last one counts", key.text);
    Diagnostic::warning(Code::BAD_YAML, message)
        .event("DuplicateYAMLKeysDeprecation")
        .at(at(key))
        .related("first here", at(first))
        .note(format!("{theirs} in file `{shown}`"))
        .field("duplicate_description", theirs)
        .field("file", shown)
        .help("Remove one of them.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn json_of(text: &str) -> Value {
        parse(&SourceFile::new("x.yml", text)).expect("parses").root.to_json()
    }

    #[test]
    fn plain_scalars_resolve_as_pyyaml_does() {
        let cases = [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("~", json!(null)),
            ("010", json!(8)),
            ("08", json!("08")),
            ("0x1F", json!(31)),
            ("1_000", json!(1000)),
            ("-3", json!(-3)),
            ("1e3", json!("1e3")),
            ("1.5e+3", json!(1500.0)),
            (".5", json!(0.5)),
            ("1.2.3", json!("1.2.3")),
            ("2017-01-01", json!("2017-01-01")),
            ("1:30", json!(90)),
            ("'1'", json!("1")),
            ("!!str 1", json!("1")),
            ("+", json!("+")),
            ("-", json!([null])),
        ];
        for (text, expected) in cases {
            assert_eq!(json_of(text), expected, "{text}");
        }
    }

    #[test]
    fn anchors_and_merge_keys() {
        let text = "base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n";
        assert_eq!(json_of(text)["more"], json!({"y": 3, "x": 1}));
    }

    #[test]
    fn positions_count_bytes_though_the_scanner_counts_characters() {
        let file = SourceFile::new("x.yml", "é: ü\nname: x\n");
        let root = parse(&file).expect("parses").root;
        let (key, value) = &root.entries()[1];
        assert_eq!(&file.text[key.span.clone()], "name");
        assert_eq!(&file.text[value.span.clone()], "x");
    }

    #[test]
    fn a_block_at_the_end_of_a_file_has_no_line_break() {
        let cases = [
            ("a: |\n  x", "x"),
            ("a: |\n  x\n", "x"),
            ("a: >\n  x\n  y", "x y"),
            ("a: |+\n  x", "x"),
            ("a: |-\n  x", "x"),
            ("a: |\n  x\n\n", "x"),
            ("a: |\n  x\n  ", "x"),
            ("b:\n- a: |\n    x\n", "x"),
            ("a: |\n  x\nc: 1\n", "x\n"),
            ("a: |\n  x\n# comment\n", "x\n"),
        ];
        for (text, expected) in cases {
            let found = json_of(text);
            let value = found.get("a").unwrap_or_else(|| &found["b"][0]["a"]);
            assert_eq!(value, expected, "{text:?}");
        }
    }

    #[test]
    fn duplicate_keys_warn_and_the_last_counts() {
        let document = parse(&SourceFile::new("x.yml", "\na: 1\na: 2\n")).expect("parses");
        assert_eq!(document.root.to_json(), json!({"a": 2}));
        let [warning] = &document.warnings[..] else { panic!("{:?}", document.warnings) };
        let theirs = "Duplicate key 'a' in \"<unicode string>\", line 2, column 1 in file `x.yml`";
        assert_eq!(warning.notes, [theirs]);
    }
}
