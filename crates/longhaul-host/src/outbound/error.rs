//! From an error of the HTTP client to the error that a component is told.

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy;
use wasmtime_wasi_http::Error;

/// What went wrong, as far as it can be told from the chain of causes.
pub(super) fn classify(error: &legacy::Error) -> Error {
    let causes = || std::iter::successors(Some(error as &(dyn StdError + 'static)), |&error| error.source());
    let io = causes().find_map(|cause| cause.downcast_ref::<io::Error>());
    if error.is_connect() {
        if let Some(tls) = io.and_then(tls_error) {
            return match tls {
                rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                    Error::TlsCertificateError
                }
                _ => Error::TlsProtocolError,
            };
        }
        if causes().any(|cause| cause.to_string().starts_with("dns error")) {
            return Error::DnsError { rcode: io.map(ToString::to_string), info_code: None };
        }
        return match io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Error::ConnectionRefused,
            Some(io::ErrorKind::TimedOut) => Error::ConnectionTimeout,
            Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
                Error::DestinationIpUnroutable
            }
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof) => {
                Error::ConnectionTerminated
            }
            _ => Error::DestinationUnavailable,
        };
    }
    // An error of the request's own body, which the component made.
    if let Some(Error::HttpRequestBodySize(size)) = causes().find_map(|cause| cause.downcast_ref::<Error>()) {
        return Error::HttpRequestBodySize(*size);
    }
    let Some(hyper) = causes().find_map(|cause| cause.downcast_ref::<hyper::Error>()) else {
        return Error::InternalError(Some(error.to_string()));
    };
    if hyper.is_timeout() {
        Error::HttpResponseTimeout
    } else if hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled() || io.is_some() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}

/// What TLS says, which is wrapped once or twice on its way.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inner.downcast_ref().and_then(tls_error))
}
