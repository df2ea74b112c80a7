//! A project written out of one text, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::TestDatabase;

const DBT_PROJECT: &str = "\
name: shop
profile: shop
models:
  shop:
    +materialized: table
";

/// DuckDB alone.
const DUCKDB: &str = "\
shop:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: shop.duckdb
      threads: 1
";

/// DuckDB and PostgreSQL; its address comes from the environment.
const HYBRID: &str = "\
shop:
  target: dev
  outputs:
    dev:
      type: hybrid
      threads: 1
      default_engine: analytics
      results_engine: operational
      engines:
        analytics: {type: duckdb, path: shop.duckdb}
        operational:
          type: postgres
          host: \"{{ env_var('PG_HOST') }}\"
          port: \"{{ env_var('PG_PORT') | int }}\"
          user: \"{{ env_var('PG_USER') }}\"
          dbname: \"{{ env_var('PG_DBNAME') }}\"
          schema: ops
";

/// A project in a temporary folder.
pub struct Project {
    folder: tempfile::TempDir,
    database: Option<TestDatabase>,
    environment: Vec<(String, String)>,
}

impl Project {
    /// A project on DuckDB. A line `== path` begins a file; dbt_project.yml and profiles.yml are
    /// there where none is given.
    pub fn new(files: &str) -> Project {
        let folder = tempfile::tempdir().unwrap();
        let project = Project { folder, database: None, environment: Vec::new() };
        std::fs::create_dir(project.home()).unwrap();
        project.write("dbt_project.yml", DBT_PROJECT);
        project.write("profiles.yml", DUCKDB);
        project.write_all(files);
        project
    }

    /// A project on DuckDB and a PostgreSQL database of its own, which holds the results store.
    pub fn hybrid(files: &str) -> Project {
        let mut project = Project::new("");
        project.write("profiles.yml", HYBRID);
        project.write_all(files);
        let database = TestDatabase::create();
        let params = &database.params;
        project = project
            .env("PG_HOST", &params.host)
            .env("PG_PORT", &params.port.to_string())
            .env("PG_USER", &params.user)
            .env("PG_DBNAME", &params.dbname);
        project.database = Some(database);
        project
    }

    /// With an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Project {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The PostgreSQL database of a hybrid project.
    pub fn database(&self) -> &TestDatabase {
        self.database.as_ref().unwrap()
    }

    /// A path in the project.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root().join(relative)
    }

    fn write_all(&self, files: &str) {
        let mut file: Option<(&str, String)> = None;
        for line in files.split_inclusive('\n').chain(["== "]) {
            match (line.strip_prefix("== "), &mut file) {
                (Some(path), earlier) => {
                    if let Some((path, text)) = earlier {
                        self.write(path.trim_end(), text);
                    }
                    file = Some((path, String::new()));
                }
                (None, Some((_, text))) => text.push_str(line),
                (None, None) => panic!("a file begins with a line `== path`, not {line:?}"),
            }
        }
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("shop")
    }

    fn home(&self) -> PathBuf {
        let home = self.folder.path().canonicalize().unwrap().join("home");
        std::fs::create_dir_all(self.root()).unwrap();
        home
    }

    /// The program in the project's folder, with an empty home and an environment of its own.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pintail"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env_clear()
            .env("HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NO_COLOR", "1")
            .env("USER", "ada")
            .stdin(Stdio::null())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command, and gives what it printed and its exit code.
    pub fn run(&self, arguments: &str) -> String {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let output = self.command(&arguments).stdout(Stdio::piped()).output().unwrap();
        self.shown(&output)
    }

    /// What a command printed, and its exit code, without what differs from run to run.
    pub fn shown(&self, output: &Output) -> String {
        let mut out = format!("exit code: {}\n", output.status.code().unwrap_or(-1));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            let text = String::from_utf8(bytes.clone()).unwrap();
            // Which version runs is of no interest here.
            let text: String = text
                .split_inclusive('\n')
                .filter(|line| !line.starts_with("Running with "))
                .collect();
            assert!(!text.contains('\u{1b}'), "no colour was asked for: {text:?}");
            if !text.trim().is_empty() {
                out.push_str(&format!("----- {name}\n{}\n", self.stable(text.trim_end())));
            }
        }
        out
    }

    fn stable(&self, text: &str) -> String {
        let root = self.root();
        let mut out = text
            .replace(&*root.to_string_lossy(), "[project]")
            .replace(&*self.home().to_string_lossy(), "[home]")
            .replace(env!("CARGO_BIN_EXE_pintail"), "[pintail]");
        for (name, value) in &self.environment {
            if value.len() > 4 {
                out = out.replace(value, &format!("[{name}]"));
            }
        }
        let patterns = [
            (r"\b\d+\.\d\ds\b", "[time]"),
            (r"\b\d+\.\d\d seconds\b", "[time]"),
            (r"process \d+", "process [pid]"),
            (r"PID \d+", "PID [pid]"),
            (r"t_[0-9a-f]{32}", "[database]"),
            (r"/tmp/[\w.-]*pintail[\w.-]*", "[server]"),
        ];
        for (pattern, with) in patterns {
            out = regex::Regex::new(pattern).unwrap().replace_all(&out, with).into_owned();
        }
        let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
        lines.join("\n")
    }

    /// Every file that the program wrote, as bytes: for looking for what must not be there.
    pub fn written(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, out: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, out);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    out.push((path, bytes));
                }
            }
        }
        let mut out = Vec::new();
        walk(self.folder.path(), &mut out);
        out
    }
}
