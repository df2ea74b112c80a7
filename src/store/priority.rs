//! What writes results gives way to what makes them.
//!
//! A server beside the engines wakes for each batch, and takes a processor from a thread that may hold what
//! the others wait for. As a nice process it waits until one is free: a few milliseconds, which nobody sees.

/// How nice, from 0 to 19.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Lets this thread give way, and a server's process on this machine that works for it alone. Where the
/// system does not let it, all goes on as it was.
#[cfg(target_os = "linux")]
pub(super) fn give_way(backend: Option<i32>) {
    use rustix::process::{Pid, getpriority_process, setpriority_process};

    // Linux takes a thread for a process here.
    let backend = backend.and_then(Pid::from_raw);
    for process in [Some(rustix::thread::gettid()), backend].into_iter().flatten() {
        // Root could also raise it, of a run that was told to be nicer still.
        if getpriority_process(Some(process)).is_ok_and(|nice| nice < NICE) {
            let _ = setpriority_process(Some(process), NICE);
        }
    }
}

/// Elsewhere only whole processes have a priority.
#[cfg(not(target_os = "linux"))]
pub(super) fn give_way(_backend: Option<i32>) {}
