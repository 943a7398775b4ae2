//! What comes from outside, changed at random: pages and their tokens, and what a scan has saved. Nothing of it may
//! panic or run for ever, and what is accepted must mean something.
//!
//! Each target runs for about a second, from the files in `corpus`. `LONGHAUL_SEED` repeats a run.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use azure_tables::{
    Clock, DistinctScan, DistinctValues, HttpClient, PartitionRange, Query, RetryPolicy, ScanCursor,
    ScanOptions, TableClient, TransportError,
};
use bytes::Bytes;
use futures::executor::block_on;
use http::{Request, Response};
use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

const TIME: Duration = Duration::from_secs(1);

/// What JSON of any kind is made of, and the words that matter here.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "-1",
    "1e400",
    "18446744073709551615",
    "0.1",
    "\"value\"",
    "\"PartitionKey\"",
    "\"id\"",
    "\"texts\"",
    "\"fractions\"",
    "\"ge\"",
    "\"lt\"",
    "\"stop\"",
    "\"2021-07-16\"",
    "\\ud800",
    "\u{1F600}",
    "\u{ffff}",
    "'",
];

/// Hands `target` the files of a corpus, and variations of them, for about a second.
fn fuzz(corpus: &str, target: impl Fn(&[u8])) {
    let seed = std::env::var("LONGHAUL_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand_seed);
    println!("LONGHAUL_SEED={seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(corpus);
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
    seeds.iter().for_each(|seed| target(seed));
    let begin = Instant::now();
    let mut runs = 0;
    while begin.elapsed() < TIME {
        let mut input = seeds[dice.random_range(0..seeds.len())].clone();
        for _ in 0..dice.random_range(1..5) {
            change(&mut input, &seeds, &mut dice);
        }
        target(&input);
        runs += 1;
    }
    println!("{runs} inputs");
}

/// Of the time: each run tries something else.
fn rand_seed() -> u64 {
    Timestamp::now().as_nanosecond() as u64
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut StdRng) {
    let at = dice.random_range(0..=input.len());
    match dice.random_range(0..6) {
        0 => input.truncate(at),
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.random_range(0..8);
            }
        }
        2 => drop(input.splice(at..at, WORDS[dice.random_range(0..WORDS.len())].bytes())),
        3 => {
            let end = dice.random_range(at..=input.len());
            drop(input.drain(at..end));
        }
        4 => {
            // A part of it once more.
            let end = dice.random_range(at..=input.len());
            let part = input[at..end].to_vec();
            drop(input.splice(at..at, part));
        }
        _ => {
            let other = &seeds[dice.random_range(0..seeds.len())];
            input.truncate(at);
            input.extend_from_slice(&other[at.min(other.len())..]);
        }
    }
}

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
    fuzz("pages", |page| {
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
    fuzz("pages", |tokens| {
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
    fuzz("cursors", |json| {
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
    fuzz("segments", |json| {
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
