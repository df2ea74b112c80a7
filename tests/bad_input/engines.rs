//! Engines that cannot be opened or reached. No secret is ever told.

use insta::assert_snapshot;

use crate::project::Project;
use crate::support;
use pintail::engine::Connection;
use pintail::relation::Cell;

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

#[test]
fn no_server_programs() {
    let project = Project::new(ORDERS).env("PINTAIL_POSTGRES_BIN", "/nowhere/bin");
    project.write(
        "profiles.yml",
        "shop:\n  target: dev\n  outputs:\n    dev: {type: postgres, embedded: true}\n",
    );
    assert_snapshot!(project.run("run"));
    assert!(!project.path(".pintail/postgres/data").exists());
}

/// A server that asks for passwords; the profile's is wrong, then missing, then right.
#[test]
fn wrong_password() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::Builder::new().prefix("pintail-scram").tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut wanted = support::params("", None, Some("pintail"));
    wanted.embedded = Some(folder.path().to_path_buf());
    let (server, _guard) = pintail::engine::embedded::ensure(&wanted).unwrap();
    let mut admin = pintail::engine::postgres::PostgresConnection::open(&server).unwrap();
    admin.execute("create role ada login password 'open-sesame'").unwrap();
    admin.execute("create schema shop authorization ada").unwrap();
    let Cell::Text(hba) = support::value(&mut admin, "show hba_file") else { panic!() };
    std::fs::write(hba, "local all pintail trust\nlocal all all scram-sha-256\n").unwrap();
    support::value(&mut admin, "select pg_reload_conf()::text");
    drop(admin);

    let profile = |password: &str| {
        format!(
            "      host: \"{{{{ env_var('SHOP_HOST') }}}}\"\n      port: {}\n      user: ada\n{password}      dbname: postgres\n      schema: shop\n      connect_timeout: 5\n",
            server.port
        )
    };
    let secret = "hunter2-not-this";
    let project =
        postgres(&profile(&format!("      password: {secret}\n"))).env("SHOP_HOST", &server.host);
    let shown = project.run("build");
    assert_snapshot!(shown);
    let debug = project.run("debug");
    assert_snapshot!("wrong_password_debug", debug);
    let output = project.command(&["build", "--log-format", "json"]).output().unwrap();
    let json = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    for text in [&shown, &debug, &json] {
        assert!(!text.contains(secret), "{text}");
    }
    for (path, bytes) in project.written() {
        let told = path.file_name().unwrap() != "profiles.yml"
            && String::from_utf8_lossy(&bytes).contains(secret);
        assert!(!told, "{} holds the password", path.display());
    }

    let project = postgres(&profile("")).env("SHOP_HOST", &server.host);
    assert_snapshot!("no_password", project.run("build"));

    let project = postgres(&profile("      password: \"{{ env_var('SHOP_PASSWORD') }}\"\n"))
        .env("SHOP_HOST", &server.host)
        .env("SHOP_PASSWORD", "open-sesame");
    let output = project.command(&["build"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", project.shown(&output));
    for (path, bytes) in project.written() {
        let told = String::from_utf8_lossy(&bytes).contains("open-sesame");
        assert!(!told, "{} holds the password", path.display());
    }
}

/// The line that an error shows may hold a password too.
#[test]
fn a_password_in_the_line_of_an_error() {
    let profile = |more: &str| {
        format!(
            "shop:\n  target: dev\n  outputs:\n    dev: {{type: postgres, password: 'hunter2, x', usr: ada{more}, host: localhost, dbname: shop}}\n"
        )
    };
    let project = Project::new(ORDERS);
    project.write("profiles.yml", profile(""));
    assert_snapshot!(project.run("run"));
    project.write("profiles.yml", profile(": x"));
    assert_snapshot!("a_password_in_the_line_of_a_syntax_error", project.run("run"));
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
