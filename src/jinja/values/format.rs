//! Python's `'…' % args` and `'…'.format(…)`.
//!
//! Fields are taken apart here, so that `%r`, `!r`, nested widths and dates work; the numbers
//! themselves are laid out by minijinja. It never reads attributes that begin with `_`.

use minijinja::formatting::{FormatStyle, format as lay_out};
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, Value};

use super::args::{error, iterate, split_kwargs, type_name};
use super::decimal::{Decimal, NumberSpec};
use super::{datetime, repr};

/// `text % args`: a tuple gives several values, a mapping the named ones, the rest is one value.
///
/// # Errors
/// Too few or too many values, or one that does not fit its field.
pub(super) fn printf(text: &str, args: &Value) -> Result<String, Error> {
    let single;
    let values: &[Value] = match args.downcast_object_ref::<Tuple>() {
        Some(tuple) => tuple,
        None => {
            single = [args.clone()];
            &single
        }
    };
    let mut out = String::with_capacity(text.len() + 16);
    let mut next = 0;
    let mut rest = text;
    let mut named = false;
    let take = |next: &mut usize| {
        *next += 1;
        values
            .get(*next - 1)
            .cloned()
            .ok_or_else(|| error("not enough arguments for format string"))
    };
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut key = None;
        if let Some(after) = rest.strip_prefix('(') {
            let end = after.find(')').ok_or_else(|| error("incomplete format key"))?;
            key = Some(&after[..end]);
            rest = &after[end + 1..];
        }
        let spec_len = rest
            .find(|c: char| {
                !matches!(c, '#' | '-' | ' ' | '+' | '.' | '*' | 'l' | 'h' | 'L' | '0'..='9')
            })
            .ok_or_else(|| error("incomplete format"))?;
        let mut spec = rest[..spec_len].replace(['l', 'h', 'L'], "");
        rest = &rest[spec_len..];
        let kind = rest.chars().next().unwrap_or('%');
        rest = &rest[kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            continue;
        }
        while spec.contains('*') {
            let width = take(&mut next)?;
            spec = spec.replacen('*', &repr::py_str(&width), 1);
        }
        let value = match key {
            Some(key) if args.kind() == ValueKind::Map => {
                named = true;
                let found = args.get_item(&Value::from(key))?;
                if found.is_undefined() {
                    return Err(error(format!("KeyError: {}", repr::py_repr(&Value::from(key)))));
                }
                found
            }
            Some(_) => return Err(error("format requires a mapping")),
            None => take(&mut next)?,
        };
        printf_field(&mut out, &spec, kind, &value)?;
    }
    out.push_str(rest);
    let unused = next < values.len() && !named;
    if unused && args.kind() != ValueKind::Map && args.kind() != ValueKind::Seq
        || (unused && args.is_tuple())
    {
        return Err(error("not all arguments converted during string formatting"));
    }
    Ok(out)
}

fn printf_field(out: &mut String, spec: &str, kind: char, value: &Value) -> Result<(), Error> {
    // All kinds but text take a decimal as a float, also Python's.
    let float;
    let value = match Decimal::of(value).filter(|_| !matches!(kind, 's' | 'r' | 'a')) {
        Some(decimal) => {
            float = Value::from(decimal.to_f64());
            &float
        }
        None => value,
    };
    match kind {
        's' | 'r' | 'a' => {
            let text = if kind == 's' { repr::py_str(value) } else { repr::py_repr(value) };
            if spec.is_empty() {
                out.push_str(&text);
            } else {
                let field = format!("%{spec}s");
                out.push_str(&lay_out(FormatStyle::Printf, &field, &[Value::from(text)])?);
            }
        }
        'd' | 'i' | 'u' if value.kind() == ValueKind::Bool => {
            printf_field(out, spec, 'd', &Value::from(i64::from(value.is_true())))?;
        }
        'd' | 'i' | 'u' => {
            let value = match f64::try_from(value.clone()) {
                Ok(float) if !value.is_integer() && value.is_number() => {
                    Value::from(super::number::truncate(float)?)
                }
                Ok(_) => value.clone(),
                Err(_) => {
                    return Err(error(format!(
                        "%{kind} format: a real number is required, not {}",
                        type_name(value)
                    )));
                }
            };
            out.push_str(&lay_out(FormatStyle::Printf, &format!("%{spec}d"), &[value])?);
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'x' | 'X' | 'o' | 'c' => {
            let field = format!("%{spec}{kind}");
            out.push_str(&lay_out(FormatStyle::Printf, &field, std::slice::from_ref(value))?);
        }
        _ => return Err(error(format!("unsupported format character '{kind}'"))),
    }
    Ok(())
}

/// `text.format(*args, **kwargs)`.
///
/// # Errors
/// A field without its value, or a value that does not fit its field.
pub(super) fn str_format(text: &str, args: &[Value]) -> Result<String, Error> {
    let (positional, kwargs) = split_kwargs(args);
    Fields { positional, kwargs, next: 0 }.expand(text, 0)
}

/// `text.format_map(mapping)`.
///
/// # Errors
/// As [`str_format`].
pub(super) fn format_map(text: &str, mapping: &Value) -> Result<String, Error> {
    Fields { positional: &[], kwargs: Some(mapping), next: 0 }.expand(text, 0)
}

struct Fields<'a> {
    positional: &'a [Value],
    kwargs: Option<&'a Value>,
    next: usize,
}

impl Fields<'_> {
    fn expand(&mut self, text: &str, depth: usize) -> Result<String, Error> {
        if depth > 1 {
            return Err(error("Max string recursion exceeded"));
        }
        let mut out = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                out.push_str(brace);
                rest = after;
            } else if brace == "}" {
                return Err(error("Single '}' encountered in format string"));
            } else {
                let end =
                    closing(rest).ok_or_else(|| error("expected '}' before end of string"))?;
                self.field(&mut out, &rest[..end], depth)?;
                rest = &rest[end + 1..];
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(&mut self, out: &mut String, field: &str, depth: usize) -> Result<(), Error> {
        let (head, spec) = match split_outside_brackets(field, ':') {
            Some((head, spec)) => (head, spec),
            None => (field, ""),
        };
        let (name, conversion) = match split_outside_brackets(head, '!') {
            Some((name, conversion)) => (name, Some(conversion)),
            None => (head, None),
        };
        let mut value = self.resolve(name)?;
        match conversion {
            Some("r" | "a") => value = Value::from(repr::py_repr(&value)),
            Some("s") => value = Value::from(repr::py_str(&value)),
            None => {}
            Some(other) => {
                return Err(error(format!("Unknown conversion specifier '{other}'")));
            }
        }
        if spec.is_empty() {
            return repr::write_str(out, &value).map_err(Error::from);
        }
        let spec = if spec.contains('{') { self.expand(spec, depth + 1)? } else { spec.to_owned() };
        if let Some(text) = datetime::strftime(&value, &spec) {
            out.push_str(&text?);
            return Ok(());
        }
        if let Some(decimal) = Decimal::of(&value) {
            return decimal_field(out, decimal, &spec);
        }
        if value.kind() == ValueKind::Bool {
            value = Value::from(i64::from(value.is_true()));
        }
        let spec = match spec.strip_suffix('n').filter(|_| value.is_number()) {
            Some(rest) => format!("{rest}{}", if value.is_integer() { 'd' } else { 'g' }),
            None => spec,
        };
        if value.as_object().is_some() || value.is_none() {
            let name = type_name(&value);
            return Err(error(format!("unsupported format string passed to {name}.__format__")));
        }
        if let Some(number) = spec.strip_suffix('%').filter(|_| value.is_number()) {
            let number = format!("{{:{number}{}}}", if number.contains('.') { "f" } else { ".6f" });
            let hundredfold = f64::try_from(value).unwrap_or(f64::NAN) * 100.0;
            out.push_str(&lay_out(FormatStyle::StrFormat, &number, &[hundredfold.into()])?);
            out.push('%');
            return Ok(());
        }
        if let Some((fill, spec)) = fills_behind_sign(&spec).filter(|_| value.is_number()) {
            return padded_behind_sign(out, fill, spec, value);
        }
        out.push_str(&lay_out(FormatStyle::StrFormat, &format!("{{:{spec}}}"), &[value])?);
        Ok(())
    }

    fn resolve(&mut self, name: &str) -> Result<Value, Error> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut path) = name.split_at(end);
        let mut value = if first.is_empty() {
            self.next += 1;
            self.positional.get(self.next - 1).cloned()
        } else if let Ok(index) = first.parse::<usize>() {
            self.positional.get(index).cloned()
        } else {
            match self.kwargs {
                Some(kwargs) => {
                    Some(kwargs.get_item(&Value::from(first))?).filter(|v| !v.is_undefined())
                }
                None => None,
            }
        }
        .ok_or_else(|| match first.parse::<usize>().is_ok() || first.is_empty() {
            true => error("Replacement index out of range for positional args tuple"),
            false => error(format!("KeyError: {}", repr::py_repr(&Value::from(first)))),
        })?;
        while !path.is_empty() {
            if let Some(after) = path.strip_prefix('[') {
                let end = after.find(']').ok_or_else(|| error("Missing ']' in format string"))?;
                let key = &after[..end];
                value = match key.parse::<usize>() {
                    Ok(index) => value.get_item_by_index(index)?,
                    Err(_) => value.get_item(&Value::from(key))?,
                };
                path = &after[end + 1..];
            } else {
                let after = path.strip_prefix('.').ok_or_else(|| {
                    error("Only '.' or '[' may follow ']' in format field specifier")
                })?;
                let end = after.find(['.', '[']).unwrap_or(after.len());
                if after.starts_with('_') {
                    return Err(error(format!(
                        "access to attribute '{}' is unsafe",
                        &after[..end]
                    )));
                }
                value = match (&after[..end], value.is_number()) {
                    ("real", true) => value,
                    ("imag", true) => Value::from(0),
                    (name, _) => value.get_attr(name)?,
                };
                path = &after[end..];
            }
        }
        Ok(value)
    }
}

/// `[fill]=rest`: what fills the space between the sign and the digits.
fn fills_behind_sign(spec: &str) -> Option<(char, &str)> {
    let mut chars = spec.chars();
    match (chars.next()?, chars.next()) {
        ('=', _) => Some((' ', &spec[1..])),
        (fill, Some('=')) => Some((fill, &spec[fill.len_utf8() + 1..])),
        _ => None,
    }
}

fn padded_behind_sign(out: &mut String, fill: char, spec: &str, value: Value) -> Result<(), Error> {
    let flags = spec.find(|c| !matches!(c, '+' | '-' | ' ' | '#')).unwrap_or(spec.len());
    let digits = spec[flags..].find(|c: char| !c.is_ascii_digit());
    let (width, kind) = spec[flags..].split_at(digits.unwrap_or(spec.len() - flags));
    let field = format!("{{:{}{kind}}}", &spec[..flags]);
    let text = lay_out(FormatStyle::StrFormat, &field, &[value])?;
    let (sign, number) = text.split_at(usize::from(text.starts_with(['+', '-', ' '])));
    let missing = width.parse().unwrap_or(0usize).saturating_sub(text.chars().count());
    out.push_str(sign);
    out.extend(std::iter::repeat_n(fill, missing.min(100_000)));
    out.push_str(number);
    Ok(())
}

/// A decimal by its own digits; what asks for other forms gets those of a float.
fn decimal_field(out: &mut String, decimal: &Decimal, spec: &str) -> Result<(), Error> {
    let number = NumberSpec::parse(spec)
        .filter(|spec| !spec.width.starts_with('0'))
        .and_then(|spec| Some((decimal.laid_out(&spec)?, spec)));
    let (field, value) = match number {
        Some((text, spec)) => {
            let align = if spec.align.is_empty() { ">" } else { &spec.align };
            (format!("{{:{align}{}}}", spec.width), Value::from(text))
        }
        None => (format!("{{:{spec}}}"), Value::from(decimal.to_f64())),
    };
    out.push_str(&lay_out(FormatStyle::StrFormat, &field, &[value])?);
    Ok(())
}

/// Where the field that has just been opened is closed; fields may hold fields.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn split_outside_brackets(text: &str, separator: char) -> Option<(&str, &str)> {
    let from = match (text.find('['), text.find(separator)) {
        (Some(open), Some(at)) if open < at => open + text[open..].find(']')?,
        _ => 0,
    };
    let at = from + text[from..].find(separator)?;
    Some((&text[..at], &text[at + separator.len_utf8()..]))
}

/// `text | format(*args, **kwargs)`: printf with the arguments of the filter.
///
/// # Errors
/// As [`printf`]; positional and keyword arguments exclude each other.
pub(super) fn filter(text: &Value, args: &[Value]) -> Result<String, Error> {
    let (positional, kwargs) = split_kwargs(args);
    let values = match kwargs {
        Some(_) if !positional.is_empty() => {
            return Err(error("can't handle positional and keyword arguments at the same time"));
        }
        Some(kwargs) => kwargs.clone(),
        None => Value::from(Tuple::from(positional)),
    };
    printf(&repr::py_str(text), &values)
}

/// The items of a value as text, as `join` wants them.
///
/// # Errors
/// The value is not iterable, or an item is not a string.
pub(super) fn join(separator: &str, items: &Value) -> Result<String, Error> {
    let mut out = String::new();
    for (index, item) in iterate(items)?.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        match item.as_str() {
            Some(text) => out.push_str(text),
            None => {
                let name = type_name(item);
                return Err(error(format!(
                    "sequence item {index}: expected str instance, {name} found"
                )));
            }
        }
    }
    Ok(out)
}
