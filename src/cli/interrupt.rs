//! Ctrl-C and SIGTERM: running statements are cancelled, the run ends in order.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::run::Engines;

/// Lets the signals cancel what the engines are running. The second one ends the process at once.
pub(super) fn cancels(engines: &Arc<Engines>) {
    // The handler lives as long as the process; the engines close with their run.
    let engines = Arc::downgrade(engines);
    // Fails only where a handler was set before; there is one run in a process.
    let _set_before = ctrlc::set_handler(move || match engines.upgrade() {
        Some(running) if !running.is_interrupted() => {
            running.interrupt();
            drop(running);
            let engines = engines.clone();
            std::thread::spawn(move || keep_cancelling(&engines));
        }
        _ => std::process::exit(130),
    });
}

/// A node that was between two statements when the signal came starts its next one: that is
/// cancelled as well, until the run has ended.
fn keep_cancelling(engines: &Weak<Engines>) {
    loop {
        std::thread::sleep(Duration::from_millis(250));
        match engines.upgrade() {
            Some(engines) => engines.interrupt(),
            None => return,
        }
    }
}
