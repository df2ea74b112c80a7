//! A server for a site on this machine: its files, and a page that loads itself again when the site
//! was made anew.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::sync::watch;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::diagnostic::{Code, Diagnostic, Result};

/// Asks until the number of the site is another one.
const RELOAD: &str = "<script>(async () => {
  const ask = async (seen) => (await fetch(`/-/version?seen=${seen}`, {cache: 'no-store'})).text();
  let seen = '';
  for (;;) {
    try {
      const now = await ask(seen);
      if (seen && now !== seen) return location.reload();
      seen = now;
    } catch { await new Promise((done) => setTimeout(done, 2000)); }
  }
})();</script>";

/// How long a page waits for another version before it asks again.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(25);

/// A server that is bound and does not answer yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    versions: Arc<watch::Sender<u64>>,
}

/// Tells the pages that the site was made anew.
#[derive(Clone)]
pub struct Reload(Arc<watch::Sender<u64>>);

impl Reload {
    /// Lets every open page load itself again.
    pub fn now(&self) {
        self.0.send_modify(|version| *version += 1);
    }
}

impl Server {
    /// Takes a port; 0 is any that is free.
    ///
    /// # Errors
    /// `USAGE` where the port is taken or may not be used.
    pub fn bind(host: &str, port: u16) -> Result<Server> {
        let bound = TcpListener::bind((host, port)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = bound.map_err(|error| {
            Diagnostic::error(Code::USAGE, format!("{host}:{port} cannot be served on"))
                .note(error.to_string())
                .help("Name another port with --port.")
        })?;
        // Not 0, which a page takes for nothing seen yet.
        Ok(Server { listener, address, versions: Arc::new(watch::Sender::new(1)) })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What tells its pages to load themselves again.
    pub fn reload(&self) -> Reload {
        Reload(self.versions.clone())
    }

    /// Serves a folder until the process ends.
    ///
    /// # Errors
    /// `INTERNAL` where the system refuses.
    pub fn run(self, folder: &Path) -> Result<()> {
        let failed = |error: std::io::Error| {
            Box::new(
                Diagnostic::error(Code::INTERNAL, "The documentation cannot be served")
                    .note(error.to_string()),
            )
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(failed)?.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(failed)?;
            let is_local = self.address.ip().is_loopback();
            axum::serve(listener, router(folder, self.versions, is_local)).await.map_err(failed)
        })
    }
}

/// What a request is answered from.
#[derive(Clone)]
struct Served {
    folder: PathBuf,
    versions: Arc<watch::Sender<u64>>,
    /// Whether only this machine may ask, by a name of its own.
    is_local: bool,
}

fn router(folder: &Path, versions: Arc<watch::Sender<u64>>, is_local: bool) -> Router {
    let served = Served { folder: folder.to_path_buf(), versions, is_local };
    let fresh = header::HeaderValue::from_static("no-cache");
    Router::new()
        .route("/", get(page))
        .route("/index.html", get(page))
        .route("/-/version", get(version))
        .fallback_service(ServeDir::new(folder))
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, fresh))
        .layer(middleware::from_fn_with_state(served.clone(), own_name))
        .with_state(served)
}

/// Refuses names that somebody else has made to mean this machine.
async fn own_name(State(served): State<Served>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name));
    let own = name.is_none_or(|name| ["localhost", "127.0.0.1", "[::1]"].contains(&name));
    if served.is_local && !own {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

async fn page(State(served): State<Served>) -> Response {
    match std::fs::read_to_string(served.folder.join("index.html")) {
        Ok(page) => Html(page + RELOAD).into_response(),
        Err(_) => (StatusCode::NOT_FOUND, "There is no site yet.").into_response(),
    }
}

/// The number of the site, once it is another one than that which was seen.
async fn version(State(served): State<Served>, request: Request) -> String {
    let seen = request.uri().query().and_then(|query| query.strip_prefix("seen=")?.parse().ok());
    let mut versions = served.versions.subscribe();
    let changed = versions.wait_for(|version| Some(*version) != seen);
    // Whoever waited for long asks again.
    let _ = tokio::time::timeout(PATIENCE, changed).await;
    let now = *served.versions.borrow();
    now.to_string()
}
