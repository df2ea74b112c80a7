//! Where a node's relation goes: `generate_database_name`, `generate_schema_name` and
//! `generate_alias_name`, the project's where it has them, else the built-in rule.

use std::sync::Arc;

use minijinja::Value;

use super::Parser;
use super::host::ParseHost;
use crate::config::EngineConfig;
use crate::diagnostic::Result;
use crate::manifest::NodeConfig;
use crate::relation::Relation;

/// The three parts of a relation's name.
pub struct Names {
    pub database: String,
    pub schema: String,
    pub alias: String,
}

impl Parser<'_> {
    /// The names of a node called `name` with the given configuration.
    ///
    /// # Errors
    /// Those of the project's own macros.
    pub(super) fn names(
        &self,
        package: &Arc<str>,
        name: &str,
        config: &NodeConfig,
        engine: &EngineConfig,
    ) -> Result<Names> {
        let custom = |key: &str| config.text(key).map(str::trim).filter(|text| !text.is_empty());
        let database = match self.overridden(
            "generate_database_name",
            package,
            name,
            config,
            engine,
            custom("database"),
        )? {
            Some(database) => database,
            None => custom("database").unwrap_or(&engine.database).to_owned(),
        };
        let schema = match self.overridden(
            "generate_schema_name",
            package,
            name,
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
        let alias = match self.overridden(
            "generate_alias_name",
            package,
            name,
            config,
            engine,
            custom("alias"),
        )? {
            Some(alias) => alias,
            None => custom("alias").unwrap_or(name).to_owned(),
        };
        Ok(Names { database, schema, alias })
    }

    fn overridden(
        &self,
        macro_name: &str,
        package: &Arc<str>,
        name: &str,
        config: &NodeConfig,
        engine: &EngineConfig,
        custom: Option<&str>,
    ) -> Result<Option<String>> {
        let dialect = self.dialects.get(&engine.name);
        if !dialect.is_overridden(macro_name) {
            return Ok(None);
        }
        let model = serde_json::json!({
            "name": name,
            "package_name": &**package,
            "config": config.values,
            "resource_type": "model",
            "tags": config.tags(),
            "fqn": [&**package, name],
        });
        let node = Value::from(minijinja::value::Serde(&model));
        let this = Relation::new(&engine.database, &engine.schema, name);
        let host =
            ParseHost::new(&self.config, package, config.clone(), this).with_model(node.clone());
        let custom = custom.map_or(Value::from(()), Value::from);
        let value =
            dialect.call_macro(macro_name, vec![custom, node], Vec::new(), Arc::new(host))?;
        Ok(Some(value.to_string().trim().to_owned()))
    }
}
