//! Log lines as dbt writes them — structured, `{"info": {…}, "data": {…}}`, or text with time, level
//! and thread — and the file `dbt.log` that takes them.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::events::{Level, code};

/// One event on its way out.
pub(super) struct Line<'a> {
    pub name: &'a str,
    pub level: Level,
    pub message: &'a str,
    pub data: Value,
    pub invocation_id: &'a str,
}

impl Line<'_> {
    /// Structured, without a newline.
    pub fn json(&self) -> String {
        let data = if self.data.is_null() { json!({}) } else { self.data.clone() };
        json!({
            "data": data,
            "info": {
                "category": "",
                "code": code(self.name),
                "extra": extra(),
                "invocation_id": self.invocation_id,
                "level": self.level.as_str(),
                "msg": without_code(self.message),
                "name": self.name,
                "pid": std::process::id(),
                "thread": crate::worker::current(),
                "ts": format!("{:.6}", Timestamp::now()),
            },
        })
        .to_string()
    }

    /// Text with time, level and thread; the first of an invocation is set apart.
    pub fn debug(&self) -> String {
        let time = time("%H:%M:%S%.6f");
        let apart = if self.name == "MainReportVersion" {
            let rule = "=".repeat(30);
            format!("\n\n{rule} {time} | {} {rule}\n", self.invocation_id)
        } else {
            String::new()
        };
        let thread: String = crate::worker::current().chars().take(10).collect();
        format!("{apart}{time} [{:<5}] [{thread:<10}]: {}", self.level.as_str(), self.message)
    }

    /// Text with the time.
    pub fn plain(&self) -> String {
        format!("{}  {}", time("%H:%M:%S"), self.message)
    }
}

/// A diagnostic without `warning[PT401]: ` before it: readers of logs look for the message first.
/// Further lines of it stand below the first, as if there had been no code.
fn without_code(message: &str) -> Cow<'_, str> {
    let coded = message.starts_with("warning[PT") || message.starts_with("error[PT");
    let Some((code, rest)) = message.split_once("]: ").filter(|_| coded) else {
        return message.into();
    };
    let pad = " ".repeat(code.len() + "]: ".len());
    let mut below = true;
    let lines = rest.split('\n').enumerate().map(|(at, line)| {
        let stripped = line.strip_prefix(&*pad).filter(|_| below);
        below = at == 0 || stripped.is_some();
        stripped.unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n").into()
}

/// The time in UTC.
fn time(format: &str) -> String {
    Timestamp::now().strftime(format).to_string()
}

/// Environment variables that are to be seen in every line, as in artifacts.
fn extra() -> Value {
    let own = std::env::vars()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned();
            Some((name, Value::from(value)))
        })
        .collect();
    Value::Object(own)
}

/// The log file: lines wait until it is known where it is.
#[derive(Debug, Default)]
pub(super) struct LogFile {
    waiting: Vec<String>,
    file: Option<BufWriter<File>>,
}

impl LogFile {
    /// Opens `dbt.log` in a folder for appending; a file that is too long is put aside first.
    pub fn open(&mut self, folder: &Path, max_bytes: u64) {
        let path = folder.join("dbt.log");
        let open = || {
            std::fs::create_dir_all(folder)?;
            let long = std::fs::metadata(&path).is_ok_and(|meta| meta.len() >= max_bytes);
            if long && max_bytes > 0 {
                std::fs::rename(&path, folder.join("dbt.log.1"))?;
            }
            OpenOptions::new().create(true).append(true).open(&path)
        };
        let Ok(file) = open() else { return };
        self.file = Some(BufWriter::new(file));
        for line in std::mem::take(&mut self.waiting) {
            self.write(&line, false);
        }
    }

    /// Writes a line; at once where that matters.
    pub fn write(&mut self, line: &str, at_once: bool) {
        match &mut self.file {
            Some(file) => {
                // A full disk is told of by whatever the run itself writes.
                let _full = writeln!(file, "{line}");
                if at_once {
                    let _full = file.flush();
                }
            }
            None => self.waiting.push(line.to_owned()),
        }
    }

    /// Writes out what is held back.
    pub fn flush(&mut self) {
        if let Some(file) = &mut self.file {
            let _full = file.flush();
        }
    }
}
