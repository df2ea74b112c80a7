//! What templates see while compiling: the real relations, and the database if they ask for one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;

use super::Compiler;
use super::batch::{Batch, Read};
use super::bridges::in_place;
use super::ctes::cte_name;
use super::unit_tests::UnitScope;
use crate::config::EngineKind;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::jinja::values::Dict;
use crate::jinja::{Adapter, Host, KnownMetric, RelationObject};
use crate::manifest::{
    FunctionCall, MetricCall, Node, RefCall, ResourceType, SourceCall, UniqueId,
};
use crate::parse::{locate_ref, metric_of};
use crate::relation::{Quoting, Relation, RelationKind, ResultSet};

/// The host of one node while it is compiled or run.
pub struct CompileHost {
    pub(super) compiler: Arc<Compiler>,
    node: Handle,
    /// The engine that the SQL is for: of an ephemeral model, the engine of the node that reads it.
    engine: Arc<str>,
    /// The ephemeral models that were met.
    ephemeral: Mutex<Vec<UniqueId>>,
    /// The macros that the template called itself.
    macros: Mutex<Vec<UniqueId>>,
    /// The ephemeral model that could not be compiled, where that is why the node cannot be.
    broken_ephemeral: OnceLock<UniqueId>,
    /// The PostgreSQL engines that are read in place.
    in_place: Mutex<Vec<Arc<str>>>,
    adapter: Mutex<Option<Arc<dyn Adapter>>>,
    /// The node's SQL, once it is compiled: `sql` in its materialization.
    compiled: OnceLock<Arc<str>>,
    /// The rows of a seed's file, for a block that loads them.
    seed_rows: OnceLock<ResultSet>,
    /// Whether its main statement was reached, which is written below `target/run`.
    written: AtomicBool,
    /// Of a microbatch model: the batch that it is built for.
    pub(super) batch: Option<Batch>,
    /// The audited model that is not published yet: the node itself, or the one that it tests.
    hidden: Option<UniqueId>,
    model: OnceLock<Value>,
    /// What stands in for all that the node reads, while it is tested.
    pub(super) unit: Option<UnitScope>,
}

/// The node whose template is rendered.
enum Handle {
    /// Its place in the manifest.
    InManifest(usize),
    /// A statement outside a node (`show --inline`, `run-operation`), which may ref anything.
    Free(Box<Node>),
}

impl CompileHost {
    pub(super) fn of_node(compiler: Arc<Compiler>, at: usize, engine: Arc<str>) -> Self {
        Self::new(compiler, Handle::InManifest(at), engine)
    }

    pub(super) fn free(compiler: Arc<Compiler>, node: Node) -> Self {
        let engine = node.engine.clone();
        Self::new(compiler, Handle::Free(Box::new(node)), engine)
    }

    fn new(compiler: Arc<Compiler>, node: Handle, engine: Arc<str>) -> Self {
        CompileHost {
            compiler,
            node,
            engine,
            ephemeral: Mutex::default(),
            macros: Mutex::default(),
            broken_ephemeral: OnceLock::new(),
            in_place: Mutex::default(),
            adapter: Mutex::default(),
            compiled: OnceLock::new(),
            seed_rows: OnceLock::new(),
            written: AtomicBool::new(false),
            batch: None,
            hidden: None,
            model: OnceLock::new(),
            unit: None,
        }
    }

    /// The macros that were called so far.
    pub(super) fn take_macros(&self) -> Vec<UniqueId> {
        std::mem::take(&mut *self.macros.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The host of one batch of the node.
    #[must_use]
    pub(super) fn with_batch(self, batch: Option<Batch>) -> Self {
        CompileHost { batch, ..self }
    }

    /// The host that finds a model where it stands until it is published.
    #[must_use]
    pub(super) fn with_hidden(self, model: UniqueId) -> Self {
        CompileHost { hidden: Some(model), ..self }
    }

    /// Whether a model is not published yet, which the node is or tests.
    pub fn is_before_publishing(&self) -> bool {
        self.hidden.is_some()
    }

    /// Where a node stands for this one.
    fn relation_of(&self, node: &Node) -> Relation {
        match &self.hidden {
            Some(hidden) if *hidden == node.unique_id => node.audit_relation(),
            _ => node.relation(),
        }
    }

    /// The relation that the node makes: of an audited model, the one beside the published one.
    pub fn relation(&self) -> Relation {
        self.relation_of(self.node())
    }

    /// A relation that the node reads where it stands, as [`read_in_place`](super::read_in_place)
    /// gives it, but for the hidden one.
    pub fn in_place_of(&self, relation: Relation) -> Relation {
        let hidden = self.hidden.as_ref().and_then(|id| self.compiler.manifest.nodes.get(id));
        match hidden {
            Some(model) if model.relation() == relation => model.audit_relation(),
            _ => relation,
        }
    }

    /// Where the node's SQL is written below `target/<folder>`; each batch has a file of its own.
    pub fn path_of(&self, folder: &str) -> std::path::PathBuf {
        let path = self.compiler.path_of(folder, self.node());
        self.batch.as_ref().map(|batch| batch.path(&path)).unwrap_or(path)
    }

    /// Where the node's main statement is written, once it was reached.
    pub fn written(&self) -> Option<std::path::PathBuf> {
        self.written.load(Ordering::Relaxed).then(|| self.path_of("run"))
    }

    /// The batch that the node is built for.
    pub fn batch(&self) -> Option<&Batch> {
        self.batch.as_ref()
    }

    /// The node whose template is rendered.
    pub fn node(&self) -> &Node {
        match &self.node {
            Handle::InManifest(at) => &self.compiler.manifest.nodes[*at],
            Handle::Free(node) => node,
        }
    }

    /// The engine that the SQL is for.
    pub fn engine(&self) -> &Arc<str> {
        &self.engine
    }

    /// The PostgreSQL engines that the template read in place so far.
    pub fn read_in_place(&self) -> Vec<Arc<str>> {
        self.in_place.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ephemeral model that keeps the node from being compiled.
    pub fn broken_ephemeral(&self) -> Option<&UniqueId> {
        self.broken_ephemeral.get()
    }

    pub(super) fn note_broken_ephemeral(&self, id: &UniqueId) {
        let _first_wins = self.broken_ephemeral.set(id.clone());
    }

    pub(super) fn take_ephemeral(&self) -> Vec<UniqueId> {
        std::mem::take(&mut self.ephemeral.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// With the connection of the node itself, where it runs.
    pub fn set_adapter(&self, adapter: Arc<dyn Adapter>) {
        *self.adapter.lock().unwrap_or_else(PoisonError::into_inner) = Some(adapter);
    }

    /// With the connection of another host, if it has one already.
    pub(super) fn share_adapter(&self, other: &CompileHost) {
        let theirs = other.adapter.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(adapter) = theirs {
            self.set_adapter(adapter);
        }
    }

    /// With the SQL of the node, which its materialization and hooks see.
    pub fn set_compiled(&self, sql: Arc<str>) {
        let _first_wins = self.compiled.set(sql);
    }

    /// With the rows of the seed's file: `load_agate_table()`.
    pub fn set_seed_rows(&self, rows: ResultSet) {
        let _first_wins = self.seed_rows.set(rows);
    }

    fn seen_by_the_parser(&self, id: &UniqueId, call: &str, name: &str) -> Result<()> {
        let node = self.node();
        if matches!(self.node, Handle::Free(_)) || node.depends_on.contains(id) {
            return Ok(());
        }
        let mut error = Diagnostic::error(
            Code::REF_UNSEEN,
            format!("`{}` reads `{name}`, but the parser did not see that", node.name),
        )
        .help(format!(
            "The call stands in a branch that is only taken when the model runs. \
             Add this line at the top of the model:  -- depends_on: {{{{ {call} }}}}"
        ));
        error = error.or_at(locate_ref(node, name));
        Err(Box::new(error))
    }

    /// Where a ref goes that is deferred: the node is not there, or the other one is favoured.
    fn deferred(&self, id: &UniqueId, node: &Node) -> Option<Relation> {
        let deferral = self.compiler.deferral.get()?;
        let other = deferral.relation(id)?;
        let selected = || self.compiler.selected.get().is_some_and(|all| all.contains(id));
        if !deferral.favored || selected() {
            let adapter = match node.engine == self.engine {
                true => self.adapter(),
                false => self.compiler.adapters.adapter(&node.engine).ok(),
            };
            let is_there = |it: &Arc<dyn Adapter>| match node.resource_type {
                ResourceType::Function => {
                    let kind = self.compiler.config.target.engines[&node.engine].kind();
                    let query = crate::engine::function_query(kind, &node.relation());
                    it.execute(&query).is_ok_and(|(found, _)| !found.rows.is_empty())
                }
                _ => it.get_relation(&node.relation()).is_ok_and(|found| found.is_some()),
            };
            if adapter.as_ref().is_some_and(is_there) {
                return None;
            }
        }
        Some(other.clone())
    }

    /// A relation of another engine as this one sees it.
    fn across(&self, id: &UniqueId, engine: &Arc<str>, relation: Relation) -> Result<Relation> {
        if *engine == self.engine {
            return Ok(relation);
        }
        let target = &self.compiler.config.target;
        let (there, here) = (&target.engines[engine], &target.engines[&self.engine]);
        if here.kind() == EngineKind::DuckDb && there.kind() == EngineKind::Postgres {
            let mut read = self.in_place.lock().unwrap_or_else(PoisonError::into_inner);
            if !read.contains(engine) {
                read.push(engine.clone());
            }
            return Ok(in_place(there, &relation));
        }
        match self.compiler.bridges.get(id, &self.engine) {
            Some(bridge) => Ok(bridge.to.clone()),
            None => Err(Box::new(
                Diagnostic::error(
                    Code::ENGINE_MISMATCH,
                    format!(
                        "There is no bridge that brings {} from `{engine}` to `{}`",
                        relation.render(),
                        self.engine
                    ),
                )
                .help("Bridges are made for the refs of models and tests; ref it in one of them."),
            )),
        }
    }
}

fn of_node(node: &Node) -> Read<'_> {
    let quote_columns = node.config.get("quoting").is_some_and(quotes_columns);
    Read { config: &node.config, columns: &node.columns, quote_columns }
}

/// `quoting: {column: true}`
fn quotes_columns(quoting: &serde_json::Value) -> bool {
    quoting.get("column").and_then(serde_json::Value::as_bool).unwrap_or(false)
}

impl Compiler {
    /// A relation of an engine as another sees it, for looking at its columns.
    pub fn seen_from(
        &self,
        id: &UniqueId,
        there: &Arc<str>,
        here: &Arc<str>,
        relation: Relation,
    ) -> Relation {
        let engines = &self.config.target.engines;
        if there == here {
            return relation;
        }
        match (engines[here].kind(), self.bridges.get(id, here)) {
            (EngineKind::DuckDb, _) => in_place(&engines[there], &relation),
            (EngineKind::Postgres, Some(bridge)) => bridge.to.clone(),
            (EngineKind::Postgres, None) => relation,
        }
    }
}

impl Host for CompileHost {
    fn execute(&self) -> bool {
        true
    }

    fn package(&self) -> &str {
        &self.node().package_name
    }

    fn resolve_ref(&self, call: RefCall) -> Result<Relation> {
        let compiler = &self.compiler;
        let id = compiler.index.node(&self.node().package_name, &call)?;
        if let Some(unit) = &self.unit {
            return unit.read(id, &call.name);
        }
        let node = &compiler.manifest.nodes[id];
        self.seen_by_the_parser(id, &format!("ref('{}')", call.name), &call.name)?;
        if node.is_ephemeral() {
            let mut met = self.ephemeral.lock().unwrap_or_else(PoisonError::into_inner);
            if !met.contains(id) {
                met.push(id.clone());
            }
            let name = cte_name(&node.alias);
            let verbatim = Some(name.clone());
            let relation = Relation {
                kind: Some(RelationKind::Cte),
                verbatim,
                identifier: name,
                ..Relation::default()
            };
            return Ok(self.let_through(&of_node(node), relation));
        }
        let is_hidden = self.hidden.as_ref() == Some(id);
        if let Some(other) = (!is_hidden).then(|| self.deferred(id, node)).flatten() {
            return self.across(id, &node.engine, other);
        }
        let kind = match node.materialized() {
            "view" => Some(RelationKind::View),
            "table" | "incremental" | "seed" | "snapshot" => Some(RelationKind::Table),
            _ => None,
        };
        let relation = Relation { kind, ..self.relation_of(node) };
        Ok(self.let_through(&of_node(node), self.across(id, &node.engine, relation)?))
    }

    fn resolve_source(&self, call: SourceCall) -> Result<Relation> {
        let compiler = &self.compiler;
        let id = compiler.index.source(&self.node().package_name, &call)?;
        if let Some(unit) = &self.unit {
            return unit.read(id, &format!("{}.{}", call.source, call.table));
        }
        let source = &compiler.manifest.sources[id];
        // No step of the run makes a source: one that only a run asks for is as good as any.
        let read = Read {
            config: &source.config,
            columns: &source.columns,
            quote_columns: source.config.get("quoting").is_some_and(quotes_columns),
        };
        Ok(self.let_through(&read, self.across(id, &source.engine, source.relation())?))
    }

    fn resolve_function(&self, call: FunctionCall) -> Result<Relation> {
        let compiler = &self.compiler;
        let id = compiler.index.function(&self.node().package_name, &call)?;
        let node = &compiler.manifest.nodes[id];
        if self.unit.is_none() {
            self.seen_by_the_parser(id, &format!("function('{}')", call.name), &call.name)?;
        }
        if node.engine != self.engine {
            return Err(Box::new(
                Diagnostic::error(
                    Code::ENGINE_MISMATCH,
                    format!(
                        "The function `{}` is made on `{}`, and is called on `{}`",
                        node.name, node.engine, self.engine
                    ),
                )
                .help(
                    "A function can be called on its own engine only: make another for this one.",
                ),
            ));
        }
        let relation = self.deferred(id, node).unwrap_or_else(|| node.relation());
        let quoting = Quoting::default();
        Ok(Relation { quoting, ..relation.with_kind(RelationKind::Function) })
    }

    fn resolve_metric(&self, call: &MetricCall) -> Result<Option<KnownMetric>> {
        let (compiler, package) = (&self.compiler, &self.node().package_name);
        let manifest = &compiler.manifest;
        match metric_of(&manifest.semantic, &manifest.project_name, package, call) {
            Some(metric) => Ok(compiler.known_metric(metric)),
            None => Err(Box::new(
                Diagnostic::error(
                    Code::REF_NOT_FOUND,
                    format!(
                        "The metric `{}`, which `{}` names, does not exist",
                        call.name,
                        self.node().name
                    ),
                )
                .help("Check its name, and that it is enabled."),
            )),
        }
    }

    fn set_config(&self, _values: IndexMap<String, serde_json::Value>) -> Result<()> {
        Ok(())
    }

    fn config(&self, key: &str) -> Option<serde_json::Value> {
        let config = &self.node().config;
        if let Some(value) = self.batch.as_ref().and_then(|batch| batch.config(key)) {
            return Some(value);
        }
        config.get(key).cloned().or_else(|| match key {
            "materialized" => Some(self.node().materialized().into()),
            "snapshot_table_column_names" => snapshot_columns(self.node()),
            "expected_rows" | "expected_sql" => expected(self.node(), key == "expected_sql"),
            _ => None,
        })
    }

    fn var(&self, name: &str) -> Option<serde_json::Value> {
        let unit = self.unit.as_ref().and_then(|unit| unit.test.overrides.as_ref());
        if let Some(value) = unit.and_then(|overrides| overrides.vars.get(name)) {
            return Some(value.clone());
        }
        self.compiler.config.var(&self.node().package_name, name).cloned()
    }

    fn vars(&self) -> serde_json::Map<String, serde_json::Value> {
        self.compiler.config.vars(&self.node().package_name)
    }

    fn this(&self) -> Option<Relation> {
        match &self.unit {
            Some(unit) => unit.this(),
            None => Some(self.relation()),
        }
    }

    fn place(&self) -> Option<Relation> {
        Some(self.node().relation())
    }

    fn overridden(&self, name: &str) -> Option<serde_json::Value> {
        self.unit.as_ref()?.overridden(name)
    }

    fn env_override(&self, name: &str) -> Option<serde_json::Value> {
        self.unit.as_ref()?.test.overrides.as_ref()?.env_vars.get(name).cloned()
    }

    fn model(&self) -> Value {
        let model = || {
            let model = self.compiler.model_value(self.node());
            if let (Some(sql), Some(dict)) =
                (self.compiled.get(), model.downcast_object_ref::<Dict>())
            {
                dict.insert("compiled".into(), true.into());
                dict.insert("compiled_code".into(), Value::from(&**sql));
            }
            match &self.batch {
                Some(batch) => batch.add_to(&model),
                None => model,
            }
        };
        match self.compiled.get() {
            Some(_) => self.model.get_or_init(model).clone(),
            // It will be another one.
            None => model(),
        }
    }

    fn extra(&self, name: &str) -> Option<Value> {
        if matches!(name, "sql" | "compiled_code" | "compiled_sql") {
            return self.compiled.get().map(|sql| Value::from(&**sql));
        }
        if name == "defer_relation" {
            let other = self.compiler.deferred(&self.node().unique_id);
            return other.map(|other| Value::from_object(RelationObject::new(other.clone())));
        }
        self.compiler.extra(name)
    }

    fn seed_rows(&self) -> Option<&ResultSet> {
        self.seed_rows.get()
    }

    fn is_incremental(&self) -> bool {
        // A batch is added to what there is; while it is compiled dbt asks as for any other model.
        let is_added = self.batch.as_ref().is_some_and(|batch| batch.incremental);
        if is_added && self.compiled.get().is_some() {
            return true;
        }
        if let Some(unit) = &self.unit {
            return unit.overridden("is_incremental").and_then(|v| v.as_bool()).unwrap_or(false);
        }
        if self.node().materialized() != "incremental"
            || self
                .node()
                .config
                .flag("full_refresh")
                .unwrap_or(self.compiler.config.flags.full_refresh)
        {
            return false;
        }
        let existing = self.adapter().and_then(|a| a.get_relation(&self.relation()).ok().flatten());
        existing.is_some_and(|relation| relation.kind == Some(RelationKind::Table))
    }

    fn note_macro(&self, unique_id: &UniqueId) {
        let mut called = self.macros.lock().unwrap_or_else(PoisonError::into_inner);
        if !called.contains(unique_id) {
            called.push(unique_id.clone());
        }
    }

    fn adapter(&self) -> Option<Arc<dyn Adapter>> {
        let mut own = self.adapter.lock().unwrap_or_else(PoisonError::into_inner);
        if own.is_none() {
            *own = self.compiler.adapters.adapter(&self.engine).ok();
        }
        own.clone()
    }

    fn write(&self, sql: &str) -> Result<()> {
        if matches!(self.node, Handle::Free(_)) {
            return Ok(());
        }
        self.written.store(true, Ordering::Relaxed);
        super::write_sql(&self.path_of("run"), sql)
    }

    fn log(&self, message: &str, info: bool) {
        self.compiler.adapters.log(message, info);
    }

    fn warn(&self, message: &str) {
        self.compiler.adapters.warn(message);
    }

    fn print(&self, message: &str) {
        self.compiler.adapters.print(message);
    }
}

/// What a unit test expects, as dbt's materialization asks for it: rows, or else a query.
fn expected(node: &Node, as_sql: bool) -> Option<serde_json::Value> {
    let rows = &node.unit_test.as_ref()?.expect.rows;
    match rows.is_string() {
        given if given == as_sql => Some(rows.clone()),
        _ => (!as_sql).then(|| serde_json::Value::Array(Vec::new())),
    }
}

/// The names of the columns that a snapshot adds: dbt's, or those of `snapshot_meta_column_names`.
fn snapshot_columns(node: &Node) -> Option<serde_json::Value> {
    if node.resource_type != ResourceType::Snapshot {
        return None;
    }
    let given = node.config.get("snapshot_meta_column_names");
    let name = |column: &str| {
        let own = given.and_then(|names| names.get(column)).and_then(|name| name.as_str());
        (column.to_owned(), serde_json::Value::from(own.unwrap_or(column)))
    };
    let columns =
        ["dbt_valid_from", "dbt_valid_to", "dbt_scd_id", "dbt_updated_at", "dbt_is_deleted"];
    Some(serde_json::Value::Object(columns.into_iter().map(name).collect()))
}
