//! The embedded PostgreSQL: starting, sharing, stopping, crashes, folders, users.

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pintail::config::{PostgresParams, Secret};
use pintail::diagnostic::Code;
use pintail::engine::embedded::{self, Stopped};
use pintail::engine::postgres::PostgresConnection;
use pintail::relation::Cell;
use support::{rows, text, value};

/// A project's folder that every user may enter, and its cluster's parameters. Stops the server
/// at the end, also of a test that fails.
struct Project {
    root: PathBuf,
    params: PostgresParams,
}

impl Project {
    fn new(mode: u32) -> Project {
        let root =
            tempfile::Builder::new().prefix("pintail-emb").tempdir_in("/tmp").unwrap().keep();
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(mode)).unwrap();
        let params = PostgresParams {
            embedded: Some(root.join(".pintail/postgres")),
            host: String::new(),
            port: 5432,
            user: "pintail".to_owned(),
            password: None,
            dbname: "ol ist".to_owned(),
            sslmode: None,
            sslcert: None,
            sslkey: None,
            sslrootcert: None,
            application_name: None,
            search_path: None,
            role: None,
            connect_timeout: Duration::from_secs(10),
            retries: 0,
            keepalives_idle: Duration::ZERO,
        };
        Project { root, params }
    }

    fn dir(&self) -> &Path {
        self.params.embedded.as_deref().unwrap()
    }

    fn pid(&self) -> Option<i32> {
        embedded::status(&self.params).unwrap().pid
    }

    fn connect(&self, resolved: &PostgresParams) -> PostgresConnection {
        PostgresConnection::open(resolved).unwrap_or_else(|error| panic!("{error:?}"))
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = embedded::stop(&self.params);
        let status = embedded::status(&self.params);
        if let Ok(status) = status {
            let _ = std::fs::remove_dir_all(&status.socket_dir);
            if !status.data.starts_with(&self.root) {
                let _ = std::fs::remove_dir_all(status.data.parent().unwrap());
            }
        }
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

#[test]
fn it_starts_when_needed_and_the_last_user_stops_it() {
    let project = Project::new(0o755);
    assert_eq!(embedded::stop(&project.params).unwrap(), Stopped::WasNotRunning);
    assert_eq!(project.pid(), None);

    let (resolved, first) = embedded::ensure(&project.params).unwrap();
    assert_eq!(resolved.embedded, None);
    project.connect(&resolved).client().batch_execute("create table t as select 42 as a").unwrap();
    let pid = project.pid().expect("it runs");

    let (_, second) = embedded::ensure(&project.params).unwrap();
    drop(first);
    assert_eq!(project.pid(), Some(pid), "the second user keeps it up");
    assert_eq!(embedded::stop(&project.params).unwrap(), Stopped::WhenUnused);
    drop(second);
    assert_eq!(project.pid(), None);

    let started = Instant::now();
    let (resolved, guard) = embedded::ensure(&project.params).unwrap();
    eprintln!("started an existing cluster in {:?}", started.elapsed());
    assert_eq!(value(&mut project.connect(&resolved), "select a from t"), Cell::Int(42));
    let stopping = Instant::now();
    drop(guard);
    eprintln!("stopped it in {:?}", stopping.elapsed());
    assert_eq!(project.pid(), None);
}

#[test]
fn start_keeps_it_up_until_stop() {
    let project = Project::new(0o755);
    embedded::start(&project.params).unwrap();
    let pid = project.pid().expect("it runs");
    let (_, guard) = embedded::ensure(&project.params).unwrap();
    drop(guard);
    let status = embedded::status(&project.params).unwrap();
    assert_eq!((status.pid, status.kept, status.in_use), (Some(pid), true, false));
    assert_eq!(
        embedded::url(&project.params).unwrap(),
        format!(
            "postgresql:///ol%20ist?host={}&port=5432&user=pintail",
            status.socket_dir.display()
        )
    );
    assert_eq!(embedded::stop(&project.params).unwrap(), Stopped::Stopped);
    assert_eq!(project.pid(), None);
}

#[test]
fn a_new_user_and_database_are_made() {
    let project = Project::new(0o755);
    let (_, _guard) = embedded::ensure(&project.params).unwrap();
    let mut params = project.params.clone();
    params.user = "an\"alyst".to_owned();
    params.dbname = "other".to_owned();
    let (resolved, _second) = embedded::ensure(&params).unwrap();
    assert_eq!(
        rows(
            &mut project.connect(&resolved),
            "select current_user::text, current_database()::text"
        ),
        [[text("an\"alyst"), text("other")]]
    );
}

#[test]
fn a_killed_server_recovers() {
    let project = Project::new(0o755);
    let (resolved, guard) = embedded::ensure(&project.params).unwrap();
    project
        .connect(&resolved)
        .client()
        .batch_execute("set synchronous_commit = on; create table t as select 42 as a")
        .unwrap();
    let pid = nix::unistd::Pid::from_raw(project.pid().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(project.pid(), None);
    drop(guard);
    let (resolved, _guard) = embedded::ensure(&project.params).unwrap();
    assert_eq!(value(&mut project.connect(&resolved), "select a from t"), Cell::Int(42));
}

#[test]
fn a_stale_pid_file_with_a_living_process_is_seen_through() {
    let project = Project::new(0o755);
    drop(embedded::ensure(&project.params).unwrap());
    let file = project.dir().join("data/postmaster.pid");
    // A process that lives and is no PostgreSQL: this one.
    std::fs::write(&file, format!("{}\n/elsewhere\n0\n5432\n", std::process::id())).unwrap();
    assert_eq!(project.pid(), None);
    let (_, guard) = embedded::ensure(&project.params).unwrap();
    assert!(project.pid().is_some());
    drop(guard);
}

#[test]
fn a_folder_deleted_under_its_server_is_made_anew() {
    let project = Project::new(0o755);
    embedded::start(&project.params).unwrap();
    std::fs::remove_dir_all(project.dir()).unwrap();
    let (resolved, _guard) = embedded::ensure(&project.params).unwrap();
    let mut connection = project.connect(&resolved);
    assert_eq!(value(&mut connection, "select 1"), Cell::Int(1));
}

#[test]
fn a_half_made_cluster_is_made_anew() {
    let project = Project::new(0o755);
    let half = project.dir().join("data.new");
    std::fs::create_dir_all(half.join("base")).unwrap();
    std::fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    let (_, _guard) = embedded::ensure(&project.params).unwrap();
    assert!(project.pid().is_some());
    assert!(!half.exists());
}

#[test]
fn many_commands_at_once_share_one_server() {
    let project = Project::new(0o755);
    let pids: Vec<i64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let (resolved, guard) = embedded::ensure(&project.params).unwrap();
                    let mut connection = project.connect(&resolved);
                    let pid = project.pid().unwrap();
                    assert_eq!(value(&mut connection, "select 1"), Cell::Int(1));
                    std::thread::sleep(Duration::from_millis(100));
                    assert_eq!(value(&mut connection, "select 1"), Cell::Int(1));
                    drop(connection);
                    drop(guard);
                    i64::from(pid)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(pids.len(), 6);
    assert_eq!(project.pid(), None);
}

/// A folder that the server's user cannot enter matters to root only: others run it themselves.
#[test]
fn a_project_in_a_private_folder_works() {
    let project = Project::new(0o700);
    let (resolved, guard) = embedded::ensure(&project.params).unwrap();
    project.connect(&resolved).client().batch_execute("create table t as select 7 as a").unwrap();
    let data = embedded::status(&project.params).unwrap().data;
    if nix::unistd::geteuid().is_root() {
        assert!(data.starts_with("/var/lib/pintail"), "{}", data.display());
        assert!(project.dir().join("location").exists());
    } else {
        assert!(data.starts_with(&project.root));
    }
    drop(guard);
    let (resolved, _guard) = embedded::ensure(&project.params).unwrap();
    assert_eq!(value(&mut project.connect(&resolved), "select a from t"), Cell::Int(7));

    // A copy of the project does not share the data.
    let copy = Project::new(0o700);
    std::fs::create_dir_all(copy.dir()).unwrap();
    if let Ok(location) = std::fs::read(project.dir().join("location")) {
        std::fs::write(copy.dir().join("location"), location).unwrap();
    }
    let (_, _copied) = embedded::ensure(&copy.params).unwrap();
    assert_ne!(embedded::status(&copy.params).unwrap().data, data);
}

#[test]
fn a_long_path_works() {
    let mut project = Project::new(0o755);
    let dir = project.root.join("a".repeat(90)).join("b".repeat(90)).join(".pintail/postgres");
    project.params.embedded = Some(dir);
    let (resolved, _guard) = embedded::ensure(&project.params).unwrap();
    assert!(resolved.host.len() < 60, "{}", resolved.host);
    project.connect(&resolved);
}

#[test]
fn data_of_another_version_is_an_error() {
    let project = Project::new(0o755);
    drop(embedded::ensure(&project.params).unwrap());
    std::fs::write(project.dir().join("data/PG_VERSION"), "9\n").unwrap();
    let error = embedded::ensure(&project.params).unwrap_err();
    assert_eq!(error.diagnostic.code, Code::NO_SERVER);
    assert!(error.diagnostic.message.contains("made by PostgreSQL 9"), "{error:?}");
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let project = Project::new(0o755);
    let (resolved, _guard) = embedded::ensure(&project.params).unwrap();
    let mut connection = project.connect(&resolved);
    connection.client().batch_execute("create role paula login password 'right'").unwrap();
    let hba = project.dir().join("data/pg_hba.conf");
    let rules = std::fs::read_to_string(&hba).unwrap();
    std::fs::write(&hba, format!("local all paula scram-sha-256\n{rules}")).unwrap();
    connection.client().batch_execute("select pg_reload_conf()").unwrap();
    std::thread::sleep(Duration::from_millis(300));

    let mut params = resolved.clone();
    params.user = "paula".to_owned();
    let error = PostgresConnection::open(&params).err().unwrap();
    assert_eq!(error.diagnostic.code, Code::AUTH, "{error:?}");
    params.password = Some(Secret::new("wrong-hunter2"));
    let error = PostgresConnection::open(&params).err().unwrap();
    assert_eq!(error.diagnostic.code, Code::AUTH, "{error:?}");
    assert!(error.diagnostic.message.ends_with("refused the user `paula`"), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"));
    params.password = Some(Secret::new("right"));
    assert!(PostgresConnection::open(&params).is_ok());
}
