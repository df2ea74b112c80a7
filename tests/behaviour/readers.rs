//! Somebody who reads while relations are built again never finds one missing or half full.

use std::sync::atomic::{AtomicBool, Ordering};

use pintail::engine::Connection;

use super::support::project::{On, Project};
use super::support::rows;

const MODELS: &[(&str, &str)] = &[
    (
        "models/t.sql",
        "{{ config(materialized='table') }} select i as id, {{ var('turn', 0) }} as turn from generate_series(1, 2000) s(i)",
    ),
    ("models/v.sql", "select id, turn, {{ var('turn', 0) }} as own from {{ ref('t') }}"),
    ("seeds/s.csv", "a\n1\n2\n3\n"),
];

/// Counts, and the numbers of different turns, of each relation; each has to be whole.
fn look(connection: &mut dyn Connection) -> Vec<String> {
    let sql = "select (select count(*) from t), (select count(distinct turn) from t), (select count(*) from v), (select count(*) from s)";
    rows(connection, sql).iter().flatten().map(|cell| cell.to_text()).collect()
}

#[test]
fn readers_of_postgres_see_whole_relations() {
    let project = Project::new(On::Postgres, MODELS);
    project.ok(&["build"]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut connection = project.database().connect();
            let mut looks = 0;
            while !done.load(Ordering::SeqCst) {
                assert_eq!(look(&mut connection), ["2000", "1", "2000", "3"]);
                looks += 1;
            }
            looks
        });
        for turn in 1..=6 {
            let code = project.run(&["build", "--vars", &format!("{{turn: {turn}}}")]).code;
            if code != 0 {
                done.store(true, Ordering::SeqCst);
            }
            assert_eq!(code, 0);
        }
        done.store(true, Ordering::SeqCst);
        assert!(reader.join().expect("the reader saw whole relations") > 0);
    });
    assert_eq!(project.lines("select distinct turn, own from v"), ["6|6"]);
}

/// DuckDB lets one process in: the reader is a test that runs beside the build, on another thread.
#[test]
fn readers_of_duckdb_see_whole_relations() {
    let readers: Vec<(String, String)> = (0..20)
        .map(|i| {
            (
                format!("tests/reader_{i}.sql"),
                "select 1 as x where (select count(*) from main.t) <> 2000 or (select count(distinct turn) from main.t) <> 1
                 or (select count(*) from main.v) <> 2000 or (select count(*) from main.s) <> 3"
                    .to_owned(),
            )
        })
        .collect();
    let project = Project::new(On::DuckDb, MODELS);
    project.ok(&["build"]);
    for (path, sql) in &readers {
        project.file(path, sql);
    }
    for turn in 1..=4 {
        project.ok(&["build", "--threads", "4", "--vars", &format!("{{turn: {turn}}}")]);
    }
    assert_eq!(project.lines("select distinct turn, own from v"), ["4|4"]);
}
