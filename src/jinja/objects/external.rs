//! What dbt-duckdb's `adapter` says of files: where they lie, how they are written and read back.
//! Writing them is the business of the `external` materialization.

use minijinja::{Error, Value};

use super::Arguments;
use crate::jinja::context::Context;
use crate::jinja::host::Statement;
use crate::jinja::values::py_str;

/// The methods of this file.
pub(super) const METHODS: [&str; 4] =
    ["external_root", "external_write_options", "external_read_location", "location_exists"];

/// Calls one of [`METHODS`].
pub(super) fn call(context: &Context, method: &str, args: &[Value]) -> Result<Value, Error> {
    if method == "external_root" {
        return Ok(context.shared.fixed.external_root.as_str().into());
    }
    let args = Arguments::new(args, &["write_location", "rendered_options", "location"])?;
    let location = args.text("write_location").or_else(|| args.text("location"));
    let location = location.unwrap_or_default();
    if method == "location_exists" {
        let host = context.host();
        let Some(database) = host.adapter().filter(|_| host.execute()) else {
            return Ok(false.into());
        };
        let literal = crate::relation::quote_literal(&location);
        let asked = database.run(&format!("select 1 from {literal} limit 0"), Statement::default());
        return Ok(asked.is_ok().into());
    }
    let options = Options::of(&args.get("rendered_options").unwrap_or_default());
    Ok(match method {
        "external_write_options" => options.copy(&location).into(),
        _ => options.read_back(location).into(),
    })
}

/// The options of `copy … to`, rendered.
struct Options(Vec<(String, String)>);

impl Options {
    fn of(value: &Value) -> Options {
        let keys = value.try_iter().into_iter().flatten();
        let pairs = keys.filter_map(|key| {
            let option = value.get_item(&key).ok()?;
            Some((py_str(&key), py_str(&option)))
        });
        Options(pairs.collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// As they stand in brackets behind `copy`.
    fn copy(mut self, location: &str) -> String {
        if self.get("format").is_none() {
            let name = location.rsplit('/').next().unwrap_or(location);
            let format = match name.rsplit_once('.') {
                Some((stem, extension)) if !stem.is_empty() => extension.to_lowercase(),
                _ if self.get("delimiter").is_some() => "csv".to_owned(),
                _ => "parquet".to_owned(),
            };
            self.0.push(("format".to_owned(), format));
        }
        if self.get("format") == Some("csv") && self.get("header").is_none() {
            self.0.push(("header".to_owned(), "1".to_owned()));
        }
        let shown = self.0.iter().map(|(key, value)| match key.to_lowercase().as_str() {
            "partition_by" if value.contains(',') && !value.starts_with('(') => {
                format!("{key} ({value})")
            }
            "delimiter" | "quote" | "escape" | "null" if !value.starts_with('\'') => {
                format!("{key} '{value}'")
            }
            _ => format!("{key} {value}"),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// What to read: the files of all partitions where there are some.
    fn read_back(&self, location: String) -> String {
        let partitions = self.get("partition_by").filter(|columns| !columns.is_empty());
        let threads = self.get("per_thread_output").is_some_and(|on| !on.is_empty());
        if partitions.is_none() && !threads {
            return location;
        }
        let depth = 1 + partitions.map_or(0, |columns| columns.split(',').count());
        let format = self.get("format").unwrap_or("parquet");
        format!("{location}{}.{format}", "/*".repeat(depth))
    }
}
