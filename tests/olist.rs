//! The Olist project, built by the program on the sample and, where they are, on the real rows: its
//! numbers against those counted from the CSV files, what PostgreSQL serves, and the results store.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use pintail::engine::Engine;
use support::TestDatabase;
use support::project::pintail;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A copy of the project with databases of its own.
struct Warehouse {
    folder: tempfile::TempDir,
    database: TestDatabase,
}

impl Warehouse {
    fn new() -> Warehouse {
        let folder = tempfile::tempdir().unwrap();
        for part in ["project", "models", "seeds"] {
            copy(&repository().join(part), &folder.path().join(part));
        }
        Warehouse { folder, database: TestDatabase::create() }
    }

    /// A command, started in the folder above the project.
    fn command(&self, args: &[&str]) -> Command {
        let pg = &self.database.params;
        let mut command = pintail();
        command
            .args(args)
            .args(["--project-dir", "project", "--profiles-dir", "project", "--target", "external"])
            .current_dir(self.folder.path())
            .env("OLIST_DUCKDB_PATH", self.duckdb_path())
            .env("OLIST_PG_HOST", &pg.host)
            .env("OLIST_PG_PORT", pg.port.to_string())
            .env("OLIST_PG_USER", &pg.user)
            .env("OLIST_PG_DBNAME", &pg.dbname);
        command
    }

    fn duckdb_path(&self) -> PathBuf {
        self.folder.path().join("olist.duckdb")
    }

    #[track_caller]
    fn build(&self, olist_data: Option<&str>) {
        let mut command = self.command(&["build"]);
        command.envs(olist_data.map(|folder| ("OLIST_DATA", folder)));
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
    }

    fn postgres(&self, sql: &str) -> Vec<String> {
        let rows = support::rows(&mut self.database.connect(), sql);
        let line = |row: &Vec<pintail::relation::Cell>| {
            row.iter().map(|cell| cell.to_text()).collect::<Vec<_>>().join("|")
        };
        rows.iter().map(line).collect()
    }

    fn number(&self, sql: &str) -> i64 {
        self.postgres(sql)[0].parse().unwrap_or_else(|_| panic!("{sql}: not a number"))
    }

    /// Holds the warehouse against a file of blocks `-- name: expected` and a query each.
    fn check_numbers(&self, fixture: &str) {
        let path = repository().join("tests/fixtures").join(fixture);
        let text = std::fs::read_to_string(path).unwrap();
        let engine = support::duckdb_file(&self.duckdb_path());
        let mut connection = engine.connect().unwrap();
        let mut wrong = Vec::new();
        let mut checked = 0;
        for block in text.split("\n-- ").skip(1) {
            let Some((head, sql)) = block.split_once('\n') else { continue };
            let Some((name, expected)) = head.split_once(": ") else { continue };
            if sql.trim_start().starts_with("--") || !sql.contains("select") {
                continue;
            }
            let got = support::value(connection.as_mut(), sql.trim().trim_end_matches(';'));
            checked += 1;
            if got.to_text() != expected {
                wrong.push(format!("{name}: {} instead of {expected}", got.to_text()));
            }
        }
        assert!(checked > 20, "only {checked} numbers in {fixture}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && name != ".pintail" {
                copy(&source, &target);
            }
        } else {
            std::fs::copy(source, target).unwrap();
        }
    }
}

/// Row counts of the bridged tables, and what the served models have on top of plain rows.
fn check_served(warehouse: &Warehouse, customers: i64) {
    assert_eq!(warehouse.number("select count(*) from ops.ops_customer_lookup"), customers);
    assert_eq!(
        warehouse.number("select count(distinct customer_unique_id) from ops.ops_customer_lookup"),
        customers
    );
    let indexes = warehouse.postgres(
        "select indexdef from pg_indexes where schemaname = 'ops' and tablename = 'ops_customer_lookup' order by 1",
    );
    assert_eq!(indexes.len(), 3, "{indexes:?}");
    assert!(
        indexes.iter().any(|i| i.contains("UNIQUE") && i.contains("(customer_unique_id)")),
        "{indexes:?}"
    );
    let types = warehouse.postgres(
        "select column_name, data_type from information_schema.columns
         where table_schema = 'ops' and table_name = 'ops_customer_lookup'
           and column_name in ('customer_unique_id', 'lifetime_value', 'first_order_at', 'order_count', 'last_order_date_key')
         order by 1",
    );
    assert_eq!(
        types,
        [
            "customer_unique_id|text",
            "first_order_at|timestamp without time zone",
            "last_order_date_key|integer",
            "lifetime_value|numeric",
            "order_count|bigint",
        ]
    );
    // Money came over to the cent.
    // What was audited took its place, and left nothing beside it.
    let beside = "select relname from pg_class where relname like '%\\_\\_audit' or relname like '%\\_\\_rejected'";
    assert_eq!(warehouse.postgres(beside), [""; 0]);
    let alerts = warehouse.number("select count(*) from ops.ops_seller_alerts");
    assert!(alerts > 0);
    let odd = "select count(*) from ops.ops_seller_alerts where alert_type not in ('late_shipping', 'low_reviews')";
    assert_eq!(warehouse.number(odd), 0);
}

/// The store after `runs` builds of the whole project that all went well.
fn check_store(warehouse: &Warehouse, runs: i64) {
    let n = |sql: &str| warehouse.number(sql);
    assert_eq!(
        warehouse.postgres(
            "select command, status, target, project, run_user from etl_orchestration.pipeline_runs"
        ),
        vec!["build|success|external|olist|tester"; runs as usize]
    );
    let odd = "select count(*) from etl_orchestration.pipeline_runs
               where finished_at is null or duration_ms is null or nodes_total <> nodes_passed + nodes_warned
                  or nodes_failed + nodes_skipped > 0";
    assert_eq!(n(odd), 0);
    // Each task once in each run: as many as the runs say, and the same nodes in each.
    assert_eq!(
        n("select count(*) from etl_orchestration.task_executions"),
        n("select sum(nodes_total) from etl_orchestration.pipeline_runs")
    );
    assert_eq!(
        n("select count(*) from (select unique_id from etl_orchestration.task_executions
           group by unique_id having count(*) <> (select count(*) from etl_orchestration.pipeline_runs)) odd"),
        0
    );
    let unfinished = "select count(*) from etl_orchestration.task_executions
                      where started_at is null or finished_at is null or thread is null
                         or engine not in ('analytics', 'operational')
                         or (compiled_sql_hash is null) <> (resource_type = 'seed')";
    assert_eq!(n(unfinished), 0);
    assert_eq!(
        n(
            "select count(*) from etl_orchestration.task_executions where resource_type = 'model' and relation is null"
        ),
        0
    );
    // Bridges: each relation once a run, with rows, bytes and both ends.
    let bridged = warehouse.postgres(
        "select unique_id, count(*), min(source_engine), min(target_engine), min(rows_loaded) > 0, min(bytes_loaded) > 0
         from etl_orchestration.data_loads where kind = 'bridge' group by 1 order by 1",
    );
    assert_eq!(
        bridged,
        ["dim_customer", "mart_customer_rfm", "mart_seller_scorecard"]
            .map(|name| format!("model.olist.{name}|{runs}|analytics|operational|true|true"))
    );
    assert_eq!(
        n(
            "select max(rows_loaded) from etl_orchestration.data_loads where unique_id = 'model.olist.dim_customer'"
        ),
        n("select count(*) from ops.ops_customer_lookup")
    );
    assert_eq!(
        n("select count(*) from etl_orchestration.data_loads where kind = 'seed'"),
        3 * runs
    );
    assert_eq!(n("select count(*) from etl_orchestration.data_loads where task_id is null"), 0);

    // Quality: a rule for each test, kept from run to run; a check of each in each run.
    let rules = n("select count(*) from data_quality.quality_rules where active");
    assert!(rules >= 80, "{rules} rules");
    assert_eq!(n("select count(*) from data_quality.quality_rules"), rules);
    assert_eq!(n("select count(*) from data_quality.quality_checks"), rules * runs);
    assert_eq!(
        n("select count(*) from data_quality.quality_checks where status not in ('pass', 'warn')"),
        0
    );
    assert_eq!(n("select count(*) from data_quality.quality_rules where owner is null"), 0);
    // Sources and reference seeds belong to no context.
    let contexts = "select distinct context from data_quality.quality_rules where context is not null order by 1";
    assert_eq!(
        warehouse.postgres(contexts),
        [
            "customer",
            "data_quality",
            "etl_orchestration",
            "fulfillment",
            "marketplace",
            "sales",
            "security_audit"
        ]
    );

    // A warning has its rows kept, capped; a check that found none has none.
    let odd = "select count(*) from (
                 select c.check_id, c.failures, c.status, count(f.failure_id) as kept
                 from data_quality.quality_checks c left join data_quality.quality_failures f using (check_id)
                 group by 1, 2, 3
               ) k where kept <> least(failures, 100) and status = 'warn' or failures = 0 and kept > 0";
    assert_eq!(n(odd), 0);
    assert!(n("select count(*) from data_quality.quality_failures") > 0);
}

#[test]
fn the_sample_gives_its_numbers() {
    let warehouse = Warehouse::new();
    warehouse.build(None);
    warehouse.check_numbers("olist_sample_numbers.sql");
    check_served(&warehouse, 1912);
    check_store(&warehouse, 1);

    warehouse.build(None);
    warehouse.check_numbers("olist_sample_numbers.sql");
    check_served(&warehouse, 1912);
    check_store(&warehouse, 2);
    // The second build read what the first one recorded.
    assert_eq!(warehouse.number("select sum(run_count) from ops.ops_pipeline_health"), 2);
}

#[test]
fn the_real_rows_give_their_numbers() {
    let real = repository().join("../shared/olist");
    if !real.join("olist_orders_dataset.csv").exists() {
        println!("skipped: the real rows are not in {}", real.display());
        return;
    }
    let warehouse = Warehouse::new();
    // A relative folder is looked for where the command is started, as the shell would.
    std::os::unix::fs::symlink(real.canonicalize().unwrap(), warehouse.folder.path().join("rows"))
        .unwrap();
    warehouse.build(Some("rows"));
    warehouse.check_numbers("olist_numbers.sql");
    check_served(&warehouse, 4821);
    check_store(&warehouse, 1);
}

/// Loads the artifacts of a build with dbt's own models of them; skipped where Python or the
/// package `dbt-artifacts-parser` is not there.
#[test]
fn the_artifacts_load_in_dbt_artifacts_parser() {
    let python = std::env::var("PINTAIL_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import dbt_artifacts_parser.parser"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        println!("skipped: {python} has no dbt-artifacts-parser");
        return;
    }
    let warehouse = Warehouse::new();
    warehouse.build(None);
    let output = Command::new(&python)
        .arg(repository().join("tests/artifacts/check.py"))
        .arg(warehouse.folder.path().join("project/target"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("loads").count(), 2, "{text}");
}

/// Columns of models that are made of no column, and read: numbers of rows.
const NUMBERS_OF_ROWS: &[&str] = &[
    "int_customer_metrics.order_count",
    "int_orders_enriched.item_count",
    "int_product_metrics.items_sold",
    "int_product_metrics.review_count",
    "int_seller_metrics.items_sold",
    "int_seller_metrics.review_count",
];

#[test]
fn every_column_is_followed_to_the_sources() {
    let warehouse = Warehouse::new();
    let output = warehouse.command(&["--quiet", "lineage", "--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lineage: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(lineage["unresolved"], serde_json::json!([]));
    assert_eq!(lineage["resolved"], lineage["columns"]);
    assert!(lineage["columns"].as_u64().unwrap() > 400);

    let column =
        |end: &serde_json::Value| (end["unique_id"].to_string(), end["column"].to_string());
    let edges = lineage["edges"].as_array().unwrap();
    let edges: Vec<_> =
        edges.iter().map(|edge| (column(&edge["from"]), column(&edge["to"]))).collect();
    let made: std::collections::BTreeSet<_> = edges.iter().map(|(_, to)| to).collect();
    // What is read and made of nothing is a source's, a seed's, or one of the few.
    let ends: std::collections::BTreeSet<_> =
        edges.iter().map(|(from, _)| from).filter(|from| !made.contains(from)).collect();
    let of_models: Vec<String> = ends
        .into_iter()
        .filter(|(node, _)| node.starts_with("\"model."))
        .map(|(node, column)| {
            format!("{node}.{column}").replace('"', "").replace("model.olist.", "")
        })
        .collect();
    assert_eq!(of_models, NUMBERS_OF_ROWS);
}
