//! The expressions of one tag, read with minijinja's grammar to find what minijinja does
//! otherwise than Python: list and dict literals, slices, `~`, and the operators that calculate and
//! compare, where a side may be no plain number: a date, a list, a decimal.
//!
//! It only collects edits; what it cannot read it leaves to minijinja, which names the fault.

use std::mem::discriminant;
use std::ops::Range;

use minijinja::machinery::{Span, Token};

use super::{Edit, Order};

/// How deep brackets may nest before the reading gives up.
const MAX_DEPTH: usize = 150;

/// What an operand is, as far as its text tells.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Text,
    /// `none`, `true`, `false`
    Constant,
    /// It ends with a call: what `{% do %}` accepts.
    Call,
    Other,
}

/// A part of an expression that has been read: bytes in the text.
#[derive(Clone)]
struct Operand {
    span: Range<usize>,
    kind: Kind,
}

/// How tightly operators bind, as in minijinja's parser.
mod level {
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const COMPARE: u8 = 4;
    pub const SUM: u8 = 5;
    pub const CONCAT: u8 = 6;
    pub const PRODUCT: u8 = 7;
    pub const POWER: u8 = 8;
}

/// Collects the edits of the tag whose tokens are given, without its delimiters. `in_block` tells
/// `{% … %}` from `{{ … }}`. Leaves `edits` as it was where the tag cannot be read.
pub(super) fn edit_tag(tokens: &[(Token, Span)], in_block: bool, edits: &mut Vec<Edit>) {
    let before = edits.len();
    let mut reader = Reader { tokens, at: 0, depth: 0, edits };
    let read = if in_block { reader.statement() } else { reader.expressions() };
    if read.is_none() {
        edits.truncate(before);
    }
}

struct Reader<'t, 's> {
    tokens: &'t [(Token<'s>, Span)],
    at: usize,
    depth: usize,
    edits: &'t mut Vec<Edit>,
}

impl<'s> Reader<'_, 's> {
    fn peek(&self) -> Option<&Token<'s>> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn span(&self, at: usize) -> Range<usize> {
        let span = self.tokens[at].1;
        span.start_offset as usize..span.end_offset as usize
    }

    /// The end of the last token that was taken.
    fn end(&self) -> usize {
        self.span(self.at.saturating_sub(1)).end
    }

    /// Whether a token of this kind comes next.
    fn is(&self, token: &Token<'s>) -> bool {
        self.peek().is_some_and(|found| discriminant(found) == discriminant(token))
    }

    fn skip(&mut self, token: &Token<'s>) -> bool {
        let same = self.is(token);
        self.at += usize::from(same);
        same
    }

    fn expect(&mut self, token: &Token<'s>) -> Option<()> {
        self.skip(token).then_some(())
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        matches!(self.tokens.get(at), Some((Token::Ident(found), _)) if *found == word)
    }

    fn skip_word(&mut self, word: &str) -> bool {
        let same = self.is_word(self.at, word);
        self.at += usize::from(same);
        same
    }

    /// Whether a word stands right before a token: `in['a']`.
    fn is_glued(&self, token: usize) -> bool {
        let before = token.checked_sub(1).map(|before| (&self.tokens[before].0, before));
        before.is_some_and(|(kind, before)| {
            matches!(kind, Token::Ident(_)) && self.span(before).end == self.span(token).start
        })
    }

    fn replace(&mut self, token: usize, text: &'static str) {
        let range = self.span(token);
        self.edits.push(Edit::new(range, text, Order::Replace));
    }

    /// Puts a call around an operand.
    fn wrap(&mut self, span: &Range<usize>, function: &'static str) {
        self.edits.push(Edit::new(span.start..span.start, function, Order::Open));
        self.close(span.end);
    }

    fn close(&mut self, at: usize) {
        self.edits.push(Edit::new(at..at, ")", Order::Close));
    }

    /// `a + b` → `(a)|__add(b)`: minijinja finds filters faster than functions.
    fn filter(&mut self, operator: Range<usize>, filter: &'static str, span: &Range<usize>) {
        self.edits.push(Edit::new(span.start..span.start, "(", Order::Open));
        let replaced = Edit::new(operator, filter, Order::Replace);
        self.edits.push(Edit { left: Some(span.start), ..replaced });
        self.close(span.end);
    }

    /// `{{ a }}`, also `{{ a, b }}`.
    fn expressions(&mut self) -> Option<()> {
        loop {
            self.expression()?;
            if !self.skip(&Token::Comma) || self.peek().is_none() {
                break;
            }
        }
        self.peek().is_none().then_some(())
    }

    fn statement(&mut self) -> Option<()> {
        let Token::Ident(word) = self.peek()? else { return None };
        let word = *word;
        self.at += 1;
        match word {
            "if" | "elif" => self.expressions(),
            "for" => {
                while !self.skip_word("in") {
                    self.peek()?;
                    self.at += 1;
                }
                self.expression()?;
                self.skip_word("recursive");
                self.peek().is_none().then_some(())
            }
            "set" => {
                while !matches!(self.peek(), Some(Token::Assign | Token::Pipe) | None) {
                    self.at += 1;
                }
                match self.peek() {
                    Some(Token::Assign) => {
                        self.at += 1;
                        self.expressions()
                    }
                    _ => self.filters(),
                }
            }
            "do" => {
                let done = self.expression()?;
                // minijinja takes nothing but calls here.
                if done.kind != Kind::Call {
                    self.wrap(&done.span, "__list(");
                }
                Some(())
            }
            "call" => {
                if self.is(&Token::ParenOpen) {
                    self.arguments()?;
                }
                self.expressions()
            }
            "macro" => {
                self.at += 1;
                self.arguments()
            }
            "filter" => {
                self.at = self.at.checked_sub(1)?;
                self.filters()
            }
            "with" => {
                while self.peek().is_some() {
                    while !self.skip(&Token::Assign) {
                        self.peek()?;
                        self.at += 1;
                    }
                    self.expression()?;
                    self.skip(&Token::Comma);
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    /// `a if b else c`
    fn expression(&mut self) -> Option<Operand> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let mut first = self.binary(level::OR)?;
        while self.skip_word("if") {
            self.binary(level::OR)?;
            if self.skip_word("else") {
                self.expression()?;
            }
            first = Operand { span: first.span.start..self.end(), kind: Kind::Other };
        }
        self.depth -= 1;
        Some(first)
    }

    /// The level of the operator that comes next.
    fn operator(&self) -> Option<u8> {
        Some(match self.peek()? {
            Token::Ident("or") => level::OR,
            Token::Ident("and") => level::AND,
            Token::Ident("in") | Token::Eq | Token::Ne => level::COMPARE,
            Token::Lt | Token::Lte | Token::Gt | Token::Gte => level::COMPARE,
            Token::Ident("not") if self.is_word(self.at + 1, "in") => level::COMPARE,
            Token::Plus | Token::Minus => level::SUM,
            Token::Tilde => level::CONCAT,
            Token::Mul | Token::Div | Token::FloorDiv | Token::Mod => level::PRODUCT,
            Token::Pow => level::POWER,
            _ => return None,
        })
    }

    fn binary(&mut self, lowest: u8) -> Option<Operand> {
        let mut left = if lowest <= level::NOT && self.is_word(self.at, "not") {
            let start = self.span(self.at).start;
            self.at += 1;
            self.binary(level::NOT)?;
            Operand { span: start..self.end(), kind: Kind::Other }
        } else {
            self.unary()?
        };
        while let Some(found) = self.operator().filter(|found| *found >= lowest) {
            let at = self.at;
            self.at += if self.is_word(at, "not") { 2 } else { 1 };
            let right = self.binary(found + 1)?;
            left = match found {
                level::CONCAT => self.concat(at, left)?,
                level::COMPARE if self.operator() == Some(found) => self.chain(at, left)?,
                level::COMPARE => self.compare(at, left, right),
                _ => self.combine(at, left, right),
            };
        }
        Some(left)
    }

    /// `a < b < c` → `__chain(a, '<', b, '<', c)`, from the second operator on.
    fn chain(&mut self, first: usize, left: Operand) -> Option<Operand> {
        let mut operator = first;
        loop {
            let (text, words) = match self.tokens[operator].0 {
                Token::Eq => (", '==',", 1),
                Token::Ne => (", '!=',", 1),
                Token::Lt => (", '<',", 1),
                Token::Lte => (", '<=',", 1),
                Token::Gt => (", '>',", 1),
                Token::Gte => (", '>=',", 1),
                Token::Ident("not") => (", 'not in',", 2),
                _ => (", 'in',", 1),
            };
            let range = self.span(operator).start..self.span(operator + words - 1).end;
            self.edits.push(Edit::new(range, text, Order::Replace));
            if self.operator() != Some(level::COMPARE) {
                break;
            }
            operator = self.at;
            self.at += if self.is_word(operator, "not") { 2 } else { 1 };
            self.binary(level::COMPARE + 1)?;
        }
        let span = left.span.start..self.end();
        self.wrap(&span, "__chain(");
        Some(Operand { span, kind: Kind::Other })
    }

    /// `a == b`, where none of the two tells that minijinja compares them right.
    fn compare(&mut self, operator: usize, left: Operand, right: Operand) -> Operand {
        let span = left.span.start..self.end();
        let plain = |kind: Kind| matches!(kind, Kind::Text | Kind::Constant);
        let orders =
            matches!(self.tokens[operator].0, Token::Lt | Token::Lte | Token::Gt | Token::Gte);
        let alike = left.kind == right.kind && matches!(left.kind, Kind::Number | Kind::Text);
        let right_anyway = !orders && (plain(left.kind) || plain(right.kind));
        if !alike && !right_anyway {
            let (filter, words) = match self.tokens[operator].0 {
                Token::Eq => (")|__eq(", 1),
                Token::Ne => (")|__ne(", 1),
                Token::Lt => (")|__lt(", 1),
                Token::Lte => (")|__le(", 1),
                Token::Gt => (")|__gt(", 1),
                Token::Gte => (")|__ge(", 1),
                Token::Ident("not") => (")|__not_in(", 2),
                _ => (")|__in(", 1),
            };
            let words = self.span(operator).start..self.span(operator + words - 1).end;
            self.filter(words, filter, &span);
        }
        Operand { span, kind: Kind::Other }
    }

    /// `a ~ b ~ c` → `__concat(a , b , c)`: minijinja would print `true` and `none`.
    fn concat(&mut self, first: usize, left: Operand) -> Option<Operand> {
        self.replace(first, ",");
        while self.is(&Token::Tilde) {
            self.replace(self.at, ",");
            self.at += 1;
            self.binary(level::CONCAT + 1)?;
        }
        let span = left.span.start..self.end();
        self.wrap(&span, "__concat(");
        Some(Operand { span, kind: Kind::Text })
    }

    /// Arithmetic on what may be more than a plain number goes through filters.
    fn combine(&mut self, operator: usize, left: Operand, right: Operand) -> Operand {
        let span = left.span.start..self.end();
        let numbers = left.kind == Kind::Number && right.kind == Kind::Number;
        let texts = left.kind == Kind::Text || right.kind == Kind::Text;
        let filter = match self.tokens[operator].0 {
            Token::Plus if !numbers && !texts => ")|__add(",
            Token::Minus if !numbers => ")|__sub(",
            Token::Mul if !numbers => ")|__mul(",
            Token::Div if !numbers => ")|__div(",
            Token::FloorDiv if !numbers => ")|__floordiv(",
            Token::Mod if !numbers => ")|__mod(",
            Token::Pow if !numbers => ")|__pow(",
            _ => {
                let both = left.kind == right.kind;
                let kind = if both { left.kind } else { Kind::Other };
                return Operand { span, kind: if kind == Kind::Call { Kind::Other } else { kind } };
            }
        };
        self.filter(self.span(operator), filter, &span);
        Operand { span, kind: Kind::Other }
    }

    fn unary(&mut self) -> Option<Operand> {
        let operand = self.unary_only()?;
        self.filtered(operand)
    }

    fn unary_only(&mut self) -> Option<Operand> {
        let start = self.span_here()?.start;
        // minijinja knows no sign that changes nothing.
        if self.skip(&Token::Plus) {
            self.replace(self.at - 1, "");
            return self.unary_only();
        }
        if !self.skip(&Token::Minus) {
            let operand = self.primary()?;
            return self.postfix(operand);
        }
        let minus = self.at - 1;
        let operand = self.unary_only()?;
        let span = start..operand.span.end;
        if operand.kind == Kind::Number {
            return Some(Operand { span, kind: Kind::Number });
        }
        self.replace(minus, "(");
        let at = span.end;
        let closes = Edit::new(at..at, ")|__neg", Order::Close);
        self.edits.push(Edit { left: Some(span.start), ..closes });
        Some(Operand { span, kind: Kind::Other })
    }

    fn span_here(&self) -> Option<Range<usize>> {
        (self.at < self.tokens.len()).then(|| self.span(self.at))
    }

    fn primary(&mut self) -> Option<Operand> {
        let start = self.span_here()?.start;
        let opened = self.at;
        self.at += 1;
        let kind = match &self.tokens[opened].0 {
            Token::Int(_) | Token::Int128(_) | Token::Float(_) => Kind::Number,
            Token::Ident("none" | "None" | "true" | "True" | "false" | "False") => Kind::Constant,
            Token::Ident(_) => Kind::Other,
            Token::Str(_) | Token::String(_) => {
                while matches!(self.peek(), Some(Token::Str(_) | Token::String(_))) {
                    self.at += 1;
                }
                Kind::Text
            }
            Token::ParenOpen => {
                self.items(&Token::ParenClose)?;
                Kind::Other
            }
            Token::BracketOpen => {
                self.replace(opened, if self.is_glued(opened) { " __list(" } else { "__list(" });
                self.items(&Token::BracketClose)?;
                self.replace(self.at - 1, ")");
                Kind::Other
            }
            Token::BraceOpen => {
                self.replace(opened, if self.is_glued(opened) { " __dict(" } else { "__dict(" });
                self.pairs()?;
                self.replace(self.at - 1, ")");
                Kind::Other
            }
            _ => return None,
        };
        Some(Operand { span: start..self.end(), kind })
    }

    /// Expressions with commas between them, up to and with the closing bracket.
    fn items(&mut self, close: &Token<'s>) -> Option<()> {
        while !self.skip(close) {
            self.expression()?;
            if !self.skip(&Token::Comma) {
                return self.expect(close);
            }
        }
        Some(())
    }

    fn pairs(&mut self) -> Option<()> {
        while !self.skip(&Token::BraceClose) {
            self.expression()?;
            self.expect(&Token::Colon)?;
            self.replace(self.at - 1, ",");
            self.expression()?;
            if !self.skip(&Token::Comma) {
                return self.expect(&Token::BraceClose);
            }
        }
        Some(())
    }

    /// `(a, *b, c=d, **e)`
    fn arguments(&mut self) -> Option<()> {
        self.expect(&Token::ParenOpen)?;
        while !self.skip(&Token::ParenClose) {
            if !self.skip(&Token::Pow) {
                self.skip(&Token::Mul);
            }
            let named = matches!(self.peek(), Some(Token::Ident(_)))
                && matches!(self.tokens.get(self.at + 1), Some((Token::Assign, _)));
            self.at += if named { 2 } else { 0 };
            self.expression()?;
            if !self.skip(&Token::Comma) {
                return self.expect(&Token::ParenClose);
            }
        }
        Some(())
    }

    fn postfix(&mut self, mut operand: Operand) -> Option<Operand> {
        loop {
            let kind = match self.peek() {
                Some(Token::Dot) => {
                    self.at += 2;
                    Kind::Other
                }
                Some(Token::BracketOpen) => {
                    self.subscript(&operand)?;
                    Kind::Other
                }
                Some(Token::ParenOpen) => {
                    self.arguments()?;
                    Kind::Call
                }
                _ => return Some(operand),
            };
            if self.at > self.tokens.len() {
                return None;
            }
            operand = Operand { span: operand.span.start..self.end(), kind };
        }
    }

    /// `x[a]` stays; `x[a:b:c]` becomes `__slice(x, a, b, c)`, as minijinja's slices of lists are
    /// not lists of ours.
    fn subscript(&mut self, of: &Operand) -> Option<()> {
        let opened = self.at;
        self.at += 1;
        let starts = !self.is(&Token::Colon);
        if starts {
            self.expression()?;
        }
        if !self.skip(&Token::Colon) {
            return self.expect(&Token::BracketClose);
        }
        self.replace(opened, if starts { ", " } else { ", none" });
        let first = self.at - 1;
        let stops = !matches!(self.peek(), Some(Token::Colon | Token::BracketClose));
        self.replace(first, if stops { ", " } else { ", none" });
        if stops {
            self.expression()?;
        }
        if self.skip(&Token::Colon) {
            let steps = !self.is(&Token::BracketClose);
            self.replace(self.at - 1, if steps { ", " } else { "" });
            if steps {
                self.expression()?;
            }
        }
        self.expect(&Token::BracketClose)?;
        self.replace(self.at - 1, ")");
        let start = of.span.start;
        self.edits.push(Edit::new(start..start, "__slice(", Order::Open));
        Some(())
    }

    /// `a|b(c)|d is e(f)`
    fn filtered(&mut self, operand: Operand) -> Option<Operand> {
        let mut operand = operand;
        loop {
            if self.skip(&Token::Pipe) {
                self.name()?;
                if self.is(&Token::ParenOpen) {
                    self.arguments()?;
                }
            } else if self.skip_word("is") {
                self.skip_word("not");
                self.name()?;
                if self.is(&Token::ParenOpen) {
                    self.arguments()?;
                } else if self.starts_test_argument() {
                    self.unary_only()?;
                }
            } else {
                return Some(operand);
            }
            operand = Operand { span: operand.span.start..self.end(), kind: Kind::Other };
        }
    }

    fn starts_test_argument(&self) -> bool {
        match self.peek() {
            Some(Token::Ident(word)) => !matches!(*word, "and" | "or" | "else" | "is"),
            Some(Token::Str(_) | Token::String(_) | Token::Minus | Token::Plus) => true,
            Some(Token::Int(_) | Token::Int128(_) | Token::Float(_)) => true,
            Some(Token::BracketOpen | Token::BraceOpen) => true,
            _ => false,
        }
    }

    fn name(&mut self) -> Option<()> {
        loop {
            let Some(Token::Ident(_)) = self.peek() else { return None };
            self.at += 1;
            if !self.skip(&Token::Dot) {
                return Some(());
            }
        }
    }

    /// The filters of `{% filter a|b %}` and `{% set x | a %}`, the first one after a token that
    /// stands for the pipe.
    fn filters(&mut self) -> Option<()> {
        while self.at < self.tokens.len() {
            self.at += 1;
            if self.at == self.tokens.len() {
                break;
            }
            self.name()?;
            if self.is(&Token::ParenOpen) {
                self.arguments()?;
            }
        }
        Some(())
    }
}
