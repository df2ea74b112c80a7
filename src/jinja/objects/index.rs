//! An entry of the configuration `indexes`, as `adapter.parse_index` gives it.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use super::adapter::call_by_name;
use crate::jinja::context::Context;

/// An index: `columns`, `unique`, `type`, and the name that `render(relation)` makes up for it.
#[derive(Debug)]
pub(super) struct IndexObject(pub Value);

impl Object for IndexObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let given = self.0.get_item(key).ok().filter(|value| !value.is_undefined());
        given.or_else(|| match key.as_str()? {
            "unique" => Some(false.into()),
            "type" => Some(Value::from(())),
            _ => None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let ("render", [relation]) = (method, args) else {
            return Err(Error::from(ErrorKind::UnknownMethod));
        };
        let context = Context::of(state)?;
        call_by_name(&context, state, "get_index_name", &[relation.clone(), self.0.clone()])
    }
}
