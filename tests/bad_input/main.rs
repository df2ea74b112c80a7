//! Bad input: what the program says about each kind of it, as an analytics engineer reads it.
//!
//! Each test writes a small project into a temporary folder, runs the real program in it and
//! snapshots what it prints with its exit code: 2 where it could not run, 1 where a node failed,
//! 130 where it was interrupted. A good snapshot names file, line and column, shows the source line
//! with a caret under the right word, and says what to do.

use std::path::Path;

use pintail::diagnostic::Code;

#[path = "../support/mod.rs"]
mod support;

mod audits;
mod check;
mod configuration;
mod dag;
mod engines;
mod files;
mod interrupt;
mod planted;
mod project;
mod sql;
mod templates;

/// A code that no case of this file shows is either dead or untested.
#[test]
fn every_code_has_a_case() {
    // Nothing that a user writes leads to these.
    let beyond = [Code::INTERNAL, Code::INTERRUPTED];
    let mut shown = String::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input/snapshots");
    for entry in std::fs::read_dir(folder).unwrap() {
        shown.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    for (code, meaning) in Code::ALL.iter().filter(|(code, _)| !beyond.contains(code)) {
        assert!(shown.contains(&format!("[{}]", code.0)), "{}:{meaning}", code.0);
    }
}
