//! What values are made of, while one statement is looked at: plain data without SQL.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use serde::Serialize;
use sqlparser::tokenizer::Location;

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The same value, under the same name or another one.
    Copy,
    /// A value that is computed of it.
    Transform,
    /// It decides which rows there are.
    Filter,
}

/// A column of a relation that a statement reads: the relation's place among them, and its name.
pub(super) type Origin = (usize, Rc<str>);

/// What could not be told, and where in the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub reason: String,
    pub at: Option<Location>,
}

/// Stands for how something is made: what is made in the same way of the same has the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sign(u64);

impl Sign {
    /// Of something with this name.
    pub(super) fn of(text: &str) -> Sign {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Sign(hasher.finish())
    }

    /// Of something that is written so.
    pub(super) fn written(part: &impl Display) -> Sign {
        Sign::of(&part.to_string())
    }

    /// Of what is made of both, in this order.
    #[must_use]
    pub(super) fn with(self, other: Sign) -> Sign {
        let nothing = Sign::default();
        if self == nothing || other == nothing {
            return if self == nothing { other } else { self };
        }
        let mut hasher = DefaultHasher::new();
        (self.0, other.0).hash(&mut hasher);
        Sign(hasher.finish())
    }
}

/// What a value is made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    pub from: BTreeMap<Origin, Kind>,
    pub problems: Vec<Problem>,
    pub sign: Sign,
}

impl Made {
    /// The value of a column.
    pub fn copy(relation: usize, of: Sign, name: &str) -> Made {
        let from = BTreeMap::from([((relation, name.into()), Kind::Copy)]);
        Made { from, problems: Vec::new(), sign: of.with(Sign::of(&name.to_lowercase())) }
    }

    /// What could not be told.
    pub fn unknown(reason: impl Into<String>, at: Option<Location>) -> Made {
        Made { problems: vec![Problem { reason: reason.into(), at }], ..Made::default() }
    }

    /// Adds what one of several values is made of, any of which this may be.
    pub fn or(&mut self, other: &Made) {
        self.add_as(other, Kind::Copy);
    }

    /// Adds what this is computed of.
    pub fn add(&mut self, other: &Made) {
        self.add_as(other, Kind::Transform);
    }

    fn add_as(&mut self, other: &Made, least: Kind) {
        self.sign = self.sign.with(other.sign);
        for (origin, kind) in &other.from {
            let kind = (*kind).max(least);
            let known = self.from.entry(origin.clone()).or_insert(kind);
            *known = (*known).max(kind);
        }
        for problem in &other.problems {
            if !self.problems.contains(problem) {
                self.problems.push(problem.clone());
            }
        }
    }

    /// What a part of this value is made of.
    pub fn inside(&self, name: &str) -> Made {
        let mut made = self.transformed();
        made.sign = made.sign.with(Sign::of(name));
        made
    }

    /// What a value is made of that is computed of this one.
    pub fn transformed(&self) -> Made {
        let mut made = Made::default();
        made.add(self);
        made
    }
}

/// A column of rows.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub name: String,
    pub made: Rc<Made>,
    /// Where the statement says what it is.
    pub at: Option<Location>,
}

impl Column {
    /// A column that no place of its own makes.
    pub fn new(name: impl Into<String>, made: impl Into<Rc<Made>>) -> Column {
        Column { name: name.into(), made: made.into(), at: None }
    }
}

/// Which columns rows may have beside those that are known.
#[derive(Debug, Clone, Default)]
pub(super) enum Open {
    /// None.
    #[default]
    No,
    /// Those of a relation, under their names.
    Of(usize, Sign),
    /// Whatever name is asked for, it is made of this.
    Any(Rc<Made>),
    /// No more than the one that is known, which may have another name.
    Same(Rc<Made>),
    /// It is not known which, and of what.
    Unknown(Problem),
}

impl Open {
    pub fn is_no(&self) -> bool {
        matches!(self, Open::No)
    }

    /// What is open where the columns of both are, under their names.
    #[must_use]
    pub fn with(self, other: &Open) -> Open {
        match (self, other) {
            (one, Open::No | Open::Same(_)) => one,
            (Open::No | Open::Same(_), other) => other.clone(),
            (Open::Of(one, sign), Open::Of(other, _)) if one == *other => Open::Of(one, sign),
            (Open::Unknown(problem), _) => Open::Unknown(problem),
            (_, Open::Unknown(problem)) => Open::Unknown(problem.clone()),
            _ => Open::unknown(
                "it may be of either of several relations whose columns are not known",
            ),
        }
    }

    /// Nothing is known, for this reason.
    pub fn unknown(reason: impl Into<String>) -> Open {
        Open::Unknown(Problem { reason: reason.into(), at: None })
    }

    /// What a column is made of that is not among the known ones.
    pub fn column(&self, name: &str) -> Option<Rc<Made>> {
        match self {
            Open::No => None,
            Open::Of(relation, sign) => Some(Rc::new(Made::copy(*relation, *sign, name))),
            Open::Any(made) | Open::Same(made) => Some(made.clone()),
            Open::Unknown(problem) => {
                Some(Rc::new(Made { problems: vec![problem.clone()], ..Made::default() }))
            }
        }
    }
}

/// The rows of a relation, a subquery or a statement.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub columns: Vec<Column>,
    pub open: Open,
    /// What decides which rows there are.
    pub filters: Made,
    /// How the rows are chosen, whatever is shown of them.
    pub sign: Sign,
}

impl Rows {
    /// All columns at once: a row as one value.
    pub fn whole(&self) -> Made {
        let mut made = Made::default();
        for column in &self.columns {
            made.add(&column.made);
        }
        if let Some(rest) = self.open.column("*") {
            made.add(&rest);
        }
        made
    }
}
