//! Swapping relations in, with readers that never stop, on both engines.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pintail::engine::publish::{
    create_schema_if_missing, drop_relation, replace_table, replace_view,
};
use pintail::engine::{Connection, Engine, EngineKind};
use pintail::relation::{Cell, Relation, RelationKind};
use support::{TestDatabase, duckdb_file, rows, text, value};

/// Runs a test on both engines, with the catalog's name.
fn on_both(test: impl Fn(&dyn Engine, &str)) {
    let folder = tempfile::tempdir().unwrap();
    let engine = duckdb_file(&folder.path().join("wh.duckdb"));
    test(&engine, "wh");
    let database = TestDatabase::create();
    test(&*database.engine(), &database.params.dbname);
}

fn table(database: &str, name: &str) -> Relation {
    Relation::new(database, "s", name)
}

fn series(kind: EngineKind, count: u32) -> String {
    match kind {
        EngineKind::DuckDb => format!("range(1, {count} + 1) g(i)"),
        EngineKind::Postgres => format!("generate_series(1, {count}) g(i)"),
    }
}

#[test]
fn a_reader_sees_the_old_or_the_new_during_fifty_rebuilds() {
    on_both(|engine, database| {
        let kind = engine.kind();
        let mut connection = engine.connect().unwrap();
        create_schema_if_missing(&mut *connection, Some(database), "s").unwrap();
        let target = table(database, "t");
        let build = |connection: &mut dyn Connection, generation: u32| {
            let shadow = table(database, "t__new");
            connection
                .execute(&format!(
                    "create table {} as select {generation} as gen, i from {}",
                    shadow.render(),
                    series(kind, 2000)
                ))
                .unwrap();
            if generation.is_multiple_of(2) {
                connection
                    .execute(&format!("create index ix_{generation} on {} (i)", shadow.render()))
                    .unwrap();
            }
            replace_table(connection, &shadow, &target).unwrap();
        };
        build(&mut *connection, 0);
        connection.execute("create view s.v as select gen, i from s.t").unwrap();
        connection
            .execute("create view s.w as select v.gen, v.i from s.v join s.t on t.i = v.i")
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let reads = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = ["s.t", "s.v", "s.w"]
            .into_iter()
            .map(|name| {
                let (stop, reads) = (stop.clone(), reads.clone());
                let mut connection = engine.connect().unwrap();
                std::thread::spawn(move || {
                    let sql = format!("select min(gen), max(gen), count(*) from {name}");
                    let mut last = Cell::Int(0);
                    while !stop.load(Ordering::Relaxed) {
                        let mut found = rows(&mut *connection, &sql).remove(0);
                        assert_eq!(found[2], Cell::Int(2000), "{name}");
                        assert_eq!(found[0], found[1], "{name}");
                        last = found.remove(0);
                        reads.fetch_add(1, Ordering::Relaxed);
                    }
                    last
                })
            })
            .collect();
        for generation in 1..=50 {
            build(&mut *connection, generation);
        }
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().expect("a reader failed");
        }
        eprintln!("{kind:?}: {} reads", reads.load(Ordering::Relaxed));
        assert!(reads.load(Ordering::Relaxed) > 20);
        for name in ["t", "v", "w"] {
            let gen_ = value(&mut *connection, &format!("select max(gen) from s.{name}"));
            assert_eq!(gen_, Cell::Int(50), "{name}");
        }
        let left = connection.list_relations(Some(database), "s").unwrap();
        let left: Vec<&str> = left.iter().map(|r| r.identifier.as_str()).collect();
        assert_eq!(left, ["t", "v", "w"]);
    });
}

#[test]
fn a_failed_swap_leaves_all_as_it_was() {
    on_both(|engine, database| {
        let mut connection = engine.connect().unwrap();
        create_schema_if_missing(&mut *connection, Some(database), "s").unwrap();
        connection.execute("create table s.t as select 1 as a").unwrap();
        let target = table(database, "t");
        assert!(replace_table(&mut *connection, &table(database, "none"), &target).is_err());
        assert_eq!(value(&mut *connection, "select a from s.t"), Cell::Int(1));
        let error = replace_view(&mut *connection, &target, "select 1 as a,\n  nope").unwrap_err();
        assert_eq!(error.position, Some(17), "{error:?}");
        assert_eq!(value(&mut *connection, "select a from s.t"), Cell::Int(1));
        assert_eq!(
            connection.list_relations(Some(database), "s").unwrap(),
            [target.with_kind(RelationKind::Table)]
        );
    });
}

#[test]
fn kinds_change_both_ways_and_names_may_hold_anything() {
    on_both(|engine, database| {
        let mut connection = engine.connect().unwrap();
        create_schema_if_missing(&mut *connection, Some(database), "s").unwrap();
        let target = table(database, "T \"é\" (x");
        let kind_now = |connection: &mut dyn Connection| {
            let found = connection.list_relations(Some(database), "s").unwrap();
            found.iter().map(|r| r.kind.unwrap()).collect::<Vec<_>>()
        };
        replace_view(&mut *connection, &target, "select 1 as a -- one").unwrap();
        assert_eq!(kind_now(&mut *connection), [RelationKind::View]);
        let shadow = table(database, "new (1");
        connection.execute(&format!("create table {} as select 2 as a", shadow.render())).unwrap();
        connection
            .execute(&format!("create unique index \"ix (\" on {} (a)", shadow.render()))
            .unwrap();
        replace_table(&mut *connection, &shadow, &target).unwrap();
        assert_eq!(kind_now(&mut *connection), [RelationKind::Table]);
        let all = format!("select a from {}", target.render());
        assert_eq!(value(&mut *connection, &all), Cell::Int(2));
        let twice = connection.execute(&format!("insert into {} values (2)", target.render()));
        assert!(twice.is_err(), "the unique index came along");
        replace_view(&mut *connection, &target, "select 'x' as b, 3 as a").unwrap();
        replace_view(&mut *connection, &target, "select 4 as a").unwrap();
        assert_eq!(kind_now(&mut *connection), [RelationKind::View]);
        assert_eq!(value(&mut *connection, &all), Cell::Int(4));
        drop_relation(&mut *connection, &target).unwrap();
        drop_relation(&mut *connection, &target).unwrap();
        drop_relation(&mut *connection, &target.clone().with_kind(RelationKind::Table)).unwrap();
        assert!(kind_now(&mut *connection).is_empty());
    });
}

#[test]
fn a_swapped_duckdb_table_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wh.duckdb");
    {
        let engine = duckdb_file(&path);
        let mut connection = engine.connect().unwrap();
        connection.execute("create schema s; create table s.t as select 1 as a").unwrap();
        connection.execute("create table s.n as select 2 as a; create index i on s.n (a)").unwrap();
        replace_table(&mut *connection, &table("wh", "n"), &table("wh", "t")).unwrap();
    }
    let engine = duckdb_file(&path);
    assert_eq!(
        value(&mut *engine.connect().unwrap(), "select a from s.t where a = 2"),
        Cell::Int(2)
    );
}

#[test]
fn schemas_are_made_once_by_many() {
    on_both(|engine, database| {
        for round in 0..5 {
            let name = format!("new {round}");
            std::thread::scope(|scope| {
                for _ in 0..6 {
                    let mut connection = engine.connect().unwrap();
                    let name = &name;
                    scope.spawn(move || {
                        create_schema_if_missing(&mut *connection, Some(database), name).unwrap();
                    });
                }
            });
        }
    });
}

#[test]
fn many_threads_build_tables_without_conflicts_coming_out() {
    on_both(|engine, database| {
        let kind = engine.kind();
        create_schema_if_missing(&mut *engine.connect().unwrap(), Some(database), "s").unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let mut connection = engine.connect().unwrap();
                scope.spawn(move || {
                    for _ in 0..10 {
                        let shadow = table(database, &format!("new{thread}"));
                        let create = format!(
                            "create table {} as select i from {}",
                            shadow.render(),
                            series(kind, 100)
                        );
                        pintail::engine::retry(|| connection.execute(&create)).unwrap();
                        let target = table(database, &format!("t{thread}"));
                        replace_table(&mut *connection, &shadow, &target).unwrap();
                        let view = table(database, &format!("v{thread}"));
                        let select = format!("select i from {}", target.render());
                        replace_view(&mut *connection, &view, &select).unwrap();
                    }
                });
            }
        });
    });
}

/// PostgreSQL only: DuckDB's views find their tables by name.
#[test]
fn views_upon_a_table_are_kept_or_named() {
    let database = TestDatabase::create();
    let mut connection = database.connect();
    let name = database.params.dbname.as_str();
    connection
        .execute(
            "create schema s; create schema \"o ther\"; create table s.t as select 1 as a, 'x' as b;
             create view s.v1 with (security_barrier = true) as select a, b from s.t;
             comment on view s.v1 is 'kept'; grant select on s.v1 to public;
             create view \"o ther\".v2 as select v1.a from s.v1 join s.t using (a);
             create view s.only_b as select b from s.t;
             create view s.on_b as select b || '!' as c from s.only_b;
             create materialized view s.mat as select a from s.t;
             create view s.unrelated as select 1 as one;
             set search_path = s",
        )
        .unwrap();
    let published = {
        connection.execute("create table s.n as select 2 as a").unwrap();
        // `b` is gone: v1 cannot be kept, nor what stands on it.
        connection
            .execute("create or replace view s.v1 as select a, 'x'::text as b from s.t")
            .unwrap();
        replace_table(&mut connection, &table(name, "n"), &table(name, "t")).unwrap()
    };
    let names = |list: &[Relation]| {
        let mut names: Vec<String> = list.iter().map(Relation::render).collect();
        names.sort();
        names
    };
    assert_eq!(names(&published.rebound), ["\"o ther\".\"v2\"", "\"s\".\"v1\""]);
    assert_eq!(names(&published.dropped), ["\"s\".\"mat\"", "\"s\".\"on_b\"", "\"s\".\"only_b\""]);
    assert_eq!(value(&mut connection, "select a from \"o ther\".v2"), Cell::Int(2));
    assert_eq!(value(&mut connection, "select one from s.unrelated"), Cell::Int(1));
    assert_eq!(value(&mut connection, "select obj_description('s.v1'::regclass)"), text("kept"));
    assert_eq!(
        value(&mut connection, "select has_table_privilege('public', 's.v1', 'select')"),
        Cell::Bool(true)
    );
    assert_eq!(value(&mut connection, "select current_setting('search_path')"), text("s"));
}
