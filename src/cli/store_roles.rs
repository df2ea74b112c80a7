//! `store init`, `store grant`, `store revoke` and `store audit`: who may do and see what in the
//! results store, and what was done.

use super::args::RoleName;
use super::session::Start;
use super::tables::{seconds, table, text, time};
use super::{Exit, Outcome, store};
use crate::diagnostic::{Code, Diagnostic};
use crate::report::{RowFormat, format_rows};
use crate::store::Role;

/// Makes the tables, and with `roles` the database roles.
pub(super) fn init(start: &Start, roles: bool) -> Outcome {
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    start.console.info("The tables of the results store are there.");
    if roles {
        store.make_roles()?;
        start.console.info(
            "The roles pintail_admin, pintail_engineer and pintail_analyst are set up. \
             `pintail store grant LOGIN --role analyst --context sales` gives one to a login.",
        );
    }
    start.audit.keep(store);
    Ok(Exit::Done)
}

/// Gives a login a role.
pub(super) fn grant(start: &Start, login: &str, role: RoleName, contexts: &[String]) -> Outcome {
    let role = match role {
        RoleName::Admin => Role::Admin,
        RoleName::Engineer => Role::Engineer,
        RoleName::Analyst => Role::Analyst,
    };
    if (role == Role::Analyst) == contexts.is_empty() {
        let message = match role {
            Role::Analyst => "An analyst without contexts sees nothing",
            _ => "Only an analyst is bound to contexts",
        };
        let help = "Write --role analyst --context sales,customer, or --context '*' for all.";
        return Err(Diagnostic::error(Code::USAGE, message).help(help).into());
    }
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    store.grant_role(login, role, contexts)?;
    start.console.info(&format!("`{login}` is a {} now.", role.as_str()));
    start.audit.keep(store);
    Ok(Exit::Done)
}

/// Takes a login's role away.
pub(super) fn revoke(start: &Start, login: &str) -> Outcome {
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    let had = store.revoke_role(login)?;
    let said = if had { "has no role any more" } else { "had no role" };
    start.console.info(&format!("`{login}` {said}."));
    start.audit.keep(store);
    Ok(Exit::Done)
}

/// Lists the last commands.
pub(super) fn audit(start: &Start, limit: i64) -> Outcome {
    let config = start.config(None)?;
    let mut store = store::open(&config)?;
    let rows = store.audited(limit)?;
    let header =
        ["started", "login", "from", "user", "host", "command", "target", "result", "took"];
    let rows = rows.iter().map(|one| {
        vec![
            time(one.started_at),
            text(Some(&one.login)),
            text(Some(one.client_addr.as_deref().unwrap_or("socket"))),
            text(one.os_user.as_deref()),
            text(one.host.as_deref()),
            text(Some(&one.arguments)),
            text(one.target.as_deref()),
            text(Some(&one.result)),
            text(one.duration_ms.map(|ms| seconds(ms as f64)).as_deref()),
        ]
    });
    start.console.data(&format_rows(&table(&header, rows), RowFormat::Table));
    start.audit.keep(store);
    Ok(Exit::Done)
}
