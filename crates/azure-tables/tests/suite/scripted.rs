//! A transport that plays answers from a list and keeps the requests, and a clock that jumps instead of waiting.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use azure_tables::{Clock, ConnectionString, HttpClient, Query, TableClient, TransportError};
use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

pub const ACCOUNT: &str = "AccountName=contosoaudit;AccountKey=AAECAwQFBgcICQoLDA0ODw==";
pub const START: &str = "2021-10-10T08:49:37Z";

pub type Answer = Result<Response<Bytes>, TransportError>;

pub struct Script {
    answers: RefCell<VecDeque<Answer>>,
    pub requests: RefCell<Vec<Request<Bytes>>>,
    now: Cell<Timestamp>,
    pub sleeps: RefCell<Vec<Duration>>,
}

impl Script {
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: RefCell::new(answers.into_iter().collect()),
            requests: RefCell::default(),
            now: Cell::new(START.parse().expect("a timestamp")),
            sleeps: RefCell::default(),
        }
    }

    pub fn client(&self) -> TableClient<&Self, &Self> {
        self.client_of(ACCOUNT.parse().expect("a connection string"))
    }

    pub fn client_of(&self, connection: ConnectionString) -> TableClient<&Self, &Self> {
        TableClient::new(connection, self, self)
    }

    pub fn urls(&self) -> Vec<String> {
        self.requests.borrow().iter().map(|request| request.uri().to_string()).collect()
    }

    pub fn sleeps_in_seconds(&self) -> Vec<f64> {
        self.sleeps.borrow().iter().map(Duration::as_secs_f64).collect()
    }
}

impl HttpClient for Script {
    async fn send(&self, request: Request<Bytes>) -> Answer {
        self.requests.borrow_mut().push(request);
        self.answers.borrow_mut().pop_front().expect("the script has an answer to each request")
    }
}

impl Clock for Script {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    async fn sleep(&self, time: Duration) {
        self.now.set(self.now.get() + time);
        self.sleeps.borrow_mut().push(time);
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

pub fn audit() -> Query {
    Query::new("audit".parse().expect("a table name"))
}

/// An answer with these headers, written `name: value`.
pub fn answer(status: u16, headers: &[&str], body: &str) -> Answer {
    let mut response = Response::builder().status(status);
    for header in headers {
        let (name, value) = header.split_once(": ").expect("name: value");
        response = response.header(name, value);
    }
    Ok(response.body(Bytes::from(body.to_owned())).expect("a response"))
}

/// A page of these rows, and the tokens that lead to the next.
pub fn page(rows: &str, next_partition_key: Option<&str>, next_row_key: Option<&str>) -> Answer {
    let header =
        |name: &str, token: Option<&str>| token.map(|token| format!("x-ms-continuation-{name}: {token}"));
    let headers = [header("NextPartitionKey", next_partition_key), header("NextRowKey", next_row_key)];
    let headers: Vec<&str> = headers.iter().flatten().map(String::as_str).collect();
    answer(200, &headers, &format!("{{\"value\":[{rows}]}}"))
}

pub fn lost() -> Answer {
    Err(TransportError::temporary("the connection was reset"))
}

/// Reads all pages of a query, and returns the rows of each.
pub fn read_all(
    client: &TableClient<&Script, &Script>,
    query: &Query,
) -> Result<Vec<u64>, azure_tables::Error> {
    futures::executor::block_on(async {
        let mut rows = Vec::new();
        let mut pages = client.query(query);
        while let Some(page) = pages.next().await {
            rows.push(page?.rows());
        }
        assert!(pages.next().await.is_none(), "nothing follows the end");
        Ok(rows)
    })
}
