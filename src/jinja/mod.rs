//! The dbt dialect on minijinja: source rewriting, an environment per engine, the context,
//! builtins and the macro registry.

mod host;
pub mod values;

pub use host::{Adapter, Host};
