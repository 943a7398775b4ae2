//! Against what Azure's own SDK for Python does: signatures, addresses, audiences, connection strings.

use azure_app_configuration::signature::{ToSign, authorization, content_hash};
use azure_app_configuration::{Access, Key, SettingKey, audience};
use azure_core::Endpoint;
use serde_json::Value;

fn vectors(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("vectors/services_vectors.json")).expect("JSON");
    all[name].as_array().expect("a list").clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn requests_are_signed_as_by_the_sdk() {
    for vector in vectors("appconfig_hmac") {
        let url: http::Uri = text(&vector, "url").parse().expect("a URI");
        let key = Key::new(text(&vector, "credential"), text(&vector, "secret_base64")).expect("a key");
        let content_hash = content_hash(text(&vector, "body").as_bytes());
        let to_sign = ToSign {
            method: text(&vector, "method"),
            target: url.path_and_query().expect("a target").as_str(),
            date: text(&vector, "x-ms-date"),
            host: url.authority().expect("a host").as_str(),
            content_hash: &content_hash,
        };
        let headers = &vector["headers"];
        assert_eq!(content_hash, text(headers, "x-ms-content-sha256"), "{vector}");
        assert_eq!(authorization(&key, &to_sign), text(headers, "Authorization"), "{vector}");
    }
}

#[test]
fn key_and_label_are_encoded_as_by_the_sdk() {
    for vector in vectors("appconfig_urls") {
        let key = SettingKey::new(text(&vector, "key"), text(&vector, "label")).expect("a key");
        let target = key.target();
        let (path, query) = target.split_once("?api-version=").expect("a version");
        let rest = query.split_once('&').map(|(_, rest)| format!("&{rest}")).unwrap_or_default();
        // The SDK's own version of the API is newer.
        let expected = text(&vector, "url").replace("?api-version=2026-04-01", "");
        assert_eq!(format!("https://asyncapi.azconfig.io{path}{rest}"), expected);
    }
}

#[test]
fn the_audience_is_that_of_the_sdk() {
    for vector in vectors("appconfig_audience") {
        let endpoint = Endpoint::parse(text(&vector, "endpoint")).expect("an endpoint");
        assert_eq!(audience(&endpoint), text(&vector, "scope"), "{vector}");
    }
}

#[test]
fn connection_strings_are_read_as_by_the_sdk_and_a_little_more() {
    // A semicolon at the end does no harm.
    let friendlier = |text: &str| text.ends_with(';');
    for vector in vectors("appconfig_connection_strings") {
        let given = text(&vector, "connection_string");
        let access = given.parse::<Access>();
        match vector["result"].as_array() {
            Some(result) => {
                let result: Vec<&str> = result.iter().filter_map(Value::as_str).collect();
                let endpoint = Endpoint::parse(result[0]).expect("an endpoint");
                let key = Key::new(result[1], result[2]).expect("a key");
                assert_eq!(access, Ok(Access::Key(endpoint, key)), "{given}");
            }
            None => assert_eq!(access.is_ok(), friendlier(given), "{given}: {access:?}"),
        }
    }
}

#[test]
fn what_is_wrong_with_a_connection_string_is_said_without_quoting_it() {
    for (given, says) in [
        ("", "setting 1 of the App Configuration connection string is not one of"),
        ("Endpoint=https://x.azconfig.io;Id=marked", "has no Secret"),
        ("Id=marked;Secret=bWFya2Vk", "has no Endpoint"),
        ("Endpoint=https://x.azconfig.io;Id=marked;Secret=marked!", "Secret is not valid"),
        ("Endpoint=https://x.azconfig.io;Id=mar&ked;Secret=bWFya2Vk", "Id is not valid"),
        ("Endpoint=ftp://marked;Id=marked;Secret=bWFya2Vk", "Endpoint is not valid"),
        ("Endpoint=https://x.azconfig.io;Id=marked;Id=marked;Secret=bWFya2Vk", "setting 3"),
        ("Endpoint=https://x.azconfig.io;AccountKey=marked", "setting 2"),
    ] {
        let error = given.parse::<Access>().expect_err(given);
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("marked") && !shown.contains("bWFya2Vk"), "{shown}");
        }
        assert!(error.to_string().contains(says), "{given}: {error}");
    }
    let access: Access = "Endpoint=https://x.azconfig.io;Id=marked;Secret=bWFya2Vk".parse().expect("one");
    assert!(!format!("{access:?}").contains("marked"));
}
