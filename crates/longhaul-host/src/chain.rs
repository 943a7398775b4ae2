//! From a request to the component that answers it: by route for clients, by name for other components.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{HeaderMap, Response, StatusCode, Uri};
use longhaul_manifest::{CHAINED_CLIENT, ComponentId, RouteMatch, Router, request_headers};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::Request;

use crate::component::{Component, Origin, empty, text};

/// The components of the application, and which of them answer to whom.
pub(crate) struct Application {
    pub(crate) components: BTreeMap<ComponentId, Arc<Component>>,
    pub(crate) router: Router,
}

impl Application {
    /// Answers a client's request. Private routes are not among those that it can reach, whatever its `Host` says.
    pub(crate) async fn answer_client(&self, request: Request, client: SocketAddr) -> Response<WasiBody> {
        let (mut parts, body) = request.into_parts();
        let Some(authority) = authority_of(&parts) else {
            return text(StatusCode::BAD_REQUEST, "the Host header is missing or no host\n");
        };
        if longhaul_manifest::service_chaining_target(authority.host()).is_some() {
            return text(StatusCode::MISDIRECTED_REQUEST, "spin.internal is for components only\n");
        }
        let Some(found) = self.router.route(parts.uri.path()) else {
            return empty(StatusCode::NOT_FOUND);
        };
        if let Err(refusal) = dress(&mut parts, &found, authority, Some(client)) {
            return *refusal;
        }
        let component = &self.components[&found.component];
        component.handle(Origin::Outside, Request::from_parts(parts, body)).await
    }

    /// Answers a request that another component, or the host, made to the component `id`. 404 if there is none.
    pub(crate) async fn answer_component(&self, id: &ComponentId, request: Request) -> Response<WasiBody> {
        let Some(component) = self.components.get(id) else { return empty(StatusCode::NOT_FOUND) };
        let (mut parts, body) = request.into_parts();
        let found = RouteMatch::chained(id.clone(), parts.uri.path());
        let authority = id.chaining_host().parse().expect("a component id makes a host name");
        if let Err(refusal) = dress(&mut parts, &found, authority, None) {
            return *refusal;
        }
        // As in Spin, a chained request has no `Host`.
        parts.headers.remove(HOST);
        component.handle(Origin::Chained, Request::from_parts(parts, body)).await
    }

    /// Answers a request that a component made to the application itself (`http://self`), by its public routes.
    pub(crate) async fn answer_self(&self, request: Request) -> Response<WasiBody> {
        let (mut parts, body) = request.into_parts();
        let Some(found) = self.router.route(parts.uri.path()) else {
            return empty(StatusCode::NOT_FOUND);
        };
        let authority = Authority::from_static("localhost");
        if let Err(refusal) = dress(&mut parts, &found, authority, None) {
            return *refusal;
        }
        parts.headers.remove(HOST);
        let component = &self.components[&found.component];
        component.handle(Origin::Chained, Request::from_parts(parts, body)).await
    }
}

/// The host that a request is for.
fn authority_of(parts: &Parts) -> Option<Authority> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => Authority::try_from(parts.headers.get(HOST)?.as_bytes()).ok(),
    }
}

/// Gives a request the URL and the `spin-*` headers that its handler shall see, in place of any that were sent.
fn dress(
    parts: &mut Parts,
    found: &RouteMatch,
    authority: Authority,
    client: Option<SocketAddr>,
) -> Result<(), Box<Response<WasiBody>>> {
    let bad_request = || Box::new(text(StatusCode::BAD_REQUEST, "the URL cannot be understood\n"));
    strip_spin_headers(&mut parts.headers);
    let facts = longhaul_manifest::Request {
        scheme: "http",
        authority: client.is_some().then_some(authority.as_str()),
        path: parts.uri.path(),
        query: parts.uri.query(),
        client: client.unwrap_or(CHAINED_CLIENT),
    };
    let headers = request_headers(found, &facts).map_err(|_| bad_request())?;
    parts.headers.reserve(headers.len());
    for (name, value) in headers {
        parts.headers.insert(name, value);
    }

    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(authority);
    uri.path_and_query.get_or_insert_with(|| http::uri::PathAndQuery::from_static("/"));
    parts.uri = Uri::from_parts(uri).map_err(|_| bad_request())?;
    Ok(())
}

/// Handlers believe these headers, so nobody else may send them.
fn strip_spin_headers(headers: &mut HeaderMap) {
    let sent: Vec<_> = headers.keys().filter(|name| name.as_str().starts_with("spin-")).cloned().collect();
    for name in sent {
        headers.remove(name);
    }
}
