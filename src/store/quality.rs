//! Questions about data quality: the scores of contexts and owners, and which tests need a look.
//!
//! Reads only. How scores are made is said in `migrations/V3__quality.sql`.

use postgres::Row;
use serde::Serialize;

use super::{Store, problem};
use crate::diagnostic::Result;

/// How many tests each list has at most.
const LISTED: i64 = 10;

/// How well the data of a project did since a day, against the same time before.
#[derive(Debug, Clone, Serialize)]
pub struct Scorecard {
    pub project: String,
    pub target: String,
    /// The first day, in UTC: `2026-03-01`.
    pub since: String,
    /// Of everything, from 0 to 100; `None` where nothing was checked.
    pub score: Option<f64>,
    /// The same of the time before.
    pub score_before: Option<f64>,
    /// The worst come first.
    pub contexts: Vec<ContextScore>,
    /// The tests that cost most of the score.
    pub worst: Vec<WorstTest>,
    pub flaky: Vec<FlakyTest>,
    pub slow: Vec<SlowTest>,
}

/// A context with an owner.
#[derive(Debug, Clone, Serialize)]
pub struct ContextScore {
    pub context: Option<String>,
    pub owner: Option<String>,
    pub score: Option<f64>,
    pub score_before: Option<f64>,
    /// Tests that were checked, and how their last checks ended.
    pub tests: i64,
    pub passed: i64,
    pub warned: i64,
    /// Also those that could not be checked.
    pub failed: i64,
    /// Failing rows that are new, that are there for longer, and that went away since.
    pub new: i64,
    pub recurring: i64,
    pub resolved: i64,
    #[serde(skip)]
    parts: [Option<f64>; 4],
}

/// A test that did not always pass.
#[derive(Debug, Clone, Serialize)]
pub struct WorstTest {
    pub unique_id: String,
    pub name: String,
    pub node_name: Option<String>,
    pub column_name: Option<String>,
    pub severity: String,
    pub context: Option<String>,
    pub owner: Option<String>,
    /// Of the last check.
    pub status: String,
    pub failures: Option<i64>,
    /// How often it was checked, and how often it did not pass.
    pub checks: i64,
    pub bad: i64,
}

/// A test that goes from passing to not passing and back while its SQL is the same.
#[derive(Debug, Clone, Serialize)]
pub struct FlakyTest {
    pub unique_id: String,
    pub name: String,
    pub context: Option<String>,
    pub owner: Option<String>,
    pub checks: i64,
    pub flips: i64,
}

/// A test that takes much longer than it used to.
#[derive(Debug, Clone, Serialize)]
pub struct SlowTest {
    pub unique_id: String,
    pub name: String,
    pub context: Option<String>,
    pub owner: Option<String>,
    pub duration_ms: i64,
    pub median_ms: i64,
}

impl Store {
    /// How well a project does on a target since a day, and before that since another one; both as
    /// `2026-03-01`.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn scorecard(
        &mut self,
        project: &str,
        target: &str,
        since: &str,
        before: &str,
    ) -> Result<Scorecard> {
        let mut ask = || {
            let client = self.client();
            let scores = client
                .query(include_str!("sql/scores.sql"), &[&project, &target, &since, &before])?;
            let worst = client.query(
                include_str!("sql/worst_rules.sql"),
                &[&project, &target, &since, &LISTED],
            )?;
            let listed: [&(dyn postgres::types::ToSql + Sync); 3] = [&project, &target, &LISTED];
            let flaky = client.query(include_str!("sql/flaky_tests.sql"), &listed)?;
            let slow = client.query(include_str!("sql/slow_tests.sql"), &listed)?;
            Ok((scores, worst, flaky, slow))
        };
        let (scores, worst, flaky, slow) =
            ask().map_err(|error| problem("tell how good the data is", &error))?;
        let contexts: Vec<ContextScore> = scores.iter().map(context_score).collect();
        let sum = |at: usize| {
            let parts = contexts.iter().filter_map(|context| context.parts[at]);
            parts.reduce(|one, other| one + other)
        };
        Ok(Scorecard {
            project: project.to_owned(),
            target: target.to_owned(),
            since: since.to_owned(),
            score: score_of(sum(0), sum(1)),
            score_before: score_of(sum(2), sum(3)),
            contexts,
            worst: worst.iter().map(worst_test).collect(),
            flaky: flaky.iter().map(flaky_test).collect(),
            slow: slow.iter().map(slow_test).collect(),
        })
    }
}

/// Points of a weight as a score from 0 to 100, with two digits; `None` where nothing weighs.
pub fn score(points: f64, weight: f64) -> Option<f64> {
    (weight > 0.0).then(|| (10_000.0 * points / weight).round() / 100.0)
}

fn score_of(points: Option<f64>, weight: Option<f64>) -> Option<f64> {
    score(points?, weight?)
}

fn context_score(row: &Row) -> ContextScore {
    let parts = ["points", "weight", "points_before", "weight_before"].map(|name| row.get(name));
    ContextScore {
        context: row.get("context"),
        owner: row.get("owner"),
        score: score_of(parts[0], parts[1]),
        score_before: score_of(parts[2], parts[3]),
        tests: row.get("tests"),
        passed: row.get("passed"),
        warned: row.get("warned"),
        failed: row.get("failed"),
        new: row.get("new"),
        recurring: row.get("recurring"),
        resolved: row.get("resolved"),
        parts,
    }
}

fn worst_test(row: &Row) -> WorstTest {
    WorstTest {
        unique_id: row.get("unique_id"),
        name: row.get("name"),
        node_name: row.get("node_name"),
        column_name: row.get("column_name"),
        severity: row.get("severity"),
        context: row.get("context"),
        owner: row.get("owner"),
        status: row.get("status"),
        failures: row.get("failures"),
        checks: row.get("checks"),
        bad: row.get("bad"),
    }
}

fn flaky_test(row: &Row) -> FlakyTest {
    FlakyTest {
        unique_id: row.get("unique_id"),
        name: row.get("name"),
        context: row.get("context"),
        owner: row.get("owner"),
        checks: row.get("checks"),
        flips: row.get("flips"),
    }
}

fn slow_test(row: &Row) -> SlowTest {
    SlowTest {
        unique_id: row.get("unique_id"),
        name: row.get("name"),
        context: row.get("context"),
        owner: row.get("owner"),
        duration_ms: row.get("duration_ms"),
        median_ms: row.get("median_ms"),
    }
}
