//! Where an external source lies: dbt-duckdb's `external_location`, formatted.
//!
//! Relative paths in it start at the project's folder, as in dbt. Where nothing is there, but there
//! is something at the folder that the command was started in, that is meant: `DATA=../data
//! pintail build --project-dir project` names the folder that the shell would. DuckDB's own
//! `file_search_path` would not do: its wildcards read what both folders have, without asking.

use std::path::Path;
use std::sync::LazyLock;

use indexmap::IndexMap;
use regex::{Captures, Regex};

use crate::config::Config;
use crate::relation::quote_literal;

/// The text that stands in SQL for the source: the template with its fields filled in, and with
/// quotes around anything that is not a call.
///
/// # Errors
/// What is wrong with the template, in words.
pub(super) fn location(
    template: &str,
    formatter: &str,
    fields: &IndexMap<String, String>,
    config: &Config,
) -> Result<String, String> {
    static PLACES: LazyLock<[(&str, Regex); 3]> = LazyLock::new(|| {
        [
            ("newstyle", r"(\{\{|\}\})|\{(\w+)(?:[!:][^{}]*)?\}|\{[^{}]*\}"),
            ("oldstyle", r"(%%)|%\((\w+)\)[sdr]"),
            ("template", r"(\$\$)|\$\{?(\w+)\}?"),
        ]
        .map(|(name, pattern)| (name, Regex::new(pattern).expect("the pattern is valid")))
    });
    let Some((_, places)) = PLACES.iter().find(|(name, _)| *name == formatter) else {
        return Err(format!(
            "Formatter {formatter} not recognized. \
             Must be one of 'newstyle', 'oldstyle', or 'template'."
        ));
    };
    let mut wrong = None;
    let filled = places.replace_all(template, |found: &Captures| {
        if let Some(doubled) = found.get(1) {
            return doubled.as_str()[..1].to_owned();
        }
        let name = found.get(2).map_or(&found[0], |name| name.as_str());
        fields.get(name).cloned().unwrap_or_else(|| {
            wrong = Some(name.to_owned());
            String::new()
        })
    });
    if let Some(name) = wrong {
        return Err(format!("`{name}` in the external_location is no property of the source"));
    }
    let mut text = filled.into_owned();
    if !text.contains('(') && !text.starts_with('\'') {
        text = format!("'{text}'");
    }
    let (root, started_in) = (&config.project.root, &config.started_in);
    Ok(if root == started_in { text } else { from_where_it_is(&text, root, started_in) })
}

/// Replaces the paths that are below `started_in` only by absolute ones.
fn from_where_it_is(sql: &str, root: &Path, started_in: &Path) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(begin) = rest.find('\'') {
        let (before, literal) = rest.split_at(begin + 1);
        let Some(end) = literal.find('\'') else { break };
        let path = &literal[..end];
        // A quote inside is written twice, and leaves its two halves alone.
        if is_relative_path(path) && !there(root, path) && there(started_in, path) {
            out.push_str(&before[..begin]);
            out.push_str(&quote_literal(&started_in.join(path).to_string_lossy()));
        } else {
            out.push_str(before);
            out.push_str(&literal[..=end]);
        }
        rest = &literal[end + 1..];
    }
    out + rest
}

fn is_relative_path(text: &str) -> bool {
    text.contains(['/', '.']) && !text.contains("://") && !text.starts_with(['/', '~'])
}

/// Whether a path leads somewhere; one with wildcards, as far as the folder before them.
fn there(base: &Path, path: &str) -> bool {
    let fixed = match path.find(['*', '?', '[']) {
        Some(wildcard) => &path[..path[..wildcard].rfind('/').map_or(0, |slash| slash + 1)],
        None => path,
    };
    !fixed.is_empty() && base.join(fixed).exists()
}

#[cfg(test)]
mod tests {
    use super::from_where_it_is;

    #[test]
    fn only_what_is_not_in_the_project_is_sought_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let (root, data) = (dir.path().join("project"), dir.path().join("data"));
        std::fs::create_dir_all(root.join("own")).unwrap();
        std::fs::create_dir_all(&data).unwrap();
        std::fs::create_dir_all(dir.path().join("own")).unwrap();
        for file in ["data/a.csv", "project/own/b.csv", "own/b.csv"] {
            std::fs::write(dir.path().join(file), "a\n1\n").unwrap();
        }
        let found = |sql: &str| from_where_it_is(sql, &root, dir.path());
        let at = |path: &str| format!("'{}/{path}'", dir.path().display());

        let call = |path: &str| format!("read_csv({path}, delim = ',', quote = '\"')");
        assert_eq!(found(&call("'data/a.csv'")), call(&at("data/a.csv")));
        assert_eq!(found(&call("'data/*.csv'")), call(&at("data/*.csv")));
        assert_eq!(
            found("['data/a.csv', 'own/b.csv']"),
            format!("[{}, 'own/b.csv']", at("data/a.csv"))
        );
        for same in ["'own/b.csv'", "'own/*.csv'", "'*.csv'", "'none/a.csv'", "'s3://data/a.csv'"] {
            assert_eq!(found(same), same);
        }
    }
}
