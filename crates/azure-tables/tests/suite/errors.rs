use azure_tables::{Error, Filter, Value};

use crate::scripted::{ACCOUNT, Script, answer, audit, lost, read_all};

const XML_403: &str = "\u{feff}<?xml version=\"1.0\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed \
    to authenticate the request.\nRequestId:1\nTime:2</Message></Error>";
const JSON_404: &str = r#"{"odata.error":{"code":"TableNotFound","message":{"lang":"en-US","value":"The table does not exist.\nRequestId:1"}}}"#;
const JSON_400: &str = r#"{"odata.error":{"code":"InvalidInput","message":{"lang":"en-US","value":"Syntax error at position 3."}}}"#;

fn error(status: u16, headers: &[&str], body: &str) -> Error {
    let script = Script::new([answer(status, headers, body)]);
    read_all(&script.client(), &audit()).expect_err("an error that is not tried again")
}

#[test]
fn each_refusal_has_its_kind_and_says_what_azure_said() {
    let id = "x-ms-request-id: id-1";
    type IsKind = fn(&Error) -> bool;
    let cases: [(u16, &[&str], &str, IsKind, &str); 9] = [
        (
            403,
            &[id],
            XML_403,
            |e| matches!(e, Error::Refused(_)),
            "status 403 AuthenticationFailed: Server failed to authenticate the request. (request id id-1)",
        ),
        (
            403,
            &["x-ms-error-code: AuthorizationFailure"],
            "",
            |e| matches!(e, Error::Refused(_)),
            "status 403 AuthorizationFailure",
        ),
        (401, &[], "", |e| matches!(e, Error::Refused(_)), "status 401"),
        (
            404,
            &[id],
            JSON_404,
            |e| matches!(e, Error::TableNotFound { request_id: Some(_), .. }),
            "the account has no table audit",
        ),
        (404, &[], "", |e| matches!(e, Error::Unexpected(_)), "status 404"),
        (
            400,
            &[id],
            JSON_400,
            |e| matches!(e, Error::InvalidQuery(_)),
            "status 400 InvalidInput: Syntax error at position 3. (request id id-1)",
        ),
        (400, &[], "", |e| matches!(e, Error::InvalidQuery(_)), "status 400"),
        (415, &[], "<Error><Code>C</Code></Error>", |e| matches!(e, Error::Unexpected(_)), "status 415 C"),
        (
            302,
            &["location: https://login.example.org"],
            "",
            |e| matches!(e, Error::Unexpected(_)),
            "status 302",
        ),
    ];
    for (status, headers, body, is_kind, says) in cases {
        let error = error(status, headers, body);
        assert!(is_kind(&error), "{status}: {error:?}");
        assert!(error.to_string().ends_with(says), "{status}: {error}");
    }
}

#[test]
fn no_error_contains_the_key_the_host_or_the_query() {
    let value = Value::from("marked-value");
    let query = audit().filter(Filter::with_parameters("a eq @v", &[("v", value)]).expect("a filter"));
    let answers = [
        || answer(403, &[], XML_403),
        || answer(404, &[], JSON_404),
        || answer(400, &[], JSON_400),
        || answer(503, &[], ""),
        || answer(200, &[], r#"{"value":[{"a":"marked-value"#),
        || answer(200, &[], r#"{"value":["marked-value"]}"#),
        || answer(418, &[], ""),
        lost,
    ];
    for (index, make) in answers.into_iter().enumerate() {
        let script = Script::new((0..10).map(|_| make()));
        let client = script.client();
        let error = read_all(&client, &query).expect_err("an error");
        let (_, key) = ACCOUNT.split_once("AccountKey=").expect("a key");
        for shown in [error.to_string(), format!("{error:?}")] {
            for secret in [key, "SharedKey contoso", "marked", "$filter"] {
                assert!(!shown.contains(secret), "{index}: {shown}");
            }
        }
        assert!(!error.to_string().contains(client.endpoint().host()), "{index}: {error}");
    }
}
