//! Connecting to PostgreSQL as the profile says.

use ::postgres::config::SslMode;
use ::postgres::{Client, Config, NoTls};

use super::error;
use crate::config::PostgresParams;
use crate::diagnostic::Code;
use crate::engine::{CONNECT_TIMEOUT, EngineError, SqlResult};
use crate::relation::{quote_identifier, quote_literal};

/// The client, with its session set up.
pub(super) fn connect(params: &PostgresParams) -> SqlResult<Client> {
    let config = config(params)?;
    let mut pause = std::time::Duration::from_millis(100);
    let mut left = params.retries;
    let mut client = loop {
        match config.connect(NoTls) {
            Ok(client) => break client,
            Err(error) => {
                let error = error::of_connecting(&error, params);
                // A wrong password or name stays wrong.
                let passing = error.retryable
                    || error.diagnostic.code == Code::CONNECT && error.words().starts_with("error");
                if !passing || left == 0 {
                    return Err(error);
                }
                left -= 1;
                std::thread::sleep(pause);
                pause *= 2;
            }
        }
    };
    let mut session = include_str!("../sql/postgres_session.sql").to_owned();
    if let Some(path) = &params.search_path {
        session.push_str(&format!(
            "SELECT set_config('search_path', {}, false);\n",
            quote_literal(path)
        ));
    }
    if let Some(role) = &params.role {
        session.push_str(&format!("SET ROLE {};\n", quote_identifier(role)));
    }
    client.batch_execute(&session).map_err(|error| {
        let error = error::of_statement(&error, &session, 0);
        EngineError::of(
            Code::CONNECT,
            format!(
                "PostgreSQL refused the profile's session settings: {}",
                error.diagnostic.message
            ),
        )
        .note(error.words().to_owned())
        .help("Check `role` and `search_path` in profiles.yml.")
    })?;
    Ok(client)
}

fn config(params: &PostgresParams) -> SqlResult<Config> {
    let mut config = Config::new();
    config
        .port(params.port)
        .user(&params.user)
        .dbname(&params.dbname)
        .application_name("pintail")
        .ssl_mode(ssl_mode(params)?);
    if params.host.starts_with('/') {
        config.host_path(&params.host);
    } else {
        config.host(&params.host);
    }
    if let Some(password) = &params.password {
        config.password(password.reveal());
    }
    let timeout = params.connect_timeout;
    config.connect_timeout(if timeout.is_zero() { CONNECT_TIMEOUT } else { timeout });
    if !params.keepalives_idle.is_zero() {
        config.keepalives(true).keepalives_idle(params.keepalives_idle);
    }
    Ok(config)
}

/// libpq's `sslmode`. What promises encryption is refused, never weakened.
fn ssl_mode(params: &PostgresParams) -> SqlResult<SslMode> {
    match params.sslmode.as_deref() {
        None | Some("disable" | "allow" | "prefer") => Ok(SslMode::Disable),
        // libpq ignores it on a Unix socket, which has no TLS.
        Some(_) if params.host.starts_with('/') => Ok(SslMode::Disable),
        Some(mode @ ("require" | "verify-ca" | "verify-full")) => Err(EngineError::of(
            Code::CONNECT,
            format!("`sslmode: {mode}` asks for TLS, which this version of Pintail does not speak"),
        )
        .help("Use `sslmode: prefer` on a network that you trust, or an SSH tunnel or a local proxy (stunnel, pgbouncer, cloud-sql-proxy) that speaks TLS.")),
        Some(other) => Err(EngineError::of(
            Code::BAD_CONFIG,
            format!("`{other}` is no sslmode"),
        )
        .help("Use disable, allow, prefer, require, verify-ca or verify-full.")),
    }
}
