//! minijinja's errors → diagnostics in the user's own file, with the chain of macro calls.
//!
//! Each macro call is a rendering of its own. Where one fails, the error is explained there and
//! then, and travels on inside a new minijinja error; each caller adds its place.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use minijinja::value::Object;
use minijinja::{Error, ErrorKind, Value};

use super::context::Context;
use super::registry::BUILT_IN_PATH;
use super::rewrite::{OffsetMap, unclosed_tag};
use crate::diagnostic::{Code, Diagnostic, Location, SourceFile, did_you_mean};

/// A diagnostic on its way through minijinja.
#[derive(Debug)]
struct Explained(Box<Diagnostic>);

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Explained {}

/// The value that `return(…)` ends a macro with.
#[derive(Debug)]
pub struct Returned(pub Value);

impl fmt::Display for Returned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("return() was called outside a macro")
    }
}

impl std::error::Error for Returned {}

/// A diagnostic as a minijinja error.
pub fn carry(diagnostic: Box<Diagnostic>) -> Error {
    Error::new(ErrorKind::InvalidOperation, "").with_source(Explained(diagnostic))
}

/// An error that the dialect itself raises; its place is added later.
pub fn fail(code: Code, message: impl Into<String>) -> Error {
    carry(Box::new(Diagnostic::error(code, message)))
}

/// Whether a function or a macro raised it, and not the template itself.
pub fn is_carried(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<Explained>())
}

/// The value of `return(…)`, if that is what this error is.
pub fn returned(error: &Error) -> Option<&Value> {
    let source = std::error::Error::source(error)?;
    source.downcast_ref::<Returned>().map(|returned| &returned.0)
}

/// Where a text that is rendered stands.
#[derive(Debug, Clone)]
pub struct Place {
    pub file: Arc<SourceFile>,
    /// Where the text begins in the file.
    pub offset: usize,
    pub map: OffsetMap,
    /// The whole place is this range: a YAML value, whose text is not the file's own.
    pub fixed: Option<Range<usize>>,
}

impl Place {
    /// The location of a range of the rewritten text.
    fn location(&self, range: Option<Range<usize>>) -> Location {
        let span = match (&self.fixed, range) {
            (Some(fixed), _) => fixed.clone(),
            (None, Some(range)) => {
                let range = self.map.range(range);
                let (start, end) = (self.offset + range.start, self.offset + range.end);
                from_its_name(&self.file.text, start)..end
            }
            (None, None) => self.offset..self.offset,
        };
        Location::new(self.file.clone(), span)
    }

    fn is_built_in(&self) -> bool {
        is_built_in(&self.file.path)
    }
}

/// The field of an error that has the name of a function or macro that is not there.
pub const UNKNOWN_CALL: &str = "unknown_call";

/// minijinja names a method call from its dot on: where the name before the dot begins.
fn from_its_name(text: &str, start: usize) -> usize {
    if !text.get(start..).is_some_and(|rest| rest.starts_with('.')) {
        return start;
    }
    let before = &text[..start];
    let name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    before.trim_end_matches(name).len()
}

fn is_built_in(path: &Path) -> bool {
    path.starts_with(BUILT_IN_PATH)
}

/// Explains an error that came out of the rendering of a place.
pub fn explain(error: &Error, place: &Place, context: &Arc<Context>) -> Box<Diagnostic> {
    let here = || place.location(error.range());
    let carried = std::error::Error::source(error).and_then(|s| s.downcast_ref::<Explained>());
    if let Some(Explained(diagnostic)) = carried {
        return Box::new(add_place((**diagnostic).clone(), place, here()));
    }
    if error.kind() == ErrorKind::SyntaxError {
        return Box::new(syntax_error(error, &place.file, place.offset, Some(&place.map)));
    }
    let detail = error.detail().unwrap_or_default();
    let diagnostic = match error.kind() {
        ErrorKind::UnknownFunction => {
            let name = detail.split_whitespace().next().unwrap_or_default().trim_matches('`');
            let known = context.known_names();
            let error = Diagnostic::error(
                Code::UNDEFINED,
                format!("'{name}' is undefined: there is no macro or function of that name"),
            )
            .original(is_undefined(name, context))
            .field(UNKNOWN_CALL, name);
            match did_you_mean(name, known.iter().map(String::as_str)) {
                Some(help) => error.help(help),
                None => error.help(
                    "Define it in a file of the macros folder, or install the package that has it.",
                ),
            }
        }
        ErrorKind::OutOfFuel => Diagnostic::error(
            Code::JINJA_RUNTIME,
            "This template does not come to an end",
        )
        .note("It has taken more steps than --template-steps allows.")
        .help("Look for a loop that adds to the list it goes over, or for loops inside loops."),
        ErrorKind::UndefinedError => undefined(&here(), context),
        ErrorKind::UnknownMethod if detail.starts_with("'Undefined'") => {
            undefined(&here(), context)
        }
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownMethod => {
            Diagnostic::error(Code::UNDEFINED, or_kind(error))
                .help("Check the spelling and the kind of the value that it is used on.")
        }
        _ if detail.contains("unsupported types") || detail.contains("unsupported operand") => {
            Diagnostic::error(Code::JINJA_RUNTIME, or_kind(error)).help(
                "Convert one of the two with `| int`, `| float` or `| string`; join text with `~`.",
            )
        }
        _ => Diagnostic::error(Code::JINJA_RUNTIME, or_kind(error)),
    };
    Box::new(add_place(diagnostic, place, here()))
}

/// A look-up in something that is not there; its name stands in the text.
fn undefined(here: &Location, context: &Arc<Context>) -> Diagnostic {
    let text = &here.file.text[here.span.clone()];
    let name = text.split(['.', '[', '(']).next().unwrap_or_default().trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if !is_name {
        return Diagnostic::error(Code::UNDEFINED, "A value that is used here is undefined")
            .help("Check the names, or give a value with `{% set … %}` or `default(…)`.");
    }
    if let Some((of, attribute)) = missing_attribute(text, context) {
        return Diagnostic::error(Code::UNDEFINED, format!("`{of}` has no `{attribute}`"))
            .help("Check its name, or use `default(…)`.");
    }
    let error = Diagnostic::error(Code::UNDEFINED, format!("`{name}` is undefined"))
        .original(is_undefined(name, context));
    let known = context.known_names();
    let error = match did_you_mean(name, known.iter().map(String::as_str)) {
        Some(help) => error.help(help),
        None => error,
    };
    if text.contains('(') {
        error.help(format!("Where `{name}` is a package, install it; else check its name."))
    } else {
        error.help("Give it a value with `{% set … %}`, or use `var(…)` or `default(…)`.")
    }
}

/// dbt's words for a name that means nothing; in a node's own text it guesses why.
fn is_undefined(name: &str, context: &Context) -> String {
    format!("'{name}' is undefined{}", guess(context))
}

/// The same of a macro that a package does not have.
pub fn not_in_package(name: &str, context: &Context) -> String {
    format!("'dict object' has no attribute '{name}'{}", guess(context))
}

/// What dbt adds outside of macros.
fn guess(context: &Context) -> &'static str {
    match context.depth {
        0 => {
            ". This can happen when calling a macro that does not exist. Check for typos and/or \
             install package dependencies with \"dbt deps\"."
        }
        _ => "",
    }
}

/// Of a chain of names whose first one means something: the part that is there, and what it has not.
fn missing_attribute<'t>(text: &'t str, context: &Arc<Context>) -> Option<(&'t str, &'t str)> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    let (chain, rest) = text.split_at(end.unwrap_or(text.len()));
    // Methods are no attributes.
    let chain = if rest.starts_with('(') { chain.rsplit_once('.')?.0 } else { chain };
    let mut names = chain.split('.');
    let first = names.next()?;
    let mut value = context.get_value_by_str(first)?;
    let mut known = first.len();
    for name in names {
        value = value.get_attr(name).unwrap_or_default();
        if value.is_undefined() {
            return Some((&chain[..known], name));
        }
        known += 1 + name.len();
    }
    None
}

fn or_kind(error: &Error) -> String {
    match error.detail() {
        Some(detail) if !detail.is_empty() => detail.to_owned(),
        _ => error.kind().to_string(),
    }
}

/// The first place in a file of the user's is where the error is; those above it are its callers.
fn add_place(mut diagnostic: Diagnostic, place: &Place, here: Location) -> Diagnostic {
    match &diagnostic.location {
        None if place.is_built_in() => diagnostic,
        None => diagnostic.at(here),
        Some(first) if *first != here && !place.is_built_in() => {
            diagnostic = diagnostic.related("called from here", here);
            diagnostic
        }
        Some(_) => diagnostic,
    }
}

/// A syntax error at its place; `offset` is where the text begins in the file.
pub fn syntax_error(
    error: &Error,
    file: &Arc<SourceFile>,
    offset: usize,
    map: Option<&OffsetMap>,
) -> Diagnostic {
    let range = error.range().unwrap_or(0..0);
    let mut range = map.map_or(range.clone(), |map| map.range(range));
    let detail = error.detail().unwrap_or("this is not Jinja");
    // What is missing at the end of the text is better shown where it began.
    if detail.contains("unexpected end of input")
        && let Some(tag) = file.text.get(offset..).and_then(unclosed_tag)
    {
        range = tag;
    }
    let location = Location::new(file.clone(), offset + range.start..offset + range.end);
    let diagnostic =
        Diagnostic::error(Code::JINJA_SYNTAX, format!("Jinja syntax error: {detail}")).at(location);
    if detail.contains("unexpected end of variable block") {
        diagnostic.help("Complete the expression before the `}}`.")
    } else if detail.contains("unexpected end of block") {
        diagnostic.help("Complete the tag before the `%}`.")
    } else if detail.contains("unexpected end") {
        diagnostic.help("Close the block, bracket or quote that was opened here or above.")
    } else if detail.contains("expected end of variable block") {
        diagnostic.help("End the expression with `}}`, and look for a missing bracket or operator.")
    } else if detail.contains("unknown statement") {
        diagnostic.help("Check the tag's name, and that its block was opened.")
    } else {
        diagnostic.help("Check brackets, quotes and commas here.")
    }
}
