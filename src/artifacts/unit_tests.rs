//! Unit tests as dbt's manifest has them: `unit_tests`. Borrowed; keys come in dbt's order.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::Each;
use super::config::ConfigOut;
use super::nodes::DependsOn;
use crate::graph::Member;
use crate::manifest::{Node, UnitFixture, UnitTest};

pub(super) struct UnitTestOut<'a> {
    pub node: &'a Node,
    pub test: &'a UnitTest,
    pub created_at: f64,
}

impl Serialize for UnitTestOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let UnitTestOut { node, test, created_at } = *self;
        let overrides = test.overrides.as_ref().map(
            |given| json!({"macros": given.macros, "vars": given.vars, "env_vars": given.env_vars}),
        );
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("model", &test.model)?;
        let given =
            || test.given.iter().map(|g| FixtureOut { input: Some(&g.input), of: &g.fixture });
        map.serialize_entry("given", &Each(given))?;
        map.serialize_entry("expect", &FixtureOut { input: None, of: &test.expect })?;
        map.serialize_entry("name", &node.name)?;
        map.serialize_entry("resource_type", "unit_test")?;
        map.serialize_entry("package_name", &node.package_name)?;
        map.serialize_entry("path", &node.path)?;
        map.serialize_entry("original_file_path", &node.original_file_path)?;
        map.serialize_entry("unique_id", &*node.unique_id)?;
        map.serialize_entry("fqn", &node.fqn)?;
        map.serialize_entry("description", &node.description)?;
        map.serialize_entry("overrides", &overrides)?;
        let nodes = Some(&node.depends_on[..]);
        map.serialize_entry("depends_on", &DependsOn { macros: &[], nodes })?;
        map.serialize_entry("config", &ConfigOut(Member::Node(node)))?;
        map.serialize_entry("checksum", &node.checksum)?;
        map.serialize_entry("schema", &node.schema)?;
        map.serialize_entry("created_at", &created_at)?;
        map.serialize_entry("versions", &test.versions)?;
        map.serialize_entry("version", &test.version)?;
        map.end()
    }
}

struct FixtureOut<'a> {
    input: Option<&'a str>,
    of: &'a UnitFixture,
}

impl Serialize for FixtureOut<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        if let Some(input) = self.input {
            map.serialize_entry("input", input)?;
        }
        map.serialize_entry("rows", &self.of.rows)?;
        map.serialize_entry("format", &self.of.format)?;
        map.serialize_entry("fixture", &self.of.fixture)?;
        map.end()
    }
}
