//! PostgreSQL's text of a value into an exact cell, by its type.
//!
//! Types without a cell of their own (enums, ranges, composites, network and geometric types) stay
//! as the server's text.

use ::postgres::types::{Kind, Type};

use crate::engine::json::exact_json;
use crate::relation::Cell;

/// One value that is not NULL.
pub(super) fn read(text: &str, data_type: &Type) -> Cell {
    match data_type.kind() {
        Kind::Array(member) => {
            return array(text, member).unwrap_or_else(|| Cell::Text(text.to_owned()));
        }
        Kind::Domain(base) => return read(text, base),
        _ => {}
    }
    simple(text, data_type).unwrap_or_else(|| Cell::Text(text.to_owned()))
}

fn simple(text: &str, data_type: &Type) -> Option<Cell> {
    let owned = || text.to_owned();
    Some(match *data_type {
        Type::BOOL => Cell::Bool(text == "t"),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Cell::Int(text.parse().ok()?),
        Type::FLOAT4 | Type::FLOAT8 => Cell::Float(text.parse().ok()?),
        Type::NUMERIC => Cell::Decimal(owned()),
        Type::DATE => Cell::Date(owned()),
        Type::TIME | Type::TIMETZ => Cell::Time(owned()),
        Type::TIMESTAMP => Cell::Timestamp(owned()),
        Type::TIMESTAMPTZ => Cell::TimestampTz(owned()),
        Type::INTERVAL => Cell::Interval(owned()),
        Type::UUID => Cell::Uuid(owned()),
        Type::JSON | Type::JSONB => Cell::Json(exact_json(text)?),
        Type::BYTEA => Cell::Bytes(bytes(text)?),
        _ => return None,
    })
}

/// `\x0a1b` as bytes.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// `{1,NULL,"a b"}`, nested for more dimensions, after bounds where they are not from 1.
fn array(text: &str, member: &Type) -> Option<Cell> {
    let body = if text.starts_with('[') { text.split_once('=')?.1 } else { text };
    let mut reader = Reader { bytes: body.as_bytes(), text: body, at: 0 };
    let list = reader.list(member)?;
    (reader.at == body.len()).then_some(list)
}

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn list(&mut self, member: &Type) -> Option<Cell> {
        // `box` alone parts its members by semicolons.
        let comma = if *member == Type::BOX { b';' } else { b',' };
        self.at += 1;
        let mut items = Vec::new();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Cell::List(items));
        }
        loop {
            items.push(match self.peek()? {
                b'{' => self.list(member)?,
                b'"' => read(&self.quoted()?, member),
                _ => {
                    let start = self.at;
                    while !matches!(self.peek()?, b'}') && self.peek()? != comma {
                        self.at += 1;
                    }
                    match &self.text[start..self.at] {
                        "NULL" => Cell::Null,
                        plain => read(plain, member),
                    }
                }
            });
            let next = self.peek()?;
            self.at += 1;
            match next {
                b'}' => return Some(Cell::List(items)),
                byte if byte == comma => {}
                _ => return None,
            }
        }
    }

    fn quoted(&mut self) -> Option<String> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return String::from_utf8(out).ok();
                }
                b'\\' => {
                    out.push(*self.bytes.get(self.at + 1)?);
                    self.at += 2;
                }
                byte => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_of_any_text() {
        let text = |s: &str| Cell::Text(s.to_owned());
        assert_eq!(
            read(r#"{a,NULL,"NULL","x \"y\" \\ z",""}"#, &Type::TEXT_ARRAY),
            Cell::List(vec![text("a"), Cell::Null, text("NULL"), text(r#"x "y" \ z"#), text("")])
        );
        assert_eq!(read("{}", &Type::INT4_ARRAY), Cell::List(Vec::new()));
        assert_eq!(
            read("[0:1]={{1},{2}}", &Type::INT4_ARRAY),
            Cell::List(vec![Cell::List(vec![Cell::Int(1)]), Cell::List(vec![Cell::Int(2)])])
        );
    }

    #[test]
    fn bytes_from_hex() {
        assert_eq!(read("\\x00ff", &Type::BYTEA), Cell::Bytes(vec![0, 255]));
    }
}
