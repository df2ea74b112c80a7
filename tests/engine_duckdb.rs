//! The DuckDB engine against a real DuckDB: cells, scripts, errors, cancelling, locks.

mod support;

use std::time::{Duration, Instant};

use pintail::config::{DuckDbAttach, DuckDbParams};
use pintail::diagnostic::Code;
use pintail::engine::Engine;
use pintail::engine::duckdb::DuckDb;
use pintail::relation::{Cell, Relation, RelationKind};
use support::{duckdb_file, duckdb_memory, rows, text, value};

/// A SQL expression, DuckDB's name of its type, and the cell that it has to give.
fn expected() -> Vec<(&'static str, &'static str, Cell)> {
    let t = |s: &str| s.to_owned();
    let int = Cell::Int;
    vec![
        ("NULL::INTEGER", "INTEGER", Cell::Null),
        ("true", "BOOLEAN", Cell::Bool(true)),
        ("(-128)::TINYINT", "TINYINT", int(-128)),
        ("18446744073709551615::UBIGINT", "UBIGINT", int(18_446_744_073_709_551_615)),
        ("170141183460469231731687303715884105727::HUGEINT", "HUGEINT", int(i128::MAX)),
        (
            "340282366920938463463374607431768211455::UHUGEINT",
            "UHUGEINT",
            Cell::Decimal(t("340282366920938463463374607431768211455")),
        ),
        ("0.1::FLOAT", "FLOAT", Cell::Float(0.1)),
        ("1e300::DOUBLE", "DOUBLE", Cell::Float(1e300)),
        ("(-0.05)::DECIMAL(18,2)", "DECIMAL(18,2)", Cell::Decimal(t("-0.05"))),
        (
            "99999999999999999999999999999999999999::DECIMAL(38,0)",
            "DECIMAL(38,0)",
            Cell::Decimal(t("99999999999999999999999999999999999999")),
        ),
        ("12.50::DECIMAL(4,2)", "DECIMAL(4,2)", Cell::Decimal(t("12.50"))),
        ("'ünï 🦆\n''q'''", "VARCHAR", text("ünï 🦆\n'q'")),
        ("'\\x00\\xFF'::BLOB", "BLOB", Cell::Bytes(vec![0, 255])),
        ("DATE '2024-02-29'", "DATE", Cell::Date(t("2024-02-29"))),
        ("'0044-03-15 (BC)'::DATE", "DATE", Cell::Date(t("0044-03-15 (BC)"))),
        ("'infinity'::DATE", "DATE", Cell::Date(t("infinity"))),
        ("TIME '12:30:01.5'", "TIME", Cell::Time(t("12:30:01.5"))),
        ("'12:00:01.5+05:30'::TIMETZ", "TIME WITH TIME ZONE", Cell::Time(t("12:00:01.5+05:30"))),
        (
            "TIMESTAMP '2024-01-02 03:04:05.000006'",
            "TIMESTAMP",
            Cell::Timestamp(t("2024-01-02 03:04:05.000006")),
        ),
        ("'-infinity'::TIMESTAMP", "TIMESTAMP", Cell::Timestamp(t("-infinity"))),
        ("TIMESTAMP '20000-01-01'", "TIMESTAMP", Cell::Timestamp(t("20000-01-01 00:00:00"))),
        (
            "'2024-01-02 03:04:05.123456789'::TIMESTAMP_NS",
            "TIMESTAMP_NS",
            Cell::Timestamp(t("2024-01-02 03:04:05.123456789")),
        ),
        ("'2024-01-02'::TIMESTAMP_S", "TIMESTAMP_S", Cell::Timestamp(t("2024-01-02 00:00:00"))),
        (
            "'2024-01-02 00:00:00.25'::TIMESTAMP_MS",
            "TIMESTAMP_MS",
            Cell::Timestamp(t("2024-01-02 00:00:00.25")),
        ),
        (
            "TIMESTAMPTZ '2024-01-02 03:04:05+02'",
            "TIMESTAMP WITH TIME ZONE",
            Cell::TimestampTz(t("2024-01-02 01:04:05+00")),
        ),
        (
            "INTERVAL '300 years 2 days 5 seconds'",
            "INTERVAL",
            Cell::Interval(t("300 years 2 days 00:00:05")),
        ),
        (
            "'00000000-0000-0000-0000-00000000000f'::UUID",
            "UUID",
            Cell::Uuid(t("00000000-0000-0000-0000-00000000000f")),
        ),
        ("'{\"a\": [1, 2]}'::JSON", "JSON", Cell::Json(serde_json::json!({"a": [1, 2]}))),
        ("'1.10'::JSON", "JSON", text("1.10")),
        ("[1, NULL]::BIGINT[]", "BIGINT[]", Cell::List(vec![int(1), Cell::Null])),
        ("[]::VARCHAR[]", "VARCHAR[]", Cell::List(Vec::new())),
        ("[1, 2]::INTEGER[2]", "INTEGER[2]", Cell::List(vec![int(1), int(2)])),
        (
            "{'a': 1, 'b c': 'x'}",
            "STRUCT(a INTEGER, \"b c\" VARCHAR)",
            Cell::Struct(vec![(t("a"), int(1)), (t("b c"), text("x"))]),
        ),
        ("MAP {'k': 1}", "MAP(VARCHAR, INTEGER)", Cell::Struct(vec![(t("k"), int(1))])),
        ("'b'::ENUM('a', 'b')", "ENUM('a', 'b')", text("b")),
        ("'1011'::BIT", "BIT", text("1011")),
        ("union_value(k := 3)", "UNION(k INTEGER)", text("3")),
        ("[INTERVAL '1 day']", "INTERVAL[]", text("[1 day]")),
        (
            "'12345678901234567890123456789012345678901234567890'::BIGNUM",
            "BIGNUM",
            Cell::Decimal(t("12345678901234567890123456789012345678901234567890")),
        ),
    ]
}

#[test]
fn every_type_gives_an_exact_cell() {
    let engine = duckdb_memory();
    let mut connection = engine.connect().unwrap();
    let mut wrong = Vec::new();
    for (sql, data_type, cell) in expected() {
        let result = connection.query(&format!("SELECT {sql} AS x"), None);
        let got = result.map(|r| (r.columns[0].data_type.clone(), r.rows[0][0].clone()));
        match got {
            // A result does not tell an enum's members.
            Ok((name, value))
                if value == cell
                    && (name == data_type || data_type.starts_with(&name) && name == "ENUM") => {}
            other => wrong.push(format!("{sql}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn columns_of_a_table_have_duckdbs_own_names() {
    let engine = duckdb_memory();
    let mut connection = engine.connect().unwrap();
    let expected = expected();
    let list: Vec<String> =
        expected.iter().enumerate().map(|(i, (sql, _, _))| format!("{sql} AS c{i}")).collect();
    connection.execute(&format!("CREATE TABLE \"T x\" AS SELECT {}", list.join(", "))).unwrap();
    let columns = connection.columns(&Relation::new("memory", "main", "T x")).unwrap();
    let names: Vec<&str> = columns.iter().map(|c| c.data_type.as_str()).collect();
    let wanted: Vec<&str> = expected.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(names, wanted);
    assert!(connection.columns(&Relation::new("memory", "main", "none")).unwrap().is_empty());
}

#[test]
fn a_script_gives_the_rows_of_its_last_statement() {
    let engine = duckdb_memory();
    let mut connection = engine.connect().unwrap();
    let sql =
        "create table t (a int); insert into t values (1), (2); -- ;\n select a from t order by a;";
    assert_eq!(rows(&mut *connection, sql), [[Cell::Int(1)], [Cell::Int(2)]]);
    assert_eq!(connection.query("select range from range(10000)", Some(3)).unwrap().rows.len(), 3);
    assert_eq!(connection.execute("insert into t select * from range(7)").unwrap(), Some(7));
    assert_eq!(connection.execute("delete from t where a > 100").unwrap(), Some(0));
    assert_eq!(connection.execute("create table u as select * from t").unwrap(), Some(9));
    assert_eq!(connection.execute("create view v as select 1").unwrap(), None);
    assert_eq!(connection.execute("-- nothing\n;").unwrap(), None);
    assert!(connection.query("  ", None).unwrap().columns.is_empty());
}

#[test]
fn errors_have_their_place_in_the_script() {
    let engine = duckdb_memory();
    let mut connection = engine.connect().unwrap();
    let sql = "select 'é';\nselect a,\n  bogus\nfrom (select 1 as a, 2 as bogs) t";
    let error = connection.query(sql, None).unwrap_err();
    assert_eq!(error.diagnostic.code, Code::SQL);
    assert_eq!(error.position, sql.find("bogus"));
    assert_eq!(error.diagnostic.message, "Referenced column \"bogus\" not found in FROM clause");
    assert_eq!(
        error.diagnostic.notes,
        ["Binder Error: Referenced column \"bogus\" not found in FROM clause!"]
    );
    assert_eq!(error.diagnostic.help, ["Did you mean `bogs`?"]);

    let error = connection.execute("selec 1").unwrap_err();
    assert_eq!(error.position, Some(0));
    assert_eq!(error.words(), "Parser Error: syntax error at or near \"selec\"");

    connection.execute("create table orders (id int)").unwrap();
    let error = connection.execute("select * from ordres").unwrap_err();
    assert_eq!(error.position, Some(14));
    assert_eq!(error.diagnostic.help, ["Did you mean `orders`?"]);

    let error = connection.execute("insert into orders values ('x')").unwrap_err();
    assert_eq!(error.words(), "Conversion Error: Could not convert string 'x' to INT32");
    let error = connection.execute("select '\0'").unwrap_err();
    assert_eq!(error.position, Some(8));
}

#[test]
fn a_write_conflict_may_be_tried_again() {
    let engine = duckdb_memory();
    let (mut one, mut two) = (engine.connect().unwrap(), engine.connect().unwrap());
    one.execute("create table t as select 1 as a").unwrap();
    one.begin().unwrap();
    two.begin().unwrap();
    one.execute("update t set a = 2").unwrap();
    let error = two.execute("update t set a = 3").unwrap_err();
    assert!(error.retryable, "{error:?}");
    two.rollback().unwrap();
    one.commit().unwrap();
    one.rollback().unwrap();

    one.begin().unwrap();
    two.begin().unwrap();
    one.execute("create or replace table t as select 1 as b").unwrap();
    let error = two.execute("create or replace table t as select 2 as b").unwrap_err();
    assert!(error.retryable, "{error:?}");
    two.rollback().unwrap();
    one.commit().unwrap();
}

#[test]
fn another_thread_cancels_a_query() {
    let engine = duckdb_memory();
    let mut connection = engine.connect().unwrap();
    let canceller = connection.canceller();
    let started = Instant::now();
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        canceller.cancel();
    });
    let error = connection
        .query("select count(*) from range(100000000000) a, range(1000) b", None)
        .unwrap_err();
    thread.join().unwrap();
    assert!(error.cancelled, "{error:?}");
    assert_eq!(error.diagnostic.code, Code::INTERRUPTED);
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(value(&mut *connection, "select 1"), Cell::Int(1));
}

#[test]
fn relations_of_a_schema() {
    let folder = tempfile::tempdir().unwrap();
    let engine = duckdb_file(&folder.path().join("new/wh.duckdb"));
    let mut connection = engine.connect().unwrap();
    connection
        .execute("create schema s; create table s.\"T é\" (a int); create view s.v as select 1")
        .unwrap();
    let found = connection.list_relations(Some("wh"), "s").unwrap();
    assert_eq!(
        found,
        [
            Relation::new("wh", "s", "T é").with_kind(RelationKind::Table),
            Relation::new("wh", "s", "v").with_kind(RelationKind::View),
        ]
    );
    assert!(connection.list_relations(None, "none").unwrap().is_empty());
}

#[test]
fn a_file_is_opened_once_in_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.duckdb");
    let (one, two) = (duckdb_file(&path), duckdb_file(&path));
    one.connect().unwrap().execute("create table t as select 42 as a").unwrap();
    assert_eq!(value(&mut *two.connect().unwrap(), "select a from t"), Cell::Int(42));
}

#[test]
fn a_locked_file_names_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.duckdb");
    drop(duckdb_file(&path));
    // Another process with DuckDB's lock: this test program itself, told to hold it.
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holds_a_lock_when_told", "--nocapture"])
        .env("PINTAIL_TEST_HOLD", &path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let ready = folder.path().join("ready");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !ready.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let params = DuckDbParams { path: Some(path.clone()), ..DuckDbParams::default() };
    let error = DuckDb::open("a", &params).err().expect("the file is locked");
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(error.diagnostic.code, Code::LOCKED);
    assert!(error.diagnostic.message.contains(&format!("process {pid} (")), "{error:?}");
    assert!(DuckDb::open("a", &params).is_ok());
}

#[test]
fn holds_a_lock_when_told() {
    let Some(path) = std::env::var_os("PINTAIL_TEST_HOLD") else { return };
    let path = std::path::PathBuf::from(path);
    let _engine = duckdb_file(&path);
    std::fs::write(path.with_file_name("ready"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_profile_is_applied_when_opening() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.duckdb");
    duckdb_file(&other).connect().unwrap().execute("create table t as select 5 as a").unwrap();
    let mut params = DuckDbParams::default();
    params.settings.insert("threads".to_owned(), 1.into());
    params.settings.insert("TimeZone".to_owned(), "Europe/Vienna".into());
    params.settings.insert("default_null_order".to_owned(), "nulls_first".into());
    params.attach.push(DuckDbAttach {
        path: other.to_string_lossy().into_owned(),
        alias: Some("other".to_owned()),
        kind: None,
        secret: None,
        read_only: true,
        options: Default::default(),
    });
    let engine = DuckDb::open("a", &params).unwrap();
    let mut connection = engine.connect().unwrap();
    assert_eq!(value(&mut *connection, "select a from other.t"), Cell::Int(5));
    assert_eq!(value(&mut *connection, "select current_setting('threads')"), Cell::Int(1));
    assert_eq!(
        value(&mut *connection, "select current_setting('TimeZone')"),
        text("Europe/Vienna")
    );
    assert!(connection.execute("create table other.u (a int)").is_err());

    params.settings.insert("thraeds".to_owned(), 1.into());
    let error = DuckDb::open("a", &params).err().expect("no such setting");
    assert_eq!(error.diagnostic.message, "DuckDB refused the setting `thraeds`");
}

#[test]
fn a_secret_is_in_no_message() {
    let mut params = DuckDbParams::default();
    let mut secret = indexmap::IndexMap::new();
    secret.insert("type".to_owned(), "nosuchtype".into());
    secret.insert("password".to_owned(), "hunter2".into());
    params.secrets.push(secret);
    let error = DuckDb::open("a", &params).err().expect("no such secret type");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}
