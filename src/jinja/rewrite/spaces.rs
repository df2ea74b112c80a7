//! White space of Unicode in tags: Jinja takes it for space, minijinja for a mistake.

/// The text with plain spaces in place of other white space within tags, as many as it has bytes, so
/// that places stay; `None` where there is none of it. Texts in quotes keep theirs.
pub fn plain_spaces(text: &str) -> Option<String> {
    let is_odd = |c: char| !c.is_ascii() && c.is_whitespace();
    if text.is_ascii() || !text.contains(is_odd) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let close = match rest.get(at..at + 2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some("{#") => "#}",
            _ => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            }
        };
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = if close == "#}" {
            let length = rest.find(close).map_or(rest.len(), |at| at + close.len());
            out.push_str(&rest[..length]);
            length
        } else {
            push_plain(&mut out, rest, close, is_odd)
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
    (out != text).then_some(out)
}

/// Adds the tag that a text begins with, and tells how far it goes: to its end outside of quotes, or to
/// the end of the text.
fn push_plain(out: &mut String, text: &str, close: &str, is_odd: impl Fn(char) -> bool) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            // Not where it opens: `{%}` is no whole tag.
            None if at >= 2 && text[at..].starts_with(close) => {
                out.push_str(close);
                return at + close.len();
            }
            None if is_odd(c) => {
                out.extend(std::iter::repeat_n(' ', c.len_utf8()));
                continue;
            }
            None => {}
        }
        out.push(c);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::plain_spaces;

    #[test]
    fn only_tags_outside_of_quotes_change() {
        let text = "a\u{a0}{{ b\u{a0}~ '\u{a0}' }}\u{2003}{% if\u{2003}x %}{# \u{a0} #}";
        let plain = "a\u{a0}{{ b  ~ '\u{a0}' }}\u{2003}{% if   x %}{# \u{a0} #}";
        assert_eq!(plain_spaces(text).as_deref(), Some(plain));
        assert_eq!(plain_spaces("é {{ a }} \u{a0}{"), None);
    }
}
