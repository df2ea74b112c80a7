//! What passed a check, so that nothing is checked twice: a digest for each node of all that its check
//! depends on, in a file for each target. Whoever loses the file checks once more, and no harm is done.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::hash::{BuildHasher, Hash, Hasher};
use std::path::PathBuf;

use fixedbitset::FixedBitSet;
use rayon::prelude::*;

use crate::checksum;
use crate::compile::Compiler;
use crate::graph::{Graph, Member, NodeIndex};
use crate::manifest::{FastHash, Node, Source, UniqueId};

/// The digests of a project as it is now, and of what passed before.
pub struct Passed {
    path: PathBuf,
    before: HashSet<u64, FastHash>,
    /// By the index in the graph.
    now: Vec<u64>,
}

impl Passed {
    /// Reads what passed before.
    pub fn read(compiler: &Compiler, graph: &Graph) -> Passed {
        let config = &compiler.config;
        let name = checksum::sha256(&config.target.name);
        let path = config.own_folder("checked").join(&name[..16]);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let before = text.lines().filter_map(|line| u64::from_str_radix(line, 16).ok()).collect();
        Passed { path, before, now: digests(compiler, graph) }
    }

    fn is_new(&self, at: usize) -> bool {
        !self.before.contains(&self.now[at])
    }

    /// Those of a set that did not pass yet as they are now, and what of the set reads them.
    pub fn changed(&self, graph: &Graph, among: &FixedBitSet) -> FixedBitSet {
        let mut new = graph.empty_set();
        new.extend(among.ones().filter(|at| self.is_new(*at)));
        let mut changed = graph.descendants(&new, None);
        changed.intersect_with(among);
        changed
    }

    /// Notes that those of a set passed; what is no part of the project any more is forgotten.
    pub fn keep(&self, passed: &FixedBitSet) {
        let mut text = String::new();
        for (at, digest) in self.now.iter().enumerate() {
            if passed.contains(at) || !self.is_new(at) {
                let _ = writeln!(text, "{digest:x}");
            }
        }
        // A half-written file only forgets.
        let _ = std::fs::write(&self.path, text);
    }
}

/// The digest of each member of a graph, with those of all that it reads.
fn digests(compiler: &Compiler, graph: &Graph) -> Vec<u64> {
    let macros = Macros::of(compiler);
    let start = digest(|hasher| {
        let config = &compiler.config;
        env!("CARGO_PKG_VERSION").hash(hasher);
        config.target.name.hash(hasher);
        config.project.vars.hash(hasher);
        config.flags.vars.hash(hasher);
        for engine in config.target.engines.values() {
            (&engine.name, engine.kind().as_str(), &engine.database, &engine.schema).hash(hasher);
        }
    });
    let own = |at: usize| {
        digest(|hasher| {
            start.hash(hasher);
            match graph.member(&compiler.manifest, NodeIndex::new(at)) {
                Member::Node(node) => of_node(node, &macros, hasher),
                Member::Source(source) => of_source(source, hasher),
                _ => {}
            }
        })
    };
    let mut all: Vec<u64> = (0..graph.len()).into_par_iter().map(own).collect();
    for index in graph.order() {
        let with_parents = digest(|hasher| {
            all[index.index()].hash(hasher);
            graph.parents(*index).for_each(|parent| all[parent.index()].hash(hasher));
        });
        all[index.index()] = with_parents;
    }
    all
}

fn digest(of: impl FnOnce(&mut <FastHash as BuildHasher>::Hasher)) -> u64 {
    let mut hasher = FastHash::default().build_hasher();
    of(&mut hasher);
    hasher.finish()
}

fn of_node(node: &Node, macros: &Macros, hasher: &mut impl Hasher) {
    node.unique_id.hash(hasher);
    node.raw_code.hash(hasher);
    node.checksum.hash(hasher);
    node.engine.hash(hasher);
    node.relation().render().hash(hasher);
    for (key, value) in &node.config.values {
        (key, value).hash(hasher);
    }
    for column in node.columns.values() {
        (&column.name, &column.data_type).hash(hasher);
    }
    if let Some(test) = &node.test_metadata {
        for (key, value) in &test.kwargs {
            (key, value).hash(hasher);
        }
    }
    if let Some(test) = &node.unit_test {
        format!("{test:?}").hash(hasher);
    }
    for id in &node.depends_on_macros {
        macros.by_id.get(id).hash(hasher);
    }
}

fn of_source(source: &Source, hasher: &mut impl Hasher) {
    source.unique_id.hash(hasher);
    source.engine.hash(hasher);
    source.relation().render().hash(hasher);
    source.columns.keys().for_each(|name| name.hash(hasher));
}

/// The digests of the macros that nodes call, each with those of all that it calls.
struct Macros {
    by_id: HashMap<UniqueId, u64, FastHash>,
}

impl Macros {
    fn of(compiler: &Compiler) -> Macros {
        let mut macros = Macros { by_id: HashMap::default() };
        for node in compiler.manifest.nodes.values() {
            for id in &node.depends_on_macros {
                macros.add(compiler, id, &node.engine);
            }
        }
        macros
    }

    fn add(&mut self, compiler: &Compiler, id: &UniqueId, engine: &str) -> u64 {
        if let Some(known) = self.by_id.get(id) {
            return *known;
        }
        // What calls itself.
        self.by_id.insert(id.clone(), 0);
        let Some(found) = compiler.manifest.macros.get(id) else { return 0 };
        let adapter = compiler.config.target.engines[engine].kind().as_str();
        let registry = compiler.dialects.registry();
        let called = registry.called_by(adapter, found);
        let called: Vec<u64> = called.iter().map(|id| self.add(compiler, id, engine)).collect();
        let digest = digest(|hasher| (&found.macro_sql, called).hash(hasher));
        self.by_id.insert(id.clone(), digest);
        digest
    }
}
