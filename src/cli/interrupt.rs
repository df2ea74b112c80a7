//! Ctrl-C and SIGTERM: running statements are cancelled, the run ends in order.

use std::sync::Arc;

use crate::run::Engines;

/// Lets the signals cancel what the engines are running. The second one ends the process at once.
pub(super) fn cancels(engines: &Arc<Engines>) {
    let engines = engines.clone();
    // Fails only where a handler was set before; there is one run in a process.
    let _set_before = ctrlc::set_handler(move || {
        if engines.is_interrupted() {
            std::process::exit(130);
        }
        engines.interrupt();
    });
}
