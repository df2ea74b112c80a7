//! Each command in the audit log of the results store: its beginning as soon as the target is known,
//! its end as the last thing that it does.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use uuid::Uuid;

use super::Exit;
use crate::clock;
use crate::config::{Config, FlagValues, scrub};
use crate::store::{AuditEvent, Store, note_audit};

/// A command that is under way.
pub(super) struct Audit {
    id: Uuid,
    command: String,
    arguments: String,
    started: Instant,
    begun: OnceLock<Begun>,
    store: Mutex<Option<Store>>,
}

struct Begun {
    folder: PathBuf,
    event: AuditEvent,
}

impl Audit {
    /// A command that was read.
    pub fn new(id: Uuid, flags: &FlagValues) -> Audit {
        let line = flags.values.get("invocation_command").and_then(|line| line.as_str());
        let arguments = scrub(line.unwrap_or_default().trim_start_matches("dbt").trim());
        let words = arguments.split(' ').take_while(|word| !word.starts_with('-')).take(2);
        let sub = |word: &&str| matches!(*word, "docs" | "source" | "store" | "postgres");
        let words: Vec<&str> = words.collect();
        let known = words.first().is_some_and(sub);
        let command = words[..words.len().min(1 + usize::from(known))].join(" ");
        Audit {
            id,
            command,
            arguments: arguments.into_owned(),
            started: Instant::now(),
            begun: OnceLock::new(),
            store: Mutex::default(),
        }
    }

    /// The id of this invocation.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Notes the beginning, where the target has a store; once for each command.
    pub fn begin(&self, config: &Config) {
        if config.target.results.is_none() || self.begun.get().is_some() {
            return;
        }
        let event = AuditEvent {
            audit_id: Uuid::new_v4(),
            invocation_id: self.id,
            event: "started".to_owned(),
            occurred_at: clock::now(),
            os_user: os_user(),
            host: host(),
            pid: std::process::id(),
            command: self.command.clone(),
            arguments: self.arguments.clone(),
            project: config.project.name.clone(),
            target: config.target.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            exit_code: None,
            result: None,
            duration_ms: None,
        };
        let folder = config.own_folder("spool");
        // A disk without space keeps nobody from working; what is lost is this line.
        let _ = note_audit(&folder, &event);
        let _once = self.begun.set(Begun { folder, event });
    }

    /// Takes a store that the command needs no longer, to bring the end there at once.
    pub fn keep(&self, store: Store) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(store);
    }

    /// Notes the end. Where the store cannot be told now, the next command does it.
    pub fn end(&self, exit: Exit) {
        let Some(Begun { folder, event }) = self.begun.get() else { return };
        let event = AuditEvent {
            audit_id: Uuid::new_v4(),
            event: "ended".to_owned(),
            occurred_at: clock::now(),
            exit_code: Some(exit.code()),
            result: Some(exit.as_str().to_owned()),
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).ok(),
            ..event.clone()
        };
        let noted = note_audit(folder, &event);
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Ok(()), Some(mut store)) = (noted, store) {
            let _next_time = store.bring_audit(folder);
        }
    }
}

/// Who is logged in on this machine.
pub(super) fn os_user() -> Option<String> {
    let named = std::env::var("USER").ok().filter(|name| !name.is_empty());
    named.or_else(|| {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
        user.map(|user| user.name)
    })
}

/// This machine's name.
pub(super) fn host() -> Option<String> {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok())
}
