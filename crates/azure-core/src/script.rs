//! For tests: a transport that plays answers from a list and keeps the requests, and a clock that jumps instead of
//! waiting.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use crate::transport::{Clock, HttpClient, TransportError};

/// An answer, or none.
pub type Answer = Result<Response<Bytes>, TransportError>;

/// Transport and clock of one test. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Script(Rc<Played>);

#[derive(Debug, Default)]
struct Played {
    answers: RefCell<VecDeque<Answer>>,
    requests: RefCell<Vec<Request<Bytes>>>,
    now: Cell<Timestamp>,
}

impl Script {
    /// With these answers, in this order. It begins in 1970.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Self::default();
        script.then(answers);
        script
    }

    /// With more answers.
    pub fn then(&self, answers: impl IntoIterator<Item = Answer>) {
        self.0.answers.borrow_mut().extend(answers);
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.0.requests.borrow().clone()
    }

    /// What was asked so far: method and URI of each request.
    pub fn asked(&self) -> Vec<String> {
        let requests = self.0.requests.borrow();
        requests.iter().map(|request| format!("{} {}", request.method(), request.uri())).collect()
    }

    /// Lets time pass.
    pub fn advance(&self, time: Duration) {
        self.0.now.set(self.0.now.get() + time);
    }
}

/// An answer with these headers, written `name: value`.
///
/// # Panics
///
/// When the status or a header is none.
pub fn answer(status: u16, headers: &[&str], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::builder().status(status);
    for header in headers {
        let (name, value) = header.split_once(": ").expect("name: value");
        response = response.header(name, value);
    }
    Ok(response.body(body.into()).expect("a response"))
}

/// A connection that breaks.
pub fn lost() -> Answer {
    Err(TransportError::temporary("the connection was reset"))
}

impl HttpClient for Script {
    async fn send(&self, request: Request<Bytes>) -> Answer {
        let asked = format!("{} {}", request.method(), request.uri());
        self.0.requests.borrow_mut().push(request);
        let answer = self.0.answers.borrow_mut().pop_front();
        answer.unwrap_or_else(|| panic!("the script has no answer to {asked}"))
    }
}

impl Clock for Script {
    fn now(&self) -> Timestamp {
        self.0.now.get()
    }

    async fn sleep(&self, time: Duration) {
        self.advance(time);
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}
