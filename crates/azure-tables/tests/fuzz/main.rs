//! Hostile input: connection strings, filters, pages, entities, answers to transactions. See `seed_fuzz`.

mod scan;

use azure_core::script::{Answer, Script, answer};
use azure_tables::{
    ConnectionString, Entity, EntityKey, Error, Filter, IfMatch, Operation, Query, RetryPolicy, SasToken,
    TableClient, Transaction, Value,
};
use futures::StreamExt as _;
use futures::executor::block_on;

fn run(name: &str, target: impl Fn(&[u8])) {
    seed_fuzz::run(env!("CARGO_MANIFEST_DIR"), name, target);
}

/// A client that tries once, and gets this answer.
fn client(answer: Answer) -> TableClient<Script, Script> {
    let script = Script::new([answer]);
    let connection = "AccountName=me;AccountKey=AAECAwQFBgcICQoLDA0ODw==".parse().expect("one");
    let once = RetryPolicy { tries: 1, ..RetryPolicy::default() };
    TableClient::new(connection, script.clone(), script).retry(once)
}

#[test]
fn a_connection_string_is_read_or_refused_without_quoting_it() {
    run("connection_string", |text| {
        let text = String::from_utf8_lossy(text);
        let shown = match text.parse::<ConnectionString>() {
            Ok(connection) => {
                let uri: http::Uri = connection.endpoint().as_str().parse().expect("a URI");
                assert!(uri.host().is_some());
                format!("{connection} {connection:?}")
            }
            Err(error) => format!("{error} {error:?}"),
        };
        for (name, value) in text.split(';').filter_map(|setting| setting.split_once('=')) {
            let secret =
                name.eq_ignore_ascii_case("AccountKey") || name.eq_ignore_ascii_case("SharedAccessSignature");
            // A value that another setting repeats may be shown as that.
            // And one that is the name of a setting is in the messages.
            let alone = secret && value.len() >= 12 && text.matches(value).count() == 1;
            let alone = alone && !value.chars().all(char::is_alphabetic);
            assert!(!alone || !shown.contains(value), "{shown}");
        }
    });
}

#[test]
fn a_signature_fits_into_an_address() {
    run("sas", |text| {
        let text = String::from_utf8_lossy(text);
        if let Ok(token) = SasToken::new(&text) {
            assert_eq!(format!("{token:?}"), "SasToken(hidden)");
        }
    });
}

#[test]
fn a_filter_keeps_its_meaning_when_it_is_combined() {
    run("filter", |text| {
        let Ok(filter) = Filter::new(&String::from_utf8_lossy(text)) else { return };
        let both = filter.and(&filter.or(&filter.negated()));
        assert_eq!(Filter::new(both.as_str()).as_ref(), Ok(&both));
    });
}

#[test]
fn a_page_is_entities_or_an_error() {
    run("page", |body| {
        let client = client(answer(200, &[], body.to_vec()));
        let query = Query::new("audit".parse().expect("a name"));
        let found = block_on(client.entities(&query).collect::<Vec<_>>());
        for entity in found {
            match entity {
                Ok(entity) => drop(entity.properties().count()),
                Err(error) => {
                    assert!(matches!(error, Error::BadPage(_) | Error::BadAnswer { .. }), "{error:?}")
                }
            }
        }
    });
}

#[test]
fn an_answer_to_a_transaction_is_believed_only_if_it_is_whole() {
    let key = |row: &str| EntityKey::new("p", row).expect("a key");
    let operations = vec![
        Operation::Insert(Entity::new(key("1")).with("a", Value::Int32(1)).expect("a property")),
        Operation::Delete(key("2"), IfMatch::Any),
    ];
    let transaction = Transaction::new(operations).expect("a transaction");
    run("transaction", |body| {
        let client = client(answer(202, &[], body.to_vec()));
        let made = block_on(client.transact(&"audit".parse().expect("a name"), &transaction));
        if let Ok(versions) = made {
            assert_eq!(versions.len(), 2);
        }
    });
}
