//! The results store as commands use it: open it if the target has one, record a run in it and in
//! the run's spool.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::session::Session;
use super::{Exit, recover, turn};
use crate::artifacts;
use crate::clock;
use crate::config::{Config, EngineConfig, EngineParams, PostgresParams};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::embedded;
use crate::graph::Selected;
use crate::manifest::{Node, ResourceType};
use crate::run::{RunResult, Step};
use crate::store::{
    Begin, Counts, End, Finished, Last, Outcome, QualityRule, Spool, Store, Touched, Writer,
    WriterOptions, address,
};

/// How long a run waits for a store that does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens the store of a target, for questions; what earlier runs could not send is sent first.
///
/// # Errors
/// `STORE` where the target has none; those of [`Store::reach`].
pub(super) fn open(config: &Config) -> Result<Store> {
    let target = &config.target;
    let Some(results) = &target.results else { return Err(none_configured(&target.name)) };
    let mut store = reach(results)?;
    recover::send(config, &mut store);
    store.bring_audit(&config.own_folder("spool"))?;
    Ok(store)
}

/// The configuration of the store of a target.
///
/// # Errors
/// `STORE` where the target has none, or one that is not PostgreSQL.
pub(super) fn configured(config: &Config) -> Result<&PostgresParams> {
    let target = &config.target;
    let results = target.results.as_ref().ok_or_else(|| none_configured(&target.name))?;
    results.postgres().ok_or_else(|| no_postgres(results))
}

pub(super) fn reach(results: &EngineConfig) -> Result<Store> {
    let store = results.postgres().map(Store::reach);
    store
        .unwrap_or_else(|| Err(no_postgres(results)))
        .map_err(|error| Box::new(error.or_at(results.location.clone())))
}

fn no_postgres(results: &EngineConfig) -> Box<Diagnostic> {
    let message = format!("The results store needs PostgreSQL, but `{}` is not", results.name);
    Box::new(Diagnostic::error(Code::STORE, message).or_at(results.location.clone()))
}

/// The error of a command that needs a store where the target has none.
fn none_configured(target: &str) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(Code::STORE, format!("The target `{target}` has no results store"))
            .help(
                "Turn it on in profiles.yml: add `results: {type: postgres, host: …, user: …, dbname: …}` \
                 (or `results: {embedded: true}`) to the output, or `results_engine:` to a hybrid one.",
            ),
    )
}

/// The store of a run, on its way open while the project is read.
pub(super) struct Opening {
    /// `None` without a store.
    results: Option<EngineConfig>,
    /// `None` where it is opened only when it is needed.
    thread: Option<JoinHandle<Result<Store>>>,
}

impl Opening {
    /// Reaches for the store. A private cluster that is not up is started later: a project that
    /// cannot be read has no use for it.
    pub fn begin(config: &Config) -> Opening {
        let results = config.target.results.as_deref().map(impatient);
        let up = |params: &PostgresParams| params.embedded.is_none() || embedded::is_up(params);
        let early = results.clone().filter(|results| results.postgres().is_some_and(up));
        let name = "results-store".to_owned();
        let spawn = |results| std::thread::Builder::new().name(name).spawn(move || reach(&results));
        Opening { thread: early.and_then(|results| spawn(results).ok()), results }
    }

    fn end(self) -> Option<(EngineConfig, Result<Store>)> {
        let results = self.results?;
        let early = self.thread.and_then(|thread| thread.join().ok());
        let store = early.unwrap_or_else(|| reach(&results));
        Some((results, store))
    }
}

/// Writes down a run while it goes on.
pub(super) struct Recorder {
    spool: Arc<Spool>,
    writer: Option<Writer>,
    _lock: turn::LockFile,
}

impl Recorder {
    /// Waits for runs of other machines, puts in order what earlier ones left, and writes the run's row
    /// before its first node starts. That the store is away holds nobody up. `lock` keeps other runs
    /// of this machine out.
    ///
    /// # Errors
    /// `LOCKED` where another run is under way for longer than `timeout`.
    pub fn start(
        session: &Session,
        selected: &Selected,
        opening: Opening,
        lock: turn::LockFile,
        timeout: Duration,
    ) -> Result<Recorder> {
        let config = &session.config;
        let mut store = opening.end();
        if let Some((_, reached)) = &mut store
            && let Ok(open) = reached
            && let Err(error) = turn::take_in(open, session, timeout)
        {
            if error.code == Code::LOCKED {
                return Err(error);
            }
            *reached = Err(error);
        }
        let engines = &session.engines;
        let used: HashSet<_> =
            session.nodes_of(selected).iter().map(|node| &*node.engine).collect();
        let (spool, writer) = std::thread::scope(|scope| {
            // Opening a database takes as long as all of this.
            scope.spawn(|| engines.open_ahead(&used));
            let open = store.as_mut().and_then(|(_, reached)| reached.as_mut().ok());
            recover::everything(session, open)?;
            let begin = Arc::new(begin(session, selected));
            let spool = Arc::new(Spool::create(&config.own_folder("spool"), &begin));
            let start = |(results, store): (EngineConfig, _)| {
                let again = Box::new(move || reach(&results));
                Writer::start(store, again, begin, spool.clone(), WriterOptions::default())
            };
            let writer = store.map(start).transpose()?;
            Ok::<_, Box<Diagnostic>>((spool, writer))
        })?;
        Ok(Recorder { spool, writer, _lock: lock })
    }

    /// Whether results go to a store.
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Notes what is about to be written.
    pub fn started(&self, step: &Step) {
        if let Some(touched) = touched(step) {
            self.spool.touched(&touched);
        }
    }

    /// Hands over a result.
    pub fn record(&self, result: &RunResult) {
        let artifact = artifacts::run_result(result);
        match &self.writer {
            Some(writer) => writer.record(result, &artifact),
            None => self.spool.result(None, &artifact),
        }
    }

    /// Completes the run's row, behind the back of whoever goes on meanwhile.
    pub fn end(
        self,
        session: &Session,
        exit: Exit,
        results: &[RunResult],
        message: Option<String>,
    ) -> Ending {
        let Recorder { spool, writer, _lock } = self;
        let end = End {
            outcome: Outcome {
                status: exit.run_status(),
                counts: Counts::of(results),
                finished_at: clock::now(),
                message,
            },
            known_tests: session.invocation.selection.is_empty().then(|| all_tests(session)),
        };
        let last = match writer {
            Some(writer) => Some(writer.end(end)),
            None => {
                spool.end(&end);
                None
            }
        };
        Ending { spool, last, _lock }
    }
}

/// A run that has ended, of which the last is being written.
pub(super) struct Ending {
    spool: Arc<Spool>,
    last: Option<Last>,
    _lock: turn::LockFile,
}

impl Ending {
    /// Waits until the run's row is complete; what went wrong comes back as warnings. The run is
    /// over for good once what is returned is [closed](Closing::close).
    pub fn wait(self) -> (Closing, Vec<Diagnostic>) {
        let Ending { spool, last, _lock } = self;
        let nothing = || Finished { warnings: Vec::new(), complete: true, store: None };
        let Finished { warnings, complete, store } = last.map_or_else(nothing, Last::wait);
        (Closing { spool: complete.then_some(spool), store, _lock }, warnings)
    }
}

/// A run of which nothing is left to be written.
pub(super) struct Closing {
    /// The spool that is needed no longer.
    spool: Option<Arc<Spool>>,
    store: Option<Store>,
    _lock: turn::LockFile,
}

impl Closing {
    /// Removes what was kept on disk: the artifacts are written, too. Gives the store for what is left to say.
    pub fn close(self) -> Option<Store> {
        if let Some(spool) = self.spool.and_then(Arc::into_inner) {
            spool.remove();
        }
        self.store
    }
}

/// What the run sets out to do.
fn begin(session: &Session, selected: &Selected) -> Begin {
    let manifest = &session.compiler.manifest;
    let nodes = session.nodes_of(selected);
    let store = session.config.target.results.as_ref();
    Begin::new(
        session.invocation.clone(),
        store.and_then(|results| results.postgres().map(address)),
        nodes.iter().filter(|node| !node.is_ephemeral()).map(|n| n.unique_id.to_string()).collect(),
        QualityRule::all(manifest, nodes.iter().copied().filter(|_| store.is_some())),
        session.config.target_path.join("run_results.json"),
    )
}

fn all_tests(session: &Session) -> Vec<String> {
    let nodes = session.compiler.manifest.nodes.values();
    let tests = nodes.filter(|node| node.resource_type.is_test());
    tests.map(|test| test.unique_id.to_string()).collect()
}

/// Where a step writes.
fn touched(step: &Step) -> Option<Touched> {
    let hidden = matches!(step, Step::Node(node) if node.is_audited());
    let (unique_id, engine, relation, bridge) = match step {
        Step::Node(node) if hidden => (&node.unique_id, &node.engine, node.audit_relation(), false),
        Step::Node(node) if leaves_relations(node) => {
            (&node.unique_id, &node.engine, node.relation(), false)
        }
        Step::Node(_) => return None,
        Step::Bridge(bridge) => (&bridge.unique_id, &bridge.to_engine, bridge.to.clone(), true),
    };
    Some(Touched {
        unique_id: unique_id.to_string(),
        engine: engine.to_string(),
        database: relation.database,
        schema: relation.schema,
        identifier: relation.identifier,
        bridge,
        hidden,
    })
}

/// A test may keep its failing rows as a relation.
fn leaves_relations(node: &Node) -> bool {
    node.resource_type.is_refable() || node.resource_type == ResourceType::Test
}

/// The configuration of a store for a run, which does not wait long for it.
fn impatient(results: &EngineConfig) -> EngineConfig {
    let mut results = results.clone();
    if let EngineParams::Postgres(params) = &mut results.params {
        *params = hasty(params);
    }
    results
}

/// The same server, for a command that does not wait long for it.
pub(super) fn hasty(params: &PostgresParams) -> PostgresParams {
    let connect_timeout = params.connect_timeout.clamp(Duration::from_secs(1), PATIENCE);
    PostgresParams { connect_timeout, retries: 0, ..params.clone() }
}
