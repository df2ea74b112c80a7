//! Seeds: CSV files → tables, typed by what is in them (see `seed_types`) or by `column_types`.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::model;
use super::node::{Failure, Job, Old, run};
use super::result::{DataLoad, LoadKind, RunResult, Status};
use super::seed_types::{Inferred, infer, is_null};
use crate::clock;
use crate::config::{Config, EngineKind, read_text};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile, did_you_mean};
use crate::engine::publish;
use crate::jinja::{Adapter, Host};
use crate::manifest::Node;
use crate::parse::locate_config;
use crate::relation::{Column, Relation, RelationKind, Response, quote_identifier, quote_literal};

/// Rows that go into one `insert`.
const BATCH: usize = 1000;

/// Loads a seed.
pub(super) fn load(job: &Job, result: &mut RunResult) -> Result<()> {
    let started = Instant::now();
    let config = &job.runner.compiler.config;
    let path = path_of(job.node);
    let kind = config.target.engines[&job.node.engine].kind();
    let table = read(job.node, config, kind)?;

    let target = job.target();
    let there = job.adapter.get_relation(&target)?.and_then(|there| there.kind);
    if there == Some(RelationKind::View) {
        return Err(Box::new(
            Diagnostic::error(
                Code::BAD_SEED,
                format!("Cannot seed to '{}', it is a view", target.render()),
            )
            .or_at(job.node.location.clone())
            .help("Drop the view, or give the seed another `alias`."),
        ));
    }
    // As in dbt, the table of an earlier run stays: it has to take the rows.
    let stays = there == Some(RelationKind::Table) && !job.full_refresh();
    let shadow = target.with_suffix("__dbt_tmp").with_kind(RelationKind::Table);
    let types = table.types(job.node);
    for text in table.misnamed(job.node) {
        job.host.log(&text, true);
    }
    let quoted = job.node.config.flag("quote_columns").unwrap_or(true);
    let named = |name: &String| if quoted { quote_identifier(name) } else { name.clone() };
    let columns: Vec<String> = table
        .header
        .iter()
        .zip(&types)
        .map(|(name, column)| format!("{} {}", named(name), column.sql(kind)))
        .collect();
    let filled = if stays { &target } else { &shadow };
    let create = format!("create table {} ({})", filled.render(), columns.join(", "));
    let inserts: Vec<String> = if kind == EngineKind::DuckDb && fast(job) {
        vec![copy_statement(job, filled, &path)]
    } else {
        let names: Vec<String> = table.header.iter().map(named).collect();
        let batches = table.rows.chunks(BATCH).map(|rows| {
            let rows: Vec<String> = rows.iter().map(|row| values(row, &types, kind)).collect();
            let (into, names) = (filled.render(), names.join(", "));
            format!("insert into {into} ({names}) values {}", rows.join(", "))
        });
        batches.collect()
    };
    let last = || {
        let made = target.clone().with_kind(RelationKind::Table);
        if !stays {
            model::indexes(job, &made)?;
        }
        model::finish(job, &made, stays, true)?;
        job.run_hooks("post-hook", true)
    };
    job.run_hooks("pre-hook", false)?;
    job.transaction(|connection| {
        job.run_hooks("pre-hook", true)?;
        if stays {
            run(connection, &format!("delete from {}", target.render()))?;
        } else {
            let failed = |error| Failure::Sql(String::new(), error);
            publish::drop_relation(connection, &shadow).map_err(failed)?;
            run(connection, &create)?;
        }
        for insert in &inserts {
            run(connection, insert)?;
        }
        if stays {
            last()?;
        }
        Ok(())
    })
    .map_err(|error| table.locate_value(error, &path, &config.shown(&path)))?;
    if !stays {
        // On PostgreSQL a full refresh drops the table with what depends on it, as in dbt.
        let drops = kind == EngineKind::Postgres && job.full_refresh();
        let old = if drops { Old::Dropped } else { Old::Replaced };
        job.swap(&shadow, &target, old, &last)?;
    }
    job.run_hooks("post-hook", false)?;
    let rows = table.rows.len() as u64;
    let code = if job.full_refresh() { "CREATE" } else { "INSERT" };
    result.answered(Response {
        message: format!("{code} {rows}"),
        code: code.to_owned(),
        rows_affected: Some(rows),
    });
    result.bytes = Some(table.bytes);
    result.relation_name = Some(target.render());
    result.loads.push(DataLoad {
        kind: LoadKind::Seed,
        unique_id: job.node.unique_id.clone(),
        source_engine: None,
        target_engine: job.node.engine.clone(),
        source: job.node.original_file_path.clone(),
        target: target.render(),
        rows: Some(rows),
        bytes: Some(table.bytes),
        duration: started.elapsed(),
        status: Status::Success,
        loaded_at: clock::now(),
    });
    Ok(())
}

/// dbt-duckdb's config `fast`: whether DuckDB reads the file itself.
fn fast(job: &Job) -> bool {
    job.node.config.flag("fast").unwrap_or(true)
}

/// DuckDB reads the file as it does under dbt-duckdb: it finds out by itself how values are
/// quoted, and only a field with nothing in it is null.
fn copy_statement(job: &Job, table: &Relation, path: &Path) -> String {
    let delimiter = job.node.config.text("delimiter").unwrap_or(",");
    format!(
        "copy {} from {} (format csv, header true, delimiter {})",
        table.render(),
        quote_literal(&path.to_string_lossy()),
        quote_literal(delimiter)
    )
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
}

/// The type of a column: one that the configuration gives, or one of ours.
enum ColumnType<'a> {
    Given(&'a str),
    Inferred(Inferred),
}

impl ColumnType<'_> {
    fn sql(&self, kind: EngineKind) -> &str {
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
    fn literal(&self, field: &str, kind: EngineKind) -> String {
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
}

fn configured_types(node: &Node) -> Option<&serde_json::Map<String, serde_json::Value>> {
    node.config.get("column_types").and_then(|value| value.as_object())
}

fn values(row: &[Option<String>], types: &[ColumnType], kind: EngineKind) -> String {
    let literal = |(field, column): (&Option<String>, &ColumnType)| match field {
        None => "null".to_owned(),
        Some(text) => column.literal(text, kind),
    };
    let cells: Vec<String> = row.iter().zip(types).map(literal).collect();
    format!("({})", cells.join(", "))
}

/// A CSV file in memory.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
    /// The line that each row begins in, from 1.
    lines: Vec<usize>,
    bytes: u64,
}

/// The columns that a seed's table gets.
///
/// # Errors
/// `BAD_SEED`, `NOT_UTF8`: as loading it.
pub fn seed_columns(node: &Node, config: &Config) -> Result<Vec<Column>> {
    let kind = config.target.engines[&node.engine].kind();
    let table = read(node, config, kind)?;
    let types = table.types(node);
    let column = |(name, column): (&String, &ColumnType)| Column {
        name: name.clone(),
        data_type: column.sql(kind).to_owned(),
    };
    Ok(table.header.iter().zip(&types).map(column).collect())
}

/// Where a seed's file is.
fn path_of(node: &Node) -> PathBuf {
    Path::new(node.root_path.as_deref().unwrap_or_default()).join(&node.original_file_path)
}

fn read(node: &Node, config: &Config, kind: EngineKind) -> Result<Table> {
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

impl Table {
    /// The SQL type of each column.
    fn types<'a>(&self, node: &'a Node) -> Vec<ColumnType<'a>> {
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

    /// What to say of the columns that `column_types` names and the file does not have. As dbt does,
    /// such seeds are loaded; but it may be a misspelt name.
    fn misnamed(&self, node: &Node) -> Vec<String> {
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
    fn locate_value(
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
