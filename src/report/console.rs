//! Where lines go: what was asked for to stdout; what is said about the work to stdout as well, as
//! dbt has it, or to stderr where a command's product is its output; all of it to the log file.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::Warnings;
use super::diagnostics;
use super::events::Level;
use super::json_log::{Line, LogFile};
use crate::config::scrub;
use crate::diagnostic::{Diagnostic, Result, Severity};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text for people.
    Text,
    /// Text with time, level and thread.
    Debug,
    /// A JSON object a line.
    Json,
}

/// How a console is set up.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    pub style: Style,
    /// Events below it are not shown.
    pub level: Level,
    pub quiet: bool,
    /// `None` means: where stdout is a terminal that can.
    pub color: Option<bool>,
    /// Whether `print()` of templates shows.
    pub print: bool,
    pub file_style: Style,
    pub file_level: Level,
    /// `--printer-width`
    pub width: usize,
    pub invocation_id: String,
}

impl Default for ConsoleOptions {
    /// Text on the console, nothing in a file.
    fn default() -> Self {
        ConsoleOptions {
            style: Style::Text,
            level: Level::Info,
            quiet: false,
            color: None,
            print: true,
            file_style: Style::Debug,
            file_level: Level::None,
            width: 80,
            invocation_id: String::new(),
        }
    }
}

/// The terminal, or what stands in for it, and the log file.
#[derive(Debug)]
pub struct Console {
    options: ConsoleOptions,
    color: bool,
    /// Whether what is said about the work goes to stderr.
    aside: AtomicBool,
    file: Mutex<LogFile>,
    bar: Mutex<Option<ProgressBar>>,
    warnings: Warnings,
}

impl Console {
    /// A console. Lines for the log file are kept until it is opened.
    pub fn new(options: ConsoleOptions) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Console {
            color: options.color.unwrap_or(terminal && wanted),
            options,
            aside: AtomicBool::new(false),
            file: Mutex::default(),
            bar: Mutex::default(),
            warnings: Warnings::default(),
        }
    }

    /// What is said about the work goes to stderr from now on: stdout is for data.
    pub fn keep_stdout_for_data(&self) {
        self.aside.store(true, Ordering::Relaxed);
    }

    /// Opens the log file; where that fails there is none, which keeps nobody from working.
    pub fn open_log(&self, folder: &Path, max_bytes: u64) {
        if self.options.file_level < Level::None {
            lock(&self.file).open(folder, max_bytes);
        }
    }

    /// Writes out what the log file still holds back.
    pub fn flush(&self) {
        lock(&self.file).flush();
    }

    /// Whether a progress bar makes sense.
    pub fn is_interactive(&self) -> bool {
        self.options.style == Style::Text
            && self.shows(Level::Info)
            && std::io::stderr().is_terminal()
    }

    /// The bar that has to give way to lines, or none.
    pub fn set_bar(&self, bar: Option<ProgressBar>) {
        *lock(&self.bar) = bar;
    }

    /// Whether text is coloured.
    pub fn color(&self) -> bool {
        self.color
    }

    /// How wide result lines are.
    pub fn width(&self) -> usize {
        self.options.width
    }

    /// Whether JSON lines are written to stdout.
    pub fn is_json(&self) -> bool {
        self.options.style == Style::Json
    }

    /// Whether warnings and progress are left out.
    pub fn is_quiet(&self) -> bool {
        self.options.quiet
    }

    /// Whether an event's data is written anywhere.
    pub fn wants_data(&self) -> bool {
        self.is_json() || self.options.file_style == Style::Json
    }

    /// Whether events of a level are written anywhere.
    pub fn hears(&self, level: Level) -> bool {
        self.shows(level) || level >= self.options.file_level
    }

    fn shows(&self, level: Level) -> bool {
        let least = if self.options.quiet { Level::Error } else { self.options.level };
        level >= least && self.options.level < Level::None
    }

    /// What was asked for: the rows of `show`, the names of `ls`. Never suppressed.
    pub fn data(&self, text: &str) {
        self.print("PrintEvent", text, || json!({"msg": text}));
    }

    /// As [`Console::data`], under a name of dbt's with data of its own.
    pub fn print(&self, name: &str, text: &str, data: impl FnOnce() -> Value) {
        let line = self.line(name, Level::Info, text, data);
        self.to_file(&line);
        match self.options.style {
            Style::Json => self.to_stdout(&line.json()),
            _ => self.to_stdout(text),
        }
    }

    /// `print()` of a template.
    pub fn print_of_template(&self, text: &str) {
        if self.options.print {
            self.data(text);
        }
    }

    /// A line about how the work goes on.
    pub fn info(&self, text: &str) {
        self.event("Note", Level::Info, text, || json!({"msg": text}));
    }

    /// An empty line in text.
    pub fn gap(&self) {
        self.event("Formatting", Level::Info, "", || json!({"msg": ""}));
    }

    /// An event under dbt's name; `data` is made only where it is written.
    pub fn event(&self, name: &str, level: Level, message: &str, data: impl FnOnce() -> Value) {
        if !self.hears(level) {
            return;
        }
        let line = self.line(name, level, message, data);
        if level >= self.options.file_level {
            self.to_file(&line);
        }
        if self.shows(level) {
            self.show(&line);
        }
    }

    /// With rules for warnings.
    #[must_use]
    pub fn with_warnings(self, warnings: Warnings) -> Self {
        Console { warnings, ..self }
    }

    /// The rules for warnings.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Tells a warning, if the flags do not silence it.
    ///
    /// # Errors
    /// The warning as an error, where the flags want that.
    pub fn warn(&self, warning: &Diagnostic) -> Result<()> {
        if self.warnings.judge(warning)? {
            self.diagnostic(warning);
        }
        Ok(())
    }

    /// An error or warning.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        let warning = diagnostic.severity == Severity::Warning;
        let level = if warning { Level::Warn } else { Level::Error };
        if !self.hears(level) {
            return;
        }
        let data = || {
            let mut data = diagnostics::to_json(diagnostic);
            data["exc"] = diagnostic.to_string().into();
            data["msg"] = diagnostic.message.as_str().into();
            for (name, value) in &diagnostic.fields {
                data[*name] = value.clone();
            }
            data
        };
        let name = match (warning, diagnostic.event) {
            (true, "") => "Note",
            (true, event) => event,
            // The one error that dbt tells as an event of its own.
            (false, event @ "SemanticValidationFailure") => event,
            (false, _) => "MainEncounteredError",
        };
        let text = diagnostics::render(diagnostic, false);
        let line = self.line(name, level, &text, data);
        if level >= self.options.file_level {
            self.to_file(&line);
        }
        if !self.shows(level) {
            return;
        }
        match self.options.style {
            Style::Json => self.to_stdout(&line.json()),
            _ => self.to_reader(&format!("{}\n", diagnostics::render(diagnostic, self.color))),
        }
    }

    /// The error that keeps a command from running: to stderr, as those of the shell.
    pub fn fatal(&self, diagnostic: &Diagnostic) {
        self.keep_stdout_for_data();
        if self.options.style != Style::Json && diagnostic.severity == Severity::Error {
            self.to_reader(&format!("Encountered an error: {} Error", diagnostic.code.dbt_kind()));
        }
        self.diagnostic(diagnostic);
    }

    fn line<'a>(
        &'a self,
        name: &'a str,
        level: Level,
        message: &'a str,
        data: impl FnOnce() -> Value,
    ) -> Line<'a> {
        let data = if self.wants_data() { data() } else { Value::Null };
        Line { name, level, message, data, invocation_id: &self.options.invocation_id }
    }

    fn to_file(&self, line: &Line) {
        if self.options.file_level < Level::None {
            let text = match self.options.file_style {
                Style::Json => line.json(),
                Style::Debug => line.debug(),
                Style::Text => line.plain(),
            };
            lock(&self.file).write(&scrub(&text), line.level >= Level::Warn);
        }
    }

    fn show(&self, line: &Line) {
        match self.options.style {
            Style::Json => self.to_stdout(&line.json()),
            Style::Debug => self.to_reader(&line.debug()),
            Style::Text => self.to_reader(line.message),
        }
    }

    /// To whoever reads about the work; a progress bar gives way.
    fn to_reader(&self, text: &str) {
        let bar = lock(&self.bar).clone();
        let write = || {
            if self.aside.load(Ordering::Relaxed) {
                let _closed = writeln!(std::io::stderr().lock(), "{}", scrub(text));
            } else {
                self.to_stdout_line(text);
            }
        };
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    fn to_stdout(&self, text: &str) {
        let bar = lock(&self.bar).clone();
        match bar {
            Some(bar) => bar.suspend(|| self.to_stdout_line(text.trim_end_matches('\n'))),
            None => self.to_stdout_line(text.strip_suffix('\n').unwrap_or(text)),
        }
    }

    fn to_stdout_line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A closed pipe (`| head`) ends the reading, which is not an error of ours.
        let text = scrub(text);
        let _closed = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n"));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
