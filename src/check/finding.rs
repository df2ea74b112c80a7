//! Mistakes of statements as diagnostics: in words of ours, with the engine's beside them, at their
//! place in the file that they were made in.

use std::sync::Arc;

use super::bind::Problem;
use super::refusal::Kind;
use super::tokens::Tokens;
use crate::compile::{CompileHost, CompiledNode, Compiler};
use crate::diagnostic::{Code, Diagnostic, Location, did_you_mean, nearest};
use crate::manifest::Node;

/// What a mistake is about.
pub(super) struct Statement<'a> {
    pub compiler: &'a Arc<Compiler>,
    pub node: &'a Node,
    pub host: &'a Arc<CompileHost>,
    pub compiled: &'a CompiledNode,
    /// The names of the columns that the statement can read.
    pub columns: Vec<String>,
    /// Names of tables that there are.
    pub tables: Vec<String>,
}

impl Statement<'_> {
    /// A mistake as a diagnostic.
    pub fn finding(&self, problem: &Problem) -> Diagnostic {
        let refusal = &problem.refusal;
        let name = refusal.name.as_deref().unwrap_or_default();
        let of_table = refusal.words.contains("Referenced table")
            || refusal.words.contains("FROM-clause entry");
        let (code, message) = match (refusal.kind, &refusal.of) {
            (Kind::Column, _) if of_table => {
                (Code::UNKNOWN_COLUMN, format!("This query reads no table that is called `{name}`"))
            }
            (Kind::Column, Some(of)) => {
                (Code::UNKNOWN_COLUMN, format!("`{of}` has no column `{name}`"))
            }
            (Kind::Column, None) => (
                Code::UNKNOWN_COLUMN,
                format!("There is no column `{name}` in what this query reads"),
            ),
            (Kind::Table, _) => (Code::UNKNOWN_TABLE, format!("There is no table `{name}`")),
            (Kind::Function, _) => {
                (Code::UNKNOWN_FUNCTION, format!("There is no function `{name}`"))
            }
            (Kind::DataType, _) => (Code::UNKNOWN_FUNCTION, format!("There is no type `{name}`")),
            (Kind::Ambiguous, _) => (
                Code::AMBIGUOUS_NAME,
                format!("`{name}` may be a column of several tables that this query reads"),
            ),
            (Kind::Types, _) => (Code::WRONG_TYPES, types(&refusal.headline)),
            (Kind::Syntax, _) => (Code::SQL_SYNTAX, refusal.headline.clone()),
            (Kind::Arity, _) => (Code::WRONG_NUMBER, refusal.headline.clone()),
            _ => (Code::SQL_MEANING, refusal.headline.clone()),
        };
        let mut finding = Diagnostic::error(code, message);
        if let Some(help) = self.help(problem, of_table) {
            finding = finding.help(help);
        }
        if let Some(said) = said(&refusal.words, &finding.message) {
            finding = finding.note(said);
        }
        self.placed(finding, problem.offset)
    }

    /// A diagnostic at the place that a byte of the compiled SQL came from.
    fn placed(&self, finding: Diagnostic, offset: Option<usize>) -> Diagnostic {
        let (id, sql) = (&self.node.unique_id, &self.compiled.sql);
        // The end of a statement that ends too early may lie in what was put around it.
        let Some(offset) = offset.filter(|at| sql.is_char_boundary(*at)) else {
            return finding.or_at(self.node.location.clone());
        };
        let place = self.compiler.locate_as(id, self.compiled, offset, self.host);
        let Some(place) = place.or_else(|| self.node.location.clone()) else { return finding };
        let tokens = Tokens::of(sql);
        let whole = tokens.at(offset).map(|at| match tokens.is_name(at) {
            true => tokens.span(tokens.dotted(at)),
            false => tokens.all[at].span.clone(),
        });
        let word = whole.map_or("", |span| &sql[span]);
        let rest = &place.file.text[place.span.start..];
        if rest.starts_with(word) && !word.is_empty() {
            let span = place.span.start..place.span.start + word.len();
            return finding.at(Location::new(place.file, span));
        }
        let finding = finding.at(place);
        // What a macro or an expression wrote cannot be seen in the file.
        let start = sql[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = sql[offset..].find('\n').map_or(sql.len(), |at| offset + at);
        finding.note(format!("In the compiled SQL: {}", sql[start..end].trim()))
    }

    /// The names of the statement's common table expressions.
    fn expressions(&self) -> Vec<&str> {
        let tokens = Tokens::of(&self.compiled.sql);
        let is_one = |at: &usize| tokens.is(at + 1, "as") && tokens.is(at + 2, "(");
        (0..tokens.all.len()).filter(is_one).map(|at| tokens.text(at)).collect()
    }

    fn help(&self, problem: &Problem, of_table: bool) -> Option<String> {
        let refusal = &problem.refusal;
        let name = refusal.name.as_deref()?;
        let said = refusal.candidates.iter().map(String::as_str);
        match refusal.kind {
            Kind::Ambiguous => {
                let uses = refusal.words.split_once("(use: ")?.1.split(')').next()?;
                Some(format!("Write {}.", uses.replace('"', "`")))
            }
            Kind::Column if of_table => did_you_mean(name, said),
            Kind::Column => {
                // The engine knows what can be seen from here.
                let bare: Vec<&str> =
                    said.map(|full| full.rsplit('.').next().unwrap_or(full)).collect();
                let known = self.columns.iter().map(String::as_str).filter(|known| *known != name);
                match nearest(name, bare.iter().copied()).is_empty() {
                    false => did_you_mean(name, bare),
                    true => did_you_mean(name, known),
                }
            }
            Kind::Table => {
                let bare = name.rsplit('.').next().unwrap_or(name);
                let tables = self.tables.iter().map(String::as_str);
                did_you_mean(bare, tables.chain(self.expressions()))
            }
            Kind::Function | Kind::DataType => did_you_mean(name, said),
            _ => None,
        }
    }
}

/// The engine's words, as far as they say more than the message does.
fn said(words: &str, message: &str) -> Option<String> {
    let (kind, rest) = words.split_once(": ").unwrap_or(("", words));
    let bare = rest.split(" (SQLSTATE").next().unwrap_or(rest);
    if bare.trim_end_matches(['!', '.', ' ']) == message {
        return None;
    }
    let is_operator = rest
        .split_once("types '")
        .is_some_and(|(_, call)| !call.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    // It has an endless list of types that it takes.
    let most = if is_operator { 1 } else { MOST_LINES };
    let lines: Vec<&str> = rest.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut shown: Vec<String> =
        lines.iter().take(most).map(|line| line.replace('\t', "  ")).collect();
    if lines.len() > most && most > 1 {
        shown.push("  …".to_owned());
    }
    let first = format!("{kind}: ");
    Some(format!("{}{}", if kind.is_empty() { "" } else { &first }, shown.join("\n")))
}

/// What DuckDB and PostgreSQL say of types, where it can be said shorter.
fn types(headline: &str) -> String {
    let call = |mark: &str, quote: char| {
        let rest = headline.split_once(mark)?.1;
        Some(rest.split_once(quote)?.1.rsplit_once(quote)?.0.to_owned())
    };
    match call("No function matches the given name and argument types", '\'') {
        Some(call) => format!("There is no `{call}`: the types do not fit"),
        None => headline.to_owned(),
    }
}

/// How many lines of the engine's words are shown.
const MOST_LINES: usize = 5;
