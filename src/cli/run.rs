//! `build`, `run`, `test` and `seed`: select, run, record, summarize.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use fixedbitset::FixedBitSet;
use serde_json::json;

use super::args::{RunArgs, SelectionArgs};
use super::compile::compile_nodes;
use super::session::{Session, Start};
use super::store::{Closing, Ending, Opening, Recorder};
use super::{Exit, Outcome, check, interrupt, turn};
use crate::artifacts;
use crate::clock;
use crate::compile::Bridge;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Diagnostics, Result};
use crate::engine;
use crate::graph::{Audits, NodeIndex, Selected};
use crate::manifest::{Node, ResourceType, UniqueId};
use crate::notify::{self, AlertFolders, Alerts};
use crate::report::{self, Console, Level, Progress};
use crate::run::{
    BatchNews, DataLoad, InvocationInfo, Observer, Options, RunResult, Runner, Status, Step,
};

pub(super) const BUILD: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Seed,
    ResourceType::Snapshot,
    ResourceType::Test,
    ResourceType::UnitTest,
    ResourceType::Function,
    // Selected beside the others, with nothing to run.
    ResourceType::Exposure,
    ResourceType::SavedQuery,
];
pub(super) const RUN: &[ResourceType] = &[ResourceType::Model];
pub(super) const SNAPSHOT: &[ResourceType] = &[ResourceType::Snapshot];
pub(super) const LIST: &[ResourceType] = &[
    ResourceType::Model,
    ResourceType::Seed,
    ResourceType::Snapshot,
    ResourceType::Test,
    ResourceType::UnitTest,
    ResourceType::Source,
    ResourceType::Exposure,
    ResourceType::Metric,
    ResourceType::SemanticModel,
    ResourceType::SavedQuery,
    ResourceType::Function,
];

/// Runs a command that runs nodes.
pub(super) fn command(
    start: &Start,
    name: &str,
    selection: &SelectionArgs,
    run: &RunArgs,
    kinds: Vec<ResourceType>,
) -> Outcome {
    let started = Instant::now();
    let (session, opening) = read(start, name, selection, run)?;
    let mut selected = session.select(selection, kinds, false)?;
    // A check opens the databases, too, which a run that is under way keeps for itself.
    let lock = turn::take(&session, run.lock_timeout)?;
    if let Some(why) = check::on_demand(&session, &selected, run) {
        alert(&session.console, &session.config, &session.invocation, &why);
        return Ok(Exit::NodeFailed);
    }
    let broken = match name == "build" && !run.check {
        true => check::ahead(&session, &selected, run),
        false => HashSet::new(),
    };
    let idle = take_idle(&session, &mut selected);
    if name == "build" {
        leave_out_unit_tests(&session, &mut selected);
    }
    let audits = audits(&session, &mut selected);
    let chosen = Chosen { selected, idle, audits, broken };
    let (exit, results) = execute(&session, name, chosen, run, (opening, lock), started)?;
    session.leave();
    // As with the manifest.
    std::mem::forget(results);
    Ok(exit)
}

/// `seed`, with `--show`.
pub(super) fn seed(start: &Start, selection: &SelectionArgs, run: &RunArgs, show: bool) -> Outcome {
    let started = Instant::now();
    let (session, opening) = read(start, "seed", selection, run)?;
    let selected = session.select(selection, vec![ResourceType::Seed], false)?;
    let lock = turn::take(&session, run.lock_timeout)?;
    let chosen = Chosen { selected, ..Chosen::default() };
    let (exit, results) = execute(&session, "seed", chosen, run, (opening, lock), started)?;
    if show {
        for result in results.iter().filter(|r| r.status == Status::Success) {
            let sql =
                format!("select * from {}", result.relation_name.as_deref().unwrap_or_default());
            let mut connection = session.engines.connection(&result.engine)?;
            let rows = connection.query(&sql, Some(10)).map_err(|e| Box::new(e.diagnostic))?;
            session.console.data(&result.name);
            session.console.data(&report::format_rows(&rows, report::RowFormat::Table));
        }
    }
    session.leave();
    Ok(exit)
}

/// Reads the project, while the store is reached and DuckDB is loaded; what keeps it from being read is worth an alert.
fn read(
    start: &Start,
    name: &str,
    selection: &SelectionArgs,
    run: &RunArgs,
) -> std::result::Result<(Session, Opening), Diagnostics> {
    let config = start.config(Some(run))?;
    let opening = Opening::begin(&config);
    let read = std::thread::scope(|scope| {
        let kinds: HashSet<_> = config.target.engines.values().map(|it| it.kind()).collect();
        kinds.into_iter().for_each(|kind| drop(scope.spawn(move || engine::load_ahead(kind))));
        start.read(config.clone(), name, selection)
    });
    let session = read.inspect_err(|errors| {
        let invocation = start.invocation(name, selection, &config);
        let why = errors.0.first().map_or("", |error| &error.message);
        alert(&start.console, &config, &invocation, why);
    })?;
    Ok((session, opening))
}

/// Tells people that nothing ran, and why.
fn alert(console: &Console, config: &Config, invocation: &InvocationInfo, why: &str) {
    let alerts = &config.project.alerts;
    let sending = notify::alert_of_error(alerts, &alert_folders(config), invocation, why);
    sending.wait().iter().for_each(|warning| console.diagnostic(warning));
}

fn alert_folders(config: &Config) -> AlertFolders {
    let kept = config.project.root.join(".pintail/alerts");
    AlertFolders { project: config.project.root.clone(), kept }
}

/// What a command works on.
#[derive(Default)]
struct Chosen {
    /// What runs.
    selected: Selected,
    /// What has nothing to run.
    idle: Vec<NodeIndex>,
    audits: Audits,
    /// What a check told of already.
    broken: HashSet<UniqueId>,
}

/// Takes out what has nothing to run: exposures and saved queries.
fn take_idle(session: &Session, selected: &mut Selected) -> Vec<NodeIndex> {
    let manifest = &session.compiler.manifest;
    take_out(selected, |_, index| session.graph.member(manifest, index).resource_type().is_idle())
}

/// Takes out the unit tests whose models are not built: in a `build` they belong to those.
fn leave_out_unit_tests(session: &Session, selected: &mut Selected) {
    let manifest = &session.compiler.manifest;
    take_out(selected, |set, index| {
        session.graph.member(manifest, index).resource_type() == ResourceType::UnitTest
            && !session.graph.parents(index).any(|model| set.contains(model.index()))
    });
}

/// Takes nodes out of a selection, which `is_out` sees as it was, and gives them.
fn take_out(
    selected: &mut Selected,
    is_out: impl Fn(&FixedBitSet, NodeIndex) -> bool,
) -> Vec<NodeIndex> {
    let (out, left): (Vec<_>, Vec<_>) =
        selected.nodes.iter().copied().partition(|index| is_out(&selected.set, *index));
    selected.nodes = left;
    out.iter().for_each(|index| selected.set.set(index.index(), false));
    out
}

/// The tests that decide about the selected audited models, which run with them, selected or not.
fn audits(session: &Session, selected: &mut Selected) -> Audits {
    let compiler = &session.compiler;
    let strict = session.console.warnings().tests_fail();
    let audits = session.graph.audits(&compiler.manifest, &selected.set, &|test, model| {
        let severity = test.config.text("severity").unwrap_or("error");
        // A bridge brings only what is published.
        let reads_it = compiler.bridges.get(&model.unique_id, &test.engine).is_none();
        reads_it && (strict || severity.eq_ignore_ascii_case("error"))
    });
    let before = selected.nodes.len();
    let tests = audits.iter().flat_map(|(_, tests)| tests);
    selected.set.extend(tests.map(|test| test.index()));
    selected.nodes = session.graph.in_order(&selected.set);
    let more = selected.nodes.len() - before;
    if more > 0 {
        let (tests, decide) = (report::plural(more, "test"), if more == 1 { "s" } else { "" });
        session.console.info(&format!("With {tests} that decide{decide} what is published"));
    }
    audits
}

/// What failed or was skipped.
fn failed(results: &[RunResult]) -> HashSet<&str> {
    let lost = |result: &&RunResult| result.is_failure() || result.status == Status::Skipped;
    results.iter().filter(lost).map(|result| &*result.unique_id).collect()
}

/// The results of what has nothing to run; what reads something that failed is skipped.
fn idle_results(session: &Session, idle: &[NodeIndex], results: &[RunResult]) -> Vec<RunResult> {
    let manifest = &session.compiler.manifest;
    let failed = failed(results);
    idle.iter()
        .map(|index| {
            let member = session.graph.member(manifest, *index);
            let kind = member.resource_type();
            let mut result = RunResult::of_idle(member.unique_id(), kind, member.name());
            if member.depends_on().iter().any(|id| failed.contains(&**id)) {
                result.status = Status::Skipped;
                result.message = None;
                result.failures = None;
                (result.compile, result.execute) = (None, None);
            }
            result
        })
        .collect()
}

/// Runs what was selected, between the project's hooks; writes artifacts and the store.
fn execute(
    session: &Session,
    name: &str,
    chosen: Chosen,
    run: &RunArgs,
    (opening, lock): (Opening, turn::LockFile),
    started: Instant,
) -> Result<(Exit, Vec<RunResult>)> {
    let Chosen { selected, idle, audits, broken } = &chosen;
    let console = &session.console;
    let total = selected.nodes.len() + idle.len();
    if total == 0 {
        let text = "Nothing to do. Try checking the selection and the configuration of its nodes.";
        console.event("NoNodesSelected", Level::Warn, text, || json!({}));
    }
    // Nothing runs that could not be told about.
    artifacts::make_folder(&session.config.target_path)?;
    let recorder = Recorder::start(session, selected, opening, lock, run.lock_timeout)?;
    let (told, folders) = (&session.config.project.alerts, alert_folders(&session.config));
    let alerts = Alerts::watch(told, folders, &session.invocation);
    interrupt::cancels(&session.engines);
    let is_counted = |node: &&Node| !node.is_ephemeral();
    let counted = session.nodes_of(selected).into_iter().filter(is_counted).count() + idle.len();
    let target = &session.config.target;
    let engines = target.engines.len() > 1;
    let (threads, name_of) = (target.threads, &target.name);
    let text = format!("Concurrency: {threads} threads (target='{name_of}')");
    console.gap();
    console.event(
        "ConcurrencyLine",
        Level::Info,
        &text,
        || json!({"num_threads": threads, "target_name": name_of, "node_count": counted}),
    );
    console.gap();
    let manifest = session.compiler.manifest.clone();
    let progress = Progress::new(console.clone(), manifest, counted, engines).told(broken.clone());
    let progress = Arc::new(progress);
    let observer = Arc::new(Both { progress: progress.clone(), recorder });
    let earlier = session.only.as_ref();
    let runner = Runner {
        compiler: session.compiler.clone(),
        engines: session.engines.clone(),
        options: Options {
            full_refresh: session.config.flags.full_refresh,
            fail_fast: session.config.flags.fail_fast,
            store_failures: session.config.flags.store_failures,
            warnings_fail: console.warnings().tests_fail(),
            started_at: earlier.and_then(|e| e.began).or(Some(session.invocation.started_at)),
            earlier_batches: earlier.map(|e| e.batches.clone()).unwrap_or_default(),
            keep_failing_rows: observer.recorder.is_on(),
        },
        audits: audits.clone(),
        observer: observer.clone(),
        busy: std::sync::atomic::AtomicUsize::new(0),
    };
    let told = |result: &RunResult| {
        let kind = result.resource_type.as_str().replace('_', " ");
        progress.idle(&format!("{kind} {}", result.name), result);
    };
    let ran = run_between_hooks(session, &runner, selected, (idle, &told), name == "build");
    progress.end();
    drop(runner);
    let elapsed = started.elapsed();
    let interrupted = session.engines.is_interrupted();
    let results = match &ran {
        Ok((results, _)) => results.as_slice(),
        Err(_) => &[],
    };
    let failed = results.iter().any(|result| result.is_failure());
    let exit = match (&ran, interrupted, failed) {
        (_, true, _) => Exit::Interrupted,
        (Err(_) | Ok((_, Some(_))), ..) => Exit::CouldNotRun,
        (Ok(_), _, true) => Exit::NodeFailed,
        (Ok(_), _, false) => Exit::Done,
    };
    let over = notify::Run {
        invocation: &session.invocation,
        manifest: &session.compiler.manifest,
        results,
        status: exit.run_status(),
        finished_at: clock::now(),
        elapsed,
    };
    let sending = alerts.over(&over);
    notify(session, run, &over);
    let error = match &ran {
        Ok((_, error)) => error.as_ref(),
        Err(error) => Some(error),
    };
    let reason = error.map(|error| error.message.clone());
    let recorder = Arc::into_inner(observer).map(|both| both.recorder);
    let ending = recorder.map(|recorder| recorder.end(session, exit, results, reason));
    let ran = if interrupted { ran.or_else(|_| Ok((Vec::new(), None))) } else { ran };
    // While the last results go to the store, and DuckDB's log into its file.
    let engines = &session.engines;
    let written = std::thread::scope(|scope| {
        scope.spawn(|| engines.settle());
        let (results, unrendered) = ran?;
        // Whoever interrupts a run wants no template to ask the database any more.
        let inlined = if interrupted { Vec::new() } else { inlined(session, selected, &results) };
        write_artifacts(session, &results, &inlined, elapsed)?;
        Ok::<_, Box<Diagnostic>>((results, unrendered))
    });
    let (closing, warnings) = ending.map(Ending::wait).unzip();
    for warning in warnings.unwrap_or_default().into_iter().chain(sending.wait()) {
        console.diagnostic(&warning);
    }
    let (results, unrendered) = written?;
    if let Some(store) = closing.and_then(Closing::close) {
        session.audit.keep(store);
    }
    let manifest = &session.compiler.manifest;
    let bridges = progress.take_loads();
    let compiled_path = |result: &RunResult| {
        let node = manifest.nodes.get(&result.unique_id)?;
        result.compiled_code.as_ref()?;
        let path = session.compiler.path_of("compiled", node);
        Some(session.config.shown(&path).display().to_string())
    };
    let ended = report::Ended {
        results: &results,
        bridges: &bridges,
        elapsed,
        interrupted,
        compiled_path: &compiled_path,
    };
    report::summary(console, manifest, &ended);
    check::own_up(console, broken, &results);
    match unrendered {
        Some(error) => Err(error),
        None => Ok((exit, results)),
    }
}

/// Tells others of a run that is over. What they cannot be told is a warning.
fn notify(session: &Session, args: &RunArgs, run: &notify::Run) {
    let from_environment = || std::env::var_os("PINTAIL_METRICS_FILE").map(PathBuf::from);
    let metrics = args.metrics_file.clone().or_else(from_environment);
    if let Some(path) = metrics.filter(|path| !path.as_os_str().is_empty()) {
        let path = session.config.started_in.join(path);
        if let Err(warning) = notify::write_metrics(&path, run) {
            session.console.diagnostic(&warning);
        }
    }
    let from_environment = || std::env::var("PINTAIL_OPENLINEAGE").ok();
    let lineage = args.openlineage.clone().or_else(from_environment);
    if let Some(to) = lineage.filter(|to| !to.is_empty()) {
        let config = &session.config;
        if let Err(warning) = notify::send_lineage(&to, &config.started_in, &config.target, run) {
            session.console.diagnostic(&warning);
        }
    }
}

/// Who is told of what has nothing to run.
type Told<'a> = &'a dyn Fn(&RunResult);

/// The results of nodes and hooks, and why an `on-run-end` hook could not be rendered.
fn run_between_hooks(
    session: &Session,
    runner: &Runner,
    selected: &Selected,
    (idle, told): (&[NodeIndex], Told),
    tests_block: bool,
) -> Result<(Vec<RunResult>, Option<Box<Diagnostic>>)> {
    if selected.nodes.is_empty() && idle.is_empty() {
        return Ok((Vec::new(), None));
    }
    for warning in runner.warnings(&selected.set) {
        session.console.warn(&warning)?;
    }
    let mut results = runner.run_start_hooks()?;
    let failed = results.iter().find(|hook| hook.is_failure()).map(|hook| hook.name.clone());
    if let Some(cause) = failed
        && session.config.flags.all.is_on("skip_nodes_if_on_run_start_fails")
    {
        results.extend(runner.skip_all(&selected.set, &cause));
        // As in dbt they see no results.
        let (ended, unrendered) = runner.run_end_hooks(&[]);
        results.extend(ended);
        return Ok((results, unrendered));
    }
    results.extend(runner.run(&session.graph, &selected.set, tests_block)?);
    let beside = idle_results(session, idle, &results);
    beside.iter().for_each(told);
    results.extend(beside);
    if session.engines.is_interrupted() {
        return Ok((results, None));
    }
    let (ended, unrendered) = runner.run_end_hooks(&results);
    results.extend(ended);
    Ok((results, unrendered))
}

/// Compiles the ephemeral models that were selected, or are inside of what was: they have no
/// result, but a file and a place in the manifest. What is wrong with one was told by those that
/// read it.
fn inlined(session: &Session, selected: &Selected, results: &[RunResult]) -> Vec<RunResult> {
    let mut lost = failed(results);
    // What a failing test holds up, where tests do so.
    let manifest = &session.compiler.manifest;
    let tested = results.iter().filter(|result| result.status == Status::Fail);
    let tested = tested.filter_map(|test| manifest.nodes.get(&test.unique_id));
    if session.invocation.command == "build" {
        lost.extend(tested.flat_map(|test| test.depends_on.iter().map(|id| &**id)));
    }
    let inside: HashSet<&str> =
        results.iter().flat_map(|result| &result.ctes).map(|(id, _)| &**id).collect();
    let mut nodes = session.nodes_of(selected);
    nodes.retain(|node| node.is_ephemeral() && !inside.contains(&*node.unique_id));
    // In topological order: what reads a lost one is lost, too.
    nodes.retain(|node| {
        let reads_lost = node.depends_on.iter().any(|id| lost.contains(&**id));
        if reads_lost {
            lost.insert(&node.unique_id);
        }
        !reads_lost
    });
    nodes.extend(inside.iter().filter_map(|id| manifest.nodes.get(*id)).map(|node| &**node));
    compile_nodes(session, &nodes).inlined
}

fn write_artifacts(
    session: &Session,
    results: &[RunResult],
    inlined: &[RunResult],
    elapsed: std::time::Duration,
) -> Result<()> {
    let by_id: std::collections::HashMap<&str, &RunResult> =
        results.iter().chain(inlined).map(|result| (&*result.unique_id, result)).collect();
    let ran: std::collections::HashSet<&str> = results
        .iter()
        // Of a microbatch model its batches ran; what failed may have come to no statement.
        .filter(|r| r.execute.is_some() && r.batches.is_none())
        .filter(|r| {
            let hook = r.resource_type == ResourceType::Operation;
            hook || r.status != Status::Error || r.written.is_some()
        })
        .map(|r| &*r.unique_id)
        .collect();
    session.write_manifest_with(&|id| by_id.get(id).copied(), &|id| ran.contains(id))?;
    session.write_graph_summary()?;
    let path = session.config.target_path.join("run_results.json");
    artifacts::write_run_results(&path, &session.invocation, results, elapsed)?;
    artifacts::keep_run(&path);
    Ok(())
}

/// Tells the terminal and the results store.
struct Both {
    progress: Arc<Progress>,
    recorder: Recorder,
}

impl Observer for Both {
    fn started(&self, step: &Step, thread: usize) {
        self.recorder.started(step);
        self.progress.started(step, thread);
    }

    fn finished(&self, node: &Node, result: &RunResult, error: Option<&Diagnostic>) {
        self.recorder.record(result);
        self.progress.finished(node, result, error);
    }

    fn batch(&self, node: &Node, news: &BatchNews) {
        self.progress.batch(node, news);
    }

    fn bridged(&self, bridge: &Bridge, outcome: std::result::Result<&DataLoad, &Diagnostic>) {
        self.progress.bridged(bridge, outcome);
    }
}
