//! A small dbt project in a temporary folder, run by the real program on real engines.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pintail::engine::Engine;
use pintail::relation::Cell;
use serde_json::Value;

use super::{TestDatabase, duckdb_file, rows};

/// The program under test.
pub fn pintail() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pintail"));
    for name in ["DBT_TARGET", "DBT_PROFILES_DIR", "DBT_PROJECT_DIR", "DBT_TARGET_PATH"] {
        command.env_remove(name);
    }
    command.env_remove("OLIST_DATA").env("USER", "tester");
    command
}

/// Which engines the default output of a project has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    DuckDb,
    Postgres,
    /// `analytics` on DuckDB, which is the default, `operational` on PostgreSQL with the results.
    Hybrid,
}

/// A project named `shop`. Its profile has the outputs `duck`, `pg` and `hybrid`; the schemas are
/// `main` on DuckDB and `public` on PostgreSQL.
pub struct Project {
    pub on: On,
    folder: tempfile::TempDir,
    database: Option<TestDatabase>,
    env: Vec<(String, String)>,
}

/// What came of a command.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    /// A project of these files: a path and its text each.
    pub fn new(on: On, files: &[(&str, &str)]) -> Project {
        let database = (on != On::DuckDb).then(TestDatabase::create);
        let project =
            Project { on, folder: tempfile::tempdir().unwrap(), database, env: Vec::new() };
        project.file("dbt_project.yml", "name: shop\nprofile: shop\n");
        project.file("profiles.yml", &project.profiles());
        for (path, text) in files {
            project.file(path, text);
        }
        project
    }

    /// The same files on each of the two engines alone.
    pub fn on_each(files: &[(&str, &str)]) -> [Project; 2] {
        [On::DuckDb, On::Postgres].map(|on| Project::new(on, files))
    }

    fn profiles(&self) -> String {
        let duck = "{type: duckdb, path: warehouse.duckdb, schema: main}";
        let pg = match &self.database {
            Some(database) => {
                let p = &database.params;
                format!(
                    "{{type: postgres, host: {}, port: {}, user: {}, password: '', dbname: {}, schema: public}}",
                    p.host, p.port, p.user, p.dbname
                )
            }
            // Nobody listens there.
            None => {
                "{type: postgres, host: /nowhere, user: x, password: '', dbname: x, schema: public}"
                    .to_owned()
            }
        };
        let target = match self.on {
            On::DuckDb => "duck",
            On::Postgres => "pg",
            On::Hybrid => "hybrid",
        };
        format!(
            "shop:\n  target: {target}\n  outputs:\n    duck: {duck}\n    pg: {pg}\n    hybrid:\n      type: hybrid\n      \
             threads: 4\n      default_engine: analytics\n      results_engine: operational\n      engines:\n        \
             analytics: {duck}\n        operational: {pg}\n"
        )
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn file(&self, path: &str, text: &str) -> &Project {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        let path = self.path().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// An environment variable for all commands to come.
    pub fn env(&mut self, name: &str, value: &str) -> &mut Project {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = pintail();
        command.args(args).current_dir(self.path());
        command.envs(self.env.iter().cloned());
        command
    }

    /// Runs a command line and gives what came of it.
    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("start pintail"))
    }

    /// Runs a command line that has to end well.
    pub fn ok(&self, args: &[&str]) -> Ran {
        self.run(args).code(0, args)
    }

    /// Runs a command line that has to end with this exit code.
    pub fn fails(&self, code: i32, args: &[&str]) -> Ran {
        self.run(args).code(code, args)
    }

    pub fn duckdb_path(&self) -> PathBuf {
        self.path().join("warehouse.duckdb")
    }

    pub fn database(&self) -> &TestDatabase {
        self.database.as_ref().expect("the project has a PostgreSQL")
    }

    /// The rows of a query on DuckDB, as text.
    pub fn duckdb(&self, sql: &str) -> Vec<Vec<String>> {
        let engine = duckdb_file(&self.duckdb_path());
        let mut connection = engine.connect().expect("connect to DuckDB");
        texts(rows(connection.as_mut(), sql))
    }

    /// The rows of a query on PostgreSQL, as text.
    pub fn postgres(&self, sql: &str) -> Vec<Vec<String>> {
        texts(rows(&mut self.database().connect(), sql))
    }

    /// The rows of a query on the default engine, as text.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        match self.on {
            On::Postgres => self.postgres(sql),
            _ => self.duckdb(sql),
        }
    }

    /// The rows of a query on the default engine: cells joined by `|`, NULL spelled out.
    pub fn lines(&self, sql: &str) -> Vec<String> {
        lines(self.rows(sql))
    }

    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).expect("it is JSON")
    }

    /// Names and statuses of the last run, in the order in which nodes ended.
    pub fn statuses(&self) -> Vec<(String, String)> {
        let json = self.json("target/run_results.json");
        let results = json["results"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        results
            .iter()
            .map(|one| {
                let id = text(&one["unique_id"]);
                let name = id.split('.').nth(2).unwrap().to_owned();
                (name, text(&one["status"]))
            })
            .collect()
    }

    /// The status of a node in the last run; empty where it took no part.
    pub fn status(&self, name: &str) -> String {
        let found = self.statuses().into_iter().find(|(other, _)| other == name);
        found.map(|(_, status)| status).unwrap_or_default()
    }

    /// A node of target/manifest.json.
    pub fn node(&self, unique_id: &str) -> Value {
        let node = self.json("target/manifest.json")["nodes"][unique_id].clone();
        assert!(!node.is_null(), "{unique_id} is not in the manifest");
        node
    }
}

impl Ran {
    fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    #[track_caller]
    fn code(self, code: i32, args: &[&str]) -> Ran {
        assert_eq!(self.code, code, "{args:?}\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Everything that was printed.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}

/// Rows as lines: cells joined by `|`.
pub fn lines(rows: Vec<Vec<String>>) -> Vec<String> {
    rows.into_iter().map(|row| row.join("|")).collect()
}

fn texts(rows: Vec<Vec<Cell>>) -> Vec<Vec<String>> {
    let text = |cell: &Cell| match cell {
        Cell::Null => "NULL".to_owned(),
        other => other.to_text(),
    };
    rows.iter().map(|row| row.iter().map(text).collect()).collect()
}
