//! Functions and namespaces of functions as values: what `modules.re` and the globals are made of.
//!
//! They get their arguments as they come, keyword arguments last, without a copy.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

use crate::jinja::context::Context;

/// The form of all functions, filters and tests here.
pub(super) type Call = fn(&mut State<'_, '_>, &[Value]) -> Result<Value, Error>;

/// A function with a name.
pub(super) struct Function {
    name: &'static str,
    call: Call,
}

impl Function {
    pub(super) fn value(name: &'static str, call: Call) -> Value {
        Value::from_object(Function { name, call })
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<function {}>", self.name)
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        (self.call)(state, args)
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A class or module: attributes by name, and a call that makes an instance.
pub(super) struct Namespace {
    name: &'static str,
    attributes: Vec<(&'static str, Value)>,
    construct: Option<Call>,
}

impl Namespace {
    /// A module: it cannot be called.
    pub(super) fn module(name: &'static str, attributes: Vec<(&'static str, Value)>) -> Value {
        Value::from_object(Namespace { name, attributes, construct: None })
    }

    /// A class with its static methods and constants.
    pub(super) fn class(
        name: &'static str,
        construct: Call,
        attributes: Vec<(&'static str, Value)>,
    ) -> Value {
        Value::from_object(Namespace { name, attributes, construct: Some(construct) })
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.construct.is_some() { "class" } else { "module" };
        write!(f, "<{kind} '{}'>", self.name)
    }
}

impl Object for Namespace {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.attributes.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.attributes.iter().map(|(name, _)| Value::from(*name)).collect())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        match self.construct {
            Some(construct) => construct(state, args),
            None => Err(super::args::error(format!("module '{}' is not callable", self.name))),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if self.name == "itertools"
            && let Ok(context) = Context::of(state)
        {
            context.host().note_itertools();
        }
        match self.get_value_by_str(method) {
            Some(function) => function.call(state, args),
            None => Err(Error::new(
                minijinja::ErrorKind::UnknownMethod,
                format!("'{}' has no attribute '{method}'", self.name),
            )),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Adds a filter; its first argument is the value that is filtered.
pub(super) fn filter(env: &mut Environment<'static>, name: &'static str, call: Call) {
    env.add_filter(name, move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
        call(state, &args.into_values())
    });
}

/// Adds a global function.
pub(super) fn global(env: &mut Environment<'static>, name: &'static str, call: Call) {
    env.add_global(name, Function::value(name, call));
}

/// What Python would give as a generator: iterable and always true, made in one go.
pub(super) struct Generator(Vec<Value>);

impl Generator {
    pub(super) fn value(items: Vec<Value>) -> Value {
        Value::from_object(Generator(items))
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::repr::write_items(f, "[", &self.0, "]")
    }
}

impl Object for Generator {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.len())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
