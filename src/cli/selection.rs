//! From flags to nodes: `--select`, `--exclude`, `--selector` and selectors.yml.

use std::collections::HashSet;

use serde_json::Value;

use super::args::SelectionArgs;
use super::session::Session;
use super::states::indirect;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::graph::selector::{Spec, Strictness};
use crate::graph::{Earlier, NodeIndex, Selected, Selection};
use crate::manifest::ResourceType;

impl Session {
    /// What the command line selects, of the kinds that a command works on. Warns about selectors
    /// that match nothing.
    ///
    /// # Errors
    /// `BAD_SELECTOR`, `NO_STATE` (also for `--defer`), breaking changes of contracts.
    pub fn select(
        &self,
        args: &SelectionArgs,
        kinds: Vec<ResourceType>,
        include_empty: bool,
    ) -> Result<Selected> {
        let given = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let indirect = indirect(&self.config)?;
        let selection = Selection {
            select: given(&args.select),
            exclude: given(&args.exclude),
            indirect,
            resource_types: Some(kinds),
            include_empty,
        };
        let nothing_given = args.select.is_empty() && args.exclude.is_empty();
        let named = self.config.flags.all.text("selector");
        let by_default = self.selectors.default_name().filter(|_| nothing_given);
        let spec = match named.or(by_default) {
            Some(name) => {
                if named.is_none() {
                    self.console.info(&format!("Using default selector {name}"));
                }
                self.selectors.get(name)?.clone()
            }
            None => {
                Spec::parse(selection.select.as_deref(), selection.exclude.as_deref(), indirect)?
            }
        };
        let flags = &self.config.flags.all;
        let earlier = match &self.states.state {
            Some(state) => {
                let compares = spec.compares_states() && state.manifest.is_some();
                let present = if compares { Some(self.present()?) } else { None };
                let strictness = Strictness {
                    unrendered: flags.is_on("state_modified_compare_more_unrendered_values"),
                    vars: flags.is_on("state_modified_compare_vars"),
                };
                Some(Earlier::new(state, present, strictness))
            }
            None => None,
        };
        let manifest = &self.compiler.manifest;
        let mut selected = self.graph.select_spec(manifest, &spec, &selection, earlier.as_ref())?;
        if let Some(only) = &self.only {
            self.keep_only(&only.nodes, &mut selected)?;
        }
        for warning in &selected.warnings {
            self.console.warn(warning)?;
        }
        if !selected.nodes.is_empty() {
            self.can_defer()?;
        }
        let ids = selected.nodes.iter().map(|index| self.graph.unique_id(*index).clone());
        self.compiler.set_selected(ids.collect());
        Ok(selected)
    }

    /// Whether there is what `--defer` asks for.
    ///
    /// # Errors
    /// `NO_STATE` where there is not.
    pub fn can_defer(&self) -> Result<()> {
        self.states.lacking.clone().map_or(Ok(()), Err)
    }

    /// What a retry runs again, whatever else was selected.
    fn keep_only(&self, only: &HashSet<String>, selected: &mut Selected) -> Result<()> {
        let manifest = &self.compiler.manifest;
        let gone = only.iter().find(|id| self.graph.index_of(manifest, id.as_str()).is_none());
        if let Some(id) = gone.filter(|id| !id.starts_with("unit_test.")) {
            let kind = id.split('.').next().unwrap_or("node");
            return Err(Box::new(
                Diagnostic::error(Code::USAGE, format!("Couldn't find {kind} '{id}'"))
                    .help("It took part in the last run, but is not in the project any more: run the command itself."),
            ));
        }
        let wanted = |index: &NodeIndex| only.contains(&**self.graph.unique_id(*index));
        selected.set.clear();
        selected.nodes = self.graph.order().iter().copied().filter(|index| wanted(index)).collect();
        selected.set.extend(selected.nodes.iter().map(|index| index.index()));
        selected.warnings.clear();
        Ok(())
    }

    /// The manifest of the project as it is now.
    fn present(&self) -> Result<Value> {
        let text = self.manifest_text()?;
        serde_json::from_slice(&text).map_err(|error| {
            Box::new(
                Diagnostic::error(Code::INTERNAL, "The manifest cannot be read back")
                    .note(error.to_string()),
            )
        })
    }
}
