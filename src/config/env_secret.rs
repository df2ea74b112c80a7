//! `DBT_ENV_SECRET…` variables: where they may stand, and how configuration files get their values.
//!
//! While Jinja runs, a placeholder stands for the secret, as in dbt; the value takes its place
//! afterwards. Whatever is printed or written is cleaned of the values by [`scrub`].

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Result};

/// What variables with a secret are called: dbt's prefix.
const PREFIX: &str = "DBT_ENV_SECRET";

/// What stands for a secret while Jinja runs, with the variable's name between the two. Filters see
/// this and never the secret, so no changed copy of one exists that a message could show.
const START: &str = "$$$Secret_of_";
const END: &str = "_ends$$$";

/// What `env_var` gives for a secret.
pub(super) fn placeholder(name: &str) -> String {
    format!("{START}{name}{END}")
}

/// The error for a secret variable in any file but profiles.yml and packages.yml.
pub fn secret_elsewhere(name: &str) -> Diagnostic {
    Diagnostic::error(
        Code::JINJA_RUNTIME,
        format!(
            "Secret env vars are allowed only in profiles.yml or packages.yml. \
             Found '{name}' referenced elsewhere"
        ),
    )
    .help(format!("Give it a name that does not begin with {PREFIX}, if it is no secret."))
}

/// Whether a variable of the environment is a secret, which dbt tells by its name.
pub fn is_secret(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The values that must not be shown, and as they stand in JSON; the longest first.
static VALUES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let secrets =
        std::env::vars().filter(|(name, value)| is_secret(name) && !value.trim().is_empty());
    let mut values: Vec<String> = Vec::new();
    for (_, secret) in secrets {
        let json = Value::from(secret.as_str()).to_string();
        values.push(json[1..json.len() - 1].to_owned());
        values.push(secret);
    }
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.dedup();
    values
});

/// A text with stars in the place of the values of secret variables.
pub fn scrub(text: &str) -> Cow<'_, str> {
    VALUES.iter().fold(Cow::Borrowed(text), |text, secret| {
        if text.contains(secret.as_str()) {
            Cow::Owned(text.replace(secret.as_str(), "*****"))
        } else {
            text
        }
    })
}

/// The same for the texts of a JSON value.
pub fn scrub_json(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = scrub(text) {
                *text = clean;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(scrub_json),
        Value::Object(map) => map.values_mut().for_each(scrub_json),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Values of secret variables that `--vars` or a project sets, for the few places that show them.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Those among variables.
    pub fn of_vars(vars: &serde_json::Map<String, Value>) -> Secrets {
        let named = vars.iter().filter(|(name, _)| is_secret(name));
        let texts = named.filter_map(|(_, value)| value.as_str());
        Secrets(texts.filter(|text| !text.trim().is_empty()).map(str::to_owned).collect())
    }

    /// A text with stars in their place.
    pub fn hide(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(&**secret, "*****"))
    }

    /// The same for the texts of variables.
    pub fn hide_in(&self, vars: &serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
        let one = |value: &Value| match value {
            Value::String(text) => Value::from(self.hide(text)),
            other => other.clone(),
        };
        vars.iter().map(|(key, value)| (key.clone(), one(value))).collect()
    }
}

/// The value with its secrets in their places.
///
/// # Errors
/// A placeholder that something has changed.
pub(super) fn reveal(value: Value) -> Result<Value> {
    match value {
        Value::String(text) => reveal_text(text).map(Value::String),
        Value::Array(items) => items.into_iter().map(reveal).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| Ok((key, reveal(value)?)))
            .collect::<Result<serde_json::Map<_, _>>>()
            .map(Value::Object),
        other => Ok(other),
    }
}

fn reveal_text(mut text: String) -> Result<String> {
    let mut from = 0;
    while let Some(start) = text[from..].find(START).map(|at| from + at) {
        let name = start + START.len();
        let Some(end) = text[name..].find(END).map(|at| name + at) else { break };
        let Ok(secret) = std::env::var(&text[name..end]) else { break };
        text.replace_range(start..end + END.len(), &secret);
        from = start + secret.len();
    }
    if text[from..].to_lowercase().contains("secret_of_") {
        let changed = format!("The value of a {PREFIX}… variable is changed here");
        return Err(Box::new(
            Diagnostic::error(Code::JINJA_RUNTIME, changed)
                .help("It can be joined to other text, but no filter or function can change it.")
                .help("Set the variable to the changed value."),
        ));
    }
    Ok(text)
}
