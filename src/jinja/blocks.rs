//! Splitting a file into its top-level blocks: macros, tests, materializations, snapshots, docs.
//!
//! A scanner that knows tags, strings, comments and raw sections, and nothing of expressions; it
//! reads each byte once, since packages hold many macros that a project never calls.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location, SourceFile};

/// What a top-level block defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKind {
    Macro {
        name: String,
    },
    /// A generic test; its macro is `test_<name>`.
    Test {
        name: String,
    },
    /// Its macro is `materialization_<name>_<adapter>`.
    Materialization {
        name: String,
        adapter: String,
    },
    Snapshot {
        name: String,
    },
    Docs {
        name: String,
    },
}

/// A top-level block of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub kind: BlockKind,
    /// The whole block, tags included.
    pub span: Range<usize>,
    /// Between the tags, white space trimmed where they ask for it.
    pub body: Range<usize>,
    /// The text between the brackets after the name, if there are any.
    pub arguments: Option<Range<usize>>,
}

/// A `{% … %}` tag.
#[derive(Debug, Clone)]
struct Tag {
    span: Range<usize>,
    /// From the first word to before the closing delimiter.
    inner: Range<usize>,
    trims_before: bool,
    trims_after: bool,
}

/// The top-level blocks of a file, in order.
///
/// # Errors
/// `JINJA_SYNTAX` for blocks that are not closed or have no name.
pub fn split_blocks(file: &Arc<SourceFile>) -> Result<Vec<Block>, Diagnostics> {
    let text = &file.text;
    if !text.contains("{%") {
        return Ok(Vec::new());
    }
    let mut blocks = Vec::new();
    let mut at = 0;
    while let Some(tag) = next_tag(file, &mut at)? {
        let inner = &text[tag.inner.clone()];
        let (word, rest) = first_word(inner);
        let end_word = match word {
            "macro" => "endmacro",
            "test" | "data_test" => "endtest",
            "materialization" => "endmaterialization",
            "snapshot" => "endsnapshot",
            "docs" => "enddocs",
            "raw" => {
                at = after_raw(text, tag.span.end);
                continue;
            }
            _ => continue,
        };
        let header_offset = tag.inner.end - rest.len();
        let (name, after) = first_word(rest);
        if name.is_empty() {
            return Err(unclosed(file, &tag, format!("This `{word}` has no name")).into());
        }
        let Some(end) = find_end(file, &mut at, word, end_word)? else {
            let what = format!("The {word} `{name}` is not closed");
            let error = unclosed(file, &tag, what);
            return Err(error.help(format!("Add {{% {end_word} %}} at its end.")).into());
        };
        let after_offset = header_offset + (rest.len() - after.len());
        let arguments = argument_range(text, after_offset, tag.inner.end);
        let name = name.to_owned();
        let kind = match word {
            "macro" => BlockKind::Macro { name },
            "test" | "data_test" => BlockKind::Test { name },
            "snapshot" => BlockKind::Snapshot { name },
            "docs" => BlockKind::Docs { name },
            _ => BlockKind::Materialization { name, adapter: adapter_of(after) },
        };
        let mut body = tag.span.end..end.span.start;
        if tag.trims_after {
            let trimmed = text[body.clone()].trim_start();
            body.start = body.end - trimmed.len();
        }
        if end.trims_before {
            body.end = body.start + text[body.clone()].trim_end().len();
        }
        // White space that the tags take belongs to the block, as dbt reads it.
        let mut span = tag.span.start..end.span.end;
        if tag.trims_before {
            let before = blocks.last().map_or(0, |block: &Block| block.span.end);
            let kept = text[before..span.start].trim_end().len();
            // A file begins and ends with its first and its last word.
            if before + kept > 0 {
                span.start = before + kept;
            }
        }
        let after = text[span.end..].trim_start();
        if end.trims_after && !after.is_empty() {
            span.end = text.len() - after.len();
        }
        blocks.push(Block { kind, span, body, arguments });
    }
    Ok(blocks)
}

/// `materialization name, adapter='duckdb'`; `default` stands for every adapter.
fn adapter_of(after_name: &str) -> String {
    let Some(at) = after_name.find("adapter") else { return "default".to_owned() };
    let value = after_name[at + "adapter".len()..].trim_start().trim_start_matches('=');
    value
        .trim_start()
        .trim_start_matches(['\'', '"'])
        .split(['\'', '"'])
        .next()
        .unwrap_or("default")
        .to_owned()
}

fn argument_range(text: &str, from: usize, to: usize) -> Option<Range<usize>> {
    let slice = &text[from..to];
    let open = slice.find('(')?;
    if !slice[..open].trim().is_empty() {
        return None;
    }
    let close = slice.rfind(')')?;
    (close > open).then_some(from + open + 1..from + close)
}

fn unclosed(file: &Arc<SourceFile>, tag: &Tag, what: String) -> Diagnostic {
    Diagnostic::error(Code::JINJA_SYNTAX, what).at(Location::new(file.clone(), tag.span.clone()))
}

/// The tag that closes a block; blocks of the same word do not nest in dbt, other tags may.
fn find_end(
    file: &Arc<SourceFile>,
    at: &mut usize,
    word: &str,
    end_word: &str,
) -> Result<Option<Tag>, Diagnostics> {
    if word == "docs" {
        // Markdown may hold anything, also braces that are no tags.
        return Ok(find_docs_end(&file.text, at));
    }
    while let Some(tag) = next_tag(file, at)? {
        let (found, _) = first_word(&file.text[tag.inner.clone()]);
        if found == end_word || (end_word == "endtest" && found == "enddata_test") {
            return Ok(Some(tag));
        }
        if found == "raw" {
            *at = after_raw(&file.text, tag.span.end);
        }
        if found == word {
            return Ok(None);
        }
    }
    Ok(None)
}

fn find_docs_end(text: &str, at: &mut usize) -> Option<Tag> {
    while let Some(open) = text[*at..].find("{%") {
        let start = *at + open;
        *at = start + 2;
        let close = text[start..].find("%}")? + start;
        let raw = &text[start + 2..close];
        let inner = raw.trim_matches(['-', '+']).trim();
        if inner == "enddocs" {
            *at = close + 2;
            return Some(Tag {
                span: start..close + 2,
                inner: start + 2..close,
                trims_before: raw.starts_with('-'),
                trims_after: raw.ends_with('-'),
            });
        }
    }
    None
}

/// After the `{% endraw %}` that ends a raw section.
fn after_raw(text: &str, mut at: usize) -> usize {
    while let Some(open) = text[at..].find("{%") {
        let start = at + open;
        let Some(close) = text[start..].find("%}") else { break };
        at = start + close + 2;
        if text[start + 2..start + close].trim_matches(['-', '+', ' ', '\n', '\t']) == "endraw" {
            return at;
        }
    }
    text.len()
}

/// The next `{% … %}` at or after `at`, comments and expressions skipped; `at` moves behind it.
fn next_tag(file: &Arc<SourceFile>, at: &mut usize) -> Result<Option<Tag>, Diagnostics> {
    let text = &file.text;
    let bytes = text.as_bytes();
    while let Some(open) = text[*at..].find('{') {
        let start = *at + open;
        match bytes.get(start + 1) {
            Some(b'#') => match text[start + 2..].find("#}") {
                Some(end) => *at = start + 2 + end + 2,
                None => return Err(open_ended(file, start, "comment", "#}").into()),
            },
            Some(b'{') => match close_of(bytes, start + 2, b"}}") {
                Some(end) => *at = end + 2,
                None => return Err(open_ended(file, start, "expression", "}}").into()),
            },
            Some(b'%') => {
                let Some(end) = close_of(bytes, start + 2, b"%}") else {
                    return Err(open_ended(file, start, "tag", "%}").into());
                };
                *at = end + 2;
                let trims_before = bytes[start + 2] == b'-';
                let trims_after = end > start + 2 && bytes[end - 1] == b'-';
                let mut inner = start + 2..end;
                if trims_before || bytes[start + 2] == b'+' {
                    inner.start += 1;
                }
                if (trims_after || bytes[end - 1] == b'+') && inner.end > inner.start {
                    inner.end -= 1;
                }
                let lead = text[inner.clone()].len() - text[inner.clone()].trim_start().len();
                inner.start += lead;
                return Ok(Some(Tag { span: start..end + 2, inner, trims_before, trims_after }));
            }
            _ => *at = start + 1,
        }
    }
    *at = text.len();
    Ok(None)
}

fn open_ended(file: &Arc<SourceFile>, start: usize, what: &str, close: &str) -> Diagnostic {
    Diagnostic::error(Code::JINJA_SYNTAX, format!("This {what} is not closed"))
        .at(Location::new(file.clone(), start..start + 2))
        .help(format!("Close it with `{close}`."))
}

/// Where a delimiter closes a tag or expression, strings skipped.
fn close_of(bytes: &[u8], mut at: usize, delimiter: &[u8; 2]) -> Option<usize> {
    let mut quote = None;
    // A dict's closing brace may touch the delimiter: `{{ {'a': {}} }}`.
    let mut depth = 0usize;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(q) => {
                if byte == b'\\' {
                    at += 1;
                } else if byte == q {
                    quote = None;
                }
            }
            None => match byte {
                b'\'' | b'"' => quote = Some(byte),
                _ if depth == 0 && bytes[at..].starts_with(delimiter) => return Some(at),
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            },
        }
        at += 1;
    }
    None
}

/// The first word and what follows it.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<(BlockKind, String)> {
        let file = SourceFile::new("x.sql", text);
        let blocks = split_blocks(&file).expect("splits");
        blocks.into_iter().map(|b| (b.kind, file.text[b.body].to_owned())).collect()
    }

    #[test]
    fn macros_with_strings_comments_and_raw_inside() {
        let text = "{# {% macro no() %} #}{%- macro a(x, y='%}') -%}\n {{ '{% endmacro %}' }}{% raw %}{% endmacro %}{% endraw %}z\n{%- endmacro %}";
        let expected = " {{ '{% endmacro %}' }}{% raw %}{% endmacro %}{% endraw %}z".trim_start();
        assert_eq!(names(text), vec![(BlockKind::Macro { name: "a".into() }, expected.to_owned())]);
    }

    #[test]
    fn the_kinds_and_their_names() {
        let text = "{% test pos(model) %}t{% endtest %}{% materialization m, adapter='duckdb' %}b{% endmaterialization %}{% docs d %}{{ x {% enddocs %}";
        let kinds: Vec<_> = names(text).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(
            kinds,
            vec![
                BlockKind::Test { name: "pos".into() },
                BlockKind::Materialization { name: "m".into(), adapter: "duckdb".into() },
                BlockKind::Docs { name: "d".into() },
            ]
        );
    }

    #[test]
    fn a_block_that_is_not_closed_is_an_error_at_its_tag() {
        let file = SourceFile::new("x.sql", "select 1\n{% macro a() %}\n");
        let error = &split_blocks(&file).expect_err("is not closed").0[0];
        assert_eq!(error.location.as_ref().map(Location::line_column), Some((2, 1)));
    }
}
