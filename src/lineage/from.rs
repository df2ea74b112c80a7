//! A `from` clause: relations, subqueries, table functions and how they are joined.

use std::rc::Rc;

use sqlparser::ast::{
    FunctionArg, JoinConstraint, JoinOperator, ObjectName, Query, TableAlias, TableFactor,
    TableWithJoins, Visit,
};

use super::dialect::{fold, idents, same};
use super::made::{Column, Made, Open, Rows, Sign};
use super::query::Statement;
use super::scope::{Ctes, From, Scope, Visible};
use crate::config::EngineKind;

/// Which side of a join a column that both have comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Either,
}

/// Functions that make rows of their arguments, and the columns of these rows where they have other
/// names than the function.
const MAKING: &[(&str, &[&str])] = &[
    ("generate_series", &[]),
    ("generate_subscripts", &[]),
    ("json_array_elements", &["value"]),
    ("json_array_elements_text", &["value"]),
    ("json_each", &["key", "value"]),
    ("json_each_text", &["key", "value"]),
    ("json_object_keys", &[]),
    // Their columns are those of the list that follows.
    ("json_to_record", &["value"]),
    ("json_to_recordset", &["value"]),
    ("jsonb_array_elements", &["value"]),
    ("jsonb_array_elements_text", &["value"]),
    ("jsonb_each", &["key", "value"]),
    ("jsonb_each_text", &["key", "value"]),
    ("jsonb_object_keys", &[]),
    ("jsonb_to_record", &["value"]),
    ("jsonb_to_recordset", &["value"]),
    ("range", &[]),
    ("regexp_matches", &[]),
    ("regexp_split_to_table", &[]),
    ("string_to_table", &[]),
    ("unnest", &[]),
];

impl Statement<'_> {
    /// All relations of a `from` clause.
    pub fn from(
        &self,
        tables: &[TableWithJoins],
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> From {
        let mut all = From::default();
        for table in tables {
            let since = all.entries.len();
            all = self.with_joins(all, table, since, ctes, outer);
        }
        all
    }

    /// Adds a relation and what is joined with it; `since` is where those begin that it is joined with.
    fn with_joins(
        &self,
        before: From,
        table: &TableWithJoins,
        since: usize,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> From {
        let first = self.factor(&table.relation, &before, ctes, outer);
        let mut all = beside(before, first);
        for join in &table.joins {
            let right = self.factor(&join.relation, &all, ctes, outer);
            all = self.joined(all, right, since, &join.join_operator, ctes, outer);
        }
        all
    }

    fn joined(
        &self,
        left: From,
        right: From,
        since: usize,
        operator: &JoinOperator,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> From {
        use JoinOperator as Op;
        let (constraint, side, hides_right) = match operator {
            Op::Join(by)
            | Op::Inner(by)
            | Op::Left(by)
            | Op::LeftOuter(by)
            | Op::CrossJoin(by)
            | Op::StraightJoin(by) => (Some(by), Side::Left, false),
            Op::AsOf { constraint, .. } => (Some(constraint), Side::Left, false),
            Op::Right(by) | Op::RightOuter(by) => (Some(by), Side::Right, false),
            Op::FullOuter(by) => (Some(by), Side::Either, false),
            Op::Semi(by) | Op::LeftSemi(by) | Op::Anti(by) | Op::LeftAnti(by) => {
                (Some(by), Side::Left, true)
            }
            Op::RightSemi(by) | Op::RightAnti(by) => (Some(by), Side::Right, false),
            _ => (None, Side::Left, false),
        };
        let names = match constraint {
            Some(JoinConstraint::Using(names) | JoinConstraint::UsingAlias(names, _)) => {
                let last =
                    |name: &ObjectName| idents(name)?.last().map(|part| fold(part, self.kind));
                names.iter().filter_map(last).collect()
            }
            Some(JoinConstraint::Natural) => self.common(&left, &right, since),
            _ => Vec::new(),
        };
        let sign = match constraint {
            Some(JoinConstraint::On(condition)) => Sign::written(condition),
            _ => Sign::of(&names.join(",")),
        };
        let sign = sign.with(Sign::of(&format!("{:?}", std::mem::discriminant(operator))));
        let (kept, kept_open) = (left.visible.len(), left.open.len());
        let mut all = beside(left, right.clone());
        all.sign = all.sign.with(sign);
        self.merge(&mut all, &names, since, kept, side);
        if let Op::AsOf { match_condition, .. } = operator {
            let made = self.condition(match_condition, &all, ctes, outer);
            all.filters.add(&made);
        }
        if let Some(JoinConstraint::On(condition)) = constraint {
            let made = self.condition(condition, &all, ctes, outer);
            all.filters.add(&made);
        }
        if hides_right {
            all.visible.retain(|one| one.entry < all.entries.len() - right.entries.len());
            all.open.truncate(kept_open);
            all.entries.truncate(all.entries.len() - right.entries.len());
        }
        all
    }

    fn condition<V: Visit>(
        &self,
        condition: &V,
        from: &From,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Made {
        self.visited(condition, &Scope::of(from, ctes, outer), None)
    }

    /// The names that both sides of a natural join have.
    fn common(&self, left: &From, right: &From, since: usize) -> Vec<String> {
        let names = left.visible.iter().filter(|one| one.entry >= since);
        let is_right = |name: &&Visible| {
            let mut all = right.visible.iter();
            all.any(|one| same(&one.column.name, &name.column.name, self.kind))
        };
        names.filter(is_right).map(|one| one.column.name.clone()).collect()
    }

    /// Makes one column of each that both sides are joined by. Those of the right side begin at `kept`.
    fn merge(&self, all: &mut From, names: &[String], since: usize, mut kept: usize, side: Side) {
        let mut front = Vec::new();
        for name in names {
            let is = |one: &Visible| same(&one.column.name, name, self.kind);
            let left = all.visible[..kept].iter().position(|one| one.entry >= since && is(one));
            let right = all.visible[kept..].iter().position(is).map(|at| at + kept);
            let right_from = all.visible.get(kept).map_or(all.entries.len(), |one| one.entry);
            let is_left = |at: &usize| (since..right_from).contains(at);
            let of = |at: Option<usize>, of_left: bool| match at {
                Some(at) => Some(all.visible[at].column.made.clone()),
                None => {
                    let mut open = all.open.iter().filter(|at| is_left(at) == of_left);
                    let only = open.next().filter(|_| open.next().is_none());
                    only.and_then(|at| all.entries[*at].rows.open.column(name))
                }
            };
            let unknown = || {
                let why = format!("`{name}` of `using` is not known on both sides");
                Rc::new(Made::unknown(why, None))
            };
            let of_left = of(left, true).unwrap_or_else(unknown);
            let of_right = of(right, false).unwrap_or_else(unknown);
            all.filters.add(&of_left);
            all.filters.add(&of_right);
            let made = match side {
                Side::Left => of_left,
                Side::Right => of_right,
                Side::Either => {
                    let mut both = (*of_left).clone();
                    both.or(&of_right);
                    Rc::new(both)
                }
            };
            if let Some(at) = right {
                all.visible.remove(at);
            }
            let column = Column::new(name.clone(), made);
            match (left, self.kind) {
                (Some(at), EngineKind::DuckDb) => all.visible[at].column = column,
                (Some(at), EngineKind::Postgres) => {
                    let entry = all.visible.remove(at).entry;
                    kept -= 1;
                    front.push(Visible { entry, column });
                }
                (None, _) => {
                    // Of a relation whose columns are not known.
                    front.push(Visible { entry: since, column });
                }
            }
        }
        all.visible.splice(0..0, front);
    }

    /// One relation of the clause; those before it may be named in it, where that is allowed.
    fn factor(
        &self,
        factor: &TableFactor,
        before: &From,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> From {
        let scope = Scope::of(before, ctes, outer);
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let rows = self.relation(name, ctes);
                self.named(rows, name, alias.as_ref())
            }
            TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. } => {
                let text = without_alias(factor);
                self.function(name, &args.args, &text, *with_ordinality, alias.as_ref(), &scope)
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                let text = without_alias(factor);
                self.function(name, args, &text, *with_ordinality, alias.as_ref(), &scope)
            }
            TableFactor::UNNEST { alias, array_exprs, with_ordinality, .. } => {
                let unnest = "unnest".to_owned();
                let column = |expr| {
                    let made = self.visited(expr, &scope, None).transformed();
                    Column::new(unnest.clone(), made)
                };
                let columns: Vec<Column> = array_exprs.iter().map(column).collect();
                let rows = Rows { columns, ..Rows::default() };
                self.function_rows(rows, &unnest, *with_ordinality, alias.as_ref())
            }
            TableFactor::Derived { lateral, subquery, alias, .. } => {
                let scope = Scope { is_beside: !lateral, ..scope };
                let sees_before = *lateral || self.kind == EngineKind::DuckDb;
                let outer = if sees_before { Some(&scope) } else { outer };
                self.derived(subquery, alias.as_ref(), ctes, outer)
            }
            TableFactor::TableFunction { expr, alias } => {
                let made = Rc::new(self.visited(expr, &scope, None).transformed());
                let rows = Rows { open: Open::Any(made), ..Rows::default() };
                self.aliased(rows, alias.as_ref(), Vec::new())
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let inner = self.with_joins(From::default(), table_with_joins, 0, ctes, outer);
                match alias {
                    None => inner,
                    Some(_) => {
                        let mut open = Open::No;
                        for at in &inner.open {
                            open = open.with(&inner.entries[*at].rows.open);
                        }
                        let columns = inner.visible.into_iter().map(|one| one.column).collect();
                        let rows = Rows { columns, open, filters: inner.filters, sign: inner.sign };
                        self.aliased(rows, alias.as_ref(), Vec::new())
                    }
                }
            }
            TableFactor::Pivot { table, alias, .. } | TableFactor::Unpivot { table, alias, .. } => {
                let inner = self.factor(table, before, ctes, outer);
                let rows = self.pivoted(factor, &inner, ctes, outer);
                let own = inner.entries.first().map(|entry| entry.name.clone()).unwrap_or_default();
                self.aliased(rows, alias.as_ref(), own)
            }
            TableFactor::JsonTable { json_expr, alias, .. }
            | TableFactor::OpenJsonTable { json_expr, alias, .. } => {
                let made = Rc::new(self.visited(json_expr, &scope, None).transformed());
                let rows = Rows { open: Open::Any(made), ..Rows::default() };
                self.aliased(rows, alias.as_ref(), Vec::new())
            }
            TableFactor::XmlTable { passing, alias, .. } => {
                let made = Rc::new(self.visited(passing, &scope, None).transformed());
                let rows = Rows { open: Open::Any(made), ..Rows::default() };
                self.aliased(rows, alias.as_ref(), Vec::new())
            }
            _ => {
                let open = Open::unknown("this kind of relation is not known here");
                From::of(Vec::new(), Rc::new(Rows { open, ..Rows::default() }))
            }
        }
    }

    fn derived(
        &self,
        query: &Query,
        alias: Option<&TableAlias>,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> From {
        let rows = self.query(query, ctes, outer);
        self.aliased(rows, alias, Vec::new())
    }

    /// A relation under its own name or an alias.
    fn named(&self, rows: Rc<Rows>, name: &ObjectName, alias: Option<&TableAlias>) -> From {
        match alias {
            Some(alias) if !alias.columns.is_empty() => {
                self.aliased((*rows).clone(), Some(alias), Vec::new())
            }
            Some(alias) => From::of(vec![fold(&alias.name, self.kind)], rows),
            None => {
                let parts = idents(name).unwrap_or_default();
                From::of(parts.iter().map(|part| fold(part, self.kind)).collect(), rows)
            }
        }
    }

    fn aliased(&self, rows: Rows, alias: Option<&TableAlias>, own: Vec<String>) -> From {
        match alias {
            Some(alias) => {
                let name = vec![fold(&alias.name, self.kind)];
                From::of(name, Rc::new(self.renamed(rows, alias)))
            }
            None => From::of(own, Rc::new(rows)),
        }
    }

    /// A function in place of a relation; `text` is how it is written.
    fn function(
        &self,
        name: &ObjectName,
        args: &[FunctionArg],
        text: &str,
        with_ordinality: bool,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> From {
        let mut made = Made::default();
        for arg in args {
            made.add(&self.visited(arg, scope, None));
        }
        let own = idents(name).and_then(|parts| parts.last().map(|part| fold(part, self.kind)));
        let own = own.unwrap_or_default().to_lowercase();
        let known = MAKING.iter().find(|(name, _)| *name == own);
        let made = Rc::new(made);
        let column = |name: &str| Column::new(name, made.clone());
        let rows = match known {
            Some((_, [])) => Rows {
                columns: vec![column(&own)],
                open: Open::Same(made.clone()),
                ..Rows::default()
            },
            Some((_, columns)) => Rows {
                columns: columns.iter().map(|name| column(name)).collect(),
                open: Open::Any(made.clone()),
                ..Rows::default()
            },
            // What it reads is somewhere else.
            None if made.from.is_empty() && made.problems.is_empty() => {
                return self.aliased((*self.outside(text)).clone(), alias, vec![own]);
            }
            None => Rows { open: Open::Any(made.clone()), ..Rows::default() },
        };
        self.function_rows(rows, &own, with_ordinality, alias)
    }

    /// The rows that a function makes: PostgreSQL calls their only column as the relation.
    fn function_rows(
        &self,
        mut rows: Rows,
        own: &str,
        with_ordinality: bool,
        alias: Option<&TableAlias>,
    ) -> From {
        if self.kind == EngineKind::Postgres
            && let (Some(alias), [only]) = (alias, rows.columns.as_mut_slice())
        {
            only.name = fold(&alias.name, self.kind);
        }
        if with_ordinality {
            rows.columns.push(Column::new("ordinality", Rc::default()));
        }
        let sign = rows.columns.iter().fold(Sign::of(own), |sign, one| sign.with(one.made.sign));
        self.aliased(Rows { sign, ..rows }, alias, vec![own.to_owned()])
    }
}

/// Two sets of relations beside each other.
fn beside(mut left: From, right: From) -> From {
    let by = left.entries.len();
    left.entries.extend(right.entries);
    let moved = |one: Visible| Visible { entry: one.entry + by, column: one.column };
    left.visible.extend(right.visible.into_iter().map(moved));
    left.open.extend(right.open.into_iter().map(|at| at + by));
    left.filters.add(&right.filters);
    left.sign = left.sign.with(right.sign);
    left
}

/// A table function as it is written, without the name that it gets.
fn without_alias(factor: &TableFactor) -> String {
    let mut factor = factor.clone();
    if let TableFactor::Table { alias, .. } | TableFactor::Function { alias, .. } = &mut factor {
        *alias = None;
    }
    factor.to_string()
}
