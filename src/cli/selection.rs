//! From flags to nodes: `--select`, `--exclude`, `--selector`, selectors.yml, and the earlier state
//! that `--state` and `--defer` name.

use std::collections::HashSet;

use serde_json::Value;

use super::args::SelectionArgs;
use super::session::Session;
use crate::compile::Deferral;
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::graph::selector::{Spec, Strictness};
use crate::graph::{Earlier, Indirect, NodeIndex, PreviousState, Selected, Selection};
use crate::manifest::ResourceType;

/// Commands that follow refs to an earlier state with `--defer`.
const DEFERRING: &[&str] =
    &["build", "run", "test", "seed", "snapshot", "compile", "show", "retry", "docs generate"];

/// The mode of `--indirect-selection`.
///
/// # Errors
/// `USAGE` for one that is not known.
pub(super) fn indirect(config: &Config) -> Result<Indirect> {
    let name = config.flags.all.text("indirect_selection").unwrap_or("eager").to_lowercase();
    Indirect::named(&name).ok_or_else(|| {
        let known: Vec<&str> = Indirect::ALL.iter().map(|(name, _)| *name).collect();
        Box::new(
            Diagnostic::error(Code::USAGE, format!("`{name}` is not a mode of indirect selection"))
                .help(format!("Known modes: {}.", known.join(", "))),
        )
    })
}

/// What `--state` names, and where refs are deferred to.
#[derive(Debug, Default)]
pub(super) struct States {
    pub state: Option<PreviousState>,
    pub deferral: Option<Deferral>,
}

impl States {
    /// Reads the artifacts that the flags name. They are read before anything is written: a run may
    /// put its own in the same folder.
    ///
    /// # Errors
    /// `NO_STATE` for `--defer` without a manifest; artifacts that cannot be read.
    pub fn read(command: &str, config: &Config) -> Result<States> {
        let flags = &config.flags.all;
        let read = |name: &str| match flags.text(name) {
            Some(path) => {
                let folder = config.project.root.join(path);
                PreviousState::read(&folder, &config.target_path).map(Some)
            }
            None => Ok(None),
        };
        let state = read("state")?;
        let other = read("defer_state")?;
        let wanted = flags.is_on("defer") && DEFERRING.contains(&command);
        let mut deferral = None;
        if wanted {
            let lacking = |message: String| {
                Box::new(
                    Diagnostic::error(Code::NO_STATE, message)
                        .help("Name the target folder of an earlier run with --state."),
                )
            };
            let from = other.as_ref().or(state.as_ref()).ok_or_else(|| {
                lacking(
                    "--state or --defer-state are required for deferral, but neither was provided"
                        .to_owned(),
                )
            })?;
            let manifest = from.manifest.as_ref().ok_or_else(|| {
                let shown = from.path.display();
                lacking(format!("Could not find manifest in --state path: \"{shown}\""))
            })?;
            deferral = Some(Deferral::new(manifest, flags.is_on("favor_state")));
        }
        Ok(States { state, deferral })
    }

    /// What is doubtful about the folders.
    pub fn warning(&self, config: &Config) -> Option<Diagnostic> {
        let state = self.state.as_ref().filter(|state| state.path == config.target_path)?;
        Some(
            Diagnostic::warning(
                Code::NO_STATE,
                format!(
                    "Warning: The state and target directories are the same: '{}'. This could lead to \
                     missing changes due to overwritten state",
                    state.path.strip_prefix(&config.project.root).unwrap_or(&state.path).display()
                ),
            )
            .help("Keep the artifacts to compare with in a folder of their own."),
        )
    }
}

impl Session {
    /// What the command line selects, of the kinds that a command works on. Warns about selectors
    /// that match nothing.
    ///
    /// # Errors
    /// `BAD_SELECTOR`, `NO_STATE`, breaking changes of contracts.
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
        let ids = selected.nodes.iter().map(|index| self.graph.unique_id(*index).clone());
        self.compiler.set_selected(ids.collect());
        Ok(selected)
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
