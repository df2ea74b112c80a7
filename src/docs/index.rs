//! What the page knows of everything: the index, and the texts that are searched.

use std::collections::HashMap;

use indexmap::IndexSet;
use serde_json::{Value, json};

use super::detail::{columns_of, description};
use super::{Pages, is_singular};
use crate::graph::Member;
use crate::manifest::{Group, UniqueId};

/// Texts that come more than once, each once, in the order in which they were met.
#[derive(Default)]
struct Words(IndexSet<String>);

impl Words {
    /// The number of a text; -1 of none.
    fn number(&mut self, text: Option<&str>) -> i64 {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return -1 };
        let at = self.0.get_index_of(text).unwrap_or_else(|| self.0.insert_full(text.to_owned()).0);
        i64::try_from(at).unwrap_or(-1)
    }

    fn list(self) -> Vec<String> {
        self.0.into_iter().collect()
    }
}

/// The index. `starts` says which node each file of details begins with.
///
/// Each node is a list: its `unique_id`, or null where that is `kind.package.name`; kind; name; the
/// numbers of package, engine, group, materialization and schema, -1 for none; path; tags; the
/// places of what it reads; how its last run ended, if that is known; how many tests pass, warn and
/// fail, and how many there are.
pub(super) fn index(pages: &Pages<'_>, starts: &[usize]) -> Value {
    let inputs = pages.inputs;
    let engines: Vec<Value> = inputs
        .target
        .engines
        .values()
        .map(|engine| json!({"name": &*engine.name, "type": engine.kind().as_str()}))
        .collect();
    let engine_names: Vec<&str> = inputs.target.engines.keys().map(|name| &**name).collect();
    let groups: Vec<&Group> = inputs.manifest.groups.values().collect();
    let group_names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let (mut packages, mut materializations, mut schemas) =
        (Words::default(), Words::default(), Words::default());
    let mut rows = Vec::with_capacity(pages.members.len());
    let tests = Tests::new(pages);
    for (at, member) in pages.members.iter().enumerate() {
        let (kind, name) = (member.resource_type().as_str(), member.search_name());
        let id = &**member.unique_id();
        let derived = format!("{kind}.{}.{name}", member.package_name());
        let place = |names: &[&str], one: Option<&str>| {
            let at = names.iter().position(|name| Some(*name) == one);
            at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
        };
        let node = member.node();
        let engine = place(&engine_names, member.engine());
        let group = place(&group_names, group_of(*member));
        let schema = match member {
            Member::Node(node) => Some(node.schema.as_str()),
            Member::Source(source) => Some(source.schema.as_str()),
            _ => None,
        };
        rows.push(json!([
            if derived == id { Value::Null } else { id.into() },
            kind,
            name,
            packages.number(Some(member.package_name())),
            engine,
            group,
            materializations.number(node.map(|node| node.materialized())),
            schemas.number(schema),
            member.original_file_path(),
            member.tags(),
            pages.parents(*member),
            inputs.past.last(id).map(|last| last.status.as_str()),
            tests.counts(at),
        ]));
    }
    let groups: Vec<Value> = groups
        .iter()
        .map(|group| {
            json!({"name": group.name, "description": group.description, "owner": group.owner})
        })
        .collect();
    let past = inputs.past;
    json!({
        "format": 1,
        "project": inputs.manifest.project_name,
        "target": inputs.target.name,
        "generated_at": inputs.generated_at.as_millisecond(),
        "version": env!("CARGO_PKG_VERSION"),
        "overview": overview(pages),
        "engines": engines,
        "groups": groups,
        "packages": packages.list(),
        "materializations": materializations.list(),
        "schemas": schemas.list(),
        "chunks": starts,
        "nodes": rows,
        "store": past.from_store,
        "runs": past.runs.len(),
        "quality": past.scores.is_some(),
        "column_lineage": !inputs.lineage.is_empty(),
    })
}

/// The group that a member belongs to.
pub(super) fn group_of(member: Member<'_>) -> Option<&str> {
    match member {
        Member::Node(node) => node.group.as_deref(),
        other => other.config().text("group"),
    }
}

/// The project's own `__overview__`, else that of another package.
fn overview<'a>(pages: &'a Pages<'_>) -> Option<&'a str> {
    let manifest = pages.inputs.manifest;
    let mut found = manifest.docs.values().filter(|doc| doc.name == "__overview__");
    let own = found.clone().find(|doc| doc.package_name == manifest.project_name);
    own.or_else(|| found.next()).map(|doc| doc.block_contents.as_str())
}

/// How the tests of nodes ended.
struct Tests {
    counts: HashMap<usize, [usize; 4]>,
}

impl Tests {
    fn new(pages: &Pages<'_>) -> Tests {
        let mut counts = HashMap::new();
        for (at, member) in pages.members.iter().enumerate() {
            let mut tests: Vec<&UniqueId> =
                pages.tests[at].iter().map(|test| &test.unique_id).collect();
            if is_singular(*member) {
                tests.push(member.unique_id());
            }
            let mut count = [0, 0, 0, tests.len()];
            for id in tests {
                match pages.inputs.past.last(id).map(|last| last.status.as_str()) {
                    Some("pass" | "success") => count[0] += 1,
                    Some("warn") => count[1] += 1,
                    Some("fail" | "error") => count[2] += 1,
                    _ => {}
                }
            }
            if count[3] > 0 {
                counts.insert(at, count);
            }
        }
        Tests { counts }
    }

    /// Pass, warn, fail, all; null where there are none.
    fn counts(&self, at: usize) -> Value {
        self.counts.get(&at).map_or(Value::Null, |count| json!(count))
    }
}

/// For each node in order: its description, the names of its columns, their descriptions, and the
/// names of its tests.
pub(super) fn search(pages: &Pages<'_>) -> Value {
    let row = |(at, member): (usize, &Member<'_>)| {
        let columns = columns_of(pages, *member);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let about: Vec<&str> = columns.iter().filter_map(|c| c.description()).collect();
        let tests: Vec<&str> = pages.tests[at].iter().map(|test| test.name.as_str()).collect();
        json!([description(*member), names.join(" "), about.join(" "), tests.join(" ")])
    };
    pages.members.iter().enumerate().map(row).collect()
}

/// For each node in order: its code, as far as that is searched.
pub(super) fn sql(pages: &Pages<'_>) -> Value {
    const MOST: usize = 20_000;
    let code = |member: &Member<'_>| {
        let code = member.node().map_or("", |node| &*node.raw_code);
        code.chars().take(MOST).collect::<String>()
    };
    pages.members.iter().map(code).collect()
}
