//! `pivot` and `unpivot` behind a relation.

use std::rc::Rc;

use sqlparser::ast::{
    Expr, ExprWithAlias, ObjectNamePart, PivotValueSource, TableFactor, Value, Visit, Visitor,
};

use super::dialect::{fold, same};
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
            TableFactor::Pivot { aggregate_functions, value_column, value_source, .. } => {
                self.pivot(aggregate_functions, value_column, value_source, &scope)
            }
            TableFactor::Unpivot { value, name, columns, .. } => {
                let columns: Vec<&Expr> = columns.iter().map(|column| &column.expr).collect();
                let mut rows = self.rest(&columns, inner);
                rows.columns.push(Column::new(fold(name, self.kind), Rc::default()));
                let mut made = Made::default();
                for column in &columns {
                    made.or(&self.expression(column, &scope, None));
                }
                let name = match value {
                    Expr::Identifier(name) => fold(name, self.kind),
                    other => other.to_string(),
                };
                rows.columns.push(Column::new(name, made));
                rows
            }
            _ => Rows::default(),
        };
        Rows { sign: rows.sign.with(Sign::written(factor)), ..rows }
    }

    fn pivot(
        &self,
        aggregates: &[ExprWithAlias],
        by: &[Expr],
        values: &PivotValueSource,
        scope: &Scope<'_>,
    ) -> Rows {
        let used: Vec<&Expr> =
            aggregates.iter().map(|aggregate| &aggregate.expr).chain(by).collect();
        let mut rows = self.rest(&used, scope.from);
        let mut keys = Made::default();
        for expr in by {
            keys.add(&self.expression(expr, scope, None));
        }
        let mut all = Vec::new();
        for aggregate in aggregates {
            let mut made = keys.clone();
            made.add(&self.expression(&aggregate.expr, scope, None));
            let name = aggregate.alias.as_ref().map(|alias| fold(alias, self.kind));
            let name = name.unwrap_or_else(|| aggregate.expr.to_string().to_lowercase());
            all.push((name, Rc::new(made)));
        }
        let PivotValueSource::List(list) = values else {
            let mut any = Made::default();
            for (_, made) in &all {
                any.add(made);
            }
            rows.open = std::mem::take(&mut rows.open).with(&Open::Any(Rc::new(any)));
            return rows;
        };
        for value in list {
            let text = match (&value.alias, &value.expr) {
                (Some(alias), _) => fold(alias, self.kind),
                (None, Expr::Identifier(name)) => fold(name, self.kind),
                (None, Expr::Value(value)) => match &value.value {
                    Value::SingleQuotedString(text) => text.clone(),
                    other => other.to_string(),
                },
                (None, other) => other.to_string(),
            };
            for (name, made) in &all {
                let name = if all.len() == 1 { text.clone() } else { format!("{text}_{name}") };
                rows.columns.push(Column::new(name, made.clone()));
            }
        }
        rows
    }

    /// The columns that stay as they are: those that are not named.
    fn rest(&self, named: &[&Expr], from: &From) -> Rows {
        let mut names = Names(Vec::new(), self);
        for expr in named {
            let _all_of_it = expr.visit(&mut names);
        }
        let is_named = |name: &str| names.0.iter().any(|own| same(own, name, self.kind));
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

/// The columns that are named somewhere.
struct Names<'a>(Vec<String>, &'a Statement<'a>);

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
        self.0.extend(last.map(|name| fold(name, self.1.kind)));
        std::ops::ControlFlow::Continue(())
    }
}
