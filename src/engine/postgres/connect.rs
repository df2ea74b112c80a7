//! Connecting to PostgreSQL as the profile says.

use ::postgres::config::SslMode;
use ::postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{error, tls};
use crate::config::PostgresParams;
use crate::diagnostic::Code;
use crate::engine::{CONNECT_TIMEOUT, EngineError, SqlResult};
use crate::relation::{quote_identifier, quote_literal};

/// The client, with its session set up; and the TLS to cancel its statements with.
pub(super) fn connect(params: &PostgresParams) -> SqlResult<(Client, Option<MakeRustlsConnect>)> {
    let tls = tls::of(params)?;
    let configs: Vec<Config> = tls.attempts.iter().map(|mode| config(params, *mode)).collect();
    let mut pause = std::time::Duration::from_millis(100);
    let mut left = params.retries;
    let mut client = loop {
        match attempt(&configs, tls.connector.as_ref()) {
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
    Ok((client, tls.connector))
}

/// The first of the modes that works; the failure of the first one, which the profile prefers,
/// where none does.
fn attempt(
    configs: &[Config],
    connector: Option<&MakeRustlsConnect>,
) -> Result<Client, ::postgres::Error> {
    let mut first = None;
    for config in configs {
        let connected = match connector {
            Some(connector) => config.connect(connector.clone()),
            None => config.connect(NoTls),
        };
        match connected {
            Ok(client) => return Ok(client),
            // A server that is not there is not there without TLS either.
            Err(error) => {
                let nobody = std::error::Error::source(&error)
                    .is_some_and(|source| source.is::<std::io::Error>());
                if first.is_none() {
                    first = Some(error);
                }
                if nobody {
                    break;
                }
            }
        }
    }
    Err(first.expect("each sslmode has at least one attempt"))
}

fn config(params: &PostgresParams, mode: SslMode) -> Config {
    let mut config = Config::new();
    config
        .port(params.port)
        .user(&params.user)
        .dbname(&params.dbname)
        .application_name(params.application_name.as_deref().unwrap_or("pintail"))
        .ssl_mode(mode);
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
    config
}
