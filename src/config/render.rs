//! Jinja in configuration files: `env_var`, `var`, `target` and the `as_*` filters, nothing else.
//!
//! A text keeps the type of what is in it where that is one `{{ expression }}` alone, also in a block,
//! as in dbt's native rendering. Project macros do not exist yet when this runs; the full dialect is in
//! `jinja`.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use super::env_secret::{is_secret, placeholder, reveal, secret_elsewhere};
use super::yaml::{Yaml, YamlKind};
use crate::diagnostic::{Code, Diagnostic, Location, Result, SourceFile, did_you_mean};

/// Renders the values of configuration files.
pub struct YamlRenderer {
    environment: Environment<'static>,
    /// Whether secrets may stand in the file.
    secrets: bool,
}

/// What a later stage adds to the environment of every renderer: Python's methods and `modules`.
static DIALECT: OnceLock<fn(&mut Environment<'static>)> = OnceLock::new();

/// Says, once, how values behave and what is known beside `env_var`, `var` and `target`.
pub fn set_yaml_dialect(install: fn(&mut Environment<'static>)) {
    let _first_wins = DIALECT.set(install);
}

/// The default that a call was given, by place or by name; `None` is one too.
fn default_of(rest: &[minijinja::Value]) -> Option<minijinja::Value> {
    let given = rest.first()?;
    if !given.is_kwargs() {
        return Some(given.clone());
    }
    given.get_attr("default").ok().filter(|value| !value.is_undefined())
}

const MISSING_ENV: &str = "missing environment variable: ";
const MISSING_VAR: &str = "missing variable: ";
const SECRET_ELSEWHERE: &str = "secret outside of its files: ";

impl YamlRenderer {
    /// A renderer that knows the given variables and, if any, the target.
    pub fn new(vars: serde_json::Map<String, Value>, target: Option<Value>) -> Self {
        let mut environment = Environment::new();
        // A value in YAML is a line; far more than one needs.
        environment.set_fuel(Some(10_000_000));
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        if let Some(install) = DIALECT.get() {
            install(&mut environment);
        }
        environment.add_function("env_var", env_var(false));
        let vars = Arc::new(vars);
        let var =
            move |state: &minijinja::State, name: &str, default: Rest<minijinja::Value>| match (
                vars.get(name),
                default_of(&default),
            ) {
                (Some(Value::String(text)), _) if is_template(text) => {
                    state.env().render_str(text, ()).map(minijinja::Value::from)
                }
                (Some(value), _) => Ok(minijinja::Value::from(minijinja::value::Serde(value))),
                (None, Some(default)) => Ok(default),
                (None, None) => {
                    Err(Error::new(ErrorKind::InvalidOperation, format!("{MISSING_VAR}{name}")))
                }
            };
        environment.add_function("var", var);
        if let Some(target) = target {
            environment
                .add_global("target", minijinja::Value::from(minijinja::value::Serde(target)));
        }
        environment.add_function("__noted", noted);
        environment.add_filter("as_number", as_number);
        environment.add_filter("as_bool", as_bool);
        environment.add_filter("as_native", as_native);
        environment.add_filter("as_text", |value: minijinja::Value| value.to_string());
        YamlRenderer { environment, secrets: false }
    }

    /// The same renderer for a file where `DBT_ENV_SECRET…` variables may stand: profiles.yml and
    /// packages.yml.
    pub fn with_secrets(mut self) -> Self {
        self.environment.add_function("env_var", env_var(true));
        self.secrets = true;
        self
    }

    /// A YAML value as JSON with every text rendered; keys are left as they are.
    ///
    /// # Errors
    /// Jinja errors and missing variables, at the value's place.
    pub fn render(&self, file: &Arc<SourceFile>, yaml: &Yaml) -> Result<Value> {
        match &yaml.kind {
            YamlKind::Text(text) => {
                self.text(text, || Location::new(file.clone(), yaml.span.clone()))
            }
            YamlKind::List(items) => items.iter().map(|item| self.render(file, item)).collect(),
            YamlKind::Map(entries) => entries
                .iter()
                .map(|(key, value)| Ok((key.text.clone(), self.render(file, value)?)))
                .collect::<Result<serde_json::Map<_, _>>>()
                .map(Value::Object),
            _ => Ok(yaml.to_json()),
        }
    }

    /// The same tree with every text rendered and every position kept.
    ///
    /// # Errors
    /// Jinja errors and missing variables, at the value's place.
    pub fn render_tree(&self, file: &Arc<SourceFile>, yaml: &Yaml) -> Result<Yaml> {
        let kind = match &yaml.kind {
            YamlKind::Text(text) if text.contains("{{") || text.contains("{%") => {
                let value = self.text(text, || Location::new(file.clone(), yaml.span.clone()))?;
                kind_of(value, &yaml.span)
            }
            YamlKind::List(items) => YamlKind::List(
                items.iter().map(|item| self.render_tree(file, item)).collect::<Result<_>>()?,
            ),
            YamlKind::Map(entries) => YamlKind::Map(
                entries
                    .iter()
                    .map(|(key, value)| match self.render_tree(file, value) {
                        // Passwords may look like Jinja and be none.
                        Err(error)
                            if self.secrets
                                && key.text == "password"
                                && error.code == Code::JINJA_SYNTAX =>
                        {
                            Ok((key.clone(), value.clone()))
                        }
                        rendered => Ok((key.clone(), rendered?)),
                    })
                    .collect::<Result<_>>()?,
            ),
            other => other.clone(),
        };
        Ok(Yaml { span: yaml.span.clone(), kind })
    }

    /// A template with further names, as text.
    ///
    /// # Errors
    /// Jinja errors, without a place.
    pub fn render_text(&self, text: &str, names: &minijinja::Value) -> Result<String, Error> {
        self.environment.render_str(text, names)
    }

    /// A text with blocks: a value with its type where nothing else is written out.
    fn render_blocks(&self, text: &str) -> Result<Value, Error> {
        WRITTEN.take();
        let rendered = match self.environment.render_str(&with_notes(text), ()) {
            // What the notes make of it is no fault of the user's.
            Err(error) if error.kind() == ErrorKind::SyntaxError => {
                self.environment.render_str(text, ())?
            }
            rendered => rendered?,
        };
        match WRITTEN.take().as_slice() {
            [one] if !one.is_undefined() && one.as_str().is_none() => {
                let names = minijinja::context! { one };
                if self.environment.render_str("{{ one }}", names)? == rendered {
                    return serde_json::to_value(one)
                        .map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()));
                }
                Ok(Value::String(rendered))
            }
            _ => Ok(Value::String(rendered)),
        }
    }

    fn text(&self, text: &str, place: impl Fn() -> Location) -> Result<Value> {
        if !is_template(text) {
            return Ok(Value::String(text.to_owned()));
        }
        let lone = text
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"))
            .filter(|inner| !inner.contains("{{") && !inner.contains("}}"));
        let rendered = match lone {
            Some(expression) => self
                .environment
                .compile_expression(expression.trim_matches('-'))
                .and_then(|compiled| compiled.eval(()))
                .and_then(|value| {
                    if value.is_undefined() {
                        return Ok(Value::String(String::new()));
                    }
                    serde_json::to_value(&value)
                        .map_err(|e| Error::new(ErrorKind::BadSerialization, e.to_string()))
                }),
            None if text.contains("{%") && text.contains("{{") => self.render_blocks(text),
            None => self.environment.render_str(text, ()).map(Value::String),
        };
        rendered
            .map_err(|error| Box::new(explain(&error)))
            .and_then(reveal)
            .map_err(|error| Box::new(error.at(place())))
    }
}

thread_local! {
    /// The values that a text with blocks wrote out so far.
    static WRITTEN: RefCell<Vec<minijinja::Value>> = const { RefCell::new(Vec::new()) };
}

/// Notes a value that is written out.
fn noted(value: minijinja::Value) -> minijinja::Value {
    WRITTEN.with_borrow_mut(|written| written.push(value.clone()));
    value
}

/// A text with a call of [`noted`] around each expression that it writes out.
fn with_notes(text: &str) -> String {
    let signs = |c: char| matches!(c, '-' | '+');
    let mut out = String::with_capacity(text.len() + 20);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, behind)) = after.split_once("}}") else { break };
        let expression = inner.trim_matches(signs);
        let (open, close) = inner.split_once(expression).unwrap_or_default();
        out.push_str(&format!("{before}{{{{{open} __noted({expression}) {close}}}}}"));
        rest = behind;
    }
    out + rest
}

/// Whether there is anything to render in a text.
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

fn kind_of(value: Value, span: &std::ops::Range<usize>) -> YamlKind {
    let wrap = |value| Yaml { span: span.clone(), kind: kind_of(value, span) };
    match value {
        Value::Null => YamlKind::Null,
        Value::Bool(b) => YamlKind::Bool(b),
        Value::Number(n) => YamlKind::Number(n),
        Value::String(s) => YamlKind::Text(s),
        Value::Array(items) => YamlKind::List(items.into_iter().map(wrap).collect()),
        Value::Object(map) => YamlKind::Map(
            map.into_iter()
                .map(|(text, value)| (super::yaml::Key { span: span.clone(), text }, wrap(value)))
                .collect(),
        ),
    }
}

fn explain(error: &Error) -> Diagnostic {
    let detail = error.detail().unwrap_or_default();
    if let Some(name) = detail.strip_prefix(MISSING_ENV) {
        return missing_env(name);
    }
    if let Some(name) = detail.strip_prefix(SECRET_ELSEWHERE) {
        return secret_elsewhere(name);
    }
    if let Some(name) = detail.strip_prefix(MISSING_VAR) {
        return Diagnostic::error(
            Code::MISSING_VAR,
            format!("Required var '{name}' not found in config"),
        )
        .help(format!(
            "Pass it with `--vars '{{{name}: …}}'`, or give a default: var('{name}', …)"
        ));
    }
    if error.kind() == ErrorKind::SyntaxError {
        return Diagnostic::error(Code::JINJA_SYNTAX, format!("Jinja syntax error: {detail}"))
            .help("Check that brackets and quotes are closed.");
    }
    let message = if detail.is_empty() { error.kind().to_string() } else { detail.to_owned() };
    let mut diagnostic = Diagnostic::error(Code::JINJA_RUNTIME, message);
    if matches!(error.kind(), ErrorKind::UnknownFunction | ErrorKind::UndefinedError) {
        diagnostic = diagnostic
            .help("Only env_var(), var() and target are known in configuration files, no macros.");
    } else if error.kind() == ErrorKind::UnknownFilter {
        diagnostic = diagnostic
            .help("Known here: Jinja's own filters, as_text, as_number, as_bool and as_native.");
    }
    diagnostic
}

/// The error for an environment variable without a value.
pub fn missing_env(name: &str) -> Diagnostic {
    let known: Vec<String> = std::env::vars().map(|(key, _)| key).collect();
    let error = Diagnostic::error(
        Code::MISSING_ENV,
        format!("Env var required but not provided: '{name}'"),
    )
    .help(format!("Set it (`export {name}=…`), or give a default: env_var('{name}', '…')"));
    match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// `env_var`, for files where secrets may stand or for all others.
fn env_var(
    may_be_secret: bool,
) -> impl Fn(&str, Option<minijinja::Value>, Kwargs) -> Result<minijinja::Value, Error> {
    move |name, default, _rest| {
        let refuse = |what| Err(Error::new(ErrorKind::InvalidOperation, format!("{what}{name}")));
        if is_secret(name) && !may_be_secret {
            return refuse(SECRET_ELSEWHERE);
        }
        match (std::env::var(name), default) {
            (Ok(_), _) if is_secret(name) => Ok(placeholder(name).into()),
            (Ok(value), _) => Ok(value.into()),
            (Err(_), Some(default)) => Ok(default.to_string().into()),
            (Err(_), None) => refuse(MISSING_ENV),
        }
    }
}

fn as_number(value: minijinja::Value) -> Result<minijinja::Value, Error> {
    let text = value.to_string();
    if let Ok(int) = text.parse::<i64>() {
        return Ok(int.into());
    }
    text.parse::<f64>()
        .map(minijinja::Value::from)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, format!("`{text}` is not a number")))
}

/// Anything else stays what it is: it may be part of an expression, as in `target.name == 'dev' | as_bool`.
fn as_bool(value: minijinja::Value) -> minijinja::Value {
    match value.to_string().as_str() {
        "True" | "true" => true.into(),
        "False" | "false" => false.into(),
        _ => value,
    }
}

fn as_native(value: minijinja::Value) -> minijinja::Value {
    as_number(value.clone()).unwrap_or_else(|_| as_bool(value))
}
