//! Events under dbt's names: their codes and levels, as in dbt-core's structured logs.
//!
//! What an event says and when it is said is decided where it happens.

/// How urgent an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
    /// Above all: nothing is shown from here on.
    None,
}

impl Level {
    /// dbt's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::None => "none",
        }
    }

    /// The level of a name.
    pub fn named(name: &str) -> Option<Level> {
        let all = [Level::Debug, Level::Info, Level::Warn, Level::Error, Level::None];
        all.into_iter().find(|level| level.as_str() == name.to_lowercase())
    }
}

/// dbt's code of an event; empty for those that dbt does not know.
pub(super) fn code(name: &str) -> &'static str {
    crate::config::event_code(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_by_urgency() {
        assert!(Level::Debug < Level::Info && Level::Warn < Level::Error);
        assert_eq!(Level::named("WARN"), Some(Level::Warn));
        assert_eq!(code("LogModelResult"), "Q012");
    }
}
