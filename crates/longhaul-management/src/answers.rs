//! The parts that answers are made of.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::list::Listing;

/// The content type of everything that is not empty.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// What is answered is true only now.
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(String),
    /// A list, to be sent piece by piece.
    Listing(Listing),
}

impl Body {
    /// The body, if it is whole.
    pub fn whole(&self) -> Option<&str> {
        match self {
            Self::Whole(text) => Some(text),
            Self::Listing(_) => None,
        }
    }
}

/// An answer in JSON.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    // Not with `to_value`, which would take apart JSON that is kept as its text.
    text(status, serde_json::to_string(body).expect("what is answered has a JSON form"))
}

/// An answer whose JSON is at hand.
pub(crate) fn text(status: StatusCode, json: String) -> Response<Body> {
    let mut response = bare(status, Body::Whole(json));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Body> {
    bare(status, Body::Whole(String::new()))
}

/// An answer whose body is a list.
pub(crate) fn listing(listing: Listing) -> Response<Body> {
    let mut response = bare(StatusCode::OK, Body::Listing(listing));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn bare(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
