//! A project's documentation as a static site: manifest, catalog, compiled SQL and the past as data
//! files, and the page that shows them. The page is built from `docs-site/` into `assets/`.
//!
//! The data are scripts, since a page that was opened from a disk may not read anything else: each
//! file is one call, `pintail("<name>", <JSON>)`. `index` is read first and is small; the details of
//! nodes come in files of some of them each, when they are looked at. Nothing is asked of a database
//! here but of the store, and nothing is compiled.

mod detail;
mod index;
mod markdown;
mod past;
mod server;
mod site;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::compile::Bridges;
use crate::config::Target;
use crate::graph::{Graph, Member, NodeIndex};
use crate::manifest::{FastHash, Manifest, Node, ResourceType, UniqueId};
use crate::run::Catalog;

pub use markdown::write_markdown;
pub use past::{Past, PastRun};
pub use server::{Reload, Server};
pub use site::{Site, copy};

/// What the site is made of.
pub struct Inputs<'a> {
    pub manifest: &'a Manifest,
    pub graph: &'a Graph,
    pub target: &'a Target,
    pub bridges: &'a Bridges,
    pub catalog: &'a Catalog,
    /// The compiled SQL of a node, where it was compiled.
    pub compiled: &'a dyn Fn(&str) -> Option<Arc<str>>,
    /// Which columns are made of which; empty where that was not analysed.
    pub lineage: &'a [ColumnEdge],
    pub past: &'a Past,
    pub generated_at: Timestamp,
}

/// A column that is made of another one, or decided by it.
#[derive(Debug, Clone)]
pub struct ColumnEdge {
    /// The node that is read, and its column.
    pub from: (UniqueId, String),
    /// The node that reads, and its column; where a filter or a join decides about all of its rows,
    /// the column is empty.
    pub to: (UniqueId, String),
    pub kind: EdgeKind,
}

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// The same value under the same name or another one.
    Copy,
    /// A value that is computed of it.
    Transform,
    /// It decides which rows there are.
    Filter,
}

/// What has a page: everything but tests that stand under a node, and hooks.
struct Pages<'a> {
    inputs: &'a Inputs<'a>,
    /// In the order of the site.
    members: Vec<Member<'a>>,
    /// The place of each in `members`.
    places: HashMap<&'a str, usize, FastHash>,
    /// The generic tests and unit tests of each.
    tests: Vec<Vec<&'a Node>>,
}

impl<'a> Pages<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Pages<'a> {
        let all = (0..inputs.graph.len()).map(NodeIndex::new);
        let members = all.map(|at| inputs.graph.member(inputs.manifest, at));
        let members: Vec<Member> = members.filter(|one| has_page(*one)).collect();
        let places = members.iter().enumerate().map(|(at, one)| (&**one.unique_id(), at));
        let places: HashMap<&str, usize, FastHash> = places.collect();
        let mut tests = vec![Vec::new(); members.len()];
        for test in inputs.manifest.nodes.values().filter(|node| node.resource_type.is_test()) {
            let tested = test.tested().and_then(|id| places.get(&**id)).copied();
            if let Some(tested) = tested.filter(|_| !places.contains_key(&*test.unique_id)) {
                tests[tested].push(&**test);
            }
        }
        Pages { inputs, members, places, tests }
    }

    /// The places of what a member reads.
    fn parents(&self, member: Member<'_>) -> Vec<usize> {
        member.depends_on().iter().filter_map(|id| self.places.get(&**id).copied()).collect()
    }
}

fn has_page(member: Member<'_>) -> bool {
    match member.resource_type() {
        ResourceType::Operation | ResourceType::UnitTest => false,
        ResourceType::Test => is_singular(member),
        _ => true,
    }
}

/// A test that is a file of its own.
fn is_singular(member: Member<'_>) -> bool {
    member.node().is_some_and(|test| {
        test.resource_type == ResourceType::Test
            && (test.test_metadata.is_none() || test.depends_on.is_empty())
    })
}

/// An object without what is empty: null, `""`, `[]`, `{}` and `false`.
fn compact(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::String(text) => text.is_empty(),
        Value::Array(many) => many.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(_) => false,
    };
    Value::Object(map.into_iter().filter(|(_, value)| !is_empty(value)).collect::<Map<_, _>>())
}
