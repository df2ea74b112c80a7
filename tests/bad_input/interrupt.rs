//! Ctrl-C: running statements are cancelled, and the summary, the artifacts and the store say so.

use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pintail::relation::Cell;

use crate::project::Project;
use crate::support::{rows, text};

/// How long the end may take after Ctrl-C; much longer than it does, for busy machines.
const PATIENCE: Duration = Duration::from_secs(8);

/// Starts a build, presses Ctrl-C when `is_running` says so, and waits for the end.
fn interrupt(project: &Project, arguments: &[&str], is_running: impl Fn() -> bool) -> Output {
    let mut child =
        project.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let begun = Instant::now();
    // Nothing may be left running, whatever goes wrong.
    while !is_running() {
        if begun.elapsed() > Duration::from_secs(60) || child.try_wait().unwrap().is_some() {
            let _ended = child.kill();
            panic!("the query never ran: {}", project.shown(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    std::thread::sleep(Duration::from_millis(200));
    let pressed = Instant::now();
    kill(pid, Signal::SIGINT).unwrap();
    while child.try_wait().unwrap().is_none() {
        if pressed.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("goes on: {}", project.shown(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// What the store says of the only run: its status, and each task with its status.
fn recorded(project: &Project) -> Vec<Vec<Cell>> {
    let mut connection = project.database().connect();
    let mut all = rows(
        &mut connection,
        "select command, status, (finished_at is not null)::text from etl_orchestration.pipeline_runs",
    );
    all.extend(rows(
        &mut connection,
        "select name, status, '' from etl_orchestration.task_executions order by name",
    ));
    all
}

fn texts(rows: &[[&str; 3]]) -> Vec<Vec<Cell>> {
    rows.iter().map(|row| row.iter().copied().map(text).collect()).collect()
}

const READER: &str = "\
== models/before.sql
select 1 as id
== models/reader.sql
select * from {{ ref('slow') }}
";

#[test]
fn a_query_on_duckdb() {
    let project = Project::hybrid(&format!(
        "{READER}== models/slow.sql\n-- {{{{ ref('before') }}}}\nselect sum(a.range * b.range) as total\nfrom range(10000000) a, range(10000000) b\n"
    ));
    let output = interrupt(&project, &["build"], || {
        project.path("target/compiled/shop/models/slow.sql").exists()
    });
    assert_snapshot!(project.shown(&output));
    assert_eq!(
        recorded(&project),
        texts(&[
            ["build", "interrupted", "true"],
            ["before", "success", ""],
            ["reader", "skipped", ""],
            ["slow", "cancelled", ""],
        ])
    );
    // What was there is still there, and the file can be opened again.
    assert_snapshot!("after_a_query_on_duckdb", project.run("ls --output name"));
    let again = project.run("run --select before");
    assert!(again.starts_with("exit code: 0\n"), "{again}");
    let results = std::fs::read_to_string(project.path("target/run_results.json")).unwrap();
    assert!(results.contains("model.shop.before"), "{results}");
}

#[test]
fn a_query_on_postgres() {
    let project = Project::hybrid(&format!(
        "{READER}== models/slow.sql\n-- {{{{ ref('before') }}}}\nselect 1 as id, pg_sleep(100)::text as slept\n== dbt_project.yml\nname: shop\nprofile: shop\nmodels:\n  +engine: operational\n  +materialized: table\n"
    ));
    let sleeping = || {
        let sql = "select pid from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid() and state = 'active'";
        rows(&mut project.database().connect(), sql).len()
    };
    let output = interrupt(&project, &["build"], || sleeping() == 1);
    assert_snapshot!(project.shown(&output));
    assert_eq!(sleeping(), 0, "the query goes on");
    assert_eq!(
        recorded(&project),
        texts(&[
            ["build", "interrupted", "true"],
            ["before", "success", ""],
            ["reader", "skipped", ""],
            ["slow", "cancelled", ""],
        ])
    );
    let results = std::fs::read_to_string(project.path("target/run_results.json")).unwrap();
    assert!(results.contains("model.shop.slow"), "{results}");
    let left = rows(
        &mut project.database().connect(),
        "select relname::text from pg_class where relnamespace = 'ops'::regnamespace and relkind = 'r'",
    );
    assert_eq!(left, vec![vec![text("before")]]);
}

/// A model whose tests were cut off is not published, and nothing of it is left.
#[test]
fn the_tests_of_an_audited_model() {
    let project = Project::hybrid(
        "== models/audited.sql\n{{ config(engine='operational', materialized='table', publish='audited') }}\nselect 1 as id\n== models/reader.sql\nselect * from {{ ref('audited') }}\n== tests/slow.sql\n{{ config(engine='operational') }}\nselect pg_sleep(100)::text as slept from {{ ref('audited') }}\n",
    );
    let sleeping = || {
        let sql = "select pid from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid() and state = 'active'";
        rows(&mut project.database().connect(), sql).len()
    };
    interrupt(&project, &["build"], || sleeping() == 1);
    assert_eq!(
        recorded(&project),
        texts(&[
            ["build", "interrupted", "true"],
            ["audited", "cancelled", ""],
            ["reader", "skipped", ""],
            ["slow", "cancelled", ""],
        ])
    );
    let left = rows(
        &mut project.database().connect(),
        "select relname::text from pg_class where relnamespace = 'ops'::regnamespace and relkind = 'r'",
    );
    assert!(left.is_empty(), "{left:?}");
}

/// The server that the run started for itself stops with it.
#[test]
fn with_an_embedded_server() {
    let project = Project::new(
        "== profiles.yml\nshop:\n  target: dev\n  outputs:\n    dev: {type: postgres, embedded: true, schema: shop}\n== models/slow.sql\nselect pg_sleep(100)::text as slept\n",
    );
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path(".."), open).unwrap();
    let output = interrupt(&project, &["build"], || {
        project.path("target/compiled/shop/models/slow.sql").exists()
    });
    assert_snapshot!(project.shown(&output));
    assert!(project.path(".pintail/postgres/data/PG_VERSION").exists());
    assert!(!project.path(".pintail/postgres/data/postmaster.pid").exists(), "the server is up");
    let status = project.run("postgres status");
    assert!(status.contains("does not run"), "{status}");
}
