//! Versions and ranges of versions as dbt reads them: `1.2.3`, `>=1.0.0`, `<2.0.0-rc1`.
//!
//! Follows dbt's rules rather than semver.org's where the two differ, such as in how a range meets
//! a pre-release. Knows nothing of packages.

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;

/// The version of dbt that Pintail is compatible with: what `dbt_version` says.
pub const DBT_VERSION: &str = "1.11.16";

/// What stands before the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Exact,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Bound {
    fn as_str(self) -> &'static str {
        match self {
            Bound::Exact => "=",
            Bound::Above => ">",
            Bound::AtLeast => ">=",
            Bound::Below => "<",
            Bound::AtMost => "<=",
        }
    }

    fn is_lower(self) -> bool {
        matches!(self, Bound::Above | Bound::AtLeast)
    }

    fn is_upper(self) -> bool {
        matches!(self, Bound::Below | Bound::AtMost)
    }
}

/// A version, with or without a bound before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    bound: Bound,
    numbers: [u64; 3],
    prerelease: Option<String>,
    build: Option<String>,
}

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"^(>=|>|<=|<|=)?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)",
        r"(?:-?((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?",
        r"(?:\+([0-9A-Za-z-]*(?:\.[0-9A-Za-z-]*)*))?$",
    ))
    .expect("the pattern is valid")
});

impl Version {
    /// Reads `>=1.2.3-rc1`; nothing where it is no version.
    pub fn read(text: &str) -> Option<Version> {
        let found = PATTERN.captures(text)?;
        let number = |at: usize| found[at].parse().ok();
        let part = |at: usize| found.get(at).map(|part| part.as_str().to_owned());
        Some(Version {
            bound: match found.get(1).map(|bound| bound.as_str()) {
                Some(">") => Bound::Above,
                Some(">=") => Bound::AtLeast,
                Some("<") => Bound::Below,
                Some("<=") => Bound::AtMost,
                _ => Bound::Exact,
            },
            numbers: [number(2)?, number(3)?, number(4)?],
            prerelease: part(5),
            build: part(6),
        })
    }

    /// Whether a text is a version without a bound, of three numbers or of two.
    pub fn is_plain(text: &str) -> bool {
        let whole =
            if text.matches('.').count() == 1 { format!("{text}.0") } else { text.to_owned() };
        text.starts_with(|first: char| first.is_ascii_digit()) && Version::read(&whole).is_some()
    }

    /// Whether it is a pre-release.
    pub fn is_prerelease(&self) -> bool {
        self.prerelease.is_some()
    }

    fn is_exact(&self) -> bool {
        self.bound == Bound::Exact
    }

    /// The order of two versions; of two alike, the one whose bound lets in less comes later.
    pub fn compare(&self, other: &Version) -> Ordering {
        let by_number = self.numbers.cmp(&other.numbers);
        if by_number != Ordering::Equal {
            return by_number;
        }
        match (&self.prerelease, &other.prerelease) {
            (None, None) => {}
            // `<2.0.0` keeps 2.0.0-rc1 out.
            (None, Some(_)) if self.bound == Bound::Below => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (Some(a), Some(b)) => match compare_prereleases(a, b) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
        match (self.bound, other.bound) {
            (Bound::AtLeast, Bound::AtMost) | (Bound::AtMost, Bound::AtLeast) => Ordering::Equal,
            (Bound::Below, Bound::AtMost) | (Bound::AtLeast, Bound::Above) => Ordering::Less,
            (Bound::AtMost, Bound::Below) | (Bound::Above, Bound::AtLeast) => Ordering::Greater,
            (a, b) if a.is_upper() && b.is_lower() => Ordering::Less,
            (a, b) if a.is_lower() && b.is_upper() => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{}{major}.{minor}.{patch}", self.bound.as_str())?;
        if let Some(prerelease) = &self.prerelease {
            write!(f, "-{prerelease}")?;
        }
        match &self.build {
            Some(build) => write!(f, "+{build}"),
            None => Ok(()),
        }
    }
}

/// Number against number, text against text; a number comes before a text.
fn compare_prereleases(a: &str, b: &str) -> Ordering {
    for (one, other) in a.split('.').zip(b.split('.')) {
        let order = match (one.parse::<u64>(), other.parse::<u64>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// What several versions and bounds have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    start: Option<Version>,
    end: Option<Version>,
}

impl Range {
    fn of(version: &Version) -> Range {
        let one = || Some(version.clone());
        match version.bound {
            Bound::Exact => Range { start: one(), end: one() },
            bound if bound.is_lower() => Range { start: one(), end: None },
            _ => Range { start: None, end: one() },
        }
    }

    /// What all of them allow; nothing where they exclude each other.
    pub fn of_all<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Option<Range> {
        let mut versions: Vec<&Version> = versions.into_iter().collect();
        let Some(last) = versions.pop() else { return Some(Range { start: None, end: None }) };
        versions
            .into_iter()
            .try_fold(Range::of(last), |range, version| range.with(&Range::of(version)))
    }

    fn with(&self, other: &Range) -> Option<Range> {
        let exact = |end: &Option<Version>| end.as_ref().is_some_and(Version::is_exact);
        let (start, end) = if exact(&self.start) && exact(&other.start) {
            let same = self.start.as_ref()?.compare(other.start.as_ref()?) == Ordering::Equal;
            same.then(|| (self.start.clone(), self.start.clone()))?
        } else {
            (
                narrower(&self.start, &other.start, Ordering::Less, Bound::AtLeast)?,
                narrower(&self.end, &other.end, Ordering::Greater, Bound::AtMost)?,
            )
        };
        let crossed = start
            .as_ref()
            .zip(end.as_ref())
            .is_some_and(|(start, end)| start.compare(end) == Ordering::Greater);
        (!crossed).then_some(Range { start, end })
    }

    /// Whether a version lies in the range.
    pub fn contains(&self, version: &Version) -> bool {
        Range::of_all([Some(version), self.start.as_ref(), self.end.as_ref()].into_iter().flatten())
            .is_some()
    }
}

/// The narrower of two ends of a range: of lower ones the greater, of upper ones the smaller. An
/// exact version has to lie within the other one. The outer nothing: they exclude each other.
fn narrower(
    a: &Option<Version>,
    b: &Option<Version>,
    inner: Ordering,
    inclusive: Bound,
) -> Option<Option<Version>> {
    let (Some(one), Some(other)) = (a, b) else {
        return Some(a.clone().or_else(|| b.clone()));
    };
    if !one.is_exact() && !other.is_exact() {
        let keep = if one.compare(other) == inner { other } else { one };
        return Some(Some(keep.clone()));
    }
    let (exact, bound) = if one.is_exact() { (one, other) } else { (other, one) };
    let order = bound.compare(exact);
    let within = order == inner || (order == Ordering::Equal && bound.bound == inclusive);
    within.then(|| Some(exact.clone()))
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.start, &self.end) {
            (None, None) => f.write_str("any version"),
            (Some(one), None) | (None, Some(one)) => write!(f, "{one}"),
            (Some(start), Some(end)) if start == end => write!(f, "{start}"),
            (Some(start), Some(end)) => write!(f, "{start}, {end}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(bounds: &[&str], version: &str) -> bool {
        let bounds: Vec<Version> =
            bounds.iter().map(|text| Version::read(text).expect("a version")).collect();
        let range = Range::of_all(&bounds).expect("a range");
        range.contains(&Version::read(version).expect("a version"))
    }

    // The expected values are what dbt-core 1.11.16 says of the same versions.
    #[test]
    fn ranges_are_dbts() {
        assert!(allows(&[">=0.8.0", "<0.9.0"], "0.8.6"));
        assert!(!allows(&[">=0.8.0", "<0.9.0"], "0.9.0"));
        assert!(!allows(&[">=0.8.0", "<0.9.0"], "0.9.0-rc1"));
        assert!(allows(&[">=0.8.0", "<=0.9.0"], "0.9.0"));
        assert!(!allows(&[">0.8.0"], "0.8.0"));
        assert!(allows(&[], "1.0.0"));
        assert!(allows(&["1.0.0b1"], "1.0.0-b1"));
        let excluded = [">=2.0.0", "<1.0.0"].map(|text| Version::read(text).expect("a version"));
        assert_eq!(Range::of_all(&excluded), None);
        for text in ["0.8", "1.0", ">=1.0.0,<2.0.0", "v1.0.0", "01.0.0"] {
            assert_eq!(Version::read(text), None, "{text}");
        }
    }

    #[test]
    fn prereleases_come_before_their_release() {
        let order = ["1.0.0-a1", "1.0.0-b1", "1.0.0-rc.1", "1.0.0-rc.2", "1.0.0", "1.0.1"];
        let versions = order.map(|text| Version::read(text).expect("a version"));
        for pair in versions.windows(2) {
            assert_eq!(pair[0].compare(&pair[1]), Ordering::Less, "{} {}", pair[0], pair[1]);
        }
    }
}
