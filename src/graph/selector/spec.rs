//! A selector as written → what it asks for: dbt's node selection syntax, parsed.
//!
//! <https://docs.getdbt.com/reference/node-selection/syntax>. Names are not looked up here.

use std::fmt;

use super::Indirect;
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};

/// What a selector compares a node with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Fqn,
    Path,
    File,
    Tag,
    Config,
    Source,
    ResourceType,
    Package,
    TestType,
    TestName,
    Engine,
    Group,
    Access,
    Exposure,
    Version,
    Metric,
    SemanticModel,
    SavedQuery,
    UnitTest,
    State,
    Result,
    SourceStatus,
}

impl Method {
    /// Every method with its name in a selector.
    pub const ALL: &[(&str, Method)] = &[
        ("fqn", Method::Fqn),
        ("path", Method::Path),
        ("file", Method::File),
        ("tag", Method::Tag),
        ("config", Method::Config),
        ("source", Method::Source),
        ("resource_type", Method::ResourceType),
        ("package", Method::Package),
        ("test_type", Method::TestType),
        ("test_name", Method::TestName),
        ("engine", Method::Engine),
        ("group", Method::Group),
        ("access", Method::Access),
        ("exposure", Method::Exposure),
        ("version", Method::Version),
        ("metric", Method::Metric),
        ("semantic_model", Method::SemanticModel),
        ("saved_query", Method::SavedQuery),
        ("unit_test", Method::UnitTest),
        ("state", Method::State),
        ("result", Method::Result),
        ("source_status", Method::SourceStatus),
    ];

    /// Its name in a selector.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }
}

/// How far to go from the nodes that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    All,
    Steps(usize),
}

impl Depth {
    /// As a limit: `None` is none.
    pub fn limit(self) -> Option<usize> {
        match self {
            Depth::All => None,
            Depth::Steps(steps) => Some(steps),
        }
    }
}

/// One selector, such as `2+tag:nightly+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// `@`: also the parents of its children.
    pub childrens_parents: bool,
    /// `+x`, `n+x`
    pub parents: Option<Depth>,
    /// `None` where the selector names no method: then it follows from the value.
    pub named_method: Option<Method>,
    /// What follows the method after dots: `["meta", "owner"]` of `config.meta.owner:x`.
    pub arguments: Vec<String>,
    /// What to compare with.
    pub value: String,
    /// `x+`, `x+n`
    pub children: Option<Depth>,
}

impl Criterion {
    /// Reads one selector.
    ///
    /// # Errors
    /// `BAD_SELECTOR` for an unknown method, a depth that is no number, and `@x+`.
    pub fn parse(raw: &str) -> Result<Criterion> {
        let bad = |message: String| Diagnostic::error(Code::BAD_SELECTOR, message);
        let depth = |digits: &str| match digits {
            "" => Ok(Depth::All),
            digits => digits.parse().map(Depth::Steps).map_err(|_| {
                Box::new(
                    bad(format!("The number of steps in `{raw}` is too large"))
                        .help("Leave the number out to follow the graph to its end."),
                )
            }),
        };
        let (childrens_parents, rest) = match raw.strip_prefix('@') {
            Some(rest) => (true, rest),
            None => (false, raw),
        };
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (parents, rest) = match rest[digits..].strip_prefix('+') {
            Some(after) => (Some(depth(&rest[..digits])?), after),
            None => (None, rest),
        };
        let (method, rest) = match rest.split_once(':') {
            Some((method, value)) if is_method(method) => (Some(method), value),
            _ => (None, rest),
        };
        let before = rest.trim_end_matches(|c: char| c.is_ascii_digit());
        let (children, value) = match before.strip_suffix('+') {
            Some(value) => (Some(depth(&rest[before.len()..])?), value),
            None => (None, rest),
        };
        if childrens_parents && children.is_some() {
            return Err(Box::new(
                bad(format!("`{raw}` has both `@` in front and `+` behind")).help(
                    "`@x` takes all children of x with all their parents; `x+` children only.",
                ),
            ));
        }
        let mut parts = method.unwrap_or_default().split('.');
        let named_method = match (method, parts.next()) {
            (Some(_), Some(name)) => Some(method_named(name, raw)?),
            _ => None,
        };
        Ok(Criterion {
            childrens_parents,
            parents,
            named_method,
            arguments: if method.is_some() { parts.map(str::to_owned).collect() } else { vec![] },
            value: value.to_owned(),
            children,
        })
    }

    /// The method, where none is named as dbt guesses it: `path` for a value with a slash, `file`
    /// for one with the extension of a model or seed, or else `fqn`.
    pub fn method(&self) -> Method {
        let has_extension = || {
            let lower = self.value.to_lowercase();
            [".sql", ".py", ".csv"].iter().any(|extension| lower.ends_with(extension))
        };
        match self.named_method {
            Some(method) => method,
            None if self.value.contains('/') => Method::Path,
            None if has_extension() => Method::File,
            None => Method::Fqn,
        }
    }
}

impl fmt::Display for Criterion {
    /// The selector as it would be written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.childrens_parents {
            f.write_str("@")?;
        }
        match self.parents {
            Some(Depth::All) => f.write_str("+")?,
            Some(Depth::Steps(steps)) => write!(f, "{steps}+")?,
            None => {}
        }
        if let Some(method) = self.named_method {
            f.write_str(method.as_str())?;
            for argument in &self.arguments {
                write!(f, ".{argument}")?;
            }
            f.write_str(":")?;
        }
        f.write_str(&self.value)?;
        match self.children {
            Some(Depth::All) => f.write_str("+"),
            Some(Depth::Steps(steps)) => write!(f, "+{steps}"),
            None => Ok(()),
        }
    }
}

/// How parts of a selection combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Union,
    Intersection,
    /// The first part without the others.
    Difference,
}

/// A selection: a criterion, or parts combined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    One { criterion: Criterion, indirect: Indirect },
    Many { operator: Operator, parts: Vec<Spec>, indirect: Indirect, expected: Option<String> },
}

impl Spec {
    /// Whether any criterion is a `state:`.
    pub fn compares_states(&self) -> bool {
        match self {
            Spec::One { criterion, .. } => criterion.method() == Method::State,
            Spec::Many { parts, .. } => parts.iter().any(Spec::compares_states),
        }
    }

    /// `--select` and `--exclude`. Without `select`, everything. Texts are split at spaces
    /// (union), then at commas (intersection).
    ///
    /// # Errors
    /// Those of [`Criterion::parse`].
    pub fn parse(
        select: Option<&[String]>,
        exclude: Option<&[String]>,
        indirect: Indirect,
    ) -> Result<Spec> {
        let everything = ["fqn:*", "source:*", "exposure:*"].map(str::to_owned);
        let included = union(select.unwrap_or(&everything), indirect, select.is_some())?;
        let excluded = union(exclude.unwrap_or(&[]), indirect, true)?;
        Ok(Spec::Many {
            operator: Operator::Difference,
            parts: vec![included, excluded],
            indirect: Indirect::Eager,
            expected: None,
        })
    }
}

fn union(texts: &[String], indirect: Indirect, expected: bool) -> Result<Spec> {
    let mut words: Vec<&str> = texts.iter().flat_map(|text| text.split_whitespace()).collect();
    if words.is_empty() && !texts.is_empty() {
        // `--select ""`: matches nothing and is warned about, as in dbt.
        words.push("");
    }
    let part = |word: &str| {
        let one = |raw| Ok(Spec::One { criterion: Criterion::parse(raw)?, indirect });
        Ok(Spec::Many {
            operator: Operator::Intersection,
            parts: word.split(',').map(one).collect::<Result<_>>()?,
            indirect,
            expected: expected.then(|| word.to_owned()),
        })
    };
    Ok(Spec::Many {
        operator: Operator::Union,
        parts: words.into_iter().map(part).collect::<Result<_>>()?,
        indirect,
        expected: None,
    })
}

fn is_method(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')
}

pub(super) fn method_named(name: &str, raw: &str) -> Result<Method> {
    if let Some((_, method)) = Method::ALL.iter().find(|(known, _)| *known == name) {
        return Ok(*method);
    }
    let names = Method::ALL.iter().map(|(name, _)| *name);
    let mut error = Diagnostic::error(
        Code::BAD_SELECTOR,
        format!("'{name}' is not a valid method name in `{raw}`"),
    );
    error.help.extend(did_you_mean(name, names.clone()));
    let listed: Vec<&str> = names.collect();
    Err(Box::new(error.help(format!("Methods are {}.", listed.join(", ")))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let one = Criterion::parse("2+config.meta.x:a:b+1").unwrap();
        assert_eq!(one.parents, Some(Depth::Steps(2)));
        assert_eq!(one.method(), Method::Config);
        assert_eq!(one.arguments, ["meta", "x"]);
        assert_eq!(one.value, "a:b");
        assert_eq!(one.children, Some(Depth::Steps(1)));
        assert_eq!(Criterion::parse("3orders").unwrap().value, "3orders");
        assert_eq!(Criterion::parse("models/a.sql").unwrap().method(), Method::Path);
        assert_eq!(Criterion::parse("a.SQL").unwrap().method(), Method::File);
        assert_eq!(Criterion::parse("a.b").unwrap().method(), Method::Fqn);
    }

    #[test]
    fn mistakes_are_named() {
        let near = Criterion::parse("tagg:x").unwrap_err();
        assert_eq!(near.message, "'tagg' is not a valid method name in `tagg:x`");
        assert_eq!(near.help[0], "Did you mean `tag`?");
        assert!(Criterion::parse("@x+").unwrap_err().message.contains("both `@`"));
        assert!(Criterion::parse("99999999999999999999999+x").is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_dbts_expression(raw in r"@?[0-9+]{0,3}(tag|config\.meta|fqn|no such|é)?:?[a-z.:*+0-9@ é/]{0,8}(\+[0-9]{0,2})?") {
            let dbt = Regex::new(concat!(
                r"\A(?P<cp>(@))?(?P<p>((?P<pd>([0-9]*))\+))?",
                r"((?P<m>([\w.]+)):)?(?P<v>(.*?))(?P<c>(\+(?P<cd>([0-9]*))))?\z"
            )).unwrap();
            let found = dbt.captures(&raw).unwrap();
            if let Ok(ours) = Criterion::parse(&raw) {
                prop_assert_eq!(&ours.value, &found["v"]);
                prop_assert_eq!(ours.childrens_parents, found.name("cp").is_some());
                prop_assert_eq!(ours.parents.is_some(), found.name("p").is_some());
                prop_assert_eq!(ours.children.is_some(), found.name("c").is_some());
                prop_assert_eq!(ours.named_method.is_some(), found.name("m").is_some());
            }
        }

        #[test]
        fn round_trips(
            at in any::<bool>(),
            parents in proptest::option::of(proptest::option::of(0usize..50)),
            method in proptest::option::of(0..Method::ALL.len()),
            value in r"[a-z_*]{1,8}(\.[a-z]{1,5})?",
            children in proptest::option::of(proptest::option::of(0usize..50)),
        ) {
            let depth = |d: Option<usize>| d.map_or(Depth::All, Depth::Steps);
            let criterion = Criterion {
                childrens_parents: at,
                parents: parents.map(depth),
                named_method: method.map(|m| Method::ALL[m].1),
                arguments: method.map_or(vec![], |_| vec!["meta".into(), "x".into()]),
                value,
                children: if at { None } else { children.map(depth) },
            };
            prop_assert_eq!(Criterion::parse(&criterion.to_string()).unwrap(), criterion);
        }

        #[test]
        fn never_panics(raw in ".{0,24}") {
            let _ = Spec::parse(Some(&[raw]), None, Indirect::Eager);
        }
    }
}
