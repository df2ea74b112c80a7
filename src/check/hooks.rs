//! Tables and functions that only statements beside queries make: hooks and functions of the project. No
//! scratch database has them, so that nothing is said against their names, and against no other ones.

use std::collections::{HashMap, HashSet};

use crate::manifest::{Manifest, Node, ResourceType};

/// What hooks may make.
#[derive(Debug, Default)]
pub(super) struct MadeNames {
    /// Whether there is a hook of which that cannot be told.
    anything: bool,
    /// In lower case.
    names: HashSet<String>,
}

impl MadeNames {
    /// Those of all hooks of a project, with the macros that they call, and of its functions.
    pub fn of(manifest: &Manifest) -> MadeNames {
        let mut made = MadeNames::default();
        for function in manifest.of_type(ResourceType::Function) {
            made.names.extend([&function.name, &function.alias].map(|name| name.to_lowercase()));
        }
        let mut reader = Reader { made, macros: macros_of(manifest), seen: HashSet::new() };
        for hook in manifest.hooks("on-run-start") {
            reader.read(&hook.raw_code);
        }
        for node in manifest.nodes.values() {
            for when in ["pre-hook", "post-hook"] {
                for hook in node.config.hooks(when) {
                    reader.read(&hook.sql);
                }
            }
        }
        reader.made
    }

    /// Whether a table or function of this name may be there in a run, though the scratch has none; of any
    /// name, where it is not known.
    pub fn may_have(&self, name: Option<&str>) -> bool {
        let is_made = |part: &str| self.names.contains(&part.trim_matches('"').to_lowercase());
        match name {
            Some(name) => self.anything || name.split(['.', '(']).any(is_made),
            None => self.anything || !self.names.is_empty(),
        }
    }
}

/// Whether a node has a statement in front of its query, which may make anything.
pub(super) fn has_header(node: &Node) -> bool {
    node.config.get("sql_header").is_some()
}

/// The texts of macros by their names; those of `adapter.dispatch` also without what stands in front.
fn macros_of(manifest: &Manifest) -> HashMap<&str, Vec<&str>> {
    let mut macros: HashMap<&str, Vec<&str>> = HashMap::new();
    for one in manifest.macros.values() {
        let bare = one.name.split_once("__").map(|(_, bare)| bare);
        for name in [Some(one.name.as_str()), bare].into_iter().flatten() {
            macros.entry(name).or_default().push(&one.macro_sql);
        }
    }
    macros
}

/// Statements that make what their text does not name.
const OPAQUE: &[&str] = &[
    "load",
    "install",
    "import",
    "call",
    "do",
    "execute",
    "use",
    "search_path",
    "rename",
    "restore",
];

/// Words between `create` and a name.
const BETWEEN: &[&str] = &[
    "or",
    "replace",
    "temp",
    "temporary",
    "unlogged",
    "table",
    "view",
    "materialized",
    "recursive",
    "function",
    "macro",
    "procedure",
    "aggregate",
    "type",
    "domain",
    "schema",
    "sequence",
    "if",
    "not",
    "exists",
    "foreign",
    "external",
];

/// What `create` may make that no query names.
const UNNAMED: &[&str] =
    &["index", "unique", "role", "user", "trigger", "secret", "policy", "rule"];

/// Stands for what a template writes.
const WRITTEN: char = '\u{1}';

struct Reader<'m> {
    made: MadeNames,
    macros: HashMap<&'m str, Vec<&'m str>>,
    seen: HashSet<String>,
}

impl Reader<'_> {
    fn read(&mut self, text: &str) {
        if self.made.anything || !self.seen.insert(text.to_owned()) {
            return;
        }
        let (sql, template) = split(text);
        for word in words(&template) {
            for text in self.macros.get(word.as_str()).cloned().unwrap_or_default() {
                self.read(text);
            }
        }
        // Statements that are written as texts inside of the template.
        let is_making = |word: &String| ["create", "attach", "install"].contains(&word.as_str());
        if words(&template).iter().any(is_making) {
            self.statement(&template);
        }
        self.statement(&sql);
    }

    fn statement(&mut self, sql: &str) {
        let words = words(sql);
        let at = |at: usize| words.get(at).map_or("", String::as_str);
        for (here, word) in words.iter().enumerate() {
            let before = here.checked_sub(1).map_or("", at);
            match word.as_str() {
                "do" if before == "conflict" || before.ends_with(')') => {}
                "do" if ["nothing", "update"].contains(&at(here + 1)) => {}
                "into" if !["insert", "merge"].contains(&before) => self.made.anything = true,
                "create" => self.created(&words[here + 1..]),
                other if OPAQUE.contains(&other) => self.made.anything = true,
                _ => {}
            }
            if word == "attach" {
                // `attach 'file' as name`
                self.made.names.extend(words[here + 1..].iter().take(6).cloned());
            }
        }
    }

    /// The name behind `create`.
    fn created(&mut self, words: &[String]) {
        let mut rest = words.iter().map(String::as_str).skip_while(|word| BETWEEN.contains(word));
        match rest.next() {
            None | Some("extension") => self.made.anything = true,
            Some(kind) if UNNAMED.contains(&kind) => {}
            Some(name) => match name.rsplit('.').next() {
                Some(last) if !last.contains(WRITTEN) => {
                    self.made.names.insert(last.to_owned());
                }
                // A schema that a template names has no name of its own to be told.
                _ if words.first().is_some_and(|word| word == "schema") => {}
                _ => self.made.anything = true,
            },
        }
    }
}

/// The SQL of a text with a sign for what templates write, and the inside of its templates.
fn split(text: &str) -> (String, String) {
    let (mut sql, mut template) = (String::new(), String::new());
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, here) = rest.split_at(start);
        sql.push_str(before);
        let (end, shown) = match here.get(..2) {
            Some("{{") => ("}}", true),
            Some("{%") => ("%}", false),
            Some("{#") => ("#}", false),
            _ => {
                sql.push('{');
                rest = &here[1..];
                continue;
            }
        };
        let Some(stop) = here.find(end) else { break };
        if end != "#}" {
            // `do` and `call` are words of templates there.
            template.push_str(&here[2..stop]);
            template.push(' ');
        }
        sql.push(if shown { WRITTEN } else { ' ' });
        rest = &here[stop + 2..];
    }
    sql.push_str(rest);
    (sql, template)
}

/// Words in lower case; names keep their dots, without quotes.
fn words(text: &str) -> Vec<String> {
    let is_word = |sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '.' | WRITTEN);
    let plain = text.replace(['"', '`'], "").to_lowercase();
    let all = plain.split(|sign: char| !is_word(sign)).filter(|word| !word.is_empty());
    all.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, macros: &[(&'static str, &'static str)]) -> MadeNames {
        let macros = macros.iter().map(|(name, text)| (*name, vec![*text])).collect();
        let mut reader = Reader { made: MadeNames::default(), macros, seen: HashSet::new() };
        reader.read(text);
        reader.made
    }

    #[test]
    fn only_what_a_hook_makes_is_doubted() {
        let made =
            read("create or replace function {{ target.schema }}.Twice(x int) as $$ $$", &[]);
        assert!(made.may_have(Some("main.twice")) && !made.may_have(Some("thrice")));
        let made = read("create table if not exists audit (id int)", &[]);
        assert!(
            made.may_have(Some("audit"))
                && made.may_have(Some(r#""db"."audit""#))
                && !made.may_have(Some("orders"))
        );
        let made = read("attach 'x.duckdb' as other", &[]);
        assert!(made.may_have(Some("other.main.t")) && !made.may_have(Some("main.t")));
        for harmless in [
            "grant select on {{ this }} to reader",
            "create index if not exists i on {{ this }} (id)",
            "insert into log select 1 on conflict do nothing",
            "{% if execute %} analyze {{ this }} {% endif %}",
            "{% do log('done') %}",
            "{{ noted(this) }}",
        ] {
            let made = read(
                harmless,
                &[("noted", "{% macro noted(t) %} insert into log values (1) {% endmacro %}")],
            );
            assert!(!made.may_have(Some("anything")), "{harmless}");
        }
    }

    #[test]
    fn what_cannot_be_told_may_be_anything() {
        for opaque in [
            "create table {{ var('name') }} (id int)",
            "load spatial",
            "create extension if not exists citext",
            "call setup()",
            "select 1 into t",
            "{{ makes() }}",
        ] {
            let made =
                read(opaque, &[("makes", "{% macro makes() %} do $$ begin end $$ {% endmacro %}")]);
            assert!(made.may_have(Some("anything")), "{opaque}");
        }
        let made = read(
            "{{ udfs() }}",
            &[("udfs", "{% macro udfs() %} create function f() {% endmacro %}")],
        );
        assert!(made.may_have(Some("f")) && !made.may_have(Some("g")));
    }
}
