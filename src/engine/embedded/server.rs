//! Starting and stopping the server of an embedded cluster. Callers hold the cluster's lock.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::cluster::Cluster;
use super::install::Install;
use crate::engine::SqlResult;

/// How long a server may take to start, a crash's recovery included.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop before it is told to leave at once.
const STOP: Duration = Duration::from_secs(15);

/// Settings of every start. Small memory; a local socket; no replication, hence the short WAL of
/// `minimal`, which spares the log for tables that are made and filled in one transaction.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=100",
    "shared_buffers=64MB",
    "fsync=on",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_logical_replication_workers=0",
    "max_wal_size=2GB",
    "jit=off",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "logging_collector=off",
    "log_destination=stderr",
    "cluster_name=pintail",
];

impl Cluster {
    /// Starts the server if it does not run, and makes the cluster if there is none.
    pub(super) fn start(&self) -> SqlResult<()> {
        if let Some(pid) = self.pid() {
            if self.answers() {
                return Ok(());
            }
            // It is still starting (after a crash it reads its log first), or stopping, or has lost
            // its socket.
            let starting = self.pid_file_line(7).is_none_or(|status| status.trim() == "starting");
            let patience = if starting { START } else { Duration::from_secs(5) };
            if self.wait_until(patience, || self.answers() || !is_alive(pid)) && self.answers() {
                return Ok(());
            }
            self.end(pid)?;
        }
        // The folder was deleted while its server ran: that server has nothing left to serve.
        if let Some(pid) = self.orphan() {
            self.end(pid)?;
        }
        let install = Install::find(self.version().as_deref())?;
        let mut cluster = self.clone();
        cluster.create(&install)?;
        cluster.make_socket_dir()?;
        cluster.clear_stale_pid();
        cluster.launch(&install)
    }

    fn launch(&self, install: &Install) -> SqlResult<()> {
        let failed = |error: std::io::Error| self.failed("cannot be started", &error.to_string());
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.log()).map_err(failed)?;
        let mut command = self.owner.command(&install.program("postgres"));
        command.arg("-D").arg(&self.data).arg("-k").arg(&self.socket_dir);
        command.arg("-p").arg(self.port.to_string());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.stdout(log.try_clone().map_err(failed)?).stderr(Stdio::from(log));
        // Not waited for: it outlives this command where others use it.
        let mut child = command.spawn().map_err(failed)?;
        let mut ended = false;
        let up = self.wait_until(START, || {
            ended = matches!(child.try_wait(), Ok(Some(_)));
            ended || (self.is_ready() && self.answers())
        });
        if up && !ended {
            return Ok(());
        }
        if !ended {
            let _ = child.kill();
            let _ = child.wait();
        }
        Err(self
            .failed("did not start", &self.log_tail())
            .help(format!("See {} for the whole log.", self.log().display())))
    }

    /// Stops the server: running statements are broken off, nothing that is committed is lost.
    pub(super) fn stop(&self) -> SqlResult<()> {
        match self.pid() {
            Some(pid) => self.end(pid),
            None => Ok(()),
        }
    }

    fn end(&self, pid: i32) -> SqlResult<()> {
        let process = Pid::from_raw(pid);
        let gone = || {
            // Of a server that this very process started, its end has to be collected.
            let _ = waitpid(process, Some(WaitPidFlag::WNOHANG));
            !is_alive(pid)
        };
        for signal in [Signal::SIGINT, Signal::SIGQUIT] {
            let _ = kill(process, signal);
            if self.wait_until(STOP, gone) {
                // Only when it is empty.
                let _ = fs::remove_dir(&self.socket_dir);
                return Ok(());
            }
        }
        Err(self
            .failed(&format!("does not stop (process {pid})"), &self.log_tail())
            .help(format!("End it: kill -9 {pid}")))
    }

    /// The server's process, if it runs.
    pub(super) fn pid(&self) -> Option<i32> {
        let pid = self.pid_file_line(0)?.trim().parse().ok()?;
        (is_alive(pid) && self.is_ours(pid)).then_some(pid)
    }

    /// The process that holds the socket, where the data folder does not know of it.
    fn orphan(&self) -> Option<i32> {
        let lock = self.socket_dir.join(format!(".s.PGSQL.{}.lock", self.port));
        let pid = fs::read_to_string(lock).ok()?.lines().next()?.trim().parse().ok()?;
        (self.pid() != Some(pid) && is_alive(pid) && self.is_ours(pid)).then_some(pid)
    }

    fn pid_file_line(&self, line: usize) -> Option<String> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        text.lines().nth(line).map(str::to_owned)
    }

    fn is_ready(&self) -> bool {
        self.pid_file_line(7).is_some_and(|status| status.trim() == "ready")
    }

    pub(super) fn answers(&self) -> bool {
        let socket = self.socket_dir.join(format!(".s.PGSQL.{}", self.port));
        self.is_ready() && UnixStream::connect(socket).is_ok()
    }

    /// Whether a process is this cluster's server, and not one that got its number later.
    fn is_ours(&self, pid: i32) -> bool {
        match fs::read(format!("/proc/{pid}/cmdline")) {
            Ok(command) => {
                let data = self.data.as_os_str().as_encoded_bytes();
                command.split(|byte| *byte == 0).any(|argument| argument == data)
            }
            // No /proc here (macOS): PostgreSQL itself checks.
            Err(_) => !std::path::Path::new("/proc/self").exists(),
        }
    }

    /// A killed server leaves its file, which PostgreSQL clears itself; but not while any process
    /// has the number in it, be it another program or a dead server that nobody collected. Then
    /// the number is replaced by one that no process can have. The rest stays, so that PostgreSQL
    /// still sees whether children of the dead server use its memory.
    fn clear_stale_pid(&self) {
        let file = self.data.join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&file) else { return };
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let Ok(pid) = first.trim().parse::<i32>() else { return };
        let process = Pid::from_raw(pid);
        let _ = waitpid(process, Some(WaitPidFlag::WNOHANG));
        if self.pid().is_none() && kill(process, None).is_ok() {
            let _ = fs::write(&file, format!("{}\n{rest}", i32::MAX));
        }
    }

    fn wait_until(&self, longest: Duration, mut done: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + longest;
        loop {
            if done() {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// The end of the server's log.
    pub(super) fn log_tail(&self) -> String {
        let text = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

/// Whether a process runs; one that ended and was not collected does not.
fn is_alive(pid: i32) -> bool {
    if pid <= 0 {
        return false;
    }
    if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        return !matches!(state, Some('Z' | 'X'));
    }
    kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}
