//! The HTTP server in front of the public routes.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use wasmtime_wasi_http::Error;

use crate::host::Host;

/// How long requests that are running when the server stops may go on.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted, for lack of file descriptors for instance.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// A bound socket, and the application that answers on it.
pub struct Server {
    host: Arc<Host>,
    listener: TcpListener,
    address: SocketAddr,
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ServerError {
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl Server {
    /// Binds to `address`; port 0 is any free one.
    pub async fn bind(host: Arc<Host>, address: SocketAddr) -> Result<Self, ServerError> {
        let failed = |source| ServerError { address, source };
        let listener = host.threads.answering().spawn(TcpListener::bind(address)).await;
        let listener = listener.unwrap_or_else(|error| Err(error.into())).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { host, listener, address })
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves; then accepts nothing more, and gives running requests a few seconds to end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { host, listener, .. } = self;
        let (stop, stopping) = watch::channel(());
        // Each connection holds a sender; when all are gone, the receiver ends.
        let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
        host.threads.answering().spawn(accept(Arc::clone(&host), listener, stopping, open));
        shutdown.await;
        drop(stop);
        if timeout(GRACE, all_closed.recv()).await.is_err() {
            tracing::warn!("requests that still run after {GRACE:?} are dropped");
        }
    }
}

/// Takes connections until `stopping` ends, each of which keeps `open`.
async fn accept(
    host: Arc<Host>,
    listener: TcpListener,
    mut stopping: watch::Receiver<()>,
    open: mpsc::Sender<Infallible>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.changed() => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let connection = connection(Arc::clone(&host), stream, client, stopping.clone());
                let open = open.clone();
                tokio::spawn(async move {
                    connection.await;
                    drop(open);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    // The port is free when whoever waits for all that is open goes on.
    drop(listener);
    drop(open);
}

/// Serves one connection until its end; once `stopping` ends, until the end of its current request.
async fn connection(
    host: Arc<Host>,
    stream: TcpStream,
    client: SocketAddr,
    mut stopping: watch::Receiver<()>,
) {
    // Header and body leave in separate writes; without this the second waits for the client's delayed
    // acknowledgement of the first, 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY for {client}: {error}");
    }
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let host = Arc::clone(&host);
        async move {
            let request = request.map(|body| body.map_err(Error::from).boxed_unsync());
            Ok::<_, Infallible>(host.answer(request, client).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may send its whole request and close its side.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = &mut connection => outcome,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("the connection of {client} ended early: {error}");
    }
}
