//! What can stand in for a part of a statement that an engine refused, so that the rest of it can be
//! bound: a NULL in place of a column, a call or an expression.

use std::ops::Range;

use super::refusal::Kind as Refused;
use super::tokens::{Kind, Tokens};

/// What takes the place of a part of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stand {
    /// A NULL whose type is tried out; with the name of the column that it is, where it is one.
    Null(Option<String>),
    /// A type that both engines have.
    TextType,
    /// A relation of which nothing is known, under this name.
    Relation(String),
}

/// A part of a statement, in bytes, and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repair {
    pub span: Range<usize>,
    pub stand: Stand,
}

/// What goes in place of what was refused at a byte of a statement; none where nothing would help.
pub(super) fn repair(sql: &str, refused: Refused, offset: usize) -> Option<Repair> {
    let tokens = Tokens::of(sql);
    let at = tokens.at(offset)?;
    let null = |range: Range<usize>| {
        let name = item_name(&tokens, &range);
        Some(Repair { span: tokens.span(range), stand: Stand::Null(name) })
    };
    let whole = tokens.dotted(at);
    match refused {
        Refused::Table if tokens.is_name(at) => {
            let name = tokens.name(whole.end - 1);
            Some(Repair { span: tokens.span(whole), stand: Stand::Relation(name) })
        }
        Refused::DataType if tokens.is_name(at) => {
            let end = match tokens.is(whole.end, "(") {
                true => tokens.after_bracket(whole.end),
                false => whole.end,
            };
            Some(Repair { span: tokens.span(whole.start..end), stand: Stand::TextType })
        }
        Refused::Column | Refused::Ambiguous | Refused::Grouping
            if tokens.is_name(at) && !tokens.is(whole.end, "(") =>
        {
            null(whole)
        }
        Refused::Function | Refused::Types | Refused::Grouping if tokens.is_name(at) => {
            match call(&tokens, &whole) {
                Some(range) => null(range),
                None => null(expression(&tokens, at)),
            }
        }
        Refused::Types | Refused::Grouping => null(expression(&tokens, at)),
        _ => None,
    }
}

/// The tokens of a function call whose name is given, with all that belongs to it.
fn call(tokens: &Tokens, name: &Range<usize>) -> Option<Range<usize>> {
    if !tokens.is(name.end, "(") {
        return None;
    }
    let mut end = tokens.after_bracket(name.end);
    loop {
        end = if tokens.is_any(end, &["filter", "over"]) && tokens.is(end + 1, "(") {
            tokens.after_bracket(end + 1)
        } else if tokens.is(end, "over") && tokens.is_name(end + 1) {
            end + 2
        } else if tokens.is(end, "within") && tokens.is(end + 2, "(") {
            tokens.after_bracket(end + 2)
        } else {
            return Some(name.start..end);
        };
    }
}

/// Words that an expression cannot reach over.
const BOUNDS: &[&str] = &[
    "select",
    "distinct",
    "from",
    "where",
    "on",
    "and",
    "or",
    "having",
    "by",
    "when",
    "then",
    "else",
    "qualify",
    "limit",
    "offset",
    "group",
    "order",
    "union",
    "intersect",
    "except",
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "window",
    "as",
    "asc",
    "desc",
    "nulls",
    ",",
    ";",
    "end",
];

/// The tokens of the expression that a token stands in: up to commas, brackets and keywords.
fn expression(tokens: &Tokens, at: usize) -> Range<usize> {
    let depth = tokens.all[at].depth;
    if tokens.is(at, "case") {
        return at..end_of_case(tokens, at);
    }
    let mut start = at;
    while start > 0 {
        let before = &tokens.all[start - 1];
        if before.depth < depth || before.depth == depth && tokens.is_any(start - 1, BOUNDS) {
            break;
        }
        // An opening bracket counts to what is around it.
        if before.depth == depth && tokens.is(start - 1, "(") && start - 1 < at {
            let is_ours = tokens.after_bracket(start - 1) > at;
            if is_ours {
                break;
            }
        }
        start -= 1;
    }
    let mut end = at + 1;
    while end < tokens.all.len() {
        let next = &tokens.all[end];
        let closes = tokens.is_any(end, &[")", "]", "}"]) && next.depth < depth;
        if closes || next.depth == depth && (tokens.is_any(end, BOUNDS) || is_alias(tokens, end)) {
            break;
        }
        end += 1;
    }
    start..end
}

/// Whether a name stands right behind an operand, and so is the name of what is before it.
fn is_alias(tokens: &Tokens, at: usize) -> bool {
    let words = ["is", "not", "in", "like", "ilike", "between", "at", "over", "filter", "similar"];
    let is_last = at + 1 >= tokens.all.len() || tokens.is_any(at + 1, &[",", ")", "from"]);
    if !tokens.is_name(at) || at == 0 || tokens.is_any(at, &words) || !is_last {
        return false;
    }
    let before = &tokens.all[at - 1];
    let marks = tokens.is_any(at - 1, &[")", "]"]);
    let is_word = before.kind == Kind::Word && !tokens.is_any(at - 1, &words);
    marks || is_word || matches!(before.kind, Kind::Quoted | Kind::Number | Kind::Text)
}

/// The token after the `end` of the `case` at `at`.
fn end_of_case(tokens: &Tokens, at: usize) -> usize {
    let mut open = 0;
    for index in at..tokens.all.len() {
        if tokens.is(index, "case") {
            open += 1;
        } else if tokens.is(index, "end") {
            open -= 1;
            if open == 0 {
                return index + 1;
            }
        }
    }
    tokens.all.len()
}

/// The name that a select list gives to these tokens, where they are a whole item without an alias
/// and are a column: what stands in for them needs that name.
fn item_name(tokens: &Tokens, range: &Range<usize>) -> Option<String> {
    let is_column = (range.start..range.end).step_by(2).all(|at| tokens.is_name(at))
        && range.len() % 2 == 1
        && (range.start + 1..range.end).step_by(2).all(|at| tokens.is(at, "."));
    let ends = range.end >= tokens.all.len()
        || tokens.is_any(range.end, &[",", "from", ")", "union", "intersect", "except"]);
    if !is_column || !ends || range.start == 0 {
        return None;
    }
    if !tokens.is_any(range.start - 1, &[",", "select", "distinct", "all"]) {
        return None;
    }
    let depth = tokens.all[range.start].depth;
    let others =
        ["from", "where", "by", "having", "on", "using", "values", "in", "limit", "qualify", "set"];
    for at in (0..range.start).rev() {
        let token = &tokens.all[at];
        if token.depth < depth {
            return None;
        }
        if token.depth == depth && tokens.is(at, "select") {
            return Some(tokens.name(range.end - 1));
        }
        if token.depth == depth && tokens.is_any(at, &others) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part that goes, and what comes.
    fn repaired(sql: &str, refused: Refused, word: &str) -> (String, Stand) {
        let offset = sql.find(word).unwrap();
        let repair = repair(sql, refused, offset).unwrap();
        (sql[repair.span].to_owned(), repair.stand)
    }

    fn null(text: &str) -> (String, Stand) {
        (text.to_owned(), Stand::Null(None))
    }

    #[test]
    fn a_column_goes_alone_and_keeps_its_name_in_a_select_list() {
        let named = |text: &str, name: &str| (text.to_owned(), Stand::Null(Some(name.to_owned())));
        assert_eq!(
            repaired("select a.prize, b from t", Refused::Column, "a.p"),
            named("a.prize", "prize")
        );
        assert_eq!(repaired("select prize as p from t", Refused::Column, "pr"), null("prize"));
        assert_eq!(repaired("select f(x, prize) from t", Refused::Column, "pr"), null("prize"));
        assert_eq!(
            repaired("select 1 from t group by a, prize", Refused::Column, "pr"),
            null("prize")
        );
    }

    #[test]
    fn a_call_goes_with_its_window_and_an_operator_with_its_operands() {
        let sql = "select f(a, (b)) filter (where c) over (order by d) as x, y from t";
        assert_eq!(
            repaired(sql, Refused::Function, "f("),
            null("f(a, (b)) filter (where c) over (order by d)")
        );
        assert_eq!(repaired("select a, b - 'x' c from t", Refused::Types, "-"), null("b - 'x'"));
        assert_eq!(
            repaired("select 1 from t where a > 1 and b = lower(c) or d", Refused::Types, "="),
            null("b = lower(c)")
        );
        assert_eq!(
            repaired("select f(case when a then 1 else 'x' end) from t", Refused::Types, "case"),
            null("case when a then 1 else 'x' end")
        );
        assert_eq!(repaired("select (a - b) * 2 from t", Refused::Types, "-"), null("a - b"));
        assert_eq!(
            repaired("select cast(a at time zone 'UTC' as date) from t", Refused::Types, "at t"),
            null("a at time zone 'UTC'")
        );
    }

    #[test]
    fn a_table_keeps_its_name() {
        assert_eq!(
            repaired("select 1 from raw.orders as o", Refused::Table, "raw"),
            ("raw.orders".to_owned(), Stand::Relation("orders".to_owned()))
        );
    }
}
