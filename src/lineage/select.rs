//! One `select`: its list of columns with stars and what they leave out, and what decides its rows.

use std::rc::Rc;

use sqlparser::ast::{
    Distinct, ExcludeSelectItem, Expr, GroupByExpr, Ident, OrderByKind, RenameSelectItem, Select,
    SelectItem, SelectItemQualifiedWildcardKind, Spanned, Value, WildcardAdditionalOptions,
};

use super::columns::columns_in;
use super::dialect::{fold, idents, same};
use super::made::{Column, Made, Open, Rows, Sign};
use super::query::Statement;
use super::scope::{Ctes, From, Scope};
use crate::config::EngineKind;

impl Statement<'_> {
    /// The rows of a `select`. `order` decides which of them there are, where there is a limit.
    pub fn select(
        &self,
        select: &Select,
        order: Option<&OrderByKind>,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Rows {
        let from = self.from(&select.from, ctes, outer);
        let scope = Scope { windows: &select.named_window, ..Scope::of(&from, ctes, outer) };
        let mut rows = Rows { filters: from.filters.clone(), ..Rows::default() };
        for item in &select.projection {
            self.item(item, &scope, &mut rows);
        }
        if select.projection.is_empty() {
            // `from t` alone.
            self.star(&WildcardAdditionalOptions::default(), None, &scope, &mut rows);
        }
        // PostgreSQL knows aliases in `group by` and `order by` only.
        if self.kind == EngineKind::Postgres {
            let named = rows.columns.iter();
            *scope.aliases.borrow_mut() = named.filter(|_| rows.open.is_no()).cloned().collect();
        }
        self.group(&select.group_by, &scope, &mut rows);
        if let Some(kind) = order {
            self.order(kind, &scope, &mut rows);
        }
        if let Some(Distinct::On(exprs)) = &select.distinct {
            self.decide(exprs, &scope, &mut rows);
        }
        if self.kind == EngineKind::Postgres {
            scope.aliases.borrow_mut().clear();
        }
        let decides = [&select.selection, &select.having, &select.qualify, &select.prewhere];
        for expr in decides.into_iter().flatten() {
            let made = self.expression(expr, &scope, None);
            rows.filters.add(&made);
        }
        rows.sign = self.sign_of(select, &from);
        if self.kind == EngineKind::DuckDb {
            number_doubles(&mut rows.columns);
        }
        rows
    }

    /// How the rows are chosen.
    fn sign_of(&self, select: &Select, from: &From) -> Sign {
        let mut sign = from.sign;
        let decides = [&select.selection, &select.having, &select.qualify, &select.prewhere];
        for (at, expr) in decides.into_iter().enumerate() {
            if let Some(expr) = expr {
                sign = sign.with(Sign::of(&format!("{at} {expr}")));
            }
        }
        if let Some(distinct) = &select.distinct {
            sign = sign.with(Sign::written(distinct));
        }
        match &select.group_by {
            GroupByExpr::Expressions(exprs, _) if exprs.is_empty() => sign,
            group => sign.with(Sign::written(group)),
        }
    }

    fn item(&self, item: &SelectItem, scope: &Scope<'_>, rows: &mut Rows) {
        match item {
            SelectItem::UnnamedExpr(expr) => self.value(expr, None, scope, rows),
            SelectItem::ExprWithAlias { expr, alias } => self.value(expr, Some(alias), scope, rows),
            SelectItem::ExprWithAliases { expr, aliases } => {
                for alias in aliases {
                    self.value(expr, Some(alias), scope, rows);
                }
            }
            SelectItem::Wildcard(options) => self.star(options, None, scope, rows),
            SelectItem::QualifiedWildcard(kind, options) => match kind {
                SelectItemQualifiedWildcardKind::ObjectName(name) => {
                    let parts = idents(name).unwrap_or_default();
                    let names: Vec<String> =
                        parts.iter().map(|part| fold(part, self.kind)).collect();
                    if scope.from.entry(&names, self.kind).is_some() {
                        return self.star(options, Some(&names), scope, rows);
                    }
                    // What is in a struct.
                    let parts: Vec<Ident> = parts.into_iter().cloned().collect();
                    let made = self.column(&parts, scope);
                    rows.open = inside(&rows.open, &made);
                }
                SelectItemQualifiedWildcardKind::Expr(expr) => {
                    let made = self.expression(expr, scope, None);
                    rows.open = inside(&rows.open, &made);
                }
            },
        }
    }

    /// One value; several where it has `COLUMNS(…)` in it.
    fn value(&self, expr: &Expr, alias: Option<&Ident>, scope: &Scope<'_>, rows: &mut Rows) {
        if self.kind == EngineKind::DuckDb
            && let Some(function) = columns_in(expr)
        {
            return self.columns(expr, &function, alias, scope, rows);
        }
        let made = self.expression(expr, scope, None);
        if self.kind == EngineKind::DuckDb && alias.is_none() && is_unnest(expr) {
            // A struct becomes as many columns as it has fields, a list the one of this name.
            rows.open = inside(&rows.open, &made);
            return;
        }
        let name = alias.map_or_else(|| self.name_in(expr, scope), |alias| fold(alias, self.kind));
        let column = Column { name, made, at: Some(expr.span().start) };
        if self.kind == EngineKind::DuckDb && alias.is_some() {
            scope.aliases.borrow_mut().push(column.clone());
        }
        rows.columns.push(column);
    }

    /// `*`, or all of one relation.
    pub fn star(
        &self,
        options: &WildcardAdditionalOptions,
        of: Option<&[String]>,
        scope: &Scope<'_>,
        rows: &mut Rows,
    ) {
        let (mut columns, open) = match of.map(|name| scope.from.entry(name, self.kind)) {
            None => {
                let all: Vec<Column> =
                    scope.from.visible.iter().map(|one| one.column.clone()).collect();
                let mut open = Open::No;
                for at in &scope.from.open {
                    open = open.with(&scope.from.entries[*at].rows.open);
                }
                (all, open)
            }
            Some(Some(entry)) => (entry.rows.columns.clone(), Open::No.with(&entry.rows.open)),
            Some(None) => (Vec::new(), Open::unknown("`*` of a relation that is not here")),
        };
        let is = |name: &str, own: &str| same(name, own, self.kind);
        let without = self.left_out(options);
        columns.retain(|column| !without.iter().any(|name| is(name, &column.name)));
        if let Some(pattern) = &options.opt_ilike {
            let pattern = pattern.pattern.to_lowercase();
            columns.retain(|column| is_like(&column.name.to_lowercase(), &pattern));
        }
        for element in options.opt_replace.iter().flat_map(|replace| &replace.items) {
            let made = self.expression(&element.expr, scope, None);
            let name = fold(&element.column_name, self.kind);
            match columns.iter_mut().find(|column| is(&name, &column.name)) {
                Some(column) => column.made = made,
                None if !open.is_no() => columns.push(Column::new(name, made)),
                None => {}
            }
        }
        for pair in self.new_names(options) {
            match columns.iter_mut().find(|column| is(&pair.0, &column.name)) {
                Some(column) => column.name = pair.1,
                None => {
                    if let Some(made) = open.column(&pair.0) {
                        columns.push(Column::new(pair.1, made));
                    }
                }
            }
        }
        rows.columns.extend(columns);
        rows.open = std::mem::take(&mut rows.open).with(&open);
    }

    /// The names that a star leaves out.
    fn left_out(&self, options: &WildcardAdditionalOptions) -> Vec<String> {
        let mut names = Vec::new();
        let objects = match &options.opt_exclude {
            Some(ExcludeSelectItem::Single(name)) => std::slice::from_ref(name),
            Some(ExcludeSelectItem::Multiple(many)) => many.as_slice(),
            None => &[],
        };
        for object in objects {
            let last =
                idents(object).and_then(|parts| parts.last().map(|part| fold(part, self.kind)));
            names.extend(last);
        }
        if let Some(except) = &options.opt_except {
            names.push(fold(&except.first_element, self.kind));
            names.extend(except.additional_elements.iter().map(|name| fold(name, self.kind)));
        }
        names
    }

    fn new_names(&self, options: &WildcardAdditionalOptions) -> Vec<(String, String)> {
        let pairs = match &options.opt_rename {
            Some(RenameSelectItem::Single(pair)) => std::slice::from_ref(pair),
            Some(RenameSelectItem::Multiple(many)) => many.as_slice(),
            None => &[],
        };
        let names = |name: &Ident| fold(name, self.kind);
        pairs.iter().map(|pair| (names(&pair.ident), names(&pair.alias))).collect()
    }

    fn group(&self, group: &GroupByExpr, scope: &Scope<'_>, rows: &mut Rows) {
        // `group by all` takes what is not aggregated; the columns decide for themselves then.
        if let GroupByExpr::Expressions(exprs, _) = group {
            self.decide(exprs, scope, rows);
        }
    }

    fn order(&self, order: &OrderByKind, scope: &Scope<'_>, rows: &mut Rows) {
        match order {
            OrderByKind::All(_) => {
                let whole = rows.whole();
                rows.filters.add(&whole);
            }
            OrderByKind::Expressions(exprs) => {
                for one in exprs {
                    self.decide(std::slice::from_ref(&one.expr), scope, rows);
                }
            }
        }
    }

    /// Adds what expressions are made of to what decides the rows. A number means a column by its
    /// place.
    fn decide(&self, exprs: &[Expr], scope: &Scope<'_>, rows: &mut Rows) {
        for expr in exprs {
            let made = match place_of(expr) {
                Some(place) => {
                    let column = place.checked_sub(1).and_then(|at| rows.columns.get(at));
                    column.map(|column| column.made.clone()).unwrap_or_default()
                }
                None => self.expression(expr, scope, None),
            };
            rows.filters.add(&made);
        }
    }
}

/// Whether a value is `unnest(…)`.
fn is_unnest(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if idents(&function.name)
        .and_then(|parts| parts.last().map(|name| name.value.eq_ignore_ascii_case("unnest")))
        .unwrap_or(false))
}

/// What is open where the fields of a struct are columns.
fn inside(open: &Open, made: &Rc<Made>) -> Open {
    open.clone().with(&Open::Any(Rc::new(made.transformed())))
}

/// The place that a number means in `group by 1`.
fn place_of(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.to_string().parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a text is like a pattern of SQL: `%` is anything, `_` one character.
fn is_like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) =
        (text.chars().collect(), pattern.chars().collect());
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for sign in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match sign {
                '%' => fits[at] || (at > 0 && next[at - 1]),
                '_' => at > 0 && fits[at - 1],
                sign => at > 0 && fits[at - 1] && text[at - 1] == sign,
            };
        }
        fits = next;
    }
    fits.last().copied().unwrap_or(false)
}

/// DuckDB tells columns of one name apart by numbers.
fn number_doubles(columns: &mut [Column]) {
    let mut seen = std::collections::HashSet::new();
    for column in columns {
        let own = column.name.to_lowercase();
        if seen.insert(own.clone()) {
            continue;
        }
        let mut number = 1;
        while !seen.insert(format!("{own}_{number}")) {
            number += 1;
        }
        column.name = format!("{}_{number}", column.name);
    }
}
