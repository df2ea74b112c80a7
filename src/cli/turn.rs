//! One run at a time for each project and target: the second one waits for the first, or gives
//! up when `--lock-timeout` is over. A lock file tells runs of one machine apart, the results store
//! those of several.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

use super::session::Session;
use crate::checksum::sha256;
use crate::config::{Config, EngineParams};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::store::{Holder, Store, Turn};

/// The lock of a run on this machine; it ends with the run, however that ends.
pub(super) struct LockFile {
    _held: Option<File>,
}

/// Waits until no other run of this project and target is under way on this machine. Where the
/// project's folder takes no lock file there is no lock.
///
/// # Errors
/// `LOCKED`, naming who runs, when the time is over.
pub(super) fn take(session: &Session, timeout: Duration) -> Result<LockFile> {
    let config = &session.config;
    let target = &config.target;
    let name = sha256(format!("{}\0{}", target.profile, target.name));
    let path = config.own_folder("locks").join(format!("run-{}", &name[..16]));
    let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
    let Ok(mut file) = open else { return Ok(LockFile { _held: None }) };
    wait(session, timeout, || match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
            // Between the lock and its first word there is a moment without one.
            Ok(Turn::Taken(read.ok().and_then(|_| serde_json::from_str(&text).ok())))
        }
        // A file system without locks.
        Err(TryLockError::Error(_)) | Ok(()) => Ok(Turn::Ours),
    })?;
    let run = &session.invocation;
    let holder = Holder {
        command: run.command.clone(),
        pid: Some(run.pid),
        host: run.host.clone(),
        user: run.user.clone(),
        started_at: run.started_at,
    };
    let text = serde_json::to_string(&holder).expect("a holder has text keys only");
    // Only those who wait read it, and they wait without it as well.
    let _ =
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
    Ok(LockFile { _held: Some(file) })
}

/// The same among all machines that record their runs in one store.
///
/// # Errors
/// `LOCKED`, naming who runs, when the time is over; `STORE` where the store cannot tell.
pub(super) fn take_in(store: &mut Store, session: &Session, timeout: Duration) -> Result<()> {
    let what = place(&session.config, &session.invocation.host);
    wait(session, timeout, || store.take_turn(&what, &session.invocation))
}

/// What two runs must not write at once: the databases of the target, by their addresses.
fn place(config: &Config, host: &Option<String>) -> String {
    let mut parts = vec![config.project.name.clone(), config.target.name.clone()];
    for engine in config.target.engines.values() {
        parts.push(match &engine.params {
            EngineParams::DuckDb(params) => {
                let path = params.path.as_deref().map(|path| config.project.root.join(path));
                format!(
                    "{} {}",
                    host.as_deref().unwrap_or_default(),
                    path.unwrap_or_default().display()
                )
            }
            EngineParams::Postgres(params) => crate::store::address(params),
        });
        parts.push(engine.schema.clone());
    }
    parts.join("\n")
}

fn wait(
    session: &Session,
    timeout: Duration,
    mut attempt: impl FnMut() -> Result<Turn>,
) -> Result<()> {
    let started = Instant::now();
    let mut told = false;
    loop {
        let Turn::Taken(holder) = attempt()? else { return Ok(()) };
        let who = holder.as_ref().map_or_else(|| "another process".to_owned(), shown);
        if started.elapsed() >= timeout {
            let target = &session.config.target.name;
            let message =
                format!("Another run of this project on the target `{target}` is under way");
            return Err(Box::new(
                Diagnostic::error(Code::LOCKED, message)
                    .note(format!("It is held by {who}."))
                    .help("Wait for it, or give this one more time: --lock-timeout 2h.")
                    .help("Runs on different targets do not wait for each other."),
            ));
        }
        if !told {
            session.console.info(&format!("Waiting for {who}."));
            told = true;
        }
        std::thread::sleep(
            Duration::from_millis(100).min(timeout.saturating_sub(started.elapsed())),
        );
    }
}

/// `build` (pid 123 on host, by user, since …)
fn shown(holder: &Holder) -> String {
    let mut what = format!("`{}`", holder.command);
    if let Some(pid) = holder.pid {
        what.push_str(&format!(", pid {pid}"));
    }
    if let Some(host) = &holder.host {
        what.push_str(&format!(" on {host}"));
    }
    if let Some(user) = &holder.user {
        what.push_str(&format!(" by {user}"));
    }
    format!("{what}, since {}", holder.started_at.strftime("%F %T UTC"))
}
