//! Ctrl-C and SIGTERM: running statements are cancelled, the run ends in order.

use std::sync::Arc;

use crate::run::Engines;

/// Lets the signals cancel what the engines are running. The second one ends the process at once.
pub(super) fn cancels(engines: &Arc<Engines>) {
    // The handler lives as long as the process; the engines close with their run.
    let engines = Arc::downgrade(engines);
    // Fails only where a handler was set before; there is one run in a process.
    let _set_before = ctrlc::set_handler(move || match engines.upgrade() {
        Some(engines) if !engines.is_interrupted() => engines.interrupt(),
        _ => std::process::exit(130),
    });
}
