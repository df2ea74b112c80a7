//! How each DuckDB type crosses into PostgreSQL, and which PostgreSQL types DuckDB reads exactly.

use crate::diagnostic::Code;
use crate::engine::{EngineError, SqlResult};
use crate::relation::{Column, Relation, quote_identifier};

/// A column on its way into PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crossing {
    pub(super) name: String,
    /// The expression that DuckDB sends.
    pub(super) select: String,
    /// The type that it is loaded as.
    pub(super) staged: String,
    /// The type that it has in the end, where loading needs another.
    pub(super) cast: Option<String>,
    /// Whether text may be in it, which must hold no NUL character.
    pub(super) textual: bool,
}

/// PostgreSQL cuts longer names.
const LONGEST_NAME: usize = 63;

/// How all columns of a relation cross.
///
/// # Errors
/// `BRIDGE_TYPE` naming every column that cannot, with what to cast it to; `BRIDGE` for a name that
/// PostgreSQL would cut.
pub(super) fn crossings(source: &Relation, columns: &[Column]) -> SqlResult<Vec<Crossing>> {
    let mut refused = Vec::new();
    let mut out = Vec::new();
    for column in columns {
        if column.name.len() > LONGEST_NAME {
            return Err(EngineError::of(
                Code::BRIDGE,
                format!(
                    "The column `{}` of {} has a name of {} bytes; PostgreSQL keeps {LONGEST_NAME}",
                    column.name,
                    source.render(),
                    column.name.len()
                ),
            )
            .help("Give it a shorter alias in the model."));
        }
        match crossing(column) {
            Ok(crossing) => out.push(crossing),
            Err(advice) => refused.push((column, advice)),
        }
    }
    let [(first, _), ..] = refused.as_slice() else { return Ok(out) };
    let mut error = EngineError::of(
        Code::BRIDGE_TYPE,
        format!(
            "The column `{}` of {} has the type {}, which PostgreSQL cannot hold exactly",
            first.name,
            source.render(),
            first.data_type
        ),
    );
    for (column, advice) in &refused {
        error = error
            .note(format!("{}: {}", column.name, column.data_type))
            .help(advice.replace("$column", &quote_identifier(&column.name)));
    }
    Err(error)
}

/// The type that a column of DuckDB has in PostgreSQL.
///
/// # Errors
/// What to write in the model, where it cannot cross.
pub fn carried(column: &Column) -> Result<String, String> {
    let crossing = crossing(column)?;
    Ok(crossing.cast.unwrap_or(crossing.staged))
}

/// The type that DuckDB reads a PostgreSQL type as.
pub fn read_as(data_type: &str) -> String {
    let (element, brackets) = match data_type.find("[]") {
        Some(at) => data_type.split_at(at),
        None => (data_type, ""),
    };
    let base = element.split('(').next().unwrap_or(element);
    let inner = match base.trim_end() {
        "boolean" => "BOOLEAN",
        "smallint" => "SMALLINT",
        "integer" => "INTEGER",
        "bigint" => "BIGINT",
        "oid" => "BIGINT",
        "real" => "FLOAT",
        "double precision" => "DOUBLE",
        "numeric" if element.contains(',') => {
            return format!("DECIMAL{}{brackets}", &element["numeric".len()..]);
        }
        "numeric" => "DOUBLE",
        "date" => "DATE",
        "bytea" => "BLOB",
        "uuid" => "UUID",
        "json" | "jsonb" => "JSON",
        "interval" => "INTERVAL",
        "time" | "time without time zone" => "TIME",
        "time with time zone" => "TIME WITH TIME ZONE",
        "timestamp" if element.ends_with("with time zone") => "TIMESTAMP WITH TIME ZONE",
        "timestamp" | "timestamp without time zone" => "TIMESTAMP",
        "timestamp with time zone" => "TIMESTAMP WITH TIME ZONE",
        _ => "VARCHAR",
    };
    format!("{inner}{brackets}")
}

/// How one column crosses, or else what to write in the model.
fn crossing(column: &Column) -> Result<Crossing, String> {
    let name = quote_identifier(&column.name);
    let (element, depth, fixed) = elements(&column.data_type);
    let scalar = scalar(element)?;
    if depth == 0 {
        return Ok(Crossing {
            name: column.name.clone(),
            select: if scalar.as_text { format!("{name}::VARCHAR") } else { name },
            staged: scalar.staged.clone(),
            cast: (scalar.staged != scalar.exact).then_some(scalar.exact),
            textual: scalar.textual,
        });
    }
    let brackets = "[]".repeat(depth);
    let exact = format!("{}{brackets}", scalar.exact);
    let list = if fixed { format!("{name}::{element}{brackets}") } else { name };
    // The extension takes a text `NULL` in an array for no value, and has its trouble with some
    // decimals: those arrays go as PostgreSQL's own text of an array.
    let spelled = scalar.textual || scalar.staged != scalar.exact;
    let value = if spelled { spell(&list, depth, 0) } else { list.clone() };
    let select = match depth {
        1 => value,
        // PostgreSQL has no empty array inside an array: it would be lost without a word.
        _ => format!(
            "CASE WHEN {} THEN error({}) ELSE {value} END",
            has_empty(&list, depth, 0),
            crate::relation::quote_literal(&format!(
                "the column {} holds an empty list inside a list, which PostgreSQL cannot hold",
                column.name
            ))
        ),
    };
    let staged = if spelled { "text".to_owned() } else { exact.clone() };
    Ok(Crossing {
        name: column.name.clone(),
        select,
        cast: (staged != exact).then_some(exact),
        staged,
        textual: scalar.textual,
    })
}

struct Scalar {
    /// The type in PostgreSQL.
    exact: String,
    /// The type to load as.
    staged: String,
    /// Whether DuckDB has to send it as text.
    as_text: bool,
    /// Whether it is text of any characters.
    textual: bool,
}

fn scalar(data_type: &str) -> Result<Scalar, String> {
    let same = |exact: &str| Scalar {
        exact: exact.to_owned(),
        staged: exact.to_owned(),
        as_text: false,
        textual: false,
    };
    let base = data_type.split('(').next().unwrap_or(data_type);
    Ok(match base {
        "BOOLEAN" => same("boolean"),
        "TINYINT" | "UTINYINT" | "SMALLINT" => same("smallint"),
        "USMALLINT" | "INTEGER" => same("integer"),
        "UINTEGER" | "BIGINT" => same("bigint"),
        "UBIGINT" => same("numeric(20,0)"),
        // Over 38 digits DuckDB's own cast fails, which is an error as it should be.
        "HUGEINT" | "UHUGEINT" => same("numeric(38,0)"),
        "FLOAT" => same("real"),
        "DOUBLE" => same("double precision"),
        "DECIMAL" => return decimal(data_type),
        "VARCHAR" => Scalar { textual: true, ..same("text") },
        "JSON" => Scalar { textual: true, ..same("json") },
        "ENUM" => Scalar { textual: true, as_text: true, ..same("text") },
        "BLOB" => same("bytea"),
        "DATE" => same("date"),
        "TIME" => same("time without time zone"),
        "TIME WITH TIME ZONE" => same("time with time zone"),
        "TIMESTAMP" | "TIMESTAMP_S" | "TIMESTAMP_MS" => same("timestamp without time zone"),
        "TIMESTAMP WITH TIME ZONE" => same("timestamp with time zone"),
        "INTERVAL" => same("interval"),
        "UUID" => same("uuid"),
        "TIMESTAMP_NS" => {
            return Err(
                "PostgreSQL keeps microseconds: write $column::TIMESTAMP in the model.".into()
            );
        }
        "TIME_NS" => {
            return Err("PostgreSQL keeps microseconds: write $column::TIME in the model.".into());
        }
        "STRUCT" | "MAP" | "UNION" | "VARIANT" => {
            return Err("Write to_json($column) in the model, or take its fields apart.".into());
        }
        "\"NULL\"" => {
            return Err(
                "It is NULL without a type: write $column::VARCHAR, or the type that it has."
                    .into(),
            );
        }
        "GEOMETRY" => return Err("Write ST_AsText($column) in the model.".into()),
        _ => return Err("Write $column::VARCHAR in the model.".into()),
    })
}

/// The extension widens the scale to full groups of four digits and then overflows the storage
/// of some types. Those are loaded wider and narrowed in PostgreSQL.
fn decimal(data_type: &str) -> Result<Scalar, String> {
    let numbers =
        data_type.trim_start_matches("DECIMAL(").trim_end_matches(')').split_once(',').and_then(
            |(width, scale)| Some((width.trim().parse().ok()?, scale.trim().parse().ok()?)),
        );
    let Some((width, scale)) = numbers else {
        return Err("Write $column::DECIMAL(38,9) in the model.".into());
    };
    let (width, scale): (u8, u8) = (width, scale);
    let exact = format!("numeric({width},{scale})");
    let storage: u8 = match width {
        0..=4 => 4,
        5..=9 => 9,
        10..=18 => 18,
        _ => 38,
    };
    let overflows = scale.div_ceil(4) * 4 > storage;
    let (staged, as_text) = match (overflows, storage) {
        (false, _) => (exact.clone(), false),
        (true, 38) => ("text".to_owned(), true),
        (true, 9) => (format!("numeric(18,{scale})"), false),
        (true, _) => (format!("numeric(38,{scale})"), false),
    };
    Ok(Scalar { exact, staged, as_text, textual: false })
}

/// The element's type, the depth of lists around it, and whether any of them has a fixed length.
fn elements(data_type: &str) -> (&str, usize, bool) {
    let (mut element, mut depth, mut fixed) = (data_type, 0, false);
    while let Some(open) = element.strip_suffix(']').and_then(|rest| rest.rfind('[')) {
        let length = &element[open + 1..element.len() - 1];
        if !length.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        fixed |= !length.is_empty();
        element = &element[..open];
        depth += 1;
    }
    (element, depth, fixed)
}

/// A DuckDB expression that spells a list as PostgreSQL's text of an array.
fn spell(list: &str, depth: usize, level: usize) -> String {
    let element = format!("e{level}");
    let spelled = if depth > 1 {
        spell(&element, depth - 1, level + 1)
    } else {
        format!(
            r#"CASE WHEN {element} IS NULL THEN 'NULL' ELSE '"' || replace(replace({element}::VARCHAR, '\', '\\'), '"', '\"') || '"' END"#
        )
    };
    format!(
        "CASE WHEN {list} IS NULL THEN NULL ELSE '{{' || array_to_string(list_transform({list}, lambda {element}: {spelled}), ',') || '}}' END"
    )
}

/// A DuckDB condition: whether a list that is not the outermost is empty.
fn has_empty(list: &str, depth: usize, level: usize) -> String {
    let element = format!("n{level}");
    let mut bad = format!("len({element}) = 0");
    if depth > 2 {
        bad = format!("{bad} OR {}", has_empty(&element, depth - 1, level + 1));
    }
    format!("coalesce(len(list_filter({list}, lambda {element}: {bad})), 0) > 0")
}

/// Whether DuckDB reads all columns of a PostgreSQL relation exactly in place. Types that DuckDB has
/// no equal for (ranges, network addresses, composites, …) come as PostgreSQL's text, which is exact.
/// One value cannot be told by its type: `NaN` in a numeric column is read as 0.
///
/// # Errors
/// `BRIDGE_TYPE` naming every column that would change.
pub fn check_in_place(relation: &Relation, columns: &[Column]) -> SqlResult<()> {
    let inexact: Vec<&Column> =
        columns.iter().filter(|column| is_inexact(&column.data_type)).collect();
    let [first, ..] = inexact.as_slice() else { return Ok(()) };
    let mut error = EngineError::of(
        Code::BRIDGE_TYPE,
        format!(
            "The column `{}` of {} has the type {}, which DuckDB cannot read exactly",
            first.name,
            relation.render(),
            first.data_type
        ),
    );
    for column in inexact {
        error = error.note(format!("{}: {}", column.name, column.data_type)).help(format!(
            "DuckDB's decimals have a fixed scale and at most 38 digits: write {}::numeric(18,2), or as many digits as it needs, in the PostgreSQL model.",
            quote_identifier(&column.name)
        ));
    }
    Err(error)
}

/// Whether DuckDB would change values of a PostgreSQL type.
pub fn is_inexact(data_type: &str) -> bool {
    let element = data_type.trim_end_matches("[]");
    let Some(modifier) = element.strip_prefix("numeric") else { return false };
    let numbers = modifier.trim_start_matches('(').trim_end_matches(')').split_once(',');
    match numbers
        .and_then(|(width, scale)| Some((width.parse::<i32>().ok()?, scale.parse::<i32>().ok()?)))
    {
        Some((width, scale)) => width > 38 || scale < 0 || scale > width,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data_type: &str) -> Column {
        Column { name: "c".to_owned(), data_type: data_type.to_owned() }
    }

    #[test]
    fn lists_are_taken_apart() {
        assert_eq!(elements("BIGINT"), ("BIGINT", 0, false));
        assert_eq!(elements("DECIMAL(18,2)[][3]"), ("DECIMAL(18,2)", 2, true));
        assert_eq!(elements("ENUM('a[]', 'b')[]"), ("ENUM('a[]', 'b')", 1, false));
    }

    #[test]
    fn decimals_that_the_extension_refuses_are_staged() {
        let staged = |data_type: &str| {
            let crossing = crossing(&column(data_type)).unwrap();
            (crossing.staged, crossing.cast)
        };
        assert_eq!(staged("DECIMAL(18,2)"), ("numeric(18,2)".into(), None));
        assert_eq!(staged("DECIMAL(9,9)"), ("numeric(18,9)".into(), Some("numeric(9,9)".into())));
        assert_eq!(
            staged("DECIMAL(18,17)"),
            ("numeric(38,17)".into(), Some("numeric(18,17)".into()))
        );
        assert_eq!(staged("DECIMAL(38,38)"), ("text".into(), Some("numeric(38,38)".into())));
    }

    #[test]
    fn all_columns_that_cannot_cross_are_named() {
        let columns = [
            Column { name: "ok".into(), data_type: "BIGINT".into() },
            Column { name: "s".into(), data_type: "STRUCT(a INTEGER)".into() },
            Column { name: "t".into(), data_type: "TIMESTAMP_NS[]".into() },
        ];
        let error = crossings(&Relation::new("d", "s", "m"), &columns).unwrap_err();
        assert_eq!(error.diagnostic.code, Code::BRIDGE_TYPE);
        assert_eq!(
            error.diagnostic.message,
            "The column `s` of \"d\".\"s\".\"m\" has the type STRUCT(a INTEGER), which PostgreSQL cannot hold exactly"
        );
        assert_eq!(error.diagnostic.notes, ["s: STRUCT(a INTEGER)", "t: TIMESTAMP_NS[]"]);
        assert_eq!(error.diagnostic.help.len(), 2);
    }

    #[test]
    fn numerics_without_a_fixed_size_are_not_read_in_place() {
        for wide in ["numeric", "numeric(50,10)", "numeric(20,-2)", "numeric[]"] {
            assert!(is_inexact(wide), "{wide}");
        }
        for fine in ["numeric(38,10)", "numeric(4,2)[]", "bigint", "text", "jsonb"] {
            assert!(!is_inexact(fine), "{fine}");
        }
    }
}
