//! An error as data: a code, a message, a place in the user's own file, and what to do about it.
//!
//! Nothing here prints. Rendering, for people and as JSON, is `report`'s job.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of the user's as it was read: the text that every span points into.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The path as shown to the user: relative to the project directory where the file lies in it.
    pub path: PathBuf,
    /// The whole text, as read.
    pub text: String,
}

impl SourceFile {
    /// A source file with its shown path and text.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(SourceFile { path: path.into(), text: text.into() })
    }
}

/// A range of bytes in a [`SourceFile`].
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Byte range in `file.text`; may be empty, never past the end.
    pub span: Range<usize>,
}

impl Location {
    /// A location, clamped to the text and to character boundaries.
    pub fn new(file: Arc<SourceFile>, span: Range<usize>) -> Self {
        let text = &file.text;
        let clamp = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = clamp(span.start);
        let end = clamp(span.end.max(span.start));
        Location { span: start..end, file }
    }

    /// The place at a 1-based line and column (counted in characters) of a file.
    pub fn at_line(file: Arc<SourceFile>, line: usize, column: usize) -> Self {
        let mut start = 0;
        for (index, text) in file.text.split_inclusive('\n').enumerate() {
            if index + 1 == line {
                let within = text.trim_end_matches(['\n', '\r']);
                let offset = within
                    .char_indices()
                    .nth(column.saturating_sub(1))
                    .map_or(within.len(), |(at, _)| at);
                return Location::new(file.clone(), start + offset..start + within.len());
            }
            start += text.len();
        }
        let end = file.text.len();
        Location::new(file, end..end)
    }

    /// 1-based line and column (counted in characters) of the start.
    pub fn line_column(&self) -> (usize, usize) {
        let before = &self.file.text[..self.span.start];
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[line_start..].chars().count() + 1)
    }

    /// The path of the file, as shown.
    pub fn path(&self) -> &Path {
        &self.file.path
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.file.path.display())
    }
}

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; the command goes on.
    Warning,
    /// What was asked for cannot be done.
    Error,
}

/// What went wrong, as a stable name that users can search for.
///
/// The hundreds are the stage: 1 configuration, 2 files and YAML, 3 Jinja, 4 the DAG, 5 engines,
/// 6 running, 7 the results store, 8 the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub &'static str);

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        impl Code {
            $($(#[doc = $doc])* pub const $name: Code = Code($text);)*
            /// Every code with what it means, for the documentation and for tests.
            pub const ALL: &[(Code, &str)] = &[$((Code($text), concat!($($doc),*))),*];
        }
    };
}

codes! {
    /// No dbt_project.yml here or in any folder above.
    NO_PROJECT = "PT101";
    /// A key or value in dbt_project.yml, profiles.yml or packages.yml is wrong.
    BAD_CONFIG = "PT102";
    /// No profiles.yml, profile or target of that name.
    NO_PROFILE = "PT103";
    /// An environment variable that has no value and no default.
    MISSING_ENV = "PT104";
    /// A variable that has no value and no default.
    MISSING_VAR = "PT105";
    /// An engine that the target does not have.
    UNKNOWN_ENGINE = "PT106";
    /// A key that is not known in this place.
    UNKNOWN_KEY = "PT107";
    /// A package that cannot be used, or packages that contradict each other.
    BAD_PACKAGE = "PT108";
    /// A package that could not be fetched.
    UNREACHABLE_PACKAGE = "PT109";
    /// A project or package that asks for another version of dbt.
    DBT_VERSION = "PT110";
    /// A file or folder could not be read.
    UNREADABLE = "PT201";
    /// A file is not valid UTF-8.
    NOT_UTF8 = "PT202";
    /// YAML that does not parse.
    BAD_YAML = "PT203";
    /// A seed whose rows do not fit its header, or cannot be read.
    BAD_SEED = "PT204";
    /// A file or folder could not be written.
    UNWRITABLE = "PT205";
    /// Jinja that does not parse.
    JINJA_SYNTAX = "PT301";
    /// A call or look-up of a name that does not exist.
    UNDEFINED = "PT302";
    /// An error raised while a template was rendered.
    JINJA_RUNTIME = "PT303";
    /// `exceptions.raise_compiler_error` and its kin, called by the project.
    RAISED = "PT304";
    /// A Python model that is not written as dbt wants it.
    PYTHON = "PT306";
    /// Two macros of one name in one package.
    DUPLICATE_MACRO = "PT305";
    /// A `ref` or `source` to something that does not exist.
    REF_NOT_FOUND = "PT401";
    /// A `ref` to a disabled node.
    REF_DISABLED = "PT402";
    /// A `ref` that its target's access does not allow.
    REF_ACCESS = "PT403";
    /// Models that depend on each other in a circle.
    CYCLE = "PT404";
    /// Two nodes of one name.
    DUPLICATE_NODE = "PT405";
    /// Two nodes that would be written to one relation.
    AMBIGUOUS_RELATION = "PT406";
    /// A selector that does not parse or names an unknown method.
    BAD_SELECTOR = "PT407";
    /// A node asks for something that its engine cannot do.
    ENGINE_MISMATCH = "PT408";
    /// A node's name or relation name cannot be used.
    BAD_NAME = "PT409";
    /// A `ref` that parsing did not see, so the DAG does not know it.
    REF_UNSEEN = "PT410";
    /// A model past its deprecation date, or a ref to one that has such a date.
    DEPRECATED = "PT411";
    /// `--state` or `--defer` without the artifacts that they need.
    NO_STATE = "PT412";
    /// A change that breaks the contract of a model that others may rely on.
    CONTRACT_BROKEN = "PT413";
    /// The engine could not be opened or reached.
    CONNECT = "PT501";
    /// The database file is locked by another process.
    LOCKED = "PT502";
    /// The user name or password was refused.
    AUTH = "PT503";
    /// The engine refused a statement.
    SQL = "PT504";
    /// No PostgreSQL server binaries on this machine.
    NO_SERVER = "PT505";
    /// A column type that cannot cross between the engines.
    BRIDGE_TYPE = "PT506";
    /// A bridge could not copy.
    BRIDGE = "PT507";
    /// SQL that reads a column or table that is not in its query.
    UNKNOWN_COLUMN = "PT511";
    /// SQL that reads a table that does not exist.
    UNKNOWN_TABLE = "PT512";
    /// SQL that names a function or type that does not exist.
    UNKNOWN_FUNCTION = "PT513";
    /// A name in SQL that may mean several columns.
    AMBIGUOUS_NAME = "PT514";
    /// SQL whose values have types that do not go together.
    WRONG_TYPES = "PT515";
    /// SQL with more or fewer columns than there have to be.
    WRONG_NUMBER = "PT516";
    /// SQL that does not parse.
    SQL_SYNTAX = "PT517";
    /// SQL that parses, but that the engine cannot make sense of.
    SQL_MEANING = "PT518";
    /// Properties of a column that does not exist.
    UNKNOWN_PROPERTY = "PT519";
    /// A model that is not what its contract promises.
    CONTRACT_UNMET = "PT520";
    /// Rows of a unit test that do not fit what they stand for.
    UNIT_FIXTURE = "PT521";
    /// A column has the personal values of another one, and is not tagged as it is.
    UNTAGGED_COPY = "PT522";
    /// A test found more failing rows than it allows.
    TEST_FAILED = "PT601";
    /// A Python model failed, or there is no Python to run it.
    PYTHON_FAILED = "PT602";
    /// The run was interrupted.
    INTERRUPTED = "PT603";
    /// An audited model that its tests kept from being published.
    NOT_PUBLISHED = "PT604";
    /// The results store could not be used.
    STORE = "PT701";
    /// An alert did not get through.
    ALERT = "PT702";
    /// A command or flag that cannot be used like this.
    USAGE = "PT801";
    /// A fault in Pintail itself.
    INTERNAL = "PT900";
}

impl Code {
    /// The kind of error that dbt makes of it: `Database`, `Compilation`, `Parsing` or `Runtime`.
    pub fn dbt_kind(self) -> &'static str {
        match self {
            Code::SQL | Code::CONNECT | Code::LOCKED | Code::AUTH => "Database",
            Code::BAD_YAML | Code::MISSING_ENV | Code::PYTHON => "Parsing",
            Code::CYCLE => "Runtime",
            Code(code) if code.starts_with("PT3") || code.starts_with("PT4") => "Compilation",
            Code::MISSING_VAR | Code::BAD_SEED => "Compilation",
            _ => "Runtime",
        }
    }
}

/// A further place that helps to understand a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What this place has to do with it, such as "called here".
    pub message: String,
    /// The place.
    pub location: Location,
}

/// An error or warning as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// dbt's name of the event, by which `--warn-error-options` picks warnings; empty for none.
    pub event: &'static str,
    /// The stable name.
    pub code: Code,
    /// How much it weighs.
    pub severity: Severity,
    /// One sentence without a full stop, naming the thing that is wrong.
    pub message: String,
    /// Where in the user's file.
    pub location: Option<Location>,
    /// What to do, a sentence each.
    pub help: Vec<String>,
    /// Further facts, such as the engine's own words.
    pub notes: Vec<String>,
    /// Other places: the macro call chain, the first definition of a duplicate.
    pub related: Vec<Related>,
    /// What dbt's message says in the place of this one: all words of a database, a name that is
    /// undefined. Results carry it, for the tools that read them.
    pub original: Option<String>,
    /// The macros that were being called, the innermost first, as dbt names them in results.
    pub callers: Vec<String>,
    /// What dbt's event of this name has as data, for JSON logs.
    pub fields: Vec<(&'static str, serde_json::Value)>,
}

impl Diagnostic {
    /// The error of a file or folder that the system does not let us write; who asks says what to do.
    pub fn unwritable(path: &Path, error: &std::io::Error) -> Self {
        let message = format!("{} cannot be written", path.display());
        Diagnostic::error(Code::UNWRITABLE, message).note(error.to_string())
    }

    /// An error without a place yet.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Diagnostic {
            event: "",
            code,
            severity: Severity::Error,
            message: message.into(),
            location: None,
            help: Vec::new(),
            notes: Vec::new(),
            related: Vec::new(),
            original: None,
            callers: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// A warning without a place yet.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// With dbt's name of the event.
    #[must_use]
    pub fn event(mut self, event: &'static str) -> Self {
        self.event = event;
        self
    }

    /// With a value of the event's data.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// A text among the values of the event's data.
    pub fn value_of(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(field, _)| *field == name)?;
        value.as_str()
    }

    /// With its place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// With its place, if there is one to give and none was given before.
    #[must_use]
    pub fn or_at(mut self, location: Option<Location>) -> Self {
        self.location = self.location.or(location);
        self
    }

    /// With a sentence on what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// With dbt's own words.
    #[must_use]
    pub fn original(mut self, words: impl Into<String>) -> Self {
        self.original = Some(words.into());
        self
    }

    /// With a further fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With another place.
    #[must_use]
    pub fn related(mut self, message: impl Into<String>, location: Location) -> Self {
        self.related.push(Related { message: message.into(), location });
        self
    }
}

impl fmt::Display for Diagnostic {
    /// One line: code, place and message. `report` renders the whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.0)?;
        if let Some(location) = &self.location {
            write!(f, " {location:?}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// One or more diagnostics, at least one of them an error: why a stage could not finish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Diagnostics(vec![one])
    }
}

impl From<Box<Diagnostic>> for Diagnostics {
    fn from(one: Box<Diagnostic>) -> Self {
        Diagnostics(vec![*one])
    }
}

/// The result of work on one thing; boxed, since errors are rare and large.
pub type Result<T, E = Box<Diagnostic>> = std::result::Result<T, E>;

/// The names nearest to `name` in spelling, the best first, at most three.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    similar::get_close_matches(name, &known, 3, 0.6)
}

/// "Did you mean `a`, `b` or `c`?", or nothing where no known name is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = nearest(name, known);
    let quoted: Vec<String> = near.iter().map(|n| format!("`{n}`")).collect();
    match quoted.as_slice() {
        [] => None,
        [one] => Some(format!("Did you mean {one}?")),
        [most @ .., last] => Some(format!("Did you mean {} or {last}?", most.join(", "))),
    }
}
