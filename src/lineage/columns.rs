//! DuckDB's `COLUMNS(…)`: an expression for each column that it stands for.

use std::ops::ControlFlow;

use regex::Regex;
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, Value, Visit,
    Visitor, WildcardAdditionalOptions,
};

use super::dialect::{fold, idents, same};
use super::made::{Column, Open, Rows};
use super::query::Statement;
use super::scope::Scope;
use crate::config::EngineKind;

/// The columns that are meant of those that there are.
enum Meant {
    All,
    Like(Regex),
    Named(Vec<String>),
}

impl Meant {
    fn includes(&self, column: &Column) -> bool {
        match self {
            Meant::All => true,
            Meant::Like(pattern) => pattern.is_match(&column.name),
            Meant::Named(names) => {
                names.iter().any(|name| same(name, &column.name, EngineKind::DuckDb))
            }
        }
    }
}

impl Statement<'_> {
    /// Adds an expression for each column that `function`, which is in it, stands for.
    pub fn columns(
        &self,
        expr: &Expr,
        function: &Function,
        alias: Option<&Ident>,
        scope: &Scope<'_>,
        rows: &mut Rows,
    ) {
        let Some((all, meant)) = self.meant(function, scope) else {
            let open = Open::unknown("which columns `COLUMNS(…)` means is computed");
            rows.open = std::mem::take(&mut rows.open).with(&open);
            return;
        };
        for column in &all.columns {
            if meant.includes(column) {
                let made = self.expression(expr, scope, Some(&column.made));
                let name =
                    alias.map_or_else(|| column.name.clone(), |alias| fold(alias, self.kind));
                rows.columns.push(Column { name, made, at: Some(expr.span().start) });
            }
        }
        if !all.open.is_no() {
            let is_bare = matches!(expr, Expr::Function(function) if is_columns(function));
            let rest = match is_bare {
                true => all.open,
                false => Open::unknown("`COLUMNS(…)` of a relation whose columns are not known"),
            };
            rows.open = std::mem::take(&mut rows.open).with(&rest);
        }
    }

    /// The columns that `COLUMNS(…)` means; none where that is computed, or there may be more.
    pub fn all_meant(&self, function: &Function, scope: &Scope<'_>) -> Option<Vec<Column>> {
        let (all, meant) = self.meant(function, scope).filter(|(all, _)| all.open.is_no())?;
        Some(all.columns.into_iter().filter(|column| meant.includes(column)).collect())
    }

    /// All columns, and which of them are meant; none where that is computed.
    fn meant(&self, function: &Function, scope: &Scope<'_>) -> Option<(Rows, Meant)> {
        let FunctionArguments::List(list) = &function.args else { return None };
        let FunctionArg::Unnamed(argument) = list.args.first()? else { return None };
        let plain = WildcardAdditionalOptions::default();
        let mut all = Rows::default();
        let meant = match argument {
            FunctionArgExpr::WildcardWithOptions(options) => {
                self.star(options, None, scope, &mut all);
                return Some((all, Meant::All));
            }
            FunctionArgExpr::QualifiedWildcard(name) => {
                let parts = idents(name)?;
                let names: Vec<String> = parts.iter().map(|part| fold(part, self.kind)).collect();
                self.star(&plain, Some(&names), scope, &mut all);
                return Some((all, Meant::All));
            }
            FunctionArgExpr::Wildcard => Meant::All,
            FunctionArgExpr::Expr(Expr::Array(list)) => {
                Meant::Named(list.elem.iter().filter_map(text_of).map(str::to_owned).collect())
            }
            FunctionArgExpr::Expr(pattern) => Meant::Like(Regex::new(text_of(pattern)?).ok()?),
        };
        self.star(&plain, None, scope, &mut all);
        Some((all, meant))
    }
}

/// Whether a call is `COLUMNS(…)`.
pub(super) fn is_columns(function: &Function) -> bool {
    let name = idents(&function.name);
    let last = name.and_then(|parts| parts.last().map(|name| name.value.clone()));
    last.is_some_and(|name| name.eq_ignore_ascii_case("columns"))
}

/// The first `COLUMNS(…)` inside of an expression.
pub(super) fn columns_in(expr: &Expr) -> Option<Function> {
    struct Finder;
    impl Visitor for Finder {
        type Break = Function;
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Function> {
            match expr {
                Expr::Function(function) if is_columns(function) => {
                    ControlFlow::Break(function.clone())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    expr.visit(&mut Finder).break_value()
}

/// The text of a literal.
fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}
