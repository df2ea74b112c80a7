//! The SQL of a unit test: its model rendered with common table expressions in place of all that it
//! reads, each holding the rows that the test gives. Their types are those of the real relations.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use serde_json::Value as Json;

use super::ctes::{self, cte_name};
use super::{CompileHost, Compiler, code_of, write_sql};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::jinja::Adapter;
use crate::jinja::values::from_json;
use crate::manifest::{Node, ResourceType, UniqueId, UnitInput, UnitTest};
use crate::relation::{Relation, RelationKind};

/// What a model sees while it is tested.
pub(super) struct UnitScope {
    pub test: Arc<UnitTest>,
    /// The test, for messages: its id and file.
    title: String,
    /// The expressions that stand in for the inputs, in their order.
    names: Vec<String>,
    /// The inputs that were read, in the order in which they were met.
    met: Mutex<Vec<usize>>,
}

impl UnitScope {
    /// The rows in place of a node or source.
    ///
    /// # Errors
    /// `REF_NOT_FOUND` where the test gives none, in dbt's words.
    pub fn read(&self, id: &UniqueId, name: &str) -> Result<Relation> {
        let of = |given: &UnitInput| given.id.as_ref() == Some(id) && given.input.trim() != "this";
        match self.test.given.iter().position(of) {
            Some(at) => Ok(self.meet(at)),
            None => Err(Box::new(
                Diagnostic::error(
                    Code::REF_NOT_FOUND,
                    format!("{} depends on a node named '{name}' which was not found", self.title),
                )
                .help("Give rows for everything that the model reads; `rows: []` for none."),
            )),
        }
    }

    /// The rows in place of the model's own table.
    pub fn this(&self) -> Option<Relation> {
        let at = self.test.given.iter().position(|given| given.input.trim() == "this")?;
        Some(self.meet(at))
    }

    /// A value in place of a macro or name: `name`, or `package.name`.
    pub fn overridden(&self, name: &str) -> Option<Json> {
        let macros = &self.test.overrides.as_ref()?.macros;
        let in_dbt = || macros.get(&format!("dbt.{name}"));
        macros.get(name).or_else(|| if name.contains('.') { None } else { in_dbt() }).cloned()
    }

    fn meet(&self, at: usize) -> Relation {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if !met.contains(&at) {
            met.push(at);
        }
        let name = self.names[at].clone();
        Relation {
            kind: Some(RelationKind::Cte),
            verbatim: Some(name.clone()),
            identifier: name,
            ..Relation::default()
        }
    }
}

impl Compiler {
    /// The SQL of a unit test; the database tells the types of its inputs.
    ///
    /// # Errors
    /// Jinja errors of the model; an input that does not exist or lacks a column.
    pub fn compile_unit_test(
        self: &Arc<Self>,
        node: &Node,
        test: &Arc<UnitTest>,
        adapter: &Arc<dyn Adapter>,
    ) -> Result<String> {
        if let Some(lost) = test.given.iter().find(|given| given.id.is_none()) {
            let (name, input) = (&node.name, &lost.input);
            let message = format!(
                "Unit test '{name}' had an input ({input}) which was not found in the manifest."
            );
            let error = Diagnostic::error(Code::REF_NOT_FOUND, message);
            return Err(Box::new(error.or_at(node.location.clone())));
        }
        let at = node.depends_on.first().and_then(|id| self.manifest.nodes.get_index_of(id));
        let model = &self.manifest.nodes[at.unwrap_or_default()];
        let inputs: Vec<Node> =
            test.given.iter().map(|g| self.stand_in(g, node, adapter)).collect();
        let names = test.given.iter().zip(&inputs).map(|(given, input)| {
            match given.id.as_ref().and_then(|id| self.manifest.sources.get(id)) {
                Some(source) => cte_name(&format!("{}__{}", source.source_name, source.name)),
                None => cte_name(&input.alias),
            }
        });
        let scope = UnitScope {
            test: test.clone(),
            title: format!("Unit_Test '{}' ({})", node.unique_id, node.original_file_path),
            names: names.collect(),
            met: Mutex::default(),
        };
        let (names, engine) = (scope.names.clone(), node.engine.clone());
        let mut host = CompileHost::of_node(self.clone(), at.unwrap_or_default(), engine);
        host.unit = Some(scope);
        let host = Arc::new(host);
        host.set_adapter(adapter.clone());
        let dialect = self.dialects.get(&node.engine);
        let sql = dialect.render(&model.file, code_of(model), host.clone())?.text;

        let met = host.unit.as_ref().map(|scope| &scope.met);
        let met = met.map(|met| met.lock().unwrap_or_else(PoisonError::into_inner).clone());
        // The rows of each input have a file of their own, as in dbt.
        let beside = self.path_of("compiled", node);
        let mut expressions = Vec::new();
        for at in met.unwrap_or_default() {
            let (fixture, input) = (&test.given[at].fixture, inputs[at].clone());
            let host = Arc::new(CompileHost::free(self.clone(), input));
            host.set_adapter(adapter.clone());
            let place = node.location.clone();
            let rows = match &fixture.rows {
                Json::String(sql) => dialect.render_str(sql, place, host)?,
                rows => {
                    let arguments = vec![from_json(rows), Value::from(())];
                    let made = dialect.call_macro("get_fixture_sql", arguments, Vec::new(), host);
                    made.map_err(|error| Box::new(error.or_at(place)))?.to_string()
                }
            };
            write_sql(&beside.join(format!("{}.sql", inputs[at].name)), &rows)?;
            expressions.push((names[at].clone(), rows));
        }
        Ok(ctes::inject(&sql, &expressions).0)
    }

    /// A node for what an input stands for: its name, and where its columns can be looked up.
    fn stand_in(&self, given: &UnitInput, test: &Node, adapter: &Arc<dyn Adapter>) -> Node {
        let nothing: UniqueId = "".into();
        let id = given.id.as_ref().unwrap_or(&nothing);
        let of_source = self.manifest.sources.get(id);
        let (name, engine, relation) = match (self.manifest.nodes.get(id), of_source) {
            (Some(input), _) => {
                let own = input.relation();
                let is_there = || adapter.get_relation(&own).ok().flatten().is_some();
                let relation = match self.deferred(id) {
                    Some(other) if input.engine == test.engine && !is_there() => other.clone(),
                    _ => own.clone(),
                };
                (input.name.clone(), &input.engine, relation)
            }
            (None, Some(source)) => (source.name.clone(), &source.engine, source.relation()),
            (None, None) => (given.input.clone(), &test.engine, Relation::default()),
        };
        let seen = self.seen_from(id, engine, &test.engine, relation);
        let package = test.package_name.as_str();
        let file = test.file.clone();
        Node {
            database: seen.database.unwrap_or_default(),
            schema: seen.schema.unwrap_or_default(),
            alias: seen.identifier,
            ..Node::bare(ResourceType::Model, package, &name, file, test.engine.clone())
        }
    }
}
