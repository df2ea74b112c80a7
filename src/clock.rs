//! The time, as results are stamped with it: the system's clock at the start of the process, and
//! from there on a clock that nobody can set. So a run has no negative durations and no result
//! from before its start when the system's clock jumps under it.

use std::sync::LazyLock;
use std::time::Instant;

use jiff::Timestamp;

static START: LazyLock<(Timestamp, Instant)> = LazyLock::new(|| (Timestamp::now(), Instant::now()));

/// The time now; never earlier than what an earlier call in this process gave.
pub fn now() -> Timestamp {
    let (time, instant) = *START;
    time.checked_add(instant.elapsed()).unwrap_or(time)
}
