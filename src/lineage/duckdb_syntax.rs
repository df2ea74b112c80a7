//! What the parser does not know of DuckDB's syntax, in words that it knows.
//!
//! A pivot says what it is made of by calls of functions of our own, in place of its aggregates:
//! `pintail_pivot_on(column, values…)`, `pintail_pivot_using(value)` and `pintail_pivot_by(column)`.

use std::ops::Range;

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// The calls that stand in for a part of a pivot.
pub(super) const ON: &str = "pintail_pivot_on";
pub(super) const USING: &str = "pintail_pivot_using";
pub(super) const BY: &str = "pintail_pivot_by";

/// Tokens that the parser reads, and the words that are not in them any more and decide about rows.
pub(super) fn understood(tokens: Vec<TokenWithSpan>) -> (Vec<TokenWithSpan>, String) {
    const NEW: &[&str] = &[
        "pivot",
        "pivot_wider",
        "unpivot",
        "pivot_longer",
        "asof",
        "positional",
        "exclude",
        "key",
    ];
    let is_new = |one: &TokenWithSpan| NEW.iter().any(|word| is(&one.token, word));
    let is_power = |two: &[TokenWithSpan]| two.iter().all(|one| one.token == Token::Mul);
    if !tokens.iter().any(is_new) && !tokens.windows(2).any(is_power) {
        return (tokens, String::new());
    }
    let all = tokens.into_iter().filter(|one| !matches!(one.token, Token::Whitespace(_)));
    let mut text = Text { all: all.collect(), lost: String::new() };
    text.joins();
    text.others();
    for at in (0..text.all.len()).rev() {
        text.pivot(at);
    }
    (text.all, text.lost)
}

struct Text {
    all: Vec<TokenWithSpan>,
    lost: String,
}

impl Text {
    fn is(&self, at: usize, word: &str) -> bool {
        self.all.get(at).is_some_and(|one| is(&one.token, word))
    }

    fn is_sign(&self, at: usize, sign: &Token) -> bool {
        self.all.get(at).is_some_and(|one| one.token == *sign)
    }

    /// `asof join` and `positional join` are joins: of which rows they match, the words are kept.
    fn joins(&mut self) {
        for at in (0..self.all.len()).rev() {
            let is_join = (at + 1..at + 4).any(|next| self.is(next, "join"));
            if self.is(at, "asof") && is_join {
                self.lost.push_str("asof ");
                self.all.remove(at);
            } else if self.is(at, "positional") && self.is(at + 1, "join") {
                self.lost.push_str("positional ");
                self.all[at].token = word("CROSS");
            }
        }
    }

    /// Powers, keys of recursive expressions, and which rows of a window's frame are left out.
    fn others(&mut self) {
        for at in (0..self.all.len()).rev() {
            if self.is_sign(at, &Token::Mul) && self.is_sign(at + 1, &Token::Mul) {
                self.all[at].token = Token::Caret;
                self.all.remove(at + 1);
            } else if self.is(at, "using")
                && self.is(at + 1, "key")
                && self.is_sign(at + 2, &Token::LParen)
                && let Some(end) = self.closing(at + 2)
            {
                self.lost.push_str("key ");
                self.all.drain(at..=end);
            } else if self.is(at, "exclude")
                && at
                    .checked_sub(1)
                    .is_some_and(|at| self.is(at, "row") || self.is(at, "following"))
            {
                self.leave_out_frame(at);
            }
        }
    }

    /// `exclude ties` behind a frame.
    fn leave_out_frame(&mut self, at: usize) {
        let words = if self.is(at + 1, "ties") || self.is(at + 1, "group") {
            2
        } else if self.is(at + 1, "current") || self.is(at + 1, "no") {
            3
        } else {
            return;
        };
        let gone = self.all.drain(at..at + words);
        for one in gone {
            self.lost.push_str(&one.token.to_string().to_lowercase());
            self.lost.push(' ');
        }
    }

    /// Writes the pivot that begins at a token in another way.
    fn pivot(&mut self, at: usize) {
        let is_pivot = self.is(at, "pivot") || self.is(at, "pivot_wider");
        let is_unpivot = self.is(at, "unpivot") || self.is(at, "pivot_longer");
        if !is_pivot && !is_unpivot {
            return;
        }
        let has_list = self.is_sign(at + 1, &Token::LParen) && !self.begins_query(at + 2);
        let before = at.checked_sub(1).map(|at| &self.all[at].token);
        let is_behind = before.is_some_and(|token| *token != Token::LParen);
        let begins =
            matches!(before, None | Some(Token::LParen | Token::RParen | Token::SemiColon))
                && !self.is(at + 1, "include")
                && !self.is(at + 1, "exclude");
        let new = match (is_behind && has_list, is_pivot) {
            (true, true) => self.behind(at),
            // The parser knows it.
            (true, false) => None,
            (false, true) if begins => self.statement(at),
            (false, false) if begins => self.unpivot(at),
            _ => None,
        };
        if let Some((range, new)) = new {
            let span = self.all[at].span;
            let new = new.into_iter().map(|one| match one {
                Part::Token(token) => TokenWithSpan { token, span },
                Part::Old(at) => self.all[at].clone(),
            });
            let new: Vec<TokenWithSpan> = new.collect();
            self.all.splice(range, new);
        }
    }

    fn begins_query(&self, at: usize) -> bool {
        ["select", "from", "with", "pivot", "unpivot", "values"]
            .iter()
            .any(|word| self.is(at, word))
    }

    /// `pivot (sum(x) for a in (1, 2) b in (3) group by c)` behind a relation.
    fn behind(&self, at: usize) -> Option<Rewritten> {
        let end = self.closing(at + 1)?;
        let first = self.find(at + 2..end, &["for"])?;
        let by = self.find(first..end, &["group"]).unwrap_or(end);
        let mut parts = Parts::default();
        let mut left = first + 1;
        while left < by {
            let is_in = self.find(left..by, &["in"])?;
            let list = self.is_sign(is_in + 1, &Token::LParen);
            let stop = if list { self.closing(is_in + 1)? + 1 } else { is_in + 2 };
            self.add_on(left..stop.min(by), &mut parts);
            left = stop;
        }
        self.add_using(at + 2..first, &mut parts);
        self.add_by(by..end, &mut parts);
        Some((at..end + 1, parts.pivot()))
    }

    /// `pivot t on a in (1, 2), b using sum(x) group by c`
    fn statement(&self, at: usize) -> Option<Rewritten> {
        let end = self.end(at + 1);
        let clauses = ["on", "using", "group"];
        let source = at + 1..self.find(at + 1..end, &clauses)?;
        let place = |word: &str| self.find(source.end..end, &[word]);
        let (on, using, by) = (place("on"), place("using"), place("group"));
        let stop = |from: usize| {
            [on, using, by].into_iter().flatten().filter(|at| *at > from).min().unwrap_or(end)
        };
        let mut parts = Parts::default();
        if let Some(on) = on {
            for item in self.items(on + 1..stop(on)) {
                self.add_on(item, &mut parts);
            }
        }
        if let Some(using) = using {
            self.add_using(using + 1..stop(using), &mut parts);
        }
        if let Some(by) = by {
            self.add_by(by..stop(by), &mut parts);
        }
        Some((at..end, self.select(source, parts.pivot())))
    }

    /// `unpivot t on a, b into name n value v`
    fn unpivot(&self, at: usize) -> Option<Rewritten> {
        let end = self.end(at + 1);
        let on = self.find(at + 1..end, &["on"])?;
        let into = self.find(on..end, &["into"]);
        let names = into.unwrap_or(end)..end;
        let name = self.find(names.clone(), &["name"]);
        let values = self.find(names, &["value"]);
        let mut new = vec![new_word("UNPIVOT"), Part::Token(Token::LParen)];
        match values {
            Some(values) => {
                let many = self.items(values + 1..end).len() > 1;
                new.extend(many.then_some(Part::Token(Token::LParen)));
                new.extend((values + 1..end).map(Part::Old));
                new.extend(many.then_some(Part::Token(Token::RParen)));
            }
            None => new.push(new_word("value")),
        }
        new.push(new_word("FOR"));
        new.push(name.map_or_else(|| new_word("name"), |name| Part::Old(name + 1)));
        new.extend([new_word("IN"), Part::Token(Token::LParen)]);
        for (number, item) in self.items(on + 1..into.unwrap_or(end)).into_iter().enumerate() {
            new.extend((number > 0).then_some(Part::Token(Token::Comma)));
            let is_star = self.is_sign(item.start, &Token::Mul);
            if is_star {
                new.extend([new_word("columns"), Part::Token(Token::LParen)]);
            }
            new.extend(item.map(Part::Old));
            new.extend(is_star.then_some(Part::Token(Token::RParen)));
        }
        new.extend([Part::Token(Token::RParen), Part::Token(Token::RParen)]);
        Some((at..end, self.select(at + 1..on, new)))
    }

    /// `select * from source …`
    fn select(&self, source: Range<usize>, behind: Vec<Part>) -> Vec<Part> {
        let mut new = vec![new_word("SELECT"), Part::Token(Token::Mul), new_word("FROM")];
        new.extend(source.map(Part::Old));
        new.extend(behind);
        new
    }

    /// `a in ('x', 'y' as z)`: what is pivoted on, and the values that become columns.
    fn add_on(&self, item: Range<usize>, parts: &mut Parts) {
        let found = self.find(item.clone(), &["in"]);
        let list = found.filter(|at| self.is_sign(at + 1, &Token::LParen));
        parts.begin(ON);
        parts.0.extend((item.start..found.unwrap_or(item.end)).map(Part::Old));
        if let Some(list) = list {
            for value in self.items(list + 2..item.end - 1) {
                parts.0.push(Part::Token(Token::Comma));
                let alias = self.find(value.clone(), &["as"]);
                if let Some(alias) = alias.filter(|at| at + 1 < value.end) {
                    parts.0.extend([Part::Old(alias + 1), Part::Token(Token::Assignment)]);
                }
                parts.0.extend((value.start..alias.unwrap_or(value.end)).map(Part::Old));
            }
        }
        parts.0.push(Part::Token(Token::RParen));
    }

    fn add_using(&self, items: Range<usize>, parts: &mut Parts) {
        for item in self.items(items) {
            let last = item.end - 1;
            let is_bare = matches!(self.all[last].token, Token::Word(_))
                && last > item.start
                && self.is_sign(last - 1, &Token::RParen);
            let alias = self.find(item.clone(), &["as"]).or(is_bare.then_some(last));
            parts.begin(USING);
            parts.0.extend((item.start..alias.unwrap_or(item.end)).map(Part::Old));
            parts.0.push(Part::Token(Token::RParen));
            parts.0.extend(alias.into_iter().flat_map(|alias| alias..item.end).map(Part::Old));
        }
    }

    /// `group by a, b`
    fn add_by(&self, clause: Range<usize>, parts: &mut Parts) {
        for item in self.items((clause.start + 2).min(clause.end)..clause.end) {
            parts.begin(BY);
            parts.0.extend(item.map(Part::Old));
            parts.0.push(Part::Token(Token::RParen));
        }
    }

    /// The first of these words that is not inside of brackets.
    fn find(&self, range: Range<usize>, words: &[&str]) -> Option<usize> {
        let mut depth = 0;
        for at in range {
            match self.all[at].token {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
                _ if depth == 0 && words.iter().any(|word| self.is(at, word)) => return Some(at),
                _ => {}
            }
        }
        None
    }

    /// Where the bracket ends that begins at a token.
    fn closing(&self, at: usize) -> Option<usize> {
        let mut depth = 0;
        for here in at..self.all.len() {
            match self.all[here].token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(here);
            }
        }
        None
    }

    /// Where a statement ends that begins before a token.
    fn end(&self, at: usize) -> usize {
        let after = ["order", "limit", "offset", "union", "except", "intersect"];
        let mut depth = 0;
        for here in at..self.all.len() {
            match self.all[here].token {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace if depth == 0 => return here,
                Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
                Token::SemiColon | Token::EOF if depth == 0 => return here,
                _ if depth == 0 && after.iter().any(|word| self.is(here, word)) => return here,
                _ => {}
            }
        }
        self.all.len()
    }

    /// The parts of a list with commas.
    fn items(&self, list: Range<usize>) -> Vec<Range<usize>> {
        let (mut items, mut start, mut depth) = (Vec::new(), list.start, 0);
        for at in list.clone() {
            match self.all[at].token {
                Token::LParen | Token::LBracket | Token::LBrace => depth += 1,
                Token::RParen | Token::RBracket | Token::RBrace => depth -= 1,
                Token::Comma if depth == 0 => {
                    items.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
        }
        items.push(start..list.end);
        items.retain(|item| item.start < item.end);
        items
    }
}

/// Which tokens give way to which.
type Rewritten = (Range<usize>, Vec<Part>);

/// A token that is new, or one of the text by its place.
enum Part {
    Token(Token),
    Old(usize),
}

/// The calls that a pivot is made of.
#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn begin(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(Part::Token(Token::Comma));
        }
        self.0.extend([new_word(name), Part::Token(Token::LParen)]);
    }

    /// `pivot (calls for pivot in (any))`
    fn pivot(self) -> Vec<Part> {
        let mut new = vec![new_word("PIVOT"), Part::Token(Token::LParen)];
        new.extend(self.0);
        let rest = ["FOR", "pivot_column", "IN"].map(new_word);
        new.extend(rest);
        new.extend([Part::Token(Token::LParen), new_word("ANY"), Part::Token(Token::RParen)]);
        new.push(Part::Token(Token::RParen));
        new
    }
}

fn word(text: &str) -> Token {
    Token::make_word(text, None)
}

fn new_word(text: &str) -> Part {
    Part::Token(word(text))
}

/// Whether a token is a word, without quotes.
fn is(token: &Token, text: &str) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(text))
}
