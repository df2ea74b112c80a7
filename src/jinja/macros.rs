//! Calling macros: each is a template of its own, called through one object, so that look-up is
//! late, `return` can end it with a value of any type, and a caller may come from anywhere.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Tuple};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use super::context::{Context, MAX_CALLS, MAX_DEPTH};
use super::error::{
    Place, Returned, UNKNOWN_CALL, carry, explain, fail, is_carried, not_in_package, returned,
};
use super::objects::Forgiving;
use super::registry::{Argument, MacroDef, MacroRegistry, split_arguments};
use super::rewrite::{OffsetMap, names_in, rewrite, rewrite_expression};
use super::values;
use crate::diagnostic::{Code, Diagnostic, did_you_mean};

/// A macro as a value.
#[derive(Debug)]
pub struct MacroObject(pub Arc<MacroDef>);

impl Object for MacroObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "name" => Some(Value::from(self.0.name.as_str())),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let caller = Context::of(state)?;
        call_macro(&self.0, state.env(), &caller, args)
    }
}

/// The text of a macro's template, for minijinja's loader.
pub fn template_text(def: &MacroDef) -> Result<String, Error> {
    rewrite(&def.file.text[def.body.clone()]).map(|rewritten| rewritten.text.into_owned())
}

/// Calls a macro from a context.
///
/// # Errors
/// Whatever its body raises, explained, with the macro's place.
pub fn call_macro(
    def: &Arc<MacroDef>,
    environment: &Environment<'_>,
    caller: &Arc<Context>,
    args: &[Value],
) -> Result<Value, Error> {
    if caller.depth >= MAX_DEPTH {
        return Err(fail(
            Code::JINJA_RUNTIME,
            format!(
                "Macros call each other {MAX_DEPTH} deep; `{}` may be calling itself",
                def.name
            ),
        ));
    }
    if caller.shared.calls.fetch_add(1, Ordering::Relaxed) >= MAX_CALLS {
        return Err(fail(
            Code::JINJA_RUNTIME,
            format!("Over {MAX_CALLS} macros were called; `{}` may never come to an end", def.name),
        ));
    }
    // What a macro calls is its own dependency, not its caller's.
    if caller.depth == 0 {
        caller.host().note_macro(&def.unique_id);
    }
    let mut frame = Context {
        shared: caller.shared.clone(),
        place: Arc::new(Place {
            file: def.file.clone(),
            offset: def.body.start,
            map: OffsetMap::default(),
            fixed: None,
        }),
        package: def.package.clone(),
        locals: Vec::with_capacity(def.arguments.len() + 2),
        outer: None,
        depth: caller.depth + 1,
    };
    bind(def, args, &mut frame, environment)?;
    let frame = Arc::new(frame);
    let rendered = with_stack(|| {
        environment
            .get_template(&def.unique_id)
            .and_then(|template| template.render(Value::from_dyn_object(frame.clone())))
    });
    match rendered {
        Ok(text) => Ok(Value::from(text)),
        Err(error) => match returned(&error) {
            Some(value) => Ok(value.clone()),
            None => {
                // The map is only worth making for an error.
                let body = &def.file.text[def.body.clone()];
                let map = rewrite(body).map(|rewritten| rewritten.map).unwrap_or_default();
                let place = Place { map, ..(*frame.place).clone() };
                let mut explained = explain(&error, &place, &frame);
                // dbt does not name the macro whose own template failed.
                if is_carried(&error) {
                    explained.callers.push(format!("macro {} ({})", def.name, def.path));
                }
                Err(carry(explained))
            }
        },
    }
}

/// Renders with enough stack: each macro is a rendering inside a rendering, and the threads of
/// rayon have small stacks.
fn with_stack<T>(render: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(256 << 10, 4 << 20, render)
}

/// Puts arguments under their names; what has no name of its own goes to `varargs` and `kwargs`.
fn bind(
    def: &MacroDef,
    args: &[Value],
    frame: &mut Context,
    environment: &Environment<'_>,
) -> Result<(), Error> {
    let (positional, kwargs) = values::split_kwargs(args);
    let kwargs = kwargs.cloned().map(Kwargs::try_from).transpose()?;
    let named = |name: &str| kwargs.as_ref().and_then(|k| k.get::<Value>(name).ok());
    let has = |name: &str| kwargs.as_ref().is_some_and(|k| k.has(name));
    for (at, argument) in def.arguments.iter().enumerate() {
        let value = match (positional.get(at), has(&argument.name)) {
            (Some(_), true) => {
                return Err(fail(
                    Code::JINJA_RUNTIME,
                    format!("`{}` got its argument `{}` twice", def.name, argument.name),
                ));
            }
            (Some(value), false) => value.clone(),
            (None, true) => named(&argument.name).unwrap_or_default(),
            (None, false) => match &argument.default {
                Some(_) => default_of(argument, frame, environment)?,
                None => Value::UNDEFINED,
            },
        };
        frame.locals.push((argument.name.clone(), value));
    }
    let body = &def.file.text[def.body.clone()];
    let is_argument = |name: &str| def.arguments.iter().any(|a| &*a.name == name);
    let extra = positional.get(def.arguments.len()..).unwrap_or_default();
    if body.contains("varargs") {
        frame.locals.push(("varargs".into(), Value::from(Tuple::new(extra.to_vec()))));
    } else if !extra.is_empty() {
        return Err(fail(
            Code::JINJA_RUNTIME,
            format!(
                "`{}` takes {} positional arguments, but got {}",
                def.name,
                def.arguments.len(),
                positional.len()
            ),
        ));
    }
    let mut rest = Vec::new();
    if let Some(kwargs) = &kwargs {
        for name in kwargs.args() {
            if name == "caller" {
                frame.locals.push(("caller".into(), kwargs.get("caller")?));
            } else if !is_argument(name) {
                rest.push((Value::from(name), kwargs.get::<Value>(name)?));
            }
        }
    }
    if body.contains("kwargs") {
        frame.locals.push(("kwargs".into(), values::Dict::value(rest)));
    } else if let Some((name, _)) = rest.first() {
        let known: Vec<&str> = def.arguments.iter().map(|a| &*a.name).collect();
        let mut diagnostic = Diagnostic::error(
            Code::JINJA_RUNTIME,
            format!("`{}` has no argument `{name}`", def.name),
        );
        let name = name.as_str().unwrap_or_default();
        if let Some(help) = did_you_mean(name, known.iter().copied()) {
            diagnostic = diagnostic.help(help);
        }
        // Jinja's words.
        let theirs = format!("macro 'dbt_macro__{}' takes no keyword argument '{name}'", def.name);
        return Err(carry(Box::new(
            diagnostic.note(theirs).help(format!("Its arguments: {}.", known.join(", "))),
        )));
    }
    Ok(())
}

/// A default value; the plain ones need no template.
fn default_of(
    argument: &Argument,
    frame: &mut Context,
    environment: &Environment<'_>,
) -> Result<Value, Error> {
    let text = argument.default.as_deref().unwrap_or("none");
    match text {
        "none" | "None" => return Ok(Value::from(())),
        "true" | "True" => return Ok(true.into()),
        "false" | "False" => return Ok(false.into()),
        "[]" => return Ok(values::List::value(Vec::new())),
        "{}" => return Ok(values::Dict::value(Vec::<(Value, Value)>::new())),
        _ => {}
    }
    if let Ok(number) = text.parse::<i64>() {
        return Ok(number.into());
    }
    let quoted = |q: char| text.len() >= 2 && text.starts_with(q) && text.ends_with(q);
    if (quoted('\'') || quoted('"')) && !text[1..text.len() - 1].contains(['\\', '\'', '"']) {
        return Ok(Value::from(&text[1..text.len() - 1]));
    }
    // Defaults may use the arguments before them.
    let scope = Arc::new(Context {
        shared: frame.shared.clone(),
        place: frame.place.clone(),
        package: frame.package.clone(),
        locals: frame.locals.clone(),
        outer: None,
        depth: frame.depth,
    });
    let rewritten = rewrite_expression(text)?;
    environment
        .compile_expression_owned(rewritten.text.into_owned())
        .and_then(|expression| expression.eval(Value::from_dyn_object(scope)))
}

/// `return(value)`: ends the macro.
pub fn return_function(value: Option<Value>) -> Result<Value, Error> {
    let value = value.unwrap_or(Value::from(()));
    Err(Error::new(ErrorKind::InvalidOperation, "").with_source(Returned(value)))
}

/// The body of a `{% call %}` block with the variables that it saw.
#[derive(Debug)]
struct Caller {
    text: String,
    arguments: Vec<Argument>,
    seen: Vec<(Arc<str>, Value)>,
    context: Arc<Context>,
    place: Place,
}

/// `__caller(offset, text, arguments)`, which the rewriting puts in place of a call block.
pub fn caller_function(state: &mut State, args: &[Value]) -> Result<Value, Error> {
    let context = Context::of(state)?;
    let mut args = args.iter();
    let offset = args.next().and_then(Value::as_i64).unwrap_or(0) as usize;
    let text = args.next().and_then(Value::as_str).unwrap_or_default().to_owned();
    let arguments = split_arguments(args.next().and_then(Value::as_str).unwrap_or_default());
    let rewritten = rewrite(&text)?;
    let mut seen: Vec<(Arc<str>, Value)> = Vec::new();
    for name in names_in(&text)? {
        // What the context gives needs no copy: it is looked up there when it is asked for.
        if !arguments.iter().any(|argument| &*argument.name == name)
            && let Some(value) = state.lookup(name)
            && !value.is_undefined()
            && value.downcast_object_ref::<MacroObject>().is_none()
        {
            seen.push((name.into(), value));
        }
    }
    let place = Place {
        file: context.place.file.clone(),
        offset: context.place.offset + offset,
        map: rewritten.map.clone(),
        fixed: context.place.fixed.clone(),
    };
    let text = rewritten.text.into_owned();
    Ok(Value::from_object(Caller { text, arguments, seen, context, place }))
}

impl Caller {
    /// Gives the arguments of the block their values.
    fn bind(
        &self,
        args: &[Value],
        frame: &mut Context,
        environment: &Environment<'_>,
    ) -> Result<(), Error> {
        let (positional, kwargs) = values::split_kwargs(args);
        let kwargs = kwargs.cloned().map(Kwargs::try_from).transpose()?;
        if positional.len() > self.arguments.len() {
            let (takes, got) = (self.arguments.len(), positional.len());
            let message = format!("the call block takes {takes} arguments, but got {got}");
            return Err(fail(Code::JINJA_RUNTIME, message));
        }
        for (at, argument) in self.arguments.iter().enumerate() {
            let named = || kwargs.as_ref()?.get::<Value>(&argument.name).ok();
            let value = match positional.get(at).cloned().or_else(named) {
                Some(value) => value,
                None if argument.default.is_some() => default_of(argument, frame, environment)?,
                None => Value::UNDEFINED,
            };
            frame.locals.push((argument.name.clone(), value));
        }
        let unknown = kwargs
            .iter()
            .flat_map(Kwargs::args)
            .find(|name| !self.arguments.iter().any(|argument| &*argument.name == *name));
        match unknown {
            Some(name) => {
                let message = format!("the call block has no argument `{name}`");
                Err(fail(Code::JINJA_RUNTIME, message))
            }
            None => Ok(()),
        }
    }
}

impl Object for Caller {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let depth = Context::of(state).map_or(self.context.depth, |context| context.depth);
        if depth >= MAX_DEPTH {
            return Err(fail(Code::JINJA_RUNTIME, "Call blocks are nested too deep"));
        }
        let mut frame = Context {
            shared: self.context.shared.clone(),
            place: Arc::new(self.place.clone()),
            package: self.context.package.clone(),
            locals: self.seen.clone(),
            outer: Some(self.context.clone()),
            depth: depth + 1,
        };
        self.bind(args, &mut frame, state.env())?;
        let frame = Arc::new(frame);
        let rendered = with_stack(|| {
            state
                .env()
                .template_from_named_str("caller", &self.text)
                .and_then(|template| template.render(Value::from_dyn_object(frame.clone())))
        });
        match rendered {
            Ok(text) => Ok(Value::from(text)),
            // `return` inside a call block ends the macro around it.
            Err(error) if returned(&error).is_some() => Err(error),
            Err(error) => Err(carry(explain(&error, &self.place, &frame))),
        }
    }
}

fn is_built_in(package: &str) -> bool {
    matches!(package, "dbt" | "dbt_duckdb" | "dbt_postgres")
}

/// A macro that a unit test overrides: whatever it is called with, it gives one value.
#[derive(Debug)]
pub struct Constant(pub Value);

impl Object for Constant {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        Ok(self.0.clone())
    }
}

/// The macros of a package as a namespace: `dbt_utils.star`.
#[derive(Debug)]
pub struct Package {
    pub name: Arc<str>,
    pub registry: Arc<MacroRegistry>,
}

impl Object for Package {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = self.registry.find_in(&self.name, key.as_str()?)?;
        Some(Value::from_object(MacroObject(found.clone())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let context = Context::of(state)?;
        if let Some(value) = context.host().overridden(&format!("{}.{method}", self.name)) {
            return Ok(super::values::from_json(&value));
        }
        if method == "get" && context.registry().find_in(&self.name, method).is_none() {
            let name = args.first().cloned().unwrap_or_default();
            let default = args.get(1).cloned().unwrap_or(Value::from(()));
            return Ok(self.get_value(&name).unwrap_or(default));
        }
        match context.registry().find_in(&self.name, method) {
            Some(found) => call_macro(found, state.env(), &context, args),
            // dbt has macros that are functions here: `dbt.run_query`. A project's macro of the
            // same name is not meant.
            None => match state.env().globals().find(|(name, _)| *name == method) {
                Some((_, function)) if is_built_in(&self.name) => function.call(state, args),
                _ => {
                    let name = format!("{}.{method}", self.name);
                    if context.bears_with(&name) {
                        return Ok(Value::from_object(Forgiving));
                    }
                    let message = format!("The package `{}` has no macro `{method}`", self.name);
                    let mut error = Diagnostic::error(Code::UNDEFINED, message)
                        .original(not_in_package(method, &context))
                        .field(UNKNOWN_CALL, name);
                    let known = context.registry().names_in(&self.name);
                    if let Some(help) = did_you_mean(method, known) {
                        error = error.help(help);
                    }
                    Err(carry(Box::new(error)))
                }
            },
        }
    }
}
