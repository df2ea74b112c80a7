//! The words of a SQL statement with their places: as much of its syntax as repairs need. Knows what
//! both engines have in common and judges nothing.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    Number,
    Text,
    /// One character, or `::`.
    Mark,
}

/// A token of a statement.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
    /// How many brackets are open around it; a bracket counts to what is around it.
    pub depth: usize,
}

/// A statement with its tokens.
pub(super) struct Tokens<'a> {
    pub sql: &'a str,
    pub all: Vec<Token>,
}

impl<'a> Tokens<'a> {
    /// Takes a statement apart; comments and white space are left out.
    pub fn of(sql: &'a str) -> Tokens<'a> {
        let bytes = sql.as_bytes();
        let (mut all, mut at, mut depth) = (Vec::new(), 0, 0usize);
        while at < bytes.len() {
            let rest = &sql[at..];
            let first = rest.chars().next().unwrap_or(' ');
            let (kind, length) = match first {
                c if c.is_whitespace() => {
                    at += c.len_utf8();
                    continue;
                }
                '-' if rest.starts_with("--") => {
                    at += rest.find('\n').unwrap_or(rest.len());
                    continue;
                }
                '/' if rest.starts_with("/*") => {
                    at += rest.find("*/").map_or(rest.len(), |end| end + 2);
                    continue;
                }
                '\'' => (Kind::Text, quoted(rest, '\'')),
                '"' => (Kind::Quoted, quoted(rest, '"')),
                '$' if dollar(rest).is_some() => (Kind::Text, dollar(rest).unwrap_or(1)),
                c if c.is_ascii_digit() => {
                    let part = |c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_';
                    (Kind::Number, rest.find(part).unwrap_or(rest.len()))
                }
                c if c.is_alphabetic() || c == '_' => {
                    let part = |c: char| !c.is_alphanumeric() && c != '_' && c != '$';
                    (Kind::Word, rest.find(part).unwrap_or(rest.len()))
                }
                _ if rest.starts_with("::") => (Kind::Mark, 2),
                c => (Kind::Mark, c.len_utf8()),
            };
            if matches!(first, ')' | ']' | '}') {
                depth = depth.saturating_sub(1);
            }
            all.push(Token { kind, span: at..at + length, depth });
            if matches!(first, '(' | '[' | '{') {
                depth += 1;
            }
            at += length;
        }
        Tokens { sql, all }
    }

    /// The token that a byte lies in, or the next one after it.
    pub fn at(&self, offset: usize) -> Option<usize> {
        let at = self.all.partition_point(|token| token.span.end <= offset);
        (at < self.all.len()).then_some(at)
    }

    /// The text of a token.
    pub fn text(&self, at: usize) -> &'a str {
        self.all.get(at).map_or("", |token| &self.sql[token.span.clone()])
    }

    /// Whether a token is this keyword or mark.
    pub fn is(&self, at: usize, word: &str) -> bool {
        self.all.get(at).is_some_and(|token| token.kind != Kind::Quoted)
            && self.text(at).eq_ignore_ascii_case(word)
    }

    /// Whether a token is one of these keywords or marks.
    pub fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    /// Whether a token is a name, in quotes or not.
    pub fn is_name(&self, at: usize) -> bool {
        self.all.get(at).is_some_and(|token| matches!(token.kind, Kind::Word | Kind::Quoted))
    }

    /// The name that a token stands for, without quotes.
    pub fn name(&self, at: usize) -> String {
        let text = self.text(at);
        match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) => inner.replace("\"\"", "\""),
            None => text.to_owned(),
        }
    }

    /// The tokens of the dotted name that the token at `at` is a part of.
    pub fn dotted(&self, at: usize) -> Range<usize> {
        let (mut start, mut end) = (at, at + 1);
        while start >= 2 && self.is(start - 1, ".") && self.is_name(start - 2) {
            start -= 2;
        }
        while self.is(end, ".") && self.is_name(end + 1) {
            end += 2;
        }
        start..end
    }

    /// The token after the bracket that closes the one at `at`.
    pub fn after_bracket(&self, at: usize) -> usize {
        let depth = self.all[at].depth;
        let closes = |token: &Token| token.depth == depth;
        at + 1 + self.all[at + 1..].iter().position(closes).map_or(self.all.len(), |n| n + 1)
    }

    /// The bytes of a range of tokens.
    pub fn span(&self, tokens: Range<usize>) -> Range<usize> {
        let last = tokens.end.min(self.all.len()).max(tokens.start + 1) - 1;
        self.all[tokens.start].span.start..self.all[last].span.end
    }
}

/// The length of a quoted text: a doubled quote does not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            continue;
        }
        match chars.peek() {
            Some((_, next)) if *next == quote => {
                chars.next();
            }
            _ => return at + 1,
        }
    }
    text.len()
}

/// The length of a text in dollar quotes: `$$…$$`, `$tag$…$tag$`.
fn dollar(text: &str) -> Option<usize> {
    let end = text[1..].find('$')? + 2;
    let tag = &text[..end];
    let is_tag = tag[1..end - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
    let close = text[end..].find(tag)?;
    is_tag.then_some(end + close + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_falls_into_its_words() {
        let sql = "select a.\"B c\", 'it''s' -- x\n, f(1.5)::int /* y */ from t where $$'$$ = ''";
        let tokens = Tokens::of(sql);
        let texts: Vec<&str> = (0..tokens.all.len()).map(|at| tokens.text(at)).collect();
        assert_eq!(
            texts,
            [
                "select", "a", ".", "\"B c\"", ",", "'it''s'", ",", "f", "(", "1.5", ")", "::",
                "int", "from", "t", "where", "$$'$$", "=", "''"
            ]
        );
        assert_eq!(tokens.dotted(1), 1..4);
        assert_eq!(tokens.after_bracket(8), 11);
    }
}
