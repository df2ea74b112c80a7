//! The file of a seed: CSV read into memory, with the types of its columns.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::seed_types::{Inferred, infer, is_null};
use crate::config::{Config, EngineKind, read_text};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile, did_you_mean};
use crate::manifest::Node;
use crate::parse::locate_config;
use crate::relation::{Cell, Column, ResultSet, quote_literal};

/// The type of a column: one that the configuration gives, or one of ours.
pub(super) enum ColumnType<'a> {
    Given(&'a str),
    Inferred(Inferred),
}

impl ColumnType<'_> {
    pub fn sql(&self, kind: EngineKind) -> &str {
        match self {
            ColumnType::Given(sql_type) => sql_type,
            ColumnType::Inferred(inferred) => inferred.sql(kind),
        }
    }

    fn is_text(&self) -> bool {
        match self {
            ColumnType::Given(sql_type) => {
                let lower = sql_type.to_lowercase();
                ["text", "varchar", "char", "string", "bpchar"].iter().any(|t| lower.starts_with(t))
            }
            ColumnType::Inferred(inferred) => *inferred == Inferred::Text,
        }
    }

    /// A field as SQL. In text, dbt-duckdb takes `null` for the word that it is.
    pub fn literal(&self, field: &str, kind: EngineKind) -> String {
        let is_text = self.is_text();
        if is_null(field) && !(is_text && kind == EngineKind::DuckDb) {
            return "null".to_owned();
        }
        if is_text {
            return quote_literal(field);
        }
        let value = match self {
            ColumnType::Inferred(inferred) => inferred.value(field),
            ColumnType::Given(_) => None,
        };
        let value = value.unwrap_or(Cow::Borrowed(field.trim()));
        format!("cast({} as {})", quote_literal(&value), self.sql(kind))
    }

    /// A field as templates see it: of a type that the configuration gives, a text.
    fn cell(&self, field: &str) -> Cell {
        let ColumnType::Inferred(inferred) = self else { return text_cell(field) };
        let Some(value) = inferred.value(field).filter(|_| !is_null(field)) else {
            return Cell::Null;
        };
        match inferred {
            Inferred::Integer | Inferred::BigInteger => {
                value.parse().map_or_else(|_| Cell::Text(value.into_owned()), Cell::Int)
            }
            Inferred::Number => Cell::Decimal(value.into_owned()),
            Inferred::Date => Cell::Date(value.into_owned()),
            Inferred::Timestamp => Cell::Timestamp(value.into_owned()),
            Inferred::Boolean => Cell::Bool(value == "true"),
            Inferred::Text => text_cell(field),
        }
    }
}

fn text_cell(field: &str) -> Cell {
    if is_null(field) { Cell::Null } else { Cell::Text(field.to_owned()) }
}

fn configured_types(node: &Node) -> Option<&serde_json::Map<String, serde_json::Value>> {
    node.config.get("column_types").and_then(|value| value.as_object())
}

/// A CSV file in memory.
pub(super) struct Table {
    pub header: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
    /// The line that each row begins in, from 1.
    lines: Vec<usize>,
    pub bytes: u64,
}

/// The columns that a seed's table gets. Without quotes PostgreSQL folds their names.
///
/// # Errors
/// `BAD_SEED`, `NOT_UTF8`: as loading it.
pub fn seed_columns(node: &Node, config: &Config) -> Result<Vec<Column>> {
    let kind = config.target.engines[&node.engine].kind();
    let table = read(node, config, kind)?;
    let types = table.types(node);
    let folds = kind == EngineKind::Postgres && node.config.flag("quote_columns") == Some(false);
    let column = |(name, column): (&String, &ColumnType)| Column {
        name: if folds { name.to_lowercase() } else { name.clone() },
        data_type: column.sql(kind).to_owned(),
    };
    Ok(table.header.iter().zip(&types).map(column).collect())
}

/// Where a seed's file is.
pub(super) fn path_of(node: &Node) -> PathBuf {
    Path::new(node.root_path.as_deref().unwrap_or_default()).join(&node.original_file_path)
}

pub(super) fn read(node: &Node, config: &Config, kind: EngineKind) -> Result<Table> {
    let path = path_of(node);
    let shown = config.shown(&path);
    let bytes = std::fs::read(&path).map_err(|error| {
        Box::new(
            Diagnostic::error(Code::BAD_SEED, format!("{} cannot be read", shown.display()))
                .note(error.to_string())
                .help("Check that the file exists and may be read."),
        )
    })?;
    let size = bytes.len() as u64;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[at];
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            return Err(Box::new(
                Diagnostic::error(
                    Code::NOT_UTF8,
                    format!("The seed `{}` is not valid UTF-8 (byte 0x{byte:02x})", node.name),
                )
                .at(Location::new(SourceFile::new(shown.clone(), text), at..at + 1))
                .help("Save the file as UTF-8."),
            ));
        }
    };
    let body = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let delimiter = match node.config.text("delimiter").map(str::as_bytes) {
        None => b',',
        Some(&[delimiter]) => delimiter,
        Some(_) => {
            let message = "\"delimiter\" must be a 1-character string".to_owned();
            return Err(Box::new(
                Diagnostic::error(Code::BAD_SEED, message)
                    .or_at(locate_config(&node.file, "delimiter", ""))
                    .or_at(locate_config(&config.project.file, "delimiter", ""))
                    .or_at(node.location.clone())
                    .help(
                        "Name the one character that stands between the values, or leave it out.",
                    ),
            ));
        }
    };
    let mut csv = csv::ReaderBuilder::new();
    csv.delimiter(delimiter).flexible(true);
    let mut reader = csv.from_reader(body.as_bytes());
    let file = || SourceFile::new(shown.clone(), body);
    let broken = |error: &csv::Error| {
        let line = error.position().map_or(1, |position| position.line() as usize);
        Box::new(
            Diagnostic::error(
                Code::BAD_SEED,
                format!("The seed `{}` is not CSV: {error}", node.name),
            )
            .at(Location::at_line(file(), line, 1))
            .help("Check the quotes on this line."),
        )
    };
    let header: Vec<String> = reader
        .headers()
        .map_err(|e| broken(&e))?
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    if header.is_empty() {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_SEED,
                format!("The seed `{}` is empty: it has no header", node.name),
            )
            .at(Location::new(file(), 0..0))
            .help("Write the names of the columns into its first line."),
        ));
    }
    let lower: Vec<String> = header.iter().map(|name| name.to_lowercase()).collect();
    if let Some(at) = (1..lower.len()).find(|at| lower[..*at].contains(&lower[*at])) {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_SEED,
                format!("The seed `{}` has two columns `{}`", node.name, header[at]),
            )
            .at(Location::at_line(file(), 1, 1))
            .help("Give every column a name of its own."),
        ));
    }
    if let Some(at) = header.iter().position(String::is_empty) {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_SEED,
                format!("Column {} of the seed `{}` has no name", at + 1, node.name),
            )
            .at(Location::at_line(file(), 1, 1))
            .help("Give every column a name in the first line."),
        ));
    }
    let filled = match header.len() {
        1 => with_blank_rows(body, "\"\""),
        // DuckDB's own reader leaves empty lines out.
        _ if kind == EngineKind::DuckDb => Cow::Borrowed(body),
        columns => with_blank_rows(body, &char::from(delimiter).to_string().repeat(columns - 1)),
    };
    let mut reader = csv.from_reader(filled.as_bytes());
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|e| broken(&e))? {
        if record.len() != header.len() {
            let line = record.position().map_or(1, |position| position.line() as usize);
            return Err(Box::new(
                Diagnostic::error(
                    Code::BAD_SEED,
                    format!(
                        "A row of the seed `{}` has {} fields, but the header has {}",
                        node.name,
                        record.len(),
                        header.len()
                    ),
                )
                .at(Location::at_line(file(), line, 1))
                .help("Add or remove fields; put quotes around a field with a comma in it."),
            ));
        }
        lines.push(record.position().map_or(1, |position| position.line() as usize));
        rows.push(record.iter().map(|cell| (!cell.is_empty()).then(|| cell.to_owned())).collect());
    }
    Ok(Table { header, rows, lines, bytes: size })
}

/// Empty lines are rows without values: `filler` stands in each.
fn with_blank_rows<'a>(body: &'a str, filler: &str) -> Cow<'a, str> {
    if !body.contains("\n\n") && !body.contains("\n\r\n") {
        return Cow::Borrowed(body);
    }
    let mut out = String::with_capacity(body.len() + filler.len());
    let mut quoted = false;
    for (at, line) in body.split_inclusive('\n').enumerate() {
        if at > 0 && !quoted && line.trim_end_matches(['\r', '\n']).is_empty() {
            out.push_str(filler);
        }
        out.push_str(line);
        quoted ^= line.matches('"').count() % 2 == 1;
    }
    Cow::Owned(out)
}

/// What DuckDB says of a CSV file, without its settings and proposals, which are for whoever wrote the
/// statement: what is wrong comes first.
fn condense(error: &mut Diagnostic) {
    if !error.message.starts_with("CSV Error") {
        return;
    }
    for note in &mut error.notes {
        let told = note.lines().skip(2).find(|line| !line.is_empty()).map(str::to_owned);
        let Some(why) = told else { continue };
        let kind = note.split("CSV Error").next().unwrap_or_default();
        *note = format!("{kind}{why}");
        error.message = why;
    }
    error.original = None;
}

impl Table {
    /// The SQL type of each column.
    pub fn types<'a>(&self, node: &'a Node) -> Vec<ColumnType<'a>> {
        let configured = configured_types(node);
        self.header
            .iter()
            .enumerate()
            .map(|(at, name)| {
                let given = configured.and_then(|types| types.get(name)).and_then(|t| t.as_str());
                match given {
                    Some(sql_type) => ColumnType::Given(sql_type),
                    None => {
                        let fields = self.rows.iter().filter_map(|row| row[at].as_deref());
                        ColumnType::Inferred(infer(fields))
                    }
                }
            })
            .collect()
    }

    /// The rows as templates see them: `load_agate_table()`.
    pub fn cells(&self, node: &Node, kind: EngineKind) -> ResultSet {
        let types = self.types(node);
        let column = |(name, column): (&String, &ColumnType)| Column {
            name: name.clone(),
            data_type: match column {
                ColumnType::Given(_) => "text".to_owned(),
                ColumnType::Inferred(inferred) => inferred.sql(kind).to_owned(),
            },
        };
        let row = |row: &Vec<Option<String>>| {
            let cell = |(field, column): (&Option<String>, &ColumnType)| {
                field.as_deref().map_or(Cell::Null, |field| column.cell(field))
            };
            row.iter().zip(&types).map(cell).collect()
        };
        ResultSet {
            columns: self.header.iter().zip(&types).map(column).collect(),
            rows: self.rows.iter().map(row).collect(),
        }
    }

    /// What to say of the columns that `column_types` names and the file does not have. As dbt does,
    /// such seeds are loaded; but it may be a misspelt name.
    pub fn misnamed(&self, node: &Node) -> Vec<String> {
        let names = configured_types(node).into_iter().flat_map(|types| types.keys());
        let said = |unknown: &String| {
            let nearest = did_you_mean(unknown, self.header.iter().map(String::as_str));
            let what = nearest.unwrap_or_else(|| "Take it out, or correct its name.".to_owned());
            format!(
                "`column_types` of the seed `{}` names `{unknown}`, which it does not have. {what}",
                node.name
            )
        };
        names.filter(|name| !self.header.contains(name)).map(said).collect()
    }

    /// An engine's error about a value, at the line of the first such value.
    pub fn locate_value(
        &self,
        mut error: Box<Diagnostic>,
        path: &Path,
        shown: &Path,
    ) -> Box<Diagnostic> {
        // A seed may be large: its text is not kept.
        let Ok(file) = read_text(path, shown) else { return error };
        condense(&mut error);
        let said = error.notes.join("\n");
        let cells = self.rows.iter().zip(&self.lines).flat_map(|(row, line)| {
            row.iter()
                .enumerate()
                .filter_map(|(at, cell)| Some((*line, at, cell.as_deref()?.trim())))
        });
        let quoted = |cell: &str| {
            said.contains(&format!("'{cell}'")) || said.contains(&format!("\"{cell}\""))
        };
        // Integers need not be looked for: they fit wherever a number is wanted.
        let mut wrong =
            cells.filter(|(_, _, cell)| Inferred::Integer.value(cell).is_none() && quoted(cell));
        if let Some((line, column, cell)) = wrong.next() {
            let at = Location::at_line(file.clone(), line, 1);
            let text = &file.text[at.span.clone()];
            let start = at.span.start + text.find(cell).unwrap_or(0);
            error.location = Some(Location::new(file.clone(), start..start + cell.len()));
            let name = &self.header[column];
            error = Box::new(error.help(format!(
                "Correct the value, or give `{name}` another type under `column_types`."
            )));
        }
        error
    }
}
