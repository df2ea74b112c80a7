//! A statement: common table expressions, set operations, lists of values. Gives the columns of its
//! rows and what they are made of.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use sqlparser::ast::{
    Cte, Distinct, ObjectName, OrderByKind, Query, SetExpr, SetOperator, SetQuantifier, TableAlias,
    Values, With,
};

use super::dialect::{fold, idents, parse, same};
use super::made::{Column, Made, Open, Rows, Sign};
use super::scope::{Ctes, From, Scope};
use crate::config::EngineKind;

/// A relation that a statement may read.
#[derive(Debug, Clone, Default)]
pub(super) struct Input {
    /// The parts of its names, as the statement has them.
    pub names: Vec<Vec<String>>,
    /// Stands for the relation, whatever it is called.
    pub sign: Sign,
    /// The text that stands for it, where that is no name.
    pub verbatim: Option<String>,
    pub columns: Vec<String>,
    /// Whether it may have more columns.
    pub open: bool,
    /// Whether it is meant by its whole name only.
    pub only_whole: bool,
}

/// One statement, while it is looked at.
pub(super) struct Statement<'a> {
    pub kind: EngineKind,
    inputs: &'a [Input],
    rows: Vec<Rc<Rows>>,
    /// What it reads beside the inputs, as it is written: numbered after them.
    outside: RefCell<Vec<String>>,
}

/// What a statement gives, and the names of what it reads beside its inputs.
pub(super) struct Result {
    pub rows: Rows,
    pub outside: Vec<String>,
}

/// The stack that any statement gets, and more for each byte of it: a long union is a tree as deep as
/// it is long, which even its end goes through.
const STACK: (usize, usize) = (4 << 20, 128);

/// How little of the stack may be left before there is more of it, and how much more.
const RED_ZONE: usize = 256 << 10;
const MORE_STACK: usize = 4 << 20;

/// Looks at a statement.
///
/// # Errors
/// Why its text cannot be read, and where.
pub(super) fn analyse(
    sql: &str,
    kind: EngineKind,
    inputs: &[Input],
) -> std::result::Result<Result, super::dialect::Unread> {
    stacker::grow(STACK.0 + STACK.1 * sql.len(), || {
        let (query, lost) = parse(sql, kind)?;
        let own = inputs.iter().enumerate().map(|(at, input)| Rc::new(rows_of(at, input)));
        let statement =
            Statement { kind, inputs, rows: own.collect(), outside: RefCell::default() };
        let mut rows = statement.query(&query, &Ctes::default(), None);
        if !lost.is_empty() {
            rows.sign = rows.sign.with(Sign::of(&lost));
        }
        Ok(Result { rows, outside: statement.outside.into_inner() })
    })
}

/// The rows of an input: each column is itself.
fn rows_of(at: usize, input: &Input) -> Rows {
    let column = |name: &String| Column::new(name.clone(), Made::copy(at, input.sign, name));
    Rows {
        columns: input.columns.iter().map(column).collect(),
        open: if input.open { Open::Of(at, input.sign) } else { Open::No },
        filters: Made::default(),
        sign: input.sign,
    }
}

impl Statement<'_> {
    /// A query, and what stands in front of it.
    pub fn query(&self, query: &Query, ctes: &Ctes<'_>, outer: Option<&Scope<'_>>) -> Rows {
        stacker::maybe_grow(RED_ZONE, MORE_STACK, || {
            let own = Ctes { own: RefCell::default(), outer: Some(ctes) };
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.cte(query.with.as_ref(), cte, &own, outer);
            }
            // Without a limit the order decides nothing, but which rows `distinct on` takes.
            let is_first = matches!(&*query.body, SetExpr::Select(select)
                if matches!(select.distinct, Some(Distinct::On(_))));
            let decides = query.limit_clause.is_some() || is_first;
            let order = query.order_by.as_ref().filter(|_| decides);
            let mut rows = self.body(&query.body, order.map(|order| &order.kind), &own, outer);
            if let Some(limit) = &query.limit_clause {
                rows.sign = rows.sign.with(Sign::written(limit));
            }
            rows.sign = order.map_or(rows.sign, |order| rows.sign.with(Sign::written(order)));
            rows
        })
    }

    fn cte(&self, with: Option<&With>, cte: &Cte, own: &Ctes<'_>, outer: Option<&Scope<'_>>) {
        let name = fold(&cte.alias.name, self.kind);
        let push = |rows: Rows| own.own.borrow_mut().push((name.clone(), Rc::new(rows)));
        // An ephemeral model.
        if let Some(at) = self.inlined(&name) {
            own.own.borrow_mut().push((name, self.rows[at].clone()));
            return;
        }
        let renamed = |rows: Rows| self.renamed(rows, &cte.alias);
        match (&*cte.query.body, with.is_some_and(|with| with.recursive)) {
            (SetExpr::SetOperation { left, .. }, true) if cte.query.with.is_none() => {
                push(renamed(self.body(left, None, own, outer)));
                // Each turn reads the rows of the one before, until nothing new comes.
                for _ in 0..16 {
                    let rows = renamed(self.body(&cte.query.body, None, own, outer));
                    let known = own.own.borrow_mut().pop();
                    let is_same = known.is_some_and(|(_, known)| are_same(&known, &rows));
                    push(rows);
                    if is_same {
                        break;
                    }
                }
            }
            _ => push(renamed(self.query(&cte.query, own, outer))),
        }
    }

    /// Rows whose columns have the names of an alias: `as t(a, b)`.
    pub fn renamed(&self, mut rows: Rows, alias: &TableAlias) -> Rows {
        if alias.columns.is_empty() {
            return rows;
        }
        let names: Vec<String> =
            alias.columns.iter().map(|column| fold(&column.name, self.kind)).collect();
        for (at, name) in names.into_iter().enumerate() {
            if let Some(column) = rows.columns.get_mut(at) {
                column.name = name;
                continue;
            }
            let made = match &rows.open {
                Open::Any(made) | Open::Same(made) => made.clone(),
                Open::No => break,
                Open::Of(..) | Open::Unknown(_) => Rc::new(Made::unknown(
                    format!("the columns that `{name}` is one of are not known"),
                    Some(alias.name.span.start),
                )),
            };
            rows.columns.push(Column::new(name, made));
        }
        if matches!(rows.open, Open::Same(_) | Open::Any(_)) {
            rows.open = Open::No;
        }
        rows
    }

    fn body(
        &self,
        body: &SetExpr,
        order: Option<&OrderByKind>,
        ctes: &Ctes<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Rows {
        stacker::maybe_grow(RED_ZONE, MORE_STACK, || match body {
            SetExpr::Select(select) => self.select(select, order, ctes, outer),
            SetExpr::Query(query) => self.query(query, ctes, outer),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let left = self.body(left, None, ctes, outer);
                let right = self.body(right, None, ctes, outer);
                let sign = left.sign.with(Sign::written(op)).with(Sign::written(set_quantifier));
                let sign = sign.with(right.sign);
                let by_name = matches!(
                    set_quantifier,
                    SetQuantifier::ByName
                        | SetQuantifier::AllByName
                        | SetQuantifier::DistinctByName
                );
                let rows = match (op, by_name) {
                    (SetOperator::Union, true) => self.union_by_name(left, &right),
                    (SetOperator::Union, false) => union(left, &right),
                    _ => {
                        // The rows of the left side, for which the right one decides.
                        let mut rows = left;
                        rows.filters.add(&right.whole());
                        rows.filters.add(&right.filters);
                        rows
                    }
                };
                Rows { sign, ..rows }
            }
            SetExpr::Values(values) => self.values(values, ctes, outer),
            SetExpr::Table(table) => {
                let parts = table.schema_name.iter().chain(&table.table_name);
                let name = ObjectName::from(parts.cloned().collect::<Vec<_>>());
                (*self.relation(&name, ctes)).clone()
            }
            _ => Rows { open: Open::unknown("it is no query"), ..Rows::default() },
        })
    }

    fn union_by_name(&self, mut left: Rows, right: &Rows) -> Rows {
        for column in &mut left.columns {
            let is = |other: &&Column| same(&other.name, &column.name, self.kind);
            let other = right.columns.iter().find(is).map(|other| other.made.clone());
            if let Some(other) = other.or_else(|| right.open.column(&column.name)) {
                let mut made = (*column.made).clone();
                made.or(&other);
                column.made = Rc::new(made);
            }
        }
        for column in &right.columns {
            if left.columns.iter().any(|own| same(&own.name, &column.name, self.kind)) {
                continue;
            }
            let mut made = (*column.made).clone();
            if let Some(other) = left.open.column(&column.name) {
                made.or(&other);
            }
            left.columns.push(Column { made: Rc::new(made), ..column.clone() });
        }
        left.open = left.open.with(&right.open);
        left.filters.add(&right.filters);
        left
    }

    fn values(&self, values: &Values, ctes: &Ctes<'_>, outer: Option<&Scope<'_>>) -> Rows {
        let from = From::default();
        let scope = Scope::of(&from, ctes, outer);
        let mut columns: Vec<Column> = Vec::new();
        for row in &values.rows {
            for (at, value) in row.content.iter().enumerate() {
                let made = self.expression(value, &scope, None);
                match columns.get_mut(at) {
                    Some(column) => {
                        let mut both = (*column.made).clone();
                        both.or(&made);
                        column.made = Rc::new(both);
                    }
                    None => {
                        let name = match self.kind {
                            EngineKind::DuckDb => format!("col{at}"),
                            EngineKind::Postgres => format!("column{}", at + 1),
                        };
                        columns.push(Column::new(name, made));
                    }
                }
            }
        }
        Rows { columns, sign: Sign::written(values), ..Rows::default() }
    }

    /// The rows of what a name means.
    pub fn relation(&self, name: &ObjectName, ctes: &Ctes<'_>) -> Rc<Rows> {
        let parts = idents(name);
        if let Some(parts) = &parts {
            let names: Vec<String> = parts.iter().map(|part| fold(part, self.kind)).collect();
            if let [name] = names.as_slice()
                && let Some(rows) = ctes.get(name, self.kind)
            {
                return rows;
            }
            if let Some(at) = self.input(&names) {
                return self.rows[at].clone();
            }
        }
        self.outside(&name.to_string())
    }

    /// The rows of what is none of the inputs.
    pub fn outside(&self, text: &str) -> Rc<Rows> {
        let verbatim =
            |input: &Input| input.verbatim.as_deref().is_some_and(|own| alike(own, text));
        if let Some(at) = self.inputs.iter().position(verbatim) {
            return self.rows[at].clone();
        }
        let mut outside = self.outside.borrow_mut();
        let at = outside.iter().position(|known| known == text).unwrap_or_else(|| {
            outside.push(text.to_owned());
            outside.len() - 1
        });
        let sign = Sign::of(text);
        let open = Open::Of(self.inputs.len() + at, sign);
        Rc::new(Rows { open, sign, ..Rows::default() })
    }

    /// The input of this name, which may lack its first parts. Databases compare the names of
    /// relations of one project without case often enough that no two differ by it.
    fn input(&self, parts: &[String]) -> Option<usize> {
        let is_meant = |name: &Vec<String>| {
            let Some(skip) = name.len().checked_sub(parts.len()) else { return false };
            let mut pairs = name[skip..].iter().zip(parts);
            !parts.is_empty() && pairs.all(|(own, asked)| same(own, asked, EngineKind::DuckDb))
        };
        self.inputs.iter().position(|input| {
            let mut names = input.names.iter();
            names.any(|name| is_meant(name) && (!input.only_whole || name.len() == parts.len()))
        })
    }

    /// The ephemeral model whose expression has this name.
    fn inlined(&self, name: &str) -> Option<usize> {
        let is_it = |own: &Vec<String>| own.len() == 1 && same(&own[0], name, EngineKind::DuckDb);
        self.inputs.iter().position(|input| input.names.iter().any(is_it))
    }
}

/// The rows of both, columns by their place.
fn union(mut left: Rows, right: &Rows) -> Rows {
    let is_known = |rows: &Rows| matches!(rows.open, Open::No | Open::Same(_));
    left.filters.add(&right.filters);
    match (is_known(&left), is_known(right)) {
        (true, true) if left.columns.len() == right.columns.len() => {
            for (column, other) in left.columns.iter_mut().zip(&right.columns) {
                let mut made = (*column.made).clone();
                made.or(&other.made);
                column.made = Rc::new(made);
            }
        }
        (true, true) => {
            let why = format!(
                "the parts of a union have {} and {} columns",
                left.columns.len(),
                right.columns.len()
            );
            left.add_problem(&why);
        }
        _ => {
            let why = "the parts of a union are matched by their places, and the columns of one are not known";
            left.add_problem(why);
            left.open = match is_known(&left) {
                true => Open::No,
                false => Open::unknown(why),
            };
        }
    }
    left
}

impl Rows {
    fn add_problem(&mut self, why: &str) {
        for column in &mut self.columns {
            let mut made = (*column.made).clone();
            made.add(&Made::unknown(why, None));
            column.made = Rc::new(made);
        }
    }
}

/// Whether two rows are made of the same.
fn are_same(one: &Rows, other: &Rows) -> bool {
    let from = |rows: &Rows| -> Vec<BTreeMap<_, _>> {
        rows.columns.iter().map(|column| column.made.from.clone()).collect()
    };
    from(one) == from(other)
}

/// Whether two texts of SQL differ by spaces and case only.
fn alike(one: &str, other: &str) -> bool {
    let letters = |text: &str| -> Vec<char> {
        text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
    };
    letters(one) == letters(other)
}
