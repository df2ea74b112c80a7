//! What a macro calls, read from its text: the `depends_on` of macros in the manifest.
//!
//! Looks at tokens only, as dbt does before anything is rendered; whether a name means a macro is
//! the registry's business.

use minijinja::machinery::{Token, tokenize};

use super::registry::{BUILT_IN, MacroRegistry};
use super::rewrite::{plain_spaces, syntax};
use crate::manifest::{Macro, UniqueId};

/// Names of dbt's own that are no macros, whatever a project calls its macros.
const CONTEXT: &[&str] = &[
    "builtins",
    "config",
    "context",
    "dbt_version",
    "diff_of_two_dicts",
    "env_var",
    "flags",
    "fromjson",
    "fromyaml",
    "invocation_id",
    "local_md5",
    "log",
    "modules",
    "print",
    "project_name",
    "ref",
    "return",
    "run_started_at",
    "set",
    "set_strict",
    "source",
    "target",
    "thread_id",
    "tojson",
    "toyaml",
    "var",
    "zip",
    "zip_strict",
];

/// Macros of dbt's that are functions here.
pub(super) const FUNCTIONS: &[&str] =
    &["is_incremental", "load_relation", "run_query", "statement"];

/// Macros that dbt-duckdb has in the place of dbt's own.
const REPLACED_ON_DUCKDB: &[&str] = &["build_snapshot_staging_table", "run_hooks"];

/// Words that stand before a bracket without calling anything.
const WORDS: &[&str] = &["and", "call", "elif", "else", "if", "in", "is", "not", "or", "recursive"];

/// Words whose next word is a name that is defined or tested, not called.
const BEFORE_NAMES: &[&str] = &["macro", "test", "materialization", "is", "filter"];

/// A call in the text.
#[derive(Debug, PartialEq, Eq)]
enum Call<'a> {
    /// `name(…)`, or `package.name(…)`.
    Name(Option<&'a str>, &'a str),
    /// `adapter.dispatch('name', 'namespace')`.
    Dispatch(&'a str, Option<&'a str>),
}

/// The macros that a macro calls, each once, in the order of the text.
pub fn called_by(registry: &MacroRegistry, adapter: &str, a_macro: &Macro) -> Vec<UniqueId> {
    let mut out: Vec<UniqueId> = Vec::new();
    let mut add = |id: &UniqueId| {
        let replaced = |name: &&str| adapter == "duckdb" && REPLACED_ON_DUCKDB.contains(name);
        let id = match id.strip_prefix("macro.dbt.").filter(replaced) {
            Some(name) => format!("macro.dbt_duckdb.{name}").into(),
            None => id.clone(),
        };
        if !out.contains(&id) {
            out.push(id);
        }
    };
    let package = a_macro.package_name.as_str();
    let plain = plain_spaces(&a_macro.macro_sql);
    for call in calls(plain.as_deref().unwrap_or(&a_macro.macro_sql)) {
        match call {
            Call::Name(None, name) if name == a_macro.name => {}
            Call::Name(Some(BUILT_IN), name) if FUNCTIONS.contains(&name) => {
                add(&format!("macro.dbt.{name}").into());
            }
            Call::Name(of, name) => {
                if let Some(found) = registry.find_anywhere(name, of.unwrap_or(package)) {
                    add(&found.unique_id);
                } else if FUNCTIONS.contains(&name) {
                    add(&format!("macro.dbt.{name}").into());
                }
            }
            Call::Dispatch(name, namespace) => {
                if name != a_macro.name
                    && let Some(found) = registry.find_anywhere(name, package)
                {
                    add(&found.unique_id);
                }
                if let Ok(found) = registry.dispatch(name, namespace, adapter, package) {
                    add(&found.unique_id);
                }
            }
        }
    }
    out
}

fn calls(text: &str) -> Vec<Call<'_>> {
    // What cannot be read is an error where it is called.
    let tokens: Vec<Token> =
        tokenize(text, false, syntax()).map_while(Result::ok).map(|(token, _)| token).collect();
    let word = |at: Option<usize>| match tokens.get(at?)? {
        Token::Ident(name) => Some(*name),
        _ => None,
    };
    let mut out = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let (Token::ParenOpen, Some(name)) = (token, word(at.checked_sub(1))) else { continue };
        let before = at.checked_sub(2).map(|at| &tokens[at]);
        let call = match before {
            Some(Token::Dot) => {
                let Some(of) = word(at.checked_sub(3)) else { continue };
                // Something of something of something: no package.
                let is_inner = at.checked_sub(4).is_some_and(|at| matches!(tokens[at], Token::Dot));
                match (of, name) {
                    _ if is_inner => continue,
                    ("adapter", "dispatch") => match dispatched(&tokens[at + 1..]) {
                        Some(call) => call,
                        None => continue,
                    },
                    ("adapter", _) => continue,
                    (of, name) => Call::Name(Some(of), name),
                }
            }
            Some(Token::Pipe) => continue,
            Some(Token::Ident(word)) if BEFORE_NAMES.contains(word) => continue,
            _ if WORDS.contains(&name) || CONTEXT.contains(&name) => continue,
            _ => Call::Name(None, name),
        };
        if !out.contains(&call) {
            out.push(call);
        }
    }
    out
}

/// The arguments of `adapter.dispatch`, by place or by name.
fn dispatched<'a>(tokens: &[Token<'a>]) -> Option<Call<'a>> {
    let end = tokens.iter().position(|token| matches!(token, Token::ParenClose))?;
    let (mut name, mut namespace) = (None, None);
    for (at, argument) in tokens[..end].split(|token| matches!(token, Token::Comma)).enumerate() {
        match (argument, at) {
            ([Token::Str(text)], 0)
            | ([Token::Ident("macro_name"), Token::Assign, Token::Str(text)], _) => {
                name = Some(*text);
            }
            ([Token::Str(text)], 1)
            | ([Token::Ident("macro_namespace"), Token::Assign, Token::Str(text)], _) => {
                namespace = Some(*text);
            }
            _ => {}
        }
    }
    Some(Call::Dispatch(name?, namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_packages_and_dispatch() {
        let text = "{% macro a(x) %}{{ b(c(x), x | d(1)) }}{% if x is e(1) and (f.g(x)) %}\
                    {{ return(adapter.dispatch('a', 'p')(x)) }}{{ ref('x').h.i(1) }}{% endif %}\
                    {% call statement('s') %}{% endcall %}{% endmacro %}";
        let (name, of) = (|name| Call::Name(None, name), |of, name| Call::Name(Some(of), name));
        let expected = vec![
            name("b"),
            name("c"),
            of("f", "g"),
            Call::Dispatch("a", Some("p")),
            name("statement"),
        ];
        assert_eq!(calls(text), expected);
    }
}
