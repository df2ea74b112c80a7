//! The names of PostgreSQL's types in its own words, with modifiers, as `format_type` gives them.

use ::postgres::types::{Kind, Type};

/// The name of a result column's type: `numeric(18,2)`, `timestamp with time zone`, `bigint[]`.
pub(super) fn name(data_type: &Type, modifier: i32) -> String {
    if let Kind::Array(member) = data_type.kind() {
        return format!("{}[]", name(member, modifier));
    }
    let length = modifier - 4;
    let known = modifier >= 0;
    match *data_type {
        Type::BOOL => "boolean".to_owned(),
        Type::INT2 => "smallint".to_owned(),
        Type::INT4 => "integer".to_owned(),
        Type::INT8 => "bigint".to_owned(),
        Type::FLOAT4 => "real".to_owned(),
        Type::FLOAT8 => "double precision".to_owned(),
        Type::NUMERIC if known => {
            // Eleven bits of scale, which may be negative.
            let scale = ((length & 0x7ff) ^ 1024) - 1024;
            format!("numeric({},{scale})", (length >> 16) & 0xffff)
        }
        Type::VARCHAR if known => format!("character varying({length})"),
        Type::VARCHAR => "character varying".to_owned(),
        Type::BPCHAR if known => format!("character({length})"),
        Type::BPCHAR => "character".to_owned(),
        Type::CHAR => "\"char\"".to_owned(),
        Type::BIT if known => format!("bit({modifier})"),
        Type::VARBIT if known => format!("bit varying({modifier})"),
        Type::VARBIT => "bit varying".to_owned(),
        Type::TIME => precise("time", modifier, " without time zone"),
        Type::TIMETZ => precise("time", modifier, " with time zone"),
        Type::TIMESTAMP => precise("timestamp", modifier, " without time zone"),
        Type::TIMESTAMPTZ => precise("timestamp", modifier, " with time zone"),
        _ => data_type.name().to_owned(),
    }
}

fn precise(name: &str, modifier: i32, zone: &str) -> String {
    if modifier < 0 { format!("{name}{zone}") } else { format!("{name}({modifier}){zone}") }
}
