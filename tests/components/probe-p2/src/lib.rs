//! A WASI 0.2 component: it answers with what it was asked, and how many requests its instance has seen.

use std::sync::atomic::{AtomicU64, Ordering};

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Probe;

wasip2::http::proxy::export!(Probe);

/// Requests that this instance has seen.
static SEEN: AtomicU64 = AtomicU64::new(0);

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let seen = SEEN.fetch_add(1, Ordering::Relaxed) + 1;
        let path = request.path_with_query().unwrap_or_default();
        if path == "/p2/trap" {
            panic!("trapped on demand");
        }
        let mut text =
            format!("{} {path} seen {seen}\n", request.authority().unwrap_or_else(|| "nobody".to_owned()));
        for (name, value) in request.headers().entries() {
            text += &format!("{name}: {}\n", String::from_utf8_lossy(&value));
        }

        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the body is taken once");
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().expect("the stream is taken once");
        stream.blocking_write_and_flush(text.as_bytes()).expect("the client reads");
        drop(stream);
        OutgoingBody::finish(body, None).expect("the body has no length to keep to");
    }
}
