//! The PostgreSQL engine against a real server: cells, scripts, errors, cancelling, refusals.

mod support;

use std::time::{Duration, Instant};

use pintail::config::Secret;
use pintail::diagnostic::Code;
use pintail::engine::Connection;
use pintail::engine::postgres::PostgresConnection;
use pintail::relation::{Cell, Relation, RelationKind};
use support::{TestDatabase, rows, server, text, value};

/// A SQL expression, PostgreSQL's name of its type, and the cell that it has to give.
fn expected() -> Vec<(&'static str, &'static str, Cell)> {
    let t = |s: &str| s.to_owned();
    let int = Cell::Int;
    vec![
        ("NULL::integer", "integer", Cell::Null),
        ("true", "boolean", Cell::Bool(true)),
        ("(-32768)::smallint", "smallint", int(-32768)),
        ("9223372036854775807", "bigint", int(i64::MAX.into())),
        ("0.1::real", "real", Cell::Float(0.1)),
        ("1e300::float8", "double precision", Cell::Float(1e300)),
        ("'-Infinity'::float8", "double precision", Cell::Float(f64::NEG_INFINITY)),
        ("(-0.05)::numeric(18,2)", "numeric(18,2)", Cell::Decimal(t("-0.05"))),
        (
            "123456789012345678901234567890.123456789012345678901234567890",
            "numeric",
            Cell::Decimal(t("123456789012345678901234567890.123456789012345678901234567890")),
        ),
        ("'NaN'::numeric", "numeric", Cell::Decimal(t("NaN"))),
        ("E'\u{fc}n\u{ef} 🦆\\n''q''\\\\'", "text", text("ünï 🦆\n'q'\\")),
        ("'ab'::varchar(20)", "character varying(20)", text("ab")),
        ("'ab'::char(3)", "character(3)", text("ab ")),
        ("'n'::name", "name", text("n")),
        ("'\\x00ff'::bytea", "bytea", Cell::Bytes(vec![0, 255])),
        ("date '2024-02-29'", "date", Cell::Date(t("2024-02-29"))),
        ("'0044-03-15 BC'::date", "date", Cell::Date(t("0044-03-15 BC"))),
        ("'infinity'::date", "date", Cell::Date(t("infinity"))),
        ("time '12:30:01.5'", "time without time zone", Cell::Time(t("12:30:01.5"))),
        ("'12:00+05:30'::timetz", "time with time zone", Cell::Time(t("12:00:00+05:30"))),
        (
            "timestamp '2024-01-02 03:04:05.000006'",
            "timestamp without time zone",
            Cell::Timestamp(t("2024-01-02 03:04:05.000006")),
        ),
        (
            "'2024-01-02 03:04:05.1234'::timestamp(3)",
            "timestamp(3) without time zone",
            Cell::Timestamp(t("2024-01-02 03:04:05.123")),
        ),
        (
            "timestamptz '2024-01-02 03:04:05+02'",
            "timestamp with time zone",
            Cell::TimestampTz(t("2024-01-02 01:04:05+00")),
        ),
        (
            "interval '1 year 2 days 5 seconds'",
            "interval",
            Cell::Interval(t("1 year 2 days 00:00:05")),
        ),
        (
            "'00000000-0000-0000-0000-00000000000f'::uuid",
            "uuid",
            Cell::Uuid(t("00000000-0000-0000-0000-00000000000f")),
        ),
        ("'{\"a\": [1, 2]}'::json", "json", Cell::Json(serde_json::json!({"a": [1, 2]}))),
        ("'{\"a\": [1, 2]}'::jsonb", "jsonb", Cell::Json(serde_json::json!({"a": [1, 2]}))),
        ("'1.10'::jsonb", "jsonb", text("1.10")),
        ("array[1, NULL]::bigint[]", "bigint[]", Cell::List(vec![int(1), Cell::Null])),
        ("'{}'::text[]", "text[]", Cell::List(Vec::new())),
        (
            "array[1.50, 2]::numeric(4,2)[]",
            "numeric(4,2)[]",
            Cell::List(vec![Cell::Decimal(t("1.50")), Cell::Decimal(t("2.00"))]),
        ),
        (
            "array[['a\"b', ','], ['', 'NULL']]",
            "text[]",
            Cell::List(vec![
                Cell::List(vec![text("a\"b"), text(",")]),
                Cell::List(vec![text(""), text("NULL")]),
            ]),
        ),
        ("'happy'::mood", "mood", text("happy")),
        ("'1.50'::price", "numeric", Cell::Decimal(t("1.50"))),
        ("int4range(1, 5)", "int4range", text("[1,5)")),
        ("row(1, 'a')", "record", text("(1,a)")),
        ("inet '10.0.0.1'", "inet", text("10.0.0.1")),
        ("B'1011'", "bit(4)", text("1011")),
    ]
}

#[test]
fn every_type_gives_an_exact_cell() {
    let database = TestDatabase::create();
    let mut connection = database.connect();
    connection
        .execute("create type mood as enum ('sad', 'happy'); create domain price as numeric(8,2)")
        .unwrap();
    let mut wrong = Vec::new();
    for (sql, data_type, cell) in expected() {
        let result = connection.query(&format!("SELECT {sql} AS x"), None);
        let got = result.map(|r| (r.columns[0].data_type.clone(), r.rows[0][0].clone()));
        match got {
            Ok((name, value))
                if value == cell
                    && (name == data_type || sql.contains("price") || sql.starts_with("B'")) => {}
            other => wrong.push(format!("{sql}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn columns_of_a_table_have_postgresqls_own_names() {
    let database = TestDatabase::create();
    let mut connection = database.connect();
    connection
        .execute(
            "create schema s; create table s.\"T 'x\" (a numeric(18,2), b varchar(20), c timestamptz, \
             d bigint[], e timestamp(3), f jsonb)",
        )
        .unwrap();
    let columns = connection.columns(&Relation::new("any", "s", "T 'x")).unwrap();
    let names: Vec<&str> = columns.iter().map(|c| c.data_type.as_str()).collect();
    assert_eq!(
        names,
        [
            "numeric(18,2)",
            "character varying(20)",
            "timestamp with time zone",
            "bigint[]",
            "timestamp(3) without time zone",
            "jsonb"
        ]
    );
    assert!(connection.columns(&Relation::new("any", "s", "none")).unwrap().is_empty());
    connection
        .execute("create view s.v as select 1; create materialized view s.m as select 1")
        .unwrap();
    let found = connection.list_relations(None, "s").unwrap();
    let found: Vec<_> = found.iter().map(|r| (r.identifier.as_str(), r.kind)).collect();
    assert_eq!(
        found,
        [
            ("T 'x", Some(RelationKind::Table)),
            ("m", Some(RelationKind::MaterializedView)),
            ("v", Some(RelationKind::View))
        ]
    );
}

#[test]
fn a_script_gives_the_rows_of_its_last_statement() {
    let database = TestDatabase::create();
    let mut connection = database.connect();
    let sql =
        "create table t (a int); insert into t values (1), (2); -- ;\n select a from t order by a;";
    assert_eq!(rows(&mut connection, sql), [[Cell::Int(1)], [Cell::Int(2)]]);
    assert_eq!(
        connection.query("select generate_series(1, 10000)", Some(3)).unwrap().rows.len(),
        3
    );
    assert_eq!(
        connection.execute("insert into t select * from generate_series(1, 7)").unwrap(),
        Some(7)
    );
    assert_eq!(connection.execute("delete from t where a > 100").unwrap(), Some(0));
    assert_eq!(connection.execute("create table u as select * from t").unwrap(), Some(9));
    assert_eq!(connection.execute("create view v as select 1 as x").unwrap(), None);
    assert_eq!(connection.execute("-- nothing\n;").unwrap(), None);
    assert!(connection.query("  ", None).unwrap().columns.is_empty());
    assert!(connection.query("drop view v", None).unwrap().rows.is_empty());
    connection.rollback().unwrap();
}

#[test]
fn errors_have_their_place_in_the_script() {
    let database = TestDatabase::create();
    let mut connection = database.connect();
    let sql = "select 'é';\nselect a,\n  bogs\nfrom (select 1 as a, 2 as bogus) t";
    for error in
        [connection.query(sql, None).unwrap_err(), connection.execute(sql).map(drop).unwrap_err()]
    {
        assert_eq!(error.diagnostic.code, Code::SQL);
        assert_eq!(error.position, sql.find("bogs"), "{error:?}");
        assert_eq!(error.diagnostic.message, "column \"bogs\" does not exist");
        assert_eq!(error.words(), "ERROR: column \"bogs\" does not exist (SQLSTATE 42703)");
        assert_eq!(
            error.diagnostic.help,
            ["Perhaps you meant to reference the column \"t.bogus\"."]
        );
    }
    connection.execute("create table t (a int unique)").unwrap();
    let error = connection.execute("insert into t values (1), (1)").unwrap_err();
    assert!(error.words().contains("DETAIL: Key (a)=(1) already exists."), "{error:?}");
    assert!(!error.retryable);
    assert_eq!(connection.execute("select '\0'").unwrap_err().position, Some(8));
}

#[test]
fn a_deadlock_may_be_tried_again() {
    let database = TestDatabase::create();
    let (mut one, mut two) = (database.connect(), database.connect());
    one.execute("create table t as select g as a from generate_series(1, 2) g").unwrap();
    one.begin().unwrap();
    two.begin().unwrap();
    one.execute("update t set a = 1 where a = 1").unwrap();
    two.execute("update t set a = 2 where a = 2").unwrap();
    let thread = std::thread::spawn(move || {
        let result = one.execute("update t set a = 2 where a = 2");
        one.rollback().unwrap();
        result
    });
    let second = two.execute("update t set a = 1 where a = 1");
    two.rollback().unwrap();
    let first = thread.join().unwrap();
    let failed = first.err().or(second.err()).expect("one of the two is the victim");
    assert!(failed.retryable, "{failed:?}");
}

#[test]
fn another_thread_cancels_a_query() {
    let database = TestDatabase::create();
    let mut connection = database.connect();
    let canceller = connection.canceller();
    let started = Instant::now();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        canceller.cancel();
    });
    let error = connection.query("select pg_sleep(30)", None).unwrap_err();
    thread.join().unwrap();
    assert!(error.cancelled, "{error:?}");
    assert_eq!(error.diagnostic.code, Code::INTERRUPTED);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(value(&mut connection, "select 1"), Cell::Int(1));
}

#[test]
fn a_profile_is_applied_when_connecting() {
    let database = TestDatabase::create();
    database
        .connect()
        .execute("create schema \"a b\"; create table \"a b\".t as select 1 as x")
        .unwrap();
    let role = format!("r_{}", uuid::Uuid::new_v4().simple());
    database.connect().execute(&format!("create role {role}")).unwrap();
    let mut params = database.params.clone();
    params.search_path = Some("\"a b\", public".to_owned());
    let mut connection = PostgresConnection::open(&params).unwrap();
    assert_eq!(value(&mut connection, "select x from t"), Cell::Int(1));
    params.role = Some(role.clone());
    let mut connection = PostgresConnection::open(&params).unwrap();
    assert_eq!(value(&mut connection, "select current_user::text"), text(&role));
    drop(connection);
    database.connect().execute(&format!("drop role {role}")).unwrap();
    params.role = Some("no such".to_owned());
    let error = PostgresConnection::open(&params).err().unwrap();
    assert_eq!(error.diagnostic.code, Code::CONNECT);
    assert!(error.diagnostic.message.contains("role \"no such\" does not exist"), "{error:?}");
}

#[test]
fn refusals_say_what_to_do_and_no_secret() {
    let mut params = server();
    params.retries = 0;
    params.password = Some(Secret::new("hunter2"));

    params.dbname = "no_such_db".to_owned();
    let error = PostgresConnection::open(&params).err().unwrap();
    assert_eq!(error.diagnostic.code, Code::CONNECT);
    assert!(error.diagnostic.message.ends_with("has no database `no_such_db`"), "{error:?}");

    params.host = "127.0.0.1".to_owned();
    params.port = 1;
    let error = PostgresConnection::open(&params).err().unwrap();
    assert_eq!(error.diagnostic.code, Code::CONNECT);
    assert_eq!(error.diagnostic.message, "PostgreSQL at 127.0.0.1:1 cannot be reached");
    assert!(error.words().contains("refused"), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));

    params.host = "/nowhere".to_owned();
    let error = PostgresConnection::open(&params).err().unwrap();
    assert_eq!(
        error.diagnostic.message,
        "PostgreSQL at the socket folder /nowhere (port 1) cannot be reached"
    );

    // What the modes of TLS accept is in `engine_postgres_tls`.
    params.host = "localhost".to_owned();
    params.sslmode = Some("bogus".to_owned());
    let error = PostgresConnection::open(&params).err().unwrap();
    assert!(error.diagnostic.message.contains("bogus"), "{error:?}");
}
