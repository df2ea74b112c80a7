//! Why an engine did not bind a statement: its words sorted into kinds of mistakes. What is of no
//! known kind is `Unsure`, and never told.

use crate::config::EngineKind;
use crate::engine::EngineError;

/// A kind of mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Syntax,
    Column,
    Table,
    Function,
    DataType,
    Ambiguous,
    /// Values of types that do not go together.
    Types,
    /// Queries with different numbers of columns, and the like.
    Arity,
    /// Aggregates and groups in places where they cannot be.
    Grouping,
    /// Any other mistake of names and types.
    Other,
    /// Not a mistake, or none that binding can be sure of.
    Unsure,
}

/// What an engine said against a statement.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub kind: Kind,
    /// The name that is wrong, where one is told.
    pub name: Option<String>,
    /// What the name belongs to: a table, an alias.
    pub of: Option<String>,
    pub position: Option<usize>,
    /// The engine's own words.
    pub words: String,
    /// Its first line.
    pub headline: String,
    /// Names that the engine knows in this place.
    pub candidates: Vec<String>,
}

impl Refusal {
    /// Sorts an error.
    pub fn read(engine: EngineKind, error: &EngineError) -> Refusal {
        let words = error.words().to_owned();
        let (kind, name, of) = match engine {
            EngineKind::DuckDb => duckdb(&words),
            EngineKind::Postgres => postgres(&words),
        };
        let candidates = error.diagnostic.help.iter().flat_map(|help| {
            let inside = help.split('`').skip(1).step_by(2);
            inside.map(str::to_owned).collect::<Vec<_>>()
        });
        Refusal {
            kind,
            name,
            of,
            position: error.position,
            headline: error.diagnostic.message.clone(),
            candidates: candidates.collect(),
            words,
        }
    }
}

type Sorted = (Kind, Option<String>, Option<String>);

fn duckdb(words: &str) -> Sorted {
    let said = |part: &str| words.contains(part);
    let name = || first_quoted(words, 0);
    if words.starts_with("Parser Error") {
        return (Kind::Syntax, None, None);
    }
    if words.starts_with("Catalog Error") {
        let after = |mark: &str| {
            let rest = words.split_once(mark)?.1;
            let name = rest.split([' ', '!', '\n']).next().unwrap_or_default();
            Some(name.trim_matches('"').to_owned())
        };
        return match () {
            // It is there once its extension is.
            () if said("extension") => (Kind::Unsure, None, None),
            () if said("Function with name ") && said("does not exist") => {
                (Kind::Function, after("Function with name "), None)
            }
            () if said("Macro") && said("does not exist") => (Kind::Function, name(), None),
            () if said("Type with name ") => (Kind::DataType, after("Type with name "), None),
            () if said("Table with name ") => (Kind::Table, after("Table with name "), None),
            () if said("Catalog \"") && said("does not exist") => (Kind::Table, name(), None),
            () => (Kind::Unsure, None, None),
        };
    }
    if !words.starts_with("Binder Error") {
        return (Kind::Unsure, None, None);
    }
    let types = [
        "No function matches",
        "Could not choose a best candidate",
        "explicit cast is required",
        "Cannot compare values",
        "Cannot mix values",
        "Unimplemented type for cast",
        "UNNEST() can only be applied",
        "Cannot extract field",
    ];
    let grouping = [
        "must appear in the GROUP BY",
        "cannot contain aggregates",
        "cannot contain window",
        "cannot be nested",
        "aggregate function calls",
        "window functions are not allowed",
    ];
    let arity = [
        "same number of result columns",
        "term out of range",
        "Subquery returns",
        "columns available but",
        "VALUES lists must all",
    ];
    let any = |list: &[&str]| list.iter().any(|part| said(part));
    match () {
        () if said("Ambiguous reference") => (Kind::Ambiguous, name(), None),
        () if said("does not have a column named") => {
            (Kind::Column, first_quoted(words, 1), first_quoted(words, 0))
        }
        () if said("not found in FROM clause and can't find in alias map") => {
            let rest = words.split_once("Referenced column ").map_or("", |found| found.1);
            let name = rest.split(' ').next().map(|name| name.trim_matches('"').to_owned());
            (Kind::Column, name, None)
        }
        () if said("Referenced column") || said("list not found in") || said("side of join") => {
            (Kind::Column, name(), None)
        }
        () if said("Referenced table") => (Kind::Column, name(), None),
        () if any(&types) => (Kind::Types, None, None),
        () if any(&grouping) => (Kind::Grouping, None, None),
        () if any(&arity) => (Kind::Arity, None, None),
        // What a PIVOT or COLUMNS gives depends on rows and on other columns.
        () if said("SELECT list is empty") => (Kind::Unsure, None, None),
        () => (Kind::Other, None, None),
    }
}

fn postgres(words: &str) -> Sorted {
    let state = words.split_once("(SQLSTATE ").map_or("", |found| found.1);
    let state = state.split(')').next().unwrap_or_default();
    let name = || first_quoted(words, 0);
    match state {
        "42601" if words.contains("syntax error") => (Kind::Syntax, None, None),
        "42601" if words.contains("multiple commands") => (Kind::Unsure, None, None),
        "42601" => (Kind::Arity, None, None),
        "42703" => {
            let text = words.split_once("column ").map_or("", |found| found.1);
            let text = text.split(" does not exist").next().unwrap_or_default();
            let text = text.split(" specified in").next().unwrap_or_default();
            let text = text.replace('"', "");
            let of = text.rsplit_once('.').map(|(of, _)| of.to_owned());
            let name = text.rsplit('.').next().map(str::to_owned);
            (Kind::Column, name, of)
        }
        "42P01" if words.contains("missing FROM-clause") || words.contains("invalid reference") => {
            (Kind::Column, name(), None)
        }
        "42P01" | "3F000" => (Kind::Table, name(), None),
        "42883" if words.contains("operator does not exist") => (Kind::Types, None, None),
        "42883" => {
            let text = words.split_once("function ").map_or("", |found| found.1);
            let name = text.split('(').next().unwrap_or_default();
            (Kind::Function, Some(name.replace('"', "")), None)
        }
        "42704" if words.contains("type \"") => (Kind::DataType, name(), None),
        "42702" => (Kind::Ambiguous, name(), None),
        "42725" | "42804" | "42846" | "42P18" | "22P02" | "42P21" | "42P22" | "22007" => {
            (Kind::Types, None, None)
        }
        "42803" | "42P20" => (Kind::Grouping, None, None),
        "42P10" | "42611" => (Kind::Arity, None, None),
        "42712" | "42701" | "42809" | "42P19" | "42P09" | "42622" => (Kind::Other, None, None),
        _ => (Kind::Unsure, None, None),
    }
}

/// The nth text in double quotes.
fn first_quoted(words: &str, nth: usize) -> Option<String> {
    words.split('"').skip(1).step_by(2).nth(nth).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_words_are_sorted() {
        let kind = |words: &str| match words.contains("SQLSTATE") {
            true => postgres(words),
            false => duckdb(words),
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            kind("Binder Error: Table \"o\" does not have a column named \"idd\"\n\n"),
            (Kind::Column, some("idd"), some("o"))
        );
        assert_eq!(
            kind(
                "Binder Error: Referenced column zz not found in FROM clause and can't find in alias map."
            ),
            (Kind::Column, some("zz"), None)
        );
        assert_eq!(
            kind("Catalog Error: Scalar Function with name nofun does not exist!"),
            (Kind::Function, some("nofun"), None)
        );
        assert_eq!(
            kind("ERROR: column o.idd does not exist (SQLSTATE 42703)"),
            (Kind::Column, some("idd"), some("o"))
        );
        assert_eq!(
            kind("ERROR: operator does not exist: integer = text (SQLSTATE 42883)"),
            (Kind::Types, None, None)
        );
        assert_eq!(kind("IO Error: No files found").0, Kind::Unsure);
    }
}
