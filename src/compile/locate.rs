//! The way back from compiled SQL: the place in the user's file that a byte of it came from.

use std::sync::Arc;

use super::{CompileHost, CompiledNode, Compiler, Insertion, code_of};
use crate::diagnostic::Location;
use crate::manifest::{Node, ResourceType, UniqueId};

impl Compiler {
    /// The place in the user's file that a byte of a node's compiled SQL came from.
    pub fn locate(
        self: &Arc<Self>,
        id: &UniqueId,
        compiled: &CompiledNode,
        offset: usize,
    ) -> Option<Location> {
        self.locate_as(id, compiled, offset, &self.host(id))
    }

    /// The same of SQL that was compiled with this host.
    pub fn locate_as(
        self: &Arc<Self>,
        id: &UniqueId,
        compiled: &CompiledNode,
        offset: usize,
        host: &Arc<CompileHost>,
    ) -> Option<Location> {
        let node = self.manifest.nodes.get(id)?;
        let is_snapshot_of_yaml =
            node.resource_type == ResourceType::Snapshot && node.code.is_none();
        if node.is_python()
            || node.test_metadata.is_some()
            || node.resource_type == ResourceType::Operation
            || is_snapshot_of_yaml
        {
            return node.location.clone();
        }
        match compiled.origin(offset) {
            Origin::Own(offset) => self.locate_in(node, host, offset),
            Origin::Cte(inner, offset) => {
                let at = self.manifest.nodes.get_index_of(inner)?;
                let inner = CompileHost::of_node(self.clone(), at, node.engine.clone());
                inner.share_adapter(host);
                self.locate_in(&self.manifest.nodes[at], &Arc::new(inner), offset)
            }
            // Between the expressions.
            Origin::Nowhere => node.location.clone(),
        }
    }

    /// The place of a byte of the SQL of [`Compiler::compile_free`].
    pub fn locate_free(
        self: &Arc<Self>,
        host: &CompileHost,
        compiled: &CompiledNode,
        offset: usize,
    ) -> Option<Location> {
        let Origin::Own(offset) = compiled.origin(offset) else { return None };
        let node = host.node();
        let again = self.free_host(host.engine(), &node.name, node.file.clone());
        self.locate_in(node, &again, offset)
    }

    fn locate_in(&self, node: &Node, host: &Arc<CompileHost>, offset: usize) -> Option<Location> {
        let dialect = self.dialects.get(host.engine());
        let (text, map) = dialect.render_with_map(&node.file, code_of(node), host.clone()).ok()?;
        let at = map.source_offset(offset)?;
        let word = word_at(&text, offset);
        let source = &node.file.text;
        // What an expression wrote is not in the file: the whole expression is the place then.
        let end = match source.get(at..) {
            Some(rest) if rest.starts_with(word) => at + word.len(),
            Some(rest) => at + rest.find("}}").map_or(1, |end| rest[..end].trim_end().len()),
            None => at + 1,
        };
        Some(Location::new(node.file.clone(), at..end))
    }
}

/// Where a byte of compiled SQL comes from.
enum Origin<'a> {
    /// The node's own text, at this byte of it.
    Own(usize),
    /// An ephemeral model's.
    Cte(&'a UniqueId, usize),
    /// What stands around the ephemeral models.
    Nowhere,
}

impl CompiledNode {
    fn origin(&self, offset: usize) -> Origin<'_> {
        let Some(Insertion { at, length }) = self.insertion else { return Origin::Own(offset) };
        if offset < at {
            return Origin::Own(offset);
        }
        if offset >= at + length {
            return Origin::Own(offset - length);
        }
        let mut from = at;
        for (id, sql) in &self.ctes {
            let Some(begin) = self.sql[from..at + length].find(sql.as_str()) else { break };
            from += begin;
            if (from..from + sql.len()).contains(&offset) {
                return Origin::Cte(id, offset - from);
            }
            from += sql.len();
        }
        Origin::Nowhere
    }
}

/// The word that begins at a byte, or the one character there.
fn word_at(text: &str, offset: usize) -> &str {
    let Some(rest) = text.get(offset..) else { return "" };
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let first = rest.chars().next().map_or(0, char::len_utf8);
    &rest[..end.max(first)]
}
