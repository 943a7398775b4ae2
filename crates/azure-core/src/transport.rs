//! What the client needs from outside: a way to send requests, and time.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

/// Sends requests. The futures need not be `Send`.
#[allow(async_fn_in_trait)]
pub trait HttpClient {
    /// Sends a request exactly as it is (no redirects, no change to the path, whose bytes are signed) and returns the
    /// answer, whatever its status, with its whole body. It limits the time that this takes: the Table service itself
    /// may need half a minute, and Azure's clients wait up to 300 s for a read. URI, headers and body may carry
    /// credentials, so they must not be logged.
    ///
    /// # Errors
    ///
    /// [`TransportError`] if there is no complete answer; a body shorter than its `Content-Length` is none.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}

impl<T: HttpClient + ?Sized> HttpClient for &T {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
        (**self).send(request).await
    }
}

/// Tells the time, waits, and throws dice for how long.
#[allow(async_fn_in_trait)]
pub trait Clock {
    /// The time now; requests carry it, and the service refuses those that are 15 minutes off.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, time: Duration);

    /// A random number from 0 to 1, by which waits differ between clients that failed together.
    fn jitter(&self) -> f64;
}

impl<T: Clock + ?Sized> Clock for &T {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    async fn sleep(&self, time: Duration) {
        (**self).sleep(time).await;
    }

    fn jitter(&self) -> f64 {
        (**self).jitter()
    }
}

/// A request that got no complete answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct TransportError {
    detail: String,
    may_pass: bool,
}

impl TransportError {
    /// A failure that another try may not meet: a connection that was refused, lost, or too slow.
    pub fn temporary(detail: impl AsRef<str>) -> Self {
        Self { detail: without_query_strings(detail.as_ref()), may_pass: true }
    }

    /// A failure that every try will meet: a host that may not be reached from here, a certificate that is not valid.
    pub fn permanent(detail: impl AsRef<str>) -> Self {
        Self { may_pass: false, ..Self::temporary(detail) }
    }

    /// Whether another try makes sense.
    pub fn may_pass(&self) -> bool {
        self.may_pass
    }
}

/// HTTP libraries like to name the whole URI in their errors, and its query is nobody's business.
fn without_query_strings(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.split_once('?') {
        Some((before, after)) if after.contains('=') => before,
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_error_shows_no_query_string() {
        let error =
            TransportError::temporary("GET https://a.example.org/audit()?$filter=a%20eq%201 failed, why?");
        assert_eq!(error.to_string(), "GET https://a.example.org/audit() failed, why?");
        assert!(error.may_pass());
        assert!(!TransportError::permanent("not allowed").may_pass());
    }
}
