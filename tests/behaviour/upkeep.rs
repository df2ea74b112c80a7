//! `store status` and `store prune`, and the store's back-up.

use std::path::{Path, PathBuf};
use std::process::Command;

use pintail::engine::Connection;
use pintail::engine::postgres::PostgresConnection;

use super::support::project::{On, Project};
use super::support::{TestDatabase, server};

/// Tests of one model: `often` in each run; `rare` in the first two only; `gone` and `gone_failing`
/// are deleted after these. Of two rows that fail `often`, one is put right before the second run.
/// The runs begin 300, 200, 100 and 0 days ago.
fn project() -> Project {
    let test = "select id from {{ ref('m') }} where id > 10";
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/m.sql", "select 1 as id union all select 11 union all select 12"),
            ("tests/often.sql", &format!("{{{{ config(severity='warn') }}}} {test}")),
            ("tests/rare.sql", "select 1 as id where 1 = 0"),
            ("tests/gone.sql", "select 1 as id where 1 = 0"),
            ("tests/gone_failing.sql", test),
        ],
    );
    project.file(
        "models/_.yml",
        "models: [{name: m, columns: [{name: id, constraints: [{type: primary_key}]}]}]",
    );
    project.fails(1, &["build"]);
    project.file("models/m.sql", "select 1 as id union all select 11");
    project.fails(1, &["build"]);
    for gone in ["gone", "gone_failing"] {
        std::fs::remove_file(project.path().join(format!("tests/{gone}.sql"))).unwrap();
    }
    project.ok(&["build"]);
    project.ok(&["build"]);
    sql(
        &project,
        "create temp table ages as
        select run_id, (4 - row_number() over (order by started_at)) * interval '100 days' as age
        from etl_orchestration.pipeline_runs;
        update etl_orchestration.pipeline_runs as run set started_at = started_at - age
        from ages where ages.run_id = run.run_id;
        update data_quality.quality_checks as checked set checked_at = checked_at - age
        from ages where ages.run_id = checked.run_id;
        update data_quality.quality_incidents set resolved_at = now() - interval '200 days'
        where status = 'resolved';
        delete from data_quality.quality_checks as checked
        using ages, data_quality.quality_rules as rule
        where ages.run_id = checked.run_id and age < interval '200 days'
            and rule.rule_id = checked.rule_id and rule.name = 'rare'",
    );
    project
}

fn sql(project: &Project, statements: &str) {
    project.database().connect().execute(statements).unwrap();
}

/// The ages of the runs in hundreds of days; then how many tasks, checks, failing rows, resolved and
/// open incidents, and rules there are.
fn there(project: &Project) -> String {
    let all = project.postgres(
        "select string_agg(round(extract(day from now() - started_at) / 100)::text, ',' order by started_at),
        (select count(*) from etl_orchestration.task_executions),
        (select count(*) from data_quality.quality_checks),
        (select count(*) from data_quality.quality_failures),
        (select count(*) from data_quality.quality_incidents where status = 'resolved'),
        (select count(*) from data_quality.quality_incidents where status <> 'resolved'),
        (select string_agg(name, ',' order by name) from data_quality.quality_rules)
        from etl_orchestration.pipeline_runs",
    );
    all[0].join(" ")
}

#[test]
fn old_runs_go_but_not_the_last_check_of_a_test() {
    let project = project();
    let all = there(&project);
    assert_eq!(all, "3,2,1,0 16 10 8 2 2 gone,gone_failing,often,rare");
    let prune = |args: &[&str]| {
        let args = [&["store", "prune", "--quiet"], args].concat();
        let lines = project.ok(&args).stdout;
        // Without the times.
        lines.lines().map(|l| l.split(" 20").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = [
        "runs of shop, begun from",
        "8 executions, 0 loads, 5 checks, 5 failing rows",
        "2 resolved incidents, 0 tests that are gone",
        "1 run more would be old enough, but the last check of a test is in there.",
    ];
    let told = prune(&["--keep", "90d", "--dry-run"]);
    assert_eq!(told[0], format!("Would remove 2 {}", expected[0]));
    assert_eq!(told[1..], expected[1..]);
    assert_eq!(there(&project), all);
    // Nothing is too old and beyond the newest four.
    assert_eq!(prune(&["--keep", "90d", "--keep-runs", "4"]), ["No run of shop is to be removed."]);
    let told = prune(&["--keep", "90d"]);
    assert_eq!(told[0], format!("Removed 2 {}", expected[0]));
    assert_eq!(told[1..], expected[1..]);
    let left = "2,0 8 5 3 0 2 gone,gone_failing,often,rare";
    assert_eq!(there(&project), left);

    // A run that is under way stays; so do open incidents, and with them their test.
    std::fs::remove_file(project.path().join("tests/rare.sql")).unwrap();
    project.ok(&["build"]);
    sql(
        &project,
        "update etl_orchestration.pipeline_runs set status = 'running'
        where started_at = (select max(started_at) - interval '0 days' from etl_orchestration.pipeline_runs)",
    );
    let told = prune(&["--keep-runs", "0"]);
    assert_eq!(told[1], "8 executions, 0 loads, 5 checks, 3 failing rows");
    assert_eq!(told[2], "0 resolved incidents, 2 tests that are gone");
    assert_eq!(there(&project), "0 2 1 1 0 2 gone_failing,often");
    assert_eq!(prune(&["--keep-runs", "0"]), ["No run of shop is to be removed."]);
    let error = project.fails(2, &["store", "prune"]).text();
    assert!(error.contains("`store prune` was not told what to keep"), "{error}");
}

#[test]
fn runs_of_another_project_are_left_alone() {
    let project = project();
    sql(&project, "update etl_orchestration.pipeline_runs set project = 'other'");
    let told = project.ok(&["store", "prune", "--keep-runs", "0"]).stdout;
    assert_eq!(told.trim_end(), "No run of shop is to be removed.");
}

fn status(project: &Project, code: i32, args: &[&str]) -> Vec<(String, String)> {
    let args = [&["store", "status", "--quiet"], args].concat();
    let text = project.fails(code, &args).stdout;
    let lines = text.lines().take_while(|line| !line.starts_with('┌'));
    lines
        .map(|line| line.split_once(' ').unwrap())
        .map(|(a, b)| (a.into(), b.trim().into()))
        .collect()
}

fn value<'a>(status: &'a [(String, String)], name: &str) -> &'a str {
    &status.iter().find(|(one, _)| one == name).unwrap_or_else(|| panic!("{name}: {status:?}")).1
}

#[test]
fn status_tells_of_a_store_that_is_there_and_of_one_that_is_away() {
    let project = Project::new(On::Hybrid, &[("models/m.sql", "select 1 as id")]);
    let empty = status(&project, 0, &[]);
    assert!(value(&empty, "state").starts_with("up; it has no tables yet"));
    assert_eq!(
        project.postgres("select 1 from pg_namespace where nspname = 'data_quality'").len(),
        0
    );
    project.ok(&["build"]);
    let up = status(&project, 0, &["--check"]);
    assert!(value(&up, "address").ends_with(&project.database().params.dbname));
    assert!(value(&up, "state").ends_with("which is the newest"), "{up:?}");
    assert!(value(&up, "user").ends_with("who may write"));
    assert!(value(&up, "runs").starts_with("1 run, from 2"));
    assert_eq!(value(&up, "waiting"), "nothing");

    let database = project.database().params.dbname.clone();
    let mut admin = PostgresConnection::open(&server()).unwrap();
    let mut rename = |from: &str, to: &str| {
        admin
            .execute(&format!("alter database {database}{from} rename to {database}{to}"))
            .unwrap();
    };
    rename("", "_away");
    project.ok(&["build"]);
    let away = status(&project, 0, &[]);
    assert_eq!(value(&away, "state"), "away; runs go on, and their results wait on disk");
    assert!(value(&away, "why").contains("does not exist"), "{away:?}");
    let waits = value(&away, "waiting");
    assert!(waits.starts_with("`build` of ") && waits.contains(": 1 result for "), "{waits}");
    status(&project, 1, &["--check"]);
    let json = |code: i32| -> serde_json::Value {
        let told = project.fails(code, &["store", "status", "--check", "--format", "json"]).stdout;
        serde_json::from_str(&told).unwrap()
    };
    let away = json(1);
    assert_eq!(away["store"], serde_json::Value::Null);
    assert!(away["why_away"].as_str().unwrap().contains("does not exist"), "{away}");
    assert_eq!(away["waiting"][0]["results"], 1);
    rename("_away", "");
    let back = json(0);
    assert_eq!(back["store"]["version"], back["store"]["newest"]);
    assert_eq!(
        (&back["store"]["runs"]["all"], &back["store"]["may_write"]),
        (&1.into(), &true.into())
    );
    assert_eq!(back["waiting"].as_array().unwrap().len(), 1);
    // Looking does not send it.
    assert_ne!(value(&status(&project, 0, &[]), "waiting"), "nothing");
    project.ok(&["history"]);
    assert_eq!(value(&status(&project, 0, &["--check"]), "waiting"), "nothing");
    sql(&project, "insert into etl_orchestration.schema_versions values (99, 'later', '', '0')");
    let newer = status(&project, 1, &["--check"]);
    assert!(value(&newer, "state").contains("have version 99"), "{newer:?}");
}

/// A client program of PostgreSQL, of the server's folder or on the path.
fn client(name: &str) -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/pg-bindir");
    let folder = Command::new(script).output().ok()?;
    let folder = PathBuf::from(String::from_utf8_lossy(&folder.stdout).trim());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    folders.find(|folder| folder.join(name).is_file()).map(|folder| folder.join(name))
}

/// Every row of every table of the store, as a checksum.
fn contents(database: &TestDatabase) -> Vec<String> {
    let mut connection = database.connect();
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in
        ('etl_orchestration', 'data_quality', 'security_audit') order by 1";
    let tables = lines(connection.query(tables, None).unwrap());
    let one = |table: &String| {
        let sql = format!(
            "select '{table} ' || count(*) || coalesce(md5(string_agg(t::text, '' order by t::text)), '')
            from {table} as t"
        );
        lines(connection.query(&sql, None).unwrap()).concat()
    };
    tables.iter().map(one).collect()
}

fn lines(rows: pintail::relation::ResultSet) -> Vec<String> {
    rows.rows.iter().map(|row| row[0].to_text()).collect()
}

/// As docs/store.md has it.
#[test]
fn a_back_up_is_restored_elsewhere_and_a_run_goes_on_there() {
    let (Some(pg_dump), Some(pg_restore)) = (client("pg_dump"), client("pg_restore")) else {
        eprintln!("skipped: there is no pg_dump or pg_restore on this machine");
        return;
    };
    let project = Project::new(
        On::Hybrid,
        &[
            ("models/m.sql", "select 1 as id union all select 2"),
            (
                "tests/low.sql",
                "{{ config(severity='warn') }} select id from {{ ref('m') }} where id > 1",
            ),
            (
                "models/_.yml",
                "models: [{name: m, columns: [{name: id, constraints: [{type: primary_key}]}]}]",
            ),
        ],
    );
    project.ok(&["build"]);
    project.ok(&["store", "init", "--roles"]);
    let (old, new) = (project.database(), TestDatabase::create());
    let run = |program: &Path, database: &TestDatabase, args: &[&str]| {
        let params = &database.params;
        let mut command = Command::new(program);
        command.args(["-h", &params.host, "-p", &params.port.to_string(), "-U", &params.user]);
        let output = command.args(["-d", &params.dbname]).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let dump = project.path().join("store.dump");
    let dump = dump.to_str().unwrap();
    let schemas = ["-n", "etl_orchestration", "-n", "data_quality", "-n", "security_audit"];
    run(&pg_dump, old, &[&["-Fc", "-f", dump][..], &schemas].concat());
    run(&pg_restore, &new, &["--exit-on-error", "--no-owner", dump]);
    assert_eq!(contents(&new), contents(old));

    let profiles = project.read("profiles.yml").replace(&old.params.dbname, &new.params.dbname);
    project.file("profiles.yml", &profiles);
    project.ok(&["build"]);
    let there = "select concat_ws(' ', count(*), (select string_agg(concat(status, times_seen), '')
        from data_quality.quality_incidents), (select count(*) from data_quality.quality_rules))
        from etl_orchestration.pipeline_runs";
    assert_eq!(lines(new.connect().query(there, None).unwrap()), ["2 recurring2 1"]);
    let runs = project.ok(&["history", "--format", "csv"]).stdout;
    assert_eq!(runs.lines().count(), 3, "{runs}");
    assert_eq!(lines(old.connect().query(there, None).unwrap()), ["1 new1 1"]);
}
