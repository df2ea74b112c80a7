//! Metrics in templates: what `metric()` gives. While parsing only the name is known; later all
//! that the manifest says, in dbt's classes, as Python prints them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr};
use minijinja::{Error, ErrorKind, State, Value};

use crate::jinja::host::{KnownMetric, MetricAbove};
use crate::jinja::values::{Dict, List, from_json, py_repr};
use crate::manifest::MetricCall;

/// A metric as templates see it; prints as its name.
#[derive(Debug)]
pub struct MetricObject {
    call: MetricCall,
    known: Option<KnownMetric>,
}

impl MetricObject {
    pub fn new(call: MetricCall, known: Option<KnownMetric>) -> Self {
        MetricObject { call, known }
    }

    fn names(&self, wanted: impl Fn(&MetricAbove) -> bool) -> Value {
        let mut found: Vec<&str> = Vec::new();
        for one in self.known.iter().flat_map(|known| &known.above).filter(|one| wanted(one)) {
            if !found.contains(&one.name.as_str()) {
                found.push(&one.name);
            }
        }
        List::value(found.into_iter().map(Value::from).collect())
    }
}

impl Object for MetricObject {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.call.name)
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let body = self.known.as_ref().map(|known| &known.body);
        let package = match body {
            Some(body) => body["package_name"].as_str(),
            None => self.call.package.as_deref(),
        };
        match key {
            "metric_name" => Some(self.call.name.as_str().into()),
            "package_name" => Some(package.map_or(Value::from(()), Value::from)),
            _ => body?.get(key).map(|value| typed(key, value)),
        }
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        let Some(known) = &self.known else { return Err(Error::from(ErrorKind::UnknownMethod)) };
        Ok(match method {
            "full_metric_dependency" => self.names(|_| true),
            "base_metric_dependency" => self.names(|one| !one.is_derived),
            "derived_metric_dependency" => self.names(|one| one.is_derived),
            "derived_metric_dependency_depth" => {
                let derived = known.above.iter().filter(|one| one.is_derived);
                List::value(derived.map(|one| Dict::value([(&*one.name, one.depth)])).collect())
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }
}

/// A value of one of dbt's data classes.
#[derive(Debug)]
struct Record {
    class: &'static str,
    fields: Vec<(String, Value)>,
}

impl Object for Record {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.class)?;
        for (at, (name, value)) in self.fields.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            match value.downcast_object_ref::<Member>() {
                Some(Member { class, value }) => {
                    write!(f, "{comma}{name}=<{class}.{}: '{value}'>", value.to_uppercase())?;
                }
                None => write!(f, "{comma}{name}={}", py_repr(value))?,
            }
        }
        f.write_str(")")
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }
}

/// A member of one of dbt's enumerations.
#[derive(Debug)]
struct Member {
    class: &'static str,
    value: String,
}

impl Object for Member {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.class, self.value.to_uppercase())
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "value" => Some(self.value.as_str().into()),
            "name" => Some(self.value.to_uppercase().into()),
            _ => None,
        }
    }
}

/// The value of a key of a metric, in the class that it has there.
fn typed(key: &str, value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::String(text) => match enumeration(key) {
            Some(class) => Value::from_object(Member { class, value: text.clone() }),
            None => text.as_str().into(),
        },
        serde_json::Value::Array(items) if class_of(key).is_some() => {
            List::value(items.iter().map(|item| typed(key, item)).collect())
        }
        serde_json::Value::Object(map) => match class_of(key) {
            Some("MetricConfig") => Value::from_object(config(map)),
            Some(class) => {
                let fields = map.iter().map(|(key, value)| (key.clone(), typed(key, value)));
                Value::from_object(Record { class, fields: fields.collect() })
            }
            None => from_json(value),
        },
        _ => from_json(value),
    }
}

/// The configuration of a metric: what dbt does not know of it is apart.
fn config(map: &serde_json::Map<String, serde_json::Value>) -> Record {
    let known = ["enabled", "group", "meta"];
    let (own, extra): (Vec<_>, Vec<_>) =
        map.iter().partition(|(key, _)| known.contains(&key.as_str()));
    let extra = Dict::value(extra.into_iter().map(|(key, value)| (key.as_str(), from_json(value))));
    let own = own.into_iter().map(|(key, value)| (key.clone(), from_json(value)));
    Record {
        class: "MetricConfig",
        fields: std::iter::once(("_extra".to_owned(), extra)).chain(own).collect(),
    }
}

fn class_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "type_params" => "MetricTypeParams",
        "measure" | "input_measures" | "base_measure" | "conversion_measure" => {
            "MetricInputMeasure"
        }
        "numerator" | "denominator" | "metrics" | "metric" => "MetricInput",
        "filter" => "WhereFilterIntersection",
        "where_filters" => "WhereFilter",
        "window" | "offset_window" => "MetricTimeWindow",
        "conversion_type_params" => "ConversionTypeParams",
        "cumulative_type_params" => "CumulativeTypeParams",
        "constant_properties" => "ConstantPropertyInput",
        "config" => "MetricConfig",
        "depends_on" => "DependsOn",
        _ => return None,
    })
}

fn enumeration(key: &str) -> Option<&'static str> {
    Some(match key {
        "type" => "MetricType",
        "calculation" => "ConversionCalculationType",
        "period_agg" => "PeriodAggregation",
        _ => return None,
    })
}
