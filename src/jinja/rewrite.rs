//! Rewriting of template text before minijinja sees it.
//!
//! minijinja's lists and dicts cannot change, its operators know nothing of Python's, and its
//! callers belong to one template; dbt code expects all of it otherwise. So `[…]`, `{…}`, slices
//! and some operators become calls ([`expression`]), and a call block a call with a `caller` that
//! carries its own text. Every changed place is remembered, so that errors point into the user's
//! file.

mod expression;
mod look;
mod spaces;
mod unclosed;

use std::borrow::Cow;
use std::ops::Range;

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use look::{Look, look};
pub use spaces::plain_spaces;
pub use unclosed::unclosed_tag;

/// Text for minijinja, and the way back to the text that it came from.
#[derive(Debug, Clone)]
pub struct Rewritten<'a> {
    pub text: Cow<'a, str>,
    pub map: OffsetMap,
}

/// Offsets in rewritten text → offsets in the original.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetMap {
    /// (new offset, old offset, bytes that are the same from there on)
    segments: Vec<(usize, usize, usize)>,
}

impl OffsetMap {
    /// The original offset. Inside replaced text: where the replaced text began.
    pub fn original(&self, offset: usize) -> usize {
        let at = self.segments.partition_point(|(new, _, _)| *new <= offset);
        match at.checked_sub(1).map(|at| self.segments[at]) {
            Some((new, old, length)) => old + (offset - new).min(length),
            None => offset,
        }
    }

    /// The original range of a range.
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.original(range.start);
        start..self.original(range.end).max(start)
    }
}

/// A change of the text. Several may begin at one place: see [`Order`].
#[derive(Debug)]
struct Edit {
    range: Range<usize>,
    text: Cow<'static, str>,
    order: Order,
    /// Of an operator that became a filter: where its left side begins, which is where minijinja's
    /// errors should begin, too.
    left: Option<usize>,
}

impl Edit {
    fn new(range: Range<usize>, text: impl Into<Cow<'static, str>>, order: Order) -> Self {
        Edit { range, text: text.into(), order, left: None }
    }
}

/// What comes first of the edits that begin at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// The end of a call; the inner ones, which were found first, go first.
    Close,
    /// The beginning of a call; the outer ones, which were found last, go first.
    Open,
    Replace,
}

/// The syntax of dbt's templates: nothing is trimmed that does not ask for it.
pub fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .build()
        .expect("the default delimiters are valid")
}

/// Rewrites a template.
///
/// # Errors
/// The tokenizer's syntax error; its range is in `text`.
pub fn rewrite(text: &str) -> Result<Rewritten<'_>, minijinja::Error> {
    match plain_spaces(text) {
        None => rewrite_as(text, false),
        Some(plain) => {
            let Rewritten { text, map } = rewrite_as(&plain, false)?;
            Ok(Rewritten { text: Cow::Owned(text.into_owned()), map })
        }
    }
}

/// Rewrites a lone expression.
///
/// # Errors
/// The tokenizer's syntax error.
pub fn rewrite_expression(text: &str) -> Result<Rewritten<'_>, minijinja::Error> {
    rewrite_as(text, true)
}

fn rewrite_as(text: &str, expression: bool) -> Result<Rewritten<'_>, minijinja::Error> {
    let plain = Rewritten { text: Cow::Borrowed(text), map: OffsetMap::default() };
    let mut edits = Vec::new();
    match if expression { Look::Whole } else { look(text) } {
        Look::Tags(tags) => {
            for tag in tags {
                edit_one_tag(text, tag, &mut edits)?;
            }
        }
        Look::Whole => {
            let tokens: Vec<(Token, Span)> =
                tokenize(text, expression, syntax()).collect::<Result<_, _>>()?;
            if expression {
                expression::edit_tag(&tokens, false, &mut edits);
            } else {
                let scan = Scan { text, tokens: &tokens };
                scan.expressions(&mut edits);
                scan.call_blocks(&mut edits);
            }
        }
    }
    if edits.is_empty() { Ok(plain) } else { Ok(apply(text, edits)) }
}

/// The edits of a tag that is read by itself. Where it has no tokens, the whole text is read, for
/// an error with its place in it.
fn edit_one_tag(
    text: &str,
    tag: Range<usize>,
    edits: &mut Vec<Edit>,
) -> Result<(), minijinja::Error> {
    let start = tag.start;
    let read: Result<Vec<(Token, Span)>, _> = tokenize(&text[tag], false, syntax()).collect();
    let Ok(tokens) = read else {
        return tokenize(text, false, syntax()).try_for_each(|token| token.map(|_| ()));
    };
    let before = edits.len();
    if let [(opens, _), inner @ .., _] = tokens.as_slice() {
        expression::edit_tag(inner, matches!(opens, Token::BlockStart), edits);
    }
    for edit in &mut edits[before..] {
        edit.range = edit.range.start + start..edit.range.end + start;
        edit.left = edit.left.map(|left| left + start);
    }
    Ok(())
}

/// The variables that the tags of a text may use, nested blocks included: every name that is no
/// attribute. Each once, in order.
///
/// # Errors
/// The tokenizer's syntax error.
pub fn names_in(text: &str) -> Result<Vec<&str>, minijinja::Error> {
    let mut names = Vec::new();
    let mut after_dot = false;
    for token in tokenize(text, false, syntax()) {
        let (token, _) = token?;
        if let Token::Ident(name) = token
            && !after_dot
            && !names.contains(&name)
        {
            names.push(name);
        }
        after_dot = matches!(token, Token::Dot);
    }
    Ok(names)
}

struct Scan<'t, 's> {
    text: &'s str,
    tokens: &'t [(Token<'s>, Span)],
}

impl Scan<'_, '_> {
    fn span(&self, at: usize) -> Range<usize> {
        let span = self.tokens[at].1;
        span.start_offset as usize..span.end_offset as usize
    }

    /// The edits of each tag.
    fn expressions(&self, edits: &mut Vec<Edit>) {
        let mut start = None;
        for (at, (token, _)) in self.tokens.iter().enumerate() {
            match token {
                Token::VariableStart => start = Some((at + 1, false)),
                Token::BlockStart => start = Some((at + 1, true)),
                Token::VariableEnd | Token::BlockEnd => {
                    if let Some((start, in_block)) = start.take() {
                        expression::edit_tag(&self.tokens[start..at], in_block, edits);
                    }
                }
                _ => {}
            }
        }
    }

    /// The token that closes the bracket at `at`, or the last token.
    fn matching(&self, at: usize) -> usize {
        let mut depth = 0usize;
        for (index, (token, _)) in self.tokens.iter().enumerate().skip(at) {
            match token {
                Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
                Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return index;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len() - 1
    }

    /// The tags: index of the start token, of the end token.
    fn tags(&self) -> Vec<(usize, usize)> {
        let mut tags = Vec::new();
        let mut start = None;
        for (at, (token, _)) in self.tokens.iter().enumerate() {
            match token {
                Token::BlockStart => start = Some(at),
                Token::BlockEnd => tags.extend(start.take().map(|start| (start, at))),
                _ => {}
            }
        }
        tags
    }

    /// `{% call(x) f(a) %}body{% endcall %}` → `{{ f(a, caller=__caller(offset, "body", "x")) }}`.
    /// Edits inside the body are dropped: the body is a template of its own, rewritten when it is
    /// rendered.
    fn call_blocks(&self, edits: &mut Vec<Edit>) {
        let tags = self.tags();
        let mut index = 0;
        while index < tags.len() {
            let (start, end) = tags[index];
            index += 1;
            if !self.is_word(start + 1, "call") {
                continue;
            }
            let mut depth = 1;
            let mut close = index;
            while close < tags.len() {
                if self.is_word(tags[close].0 + 1, "call") {
                    depth += 1;
                } else if self.is_word(tags[close].0 + 1, "endcall") {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                close += 1;
            }
            let Some((close_start, close_end)) = tags.get(close).copied() else { return };
            self.call_block(start, end, close_start, close_end, edits);
            index = close + 1;
        }
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        matches!(self.tokens.get(at), Some((Token::Ident(found), _)) if *found == word)
    }

    fn call_block(
        &self,
        start: usize,
        end: usize,
        close_start: usize,
        close_end: usize,
        edits: &mut Vec<Edit>,
    ) {
        let mut names = String::new();
        let mut expression = start + 2;
        if matches!(self.tokens[expression].0, Token::ParenOpen) {
            let close = self.matching(expression);
            let given = self.span(expression).end..self.span(close).start;
            if !self.text[given.clone()].trim().is_empty() {
                names = format!(", {}", literal(&self.text[given]));
            }
            expression = close + 1;
        }
        let last = end - 1;
        if expression >= last || !matches!(self.tokens[last].0, Token::ParenClose) {
            return;
        }
        let (tag, body_end) = (self.span(start), self.span(close_start).start);
        let body_start = self.span(end).end;
        let mut body = &self.text[body_start..body_end];
        let mut offset = body_start;
        let tag_text = &self.text[self.span(end)];
        if tag_text.starts_with('-') {
            offset += body.len() - body.trim_start().len();
            body = body.trim_start();
        }
        if self.text[self.span(close_start)].ends_with('-') {
            body = body.trim_end();
        }
        let no_arguments = matches!(self.tokens[last - 1].0, Token::ParenOpen);
        let comma = if no_arguments { "" } else { ", " };
        let caller = format!("{comma}caller=__caller({offset}, {}{names})", literal(body));
        // What stands before the call is replaced, the body is a template of its own.
        let before = tag.start..self.span(expression).start;
        let gone = [before.clone(), body_start..self.span(close_end).end];
        edits.retain(|edit| {
            !gone.iter().any(|gone| gone.contains(&edit.range.start) && edit.range.end <= gone.end)
        });
        let dash =
            |text: &str, yes: bool| if yes { text.to_owned() } else { text.replace('-', "") };
        let opens = dash("{{-", self.text[tag.clone()].ends_with('-'));
        let closes = dash("-}}", self.text[self.span(close_end)].starts_with('-'));
        edits.push(Edit::new(before, format!("{opens} "), Order::Replace));
        let at = self.span(last).start;
        edits.push(Edit::new(at..at, caller, Order::Close));
        let rest = self.span(end).start..self.span(close_end).end;
        edits.push(Edit::new(rest, format!(" {closes}"), Order::Replace));
    }
}

/// A text as a literal of a template.
fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn apply(text: &str, edits: Vec<Edit>) -> Rewritten<'_> {
    let mut edits: Vec<(usize, Edit)> = edits.into_iter().enumerate().collect();
    edits.sort_by_key(|(found, edit)| {
        let turn = if edit.order == Order::Open { usize::MAX - found } else { *found };
        (edit.range.start, edit.order, turn)
    });
    let mut out = String::with_capacity(text.len() + edits.len() * 8);
    let mut segments = Vec::with_capacity(edits.len() * 2 + 1);
    let mut at = 0;
    for (_, edit) in edits {
        segments.push((out.len(), at, edit.range.start - at));
        out.push_str(&text[at..edit.range.start]);
        segments.push((out.len(), edit.range.start, 0));
        // Behind the bracket, which still belongs to the left side.
        segments.extend(edit.left.map(|left| (out.len() + 1, left, 0)));
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    segments.push((out.len(), at, text.len() - at));
    out.push_str(&text[at..]);
    Rewritten { text: Cow::Owned(out), map: OffsetMap { segments } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        rewrite(text).expect("tokenizes").text.into_owned()
    }

    #[test]
    fn literals_become_calls_and_subscripts_stay() {
        let cases = [
            ("{{ [1, [2]] }}", "{{ __list(1, __list(2)) }}"),
            ("{{ x[0]['a'][1:2] }}", "{{ __slice(x[0]['a'], 1, 2) }}"),
            (
                "{{ x[::2][:-1][-3:] }}",
                "{{ __slice(__slice(__slice(x, none, none, 2), none, -1), -3, none) }}",
            ),
            ("{{ x[a:b:] }}", "{{ __slice(x, a, b) }}"),
            (
                "{{ {'a': [1], 'b': x[1:]} }}",
                "{{ __dict('a', __list(1), 'b', __slice(x, 1, none)) }}",
            ),
            (
                "{% for x in [1] if x not in [2] %}",
                "{% for x in __list(1) if (x )|__not_in( __list(2)) %}",
            ),
            ("{% if x in['a'] %}", "{% if (x )|__in( __list('a')) %}"),
            ("{{ a.in[0] }}", "{{ a.in[0] }}"),
            ("{{ f([])[0] }}", "{{ f(__list())[0] }}"),
            ("{{ ns.x is divisibleby [1] }}", "{{ ns.x is divisibleby __list(1) }}"),
            ("{% set a, b = [], {} %}", "{% set a, b = __list(), __dict() %}"),
            ("{% macro f(a, b=[1]) %}", "{% macro f(a, b=__list(1)) %}"),
            (
                "{{ f(*[1], x=[2], **{'a': 1}) }}",
                "{{ f(*__list(1), x=__list(2), **__dict('a', 1)) }}",
            ),
            ("select '[1]' -- {x}", "select '[1]' -- {x}"),
            ("{{ '}}' ~ x }}", "{{ __concat('}}' , x) }}"),
        ];
        for (text, expected) in cases {
            assert_eq!(rewritten(text), expected);
        }
    }

    #[test]
    fn operators_become_calls_in_the_order_in_which_they_bind() {
        let cases = [
            ("{{ a ~ b|f ~ 'c' }}", "{{ __concat(a , b|f , 'c') }}"),
            ("{{ a + b ~ c * d }}", "{{ a + __concat(b , (c )|__mul( d)) }}"),
            ("{{ a+b+c }}", "{{ ((a)|__add(b))|__add(c) }}"),
            ("{{ (a ~ b)[1:] }}", "{{ __slice((__concat(a , b)), 1, none) }}"),
            (
                "{{ a ~ b if c ~ d == e else [f] }}",
                "{{ __concat(a , b) if __concat(c , d) == e else __list(f) }}",
            ),
            ("{{ '%s' % f(x).y[0] ~ z }}", "{{ __concat(('%s' )|__mod( f(x).y[0]) , z) }}"),
            ("{{ '%s %s' % (a, b) }}", "{{ ('%s %s' )|__mod( (a, b)) }}"),
            ("{{ loop.index + 1 - 2 * 3 }}", "{{ ((loop.index )|__add( 1) )|__sub( 2 * 3) }}"),
            ("{{ -1 % 3 ~ -x }}", "{{ __concat(-1 % 3 , (x)|__neg) }}"),
            ("{{ a - b }}", "{{ (a )|__sub( b) }}"),
            ("{{ a == 'x' or b != none or 1 < 2 }}", "{{ a == 'x' or b != none or 1 < 2 }}"),
            ("{{ a < b not in c }}", "{{ __chain(a , '<', b , 'not in', c) }}"),
            ("{{ not a and -d > 1 }}", "{{ not a and ((d)|__neg )|__gt( 1) }}"),
            ("{% for x in y %}{{ inner.in }}", "{% for x in y %}{{ inner.in }}"),
            ("{% for x in y if z in x %}", "{% for x in y if (z )|__in( x) %}"),
            (
                "{{ a / b if c // d else e ** f }}",
                "{{ (a )|__div( b) if (c )|__floordiv( d) else (e )|__pow( f) }}",
            ),
            ("{{- ref('a-b') -}}", "{{- ref('a-b') -}}"),
            ("{{ not a ~ b in c }}", "{{ not __concat(a , b) in c }}"),
            ("{% do x.append(1) %}", "{% do x.append(1) %}"),
            ("{% do x.append(1) if y %}", "{% do __list(x.append(1) if y) %}"),
            (
                "{% set x | replace('a' ~ b, [c]) %}",
                "{% set x | replace(__concat('a' , b), __list(c)) %}",
            ),
            ("{{ a[b ~ c] }}", "{{ a[__concat(b , c)] }}"),
            ("{{ [a ~ b] ~ c }}", "{{ __concat(__list(__concat(a , b)) , c) }}"),
            (
                "{% call f(a ~ b) %}x{% endcall %}",
                "{{ f(__concat(a , b), caller=__caller(19, \"x\"))  }}",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(rewritten(text), expected);
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_to_minijinja() {
        for text in ["{{ [1 }}", "{{ a ~ }}", "{% for x [1] %}", "{{ {1} }}"] {
            assert_eq!(rewritten(text), text);
        }
    }

    #[test]
    fn call_blocks_carry_their_text() {
        assert_eq!(
            rewritten("a{%- call(x) f('b') -%} [1] \"{{ x }}\" {% endcall %}z"),
            "a{{- f('b', caller=__caller(24, \"[1] \\\"{{ x }}\\\" \", \"x\"))  }}z"
        );
        assert_eq!(
            rewritten("{% call f() %}{% call g() %}x{% endcall %}{% endcall %}"),
            "{{ f(caller=__caller(14, \"{% call g() %}x{% endcall %}\"))  }}"
        );
    }

    #[test]
    fn offsets_lead_back() {
        let text = "{{ [1] }} {{ boom }}";
        let rewritten = rewrite(text).expect("tokenizes");
        let at = rewritten.text.find("boom").expect("is there");
        assert_eq!(&text[rewritten.map.range(at..at + 4)], "boom");
        let text = "{{ x ~ (left+ right) }}";
        let rewritten = rewrite(text).expect("tokenizes");
        let filter = rewritten.text.find("|__add").expect("is there");
        let end = rewritten.text.find("right").expect("is there") + 5;
        assert_eq!(&text[rewritten.map.range(filter..end)], "left+ right");
        let left = rewritten.text.find("left").expect("is there");
        assert_eq!(&text[rewritten.map.range(left..left + 4)], "left");
    }
}
