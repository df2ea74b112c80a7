//! The lineage of a project whose session is open, with the SQL and the columns that it is known from.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use fixedbitset::FixedBitSet;

use super::columns::Known;
use super::session::Session;
use crate::check::{self, Checked, Schemas};
use crate::compile::CompiledNode;
use crate::diagnostic::Location;
use crate::graph::NodeIndex;
use crate::lineage::Lineage;
use crate::manifest::{FastHash, ResourceType, UniqueId};

/// Compiled SQL by its node.
pub(super) type CompiledNodes = HashMap<UniqueId, CompiledNode, FastHash>;

/// What is known of the columns of a project, and the SQL that it is known from.
pub(super) struct Analysed {
    pub lineage: Lineage,
    pub compiled: CompiledNodes,
    /// The SQL of incremental models whose table is there.
    pub compiled_later: CompiledNodes,
    pub schemas: Schemas,
}

/// The lineage of the wanted models, snapshots, seeds and sources, with the columns that their engines
/// bind.
pub(super) fn analyse(session: &Session, wanted: &FixedBitSet) -> Analysed {
    let (compiler, graph) = (&session.compiler, &session.graph);
    let manifest = &compiler.manifest;
    let mut queries = wanted.clone();
    for index in wanted.ones() {
        let kind = graph.member(manifest, NodeIndex::new(index)).resource_type();
        queries.set(index, kind.is_refable() || kind == ResourceType::Source);
    }
    let Checked { schemas, mut compiled, compiled_later, .. } =
        check::check(compiler, graph, &session.engines, &queries);
    // Templates that ask the database for more than names and types are compiled as for a run.
    let others = Mutex::new(Vec::new());
    let sql = |id: &UniqueId| {
        if let Some(compiled) = compiled.get(id) {
            return Ok(compiled.sql.clone());
        }
        match compiler.compile(id, &compiler.host(id)) {
            Ok(compiled) => {
                let sql = compiled.sql.clone();
                let mut others = others.lock().unwrap_or_else(PoisonError::into_inner);
                others.push((id.clone(), compiled));
                Ok(sql)
            }
            Err(error) => {
                let first = error.message.lines().next().unwrap_or_default();
                Err(format!("it does not compile: {first}"))
            }
        }
    };
    let lineage = Known { compiler, graph, sql: &sql, schemas: &schemas }.lineage(&queries);
    compiled.extend(others.into_inner().unwrap_or_else(PoisonError::into_inner));
    Analysed { lineage, compiled, compiled_later, schemas }
}

impl Analysed {
    /// The place in a node's file that a byte of its compiled SQL came from.
    pub fn place(&self, session: &Session, id: &UniqueId, offset: usize) -> Option<Location> {
        session.compiler.locate(id, self.compiled.get(id)?, offset)
    }
}
