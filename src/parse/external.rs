//! Where an external source lies: dbt-duckdb's `external_location`, formatted.
//!
//! Relative paths in it start at the project's folder, as in dbt. Where nothing is there, but there
//! is something at the folder that the command was started in, that is meant: `DATA=../data
//! pintail build --project-dir project` names the folder that the shell would. DuckDB's own
//! `file_search_path` would not do: its wildcards read what both folders have, without asking.

use std::path::Path;

use crate::config::Config;
use crate::relation::quote_literal;

/// The text that stands in SQL for the source: Python's `str.format` of the template, with quotes
/// around anything that is not a call.
pub(super) fn location(template: &str, fields: &[(&str, &str)], config: &Config) -> String {
    let mut text = template.to_owned();
    for (name, value) in fields {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    if !text.contains('(') && !text.starts_with('\'') {
        text = format!("'{text}'");
    }
    let (root, started_in) = (&config.project.root, &config.started_in);
    if root == started_in { text } else { from_where_it_is(&text, root, started_in) }
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
