//! The names that engines give to values without an alias.

use sqlparser::ast::{
    BinaryOperator, CastKind, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArguments, Ident, InTarget, UnaryOperator, Value,
};

use super::dialect::{fold, idents, same};
use super::query::Statement;
use super::scope::Scope;
use crate::config::EngineKind;

impl Statement<'_> {
    /// The name that an engine gives a value without an alias.
    pub fn name_of(&self, expr: &Expr) -> String {
        match self.kind {
            EngineKind::DuckDb => duckdb(expr),
            EngineKind::Postgres => postgres(expr).unwrap_or_else(|| "?column?".to_owned()),
        }
    }

    /// The same where the columns are known that it may be one of: DuckDB calls a column as its table
    /// does, however it is written.
    pub fn name_in(&self, expr: &Expr, scope: &Scope<'_>) -> String {
        let parts: Vec<String> = match expr {
            Expr::Identifier(name) => vec![fold(name, self.kind)],
            Expr::CompoundIdentifier(parts) => {
                parts.iter().map(|part| fold(part, self.kind)).collect()
            }
            Expr::Nested(inner) => return self.name_in(inner, scope),
            _ => return self.name_of(expr),
        };
        let own = || self.name_of(expr);
        let Some((last, before)) = parts.split_last() else { return own() };
        let is_it = |name: &&str| same(name, last, self.kind);
        let known = match scope.from.entry(before, self.kind) {
            Some(entry) => entry.rows.columns.iter().map(|one| one.name.as_str()).find(is_it),
            None if before.is_empty() => {
                scope.from.visible.iter().map(|one| one.column.name.as_str()).find(is_it)
            }
            None => None,
        };
        known.map_or_else(own, str::to_owned)
    }
}

fn last(parts: &[Ident], kind: EngineKind) -> String {
    parts.last().map(|part| fold(part, kind)).unwrap_or_default()
}

/// PostgreSQL's; none where it has none.
fn postgres(expr: &Expr) -> Option<String> {
    let kind = EngineKind::Postgres;
    Some(match expr {
        Expr::Identifier(name) => fold(name, kind),
        Expr::CompoundIdentifier(parts) => last(parts, kind),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => return postgres(inner),
        Expr::Function(function) => {
            let parts = idents(&function.name).unwrap_or_default();
            parts.last().map(|part| fold(part, kind)).unwrap_or_default()
        }
        Expr::Cast { kind: CastKind::DoubleColon | CastKind::Cast, expr, data_type, .. } => {
            postgres(expr).unwrap_or_else(|| data_type.to_string().to_lowercase())
        }
        Expr::Case { else_result: Some(other), .. } => {
            postgres(other).unwrap_or_else(|| "case".to_owned())
        }
        Expr::Case { .. } => "case".to_owned(),
        Expr::Exists { .. } => "exists".to_owned(),
        Expr::Array(_) => "array".to_owned(),
        Expr::Extract { .. } => "extract".to_owned(),
        Expr::AtTimeZone { .. } => "timezone".to_owned(),
        Expr::Position { .. } => "position".to_owned(),
        Expr::Substring { .. } => "substring".to_owned(),
        Expr::Trim { .. } => "btrim".to_owned(),
        Expr::Ceil { .. } => "ceil".to_owned(),
        Expr::Floor { .. } => "floor".to_owned(),
        _ => return None,
    })
}

/// DuckDB writes an expression out.
fn duckdb(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => name.value.clone(),
        Expr::CompoundIdentifier(parts) => last(parts, EngineKind::DuckDb),
        Expr::Nested(inner) => duckdb(inner),
        expr => written(expr),
    }
}

/// An expression inside of another one.
fn written(expr: &Expr) -> String {
    match expr {
        Expr::Nested(inner) => written(inner),
        Expr::BinaryOp { left, op, right } => {
            let sign = match op {
                BinaryOperator::NotEq => "!=".to_owned(),
                other => other.to_string(),
            };
            format!("({} {sign} {})", written(left), written(right))
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => format!("-({})", written(expr)),
        Expr::IsNull(inner) => format!("({} IS NULL)", written(inner)),
        Expr::IsNotNull(inner) => format!("({} IS NOT NULL)", written(inner)),
        Expr::Between { expr, negated: false, low, high } => {
            format!("({} BETWEEN {} AND {})", written(expr), written(low), written(high))
        }
        Expr::In { expr, target: InTarget::List(list), negated: false, .. } => {
            format!("({} IN ({}))", written(expr), all(list))
        }
        Expr::Like { negated: false, any: false, expr, pattern, escape_char: None } => {
            format!("({} ~~ {})", written(expr), written(pattern))
        }
        Expr::Cast { kind, expr, data_type, .. } => {
            let word = if *kind == CastKind::TryCast { "TRY_CAST" } else { "CAST" };
            let name = data_type.to_string().to_uppercase();
            let name = match name.as_str() {
                "INT" | "INT4" => "INTEGER",
                "TEXT" | "STRING" => "VARCHAR",
                "INT8" => "BIGINT",
                other => other,
            };
            format!("{word}({} AS {})", written(expr), name.replace(',', ", ").replace("  ", " "))
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let mut out = "CASE ".to_owned();
            for one in conditions {
                let condition = match operand {
                    Some(operand) => {
                        format!("({} = {})", written(operand), written(&one.condition))
                    }
                    None => written(&one.condition),
                };
                out.push_str(&format!(" WHEN ({condition}) THEN ({})", written(&one.result)));
            }
            let other = else_result.as_ref().map_or_else(|| "NULL".to_owned(), |one| written(one));
            format!("{out} ELSE {other} END")
        }
        Expr::Function(function) => call(function),
        Expr::Value(value) => match &value.value {
            Value::Boolean(truth) => {
                format!("CAST('{}' AS BOOLEAN)", if *truth { "t" } else { "f" })
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

fn all(list: &[Expr]) -> String {
    list.iter().map(written).collect::<Vec<_>>().join(", ")
}

/// A call of a function.
fn call(function: &Function) -> String {
    let text = function.to_string();
    let FunctionArguments::List(list) = &function.args else { return text };
    let own = idents(&function.name)
        .map(|parts| last(&parts.into_iter().cloned().collect::<Vec<_>>(), EngineKind::DuckDb));
    let own = own.unwrap_or_default().to_lowercase();
    let mut arguments = Vec::new();
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => arguments.push(written(expr)),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if own == "count" => {}
            _ => return text,
        }
    }
    let is_plain = list.clauses.is_empty() && function.within_group.is_empty();
    if !is_plain || function.over.is_some() && !arguments.is_empty() && function.filter.is_some() {
        return text;
    }
    let distinct = match list.duplicate_treatment {
        Some(DuplicateTreatment::Distinct) => "DISTINCT ",
        _ => "",
    };
    let name = match own.as_str() {
        "count" if arguments.is_empty() && function.over.is_none() => "count_star".to_owned(),
        "coalesce" | "ifnull" => "COALESCE".to_owned(),
        _ => own,
    };
    let mut out = format!("{name}({distinct}{})", arguments.join(", "));
    if let Some(filter) = &function.filter {
        out.push_str(&format!(" FILTER (WHERE {})", written(filter)));
    }
    if let Some(over) = &function.over {
        out.push_str(&format!(" OVER {over}"));
    }
    out
}
