//! Unit tests: the model's SQL over the rows that are given, held against the rows that are
//! expected. Nothing is written to the database but a temporary table, which tells the types.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Value;
use serde_json::Value as Json;

use super::adapter::ConnectionAdapter;
use super::diff::{self, Row};
use super::job::Job;
use super::result::{FailingRows, RunResult, Status, Timing};
use super::{Runner, custom};
use crate::clock;
use crate::compile::{CompiledNode, write_sql};
use crate::diagnostic::{Diagnostic, Result};
use crate::engine;
use crate::jinja::values::{Dict, List, from_json};
use crate::jinja::{Adapter, RelationObject};
use crate::manifest::{Node, UnitTest};
use crate::relation::{Cell, Response, ResultSet, quote_identifier};

/// Runs a unit test.
pub(super) fn check(
    runner: &Runner,
    node: &Node,
    test: &Arc<UnitTest>,
    adapter: Arc<ConnectionAdapter>,
    result: &mut RunResult,
) -> Result<()> {
    let begun = clock::now();
    let compiler = &runner.compiler;
    let as_adapter: Arc<dyn Adapter> = adapter.clone();
    let sql: Arc<str> = compiler.compile_unit_test(node, test, &as_adapter)?.into();
    write_sql(&path_of(runner, node, "compiled"), &sql)?;
    result.compiled_code = Some(sql.clone());
    result.compile = Some(Timing { started_at: begun, completed_at: clock::now() });

    let begun = clock::now();
    let host = compiler.host(&node.unique_id);
    host.set_adapter(as_adapter);
    let dialect = compiler.dialects.get(&node.engine).clone();
    let block = custom::block_of(runner, node, &dialect)?;
    host.set_compiled(sql.clone());
    let compiled = CompiledNode { sql, ..CompiledNode::default() };
    let job = Job { runner, node, dialect, host, adapter, compiled, block };
    let compared = match &job.block {
        Some(block) => custom::run(&job, block).map(|done| {
            let response = custom::response(&done.main);
            Compared::new(custom::rows(&done.main), response)
        }),
        None => compared(&job, test),
    };
    let compared = compared.map_err(|error| {
        let told = |why: &str| {
            format!(
                "An error occurred during execution of unit test '{}'. There may be an error in the \
                 unit test definition: check the data types.\n {why}",
                node.name
            )
        };
        let message = told(&error.message);
        let original = error.original.as_deref().map(|words| {
            let kind = runner.kind_of(node, &error);
            told(&format!("{kind} Error\n  {}", words.replace('\n', "\n  ")))
        });
        Box::new(Diagnostic { message, original, ..*error }.or_at(node.location.clone()))
    });
    // What was made for it goes away.
    let _none_open = job.adapter.lock().rollback();
    result.execute = Some(Timing { started_at: begun, completed_at: clock::now() });
    let rows = compared?;
    result.answered(rows.response.clone());
    (result.message, result.rows_affected) = (None, None);
    let [expected, actual] = [rows.of("expected"), rows.of("actual")];
    result.failures = Some(0);
    result.status = Status::Pass;
    if let Some(difference) = diff::render(&rows.columns, &expected, &actual) {
        result.status = Status::Fail;
        result.failures = Some(1);
        result.message = Some(format!("\n\nactual differs from expected:\n\n{difference}\n"));
        if runner.options.keep_failing_rows {
            let mut rows = rows.all;
            let limit = node.config.failures_limit();
            let complete = rows.rows.len() <= limit;
            rows.rows.truncate(limit);
            result.failing_rows = Some(FailingRows { rows, key: 0, recognisable: true, complete });
        }
    }
    Ok(())
}

/// Where the SQL is written, by dbt's rule: a unit test stands in a file with others.
pub(super) fn path_of(runner: &Runner, node: &Node, below: &str) -> PathBuf {
    let folder = Path::new(&node.original_file_path).parent().unwrap_or(Path::new(""));
    let name = node.unit_test.as_ref().map(|test| test.versioned_name(&node.name));
    let file = format!("{}.sql", name.as_deref().unwrap_or(&node.name));
    runner.compiler.path_of(below, node).join(folder).join(file)
}

/// Both sides of the comparison.
struct Compared {
    columns: Vec<String>,
    /// With the column that tells the sides apart.
    all: ResultSet,
    side: usize,
    response: Response,
}

impl Compared {
    fn new(all: ResultSet, response: Response) -> Self {
        let is_side = |name: &str| name.eq_ignore_ascii_case("actual_or_expected");
        let side = all.columns.iter().position(|c| is_side(&c.name)).unwrap_or_default();
        let names = all.columns.iter().map(|c| c.name.to_lowercase());
        let columns = names.filter(|name| !is_side(name)).collect();
        Compared { columns, all, side, response }
    }

    /// The rows of one side, sorted.
    fn of(&self, side: &str) -> Vec<Row> {
        let is_of = |row: &&Vec<Cell>| matches!(&row[self.side], Cell::Text(text) if text == side);
        let cell = |cell: &Cell| match cell {
            Cell::Null => None,
            other => Some(other.to_text()),
        };
        let cells = |row: &Vec<Cell>| {
            let own = row.iter().enumerate().filter(|(at, _)| *at != self.side);
            own.map(|(_, one)| cell(one)).collect::<Row>()
        };
        let mut rows: Vec<Row> = self.all.rows.iter().filter(is_of).map(cells).collect();
        rows.sort();
        rows
    }
}

fn compared(job: &Job, test: &UnitTest) -> Result<Compared> {
    let sql = Value::from(&*job.compiled.sql);
    job.adapter.lock().begin()?;
    let target = Value::from_object(RelationObject::new(job.target()));
    let temporary = job.call("make_temp_relation", vec![target])?;
    let empty = job.sql("get_empty_subquery_sql", vec![sql.clone()])?;
    let arguments = vec![true.into(), temporary.clone(), Value::from(empty)];
    let create = job.sql("get_create_table_as_sql", arguments)?;
    job.on_connection(&create, |connection| connection.execute(&create).map(drop))?;
    let temporary = RelationObject::of(&temporary).unwrap_or_default();
    let columns = job.adapter.columns(&temporary)?;
    let of = |value: fn(&crate::relation::Column) -> String| {
        let pairs = columns.iter().map(|c| (c.name.to_lowercase(), Value::from(value(c))));
        Dict::value(pairs.map(|(name, value)| (Value::from(name), value)))
    };
    let (types, quoted) = (of(|c| c.data_type.clone()), of(|c| quote_identifier(&c.name)));

    let expected = match &test.expect.rows {
        Json::String(sql) => sql.clone(),
        rows => job.sql("get_expected_sql", vec![from_json(rows), types, quoted])?,
    };
    let named = test.expect.rows.as_array().and_then(|rows| rows.first()).and_then(Json::as_object);
    let names: Vec<Value> = match named {
        Some(row) => {
            let actual = |name: &String| columns.iter().find(|c| c.name.eq_ignore_ascii_case(name));
            row.keys().filter_map(actual).map(|c| quote_identifier(&c.name).into()).collect()
        }
        None => columns.iter().map(|c| quote_identifier(&c.name).into()).collect(),
    };
    let arguments = vec![sql, Value::from(expected), List::value(names)];
    let both = job.sql("get_unit_test_sql", arguments)?;
    write_sql(&path_of(job.runner, job.node, "run"), &both)?;
    let all = job.on_connection(&both, |connection| connection.query(&both, None))?;
    let response = engine::response(job.kind(), &both, Some(all.rows.len() as u64));
    Ok(Compared::new(all, response))
}
