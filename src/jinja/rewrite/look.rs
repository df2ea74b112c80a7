//! A quick look at a template: which of its tags are worth tokenizing. Most have nothing to
//! rewrite, and plain SQL between them is only searched for braces.

use std::ops::Range;

/// Which parts of a text have to be tokenized.
pub(super) enum Look {
    /// The tags that hold a byte that may begin something to rewrite; often none.
    Tags(Vec<Range<usize>>),
    /// All of it: it has call blocks or raw sections, or it is cut off.
    Whole,
}

/// Reads over a template's tags, strings and brackets, and nothing finer.
pub(super) fn look(text: &str) -> Look {
    let bytes = text.as_bytes();
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(open) = text[at..].find('{') {
        let start = at + open;
        let close = match bytes.get(start + 1) {
            Some(b'{') => b'}',
            Some(b'%') => b'%',
            Some(b'#') => match text[start..].find("#}") {
                Some(end) => {
                    at = start + end + 2;
                    continue;
                }
                None => return Look::Whole,
            },
            _ => {
                at = start + 1;
                continue;
            }
        };
        let Some((end, found, ins)) = look_at_tag(bytes, start + 2, close) else {
            return Look::Whole;
        };
        let word = text[start + 2..end].trim_start_matches(['-', '+']).trim_start();
        if close == b'%' && ["call", "endcall", "raw"].iter().any(|known| word.starts_with(known)) {
            return Look::Whole;
        }
        // That of `for` is no operator.
        let ins = ins > usize::from(close == b'%' && word.starts_with("for "));
        if found || ins || (close == b'%' && word.starts_with("do ")) {
            tags.push(start..end);
        }
        at = end;
    }
    Look::Tags(tags)
}

/// The end of a tag, whether anything in it may have to be rewritten, and how many times it says
/// `in`.
fn look_at_tag(bytes: &[u8], mut at: usize, close: u8) -> Option<(usize, bool, usize)> {
    let ends = |at: usize| bytes.get(at) == Some(&close) && bytes.get(at + 1) == Some(&b'}');
    // The sign of white space control.
    at += usize::from(matches!(bytes.get(at), Some(b'-' | b'+')));
    let (mut quote, mut depth, mut found, mut ins) = (None, 0usize, false, 0);
    let in_word = |at: usize| {
        bytes
            .get(at)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    while let Some(&byte) = bytes.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(q), _) if q == byte => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, _) if depth == 0 && ends(at) => return Some((at + 2, found, ins)),
            (None, b'-' | b'+') if depth == 0 && ends(at + 1) => {}
            (None, b'(') => depth += 1,
            (None, b'[' | b'{') => (depth, found) = (depth + 1, true),
            (None, b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            (None, b'%' | b'~' | b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'!') => found = true,
            (None, b'=') if bytes.get(at + 1) == Some(&b'=') => found = true,
            (None, b'i') if bytes.get(at + 1) == Some(&b'n') => {
                ins += usize::from(!in_word(at - 1) && !in_word(at + 2));
            }
            _ => {}
        }
        at += 1;
    }
    None
}
