//! Ephemeral models inside the SQL of those that read them, as common table expressions.

/// The name of an ephemeral model's common table expression, as dbt has it.
pub fn cte_name(model: &str) -> String {
    format!("__dbt__cte__{model}")
}

/// Where the text of the expressions was put into a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insertion {
    pub at: usize,
    pub length: usize,
}

/// Puts common table expressions in front of a statement, into its own `with` where it has one.
pub fn inject(sql: &str, ctes: &[(String, String)]) -> (String, Option<Insertion>) {
    if ctes.is_empty() {
        return (sql.to_owned(), None);
    }
    // The white space is dbt's.
    let list: Vec<String> =
        ctes.iter().map(|(name, sql)| format!(" {name} as (\n{sql}\n)")).collect();
    let list = list.join(", ");
    let white = |at: usize| at + sql[at..].len() - sql[at..].trim_start().len();
    let (at, text) = match after_with(sql) {
        Some(at) => (white(at), format!("{list}, ")),
        None => (white(0), format!("with{list} ")),
    };
    let out = format!("{}{text}{}", &sql[..at], &sql[at..]);
    (out, Some(Insertion { at, length: text.len() }))
}

/// The place right after a leading `with` or `with recursive`, comments skipped.
fn after_with(sql: &str) -> Option<usize> {
    let start = skip_blank(sql, 0);
    let after = keyword(sql, start, "with")?;
    Some(keyword(sql, skip_blank(sql, after), "recursive").unwrap_or(after))
}

fn keyword(sql: &str, at: usize, word: &str) -> Option<usize> {
    let end = at + word.len();
    let found = sql.get(at..end)?.eq_ignore_ascii_case(word)
        && !sql[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    found.then_some(end)
}

fn skip_blank(sql: &str, mut at: usize) -> usize {
    loop {
        let rest = &sql[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.starts_with("--") {
            at += trimmed.find('\n').unwrap_or(trimmed.len());
        } else if trimmed.starts_with("/*") {
            at += trimmed.find("*/").map_or(trimmed.len(), |end| end + 2);
        } else {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Vec<(String, String)> {
        vec![("__dbt__cte__a".to_owned(), "select 1".to_owned())]
    }

    #[test]
    fn a_plain_select_gets_a_with() {
        let (sql, _) = inject("select * from __dbt__cte__a", &one());
        assert_eq!(sql, "with __dbt__cte__a as (\nselect 1\n) select * from __dbt__cte__a");
    }

    #[test]
    fn an_own_with_is_extended_after_comments_and_recursive() {
        let (sql, insertion) =
            inject("-- with a comment\n/* and */ WITH Recursive x as (select 2) select 1", &one());
        assert_eq!(
            sql,
            "-- with a comment\n/* and */ WITH Recursive  __dbt__cte__a as (\nselect 1\n), \
             x as (select 2) select 1"
        );
        assert_eq!(insertion.map(|i| i.at), Some(43));
    }

    #[test]
    fn a_column_named_without_is_not_a_with() {
        assert!(inject("without_x", &one()).0.starts_with("with __dbt__cte__a"));
    }
}
