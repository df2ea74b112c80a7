//! Bad input: what the program says about each kind of it, as an analytics engineer reads it.
//!
//! Each test writes a small project into a temporary folder, runs the real program in it and
//! snapshots what it prints with its exit code: 2 where it could not run, 1 where a node failed,
//! 130 where it was interrupted. A good snapshot names file, line and column, shows the source line
//! with a caret under the right word, and says what to do.

#[path = "../support/mod.rs"]
mod support;

mod configuration;
mod dag;
mod engines;
mod files;
mod interrupt;
mod project;
mod sql;
mod templates;
