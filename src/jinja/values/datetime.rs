use minijinja::{Error, Value};
pub(super) fn write_repr(
    _out: &mut dyn std::fmt::Write,
    _value: &Value,
) -> Option<std::fmt::Result> {
    None
}
pub(super) fn type_name(_value: &Value) -> Option<&'static str> {
    None
}
pub(super) fn strftime(_value: &Value, _spec: &str) -> Option<Result<String, Error>> {
    None
}
pub(super) fn add(_a: &Value, _b: &Value) -> Option<Result<Value, Error>> {
    None
}
pub(super) fn sub(_a: &Value, _b: &Value) -> Option<Result<Value, Error>> {
    None
}
pub(super) fn mul(_a: &Value, _b: &Value) -> Option<Result<Value, Error>> {
    None
}
