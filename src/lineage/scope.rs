//! Which column a name means, where it stands: the relations of `from`, aliases of the select list, the
//! queries around.

use std::cell::RefCell;
use std::rc::Rc;

use sqlparser::ast::{Ident, NamedWindowDefinition, NamedWindowExpr, WindowSpec};

use super::dialect::{fold, same};
use super::made::{Column, Made, Open, Rows, Sign};
use super::query::Statement;
use crate::config::EngineKind;

/// A relation of a `from` clause.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The parts of its name; of an alias the only one.
    pub name: Vec<String>,
    pub rows: Rc<Rows>,
}

/// A column that can be asked for without the name of its relation.
#[derive(Debug, Clone)]
pub(super) struct Visible {
    pub entry: usize,
    pub column: Column,
}

/// What a `from` clause gives.
#[derive(Debug, Clone, Default)]
pub(super) struct From {
    pub entries: Vec<Entry>,
    /// In the order of `*`.
    pub visible: Vec<Visible>,
    /// The entries that may have more columns than the visible ones.
    pub open: Vec<usize>,
    pub filters: Made,
    pub sign: Sign,
}

impl From {
    /// One relation.
    pub fn of(name: Vec<String>, rows: Rc<Rows>) -> From {
        let visible = |column: &Column| Visible { entry: 0, column: column.clone() };
        From {
            visible: rows.columns.iter().map(visible).collect(),
            open: if rows.open.is_no() { Vec::new() } else { vec![0] },
            filters: rows.filters.clone(),
            sign: rows.sign,
            entries: vec![Entry { name, rows }],
        }
    }

    /// The entry that is called so.
    pub fn entry(&self, qualifier: &[String], kind: EngineKind) -> Option<&Entry> {
        let is_meant = |entry: &&Entry| {
            let Some(skip) = entry.name.len().checked_sub(qualifier.len()) else { return false };
            let mut pairs = entry.name[skip..].iter().zip(qualifier);
            !qualifier.is_empty() && pairs.all(|(own, asked)| same(own, asked, kind))
        };
        self.entries.iter().rev().find(is_meant)
    }

    /// What is known of a name that stands alone.
    fn find(&self, name: &str, kind: EngineKind) -> Found {
        let mut meant = self.visible.iter().filter(|one| same(&one.column.name, name, kind));
        if let Some(first) = meant.next() {
            return match meant.next() {
                None => Found::Made(first.column.made.clone()),
                Some(_) => Found::Several,
            };
        }
        let open = self.open.iter().map(|at| &self.entries[*at]);
        let (weak, open): (Vec<&Entry>, Vec<&Entry>) =
            open.partition(|entry| matches!(entry.rows.open, Open::Same(_)));
        let likely = if open.is_empty() { weak } else { open };
        match likely.as_slice() {
            [] => Found::Nothing,
            [one] => one.rows.open.column(name).map_or(Found::Nothing, Found::Maybe),
            several => {
                let names: Vec<String> =
                    several.iter().map(|entry| format!("`{}`", entry.name.join("."))).collect();
                Found::Maybe(Rc::new(Made::unknown(
                    format!(
                        "`{name}` may be a column of {}: their columns are not known",
                        names.join(" or ")
                    ),
                    None,
                )))
            }
        }
    }
}

/// What a name means in a `from` clause.
enum Found {
    Made(Rc<Made>),
    /// More than one relation has such a column.
    Several,
    /// Nothing that is known; this if it is a column of what is not known.
    Maybe(Rc<Made>),
    Nothing,
}

/// Where an expression stands.
pub(super) struct Scope<'s> {
    pub from: &'s From,
    /// The select list so far: what its names mean, where aliases may be used.
    pub aliases: RefCell<Vec<Column>>,
    pub windows: &'s [NamedWindowDefinition],
    /// The query around.
    pub outer: Option<&'s Scope<'s>>,
    pub ctes: &'s Ctes<'s>,
    /// Whether queries in it see it only since DuckDB lets them, without the word `lateral`.
    pub is_beside: bool,
}

impl<'s> Scope<'s> {
    /// Where no names are given yet: beside the relations of a `from` clause.
    pub fn of(from: &'s From, ctes: &'s Ctes<'s>, outer: Option<&'s Scope<'s>>) -> Scope<'s> {
        Scope { from, aliases: RefCell::default(), windows: &[], outer, ctes, is_beside: false }
    }
}

/// The common table expressions that a query sees.
#[derive(Default)]
pub(super) struct Ctes<'s> {
    pub own: RefCell<Vec<(String, Rc<Rows>)>>,
    pub outer: Option<&'s Ctes<'s>>,
}

impl Ctes<'_> {
    pub fn get(&self, name: &str, kind: EngineKind) -> Option<Rc<Rows>> {
        let own = self.own.borrow();
        let found = own.iter().rev().find(|(own, _)| same(own, name, kind));
        found.map(|(_, rows)| rows.clone()).or_else(|| self.outer?.get(name, kind))
    }
}

/// Values that have a name without brackets.
const PLAIN: &[&str] = &[
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
    // Of a row, but no column.
    "cmax",
    "cmin",
    "ctid",
    "oid",
    "rowid",
    "tableoid",
    "xmax",
    "xmin",
    "file_row_number",
    "filename",
];

impl Statement<'_> {
    /// What a name is made of; `parts` are those between dots.
    pub fn column(&self, parts: &[Ident], scope: &Scope<'_>) -> Rc<Made> {
        let names: Vec<String> = parts.iter().map(|part| fold(part, self.kind)).collect();
        let mut asked = Some(scope);
        let mut maybe: Option<Rc<Made>> = None;
        while let Some(here) = asked {
            // What stands beside a subquery in `from` is hardly meant by what it does not name.
            if here.is_beside && maybe.is_some() {
                asked = here.outer;
                continue;
            }
            let found = match names.as_slice() {
                [name] => self.single(name, here),
                _ => self.qualified(&names, here),
            };
            match (found, &maybe) {
                (Found::Made(made), None) => return made,
                (Found::Several, None) => {
                    let why = format!("more than one relation has a column `{}`", names.join("."));
                    return self.unknown(why, parts);
                }
                (Found::Made(_) | Found::Several, Some(_)) => {
                    let why = format!(
                        "`{}` may be a column of the query around, or one that is not known",
                        names.join(".")
                    );
                    return self.unknown(why, parts);
                }
                (Found::Maybe(made), None) => maybe = Some(made),
                (Found::Maybe(_) | Found::Nothing, _) => {}
            }
            asked = here.outer;
        }
        if let Some(made) = maybe {
            return match made.problems.is_empty() {
                true => made,
                false => self.at(&made, parts),
            };
        }
        if let [name] = names.as_slice()
            && PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name))
        {
            return Rc::default();
        }
        self.unknown(format!("no relation here has a column `{}`", names.join(".")), parts)
    }

    fn unknown(&self, why: String, parts: &[Ident]) -> Rc<Made> {
        Rc::new(Made::unknown(why, parts.first().map(|part| part.span.start)))
    }

    /// The same problems at this place, where they have none.
    fn at(&self, made: &Rc<Made>, parts: &[Ident]) -> Rc<Made> {
        let mut made = (**made).clone();
        let here = parts.first().map(|part| part.span.start);
        for problem in &mut made.problems {
            problem.at = problem.at.or(here);
        }
        Rc::new(made)
    }

    /// A name that stands alone.
    fn single(&self, name: &str, scope: &Scope<'_>) -> Found {
        let found = scope.from.find(name, self.kind);
        if matches!(found, Found::Made(_) | Found::Several) {
            return found;
        }
        let aliases = scope.aliases.borrow();
        let alias = aliases.iter().rev().find(|alias| same(&alias.name, name, self.kind));
        match (found, alias) {
            (Found::Maybe(column), Some(alias)) => {
                // The column goes first, if there is one: no matter where both are made of the same.
                let is_part = column.problems.is_empty()
                    && column.from.keys().all(|origin| alias.made.from.contains_key(origin))
                    && column.from.len() == alias.made.from.len();
                if is_part {
                    return Found::Made(Rc::new(alias.made.transformed()));
                }
                let why = format!(
                    "`{name}` may be a column, or the alias: the columns of what is read are not known"
                );
                Found::Made(Rc::new(Made::unknown(why, None)))
            }
            (_, Some(alias)) => Found::Made(alias.made.clone()),
            (found, None) => match scope.from.entry(&[name.to_owned()], self.kind) {
                // The row as one value.
                Some(entry) if !matches!(found, Found::Made(_)) => {
                    Found::Made(Rc::new(entry.rows.whole()))
                }
                _ => found,
            },
        }
    }

    /// A name with dots: a column of a relation, or what is inside of a column.
    fn qualified(&self, names: &[String], scope: &Scope<'_>) -> Found {
        for end in (1..names.len()).rev() {
            let Some(entry) = scope.from.entry(&names[..end], self.kind) else { continue };
            let (name, inside) = (&names[end], end + 1 < names.len());
            let mut columns = entry.rows.columns.iter();
            let known = columns.find(|column| same(&column.name, name, self.kind));
            let made = match known {
                Some(column) => Some(column.made.clone()),
                None => entry.rows.open.column(name),
            };
            match made {
                Some(made) if inside => return Found::Made(Rc::new(made.inside(&names.join(".")))),
                Some(made) => return Found::Made(made),
                None if PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name)) => {
                    return Found::Made(Rc::default());
                }
                None => {}
            }
        }
        match self.single(&names[0], scope) {
            Found::Made(made) => Found::Made(Rc::new(made.inside(&names.join(".")))),
            Found::Maybe(made) => Found::Maybe(Rc::new(made.inside(&names.join(".")))),
            other => other,
        }
    }

    /// The definition of a named window.
    pub fn window<'w>(&self, name: &Ident, scope: &'w Scope<'_>) -> Option<&'w WindowSpec> {
        let mut name = fold(name, self.kind);
        // A window may be another's name.
        for _ in 0..=scope.windows.len() {
            let mut all = scope.windows.iter();
            let NamedWindowDefinition(_, named) =
                all.find(|window| same(&fold(&window.0, self.kind), &name, self.kind))?;
            match named {
                NamedWindowExpr::WindowSpec(spec) => return Some(spec),
                NamedWindowExpr::NamedWindow(other) => name = fold(other, self.kind),
            }
        }
        None
    }
}
