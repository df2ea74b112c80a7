//! A run as metrics in Prometheus' text format, for the textfile collector of the node exporter:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>. Only gauges of the last run;
//! whoever scrapes keeps the history.

use std::fmt::Write as _;
use std::path::Path;

use super::Run;
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::run::{RunResult, Status};

/// Writes the metrics of a run to a file: a reader finds the old file or the new one, whole.
///
/// # Errors
/// `UNWRITABLE`, naming the file.
pub fn write_metrics(path: &Path, run: &Run) -> Result<()> {
    // In the same folder, so that it can be renamed; the collector reads only *.prom.
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let written = std::fs::write(&beside, text(run)).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        let _not_there = std::fs::remove_file(&beside);
        Box::new(
            Diagnostic::warning(
                Code::UNWRITABLE,
                format!("The metrics cannot be written to {}", path.display()),
            )
            .note(error.to_string())
            .help("Its folder has to be there; name another file with --metrics-file."),
        )
    })
}

/// The metrics as text.
fn text(run: &Run) -> String {
    let invocation = run.invocation;
    let of_run = [
        ("project", invocation.project.as_str()),
        ("target", &invocation.target),
        ("command", &invocation.command),
    ];
    let mut out = Metrics { text: String::new(), of_run: &of_run };
    let is_good = run.status == crate::store::RunStatus::Success;
    out.one("run_success", "Whether the last run ended without a failure", is_good.into());
    let began = invocation.started_at.as_millisecond() as f64 / 1000.0;
    out.one("run_start_time_seconds", "When the last run began, as Unix time", began);
    let ended = run.finished_at.as_millisecond() as f64 / 1000.0;
    out.one("run_end_time_seconds", "When the last run ended, as Unix time", ended);
    out.one("run_duration_seconds", "How long the last run took", run.elapsed.as_secs_f64());
    let count = |status: Status| run.results.iter().filter(|r| r.status == status).count() as f64;
    let statuses =
        Status::ALL.iter().map(|status| (vec![("status", status.as_str())], count(*status)));
    out.many("run_nodes", "Nodes of the last run by how they ended", statuses);
    if let Some(score) = run.score() {
        out.one("quality_score", "Score of the last run's tests, from 0 to 100", score);
    }
    let each = |value: fn(&RunResult) -> Option<f64>| {
        run.results.iter().filter_map(move |result| {
            let labels = vec![
                ("node", &*result.unique_id),
                ("resource_type", result.resource_type.as_str()),
                ("engine", &*result.engine),
            ];
            Some((labels, value(result)?))
        })
    };
    let seconds = |r: &RunResult| r.execute.map(|_| r.execution_time.as_secs_f64());
    out.many("node_duration_seconds", "How long a node took in the last run", each(seconds));
    let rows = |r: &RunResult| r.rows_affected.map(|rows| rows as f64);
    out.many("node_rows", "Rows that a node wrote, where its engine tells", each(rows));
    let failures =
        |r: &RunResult| r.failures.filter(|_| r.resource_type.is_test()).map(|rows| rows as f64);
    out.many("test_failures", "Rows that failed a test in the last run", each(failures));
    out.text
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

struct Metrics<'a> {
    text: String,
    of_run: &'a [(&'a str, &'a str)],
}

impl Metrics<'_> {
    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.many(name, help, [(Vec::new(), value)].into_iter());
    }

    /// A metric with its samples; nothing where there are none.
    fn many<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl Iterator<Item = (Labels<'a>, f64)>,
    ) {
        let mut samples = samples.peekable();
        if samples.peek().is_none() {
            return;
        }
        let out = &mut self.text;
        // Writing to a text does not fail.
        let _ = writeln!(out, "# HELP pintail_{name} {help}.\n# TYPE pintail_{name} gauge");
        for (labels, value) in samples {
            let labels = self.of_run.iter().copied().chain(labels);
            let labels: Vec<String> =
                labels.map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let _ = writeln!(out, "pintail_{name}{{{}}} {value}", labels.join(","));
        }
    }
}

/// A label's value: backslashes, quotes and line breaks are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut out = Metrics { text: String::new(), of_run: &[("project", "a\\b\"c\nd")] };
        out.many("x", "An x", [(vec![("k", "v")], 1.5)].into_iter());
        out.many("none", "Nothing", std::iter::empty());
        assert_eq!(
            out.text,
            "# HELP pintail_x An x.\n# TYPE pintail_x gauge\npintail_x{project=\"a\\\\b\\\"c\\nd\",k=\"v\"} 1.5\n"
        );
    }
}
