//! The `pintail` program: everything is in the library.

use std::process::ExitCode;

/// Parsing makes millions of small values on several threads; this is a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pintail::cli::main()
}
