//! Hostile input: errors, waits, addresses. See `seed_fuzz`.

use azure_core::{Endpoint, Secret, ServiceFailure, Timestamp, TransportError, retry};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};

fn run(name: &str, target: impl Fn(&[u8])) {
    seed_fuzz::run(env!("CARGO_MANIFEST_DIR"), name, target);
}

#[test]
fn an_error_is_told_in_one_bounded_line_whatever_its_body() {
    run("failure", |body| {
        let response =
            Response::builder().status(403).body(Bytes::copy_from_slice(body)).expect("a response");
        let told = ServiceFailure::read(&response).without(&Secret::new("marked")).to_string();
        assert!(!told.contains("marked"));
        assert!(told.chars().count() < 1000 && !told.chars().any(char::is_control), "{told:?}");
    });
}

#[test]
fn a_wait_is_read_or_not() {
    run("retry_after", |value| {
        let Ok(value) = HeaderValue::from_bytes(value) else { return };
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]);
        let _ = retry::retry_after(&headers, Timestamp::UNIX_EPOCH);
    });
}

#[test]
fn an_address_is_read_as_it_is_written_and_fits_into_a_request() {
    run("endpoint", |text| {
        let Ok(text) = std::str::from_utf8(text) else { return };
        let Some(endpoint) = Endpoint::parse(text) else { return };
        assert_eq!(Endpoint::parse(endpoint.as_str()).as_ref(), Some(&endpoint));
        let uri: http::Uri = format!("{endpoint}/x?y=z").parse().expect("a URI");
        assert_eq!(uri.authority().map(|authority| authority.as_str()), Some(endpoint.authority()));
        assert_eq!(uri.path(), format!("{}/x", endpoint.path()));
    });
}

#[test]
fn no_query_string_is_left_in_what_a_transport_says() {
    run("transport_error", |text| {
        let text = String::from_utf8_lossy(text);
        let shown = TransportError::temporary(&text).to_string();
        for word in shown.split(' ') {
            assert!(!word.split_once('?').is_some_and(|(_, query)| query.contains('=')), "{shown}");
        }
    });
}
