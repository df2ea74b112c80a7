//! One node: compiled with what is known so far, bound, and its mistakes told.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use super::Checker;
use super::adapter::SchemaAdapter;
use super::ahead::changes_columns;
use super::bind::{Bound, Elsewhere, Inputs, Soft, bind};
use super::catalog::Found;
use super::finding::Statement;
use super::schema::{BoundColumn, Schema};
use super::tokens::Tokens;
use crate::compile::{CompileHost, CompiledNode, upstream};
use crate::diagnostic::{Diagnostic, Severity};
use crate::jinja::{Adapter, Host};
use crate::manifest::{Node, ResourceType, Source};
use crate::relation::{Column, Relation};
use crate::run::{seed_columns, seeds_are_overridden};

/// What came of one node.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Of what others can read.
    pub schema: Option<Schema>,
    pub findings: Vec<Diagnostic>,
    /// Why it could not be checked.
    pub unchecked: Option<String>,
    /// The SQL of a model or snapshot, as it is where its table is not there yet.
    pub compiled: Option<CompiledNode>,
    /// That of an incremental model, as it is where its table is there.
    pub compiled_later: Option<CompiledNode>,
}

/// What a node reads.
#[derive(Default)]
struct Read {
    /// Relations that the scratch has a table for.
    made: Vec<Relation>,
    all: Inputs,
}

/// One rendering of a node, bound.
struct Rendering {
    host: Arc<CompileHost>,
    compiled: CompiledNode,
    bound: Bound,
    adapter: Arc<SchemaAdapter>,
}

impl Checker {
    /// Checks a source.
    pub(super) fn source(&self, source: &Source) -> Outcome {
        let (schema, mut outcome) = (self.source_columns(source), Outcome::default());
        self.source_properties(source, &schema, &mut outcome);
        Outcome { schema: Some(schema), ..outcome }
    }

    /// The columns of a source: as the database has them, as its files do, else as it is described.
    fn source_columns(&self, source: &Source) -> Schema {
        if let Some(text) = &source.external_location {
            let described = self.pools.with_scratch(&source.engine, |scratch| {
                scratch.describe(&format!("SELECT * FROM {text}")).ok()
            });
            return described.flatten().map_or_else(Schema::unknown, Schema::exact);
        }
        match self.found(&source.engine, &source.relation()) {
            Found::Columns(columns) => {
                let mut schema = Schema::exact(columns);
                if self.changes_tables || self.known.is_made_by_node(&source.unique_id) {
                    schema.doubt();
                }
                schema
            }
            Found::Missing | Found::Unknown => {
                let column = |column: &crate::manifest::ColumnInfo| BoundColumn {
                    name: column.name.clone(),
                    data_type: None,
                };
                Schema { columns: source.columns.values().map(column).collect(), open: true }
            }
        }
    }

    /// Checks a node.
    pub(super) fn node(&self, node: &Node) -> Outcome {
        match node.resource_type {
            ResourceType::Seed => self.seed(node),
            ResourceType::Model | ResourceType::Snapshot if node.is_python() => {
                Outcome { schema: Some(Schema::unknown()), ..Outcome::default() }
            }
            ResourceType::Model | ResourceType::Snapshot | ResourceType::Analysis => {
                self.query(node)
            }
            ResourceType::Test => match self.lost_test(node) {
                Some(finding) if self.ahead.is_none() => {
                    Outcome { findings: vec![finding], ..Outcome::default() }
                }
                // It may be about just that; then the engine takes it.
                Some(finding) => {
                    let mut outcome = self.query(node);
                    if outcome.findings.iter().any(|one| one.severity == Severity::Error) {
                        outcome.findings = vec![finding];
                    }
                    outcome
                }
                None if self.is_plain_test(node) => Outcome::default(),
                None => self.query(node),
            },
            ResourceType::UnitTest => match &node.unit_test {
                Some(test) => self.unit_test(node, test),
                None => Outcome::default(),
            },
            _ => Outcome::default(),
        }
    }

    /// Checks a seed.
    fn seed(&self, node: &Node) -> Outcome {
        let mut outcome = Outcome::default();
        let is_own = !self.is_query_as_it_is(node)
            || seeds_are_overridden(self.compiler.dialects.get(&node.engine));
        let schema = match seed_columns(node, &self.compiler.config) {
            Ok(columns) => Schema { open: is_own, ..Schema::exact(columns) },
            Err(error) => {
                outcome.findings.push(*error);
                Schema::unknown()
            }
        };
        self.properties(node, &schema, &mut outcome);
        if is_own {
            self.soften(&mut outcome.findings);
        }
        Outcome { schema: Some(schema), ..outcome }
    }

    /// Whether a test only looks at its column, which is there.
    fn is_plain_test(&self, node: &Node) -> bool {
        let Some(test) = &node.test_metadata else { return false };
        let dialect = self.compiler.dialects.get(&node.engine);
        ["not_null", "unique"].contains(&test.name.as_str())
            && test.namespace.is_none()
            && node.config.get("where").is_none()
            && !dialect.is_overridden(&test.macro_name())
            && node.column_name.as_deref().is_some_and(|name| {
                let schema = node.attached_node.as_ref().and_then(|id| self.known.get(id));
                schema.is_some_and(|schema| schema.column(name).is_some())
            })
    }

    /// Checks a node that is a query.
    fn query(&self, node: &Node) -> Outcome {
        let mut outcome = Outcome::default();
        let refable = node.resource_type.is_refable() && !node.is_ephemeral();
        let first = match self.rendering(node, None) {
            Ok(rendering) => rendering,
            Err((error, adapter)) => {
                outcome.schema = refable.then(Schema::unknown);
                match adapter.was_asked() {
                    true => outcome.unchecked = Some(ASKS.to_owned()),
                    false => outcome.findings.push(*error),
                }
                if adapter.was_used() || !self.is_sure(node) {
                    self.soften(&mut outcome.findings);
                }
                return outcome;
            }
        };
        let mut schema = first.bound.schema.clone();
        outcome.findings = self.told(node, &first, &mut outcome.unchecked);
        let is_incremental =
            node.resource_type == ResourceType::Model && node.materialized() == "incremental";
        if is_incremental {
            // What the next runs are like.
            let second = self.rendering(node, Some(Arc::new(schema.clone()))).ok();
            let more = second.as_ref().map(|it| self.told(node, it, &mut outcome.unchecked));
            self.merge(&mut outcome.findings, more.unwrap_or_default());
            outcome.compiled_later = second.map(|rendering| rendering.compiled);
        }
        if !self.is_sure(node) {
            self.soften(&mut outcome.findings);
        }
        let hooks = node.config.hooks("post-hook");
        if !self.is_query_as_it_is(node) || hooks.iter().any(|hook| changes_columns(&hook.sql)) {
            schema.open = true;
        }
        if first.adapter.was_asked() {
            schema = Schema::unknown();
        }
        schema.open |= has_open_pivot(&first.compiled.sql);
        if node.resource_type == ResourceType::Snapshot {
            self.add_snapshot_columns(node, &mut schema);
        }
        if refable {
            let before = outcome.findings.len();
            self.properties(node, &schema, &mut outcome);
            if is_incremental || !self.is_sure(node) {
                self.soften(&mut outcome.findings[before..]);
            }
            let before = outcome.findings.len();
            self.configs(node, &schema, &mut outcome);
            self.soften(&mut outcome.findings[before..]);
        }
        self.crossings(node, &mut outcome);
        outcome.schema = refable.then_some(schema);
        outcome.compiled = node.resource_type.is_refable().then_some(first.compiled);
        if node.is_ephemeral() {
            // An engine sees it only within what reads it, which has the error.
            outcome.findings.iter_mut().for_each(|one| one.severity = Severity::Warning);
        }
        let place = |finding: &Diagnostic| finding.location.as_ref().map(|place| place.span.start);
        outcome.findings.sort_by_key(place);
        outcome
    }

    /// What binding a rendering found; notes why there can be nothing of it.
    fn told(
        &self,
        node: &Node,
        rendering: &Rendering,
        unchecked: &mut Option<String>,
    ) -> Vec<Diagnostic> {
        let Rendering { host, compiled, bound, adapter } = rendering;
        if adapter.was_asked() {
            *unchecked = Some(ASKS.to_owned());
            return Vec::new();
        }
        if node.resource_type == ResourceType::Analysis && !is_query(&compiled.sql) {
            *unchecked = Some("it is no query, and nobody runs it".to_owned());
            return Vec::new();
        }
        if !self.is_query_as_it_is(node) {
            let name = node.materialized();
            *unchecked = Some(format!("the materialization `{name}` may do anything with its SQL"));
            return Vec::new();
        }
        if bound.problems.is_empty() {
            if let Some(why) = &bound.stopped {
                unchecked.get_or_insert_with(|| why.clone());
            }
            return Vec::new();
        }
        let statement = Statement {
            compiler: &self.compiler,
            node,
            host,
            compiled,
            columns: self.columns_read(node),
            tables: self.tables.clone(),
        };
        let mut findings: Vec<Diagnostic> = Vec::new();
        for finding in bound.problems.iter().map(|problem| statement.finding(problem)) {
            if !findings.iter().any(|other| is_same(other, &finding)) {
                findings.push(finding);
            }
        }
        findings
    }

    /// Brings together what two renderings of a node say. One of them runs in a build, and which one is
    /// known only then.
    fn merge(&self, findings: &mut Vec<Diagnostic>, mut more: Vec<Diagnostic>) {
        let in_both =
            |one: &Diagnostic, others: &[Diagnostic]| others.iter().any(|it| is_same(it, one));
        self.soften(findings.iter_mut().filter(|one| !in_both(one, &more)));
        more.retain(|one| !in_both(one, findings));
        self.soften(&mut more);
        findings.append(&mut more);
    }

    /// Compiles and binds a node; with the schema of its own table, as if that were there.
    ///
    /// # Errors
    /// Those of compiling, with what the template saw of a database.
    fn rendering(
        &self,
        node: &Node,
        this: Option<Arc<Schema>>,
    ) -> Result<Rendering, (Box<Diagnostic>, Arc<SchemaAdapter>)> {
        let host = self.compiler.host(&node.unique_id);
        let adapter = Arc::new(SchemaAdapter {
            known: self.known.clone(),
            pools: self.pools.clone(),
            engine: node.engine.clone(),
            own: node.relation(),
            own_exists: this.is_some(),
            own_schema: RwLock::new(this.clone()),
            asked: AtomicBool::new(false),
            used: AtomicBool::new(false),
        });
        let as_adapter: Arc<dyn Adapter> = adapter.clone();
        host.set_adapter(as_adapter);
        let compiled = self
            .compiler
            .compile(&node.unique_id, &host)
            .map_err(|error| (error, adapter.clone()))?;
        let mut inputs = self.inputs(node);
        if let Some(this) = this {
            let own = host.this().unwrap_or_else(|| node.relation());
            inputs.all.soft.push(Soft {
                text: own.render(),
                name: node.alias.clone(),
                schema: (*this).clone(),
            });
        }
        let elsewhere = Outside { checker: self, node };
        let bound = self.pools.with_scratch(&node.engine, |scratch| {
            for relation in inputs.made.drain(..) {
                let name = scratch.stand_in(&relation);
                inputs.all.renamed.extend(name.map(|name| (relation.render(), name)));
            }
            bind(scratch, &compiled.sql, &inputs.all, &elsewhere)
        });
        let bound = bound.unwrap_or_else(|| Bound {
            schema: Schema::unknown(),
            stopped: Some(self.pools.away(&node.engine)),
            ..Bound::default()
        });
        Ok(Rendering { host, compiled, bound, adapter })
    }

    /// What a node reads: the tables that are made for it, and what no table stands for.
    fn inputs(&self, node: &Node) -> Read {
        let manifest = &self.compiler.manifest;
        let mut read = Read::default();
        for id in upstream(node, manifest) {
            let (Some(engine), Some(relation)) =
                (manifest.engine_of(&id), manifest.relation_of(&id))
            else {
                continue;
            };
            if relation.verbatim.is_some() {
                // The engine reads the files themselves.
                continue;
            }
            let seen = self.compiler.seen_from(&id, engine, &node.engine, relation);
            if self.known.is_made(&id, &node.engine) {
                read.made.push(seen);
                continue;
            }
            let schema = self.known.seen(&id, &node.engine).unwrap_or_else(Schema::unknown);
            let name = seen.identifier.clone();
            read.all.soft.push(Soft { text: seen.render(), name, schema });
        }
        read
    }

    fn columns_read(&self, node: &Node) -> Vec<String> {
        let mut names = Vec::new();
        for id in upstream(node, &self.compiler.manifest) {
            if let Some(schema) = self.known.get(&id) {
                names.extend(schema.names().map(str::to_owned));
            }
        }
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.to_lowercase()));
        names
    }

    /// Whether the SQL of a node is a query that the engine gets as it is.
    fn is_query_as_it_is(&self, node: &Node) -> bool {
        let legacy = self.compiler.config.allows_package_materializations();
        let name = node.materialized();
        let dialect = self.compiler.dialects.get(&node.engine);
        let block = dialect.materialization(name, legacy);
        block.is_none_or(|block| block.is_built_in())
    }

    /// The columns that a snapshot's table has beside those of its query.
    fn add_snapshot_columns(&self, node: &Node, schema: &mut Schema) {
        let host = self.compiler.host(&node.unique_id);
        let names = host.config("snapshot_table_column_names");
        let Some(serde_json::Value::Object(names)) = names else { return };
        for (key, name) in names {
            let deletes = node.config.text("hard_deletes") == Some("new_record");
            if key == "dbt_is_deleted" && !deletes {
                continue;
            }
            let name = name.as_str().unwrap_or(&key).to_owned();
            schema.columns.push(BoundColumn { name, data_type: None });
        }
    }
}

/// Whether a text is one query, as far as its first word tells.
fn is_query(text: &str) -> bool {
    let tokens = Tokens::of(text);
    let first = (0..tokens.all.len()).find(|at| !tokens.is(*at, "("));
    let words = ["select", "with", "from", "values", "table", "pivot", "unpivot"];
    let mut ends = (0..tokens.all.len()).filter(|at| tokens.is(*at, ";"));
    first.is_some_and(|at| tokens.is_any(at, &words)) && ends.all(|at| at + 1 == tokens.all.len())
}

/// Whether there is a `pivot … on` whose columns are the values that there are: without rows there are
/// none.
fn has_open_pivot(text: &str) -> bool {
    let tokens = Tokens::of(text);
    let count = tokens.all.len();
    (0..count).filter(|at| tokens.is_any(*at, &["pivot", "pivot_wider"])).any(|at| {
        let ends = ["using", "group", "order", "limit", ")", ";"];
        let end = |from: usize| (from..count).find(|at| tokens.is_any(*at, &ends)).unwrap_or(count);
        // A list of values is in brackets, too.
        let is_list = tokens.is(at + 1, "(") && !tokens.is_any(at + 2, &["select", "from", "with"]);
        let on = (at + 1..end(at + 1).max(at + 2).min(count)).find(|at| tokens.is(*at, "on"));
        !is_list && on.is_none_or(|on| !(on..end(on)).any(|at| tokens.is(at, "in")))
    })
}

/// Whether two findings are one.
fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    one.location == other.location && one.message == other.message
}

/// Why a node is not checked whose template asks the database.
const ASKS: &str = "its template asks the database for something while it is compiled";

/// Tables that no node and no source is.
struct Outside<'a> {
    checker: &'a Checker,
    node: &'a Node,
}

impl Elsewhere for Outside<'_> {
    fn may_be_made(&self, name: Option<&str>) -> bool {
        self.checker.may_be_made(self.node, name)
    }

    fn look_up(&self, table: &str) -> Result<Option<Vec<Column>>, ()> {
        let tokens = Tokens::of(table);
        let names: Vec<String> =
            (0..tokens.all.len()).step_by(2).map(|at| tokens.name(at)).collect();
        let engine = &self.checker.compiler.config.target.engines[&self.node.engine];
        let relation = match names.as_slice() {
            [name] => Relation::new(&engine.database, &engine.schema, name),
            [schema, name] => Relation::new(&engine.database, schema, name),
            [database, schema, name] => Relation::new(database, schema, name),
            _ => return Ok(None),
        };
        // A node that it does not ref may be built before it.
        if self.checker.known.has_table(&relation.identifier) {
            return Ok(None);
        }
        match self.checker.found(&engine.name, &relation) {
            Found::Columns(columns) => Ok(Some(columns)),
            Found::Missing => Err(()),
            Found::Unknown => Ok(None),
        }
    }
}
