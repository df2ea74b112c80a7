//! The dbt dialect on minijinja: source rewriting, an environment per engine, the context,
//! builtins and the macro registry.

mod blocks;
mod calls;
mod context;
mod dialect;
mod error;
mod functions;
mod host;
mod macros;
mod names;
mod objects;
mod registry;
mod rewrite;
pub mod values;
mod yaml;

pub use blocks::{Block, BlockKind, split_blocks};
pub use dialect::{Dialect, InvocationInfo, Rendered, SourceMap, install_for_yaml};
pub use error::UNKNOWN_CALL;
pub use host::{Adapter, Executed, Host, KnownMetric, Message, MetricAbove, Statement};
pub use objects::{ColumnObject, RelationObject, ResponseObject, translated};
pub use objects::{strategy_macro_name, unknown_strategy};
pub use registry::{MacroDef, MacroRegistry, RegistryBuilder};

pub use crate::config::DBT_VERSION;
