//! Starting and stopping.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use azure_tables::shared_key::AccountKey;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::answer::Service;
use crate::counters::{Counters, Counts};
use crate::data::Data;
use crate::options::Options;
use crate::schedule::OptionsHandle;
use crate::{ACCOUNT, ACCOUNT_KEY};

/// How long a shutdown waits for the requests in progress.
const GRACE: Duration = Duration::from_secs(5);
/// How long to wait after a failure to accept a connection, which means that file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The service cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "the table service cannot listen on {address}: {source}; choose another port, or 0 for any free one"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

/// The service, to be [started](TableService::start).
#[derive(Debug)]
pub struct TableService;

impl TableService {
    /// Serves the data at this address (port 0: any free port) until what it returns is dropped or shut down.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] if the address cannot be listened on.
    pub async fn start(listen: SocketAddr, data: Data, options: Options) -> Result<Running, StartError> {
        let failed = |source| StartError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        let service = Arc::new(Service {
            data,
            key: AccountKey::from_base64(ACCOUNT_KEY).expect("the constant is base64"),
            options: OptionsHandle::new(options),
            counters: Counters::default(),
        });
        let (stop, stopped) = watch::channel(());
        let accepting = tokio::spawn(accept(listener, Arc::clone(&service), stopped));
        tracing::info!(
            target: "table_service",
            "table service (a development aid) at http://{local_addr}/{ACCOUNT}"
        );
        Ok(Running { local_addr, service, stop, accepting })
    }
}

/// A running service. Dropping it closes its port and all its connections at once.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    service: Arc<Service>,
    /// Stops the service when it is used or dropped.
    stop: watch::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Running {
    /// The address it listens on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The connection string for clients on this machine.
    pub fn connection_string(&self) -> String {
        let ip = match self.local_addr.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let address = SocketAddr::new(ip, self.local_addr.port());
        format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};\
             TableEndpoint=http://{address}/{ACCOUNT};"
        )
    }

    /// A handle by which the options can be read and changed while the service runs.
    pub fn options(&self) -> OptionsHandle {
        self.service.options.clone()
    }

    /// What the service has done so far.
    pub fn counts(&self) -> Counts {
        self.service.counters.snapshot()
    }

    /// The tables it serves.
    pub fn data(&self) -> &Data {
        &self.service.data
    }

    /// Closes the port, lets requests in progress finish (for five seconds at most), and closes all connections.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(GRACE, &mut self.accepting).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The connections' tasks belong to this one and end with it.
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(stream, Arc::clone(&service), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(target: "table_service", %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<()>) {
    // Small answers must not wait for the client's acknowledgement of the last one.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(|request| {
        let service = Arc::clone(&service);
        async move { service.answer(request).await }
    });
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), answer)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(target: "table_service", %error, "a connection ended early");
    }
}
