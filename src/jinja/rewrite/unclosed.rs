//! Finds the tag that a text ends without closing, for the message of that error.

use std::ops::Range;

use minijinja::machinery::{Span, Token, tokenize};

use super::syntax;

/// The innermost block tag that is open at the end of a text, from `{%` to `%}`; or the tag or
/// expression that the text ends in.
pub fn unclosed_tag(text: &str) -> Option<Range<usize>> {
    let mut open: Vec<(&str, Range<usize>)> = Vec::new();
    let mut tag: Vec<(Token, Span)> = Vec::new();
    let mut inside = None;
    for token in tokenize(text, false, syntax()) {
        let (token, span) = token.ok()?;
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        match token {
            Token::BlockStart | Token::VariableStart => {
                inside = Some(start..end);
                tag.clear();
            }
            Token::VariableEnd => inside = None,
            Token::BlockEnd => {
                let Some(began) = inside.take() else { continue };
                let Some((Token::Ident(word), _)) = tag.first() else { continue };
                if let Some(closed) = word.strip_prefix("end") {
                    let at = open.iter().rposition(|(word, _)| *word == closed)?;
                    open.truncate(at);
                } else if opens(word, &tag) {
                    open.push((word, began.start..end));
                }
            }
            token => tag.push((token, span)),
        }
    }
    inside.or_else(|| open.pop().map(|(_, range)| range))
}

fn opens(word: &str, tag: &[(Token, Span)]) -> bool {
    match word {
        "if" | "for" | "filter" | "call" | "macro" | "with" | "block" | "autoescape" => true,
        "set" => !tag.iter().any(|(token, _)| matches!(token, Token::Assign)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_open_block() {
        let cases = [
            ("{% if a %}{% for x in y %}{% endfor %} z", Some("{% if a %}")),
            ("{% if a %}{% set x %} z", Some("{% set x %}")),
            ("{% set x = 1 %}{% if a %}{% endif %}", None),
            ("a {{ b", Some("{{")),
            ("{%- call f() -%}", Some("{%- call f() -%}")),
        ];
        for (text, expected) in cases {
            assert_eq!(unclosed_tag(text).map(|range| &text[range]), expected, "{text}");
        }
    }
}
