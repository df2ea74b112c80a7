//! Arguments of calls as Python binds them: by position, by name, with errors in Python's words.
//!
//! Shared by every function, filter and method of this folder. It never decides defaults: an
//! argument that was not given is `None`.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

/// An error of the kind that Python raises for wrong values.
pub(super) fn error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// The error for a method or attribute that a type does not have.
pub(super) fn no_method(value: &Value, method: &str) -> Error {
    let message = format!("'{}' object has no attribute '{method}'", type_name(value));
    Error::new(ErrorKind::UnknownMethod, message)
}

/// Splits the keyword arguments off: minijinja passes them as the last argument.
pub fn split_kwargs(args: &[Value]) -> (&[Value], Option<&Value>) {
    match args.split_last() {
        Some((last, rest)) if last.is_kwargs() => (rest, Some(last)),
        _ => (args, None),
    }
}

/// Binds arguments to the names of parameters.
///
/// # Errors
/// Too many arguments, an unknown keyword, or one given twice.
pub(super) fn bind<const N: usize>(
    function: &str,
    names: [&str; N],
    args: &[Value],
) -> Result<[Option<Value>; N], Error> {
    let (positional, kwargs) = split_kwargs(args);
    if positional.len() > N {
        let message =
            format!("{function}() takes at most {N} arguments ({} given)", positional.len());
        return Err(Error::new(ErrorKind::TooManyArguments, message));
    }
    let mut bound = [const { None }; N];
    for (slot, value) in bound.iter_mut().zip(positional) {
        *slot = Some(value.clone());
    }
    if let Some(kwargs) = kwargs {
        for key in kwargs.try_iter()? {
            let name = key.as_str().unwrap_or_default();
            let Some(index) = names.iter().position(|known| *known == name) else {
                let message = format!("{function}() got an unexpected keyword argument '{name}'");
                return Err(Error::new(ErrorKind::TooManyArguments, message));
            };
            if bound[index].is_some() {
                let message = format!("{function}() got multiple values for argument '{name}'");
                return Err(Error::new(ErrorKind::TooManyArguments, message));
            }
            bound[index] = Some(kwargs.get_item(&key)?);
        }
    }
    Ok(bound)
}

/// The value of an argument that must be given.
pub(super) fn required(function: &str, name: &str, value: Option<Value>) -> Result<Value, Error> {
    value.ok_or_else(|| {
        let message = format!("{function}() missing required argument: '{name}'");
        Error::new(ErrorKind::MissingArgument, message)
    })
}

/// The text of an argument that must be a string.
pub(super) fn text<'a>(function: &str, value: &'a Value) -> Result<&'a str, Error> {
    match value.as_str() {
        Some(text) if value.kind() == ValueKind::String => Ok(text),
        _ => Err(error(format!("{function}() argument must be str, not {}", type_name(value)))),
    }
}

/// An integer argument; booleans count, floats do not.
pub(super) fn integer(function: &str, value: &Value) -> Result<i64, Error> {
    match value.kind() {
        ValueKind::Bool => Ok(i64::from(value.is_true())),
        ValueKind::Number if value.is_integer() => value
            .as_i64()
            .ok_or_else(|| error(format!("{function}(): Python int too large to convert"))),
        _ => Err(error(format!(
            "{function}(): '{}' object cannot be interpreted as an integer",
            type_name(value)
        ))),
    }
}

/// An optional integer argument: `None` where it is absent or Python's None.
pub(super) fn opt_integer(function: &str, value: &Option<Value>) -> Result<Option<i64>, Error> {
    match value {
        Some(value) if !value.is_none() && !value.is_undefined() => {
            integer(function, value).map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether an optional flag was given and is true in Python's sense.
pub(super) fn flag(value: &Option<Value>) -> bool {
    value.as_ref().is_some_and(Value::is_true)
}

/// The items of an iterable value; an error of its own where an item is one.
///
/// # Errors
/// The value is not iterable. None is not iterable in Python; undefined is empty.
pub(super) fn iterate(value: &Value) -> Result<Vec<Value>, Error> {
    if let Some(list) = value.downcast_object_ref::<super::List>() {
        return Ok(list.to_vec());
    }
    if value.is_none() {
        return Err(error("'NoneType' object is not iterable"));
    }
    match value.try_iter() {
        Ok(iter) => iter.checked().collect(),
        Err(_) => Err(error(format!("'{}' object is not iterable", type_name(value)))),
    }
}

/// The name of a value's type in Python.
pub(super) fn type_name(value: &Value) -> &'static str {
    use super::{Dict, Set};
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq if value.downcast_object_ref::<super::globals::Range>().is_some() => "range",
        ValueKind::Seq => "list",
        ValueKind::Map if value.downcast_object_ref::<Dict>().is_some() => "dict",
        ValueKind::Map => "dict",
        ValueKind::Iterable if value.downcast_object_ref::<Set>().is_some() => "set",
        ValueKind::Iterable => {
            value.downcast_object_ref::<super::dict::View>().map_or("generator", |view| view.name())
        }
        _ => super::repr::object_type_name(value),
    }
}

/// Refuses what Python cannot hash: lists, dicts and sets.
pub(super) fn check_hashable(key: &Value) -> Result<(), Error> {
    if key.as_object().is_some() {
        let unhashable = match key.kind() {
            ValueKind::Seq => !key.is_tuple(),
            ValueKind::Iterable => true,
            ValueKind::Map => key.downcast_object_ref::<super::Dict>().is_some(),
            _ => false,
        };
        if unhashable {
            return Err(error(format!("unhashable type: '{}'", type_name(key))));
        }
    }
    Ok(())
}
