//! What names mean while a template is rendered: arguments, the project's macros, what the host
//! knows of the node, the built-in macros; then the environment's functions.
//!
//! Nothing is collected beforehand: each name is looked up when it is asked for.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::error::{Place, carry};
use super::host::{Adapter, Host};
use super::macros::{Constant, MacroObject, Package};
use super::names::Names;
use super::objects::{AdapterObject, ConfigObject, Forgiving, RelationObject};
use super::registry::{BUILT_IN, MacroRegistry};
use super::values::Dict;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Hook;
use crate::relation::Quoting;

/// The name under which a template's own context is found.
pub const OWN: &str = "__pintail_context";

/// How deep macros may call each other.
pub const MAX_DEPTH: usize = 120;

/// How many macros a template may call, each of them again and all together. Each is a rendering
/// with a limit of its own, and a macro that calls itself twice is not stopped by its depth.
pub const MAX_CALLS: u64 = 5_000_000;

/// Facts that are the same for every template of a dialect.
#[derive(Debug)]
pub struct Fixed {
    pub registry: Arc<MacroRegistry>,
    /// `duckdb` or `postgres`.
    pub adapter: &'static str,
    pub target: Value,
    /// The functions and facts that every template has.
    pub globals: HashMap<String, Value>,
    /// dbt's runtime configuration: `adapter.config`.
    pub runtime: Value,
    /// The project's `quoting`, which relations have that templates make.
    pub quoting: Quoting,
    /// Databases of DuckDB that are DuckLakes.
    pub ducklakes: Vec<String>,
    /// `external_root` of the profile.
    pub external_root: String,
    /// Whether templates may ask the database: not with `--no-introspect`.
    pub introspects: bool,
    /// Whether `exceptions.warn()` is an error: `--warn-error`.
    pub refuses_warnings: bool,
}

/// What one node's rendering shares between its template and the macros that it calls.
pub struct Shared {
    pub fixed: Arc<Fixed>,
    pub host: Arc<dyn Host>,
    /// Results of `statement` by name.
    pub results: Mutex<HashMap<String, Value>>,
    /// What macros put into `context` to find it there again.
    pub added: Mutex<HashMap<String, Value>>,
    /// Macros that were called so far.
    pub calls: AtomicU64,
}

/// The root of a template's names.
pub struct Context {
    pub shared: Arc<Shared>,
    pub place: Arc<Place>,
    /// The package whose macros are looked up first after the root project's.
    pub package: Arc<str>,
    /// Arguments of a macro, or the variables that a call block saw.
    pub locals: Vec<(Arc<str>, Value)>,
    /// What stands behind the locals: of a call block, the context that it was written in.
    pub outer: Option<Arc<Context>>,
    pub depth: usize,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<context {}>", self.place.file.path.display())
    }
}

/// What the context itself gives a meaning to.
pub const SPECIAL: &[&str] = &[
    "adapter",
    "compiled_code",
    "compiled_sql",
    "config",
    "context",
    "database",
    "database_schemas",
    "defer_relation",
    "execute",
    "graph",
    "model",
    "post_hooks",
    "pre_hooks",
    "results",
    "schema",
    "schemas",
    "selected_resources",
    "sql",
    "target",
    "this",
    "thread_id",
];

impl Context {
    /// The same without arguments and variables.
    pub fn root(&self) -> Context {
        Context {
            shared: self.shared.clone(),
            place: self.place.clone(),
            package: self.host().package().into(),
            locals: Vec::new(),
            outer: None,
            depth: self.depth,
        }
    }

    /// The context that a template is rendered in.
    ///
    /// # Errors
    /// `InvalidOperation` in a template that was not rendered by a dialect.
    pub fn of(state: &State) -> Result<Arc<Context>, Error> {
        state
            .lookup(OWN)
            .and_then(|value| value.downcast_object::<Context>())
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "no dbt context here"))
    }

    /// The host of the node.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.shared.host
    }

    /// Whether a name that nothing is known of may be called here, while parsing.
    pub fn bears_with(&self, name: &str) -> bool {
        self.depth == 0 && self.host().bears_with(name)
    }

    /// The database to ask; none while parsing.
    ///
    /// # Errors
    /// `CONNECT` where the command line forbids to ask it.
    pub fn database(&self) -> Result<Option<Arc<dyn Adapter>>, Error> {
        if !self.host().execute() {
            return Ok(None);
        }
        if self.shared.fixed.introspects {
            return Ok(self.host().adapter());
        }
        Err(carry(Box::new(
            Diagnostic::error(Code::CONNECT, "connection never acquired for thread MainThread")
                .note("The template asks the database, which --no-introspect forbids.")
                .help("Leave the flag out, or guard the query."),
        )))
    }

    /// The registry.
    pub fn registry(&self) -> &Arc<MacroRegistry> {
        &self.shared.fixed.registry
    }

    /// Names that a misspelt one may have meant.
    pub fn known_names(&self) -> Vec<String> {
        let functions = ["ref", "source", "config", "var", "env_var", "is_incremental", "this"];
        let more = ["run_query", "return", "log", "adapter", "exceptions", "target", "execute"];
        let macros = self.registry().names().map(str::to_owned);
        macros.chain(functions.into_iter().chain(more).map(str::to_owned)).collect()
    }

    fn special(self: &Arc<Self>, name: &str) -> Option<Value> {
        let host = self.host();
        Some(match name {
            OWN => Value::from_dyn_object(self.clone()),
            "execute" => host.execute().into(),
            "this" => match host.this() {
                Some(relation) => Value::from_object(RelationObject::new(relation)),
                None => Value::from(()),
            },
            "model" => host.model(),
            "schema" => host.place().and_then(|place| place.schema).into(),
            "database" => host.place().and_then(|place| place.database).into(),
            "target" => self.shared.fixed.target.clone(),
            "thread_id" => crate::worker::current().into(),
            "config" => Value::from_object(ConfigObject),
            "adapter" => {
                let config = self.shared.fixed.runtime.clone();
                Value::from_object(AdapterObject { adapter: self.shared.fixed.adapter, config })
            }
            "context" => Value::from_object(Names::of(self)),
            "pre_hooks" | "post_hooks" => {
                let key = if name == "pre_hooks" { "pre-hook" } else { "post-hook" };
                let hooks = host.config(key).map(|value| Hook::all(&value)).unwrap_or_default();
                super::values::List::value(
                    hooks
                        .into_iter()
                        .map(|hook| {
                            Dict::value([
                                ("sql", Value::from(hook.sql)),
                                ("transaction", hook.transaction.into()),
                            ])
                        })
                        .collect(),
                )
            }
            // Nothing is known of it while parsing.
            "graph" => {
                return host.extra(name).or_else(|| Some(Dict::value(Vec::<(&str, Value)>::new())));
            }
            // None where nothing is deferred, and not undefined.
            "defer_relation" => host.extra(name).unwrap_or_default(),
            "schemas" | "selected_resources" | "database_schemas" | "results" | "sql"
            | "compiled_code" | "compiled_sql" => {
                return host.extra(name);
            }
            _ => return None,
        })
    }
}

impl Object for Context {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, name: &str) -> Option<Value> {
        if let Some((_, value)) = self.locals.iter().find(|(local, _)| &**local == name) {
            return Some(value.clone());
        }
        if name == OWN {
            return self.special(name);
        }
        if let Some(outer) = &self.outer {
            return outer.get_value_by_str(name);
        }
        let registry = self.registry();
        // Unqualified names belong to the node's package, in macros of other packages, too.
        let found = registry.find(name, self.host().package());
        if let Some(value) = self.host().overridden(name) {
            let value = super::values::from_json(&value);
            let is_macro = name == "is_incremental" || found.is_some();
            return Some(if is_macro { Value::from_object(Constant(value)) } else { value });
        }
        if let Some(found) = found.filter(|found| &*found.package != BUILT_IN) {
            return Some(Value::from_object(MacroObject(found.clone())));
        }
        if let Some(value) = self.special(name) {
            return Some(value);
        }
        if let Some(found) = found {
            return Some(Value::from_object(MacroObject(found.clone())));
        }
        if registry.has_package(name) {
            let package = Package { name: name.into(), registry: registry.clone() };
            return Some(Value::from_object(package));
        }
        // dbt knows no siblings of a package's macro without the package's name; they do no harm.
        match registry.find_in(&self.package, name) {
            Some(sibling) => Some(Value::from_object(MacroObject(sibling.clone()))),
            None => self.bears_with(name).then(|| Value::from_object(Forgiving)),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }
}
