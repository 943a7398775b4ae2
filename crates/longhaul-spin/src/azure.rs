//! The transport and clock of the Azure clients.

use std::time::Duration;

use azure_core::{Clock, HttpClient, TransportError};
use bytes::Bytes;
use jiff::Timestamp;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, send};
use spin_sdk::wasip3::http::types::ErrorCode;

use crate::platform::random_bytes;
use crate::time_limit::within;

/// How long one request may take, from its first byte to the answer's last. The Table service gives itself 30 s for a
/// page; this leaves room for a slow network.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);

/// Outbound HTTP as the host grants it.
#[derive(Debug, Clone, Copy)]
pub struct Outbound;

impl HttpClient for Outbound {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        let exchange = async {
            let response = send(request.map(FullBody::new)).await.map_err(transport_error)?;
            let (head, body) = response.into_parts();
            let body = body.bytes().await.map_err(transport_error)?;
            Ok(http::Response::from_parts(head, body))
        };
        within(REQUEST_TIMEOUT, exchange).await.unwrap_or_else(|| {
            Err(TransportError::temporary(format!("no answer within {} s", REQUEST_TIMEOUT.as_secs())))
        })
    }
}

fn transport_error(error: ErrorCode) -> TransportError {
    match error {
        ErrorCode::HttpRequestDenied => {
            TransportError::permanent("the application may not reach that host (allowed_outbound_hosts)")
        }
        ErrorCode::TlsCertificateError => TransportError::permanent("the server's certificate is not valid"),
        other => TransportError::temporary(other.to_string()),
    }
}

/// The host's clock.
#[derive(Debug, Clone, Copy)]
pub struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: Duration) {
        spin_sdk::time::sleep(time).await;
    }

    fn jitter(&self) -> f64 {
        f64::from(u32::from_le_bytes(random_bytes())) / f64::from(u32::MAX)
    }
}
