//! The scheduler, materializations, seeds, tests, snapshots, hooks → [`RunResult`]s.

pub mod result;

pub use result::{DataLoad, InvocationInfo, LoadKind, RunResult, Status, Timing};
