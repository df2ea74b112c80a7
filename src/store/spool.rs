//! A run's journal on disk: what it set out to do and each result as it came, so that nothing is
//! lost when PostgreSQL is away or the process is killed. One file for each run in
//! `.pintail/spool`, held by a lock of the kernel's for as long as its run lives.
//!
//! A line is a record: the start of its SHA-256, a space, JSON. A line that was cut off by the end
//! of its process, or damaged, is left out when the file is read. Nothing is sent from here.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Entry, Outcome, QualityRule};
use crate::checksum::sha256;
use crate::run::InvocationInfo;

/// The version of the format; a file of another one is left alone.
const VERSION: u32 = 2;

/// Digits of the checksum that a line begins with.
const CHECK: usize = 16;

/// What a run sets out to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begin {
    version: u32,
    pub run: InvocationInfo,
    /// The store that the results belong to, by its address; `None` without one.
    pub store: Option<String>,
    /// The unique ids of what was selected.
    pub nodes: Vec<String>,
    /// The data tests among them.
    pub rules: Vec<QualityRule>,
    /// Where run_results.json is written.
    pub run_results: PathBuf,
}

impl Begin {
    /// The beginning of a run.
    pub fn new(
        run: InvocationInfo,
        store: Option<String>,
        nodes: Vec<String>,
        rules: Vec<QualityRule>,
        run_results: PathBuf,
    ) -> Begin {
        Begin { version: VERSION, run, store, nodes, rules, run_results }
    }
}

/// A relation that is about to be written, or one that a bridge is about to fill: what stands
/// beside it under a name of Pintail's own is left over where the run dies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The node or bridge that writes it.
    pub unique_id: String,
    pub engine: String,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub identifier: String,
    /// Whether a bridge writes it.
    pub bridge: bool,
    /// Whether it is an audited model's hidden relation, which itself is left over then.
    #[serde(default)]
    pub hidden: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    pub outcome: Outcome,
    /// All tests of the project, where the run saw all of them: others are gone.
    pub known_tests: Option<Vec<String>>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record<'a, Artifact> {
    Begin(Cow<'a, Begin>),
    Touched(Cow<'a, Touched>),
    /// A node's result: what it says to the store, and itself as run_results.json has it.
    Result(Option<Cow<'a, Entry>>, Artifact),
    End(Cow<'a, End>),
}

/// A line as it is read.
type Read = Record<'static, Box<RawValue>>;

/// The journal of the run that is under way. Shared by all threads.
pub struct Spool {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` where it could not be made.
    file: Option<File>,
    /// The length of what was written whole.
    length: u64,
    /// Lines that the disk did not take; tried again with each further one.
    waiting: VecDeque<Vec<u8>>,
    problem: Option<String>,
}

impl Spool {
    /// Makes the file of a run and writes its beginning. Where the disk takes no file, what is
    /// appended waits in memory, and [`Spool::problem`] tells why.
    pub fn create(folder: &Path, begin: &Begin) -> Spool {
        let at = begin.run.started_at.strftime("%Y%m%dT%H%M%S%.3f");
        let path = folder.join(format!("{at}-{}.jsonl", begin.run.invocation_id));
        let mut state = State::default();
        match make(&path) {
            Ok(file) => state.file = Some(file),
            Err(error) => state.problem = Some(error.to_string()),
        }
        let spool = Spool { path, state: Mutex::new(state) };
        spool.append(&Record::<()>::Begin(Cow::Borrowed(begin)));
        spool
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes that a relation is about to be written.
    pub fn touched(&self, relation: &Touched) {
        self.append(&Record::<()>::Touched(Cow::Borrowed(relation)));
    }

    /// Notes a node's result: what it says to the store, where there is one, and `artifact`, itself
    /// as an object of run_results.json.
    pub fn result(&self, entry: Option<&Entry>, artifact: &impl Serialize) {
        self.append(&Record::Result(entry.map(Cow::Borrowed), artifact));
    }

    /// Notes how the run ended.
    pub fn end(&self, end: &End) {
        self.append(&Record::<()>::End(Cow::Borrowed(end)));
    }

    fn append(&self, record: &impl Serialize) {
        let line = line(record);
        let mut state = self.lock();
        state.waiting.push_back(line);
        state.flush();
    }

    /// Brings what was appended to the disk: from here on it outlives the machine's end, too.
    pub fn sync(&self) {
        let mut state = self.lock();
        state.flush();
        if let Some(Err(error)) = state.file.as_ref().map(File::sync_data) {
            state.problem.get_or_insert_with(|| error.to_string());
        }
    }

    /// How many records are not in the file, and why.
    pub fn problem(&self) -> Option<(usize, String)> {
        let state = self.lock();
        let lost = state.waiting.len();
        Some((lost, state.problem.clone()?)).filter(|(lost, _)| *lost > 0)
    }

    /// Removes the file: its run is over, and all of it is elsewhere.
    pub fn remove(self) {
        // Left behind it would be replayed, which changes nothing.
        let _ = std::fs::remove_file(&self.path);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn flush(&mut self) {
        let Some(file) = &mut self.file else { return };
        while let Some(line) = self.waiting.front() {
            if let Err(error) = file.write_all(line) {
                self.problem.get_or_insert_with(|| error.to_string());
                // Half a line would spoil the one that comes after it.
                let _ = file.set_len(self.length);
                let _ = file.seek(SeekFrom::Start(self.length));
                return;
            }
            self.length += line.len() as u64;
            self.waiting.pop_front();
        }
    }
}

/// A new file that nobody else holds.
fn make(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // It may hold rows of the user's.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.lock()?;
    Ok(file)
}

/// What a run left that died, or that could not reach its store. Nobody else reads the file while
/// this lives.
pub struct Left {
    pub path: PathBuf,
    pub begin: Begin,
    /// Relations that were being written.
    pub touched: Vec<Touched>,
    /// What came of nodes, as objects of run_results.json, and which nodes these are.
    pub results: Vec<Box<RawValue>>,
    pub done: HashSet<String>,
    /// What they say to the store.
    pub entries: Vec<Entry>,
    /// `None` where it was broken off.
    pub end: Option<End>,
    /// Lines that are damaged.
    pub damaged: usize,
    _held: File,
}

impl Left {
    /// Removes the file.
    pub fn remove(self) {
        // Left behind it would be replayed, which changes nothing.
        let _ = std::fs::remove_file(&self.path);
    }

    /// Reads a file; `None` where its run is alive, or where it is not one of ours.
    fn read(path: &Path) -> Option<Left> {
        let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
        // Whoever held it may have removed it just now.
        let text = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        if whole.is_empty() && is_old(path) {
            // Its run was killed before it could say a word.
            let _ = std::fs::remove_file(path);
            return None;
        }
        let mut left: Option<Left> = None;
        let mut damaged = 0;
        let mut held = Some(file);
        for line in whole.lines() {
            match (record(line), &mut left) {
                (Some(Record::Begin(begin)), None) if begin.version == VERSION => {
                    left = Some(Left {
                        path: path.to_owned(),
                        begin: begin.into_owned(),
                        touched: Vec::new(),
                        results: Vec::new(),
                        done: HashSet::new(),
                        entries: Vec::new(),
                        end: None,
                        damaged: 0,
                        _held: held.take()?,
                    });
                }
                (Some(record), Some(left)) => left.take(record),
                _ => damaged += 1,
            }
        }
        left.map(|left| Left { damaged, ..left })
    }

    fn take(&mut self, record: Read) {
        match record {
            Record::Begin(_) => {}
            Record::Touched(touched) => self.touched.push(touched.into_owned()),
            Record::Result(entry, artifact) => {
                self.entries.extend(entry.map(Cow::into_owned));
                let of: Option<Of> = serde_json::from_str(artifact.get()).ok();
                self.done.extend(of.map(|of| of.unique_id));
                self.results.push(artifact);
            }
            Record::End(end) => self.end = Some(end.into_owned()),
        }
    }
}

/// Which node a result is of.
#[derive(Deserialize)]
struct Of {
    unique_id: String,
}

/// Whether a file was made long enough ago that whoever made it holds its lock by now.
fn is_old(path: &Path) -> bool {
    let made = path.metadata().and_then(|metadata| metadata.modified()).ok();
    made.and_then(|at| at.elapsed().ok()).is_some_and(|age| age.as_secs() > 60)
}

fn record(line: &str) -> Option<Read> {
    serde_json::from_str(checked(line)?).ok()
}

/// A record as a line with its checksum.
pub(super) fn line(record: &impl Serialize) -> Vec<u8> {
    // Room for most results.
    let mut line = Vec::with_capacity(4096);
    line.resize(CHECK, b'0');
    line.push(b' ');
    serde_json::to_writer(&mut line, record).expect("records have text keys only");
    let check = sha256(&line[CHECK + 1..]);
    line[..CHECK].copy_from_slice(&check.as_bytes()[..CHECK]);
    line.push(b'\n');
    line
}

/// The JSON of a line that is whole.
pub(super) fn checked(line: &str) -> Option<&str> {
    let (check, json) = line.split_at_checked(CHECK)?;
    let json = json.strip_prefix(' ')?;
    sha256(json).starts_with(check).then_some(json)
}

/// What runs left in a folder, the oldest first.
pub fn left(folder: &Path) -> Vec<Left> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    paths.iter().filter_map(|path| Left::read(path)).collect()
}
