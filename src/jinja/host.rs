//! What a template can ask of the stage that renders it.
//!
//! `parse` answers with stand-ins and takes notes, `compile` resolves, `run` also reaches the
//! database. A host belongs to one node (or hook, or inline query) and lives for one rendering.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use crate::diagnostic::Result;
use crate::manifest::{FunctionCall, MetricCall, RefCall, SourceCall, UniqueId};
use crate::relation::{Column, Relation, Response, ResultSet};

/// The answers that depend on the node and the stage. Errors need no location: the dialect adds
/// the place of the call.
pub trait Host: Send + Sync {
    /// dbt's `execute`: false while parsing.
    fn execute(&self) -> bool;

    /// The package of the node: where unqualified macros, vars and dispatch are looked up first.
    fn package(&self) -> &str;

    /// `ref(…)`. While parsing: takes a note and gives the node's own relation.
    /// `at` is the byte range of the call in the file being rendered, where it is known.
    fn resolve_ref(&self, call: RefCall) -> Result<Relation>;

    /// `source(…)`, likewise.
    fn resolve_source(&self, call: SourceCall) -> Result<Relation>;

    /// `function(…)`, likewise.
    fn resolve_function(&self, call: FunctionCall) -> Result<Relation>;

    /// `metric(…)`. While parsing: takes a note and knows nothing of it.
    fn resolve_metric(&self, call: &MetricCall) -> Result<Option<KnownMetric>>;

    /// `config(…)` with its keyword arguments (a positional dict is merged into them).
    /// While parsing: takes a note. Later: does nothing.
    fn set_config(&self, values: IndexMap<String, serde_json::Value>) -> Result<()>;

    /// `config.get(key)`: the merged configuration; while parsing, what is known so far.
    fn config(&self, key: &str) -> Option<serde_json::Value>;

    /// `var(name)`; `None` where it has no value.
    fn var(&self, name: &str) -> Option<serde_json::Value>;

    /// Whether a node's own template may call a name that nothing is known of, and gets what is
    /// empty: while parsing.
    fn bears_with(&self, _name: &str) -> bool {
        false
    }

    /// `this`; `None` outside a node.
    fn this(&self) -> Option<Relation>;

    /// Where the node is written to, whatever `this` stands for: `database` and `schema`.
    fn place(&self) -> Option<Relation> {
        self.this()
    }

    /// A value in place of a macro or global name, `package.name` or `name`: of a unit test.
    fn overridden(&self, _name: &str) -> Option<serde_json::Value> {
        None
    }

    /// A value in place of an environment variable: of a unit test.
    fn env_override(&self, _name: &str) -> Option<serde_json::Value> {
        None
    }

    /// All variables that the template's package has.
    fn vars(&self) -> serde_json::Map<String, serde_json::Value>;

    /// Whether a variable that is not there is none, and no error: one that only a run needs may be
    /// missing while parsing.
    fn lacks_vars(&self) -> bool {
        !self.execute()
    }

    /// `model` as a dict in the manifest's words; `{}` outside a node.
    fn model(&self) -> Value;

    /// `graph`, `schemas`, `selected_resources`, `invocation_args_dict`, `database_schemas` and the
    /// like: rarely used names that the stage knows by itself.
    fn extra(&self, name: &str) -> Option<Value>;

    /// The rows of the seed's file, while a block loads it: `load_agate_table()`.
    fn seed_rows(&self) -> Option<&ResultSet> {
        None
    }

    /// `is_incremental()`
    fn is_incremental(&self) -> bool;

    /// A macro was called: `depends_on.macros` while parsing.
    fn note_macro(&self, unique_id: &UniqueId);

    /// The database, where there is one. `None` while parsing and while compiling offline.
    /// The first call in `compile` may open a connection.
    fn adapter(&self) -> Option<Arc<dyn Adapter>>;

    /// `write(sql)`: the SQL that a materialization runs, for `target/run`.
    fn write(&self, _sql: &str) -> Result<()> {
        Ok(())
    }

    /// `log(…)`: a line for the log file; with `info=True` for the user as well.
    fn log(&self, message: &str, info: bool);

    /// `exceptions.warn(…)`, where a warning is no error.
    fn warn(&self, message: &str);

    /// A function of `modules.itertools` was called, which dbt deprecates.
    fn note_itertools(&self) {}

    /// `print(…)`: a line for the user, even where it is quiet.
    fn print(&self, message: &str) {
        self.log(message, true);
    }
}

/// A line of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// `log()`
    Debug,
    /// `log(info=True)`
    Info,
    /// `exceptions.warn()`
    Warning,
    /// `print()`
    Print,
}

/// What a template can see of a metric, once everything is parsed.
#[derive(Debug, Clone)]
pub struct KnownMetric {
    /// The metric in the manifest's words.
    pub body: serde_json::Value,
    /// The metric, and those that it is made of, each as often as it is met on the way up.
    pub above: Vec<MetricAbove>,
}

/// A metric that another one is made of, or is.
#[derive(Debug, Clone)]
pub struct MetricAbove {
    pub name: String,
    /// Made of other metrics, not of measures.
    pub is_derived: bool,
    /// 1 for the metric itself.
    pub depth: usize,
}

/// How a statement is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Statement {
    /// Its rows are wanted.
    pub fetch: bool,
    /// A transaction is begun before it where none is open.
    pub auto_begin: bool,
}

/// What came of a statement.
#[derive(Debug, Clone, Default)]
pub struct Executed {
    /// Its rows, where they were wanted.
    pub rows: ResultSet,
    /// What the engine said.
    pub response: Response,
}

/// What a template may do with the node's own engine: the part of dbt's `adapter` that needs a
/// database. Everything that is plain SQL is done by macros through `execute`.
pub trait Adapter: Send + Sync {
    /// Runs one or more statements on the connection of the node; the outcome is that of the last.
    fn run(&self, sql: &str, how: Statement) -> Result<Executed>;

    /// Runs statements outside a transaction of their own and gives the rows of the last, and the
    /// number of rows that it changed where the engine tells.
    fn execute(&self, sql: &str) -> Result<(ResultSet, Option<u64>)> {
        let done = self.run(sql, Statement { fetch: true, auto_begin: false })?;
        Ok((done.rows, done.response.rows_affected))
    }

    /// Ends the transaction that a statement with `auto_begin` began, if one is open.
    fn commit(&self) -> Result<()>;

    /// The relation as it exists with its kind, or `None`.
    fn get_relation(&self, relation: &Relation) -> Result<Option<Relation>>;

    /// All relations in a schema.
    fn list_relations(&self, database: Option<&str>, schema: &str) -> Result<Vec<Relation>>;

    /// The columns of a relation in order.
    fn columns(&self, relation: &Relation) -> Result<Vec<Column>>;
}
