//! Python models: what a `.py` file refs and configures. It is read here and never rendered or
//! run; running one is the business of `run`.

use serde_json::Value;

use super::config_levels;
use super::host::Notes;
use super::python_calls::{self, Call};
use crate::diagnostic::{Code, Diagnostic, Location, Result};
use crate::load::LoadedFile;
use crate::manifest::{RefCall, SourceCall};

/// Whether a file of the model paths is a Python model.
pub(super) fn is_python(path: &str) -> bool {
    path.ends_with(".py")
}

/// What the model asks dbt for.
///
/// # Errors
/// `PYTHON` where dbt would not take the file for a model.
pub(super) fn notes(loaded: &LoadedFile) -> Result<Notes> {
    let text = &loaded.file.text;
    let fail = |message: String, span: std::ops::Range<usize>| {
        let span = span.start.min(text.len())..span.end.min(text.len());
        let mut error = Diagnostic::error(Code::PYTHON, message);
        if error.message.contains("literals") {
            error = error.help("dbt reads them without running the model: write the value itself.");
        }
        Box::new(error.at(Location::new(loaded.file.clone(), span)))
    };
    if let Some(at) = ["{{", "{%", "{#"].iter().find_map(|open| text.find(open)) {
        return Err(Box::new(
            fail("No jinja in python model code is allowed".to_owned(), at..at + 2)
                .help("Read variables with dbt.config.get(), and set them in a properties file."),
        ));
    }
    let calls = python_calls::calls(text).map_err(|wrong| fail(wrong.message, wrong.span))?;
    let mut notes = Notes::default();
    let (mut used, mut defaults) = (Vec::new(), Vec::new());
    let (mut meta_used, mut meta_defaults) = (Vec::new(), Vec::new());
    for call in calls {
        match call.function {
            "ref" => {
                let found = reference(&call).ok_or_else(|| {
                    fail("dbt.ref() takes a name, or a package and a name".to_owned(), call.span)
                })?;
                if !notes.refs.contains(&found) {
                    notes.refs.push(found);
                }
            }
            "source" => {
                let [Value::String(source), Value::String(table)] = &call.arguments[..] else {
                    let message = "dbt.source() takes the name of a source and of a table";
                    return Err(fail(message.to_owned(), call.span));
                };
                let found = SourceCall { source: source.clone(), table: table.clone() };
                if !notes.sources.contains(&found) {
                    notes.sources.push(found);
                }
            }
            "config" => config_levels::apply(&mut notes.config, call.named),
            which => {
                let mut arguments = call.arguments.into_iter();
                let (Some(key), default, None) =
                    (arguments.next(), arguments.next(), arguments.next())
                else {
                    let message = format!("dbt.config.{which}() takes one or two arguments");
                    return Err(fail(message, call.span));
                };
                let (keys, values) = match which {
                    "get" => (&mut used, &mut defaults),
                    _ => (&mut meta_used, &mut meta_defaults),
                };
                keys.push(key);
                values.push(default.unwrap_or(Value::Null));
            }
        }
    }
    // dbt's names; the generated part of the compiled code reads them.
    if !used.is_empty() || !meta_used.is_empty() {
        let keys = [
            ("config_keys_used", used),
            ("config_keys_defaults", defaults),
            ("meta_keys_used", meta_used),
            ("meta_keys_defaults", meta_defaults),
        ];
        let level = keys.map(|(key, list)| (key.to_owned(), Value::Array(list)));
        config_levels::apply(&mut notes.config, level);
    }
    Ok(notes)
}

fn reference(call: &Call) -> Option<RefCall> {
    let version = call.named.get("v").or_else(|| call.named.get("version"));
    let version = version.filter(|v| !v.is_null()).map(|version| match version {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    match &call.arguments[..] {
        [Value::String(name)] => Some(RefCall { package: None, name: name.clone(), version }),
        [Value::String(package), Value::String(name)] => {
            Some(RefCall { package: Some(package.clone()), name: name.clone(), version })
        }
        _ => None,
    }
}
