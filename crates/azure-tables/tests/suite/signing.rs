use azure_tables::shared_key::{AccountKey, ToSign, authorization};

use crate::scripted::{Script, audit, page, read_all};
use crate::vectors;

#[test]
fn requests_are_signed_as_the_sdk_signs_them() {
    let vectors = vectors::signatures();
    assert!(vectors.len() >= 20, "the vectors were read");
    for vector in vectors {
        let (_, after_scheme) = vector.url.split_once("://").expect("a URL");
        let target = after_scheme.find('/').map_or("", |slash| &after_scheme[slash..]);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let header = |name: &str| vector.headers.get(name).map_or("", String::as_str);
        let to_sign = ToSign {
            method: &vector.method,
            content_md5: header("Content-MD5"),
            content_type: header("Content-Type"),
            date: header("x-ms-date"),
            path,
            comp: query.split('&').find_map(|parameter| parameter.strip_prefix("comp=")),
        };
        let key = AccountKey::from_base64(&vector.key_base64).expect("a key");
        assert_eq!(authorization(&vector.account, &key, &to_sign), vector.authorization, "{}", vector.name);
    }
}

#[test]
fn a_query_carries_exactly_the_headers_that_the_service_wants() {
    let script = Script::new([page("", None, None)]);
    let emulator = script.client_of("UseDevelopmentStorage=true".parse().expect("a connection string"));
    read_all(&emulator, &audit()).expect("a page");
    let requests = script.requests.borrow();
    let mut headers: Vec<_> = requests[0]
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("ASCII")))
        .collect();
    headers.sort();
    assert_eq!(
        headers,
        [
            "accept: application/json;odata=nometadata",
            // The vector `emu_query_page1`.
            "authorization: SharedKey devstoreaccount1:ipR5nnzD/L3/6D7ii0I+yUiZVTxiDcvfyaRg0Zv0vGQ=",
            "dataserviceversion: 3.0",
            "x-ms-date: Sun, 10 Oct 2021 08:49:37 GMT",
            "x-ms-version: 2019-02-02",
        ]
    );
    assert!(!format!("{requests:?}").contains("ipR5"), "a signature is not shown");
}

#[test]
fn a_key_is_base64_and_never_shown() {
    for text in ["", "  ", "AAEC*", "AAE", "hello world"] {
        assert!(AccountKey::from_base64(text).is_err(), "{text}");
    }
    let key = AccountKey::from_base64("c2VjcmV0").expect("a key");
    assert_eq!(format!("{key:?}"), "AccountKey(hidden)");
}
