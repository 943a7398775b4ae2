//! Concurrent scans against a table in memory that has every fault a service may have.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ops::Bound;
use std::task::Poll;
use std::time::Duration;

use azure_tables::{
    Clock, DistinctScan, DistinctValues, Error, HttpClient, PartitionRange, Query, RetryPolicy, ScanCursor,
    ScanOptions, ScanProgress, TableClient, TransportError,
};
use bytes::Bytes;
use futures::executor::block_on;
use http::{Request, Response};
use jiff::Timestamp;
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value as Json, json};

use crate::scripted::ACCOUNT;

/// How the service misbehaves: one in so many answers; 0 is never.
#[derive(Debug, Clone, Default)]
struct Faults {
    busy: u32,
    lost: u32,
    cut_off: u32,
    empty: u32,
    refused_token: u32,
    ends_at_partitions: bool,
}

/// A table in memory. Rows are in the order of UTF-16 units, as in .NET, or of bytes.
struct Table {
    rows: Vec<(String, Option<String>)>,
    by_units: bool,
    page_size: usize,
    faults: Faults,
    dice: RefCell<StdRng>,
    now: Cell<Timestamp>,
    requests: Cell<u64>,
    under_way: Cell<usize>,
    most_under_way: Cell<usize>,
}

impl Table {
    fn new(
        rows: &[(String, Option<String>)],
        by_units: bool,
        page_size: usize,
        faults: Faults,
        seed: u64,
    ) -> Self {
        let mut rows = rows.to_vec();
        match by_units {
            true => rows.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>()),
            false => rows.sort(),
        }
        Self {
            rows,
            by_units,
            page_size,
            faults,
            dice: RefCell::new(StdRng::seed_from_u64(seed)),
            now: Cell::new("2021-10-10T08:49:37Z".parse().expect("a time")),
            requests: Cell::new(0),
            under_way: Cell::new(0),
            most_under_way: Cell::new(0),
        }
    }

    fn client(&self) -> TableClient<&Self, &Self> {
        TableClient::new(ACCOUNT.parse().expect("a connection string"), self, self)
            .retry(RetryPolicy { tries: 50, ..RetryPolicy::default() })
    }

    fn strikes(&self, one_in: u32) -> bool {
        one_in > 0 && self.dice.borrow_mut().random_range(0..one_in) == 0
    }

    fn compare(&self, a: &str, b: &str) -> std::cmp::Ordering {
        if self.by_units { a.encode_utf16().cmp(b.encode_utf16()) } else { a.cmp(b) }
    }

    fn is_within(&self, range: &PartitionRange, key: &str) -> bool {
        let after = match &range.from {
            Bound::Included(from) => self.compare(key, from).is_ge(),
            Bound::Excluded(from) => self.compare(key, from).is_gt(),
            Bound::Unbounded => true,
        };
        let before = match &range.to {
            Bound::Included(to) => self.compare(key, to).is_le(),
            Bound::Excluded(to) => self.compare(key, to).is_lt(),
            Bound::Unbounded => true,
        };
        after && before
    }

    /// The answer to a request: a page of what its filter says.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes())
                .into_owned()
                .collect();
        let parameter = |name| query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let conditions = conditions(parameter("$filter").unwrap_or(""));
        let holds = |key: &str| {
            conditions.iter().all(|(operator, bound)| {
                let ordering = self.compare(key, bound);
                match operator.as_str() {
                    "ge" => ordering.is_ge(),
                    "gt" => ordering.is_gt(),
                    "le" => ordering.is_le(),
                    "lt" => ordering.is_lt(),
                    other => panic!("{other}"),
                }
            })
        };
        let with_keys = parameter("$select").expect("a selection").contains("PartitionKey");
        let token = parameter("NextRowKey").map(|token| {
            let (index, _) = token.split_once('.').expect("a token of ours");
            index.parse::<usize>().expect("a token of ours")
        });
        if token.is_some() && self.strikes(self.faults.refused_token) {
            return Response::builder().status(400).body(Bytes::new()).expect("an answer");
        }
        let mut rows = Vec::new();
        let mut next = None;
        let size = if self.strikes(self.faults.empty) { 0 } else { self.page_size };
        let mut last: Option<&str> = None;
        for (index, (key, value)) in self.rows.iter().enumerate().skip(token.unwrap_or(0)) {
            if !holds(key) {
                continue;
            }
            let ends = self.faults.ends_at_partitions && last.is_some_and(|last| last != key);
            // An empty page leads on too: to a later one that may be empty.
            if rows.len() == size || ends {
                next = Some(index);
                break;
            }
            last = Some(key);
            let mut row = json!({"PartitionKey": key, "c": value});
            if !with_keys {
                row.as_object_mut().expect("a row").remove("PartitionKey");
            }
            rows.push(row);
        }
        let mut response = Response::builder();
        if let Some(next) = next {
            response =
                response.header("x-ms-continuation-NextRowKey", format!("{next}.{}", self.requests.get()));
        }
        let mut body = json!({ "value": rows }).to_string();
        if self.strikes(self.faults.cut_off) {
            body.truncate(body.len() - 1);
        }
        response.body(Bytes::from(body)).expect("an answer")
    }
}

/// The comparisons of the partition key in a filter.
fn conditions(filter: &str) -> Vec<(String, String)> {
    let parts = filter.split("PartitionKey ").skip(1);
    let unquote = |quoted: &str| {
        let (mut text, mut chars) = (String::new(), quoted.chars().skip(1).peekable());
        while let Some(char) = chars.next() {
            // A quote ends the text, unless there are two.
            if char == '\'' && chars.next_if_eq(&'\'').is_none() {
                break;
            }
            text.push(char);
        }
        text
    };
    parts.map(|part| (part[..2].to_owned(), unquote(&part[3..]))).collect()
}

/// Lets others go first, so many times.
async fn yield_now(times: u32) {
    let mut left = times;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Counts a request for as long as it is under way.
struct UnderWay<'t>(&'t Table);

impl<'t> UnderWay<'t> {
    fn new(table: &'t Table) -> Self {
        table.under_way.set(table.under_way.get() + 1);
        table.most_under_way.set(table.most_under_way.get().max(table.under_way.get()));
        Self(table)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
    }
}

impl HttpClient for Table {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.set(self.requests.get() + 1);
        let under_way = UnderWay::new(self);
        let turns = self.dice.borrow_mut().random_range(0..20);
        yield_now(turns).await;
        drop(under_way);
        if self.strikes(self.faults.busy) {
            let answer = Response::builder().status(503).header("retry-after", "2").body(Bytes::new());
            return Ok(answer.expect("an answer"));
        }
        if self.strikes(self.faults.lost) {
            return Err(TransportError::temporary("the connection was reset"));
        }
        Ok(self.answer(&request))
    }
}

impl Clock for Table {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    async fn sleep(&self, time: Duration) {
        self.now.set(self.now.get() + time);
        yield_now(3).await;
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn audit() -> Query {
    Query::new("audit".parse().expect("a table name"))
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "2021-1[01]-[0-2][1-9]",
        1 => "2021-10-1[0-2]T0[0-9]",
        1 => "[a-c']{0,2}",
        1 => "[a\u{e9}\u{ffff}\u{1F600}]{0,2}",
    ]
}

fn table_rows() -> impl Strategy<Value = Vec<(String, Option<String>)>> {
    let row = (key(), proptest::option::weighted(0.9, "[0-9]{1,2}"));
    // Some tables of few partitions with many rows each.
    (proptest::collection::vec(row, 0..120), 1..12_usize, any::<bool>()).prop_map(
        |(mut rows, partitions, few)| {
            if few {
                let keys: Vec<_> = rows.iter().take(partitions).map(|(key, _)| key.clone()).collect();
                for (index, row) in rows.iter_mut().enumerate() {
                    row.0.clone_from(&keys[index % keys.len()]);
                }
            }
            rows
        },
    )
}

fn bound() -> impl Strategy<Value = Bound<String>> {
    prop_oneof![
        3 => key().prop_map(Bound::Included),
        1 => key().prop_map(Bound::Excluded),
        1 => Just(Bound::Unbounded),
    ]
}

fn range() -> impl Strategy<Value = PartitionRange> {
    let whole = Just(PartitionRange::inclusive("2021-10-01", "2021-11-29"));
    prop_oneof![whole, (bound(), bound()).prop_map(|(from, to)| PartitionRange { from, to })]
}

fn faults() -> impl Strategy<Value = Faults> {
    let one_in = || prop_oneof![Just(0), 3..9_u32];
    (one_in(), one_in(), one_in(), one_in(), prop_oneof![Just(0), 8..20_u32], any::<bool>()).prop_map(
        |(busy, lost, cut_off, empty, refused_token, ends_at_partitions)| Faults {
            busy,
            lost,
            cut_off,
            empty,
            refused_token,
            ends_at_partitions,
        },
    )
}

/// Scans to the end, with a break now and then: what was saved is all that is left.
fn scan(
    table: &Table,
    range: &PartitionRange,
    concurrency: usize,
    breaks: u32,
) -> Result<ScanProgress, Error> {
    let (client, options) = (table.client(), ScanOptions { concurrency });
    let mut saved: Option<(String, Vec<String>)> = None;
    loop {
        let mut scan = match &saved {
            None => DistinctScan::new(&client, audit(), range, "c", options.clone()),
            Some((cursor, segments)) => {
                let cursor: ScanCursor = serde_json::from_str(cursor).expect("a cursor");
                let mut values = DistinctValues::default();
                for segment in segments {
                    values.restore(segment).expect("a segment");
                }
                DistinctScan::resume(&client, audit(), "c", options.clone(), cursor, values)
            }
        };
        let mut segments = saved.take().map_or_else(Vec::new, |(_, segments)| segments);
        loop {
            let went_on = block_on(scan.step())?;
            if !went_on {
                assert!(scan.is_done());
                return Ok(scan.progress());
            }
            if table.strikes(breaks) {
                segments.push(serde_json::to_string(&scan.values().new_values()).expect("JSON"));
                saved = Some((serde_json::to_string(&scan.cursor()).expect("JSON"), segments));
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_concurrent_scan_with_any_faults_and_breaks_counts_what_one_query_does(
        rows in table_rows(),
        range in range(),
        faults in faults(),
        (by_units, page_size, concurrency, breaks) in (any::<bool>(), 1..9_usize, 1..20_usize, 0..9_u32),
        seed: u64,
    ) {
        let table = Table::new(&rows, by_units, page_size, faults, seed);
        let within: Vec<_> = table.rows.iter().filter(|(key, _)| table.is_within(&range, key)).collect();
        let values: HashSet<_> = within.iter().filter_map(|(_, value)| value.as_ref()).collect();
        match scan(&table, &range, concurrency, breaks) {
            Ok(found) => {
                prop_assert_eq!(found.distinct, values.len() as u64);
                prop_assert_eq!(found.rows, within.len() as u64);
                let without = within.iter().filter(|(_, value)| value.is_none()).count();
                prop_assert_eq!(found.rows_without_value, without as u64);
                prop_assert!(table.most_under_way.get() <= concurrency);
                prop_assert_eq!(found.sub_ranges, found.sub_ranges_done);
            }
            // Where a partition is many pages long, and its tokens are refused again and again.
            Err(Error::InvalidQuery(_)) => prop_assert!(table.faults.refused_token > 0),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

/// A table of so many days, each with so many rows of one value each.
fn days(days: i64, rows: usize) -> Vec<(String, Option<String>)> {
    let first: jiff::civil::Date = "2015-01-01".parse().expect("a day");
    let days = first.series(jiff::Span::new().days(1)).take(days as usize);
    days.flat_map(|day| (0..rows).map(move |row| (day.to_string(), Some(format!("{day}-{row}"))))).collect()
}

#[test]
fn hardly_more_requests_are_made_than_there_are_pages() {
    for (table, range, pages, most) in [
        // Evenly spread.
        (days(92, 76), ["2015-01-01", "2015-04-02"], 70, 90),
        // All in one month of ten years.
        (days(30, 200), ["2010-01-01", "2019-12-31"], 60, 120),
        // All on one day: its key cannot be divided.
        (days(1, 3000), ["2010-01-01", "2019-12-31"], 30, 90),
        // Next to nothing.
        (days(1, 1), ["2015-01-01", "2015-12-31"], 1, 16),
        (days(1, 1), ["2015-01-01", "2015-01-01"], 1, 1),
    ] {
        let service = Table::new(&table, true, 100, Faults::default(), 1);
        let range = PartitionRange::inclusive(range[0], range[1]);
        let found = scan(&service, &range, 16, 0).expect("no faults");
        assert_eq!(found.rows, table.len() as u64);
        let requests = service.requests.get();
        println!("{pages} pages in {requests} requests");
        assert!(requests <= most && found.pages == requests, "{pages} pages in {requests} requests");
    }
}

#[test]
fn all_requests_that_may_be_under_way_are_while_much_is_left() {
    // Whoever reads the days at the end finds them first; the others then help with the beginning.
    let mut rows = days(3650, 1);
    rows.extend(days(20, 1000).into_iter().map(|(day, value)| (day, value.map(|value| value + "x"))));
    let service = Table::new(&rows, true, 100, Faults::default(), 7);
    let range = PartitionRange::inclusive("2015-01-01", "2024-12-31");
    let client = service.client();
    let mut scan = DistinctScan::new(&client, audit(), &range, "c", ScanOptions::default());
    let (mut steps, mut idle) = (0, 0);
    while block_on(scan.step()).expect("no faults") {
        steps += 1;
        idle += usize::from(steps <= 130 && service.under_way.get() < 8);
    }
    assert!(idle < 10 && steps < 300, "of {steps} steps {idle} were made with few requests under way");
}

#[test]
fn a_service_that_keeps_refusing_is_an_error_with_what_it_says() {
    let rows = days(3, 1);
    let range = PartitionRange::inclusive("2015-01-01", "2015-01-03");
    let always = |faults| Table::new(&rows, true, 100, faults, 1);
    let busy = always(Faults { busy: 1, ..Faults::default() });
    assert!(matches!(scan(&busy, &range, 4, 0), Err(Error::StillFailing { tries: 50, .. })));
    // The tries before a break count too.
    let busy = always(Faults { busy: 1, ..Faults::default() });
    assert!(matches!(scan(&busy, &range, 4, 2), Err(Error::StillFailing { tries: 50, .. })));
    let lost = always(Faults { lost: 1, ..Faults::default() });
    assert!(matches!(scan(&lost, &range, 4, 0), Err(Error::Transport { tries: 50, .. })));
    let long = Table::new(&days(1, 50), true, 10, Faults { refused_token: 1, ..Faults::default() }, 1);
    assert!(matches!(scan(&long, &range, 4, 0), Err(Error::InvalidQuery(_))));
}

#[test]
fn a_refused_pace_is_halved_and_what_the_service_asks_for_is_waited_even_across_a_break() {
    let service = Table::new(&days(1, 1), true, 100, Faults { busy: 1, ..Faults::default() }, 1);
    let range = PartitionRange::inclusive("2015-01-01", "2015-01-01");
    let client = service.client();
    let mut scan = DistinctScan::new(&client, audit(), &range, "c", ScanOptions::default());
    let begin = service.now();
    assert!(block_on(scan.step()).expect("it is tried again"));
    let cursor = serde_json::to_value(scan.cursor()).expect("JSON");
    assert_eq!(cursor["open"][0]["tries"], json!(1));
    drop(scan);
    let cursor: ScanCursor = serde_json::from_value(cursor).expect("a cursor");
    let values = DistinctValues::default();
    let mut scan = DistinctScan::resume(&client, audit(), "c", ScanOptions::default(), cursor, values);
    assert!(block_on(scan.step()).expect("it is tried again"));
    assert_eq!(service.now().duration_since(begin).as_secs(), 2);
    assert_eq!(scan.progress().throttled, 2);
}

#[test]
fn a_hold_ends_the_scan_once_nothing_is_under_way() {
    let service = Table::new(&days(92, 76), true, 100, Faults::default(), 1);
    let range = PartitionRange::inclusive("2015-01-01", "2015-04-02");
    let client = service.client();
    let mut scan = DistinctScan::new(&client, audit(), &range, "c", ScanOptions { concurrency: 5 });
    assert_eq!(block_on(scan.step()), Ok(true));
    scan.hold();
    let more = std::iter::from_fn(|| block_on(scan.step()).expect("no faults").then_some(())).count();
    assert_eq!((more, scan.is_done(), scan.progress().pages), (4, false, 5));
    let open: Json = serde_json::to_value(scan.cursor()).expect("JSON");
    assert_eq!(open["open"].as_array().map(Vec::len), Some(5));
}
