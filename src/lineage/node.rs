//! One node of a project: what its statement reads, what comes out under which names, and what the
//! engine adds to it.

use std::collections::HashSet;
use std::sync::Arc;

use sqlparser::tokenizer::Location;

use super::made::{Column, Kind, Made, Open, Problem, Rows, Sign};
use super::query::{Input, analyse};
use super::{ColumnId, ColumnLineage, Inputs, Lineage, NodeLineage, Unresolved};
use crate::check::Schema;
use crate::compile::cte_name;
use crate::manifest::{Manifest, Node, ResourceType, Source, UniqueId};

/// The columns of a source, which are made of nothing.
pub(super) fn of_source(inputs: &Inputs<'_>, source: &Source) -> NodeLineage {
    let mut lineage = NodeLineage::default();
    let schema = inputs.schemas.get(&source.unique_id);
    let known = schema.iter().flat_map(|schema| schema.names());
    let described = source.columns.values().map(|column| column.name.as_str());
    match schema {
        Some(schema) if !schema.open => lineage.add_known(known),
        _ => {
            lineage.add_known(known.chain(described));
            lineage.is_open = true;
        }
    }
    lineage
}

/// What the columns of a node are made of.
pub(super) fn of_node(inputs: &Inputs<'_>, node: &Node, known: &Lineage) -> NodeLineage {
    let schema = inputs.schemas.get(&node.unique_id);
    let names = schema.iter().flat_map(|schema| schema.names());
    let mut lineage = NodeLineage::default();
    if node.resource_type == ResourceType::Seed {
        lineage.add_known(names);
        return lineage;
    }
    let why = match (inputs.sql)(&node.unique_id) {
        _ if node.is_python() => "it is a Python model".to_owned(),
        Err(why) => why,
        Ok(sql) => {
            let reads = Reads::of(inputs, node, known);
            let kind = inputs.compiler.config.target.engines[&node.engine].kind();
            match analyse(&sql, kind, &reads.inputs) {
                Ok(found) => {
                    let place = Place { sql: &sql, ids: &reads.ids, outside: &found.outside };
                    // The columns that a snapshot adds are known where its schema is.
                    let is_snapshot = node.resource_type == ResourceType::Snapshot;
                    let schema = schema.map(|schema| &**schema);
                    place.fill(&mut lineage, found.rows, schema, is_snapshot);
                    lineage.is_open |= is_snapshot && schema.is_none_or(|schema| schema.open);
                    return lineage;
                }
                Err((why, at)) => {
                    let offset = at.and_then(|at| offset_of(&sql, at));
                    lineage.unresolved.push(Unresolved { reason: why.clone(), offset });
                    why
                }
            }
        }
    };
    if lineage.unresolved.is_empty() {
        lineage.unresolved.push(Unresolved { reason: why, offset: None });
    }
    let unresolved = lineage.unresolved.clone();
    lineage.is_open = true;
    for name in names {
        let column = ColumnLineage { unresolved: unresolved.clone(), ..ColumnLineage::default() };
        lineage.columns.insert(name.into(), column);
    }
    lineage
}

impl NodeLineage {
    /// Columns that are made of nothing that is known.
    fn add_known<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let mut seen: HashSet<String> =
            self.columns.keys().map(|name| name.to_ascii_lowercase()).collect();
        for name in names {
            if seen.insert(name.to_ascii_lowercase()) {
                self.columns.insert(name.into(), ColumnLineage::default());
            }
        }
    }

    /// A column, however its name is written.
    pub fn column(&self, name: &str) -> Option<(&Arc<str>, &ColumnLineage)> {
        self.columns
            .get_key_value(name)
            .or_else(|| self.columns.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)))
    }
}

/// What a node's statement may read.
#[derive(Default)]
struct Reads {
    inputs: Vec<Input>,
    ids: Vec<UniqueId>,
}

impl Reads {
    fn of(inputs: &Inputs<'_>, node: &Node, known: &Lineage) -> Reads {
        let mut reads = Reads::default();
        let manifest = &inputs.compiler.manifest;
        let mut stack: Vec<&UniqueId> = node.depends_on.iter().rev().collect();
        let mut seen = HashSet::new();
        while let Some(id) = stack.pop() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(upstream) = manifest.nodes.get(id).filter(|node| node.is_ephemeral()) {
                stack.extend(upstream.depends_on.iter().rev());
            }
            reads.add(inputs, manifest, node, id, known);
        }
        // Its own table, as an earlier run left it.
        if !node.is_ephemeral() {
            reads.add(inputs, manifest, node, &node.unique_id, known);
            reads.inputs.last_mut().into_iter().for_each(|own| own.only_whole = true);
        }
        reads
    }

    fn add(
        &mut self,
        inputs: &Inputs<'_>,
        manifest: &Manifest,
        node: &Node,
        id: &UniqueId,
        known: &Lineage,
    ) {
        let ephemeral = manifest.nodes.get(id).filter(|node| node.is_ephemeral());
        let mut input = Input { sign: Sign::of(id), ..Input::default() };
        if let Some(upstream) = ephemeral {
            input.names = vec![vec![cte_name(&upstream.alias)]];
        } else {
            let (Some(engine), Some(relation)) = (manifest.engine_of(id), manifest.relation_of(id))
            else {
                return;
            };
            let seen = inputs.compiler.seen_from(id, engine, &node.engine, relation);
            let parts = [seen.database.as_ref(), seen.schema.as_ref()];
            let mut name: Vec<String> = parts.into_iter().flatten().cloned().collect();
            name.push(seen.identifier.clone());
            input.names = vec![name];
            input.names.extend((inputs.earlier_name)(id));
            input.verbatim = seen.verbatim;
        }
        let schema = inputs.schemas.get(id).filter(|schema| !schema.open);
        match (schema, known.nodes.get(id)) {
            (Some(schema), _) => input.columns = schema.names().map(str::to_owned).collect(),
            (None, Some(lineage)) => {
                input.columns = lineage.columns.keys().map(|name| name.to_string()).collect();
                input.open = lineage.is_open;
            }
            (None, None) => input.open = true,
        }
        self.inputs.push(input);
        self.ids.push(id.clone());
    }
}

/// What the numbers and places of a looked-at statement mean.
struct Place<'a> {
    sql: &'a str,
    ids: &'a [UniqueId],
    outside: &'a [String],
}

impl Place<'_> {
    /// `adds` says that the relation has columns that are not those of the statement.
    fn fill(&self, lineage: &mut NodeLineage, rows: Rows, schema: Option<&Schema>, adds: bool) {
        lineage.sign = rows.sign;
        let filters = self.column(&rows.filters);
        lineage.filters = filters.from.into_iter().map(|(id, _)| id).collect();
        lineage.unresolved_filters = filters.unresolved;
        match schema.filter(|schema| !schema.open) {
            Some(schema) => self.fill_bound(lineage, &rows, schema, adds),
            None => {
                for column in &rows.columns {
                    lineage.columns.insert(column.name.as_str().into(), self.of(column));
                }
                self.leave_open(lineage, &rows.open);
                // Those that the engine adds, or that it told of what is open here.
                for name in schema.into_iter().flat_map(Schema::names) {
                    if lineage.column(name).is_none() {
                        let made = rows.open.column(name).unwrap_or_default();
                        lineage.columns.insert(name.into(), self.column(&made));
                    }
                }
            }
        }
    }

    /// The columns have the names that the engine gave them.
    fn fill_bound(&self, lineage: &mut NodeLineage, rows: &Rows, schema: &Schema, adds: bool) {
        let is_open = !matches!(rows.open, Open::No | Open::Same(_));
        let by_place = !is_open
            && (rows.columns.len() == schema.columns.len()
                || adds && rows.columns.len() < schema.columns.len());
        let is = |column: &Column, name: &str| column.name.eq_ignore_ascii_case(name);
        // A column whose name is another one there may be any of those that are not found.
        let mut all = rows.columns.iter();
        let are_found = all.all(|column| schema.names().any(|name| is(column, name)));
        for (at, name) in schema.names().enumerate() {
            let here = rows.columns.get(at).filter(|column| is(column, name));
            let named = here.or_else(|| rows.columns.iter().find(|column| is(column, name)));
            let made = match (named, rows.columns.get(at)) {
                (Some(column), _) => Some(self.of(column)),
                // What has no name of its own gets one from the engine.
                (None, Some(column)) if by_place => Some(self.of(column)),
                (None, None) if by_place => Some(ColumnLineage::default()),
                (None, _) if is_open && are_found => {
                    rows.open.column(name).map(|made| self.column(&made))
                }
                (None, _) => None,
            };
            let lost = || {
                let why = format!("`{name}` is not found in its SQL");
                self.column(&Made::unknown(why, None))
            };
            lineage.columns.insert(name.into(), made.unwrap_or_else(lost));
        }
    }

    /// Notes which columns there may be beside those that are known.
    fn leave_open(&self, lineage: &mut NodeLineage, open: &Open) {
        lineage.is_open = !matches!(open, Open::No | Open::Same(_));
        match open {
            Open::No | Open::Same(_) => {}
            Open::Of(at, _) => {
                let id = self.id(*at);
                let reason = format!("all columns of `{id}` are read, and they are not known");
                lineage.unresolved.push(Unresolved { reason, offset: None });
                lineage.passes = Some(id);
            }
            Open::Any(_) => {
                let reason = "it has columns whose names are not known".to_owned();
                lineage.unresolved.push(Unresolved { reason, offset: None });
            }
            Open::Unknown(problem) => lineage.unresolved.push(self.problem(problem)),
        }
    }

    fn id(&self, at: usize) -> UniqueId {
        match self.ids.get(at) {
            Some(id) => id.clone(),
            None => self.outside[at - self.ids.len()].as_str().into(),
        }
    }

    fn of(&self, column: &Column) -> ColumnLineage {
        let offset = column.at.and_then(|at| offset_of(self.sql, at));
        ColumnLineage { offset, ..self.column(&column.made) }
    }

    fn column(&self, made: &Made) -> ColumnLineage {
        let from = made.from.iter().map(|((at, name), kind)| {
            (ColumnId { node: self.id(*at), column: (&**name).into() }, *kind)
        });
        let from: Vec<(ColumnId, Kind)> = from.collect();
        let unresolved = made.problems.iter().map(|problem| self.problem(problem)).collect();
        ColumnLineage { from, unresolved, offset: None, sign: made.sign }
    }

    fn problem(&self, problem: &Problem) -> Unresolved {
        let offset = problem.at.and_then(|at| offset_of(self.sql, at));
        Unresolved { reason: problem.reason.clone(), offset }
    }
}

/// The byte of a text that a line and a column mean, both counted from one.
fn offset_of(sql: &str, at: Location) -> Option<usize> {
    let line = usize::try_from(at.line).ok()?.checked_sub(1)?;
    let before: usize = sql.split_inclusive('\n').take(line).map(str::len).sum();
    let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
    let rest = sql.get(before..)?;
    let inside = rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at);
    Some(before + inside)
}
