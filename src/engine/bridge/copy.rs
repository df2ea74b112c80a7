//! A bridge: a DuckDB relation copied into PostgreSQL, whole and at once.

use std::time::{Duration, Instant};

use super::attach::{attach_postgres, refresh};
use super::types::{Crossing, crossings};
use crate::checksum::sha256;
use crate::config::PostgresParams;
use crate::diagnostic::Code;
use crate::engine::error::headline;
use crate::engine::publish::{Published, create_schema_if_missing, replace_table};
use crate::engine::{Connection, EngineError, SqlResult, retry};
use crate::relation::{Cell, Relation, quote_identifier, quote_literal};

/// What a bridge did.
#[derive(Debug, Clone, Default)]
pub struct BridgeReport {
    /// Rows copied.
    pub rows: u64,
    /// The size of the new table in PostgreSQL, in bytes.
    pub bytes: u64,
    /// How long it took, from the first look at the columns to the swap.
    pub duration: Duration,
    /// What became of the views upon the table.
    pub published: Published,
}

/// Copies `source` (a DuckDB relation, or any table function in `verbatim`) into the table
/// `target` of the PostgreSQL database that `params` reach and that `postgres` is connected to.
/// DuckDB writes through an attachment of the bridge's own.
///
/// Types are checked before anything is copied. The rows go into a table beside the target, are
/// counted, and are swapped in by one transaction; on any error the target stays as it was.
/// Bridges to one target by several processes wait for each other.
///
/// # Errors
/// `BRIDGE_TYPE` for columns that cannot cross, `BRIDGE` for values that cannot, naming the column.
pub fn copy(
    duck: &mut dyn Connection,
    postgres: &mut dyn Connection,
    params: &PostgresParams,
    source: &Relation,
    target: &Relation,
) -> SqlResult<BridgeReport> {
    let started = Instant::now();
    let columns = duck.columns(source)?;
    if columns.is_empty() {
        return Err(EngineError::of(
            Code::BRIDGE,
            format!("{} has no columns in DuckDB, or is not there", source.render()),
        )
        .help("Build it first."));
    }
    let columns = crossings(source, &columns)?;
    let place = format!("{}\0{}\0{}", params.host, params.port, params.user);
    let alias = format!("__pintail_bridge_{}", hash(&place, &params.dbname));
    attach_postgres(duck, &alias, params)?;
    let schema = target.schema.as_deref().unwrap_or("public");
    create_schema_if_missing(postgres, None, schema)?;
    let bridge = Bridge {
        alias: &alias,
        source,
        target: Relation { database: None, schema: Some(schema.to_owned()), ..target.clone() },
        shadow: shadow(schema, target),
        columns,
    };
    let lock = quote_literal(&format!("pintail bridge {}", bridge.shadow.identifier));
    postgres.execute(&format!("SELECT pg_advisory_lock(hashtextextended({lock}, 0))"))?;
    let copied = bridge.run(duck, postgres);
    let drop_shadow = format!("DROP TABLE IF EXISTS {}", bridge.shadow.render());
    if copied.is_err() {
        let _ = postgres.execute(&drop_shadow);
    }
    // Fails only where the connection is gone, and the lock with it.
    let _ = postgres.execute(&format!("SELECT pg_advisory_unlock(hashtextextended({lock}, 0))"));
    copied.map(|report| BridgeReport { duration: started.elapsed(), ..report })
}

/// Where the rows go first.
fn shadow(schema: &str, target: &Relation) -> Relation {
    Relation {
        schema: Some(schema.to_owned()),
        identifier: format!("pintail_new_{}", hash(schema, &target.identifier)),
        ..Relation::default()
    }
}

/// Drops what a bridge to `target` left that was killed.
///
/// # Errors
/// PostgreSQL's.
pub fn drop_left_over(postgres: &mut dyn Connection, target: &Relation) -> SqlResult<()> {
    let shadow = shadow(target.schema.as_deref().unwrap_or("public"), target);
    postgres.execute(&format!("DROP TABLE IF EXISTS {}", shadow.render())).map(drop)
}

struct Bridge<'a> {
    alias: &'a str,
    source: &'a Relation,
    target: Relation,
    shadow: Relation,
    columns: Vec<Crossing>,
}

impl Bridge<'_> {
    fn run(
        &self,
        duck: &mut dyn Connection,
        postgres: &mut dyn Connection,
    ) -> SqlResult<BridgeReport> {
        let shadow = self.shadow.render();
        let definitions: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("{} {}", quote_identifier(&column.name), column.staged))
            .collect();
        // Left by a bridge that was killed.
        postgres.execute(&format!("DROP TABLE IF EXISTS {shadow}"))?;
        postgres.execute(&format!("CREATE TABLE {shadow} ({})", definitions.join(", ")))?;
        refresh(duck, self.alias, &[self.shadow.schema.as_deref().unwrap_or_default()])?;

        let selected: Vec<&str> =
            self.columns.iter().map(|column| column.select.as_str()).collect();
        let into = Relation { database: Some(self.alias.to_owned()), ..self.shadow.clone() };
        let insert = format!(
            "INSERT INTO {} SELECT {} FROM {}",
            into.render(),
            selected.join(", "),
            self.source.render()
        );
        let sent = retry(|| duck.execute(&insert))
            .map_err(|error| self.explain(duck, error))?
            .unwrap_or_default();
        self.narrow(postgres)?;
        let arrived = number(postgres, &format!("SELECT count(*) FROM {shadow}"))?;
        if sent != arrived {
            return Err(self
                .failed(&format!("DuckDB sent {sent} rows and {arrived} arrived in PostgreSQL")));
        }
        postgres.execute(&format!("ANALYZE {shadow}"))?;
        let size = format!("SELECT pg_total_relation_size({})", quote_literal(&shadow));
        let bytes = number(postgres, &size)?;
        let published = replace_table(postgres, &self.shadow, &self.target)?;
        Ok(BridgeReport { rows: arrived, bytes, duration: Duration::ZERO, published })
    }

    /// Gives columns that were loaded as another type the one that they have to have.
    fn narrow(&self, postgres: &mut dyn Connection) -> SqlResult<()> {
        let casts: Vec<String> = self
            .columns
            .iter()
            .filter_map(|column| {
                let cast = column.cast.as_ref()?;
                let name = quote_identifier(&column.name);
                Some(format!("ALTER COLUMN {name} TYPE {cast} USING {name}::{cast}"))
            })
            .collect();
        if casts.is_empty() {
            return Ok(());
        }
        postgres
            .execute(&format!("ALTER TABLE {} {}", self.shadow.render(), casts.join(", ")))
            .map(drop)
            .map_err(|error| self.failed(&error.diagnostic.message).note(error.words().to_owned()))
    }

    /// The error of the copy, with the column that it is about.
    fn explain(&self, duck: &mut dyn Connection, error: Box<EngineError>) -> Box<EngineError> {
        if error.cancelled {
            return error;
        }
        let words = error.words();
        let clean = words.replace(&self.shadow.identifier, &self.target.identifier);
        if words.contains("NULL-byte")
            && let Some(column) = self.first_column(duck, |column| {
                let name = quote_identifier(&column.name);
                column.textual.then(|| format!("contains({name}::VARCHAR, chr(0))"))
            })
        {
            return self
                .failed(&format!("the column `{column}` holds a NUL character"))
                .note("PostgreSQL's text takes every character but NUL (U+0000).")
                .help(format!(
                    "Take it out in the model: replace({}, chr(0), '').",
                    quote_identifier(&column)
                ));
        }
        if words.contains("out of range for Postgres' DATE")
            && let Some(column) = self.first_column(duck, |column| {
                let name = quote_identifier(&column.name);
                column.staged.starts_with("date").then(|| {
                    format!(
                        "isfinite({name}) AND {name} NOT BETWEEN '4713-01-01 (BC)'::DATE AND '5874897-12-31'::DATE"
                    )
                })
            })
        {
            return self
                .failed(&format!("the column `{column}` holds a date that PostgreSQL cannot hold"))
                .note(clean)
                .help("PostgreSQL's dates go from 4713 BC to 5874897 AD.");
        }
        // PostgreSQL's own errors name the column in their context: "COPY …, line 1, column x".
        let what = match clean.rsplit_once("column ").filter(|_| clean.contains("CONTEXT")) {
            Some((_, column)) => format!("the column `{}`: ", column.trim().trim_end_matches('.')),
            None => String::new(),
        };
        let said = clean.replace("Failed to copy data: ", "").replace("Invalid Input Error: ", "");
        self.failed(&format!("{what}{}", headline(said.trim_start_matches("ERROR:")))).note(clean)
    }

    /// The first column for which a row meets its condition.
    fn first_column(
        &self,
        duck: &mut dyn Connection,
        condition: impl Fn(&Crossing) -> Option<String>,
    ) -> Option<String> {
        self.columns.iter().find_map(|column| {
            let sql = format!(
                "SELECT 1 FROM {} WHERE {} LIMIT 1",
                self.source.render(),
                condition(column)?
            );
            let met = duck.query(&sql, Some(1)).is_ok_and(|found| !found.rows.is_empty());
            met.then(|| column.name.clone())
        })
    }

    fn failed(&self, why: &str) -> Box<EngineError> {
        EngineError::of(
            Code::BRIDGE,
            format!("{} cannot be copied into PostgreSQL: {}", self.source.render(), why.trim()),
        )
    }
}

fn number(connection: &mut dyn Connection, sql: &str) -> SqlResult<u64> {
    let found = connection.query(sql, Some(1))?;
    Ok(match found.rows.first().and_then(|row| row.first()) {
        Some(Cell::Int(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    })
}

fn hash(schema: &str, name: &str) -> String {
    sha256(format!("{schema}\0{name}"))[..16].to_owned()
}
