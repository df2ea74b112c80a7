//! `source freshness`: how old the data of sources is, told and written to sources.json.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::args::{RunArgs, SelectionArgs};
use super::session::Start;
use super::{Exit, Outcome, interrupt};
use crate::artifacts;
use crate::diagnostic::{Code, Diagnostic};
use crate::graph::{Audits, Member};
use crate::manifest::{ResourceType, Source};
use crate::report::{Console, Level, Progress, dotted, finished_running, plural};
use crate::run::{self, FreshnessResult, FreshnessStatus, RunResult, Runner};

/// Tells how fresh the sources are.
pub(super) fn command(start: &Start, selection: &SelectionArgs, output: Option<&Path>) -> Outcome {
    let started = Instant::now();
    let session = start.session("freshness", selection, Some(&RunArgs::default()))?;
    interrupt::cancels(&session.engines);
    let selected = session.select(selection, vec![ResourceType::Source], true)?;
    let manifest = &session.compiler.manifest;
    let member = |index| session.graph.member(manifest, index);
    let sources: Vec<&Source> = selected
        .nodes
        .iter()
        .filter_map(|index| match member(*index) {
            Member::Source(source) => Some(source),
            _ => None,
        })
        .filter(|source| run::has_freshness(source))
        .collect();
    let (console, total) = (&session.console, sources.len());
    if let Some(path) = output {
        let path = path.display().to_string();
        let warning = Diagnostic::warning(
            Code::USAGE,
            format!("`--output {path}` of `source freshness` is deprecated"),
        );
        let warning = warning.event("CustomOutputPathInSourceFreshnessDeprecation");
        console.warn(&warning.field("path", path).help("Use --target-path."))?;
    }
    if sources.is_empty() {
        console.event("NothingToDo", Level::Warn, "Nothing to do: no source has limits.", || {
            json!({})
        });
    }
    let told = |index: usize, source: &Source, result: Option<&FreshnessResult>| {
        let name = format!("{}.{}", source.source_name, source.name);
        let place = Some((index, total));
        let info = json!({
            "unique_id": &*source.unique_id, "node_name": source.name, "resource_type": "source",
            "node_path": source.path,
            "node_status": result.map_or("started", |result| result.status.as_str()),
        });
        let Some(result) = result else {
            let line =
                dotted(place, &format!("START freshness of {name}"), "RUN", None, console.width());
            let what = format!("freshness of {name}");
            console.event(
                "LogStartLine",
                Level::Info,
                &line,
                || json!({"description": what, "index": index, "total": total, "node_info": info}),
            );
            return;
        };
        let (word, level) = match result.status {
            FreshnessStatus::Pass => ("PASS", Level::Info),
            FreshnessStatus::Warn => ("WARN", Level::Warn),
            FreshnessStatus::Error => ("ERROR STALE", Level::Error),
            FreshnessStatus::RuntimeError => ("ERROR", Level::Error),
        };
        let text = format!("{word} freshness of {name}");
        let seconds = result.execution_time.as_secs_f64();
        let line = dotted(place, &text, word, Some(seconds), console.width());
        console.event("LogFreshnessResult", level, &line, || {
            json!({
                "status": result.status.as_str(),
                "source_name": source.source_name,
                "table_name": source.name,
                "index": index,
                "total": total,
                "execution_time": seconds,
                "node_info": info,
            })
        });
    };
    let options = run::Options::default();
    let progress = Arc::new(Progress::new(console.clone(), manifest.clone(), total, false));
    let runner = Runner {
        compiler: session.compiler.clone(),
        engines: session.engines.clone(),
        options,
        audits: Audits::default(),
        observer: progress.clone(),
        busy: std::sync::atomic::AtomicUsize::new(0),
    };
    let hooks = session.config.flags.all.values.get("source_freshness_run_project_hooks");
    let hooks = hooks.and_then(serde_json::Value::as_bool).unwrap_or(true) && total > 0;
    let all_hooks = manifest.of_type(ResourceType::Operation).count();
    if !hooks && total > 0 && all_hooks > 0 {
        let warning = Diagnostic::warning(
            Code::USAGE,
            "The project's hooks do not run in `source freshness`, since \
             `source_freshness_run_project_hooks` is off",
        );
        console.warn(
            &warning
                .event("SourceFreshnessProjectHooksNotRun")
                .help("Set it to true under `flags:` in dbt_project.yml."),
        )?;
    }
    let mut ran = if hooks { runner.run_start_hooks()? } else { Vec::new() };
    if ran.iter().any(|hook| hook.is_failure())
        && session.config.flags.all.is_on("skip_nodes_if_on_run_start_fails")
    {
        progress.end();
        tell_hooks(console, &ran);
        return Ok(Exit::NodeFailed);
    }
    let results = run::freshness(&session.compiler, &session.engines, &sources, &told);
    if hooks {
        let (ended, unrendered) = runner.run_end_hooks_of_freshness(&results);
        if let Some(error) = unrendered {
            return Err(error.into());
        }
        ran.extend(ended);
    }
    if results.iter().any(|result| result.bare_table) {
        let warning = Diagnostic::warning(
            Code::USAGE,
            "The macro `collect_freshness` gives a table where a whole result is expected",
        );
        console.warn(
            &warning
                .event("CollectFreshnessReturnSignature")
                .help("End it with return(load_result('collect_freshness')), without .table."),
        )?;
    }
    progress.end();
    let hook_failed = ran.iter().any(|hook| hook.is_failure());
    let of = |id: &str| ran.iter().find(|hook| *hook.unique_id == *id);
    session.write_manifest_with(&of, &|id| of(id).is_some())?;
    let path = match output {
        Some(path) => session.config.started_in.join(path),
        None => session.config.target_path.join("sources.json"),
    };
    artifacts::write_sources(&path, &session.invocation, &results, started.elapsed())?;
    for result in &results {
        if let Some(message) = &result.message {
            console.gap();
            let id = &result.unique_id;
            console.event(
                "RunResultFailure",
                Level::Error,
                &format!("Failure in source {id}"),
                || json!({"resource_type": "source", "node_name": &**id}),
            );
            tell_error(console, message);
        }
    }
    tell_hooks(console, &ran);
    let stale = |r: &&FreshnessResult| {
        matches!(r.status, FreshnessStatus::Error | FreshnessStatus::RuntimeError)
    };
    let failed = results.iter().filter(stale).count() + usize::from(hook_failed);
    console.gap();
    let seconds = started.elapsed().as_secs_f64();
    let hooks = (!ran.is_empty()).then(|| plural(ran.len(), "project hook"));
    let what: Vec<String> = hooks.into_iter().chain([plural(total, "source")]).collect();
    finished_running(console, &what.join(", "), seconds);
    console.event("FreshnessCheckComplete", Level::Info, "Done.", || json!({}));
    Ok(match (session.engines.is_interrupted(), failed) {
        (true, _) => Exit::Interrupted,
        (_, 0) => Exit::Done,
        _ => Exit::NodeFailed,
    })
}

fn tell_hooks(console: &Console, ran: &[RunResult]) {
    let failed = ran.iter().filter(|hook| hook.is_failure());
    failed.filter_map(|hook| hook.message.as_deref()).for_each(|why| tell_error(console, why));
}

fn tell_error(console: &Console, message: &str) {
    let shown = format!("  {}", message.replace('\n', "\n  "));
    console.event("RunResultError", Level::Error, &shown, || json!({"msg": message}));
}
