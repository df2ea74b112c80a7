//! What earlier runs left behind that were killed, or could not reach their results store: their
//! results go into the store, what `retry` needs into run_results.json, and relations that were
//! half built are dropped.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::session::Session;
use crate::artifacts;
use crate::config::Config;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::{bridge, publish};
use crate::relation::Relation;
use crate::report::Console;
use crate::run::Engines;
use crate::store::spool::{self, Left, Touched};
use crate::store::{Store, address};

/// What earlier runs of this target left.
pub(super) fn left(config: &Config) -> Vec<Left> {
    let target = &config.target;
    let mut all = spool::left(&config.own_folder("spool"));
    all.retain(|one| {
        one.begin.run.target == target.name && one.begin.run.profile == target.profile
    });
    all
}

/// Writes run_results.json of the last run where that was killed before it could: what it did not
/// do stands there as skipped or as an error. `retry` begins with this.
///
/// # Errors
/// `UNWRITABLE`.
pub(super) fn last_results(config: &Config) -> Result<()> {
    left(config).iter().try_for_each(write_results)
}

/// Sends what earlier runs left to the store; what is not sent stays. Those that were killed stay
/// as well, for the next run.
pub(super) fn send(config: &Config, store: &mut Store) {
    for one in left(config) {
        if replay(config, &one, Some(store)) && one.end.is_some() {
            one.remove();
        }
    }
}

/// Puts everything in order before a run: no other run of this target is under way.
///
/// # Errors
/// `UNWRITABLE`.
pub(super) fn everything(session: &Session, mut store: Option<&mut Store>) -> Result<()> {
    for one in left(&session.config) {
        write_results(&one)?;
        let mut whole = true;
        if one.end.is_none() {
            tell(&session.console, &one);
            whole = clear(&session.engines, &one);
        }
        if replay(&session.config, &one, store.as_deref_mut()) && whole {
            one.remove();
        }
    }
    Ok(())
}

fn tell(console: &Console, left: &Left) {
    let run = &left.begin.run;
    let (done, all) = (left.results.len(), left.begin.nodes.len());
    let message =
        format!("An earlier `{}` was broken off: {done} of {all} nodes were done", run.command);
    let at = run.started_at.strftime("%F %T UTC");
    let warning = Diagnostic::warning(Code::INTERRUPTED, message)
        .note(format!("Its process {} began at {at} and ended without saying so.", run.pid));
    console.diagnostic(&warning);
}

/// Whether a run's results need not be kept any longer.
fn replay(config: &Config, left: &Left, store: Option<&mut Store>) -> bool {
    let Some(address_then) = &left.begin.store else { return true };
    let Some(store) = store else { return false };
    let now = config.target.results.as_ref().and_then(|results| results.postgres().map(address));
    if now.as_ref() != Some(address_then) {
        return false;
    }
    match store.replay(left) {
        Ok(0) => true,
        Ok(_refused) => {
            // Not tried again, and kept for a person to look at. Where it keeps its name it is
            // tried again, which changes nothing.
            let _ = std::fs::rename(&left.path, left.path.with_extension("refused"));
            false
        }
        Err(_away) => false,
    }
}

/// Drops what a killed run was building under names of Pintail's own. Whether all is gone.
fn clear(engines: &Arc<Engines>, left: &Left) -> bool {
    let open = left.touched.iter().filter(|one| !left.done.contains(&one.unique_id));
    open.fold(true, |whole, touched| whole & clear_one(engines, touched))
}

fn clear_one(engines: &Arc<Engines>, touched: &Touched) -> bool {
    // An engine that the target no longer has has nothing of ours.
    let Ok(mut connection) = engines.connection(&touched.engine) else { return false };
    let relation = Relation {
        database: touched.database.clone(),
        schema: touched.schema.clone(),
        identifier: touched.identifier.clone(),
        ..Relation::default()
    };
    if touched.bridge {
        bridge::drop_left_over(&mut *connection, &relation).is_ok()
    } else {
        let gone = !touched.hidden || publish::drop_relation(&mut *connection, &relation).is_ok();
        gone && publish::clear_beside(&mut *connection, &relation).is_ok()
    }
}

/// Writes run_results.json, unless a run that began later wrote one.
fn write_results(left: &Left) -> Result<()> {
    let begin = &left.begin;
    if began(&begin.run_results).is_some_and(|at| at >= begin.run.started_at) {
        return Ok(());
    }
    let started: HashSet<&str> = left.touched.iter().map(|one| &*one.unique_id).collect();
    let open = begin.nodes.iter().filter(|id| !left.done.contains(*id));
    let open: Vec<(&str, bool)> =
        open.map(|id| (id.as_str(), started.contains(id.as_str()))).collect();
    artifacts::write_broken_off(&begin.run_results, &begin.run, &left.results, &open)?;
    artifacts::keep_run(&begin.run_results);
    Ok(())
}

/// When the run began that wrote a run_results.json.
fn began(path: &Path) -> Option<jiff::Timestamp> {
    let results: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    results["metadata"]["invocation_started_at"].as_str()?.parse().ok()
}
