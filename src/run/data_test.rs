//! Data tests: count the failing rows, and hold them against `warn_if` and `error_if`.

use minijinja::Value;

use super::job::Job;
use super::result::{RunResult, Status};
use super::{custom, failing_rows};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::engine::{self, publish};
use crate::jinja::RelationObject;
use crate::relation::{Cell, RelationKind};

/// Runs a data test.
pub(super) fn check(job: &Job, result: &mut RunResult) -> Result<()> {
    let config = &job.node.config;
    let text = |key: &str, default: &str| match config.get(key) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => default.to_owned(),
    };
    // What is kept is limited, too.
    let limited = match config.get("limit") {
        None => job.compiled.sql.to_string(),
        Some(limit) => {
            let limit = crate::jinja::values::from_json(limit);
            job.sql("get_limit_subquery_sql", vec![Value::from(&*job.compiled.sql), limit])?
        }
    };
    let kept = job.runner.stores_failures(job.node);
    if kept {
        result.relation_name = Some(job.target().render());
    }
    let (rows_of, row, response) = match &job.block {
        Some(block) => {
            let main = custom::run(job, block)?.main;
            let row = custom::rows(&main).rows.into_iter().next().unwrap_or_default();
            (if kept { kept_rows(job) } else { limited }, row, custom::response(&main))
        }
        None => {
            let rows_of = if kept { keep_failures(job, &limited)? } else { limited };
            let sql = job.sql(
                "get_test_sql",
                vec![
                    Value::from(rows_of.as_str()),
                    Value::from(text("fail_calc", "count(*)")),
                    Value::from(text("warn_if", "!= 0")),
                    Value::from(text("error_if", "!= 0")),
                    Value::from(()),
                ],
            )?;
            job.write(&sql)?;
            let answer = job.on_connection(&sql, |connection| connection.query(&sql, Some(1)))?;
            let row = answer.rows.into_iter().next().unwrap_or_default();
            (rows_of, row, engine::response(job.kind(), &sql, Some(1)))
        }
    };
    let Answer { failures, should_warn, should_error } = Answer::read(job, &row)?;

    result.answered(response);
    (result.message, result.rows_affected) = (None, None);
    let severity = text("severity", "error").to_lowercase();
    let fails = job.runner.options.warnings_fail && should_warn;
    result.status = if fails || (severity == "error" && should_error) {
        Status::Fail
    } else if should_warn {
        Status::Warn
    } else {
        Status::Pass
    };
    result.failures = Some(failures);
    if result.status != Status::Pass {
        let (verb, condition) = match result.status {
            Status::Fail => ("fail", text("error_if", "!= 0")),
            _ => ("warn", text("warn_if", "!= 0")),
        };
        let results = if failures == 1 { "result" } else { "results" };
        let message = format!("Got {failures} {results}, configured to {verb} if {condition}");
        result.message = Some(message);
    }
    if failures > 0 && job.runner.options.keep_failing_rows {
        result.failing_rows = failing_rows::fetch(job, &rows_of, failures);
    }
    Ok(())
}

/// The three columns of `get_test_sql`.
struct Answer {
    failures: u64,
    should_warn: bool,
    should_error: bool,
}

impl Answer {
    fn read(job: &Job, row: &[Cell]) -> Result<Answer> {
        let number = match row.first() {
            Some(Cell::Int(n)) => u64::try_from(*n).ok(),
            Some(Cell::Float(f)) if *f >= 0.0 => Some(*f as u64),
            Some(Cell::Decimal(text)) => text.parse::<f64>().ok().map(|f| f as u64),
            // sum() and max() of no rows
            Some(Cell::Null) => Some(0),
            _ => None,
        };
        let truth = |cell: Option<&Cell>| match cell {
            Some(Cell::Bool(b)) => Some(*b),
            Some(Cell::Int(n)) => Some(*n != 0),
            Some(Cell::Null) => Some(false),
            _ => None,
        };
        match (number, truth(row.get(1)), truth(row.get(2))) {
            (Some(failures), Some(should_warn), Some(should_error)) => {
                Ok(Answer { failures, should_warn, should_error })
            }
            (number, warn, error) => Err(Box::new(
                Diagnostic::error(
                    Code::SQL,
                    format!("The test `{}` did not give a number of failures", job.node.name),
                )
                .note({
                    let wrong = [number.is_none(), warn.is_none(), error.is_none()];
                    let at = wrong.iter().position(|wrong| *wrong).unwrap_or_default();
                    let cell = row.get(at).map(Cell::to_text).unwrap_or_default();
                    format!("'get_test_sql' returns '{cell}'")
                })
                .or_at(job.node.location.clone())
                .help("`fail_calc` has to give a number, `warn_if` and `error_if` a condition."),
            )),
        }
    }
}

/// Keeps the failing rows as a table or view, and gives the SQL that reads them.
fn keep_failures(job: &Job, main: &str) -> Result<String> {
    let target = job.target();
    let kept_as = job.node.config.text("store_failures_as");
    if let Some(other) = kept_as.filter(|kept_as| !matches!(*kept_as, "table" | "view")) {
        return Err(Box::new(
            Diagnostic::error(
                Code::RAISED,
                format!(
                    "'{other}' is not a valid value for `store_failures_as`. Accepted values are: \
                     ['ephemeral', 'table', 'view']"
                ),
            )
            .or_at(job.locate_config("store_failures_as", other))
            .help("Write one of them, or leave the configuration out."),
        ));
    }
    // A view would lose the relation that was tested, which gets another name.
    if kept_as == Some("view") && !job.host.is_before_publishing() {
        job.on_connection(main, |connection| {
            publish::replace_view(connection, &target, main).map(|_| ())
        })?;
    } else {
        let shadow = target.with_suffix("__dbt_tmp").with_kind(RelationKind::Table);
        let relation = Value::from_object(RelationObject::new(shadow.clone()));
        let create =
            job.sql("get_create_table_as_sql", vec![false.into(), relation, Value::from(main)])?;
        job.transaction(|connection| {
            use super::job::{Failure, run};
            let failed = |error| Failure::Sql(create.clone(), error);
            publish::drop_relation(connection, &shadow).map_err(failed)?;
            run(connection, &create)?;
            Ok(())
        })?;
        job.on_connection(&create, |connection| {
            publish::replace_table(connection, &shadow, &target).map(|_| ())
        })?;
    }
    Ok(kept_rows(job))
}

/// The SQL that reads the failing rows that were kept.
fn kept_rows(job: &Job) -> String {
    format!("select * from {}", job.target().render())
}
