//! Writes results while the run goes: each into the run's spool at once, and from a thread of its
//! own with the store's connection, a few statements for each batch.
//!
//! It never holds up the run and never fails it. While PostgreSQL is away the spool is brought to
//! the disk with each batch, and the connection is tried again; what could not be written in the
//! end stays in the spool for a later command, and is told.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::inbox::{Receiver, Sender, inbox};
use super::rows::Common;
use super::send::write;
use super::{BATCH, Begin, End, Entry, Spool, Store, problem};
use crate::diagnostic::{Code, Diagnostic, Result, Severity};
use crate::run::RunResult;

/// How the writer works.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// A batch is written when it has so many results …
    pub batch: usize,
    /// … or when its first one has waited this long.
    pub wait: Duration,
    /// While PostgreSQL is away, the pause before it is tried again; it doubles with each failure,
    /// up to half a minute.
    pub pause: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions { batch: BATCH, wait: Duration::from_secs(2), pause: Duration::from_secs(1) }
    }
}

/// Opens the store; asked again while it is away.
pub type Reach = Box<dyn Fn() -> Result<Store> + Send>;

/// What the end of writing brought.
pub struct Finished {
    /// What went wrong, as warnings.
    pub warnings: Vec<Diagnostic>,
    /// Whether everything is in the store; if not, the spool has to stay.
    pub complete: bool,
    /// The store, where it can be reached.
    pub store: Option<Store>,
}

/// Takes results and writes them behind the run's back. Shared by all threads.
pub struct Writer {
    spool: Arc<Spool>,
    sender: Sender,
    thread: JoinHandle<Finished>,
}

impl Writer {
    /// Writes the run's row, and starts the thread. `first` is the store if it could be opened;
    /// if not, or where it refuses the run, `reach` is asked while the run goes on.
    ///
    /// # Errors
    /// `STORE` where the system gives no thread.
    pub fn start(
        first: Result<Store>,
        reach: Reach,
        begin: Arc<Begin>,
        spool: Arc<Spool>,
        options: WriterOptions,
    ) -> Result<Writer> {
        let begun = first.and_then(|mut store| store.begin_run(&begin).map(|()| store));
        let mut problems = Problems::default();
        let store = begun.map_err(|error| problems.note(*error)).ok();
        let (sender, receiver) = inbox(options.batch, options.wait);
        let thread = Thread {
            store,
            reach,
            next_attempt: Instant::now() + options.pause,
            pause: options.pause,
            begin,
            spool: spool.clone(),
            waiting: Vec::new(),
            problems,
            options,
        };
        let name = "results-store".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || thread.run(&receiver));
        let thread = thread.map_err(|error| {
            Diagnostic::error(Code::STORE, "The results store got no thread")
                .note(error.to_string())
                .help("Close other programs, or raise the limit on processes.")
        })?;
        Ok(Writer { spool, sender, thread })
    }

    /// Hands over a result, and itself as an object of run_results.json. It is in the spool when
    /// this returns.
    pub fn record(&self, result: &RunResult, artifact: &impl Serialize) {
        let entry = Entry::of(result);
        self.spool.result(Some(&entry), artifact);
        self.sender.put(entry);
    }

    /// Writes what is left and completes the run's row, while whoever calls this goes on.
    pub fn end(self, end: End) -> Last {
        let Writer { spool, sender, thread } = self;
        spool.end(&end);
        sender.end(end);
        Last { spool, thread }
    }
}

/// The end of a run, on its way to the store.
pub struct Last {
    spool: Arc<Spool>,
    thread: JoinHandle<Finished>,
}

impl Last {
    /// Waits until it is there, or until that has failed.
    pub fn wait(self) -> Finished {
        match self.thread.join() {
            Ok(finished) => finished,
            Err(_panicked) => {
                self.spool.sync();
                let warning =
                    Diagnostic::warning(Code::STORE, "The results store's writer broke down")
                        .help("The next command tries again. Please report this.");
                Finished { warnings: vec![warning], complete: false, store: None }
            }
        }
    }
}

/// What the thread owns.
struct Thread {
    /// `None` while PostgreSQL is away.
    store: Option<Store>,
    reach: Reach,
    next_attempt: Instant,
    pause: Duration,
    begin: Arc<Begin>,
    spool: Arc<Spool>,
    /// What is not in the store yet.
    waiting: Vec<Entry>,
    problems: Problems,
    options: WriterOptions,
}

#[derive(Default)]
struct Problems {
    first: Option<Diagnostic>,
    /// Results that PostgreSQL refused.
    refused: usize,
}

impl Problems {
    fn note(&mut self, error: Diagnostic) {
        if self.first.is_none() {
            self.first = Some(Diagnostic { severity: Severity::Warning, ..error });
        }
    }
}

impl Thread {
    fn run(mut self, inbox: &Receiver) -> Finished {
        // All engines start now; a short run has ended before anything is sent.
        inbox.hold_off();
        self.introduce();
        let end = loop {
            let mut delivery = inbox.take();
            self.waiting.append(&mut delivery.entries);
            if delivery.is_last {
                break delivery.end;
            }
            self.deliver(false);
        };
        self.deliver(false);
        if self.store.is_none() {
            // It is away, or has just been lost.
            self.deliver(true);
        }
        self.finish(end.as_ref())
    }

    /// Says what a store has to know before results come; none of it is worth a run's results.
    fn introduce(&mut self) {
        let Some(mut store) = self.store.take() else { return };
        store.give_way();
        if let Some(folder) = self.spool.path().parent() {
            // What does not get through now waits for the next command.
            let _ = store.bring_audit(folder);
        }
        let introduced = store
            .mark_interrupted(self.begin.run.invocation_id)
            .and_then(|_| store.write_rules(&self.begin.rules));
        if let Err(error) = introduced {
            self.problems.note(*error);
        }
        if store.client().is_closed() {
            self.next_attempt = Instant::now() + self.pause;
        } else {
            self.store = Some(store);
        }
    }

    /// Sends what waits. Where PostgreSQL is away it is tried again if its time has come, or if
    /// this is the `last` chance.
    fn deliver(&mut self, last: bool) {
        if self.store.is_none() && !(last || Instant::now() >= self.next_attempt) {
            self.spool.sync();
            return;
        }
        if self.store.is_none() {
            self.connect();
        }
        let Some(mut store) = self.store.take() else {
            self.spool.sync();
            return;
        };
        let begin = self.begin.clone();
        let common = Common::of(&begin);
        let mut waiting = std::mem::take(&mut self.waiting);
        while !waiting.is_empty() {
            let rest = waiting.split_off(waiting.len().min(BATCH));
            let written = write(&mut store, &common, waiting);
            if let Some(error) = written.problem {
                self.problems.note(*problem("take note of results", &error));
            }
            self.problems.refused += written.refused;
            waiting = written.left.into_iter().chain(rest).collect();
            if store.client().is_closed() {
                self.waiting = waiting;
                self.spool.sync();
                self.next_attempt = Instant::now() + self.pause;
                return;
            }
        }
        self.store = Some(store);
    }

    /// Opens the store anew.
    fn connect(&mut self) {
        let opened = (self.reach)().and_then(|mut store| {
            store.begin_run(&self.begin)?;
            Ok(store)
        });
        match opened {
            Ok(store) => {
                self.store = Some(store);
                self.pause = self.options.pause;
                self.introduce();
            }
            Err(error) => {
                self.problems.note(*error);
                self.pause = (self.pause * 2).min(Duration::from_secs(30));
                self.next_attempt = Instant::now() + self.pause;
            }
        }
    }

    /// Completes the run's row, if the run came to an end, and says what is missing.
    fn finish(mut self, end: Option<&End>) -> Finished {
        let mut complete = false;
        if let (Some(store), Some(end)) = (&mut self.store, end) {
            match store.finish_run(&self.begin.run, end) {
                Ok(()) => complete = self.problems.refused == 0,
                Err(error) => self.problems.note(*error),
            }
        }
        if complete {
            // It went away for a while, and nothing is missing: nobody has to know.
            return Finished { warnings: Vec::new(), complete, store: self.store };
        }
        self.spool.sync();
        let mut warning = self.problems.first.unwrap_or_else(|| {
            Diagnostic::warning(Code::STORE, "The results store could not be written")
        });
        let folder = self.spool.path().parent().unwrap_or(self.spool.path()).display();
        let missing = self.waiting.len() + self.problems.refused;
        let results = match missing {
            0 => "How this run ended".to_owned(),
            1 => "One result of this run".to_owned(),
            n => format!("{n} results of this run"),
        };
        let (is, it) = if missing < 2 { ("is", "it") } else { ("are", "them") };
        warning = warning.note(match self.spool.problem() {
            None => format!("{results} {is} kept in {folder}: the next run sends {it}."),
            Some((lost, why)) => format!(
                "{results} {is} not in the store, and {lost} records could not be kept on disk: {why}"
            ),
        });
        Finished { warnings: vec![warning], complete, store: self.store }
    }
}
