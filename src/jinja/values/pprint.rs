//! Python's `pprint`: dicts in the order of their keys, and lines of no more than 80 characters.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::compare::{less, sort_by};
use super::{Dict, List, repr};

const WIDTH: usize = 80;

/// `pprint.pformat(value)`
pub(super) fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0, 0);
    out
}

/// Writes a value whose first line begins at a column, with room for what is behind it.
fn write(out: &mut String, value: &Value, column: usize, behind: usize) {
    let flat = flat(value);
    if flat.chars().count() + column + behind <= WIDTH {
        out.push_str(&flat);
        return;
    }
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        out.push('{');
        let pairs = in_order(dict);
        let last = pairs.len().saturating_sub(1);
        for (at, (key, value)) in pairs.iter().enumerate() {
            let key = self::flat(key);
            out.push_str(&key);
            out.push_str(": ");
            let behind = if at == last { behind + 1 } else { 1 };
            write(out, value, column + key.chars().count() + 3, behind);
            separate(out, at == last, column + 1);
        }
        out.push('}');
        return;
    }
    let (open, close) = match value.kind() {
        ValueKind::Seq if value.is_tuple() => ('(', ')'),
        ValueKind::Seq if value.downcast_object_ref::<List>().is_some() => ('[', ']'),
        ValueKind::String => return write_text(out, value, column, behind),
        _ => return out.push_str(&flat),
    };
    let items: Vec<Value> = value.try_iter().map(Iterator::collect).unwrap_or_default();
    let last = items.len().saturating_sub(1);
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        write(out, item, column + 1, if at == last { behind + 1 } else { 1 });
        separate(out, at == last, column + 1);
    }
    if open == '(' && items.len() == 1 {
        out.push(',');
    }
    out.push(close);
}

fn separate(out: &mut String, last: bool, column: usize) {
    if !last {
        out.push_str(",\n");
        out.extend(std::iter::repeat_n(' ', column));
    }
}

/// A text that is too long for its line, in pieces of whole words.
fn write_text(out: &mut String, value: &Value, column: usize, behind: usize) {
    let text = value.as_str().unwrap_or_default();
    let outermost = column == 0 && out.is_empty();
    let (column, behind) = if outermost { (column + 1, behind + 1) } else { (column, behind) };
    let quoted = |text: &str| repr::py_repr(&Value::from(text));
    let mut pieces: Vec<String> = Vec::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (number, line) in lines.iter().enumerate() {
        let is_last_line = number + 1 == lines.len();
        let mut room = WIDTH.saturating_sub(column);
        if is_last_line {
            room = room.saturating_sub(behind);
        }
        if quoted(line).chars().count() <= room {
            pieces.push(quoted(line));
            continue;
        }
        let words: Vec<&str> = words(line);
        let mut piece = String::new();
        for (at, word) in words.iter().enumerate() {
            let is_end = is_last_line && at + 1 == words.len();
            let room = WIDTH.saturating_sub(column + if is_end { behind } else { 0 });
            let longer = format!("{piece}{word}");
            if quoted(&longer).chars().count() > room {
                if !piece.is_empty() {
                    pieces.push(quoted(&piece));
                }
                piece = (*word).to_owned();
            } else {
                piece = longer;
            }
        }
        if !piece.is_empty() {
            pieces.push(quoted(&piece));
        }
    }
    let wrapped = outermost && pieces.len() > 1;
    if wrapped {
        out.push('(');
    }
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', column));
        }
        out.push_str(piece);
    }
    if wrapped {
        out.push(')');
    }
}

/// Words, each with the blanks behind it.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut from = 0;
    let mut blank = false;
    for (at, c) in line.char_indices() {
        if blank && !c.is_whitespace() {
            words.push(&line[from..at]);
            from = at;
        }
        blank = c.is_whitespace();
    }
    words.push(&line[from..]);
    words
}

/// On one line, dicts in the order of their keys.
fn flat(value: &Value) -> String {
    let all = |items: &[Value]| items.iter().map(flat).collect::<Vec<_>>().join(", ");
    if let Some(dict) = value.downcast_object_ref::<Dict>() {
        let pairs: Vec<String> =
            in_order(dict).iter().map(|(k, v)| format!("{}: {}", flat(k), flat(v))).collect();
        return format!("{{{}}}", pairs.join(", "));
    }
    let items: Vec<Value> = match value.kind() {
        ValueKind::Seq => value.try_iter().map(Iterator::collect).unwrap_or_default(),
        _ => return repr::py_repr(value),
    };
    match (value.is_tuple(), items.len()) {
        (true, 1) => format!("({},)", all(&items)),
        (true, _) => format!("({})", all(&items)),
        _ if value.downcast_object_ref::<List>().is_some() => format!("[{}]", all(&items)),
        _ => repr::py_repr(value),
    }
}

/// The pairs by their keys; keys that have no order stay as they came.
fn in_order(dict: &Dict) -> Vec<(Value, Value)> {
    let pairs = dict.pairs();
    sort_by(pairs.clone(), false, |a, b| less(&a.0, &b.0)).unwrap_or(pairs)
}
