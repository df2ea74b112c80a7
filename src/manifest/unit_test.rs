//! What a unit test says: rows that stand in for what its model reads, and those that should come
//! out. Plain data, with dbt's names.

use serde_json::{Map, Value};

use super::{UniqueId, version_text};

/// A unit test, beside what it has in common with other nodes.
#[derive(Debug, Clone)]
pub struct UnitTest {
    /// The model as named in YAML.
    pub model: String,
    pub given: Vec<UnitInput>,
    pub expect: UnitFixture,
    /// `macros`, `vars` and `env_vars`.
    pub overrides: Option<UnitOverrides>,
    /// `include` or `exclude`, as written.
    pub versions: Option<Value>,
    /// Of a model with versions: the one that is tested.
    pub version: Option<Value>,
}

impl UnitTest {
    /// The name with the version that is tested, as dbt shows it.
    pub fn versioned_name(&self, name: &str) -> String {
        match &self.version {
            Some(version) => format!("{name}_v{}", version_text(version)),
            None => name.to_owned(),
        }
    }
}

/// Rows in place of a relation.
#[derive(Debug, Clone)]
pub struct UnitInput {
    /// `ref('orders')`, `source('raw', 'orders')` or `this`, as written.
    pub input: String,
    /// What that means; `None` where there is no such thing.
    pub id: Option<UniqueId>,
    pub fixture: UnitFixture,
}

/// Rows: a list of maps, or SQL.
#[derive(Debug, Clone)]
pub struct UnitFixture {
    /// `dict`, `csv` or `sql`
    pub format: String,
    pub rows: Value,
    /// The file that they were read from, by name.
    pub fixture: Option<String>,
}

/// What the template sees in place of the real thing.
#[derive(Debug, Clone, Default)]
pub struct UnitOverrides {
    pub macros: Map<String, Value>,
    pub vars: Map<String, Value>,
    pub env_vars: Map<String, Value>,
}
