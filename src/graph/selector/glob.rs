//! The two wildcards of dbt's selectors: Python's `fnmatch` for names and `Path.glob` for paths.
//!
//! Both match text only; the disk is never looked at.

use regex::Regex;

/// An `fnmatch` pattern: `*`, `?`, `[abc]`, `[!abc]`; case counts.
#[derive(Debug)]
pub(super) enum Pattern {
    Everything,
    Literal(String),
    Regex(Regex),
}

impl Pattern {
    pub(super) fn new(text: &str) -> Pattern {
        if text == "*" {
            return Pattern::Everything;
        }
        if !has_wildcard(text) {
            return Pattern::Literal(text.to_owned());
        }
        // Escaped throughout, so it always compiles, but for a pattern of many megabytes.
        Regex::new(&translate(text)).map_or(Pattern::Literal(text.to_owned()), Pattern::Regex)
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Everything => true,
            Pattern::Literal(literal) => literal == text,
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Whether dbt takes a part of a name for a pattern.
pub(super) fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '[', ']'])
}

/// `fnmatch.translate` of Python 3.11.
fn translate(pattern: &str) -> String {
    let chars: Vec<char> = pattern.chars().collect();
    let mut out = String::from(r"(?s)\A");
    let mut at = 0;
    while at < chars.len() {
        let one = chars[at];
        at += 1;
        match one {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => {
                let negated = chars.get(at) == Some(&'!');
                let start = at + usize::from(negated);
                // A bracket right after the opening stands for itself.
                let end = (start + 1..chars.len()).find(|i| chars[*i] == ']');
                match end {
                    None => out.push_str(r"\["),
                    Some(end) => {
                        push_set(&mut out, &chars[start..end], negated);
                        at = end + 1;
                    }
                }
            }
            other => push_escaped(&mut out, other),
        }
    }
    out.push_str(r"\z");
    out
}

fn push_set(out: &mut String, set: &[char], negated: bool) {
    let mut body = String::new();
    let mut at = 0;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == '-' {
            // A range the wrong way round matches nothing.
            if set[at] <= set[at + 2] {
                push_escaped(&mut body, set[at]);
                body.push('-');
                push_escaped(&mut body, set[at + 2]);
            }
            at += 3;
        } else {
            push_escaped(&mut body, set[at]);
            at += 1;
        }
    }
    match (body.is_empty(), negated) {
        (true, true) => out.push('.'),
        (true, false) => out.push_str(r"[^\s\S]"),
        (false, true) => out.extend(["[^", &body, "]"]),
        (false, false) => out.extend(["[", &body, "]"]),
    }
}

fn push_escaped(out: &mut String, one: char) {
    if one.is_ascii_punctuation() && one != '_' {
        out.push('\\');
    }
    out.push(one);
}

/// A path pattern: one `fnmatch` for each part, and `**` for any number of folders.
#[derive(Debug)]
pub(super) struct PathPattern {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Folders,
    One(Pattern),
}

impl PathPattern {
    pub(super) fn new(text: &str) -> PathPattern {
        let part = |part| match part {
            "**" => Part::Folders,
            other => Part::One(Pattern::new(other)),
        };
        PathPattern { parts: parts_of(text).map(part).collect() }
    }

    /// Whether a path matches as a whole; `**` at the end matches folders only.
    pub(super) fn matches(&self, path: &str, is_folder: bool) -> bool {
        if matches!(self.parts.last(), Some(Part::Folders)) && !is_folder {
            return false;
        }
        let path: Vec<&str> = parts_of(path).collect();
        // reached[i]: the pattern so far can match the first i parts of the path.
        let mut reached = vec![false; path.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            match part {
                Part::Folders => {
                    for at in 1..reached.len() {
                        reached[at] |= reached[at - 1];
                    }
                }
                Part::One(pattern) => {
                    for at in (1..reached.len()).rev() {
                        reached[at] = reached[at - 1] && pattern.matches(path[at - 1]);
                    }
                    reached[0] = false;
                }
            }
        }
        reached[path.len()]
    }
}

/// The parts of a path without empty ones and `.`.
pub(super) fn parts_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_match_as_in_python() {
        let cases = [
            ("stg_*", "stg_orders", true),
            ("stg_*", "my_stg_orders", false),
            ("[sx]tg", "xtg", true),
            ("[!sx]tg", "xtg", false),
            ("[]]", "]", true),
            ("[!]]", "a", true),
            ("[a-c]1", "b1", true),
            ("[c-a]1", "b1", false),
            ("[!c-a]1", "b1", true),
            ("[abc", "[abc", true),
            ("a.b", "axb", false),
            ("a?b", "a\nb", true),
            ("[a&&b]", "&", true),
            ("[^a]", "^", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn paths_match_as_in_python() {
        let cases = [
            ("models/staging", "models/staging", true),
            ("./models//staging/", "models/staging", true),
            ("models/*", "models/staging", true),
            ("models/*", "models/staging/a.sql", false),
            ("models/**/a.sql", "models/a.sql", true),
            ("models/**/a.sql", "models/x/y/a.sql", true),
            ("models/**", "models/a.sql", false),
            ("../models/*.sql", "../models/a.sql", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(PathPattern::new(pattern).matches(path, false), expected, "{pattern}");
        }
        assert!(PathPattern::new("models/**").matches("models", true));
    }

    proptest! {
        #[test]
        fn any_pattern_compiles(text in r"[\*\?\[\]!\-\^\\&~a-c.é]{0,12}", name in ".{0,8}") {
            let pattern = Pattern::new(&text);
            pattern.matches(&name);
            if !has_wildcard(&text) {
                prop_assert!(pattern.matches(&text));
            }
        }
    }
}
