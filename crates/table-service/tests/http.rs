//! The service over real connections: what is refused and how, and that every matched row arrives exactly once.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use azure_tables::shared_key::{AccountKey, ToSign, authorization};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use table_service::{
    ACCOUNT, ACCOUNT_KEY, Data, DropConnection, DropWhen, Every, MissingProperty, Options, Row, Running,
    Table, TableService, Throttle, ThrottleStatus,
};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const QUERY: &str = "PartitionKey ge '2021-08-02' and PartitionKey le '2021-08-08' and CertNumber ne ''";

struct Client {
    http: HttpClient<HttpConnector, Empty<bytes::Bytes>>,
    base: String,
    key: AccountKey,
    account: String,
    accept: &'static str,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }

    fn rows(&self) -> Vec<Json> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.json()["value"].as_array().expect("an answer has rows").clone()
    }

    /// The query parameters that ask for the next page.
    fn next(&self) -> Option<String> {
        let token = |name: &str| {
            let value = self.header(&format!("x-ms-continuation-{name}"))?;
            Some(format!("&{name}={}", encode(value)))
        };
        match (token("NextPartitionKey"), token("NextRowKey")) {
            (None, None) => None,
            (partition, row) => Some(partition.unwrap_or_default() + &row.unwrap_or_default()),
        }
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

impl Client {
    fn new(service: &Running) -> Self {
        Self {
            http: HttpClient::builder(TokioExecutor::new()).build_http(),
            base: format!("http://{}", service.local_addr()),
            key: AccountKey::from_base64(ACCOUNT_KEY).expect("the key is base64"),
            account: ACCOUNT.to_owned(),
            accept: "application/json;odata=nometadata",
        }
    }

    /// Signs and sends a GET. An error is a connection that ended early.
    async fn get(&self, target: &str) -> Result<Answer, String> {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let path = target.split('?').next().unwrap_or_default();
        let to_sign =
            ToSign { method: "GET", content_md5: "", content_type: "", date: &date, path, comp: None };
        let request = Request::get(format!("{}{target}", self.base))
            .header("x-ms-date", &date)
            .header("x-ms-version", "2019-02-02")
            .header(header::ACCEPT, self.accept)
            .header(header::AUTHORIZATION, authorization(&self.account, &self.key, &to_sign))
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let response = self.http.request(request).await.map_err(|error| format!("no answer: {error:?}"))?;
        let (parts, body) = response.into_parts();
        let body =
            body.collect().await.map_err(|error| format!("{} cut: {error:?}", parts.status))?.to_bytes();
        let body = String::from_utf8(body.into()).map_err(|error| error.to_string())?;
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    async fn ok(&self, target: &str) -> Answer {
        self.get(target).await.expect("the service answers")
    }

    /// All pages of a query, tried again on every failure; the rows, and how many pages there were.
    async fn all(&self, filter: &str, select: &str) -> (Vec<Json>, usize) {
        let first = format!("/demo/audit()?$select={select}&$filter={}", encode(filter));
        let (mut rows, mut pages, mut target) = (Vec::new(), 0, first.clone());
        loop {
            let mut tries = 0;
            let answer = loop {
                tries += 1;
                assert!(tries < 50, "the service never answers {target}");
                match self.get(&target).await {
                    Ok(answer) if answer.status == StatusCode::OK => break answer,
                    Ok(answer) => assert_eq!(answer.header("x-ms-error-code"), Some("ServerBusy")),
                    Err(_) => {}
                }
            };
            rows.extend(answer.rows());
            pages += 1;
            assert!(pages < 5000, "the query does not end");
            match answer.next() {
                Some(next) => target = first.clone() + &next,
                None => return (rows, pages),
            }
        }
    }
}

fn small_data() -> Data {
    let rows = (0..400).map(|n| {
        let row = Row::new(format!("2021-08-{:02}", 1 + n * n % 10), format!("{n:04}")).with("n", n);
        match n % 5 {
            0 => row,
            1 => row.with("CertNumber", ""),
            _ => row.with("CertNumber", format!("C{n}")).with("identificationNumber", (n % 70).to_string()),
        }
    });
    Data::new().with_table("audit", Table::new(rows.collect()).expect("the keys differ"))
}

async fn start(data: Data, options: Options) -> (Running, Client) {
    let listen = "127.0.0.1:0".parse().expect("an address");
    let service = TableService::start(listen, data, options).await.expect("a free port");
    let client = Client::new(&service);
    (service, client)
}

/// The row keys that the query must find, by a loop of its own.
fn expected_keys(data: &Data) -> Vec<String> {
    let rows = data.table("audit").expect("the table").rows();
    let certified = |row: &&Row| matches!(row.properties.get("CertNumber"), Some(table_service::Value::String(text)) if !text.is_empty());
    let in_range = |row: &&Row| ("2021-08-02"..="2021-08-08").contains(&row.partition_key.as_str());
    rows.iter().filter(certified).filter(in_range).map(|row| row.row_key.clone()).collect()
}

fn keys(rows: &[Json]) -> Vec<String> {
    rows.iter().map(|row| row["RowKey"].as_str().expect("a row key").to_owned()).collect()
}

#[tokio::test]
async fn the_demo_query_counts_what_the_plain_loop_counts() {
    let (service, client) = start(Data::demo(), Options::default()).await;
    for (start, end) in
        [("2021-07-16", "2021-10-15"), ("2021-08-01", "2021-08-31"), ("2022-01-01", "2022-02-01")]
    {
        let filter = format!("PartitionKey ge '{start}' and PartitionKey le '{end}' and CertNumber ne ''");
        let (rows, pages) = client.all(&filter, "identificationNumber").await;
        let expected = service.data().table("audit").expect("the table").expected(start, end);
        let numbers: Vec<_> = rows.iter().map(|row| row["identificationNumber"].as_str()).collect();
        let distinct: BTreeSet<_> = numbers.iter().flatten().collect();
        assert_eq!(rows.len(), expected.matched);
        assert_eq!(numbers.iter().filter(|number| number.is_none()).count(), expected.without_identification);
        assert_eq!(distinct.len(), expected.distinct);
        assert_eq!(pages, 1 + expected.matched / 1000);
    }
}

#[tokio::test]
async fn counters_tell_what_was_served() {
    let (service, client) = start(small_data(), Options { page_size: 10, ..Options::default() }).await;
    let (rows, pages) = client.all(QUERY, "RowKey").await;
    client.ok("/demo/missing").await;
    let counts = service.counts();
    assert_eq!(
        (counts.rows, counts.pages, counts.requests),
        (rows.len() as u64, pages as u64, pages as u64 + 1)
    );
}

#[tokio::test]
async fn a_wrong_key_or_account_is_refused_in_xml() {
    let (service, mut client) = start(small_data(), Options::default()).await;
    let check = |answer: Answer| {
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.header("x-ms-error-code"), Some("AuthenticationFailed"));
        assert_eq!(answer.header("content-type"), Some("application/xml"));
        assert!(answer.body.contains("<code>AuthenticationFailed</code>"), "{}", answer.body);
    };
    client.account = "other".to_owned();
    check(client.ok("/demo/audit()").await);
    client = Client::new(&service);
    client.key = AccountKey::from_base64("AAAA").expect("base64");
    check(client.ok("/demo/audit()").await);
    assert_eq!(service.counts().rows, 0);
}

#[tokio::test]
async fn refusals_carry_azures_codes_and_bodies() {
    let (_service, client) = start(small_data(), Options::default()).await;
    for (target, status, code) in [
        ("/demo/missing()", 404, "TableNotFound"),
        ("/demo/audit()?$filter=CertNumber%20ne", 400, "InvalidInput"),
        ("/demo/audit()?$top=x", 400, "InvalidInput"),
        ("/demo/audit()?NextPartitionKey=!", 400, "InvalidInput"),
        ("/elsewhere/audit()", 404, "ResourceNotFound"),
        ("/demo/Tables", 501, "NotImplemented"),
    ] {
        let answer = client.ok(target).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("x-ms-error-code")),
            (status, Some(code)),
            "{target}"
        );
        let error = &answer.json()["odata.error"];
        assert_eq!(error["code"], json!(code), "{target}");
        assert_eq!(error["message"]["lang"], json!("en-US"), "{target}");
        assert!(error["message"]["value"].is_string(), "{target}");
    }
    let atom = Client { accept: "application/atom+xml", ..client };
    assert_eq!(atom.ok("/demo/audit()").await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn parentheses_are_optional_and_may_be_encoded() {
    let (service, client) = start(small_data(), Options::default()).await;
    for path in ["/demo/audit", "/demo/audit()", "/demo/audit%28%29", "/demo/AUDIT()"] {
        assert_eq!(client.ok(path).await.rows().len(), 400, "{path}");
    }
    assert!(
        client.ok("/demo/audit").await.header("server").is_some_and(|name| name.contains("development aid"))
    );
    drop(service);
    assert!(client.get("/demo/audit").await.is_err(), "dropping the service closes its port");
}

#[tokio::test]
async fn a_missing_property_is_null_or_left_out() {
    let (service, client) = start(small_data(), Options::default()).await;
    let target = "/demo/audit?$select=identificationNumber,n&$filter=RowKey%20eq%20%270000%27";
    assert_eq!(client.ok(target).await.rows(), [json!({ "identificationNumber": null, "n": 0 })]);
    service.options().set(Options { missing_property: MissingProperty::LeftOut, ..Options::default() });
    assert_eq!(client.ok(target).await.rows(), [json!({ "n": 0 })]);
}

#[tokio::test]
async fn minimal_metadata_names_the_table() {
    let (service, client) = start(small_data(), Options::default()).await;
    let client = Client { accept: "application/json", ..client };
    let expected = format!("http://{}/demo/$metadata#audit", service.local_addr());
    assert_eq!(client.ok("/demo/audit?$top=1").await.json()["odata.metadata"], json!(expected));
}

#[tokio::test]
async fn top_limits_the_page_and_zero_gives_an_empty_one_with_a_continuation() {
    let (_service, client) = start(small_data(), Options::default()).await;
    for top in [0, 1, 7] {
        let first = client.ok(&format!("/demo/audit?$top={top}")).await;
        assert_eq!(first.rows().len(), top);
        let next = first.next().expect("there are more rows");
        let second = client.ok(&format!("/demo/audit?$top={top}{next}")).await;
        assert!(keys(&first.rows()).iter().all(|key| !keys(&second.rows()).contains(key)));
    }
}

#[tokio::test]
async fn partition_pages_name_the_next_partition_only() {
    let options = Options { pages_end_at_partitions: true, ..Options::default() };
    let (_service, client) = start(small_data(), options).await;
    let answer = client.ok("/demo/audit").await;
    assert!(answer.header("x-ms-continuation-NextPartitionKey").is_some());
    assert!(answer.header("x-ms-continuation-NextRowKey").is_none());
    let partitions: BTreeSet<_> = answer.rows().iter().map(|row| row["PartitionKey"].to_string()).collect();
    assert_eq!(partitions.len(), 1);
}

#[tokio::test]
async fn a_throttled_request_is_told_when_to_come_back() {
    for (status, code) in [(ThrottleStatus::ServiceUnavailable, 503), (ThrottleStatus::TooManyRequests, 429)]
    {
        let throttle = Throttle { every: Every::nth(1), status, retry_after: Some(Duration::from_secs(3)) };
        let (service, client) =
            start(small_data(), Options { throttle: Some(throttle), ..Options::default() }).await;
        let answer = client.ok("/demo/audit").await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (code, Some("3")));
        assert_eq!(answer.json()["odata.error"]["code"], json!("ServerBusy"));
        service.options().set(Options::default());
        assert_eq!(client.ok("/demo/audit").await.status, StatusCode::OK);
        assert_eq!((service.counts().throttled, service.counts().requests), (1, 2));
    }
}

#[tokio::test]
async fn a_dropped_connection_ends_before_the_answer_or_within_it() {
    for (when, begins) in [(DropWhen::BeforeAnswer, "no answer"), (DropWhen::MidBody, "200 OK cut")] {
        let drop_connection = Some(DropConnection { every: Every::nth(1), when });
        let (service, client) = start(small_data(), Options { drop_connection, ..Options::default() }).await;
        let error = client.get("/demo/audit").await.err().expect("the connection is dropped");
        assert!(error.starts_with(begins), "{error}");
        assert!(service.counts().dropped >= 1);
    }
}

#[tokio::test]
async fn latency_is_a_lower_bound_of_a_page() {
    let latency = Duration::from_millis(30);
    let (_service, client) = start(small_data(), Options { latency, ..Options::default() }).await;
    let begun = std::time::Instant::now();
    client.ok("/demo/audit").await;
    assert!(begun.elapsed() >= latency);
}

#[tokio::test]
async fn shutting_down_frees_the_port() {
    let (service, client) = start(small_data(), Options::default()).await;
    client.ok("/demo/audit").await;
    let address = service.local_addr();
    service.shutdown().await;
    let again = TableService::start(address, small_data(), Options::default()).await;
    assert!(again.is_ok(), "{again:?}");
}

fn any_options() -> impl Strategy<Value = Options> {
    let drop_when = prop::sample::select(vec![DropWhen::BeforeAnswer, DropWhen::MidBody]);
    (
        any::<u64>(),
        1..120_usize,
        any::<bool>(),
        0..5_u32,
        prop::sample::select(vec![0, 2, 3]),
        prop::sample::select(vec![0, 3, 5]),
        drop_when,
    )
        .prop_map(|(seed, page_size, pages_end_at_partitions, empty, throttle, drop, when)| Options {
            page_size,
            pages_end_at_partitions,
            empty_page: Every::nth(empty),
            throttle: Some(Throttle {
                every: Every::nth(throttle),
                status: ThrottleStatus::ServiceUnavailable,
                retry_after: None,
            }),
            drop_connection: Some(DropConnection { every: Every::nth(drop), when }),
            seed,
            ..Options::default()
        })
}

#[test]
fn pages_cover_every_matched_row_exactly_once_whatever_the_options() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let data = small_data();
    let expected = expected_keys(&data);
    let (service, client) = runtime.block_on(start(data, Options::default()));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(40));
    runner
        .run(&any_options(), |options| {
            service.options().set(options);
            let (rows, _) = runtime.block_on(client.all(QUERY, "RowKey"));
            prop_assert_eq!(&keys(&rows), &expected);
            Ok(())
        })
        .expect("every row once");
    let counts = service.counts();
    assert!(counts.throttled > 0 && counts.dropped > 0, "the faults did not strike: {counts:?}");
}

/// Whatever bytes arrive, the service answers or closes, and goes on serving others.
#[tokio::test]
async fn malformed_requests_do_no_harm() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let (service, client) = start(small_data(), Options::default()).await;
    for bytes in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET /demo/audit HTTP/9.9\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /demo/%zz%ff()?$filter=%ff%27&&&=&$top HTTP/1.0\r\n\r\n",
        "CONNECT demo:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /demo/audit HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx",
        "GET /demo/audit HTTP/1.1\r\nAuthorization: \u{ff}\r\nx-ms-date: \u{1}\r\n\r\n",
    ] {
        let mut stream = tokio::net::TcpStream::connect(service.local_addr()).await.expect("a connection");
        stream.write_all(bytes.as_bytes()).await.expect("the service reads");
        stream.shutdown().await.expect("the service is there");
        let mut answer = Vec::new();
        // A reset is an answer too.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{bytes:?}");
    }
    assert_eq!(client.ok("/demo/audit").await.status, StatusCode::OK);
}
