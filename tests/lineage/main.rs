//! The columns that lineage gives a model of its SQL alone, against those that its engine bound: of the
//! Olist project, and of a model for each odd statement, whose edges are kept as they were read.

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use pintail::check::{self, Schemas};
use pintail::compile::Compiler;
use pintail::config::{Config, FlagValues, Flags};
use pintail::graph::Graph;
use pintail::jinja::InvocationInfo;
use pintail::lineage::{self, Kind, Lineage, NodeLineage};
use pintail::manifest::{Node, ResourceType, UniqueId};
use pintail::run::Engines;
use serde_json::{Value, json};
use support::project::{On, Project};

/// A project, checked.
struct Checked {
    compiler: Arc<Compiler>,
    graph: Graph,
    found: check::Checked,
}

impl Checked {
    fn of(folder: &Path, profiles: &Path, target: &str) -> Checked {
        let mut all = FlagValues::default();
        all.values.insert("require_generic_test_arguments_property".to_owned(), true.into());
        let flags = Flags {
            all,
            project_dir: Some(folder.to_owned()),
            profiles_dir: Some(profiles.to_owned()),
            target: Some(target.to_owned()),
            ..Flags::default()
        };
        let config = Arc::new(Config::load(flags).unwrap());
        let files = pintail::load::load(&config).unwrap();
        let invocation = InvocationInfo {
            invocation_id: String::new(),
            started_at: jiff::Timestamp::UNIX_EPOCH,
            project_name: config.project.name.clone(),
            flags: json!({}),
            args: json!({}),
            steps: 50_000_000,
            refuses_warnings: false,
            runtime: Value::Null,
        };
        let parsed = pintail::parse::parse(&config, &files, &invocation).unwrap();
        let graph = Graph::build(&parsed.manifest).unwrap();
        let engines = Engines::new(&config.target.for_reading(), Vec::new());
        let compiler = Compiler::new(config, parsed, Arc::new(engines.clone())).unwrap();
        let mut all = graph.empty_set();
        all.insert_range(..);
        let found = check::check(&compiler, &graph, &engines, &all);
        Checked { compiler, graph, found }
    }

    fn models(&self) -> impl Iterator<Item = &Node> {
        self.graph.order().iter().filter_map(|at| {
            let node = self.graph.member(&self.compiler.manifest, *at).node()?;
            (node.resource_type == ResourceType::Model && !node.is_python()).then_some(node)
        })
    }

    fn lineage(&self, schemas: &Schemas) -> Lineage {
        let sql = |id: &UniqueId| {
            let compiled = self.found.compiled.get(id);
            compiled.map(|compiled| compiled.sql.clone()).ok_or_else(String::new)
        };
        let inputs = lineage::Inputs {
            compiler: &self.compiler,
            graph: &self.graph,
            sql: &sql,
            schemas,
            earlier_name: &|_| None,
        };
        let mut all = self.graph.empty_set();
        all.insert_range(..);
        lineage::analyse(&inputs, &all)
    }

    /// Models whose columns are other ones in their SQL than for their engine; and how many are alike.
    fn differences(&self) -> (Vec<String>, usize) {
        let mut given = self.found.schemas.clone();
        for model in self.models() {
            given.remove(&model.unique_id);
        }
        let read = self.lineage(&given);
        let (mut differences, mut alike) = (Vec::new(), 0);
        for model in self.models() {
            let Some(schema) = self.found.schemas.get(&model.unique_id) else { continue };
            let known = read.node(&model.unique_id).unwrap();
            if schema.open || !known.unresolved.is_empty() {
                continue;
            }
            let bound: Vec<&str> = schema.names().collect();
            let own: Vec<&str> = known.columns.keys().map(|name| &**name).collect();
            match bound == own {
                true => alike += 1,
                false => differences.push(format!("{}\n  {bound:?}\n  {own:?}", model.name)),
            }
        }
        (differences, alike)
    }
}

/// A line for each column and what it is made of, then what decides about the rows.
fn told(node: &NodeLineage) -> String {
    let mut out = String::new();
    let name =
        |id: &lineage::ColumnId| format!("{}.{}", id.node.rsplit('.').next().unwrap(), id.column);
    for (column, made) in &node.columns {
        let word = |kind: &Kind| if *kind == Kind::Copy { "copy" } else { "of" };
        let from = made.from.iter().map(|(from, kind)| format!("{} {}", word(kind), name(from)));
        let problems = made.unresolved.iter().map(|one| format!("? {}", one.reason));
        let all: Vec<String> = from.chain(problems).collect();
        let _ = writeln!(out, "{}", format!("  {column} = {}", all.join(", ")).trim_end());
    }
    for one in node.unresolved.iter().chain(&node.unresolved_filters) {
        let _ = writeln!(out, "  ? {}", one.reason);
    }
    if !node.filters.is_empty() {
        let all: Vec<String> = node.filters.iter().map(name).collect();
        let _ = writeln!(out, "  rows by {}", all.join(", "));
    }
    out
}

/// A project with a model for each statement of a file: a line `-- name`, and its text.
fn statements(on: On, text: &str) -> (Project, Checked) {
    let project = Project::new(
        on,
        &[
            ("seeds/orders.csv", "id,customer_id,amount,status\n1,1,10,a\n"),
            ("seeds/customers.csv", "id,name,email\n1,Ann,a@x.y\n"),
        ],
    );
    for block in text.split("-- ").skip(1) {
        let (name, sql) = block.split_once('\n').unwrap();
        let mut sql = format!(" {sql} ");
        for seed in ["orders", "customers"] {
            for before in ["from", "join", "pivot", "pivot ("] {
                for after in [" ", "\n", ")", ","] {
                    let read = format!("{{{{ ref('{seed}') }}}}");
                    sql = sql.replace(
                        &format!("{before} {seed}{after}"),
                        &format!("{before} {read}{after}"),
                    );
                }
            }
            sql = sql.replace(&format!(", {seed} "), &format!(", {{{{ ref('{seed}') }}}} "));
        }
        project.file(&format!("models/{name}.sql"), sql.trim());
    }
    let target = if on == On::DuckDb { "duck" } else { "pg" };
    let checked = Checked::of(project.path(), project.path(), target);
    (project, checked)
}

fn golden(checked: &Checked) -> String {
    let lineage = checked.lineage(&checked.found.schemas);
    let mut names: Vec<&Node> = checked.models().collect();
    names.sort_by_key(|model| &model.name);
    let mut out = String::new();
    for model in names {
        let bound = checked.found.schemas.get(&model.unique_id).is_some_and(|schema| !schema.open);
        let note = if bound { "" } else { " (not bound)" };
        let node = lineage.node(&model.unique_id).unwrap();
        let _ = writeln!(out, "{}{note}\n{}", model.name, told(node));
    }
    for (_, finding) in &checked.found.findings {
        let _ = writeln!(out, "! {}", finding.message);
    }
    out
}

#[test]
fn statements_of_duckdb() {
    let (_project, checked) = statements(On::DuckDb, include_str!("duckdb.sql"));
    insta::assert_snapshot!("duckdb", golden(&checked));
    let (differences, alike) = checked.differences();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(alike >= 40, "{alike}");
}

#[test]
fn statements_of_postgres() {
    let (_project, checked) = statements(On::Postgres, include_str!("postgres.sql"));
    insta::assert_snapshot!("postgres", golden(&checked));
    let (differences, alike) = checked.differences();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(alike >= 25, "{alike}");
}

/// The repository's own project, on a database of its own.
#[test]
fn the_olist_project() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    for part in ["project", "models", "seeds"] {
        copy(&repository.join(part), &folder.path().join(part));
    }
    let database = support::TestDatabase::create();
    let p = &database.params;
    let profile = format!(
        "olist:\n  target: own\n  outputs:\n    own:\n      type: hybrid\n      default_engine: analytics\n      \
         results_engine: operational\n      engines:\n        analytics: {{type: duckdb, path: w.duckdb, schema: main}}\n        \
         operational: {{type: postgres, host: {}, port: {}, user: {}, password: '', dbname: {}, schema: ops}}\n",
        p.host, p.port, p.user, p.dbname
    );
    let profiles = folder.path().join("profiles");
    std::fs::create_dir(&profiles).unwrap();
    std::fs::write(profiles.join("profiles.yml"), profile).unwrap();
    let checked = Checked::of(&folder.path().join("project"), &profiles, "own");
    let (differences, alike) = checked.differences();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(alike, checked.models().count());
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy(&entry.path(), &to),
            false => {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}
