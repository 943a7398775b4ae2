//! Requests that components make: checked against `allowed_outbound_hosts`, then to another component of the
//! application, or out over HTTP/1.1.

mod error;
mod roots;
mod timeout_body;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use longhaul_manifest::service_chaining_target;
use rustls::ClientConfig;
use tokio::time::timeout;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
};

use crate::instance::ComponentContext;
use crate::outgoing::Outgoing;
pub(crate) use roots::trusting;
use timeout_body::TimeoutBody;

/// What Spin gives each phase of a request that does not say otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long an unused connection is kept: shorter than the 5 s after which common servers close theirs, since a request
/// that meets such a close is lost.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// Connect time-outs for which connections are pooled at a time.
const MOST_CLIENTS: usize = 16;

type HttpClient = Client<HttpsConnector<HttpConnector>, WasiBody>;
type Sent = Result<Response<WasiBody>, Error>;

/// The host's HTTP client, shared by all components.
pub(crate) struct Outbound {
    /// Whom connections trust.
    tls: ClientConfig,
    outgoing: Outgoing,
    /// By connect time-out, which belongs to the connector. Nearly always there is one.
    clients: Mutex<HashMap<Duration, HttpClient>>,
}

impl Outbound {
    pub(crate) fn new(tls: ClientConfig, outgoing: Outgoing) -> Self {
        Self { tls, outgoing, clients: Mutex::default() }
    }

    fn client(&self, connect_timeout: Duration) -> HttpClient {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&connect_timeout) {
            return client.clone();
        }
        // A component that uses ever new time-outs must not fill the memory.
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(connect_timeout));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(self.tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_timer(TokioTimer::new())
            .build(https);
        clients.insert(connect_timeout, client.clone());
        client
    }

    async fn send(&self, request: Request<WasiBody>, options: RequestOptions) -> Sent {
        let connect = options.connect_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let first_byte = options.first_byte_timeout.unwrap_or(DEFAULT_TIMEOUT);
        let between_bytes = options.between_bytes_timeout.unwrap_or(DEFAULT_TIMEOUT);
        self.outgoing.written().await?;
        let request = request.map(|body| self.outgoing.body(body));
        let response = timeout(connect.saturating_add(first_byte), self.client(connect).request(request))
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| error::classify(&error))?;
        let body = |body: hyper::body::Incoming| {
            TimeoutBody::new(body.map_err(Error::from).boxed_unsync(), between_bytes).boxed_unsync()
        };
        Ok(response.map(body))
    }
}

/// What one instance calls for its requests.
pub(crate) struct Hooks {
    component: Arc<ComponentContext>,
}

impl Hooks {
    pub(crate) fn new(component: Arc<ComponentContext>) -> Self {
        Self { component }
    }
}

impl WasiHttpHooks for Hooks {
    /// Headers that components neither see nor set. `Host` they see, as in Spin; what they set is replaced in [`send`].
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name| *name != HOST && DEFAULT_FORBIDDEN_HEADERS.contains(name))
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<
        dyn Future<
                Output = Result<
                    (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>),
                    Error,
                >,
            > + Send,
    > {
        let component = Arc::clone(&self.component);
        Box::new(async move {
            let response = send(&component, request, options.unwrap_or_default()).await?;
            Ok((response, Box::new(async { Ok(()) }) as Box<dyn Future<Output = _> + Send>))
        })
    }
}

async fn send(component: &ComponentContext, mut request: Request<WasiBody>, options: RequestOptions) -> Sent {
    let uri = request.uri();
    let scheme = uri.scheme_str().unwrap_or("http").to_owned();
    let Some(authority) = uri.authority().filter(|authority| !authority.as_str().is_empty()) else {
        if !component.allowed_hosts.allows_self(&scheme) {
            return Err(denied(component, &scheme, "self"));
        }
        let application = component.application.upgrade().ok_or(Error::ConnectionTerminated)?;
        return in_process(options, application.answer_self(request)).await;
    };
    if authority.as_str().contains('@') {
        return Err(Error::HttpRequestUriInvalid);
    }
    if !component.allowed_hosts.allows(&scheme, authority.host(), authority.port_u16()) {
        return Err(denied(component, &scheme, authority.as_str()));
    }
    match service_chaining_target(authority.host()) {
        Some(target) => {
            let application = component.application.upgrade().ok_or(Error::ConnectionTerminated)?;
            if !application.components.contains_key(&target) {
                return Err(Error::DestinationNotFound);
            }
            in_process(options, application.answer_component(&target, request)).await
        }
        None => {
            // A component must not speak to another host behind the address that it is allowed.
            let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Error::HttpRequestUriInvalid)?;
            request.headers_mut().insert(HOST, host);
            component.outbound.send(request, options).await
        }
    }
}

/// A call within the application has no time limit but those that its caller sets.
async fn in_process(
    options: RequestOptions,
    answer: impl Future<Output = Response<WasiBody>> + Send,
) -> Sent {
    // Boxed, since the answer may come to contain further calls.
    let answer: std::pin::Pin<Box<dyn Future<Output = Response<WasiBody>> + Send>> = Box::pin(answer);
    let response = match options.first_byte_timeout {
        Some(limit) => timeout(limit, answer).await.map_err(|_| Error::ConnectionReadTimeout)?,
        None => answer.await,
    };
    Ok(match options.between_bytes_timeout {
        Some(limit) => response.map(|body| TimeoutBody::new(body, limit).boxed_unsync()),
        None => response,
    })
}

fn denied(component: &ComponentContext, scheme: &str, authority: &str) -> Error {
    tracing::warn!(
        "component {}: denied a request to {scheme}://{authority}; to allow it, add it to allowed_outbound_hosts",
        component.id
    );
    Error::HttpRequestDenied
}
