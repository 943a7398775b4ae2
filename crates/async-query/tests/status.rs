//! What a question for a status is answered.

use std::time::Duration;

use async_query::status::{PublicResult, PublicStatus, StatusRequest, answer, check, not_found};
use http::request::Parts;
use http::{Request, Response};
use longhaul::RuntimeStatus;
use serde_json::value::RawValue;

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let builder = Request::builder().method(method).uri(uri);
    let builder = headers.iter().fold(builder, |b, (name, value)| b.header(*name, value.as_bytes()));
    builder.body(()).expect("a test's request is well-formed").into_parts().0
}

fn header<'a>(response: &'a Response<String>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("answers are ASCII"))
}

fn show(status: RuntimeStatus, result: PublicResult<'_>, wait: Option<Duration>) -> Response<String> {
    let request = StatusRequest { id: "0123abcd".to_owned(), wait };
    answer(&PublicStatus { id: &request.id, status, result }, &request)
}

#[test]
fn a_status_is_shown_byte_for_byte() {
    use PublicResult::{Message, None, Output};
    let output = |json: &str| RawValue::from_string(json.to_owned()).expect("a test's output is JSON");
    let (rows, null) = (output(r#"[{"a":1}, {"a": 2.50}]"#), output("null"));
    let table = [
        (RuntimeStatus::Pending, None, r#""Pending", "result": null"#),
        (RuntimeStatus::Running, None, r#""Running", "result": null"#),
        (RuntimeStatus::Suspended, None, r#""Suspended", "result": null"#),
        (RuntimeStatus::ContinuedAsNew, None, r#""ContinuedAsNew", "result": null"#),
        (RuntimeStatus::Canceled, None, r#""Canceled", "result": null"#),
        (RuntimeStatus::Completed, Output(&rows), r#""Completed", "result": [{"a":1}, {"a": 2.50}]"#),
        (RuntimeStatus::Completed, Output(&null), r#""Completed", "result": null"#),
        (RuntimeStatus::Failed, Message("no \"table\"\n"), r#""Failed", "result": "no \"table\"\n""#),
        (RuntimeStatus::Terminated, Message("enough"), r#""Terminated", "result": "enough""#),
    ];
    for (status, result, expected) in table {
        let response = show(status, result, Option::None);
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
        let expected = format!(r#"{{"id": "0123abcd", "status": {expected}}}"#);
        assert_eq!(*response.body(), expected);
        assert!(serde_json::from_str::<serde_json::Value>(&expected).is_ok(), "{expected}");
    }
}

#[test]
fn an_id_of_any_kind_is_shown_as_json() {
    let request = StatusRequest { id: "a \"b\" é".to_owned(), wait: None };
    let status = PublicStatus { id: &request.id, status: RuntimeStatus::Pending, result: PublicResult::None };
    assert_eq!(
        *answer(&status, &request).body(),
        r#"{"id": "a \"b\" é", "status": "Pending", "result": null}"#
    );
}

#[test]
fn only_an_unfinished_status_asks_the_client_to_come_back() {
    for (status, unfinished) in [
        (RuntimeStatus::Pending, true),
        (RuntimeStatus::Running, true),
        (RuntimeStatus::ContinuedAsNew, true),
        (RuntimeStatus::Suspended, true),
        (RuntimeStatus::Completed, false),
        (RuntimeStatus::Failed, false),
        (RuntimeStatus::Terminated, false),
        (RuntimeStatus::Canceled, false),
    ] {
        let response = show(status, PublicResult::None, None);
        assert_eq!(header(&response, "retry-after"), unfinished.then_some("5"), "{status:?}");
    }
}

#[test]
fn the_id_is_what_the_path_says() {
    let (longest, longest_accented) = ("i".repeat(256), "é".repeat(256));
    let table = [
        ("/api/status/0123abcd", Some("0123abcd")),
        ("/api/status/0123abcd?x=y", Some("0123abcd")),
        ("http://host/api/status/a", Some("a")),
        ("/api/status/a%20b", Some("a b")),
        ("/api/status/a+b", Some("a+b")),
        ("/api/status/%C3%A9", Some("é")),
        ("/api/status/%zz", Some("%zz")),
        ("/api/status/a@b", Some("a@b")),
        ("/api/status/..", Some("..")),
        (&format!("/api/status/{longest}"), Some(longest.as_str())),
        (&format!("/api/status/{}", "%C3%A9".repeat(256)), Some(longest_accented.as_str())),
        (&format!("/api/status/{longest}i"), None),
        ("/api/status/", None),
        ("/api/status", None),
        ("/api/status/?id=a", None),
        ("/api/status/a/", None),
        ("/api/status/a/b", None),
        ("/api/status/a%2Fb", None),
        ("/api/status/a%5cb", None),
        ("/api/status/a%23b", None),
        ("/api/status/a%3Fb", None),
        ("/api/status/a%00", None),
        ("/api/status/a%0A", None),
        ("/api/status/a%7F", None),
        ("/api/status/a%C2%85", None),
        ("/api/status/%FF", None),
        ("/api/status/@entity@key", None),
        ("/api/status/%40entity", None),
        ("/api/submit/a", None),
        ("/", None),
    ];
    for (uri, id) in table {
        // What a client writes into the host's headers must not count.
        let request = request("GET", uri, &[("spin-path-match-id", "other"), ("spin-path-info", "/other")]);
        match (check(&request), id) {
            (Ok(read), Some(id)) => {
                assert_eq!(read, StatusRequest { id: id.to_owned(), wait: None }, "{uri}")
            }
            (Err(response), None) => assert_eq!(response.status(), 404, "{uri}"),
            (read, _) => panic!("{uri}: {read:?}"),
        }
    }
}

#[test]
fn an_unknown_id_is_answered_job_not_found() {
    for response in [not_found(), check(&request("GET", "/api/status/@", &[])).unwrap_err()] {
        assert_eq!(response.status(), 404);
        assert_eq!(response.body(), "Job not found");
        assert_eq!(header(&response, "content-type"), Some("text/plain"));
        assert_eq!(header(&response, "cache-control"), Some("no-store"));
    }
}

#[test]
fn other_methods_are_answered_405() {
    for method in ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for uri in ["/api/status/a", "/api/status/"] {
            let response = check(&request(method, uri, &[])).unwrap_err();
            assert_eq!(response.status(), 405, "{method}");
            assert_eq!(header(&response, "allow"), Some("GET"), "{method}");
            assert_eq!(header(&response, "cache-control"), Some("no-store"), "{method}");
        }
    }
}

#[test]
fn a_preferred_wait_is_honoured_up_to_30_seconds() {
    let table: &[(&[&str], Option<u64>)] = &[
        (&[], None),
        (&["wait=10"], Some(10)),
        (&["WAIT = 10"], Some(10)),
        (&["wait=\"10\""], Some(10)),
        (&["wait=010"], Some(10)),
        (&["wait=0"], Some(0)),
        (&["wait=30"], Some(30)),
        (&["wait=31"], Some(30)),
        (&["wait=99999999999999999999999"], Some(30)),
        (&["respond-async, wait=10; x=y"], Some(10)),
        (&["respond-async", "wait=10"], Some(10)),
        (&["wait=10, wait=20"], Some(10)),
        (&["wait=x, wait=20"], None),
        (&["wait"], None),
        (&["wait="], None),
        (&["wait=-1"], None),
        (&["wait=+1"], None),
        (&["wait=1.5"], None),
        (&["wait=10s"], None),
        (&["x; wait=10"], None),
        (&["waiting=10"], None),
        (&["é", "wait=10"], Some(10)),
    ];
    for (lines, seconds) in table {
        let headers: Vec<_> = lines.iter().map(|line| ("prefer", *line)).collect();
        let request = check(&request("GET", "/api/status/a", &headers)).unwrap();
        assert_eq!(request.wait, seconds.map(Duration::from_secs), "{lines:?}");

        let response = show(RuntimeStatus::Running, PublicResult::None, request.wait);
        let applied = seconds.map(|seconds| format!("wait={seconds}"));
        assert_eq!(header(&response, "preference-applied"), applied.as_deref(), "{lines:?}");
    }
}
