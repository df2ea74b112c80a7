//! The audit log: which command was given by whom, and how it ended.
//!
//! Every command writes its beginning and its end into a file beside the spools; who opens the
//! store next brings them there, which most often is the same command. So a command that needs no
//! database, such as `ls`, asks none for this.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use postgres::types::ToSql;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Store, history, problem, send, spool};
use crate::diagnostic::{Code, Diagnostic, Result};
use crate::relation::quote_identifier;

/// The file that waits for the store.
const FILE: &str = "audit";

/// The beginning or the end of a command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuditEvent {
    pub audit_id: Uuid,
    pub invocation_id: Uuid,
    /// `started` or `ended`
    pub event: String,
    pub occurred_at: Timestamp,
    pub os_user: Option<String>,
    pub host: Option<String>,
    pub pid: u32,
    pub command: String,
    /// The command line without secrets.
    pub arguments: String,
    pub project: String,
    pub target: String,
    pub version: String,
    pub exit_code: Option<u8>,
    /// `done`, `a node failed`, …
    pub result: Option<String>,
    pub duration_ms: Option<u64>,
}

/// Writes an event into the file that waits.
///
/// # Errors
/// The disk's.
pub fn note(folder: &Path, event: &AuditEvent) -> io::Result<()> {
    let mut file = open(folder)?;
    file.seek(io::SeekFrom::End(0))?;
    file.write_all(&spool::line(event))
}

/// The file, which nobody else uses until it is closed.
fn open(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).read(true).write(true).mode(0o600);
    let file = options.open(folder.join(FILE))?;
    file.lock()?;
    Ok(file)
}

/// A command in the audit log.
#[derive(Debug, Clone)]
pub struct AuditedCommand {
    pub started_at: Timestamp,
    pub login: String,
    pub client_addr: Option<String>,
    pub os_user: Option<String>,
    pub host: Option<String>,
    pub command: String,
    pub arguments: String,
    pub target: Option<String>,
    pub result: String,
    pub duration_ms: Option<i64>,
}

/// What a login may do with the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Admin,
    Engineer,
    Analyst,
}

impl Role {
    /// The database role.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "pintail_admin",
            Role::Engineer => "pintail_engineer",
            Role::Analyst => "pintail_analyst",
        }
    }

    const ALL: [Role; 3] = [Role::Admin, Role::Engineer, Role::Analyst];
}

impl Store {
    /// Brings the events that wait in a folder.
    ///
    /// # Errors
    /// `STORE` where the server refuses; then they go on waiting.
    pub fn bring_audit(&mut self, folder: &Path) -> Result<()> {
        // Without a file nothing waits.
        let Ok(mut file) = open(folder) else { return Ok(()) };
        let mut text = String::new();
        if file.read_to_string(&mut text).is_err() || text.is_empty() {
            return Ok(());
        }
        let events = text.lines().filter_map(spool::checked);
        let events: Vec<AuditEvent> =
            events.filter_map(|json| serde_json::from_str(json).ok()).collect();
        self.prepared(include_str!("sql/insert_audit.sql"))
            .and_then(|insert| self.client().execute(&insert, &[&send::json(&events)]))
            .map_err(|error| problem("take note of commands", &error))?;
        // Brought a second time they would change nothing.
        let _ = file.set_len(0);
        Ok(())
    }

    /// The last commands, for those who may see them.
    ///
    /// # Errors
    /// `STORE` where the server refuses.
    pub fn audited(&mut self, limit: i64) -> Result<Vec<AuditedCommand>> {
        let rows = self
            .client()
            .query(include_str!("sql/audit_commands.sql"), &[&limit])
            .map_err(|error| problem("show the audit log", &error))?;
        let command = |row: &postgres::Row| AuditedCommand {
            started_at: history::time(row, "started_us"),
            login: row.get("login"),
            client_addr: row.get("client_addr"),
            os_user: row.get("os_user"),
            host: row.get("host"),
            command: row.get("command"),
            arguments: row.get("arguments"),
            target: row.get("target"),
            result: row.get("result"),
            duration_ms: row.get("duration_ms"),
        };
        Ok(rows.iter().map(command).collect())
    }

    /// Makes the database roles and says what each may do and see; again where they are there.
    ///
    /// # Errors
    /// `STORE` where the user may not make roles.
    pub fn make_roles(&mut self) -> Result<()> {
        self.client()
            .batch_execute(include_str!("sql/roles.sql"))
            .map_err(|error| problem("make its roles", &error))
    }

    /// Gives a login of the database one of the roles, instead of what it had; an analyst sees
    /// `contexts`.
    ///
    /// # Errors
    /// `STORE` where there is no such login, or where the user may not grant.
    pub fn grant_role(&mut self, login: &str, role: Role, contexts: &[String]) -> Result<()> {
        self.set_role(login, Some(role))?;
        let values: [&(dyn ToSql + Sync); 3] = [&login, &role.as_str(), &contexts];
        self.client()
            .execute(include_str!("sql/upsert_user.sql"), &values)
            .map_err(|error| problem("take note of the login", &error))?;
        Ok(())
    }

    /// Takes a login's role away. Whether it had one.
    ///
    /// # Errors
    /// `STORE` where there is no such login, or where the user may not revoke.
    pub fn revoke_role(&mut self, login: &str) -> Result<bool> {
        self.set_role(login, None)?;
        let deleted = "delete from security_audit.users where login = $1";
        let rows = self
            .client()
            .execute(deleted, &[&login])
            .map_err(|error| problem("forget the login", &error))?;
        Ok(rows > 0)
    }

    fn set_role(&mut self, login: &str, role: Option<Role>) -> Result<()> {
        let known = "select 1 from pg_roles where rolname = $1 and rolcanlogin";
        let rows = self.client().query(known, &[&login]);
        if rows.map_err(|error| problem("look for the login", &error))?.is_empty() {
            let name = quote_identifier(login);
            return Err(Box::new(
                Diagnostic::error(Code::STORE, format!("The database has no login `{login}`"))
                    .help(format!("Make it: create role {name} login password '…'")),
            ));
        }
        let login = quote_identifier(login);
        let mut sql = String::new();
        for one in Role::ALL {
            let verb = if role == Some(one) { ("grant", "to") } else { ("revoke", "from") };
            sql.push_str(&format!("{} {} {} {login};\n", verb.0, one.as_str(), verb.1));
        }
        self.client().batch_execute(&sql).map_err(|error| problem("change roles", &error))
    }
}
