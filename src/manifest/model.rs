//! What only some models have: versions, a date at which they end, a calendar's columns.

use std::cmp::Ordering;

use serde_json::Value;

/// What only models have, and few of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelFacts {
    /// `v` as written: a number or a text.
    pub version: Option<Value>,
    /// Of a versioned model: which version a `ref` without one means.
    pub latest_version: Option<Value>,
    /// With its zone: `2024-01-01T00:00:00+00:00`.
    pub deprecation_date: Option<String>,
    /// `time_spine`, as written.
    pub time_spine: Option<Value>,
}

impl ModelFacts {
    /// The version as text: `1`.
    pub fn version_text(&self) -> Option<String> {
        self.version.as_ref().map(version_text)
    }

    /// Whether it is the version that a `ref` without one means.
    pub fn is_latest(&self) -> bool {
        match (&self.version, &self.latest_version) {
            (Some(version), Some(latest)) => version_text(version) == version_text(latest),
            _ => false,
        }
    }

    /// How its version stands to the latest one.
    pub fn against_latest(&self) -> Option<Ordering> {
        Some(compare_versions(self.version.as_ref()?, self.latest_version.as_ref()?))
    }
}

/// A version as text: `1`, `1.5`, `alpha`.
pub fn version_text(version: &Value) -> String {
    version.as_str().map_or_else(|| version.to_string(), str::to_owned)
}

/// Numbers by value, others as texts.
pub fn compare_versions(one: &Value, other: &Value) -> Ordering {
    let (one, other) = (version_text(one), version_text(other));
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one.total_cmp(&other),
        _ => one.cmp(&other),
    }
}
