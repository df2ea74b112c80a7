//! Where a node's relation goes: `generate_database_name`, `generate_schema_name` and
//! `generate_alias_name`, the project's where it has them, else the built-in rule.

use std::sync::Arc;

use minijinja::Value;

use super::Parser;
use super::host::ParseHost;
use super::identity::Identity;
use crate::config::EngineConfig;
use crate::diagnostic::Result;
use crate::manifest::{NodeConfig, version_text};
use crate::relation::Relation;

/// The three parts of a relation's name.
pub struct Names {
    pub database: String,
    pub schema: String,
    pub alias: String,
}

impl Parser<'_> {
    /// The names of a node with the given configuration.
    ///
    /// # Errors
    /// Those of the project's own macros.
    pub(super) fn names(
        &self,
        node: &Arc<Identity>,
        config: &NodeConfig,
        engine: &EngineConfig,
    ) -> Result<Names> {
        let custom = |key: &str| config.text(key).map(str::trim).filter(|text| !text.is_empty());
        let database = match self.overridden(
            "generate_database_name",
            node,
            config,
            engine,
            custom("database"),
        )? {
            Some(database) => database,
            None => custom("database").unwrap_or(&engine.database).to_owned(),
        };
        let schema = match self.overridden(
            "generate_schema_name",
            node,
            config,
            engine,
            custom("schema"),
        )? {
            Some(schema) => schema,
            None => match custom("schema") {
                Some(custom) => format!("{}_{custom}", engine.schema),
                None => engine.schema.clone(),
            },
        };
        let alias =
            match self.overridden("generate_alias_name", node, config, engine, custom("alias"))? {
                Some(alias) => alias,
                None => match (custom("alias"), &node.version) {
                    (Some(alias), _) => alias.to_owned(),
                    (None, Some(version)) => {
                        format!("{}_v{}", node.name, version_text(version).replace('.', "_"))
                    }
                    (None, None) => node.name.clone(),
                },
            };
        Ok(Names { database, schema, alias })
    }

    fn overridden(
        &self,
        macro_name: &str,
        node: &Arc<Identity>,
        config: &NodeConfig,
        engine: &EngineConfig,
        custom: Option<&str>,
    ) -> Result<Option<String>> {
        let dialect = self.dialects.get(&engine.name);
        if !dialect.is_overridden(macro_name) {
            return Ok(None);
        }
        // A package's own macro is for its own nodes only.
        let this = Relation::new(&engine.database, &engine.schema, &node.name);
        let host = ParseHost::new(self, &node.package, config.clone(), this);
        let custom = custom.map_or(Value::from(()), Value::from);
        let host = Arc::new(host.of_node(node).naming());
        let arguments = vec![custom, node.value(config)];
        let value = dialect.call_macro(macro_name, arguments, Vec::new(), host.clone())?;
        host.take_notes();
        Ok(Some(value.to_string().trim().to_owned()))
    }
}
