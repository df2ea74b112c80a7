//! dbt's functions in templates, as globals of the environment. Those that depend on the node ask
//! its host, through the template's context.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::InvocationInfo;
use super::context::Context;
use super::error::{carry, fail};
use super::host::{Host, Statement};
use super::macros::{caller_function, return_function};
use super::objects::{
    Arguments, Exceptions, Forgiving, MetricObject, RelationObject, ResponseObject, api,
};

use super::values::{self, List, Table, from_json, py_str};
use super::yaml;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{FunctionCall, MetricCall, RefCall, SourceCall};
use crate::relation::{Relation, RelationKind, Response};

/// A function of the state and its arguments.
type Body = fn(&mut State, &[Value]) -> Result<Value, Error>;

/// A function as a value, and for `ref` and its like dbt's configuration, which hangs on them.
struct Function(&'static str, Body, Option<Value>);

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<function {}>", self.0)
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.2.clone().filter(|_| key.as_str() == Some("config"))
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        if super::calls::FUNCTIONS.contains(&self.0) {
            let context = Context::of(state)?;
            if context.depth == 0 {
                context.host().note_macro(&format!("macro.dbt.{}", self.0).into());
            }
        }
        (self.1)(state, args)
    }

    /// `var.has_var('x')`
    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if self.0 == "var" && method == "has_var" {
            let name = args.first().map(py_str).unwrap_or_default();
            return Ok(Context::of(state)?.host().var(&name).is_some().into());
        }
        Err(fail(Code::UNDEFINED, format!("`{}` has no method `{method}`", self.0)))
    }
}

const FUNCTIONS: &[(&str, Body)] = &[
    ("ref", reference),
    ("source", source),
    ("function", function),
    ("metric", metric),
    ("var", var),
    ("env_var", env_var),
    ("adapter_macro", |_, args| {
        let message = "The \"adapter_macro\" macro has been deprecated. Instead, use the \
                       `adapter.dispatch` method to find a macro and call the result";
        let name = args.first().map(py_str).unwrap_or_default();
        let note = format!("adapter_macro was called for: {name}");
        Err(carry(Box::new(Diagnostic::error(Code::JINJA_RUNTIME, message).note(note))))
    }),
    ("try_or_compiler_error", try_or_raise),
    ("is_incremental", |state, _| Ok(Context::of(state)?.host().is_incremental().into())),
    ("return", |_, args| return_function(args.first().cloned())),
    ("__caller", |state, args| caller_function(state, args)),
    ("log", log),
    ("print", print),
    ("render", render),
    ("run_query", run_query),
    ("statement", statement),
    ("load_result", load_result),
    ("store_result", store_result),
    ("store_raw_result", store_raw_result),
    ("write", write),
    ("load_relation", load_relation),
    ("load_agate_table", load_agate_table),
    ("fromyaml", yaml::fromyaml),
    ("toyaml", yaml::toyaml),
    ("doc", |_, args| Ok(args.last().cloned().unwrap_or_default())),
    ("submit_python_job", |_, _| {
        Err(fail(Code::ENGINE_MISMATCH, "Python models are not supported"))
    }),
];

/// Adds the functions, and the facts that are the same for a whole invocation.
pub fn install(environment: &mut Environment<'static>, invocation: &InvocationInfo) {
    let runtime = from_json(&invocation.runtime);
    let mut builtins = IndexMap::new();
    for (name, body) in FUNCTIONS {
        let with_config = matches!(*name, "ref" | "source" | "var");
        let function = Function(name, *body, with_config.then(|| runtime.clone()));
        let function = Value::from_object(function);
        environment.add_global(*name, function.clone());
        builtins.insert(*name, function);
    }
    for name in ["tojson", "fromjson", "zip", "set", "local_md5"] {
        if let Some((_, value)) = environment.globals().find(|(known, _)| *known == name) {
            builtins.insert(name, value);
        }
    }
    // dbt's relations are mappings; packages tell them apart from text by that.
    environment.add_test("mapping", |value: &Value| {
        value.kind() == ValueKind::Map || value.downcast_object_ref::<RelationObject>().is_some()
    });
    environment.add_global("builtins", Value::from_pairs(builtins));
    environment.add_global("exceptions", Value::from_object(Exceptions));
    environment.add_global("api", api());
    environment.add_global("modules", values::modules());
    environment.add_global("invocation_id", invocation.invocation_id.as_str());
    environment.add_global(
        "run_started_at",
        Value::from_object(values::DateTime::utc(invocation.started_at)),
    );
    environment.add_global("dbt_version", super::DBT_VERSION);
    environment.add_global("project_name", invocation.project_name.as_str());
    environment.add_global("flags", from_json(&upper_case(&invocation.flags)));
    environment.add_global("invocation_args_dict", from_json(&invocation.args));
    let metadata: Vec<(Value, Value)> = std::env::vars()
        .filter_map(|(key, value)| {
            let name = key.strip_prefix("DBT_ENV_CUSTOM_ENV_")?;
            Some((Value::from(name), Value::from(value)))
        })
        .collect();
    environment.add_global("dbt_metadata_envs", values::Dict::value(metadata));
}

/// dbt's `flags` bear their names in upper case: `flags.FULL_REFRESH`.
fn upper_case(flags: &serde_json::Value) -> serde_json::Value {
    let flags = flags.as_object().into_iter().flatten();
    flags.flat_map(|(k, v)| [(k.to_uppercase(), v.clone()), (k.clone(), v.clone())]).collect()
}

fn reference(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["a", "b"])?;
    let (first, second) = (args.text("a"), args.text("b"));
    let version = args.text("v").or_else(|| args.text("version"));
    let call = match (first, second) {
        (Some(name), None) => RefCall { package: None, name, version },
        (Some(package), Some(name)) => RefCall { package: Some(package), name, version },
        (None, _) => {
            return Err(carry(Box::new(
                Diagnostic::error(Code::JINJA_RUNTIME, "ref() takes the name of a model")
                    .help("Write ref('model') or ref('package', 'model')."),
            )));
        }
    };
    let relation = Context::of(state)?.host().resolve_ref(call).map_err(carry)?;
    Ok(unasked(relation))
}

fn source(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["source", "table"])?;
    let (Some(source), Some(table)) = (args.text("source"), args.text("table")) else {
        return Err(carry(Box::new(
            Diagnostic::error(Code::JINJA_RUNTIME, "source() takes a source and a table")
                .help("Write source('source', 'table')."),
        )));
    };
    let call = SourceCall { source, table };
    let relation = Context::of(state)?.host().resolve_source(call).map_err(carry)?;
    Ok(unasked(relation))
}

/// A relation that no database was asked of: whether it is a table or a view is not known.
fn unasked(mut relation: Relation) -> Value {
    let stored = [RelationKind::Table, RelationKind::View, RelationKind::MaterializedView];
    relation.kind = relation.kind.filter(|kind| !stored.contains(kind));
    Value::from_object(RelationObject::new(relation))
}

fn function(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["a", "b"])?;
    let call = match (args.text("a"), args.text("b")) {
        (Some(name), None) => FunctionCall { package: None, name },
        (Some(package), Some(name)) => FunctionCall { package: Some(package), name },
        (None, _) => {
            return Err(carry(Box::new(
                Diagnostic::error(Code::JINJA_RUNTIME, "function() takes the name of a function")
                    .help("Write function('name') or function('package', 'name')."),
            )));
        }
    };
    let relation = Context::of(state)?.host().resolve_function(call).map_err(carry)?;
    Ok(Value::from_object(RelationObject::new(relation)))
}

fn metric(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let texts: Option<Vec<&str>> = args.iter().map(Value::as_str).collect();
    let call = match texts.as_deref() {
        Some([name]) => MetricCall { package: None, name: (*name).to_owned() },
        Some([package, name]) => {
            MetricCall { package: Some((*package).to_owned()), name: (*name).to_owned() }
        }
        _ => {
            return Err(carry(Box::new(
                Diagnostic::error(Code::JINJA_RUNTIME, "metric() takes the name of a metric")
                    .help("Write metric('name') or metric('package', 'name')."),
            )));
        }
    };
    let known = Context::of(state)?.host().resolve_metric(&call).map_err(carry)?;
    Ok(Value::from_object(MetricObject::new(call, known)))
}

fn var(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let name = args.first().map(py_str).unwrap_or_default();
    if let Some(value) = context.host().var(&name) {
        return match value.as_str() {
            Some(text) if crate::config::is_template(text) => render(state, &[text.into()]),
            _ => Ok(from_json(&value)),
        };
    }
    let named = Arguments::new(args, &["name", "default"])?;
    let given = args.len() > 1;
    match named.get("default") {
        Some(default) => Ok(default),
        None if given => Ok(Value::from(())),
        None if context.host().lacks_vars() => Ok(Value::from(())),
        None => Err(carry(Box::new(
            Diagnostic::error(
                Code::MISSING_VAR,
                format!("Required var '{name}' not found in config{}", supplied(&**context.host())),
            )
            .help(format!(
                "Set it under `vars:` in dbt_project.yml or with --vars '{{{name}: …}}', \
                     or give a default: var('{name}', …)"
            )),
        ))),
    }
}

/// The variables that a template does have, for a message about one that it has not.
fn supplied(host: &dyn Host) -> String {
    let vars = host.vars();
    if vars.is_empty() {
        return String::new();
    }
    let owner =
        host.model().get_attr("name").ok().and_then(|name| name.as_str().map(str::to_owned));
    let owner = owner.unwrap_or_else(|| "<Configuration>".to_owned());
    let sorted: std::collections::BTreeMap<_, _> = vars.iter().collect();
    let mut text = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, format);
    if serde::Serialize::serialize(&sorted, &mut writer).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&text).replace('\n', "\n  ");
    format!(":\nVars supplied to {owner} = {}", crate::config::Secrets::of_vars(&vars).hide(&text))
}

fn env_var(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["name", "default"])?;
    let name = args.required("name");
    if let Some(value) = Context::of(state)?.host().env_override(&name) {
        return Ok(from_json(&value));
    }
    if crate::config::is_secret(&name) {
        return Err(carry(Box::new(crate::config::secret_elsewhere(&name))));
    }
    match (std::env::var(&name), args.text("default")) {
        (Ok(value), _) => Ok(value.into()),
        (Err(_), Some(default)) => Ok(default.into()),
        (Err(_), None) => Err(carry(Box::new(crate::config::missing_env(&name)))),
    }
}

/// `try_or_compiler_error(message, function, …)`: the message in place of what goes wrong.
fn try_or_raise(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let [message, function, rest @ ..] = args else {
        let message = "try_or_compiler_error() takes a message and a function";
        return Err(fail(Code::JINJA_RUNTIME, message));
    };
    function.call(state, rest).map_err(|_| fail(Code::RAISED, py_str(message)))
}

fn log(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let args = Arguments::new(args, &["msg", "info"])?;
    Context::of(state)?.host().log(&args.required("msg"), args.flag("info", false));
    Ok(Value::from(""))
}

fn print(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    Context::of(state)?.host().print(&args.first().map(py_str).unwrap_or_default());
    Ok(Value::from(""))
}

/// `render(text)`: Jinja in a text, in the node's own context.
fn render(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let text = args.first().map(py_str).unwrap_or_default();
    let root = Context { depth: context.depth + 1, ..context.root() };
    let rewritten = super::rewrite::rewrite(&text)?;
    let template = state.env().template_from_named_str("render", &rewritten.text)?;
    template.render(Value::from_dyn_object(Arc::new(root))).map(Value::from)
}

/// Runs SQL on the node's connection; without one, gives an empty table.
fn fetch(context: &Context, sql: &str, how: Statement) -> Result<(Value, Response), Error> {
    match context.database()? {
        Some(adapter) => {
            let done = adapter.run(sql, how).map_err(carry)?;
            Ok((Table::value(&done.rows), done.response))
        }
        None => Ok((Table::empty(), Response::default())),
    }
}

fn run_query(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let sql = args.first().map(py_str).unwrap_or_default();
    Ok(fetch(&context, &sql, Statement { fetch: true, auto_begin: false })?.0)
}

/// `{% call statement('name', fetch_result=True) %}sql{% endcall %}`
fn statement(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let named = Arguments::new(args, &["name", "fetch_result", "auto_begin"])?;
    // As dbt's macro has it: what stands in the block is not read while parsing.
    if !context.host().execute() {
        return Ok(Value::from(""));
    }
    let sql = match named.get("caller") {
        Some(caller) => caller.call(state, &[])?.to_string(),
        None => named.required("sql"),
    };
    let name = named.text("name");
    if name.as_deref() == Some("main") {
        context.host().write(&sql).map_err(carry)?;
    }
    let how = Statement {
        fetch: named.flag("fetch_result", false),
        auto_begin: named.flag("auto_begin", true),
    };
    let (table, response) = fetch(&context, &sql, how)?;
    if let Some(name) = name {
        store(&context, name, Value::from_object(ResponseObject(response)), table);
    }
    Ok(Value::from(""))
}

fn store(context: &Context, name: String, response: Value, table: Value) {
    let data: Vec<Value> = table
        .get_attr("rows")
        .ok()
        .and_then(|rows| rows.try_iter().ok())
        .map(|rows| {
            rows.map(|row| Tuple::new(row.try_iter().map(Iterator::collect).unwrap_or_default()))
        })
        .map(|rows| rows.map(Value::from).collect())
        .unwrap_or_default();
    let result = values::Dict::value([
        (Value::from("response"), response),
        (Value::from("data"), List::value(data)),
        (Value::from("table"), table),
    ]);
    let mut results =
        context.shared.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.insert(name, result);
}

fn store_result(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let named = Arguments::new(args, &["name", "response", "agate_table"])?;
    let table = named.get("agate_table").unwrap_or_else(Table::empty);
    let response = named.get("response").unwrap_or_else(|| "OK".into());
    store(&context, named.required("name"), response, table);
    Ok(Value::from(""))
}

/// `store_raw_result(name, message, code, rows_affected, agate_table)`: a response made by hand.
fn store_raw_result(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let names = &["name", "message", "code", "rows_affected", "agate_table"];
    let named = Arguments::new(args, names)?;
    let response = Response {
        message: named.required("message"),
        code: named.required("code"),
        rows_affected: named.text("rows_affected").and_then(|rows| rows.parse().ok()),
    };
    let table = named.get("agate_table").unwrap_or_else(Table::empty);
    store(&context, named.required("name"), Value::from_object(ResponseObject(response)), table);
    Ok(Value::from(""))
}

/// `write(sql)`: the SQL of a materialization, for `target/run`.
fn write(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    if context.host().execute() {
        context.host().write(&args.first().map(py_str).unwrap_or_default()).map_err(carry)?;
    }
    Ok(Value::from(""))
}

fn load_result(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    if !context.host().execute() {
        return Ok(Value::from_object(Forgiving));
    }
    let name = args.first().map(py_str).unwrap_or_default();
    let mut results =
        context.shared.results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let taken = || {
        carry(Box::new(
            Diagnostic::error(
                Code::JINJA_RUNTIME,
                format!(
                    "The 'statement' result named '{name}' has already been loaded into a variable"
                ),
            )
            .help("A result can be loaded once: keep it in a variable."),
        ))
    };
    match results.get_mut(&name) {
        None => Ok(Value::from(())),
        Some(result) if name == "main" => Ok(result.clone()),
        Some(result) if result.is_none() => Err(taken()),
        Some(result) => Ok(std::mem::replace(result, Value::from(()))),
    }
}

/// The rows of the seed that is loaded.
fn load_agate_table(state: &mut State, _: &[Value]) -> Result<Value, Error> {
    match Context::of(state)?.host().seed_rows() {
        Some(rows) => Ok(Table::value(rows)),
        None => {
            let message = "can only load_agate_table for seeds, in their materialization";
            Err(fail(Code::JINJA_RUNTIME, message))
        }
    }
}

fn load_relation(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let Some(relation) = args.first().and_then(RelationObject::of) else {
        return Ok(Value::from(()));
    };
    if !context.host().execute() {
        return Ok(Value::from(()));
    }
    let Some(adapter) = context.host().adapter() else { return Ok(Value::from(())) };
    let found = adapter.get_relation(&relation).map_err(carry)?;
    Ok(found.map_or(Value::from(()), |r| Value::from_object(RelationObject::new(r))))
}
