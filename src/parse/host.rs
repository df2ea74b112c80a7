//! What templates see while parsing: stand-ins, with notes taken of what they ask for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::Value;

use super::Parser;
use super::config_levels::{self, dashed};
use super::identity::Identity;
use crate::config::Config;
use crate::diagnostic::Result;
use crate::jinja::values::Dict;
use crate::jinja::{Adapter, Host, KnownMetric, Message};
use crate::manifest::{FunctionCall, MetricCall, NodeConfig, RefCall, SourceCall, UniqueId};
use crate::relation::{Relation, RelationKind};

/// What a template asked for.
#[derive(Debug, Default)]
pub struct Notes {
    pub refs: Vec<RefCall>,
    pub sources: Vec<SourceCall>,
    pub functions: Vec<FunctionCall>,
    pub metrics: Vec<MetricCall>,
    /// The `config()` calls, merged.
    pub config: NodeConfig,
    /// A tag or a hook that they gave as a text, not as a list of one.
    pub single: Vec<(String, serde_json::Value)>,
    pub macros: Vec<UniqueId>,
    /// What `exceptions.warn()` said.
    pub warnings: Vec<String>,
    /// Whether it called a function of `modules.itertools`.
    pub itertools: bool,
    /// What `log()` and `print()` said.
    said: Vec<(Message, String)>,
}

/// The host of one node while it is parsed.
pub struct ParseHost {
    config: Arc<Config>,
    package: Arc<str>,
    /// The levels below `config()`.
    base: NodeConfig,
    this: Relation,
    /// Whose template it is; none outside a node.
    identity: Option<Arc<Identity>>,
    /// Whether a name is made, which needs all variables at once.
    is_naming: bool,
    /// Names that nothing is known of, which may be called all the same.
    unknown: Vec<String>,
    notes: Mutex<Notes>,
    heard: Arc<Heard>,
}

/// What the templates of all nodes said, which threads hear in any order.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Vec<(String, Message, String)>>);

impl Heard {
    /// Everything that was said, by the names of the nodes.
    pub fn in_order(&self) -> Vec<(Message, String)> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        all.into_iter().map(|(_, kind, text)| (kind, text)).collect()
    }
}

impl ParseHost {
    /// A host for a node of a package, with the config levels below its own `config()`.
    pub fn new(parser: &Parser, package: &Arc<str>, base: NodeConfig, this: Relation) -> Self {
        ParseHost {
            config: parser.config.clone(),
            heard: parser.heard.clone(),
            package: package.clone(),
            base,
            this,
            identity: None,
            is_naming: false,
            unknown: Vec::new(),
            notes: Mutex::default(),
        }
    }

    /// With the node that templates see as `model`.
    #[must_use]
    pub fn of_node(mut self, identity: &Arc<Identity>) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    /// For a macro that makes a name.
    #[must_use]
    pub fn naming(mut self) -> Self {
        self.is_naming = true;
        self
    }

    /// With names that the template may call although nothing is known of them.
    #[must_use]
    pub fn bearing_with(mut self, unknown: &[String]) -> Self {
        unknown.clone_into(&mut self.unknown);
        self
    }

    /// The notes taken so far; they are taken out. What was said is heard now.
    pub fn take_notes(&self) -> Notes {
        let mut notes = std::mem::take(&mut *self.notes());
        if !notes.said.is_empty() {
            let said = notes.said.drain(..);
            let said = said.map(|(kind, text)| (self.this.identifier.clone(), kind, text));
            self.heard.0.lock().unwrap_or_else(PoisonError::into_inner).extend(said);
        }
        notes
    }

    /// Forgets which macros were called so far.
    pub fn forget_macros(&self) {
        self.notes().macros.clear();
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host for ParseHost {
    fn execute(&self) -> bool {
        false
    }

    fn package(&self) -> &str {
        &self.package
    }

    fn resolve_ref(&self, call: RefCall) -> Result<Relation> {
        // As often as it is called: the manifest lists each call.
        self.notes().refs.push(call);
        Ok(self.this.clone())
    }

    fn resolve_source(&self, call: SourceCall) -> Result<Relation> {
        // Likewise; what is simple enough for dbt's static parser, which keeps a set, is told apart later.
        self.notes().sources.push(call);
        Ok(self.this.clone())
    }

    fn resolve_function(&self, call: FunctionCall) -> Result<Relation> {
        let mut notes = self.notes();
        if !notes.functions.contains(&call) {
            notes.functions.push(call);
        }
        Ok(self.this.clone().with_kind(RelationKind::Function))
    }

    fn resolve_metric(&self, call: &MetricCall) -> Result<Option<KnownMetric>> {
        self.notes().metrics.push(call.clone());
        Ok(None)
    }

    fn set_config(&self, values: IndexMap<String, serde_json::Value>) -> Result<()> {
        let mut notes = self.notes();
        let adds_up = |key: &str| matches!(dashed(key), "tags" | "pre-hook" | "post-hook");
        let single = values.iter().filter(|(key, value)| value.is_string() && adds_up(key));
        notes.single.extend(single.map(|(key, value)| (key.clone(), value.clone())));
        config_levels::note(&mut notes.config, values);
        Ok(())
    }

    fn config(&self, key: &str) -> Option<serde_json::Value> {
        self.notes().config.get(key).or_else(|| self.base.get(key)).cloned()
    }

    fn var(&self, name: &str) -> Option<serde_json::Value> {
        self.config.var(&self.package, name).cloned()
    }

    fn vars(&self) -> serde_json::Map<String, serde_json::Value> {
        self.config.vars(&self.package)
    }

    fn lacks_vars(&self) -> bool {
        !self.is_naming
    }

    fn bears_with(&self, name: &str) -> bool {
        self.unknown.iter().any(|unknown| unknown == name)
    }

    fn this(&self) -> Option<Relation> {
        Some(self.this.clone())
    }

    fn model(&self) -> Value {
        match &self.identity {
            Some(identity) => identity.value(&self.base),
            None => Dict::value(Vec::<(&str, Value)>::new()),
        }
    }

    fn extra(&self, _name: &str) -> Option<Value> {
        None
    }

    fn is_incremental(&self) -> bool {
        false
    }

    fn note_macro(&self, unique_id: &UniqueId) {
        let mut notes = self.notes();
        if !notes.macros.contains(unique_id) {
            notes.macros.push(unique_id.clone());
        }
    }

    fn adapter(&self) -> Option<Arc<dyn Adapter>> {
        None
    }

    fn log(&self, message: &str, info: bool) {
        let kind = if info { Message::Info } else { Message::Debug };
        self.notes().said.push((kind, message.to_owned()));
    }

    fn print(&self, message: &str) {
        self.notes().said.push((Message::Print, message.to_owned()));
    }

    fn note_itertools(&self) {
        self.notes().itertools = true;
    }

    fn warn(&self, message: &str) {
        self.notes().warnings.push(message.to_owned());
    }
}
