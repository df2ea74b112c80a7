//! What a run hands to the thread that writes it: gathered until there is a batch, so that the thread is
//! woken a few times a second. Were it woken for each result, it would take the processor from the
//! engines' threads a thousand times in a run of a thousand results.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{End, Entry};

/// The side of the run. When it is dropped nothing comes any more.
pub(super) struct Sender(Arc<Inbox>);

/// The side of the thread.
pub(super) struct Receiver(Arc<Inbox>);

struct Inbox {
    state: Mutex<State>,
    changed: Condvar,
    batch: usize,
    wait: Duration,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    /// When the first of them came.
    since: Option<Instant>,
    /// Nothing comes after this.
    is_over: bool,
    end: Option<End>,
}

/// What came together.
pub(super) struct Delivery {
    pub entries: Vec<Entry>,
    /// Whether it is the last one.
    pub is_last: bool,
    /// How the run ended, where it came to an end.
    pub end: Option<End>,
}

/// An inbox that hands on `batch` results, or those that came since the first one has waited for so long.
pub(super) fn inbox(batch: usize, wait: Duration) -> (Sender, Receiver) {
    let (state, changed) = (Mutex::default(), Condvar::new());
    let inbox = Arc::new(Inbox { state, changed, batch, wait });
    (Sender(inbox.clone()), Receiver(inbox))
}

impl Sender {
    /// Hands over the rows of a result.
    pub fn put(&self, entry: Entry) {
        let mut state = self.0.lock();
        state.entries.push(entry);
        state.since.get_or_insert_with(Instant::now);
        let count = state.entries.len();
        if count == 1 || count == self.0.batch {
            self.0.changed.notify_one();
        }
    }

    /// Says how the run ended.
    pub fn end(self, end: End) {
        self.0.lock().end = Some(end);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.changed.notify_one();
    }
}

impl Receiver {
    /// Waits as long as a result may, but not when there is a batch, or nothing comes any more.
    pub fn hold_off(&self) {
        let _state = self.0.wait_until(self.0.lock(), Instant::now() + self.0.wait);
    }

    /// Waits for a batch, or for the end.
    pub fn take(&self) -> Delivery {
        let mut state = self.0.lock();
        while state.entries.is_empty() && !state.is_over {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let due = state.since.map_or_else(Instant::now, |since| since + self.0.wait);
        let mut state = self.0.wait_until(state, due);
        state.since = None;
        let entries = std::mem::take(&mut state.entries);
        Delivery { entries, is_last: state.is_over, end: state.end.take() }
    }
}

impl Inbox {
    /// Until then, or until there is a batch, or nothing comes any more.
    fn wait_until<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        due: Instant,
    ) -> MutexGuard<'a, State> {
        while state.entries.len() < self.batch && !state.is_over {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
