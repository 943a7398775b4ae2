//! What a submission is answered.

use async_query::submit::{DateRange, ORCHESTRATOR, Settings, Submission, check};
use http::request::Parts;
use http::{Request, Response};
use jiff::civil::{Date, date};
use longhaul::{Json, Payload};
use public_address::InvalidSettings;

const TODAY: Date = Date::constant(2026, 6, 15);
const VALID: &str = "s=10/10/2021&e=10/12/2021";

/// A request with a `Host`, and with the header lines in `headers`.
fn request(method: &str, query: &str, headers: &[(&str, &str)]) -> Parts {
    let uri =
        if query.is_empty() { "/api/submit/query".to_owned() } else { format!("/api/submit/query?{query}") };
    with_uri(method, &uri, &[&[("host", "localhost:3000")], headers].concat())
}

fn with_uri(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let builder = Request::builder().method(method).uri(uri);
    let builder = headers.iter().fold(builder, |b, (name, value)| b.header(*name, value.as_bytes()));
    builder.body(()).expect("a test's request is well-formed").into_parts().0
}

fn submission(headers: &[(&str, &str)]) -> Submission {
    check(&request("GET", VALID, headers), &Settings::default(), TODAY).expect("the submission is valid")
}

fn header<'a>(response: &'a Response<String>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("answers are ASCII"))
}

/// The status and body with which the request is refused, or `None` if it is accepted.
fn refusal(request: &Parts, settings: &Settings) -> Option<(u16, String)> {
    let response = check(request, settings, TODAY).err()?;
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    Some((response.status().as_u16(), response.into_body()))
}

#[test]
fn the_first_thing_wrong_with_the_dates_is_answered_byte_for_byte() {
    let empty_start = Some(r#"{"error": "Empty start date."}"#);
    let start_format = Some(r#"{"error": "Invalid start date format."}"#);
    let empty_end = Some(r#"{"error": "Empty end date."}"#);
    let end_format = Some(r#"{"error": "Invalid end date format."}"#);
    let order = Some(r#"{"error": "Invalid date range."}"#);
    let table = [
        ("", empty_start),
        ("s=", empty_start),
        ("s", empty_start),
        ("S=10/08/2021&e=05/08/2021", empty_start),
        ("e=abcd", empty_start),
        ("s=&s=10/08/2021&e=10/09/2021", empty_start),
        ("%73=&e=", empty_start),
        ("s=abcd", start_format),
        ("s=abcd&e=", start_format),
        ("s=abcd&e=abcd", start_format),
        ("s=+", start_format),
        ("s=08/2021&e=10/09/2021", start_format),
        ("s=%ff%fe&e=10/09/2021", start_format),
        ("s=10/08/2021;e=10/09/2021", start_format),
        ("s=10/08/2021", empty_end),
        ("s=10/08/2021&e=", empty_end),
        ("s=10/08/2021&e=&e=10/09/2021", empty_end),
        ("s=10/08/2021&e=abcd", end_format),
        ("s=10/08/2021&e=31/02/2022", end_format),
        ("s=10/08/2021&e=05/08/2021", order),
        ("s=10/08/2021&e=10/08/2021", order),
        ("s=10/08/2021+00:01&e=11/08/2021", order),
        ("s=10/08/2021+10:00&e=11/08/2021+09:59", order),
        ("s=10/08/2021&e=10/08/2021+23:59:59.999999999", order),
        ("s=2021-08-10T00:00Z&e=2021-08-11T00:00%2B00:01", order),
        // A day apart as instants, but the earlier date is written second.
        ("s=2021-08-10T00:00%2B14:00&e=2021-08-09T22:00-12:00", order),
        ("s=10/08/2021&e=11/08/2021", None),
        ("s=10/08/2021+10:00&e=11/08/2021+10:00", None),
        ("s=2021-08-10T00:00%2B00:01&e=2021-08-10T23:59Z", None),
        ("s=10/10/2021&e=10/12/2021", None),
        ("s=10%2F10%2F2021&e=10%2F12%2F2021", None),
        ("s=10+October+2021&e=Dec%2010,%202021", None),
        ("e=10/12/2021&x=y&s=10/10/2021", None),
        ("s=10/10/2021&s=abcd&e=10/12/2021&e=05/08/2021", None),
        ("s=2021-10-10T10:00:00+02:00&e=2021-12-10T10:00:00+0200", None),
    ];
    for (query, expected) in table {
        for method in ["GET", "POST"] {
            let refusal = refusal(&request(method, query, &[]), &Settings::default());
            assert_eq!(refusal, expected.map(|body| (400, body.to_owned())), "{method} {query}");
        }
    }
}

#[test]
fn other_methods_are_answered_405_before_anything_else_is_looked_at() {
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "BREW"] {
        for query in ["", VALID] {
            let response = check(&request(method, query, &[]), &Settings::default(), TODAY).unwrap_err();
            assert_eq!(response.status(), 405, "{method}");
            assert_eq!(header(&response, "allow"), Some("GET, POST"), "{method}");
        }
    }
}

#[test]
fn an_accepted_submission_says_where_its_status_is_found() {
    let response = submission(&[]).accepted("0123abcd");
    assert_eq!(response.status(), 200);
    assert_eq!(response.body(), r#"{"statusUri": "http://localhost:3000/api/status/0123abcd"}"#);
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(header(&response, "location"), Some("http://localhost:3000/api/status/0123abcd"));
    assert_eq!(header(&response, "retry-after"), Some("5"));
    assert_eq!(header(&response, "cache-control"), Some("no-store"));
    assert_eq!(header(&response, "preference-applied"), None);
}

#[test]
fn an_instance_id_of_any_kind_makes_a_whole_uri() {
    let uri = |id| submission(&[]).accepted(id).headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(uri("a-b_c.d~e"), "http://localhost:3000/api/status/a-b_c.d~e");
    assert_eq!(uri("a b/é\r\n\""), "http://localhost:3000/api/status/a%20b%2F%C3%A9%0D%0A%22");
}

#[test]
fn the_dates_of_a_submission_are_the_dates_as_written() {
    let table = [
        (VALID, date(2021, 10, 10), date(2021, 12, 10)),
        ("s=08/13/2021&e=1+Sept+21", date(2021, 8, 13), date(2021, 9, 1)),
        ("s=2021-08-10T23:30-05:00&e=2021-08-13T01:00%2B14:00", date(2021, 8, 10), date(2021, 8, 13)),
    ];
    for (query, start, end) in table {
        let submission = check(&request("POST", query, &[]), &Settings::default(), TODAY).unwrap();
        assert_eq!(submission.range, DateRange { start, end }, "{query}");
        assert_eq!(submission.input().text(), format!(r#"{{"start":"{start}","end":"{end}"}}"#));
        assert_eq!(submission.input().to::<DateRange>().unwrap(), submission.range);
    }
    assert_eq!(submission(&[]).input().text(), r#"{"start":"2021-10-10","end":"2021-12-10"}"#);
}

#[test]
fn only_an_input_with_the_same_dates_is_the_same_submission() {
    let submission = submission(&[]);
    let table = [
        (r#"{"start": "2021-10-10", "end": "2021-12-10"}"#, true),
        (r#"{"end":"2021-12-10","start":"2021-10-10"}"#, true),
        (r#"{"start":"2021-10-10","end":"2021-12-11"}"#, false),
        (r#"{"start":"2021-10-09","end":"2021-12-10"}"#, false),
        (r#"{"start":"2021-10-10"}"#, false),
        ("null", false),
    ];
    for (input, same) in table {
        let payload = Payload::from(Json::parse(input).unwrap());
        assert_eq!(submission.has_input(&payload), same, "{input}");
    }
}

#[test]
fn a_client_that_prefers_it_is_answered_202() {
    let table: &[(&[&str], bool)] = &[
        (&[], false),
        (&["respond-async"], true),
        (&["Respond-Async"], true),
        (&["wait=10, respond-async"], true),
        (&["return=minimal", "respond-async; x=y"], true),
        (&["respond-async=\"\""], true),
        (&["respond-async=no"], false),
        (&["x; respond-async"], false),
        (&["x=\", respond-async\""], false),
        (&["respond-asynchronously"], false),
    ];
    for (lines, prefers) in table {
        let headers: Vec<_> = lines.iter().map(|line| ("prefer", *line)).collect();
        let response = submission(&headers).accepted("1");
        assert_eq!(response.status(), if *prefers { 202 } else { 200 }, "{lines:?}");
        assert_eq!(header(&response, "preference-applied"), prefers.then_some("respond-async"), "{lines:?}");
        assert_eq!(response.body(), r#"{"statusUri": "http://localhost:3000/api/status/1"}"#);
    }
}

/// The base of the status URI, or the error.
fn base(uri: &str, headers: &[(&str, &str)], settings: &Settings) -> Result<String, String> {
    let request = with_uri("GET", &format!("{uri}?{VALID}"), headers);
    match check(&request, settings, TODAY) {
        Ok(submission) => {
            let response = submission.accepted("1");
            Ok(header(&response, "location").unwrap().strip_suffix("/api/status/1").unwrap().to_owned())
        }
        Err(response) => {
            assert_eq!(response.status(), 400);
            let body: serde_json::Value = serde_json::from_str(response.body()).unwrap();
            Err(body["error"].as_str().unwrap().to_owned())
        }
    }
}

#[test]
fn the_status_uri_has_the_scheme_and_host_of_the_request() {
    let table = [
        ("/x", "example.com", "http://example.com"),
        ("/x", "example.com:8080", "http://example.com:8080"),
        ("/x", "127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("/x", "[::1]", "http://[::1]"),
        ("/x", "[::1]:3000", "http://[::1]:3000"),
        ("/x", "my_service.internal.", "http://my_service.internal."),
        ("http://other/x", "example.com", "http://example.com"),
        ("https://other/x", "example.com", "https://example.com"),
        ("ftp://other/x", "example.com", "http://example.com"),
    ];
    for (uri, host, expected) in table {
        assert_eq!(
            base(uri, &[("host", host)], &Settings::default()).as_deref(),
            Ok(expected),
            "{uri} {host}"
        );
    }
    let without_header = base("https://example.com:444/x", &[], &Settings::default());
    assert_eq!(without_header.as_deref(), Ok("https://example.com:444"));
}

#[test]
fn a_host_that_would_break_the_uri_is_refused() {
    let hosts = [
        "",
        " ",
        "a b",
        "a\tb",
        "a/b",
        "a?b",
        "a#b",
        "a@b",
        "user:pw@a",
        "a:b",
        "a:",
        "a:123456",
        "a:-1",
        "a:+1",
        ":80",
        "a,b",
        "a\\b",
        "a\"b",
        "a<b>",
        "a%0d%0ab",
        "a%2fb",
        "[::1",
        "::1",
        "[a]",
        "[::1]x",
        "[::1]:x",
        "é.com",
        "a;b",
        "http://a",
    ];
    for host in hosts {
        let error = base("/x", &[("host", host)], &Settings::default()).unwrap_err();
        assert!(error.starts_with("Invalid host in Host"), "{host:?}: {error}");
    }
    let long = "a".repeat(254);
    assert!(base("/x", &[("host", &long)], &Settings::default()).is_err());
    assert!(base("/x", &[], &Settings::default()).unwrap_err().contains("Missing Host"));
    let twice = [("host", "a"), ("host", "a")];
    assert!(base("/x", &twice, &Settings::default()).unwrap_err().contains("More than one"));
    assert!(base("http://user@a/x", &[], &Settings::default()).unwrap_err().contains("the request URI"));
}

#[test]
fn forwarded_headers_count_only_when_they_are_trusted() {
    type Lines<'a> = &'a [(&'a str, &'a str)];
    let table: &[(Lines<'_>, Result<&str, &str>)] = &[
        (&[("x-forwarded-proto", "https")], Ok("https://own")),
        (&[("x-forwarded-host", "public")], Ok("http://public")),
        (
            &[("x-forwarded-proto", "HTTPS, http"), ("x-forwarded-host", "public:8443, inner")],
            Ok("https://public:8443"),
        ),
        (&[("forwarded", "for=1.2.3.4;proto=https;host=public")], Ok("https://public")),
        (&[("forwarded", r#"Host="public:8443" ; Proto=https, host=inner"#)], Ok("https://public:8443")),
        (&[("forwarded", "proto=https"), ("forwarded", "host=inner")], Ok("https://own")),
        (&[("forwarded", "proto=https"), ("x-forwarded-host", "public")], Ok("https://public")),
        (&[("forwarded", "host=first"), ("x-forwarded-host", "second")], Ok("http://first")),
        (&[("forwarded", "for=1.2.3.4")], Ok("http://own")),
        (&[("forwarded", "host=\"a b\"")], Err("Invalid host in Forwarded")),
        (&[("x-forwarded-host", "a/b")], Err("Invalid host in X-Forwarded-Host")),
        (&[("x-forwarded-host", "")], Err("Invalid host in X-Forwarded-Host")),
        (&[("x-forwarded-proto", "javascript")], Err("Invalid scheme in X-Forwarded-Proto")),
        (&[("forwarded", "proto=gopher")], Err("Invalid scheme in Forwarded")),
    ];
    let trusting = Settings { trust_forwarded_headers: true, ..Settings::default() };
    for (lines, expected) in table {
        let headers = [&[("host", "own")], *lines].concat();
        match (base("/x", &headers, &trusting), expected) {
            (Ok(base), Ok(expected)) => assert_eq!(base, *expected, "{lines:?}"),
            (Err(error), Err(expected)) => assert!(error.starts_with(expected), "{lines:?}: {error}"),
            (read, _) => panic!("{lines:?}: {read:?} is not {expected:?}"),
        }
        assert_eq!(base("/x", &headers, &Settings::default()).as_deref(), Ok("http://own"), "{lines:?}");
    }
}

#[test]
fn a_public_base_url_stands_in_place_of_what_the_request_says() {
    let table = [
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        ("http://example.com:8080/app//", "http://example.com:8080/app"),
        (" https://example.com/a%20b ", "https://example.com/a%20b"),
    ];
    for (url, expected) in table {
        let settings = Settings::from_variables(url, "true").unwrap();
        for host in ["own", "not a host"] {
            let headers = [("host", host), ("x-forwarded-host", "proxy")];
            assert_eq!(base("/x", &headers, &settings).as_deref(), Ok(expected), "{url}");
        }
    }
}

#[test]
fn variables_that_make_no_sense_are_refused() {
    assert_eq!(Settings::from_variables("", "").unwrap(), Settings::default());
    assert_eq!(Settings::from_variables(" ", "false").unwrap(), Settings::default());
    assert!(Settings::from_variables("", "true").unwrap().trust_forwarded_headers);
    let urls = [
        "example.com",
        "/app",
        "ftp://example.com",
        "https://",
        "https://user@example.com",
        "https://example.com?a=b",
        "https://example.com/#a",
        "https://example.com/a b",
        "https://exa\r\nmple.com",
        "https://é.com",
    ];
    for url in urls {
        let error = Settings::from_variables(url, "").unwrap_err();
        assert!(matches!(error, InvalidSettings::PublicBaseUrl(_)), "{url}");
    }
    for truth in ["yes", "1", "True"] {
        let error = Settings::from_variables("", truth).unwrap_err();
        assert_eq!(error, InvalidSettings::TrustForwardedHeaders(truth.to_owned()));
    }
}

#[test]
fn a_key_stands_for_one_instance_of_one_function() {
    let id = |key| submission(&[("idempotency-key", key)]).instance_id().expect("it has a key");
    // python3: parts = [b"longhaul/async-query/idempotency-key/1", b"orchestrator-function", b"K"]
    // sha256(b"".join(len(p).to_bytes(8, "big") + p for p in parts)).hexdigest()[:32]
    assert_eq!(id("K"), "76e84cd0e17ba7e831de104969953170");
    assert_eq!(id("K"), id("K"));
    assert_ne!(id("K"), id("k"));
    assert_ne!(id("\"K\""), id("K"));
    assert_eq!(submission(&[]).instance_id(), None);

    let key = submission(&[("Idempotency-Key", "K")]).idempotency_key.unwrap();
    assert_eq!(key.as_str(), "K");
    assert_eq!(key.instance_id(ORCHESTRATOR), id("K"));
    assert_ne!(key.instance_id("another-function"), id("K"));
    let shifted: async_query::idempotency::IdempotencyKey = "nK".parse().unwrap();
    assert_ne!(shifted.instance_id("orchestrator-functio"), id("K"));
}

#[test]
fn a_key_that_cannot_be_used_is_refused_after_the_dates() {
    let (long, too_long) = ("k".repeat(255), "k".repeat(256));
    let table: &[(&[&str], bool)] = &[
        (&["k"], true),
        (&["8e03978e-40d5-43dd-bc93-6894a57f9324"], true),
        (&["\"!~\""], true),
        (&[&long], true),
        (&[&too_long], false),
        (&[""], false),
        (&["a b"], false),
        (&["a\tb"], false),
        (&["é"], false),
        (&["k", "k"], false),
    ];
    for (lines, usable) in table {
        let headers: Vec<_> = lines.iter().map(|line| ("idempotency-key", *line)).collect();
        let invalid = "Invalid Idempotency-Key header: send it once, with 1 to 255 visible ASCII characters.";
        let expected = (!usable).then(|| (400, format!(r#"{{"error": "{invalid}"}}"#)));
        assert_eq!(refusal(&request("POST", VALID, &headers), &Settings::default()), expected, "{lines:?}");
        let (_, body) = refusal(&request("POST", "", &headers), &Settings::default()).unwrap();
        assert_eq!(body, r#"{"error": "Empty start date."}"#);
    }
}

#[test]
fn a_key_used_with_other_dates_is_answered_422() {
    let response = submission(&[("idempotency-key", "K")]).key_conflict();
    assert_eq!(response.status(), 422);
    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert!(
        response.body().starts_with(r#"{"error": "This Idempotency-Key was already used"#),
        "{response:?}"
    );
}

#[test]
fn a_failed_store_is_answered_503_and_says_whether_repeating_is_safe() {
    for (headers, says) in [
        (&[("idempotency-key", "K")][..], "same Idempotency-Key: that is safe"),
        (&[], "may start a second query; send an Idempotency-Key"),
    ] {
        let response = submission(headers).store_failed();
        assert_eq!(response.status(), 503);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(header(&response, "retry-after"), Some("5"));
        let body: serde_json::Value = serde_json::from_str(response.body()).unwrap();
        let error = body["error"].as_str().unwrap();
        assert!(error.starts_with("The outcome is unknown") && error.contains(says), "{error}");
    }
}
