//! What the page knows of one node: columns, code, tests, how it ran.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{ColumnEdge, Pages, compact};
use crate::artifacts::inherited_json;
use crate::graph::Member;
use crate::manifest::{ColumnInfo, Node, ResourceType, UniqueId};
use crate::run::{CatalogColumn, CatalogTable};
use crate::store::{CheckSummary, Executions, QualityRule};

/// How large a file of details becomes at most, in bytes, unless one node alone is larger.
const CHUNK: usize = 150_000;

/// How many nodes a file has at most.
const NODES: usize = 100;

/// The files of details, each a list in JSON, and which node each begins with.
pub(super) fn chunks(pages: &Pages<'_>) -> (Vec<String>, Vec<usize>) {
    let context = Context::new(pages);
    let (mut chunks, mut starts) = (Vec::new(), Vec::new());
    let (mut chunk, mut size) = (Vec::new(), 0);
    let list = |chunk: &[String]| format!("[{}]", chunk.join(","));
    for (at, member) in pages.members.iter().enumerate() {
        let detail = context.detail(at, *member).to_string();
        if !chunk.is_empty() && (size + detail.len() > CHUNK || chunk.len() == NODES) {
            chunks.push(list(&chunk));
            chunk.clear();
            size = 0;
        }
        if chunk.is_empty() {
            starts.push(at);
        }
        size += detail.len();
        chunk.push(detail);
    }
    if !chunk.is_empty() {
        chunks.push(list(&chunk));
    }
    (chunks, starts)
}

/// A column as the database has it, as the project describes it, or both.
pub(super) struct Column<'a> {
    pub name: &'a String,
    held: Option<&'a CatalogColumn>,
    pub info: Option<&'a ColumnInfo>,
}

impl<'a> Column<'a> {
    /// What the project says of it, else the database's comment.
    pub fn description(&self) -> Option<&'a str> {
        let said = self.info.map(|info| info.description.as_str()).filter(|text| !text.is_empty());
        said.or_else(|| self.held?.comment.as_deref().filter(|text| !text.is_empty()))
    }

    /// The database's type, else the one that the project says.
    pub fn data_type(&self) -> Option<&'a str> {
        let held = self.held.map(|held| held.data_type.as_str());
        held.or_else(|| self.info?.data_type.as_deref())
    }
}

/// The columns of a member: those of the database in their order, then those that are only described.
pub(super) fn columns_of<'a>(pages: &Pages<'a>, member: Member<'a>) -> Vec<Column<'a>> {
    let described: &IndexMap<String, ColumnInfo> = match member {
        Member::Node(node) => &node.columns,
        Member::Source(source) => &source.columns,
        _ => return Vec::new(),
    };
    let mut rest: HashMap<String, &ColumnInfo> =
        described.iter().map(|(name, info)| (name.to_lowercase(), info)).collect();
    let mut held: Vec<&CatalogColumn> =
        table_of(pages, member).map(|table| table.columns.iter().collect()).unwrap_or_default();
    held.sort_by_key(|column| column.index);
    let mut columns: Vec<Column> = held
        .into_iter()
        .map(|held| {
            let info = rest.remove(&held.name.to_lowercase());
            Column { name: &held.name, held: Some(held), info }
        })
        .collect();
    let only_described =
        described.iter().filter(|(name, _)| rest.contains_key(&name.to_lowercase()));
    columns.extend(only_described.map(|(name, info)| Column {
        name,
        held: None,
        info: Some(info),
    }));
    columns
}

fn table_of<'a>(pages: &Pages<'a>, member: Member<'_>) -> Option<&'a CatalogTable> {
    let catalog = pages.inputs.catalog;
    let tables = match member {
        Member::Source(_) => &catalog.sources,
        _ => &catalog.nodes,
    };
    tables.get(member.unique_id()).map(Arc::as_ref)
}

/// What details are made of, found by node.
struct Context<'a> {
    pages: &'a Pages<'a>,
    failing: HashMap<&'a str, &'a CheckSummary>,
    lineage: HashMap<&'a str, Vec<&'a ColumnEdge>>,
}

impl<'a> Context<'a> {
    fn new(pages: &'a Pages<'a>) -> Context<'a> {
        let failing = pages.inputs.past.failing.iter();
        let mut lineage: HashMap<&str, Vec<&ColumnEdge>> = HashMap::new();
        for edge in pages.inputs.lineage {
            lineage.entry(&edge.to.0).or_default().push(edge);
        }
        Context { pages, failing: failing.map(|one| (&*one.unique_id, one)).collect(), lineage }
    }

    fn detail(&self, at: usize, member: Member<'a>) -> Value {
        let id = &**member.unique_id();
        let table = table_of(self.pages, member);
        let stats = table.into_iter().flat_map(|table| table.stats.values());
        let stats: Vec<Value> = stats
            .map(|stat| json!([stat.get("label"), stat.get("value"), stat.get("description")]))
            .collect();
        let columns = columns_of(self.pages, member);
        let columns = columns.iter().map(|column| self.column(column, table.is_some()));
        let tests = self.pages.tests[at].iter().map(|test| self.test(test));
        let (executions, message) = past(self.pages.inputs.past.executions.get(id));
        let mut detail = json!({
            "description": description(member),
            "columns": columns.collect::<Vec<_>>(),
            "stats": stats,
            "owner": table.and_then(|table| table.metadata.get("owner")),
            "held_as": table.and_then(|table| table.metadata.get("type")),
            "tests": tests.collect::<Vec<_>>(),
            "executions": executions,
            "message": message,
            "lineage": self.lineage(id),
        });
        if let Value::Object(map) = &mut detail
            && let Value::Object(more) = self.more(member)
        {
            map.extend(more);
        }
        compact(detail)
    }

    /// What only some kinds have.
    fn more(&self, member: Member<'a>) -> Value {
        match member {
            Member::Node(node) => self.of_node(node),
            Member::Source(source) => json!({
                "relation": source.relation().render(),
                "source": source.source_name,
                "source_description": source.source_description,
                "loader": source.loader,
                "external": source.external_location,
                "freshness": source.freshness,
                "loaded_at": source.loaded_at_field,
                "meta": source.meta,
            }),
            Member::Exposure(exposure) => json!({
                "label": exposure.label,
                "type": exposure.exposure_type,
                "url": exposure.url,
                "maturity": exposure.maturity,
                "contact": exposure.owner,
                "meta": exposure.meta,
            }),
            Member::Semantic(entity) => json!({"meta": entity.meta, "body": entity.body}),
        }
    }

    fn of_node(&self, node: &'a Node) -> Value {
        let manifest = self.pages.inputs.manifest;
        let bridges = self.pages.inputs.bridges.read_by(node, manifest);
        let bridges = bridges.iter().map(|bridge| {
            let place = self.pages.places.get(&*bridge.source);
            json!([place, &*bridge.from_engine, &*bridge.to_engine, bridge.to.render()])
        });
        let own = |id: &&UniqueId| {
            manifest.macros.get(*id).is_some_and(|one| one.package_name == node.package_name)
        };
        let macros = node.depends_on_macros.iter().filter(own);
        let makes = node.resource_type.is_refable() && !node.is_ephemeral();
        let is_test = node.resource_type == ResourceType::Test;
        let config = node.config.values.iter().filter(|(key, value)| {
            !value.is_null()
                && !["tags", "meta", "group", "docs", "enabled"].contains(&key.as_str())
        });
        json!({
            "relation": makes.then(|| node.relation().render()),
            "language": node.language(),
            "code": &*node.raw_code,
            "compiled": (self.pages.inputs.compiled)(&node.unique_id).as_deref(),
            "bridges": bridges.collect::<Vec<_>>(),
            "macros": macros.map(|id| manifest.macros[id].name.as_str()).collect::<Vec<_>>(),
            "access": node.access.as_str(),
            "version": node.facts.as_ref().and_then(|facts| facts.version_text()),
            "deprecated": node.facts.as_ref().and_then(|facts| facts.deprecation_date.as_deref()),
            "audited": node.is_audited(),
            "patch": node.patch_path.as_deref().and_then(|path| path.split_once("://")).map(|p| p.1),
            "config": config.collect::<IndexMap<_, _>>(),
            "meta": node.meta,
            // A test that is a file of its own is its own only test.
            "test": is_test.then(|| self.test(node)),
        })
    }

    fn column(&self, column: &Column<'_>, is_held: bool) -> Value {
        let info = column.info;
        compact(json!({
            "name": column.name,
            "type": column.data_type(),
            "description": column.description(),
            "tags": info.map(|info| &info.tags),
            "meta": info.map(|info| &info.meta),
            "pii": info.is_some_and(ColumnInfo::is_pii),
            "inherited_from": info.and_then(|info| info.inherited.as_deref()).map(inherited_json),
            "constraints": info.map(|info| &info.constraints),
            "missing": is_held && column.held.is_none(),
        }))
    }

    /// A test, with its last checks and what the last one found.
    fn test(&self, test: &Node) -> Value {
        let rule = QualityRule::of(self.pages.inputs.manifest, test);
        let known = self.pages.inputs.past.executions.get(&*test.unique_id);
        let (checks, message) = past(known);
        let arguments = test.test_metadata.as_ref().map(|test| {
            let own = |key: &&String| !["model", "column_name"].contains(&key.as_str());
            let named = test.kwargs.iter().filter(|(key, _)| own(key));
            named.collect::<IndexMap<_, _>>()
        });
        let unit = test.unit_test.as_ref().map(|unit| {
            let given = unit.given.iter().map(|given| json!([given.input, given.fixture.rows]));
            json!({"given": given.collect::<Vec<_>>(), "expect": unit.expect.rows})
        });
        // That of a file is shown with its page.
        let compiled = || (self.pages.inputs.compiled)(&test.unique_id);
        let code = test.test_metadata.as_ref().and_then(|_| compiled());
        compact(json!({
            "id": &*test.unique_id,
            "name": test.name,
            "kind": rule.kind,
            "column": test.column_name,
            "severity": rule.severity,
            "owner": rule.owner,
            "context": rule.context,
            "description": test.description,
            "arguments": arguments,
            "unit": unit,
            "code": code.as_deref(),
            "checks": checks,
            "message": message,
            "failing": self.failing.get(&*test.unique_id).map(|check| failing(check)),
        }))
    }

    /// What the columns of a node are made of: column, place of the node that is read, its column,
    /// kind.
    fn lineage(&self, id: &str) -> Vec<Value> {
        let edges = self.lineage.get(id).into_iter().flatten();
        let edge = |edge: &&ColumnEdge| {
            let from = self.pages.places.get(&*edge.from.0)?;
            Some(json!([edge.to.1, from, edge.from.1, edge.kind]))
        };
        edges.filter_map(edge).collect()
    }
}

/// Executions as lists: milliseconds since 1970, status, duration, count; and what the last said.
fn past(known: Option<&Executions>) -> (Vec<Value>, Option<&str>) {
    let all = known.map(|known| known.all.as_slice()).unwrap_or_default();
    let lists = all.iter().map(|one| json!([one.at_ms, one.status, one.duration_ms, one.count]));
    (lists.collect(), known.and_then(|known| known.message.as_deref()))
}

/// The failing rows of a check: values in the order of the columns, the key first. Personal values
/// were masked before they came to the store.
fn failing(check: &CheckSummary) -> Value {
    let columns: Vec<&String> = match check.columns.is_empty() {
        false => check.columns.iter().collect(),
        true => check
            .rows
            .iter()
            .find_map(|row| row.data.as_object())
            .into_iter()
            .flat_map(|row| row.keys())
            .collect(),
    };
    let row = |row: &crate::store::FailingRow| {
        let values: Vec<&Value> = columns.iter().map(|name| &row.data[name.as_str()]).collect();
        json!([row.change, values])
    };
    let changes = check.changes.as_ref();
    json!({
        "at": check.checked_at.as_millisecond(),
        "failures": check.failures,
        "columns": columns,
        "keys": check.key_columns,
        "rows": check.rows.iter().map(row).collect::<Vec<_>>(),
        "changes": changes.map(|one| json!([one.new, one.recurring, one.resolved])),
    })
}

/// What its author says about it.
pub(super) fn description(member: Member<'_>) -> &str {
    match member {
        Member::Node(node) => &node.description,
        Member::Source(source) => &source.description,
        Member::Exposure(exposure) => &exposure.description,
        Member::Semantic(entity) => {
            entity.body.get("description").and_then(Value::as_str).unwrap_or_default()
        }
    }
}
