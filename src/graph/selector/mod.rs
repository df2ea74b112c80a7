//! Which part of the DAG a command is about: `--select`, `--exclude` and `--indirect-selection`.
//!
//! Follows dbt-core 1.11 (`dbt/graph/selector.py`); a fixture project holds what dbt answers.
//! Looks at the manifest only, never at files or databases.

mod contract;
mod evaluate;
mod glob;
mod matcher;
mod named;
mod pruned;
mod spec;
mod state;

use std::cell::RefCell;

use fixedbitset::FixedBitSet;
use serde_json::Value;

use super::{Graph, NodeIndex, PreviousState};
use crate::diagnostic::{Diagnostic, Result};
use crate::manifest::{Manifest, ResourceType};

pub use named::Selectors;
pub use spec::{Criterion, Depth, Method, Operator, Spec};
pub use state::{Change, Comparison, Strictness};

/// Which tests come along with the nodes that they test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Indirect {
    /// Those with any parent selected; the default.
    #[default]
    Eager,
    /// Those with all parents selected.
    Cautious,
    /// Those whose parents are all selected or upstream of what is.
    Buildable,
    /// None.
    Empty,
}

impl Indirect {
    /// Every mode with its name on the command line.
    pub const ALL: &[(&str, Indirect)] = &[
        ("eager", Indirect::Eager),
        ("cautious", Indirect::Cautious),
        ("buildable", Indirect::Buildable),
        ("empty", Indirect::Empty),
    ];

    /// The mode of a name.
    pub fn named(name: &str) -> Option<Indirect> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, mode)| *mode)
    }
}

/// What the command line asks for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `--select`; `None` where it was not given: everything.
    pub select: Option<Vec<String>>,
    /// `--exclude`
    pub exclude: Option<Vec<String>>,
    /// `--indirect-selection`
    pub indirect: Indirect,
    /// The kinds that the command works on; `None` for all. Applied last, as in dbt.
    pub resource_types: Option<Vec<ResourceType>>,
    /// Whether nodes without any SQL are kept: `ls` shows them, `run` leaves them out.
    pub include_empty: bool,
}

/// What `state:`, `result:` and `source_status:` compare with.
pub struct Earlier<'a> {
    state: &'a PreviousState,
    /// The manifest of the project as it is now.
    present: Option<Value>,
    strictness: Strictness,
    warnings: RefCell<Vec<Diagnostic>>,
}

impl<'a> Earlier<'a> {
    /// An earlier state; `present` is needed where a selection uses `state:`.
    pub fn new(state: &'a PreviousState, present: Option<Value>, strictness: Strictness) -> Self {
        Earlier { state, present, strictness, warnings: RefCell::default() }
    }
}

/// What a selection names.
#[derive(Debug, Clone, Default)]
pub struct Selected {
    /// In topological order.
    pub nodes: Vec<NodeIndex>,
    /// The same as a set over the whole graph.
    pub set: FixedBitSet,
    /// A warning for each selector that matched nothing.
    pub warnings: Vec<Diagnostic>,
}

impl Graph {
    /// The nodes that a selection names, in topological order.
    ///
    /// # Errors
    /// `BAD_SELECTOR` for a selector that does not parse, or a value that its method cannot take.
    pub fn select(&self, manifest: &Manifest, selection: &Selection) -> Result<Selected> {
        let spec = Spec::parse(
            selection.select.as_deref(),
            selection.exclude.as_deref(),
            selection.indirect,
        )?;
        self.select_spec(manifest, &spec, selection, None)
    }

    /// As [`Graph::select`], for a parsed selection, which may compare with an earlier state; of
    /// `selection` only the filters are used.
    ///
    /// # Errors
    /// `BAD_SELECTOR` for a value that its method cannot take.
    pub fn select_spec(
        &self,
        manifest: &Manifest,
        spec: &Spec,
        selection: &Selection,
        earlier: Option<&Earlier<'_>>,
    ) -> Result<Selected> {
        let (mut set, mut warnings) = evaluate::evaluate(self, manifest, spec, earlier)?;
        if let Some(earlier) = earlier {
            let mut of_state = earlier.warnings.take();
            of_state.append(&mut warnings);
            warnings = of_state;
        }
        let kept = |at: &usize| {
            let member = self.member(manifest, NodeIndex::new(*at));
            let wanted = selection
                .resource_types
                .as_ref()
                .is_none_or(|kinds| kinds.contains(&member.resource_type()));
            wanted && (selection.include_empty || !member.node().is_some_and(evaluate::is_empty))
        };
        let dropped: Vec<usize> = set.ones().filter(|at| !kept(at)).collect();
        for at in dropped {
            set.remove(at);
        }
        Ok(Selected { nodes: self.in_order(&set), set, warnings })
    }
}
