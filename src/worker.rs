//! The threads that nodes run on, under dbt's names for them. Knows nothing of what they do.

use std::thread::Builder;

/// Room for templates whose macros call each other deeply.
const STACK: usize = 8 << 20;

/// The name of a thread by its number; 0 is the one that the command started on.
pub fn name(number: usize) -> String {
    match number {
        0 => "main".to_owned(),
        number => format!("Thread-{number} (worker)"),
    }
}

/// The name of the thread that asks.
pub fn current() -> String {
    let thread = std::thread::current();
    thread.name().filter(|name| name.starts_with("Thread-")).unwrap_or("MainThread").to_owned()
}

/// Runs `work` on `threads` threads, numbered from 1, and returns when all have ended.
pub fn run(threads: usize, work: impl Fn(usize) + Sync) {
    let work = &work;
    std::thread::scope(|scope| {
        for thread in 1..=threads.max(1) {
            let builder = Builder::new().name(name(thread)).stack_size(STACK);
            // Fewer threads than asked for is slower, not wrong; one always works.
            if builder.spawn_scoped(scope, move || work(thread)).is_err() && thread == 1 {
                work(1);
            }
        }
    });
}
