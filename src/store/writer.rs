//! Writes results while the run goes: a thread of its own with the store's connection, fed by a
//! channel, a few statements for each batch.
//!
//! It never holds up the run and never fails it: what could not be written is told at the end.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use postgres::Client;
use serde::Serialize;

use super::rules::RuleTerms;
use super::{Entry, Outcome, QualityRule, Store, problem};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::run::{DataLoad, InvocationInfo, RunResult};

/// How the writer works.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Failing rows that are kept of a check.
    pub failing_rows: usize,
    /// A batch is written when it has so many results …
    pub batch: usize,
    /// … or when its first one has waited this long.
    pub wait: Duration,
}

impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions { failing_rows: 100, batch: 500, wait: Duration::from_millis(250) }
    }
}

/// What the end of writing brought.
pub struct Finished {
    /// The store, for questions about the run; `None` where the connection is gone.
    pub store: Option<Store>,
    /// What went wrong, as warnings.
    pub warnings: Vec<Diagnostic>,
    /// What could not be sent since the connection broke.
    pub unsent: Vec<Entry>,
}

/// Takes results and writes them behind the run's back. Shared by all threads.
pub struct Writer {
    run: InvocationInfo,
    rules: HashMap<String, RuleTerms>,
    options: WriterOptions,
    entries: Sender<Entry>,
    thread: JoinHandle<Thread>,
}

impl Writer {
    /// Starts the thread. `rules` are the tests that the run may check; they are written first.
    /// The run's row must exist: see [`Store::begin_run`].
    ///
    /// # Errors
    /// `STORE` where the system gives no thread.
    pub fn start(
        store: Store,
        run: &InvocationInfo,
        rules: Vec<QualityRule>,
        options: WriterOptions,
    ) -> crate::diagnostic::Result<Writer> {
        let terms = rules.iter().map(|rule| (rule.unique_id.clone(), rule.terms())).collect();
        let (entries, inbox) = channel();
        let work = {
            let (run, options) = (run.clone(), options.clone());
            move || {
                let mut thread = Thread { store, problems: Problems::default() };
                if let Err(error) = thread.store.mark_interrupted(&run) {
                    thread.problems.note(*error);
                }
                thread.run(&inbox, &rules, &options);
                thread
            }
        };
        let thread = std::thread::Builder::new().name("results-store".to_owned()).spawn(work);
        let thread = thread.map_err(|error| {
            Diagnostic::error(Code::STORE, "The results store got no thread")
                .note(error.to_string())
                .help("Close other programs, or raise the limit on processes.")
        })?;
        Ok(Writer { run: run.clone(), rules: terms, options, entries, thread })
    }

    /// Hands over a result. Returns at once.
    pub fn record(&self, result: &RunResult) {
        let rule = self.rules.get(&*result.unique_id);
        let id = self.run.invocation_id;
        self.send(Entry::of(id, result, rule, self.options.failing_rows));
    }

    /// Hands over a load that belongs to no node's result. Returns at once.
    pub fn record_load(&self, load: &DataLoad) {
        self.send(Entry::of_load(self.run.invocation_id, load));
    }

    fn send(&self, entry: Entry) {
        // The thread lives until this end of the channel is dropped; had it panicked, `finish`
        // would say so.
        let _ = self.entries.send(entry);
    }

    /// Writes what is left and completes the run's row.
    pub fn finish(self, outcome: &Outcome) -> Finished {
        let Writer { run, entries, thread, .. } = self;
        drop(entries);
        let Ok(Thread { mut store, problems }) = thread.join() else {
            let warning = Diagnostic::warning(Code::STORE, "The results store's writer broke down")
                .help("Results of this run are in run_results.json. Please report this.");
            return Finished { store: None, warnings: vec![warning], unsent: Vec::new() };
        };
        let mut warnings = problems.warnings();
        if !store.client().is_closed()
            && let Err(error) = store.finish_run(&run, outcome)
        {
            warnings.push(Diagnostic { severity: Severity::Warning, ..*error });
        }
        let store = (!store.client().is_closed()).then_some(store);
        Finished { store, warnings, unsent: problems.unsent }
    }
}

/// What the thread owns.
struct Thread {
    store: Store,
    problems: Problems,
}

#[derive(Default)]
struct Problems {
    first: Option<Diagnostic>,
    /// Results that PostgreSQL refused.
    refused: usize,
    unsent: Vec<Entry>,
}

impl Problems {
    fn note(&mut self, error: Diagnostic) {
        if self.first.is_none() {
            self.first = Some(Diagnostic { severity: Severity::Warning, ..error });
        }
    }

    fn warnings(&self) -> Vec<Diagnostic> {
        let Some(first) = &self.first else { return Vec::new() };
        let missing = self.refused + self.unsent.len();
        vec![match missing {
            0 => first.clone(),
            1 => first.clone().note("One result of this run is not in the store."),
            n => first.clone().note(format!("{n} results of this run are not in the store.")),
        }]
    }
}

impl Thread {
    fn run(&mut self, inbox: &Receiver<Entry>, rules: &[QualityRule], options: &WriterOptions) {
        for rules in rules.chunks(2_000) {
            let upsert = include_str!("sql/upsert_rules.sql");
            if let Err(error) = self.store.client().execute(upsert, &[&json(rules)]) {
                self.problems.note(*problem("take note of the tests of this run", &error));
            }
        }
        while let Ok(first) = inbox.recv() {
            let deadline = Instant::now() + options.wait;
            let mut batch = vec![first];
            let mut open = true;
            while open && batch.len() < options.batch {
                match inbox.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(entry) => batch.push(entry),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => open = false,
                }
            }
            self.write(batch);
        }
    }

    /// Writes a batch, or where PostgreSQL refuses it, each result by itself.
    fn write(&mut self, batch: Vec<Entry>) {
        let what = "take note of results";
        if self.store.client().is_closed() {
            self.problems.unsent.extend(batch);
            return;
        }
        let Err(error) = send(self.store.client(), &batch) else { return };
        self.problems.note(*problem(what, &error));
        for entry in batch {
            if self.store.client().is_closed() {
                self.problems.unsent.push(entry);
            } else if let Err(error) = send(self.store.client(), std::slice::from_ref(&entry)) {
                self.problems.note(*problem(what, &error));
                if self.store.client().is_closed() {
                    self.problems.unsent.push(entry);
                } else {
                    self.problems.refused += 1;
                }
            }
        }
    }
}

/// Writes a batch in one transaction, one statement for each table.
fn send(client: &mut Client, batch: &[Entry]) -> Result<(), postgres::Error> {
    let tasks: Vec<_> = batch.iter().filter_map(|entry| entry.task.as_ref()).collect();
    let loads: Vec<_> = batch.iter().flat_map(|entry| &entry.loads).collect();
    let checks: Vec<_> = batch.iter().filter_map(|entry| entry.check.as_ref()).collect();
    let failures: Vec<_> = batch.iter().flat_map(|entry| &entry.failures).collect();
    let mut transaction = client.transaction()?;
    for (sql, rows) in [
        (include_str!("sql/insert_tasks.sql"), (!tasks.is_empty()).then(|| json(&tasks))),
        (include_str!("sql/insert_loads.sql"), (!loads.is_empty()).then(|| json(&loads))),
        (include_str!("sql/insert_checks.sql"), (!checks.is_empty()).then(|| json(&checks))),
        (include_str!("sql/insert_failures.sql"), (!failures.is_empty()).then(|| json(&failures))),
    ] {
        if let Some(rows) = rows {
            transaction.execute(sql, &[&rows])?;
        }
    }
    transaction.commit()
}

fn json(rows: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(rows).expect("rows have text keys only")
}
