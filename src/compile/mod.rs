//! `Manifest` + DAG → compiled SQL for each node in its own engine's dialect.
//!
//! Needs no database unless a template asks for one, through [`Adapters`].

mod batch;
mod bridges;
mod ctes;
mod defer;
mod host;
mod locate;
mod unit_tests;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use minijinja::Value;

use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics, Result, SourceFile};
use crate::jinja::values::from_json;
use crate::jinja::{Adapter, Dialect, Host, KnownMetric, MetricAbove, translated};
use crate::manifest::{ColumnInfo, Manifest, Node, ResourceType, SemanticEntity, Source, UniqueId};
use crate::parse::{Dialects, Parsed, RefIndex, Target, target_of, test_argument, unknown_test};
use crate::relation::Relation;

pub use batch::Batch;
pub use bridges::{Bridge, Bridges, bridge_schema, in_place, read_in_place, upstream};
pub use ctes::{Insertion, cte_name};
pub use defer::Deferral;
pub use host::CompileHost;

/// Where templates get a database from, and where their messages go.
pub trait Adapters: Send + Sync {
    /// The database of an engine; opened at the first call.
    ///
    /// # Errors
    /// The engine cannot be reached.
    fn adapter(&self, engine: &str) -> Result<Arc<dyn Adapter>>;

    /// A message of a template.
    fn log(&self, message: &str, info: bool);

    /// A warning of a template.
    fn warn(&self, message: &str);

    /// A line of `print()`.
    fn print(&self, message: &str) {
        self.log(message, true);
    }
}

/// The SQL of a node.
#[derive(Debug, Clone, Default)]
pub struct CompiledNode {
    pub sql: Arc<str>,
    /// The ephemeral models inside it: unique id and the text of the expression.
    pub ctes: Vec<(UniqueId, String)>,
    /// Where they were put.
    pub insertion: Option<Insertion>,
    /// The macros that its template called itself.
    pub macros: Vec<UniqueId>,
}

/// Everything that compiling needs; shared by all threads.
pub struct Compiler {
    pub config: Arc<Config>,
    pub manifest: Arc<Manifest>,
    pub dialects: Dialects,
    pub bridges: Bridges,
    index: RefIndex,
    adapters: Arc<dyn Adapters>,
    graph: OnceLock<Value>,
    values: OnceLock<ManifestValues>,
    /// The unique ids of this run, for `selected_resources`.
    selected: OnceLock<Vec<UniqueId>>,
    deferral: OnceLock<Deferral>,
    /// What `on-run-end` hooks see on top, by name.
    ended: OnceLock<Vec<(&'static str, Value)>>,
}

/// How the manifest's entries become values of templates: the artifacts' own words, which a later
/// stage knows. Only made where a template asks for them.
#[derive(Debug, Clone, Copy)]
pub struct ManifestValues {
    /// `graph`. All templates share it, and what one of them puts into it the next ones find.
    pub graph: fn(&Manifest) -> serde_json::Value,
    /// `model`
    pub node: fn(&Node) -> serde_json::Value,
    /// What `metric()` gives.
    pub metric: fn(&SemanticEntity) -> serde_json::Value,
}

impl Compiler {
    /// A compiler of a parsed project.
    ///
    /// # Errors
    /// `ENGINE_MISMATCH` where nodes read each other over engines that cannot.
    pub fn new(
        config: Arc<Config>,
        parsed: Parsed,
        adapters: Arc<dyn Adapters>,
    ) -> Result<Arc<Compiler>, Diagnostics> {
        let bridges = bridges::plan(&parsed.manifest, &config).map_err(Diagnostics)?;
        Ok(Arc::new(Compiler {
            index: RefIndex::new(&parsed.manifest),
            config,
            manifest: Arc::new(parsed.manifest),
            dialects: parsed.dialects,
            bridges,
            adapters,
            graph: OnceLock::new(),
            values: OnceLock::new(),
            selected: OnceLock::new(),
            deferral: OnceLock::new(),
            ended: OnceLock::new(),
        }))
    }

    /// Says how `graph` and `model` of templates are made, once.
    pub fn set_manifest_values(&self, values: ManifestValues) {
        let _first_wins = self.values.set(values);
    }

    /// Gives nodes columns that they have of others, and notes whose columns may be personal. Before
    /// anything else holds the compiler.
    pub fn inherit(
        this: &mut Arc<Compiler>,
        columns: Vec<(UniqueId, ColumnInfo)>,
        may_be_personal: &[UniqueId],
    ) {
        let compiler = Arc::get_mut(this).expect("nothing is compiled yet");
        let manifest = Arc::get_mut(&mut compiler.manifest).expect("nothing is compiled yet");
        for (id, column) in columns {
            let Some(node) = manifest.nodes.get_mut(&id) else { continue };
            let mut known = node.columns.iter();
            let own = known.find(|(_, one)| one.name.eq_ignore_ascii_case(&column.name));
            let key = own.map_or_else(|| column.name.clone(), |(key, _)| key.clone());
            node.columns.insert(key, column);
        }
        for id in may_be_personal {
            manifest.nodes.get_mut(id).into_iter().for_each(|node| node.may_be_personal = true);
        }
        // Templates may have asked for it.
        compiler.graph = OnceLock::new();
    }

    /// A node as its own templates see it: `model`, in the manifest's words.
    pub fn model_value(&self, node: &Node) -> Value {
        let Some(values) = self.values.get() else { return Value::from(()) };
        let mut value = without_nulls((values.node)(node));
        let contract = node.config.get("contract");
        let aliased = contract.and_then(|set| set["alias_types"].as_bool()).unwrap_or(true);
        // Macros of contracts write these into DDL.
        let columns = value.get_mut("columns").and_then(serde_json::Value::as_object_mut);
        for column in columns.into_iter().flat_map(|columns| columns.values_mut()) {
            if let Some(serde_json::Value::String(data_type)) = column.get_mut("data_type")
                && aliased
            {
                *data_type = translated(data_type);
            }
            self.fill_constraints(node, column.get_mut("constraints"));
        }
        self.fill_constraints(node, value.get_mut("constraints"));
        from_json(&value)
    }

    /// A metric as templates see it, with those that it is made of.
    fn known_metric(&self, metric: &SemanticEntity) -> Option<KnownMetric> {
        let body = (self.values.get()?.metric)(metric);
        let mut above = Vec::new();
        self.add_metrics(metric, 1, &mut above);
        Some(KnownMetric { body, above })
    }

    fn add_metrics(&self, metric: &SemanticEntity, depth: usize, above: &mut Vec<MetricAbove>) {
        let read = metric.depends_on.iter().filter_map(|id| self.manifest.semantic.get(id));
        let read: Vec<_> = read.filter(|one| one.kind == ResourceType::Metric).collect();
        let is_derived = !read.is_empty();
        above.push(MetricAbove { name: metric.name.clone(), is_derived, depth });
        for one in read {
            self.add_metrics(one, depth + 1, above);
        }
    }

    fn fill_constraints(&self, node: &Node, constraints: Option<&mut serde_json::Value>) {
        let all = constraints.and_then(serde_json::Value::as_array_mut);
        for constraint in all.into_iter().flatten() {
            if let Some(serde_json::Value::String(to)) = constraint.get_mut("to")
                && let Some(relation) = self.constraint_target(node, to)
            {
                *to = relation;
            }
        }
    }

    /// The relation that a foreign key of a node names by `ref()` or `source()`, as SQL.
    pub fn constraint_target(&self, node: &Node, to: &str) -> Option<String> {
        let relation = match target_of(to)? {
            Target::Ref(call) => {
                let id = self.index.node(&node.package_name, &call).ok()?;
                let there = self.deferred(id).cloned();
                there.unwrap_or_else(|| self.manifest.nodes[id].relation())
            }
            Target::Source(call) => {
                let id = self.index.source(&node.package_name, &call).ok()?;
                self.manifest.sources[id].relation()
            }
        };
        Some(relation.render())
    }

    /// Says what was selected, once.
    pub fn set_selected(&self, selected: Vec<UniqueId>) {
        let _first_wins = self.selected.set(selected);
    }

    /// Says where refs go to nodes that are not there, once.
    pub fn set_deferral(&self, deferral: Deferral) {
        let _first_wins = self.deferral.set(deferral);
    }

    /// Where an earlier run has a node, if refs may go there.
    pub fn deferred(&self, id: &str) -> Option<&Relation> {
        self.deferral.get()?.relation(id)
    }

    /// Names that templates see from now on, once: `results` and the like.
    pub fn set_ended(&self, names: Vec<(&'static str, Value)>) {
        let _first_wins = self.ended.set(names);
    }

    /// The host of a node of the manifest.
    pub fn host(self: &Arc<Self>, id: &UniqueId) -> Arc<CompileHost> {
        self.batch_host(id, None)
    }

    /// The host of one batch of a node.
    pub fn batch_host(self: &Arc<Self>, id: &UniqueId, batch: Option<Batch>) -> Arc<CompileHost> {
        let at = self.manifest.nodes.get_index_of(id).unwrap_or_default();
        let engine = self.manifest.nodes[at].engine.clone();
        Arc::new(CompileHost::of_node(self.clone(), at, engine).with_batch(batch))
    }

    /// The host of an audited model, or of a test that decides about it, which finds the model where
    /// it stands until it is published.
    pub fn audit_host(self: &Arc<Self>, id: &UniqueId, model: &UniqueId) -> Arc<CompileHost> {
        let at = self.manifest.nodes.get_index_of(id).unwrap_or_default();
        let engine = self.manifest.nodes[at].engine.clone();
        Arc::new(CompileHost::of_node(self.clone(), at, engine).with_hidden(model.clone()))
    }

    /// The host of a statement that is no node: it may ref anything.
    pub fn free_host(
        self: &Arc<Self>,
        engine: &str,
        name: &str,
        file: Arc<SourceFile>,
    ) -> Arc<CompileHost> {
        Arc::new(CompileHost::free(self.clone(), free_node(&self.config, engine, name, file)))
    }

    /// The host of a statement about a source, which is `this` in it.
    pub fn source_host(
        self: &Arc<Self>,
        source: &Source,
        file: Arc<SourceFile>,
    ) -> Arc<CompileHost> {
        let mut node = free_node(&self.config, &source.engine, &source.name, file);
        node.database = source.database.clone();
        node.schema = source.schema.clone();
        node.alias = source.identifier.clone();
        Arc::new(CompileHost::free(self.clone(), node))
    }

    /// Compiles a node of the manifest. Seeds have no SQL: theirs is empty.
    ///
    /// # Errors
    /// Jinja errors at their place in the model; `REF_UNSEEN`.
    pub fn compile(
        self: &Arc<Self>,
        id: &UniqueId,
        host: &Arc<CompileHost>,
    ) -> Result<CompiledNode> {
        let node = &self.manifest.nodes[id];
        let dialect = self.dialects.get(host.engine());
        let sql = self.render_node(node, dialect, host)?;
        let macros = host.take_macros();
        Ok(CompiledNode { macros, ..self.with_ctes(sql, host)? })
    }

    /// Compiles SQL that is no node.
    ///
    /// # Errors
    /// Jinja errors.
    pub fn compile_free(self: &Arc<Self>, host: &Arc<CompileHost>) -> Result<CompiledNode> {
        let file = host.node().file.clone();
        let sql =
            self.dialects.get(host.engine()).render(&file, trimmed(&file.text), host.clone())?.text;
        self.with_ctes(sql, host)
    }

    fn render_node(
        self: &Arc<Self>,
        node: &Node,
        dialect: &Dialect,
        host: &Arc<CompileHost>,
    ) -> Result<String> {
        if node.resource_type == ResourceType::Seed {
            return Ok(String::new());
        }
        if node.is_python() {
            let model = host.model();
            let script = dialect
                .call_macro("py_script_postfix", vec![model], Vec::new(), host.clone())
                .map_err(|error| Box::new(error.or_at(node.location.clone())))?;
            return Ok(format!("{}\n\n{script}", node.raw_code));
        }
        if node.resource_type == ResourceType::Operation {
            return dialect.render_str(&node.raw_code, node.location.clone(), host.clone());
        }
        if node.resource_type == ResourceType::Snapshot && node.code.is_none() {
            return dialect.render_str(&node.raw_code, node.location.clone(), host.clone());
        }
        let Some(test) = &node.test_metadata else {
            return Ok(dialect.render(&node.file, code_of(node), host.clone())?.text);
        };
        let name = test.macro_name();
        if dialect.find_macro(&name, &node.package_name).is_none() {
            return Err(Box::new(unknown_test(dialect, test).or_at(node.location.clone())));
        }
        let mut arguments = Vec::with_capacity(test.kwargs.len());
        for (key, value) in &test.kwargs {
            let text = value.as_str().unwrap_or_default();
            let value = if key == "column_name" {
                Value::from(text)
            } else if let Some(relation) = dialect.where_subquery(text, host.clone()) {
                relation
            } else {
                let value = test_argument(key, value);
                dialect.render_value(&value, node.location.clone(), host.clone())?
            };
            arguments.push((key.clone(), value));
        }
        let value = dialect
            .call_macro(&name, Vec::new(), arguments, host.clone())
            .map_err(|error| Box::new(error.or_at(node.location.clone())))?;
        Ok(value.to_string())
    }

    /// Puts the ephemeral models that were met in front, those that they read before them.
    fn with_ctes(self: &Arc<Self>, sql: String, host: &Arc<CompileHost>) -> Result<CompiledNode> {
        let met = host.take_ephemeral();
        if met.is_empty() {
            return Ok(CompiledNode {
                sql: sql.into(),
                ctes: Vec::new(),
                insertion: None,
                macros: Vec::new(),
            });
        }
        let mut done: Vec<(UniqueId, String)> = Vec::new();
        for id in met {
            self.add_cte(&id, host, &mut done)?;
        }
        let named: Vec<(String, String)> = done
            .iter()
            .map(|(id, sql)| (cte_name(&self.manifest.nodes[id].alias), sql.clone()))
            .collect();
        let (sql, insertion) = ctes::inject(&sql, &named);
        Ok(CompiledNode { sql: sql.into(), ctes: done, insertion, ..CompiledNode::default() })
    }

    fn add_cte(
        self: &Arc<Self>,
        id: &UniqueId,
        reader: &Arc<CompileHost>,
        done: &mut Vec<(UniqueId, String)>,
    ) -> Result<()> {
        if done.iter().any(|(known, _)| known == id) {
            return Ok(());
        }
        let at = self.manifest.nodes.get_index_of(id).unwrap_or_default();
        let node = &self.manifest.nodes[at];
        // An ephemeral model has no engine of its own: it is part of the statement that reads it.
        let host = Arc::new(CompileHost::of_node(self.clone(), at, reader.engine().clone()));
        host.share_adapter(reader);
        let sql = self.render_node(node, self.dialects.get(reader.engine()), &host);
        let sql = sql.inspect_err(|_| reader.note_broken_ephemeral(id))?;
        for inner in host.take_ephemeral() {
            self.add_cte(&inner, reader, done)?;
        }
        done.push((id.clone(), sql));
        Ok(())
    }

    /// Where a node's compiled SQL is written below `target/<folder>`.
    pub fn path_of(&self, folder: &str, node: &Node) -> PathBuf {
        let mut path = self.config.target_path.join(folder);
        path.push(&node.package_name);
        // A resource path may lead out of the project (`../models`); its output may not.
        path.extend(
            Path::new(&node.original_file_path)
                .components()
                .filter(|part| matches!(part, std::path::Component::Normal(_))),
        );
        if node.shares_its_file() {
            path.push(&node.path);
        }
        path
    }

    pub(crate) fn extra(&self, name: &str) -> Option<Value> {
        match name {
            "graph" => {
                let values = self.values.get()?;
                let graph = || from_json(&(values.graph)(&self.manifest));
                Some(self.graph.get_or_init(graph).clone())
            }
            "selected_resources" => {
                let selected = self.selected.get().map(Vec::as_slice).unwrap_or_default();
                Some(selected.iter().map(|id| Value::from(&**id)).collect())
            }
            name => {
                let ended = self.ended.get().map(Vec::as_slice).unwrap_or_default();
                ended.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone())
            }
        }
    }
}

/// Writes SQL to a file, making its folder.
///
/// # Errors
/// `UNWRITABLE`, naming the file.
pub fn write_sql(path: &Path, sql: &str) -> Result<()> {
    let result = match std::fs::write(path, sql) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, sql))
        }
        other => other,
    };
    result.map_err(|error| {
        Box::new(
            Diagnostic::unwritable(path, &error)
                .help("Check the folder's permissions, or name another one with --target-path."),
        )
    })
}

/// Where a node's code stands in its file. A block's last line break is taken off, as Jinja2 does with every template.
pub(crate) fn code_of(node: &Node) -> Range<usize> {
    let Some(block) = node.code.clone() else { return trimmed(&node.file.text) };
    let text = &node.file.text[block.clone()];
    let without = text.strip_suffix('\n').unwrap_or(text);
    let without = without.strip_suffix('\r').filter(|_| text.ends_with('\n')).unwrap_or(without);
    block.start..block.start + without.len()
}

/// The text without surrounding white space, as a range: what dbt takes for a node's code.
fn trimmed(text: &str) -> Range<usize> {
    let start = text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// Without the keys that have no value, in all maps.
fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Object(map) => {
            let present = map.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(present.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        other => other,
    }
}

/// A node for a statement that is none.
fn free_node(config: &Config, engine: &str, name: &str, file: Arc<SourceFile>) -> Node {
    let engine = config
        .target
        .engine(engine)
        .unwrap_or_else(|| &config.target.engines[&config.target.default_engine]);
    let package = config.project.name.as_str();
    let raw_code = file.text.as_str().into();
    Node {
        unique_id: format!("sql_operation.{package}.{name}").into(),
        fqn: vec![package.to_owned(), "sql".to_owned(), name.to_owned()],
        path: format!("sql/{name}"),
        original_file_path: format!("sql/{name}"),
        raw_code,
        database: engine.database.clone(),
        schema: engine.schema.clone(),
        alias: name.to_owned(),
        ..Node::bare(ResourceType::Operation, package, name, file, engine.name.clone())
    }
}
