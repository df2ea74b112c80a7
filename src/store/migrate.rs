//! Makes and upgrades the tables of the results store: the files in `migrations/`, by refinery.
//!
//! All of what is missing is done in one transaction under an advisory lock, so two commands that
//! start at once are safe, and a command that dies leaves nothing half done.

use postgres::error::SqlState;
use postgres::{Client, SimpleQueryMessage};

use super::problem;
use crate::diagnostic::{Code, Diagnostic, Result};

mod embedded {
    refinery::embed_migrations!("src/store/migrations");
}

/// Brings the tables to the newest version; one query where they are there already.
pub(super) fn bring_up_to_date(client: &mut Client) -> Result<()> {
    let mut runner = embedded::migrations::runner().set_grouped(true);
    runner.set_migration_table_name("etl_orchestration.schema_versions");
    let newest = newest();
    let version = version(client)?;
    if version == newest {
        return Ok(());
    }
    if version > newest {
        return Err(Box::new(
            Diagnostic::error(
                Code::STORE,
                format!(
                    "The results store has version {version}, and this Pintail knows only {newest}"
                ),
            )
            .help("A newer Pintail has upgraded it: use that one here as well."),
        ));
    }
    let what = "be made or upgraded";
    client
        .execute(include_str!("sql/lock_schema.sql"), &[])
        .map_err(|error| problem(what, &error))?;
    let done = client
        .batch_execute(include_str!("sql/create_schema.sql"))
        .map_err(|error| problem(what, &error))
        .and_then(|()| match runner.run(client) {
            Ok(_) => Ok(()),
            Err(error) => Err(migration_problem(what, &error)),
        });
    let unlocked = client.execute(include_str!("sql/unlock_schema.sql"), &[]);
    done?;
    unlocked.map_err(|error| problem(what, &error))?;
    Ok(())
}

/// The version that is made here.
pub(super) fn newest() -> i32 {
    let runner = embedded::migrations::runner();
    runner.get_migrations().iter().map(|m| m.version()).max().unwrap_or(0)
}

/// The version of the tables; 0 where there are none.
pub(super) fn version(client: &mut Client) -> Result<i32> {
    let missing = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME];
    // Without parameters there is nothing to prepare: one round trip.
    match client.simple_query(include_str!("sql/schema_version.sql")) {
        Ok(messages) => Ok(messages
            .iter()
            .find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                _ => None,
            })
            .unwrap_or(0)),
        Err(error) if error.code().is_some_and(|code| missing.contains(code)) => Ok(0),
        Err(error) => Err(problem("be read", &error)),
    }
}

fn migration_problem(what: &str, error: &refinery::Error) -> Box<Diagnostic> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<postgres::Error>() {
            return problem(what, refused);
        }
        cause = inner.source();
    }
    Box::new(
        Diagnostic::error(Code::STORE, format!("The results store could not {what}"))
            .note(error.to_string())
            .help("Its tables were changed by hand, or by another version of Pintail."),
    )
}
