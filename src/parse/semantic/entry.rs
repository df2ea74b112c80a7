//! An entry of the semantic layer as its YAML has it: a map, what it is called in errors, and its
//! place.

use serde_json::{Map, Value};

use crate::diagnostic::{Code, Diagnostic, Location, Result};

/// An entry that is being read.
pub(super) struct Entry<'a> {
    pub what: &'a str,
    pub map: &'a Map<String, Value>,
    pub location: &'a Location,
}

impl<'a> Entry<'a> {
    pub fn error(&self, message: String, help: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(Code::BAD_CONFIG, message).at(self.location.clone()).help(help))
    }

    /// A value, or null.
    pub fn any(&self, key: &str) -> Value {
        self.map.get(key).cloned().unwrap_or(Value::Null)
    }

    pub fn flag(&self, key: &str) -> Value {
        self.map.get(key).and_then(Value::as_bool).unwrap_or(false).into()
    }

    /// A text; numbers and booleans as Python prints them.
    pub fn text(&self, key: &str) -> Value {
        match self.any(key) {
            Value::Null => Value::Null,
            Value::Bool(flag) => if flag { "True" } else { "False" }.into(),
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        }
    }

    pub fn required(&self, key: &str) -> Result<String> {
        match self.text(key) {
            Value::String(text) => Ok(text),
            _ => Err(self.error(
                format!("{} has no `{key}`: '{key}' is a required property", self.what),
                "Add it.",
            )),
        }
    }

    pub fn one_of(&self, key: &str, known: &[&str]) -> Result<Value> {
        let text = self.required(key)?.to_lowercase();
        if known.contains(&text.as_str()) {
            return Ok(text.into());
        }
        Err(self.error(
            format!("`{text}` is not a valid `{key}` of {}", self.what),
            &format!("It is one of {}.", known.join(", ")),
        ))
    }

    pub fn list(&self, key: &str) -> Result<&'a [Value]> {
        match self.map.get(key) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.error(
                format!("`{key}` of {} has to be a list", self.what),
                "Write its items with dashes.",
            )),
        }
    }

    pub fn below(&self, what: &'a str, value: &'a Value) -> Result<Entry<'a>> {
        match value {
            Value::Object(map) => Ok(Entry { what, map, location: self.location }),
            _ => Err(self.error(format!("{what} has to be a map"), "Write its keys below it.")),
        }
    }

    pub fn known(&self, keys: &[&str]) -> Result<()> {
        match self.map.keys().find(|key| !keys.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(self.error(
                format!("`{key}` is not a key of {}", self.what),
                &format!("Known keys: {}.", keys.join(", ")),
            )),
        }
    }
}
