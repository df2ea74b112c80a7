//! The dbt dialect on minijinja: source rewriting, an environment per engine, the context,
//! builtins and the macro registry.

mod host;

pub use host::{Adapter, Host};
