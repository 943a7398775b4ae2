//! What a scan meets: pages and their tokens, and what it has saved. Nothing of it may panic or run for ever, and what is
//! accepted must mean something.

use std::cell::Cell;
use std::time::Duration;

use azure_tables::{
    Clock, DistinctScan, DistinctValues, HttpClient, PartitionRange, Query, RetryPolicy, ScanCursor,
    ScanOptions, TableClient, Timestamp, TransportError,
};
use bytes::Bytes;
use futures::executor::block_on;
use http::{Request, Response};

use crate::run;

/// Answers with one page at first, then with empty ones.
struct Service<'i> {
    page: &'i [u8],
    tokens: Option<&'i [u8]>,
    requests: Cell<u32>,
}

impl<'i> Service<'i> {
    fn new(page: &'i [u8], tokens: Option<&'i [u8]>) -> Self {
        Self { page, tokens, requests: Cell::new(0) }
    }

    fn client(&self) -> TableClient<&Self, &Self> {
        let policy = RetryPolicy { tries: 2, ..RetryPolicy::default() };
        TableClient::new("AccountName=me;AccountKey=AAECAwQFBgcICQoLDA0ODw==".parse().unwrap(), self, self)
            .retry(policy)
    }
}

impl HttpClient for Service<'_> {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let first = self.requests.replace(self.requests.get() + 1) == 0;
        let mut response = Response::builder();
        let tokens = self.tokens.filter(|_| first).unwrap_or_default();
        for (name, token) in
            ["NextPartitionKey", "NextRowKey"].into_iter().zip(tokens.split(|byte| *byte == b'"'))
        {
            if let Ok(token) = http::HeaderValue::from_bytes(token) {
                response = response.header(format!("x-ms-continuation-{name}"), token);
            }
        }
        let body =
            if first { Bytes::copy_from_slice(self.page) } else { Bytes::from_static(br#"{"value":[]}"#) };
        Ok(response.body(body).unwrap())
    }
}

impl Clock for Service<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    async fn sleep(&self, _: Duration) {}

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn audit() -> Query {
    Query::new("audit".parse().unwrap())
}

#[test]
fn any_page_is_counted_or_refused() {
    run("pages", |page| {
        let service = Service::new(page, None);
        let client = service.client();
        let range = PartitionRange::inclusive("2021-07-16", "2021-10-15");
        let mut scan = DistinctScan::new(&client, audit(), &range, "id", ScanOptions { concurrency: 1 });
        if let Ok(found) = block_on(scan.finish()) {
            assert!(found.distinct + found.rows_without_value <= found.rows);
        }
    });
}

#[test]
fn any_tokens_lead_on_or_are_refused() {
    // Whatever bytes, as tokens.
    run("pages", |tokens| {
        let service = Service::new(br#"{"value":[]}"#, Some(tokens));
        let client = service.client();
        let query = audit();
        let mut pages = client.query(&query);
        let read = std::iter::from_fn(|| block_on(pages.next())).count();
        assert!(read <= 2);
    });
}

#[test]
fn any_cursor_is_taken_up_or_refused() {
    run("cursors", |json| {
        let Ok(cursor) = serde_json::from_slice::<ScanCursor>(json) else { return };
        let text = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<ScanCursor>(&text).unwrap(), cursor);
        let service = Service::new(br#"{"value":[{"PartitionKey":"2021-07-25","id":"1"}]}"#, None);
        let client = service.client();
        let (options, values) = (ScanOptions::default(), DistinctValues::default());
        let mut scan = DistinctScan::resume(&client, audit(), "id", options, cursor, values);
        if block_on(scan.finish()).is_ok() {
            assert!(scan.is_done());
        }
    });
}

#[test]
fn any_segment_is_a_set_of_values_or_refused() {
    run("segments", |json| {
        let Ok(json) = std::str::from_utf8(json) else { return };
        let mut values = DistinctValues::default();
        if values.restore(json).is_ok() {
            assert_eq!(values.new_bytes(), 0, "what was saved is not new");
            let len = values.len();
            values.restore(json).expect("it was a segment before");
            assert_eq!(values.len(), len, "the same values once more");
        }
    });
}
