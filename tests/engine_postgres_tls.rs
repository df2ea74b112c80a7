//! TLS against a real PostgreSQL server with certificates made for the test: what each `sslmode`
//! accepts and refuses. Skipped where there is no `openssl` command.

mod support;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pintail::config::PostgresParams;
use pintail::engine::postgres::PostgresConnection;
use pintail::relation::Cell;

/// A server on 127.0.0.1 that lets nobody in without TLS.
struct Server {
    dir: PathBuf,
    port: u16,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.process.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGQUIT);
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Who may run a server: PostgreSQL refuses to run as root.
fn owner() -> Option<nix::unistd::User> {
    if !nix::unistd::getuid().is_root() {
        return None;
    }
    let named = |name| nix::unistd::User::from_name(name).ok().flatten();
    named("postgres").or_else(|| named("nobody"))
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some(owner) = owner() {
        command.uid(owner.uid.as_raw()).gid(owner.gid.as_raw());
    }
    command.current_dir("/tmp").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

const CERTIFICATES: &str = r#"
set -e
authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj "/CN=$1" -keyout "$1.key" -out "$1.crt"
}
signed() { # name, subject, extension
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr"
  printf '%s' "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.crt"
}
authority ca
authority stranger
signed server /CN=pintail-server subjectAltName=DNS:localhost
signed client /CN=certified extendedKeyUsage=clientAuth
chmod 600 ./*.key
"#;

fn serve() -> Option<Server> {
    Command::new("openssl").arg("version").output().ok()?;
    let finder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/pg-bindir");
    let found = Command::new(finder).output().ok().filter(|found| found.status.success())?;
    let bin = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
    let dir = tempfile::Builder::new().prefix("pintail-tls").tempdir_in("/tmp").unwrap().keep();
    let made = Command::new("sh").args(["-c", CERTIFICATES]).current_dir(&dir).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    if let Some(owner) = owner() {
        for file in std::fs::read_dir(&dir).unwrap().flatten().map(|file| file.path()) {
            std::os::unix::fs::chown(file, Some(owner.uid.as_raw()), None).unwrap();
        }
        std::os::unix::fs::chown(&dir, Some(owner.uid.as_raw()), None).unwrap();
    }
    let data = dir.join("data");
    let made = command(&bin.join("initdb"))
        .args(["--username", "postgres", "--auth", "trust", "--no-sync", "--encoding", "UTF8"])
        .args(["--locale", "C", "--pgdata"])
        .arg(&data)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::write(
        data.join("pg_hba.conf"),
        "local all all trust\nhostssl all certified 127.0.0.1/32 cert\nhostssl all all 127.0.0.1/32 trust\n",
    )
    .unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let setting = |name: &str, file: &str| format!("{name}={}", dir.join(file).display());
    let process = command(&bin.join("postgres"))
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-k"])
        .arg(&dir)
        .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "ssl=on"])
        .args(["-c", &setting("ssl_cert_file", "server.crt")])
        .args(["-c", &setting("ssl_key_file", "server.key")])
        .args(["-c", &setting("ssl_ca_file", "ca.crt")])
        .spawn()
        .unwrap();
    let server = Server { dir, port, process };
    for _ in 0..600 {
        let state = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if state.lines().nth(7).is_some_and(|line| line.starts_with("ready")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let socket = server.dir.display().to_string();
    let mut admin =
        PostgresConnection::open(&support::params(&socket, Some(port), None)).expect("the socket");
    pintail::engine::Connection::execute(&mut admin, "create role certified login").unwrap();
    Some(server)
}

impl Server {
    fn params(&self, host: &str, sslmode: &str, root: Option<&str>) -> PostgresParams {
        PostgresParams {
            sslmode: Some(sslmode.to_owned()),
            sslrootcert: root.map(|name| self.file(name)),
            retries: 0,
            ..support::params(host, Some(self.port), None)
        }
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

/// Whether the connection is encrypted; or why there is none.
fn encrypted(params: &PostgresParams) -> Result<bool, String> {
    let mut connection = PostgresConnection::open(params).map_err(|error| {
        format!("{} {}", error.diagnostic.message, error.diagnostic.notes.join(" "))
    })?;
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    Ok(support::value(&mut connection, sql) == Cell::Bool(true))
}

/// The results store goes through the same door.
#[test]
fn the_results_store_is_reached_over_tls_alone() {
    let Some(server) = serve() else { return };
    let reach = |mode: &str, root: &str| {
        pintail::store::Store::reach(&server.params("localhost", mode, Some(root)))
    };
    assert!(reach("verify-full", "ca.crt").is_ok());
    let error = reach("verify-full", "stranger.crt").err().expect("another authority");
    assert_eq!(error.code.0, "PT501");
    assert!(reach("disable", "ca.crt").is_err());
}

#[test]
fn each_sslmode_accepts_what_libpq_accepts() {
    let Some(server) = serve() else { return };
    let of =
        |host: &str, mode: &str, root: Option<&str>| encrypted(&server.params(host, mode, root));
    for (host, mode, root, expected) in [
        ("127.0.0.1", "disable", None, None),
        ("127.0.0.1", "allow", None, Some(true)),
        ("127.0.0.1", "prefer", None, Some(true)),
        ("127.0.0.1", "require", None, Some(true)),
        ("127.0.0.1", "require", Some("stranger.crt"), None),
        ("127.0.0.1", "verify-ca", Some("ca.crt"), Some(true)),
        ("127.0.0.1", "verify-ca", Some("server.crt"), Some(true)),
        ("127.0.0.1", "verify-ca", Some("stranger.crt"), None),
        ("localhost", "verify-full", Some("ca.crt"), Some(true)),
        ("127.0.0.1", "verify-full", Some("ca.crt"), None),
        ("127.0.0.1", "verify-full", Some("none.crt"), None),
        (&server.dir.display().to_string(), "verify-full", None, Some(false)),
    ] {
        let found = of(host, mode, root);
        assert_eq!(found.as_ref().ok().copied(), expected, "{mode} {host} {root:?}: {found:?}");
    }

    // A client that has to show who it is.
    let mut params = PostgresParams {
        user: "certified".to_owned(),
        ..server.params("127.0.0.1", "verify-ca", Some("ca.crt"))
    };
    assert!(encrypted(&params).is_err());
    params.sslcert = Some(server.file("client.crt"));
    params.sslkey = Some(server.file("client.key"));
    assert_eq!(encrypted(&params), Ok(true));
}

/// `sslrootcert: system`, where SSL_CERT_FILE says what the machine trusts.
#[test]
fn the_authorities_of_the_machine_can_be_trusted() {
    let Some(server) = serve() else { return };
    let project = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(project.path().join(name), text).unwrap();
    write("dbt_project.yml", "name: shop\nprofile: shop\n");
    let debug = |host: &str, sslmode: &str, trusted: &str| {
        let port = server.port;
        write(
            "profiles.yml",
            &format!(
                "shop:\n  target: dev\n  outputs:\n    dev: {{type: postgres, host: {host}, port: {port}, \
                 user: postgres, password: '', dbname: postgres, schema: public, retries: 0, \
                 sslrootcert: system{sslmode}}}\n"
            ),
        );
        let output = Command::new(env!("CARGO_BIN_EXE_pintail"))
            .args(["debug", "--no-use-colors"])
            .current_dir(&project)
            .env("SSL_CERT_FILE", server.file(trusted))
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    // Without a mode it is the strictest.
    for (host, sslmode, trusted, expected) in [
        ("localhost", "", "ca.crt", true),
        ("localhost", ", sslmode: verify-full", "ca.crt", true),
        ("127.0.0.1", "", "ca.crt", false),
        ("localhost", "", "stranger.crt", false),
    ] {
        let (ok, told) = debug(host, sslmode, trusted);
        assert_eq!(ok, expected, "{host} {sslmode} {trusted}: {told}");
    }
    let (ok, told) = debug("localhost", ", sslmode: require", "ca.crt");
    assert!(!ok);
    assert!(told.contains("`sslmode: require` is too weak for `sslrootcert: system`"), "{told}");
}
