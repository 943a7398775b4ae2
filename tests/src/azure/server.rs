//! Serving it all, over TLS or not.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::world::World;
use super::{app_configuration, authority, key_vault, storage};

/// An answer.
pub(super) type Answer = Response<Full<Bytes>>;

pub(super) async fn listen() -> anyhow::Result<TcpListener> {
    Ok(TcpListener::bind("127.0.0.1:0").await?)
}

pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, world: Arc<Mutex<World>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (tls, world) = (tls.clone(), Arc::clone(&world));
        connections.spawn(async move {
            match tls {
                None => connection(stream, false, world).await,
                // Whoever does not trust the certificate goes away.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, true, world).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, secure: bool, world: Arc<Mutex<World>>) {
    let answer = service_fn(|request: Request<Incoming>| {
        let world = Arc::clone(&world);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, hyper::Error>(answer(secure, head, body, &world).await)
        }
    });
    // A connection that breaks is the client's affair.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(secure: bool, head: Parts, body: Bytes, world: &Mutex<World>) -> Answer {
    let path = head.uri.path().to_owned();
    if path.ends_with("/oauth2/v2.0/token") {
        let delay = world.lock().unwrap_or_else(PoisonError::into_inner).token_delay;
        tokio::time::sleep(delay).await;
    }
    let forward = {
        let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
        let world = &mut *world;
        match (secure, path.as_str()) {
            (true, path) if path.ends_with("/oauth2/v2.0/token") => {
                return authority::entra(&head, &body, world);
            }
            (true, path) if path.starts_with("/kv/") => return app_configuration::setting(&head, world),
            (true, path) if path.starts_with("/secrets/") => return key_vault::secret(&head, world),
            (true, path) if path.starts_with(&format!("/{}/", world.account)) => {
                match storage::check(&head, world) {
                    Ok(upstream) => upstream,
                    Err(refusal) => return *refusal,
                }
            }
            (false, "/msi/token") => return authority::app_service(&head, world),
            (false, "/metadata/identity/oauth2/token") => return authority::imds(&head, world),
            _ => return plain(StatusCode::NOT_FOUND, ""),
        }
    };
    storage::forward(&forward, &head).await
}

pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    answer
}

pub(super) fn json(status: u16, body: serde_json::Value) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status");
    let mut answer = plain(status, body.to_string());
    let json = http::HeaderValue::from_static("application/json; charset=utf-8");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// A parameter of the query, decoded.
pub(super) fn parameter(head: &Parts, name: &str) -> Option<String> {
    let query = head.uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .find_map(|(found, value)| (found == name).then(|| value.into_owned()))
}

/// A header; empty if it is not there.
pub(super) fn header<'a>(head: &'a Parts, name: &str) -> &'a str {
    head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether the request has a token that is good for `audience`.
pub(super) fn has_token_for(head: &Parts, audience: &str, world: &World) -> bool {
    let token = header(head, "authorization").strip_prefix("Bearer ");
    let known = token.and_then(|token| world.tokens.get(token));
    known.is_some_and(|(good_for, end)| good_for == audience && jiff::Timestamp::now() < *end)
}
