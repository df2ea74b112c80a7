//! One environment per engine: what `parse`, `compile` and `run` render templates with.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use super::context::{Context, Fixed, Shared};
use super::error::{Place, explain, returned};
use super::functions;
use super::host::Host;
use super::macros::{call_macro, template_text};
use super::objects::RelationObject;
use super::registry::{BUILT_IN, MacroDef, MacroRegistry};
use super::rewrite::{OffsetMap, rewrite, rewrite_expression, syntax};
use super::values;
use crate::config::{EngineConfig, EngineParams, Target};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile};
use crate::manifest::{RefCall, UniqueId};
use crate::relation::Quoting;

/// Facts about the invocation that templates may ask for.
#[derive(Debug, Clone)]
pub struct InvocationInfo {
    pub invocation_id: String,
    pub started_at: jiff::Timestamp,
    pub project_name: String,
    /// dbt's `flags`.
    pub flags: serde_json::Value,
    /// dbt's `invocation_args_dict`.
    pub args: serde_json::Value,
    /// How many steps a template may take, and how many macros may be called from it in all.
    pub steps: u64,
    /// Whether warnings of templates are errors.
    pub refuses_warnings: bool,
    /// dbt's own configuration object, which packages reach as `builtins.ref.config`.
    pub runtime: serde_json::Value,
}

/// A rendered template.
#[derive(Debug)]
pub struct Rendered {
    pub text: String,
}

/// Offsets in rendered text → offsets in the file.
#[derive(Debug, Default)]
pub struct SourceMap {
    /// (range of the output, start in the file, whether the text is the file's own)
    spans: Vec<(Range<usize>, usize, bool)>,
}

impl SourceMap {
    /// Where in the file a byte of the output came from: the byte itself in plain text, the
    /// expression where one wrote it.
    pub fn source_offset(&self, offset: usize) -> Option<usize> {
        let at = self.spans.partition_point(|(range, ..)| range.end <= offset);
        let (range, start, raw) = self.spans.get(at).or_else(|| self.spans.last())?;
        Some(if *raw { start + offset.saturating_sub(range.start) } else { *start })
    }
}

/// The dialect of an engine.
#[derive(Debug)]
pub struct Dialect {
    environment: Environment<'static>,
    /// The same for what is parsed.
    parsing: Environment<'static>,
    fixed: Arc<Fixed>,
    /// Those of [`NAMING`] that the project has in place of the built-in ones: each node asks.
    overridden: Vec<&'static str>,
    /// Whether no package has a say in what a test reads: each test asks.
    plain_where: bool,
}

/// The macros that say where a node's relation goes.
pub const NAMING: &[&str] =
    &["generate_database_name", "generate_schema_name", "generate_alias_name"];

/// What YAML files know beside their own names: Python's methods and operators, `modules`,
/// `dbt_version`.
pub fn install_for_yaml(environment: &mut Environment<'static>) {
    values::install(environment);
    environment.add_global("modules", values::modules());
    environment.add_global("dbt_version", super::DBT_VERSION);
}

impl Dialect {
    /// The dialect of an engine of a target.
    pub fn new(
        registry: Arc<MacroRegistry>,
        engine: &EngineConfig,
        target: &Target,
        invocation: InvocationInfo,
    ) -> Self {
        let mut environment = Environment::new();
        environment.set_debug(false);
        environment.set_fuel(Some(invocation.steps));
        environment.set_syntax(syntax());
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        values::install(&mut environment);
        functions::install(&mut environment, &invocation);
        let macros = registry.clone();
        environment
            .set_loader(move |name| macros.get(name).map(|def| template_text(def)).transpose());
        let adapter = engine.kind().as_str();
        let is_overridden = |name: &&str| {
            [(*name).to_owned(), format!("{adapter}__{name}"), format!("default__{name}")]
                .iter()
                .any(|name| registry.has_own(name))
        };
        let overridden = NAMING.iter().copied().filter(is_overridden).collect();
        let plain_where = ["get_where_subquery", "ref", "config"]
            .iter()
            .all(|name| registry.is_only_built_in(name, adapter));
        let target = target_json(engine, target);
        let mut runtime = invocation.runtime.clone();
        runtime["credentials"].clone_from(&target);
        // What the rewriter calls is nobody's name.
        let named = environment.globals().filter(|(name, _)| !name.starts_with("__"));
        let globals = named.map(|(name, value)| (name.to_owned(), value)).collect();
        let fixed = Fixed {
            registry,
            globals,
            runtime: values::from_json(&runtime),
            adapter,
            quoting: Quoting::default(),
            ducklakes: match &engine.params {
                EngineParams::DuckDb(params) => params.ducklakes(),
                EngineParams::Postgres(_) => Vec::new(),
            },
            target: values::from_json(&target),
            external_root: match &engine.params {
                EngineParams::DuckDb(params) => params.external_root.clone(),
                EngineParams::Postgres(_) => String::new(),
            },
            refuses_warnings: invocation.refuses_warnings,
            introspects: invocation.flags.get("introspect")
                != Some(&serde_json::Value::Bool(false)),
        };
        // While parsing, whatever is read from something undefined is undefined too, as in dbt.
        let mut parsing = environment.clone();
        parsing.set_undefined_behavior(UndefinedBehavior::Chainable);
        Dialect { environment, parsing, fixed: Arc::new(fixed), overridden, plain_where }
    }

    /// With the `quoting` of the project.
    #[must_use]
    pub fn with_quoting(mut self, quoting: Quoting) -> Self {
        if let Some(fixed) = Arc::get_mut(&mut self.fixed) {
            fixed.quoting = quoting;
        }
        self
    }

    /// Renders a part of a file, usually the whole.
    ///
    /// # Errors
    /// At their place in the file, with the chain of macro calls.
    pub fn render(
        &self,
        file: &Arc<SourceFile>,
        span: Range<usize>,
        host: Arc<dyn Host>,
    ) -> Result<Rendered> {
        let text = &file.text[span.clone()];
        if !has_jinja(text) {
            return Ok(Rendered { text: text.to_owned() });
        }
        let place = Place {
            file: file.clone(),
            offset: span.start,
            map: OffsetMap::default(),
            fixed: None,
        };
        self.run(text, place, host, |environment, text, root| {
            environment.template_from_named_str("node", text)?.render(root)
        })
        .map(|text| Rendered { text })
    }

    /// Renders and keeps track of where each part of the output came from.
    ///
    /// # Errors
    /// As [`Dialect::render`].
    pub fn render_with_map(
        &self,
        file: &Arc<SourceFile>,
        span: Range<usize>,
        host: Arc<dyn Host>,
    ) -> Result<(String, SourceMap)> {
        let text = &file.text[span.clone()];
        let place = Place {
            file: file.clone(),
            offset: span.start,
            map: OffsetMap::default(),
            fixed: None,
        };
        let (output, spans) = self.run(text, place, host, |environment, text, root| {
            environment.template_from_named_str("node", text)?.render_with_spans(root)
        })?;
        let map = rewrite(text).map(|rewritten| rewritten.map).unwrap_or_default();
        let spans = spans
            .iter()
            .map(|found| {
                let start = span.start + map.original(found.source_range().start);
                let raw = found.kind() == minijinja::OutputSpanKind::Raw;
                (found.output_range(), start, raw)
            })
            .collect();
        Ok((output, SourceMap { spans }))
    }

    /// Renders text that is not a file's own: a hook, a YAML value.
    ///
    /// # Errors
    /// At the given place.
    pub fn render_str(
        &self,
        text: &str,
        location: Option<Location>,
        host: Arc<dyn Host>,
    ) -> Result<String> {
        if !has_jinja(text) {
            return Ok(text.to_owned());
        }
        self.run(text, fixed_place(text, location), host, |environment, text, root| {
            environment.template_from_named_str("text", text)?.render(root)
        })
    }

    /// Renders a text that may end with `return(…)`, as the body of a macro may.
    ///
    /// # Errors
    /// At the given place.
    pub fn render_body(
        &self,
        text: &str,
        location: Option<Location>,
        host: Arc<dyn Host>,
    ) -> Result<String> {
        self.run(text, fixed_place(text, location), host, |environment, text, root| {
            let template = environment.template_from_named_str("body", text)?;
            match template.render(root) {
                Err(error) => match returned(&error) {
                    Some(value) => Ok(value.to_string()),
                    None => Err(error),
                },
                done => done,
            }
        })
    }

    /// Evaluates an expression, keeping the type of its value.
    ///
    /// # Errors
    /// At the given place.
    pub fn eval(
        &self,
        expression: &str,
        location: Option<Location>,
        host: Arc<dyn Host>,
    ) -> Result<Value> {
        let place = fixed_place(expression, location);
        let context = self.context(place, host);
        let evaluated = rewrite_expression(expression).and_then(|rewritten| {
            self.environment
                .compile_expression_owned(rewritten.text.into_owned())?
                .eval(Value::from_dyn_object(context.clone()))
        });
        evaluated.map_err(|error| explain(&error, &context.place, &context))
    }

    /// Renders every text in a value of YAML; a lone `{{ expression }}` keeps its type.
    ///
    /// # Errors
    /// At the given place.
    pub fn render_value(
        &self,
        value: &serde_json::Value,
        location: Option<Location>,
        host: Arc<dyn Host>,
    ) -> Result<Value> {
        use serde_json::Value as Json;
        match value {
            Json::String(text) if has_jinja(text) => {
                let lone = text
                    .strip_prefix("{{")
                    .and_then(|rest| rest.strip_suffix("}}"))
                    .filter(|inner| !inner.contains("{{") && !inner.contains("}}"));
                match lone {
                    Some(expression) => {
                        let expression = expression.trim_start_matches('-').trim_end_matches('-');
                        self.eval(expression, location, host)
                    }
                    None => self.render_str(text, location, host).map(Value::from),
                }
            }
            Json::Array(items) => {
                let items: Result<Vec<Value>> = items
                    .iter()
                    .map(|item| self.render_value(item, location.clone(), host.clone()))
                    .collect();
                Ok(values::List::value(items?))
            }
            Json::Object(map) => {
                let entries: Result<Vec<(Value, Value)>> = map
                    .iter()
                    .map(|(key, value)| {
                        let value = self.render_value(value, location.clone(), host.clone())?;
                        Ok((Value::from(key.as_str()), value))
                    })
                    .collect();
                Ok(values::Dict::value(entries?))
            }
            other => Ok(values::from_json(other)),
        }
    }

    /// The value of `{{ get_where_subquery(ref('x')) }}`, the `model` of nearly every test, without
    /// rendering: the relation itself, where the test has no `where`. `None` where only rendering
    /// can tell.
    pub fn where_subquery(&self, text: &str, host: Arc<dyn Host>) -> Option<Value> {
        let name = text.strip_prefix("{{ get_where_subquery(ref('")?.strip_suffix("')) }}")?;
        let plain = self.plain_where && !name.contains(['\'', '\\']);
        if !plain || host.config("where").is_some() {
            return None;
        }
        let call = RefCall { package: None, name: name.to_owned(), version: None };
        // Rendering gives an error its place.
        let relation = host.resolve_ref(call).ok()?;
        Some(Value::from_object(RelationObject::new(relation)))
    }

    /// Calls a macro for a stage. The value is a text unless the macro used `return`.
    ///
    /// # Errors
    /// What the macro raises; `UNDEFINED` where there is none of that name.
    pub fn call_macro(
        &self,
        name: &str,
        args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
        host: Arc<dyn Host>,
    ) -> Result<Value> {
        let found = match name.split_once('.') {
            Some((package, name)) => self.fixed.registry.find_in(package, name),
            None => self.fixed.registry.find(name, host.package()),
        };
        let Some(found) = found.cloned() else {
            let mut error = Diagnostic::error(
                Code::UNDEFINED,
                format!("dbt could not find a macro with the name '{name}' in any package"),
            );
            let known = self.fixed.registry.names();
            if let Some(help) = crate::diagnostic::did_you_mean(name, known) {
                error = error.help(help);
            }
            return Err(Box::new(error));
        };
        let place = Place {
            file: found.file.clone(),
            offset: found.span.start,
            map: OffsetMap::default(),
            fixed: Some(found.span.clone()),
        };
        let context = self.context(place, host);
        let mut all = args;
        if !kwargs.is_empty() {
            let kwargs: minijinja::value::Kwargs = kwargs.into_iter().collect();
            all.push(kwargs.into());
        }
        call_macro(&found, &self.environment, &context, &all)
            .map_err(|error| explain(&error, &context.place, &context))
    }

    /// The block that a materialization's name means; see [`MacroRegistry::materialization`].
    pub fn materialization(&self, name: &str, legacy: bool) -> Option<&Arc<MacroDef>> {
        self.fixed.registry.materialization(name, self.fixed.adapter, legacy)
    }

    /// Runs the body of a materialization: what it returns, and the results of its statements.
    ///
    /// # Errors
    /// What the body raises, and the engine's.
    pub fn materialize(
        &self,
        found: &Arc<MacroDef>,
        host: Arc<dyn Host>,
    ) -> Result<(Value, HashMap<String, Value>)> {
        let place = Place {
            file: found.file.clone(),
            offset: found.span.start,
            map: OffsetMap::default(),
            fixed: Some(found.span.clone()),
        };
        let context = self.context(place, host);
        let value = call_macro(found, &self.environment, &context, &[])
            .map_err(|error| explain(&error, &context.place, &context))?;
        let results =
            context.shared.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok((value, results.clone()))
    }

    /// The macro that a name means in a package.
    pub fn find_macro(&self, name: &str, package: &str) -> Option<UniqueId> {
        let found = match name.split_once('.') {
            Some((package, name)) => self.fixed.registry.find_in(package, name),
            None => self.fixed.registry.find(name, package),
        };
        found.map(|def| def.unique_id.clone())
    }

    /// Whether the project or one of its packages has a macro in place of the built-in one, or
    /// for this adapter. Those of [`NAMING`] are known beforehand.
    pub fn is_overridden(&self, name: &str) -> bool {
        if NAMING.contains(&name) {
            return self.overridden.contains(&name);
        }
        let Fixed { registry, adapter, .. } = &*self.fixed;
        registry.find(name, "").is_some_and(|found| &*found.package != BUILT_IN)
            || registry
                .dispatch(name, Some(BUILT_IN), adapter, "")
                .is_ok_and(|found| &*found.package != BUILT_IN)
    }

    /// Every macro.
    pub fn registry(&self) -> &MacroRegistry {
        &self.fixed.registry
    }

    /// The names of generic tests.
    pub fn test_names(&self) -> Vec<String> {
        let tests = self.fixed.registry.names().filter_map(|name| name.strip_prefix("test_"));
        tests.map(str::to_owned).collect()
    }

    fn context(&self, place: Place, host: Arc<dyn Host>) -> Arc<Context> {
        let package = host.package().into();
        let shared = Shared {
            fixed: self.fixed.clone(),
            host,
            results: Mutex::default(),
            added: Mutex::default(),
            calls: AtomicU64::new(0),
        };
        Arc::new(Context {
            shared: Arc::new(shared),
            place: Arc::new(place),
            package,
            locals: Vec::new(),
            outer: None,
            depth: 0,
        })
    }

    fn run<T>(
        &self,
        text: &str,
        place: Place,
        host: Arc<dyn Host>,
        render: impl FnOnce(&Environment, &str, Value) -> Result<T, Error>,
    ) -> Result<T> {
        let rewritten = match rewrite(text) {
            Ok(rewritten) => rewritten,
            Err(error) => {
                let context = self.context(place, host);
                return Err(explain(&error, &context.place, &context));
            }
        };
        let place = Place { map: rewritten.map, ..place };
        let context = self.context(place, host);
        let environment = if context.host().execute() { &self.environment } else { &self.parsing };
        render(environment, &rewritten.text, Value::from_dyn_object(context.clone()))
            .map_err(|error| explain(&error, &context.place, &context))
    }
}

/// Whether there is anything to render.
fn has_jinja(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn fixed_place(text: &str, location: Option<Location>) -> Place {
    match location {
        Some(Location { file, span }) => {
            Place { file, offset: span.start, map: OffsetMap::default(), fixed: Some(span) }
        }
        None => Place {
            file: SourceFile::new("<inline>", text),
            offset: 0,
            map: OffsetMap::default(),
            fixed: None,
        },
    }
}

/// dbt's `target`, without secrets.
fn target_json(engine: &EngineConfig, target: &Target) -> serde_json::Value {
    let mut json = serde_json::json!({
        "name": target.name,
        "target_name": target.name,
        "profile_name": target.profile,
        "type": engine.kind().as_str(),
        "engine": &*engine.name,
        "threads": target.threads,
        "database": engine.database,
        "schema": engine.schema,
    });
    match &engine.params {
        EngineParams::DuckDb(params) => {
            let path = params.path.as_ref().map(|path| path.display().to_string());
            json["path"] = path.unwrap_or_else(|| ":memory:".to_owned()).into();
        }
        EngineParams::Postgres(params) => {
            json["dbname"] = params.dbname.as_str().into();
            json["host"] = params.host.as_str().into();
            json["port"] = params.port.into();
            json["user"] = params.user.as_str().into();
        }
    }
    json
}
