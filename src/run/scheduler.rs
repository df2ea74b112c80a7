//! Runs the selected part of the DAG on a fixed number of threads: who is next, who waits for a
//! bridge, who is skipped, which model is to be published. What running a node means is `node`'s
//! business, and what publishing one means `audit`'s.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use fixedbitset::FixedBitSet;

use super::audit::{Built, Verdict};
use super::result::{DataLoad, RunResult, Status};
use super::{Runner, Step};
use crate::compile::Bridge;
use crate::diagnostic::Diagnostic;
use crate::graph::{Due, Graph, NodeIndex, RunOrder};
use crate::manifest::{Node, UniqueId};
use crate::parse::locate_ref;
use crate::worker;

/// How far a bridge is.
enum BridgeState {
    /// Queued or being copied; these nodes wait for it.
    UnderWay(Vec<NodeIndex>),
    /// Copied. The first node that asked for it takes the load into its result.
    Done(Option<Box<DataLoad>>),
    Failed(Box<Diagnostic>),
}

/// Work for a thread, in the order in which the nodes that it is for became ready, as in dbt.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Task {
    turn: Reverse<usize>,
    work: Work,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Node(usize),
    Bridge(UniqueId),
    /// An audited model was built, and the tests that decide about it are done.
    Publish(usize),
}

struct State {
    order: RunOrder,
    queue: BinaryHeap<Task>,
    /// What became ready → its place among them; a node that waits for a bridge keeps it.
    turns: HashMap<Due, usize>,
    bridges: HashMap<UniqueId, BridgeState>,
    /// Audited models that wait for their tests, and what came of those tests.
    built: HashMap<usize, Built>,
    verdicts: HashMap<usize, Vec<Verdict>>,
    /// Nodes that will not run, and why.
    skipped: HashMap<usize, Loss>,
    /// Whether an ephemeral model is among what was lost.
    lost_ephemeral: bool,
    running: usize,
    /// No new node starts.
    stopped: bool,
    results: Vec<RunResult>,
}

/// Why a node will not run.
struct Loss {
    /// The name of the node whose failure came first.
    root: String,
    /// Where that was an ephemeral model, the one whose end held the node up last.
    ephemeral: Option<UniqueId>,
}

impl State {
    fn turn(&mut self, due: Due) -> Reverse<usize> {
        let due = self.order.turn_of(due);
        let next = self.turns.len();
        Reverse(*self.turns.entry(due).or_insert(next))
    }
}

/// Runs nodes and gives a result for each, in the order in which they ended.
pub(super) fn run(
    runner: &Runner,
    graph: &Graph,
    selected: &FixedBitSet,
    tests_block: bool,
    threads: usize,
) -> Vec<RunResult> {
    let manifest = &runner.compiler.manifest;
    let order = graph.run_order(manifest, selected, &runner.audits, tests_block);
    let scheduler = Scheduler {
        runner,
        tests_block,
        state: Mutex::new(State {
            order,
            queue: BinaryHeap::new(),
            turns: HashMap::new(),
            bridges: HashMap::new(),
            built: HashMap::new(),
            verdicts: HashMap::new(),
            skipped: HashMap::new(),
            lost_ephemeral: false,
            running: 0,
            stopped: false,
            results: Vec::new(),
        }),
        changed: Condvar::new(),
    };
    {
        let mut state = scheduler.lock();
        let ready = state.order.start();
        scheduler.enqueue(&mut state, ready);
    }
    worker::run(threads, |thread| scheduler.work(thread));
    scheduler.state.into_inner().unwrap_or_else(PoisonError::into_inner).results
}

struct Scheduler<'a> {
    runner: &'a Runner,
    /// Whether what was skipped holds up others by itself, as a failing test does: in a `build`.
    tests_block: bool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Scheduler<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self, index: usize) -> &Node {
        &self.runner.compiler.manifest.nodes[index]
    }

    fn work(&self, thread: usize) {
        let mut state = self.lock();
        loop {
            if self.runner.engines.is_interrupted() && !state.stopped {
                self.stop(&mut state);
            }
            let Some(task) = state.queue.pop() else {
                if state.running == 0 {
                    self.changed.notify_all();
                    return;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.running += 1;
            drop(state);
            match task.work {
                Work::Node(index) => self.run_node(index, thread),
                Work::Bridge(id) => self.run_bridge(&id, thread),
                Work::Publish(index) => self.publish(index, thread),
            }
            state = self.lock();
            state.running -= 1;
            self.changed.notify_all();
        }
    }

    fn run_node(&self, index: usize, thread: usize) {
        let node = self.node(index);
        let loads = self.take_loads(node);
        self.runner.observer.started(&Step::Node(node), thread);
        let is_audited = self.runner.audits.tests_of(NodeIndex::new(index)).is_some();
        let outcome = match is_audited {
            true => self.runner.build_hidden(node, thread, loads),
            false => {
                let (mut result, error) = self.runner.run_node(node, thread);
                result.loads.extend(loads);
                Err(Box::new((result, error)))
            }
        };
        let due = Due::Node(NodeIndex::new(index));
        match outcome {
            Ok(built) => {
                let mut state = self.lock();
                state.built.insert(index, built);
                self.proceed(&mut state, due);
            }
            Err(ended) => {
                let (mut result, error) = *ended;
                let mut state = self.lock();
                self.note_broken_ephemeral(&mut state, index, &mut result);
                self.runner.observer.finished(node, &result, error.as_deref());
                self.conclude(&mut state, index, result);
                self.proceed(&mut state, due);
            }
        }
    }

    /// Publishes an audited model, or does not, as its tests have it.
    fn publish(&self, index: usize, thread: usize) {
        let node = self.node(index);
        let (built, verdicts) = {
            let mut state = self.lock();
            (state.built.remove(&index), state.verdicts.remove(&index).unwrap_or_default())
        };
        let Some(built) = built else { return };
        let (result, error) = self.runner.decide(node, built, &verdicts, thread);
        self.runner.observer.finished(node, &result, error.as_deref());
        let mut state = self.lock();
        if result.status != Status::Success {
            self.lose(&mut state, index, None);
        }
        self.conclude(&mut state, index, result);
        self.proceed(&mut state, Due::Publish(NodeIndex::new(index)));
    }

    /// The loads of bridges that no other node has taken into its result.
    fn take_loads(&self, node: &Node) -> Vec<DataLoad> {
        let compiler = &self.runner.compiler;
        let mut state = self.lock();
        let mut loads = Vec::new();
        for bridge in compiler.bridges.read_by(node, &compiler.manifest) {
            if let Some(BridgeState::Done(load)) = state.bridges.get_mut(&bridge.unique_id) {
                loads.extend(load.take().map(|load| *load));
            }
        }
        loads
    }

    fn run_bridge(&self, id: &UniqueId, thread: usize) {
        let compiler = &self.runner.compiler;
        let Some(bridge) = compiler.bridges.iter().find(|bridge| bridge.unique_id == *id) else {
            return;
        };
        self.runner.observer.started(&Step::Bridge(bridge), thread);
        let copied = self.runner.run_bridge(bridge);
        self.runner.observer.bridged(bridge, copied.as_ref().map_err(AsRef::as_ref));
        let mut state = self.lock();
        let outcome = match copied {
            Ok(load) => BridgeState::Done(Some(Box::new(load))),
            Err(error) => BridgeState::Failed(error),
        };
        let before = state.bridges.insert(id.clone(), outcome);
        if let Some(BridgeState::UnderWay(waiting)) = before {
            let waiting = waiting.into_iter().map(Due::Node);
            self.enqueue(&mut state, waiting.collect());
        }
    }

    /// Takes the result of a node.
    fn conclude(&self, state: &mut State, index: usize, result: RunResult) {
        let failed = result.is_failure();
        match result.status {
            // What was skipped is below what failed; all of that is lost already.
            Status::Skipped if !self.tests_block => {}
            Status::Skipped => self.name_no_ephemeral(state, index),
            _ if failed => self.lose(state, index, None),
            _ => {}
        }
        if let Some(model) = self.runner.audits.model_of(NodeIndex::new(index)) {
            state.verdicts.entry(model.index()).or_default().push(Verdict::of(&result));
        }
        state.results.push(result);
        if failed && self.runner.options.fail_fast && !state.stopped {
            self.stop(state);
        }
    }

    /// What is downstream of a node will not run. Whatever says so last decides whether an
    /// ephemeral model is named, as in dbt.
    fn lose(&self, state: &mut State, index: usize, ephemeral: Option<&UniqueId>) {
        state.lost_ephemeral |= ephemeral.is_some();
        let root = match state.skipped.get(&index) {
            Some(loss) => loss.root.clone(),
            None => self.node(index).name.clone(),
        };
        for below in state.order.downstream(NodeIndex::new(index)) {
            let loss = state.skipped.entry(below.index());
            loss.or_insert_with(|| Loss { root: root.clone(), ephemeral: None }).ephemeral =
                ephemeral.cloned();
        }
    }

    /// In a `build`, what reads a skipped model names no ephemeral one above that.
    fn name_no_ephemeral(&self, state: &mut State, index: usize) {
        if state.lost_ephemeral {
            self.lose(state, index, None);
        }
    }

    /// dbt compiles the ephemeral models of a run as nodes of their own, and skips what reads one
    /// that fails. Here that is known when the first node that reads it is compiled.
    fn note_broken_ephemeral(&self, state: &mut State, index: usize, result: &mut RunResult) {
        let nodes = &self.runner.compiler.manifest.nodes;
        let broken = result.broken_within.take().and_then(|id| nodes.get_index_of(&id));
        let Some(broken) = broken.filter(|at| state.order.contains(NodeIndex::new(*at))) else {
            return;
        };
        self.lose(state, broken, Some(&self.node(broken).unique_id));
        if self.tests_block {
            // Ephemeral models between the two were passed over as if nothing was wrong.
            for below in state.order.downstream(NodeIndex::new(broken)) {
                let node = self.node(below.index());
                if node.is_ephemeral() {
                    self.lose(state, below.index(), Some(&node.unique_id));
                }
            }
        }
        result.status = Status::Skipped;
        let id = self.node(broken).unique_id.clone();
        result.blame(state.skipped.get(&index).and_then(|loss| loss.ephemeral.as_ref()));
        result.broken_within = Some(id);
    }

    /// Lets go what waited for something that is done.
    fn proceed(&self, state: &mut State, done: Due) {
        let ready = state.order.finish(done);
        self.enqueue(state, ready);
    }

    /// Puts what is ready into the queue; or passes over it at once.
    fn enqueue(&self, state: &mut State, ready: Vec<Due>) {
        let mut todo = VecDeque::from(ready);
        while let Some(ready) = todo.pop_front() {
            let passed = match ready {
                Due::Node(index) => self.enqueue_node(state, index),
                Due::Publish(model) => self.enqueue_publishing(state, model),
            };
            if passed {
                todo.extend(state.order.finish(ready));
            }
        }
        self.changed.notify_all();
    }

    /// Queues a node whose inputs are done; whether it was passed over.
    fn enqueue_node(&self, state: &mut State, ready: NodeIndex) -> bool {
        let index = ready.index();
        let node = self.node(index);
        if node.is_ephemeral() {
            if self.tests_block && state.skipped.contains_key(&index) {
                self.lose(state, index, Some(&node.unique_id));
            }
            return true;
        }
        if state.stopped || state.skipped.contains_key(&index) {
            self.pass_over(state, index);
            return true;
        }
        match self.missing_bridges(state, node, ready) {
            Ok(true) => false,
            Ok(false) => {
                let turn = state.turn(Due::Node(ready));
                state.queue.push(Task { turn, work: Work::Node(index) });
                false
            }
            Err(error) => {
                let mut result = RunResult::new(node, Status::Error);
                result.message = Some(error.message.clone());
                self.runner.observer.finished(node, &result, Some(&error));
                self.conclude(state, index, result);
                true
            }
        }
    }

    /// Queues the publishing of a model, also where nothing new starts: what was built has to go
    /// somewhere. One that was not built is passed over.
    fn enqueue_publishing(&self, state: &mut State, model: NodeIndex) -> bool {
        if !state.built.contains_key(&model.index()) {
            return true;
        }
        let turn = state.turn(Due::Publish(model));
        state.queue.push(Task { turn, work: Work::Publish(model.index()) });
        false
    }

    /// Queues the bridges that a node still needs; whether it has to wait for any.
    fn missing_bridges(
        &self,
        state: &mut State,
        node: &Node,
        index: NodeIndex,
    ) -> Result<bool, Box<Diagnostic>> {
        let compiler = &self.runner.compiler;
        let mut waits = false;
        for bridge in compiler.bridges.read_by(node, &compiler.manifest) {
            match state.bridges.get_mut(&bridge.unique_id) {
                Some(BridgeState::Done(_)) => {}
                Some(BridgeState::Failed(error)) => {
                    return Err(self.not_bridged(node, bridge, error));
                }
                Some(BridgeState::UnderWay(waiting)) => {
                    // It comes back here when that bridge is done, and asks for the next one then.
                    waiting.push(index);
                    return Ok(true);
                }
                None => {
                    let waiting = if waits { Vec::new() } else { vec![index] };
                    waits = true;
                    state.bridges.insert(bridge.unique_id.clone(), BridgeState::UnderWay(waiting));
                    let turn = state.turn(Due::Node(index));
                    let work = Work::Bridge(bridge.unique_id.clone());
                    state.queue.push(Task { turn, work });
                }
            }
        }
        Ok(waits)
    }

    fn not_bridged(&self, node: &Node, bridge: &Bridge, why: &Diagnostic) -> Box<Diagnostic> {
        let message = format!(
            "{} was not brought to `{}`: {}",
            bridge.from.render(),
            bridge.to_engine,
            why.message
        );
        let name = bridge.source.rsplit('.').next().unwrap_or_default();
        let place = why.location.clone().or_else(|| locate_ref(node, name));
        let mut error = Diagnostic::error(why.code, message).or_at(place);
        error.notes.extend(why.notes.iter().cloned());
        error.help.extend(why.help.iter().cloned());
        Box::new(error)
    }

    fn pass_over(&self, state: &mut State, index: usize) {
        let node = self.node(index);
        let mut result = RunResult::new(node, Status::Skipped);
        match state.skipped.get(&index) {
            _ if self.runner.engines.is_interrupted() => {
                result.message = Some("Skipped: the run was interrupted".to_owned());
            }
            Some(loss) => {
                result.message = Some(format!("Skipped: `{}` failed", loss.root));
                if node.unit_test.is_none() {
                    result.blame(loss.ephemeral.as_ref());
                }
            }
            None => {
                result.message = Some("Skipping due to fail_fast".to_owned());
                result.has_dbts_reason = true;
            }
        }
        result.name_relation(node);
        self.runner.observer.finished(node, &result, None);
        self.conclude(state, index, result);
    }

    /// Lets nothing new start: what waits in the queue is passed over.
    fn stop(&self, state: &mut State) {
        state.stopped = true;
        let mut waiting: Vec<usize> = Vec::new();
        for task in std::mem::take(&mut state.queue) {
            match task.work {
                Work::Node(index) => waiting.push(index),
                Work::Publish(_) => state.queue.push(task),
                Work::Bridge(id) => {
                    if let Some(BridgeState::UnderWay(nodes)) = state.bridges.remove(&id) {
                        waiting.extend(nodes.into_iter().map(NodeIndex::index));
                    }
                }
            }
        }
        waiting.sort_unstable();
        waiting.dedup();
        let waiting = waiting.into_iter().map(NodeIndex::new).map(Due::Node);
        self.enqueue(state, waiting.collect());
    }
}
