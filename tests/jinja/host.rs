//! A project with the fixture's macros and a host that answers without a database.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;
use pintail::config::{DuckDbParams, EngineConfig, EngineParams, Target};
use pintail::diagnostic::{Result, SourceFile};
use pintail::jinja::{Adapter, Dialect, Host, InvocationInfo, KnownMetric, MacroRegistry};
use pintail::manifest::{FunctionCall, MetricCall, RefCall, SourceCall, UniqueId};
use pintail::relation::Relation;
use serde_json::json;

pub struct Project {
    pub dialect: Dialect,
}

impl Project {
    /// The project of `tests/jinja/project`.
    pub fn fixture() -> Self {
        Self::with(&[])
    }

    /// The same with further macro files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        // What cases.py set for dbt.
        // SAFETY: every test sets the same value, before it reads any.
        unsafe { std::env::set_var("PINTAIL_CASE", "42") };
        let mut builder = MacroRegistry::builder("proj");
        let mut add = |package: &str, path: &str, text: &str| {
            let file = SourceFile::new(PathBuf::from(path), text);
            builder.add_file(&package.into(), &file, path).expect("the macros split");
        };
        add("proj", "macros/macros.sql", include_str!("project/macros/macros.sql"));
        add("pkg", "macros/package.sql", include_str!("project/package/macros/package.sql"));
        for (path, text) in files {
            add("proj", path, text);
        }
        let engine = EngineConfig {
            name: "duckdb".into(),
            location: None,
            database: "memory".into(),
            schema: "main".into(),
            params: EngineParams::DuckDb(DuckDbParams::default()),
        };
        let target = Target {
            profile: "p".into(),
            name: "dev".into(),
            threads: 1,
            default_engine: "duckdb".into(),
            results: None,
            engines: IndexMap::from([("duckdb".into(), Arc::new(engine.clone()))]),
        };
        let invocation = InvocationInfo {
            refuses_warnings: false,
            steps: 1_000_000,
            invocation_id: "00000000-0000-4000-8000-000000000000".into(),
            started_at: jiff::Timestamp::from_second(1_700_000_000).expect("a time"),
            project_name: "proj".into(),
            runtime: json!({"project_name": "proj"}),
            flags: json!({"FULL_REFRESH": false, "STORE_FAILURES": false, "WHICH": "compile"}),
            args: json!({}),
        };
        Project { dialect: Dialect::new(Arc::new(builder.build()), &engine, &target, invocation) }
    }

    pub fn render_as(&self, name: &str, template: &str) -> Result<String> {
        self.render_with(name, template, TestHost::new(name))
    }

    pub fn render_with(&self, name: &str, template: &str, host: TestHost) -> Result<String> {
        let file = SourceFile::new(format!("models/{name}.sql"), template);
        let rendered = self.dialect.render(&file, 0..template.len(), Arc::new(host))?;
        Ok(rendered.text)
    }
}

pub struct TestHost {
    name: String,
    execute: bool,
    config: std::sync::Mutex<IndexMap<String, serde_json::Value>>,
}

impl TestHost {
    pub fn new(name: &str) -> Self {
        let config = [("materialized".to_owned(), json!("view"))].into_iter().collect();
        TestHost { name: name.into(), execute: true, config: std::sync::Mutex::new(config) }
    }

    #[must_use]
    pub fn parsing(mut self) -> Self {
        self.execute = false;
        self
    }
}

impl Host for TestHost {
    fn execute(&self) -> bool {
        self.execute
    }

    fn package(&self) -> &str {
        "proj"
    }

    fn resolve_ref(&self, call: RefCall) -> Result<Relation> {
        Ok(Relation::new("memory", "main", &call.name))
    }

    fn resolve_source(&self, call: SourceCall) -> Result<Relation> {
        Ok(Relation::new("memory", &call.source, &call.table))
    }

    fn resolve_function(&self, call: FunctionCall) -> Result<Relation> {
        Ok(Relation::new("db", "main", &call.name))
    }

    fn resolve_metric(&self, _call: &MetricCall) -> Result<Option<KnownMetric>> {
        Ok(None)
    }

    fn set_config(&self, values: IndexMap<String, serde_json::Value>) -> Result<()> {
        self.config.lock().expect("no panic holds it").extend(values);
        Ok(())
    }

    fn config(&self, key: &str) -> Option<serde_json::Value> {
        // In dbt the configuration of a model is complete before it is compiled.
        if key == "tags" {
            return Some(json!(["x"]));
        }
        self.config.lock().expect("no panic holds it").get(key).cloned()
    }

    fn var(&self, name: &str) -> Option<serde_json::Value> {
        match name {
            "from_project" => Some(json!(7)),
            "list_var" => Some(json!([1, "two"])),
            _ => None,
        }
    }

    fn vars(&self) -> serde_json::Map<String, serde_json::Value> {
        serde_json::Map::new()
    }

    fn this(&self) -> Option<Relation> {
        Some(Relation::new("memory", "main", &self.name))
    }

    fn model(&self) -> Value {
        Value::from(minijinja::value::Serde(json!({
            "name": self.name,
            "resource_type": "model",
            "unique_id": format!("model.proj.{}", self.name),
        })))
    }

    fn extra(&self, name: &str) -> Option<Value> {
        match name {
            "graph" => Some(Value::from(minijinja::value::Serde(json!({"nodes": {}})))),
            "selected_resources" => Some(Value::from(minijinja::value::Serde(json!([])))),
            _ => None,
        }
    }

    fn is_incremental(&self) -> bool {
        false
    }

    fn note_macro(&self, _unique_id: &UniqueId) {}

    fn adapter(&self) -> Option<Arc<dyn Adapter>> {
        assert!(self.execute, "the database was asked for while parsing");
        None
    }

    fn log(&self, _message: &str, _info: bool) {}

    fn warn(&self, _message: &str) {}
}
