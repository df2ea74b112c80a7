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
    const CODES: &[(&str, &str)] = &[
        ("MainReportVersion", "A001"),
        ("MainReportArgs", "A002"),
        ("StarterProjectPath", "A017"),
        ("ConfigFolderDirectory", "A018"),
        ("ProjectCreated", "A026"),
        ("AdapterRegistered", "E034"),
        ("SQLQuery", "E016"),
        ("SQLQueryStatus", "E017"),
        ("WriteCatalogFailure", "E041"),
        ("CatalogWritten", "E042"),
        ("CannotGenerateDocs", "E043"),
        ("BuildingCatalog", "E044"),
        ("FinishedRunningStats", "E047"),
        ("ParseInlineNodeError", "I069"),
        ("JinjaLogInfo", "I062"),
        ("JinjaLogDebug", "I063"),
        ("JinjaLogWarning", "I061"),
        ("NoNodesForSelectionCriteria", "M030"),
        ("ArtifactWritten", "P001"),
        ("LogTestResult", "Q007"),
        ("LogStartLine", "Q011"),
        ("LogModelResult", "Q012"),
        ("LogSnapshotResult", "Q015"),
        ("LogFunctionResult", "Q047"),
        ("LogSeedResult", "Q016"),
        ("LogFreshnessResult", "Q018"),
        ("LogNodeNoOpResult", "Q019"),
        ("FreshnessCheckComplete", "Q003"),
        ("LogCancelLine", "Q022"),
        ("NodeStart", "Q024"),
        ("NodeFinished", "Q025"),
        ("ConcurrencyLine", "Q027"),
        ("WritingInjectedSQLForNode", "Q029"),
        ("NodeCompiling", "Q030"),
        ("NodeExecuting", "Q031"),
        ("LogHookStartLine", "Q032"),
        ("LogHookEndLine", "Q033"),
        ("SkippingDetails", "Q034"),
        ("NothingToDo", "Q035"),
        ("EndRunResult", "Q037"),
        ("NoNodesSelected", "Q038"),
        ("CommandCompleted", "Q039"),
        ("ShowNode", "Q041"),
        ("LogStartBatch", "Q044"),
        ("LogBatchResult", "Q045"),
        ("MicrobatchExecutionDebug", "Q046"),
        ("CompiledNode", "Q042"),
        ("CatchableExceptionOnRun", "W002"),
        ("FoundStats", "W006"),
        ("MainEncounteredError", "Z002"),
        ("CheckCleanPath", "Z012"),
        ("ConfirmCleanPath", "Z013"),
        ("ProtectedCleanPath", "Z014"),
        ("FinishedCleanPaths", "Z015"),
        ("Formatting", "Z017"),
        ("RunResultWarning", "Z021"),
        ("RunResultFailure", "Z022"),
        ("StatsLine", "Z023"),
        ("RunResultError", "Z024"),
        ("RunResultErrorNoMessage", "Z025"),
        ("SQLCompiledPath", "Z026"),
        ("CheckNodeTestFailure", "Z027"),
        ("EndOfRunSummary", "Z030"),
        ("MarkSkippedChildren", "Z033"),
        ("RunResultWarningMessage", "Z046"),
        ("DebugCmdOut", "Z047"),
        ("DebugCmdResult", "Z048"),
        ("Note", "Z050"),
        ("PrintEvent", "Z052"),
    ];
    CODES.iter().find(|(known, _)| *known == name).map_or("", |(_, code)| code)
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
