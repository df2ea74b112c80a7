//! Flow collections (`{…}`, `[…]`) whose lines are indented less than YAML wants. PyYAML takes
//! them, so dbt does; the scanner here does not. Only text that it refused comes here.

/// The text with each flow collection on one line: line ends and comments inside become blanks, so
/// that every character keeps its place. `None` where nothing changes.
pub(super) fn on_one_line(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut state = State { depth: 0, quote: None, block: None, changed: false };
    for line in text.split_inclusive('\n') {
        state.line(line, &mut out);
    }
    state.changed.then_some(out)
}

struct State {
    depth: usize,
    quote: Option<char>,
    /// The indentation of the key whose text block (`|`, `>`) goes on.
    block: Option<usize>,
    changed: bool,
}

impl State {
    fn line(&mut self, line: &str, out: &mut String) {
        let content = line.trim_end();
        let indent = content.len() - content.trim_start().len();
        if let Some(block) = self.block {
            if content.is_empty() || indent > block {
                out.push_str(line);
                return;
            }
            self.block = None;
        }
        let mut before = ' ';
        let mut comment = false;
        for c in line.chars() {
            let blank_before = before.is_whitespace();
            before = c;
            match (self.quote, c) {
                _ if comment && c != '\n' => {
                    out.push(if self.depth > 0 { ' ' } else { c });
                    continue;
                }
                (Some(quote), _) if c == quote => self.quote = None,
                (Some(_), _) => {}
                (None, '\'' | '"') if blank_before || self.depth > 0 => self.quote = Some(c),
                (None, '#') if blank_before => {
                    comment = true;
                    out.push(if self.depth > 0 { ' ' } else { c });
                    continue;
                }
                (None, '{' | '[') if blank_before || self.depth > 0 => self.depth += 1,
                (None, '}' | ']') => self.depth = self.depth.saturating_sub(1),
                (None, '\n') if self.depth > 0 => {
                    self.changed = true;
                    out.push(' ');
                    continue;
                }
                _ => {}
            }
            out.push(c);
        }
        let opens_block =
            content.trim_end_matches(|c: char| c.is_ascii_digit() || "+-".contains(c));
        if self.depth == 0 && opens_block.ends_with([':', '|', '>']) && !opens_block.ends_with(':')
        {
            self.block = Some(indent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::on_one_line;

    #[test]
    fn places_stay() {
        let text = "a:\n  - b: {c: 1,\n d: '}'  # x\n }\n  - e: |\n     {\n";
        let flat = on_one_line(text).expect("a change");
        assert_eq!(flat, "a:\n  - b: {c: 1,  d: '}'       }\n  - e: |\n     {\n");
        assert_eq!(flat.chars().count(), text.chars().count());
        assert_eq!(on_one_line("a: [1, 2]\n"), None);
    }
}
