//! The `pintail` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    pintail::cli::main()
}
