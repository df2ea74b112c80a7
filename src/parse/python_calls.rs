//! What a Python model says to dbt: the calls of `dbt.ref`, `dbt.source` and `dbt.config` in its
//! text, with their literal arguments, and the shape of its `model` function.
//!
//! Reads tokens only. It is no Python parser and never runs Python: text that Python itself would
//! refuse is noticed when the model runs, unless a bracket or a string is left open.

use std::ops::Range;

use serde_json::{Map, Value};

/// A call of one of dbt's functions.
#[derive(Debug, PartialEq)]
pub struct Call {
    /// `ref`, `source`, `config`, `get` or `meta_get`
    pub function: &'static str,
    pub arguments: Vec<Value>,
    pub named: Map<String, Value>,
    pub span: Range<usize>,
}

/// What is wrong with a text, and where.
#[derive(Debug, PartialEq)]
pub struct Wrong {
    pub message: String,
    pub span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Name,
    Number,
    Text(String),
    /// An f-string: the tokens of its expressions.
    Format(Vec<Token>),
    /// One character of an operator or a bracket.
    Sign(u8),
}

#[derive(Debug, Clone, PartialEq)]
struct Token {
    kind: Kind,
    span: Range<usize>,
    /// Of the first token of a statement: how far it is indented.
    indent: Option<usize>,
}

/// The calls in a text, in order, once the text is what dbt takes for a model.
///
/// # Errors
/// An open bracket or string, not exactly one `model(dbt, session)` that returns one thing, an
/// argument that is no literal.
pub fn calls(text: &str) -> Result<Vec<Call>, Wrong> {
    let tokens = Lexer { text, at: 0 }.tokens()?;
    if tokens.is_empty() {
        return Ok(Vec::new());
    }
    check_model(text, &tokens)?;
    let mut found = Vec::new();
    find_calls(text, &tokens, &mut found)?;
    Ok(found)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn tokens(&mut self) -> Result<Vec<Token>, Wrong> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut open: Vec<(u8, usize)> = Vec::new();
        let mut line = 0;
        let mut fresh = true;
        while let Some(&byte) = self.text.as_bytes().get(self.at) {
            let start = self.at;
            match byte {
                b'\n' => {
                    self.at += 1;
                    line = self.at;
                    fresh |= open.is_empty();
                    continue;
                }
                b'\\' if self.rest(1).starts_with('\n') || self.rest(1).starts_with("\r\n") => {
                    self.at += 1 + self.rest(1).find('\n').unwrap_or(0) + 1;
                    continue;
                }
                b' ' | b'\t' | b'\r' | b'\x0c' => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.at += self.rest(0).find('\n').unwrap_or(self.rest(0).len());
                    continue;
                }
                _ => {}
            }
            let kind = match byte {
                b'"' | b'\'' => self.string("")?,
                b'0'..=b'9' => self.number(),
                b'.' if self.rest(1).starts_with(|c: char| c.is_ascii_digit()) => self.number(),
                b if b == b'_' || b.is_ascii_alphabetic() || b >= 0x80 => {
                    let text = self.text;
                    let rest = &text[self.at..];
                    let end = rest.find(|c: char| c != '_' && !c.is_alphanumeric());
                    let end = end
                        .unwrap_or(rest.len())
                        .max(rest.chars().next().map_or(1, char::len_utf8));
                    let word = &rest[..end];
                    self.at += end;
                    let prefix = end <= 2 && word.chars().all(|c| "rRbBuUfFtT".contains(c));
                    match self.rest(0).starts_with(['"', '\'']) && prefix {
                        true => self.string(&word.to_ascii_lowercase())?,
                        false => Kind::Name,
                    }
                }
                sign => {
                    self.at += 1;
                    match sign {
                        b'(' | b'[' | b'{' => open.push((sign, start)),
                        b')' | b']' | b'}' => {
                            let pair = match open.pop() {
                                Some((b'(', _)) => b')',
                                Some((b'[', _)) => b']',
                                Some(_) => b'}',
                                None => 0,
                            };
                            if pair != sign {
                                return Err(wrong(
                                    format!("'{}' closes nothing", char::from(sign)),
                                    start,
                                ));
                            }
                        }
                        _ => {}
                    }
                    Kind::Sign(sign)
                }
            };
            let indent = fresh.then(|| start - line);
            fresh = false;
            tokens.push(Token { kind, span: start..self.at, indent });
        }
        match open.pop() {
            Some((sign, at)) => Err(wrong(format!("'{}' was never closed", char::from(sign)), at)),
            None => Ok(tokens),
        }
    }

    fn rest(&self, skip: usize) -> &str {
        self.text.get(self.at + skip..).unwrap_or_default()
    }

    fn number(&mut self) -> Kind {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            let exponent = matches!(byte, b'+' | b'-') && matches!(bytes[self.at - 1], b'e' | b'E');
            if !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || exponent) {
                break;
            }
            self.at += 1;
        }
        Kind::Number
    }

    /// A string from its first quote on; `prefix` is what stood before it, in lower case.
    fn string(&mut self, prefix: &str) -> Result<Kind, Wrong> {
        let start = self.at;
        let quote = &self.rest(0)[..1];
        let long = self.rest(0).starts_with(&quote.repeat(3));
        let close = if long { quote.repeat(3) } else { quote.to_owned() };
        self.at += close.len();
        let (raw, format) = (prefix.contains('r'), prefix.contains(['f', 't']));
        let (mut value, mut inner) = (String::new(), Vec::new());
        loop {
            if self.rest(0).starts_with(&close) {
                self.at += close.len();
                break;
            }
            let Some(c) = self.rest(0).chars().next().filter(|c| long || *c != '\n') else {
                return Err(wrong("unterminated string literal".to_owned(), start));
            };
            self.at += c.len_utf8();
            match c {
                '\\' => self.escape(raw, &mut value),
                '{' if format && self.rest(0).starts_with('{') => self.at += 1,
                '{' if format => inner.append(&mut self.expression(start)?),
                c => value.push(c),
            }
        }
        Ok(match (format, prefix.contains('b')) {
            (true, _) => Kind::Format(inner),
            // Bytes are no value of a configuration.
            (false, true) => Kind::Number,
            (false, false) => Kind::Text(value),
        })
    }

    /// What follows a backslash.
    fn escape(&mut self, raw: bool, value: &mut String) {
        let Some(c) = self.rest(0).chars().next() else { return };
        self.at += c.len_utf8();
        if raw {
            value.push('\\');
            value.push(c);
            return;
        }
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        if digits > 0 {
            let code = self.rest(0).get(..digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if let Some(c) = code.and_then(char::from_u32) {
                self.at += digits;
                value.push(c);
                return;
            }
        }
        match c {
            '\n' => {}
            'n' => value.push('\n'),
            't' => value.push('\t'),
            'r' => value.push('\r'),
            '0' => value.push('\0'),
            '\\' | '\'' | '"' => value.push(c),
            other => {
                value.push('\\');
                value.push(other);
            }
        }
    }

    /// An expression of an f-string, from behind its brace on.
    fn expression(&mut self, start: usize) -> Result<Vec<Token>, Wrong> {
        let (begin, mut depth) = (self.at, 1_usize);
        while depth > 0 {
            match self.rest(0).bytes().next() {
                None => return Err(wrong("unterminated string literal".to_owned(), start)),
                Some(b'"' | b'\'') => drop(self.string("")?),
                Some(byte) => {
                    match byte {
                        b'{' | b'(' | b'[' => depth += 1,
                        b'}' | b')' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                }
            }
        }
        let mut within = Lexer { text: &self.text[..self.at - 1], at: begin };
        within.tokens()
    }
}

fn wrong(message: String, at: usize) -> Wrong {
    Wrong { message, span: at..at + 1 }
}

fn is_sign(token: Option<&Token>, sign: u8) -> bool {
    token.is_some_and(|token| token.kind == Kind::Sign(sign))
}

fn word<'a>(text: &'a str, token: Option<&Token>) -> Option<&'a str> {
    let token = token.filter(|token| token.kind == Kind::Name)?;
    Some(&text[token.span.clone()])
}

/// The place of the bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Sign(b'(' | b'[' | b'{') => depth += 1,
            Kind::Sign(b')' | b']' | b'}') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

/// What stands between commas, brackets within left whole.
fn parts(tokens: &[Token]) -> Vec<&[Token]> {
    let (mut all, mut from, mut at) = (Vec::new(), 0, 0);
    while at < tokens.len() {
        match tokens[at].kind {
            Kind::Sign(b'(' | b'[' | b'{') => at = closing(tokens, at),
            Kind::Sign(b',') => {
                all.push(&tokens[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if from < tokens.len() {
        all.push(&tokens[from..]);
    }
    all
}

/// dbt's rules for `def model(dbt, session)`.
fn check_model(text: &str, tokens: &[Token]) -> Result<(), Wrong> {
    let is_model = |at: &usize| {
        word(text, tokens.get(*at)) == Some("def")
            && word(text, tokens.get(at + 1)) == Some("model")
    };
    let found: Vec<usize> = (0..tokens.len()).filter(is_model).collect();
    let [def] = found[..] else {
        let message =
            format!("dbt allows exactly one model defined per python file, found {}", found.len());
        let at = found.get(1).map_or(0, |at| tokens[*at].span.start);
        return Err(wrong(message, at));
    };
    let end = closing(tokens, def + 2);
    let parameters = parts(tokens.get(def + 3..end).unwrap_or_default());
    let span = tokens[def].span.start..tokens.get(end).map_or(text.len(), |t| t.span.end);
    let fail = |message: &str| Err(Wrong { message: message.to_owned(), span: span.clone() });
    let first = parameters.first().and_then(|first| word(text, first.first()));
    if first.is_some_and(|name| name != "dbt") {
        return fail("'dbt' not provided for model as the first argument");
    }
    if parameters.len() != 2 {
        return fail(
            "model function should have two args, `dbt` and a session to current warehouse",
        );
    }
    // The first token of a line is indented by so much; a body on the same line has none.
    let start = (0..=def).rev().find_map(|at| tokens[at].indent).unwrap_or(0);
    let body = &tokens[end.min(tokens.len())..];
    let Some(inner) = body.iter().find_map(|token| token.indent).filter(|i| *i > start) else {
        return Ok(());
    };
    let length = body.iter().position(|t| t.indent.is_some_and(|i| i <= start));
    let body = &body[..length.unwrap_or(body.len())];
    let last = body.iter().rposition(|t| t.indent.is_some_and(|i| i <= inner)).unwrap_or(0);
    let (last, returned) = (body.get(last), body.get(last + 1..).unwrap_or_default());
    let is_return = word(text, last) == Some("return");
    if !is_return || parts(returned).len() > 1 {
        return fail("In current version, model function should return only one dataframe object");
    }
    Ok(())
}

fn find_calls(text: &str, tokens: &[Token], found: &mut Vec<Call>) -> Result<(), Wrong> {
    for at in 0..tokens.len() {
        if let Kind::Format(inner) = &tokens[at].kind {
            find_calls(text, inner, found)?;
        }
        let is_attribute = at > 0 && is_sign(tokens.get(at - 1), b'.');
        if is_attribute || word(text, tokens.get(at)) != Some("dbt") {
            continue;
        }
        let dotted = |at: usize| {
            is_sign(tokens.get(at), b'.').then(|| word(text, tokens.get(at + 1))).flatten()
        };
        let (function, open) = match (dotted(at + 1), dotted(at + 3)) {
            (Some("ref"), _) => ("ref", at + 3),
            (Some("source"), _) => ("source", at + 3),
            (Some("config"), Some("get")) => ("get", at + 5),
            (Some("config"), Some("meta_get")) => ("meta_get", at + 5),
            (Some("config"), None) => ("config", at + 3),
            _ => continue,
        };
        if !is_sign(tokens.get(open), b'(') {
            continue;
        }
        let end = closing(tokens, open);
        let close = tokens.get(end).map_or(text.len(), |token| token.span.end);
        let span = tokens[at].span.start..close;
        let mut call = Call { function, arguments: Vec::new(), named: Map::new(), span };
        for part in parts(&tokens[open + 1..end]) {
            let name = word(text, part.first()).filter(|_| is_assignment(part));
            let value = literal(text, if name.is_some() { &part[2..] } else { part });
            let Some(value) = value else {
                let ends = part.first().zip(part.last());
                let span = ends.map_or(call.span, |(a, b)| a.span.start..b.span.end);
                let message = "arguments of dbt.ref(), dbt.source(), dbt.config() and \
                               dbt.config.get() have to be literals";
                return Err(Wrong { message: message.to_owned(), span });
            };
            match name {
                Some(name) => drop(call.named.insert(name.to_owned(), value)),
                None => call.arguments.push(value),
            }
        }
        found.push(call);
    }
    Ok(())
}

/// `name = …`, not `name == …`
fn is_assignment(part: &[Token]) -> bool {
    is_sign(part.get(1), b'=') && !is_sign(part.get(2), b'=')
}

/// The value of a literal, as `ast.literal_eval` takes it.
fn literal(text: &str, tokens: &[Token]) -> Option<Value> {
    let first = tokens.first()?;
    match &first.kind {
        Kind::Text(_) => {
            let mut value = String::new();
            for token in tokens {
                let Kind::Text(part) = &token.kind else { return None };
                value.push_str(part);
            }
            Some(value.into())
        }
        Kind::Name if tokens.len() == 1 => match &text[first.span.clone()] {
            "True" => Some(true.into()),
            "False" => Some(false.into()),
            "None" => Some(Value::Null),
            _ => None,
        },
        Kind::Number if tokens.len() == 1 => number(&text[first.span.clone()]),
        Kind::Sign(b'-') => match literal(text, &tokens[1..])? {
            Value::Number(n) if n.is_f64() => Some((-n.as_f64()?).into()),
            Value::Number(n) => Some(n.as_i64()?.checked_neg()?.into()),
            _ => None,
        },
        Kind::Sign(b'+') => literal(text, &tokens[1..]).filter(Value::is_number),
        Kind::Sign(open @ (b'(' | b'[' | b'{')) if closing(tokens, 0) == tokens.len() - 1 => {
            let inner = &tokens[1..tokens.len() - 1];
            let all = parts(inner);
            let tuple = is_sign(inner.last(), b',') || all.len() != 1;
            match open {
                b'(' if !tuple => literal(text, inner),
                b'{' if all.is_empty() => Some(Map::new().into()),
                b'{' if all.iter().all(|part| colon(part).is_some()) => {
                    let pair = |part: &&[Token]| {
                        let at = colon(part)?;
                        let key = match literal(text, &part[..at])? {
                            Value::String(key) => key,
                            other => other.to_string(),
                        };
                        Some((key, literal(text, &part[at + 1..])?))
                    };
                    Some(Value::Object(all.iter().map(pair).collect::<Option<_>>()?))
                }
                _ => Some(Value::Array(
                    all.into_iter().map(|part| literal(text, part)).collect::<Option<_>>()?,
                )),
            }
        }
        _ => None,
    }
}

/// The place of the colon between a key and its value.
fn colon(part: &[Token]) -> Option<usize> {
    let mut at = 0;
    while at < part.len() {
        match part[at].kind {
            Kind::Sign(b':') => return Some(at),
            Kind::Sign(b'(' | b'[' | b'{') => at = closing(part, at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn number(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let radix = |prefix: [&str; 2], radix| {
        let digits = prefix.iter().find_map(|prefix| text.strip_prefix(prefix))?;
        i64::from_str_radix(digits, radix).ok()
    };
    let whole = text.parse::<i64>().ok();
    let whole = whole.or_else(|| radix(["0x", "0X"], 16)).or_else(|| radix(["0o", "0O"], 8));
    match whole.or_else(|| radix(["0b", "0B"], 2)) {
        Some(whole) => Some(whole.into()),
        None => {
            text.parse::<f64>().ok().and_then(|n| Some(serde_json::Number::from_f64(n)?.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn calls_are_found_with_their_literals() {
        let text = r#"
import pandas as pd  # dbt.ref("in_a_comment")

def helper(x):
    "dbt.ref('in a string')"
    return x, x

def model(dbt, session):
    dbt.config(materialized = 'incremental', tags=["a", 'b' "c"], meta={'x': [1, -2.5, None]},)
    first = dbt.ref("one").filter("a == 1")
    if dbt.config.get('limit', 0x10) == 1:
        session.sql(f"select * from {dbt.ref('two', v=2)} where x = '{{y}}'")
    self.dbt.ref(name)
    return first.join(
        dbt.source("raw", """table"""), 'id'
    )
"#;
        let found = calls(text).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|call| (call.function, json!(call.arguments), json!(call.named)))
            .collect();
        let named = json!({"materialized": "incremental", "tags": ["a", "bc"], "meta": {"x": [1, -2.5, null]}});
        assert_eq!(
            shown,
            [
                ("config", json!([]), named),
                ("ref", json!(["one"]), json!({})),
                ("get", json!(["limit", 16]), json!({})),
                ("ref", json!(["two"]), json!({"v": 2})),
                ("source", json!(["raw", "table"]), json!({})),
            ]
        );
        assert!(calls("# nothing yet\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_model_is_refused() {
        let message = |text| calls(text).unwrap_err().message;
        assert!(message("def other(dbt, session):\n  return 1").contains("found 0"));
        assert!(message("def model(session, dbt):\n  return 1").contains("first argument"));
        assert!(message("def model(dbt):\n  return 1").contains("two args"));
        assert!(message("def model(dbt, session):\n  return 1, 2").contains("only one dataframe"));
        assert!(message("def model(dbt, session):\n  x = 1").contains("only one dataframe"));
        assert!(message("def model(dbt, s):\n  return dbt.ref(name)").contains("literals"));
        assert!(message("def model(dbt, s:\n  return 1").contains("never closed"));
        assert!(message("x = 'abc\n").contains("unterminated"));
    }
}
