//! `modules`, as dbt's context has it: `datetime`, `pytz`, `re` and `itertools`.

use std::sync::LazyLock;

use minijinja::Value;

use super::func::Namespace;
use super::{datetime, itertools, pattern};

/// The value of `modules`; made once for all environments.
pub fn modules() -> Value {
    static MODULES: LazyLock<Value> = LazyLock::new(|| {
        let members = vec![
            ("datetime", datetime::module()),
            ("itertools", itertools::module()),
            ("pytz", datetime::pytz()),
            ("re", pattern::module()),
        ];
        Namespace::module("modules", members)
    });
    MODULES.clone()
}
