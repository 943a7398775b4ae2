use azure_tables::{
    ETag, Entity, EntityKey, Error, IfMatch, InvalidTransaction, Operation, TableName, Transaction, Value,
    WriteMode,
};
use futures::executor::block_on;

use crate::scripted::{Answer, Script, answer, lost};

fn table() -> TableName {
    "audit".parse().expect("a table name")
}

fn key(row: &str) -> EntityKey {
    EntityKey::new("it's", row).expect("a key")
}

fn entity(row: &str) -> Entity {
    Entity::new(key(row)).with("n", Value::Int64(1)).expect("a property")
}

fn version() -> IfMatch {
    IfMatch::Version("W/\"1\"".parse().expect("a tag"))
}

fn operations() -> [Operation; 6] {
    [
        Operation::Insert(entity("1")),
        Operation::Upsert(entity("2"), WriteMode::Merge),
        Operation::Upsert(entity("3"), WriteMode::Replace),
        Operation::Update(entity("4"), WriteMode::Merge, IfMatch::Any),
        Operation::Update(entity("5"), WriteMode::Replace, version()),
        Operation::Delete(key("6"), version()),
    ]
}

fn done() -> Answer {
    answer(204, &["etag: W/\"2\""], "")
}

fn said(status: u16, code: &str) -> Answer {
    answer(status, &[&format!("x-ms-error-code: {code}")], "")
}

fn parts(parts: &str) -> Answer {
    let body = format!(
        "--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n\r\n{parts}\
         --changesetresponse_1--\r\n--batchresponse_1--\r\n"
    );
    answer(202, &["content-type: multipart/mixed; boundary=batchresponse_1"], &body)
}

const PART: &str =
    "--changesetresponse_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n";

fn write(script: &Script, operation: &Operation) -> Result<Option<ETag>, Error> {
    block_on(script.client().write(&table(), operation))
}

#[test]
fn each_operation_has_its_method_address_condition_and_body() {
    let at = |row| format!("/audit(PartitionKey=%27it%27%27s%27,RowKey=%27{row}%27)");
    let expected = [
        ("POST", "/audit".to_owned(), None, true),
        ("PATCH", at(2), None, true),
        ("PUT", at(3), None, true),
        ("PATCH", at(4), Some("*"), true),
        ("PUT", at(5), Some("W/\"1\""), true),
        ("DELETE", at(6), Some("W/\"1\""), false),
    ];
    for (operation, (method, path, condition, has_body)) in operations().iter().zip(expected) {
        let script = Script::new([done()]);
        assert_eq!(write(&script, operation), Ok(Some("W/\"2\"".parse().expect("a tag"))));
        let requests = script.requests.borrow();
        let request = &requests[0];
        assert_eq!((request.method().as_str(), request.uri().path()), (method, path.as_str()));
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(header("if-match"), condition, "{path}");
        assert_eq!(header("content-type"), has_body.then_some("application/json"), "{path}");
        let row = operation.key().row_key();
        let body =
            format!(r#"{{"PartitionKey":"it's","RowKey":"{row}","n":"1","n@odata.type":"Edm.Int64"}}"#);
        assert_eq!(request.body(), if has_body { body.as_bytes() } else { b"" });
    }
}

#[test]
fn each_refusal_of_a_write_has_its_kind() {
    type IsKind = fn(&Error) -> bool;
    let cases: [(u16, &str, IsKind); 7] = [
        (409, "EntityAlreadyExists", |e| matches!(e, Error::AlreadyExists(_))),
        (404, "ResourceNotFound", |e| matches!(e, Error::EntityNotFound(_))),
        (404, "TableNotFound", |e| matches!(e, Error::TableNotFound { .. })),
        (412, "UpdateConditionNotSatisfied", |e| matches!(e, Error::PreconditionFailed(_))),
        (400, "PropertyNameInvalid", |e| matches!(e, Error::InvalidWrite(_))),
        (413, "RequestBodyTooLarge", |e| matches!(e, Error::InvalidWrite(_))),
        (403, "AuthorizationFailure", |e| matches!(e, Error::Refused(_))),
    ];
    for (status, code, is_kind) in cases {
        let script = Script::new([said(status, code)]);
        let error = write(&script, &operations()[0]).expect_err(code);
        assert!(is_kind(&error), "{code}: {error:?}");
    }
}

#[test]
fn a_write_is_repeated_only_where_that_does_no_harm() {
    for operation in operations() {
        let is_insert = matches!(operation, Operation::Insert(_));
        for failure in [lost as fn() -> Answer, || answer(500, &[], ""), || answer(503, &[], "")] {
            let script = Script::new([failure(), done()]);
            match write(&script, &operation) {
                Ok(_) => assert!(!is_insert, "{operation:?}"),
                Err(error) => {
                    assert!(
                        is_insert && matches!(error, Error::OutcomeUnknown(_)),
                        "{operation:?} {error:?}"
                    );
                    assert_eq!(script.requests.borrow().len(), 1);
                }
            }
        }
        let too_busy = [said(429, "TooManyRequests"), said(503, "ServerBusy"), done()];
        assert!(write(&Script::new(too_busy), &operation).is_ok(), "{operation:?}");
    }
}

#[test]
fn a_refusal_after_a_lost_answer_leaves_the_outcome_unknown() {
    let changed = || said(412, "UpdateConditionNotSatisfied");
    let error = write(&Script::new([lost(), changed()]), &operations()[4]).expect_err("refused");
    assert!(
        matches!(&error, Error::OutcomeUnknown(cause) if matches!(**cause, Error::PreconditionFailed(_))),
        "{error:?}"
    );
    let error = write(&Script::new([said(503, "ServerBusy"), changed()]), &operations()[4]);
    assert!(matches!(error, Err(Error::PreconditionFailed(_))), "{error:?}");
}

#[test]
fn an_entity_is_read_with_its_types_and_version() {
    let body = r#"{"odata.metadata":"x","odata.etag":"y","PartitionKey":"it's","RowKey":"1",
        "Timestamp":"2021-10-10T08:49:37.5Z","n@odata.type":"Edm.Int64","n":"1"}"#;
    let script = Script::new([lost(), answer(200, &["etag: W/\"1\""], body)]);
    let found = block_on(script.client().get(&table(), &key("1"))).expect("an entity");
    assert_eq!(found.get("n"), Some(&Value::Int64(1)));
    assert_eq!(found.etag().map(ETag::as_str), Some("W/\"1\""));
    assert!(matches!(found.get("Timestamp"), Some(Value::DateTime(_))));
}

#[test]
fn a_transaction_carries_each_operation_and_returns_each_version() {
    let transaction = Transaction::new(operations().to_vec()).expect("a transaction");
    let made = format!("{PART}HTTP/1.1 204 No Content\r\nETag: W/\"2\"\r\n\r\n\r\n");
    let script = Script::new([parts(&made.repeat(6))]);
    let versions = block_on(script.client().transact(&table(), &transaction)).expect("it is made");
    assert_eq!(versions.iter().flatten().map(ETag::as_str).collect::<Vec<_>>(), ["W/\"2\""; 6]);
    let requests = script.requests.borrow();
    assert_eq!(requests[0].uri().path(), "/$batch");
    let body = std::str::from_utf8(requests[0].body()).expect("text");
    assert!(body.starts_with("--batch_") && body.ends_with("--\r\n"), "{body}");
    let at = "https://contosoaudit.table.core.windows.net/audit";
    for line in [
        format!("POST {at} HTTP/1.1\r\n"),
        format!("DELETE {at}(PartitionKey=%27it%27%27s%27,RowKey=%276%27) HTTP/1.1\r\n"),
        "If-Match: W/\"1\"\r\n".to_owned(),
    ] {
        assert!(body.contains(&line), "{line} in {body}");
    }
}

#[test]
fn a_refused_transaction_says_which_operation_and_why() {
    let transaction = Transaction::new(operations().to_vec()).expect("a transaction");
    let refused = format!(
        "{PART}HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\n\r\n{}\r\n",
        r#"{"odata.error":{"code":"EntityAlreadyExists","message":{"lang":"en-US","value":"3:The entity exists."}}}"#
    );
    let error = block_on(Script::new([parts(&refused)]).client().transact(&table(), &transaction));
    let Err(Error::TransactionRefused { index: 3, key: refused, error }) = error else { panic!("{error:?}") };
    assert_eq!(refused, key("4"));
    assert!(
        matches!(&*error, Error::AlreadyExists(said) if said.message.as_deref() == Some("The entity exists."))
    );
}

#[test]
fn an_answer_to_a_transaction_that_was_cut_off_is_no_answer() {
    let made = format!("{PART}HTTP/1.1 204 No Content\r\n\r\n\r\n");
    for answered in [parts(&made.repeat(5)), answer(202, &[], &made.repeat(6)), answer(202, &[], "")] {
        let transaction = Transaction::new(operations().to_vec()).expect("a transaction");
        let error = block_on(Script::new([answered]).client().transact(&table(), &transaction));
        assert!(
            matches!(&error, Err(Error::OutcomeUnknown(cause)) if matches!(**cause, Error::BadAnswer { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn what_the_service_would_not_take_is_no_transaction() {
    let upsert = |row: usize| Operation::Upsert(entity(&row.to_string()), WriteMode::Merge);
    let elsewhere = Operation::Delete(EntityKey::new("q", "1").expect("a key"), IfMatch::Any);
    let cases = [
        (vec![], InvalidTransaction::Empty),
        ((0..101).map(upsert).collect(), InvalidTransaction::TooMany { operations: 101 }),
        (vec![upsert(1), elsewhere], InvalidTransaction::OtherPartition { index: 1 }),
        (vec![upsert(1), upsert(2), upsert(1)], InvalidTransaction::SameEntity { index: 2 }),
    ];
    for (operations, expected) in cases {
        assert_eq!(Transaction::new(operations), Err(expected));
    }
    let large = entity("1").with("b", Value::Binary(vec![0; 4 << 20])).expect("a property");
    let transaction = Transaction::new(vec![Operation::Insert(large)]).expect("a transaction");
    let error = block_on(Script::new([]).client().transact(&table(), &transaction));
    assert!(matches!(error, Err(Error::BadTransaction(InvalidTransaction::TooLarge { .. }))), "{error:?}");
}

#[test]
fn a_signature_is_sent_with_a_transaction_and_not_with_its_parts() {
    let connection = "AccountName=a;SharedAccessSignature=sv=1&sig=x".parse().expect("a connection string");
    let script = Script::new([parts(&format!("{PART}HTTP/1.1 204 No Content\r\n\r\n\r\n"))]);
    let transaction = Transaction::new(vec![Operation::Insert(entity("1"))]).expect("a transaction");
    block_on(script.client_of(connection).transact(&table(), &transaction)).expect("it is made");
    assert_eq!(script.urls(), ["https://a.table.core.windows.net/$batch?sv=1&sig=x"]);
    let requests = script.requests.borrow();
    assert!(!String::from_utf8_lossy(requests[0].body()).contains("sig="));
}

#[test]
fn a_write_whose_version_is_not_told_is_not_called_made() {
    let script = Script::new([answer(204, &[], "")]);
    let error = block_on(script.client().insert(&table(), entity("1"))).expect_err("no version");
    assert!(matches!(error, Error::OutcomeUnknown(_)), "{error:?}");
}

#[test]
fn a_read_is_never_told_that_a_write_was_refused() {
    for (status, code) in [(400, "InvalidInput"), (404, "ResourceNotFound"), (500, "InternalError")] {
        let script = Script::new((0..10).map(|_| said(status, code)));
        let error = block_on(script.client().get(&table(), &key("1"))).expect_err(code);
        let told = matches!(
            error,
            Error::InvalidQuery(_) | Error::EntityNotFound(_) | Error::StillFailing { tries: 10, .. }
        );
        assert!(told, "{code}: {error:?}");
    }
}
