//! The earlier state that `--state` and `--defer` name, and how tests are selected with nodes.

use crate::compile::Deferral;
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::graph::{Indirect, PreviousState};

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
    /// Why nothing can be deferred, where `--defer` asks for it. Told when it is known what is
    /// selected: as in dbt, what is wrong with the selection comes first.
    pub lacking: Option<Box<Diagnostic>>,
}

impl States {
    /// Reads the artifacts that the flags name. They are read before anything is written: a run may
    /// put its own in the same folder.
    ///
    /// # Errors
    /// For artifacts that cannot be read.
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
        let from = || deferral(other.as_ref().or(state.as_ref()), flags.is_on("favor_state"));
        let (deferral, lacking) = match wanted.then(from).transpose() {
            Ok(deferral) => (deferral, None),
            Err(error) => (None, Some(error)),
        };
        Ok(States { state, deferral, lacking })
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

/// Where refs are deferred to.
fn deferral(from: Option<&PreviousState>, favored: bool) -> Result<Deferral> {
    let lacking = |message: String| {
        Box::new(
            Diagnostic::error(Code::NO_STATE, message)
                .help("Name the target folder of an earlier run with --state."),
        )
    };
    let from = from.ok_or_else(|| {
        lacking(
            "--state or --defer-state are required for deferral, but neither was provided"
                .to_owned(),
        )
    })?;
    let manifest = from.manifest.as_ref().ok_or_else(|| {
        let shown = from.path.display();
        lacking(format!("Could not find manifest in --state path: \"{shown}\""))
    })?;
    Ok(Deferral::new(manifest, favored))
}
