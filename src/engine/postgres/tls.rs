//! TLS to PostgreSQL as libpq's `sslmode` and its certificate files say: what is tried, and what
//! is checked of the server. It never does with less than what the profile asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::postgres::config::SslMode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::PostgresParams;
use crate::diagnostic::Code;
use crate::engine::{EngineError, SqlResult};

/// How to connect: the modes to try one after the other, and the TLS for them.
pub(super) struct Tls {
    pub attempts: &'static [SslMode],
    /// `None` where no mode has TLS.
    pub connector: Option<MakeRustlsConnect>,
}

/// As `sslrootcert`: the authorities that this machine trusts, as in libpq 16.
const SYSTEM: &str = "system";

/// What is checked of the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Chain,
    ChainAndName,
}

/// The TLS of a profile's connection.
///
/// # Errors
/// `BAD_CONFIG` for a mode that is none, `CONNECT` for a certificate file that cannot be used.
pub(super) fn of(params: &PostgresParams) -> SqlResult<Tls> {
    let system = params.sslrootcert.as_deref() == Some(SYSTEM);
    let mode = params.sslmode.as_deref().unwrap_or(if system { "verify-full" } else { "prefer" });
    let (attempts, check): (&[SslMode], Check) = match mode {
        "disable" => (&[SslMode::Disable], Check::Nothing),
        "allow" => (&[SslMode::Disable, SslMode::Require], Check::Nothing),
        "prefer" => (&[SslMode::Prefer, SslMode::Disable], Check::Nothing),
        "require" => (&[SslMode::Require], Check::Nothing),
        "verify-ca" => (&[SslMode::Require], Check::Chain),
        "verify-full" => (&[SslMode::Require], Check::ChainAndName),
        other => {
            return Err(EngineError::of(Code::BAD_CONFIG, format!("`{other}` is no sslmode"))
                .help("Use disable, allow, prefer, require, verify-ca or verify-full."));
        }
    };
    if system && check != Check::ChainAndName {
        return Err(EngineError::of(
            Code::BAD_CONFIG,
            format!("`sslmode: {mode}` is too weak for `sslrootcert: {SYSTEM}`"),
        )
        .help(
            "Anybody can have a certificate of a public authority: use `sslmode: verify-full`.",
        ));
    }
    // libpq ignores it on a Unix socket, which has no TLS.
    let attempts = if params.host.starts_with('/') { &[SslMode::Disable] } else { attempts };
    if *attempts == [SslMode::Disable] {
        return Ok(Tls { attempts, connector: None });
    }
    let config = client_config(params, mode, check)?;
    Ok(Tls { attempts, connector: Some(MakeRustlsConnect::new(config)) })
}

fn builder(
    verifier: Verifier,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(verifier.provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
}

fn client_config(params: &PostgresParams, mode: &str, check: Check) -> SqlResult<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let roots = file(params.sslrootcert.as_deref(), "root.crt");
    // With a root certificate, `require` checks the chain, as in libpq.
    let check = match (check, &roots) {
        (Check::Nothing, Some(_)) if mode == "require" => Check::Chain,
        (check, _) => check,
    };
    let chain = match (check, roots) {
        (Check::Nothing, _) => None,
        (_, None) => {
            return Err(EngineError::of(
                Code::CONNECT,
                format!("`sslmode: {mode}` needs the certificate of the authority to trust"),
            )
            .help("Set `sslrootcert` in profiles.yml to its PEM file or to `system`, or put it into ~/.postgresql/root.crt."));
        }
        (check, Some(path)) => Some(Chain::read(&path, check, &provider)?),
    };
    let builder = builder(Verifier { provider, chain });
    let (cert, key) = (
        file(params.sslcert.as_deref(), "postgresql.crt"),
        file(params.sslkey.as_deref(), "postgresql.key"),
    );
    let (Some(cert), Some(key)) = (cert, key) else { return Ok(builder.with_no_client_auth()) };
    let certificates = certificates(&cert)?;
    let secret = PrivateKeyDer::from_pem_file(&key).map_err(|error| unusable(&key, &error))?;
    builder.with_client_auth_cert(certificates, secret).map_err(|error| unusable(&key, &error))
}

/// A file that the profile names, or libpq's own place for it where it is there.
fn file(named: Option<&str>, otherwise: &str) -> Option<PathBuf> {
    match named {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => std::env::home_dir().map(|home| home.join(rest)),
            None => Some(PathBuf::from(path)),
        },
        None => {
            let path = std::env::home_dir()?.join(".postgresql").join(otherwise);
            path.exists().then_some(path)
        }
    }
}

fn certificates(path: &Path) -> SqlResult<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(unusable(path, &"it holds no certificate")),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> Box<EngineError> {
    EngineError::of(Code::CONNECT, format!("The file {} cannot be used for TLS", path.display()))
        .note(why.to_string())
        .help("Check `sslrootcert`, `sslcert` and `sslkey` in profiles.yml; all are PEM files, the key without a password.")
}

/// What a server's certificate is held against.
#[derive(Debug)]
struct Chain {
    verifier: Arc<WebPkiServerVerifier>,
    /// Certificates that are trusted as they are: a server may be its own authority.
    trusted: Vec<CertificateDer<'static>>,
    name: bool,
}

impl Chain {
    fn read(path: &Path, check: Check, provider: &Arc<CryptoProvider>) -> SqlResult<Chain> {
        let system = path == Path::new(SYSTEM);
        let trusted = if system { Vec::new() } else { certificates(path)? };
        let mut roots = RootCertStore::empty();
        if system {
            // Machines have some that rustls cannot read, among the many that it can.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for certificate in &trusted {
            roots.add(certificate.clone()).map_err(|error| unusable(path, &error))?;
        }
        if roots.is_empty() {
            return Err(EngineError::of(
                Code::CONNECT,
                "This machine has no certificates to trust",
            )
            .help("Install the package ca-certificates, or name a PEM file as `sslrootcert`."));
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|error| unusable(path, &error))?;
        Ok(Chain { verifier, trusted, name: check == Check::ChainAndName })
    }
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `None` where the server's certificate is not checked.
    chain: Option<Chain>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::{CertificateError, Error};
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if chain.trusted.contains(end_entity) {
            if chain.name {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
            }
            return Ok(ServerCertVerified::assertion());
        }
        let verified = chain.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The chain is checked before the name.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !chain.name => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
