//! Bridges between real engines: every type there and back, errors before damage, readers, views.

mod support;

use pintail::diagnostic::Code;
use pintail::engine::bridge::{attach_postgres, check_in_place, copy, refresh};
use pintail::engine::duckdb::DuckDb;
use pintail::engine::postgres::PostgresConnection;
use pintail::engine::{Connection, Engine};
use pintail::relation::{Cell, Relation, quote_literal};
use proptest::prelude::*;
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

/// DuckDB values of a type, the type in PostgreSQL, and PostgreSQL's text of them.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const CASES: &[Case] = &[
    ("BOOLEAN", "boolean", &["true", "false", "NULL"], &["true", "false", ""]),
    ("TINYINT", "smallint", &["-128", "127"], &["-128", "127"]),
    ("SMALLINT", "smallint", &["-32768"], &["-32768"]),
    ("INTEGER", "integer", &["-2147483648"], &["-2147483648"]),
    ("BIGINT", "bigint", &["-9223372036854775808"], &["-9223372036854775808"]),
    ("UTINYINT", "smallint", &["255"], &["255"]),
    ("USMALLINT", "integer", &["65535"], &["65535"]),
    ("UINTEGER", "bigint", &["4294967295"], &["4294967295"]),
    ("UBIGINT", "numeric(20,0)", &["18446744073709551615"], &["18446744073709551615"]),
    (
        "HUGEINT",
        "numeric(38,0)",
        &["99999999999999999999999999999999999999", "-1"],
        &["99999999999999999999999999999999999999", "-1"],
    ),
    ("FLOAT", "real", &["0.1", "'nan'", "'-inf'"], &["0.1", "NaN", "-Infinity"]),
    (
        "DOUBLE",
        "double precision",
        &["1e-308", "'nan'", "'inf'", "0.30000000000000004"],
        &["1e-308", "NaN", "Infinity", "0.30000000000000004"],
    ),
    (
        "DECIMAL(18,2)",
        "numeric(18,2)",
        &["-0.05", "1234567890123456.78"],
        &["-0.05", "1234567890123456.78"],
    ),
    ("DECIMAL(4,2)", "numeric(4,2)", &["12.50"], &["12.50"]),
    (
        "DECIMAL(9,9)",
        "numeric(9,9)",
        &["0.999999999", "-0.000000001"],
        &["0.999999999", "-0.000000001"],
    ),
    ("DECIMAL(18,17)", "numeric(18,17)", &["-9.99999999999999999"], &["-9.99999999999999999"]),
    (
        "DECIMAL(38,38)",
        "numeric(38,38)",
        &["'0.12345678901234567890123456789012345678'"],
        &["0.12345678901234567890123456789012345678"],
    ),
    (
        "DECIMAL(38,10)",
        "numeric(38,10)",
        &["'9999999999999999999999999999.9999999999'", "0"],
        &["9999999999999999999999999999.9999999999", "0.0000000000"],
    ),
    (
        "VARCHAR",
        "text",
        &["''", "'NULL'", "'a''b\"c\\d\te\nf\r'", "'ünï 🦆 \u{feff}\u{202e}'", "'\\N'", "'\\.'"],
        &["", "NULL", "a'b\"c\\d\te\nf\r", "ünï 🦆 \u{feff}\u{202e}", "\\N", "\\."],
    ),
    (
        "JSON",
        "json",
        &["'{\"a\":  [1,2.50], \"a\": 1}'", "'null'"],
        &["{\"a\":  [1,2.50], \"a\": 1}", "null"],
    ),
    ("BLOB", "bytea", &["'\\x00\\xFF'", "''"], &["\\x00ff", "\\x"]),
    (
        "DATE",
        "date",
        &["'2024-02-29'", "'0044-03-15 (BC)'", "'20000-01-01'", "'infinity'", "'-infinity'"],
        &["2024-02-29", "0044-03-15 BC", "20000-01-01", "infinity", "-infinity"],
    ),
    (
        "TIME",
        "time without time zone",
        &["'24:00:00'", "'12:30:01.000001'"],
        &["24:00:00", "12:30:01.000001"],
    ),
    ("TIME WITH TIME ZONE", "time with time zone", &["'12:00:01.5+05:30'"], &["12:00:01.5+05:30"]),
    (
        "TIMESTAMP",
        "timestamp without time zone",
        &[
            "'2024-01-02 03:04:05.000006'",
            "'0044-03-15 (BC) 10:00:00'",
            "'20000-01-01'",
            "'infinity'",
            "'-infinity'",
        ],
        &[
            "2024-01-02 03:04:05.000006",
            "0044-03-15 10:00:00 BC",
            "20000-01-01 00:00:00",
            "infinity",
            "-infinity",
        ],
    ),
    (
        "TIMESTAMP_S",
        "timestamp without time zone",
        &["'2024-01-02 03:04:05'"],
        &["2024-01-02 03:04:05"],
    ),
    (
        "TIMESTAMP_MS",
        "timestamp without time zone",
        &["'2024-01-02 03:04:05.25'"],
        &["2024-01-02 03:04:05.25"],
    ),
    (
        "TIMESTAMP WITH TIME ZONE",
        "timestamp with time zone",
        &["'2024-01-02 03:04:05+02'", "'infinity'", "'0044-03-15 (BC) 10:00:00+00'"],
        &["2024-01-02 01:04:05+00", "infinity", "0044-03-15 10:00:00+00 BC"],
    ),
    (
        "INTERVAL",
        "interval",
        &["'1 year 2 days 5 seconds'", "'-3 months'", "'300 hours'"],
        &["1 year 2 days 00:00:05", "-3 mons", "300:00:00"],
    ),
    (
        "UUID",
        "uuid",
        &["'00000000-0000-0000-0000-00000000000f'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
        &["00000000-0000-0000-0000-00000000000f", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    ),
    ("ENUM('a', 'NULL')", "text", &["'a'", "'NULL'", "NULL"], &["a", "NULL", ""]),
    ("BIGINT[]", "bigint[]", &["[1, NULL, 3]", "[]", "NULL"], &["{1,NULL,3}", "{}", ""]),
    (
        "VARCHAR[]",
        "text[]",
        &["['NULL', 'null', NULL, 'x \"q\" \\ , {} ', '', 'é\n']", "[]", "NULL"],
        &["{\"NULL\",\"null\",NULL,\"x \\\"q\\\" \\\\ , {} \",\"\",\"é\n\"}", "{}", ""],
    ),
    ("DECIMAL(18,2)[]", "numeric(18,2)[]", &["[1.50, NULL]"], &["{1.50,NULL}"]),
    ("DECIMAL(9,9)[]", "numeric(9,9)[]", &["[0.999999999, NULL]"], &["{0.999999999,NULL}"]),
    (
        "TIMESTAMP[]",
        "timestamp without time zone[]",
        &["['infinity', '2020-01-01']"],
        &["{infinity,\"2020-01-01 00:00:00\"}"],
    ),
    (
        "TIMESTAMP WITH TIME ZONE[]",
        "timestamp with time zone[]",
        &["['2020-01-01 00:00:00+00']"],
        &["{\"2020-01-01 00:00:00+00\"}"],
    ),
    ("DATE[]", "date[]", &["['2020-01-01']"], &["{2020-01-01}"]),
    ("BOOLEAN[]", "boolean[]", &["[true, NULL]"], &["{t,NULL}"]),
    (
        "UUID[]",
        "uuid[]",
        &["['00000000-0000-0000-0000-00000000000f']"],
        &["{00000000-0000-0000-0000-00000000000f}"],
    ),
    ("JSON[]", "json[]", &["['null', '\"x\"']"], &["{\"null\",\"\\\"x\\\"\"}"]),
    ("DOUBLE[]", "double precision[]", &["['1.5', 'nan']"], &["{1.5,NaN}"]),
    ("BLOB[]", "bytea[]", &["['\\x00']"], &["{\"\\\\x00\"}"]),
    ("INTEGER[2]", "integer[]", &["[1, 2]"], &["{1,2}"]),
    ("BIGINT[][]", "bigint[]", &["[[1, 2], [3, NULL]]", "[]"], &["{{1,2},{3,NULL}}", "{}"]),
    ("VARCHAR[][]", "text[]", &["[['NULL', 'a'], [NULL, '']]"], &["{{\"NULL\",a},{NULL,\"\"}}"]),
];

#[test]
fn every_type_goes_over_and_comes_back() {
    let mut both = Both::new();
    for (duck_type, pg_type, values, texts) in CASES {
        let list: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(n, value)| format!("({n}, CAST({value} AS {duck_type}))"))
            .collect();
        both.duck
            .execute(&format!(
                "CREATE OR REPLACE TABLE t AS SELECT n, x::{duck_type} AS x FROM (VALUES {}) v(n, x)",
                list.join(", ")
            ))
            .unwrap_or_else(|error| panic!("{duck_type}: {error:?}"));
        both.copy("t").unwrap_or_else(|error| panic!("{duck_type}: {error:?}"));
        refresh(&mut *both.duck, "ops", &["served"]).unwrap();
        let columns = both.postgres.columns(&Relation::new("", "served", "t")).unwrap();
        assert_eq!(columns[1].data_type, *pg_type, "{duck_type}");
        let found =
            rows(&mut both.postgres, "select coalesce(x::text, '') from served.t order by n");
        let found: Vec<String> = found.iter().map(|row| row[0].to_text()).collect();
        assert_eq!(found, *texts, "{duck_type}");
        // DuckDB has no fixed-length arrays from PostgreSQL, and reads JSON and enums as text.
        let back = match *duck_type {
            "INTEGER[2]" => "INTEGER[]",
            "JSON" | "ENUM('a', 'NULL')" => "VARCHAR",
            "JSON[]" => "VARCHAR[]",
            other => other,
        };
        let wrong = rows(
            &mut *both.duck,
            &format!(
                "SELECT t.n, t.x, o.x FROM t FULL JOIN ops.served.t o ON o.n = t.n \
                 WHERE t.x::{back} IS DISTINCT FROM o.x::{back}"
            ),
        );
        assert!(wrong.is_empty(), "{duck_type}: {wrong:?}");
    }
}

/// PostgreSQL's types as DuckDB reads them in place: the text of each value is the same.
#[test]
fn every_type_is_read_in_place() {
    let mut both = Both::new();
    let cases: &[(&str, &str)] = &[
        ("boolean", "'t'"),
        ("smallint", "-32768"),
        ("integer", "7"),
        ("bigint", "9223372036854775807"),
        ("numeric(38,10)", "9999999999999999999999999999.9999999999"),
        ("numeric(18,2)", "-0.05"),
        ("real", "0.1"),
        ("double precision", "1e-308"),
        ("text", "E'a\\'b\"c\\\\d\\te\\nf 🦆'"),
        ("varchar(20)", "'ab'"),
        ("date", "'2024-02-29'"),
        ("time", "'12:30:01.5'"),
        ("timestamp", "'2024-01-02 03:04:05.000006'"),
        ("timestamp", "'infinity'"),
        ("timestamptz", "'2024-01-02 03:04:05+02'"),
        ("uuid", "'00000000-0000-0000-0000-00000000000f'"),
        ("json", "'{\"a\":  1.50}'"),
        ("jsonb", "'{\"a\": 1.50}'"),
        ("int4range", "'[1,3)'"),
        ("inet", "'10.0.0.0/8'"),
        ("mood", "'sad'"),
        ("price", "1.5"),
    ];
    both.postgres
        .execute("create type mood as enum ('sad'); create domain price as numeric(8,2)")
        .unwrap();
    for (data_type, literal) in cases {
        both.postgres
            .execute(&format!(
                "drop table if exists r; create table r as select cast({literal} as {data_type}) as x"
            ))
            .unwrap();
        let columns = both.postgres.columns(&Relation::new("", "public", "r")).unwrap();
        check_in_place(&Relation::new("o", "public", "r"), &columns).unwrap();
        let there = value(&mut both.postgres, "select x from r").to_text();
        let here = value(&mut *both.duck, "select x from ops.public.r").to_text();
        assert_eq!(here, there, "{data_type}");
    }
    both.postgres.execute("create table agg as select sum(1.5::numeric(8,2)) as total").unwrap();
    let columns = both.postgres.columns(&Relation::new("", "public", "agg")).unwrap();
    let error = check_in_place(&Relation::new("o", "public", "agg"), &columns).unwrap_err();
    assert_eq!(error.diagnostic.code, Code::BRIDGE_TYPE);
    assert!(error.diagnostic.message.contains("`total`"), "{error:?}");
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

/// One row of values as DuckDB literals.
fn row() -> impl Strategy<Value = Vec<String>> {
    let any_text = "[^\0]{0,12}";
    let decimal = |width: u8, scale: u8| {
        let max = 10_i128.pow(u32::from(width)) - 1;
        (-max..=max).prop_map(move |unscaled| {
            let digits =
                format!("{:0width$}", unscaled.unsigned_abs(), width = usize::from(scale) + 1);
            let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
            let sign = if unscaled < 0 { "-" } else { "" };
            format!("'{sign}{whole}.{fraction}'::DECIMAL({width},{scale})")
        })
    };
    let listed = |items: Vec<Option<String>>, data_type: &str| {
        let items: Vec<String> =
            items.into_iter().map(|item| item.unwrap_or_else(|| "NULL".to_owned())).collect();
        format!("[{}]::{data_type}[]", items.join(", "))
    };
    let one = (
        any::<i64>().prop_map(|i| format!("({i})::BIGINT")),
        decimal(18, 2),
        decimal(9, 9),
        decimal(18, 17),
        decimal(38, 19),
        decimal(37, 37),
        any_text.prop_map(|s| quote_literal(&s)),
        // Within PostgreSQL's range, from 4713 BC to 294247 AD.
        (-210_866_803_200_000_000_i64..9_223_371_244_800_000_000_i64)
            .prop_map(|micros| format!("make_timestamp({micros})")),
        (-2_440_588_i64..2_000_000)
            .prop_map(|days| format!("(DATE '1970-01-01' + ({days})::INTEGER)::DATE")),
        any::<f64>().prop_map(|f| format!("'{f}'::DOUBLE")),
    );
    let two = (
        proptest::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| {
            let hex: String = bytes.iter().map(|byte| format!("\\x{byte:02X}")).collect();
            format!("'{hex}'::BLOB")
        }),
        any::<u128>().prop_map(|u| format!("'{}'::UUID", uuid::Uuid::from_u128(u))),
        (any::<i16>(), any::<i16>(), -1_000_000_000_000_i64..1_000_000_000_000)
            .prop_map(|(m, d, u)| format!("to_months({m}) + to_days({d}) + to_microseconds({u})")),
        proptest::collection::vec(proptest::option::of(any_text), 0..4).prop_map(move |items| {
            listed(items.into_iter().map(|i| i.map(|s| quote_literal(&s))).collect(), "VARCHAR")
        }),
        proptest::collection::vec(proptest::option::of(any::<i64>()), 0..4).prop_map(
            move |items| {
                listed(items.into_iter().map(|i| i.map(|i| format!("({i})"))).collect(), "BIGINT")
            },
        ),
        any::<Option<bool>>()
            .prop_map(|b| format!("{}::BOOLEAN", b.map_or("NULL".into(), |b| b.to_string()))),
        (0_i64..=86_400_000_000).prop_map(|u| {
            let seconds = u / 1_000_000;
            format!(
                "'{:02}:{:02}:{:02}.{:06}'::TIME",
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                u % 1_000_000
            )
        }),
    );
    (one, two).prop_map(|(a, b)| {
        vec![a.0, a.1, a.2, a.3, a.4, a.5, a.6, a.7, a.8, a.9, b.0, b.1, b.2, b.3, b.4, b.5, b.6]
    })
}

#[test]
fn any_values_go_over_and_come_back() {
    let both = std::cell::RefCell::new(Both::new());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&proptest::collection::vec(row(), 1..25), |values| {
            let both = &mut *both.borrow_mut();
            let list: Vec<String> = values
                .iter()
                .enumerate()
                .map(|(n, row)| {
                    let named: Vec<String> = row
                        .iter()
                        .enumerate()
                        .map(|(c, value)| format!("{value} AS c{c}"))
                        .collect();
                    format!("SELECT {n} AS n, {}", named.join(", "))
                })
                .collect();
            both.duck
                .execute(&format!("CREATE OR REPLACE TABLE t AS {}", list.join(" UNION ALL ")))
                .unwrap();
            both.there_and_back("t");
            // And PostgreSQL shows what DuckDB shows, but for intervals and years before Christ.
            let shown = "select c0, c1, c2, c3, c4, c5, c6, c9, c10, c11, c13, c14, c15, c16";
            let here = rows(&mut *both.duck, &format!("{shown} from t order by n"));
            let there = rows(&mut both.postgres, &format!("{shown} from served.t order by n"));
            assert_eq!(here, there);
            Ok(())
        })
        .unwrap();
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
