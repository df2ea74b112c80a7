//! DuckDB's types as a tree, and their names in DuckDB's words (as `DESCRIBE` prints them).
//!
//! Made from a result's logical types; of a table's columns the catalog gives the name itself.

use std::fmt;

use duckdb::core::{LogicalTypeHandle, LogicalTypeId};

use crate::relation::quote_identifier;

/// A type of a result column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuckType {
    /// DuckDB's id of the type.
    pub id: LogicalTypeId,
    /// The name that a type has over its storage: `JSON`.
    pub alias: Option<String>,
    /// Of a decimal: digits in all, digits after the point.
    pub decimal: (u8, u8),
    /// Of an array: its length.
    pub length: usize,
    /// Of a list, array, map, struct or union: its parts, with names where they have them.
    pub children: Vec<(String, DuckType)>,
}

impl DuckType {
    pub(super) fn read(handle: &LogicalTypeHandle) -> DuckType {
        let id = handle.id();
        let named = matches!(id, LogicalTypeId::Struct | LogicalTypeId::Union);
        let children = (0..handle.num_children())
            .map(|index| {
                let name = if named { handle.child_name(index) } else { String::new() };
                (name, DuckType::read(&handle.child(index)))
            })
            .collect();
        let decimal = match id {
            LogicalTypeId::Decimal => (handle.decimal_width(), handle.decimal_scale()),
            _ => (0, 0),
        };
        DuckType { id, alias: handle.get_alias(), decimal, length: 0, children }
    }

    /// Whether Arrow cannot carry it exactly, so that DuckDB's text has to stand in.
    pub(super) fn needs_text(&self) -> bool {
        matches!(
            self.id,
            LogicalTypeId::Interval
                | LogicalTypeId::TimeTZ
                | LogicalTypeId::Bit
                | LogicalTypeId::Union
                | LogicalTypeId::Variant
                | LogicalTypeId::Bignum
                | LogicalTypeId::Geometry
                | LogicalTypeId::Unsupported
        ) || self.children.iter().any(|(_, child)| child.needs_text())
    }

    /// Whether it is JSON: text of that alias.
    pub fn is_json(&self) -> bool {
        self.alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case("json"))
    }
}

impl fmt::Display for DuckType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(alias) = &self.alias {
            return f.write_str(alias);
        }
        let child = |index: usize| &self.children[index].1;
        let name = match self.id {
            LogicalTypeId::Decimal => {
                return write!(f, "DECIMAL({},{})", self.decimal.0, self.decimal.1);
            }
            LogicalTypeId::List => return write!(f, "{}[]", child(0)),
            LogicalTypeId::Array => return write!(f, "{}[{}]", child(0), self.length),
            LogicalTypeId::Map => return write!(f, "MAP({}, {})", child(0), child(1)),
            LogicalTypeId::Struct | LogicalTypeId::Union => {
                let kind = if self.id == LogicalTypeId::Struct { "STRUCT" } else { "UNION" };
                write!(f, "{kind}(")?;
                for (index, (name, child)) in self.children.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{} {child}", identifier(name))?;
                }
                return f.write_str(")");
            }
            LogicalTypeId::Boolean => "BOOLEAN",
            LogicalTypeId::Tinyint => "TINYINT",
            LogicalTypeId::Smallint => "SMALLINT",
            LogicalTypeId::Integer => "INTEGER",
            LogicalTypeId::Bigint => "BIGINT",
            LogicalTypeId::UTinyint => "UTINYINT",
            LogicalTypeId::USmallint => "USMALLINT",
            LogicalTypeId::UInteger => "UINTEGER",
            LogicalTypeId::UBigint => "UBIGINT",
            LogicalTypeId::Hugeint => "HUGEINT",
            LogicalTypeId::UHugeint => "UHUGEINT",
            LogicalTypeId::Float => "FLOAT",
            LogicalTypeId::Double => "DOUBLE",
            LogicalTypeId::Varchar | LogicalTypeId::StringLiteral => "VARCHAR",
            LogicalTypeId::Blob => "BLOB",
            LogicalTypeId::Date => "DATE",
            LogicalTypeId::Time => "TIME",
            LogicalTypeId::TimeNs => "TIME_NS",
            LogicalTypeId::TimeTZ => "TIME WITH TIME ZONE",
            LogicalTypeId::Timestamp => "TIMESTAMP",
            LogicalTypeId::TimestampS => "TIMESTAMP_S",
            LogicalTypeId::TimestampMs => "TIMESTAMP_MS",
            LogicalTypeId::TimestampNs => "TIMESTAMP_NS",
            LogicalTypeId::TimestampTZ => "TIMESTAMP WITH TIME ZONE",
            LogicalTypeId::Interval => "INTERVAL",
            LogicalTypeId::Uuid => "UUID",
            LogicalTypeId::Enum => "ENUM",
            LogicalTypeId::Bit => "BIT",
            LogicalTypeId::Bignum => "BIGNUM",
            LogicalTypeId::Geometry => "GEOMETRY",
            LogicalTypeId::Variant => "VARIANT",
            LogicalTypeId::SqlNull => "\"NULL\"",
            LogicalTypeId::IntegerLiteral => "INTEGER",
            _ => "UNKNOWN",
        };
        f.write_str(name)
    }
}

/// A field name as DuckDB prints it in a type: quoted where it has to be.
fn identifier(name: &str) -> String {
    let plain = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain { name.to_owned() } else { quote_identifier(name) }
}
