//! SQL text → syntax tree, in the dialect of an engine, and how an engine compares names.

use std::any::TypeId;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart, Query, Statement};
use sqlparser::dialect::{Dialect, DuckDbDialect, PostgreSqlDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Tokenizer};

use super::duckdb_syntax::understood;
use crate::config::EngineKind;

/// How deep brackets and queries may lie in each other.
const DEPTH: usize = 300;

/// What is wrong with a text that could not be read: the reason, and the line and column if it is known.
pub(super) type Unread = (String, Option<Location>);

/// Reads a statement that is a query.
///
/// # Errors
/// The parser's words, and what is no query.
///
/// Gives words as well that are not in the query any more, and that decide about its rows.
pub(super) fn parse(sql: &str, kind: EngineKind) -> Result<(Box<Query>, String), Unread> {
    let dialect: &dyn Dialect = match kind {
        EngineKind::DuckDb => &DuckDb,
        EngineKind::Postgres => &PostgreSqlDialect {},
    };
    let tokens = Tokenizer::new(dialect, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| refused(&error.into()))?;
    let (tokens, lost) = match kind {
        EngineKind::DuckDb => understood(tokens),
        EngineKind::Postgres => (tokens, String::new()),
    };
    let mut parser =
        Parser::new(dialect).with_recursion_limit(DEPTH).with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| refused(&error))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(Statement::Query(query)), true) => Ok((query, lost)),
        (None, _) => Err(("there is no statement".to_owned(), None)),
        (Some(_), true) => Err(("it is no query".to_owned(), None)),
        (Some(_), false) => Err(("there are several statements".to_owned(), None)),
    }
}

/// The parser's message, and the place that stands at its end.
fn refused(error: &ParserError) -> Unread {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "it is nested too deep",
    };
    let place = text.rsplit_once(" at Line: ").and_then(|(before, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let location = Location { line: line.parse().ok()?, column: column.parse().ok()? };
        Some((before.to_owned(), Some(location)))
    });
    let (message, place) = place.unwrap_or_else(|| (text.to_owned(), None));
    (format!("its SQL cannot be read: {message}"), place)
}

/// A name as an engine knows it: PostgreSQL turns what is not quoted to lower case.
pub(super) fn fold(ident: &Ident, kind: EngineKind) -> String {
    match (kind, ident.quote_style) {
        (EngineKind::Postgres, None) => ident.value.to_lowercase(),
        _ => ident.value.clone(),
    }
}

/// Whether two folded names mean the same.
pub(super) fn same(one: &str, other: &str, kind: EngineKind) -> bool {
    match kind {
        EngineKind::DuckDb => {
            one.eq_ignore_ascii_case(other)
                || (!one.is_ascii() && one.to_lowercase() == other.to_lowercase())
        }
        EngineKind::Postgres => one == other,
    }
}

/// The parts of a name; none where a part is computed.
pub(super) fn idents(name: &ObjectName) -> Option<Vec<&Ident>> {
    name.0.iter().map(ObjectNamePart::as_ident).collect()
}

/// The parts of the name of a relation as it stands in SQL: `"db"."schema"."name"`.
pub fn name_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for sign in text.chars() {
        match sign {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            sign => parts.last_mut().into_iter().for_each(|part| part.push(sign)),
        }
    }
    parts
}

/// DuckDB's dialect with what the parser's own does not know of yet.
#[derive(Debug)]
struct DuckDb;

/// Answers a question of the parser's by yes.
macro_rules! supports {
    ($($name:ident),* $(,)?) => {
        $(fn $name(&self) -> bool { true })*
    };
}

impl Dialect for DuckDb {
    fn dialect(&self) -> TypeId {
        TypeId::of::<DuckDbDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '$' || ch == '_'
    }

    fn supports_string_literal_column_alias(&self, explicit: bool) -> bool {
        explicit
    }

    fn supports_string_literal_table_alias(&self, explicit: bool) -> bool {
        explicit
    }

    supports! {
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_aggregate_order_by_with_empty_args,
        supports_array_typedef_with_brackets,
        supports_bitwise_shift_operators,
        supports_comma_separated_trim,
        supports_comparison_in_between_low_bound,
        supports_cte_materialization,
        supports_dictionary_syntax,
        supports_double_ampersand_operator,
        supports_filter_during_aggregation,
        supports_from_first_select,
        supports_from_trailing_commas,
        supports_group_by_expr,
        supports_group_by_with_modifier,
        supports_in_empty_list,
        supports_in_unparenthesized_expr,
        supports_lambda_functions,
        supports_lambda_keyword_syntax,
        supports_left_associative_joins_without_parens,
        supports_named_fn_args_with_assignment_operator,
        supports_named_fn_args_with_eq_operator,
        supports_named_fn_args_with_rarrow_operator,
        supports_nested_comments,
        supports_notnull_operator,
        supports_numeric_literal_underscores,
        supports_order_by_all,
        supports_parens_around_table_factor,
        supports_projection_trailing_commas,
        supports_select_expr_star,
        supports_select_wildcard_except,
        supports_select_wildcard_exclude,
        supports_select_wildcard_ilike,
        supports_select_wildcard_rename,
        supports_select_wildcard_replace,
        supports_string_escape_constant,
        supports_string_literal_concatenation_with_newline,
        supports_subquery_as_function_arg,
        supports_table_sample_before_alias,
        supports_tilde_like_match_operator,
        supports_trailing_commas,
        supports_try_convert,
        supports_values_as_table_factor,
        supports_window_clause_named_window_reference,
        supports_window_function_null_treatment_arg,
        support_map_literal_syntax,
    }
}
