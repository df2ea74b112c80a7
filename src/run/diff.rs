//! How two sets of rows differ, as a table in the manner of daff, which dbt shows: `+++` and `---`
//! for rows of one side alone, `→` for rows of both that have other values. Order does not matter.

/// A row; `None` is NULL.
pub(super) type Row = Vec<Option<String>>;

/// What became of a row.
enum Line<'a> {
    Same(&'a Row),
    Changed(&'a Row, &'a Row),
    Extra(&'a Row),
    Missing(&'a Row),
    /// Rows that are the same and are left out.
    Skipped,
}

/// The difference, or `None` where there is none.
pub(super) fn render(columns: &[String], expected: &[Row], actual: &[Row]) -> Option<String> {
    let lines = compare(columns.len(), expected, actual)?;
    let mut table: Vec<Vec<String>> = vec![header(columns)];
    for line in &lines {
        table.push(match line {
            Line::Same(row) => marked("", row),
            Line::Extra(row) => marked("+++", row),
            Line::Missing(row) => marked("---", row),
            Line::Skipped => vec!["...".to_owned(); columns.len() + 1],
            Line::Changed(before, after) => {
                let cells = before.iter().zip(after.iter());
                let cells = cells.map(|(before, after)| match before == after {
                    true => quoted(text(before)),
                    false => quoted(format!("{}→{}", changed(before), changed(after))),
                });
                std::iter::once("→".to_owned()).chain(cells).collect()
            }
        });
    }
    Some(aligned(&table))
}

fn header(columns: &[String]) -> Vec<String> {
    std::iter::once("@@".to_owned()).chain(columns.iter().cloned().map(quoted)).collect()
}

fn marked(mark: &str, row: &Row) -> Vec<String> {
    let cells = row.iter().map(|cell| quoted(text(cell)));
    std::iter::once(mark.to_owned()).chain(cells).collect()
}

fn text(cell: &Option<String>) -> String {
    cell.clone().unwrap_or_else(|| "null".to_owned())
}

/// In a change NULL is told apart from empty text.
fn changed(cell: &Option<String>) -> String {
    cell.clone().unwrap_or_else(|| "NULL".to_owned())
}

/// As a field of CSV.
fn quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn aligned(table: &[Vec<String>]) -> String {
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> =
        (0..table[0].len()).map(|column| width(column).unwrap_or_default()).collect();
    let mut out = String::new();
    for row in table {
        for (at, cell) in row.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            out.push_str(cell);
            if at + 1 < row.len() {
                let space = widths[at] - cell.chars().count();
                out.extend(std::iter::repeat_n(' ', space));
            }
        }
        out.push_str("\r\n");
    }
    out
}

fn compare<'a>(width: usize, expected: &'a [Row], actual: &'a [Row]) -> Option<Vec<Line<'a>>> {
    let mut used = vec![false; actual.len()];
    let mut pairs: Vec<Option<usize>> = vec![None; expected.len()];
    for (at, row) in expected.iter().enumerate() {
        let same = (0..actual.len()).find(|other| !used[*other] && actual[*other] == *row);
        if let Some(other) = same {
            used[other] = true;
            pairs[at] = Some(other);
        }
    }
    if pairs.iter().all(Option::is_some) && used.iter().all(|used| *used) {
        return None;
    }
    // The rest: rows that have most in common are one row that changed.
    let mut close: Vec<(usize, usize, usize)> = Vec::new();
    for (at, row) in expected.iter().enumerate().filter(|(at, _)| pairs[*at].is_none()) {
        for (other, candidate) in actual.iter().enumerate().filter(|(other, _)| !used[*other]) {
            let shared = row.iter().zip(candidate).filter(|(a, b)| a == b && a.is_some()).count();
            if shared > 0 && width > 1 {
                close.push((usize::MAX - shared, at, other));
            }
        }
    }
    close.sort_unstable();
    for (_, at, other) in close {
        if pairs[at].is_none() && !used[other] {
            pairs[at] = Some(other);
            used[other] = true;
        }
    }
    let mut lines: Vec<(&Row, Line)> = Vec::new();
    for (row, pair) in expected.iter().zip(&pairs) {
        lines.push(match pair {
            Some(other) if actual[*other] == *row => (row, Line::Same(row)),
            Some(other) => (row, Line::Changed(row, &actual[*other])),
            None => (row, Line::Missing(row)),
        });
    }
    let extra = actual.iter().zip(&used).filter(|(_, used)| !**used).map(|(row, _)| row);
    lines.extend(extra.map(|row| (row, Line::Extra(row))));
    lines.sort_by(|a, b| a.0.cmp(b.0));
    Some(shortened(lines.into_iter().map(|(_, line)| line).collect()))
}

/// Rows that are the same stand only beside those that are not.
fn shortened(lines: Vec<Line>) -> Vec<Line> {
    let is_same: Vec<bool> = lines.iter().map(|line| matches!(line, Line::Same(_))).collect();
    let near = |at: usize| {
        let differs = |at: usize| is_same.get(at).is_some_and(|same| !same);
        differs(at + 1) || at.checked_sub(1).is_some_and(differs)
    };
    let mut out: Vec<Line> = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        if !is_same[at] || near(at) {
            out.push(line);
        } else if !matches!(out.last(), Some(Line::Skipped)) {
            out.push(Line::Skipped);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Row, render};

    fn rows(text: &str) -> Vec<Row> {
        let cell = |cell: &str| (cell != "-").then(|| cell.to_owned());
        text.split_whitespace().map(|row| row.split(',').map(cell).collect()).collect()
    }

    fn diff(expected: &str, actual: &str) -> Option<String> {
        let columns = ["a", "b", "s"].map(str::to_owned);
        render(&columns, &rows(expected), &rows(actual)).map(|text| text.replace("\r\n", "\n"))
    }

    #[test]
    fn differences_look_as_those_of_daff() {
        assert_eq!(diff("1,2,x 2,3,y", "2,3,y 1,2,x"), None);
        assert_eq!(
            diff("1,2,x 2,3,y", "1,2,x 2,4,y").unwrap(),
            "@@,a,b  ,s\n  ,1,2  ,x\n→ ,2,3→4,y\n"
        );
        assert_eq!(diff("1,2,x 2,3,y", "1,2,x").unwrap(), "@@ ,a,b,s\n   ,1,2,x\n---,2,3,y\n");
        assert_eq!(
            diff("1,2,x", "1,2,x 2,-,yyyyy").unwrap(),
            "@@ ,a,b   ,s\n   ,1,2   ,x\n+++,2,null,yyyyy\n"
        );
    }
}
