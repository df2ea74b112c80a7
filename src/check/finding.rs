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
        let headline = seen(&refusal.headline).to_owned();
        let is_empty = Tokens::of(&self.compiled.sql).all.is_empty();
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
            (Kind::Types, _) => (Code::WRONG_TYPES, types(&headline)),
            (Kind::Syntax, _) if is_empty => {
                let message =
                    format!("`{}` has no SQL: nothing but comments is left of it", self.node.name);
                (Code::SQL_SYNTAX, message)
            }
            (Kind::Syntax, _) => (Code::SQL_SYNTAX, headline),
            (Kind::Arity, _) => (Code::WRONG_NUMBER, headline),
            _ => (Code::SQL_MEANING, headline),
        };
        let mut finding = Diagnostic::error(code, message);
        let word = || self.meant_word(problem.offset).filter(|_| refusal.kind == Kind::Syntax);
        if let Some(help) = self.help(problem, of_table).or_else(word) {
            finding = finding.help(help);
        }
        let is_ours = is_empty || seen(&refusal.words).len() < refusal.words.len();
        if let Some(said) = said(&refusal.words, &finding.message).filter(|_| !is_ours) {
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
                let near = match nearest(name, bare.iter().copied()).is_empty() {
                    false => did_you_mean(name, bare),
                    true => did_you_mean(name, known),
                };
                let quoted = || {
                    self.is_quoted(problem.offset).then(|| {
                        format!("Write '{name}' if it is a text: double quotes are for names.")
                    })
                };
                let alias = || {
                    self.is_alias(name).then(|| {
                    format!("`{name}` is a name of the select list, which is not known here yet: write what it stands for.")
                })
                };
                near.or_else(quoted).or_else(alias).or_else(|| self.listed(refusal.of.as_deref()))
            }
            Kind::Table => {
                let bare = name.rsplit('.').next().unwrap_or(name);
                let tables = self.tables.iter().map(String::as_str);
                did_you_mean(bare, tables.chain(self.expressions()))
            }
            Kind::Function => match elsewhere(name) {
                Some(ours) => Some(format!("Write `{ours}`.")),
                None => did_you_mean(name, said),
            },
            Kind::DataType => did_you_mean(name, said),
            _ => None,
        }
    }

    fn is_quoted(&self, offset: Option<usize>) -> bool {
        offset.and_then(|at| self.compiled.sql.get(at..)).is_some_and(|text| text.starts_with('"'))
    }

    /// Whether the statement gives something this name.
    fn is_alias(&self, name: &str) -> bool {
        let tokens = Tokens::of(&self.compiled.sql);
        (1..tokens.all.len()).any(|at| tokens.is(at, name) && tokens.is(at - 1, "as"))
    }

    /// The columns that there are, where they are few and all that the statement can mean.
    fn listed(&self, of: Option<&str>) -> Option<String> {
        let is_all = of.is_none() && self.expressions().is_empty();
        let few = (1..=MOST_NAMED).contains(&self.columns.len());
        let names: Vec<String> = self.columns.iter().map(|name| format!("`{name}`")).collect();
        (is_all && few).then(|| format!("What it reads has {}.", names.join(", ")))
    }

    /// The word that was meant in front of where the syntax is wrong.
    fn meant_word(&self, offset: Option<usize>) -> Option<String> {
        let tokens = Tokens::of(&self.compiled.sql);
        let at = tokens.at(offset?)?;
        [at.checked_sub(1), Some(at)].into_iter().flatten().find_map(|at| {
            let word = tokens.text(at).to_lowercase();
            let is_plain = word.chars().all(|sign| sign.is_ascii_alphabetic());
            let is_known = KEYWORDS.contains(&word.as_str());
            (is_plain && !is_known).then(|| did_you_mean(&word, KEYWORDS.iter().copied()))?
        })
    }
}

/// What of an engine's words does not quote the statement as it was changed for it.
fn seen(words: &str) -> &str {
    let is_ours = words.contains("pintail_check_") || words.contains("pintail_own_");
    match words.split_once(" at or near ") {
        Some((before, _)) if is_ours => before,
        _ => words,
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
    let duckdb = call("No function matches the given name and argument types", '\'');
    let postgres =
        || Some(headline.strip_prefix("function ")?.strip_suffix(" does not exist")?.to_owned());
    match duckdb.or_else(postgres) {
        Some(call) => format!("There is no `{call}`: the types do not fit"),
        None => headline.to_owned(),
    }
}

/// What a function of other databases is here.
fn elsewhere(name: &str) -> Option<&'static str> {
    const NAMES: &[(&str, &str)] = &[
        ("nvl", "coalesce(value, other)"),
        ("ifnull", "coalesce(value, other)"),
        ("isnull", "coalesce(value, other)"),
        ("zeroifnull", "coalesce(value, 0)"),
        ("iff", "case when condition then one else other end"),
        ("decode", "case value when one then this else that end"),
        ("dateadd", "day + interval '1 day'"),
        ("date_add", "day + interval '1 day'"),
        ("getdate", "current_timestamp"),
        ("sysdate", "current_timestamp"),
        ("listagg", "string_agg(value, ', ')"),
        ("group_concat", "string_agg(value, ', ')"),
        ("charindex", "strpos(text, part)"),
        ("len", "length(text)"),
        ("safe_divide", "value / nullif(other, 0)"),
        ("div0", "value / nullif(other, 0)"),
        ("to_varchar", "cast(value as varchar)"),
        ("countif", "count(*) filter (where condition)"),
        ("count_if", "count(*) filter (where condition)"),
    ];
    let bare = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    NAMES.iter().find(|(other, _)| *other == bare).map(|(_, ours)| *ours)
}

/// Words that statements are made of.
const KEYWORDS: &[&str] = &[
    "select",
    "distinct",
    "from",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "union",
    "join",
    "left",
    "inner",
    "outer",
    "cross",
    "using",
    "case",
    "when",
    "then",
    "else",
    "end",
    "and",
    "between",
    "with",
    "over",
    "partition",
    "as",
    "on",
    "by",
    "or",
    "not",
    "in",
    "is",
    "null",
];

/// How many columns are listed.
const MOST_NAMED: usize = 12;

/// How many lines of the engine's words are shown.
const MOST_LINES: usize = 5;
