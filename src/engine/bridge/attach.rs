//! Attaching a PostgreSQL database to a DuckDB instance.

use std::sync::{Mutex, PoisonError};

use crate::config::PostgresParams;
use crate::diagnostic::Code;
use crate::engine::duckdb::extension::load_postgres;
use crate::engine::error::redact;
use crate::engine::{Connection, EngineError, SqlResult, retry};
use crate::relation::{Relation, quote_identifier, quote_literal};

/// One attachment at a time in this process: two threads would both find it missing.
static ATTACHING: Mutex<()> = Mutex::new(());

/// Attaches a PostgreSQL database to the instance of a DuckDB connection, as the catalog `alias`
/// for all its connections; does nothing where it is attached already. The password goes into a
/// temporary secret of DuckDB's, so it is in no attached path and in no error.
///
/// Tables and columns that change in PostgreSQL are noticed; of schemas made later, tell with
/// [`refresh`].
///
/// # Errors
/// `CONNECT` when the extension does not load or the database is not reached.
pub fn attach_postgres(
    duck: &mut dyn Connection,
    alias: &str,
    params: &PostgresParams,
) -> SqlResult<()> {
    let _one = ATTACHING.lock().unwrap_or_else(PoisonError::into_inner);
    let attached =
        include_str!("../sql/duckdb_attached.sql").replace("$alias", &quote_literal(alias));
    if !duck.query(&attached, Some(1))?.rows.is_empty() {
        return Ok(());
    }
    load_postgres(duck)?;
    let password = params.password.as_ref().map_or("", |password| password.reveal());
    let failed = |error: Box<EngineError>| {
        EngineError::of(
            Code::CONNECT,
            format!("DuckDB cannot attach the PostgreSQL database `{}`", params.dbname),
        )
        .note(redact(error.words(), &[password]))
        .help("Check the server, and its entry in profiles.yml with `pintail debug`.")
    };
    let secret = quote_identifier(&format!("__pintail_{alias}"));
    let mut options = vec![
        format!("HOST {}", quote_literal(&params.host)),
        format!("PORT {}", quote_literal(&params.port.to_string())),
        format!("USER {}", quote_literal(&params.user)),
        format!("DATABASE {}", quote_literal(&params.dbname)),
    ];
    if !password.is_empty() {
        options.push(format!("PASSWORD {}", quote_literal(password)));
    }
    // Checks for changed tables at each look-up: one small query against stale columns.
    duck.execute("SET GLOBAL pg_staleness_query_enabled = true").map_err(failed)?;
    duck.execute(&format!(
        "CREATE OR REPLACE TEMPORARY SECRET {secret} (TYPE postgres, {})",
        options.join(", ")
    ))
    .map_err(failed)?;
    duck.execute(&format!(
        "ATTACH {} AS {} (TYPE postgres, SECRET {secret})",
        quote_literal(&connection_string(params)),
        quote_identifier(alias)
    ))
    .map(drop)
    .map_err(failed)
}

/// What a secret has no field for, in libpq's words.
fn connection_string(params: &PostgresParams) -> String {
    let mut settings = vec!["-c timezone=UTC".to_owned()];
    if let Some(role) = &params.role {
        settings.push(format!("-c role={}", escape(role, &[' ', '\\'])));
    }
    let files = [
        ("sslcert", &params.sslcert),
        ("sslkey", &params.sslkey),
        ("sslrootcert", &params.sslrootcert),
    ];
    let files: String = files
        .into_iter()
        .filter_map(|(key, file)| {
            Some(format!("{key}='{}' ", escape(file.as_ref()?, &['\'', '\\'])))
        })
        .collect();
    format!(
        "application_name=pintail sslmode={} {files}connect_timeout={} options='{}'",
        params.sslmode.as_deref().unwrap_or("prefer"),
        params.connect_timeout.as_secs().max(2),
        escape(&settings.join(" "), &['\'', '\\'])
    )
}

fn escape(text: &str, chars: &[char]) -> String {
    let mut out = String::new();
    for char in text.chars() {
        if chars.contains(&char) {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

/// Gets DuckDB ready to read schemas of PostgreSQL: makes those known that were created after it
/// was attached, and has it note what their tables are like now. It tells later changes of tables
/// and columns from that note, and would take its first one after a change.
///
/// # Errors
/// The engine's.
pub fn refresh(duck: &mut dyn Connection, alias: &str, schemas: &[&str]) -> SqlResult<()> {
    for schema in schemas {
        if make_known(duck, alias, schema)? {
            // Any look-up of a table does it, whether it is there or not.
            let nothing = Relation::new(alias, schema, "pintail looks for nothing");
            let _not_there = duck.query(&format!("DESCRIBE {}", nothing.render()), Some(1));
        }
    }
    Ok(())
}

/// Whether the schema is there, which DuckDB then knows.
fn make_known(duck: &mut dyn Connection, alias: &str, schema: &str) -> SqlResult<bool> {
    let known = include_str!("../sql/duckdb_schema_exists.sql")
        .replace("$database", &quote_literal(alias))
        .replace("$schema", &quote_literal(schema));
    if !duck.query(&known, Some(1))?.rows.is_empty() {
        return Ok(true);
    }
    let there = include_str!("../sql/postgres_schema_exists.sql")
        .replace("$schema", &quote_literal(schema));
    let there = format!(
        "SELECT 1 FROM postgres_query({}, {})",
        quote_literal(alias),
        quote_literal(&there)
    );
    if duck.query(&there, Some(1))?.rows.is_empty() {
        return Ok(false);
    }
    // Of a schema that is there, this only makes DuckDB's entry. `pg_clear_cache()` would do it
    // too, but can make a query fail that another thread is just planning.
    let known =
        Relation { schema: Some(alias.to_owned()), ..Relation::default().with_identifier(schema) };
    retry(|| duck.execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", known.render())))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a_role_of_any_name_is_one_setting() {
        let setting = escape(r"a b'\c", &[' ', '\\']);
        assert_eq!(setting, r"a\ b'\\c");
        assert_eq!(escape(&setting, &['\'', '\\']), r"a\\ b\'\\\\c");
    }
}
