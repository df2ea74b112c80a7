//! How long nodes take: their last runs on a target, the middle of them, and which nodes have
//! become slower.

use jiff::Timestamp;

use super::history::time;
use super::{Store, problem, system_time};
use crate::diagnostic::Result;

/// How many earlier runs of a node its last one is compared with.
const COMPARED: usize = 20;

/// How many there must be.
const ENOUGH: usize = 5;

/// A node became slower where its last run took so many times the median …
const FACTOR: f64 = 1.5;

/// … and so many milliseconds more. It also has to lie outside of the spread, by Tukey's rule.
const AT_LEAST_MS: f64 = 100.0;

/// How long a node took in its last runs on a target. Runs in which it was skipped, failed to
/// build or was cancelled do not count.
#[derive(Debug, Clone)]
pub struct NodeTimes {
    pub unique_id: String,
    pub name: String,
    pub resource_type: String,
    /// In milliseconds, the oldest run first; never empty.
    pub durations: Vec<i64>,
    /// When the last of the runs began.
    pub last_at: Timestamp,
    /// Whether the SQL of the last run is another one than that of the run before.
    pub sql_changed: bool,
}

/// What makes a node slower than it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// Of the runs before the last one.
    pub median_ms: f64,
    pub last_ms: i64,
    /// Last by median.
    pub factor: f64,
}

impl NodeTimes {
    /// The last run's.
    pub fn last_ms(&self) -> i64 {
        self.durations.last().copied().unwrap_or_default()
    }

    /// The last 20, the oldest first.
    pub fn recent(&self) -> &[i64] {
        &self.durations[self.durations.len().saturating_sub(COMPARED)..]
    }

    /// The median of the last 20.
    pub fn median_ms(&self) -> f64 {
        quantile(self.recent(), 0.5)
    }

    /// Whether the last run stands out from the up to 20 runs before it: it took more than 1.5
    /// times their median, more than 100 ms longer, and lies above their upper quartile by more
    /// than 1.5 times the distance between the quartiles. Five earlier runs are needed.
    pub fn regression(&self) -> Option<Regression> {
        let (&last_ms, earlier) = self.durations.split_last()?;
        let earlier = &earlier[earlier.len().saturating_sub(COMPARED)..];
        if earlier.len() < ENOUGH {
            return None;
        }
        let median_ms = quantile(earlier, 0.5);
        let (lower, upper) = (quantile(earlier, 0.25), quantile(earlier, 0.75));
        let last = last_ms as f64;
        let stands_out = last > FACTOR * median_ms
            && last > median_ms + AT_LEAST_MS
            && last > upper + 1.5 * (upper - lower);
        // A median of nothing would give no number.
        let factor = last / median_ms.max(1.0);
        stands_out.then_some(Regression { median_ms, last_ms, factor })
    }
}

/// Between two values in proportion, as `percentile_cont`; 0 of none.
fn quantile(values: &[i64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = part * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below as f64 + (above - below) as f64 * at.fract()
}

impl Store {
    /// How long nodes of a project took on a target: those that took part in a run `since`, or of
    /// these the ones in `only`.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn times(
        &mut self,
        project: &str,
        target: &str,
        only: Option<&[&str]>,
        since: Timestamp,
    ) -> Result<Vec<NodeTimes>> {
        let runs = i64::try_from(COMPARED + 1).unwrap_or(i64::MAX);
        let rows = self.client().query(
            include_str!("sql/times.sql"),
            &[&project, &target, &only, &system_time(since), &runs],
        );
        let rows = rows.map_err(|error| problem("tell how long nodes take", &error))?;
        Ok(rows
            .iter()
            .map(|row| {
                let mut durations: Vec<i64> = row.get("durations");
                durations.reverse();
                NodeTimes {
                    unique_id: row.get("unique_id"),
                    name: row.get("name"),
                    resource_type: row.get("resource_type"),
                    durations,
                    last_at: time(row, "last_us"),
                    sql_changed: row.get("sql_changed"),
                }
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(durations: &[i64]) -> NodeTimes {
        NodeTimes {
            unique_id: "model.shop.orders".into(),
            name: "orders".into(),
            resource_type: "model".into(),
            durations: durations.to_vec(),
            last_at: Timestamp::UNIX_EPOCH,
            sql_changed: false,
        }
    }

    #[test]
    fn medians_lie_between_two_values() {
        assert_eq!(node(&[4, 1, 3]).median_ms(), 3.0);
        assert_eq!(node(&[4, 1, 3, 10]).median_ms(), 3.5);
        assert_eq!(node(&[7]).median_ms(), 7.0);
        // Only the last 20 count.
        let old = [9_000; 5].into_iter().chain([1; 20]).collect::<Vec<_>>();
        assert_eq!(node(&old).median_ms(), 1.0);
    }

    #[test]
    fn a_node_is_slower_where_all_three_conditions_hold() {
        let steady = [200, 210, 190, 205, 195];
        let last = |ms: i64| node(&[&steady[..], &[ms]].concat()).regression();
        let found = last(420).expect("twice as long");
        assert_eq!((found.median_ms, found.last_ms, found.factor), (200.0, 420, 2.1));
        // Not 1.5 times.
        assert_eq!(last(299), None);
        // Not 100 ms more.
        assert_eq!(node(&[20, 21, 19, 20, 20, 110]).regression(), None);
        // It often takes that long.
        assert_eq!(node(&[200, 500, 190, 600, 195, 210, 450]).regression(), None);
        // Too few to tell.
        assert_eq!(node(&[200, 200, 200, 200, 900]).regression(), None);
        // What was quick 21 runs ago is forgotten.
        let slow_since = [10; 9].into_iter().chain([900; 21]).collect::<Vec<_>>();
        assert_eq!(node(&slow_since).regression(), None);
    }
}
