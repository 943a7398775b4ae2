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
        if causes().any(|cause| cause.to_string().starts_with("dns error")) {
            return Error::DnsError { rcode: io.map(ToString::to_string), info_code: None };
        }
        return match io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Error::ConnectionRefused,
            Some(io::ErrorKind::TimedOut) => Error::ConnectionTimeout,
            Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
                Error::DestinationIpUnroutable
            }
            // rustls reports what is wrong with a certificate this way.
            Some(io::ErrorKind::InvalidData) => match io {
                Some(io) if io.to_string().contains("certificate") => Error::TlsCertificateError,
                _ => Error::TlsProtocolError,
            },
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
