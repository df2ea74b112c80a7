//! dbt's `AdapterResponse`: what an engine said of a statement. Only shows it.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use crate::relation::Response;

/// A response as templates see it; prints as its message.
#[derive(Debug, Clone)]
pub struct ResponseObject(pub Response);

impl Object for ResponseObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let text = |text: &str| match text {
            "" => Value::from(()),
            text => text.into(),
        };
        Some(match key.as_str()? {
            "_message" => self.0.message.as_str().into(),
            "code" => text(&self.0.code),
            "rows_affected" => self.0.rows_affected.map_or(Value::from(()), Value::from),
            "query_id" => Value::from(()),
            _ => return None,
        })
    }
}
