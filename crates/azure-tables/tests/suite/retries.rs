use azure_tables::{Error, RetryPolicy, TransportError, UnreadablePage};
use futures::executor::block_on;

use crate::scripted::{Answer, Script, answer, audit, lost, page, read_all};

fn cut_off() -> Answer {
    answer(200, &[], r#"{"value":[{"a":1},{"a""#)
}

#[test]
fn what_may_pass_is_tried_again() {
    let failures: [fn() -> Answer; 10] = [
        || answer(408, &[], ""),
        || answer(429, &[], ""),
        || answer(500, &[], "<Error/>"),
        || answer(502, &[], "Bad gateway"),
        || answer(503, &["x-ms-error-code: ServerBusy"], ""),
        || answer(504, &[], ""),
        || answer(200, &[], ""),
        || answer(200, &[], "<html>"),
        cut_off,
        lost,
    ];
    for (index, failure) in failures.into_iter().enumerate() {
        let script = Script::new([failure(), failure(), page(r#"{"a":1}"#, None, None)]);
        assert_eq!(read_all(&script.client(), &audit()), Ok(vec![1]), "{index}");
        assert_eq!(script.sleeps_in_seconds(), [1.6], "{index}: at once, then after a while");
    }
}

#[test]
fn a_failure_that_stays_is_reported_with_the_number_of_tries() {
    let busy = ["x-ms-error-code: ServerBusy", "x-ms-request-id: id-1"];
    let script = Script::new((0..10).map(|_| answer(503, &busy, "")));
    let error = read_all(&script.client(), &audit()).expect_err("it stays");
    assert_eq!(
        error.to_string(),
        "the Table service still fails (tries: 10): status 503 ServerBusy (request id id-1)"
    );
    assert_eq!(script.sleeps_in_seconds(), [1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60.0, 60.0]);

    let script = Script::new((0..3).map(|_| lost()));
    let client = script.client().retry(RetryPolicy { tries: 3, ..RetryPolicy::default() });
    let last = TransportError::temporary("the connection was reset");
    assert_eq!(read_all(&client, &audit()), Err(Error::Transport { tries: 3, last }));

    let script = Script::new((0..10).map(|_| cut_off()));
    let expected = Error::BadAnswer { tries: 10, last: UnreadablePage::CutOff, request_id: None };
    assert_eq!(read_all(&script.client(), &audit()), Err(expected));
}

#[test]
fn a_transport_that_never_will_is_not_tried_again() {
    let never = || Err(TransportError::permanent("the host is not allowed"));
    let script = Script::new([lost(), never()]);
    let error = read_all(&script.client(), &audit()).expect_err("never");
    assert_eq!(
        error.to_string(),
        "the Table service could not be reached (tries: 2): the host is not allowed"
    );
}

#[test]
fn the_service_says_when_to_come_again() {
    let script = Script::new([
        answer(503, &["retry-after: 7"], ""),
        answer(429, &["retry-after: Sun, 10 Oct 2021 08:50:07 GMT"], ""),
        answer(503, &["retry-after: 0"], ""),
        page("", None, None),
    ]);
    assert_eq!(read_all(&script.client(), &audit()), Ok(vec![0]));
    // The date is 30 s after the start, of which 7 s are over. Zero says nothing, so the ordinary wait follows.
    assert_eq!(script.sleeps_in_seconds(), [7.0, 23.0, 3.2]);
}

#[test]
fn a_service_that_asks_for_too_long_a_wait_is_reported_at_once() {
    let script = Script::new([answer(503, &["retry-after: 3600"], "")]);
    let error = read_all(&script.client(), &audit()).expect_err("too long");
    let Error::StillFailing { tries: 1, retry_after: Some(asked), .. } = error else { panic!("{error:?}") };
    assert_eq!(asked.as_secs(), 3600);
}

#[test]
fn each_try_is_dated_and_signed_anew() {
    let script = Script::new([lost(), lost(), page("", None, None)]);
    read_all(&script.client(), &audit()).expect("a page");
    let requests = script.requests.borrow();
    let headers =
        |name: &str| -> Vec<_> { requests.iter().map(|request| request.headers()[name].clone()).collect() };
    let (first, second, third) =
        ("Sun, 10 Oct 2021 08:49:37 GMT", "Sun, 10 Oct 2021 08:49:37 GMT", "Sun, 10 Oct 2021 08:49:38 GMT");
    assert_eq!(headers("x-ms-date"), [first, second, third]);
    let signatures = headers("authorization");
    assert_eq!(signatures[0], signatures[1]);
    assert_ne!(signatures[1], signatures[2]);
}

#[test]
fn retries_are_counted_over_all_pages_and_limited_for_each() {
    let failing_twice = |next| [lost(), lost(), page("", next, None)];
    let script = Script::new([failing_twice(Some("p")), failing_twice(None)].into_iter().flatten());
    let client = script.client().retry(RetryPolicy { tries: 3, ..RetryPolicy::default() });
    let query = audit();
    let mut pages = client.query(&query);
    while let Some(page) = block_on(pages.next()) {
        page.expect("three tries suffice for each page");
    }
    assert_eq!((pages.pages(), pages.retries()), (2, 4));
}
