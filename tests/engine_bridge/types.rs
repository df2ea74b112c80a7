//! Each type there and back, and read in place.

use pintail::diagnostic::Code;
use pintail::engine::Connection;
use pintail::engine::bridge::{check_in_place, refresh};
use pintail::relation::Relation;

use super::Both;
use super::support::{rows, value};

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
