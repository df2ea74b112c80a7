//! Runs that are killed, runs whose results store is away, and two runs at once.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use pintail::engine::Connection;
use pintail::engine::postgres::PostgresConnection;

use crate::support::project::{On, Project};
use crate::support::server;

/// Starts a command that will not end by itself in the time of a test.
fn start(project: &Project, args: &[&str]) -> Child {
    project.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(mut child: Child) {
    // SIGKILL: nothing of ours runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
}

#[track_caller]
fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !there() {
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn spool(project: &Project) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(project.path().join(".pintail/spool")) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let spools = paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    spools.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// Whether a node's result stands in a spool.
fn is_done(project: &Project, name: &str) -> bool {
    let id = format!(r#""unique_id":"model.shop.{name}","compiled""#);
    spool(project).iter().any(|text| text.contains(&id))
}

fn has_begun(project: &Project, name: &str) -> bool {
    let id = format!(r#"{{"touched":{{"unique_id":"model.shop.{name}""#);
    spool(project).iter().any(|text| text.contains(&id))
}

fn has_begun_test(project: &Project, name: &str) -> bool {
    let id = format!(r#"{{"touched":{{"unique_id":"test.shop.{name}""#);
    spool(project).iter().any(|text| text.contains(&id))
}

const STUCK_DUCK: &str =
    "select sum(a.range + b.range) as x from range(10000000) a, range(10000000) b";

const SLEEPERS: &str = "select count(*) from pg_stat_activity where datname = current_database()
    and query like '%pg_sleep(600)%' and pid <> pg_backend_pid()";

#[test]
fn a_killed_run_is_interrupted_and_retry_goes_on() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/first.sql", "select 1 as id"),
            ("models/stuck.sql", "{{ config(materialized='table') }} select 1 as id"),
            ("models/last.sql", "select * from {{ ref('stuck') }}"),
            ("models/looks.sql", "{{ config(engine='operational') }} select 7 as id"),
        ],
    );
    project.ok(&["run", "--select", "stuck"]);
    project
        .file("models/stuck.sql", &format!("{{{{ config(materialized='table') }}}} {STUCK_DUCK}"));
    let child = start(&project, &["run", "--threads", "2"]);
    wait_for("first", || {
        ["first", "looks"].iter().all(|name| is_done(&project, name))
            && has_begun(&project, "stuck")
    });
    kill(child);
    // The old relation is whole.
    assert_eq!(project.duckdb("select * from stuck"), [["1"]]);

    // Each of the commands that look into the store tells of it; nobody forgets what is to be done.
    let told = project.ok(&["history"]).text();
    assert!(told.contains("interrupted"), "{told}");
    project.file("models/stuck.sql", "{{ config(materialized='table') }} select 2 as id");
    let ran = project.ok(&["retry"]);
    assert!(
        ran.text().contains("An earlier `run` was broken off: 2 of 4 nodes were done"),
        "{}",
        ran.text()
    );
    assert_eq!(
        project.statuses(),
        [("stuck".into(), "success".into()), ("last".into(), "success".into())]
    );
    assert_eq!(project.duckdb("select * from last"), [["2"]]);
    assert_eq!(spool(&project), [""; 0]);
    let runs =
        "select command || ' ' || status || ' ' || (select string_agg(name, ',' order by name)
        from etl_orchestration.task_executions t where t.run_id = r.run_id)
        from etl_orchestration.pipeline_runs r order by started_at";
    let rows: Vec<String> = project.postgres(runs).into_iter().flatten().collect();
    assert_eq!(
        rows,
        ["run success stuck", "run interrupted first,looks", "run success last,stuck"]
    );
}

/// Also the hidden relation of a model whose tests were under way, by whichever run is the next.
#[test]
fn a_killed_audit_leaves_nothing() {
    for on in [On::DuckDb, On::Postgres] {
        let stuck = match on {
            On::DuckDb => format!("select * from ({STUCK_DUCK}) where x < 0"),
            _ => "select pg_sleep(600)::text".to_owned(),
        };
        let project = Project::new(
            on,
            &[
                (
                    "models/m.sql",
                    "{{ config(materialized='table', publish='audited') }} select 1 as id",
                ),
                ("models/other.sql", "select 1 as id"),
                ("tests/stuck.sql", &format!("{stuck} -- {{{{ ref('m') }}}}")),
            ],
        );
        let child = start(&project, &["run"]);
        wait_for("the test", || has_begun_test(&project, "stuck"));
        kill(child);
        let names = || {
            let sql = "select table_name from information_schema.tables where table_schema in ('main', 'public') order by 1";
            project.lines(sql)
        };
        assert!(names().contains(&"m__audit".to_owned()), "{:?}", names());
        project.ok(&["run", "-s", "other"]);
        assert_eq!(names(), ["other"]);
        // It is still to be done.
        project.file("tests/stuck.sql", "select id from {{ ref('m') }} where id > 1");
        project.ok(&["run", "-s", "m"]);
        assert_eq!(names(), ["m", "other"]);
    }
}

/// Its session in PostgreSQL ends as well, and what it was building goes.
#[test]
fn a_killed_run_leaves_nothing_in_postgres() {
    let project = Project::new(
        On::Postgres,
        &[
            ("models/first.sql", "select 1 as id"),
            (
                "models/stuck.sql",
                "{{ config(materialized='table') }} select pg_sleep(600)::text as x",
            ),
        ],
    );
    let child = start(&project, &["run"]);
    wait_for("stuck", || is_done(&project, "first") && has_begun(&project, "stuck"));
    wait_for("the statement", || project.postgres(SLEEPERS) == [["1"]]);
    kill(child);
    // As if it had died a moment later.
    wait_for("the end of the session", || project.postgres(SLEEPERS) == [["0"]]);
    let left_over = "create table public.stuck__dbt_tmp as select 1 as x";
    project.database().connect().execute(left_over).unwrap();
    // The model is gone from the project, and still nothing is left over.
    std::fs::remove_file(project.path().join("models/stuck.sql")).unwrap();
    project.ok(&["run"]);
    assert_eq!(
        project.postgres("select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"),
        [["first"]]
    );
    assert_eq!(spool(&project), [""; 0]);
}

fn admin(sql: &str) {
    let mut connection = PostgresConnection::open(&server()).unwrap();
    connection.execute(sql).unwrap();
}

#[test]
fn without_its_store_a_run_goes_on_and_the_next_one_tells_the_store() {
    let project = Project::new(
        On::Hybrid,
        &[
            (
                "models/shop.yml",
                "models: [{name: one, columns: [{name: id, data_tests: [not_null]}]}]",
            ),
            ("models/one.sql", "select null::int as id"),
        ],
    );
    let database = &project.database().params.dbname;
    admin(&format!("alter database {database} rename to {database}_away"));
    let ran = project.fails(1, &["build"]);
    assert!(ran.text().contains("2 results of this run are kept in"), "{}", ran.text());
    assert!(project.fails(2, &["history"]).text().contains("does not exist"));
    assert_eq!(spool(&project).len(), 1);
    admin(&format!("alter database {database}_away rename to {database}"));

    project.ok(&["history"]);
    assert_eq!(spool(&project), [""; 0]);
    assert_eq!(
        project.postgres(
            "select status, nodes_total, nodes_failed, (select count(*) from etl_orchestration.task_executions),
            (select string_agg(failures::text, ',') from data_quality.quality_checks),
            (select count(*) from data_quality.quality_failures) from etl_orchestration.pipeline_runs"
        ),
        [["failed", "2", "1", "2", "1", "1"]]
    );
}

/// What needs the engine that is away fails, the rest is built.
#[test]
fn an_engine_that_is_away_takes_no_other_with_it() {
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/here.sql", "select 1 as id"),
            ("models/there.sql", "{{ config(engine='operational') }} select 2 as id"),
            (
                "models/reads.sql",
                "{{ config(materialized='table') }} select * from {{ ref('there') }}",
            ),
            (
                "models/copy.sql",
                "{{ config(engine='operational') }} select * from {{ ref('here') }}",
            ),
        ],
    );
    let database = &project.database().params.dbname;
    admin(&format!("alter database {database} rename to {database}_away"));
    let ran = project.fails(1, &["build"]);
    admin(&format!("alter database {database}_away rename to {database}"));
    let mut statuses = project.statuses();
    statuses.sort();
    let expected =
        [("copy", "error"), ("here", "success"), ("reads", "skipped"), ("there", "error")];
    assert_eq!(statuses, expected.map(|(name, status)| (name.to_owned(), status.to_owned())));
    assert!(ran.text().contains("has no database"), "{}", ran.text());
    project.ok(&["retry"]);
    assert_eq!(project.duckdb("select * from reads"), [["2"]]);
    assert_eq!(project.postgres("select * from copy"), [["1"]]);
    let runs = "select string_agg(status || ' ' || nodes_total, ', ' order by started_at) from etl_orchestration.pipeline_runs";
    assert_eq!(project.postgres(runs), [["failed 4, success 3"]]);
}

#[test]
fn two_runs_on_one_target_take_turns() {
    let project =
        Project::new(On::Postgres, &[("models/slow.sql", "select pg_sleep(600)::text as x")]);
    project.file(
        "models/slow.sql",
        "{{ config(materialized='table') }} select pg_sleep(600)::text as x",
    );
    let child = start(&project, &["run"]);
    wait_for("the first run", || has_begun(&project, "slow"));

    let refused = project.fails(2, &["run", "--lock-timeout", "0"]).text();
    let pid = format!("pid {}", child.id());
    assert!(refused.contains("PT502") && refused.contains(&pid), "{refused}");
    assert!(refused.contains("`run`") && refused.contains("since 20"), "{refused}");
    // A check ahead of a build would open the databases, too: it waits as well.
    project.file("models/wrong.sql", "select nothing");
    let refused = project.fails(2, &["build", "--lock-timeout", "0"]).text();
    assert!(refused.contains("PT502") && !refused.contains("before anything ran"), "{refused}");
    std::fs::remove_file(project.path().join("models/wrong.sql")).unwrap();
    // Another target has databases of its own.
    project.file("models/slow.sql", "select 1 as x");
    project.ok(&["run", "--target", "duck", "--lock-timeout", "0"]);

    let second =
        project.command(&["run", "--lock-timeout", "1m"]).stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    kill(child);
    let output = second.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("Waiting for `run`, pid"), "{text}");
}

#[test]
fn a_lock_timeout_is_a_length_of_time() {
    let project = Project::new(On::DuckDb, &[("models/one.sql", "select 1 as id")]);
    for time in ["0", "30s", "5m", "1h 30m"] {
        project.ok(&["run", "--lock-timeout", time]);
    }
    let refused = project.fails(2, &["run", "--lock-timeout", "soon"]).text();
    assert!(refused.contains("write 0, 30s, 5m or the like"), "{refused}");
    // Nothing of ours shows in version control.
    assert_eq!(project.read(".pintail/.gitignore"), "*\n");
}
