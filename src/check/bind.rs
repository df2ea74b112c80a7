//! One statement bound by its engine, again and again until nothing more is wrong with it: each
//! mistake is noted, and a NULL takes the place of what the engine refused.
//!
//! Of some inputs not all columns or types are known. Such an input gets the columns that the
//! statement asks it for. The types of what is not known are tried out, one after the other: what the
//! engine refuses with all of them is a mistake, all else is not.

use std::collections::{HashMap, HashSet};

use super::patch::Patched;
use super::refusal::{Kind, Refusal};
use super::repair::{Stand, repair};
use super::schema::{BoundColumn, Schema};
use super::scratch::Scratch;
use super::tokens::Tokens;
use crate::config::EngineKind;
use crate::relation::{Column, quote_identifier};

/// A mistake in a statement.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub refusal: Refusal,
    /// Its byte in the statement, where it could be told.
    pub offset: Option<usize>,
    /// Whether it may be one only because of a type that is not known.
    pub doubtful: bool,
}

/// What came of binding a statement.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub schema: Schema,
    pub problems: Vec<Problem>,
    /// Why the engine could not go on, where that is no mistake.
    pub stopped: Option<String>,
}

/// An input of which not everything is known.
#[derive(Clone)]
pub(super) struct Soft {
    /// As it stands in the statement.
    pub text: String,
    pub name: String,
    pub schema: Schema,
}

/// What a statement reads that has to be replaced in it.
#[derive(Default)]
pub(super) struct Inputs {
    pub soft: Vec<Soft>,
    /// Relations as they stand in the statement, and what they are called in the scratch.
    pub renamed: Vec<(String, String)>,
}

/// Says what a table is that the statement names and the scratch does not have.
pub(super) trait Elsewhere {
    /// Its columns where it is there; nothing where it may be. An error where it certainly is not.
    fn look_up(&self, table: &str) -> Result<Option<Vec<Column>>, ()>;

    /// Whether a table, a function or a type of this name may be there when the statement runs, though the
    /// scratch has none.
    fn may_be_made(&self, name: Option<&str>) -> bool;
}

/// A column that stands for those of an input that are not known.
const MORE: &str = "__pintail_more";

/// Types that are tried for what is not known; the first is as little of a type as there can be.
const DUCKDB_TYPES: &[&str] = &["", "VARCHAR", "TIMESTAMP", "BIGINT", "BOOLEAN", "DOUBLE[]"];
const POSTGRES_TYPES: &[&str] = &["text", "timestamp", "bigint", "boolean", "text[]", "jsonb"];

/// How many mistakes are looked for in one statement.
const MOST_PROBLEMS: usize = 25;
/// How often a statement is bound.
const MOST_ROUNDS: usize = 400;

/// How many types are tried for the sake of the columns' types alone.
const ENOUGH_TYPES: usize = 3;

/// Binds a statement.
pub(super) fn bind(
    scratch: &mut dyn Scratch,
    sql: &str,
    inputs: &Inputs,
    elsewhere: &dyn Elsewhere,
) -> Bound {
    let types = match scratch.kind() {
        EngineKind::DuckDb => DUCKDB_TYPES,
        EngineKind::Postgres => POSTGRES_TYPES,
    };
    let mut try_type =
        |data_type: &'static str| Attempt::new(scratch, sql, inputs, data_type).run(elsewhere);
    let first = try_type(types[0]);
    if first.is_firm {
        let schema = first.schema.unwrap_or_else(Schema::unknown);
        return Bound { schema, problems: first.problems, stopped: first.stopped };
    }
    let doubtful = first.schema.is_none() || first.problems.iter().any(|found| found.doubtful);
    let tried = if doubtful { types.len() } else { ENOUGH_TYPES };
    let others: Vec<Tried> = types[1..tried].iter().map(|data_type| try_type(data_type)).collect();
    let everywhere = |problem: &Problem| {
        !problem.doubtful
            || others.iter().all(|other| {
                let same = |it: &Problem| {
                    it.refusal.kind == problem.refusal.kind && it.offset == problem.offset
                };
                other.problems.iter().any(same)
            })
    };
    let (problems, doubts): (Vec<Problem>, Vec<Problem>) =
        first.problems.into_iter().partition(everywhere);
    let stopped = first.stopped.or_else(|| Some(doubts.first()?.refusal.headline.clone()));
    let all: Vec<Schema> =
        first.schema.into_iter().chain(others.into_iter().filter_map(|it| it.schema)).collect();
    let stopped = stopped.filter(|_| all.is_empty());
    Bound { schema: common(all), problems, stopped }
}

/// What several schemas of one statement have in common: a type that changes with those that are not
/// known is not known itself.
fn common(mut all: Vec<Schema>) -> Schema {
    if all.is_empty() {
        return Schema::unknown();
    }
    let mut first = all.remove(0);
    let alone = all.is_empty();
    for column in &mut first.columns {
        let same = |other: &Schema| {
            other.column(&column.name).is_some_and(|it| it.data_type == column.data_type)
        };
        if alone || !all.iter().all(same) {
            column.data_type = None;
        }
    }
    first
}

/// A part of a statement that something else stands in for.
enum Part {
    Null(Option<String>),
    TextType,
    Soft(usize),
    Renamed(String),
}

/// Where a relation stands in a statement.
fn places<'a>(sql: &'a str, text: &'a str) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
    let goes_on = |end: usize| sql[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let spans = sql.match_indices(text).map(|(start, text)| start..start + text.len());
    spans.filter(move |span| !goes_on(span.end))
}

/// A statement with one type in the place of all that are not known.
struct Attempt<'a> {
    scratch: &'a mut dyn Scratch,
    patched: Patched<'a, Part>,
    soft: Vec<Soft>,
    /// The names of the soft inputs in the scratch, where they are made as they are now.
    made: Vec<Option<String>>,
    data_type: &'static str,
    nulls: usize,
    /// How many parts something stands in for.
    repairs: usize,
    /// Of a column that is not there: how many of the open inputs were given it.
    tries: HashMap<(String, Option<usize>), usize>,
    problems: Vec<Problem>,
    stopped: Option<String>,
}

/// What came of it.
struct Tried {
    schema: Option<Schema>,
    problems: Vec<Problem>,
    stopped: Option<String>,
    /// Whether nothing in it was unknown.
    is_firm: bool,
}

/// A refusal with its byte in the original statement.
struct Refused {
    refusal: Refusal,
    offset: Option<usize>,
    /// Whether that is in a part that was replaced.
    inside: bool,
}

impl<'a> Attempt<'a> {
    fn new(
        scratch: &'a mut dyn Scratch,
        sql: &'a str,
        inputs: &Inputs,
        data_type: &'static str,
    ) -> Self {
        let mut patched = Patched::new(sql);
        let soft = &inputs.soft;
        for (at, input) in soft.iter().enumerate() {
            for span in places(sql, &input.text) {
                patched.replace(span, Part::Soft(at));
            }
        }
        for (text, name) in &inputs.renamed {
            for span in places(sql, text) {
                patched.replace(span, Part::Renamed(name.clone()));
            }
        }
        Attempt {
            scratch,
            patched,
            made: soft.iter().map(|_| None).collect(),
            soft: soft.to_vec(),
            data_type,
            nulls: 0,
            repairs: 0,
            tries: HashMap::new(),
            problems: Vec::new(),
            stopped: None,
        }
    }

    fn run(mut self, elsewhere: &dyn Elsewhere) -> Tried {
        let mut schema = None;
        for _ in 0..MOST_ROUNDS {
            match self.describe() {
                Ok(columns) => {
                    schema = Some(schema_of(columns));
                    break;
                }
                Err(refused) => {
                    if !self.go_on(*refused, elsewhere) || self.problems.len() >= MOST_PROBLEMS {
                        break;
                    }
                }
            }
        }
        let is_firm = self.is_firm();
        Tried { schema, problems: self.problems, stopped: self.stopped, is_firm }
    }

    fn describe(&mut self) -> Result<Vec<Column>, Box<Refused>> {
        let kind = self.scratch.kind();
        for at in 0..self.soft.len() {
            if self.made[at].is_some() {
                continue;
            }
            let columns = self.columns_of(at);
            let made = self.scratch.make_own(at, &self.soft[at].name, &columns);
            let name = made.map_err(|error| {
                let refusal = Refusal { kind: Kind::Unsure, ..Refusal::read(kind, &error) };
                Box::new(Refused { refusal, offset: None, inside: false })
            })?;
            self.made[at] = Some(name);
        }
        let null = null_of(self.data_type);
        let rendered = self.patched.render(|part| match part {
            Part::Null(None) => null.clone(),
            Part::Null(Some(name)) => format!("{null} AS {}", quote_identifier(name)),
            Part::TextType => "varchar".to_owned(),
            Part::Soft(at) => self.made[*at].clone().unwrap_or_default(),
            Part::Renamed(name) => name.clone(),
        });
        self.scratch.describe(&rendered.sql).map_err(|error| {
            let mut refusal = Refusal::read(kind, &error);
            if refusal.kind == Kind::Function
                && refusal.name.as_ref().is_some_and(|name| self.scratch.has_function(name))
            {
                refusal.kind = Kind::Types;
            }
            let place = refusal.position.map(|position| rendered.original(position));
            let (offset, inside) = place.unzip();
            Box::new(Refused { refusal, offset, inside: inside.unwrap_or(false) })
        })
    }

    fn columns_of(&self, at: usize) -> Vec<(String, String)> {
        let soft = &self.soft[at];
        let unknown = null_of(self.data_type);
        let column = |column: &BoundColumn| {
            let expression = column.data_type.as_deref().map_or(unknown.clone(), null_of);
            (column.name.clone(), expression)
        };
        let mut columns: Vec<(String, String)> = soft.schema.columns.iter().map(column).collect();
        if soft.schema.open || columns.is_empty() {
            columns.push((MORE.to_owned(), unknown));
        }
        columns
    }

    /// Whether there are inputs that may have more columns.
    fn has_open(&self) -> bool {
        self.soft.iter().any(|soft| soft.schema.open)
    }

    /// Whether all that is known is certain.
    fn is_firm(&self) -> bool {
        self.soft.is_empty() && self.nulls == 0
    }

    /// Notes a mistake, if it may be one, and gets over it; false where there is no way.
    fn go_on(&mut self, refused: Refused, elsewhere: &dyn Elsewhere) -> bool {
        let Refused { mut refusal, offset, inside } = refused;
        if inside && refusal.kind == Kind::Syntax && self.repairs == 0 && self.soft.is_empty() {
            // What stands there is a relation of the statement all the same.
            "syntax error at or near this relation".clone_into(&mut refusal.headline);
            refusal.words.clone_from(&refusal.headline);
            self.problems.push(Problem { refusal, offset, doubtful: false });
            return false;
        }
        if inside || refusal.kind == Kind::Unsure {
            self.stopped = Some(refusal.headline);
            return false;
        }
        let kind = refusal.kind;
        if kind == Kind::Column && self.has_open() && self.grow(&refusal, offset) {
            return true;
        }
        let mut found = None;
        let is_mistake = match kind {
            // What parsed once does so no more because of what stands in for something.
            Kind::Syntax => self.repairs == 0,
            Kind::Types => true,
            Kind::Function | Kind::DataType => !elsewhere.may_be_made(refusal.name.as_deref()),
            Kind::Table => {
                let name = self.table_at(offset);
                match name.as_deref().map(|name| elsewhere.look_up(name)) {
                    Some(Ok(columns)) => {
                        found = columns;
                        false
                    }
                    _ => !elsewhere.may_be_made(name.as_deref()),
                }
            }
            _ => !self.has_open(),
        };
        let offset = offset.or_else(|| guess(self.patched.sql, &refusal));
        if is_mistake {
            let by_type = matches!(kind, Kind::Types | Kind::Grouping | Kind::Other | Kind::Arity);
            let doubtful = by_type && !self.is_firm();
            self.problems.push(Problem { refusal, offset, doubtful });
        } else if found.is_none() && kind != Kind::Column {
            self.stopped.get_or_insert(refusal.headline);
        }
        let Some(repair) = offset.and_then(|at| repair(self.patched.sql, kind, at)) else {
            return false;
        };
        let part = match repair.stand {
            Stand::Null(name) => {
                self.nulls += 1;
                Part::Null(name)
            }
            Stand::TextType => Part::TextType,
            Stand::Relation(name) => {
                let schema = found.map_or_else(Schema::unknown, Schema::exact);
                self.soft.push(Soft { text: String::new(), name, schema });
                self.made.push(None);
                Part::Soft(self.soft.len() - 1)
            }
        };
        self.repairs += 1;
        self.patched.replace(repair.span, part)
    }

    /// The table that stands at a byte of the statement, as it is written there.
    fn table_at(&self, offset: Option<usize>) -> Option<String> {
        let repair = repair(self.patched.sql, Kind::Table, offset?)?;
        Some(self.patched.sql[repair.span].to_owned())
    }

    /// Gives a column that is asked for to the next of the open inputs.
    fn grow(&mut self, refusal: &Refusal, offset: Option<usize>) -> bool {
        let Some(name) = &refusal.name else { return false };
        let open: Vec<usize> =
            (0..self.soft.len()).filter(|at| self.soft[*at].schema.open).collect();
        let tries = self.tries.entry((name.clone(), offset)).or_insert(0);
        let before = tries.checked_sub(1).and_then(|before| open.get(before)).copied();
        let next = open.get(*tries).copied();
        *tries += 1;
        if let Some(before) = before {
            // It did not help there.
            let columns = &mut self.soft[before].schema.columns;
            if columns.last().is_some_and(|last| last.name == *name) {
                columns.pop();
                self.made[before] = None;
            }
        }
        let Some(next) = next else { return false };
        if self.soft[next].schema.column(name).is_some() {
            return self.grow(refusal, offset);
        }
        self.soft[next].schema.columns.push(BoundColumn { name: name.clone(), data_type: None });
        self.made[next] = None;
        true
    }
}

/// The columns that an engine told.
fn schema_of(columns: Vec<Column>) -> Schema {
    let mut schema = Schema::exact(columns);
    schema.open = schema.columns.iter().any(|column| column.name == MORE);
    let mut seen = HashSet::new();
    schema.columns.retain(|column| column.name != MORE);
    let before = schema.columns.len();
    schema.columns.retain(|column| seen.insert(column.name.to_ascii_lowercase()));
    // The second of two columns of one name gets another one.
    schema.open |= before > schema.columns.len();
    schema
}

/// A NULL of a type; of none where it is empty.
fn null_of(data_type: &str) -> String {
    match data_type {
        "" => "NULL".to_owned(),
        data_type => format!("CAST(NULL AS {data_type})"),
    }
}

/// Where the mistake is, when the engine does not say: the one place that can be meant.
fn guess(sql: &str, refusal: &Refusal) -> Option<usize> {
    let tokens = Tokens::of(sql);
    let is_meant = |at: &usize| match (&refusal.kind, &refusal.name) {
        (Kind::Arity, _) => tokens.is_any(*at, &["union", "intersect", "except", "values"]),
        (_, Some(name)) => tokens.is_name(*at) && tokens.name(*at).eq_ignore_ascii_case(name),
        _ => false,
    };
    let mut places = (0..tokens.all.len()).filter(is_meant);
    let first = places.next()?;
    places.next().is_none().then(|| tokens.all[first].span.start)
}
