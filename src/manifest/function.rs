//! User-defined functions: what a file of `functions/` and its properties say, as plain data.
//!
//! The node itself is a [`super::Node`]; this holds only what no other kind has.

use serde_json::Value;

/// A call of `function` as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FunctionCall {
    pub package: Option<String>,
    pub name: String,
}

/// An argument of a function.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FunctionArgument {
    pub name: String,
    pub data_type: String,
    pub description: Option<String>,
    pub default_value: Option<Value>,
}

/// What a function gives.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionReturns {
    pub data_type: String,
    pub description: Option<String>,
}

/// What makes a function: its arguments and its result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FunctionFacts {
    pub arguments: Vec<FunctionArgument>,
    /// `None` where no properties say it.
    pub returns: Option<FunctionReturns>,
}

impl FunctionFacts {
    /// The first argument without a default that stands behind one with a default.
    pub fn misplaced_argument(&self) -> Option<&FunctionArgument> {
        let has_default = |argument: &FunctionArgument| {
            argument.default_value.as_ref().is_some_and(|v| !v.is_null())
        };
        let first = self.arguments.iter().position(has_default)?;
        self.arguments[first..].iter().find(|argument| !has_default(argument))
    }
}
