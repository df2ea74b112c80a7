//! `pivot` and `unpivot` behind a relation.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, ExprWithAlias, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectNamePart,
    TableFactor, Value, Visit, Visitor,
};

use super::columns::is_columns;
use super::dialect::{fold, idents, same};
use super::duckdb_syntax::{BY, ON, USING};
use super::made::{Column, Made, Open, Rows, Sign};
use super::query::Statement;
use super::scope::{Ctes, From, Scope};

impl Statement<'_> {
    /// The rows of a pivoted or unpivoted relation, which is all of `inner`.
    pub fn pivoted(
        &self,
        factor: &TableFactor,
        inner: &From,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Rows {
        let scope = Scope::of(inner, ctes, outer);
        let rows = match factor {
            TableFactor::Pivot { aggregate_functions, .. } => {
                self.pivot(aggregate_functions, &scope)
            }
            TableFactor::Unpivot { value, name, columns, .. } => {
                self.unpivot(value, name, columns, &scope)
            }
            _ => Rows::default(),
        };
        Rows { sign: rows.sign.with(Sign::written(factor)), ..rows }
    }

    /// A pivot of the calls that stand for its parts.
    fn pivot(&self, calls: &[ExprWithAlias], scope: &Scope<'_>) -> Rows {
        let mut named = Names::new(self);
        let mut keys = Made::default();
        // The beginnings of the new names, where all are known.
        let mut heads = Some(vec![String::new()]);
        let (mut by, mut aggregates) = (Vec::new(), Vec::new());
        for call in calls {
            let Some((name, value, rest)) = parts_of(&call.expr) else {
                let open = Open::unknown("this kind of pivot is not known here");
                return Rows { open, ..Rows::default() };
            };
            let made = self.expression(value, scope, None);
            named.add(value);
            if name == ON {
                keys.add(&made);
                let values = rest.iter().map(value_name).collect::<Option<Vec<String>>>();
                let values = values.filter(|values| !values.is_empty());
                heads = heads.zip(values).map(|(heads, values)| {
                    let longer = |head: &String| {
                        let head = head.clone();
                        let start = if head.is_empty() { head } else { format!("{head}_") };
                        values.iter().map(move |value| format!("{start}{value}"))
                    };
                    heads.iter().flat_map(longer).collect()
                });
            } else if name == USING {
                let alias = call.alias.as_ref().map(|alias| fold(alias, self.kind));
                aggregates.push((alias, self.name_of(value), made));
            } else if name == BY {
                by.push(Column::new(self.name_in(value, scope), made));
            }
        }
        let mut rows = self.rest(&named, scope.from);
        if !by.is_empty() {
            rows.columns = by;
            rows.open = Open::No;
        }
        if aggregates.is_empty() {
            aggregates.push((None, String::new(), Rc::default()));
        }
        let is_plain = matches!(aggregates.as_slice(), [(None, ..)]);
        let all: Vec<(String, Rc<Made>)> = aggregates
            .into_iter()
            .map(|(alias, name, of)| {
                let mut made = keys.clone();
                made.add(&of);
                let end = if is_plain { String::new() } else { alias.unwrap_or(name) };
                (end, Rc::new(made))
            })
            .collect();
        match heads {
            Some(heads) => {
                for head in heads {
                    let ends = all.iter().map(|(end, made)| match end.as_str() {
                        "" => Column::new(head.clone(), made.clone()),
                        end => Column::new(format!("{head}_{end}"), made.clone()),
                    });
                    rows.columns.extend(ends);
                }
            }
            None => {
                let mut any = Made::default();
                all.iter().for_each(|(_, made)| any.add(made));
                rows.open = std::mem::take(&mut rows.open).with(&Open::Any(Rc::new(any)));
            }
        }
        rows
    }

    fn unpivot(
        &self,
        value: &Expr,
        name: &Ident,
        columns: &[ExprWithAlias],
        scope: &Scope<'_>,
    ) -> Rows {
        let parts = |expr: &Expr| match expr {
            Expr::Tuple(many) => many.clone(),
            Expr::Nested(one) => vec![(**one).clone()],
            one => vec![one.clone()],
        };
        let mut values: Vec<(String, Made)> =
            parts(value).iter().map(|value| (self.name_of(value), Made::default())).collect();
        let mut named = Names::new(self);
        let mut computed = false;
        for column in columns {
            if let Expr::Function(function) = &column.expr
                && is_columns(function)
            {
                match self.all_meant(function, scope) {
                    Some(meant) => {
                        for column in meant {
                            values.iter_mut().for_each(|(_, made)| made.or(&column.made));
                            named.names.push(column.name);
                        }
                    }
                    None => computed = true,
                }
                continue;
            }
            named.add(&column.expr);
            for (part, (_, made)) in parts(&column.expr).iter().zip(&mut values) {
                made.or(&self.expression(part, scope, None));
            }
        }
        let mut rows = self.rest(&named, scope.from);
        if computed {
            const WHY: &str = "which columns are unpivoted is computed";
            rows.columns.clear();
            rows.open = Open::unknown(WHY);
            values.iter_mut().for_each(|(_, made)| made.add(&Made::unknown(WHY, None)));
        }
        rows.columns.push(Column::new(fold(name, self.kind), Rc::default()));
        rows.columns.extend(values.into_iter().map(|(name, made)| Column::new(name, made)));
        rows
    }

    /// The columns that stay as they are: those that are not named.
    fn rest(&self, named: &Names<'_>, from: &From) -> Rows {
        let is_named = |name: &str| named.names.iter().any(|own| same(own, name, self.kind));
        let columns = from.visible.iter().map(|one| &one.column);
        let mut open = Open::No;
        for at in &from.open {
            open = open.with(&from.entries[*at].rows.open);
        }
        let columns = columns.filter(|column| !is_named(&column.name)).cloned().collect();
        let filters = from.filters.clone();
        Rows { columns, open, filters, sign: from.sign }
    }
}

/// The function of a call, its first argument and the others.
fn parts_of(call: &Expr) -> Option<(String, &Expr, &[FunctionArg])> {
    let Expr::Function(function) = call else { return None };
    let FunctionArguments::List(list) = &function.args else { return None };
    let (first, rest) = list.args.split_first()?;
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = first else { return None };
    let name = idents(&function.name)?.last()?.value.clone();
    [ON, USING, BY].contains(&name.as_str()).then_some((name, value, rest))
}

/// The name of the column that a value becomes; none where that is computed.
fn value_name(value: &FunctionArg) -> Option<String> {
    match value {
        FunctionArg::Named { name, .. } => Some(name.value.clone()),
        FunctionArg::ExprNamed { name: Expr::Identifier(name), .. } => Some(name.value.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) => {
            Some(name.value.clone())
        }
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            Value::Number(digits, _) => Some(digits.to_string()),
            Value::Boolean(truth) => Some(truth.to_string()),
            _ => None,
        },
        _ => None,
    }
}

/// The columns that are named somewhere.
struct Names<'a> {
    names: Vec<String>,
    of: &'a Statement<'a>,
}

impl<'a> Names<'a> {
    fn new(of: &'a Statement<'a>) -> Names<'a> {
        Names { names: Vec::new(), of }
    }

    fn add(&mut self, expr: &Expr) {
        let _all_of_it = expr.visit(self);
    }
}

impl Visitor for Names<'_> {
    type Break = ();
    fn pre_visit_expr(&mut self, expr: &Expr) -> std::ops::ControlFlow<()> {
        let last = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            // A list of arguments may be read as a name of several parts.
            Expr::Function(function) if function.name.0.len() > 1 => {
                function.name.0.first().and_then(ObjectNamePart::as_ident)
            }
            _ => None,
        };
        self.names.extend(last.map(|name| fold(name, self.of.kind)));
        std::ops::ControlFlow::Continue(())
    }
}
