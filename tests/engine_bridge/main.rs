//! Bridges between real engines: every type there and back, errors before damage, readers, views.

#[path = "../support/mod.rs"]
mod support;

mod any_values;
mod types;

use pintail::diagnostic::Code;
use pintail::engine::bridge::{attach_postgres, copy, refresh};
use pintail::engine::duckdb::DuckDb;
use pintail::engine::postgres::PostgresConnection;
use pintail::engine::{Connection, Engine};
use pintail::relation::{Cell, Relation};
use support::{TestDatabase, duckdb_memory, rows, text, value};

/// Both engines, attached.
struct Both {
    engine: DuckDb,
    duck: Box<dyn Connection>,
    postgres: PostgresConnection,
    database: TestDatabase,
}

impl Both {
    fn new() -> Both {
        let database = TestDatabase::create();
        let engine = duckdb_memory();
        let mut duck = engine.connect().unwrap();
        attach_postgres(&mut *duck, "ops", &database.params).unwrap();
        let postgres = database.connect();
        Both { engine, duck, postgres, database }
    }

    fn copy(&mut self, source: &str) -> pintail::engine::SqlResult<u64> {
        let source = Relation::new("memory", "main", source);
        let target = Relation::new("any", "served", "t");
        copy(&mut *self.duck, &mut self.postgres, &self.database.params, &source, &target)
            .map(|r| r.rows)
    }

    /// Copies a table and proves that DuckDB reads the same rows back.
    fn there_and_back(&mut self, source: &str) {
        self.copy(source).unwrap_or_else(|error| panic!("{source}: {error:?}"));
        refresh(&mut *self.duck, "ops", &["served"]).unwrap();
        for (one, two) in [(source, "ops.served.t"), ("ops.served.t", source)] {
            let left = rows(&mut *self.duck, &format!("FROM {one} EXCEPT ALL FROM {two}"));
            assert!(left.is_empty(), "in {one} and not in {two}: {left:?}");
        }
    }
}

#[test]
fn a_type_that_cannot_cross_is_told_before_anything_happens() {
    let mut both = Both::new();
    both.postgres
        .execute("create schema served; create table served.t as select 1 as old")
        .unwrap();
    both.duck
        .execute(
            "create table bad as select 1 as id, {'a': 1} as s, '2020-01-01'::TIMESTAMP_NS as n",
        )
        .unwrap();
    let error = both.copy("bad").unwrap_err();
    assert_eq!(error.diagnostic.code, Code::BRIDGE_TYPE);
    assert!(error.diagnostic.message.contains("`s`"), "{error:?}");
    assert_eq!(error.diagnostic.notes, ["s: STRUCT(a INTEGER)", "n: TIMESTAMP_NS"]);
    assert_eq!(value(&mut both.postgres, "select old from served.t"), Cell::Int(1));
    let left = both.postgres.list_relations(None, "served").unwrap();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_value_that_cannot_cross_names_its_column_and_leaves_the_old() {
    let mut both = Both::new();
    both.postgres
        .execute("create schema served; create table served.t as select 1 as old")
        .unwrap();
    let cases = [
        ("select 'a' as fine, 'a' || chr(0) as \"no te\" from range(10)", "`no te` holds a NUL"),
        ("select ['a' || chr(0)] as tags", "`tags` holds a NUL"),
        ("select '5000-01-01 (BC)'::DATE as d", "`d` holds a date"),
        ("select '290000-01-01 (BC)'::TIMESTAMP as at", "`at`"),
        ("select [[1], []] as l", "column l holds an empty list"),
        ("select [[1, 2], [3]] as l", "matching dimensions"),
        ("select 170141183460469231731687303715884105727::HUGEINT as h", "DECIMAL(38,0)"),
        (
            "select 'x' as \"a_name_that_is_far_too_long_for_postgresql_which_keeps_sixty_three_bytes\"",
            "keeps 63",
        ),
    ];
    for (select, expected) in cases {
        both.duck.execute(&format!("create or replace table bad as {select}")).unwrap();
        let error = both.copy("bad").unwrap_err();
        assert_eq!(error.diagnostic.code, Code::BRIDGE, "{error:?}");
        assert!(error.diagnostic.message.contains(expected), "{select}: {error:?}");
        assert!(!format!("{error:?}").contains("pintail_new"), "{error:?}");
    }
    assert_eq!(value(&mut both.postgres, "select old from served.t"), Cell::Int(1));
    assert_eq!(both.postgres.list_relations(None, "served").unwrap().len(), 1);
    let error = both.copy("none").unwrap_err();
    assert!(error.diagnostic.message.contains("is not there"), "{error:?}");
}

#[test]
fn a_bridge_is_swapped_in_under_readers_and_views() {
    let mut both = Both::new();
    both.duck.execute("create table t as select 0 as gen, range as i from range(3000)").unwrap();
    both.copy("t").unwrap();
    both.postgres.execute("create view v as select gen, i from served.t").unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let readers: Vec<_> = ["served.t", "v"]
        .into_iter()
        .map(|name| {
            let (stop, mut connection) = (stop.clone(), both.database.connect());
            std::thread::spawn(move || {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let sql = format!("select min(gen), max(gen), count(*) from {name}");
                    let found = rows(&mut connection, &sql).remove(0);
                    assert_eq!(found[0], found[1]);
                    assert_eq!(found[2], Cell::Int(3000));
                }
            })
        })
        .collect();
    for generation in 1..=15 {
        both.duck.execute(&format!("update t set gen = {generation}")).unwrap();
        assert_eq!(both.copy("t").unwrap(), 3000);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for reader in readers {
        reader.join().expect("a reader failed");
    }
    assert_eq!(value(&mut both.postgres, "select max(gen) from v"), Cell::Int(15));
    let report = copy(
        &mut *both.duck,
        &mut both.postgres,
        &both.database.params,
        &Relation::new("memory", "main", "t"),
        &Relation::new("any", "served", "t"),
    )
    .unwrap();
    assert_eq!(report.published.rebound.len(), 1);
    assert!(report.bytes > 0 && !report.duration.is_zero());
}

#[test]
fn what_postgresql_changes_is_seen_in_duckdb() {
    let mut both = Both::new();
    both.postgres.execute("create table t as select 1 as a").unwrap();
    assert_eq!(value(&mut *both.duck, "select a from ops.public.t"), Cell::Int(1));
    both.postgres
        .execute("alter table t add column b text default 'x'; update t set a = 2")
        .unwrap();
    assert_eq!(rows(&mut *both.duck, "from ops.public.t"), [[Cell::Int(2), text("x")]]);
    both.postgres.execute("drop table t; create view t as select 'v' as a").unwrap();
    assert_eq!(value(&mut *both.duck, "select a from ops.public.t"), text("v"));
    both.postgres
        .execute("create schema \"new s\"; create table \"new s\".n as select 3 as a")
        .unwrap();
    refresh(&mut *both.duck, "ops", &["new s", "none"]).unwrap();
    assert_eq!(value(&mut *both.duck, "select a from ops.\"new s\".n"), Cell::Int(3));
    assert!(both.postgres.list_relations(None, "none").unwrap().is_empty());
}

#[test]
fn many_threads_bridge_and_read_at_once() {
    let both = Both::new();
    both.duck.canceller();
    let mut setup = both.engine.connect().unwrap();
    setup
        .execute("create table t as select range as i, 'v' || range as v from range(20000)")
        .unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (both_engine, params) = (&both.engine, &both.database.params);
            scope.spawn(move || {
                let mut duck = both_engine.connect().unwrap();
                let mut postgres = PostgresConnection::open(params).unwrap();
                attach_postgres(&mut *duck, "ops", params).unwrap();
                let target =
                    Relation::new("any", &format!("s{}", thread % 2), &format!("t{thread}"));
                for _ in 0..3 {
                    let source = Relation::new("memory", "main", "t");
                    copy(&mut *duck, &mut postgres, params, &source, &target).unwrap();
                    let schema = target.schema.as_deref().unwrap();
                    refresh(&mut *duck, "ops", &[schema]).unwrap();
                    let read = format!(
                        "select count(*), sum(i) from ops.{}.{}",
                        target.schema.as_deref().unwrap(),
                        target.identifier
                    );
                    assert_eq!(
                        rows(&mut *duck, &read),
                        [[Cell::Int(20_000), Cell::Int(199_990_000)]]
                    );
                }
            });
        }
    });
}

#[test]
fn two_bridges_to_one_target_wait_for_each_other() {
    let both = Both::new();
    let mut setup = both.engine.connect().unwrap();
    setup.execute("create table t as select range as i from range(5000)").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (engine, params) = (&both.engine, &both.database.params);
            scope.spawn(move || {
                let mut duck = engine.connect().unwrap();
                let mut postgres = PostgresConnection::open(params).unwrap();
                let source = Relation::new("memory", "main", "t");
                let target = Relation::new("any", "s", "t");
                for _ in 0..3 {
                    copy(&mut *duck, &mut postgres, params, &source, &target).unwrap();
                }
            });
        }
    });
}

#[test]
fn filters_are_sent_to_postgresql() {
    let mut both = Both::new();
    both.postgres.execute("create table t as select generate_series(1, 1000) as i").unwrap();
    let plan = rows(&mut *both.duck, "explain select i from ops.public.t where i = 5");
    let plan: String = plan.iter().flatten().map(Cell::to_text).collect();
    assert!(plan.contains("Filters: i=5"), "{plan}");
}

#[test]
fn a_password_is_in_no_error_and_no_catalog() {
    let database = TestDatabase::create();
    let mut params = database.params.clone();
    params.password = Some(pintail::config::Secret::new("hun'ter2"));
    let engine = duckdb_memory();
    let mut duck = engine.connect().unwrap();
    attach_postgres(&mut *duck, "ops", &params).unwrap();
    let seen = rows(
        &mut *duck,
        "select path from duckdb_databases() union all select secret_string from duckdb_secrets()",
    );
    assert!(!format!("{seen:?}").contains("ter2"), "{seen:?}");
    params.dbname = "no_such".to_owned();
    let error = attach_postgres(&mut *duck, "other", &params).unwrap_err();
    assert_eq!(error.diagnostic.code, Code::CONNECT);
    assert!(!format!("{error:?}").contains("ter2"), "{error:?}");
}

/// A measure, not a check: `cargo test --release --test engine_bridge -- --ignored --nocapture`.
#[test]
#[ignore = "a measure"]
fn a_million_rows() {
    let mut both = Both::new();
    both.duck
        .execute(
            "create table t as select i::BIGINT as id, (i / 7)::DECIMAL(18,2) as amount, 'text ' || i as t, \
             TIMESTAMP '2024-01-01' + to_seconds(i) as at, TIMESTAMPTZ '2024-01-01 00:00:00+00' as tz, \
             DATE '2024-01-01' as d, i % 2 = 0 as b, uuid() as u, ('{\"i\": ' || i || '}')::JSON as j, [i, i + 1] as l \
             from range(1000000) r(i)",
        )
        .unwrap();
    let source = Relation::new("memory", "main", "t");
    let target = Relation::new("any", "served", "t");
    let params = both.database.params.clone();
    let report = copy(&mut *both.duck, &mut both.postgres, &params, &source, &target).unwrap();
    eprintln!("{} rows, {} bytes in {:?}", report.rows, report.bytes, report.duration);
    refresh(&mut *both.duck, "ops", &["served"]).unwrap();
    let started = std::time::Instant::now();
    both.duck.execute("create table back as from ops.served.t").unwrap();
    eprintln!("back in {:?}", started.elapsed());
}
