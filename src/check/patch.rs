//! A statement with parts of it replaced, and the way back to the statement that it came from.

use std::ops::Range;

/// A statement and what stands in for parts of it. The parts do not overlap.
#[derive(Debug, Clone)]
pub(super) struct Patched<'a, T> {
    pub sql: &'a str,
    /// In the order of the statement.
    parts: Vec<(Range<usize>, T)>,
}

impl<'a, T> Patched<'a, T> {
    /// A statement as it is.
    pub fn new(sql: &'a str) -> Self {
        Patched { sql, parts: Vec::new() }
    }

    /// Puts something in place of a part, and of all that was replaced inside of it; false where it
    /// lies inside of what was replaced, or reaches into it.
    pub fn replace(&mut self, span: Range<usize>, stand: T) -> bool {
        let at = self.parts.partition_point(|(other, _)| other.end <= span.start);
        let inside = self.parts[at..].iter().take_while(|(other, _)| other.start < span.end);
        let end = at + inside.clone().count();
        let is_around =
            |(other, _): &(Range<usize>, T)| span.start <= other.start && other.end <= span.end;
        if !inside.clone().all(is_around) || inside.clone().any(|(other, _)| *other == span) {
            return false;
        }
        self.parts.splice(at..end, [(span, stand)]);
        true
    }

    /// The text to send, with each part as `text` has it; and how to find places of it.
    pub fn render(&self, text: impl Fn(&T) -> String) -> Rendered {
        let mut out = String::with_capacity(self.sql.len());
        let (mut from, mut parts) = (0, Vec::new());
        for (span, stand) in &self.parts {
            out.push_str(&self.sql[from..span.start]);
            let start = out.len();
            out.push_str(&text(stand));
            parts.push((start..out.len(), span.clone()));
            from = span.end;
        }
        out.push_str(&self.sql[from..]);
        Rendered { sql: out, parts }
    }
}

/// The text of a patched statement.
pub(super) struct Rendered {
    pub sql: String,
    /// Bytes of the text, bytes of the original.
    parts: Vec<(Range<usize>, Range<usize>)>,
}

impl Rendered {
    /// The byte of the original statement, and whether it lies in a part that was replaced.
    pub fn original(&self, offset: usize) -> (usize, bool) {
        let mut shift = 0isize;
        for (here, there) in &self.parts {
            if offset < here.start {
                break;
            }
            if offset < here.end {
                return (there.start, true);
            }
            shift = there.end as isize - here.end as isize;
        }
        ((offset as isize + shift).max(0) as usize, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_back() {
        let mut patched = Patched::new("select abc, d from t");
        assert!(patched.replace(12..13, "NULL"));
        assert!(patched.replace(7..10, "NULL as abc"));
        assert!(!patched.replace(8..12, "x"));
        let rendered = patched.render(|stand| (*stand).to_owned());
        assert_eq!(rendered.sql, "select NULL as abc, NULL from t");
        assert_eq!(rendered.original(3), (3, false));
        assert_eq!(rendered.original(9), (7, true));
        assert_eq!(rendered.original(18), (10, false));
        assert_eq!(rendered.original(30), (19, false));
        assert!(patched.replace(7..13, "*"));
        assert_eq!(patched.render(|stand| (*stand).to_owned()).sql, "select * from t");
    }
}
