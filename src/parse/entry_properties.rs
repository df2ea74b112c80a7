//! The entries of properties files that describe no file: sources, macros, exposures, metrics and their
//! kin, unit tests, groups. Read as data; what comes of them is parsed in `others.rs` and its like.

use serde_json::{Map, Value};

use super::plain_times::plain_times;
use super::properties::{
    ExposureProperties, GroupProperties, MacroProperties, Reader, SemanticProperties,
    SourceProperties, UnitTestProperties, merge_alias,
};
use super::semantic::is_foreign_template;
use crate::config::yaml::{Yaml, YamlKind};
use crate::config::{MapReader, type_error};
use crate::diagnostic::Result;
use crate::manifest::{MacroArgument, ResourceType};

impl<'a> Reader<'a> {
    pub(super) fn source(&mut self, yaml: &'a Yaml) -> Result<SourceProperties> {
        let mut map = MapReader::new(self.file, "a source", yaml)?;
        let name = self.rendered_name(&mut map)?;
        let mut config = self.config(&mut map, "config")?;
        for key in ["meta", "tags"] {
            if let Some(value) = map.any(key) {
                let value = self.renderer.render(self.file, value)?;
                merge_alias(&mut config, key, value);
            }
        }
        let text = |map: &mut MapReader<'a>, key| -> Result<Option<String>> {
            let Some(value) = map.any(key) else { return Ok(None) };
            Ok(match self.renderer.render(self.file, value)? {
                Value::String(text) => Some(text),
                Value::Null => None,
                other => Some(other.to_string()),
            })
        };
        let database = match text(&mut map, "database")? {
            Some(database) => Some(database),
            None => text(&mut map, "catalog")?,
        };
        let written = |key: &str| {
            let value = yaml.get(key).filter(|value| !value.is_null())?;
            Some(value.as_str().map_or_else(|| value.to_json().to_string(), str::to_owned))
        };
        let written_database = written("database").or_else(|| written("catalog"));
        let written_schema = written("schema");
        let schema = text(&mut map, "schema")?;
        let loader = text(&mut map, "loader")?.unwrap_or_default();
        let mut extra = Map::new();
        for key in ["freshness", "loaded_at_field"] {
            if let Some(value) = map.any(key) {
                extra.insert(key.to_owned(), self.renderer.render(self.file, value)?);
            }
        }
        // A query is rendered when it is asked: it may ref.
        if let Some(value) = map.any("loaded_at_query") {
            extra.insert("loaded_at_query".to_owned(), value.to_json());
        }
        let description = map.text("description")?.unwrap_or_default();
        let mut tables = Vec::new();
        let quoting = yaml.get("quoting").and_then(|quoting| quoting.get("column"));
        self.quote_columns = quoting.is_some_and(|given| given.kind == YamlKind::Bool(true));
        for item in map.list("tables")? {
            tables.push(self.node(item, "a source table")?);
        }
        self.quote_columns = false;
        let quoting = map.json_map("quoting")?;
        let overrides = map.text("overrides")?;
        map.ignore(&["version"]);
        map.deny_left_over()?;
        Ok(SourceProperties {
            location: self.location(yaml.get("name").unwrap_or(yaml)),
            name,
            overrides,
            description,
            config,
            database,
            schema,
            written_database,
            written_schema,
            loader,
            extra,
            quoting,
            tables,
        })
    }

    pub(super) fn macro_(&mut self, yaml: &'a Yaml) -> Result<MacroProperties> {
        let mut map = MapReader::new(self.file, "a macro", yaml)?;
        let name = map.required_text("name")?;
        let config = self.config(&mut map, "config")?;
        let mut meta = map.json_map("meta")?;
        if let Some(Value::Object(more)) = config.get("meta") {
            meta.extend(more.clone());
        }
        let description = map.text("description")?.unwrap_or_default();
        let mut arguments = Vec::new();
        for item in map.list("arguments")? {
            let mut entry = MapReader::new(self.file, "an argument of a macro", item)?;
            arguments.push(MacroArgument {
                name: entry.required_text("name")?,
                data_type: entry.text("type")?,
                description: entry.text("description")?.unwrap_or_default(),
            });
            entry.pass_left_over(&mut self.warnings);
        }
        let mut docs = map.json_map("docs")?;
        if let Some(Value::Object(more)) = config.get("docs") {
            docs.extend(more.clone());
        }
        map.pass_left_over(&mut self.warnings);
        let meta = meta.into_iter().collect();
        let location = self.location(yaml.get("name").unwrap_or(yaml));
        Ok(MacroProperties { name, location, description, meta, docs, arguments })
    }

    pub(super) fn exposure(&mut self, yaml: &'a Yaml) -> Result<ExposureProperties> {
        let mut map = MapReader::new(self.file, "an exposure", yaml)?;
        let name = map.required_text("name")?;
        let mut config = self.config(&mut map, "config")?;
        for key in ["meta", "tags"] {
            if let Some(value) = map.any(key) {
                merge_alias(&mut config, key, self.renderer.render(self.file, value)?);
            }
        }
        let exposure = ExposureProperties {
            location: self.location(yaml.get("name").unwrap_or(yaml)),
            exposure_type: map.required_text("type")?,
            label: map.text("label")?,
            url: map.text("url")?,
            maturity: map.text("maturity")?,
            description: map.text("description")?.unwrap_or_default(),
            owner: map.json_map("owner")?.into_iter().collect(),
            depends_on: map.texts("depends_on")?.unwrap_or_default(),
            config,
            name,
        };
        map.ignore(&["enabled"]);
        map.deny_left_over()?;
        Ok(exposure)
    }

    /// Renders the texts but those that are templates of the semantic layer itself.
    pub(super) fn semantic(&self, yaml: &Yaml, kind: ResourceType) -> Result<SemanticProperties> {
        let Value::Object(map) = self.semantic_value("", yaml)? else {
            return Err(type_error(self.file, kind.as_str(), "a map", yaml));
        };
        let location = self.location(yaml.get("name").unwrap_or(yaml));
        Ok(SemanticProperties { kind, location, map })
    }

    fn semantic_value(&self, key: &str, yaml: &Yaml) -> Result<Value> {
        match &yaml.kind {
            YamlKind::Map(entries) => entries
                .iter()
                .map(|(key, value)| Ok((key.text.clone(), self.semantic_value(&key.text, value)?)))
                .collect::<Result<Map<_, _>>>()
                .map(Value::Object),
            YamlKind::List(items) => {
                items.iter().map(|item| self.semantic_value(key, item)).collect()
            }
            _ if is_foreign_template(key) || key == "description" => Ok(yaml.to_json()),
            _ => self.renderer.render(self.file, yaml),
        }
    }

    pub(super) fn unit_test(&mut self, yaml: &'a Yaml) -> Result<UnitTestProperties> {
        let mut map = MapReader::new(self.file, "a unit test", yaml)?;
        let name = map.required_text("name")?;
        let config = self.config(&mut map, "config")?;
        let part = |value: Option<&Yaml>| -> Result<Option<Value>> {
            let Some(yaml) = value else { return Ok(None) };
            let mut value = self.renderer.render(self.file, yaml)?;
            plain_times(self.file, yaml, &mut value);
            Ok(Some(value))
        };
        let mut given = Vec::new();
        for item in map.list("given")? {
            match part(Some(item))? {
                Some(Value::Object(input)) => given.push(input),
                _ => return Err(type_error(self.file, "an input of a unit test", "a map", item)),
            }
        }
        let expect = match part(map.any("expect"))? {
            Some(Value::Object(expect)) => expect,
            _ => return Err(type_error(self.file, "`expect` of a unit test", "a map", yaml)),
        };
        let test = UnitTestProperties {
            location: self.location(yaml.get("name").unwrap_or(yaml)),
            model: map.required_text("model")?,
            description: map.text("description")?.unwrap_or_default(),
            overrides: part(map.any("overrides"))?,
            versions: part(map.any("versions"))?,
            config,
            given,
            expect,
            name,
        };
        map.deny_left_over()?;
        Ok(test)
    }

    pub(super) fn group(&mut self, yaml: &'a Yaml) -> Result<GroupProperties> {
        let mut map = MapReader::new(self.file, "a group", yaml)?;
        let name = map.required_text("name")?;
        let config = self.config(&mut map, "config")?;
        let group = GroupProperties {
            description: map.text("description")?.unwrap_or_default(),
            owner: map.json_map("owner")?.into_iter().collect(),
            config,
            name,
        };
        map.deny_left_over()?;
        Ok(group)
    }
}
