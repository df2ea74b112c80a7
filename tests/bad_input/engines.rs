//! Engines that cannot be opened or reached. No secret is ever told.

use insta::assert_snapshot;

use crate::project::Project;

const ORDERS: &str = "== models/orders.sql\nselect 1 as id\n";

/// A plain PostgreSQL output.
fn postgres(lines: &str) -> Project {
    let project = Project::new(ORDERS);
    let profile =
        format!("shop:\n  target: dev\n  outputs:\n    dev:\n      type: postgres\n{lines}");
    project.write("profiles.yml", profile);
    project
}

#[test]
fn refused_port() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let project = postgres(
        "      host: 127.0.0.1\n      port: \"{{ env_var('SHOP_PORT') | int }}\"\n      user: ada\n      password: hunter2secret\n      dbname: shop\n      schema: public\n",
    )
    .env("SHOP_PORT", &port.to_string());
    let shown = project.run("run");
    assert!(!shown.contains("hunter2secret"), "{shown}");
    assert_snapshot!(shown);
    assert_snapshot!("refused_port_debug", project.run("debug"));
}

#[test]
fn no_socket_folder() {
    let project = postgres(
        "      host: /nowhere/postgresql\n      user: ada\n      dbname: shop\n      schema: public\n",
    );
    assert_snapshot!(project.run("run"));
}

#[test]
fn no_such_host() {
    let project = postgres(
        "      host: postgres.invalid\n      user: ada\n      dbname: shop\n      schema: public\n",
    );
    let shown = project.run("run");
    // The resolver's words differ from machine to machine.
    assert!(shown.contains("PT501"), "{shown}");
    assert!(shown.contains("postgres.invalid:5432 cannot be reached"), "{shown}");
}

#[test]
fn no_such_database() {
    let project = Project::hybrid(ORDERS);
    let project = project.env("PG_DBNAME", "warehose");
    assert_snapshot!(project.run("build"));
}

/// Nothing but libpq's own variables would find a server here.
#[test]
fn no_server_programs() {
    let project = Project::new(ORDERS).env("PATH", "/nowhere");
    project.write(
        "profiles.yml",
        "shop:\n  target: dev\n  outputs:\n    dev: {type: postgres, embedded: true}\n",
    );
    let shown = project.run("run");
    if shown.starts_with("exit code: 0\n") {
        // The usual folders have one.
        return;
    }
    assert_snapshot!(shown);
}

#[test]
fn a_file_that_is_no_database() {
    let project = Project::new(ORDERS);
    project.write("shop.duckdb", "id,name\n".repeat(3000));
    assert_snapshot!(project.run("run"));
}

#[test]
fn a_database_in_a_folder_that_is_not_there() {
    let project = Project::new(ORDERS);
    project.write(
        "profiles.yml",
        "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: notes.txt/shop.duckdb}\n",
    );
    project.write("notes.txt", "");
    assert_snapshot!(project.run("run"));
}

#[test]
fn a_locked_database() {
    let project = Project::new(
        "== models/orders.sql\nselect 1 as id\n== macros/wait.sql\n{% macro wait() %}{% do run_query('create table held as select count(*) from range(1000000000) a, range(1000000) b') %}{% endmacro %}\n",
    );
    let mut holder = project.command(&["run-operation", "wait"]).spawn().unwrap();
    let begun = std::time::Instant::now();
    while !project.path("shop.duckdb").exists() && begun.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let output = project.command(&["build"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let pid = holder.id();
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(text.contains(&format!("process {pid}")), "{text}");
    assert_snapshot!(project.shown(&output));
}
