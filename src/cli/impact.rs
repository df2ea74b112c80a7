//! `impact`: what changed since an earlier state of the project, column by column, and which columns,
//! tests and exposures that touches.

use std::collections::HashSet;
use std::sync::Arc;

use fixedbitset::FixedBitSet;
use serde_json::Value;

use super::analysed::{Analysed, analyse};
use super::args::{CheckOutput, ImpactArgs, SelectionArgs};
use super::columns::Known;
use super::session::{Session, Start};
use super::{Exit, Outcome};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::graph::previous::find;
use crate::graph::{Member, NodeIndex, Selected};
use crate::lineage::{self, ColumnId, Impact, Lineage, NodeChange};
use crate::manifest::{Manifest, Node, ResourceType, UniqueId};
use crate::report::ImpactView;

/// What may change and be read.
const KINDS: &[ResourceType] =
    &[ResourceType::Model, ResourceType::Snapshot, ResourceType::Seed, ResourceType::Source];

/// Shows what the changes of a project touch.
pub(super) fn command(start: &Start, args: &ImpactArgs) -> Outcome {
    let selection =
        SelectionArgs { select: vec!["state:modified".to_owned()], ..SelectionArgs::default() };
    let session = start.session("impact", &selection, None)?;
    let state = session.states.state.as_ref().and_then(|state| {
        let manifest = state.manifest.as_ref()?;
        let path = session.config.flags.all.text("state").unwrap_or_default();
        Some((manifest, path.to_owned()))
    });
    let (manifest, path) = state.ok_or_else(lacking)?;
    let modified = session.select(&selection, KINDS.to_vec(), false)?;
    let reached = session.graph.descendants(&modified.set, None);
    let analysed = analyse(&session, &reached);
    let before = before(&session, manifest, &modified, &reached, &analysed);
    let later = later(&session, &modified, &reached, &analysed);
    let now = [&analysed.lineage, later.as_ref().unwrap_or(&analysed.lineage)];
    let view = view(&session, manifest, &path, &modified, &before, now)?;
    let text = match args.output {
        CheckOutput::Text => view.text(&session.compiler.manifest, session.console.color()),
        CheckOutput::Json => serde_json::to_string_pretty(&view.json()).unwrap_or_default(),
    };
    session.console.data(text.trim_end());
    session.leave();
    Ok(Exit::Done)
}

fn lacking() -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::NO_STATE, "There is nothing to compare the project with")
            .help("Name the folder of an earlier manifest.json with --state."),
    )
}

/// The lineage as it was: changed nodes have their SQL of the earlier manifest, what reads them its own.
fn before(
    session: &Session,
    earlier: &Value,
    modified: &Selected,
    reached: &FixedBitSet,
    analysed: &Analysed,
) -> Lineage {
    let graph = &session.graph;
    let changed: HashSet<&UniqueId> =
        modified.nodes.iter().map(|index| graph.unique_id(*index)).collect();
    let mut schemas = analysed.schemas.clone();
    for index in reached.ones() {
        schemas.remove(graph.unique_id(NodeIndex::new(index)));
    }
    let sql = |id: &UniqueId| -> std::result::Result<Arc<str>, String> {
        if changed.contains(id) {
            let code = compiled_code(earlier, id);
            return code.map(Arc::from).ok_or_else(|| "it was not compiled".to_owned());
        }
        let compiled = analysed.compiled.get(id).map(|compiled| compiled.sql.clone());
        compiled.ok_or_else(|| "it does not compile".to_owned())
    };
    let earlier_name = |id: &UniqueId| {
        let name = find(earlier, id)?.get("relation_name")?.as_str()?;
        Some(lineage::name_parts(name))
    };
    Known { compiler: &session.compiler, graph: &session.graph, sql: &sql, schemas: &schemas }
        .lineage_as_named(reached, &earlier_name)
}

/// The lineage with changed incremental models as they are where their tables are there, which is what
/// the earlier manifest has after a run that added to them; none where there are no such models.
fn later(
    session: &Session,
    modified: &Selected,
    reached: &FixedBitSet,
    analysed: &Analysed,
) -> Option<Lineage> {
    let modified: HashSet<&UniqueId> =
        modified.nodes.iter().map(|index| session.graph.unique_id(*index)).collect();
    if !analysed.compiled_later.keys().any(|id| modified.contains(id)) {
        return None;
    }
    let sql = |id: &UniqueId| -> std::result::Result<Arc<str>, String> {
        let later = analysed.compiled_later.get(id).filter(|_| modified.contains(id));
        let compiled = later.or_else(|| analysed.compiled.get(id));
        let compiled = compiled.map(|compiled| compiled.sql.clone());
        compiled.ok_or_else(|| "it does not compile".to_owned())
    };
    let (compiler, graph) = (&session.compiler, &session.graph);
    Some(Known { compiler, graph, sql: &sql, schemas: &analysed.schemas }.lineage(reached))
}

fn compiled_code<'m>(manifest: &'m Value, id: &str) -> Option<&'m str> {
    find(manifest, id)?.get("compiled_code")?.as_str()
}

/// Puts together what is shown.
fn view(
    session: &Session,
    earlier: &Value,
    path: &str,
    modified: &Selected,
    before: &Lineage,
    [now, later]: [&Lineage; 2],
) -> Result<ImpactView> {
    let (graph, manifest) = (&session.graph, &session.compiler.manifest);
    let mut view = ImpactView { compared_with: path.to_owned(), ..ImpactView::default() };
    let mut changes = Vec::new();
    for index in &modified.nodes {
        let id = graph.unique_id(*index);
        if find(earlier, id).is_none() {
            view.new.push(id.clone());
            continue;
        }
        let change = match compiled_code(earlier, id) {
            // It is not known which of the two an earlier run compiled.
            Some(_) => [now, later]
                .into_iter()
                .filter_map(|now| NodeChange::between(before, now, id))
                .min_by_key(NodeChange::size),
            None => {
                view.unknown.push(id.clone());
                None
            }
        };
        let change = change.unwrap_or_else(|| NodeChange::unknown(now, id));
        match change.is_empty() {
            true => view.same.push(id.clone()),
            false => changes.push((id.clone(), change)),
        }
    }
    let old = earlier.get("nodes").and_then(Value::as_object).into_iter().flatten();
    let is_gone = |id: &&String| {
        let kind = id.split('.').next().unwrap_or_default();
        ["model", "snapshot", "seed"].contains(&kind) && !manifest.nodes.contains_key(id.as_str())
    };
    view.gone = old.map(|(id, _)| id).filter(is_gone).map(|id| Arc::from(id.as_str())).collect();
    let children = |id: &UniqueId| {
        let index = graph.index_of(manifest, id);
        let children = index.into_iter().flat_map(|index| graph.children(index));
        let readers = children.filter(|index| match graph.member(manifest, *index) {
            Member::Node(node) => node.resource_type.is_refable(),
            _ => false,
        });
        readers.map(|index| graph.unique_id(index).clone()).collect()
    };
    view.impact = Impact::of(&changes, before, now, &children);
    view.tests = tests(manifest, &changes, &view.impact);
    let nodes = touched(&changes, &view.impact);
    let exposures = manifest.exposures.values();
    let is_touched = |exposure: &&crate::manifest::Exposure| {
        exposure.depends_on.iter().any(|id| nodes.contains(id))
    };
    view.exposures = exposures.filter(is_touched).map(|one| one.unique_id.clone()).collect();
    view.changes = changes;
    Ok(view)
}

/// The nodes of which anything may be different.
fn touched<'a>(changes: &'a [(UniqueId, NodeChange)], impact: &'a Impact) -> HashSet<&'a UniqueId> {
    let columns = impact.columns.iter().chain(&impact.lost).map(|column| &column.node);
    changes.iter().map(|(id, _)| id).chain(columns).chain(&impact.rows).collect()
}

/// The tests that look at what may be different.
fn tests(
    manifest: &Manifest,
    changes: &[(UniqueId, NodeChange)],
    impact: &Impact,
) -> Vec<UniqueId> {
    let mut columns: HashSet<ColumnId> =
        impact.columns.iter().chain(&impact.lost).cloned().collect();
    let mut rows: HashSet<&UniqueId> = impact.rows.iter().collect();
    let changed: HashSet<&UniqueId> = changes.iter().map(|(id, _)| id).collect();
    for (id, change) in changes {
        let names = change.added.iter().chain(&change.removed).chain(&change.changed);
        columns.extend(names.map(|name| ColumnId::new(id, name)));
        if change.rows {
            rows.insert(id);
        }
    }
    let lower: HashSet<(&UniqueId, String)> =
        columns.iter().map(|column| (&column.node, column.column.to_lowercase())).collect();
    let touched = touched(changes, impact);
    let is_touched = |test: &Node| match (&test.attached_node, &test.column_name) {
        (Some(node), _) if rows.contains(node) => true,
        (Some(node), Some(column)) => lower.contains(&(node, column.to_lowercase())),
        (None, _) if test.resource_type == ResourceType::UnitTest => {
            test.depends_on.iter().any(|id| changed.contains(id))
        }
        _ => test.depends_on.iter().any(|id| touched.contains(id)),
    };
    let tests = manifest.nodes.values().filter(|node| node.resource_type.is_test());
    tests.filter(|test| is_touched(test)).map(|test| test.unique_id.clone()).collect()
}
