//! `lineage`: which columns a column is made of, and which are made of it.

use serde_json::{Map, json};

use super::analysed::{Analysed, analyse};
use super::args::{LineageArgs, LineageFormat, SelectionArgs};
use super::session::{Session, Start};
use super::{Exit, Outcome};
use crate::diagnostic::{Code, Diagnostic, Result, did_you_mean};
use crate::graph::{Member, NodeIndex};
use crate::lineage::{ColumnId, Edge, Lineage, Tree, Unresolved, Walk, Way};
use crate::manifest::{ResourceType, UniqueId};
use crate::report::LineageView;

/// What a command line names.
struct Asked {
    at: NodeIndex,
    column: Option<String>,
}

/// Shows the lineage of a node or of one of its columns.
pub(super) fn command(start: &Start, args: &LineageArgs) -> Outcome {
    let session = start.session("lineage", &SelectionArgs::default(), None)?;
    let Some(name) = &args.name else {
        whole(&session, args.format);
        session.leave();
        return Ok(Exit::Done);
    };
    let asked = asked(&session, name)?;
    let ways = match (args.upstream, args.downstream) {
        (true, false) => vec![Way::Up],
        (false, true) => vec![Way::Down],
        _ => vec![Way::Up, Way::Down],
    };
    let mut wanted = session.graph.empty_set();
    wanted.insert(asked.at.index());
    if ways.contains(&Way::Down) {
        wanted = session.graph.descendants(&wanted, None);
    }
    show(&session, args, &asked, &ways, &analyse(&session, &wanted))?;
    session.leave();
    Ok(Exit::Done)
}

fn show(
    session: &Session,
    args: &LineageArgs,
    asked: &Asked,
    ways: &[Way],
    analysed: &Analysed,
) -> Result<()> {
    let lineage = &analysed.lineage;
    let id = session.graph.unique_id(asked.at);
    let node = lineage.node(id).ok_or_else(|| no_columns(id))?;
    let roots: Vec<ColumnId> = match &asked.column {
        Some(name) => match node.column(name) {
            Some((own, _)) => vec![ColumnId::new(id, own)],
            None => {
                let error = Diagnostic::error(
                    Code::USAGE,
                    format!(
                        "`{}` has no column `{name}`",
                        session.graph.member(&session.compiler.manifest, asked.at).search_name()
                    ),
                );
                let near = did_you_mean(name, node.columns.keys().map(|own| &**own));
                return Err(Box::new(match near {
                    Some(near) => error.help(near),
                    None => error.help("`pintail lineage` with the model alone lists its columns."),
                }));
            }
        },
        None => node.columns.keys().map(|own| ColumnId::new(id, own)).collect(),
    };
    let place = |id: &UniqueId, offset: usize| analysed.place(session, id, offset);
    let view = LineageView {
        manifest: &session.compiler.manifest,
        place: &place,
        color: session.console.color(),
    };
    let readers = lineage.readers();
    // Of a whole model the next step; of a column everything.
    let is_tree = args.format == LineageFormat::Tree;
    let depth = args.depth.or((is_tree && asked.column.is_none()).then_some(1));
    let walk = |way| Walk { lineage, readers: &readers, way, depth };
    if is_tree {
        let mut parts = Vec::new();
        for way in ways {
            let title = match way {
                Way::Up => "Upstream",
                Way::Down => "Downstream",
            };
            parts.push(format!("{title}\n"));
            let trees: Vec<Tree> = roots.iter().map(|root| walk(*way).tree(root)).collect();
            match asked.column {
                Some(_) => parts.extend(trees.iter().map(|tree| view.tree(tree, *way))),
                None => parts.push(view.node(id, &trees, *way)),
            }
            if *way == Way::Up && !node.filters.is_empty() {
                parts.push(view.filters(id, &node.filters));
            }
            if *way == Way::Up {
                let problem = |one| format!("Not resolved: {}\n", view.reason(id, one));
                let all = node.unresolved.iter().chain(&node.unresolved_filters);
                parts.extend(all.map(problem));
            }
        }
        session.console.data(parts.join("\n").trim_end());
        return Ok(());
    }
    let mut edges: Vec<Edge> = Vec::new();
    for way in ways {
        edges.extend(walk(*way).edges(&roots));
    }
    if ways.contains(&Way::Up) {
        let rows = ColumnId::new(id, "");
        let decided = lineage.edges_of(id).into_iter().filter(|edge| edge.to == rows);
        edges.extend(decided);
    }
    let text = match args.format {
        LineageFormat::Json => {
            let json = view.json(&roots, &edges, &unresolved(lineage, id, &roots, &edges));
            serde_json::to_string_pretty(&json).unwrap_or_default()
        }
        LineageFormat::Mermaid => view.mermaid(&roots, &edges),
        LineageFormat::Dot | LineageFormat::Tree => view.dot(&roots, &edges),
    };
    session.console.data(text.trim_end());
    Ok(())
}

/// What could not be told of the columns that are shown.
fn unresolved(
    lineage: &Lineage,
    id: &UniqueId,
    roots: &[ColumnId],
    edges: &[Edge],
) -> Vec<(ColumnId, Unresolved)> {
    let ends = edges.iter().flat_map(|edge| [&edge.from, &edge.to]);
    let mut columns: Vec<&ColumnId> = roots.iter().chain(ends).collect();
    columns.sort();
    columns.dedup();
    let mut all = Vec::new();
    for column in columns {
        let made = lineage.column(column).map(|made| made.unresolved.as_slice());
        all.extend(made.into_iter().flatten().map(|one| (column.clone(), one.clone())));
    }
    all.extend(of_rows(lineage, id));
    all
}

/// What could not be told of a node as a whole.
fn of_rows(lineage: &Lineage, id: &UniqueId) -> Vec<(ColumnId, Unresolved)> {
    let node = lineage.node(id).into_iter();
    let all = node.flat_map(|node| node.unresolved.iter().chain(&node.unresolved_filters));
    all.map(|one| (ColumnId::new(id, ""), one.clone())).collect()
}

/// How much is known of the columns of all models and snapshots, and what is not.
fn whole(session: &Session, format: LineageFormat) {
    let mut wanted = session.graph.empty_set();
    wanted.insert_range(..);
    let analysed = analyse(session, &wanted);
    let lineage = &analysed.lineage;
    let place = |id: &UniqueId, offset: usize| analysed.place(session, id, offset);
    let manifest = &session.compiler.manifest;
    let view = LineageView { manifest, place: &place, color: session.console.color() };
    let (mut columns, mut resolved) = (0, 0);
    let mut models = Map::new();
    let (mut edges, mut unresolved) = (Vec::new(), Vec::new());
    for index in session.graph.order() {
        let id = session.graph.unique_id(*index);
        let Some(known) = lineage.node(id) else { continue };
        edges.extend(lineage.edges_of(id));
        let node = manifest.nodes.get(id);
        if node.is_none_or(|node| node.resource_type == ResourceType::Seed) {
            continue;
        }
        // Columns that are not known count as one.
        let own = known.columns.len() + usize::from(!known.unresolved.is_empty());
        let good = known.columns.values().filter(|column| column.unresolved.is_empty()).count();
        models.insert(id.to_string(), json!({"columns": own, "resolved": good}));
        (columns, resolved) = (columns + own, resolved + good);
        for (name, column) in &known.columns {
            let all = column.unresolved.iter();
            unresolved.extend(all.map(|one| (ColumnId::new(id, name), one.clone())));
        }
        unresolved.extend(of_rows(lineage, id));
    }
    let text = match format {
        LineageFormat::Json => {
            let mut json = view.json(&[], &edges, &unresolved);
            json["models"] = models.into();
            json["columns"] = columns.into();
            json["resolved"] = resolved.into();
            serde_json::to_string_pretty(&json).unwrap_or_default()
        }
        LineageFormat::Mermaid => view.mermaid(&[], &edges),
        LineageFormat::Dot => view.dot(&[], &edges),
        LineageFormat::Tree => view.summary(columns, resolved, &unresolved),
    };
    session.console.data(text.trim_end());
}

fn no_columns(id: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::USAGE, format!("`{id}` has no columns"))
            .help("Name a model, a seed, a snapshot or a source."),
    )
}

/// What a name means: a node or source, or with a dot more one of its columns.
fn asked(session: &Session, name: &str) -> Result<Asked> {
    if let Some(at) = find(session, name) {
        return Ok(Asked { at, column: None });
    }
    if let Some((node, column)) = name.rsplit_once('.')
        && let Some(at) = find(session, node)
    {
        return Ok(Asked { at, column: Some(column.to_owned()) });
    }
    let manifest = &session.compiler.manifest;
    let all = (0..session.graph.len()).map(|at| session.graph.member(manifest, NodeIndex::new(at)));
    let names: Vec<String> = all.filter(has_columns).map(Member::search_name).collect();
    let known = || names.iter().map(String::as_str);
    let near = did_you_mean(name, known());
    let near = near.or_else(|| did_you_mean(name.rsplit_once('.')?.0, known()));
    let error = Diagnostic::error(Code::USAGE, format!("`{name}` is no model and no source"));
    Err(Box::new(match near {
        Some(near) => error.help(near),
        None => error.help(
            "Name a model, seed or snapshot, or a source as `source.table`; `.column` may follow.",
        ),
    }))
}

fn has_columns(member: &Member<'_>) -> bool {
    match member {
        Member::Node(node) => node.resource_type.is_refable(),
        Member::Source(_) => true,
        _ => false,
    }
}

/// The node or source of a name: those of the project itself go first.
fn find(session: &Session, name: &str) -> Option<NodeIndex> {
    let manifest = &session.compiler.manifest;
    let all = (0..session.graph.len()).map(NodeIndex::new);
    let is_meant = |index: &NodeIndex| {
        let member = session.graph.member(manifest, *index);
        has_columns(&member)
            && (member.search_name() == name
                || &**member.unique_id() == name
                || format!("{}.{}", member.package_name(), member.search_name()) == name)
    };
    let own = &manifest.project_name;
    let mut found: Vec<NodeIndex> = all.filter(is_meant).collect();
    found.sort_by_key(|index| session.graph.member(manifest, *index).package_name() != own);
    found.first().copied()
}
