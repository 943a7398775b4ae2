//! What the client sends, keeps and says, against scripted answers.

use std::time::Duration;

use azure_app_configuration::{Access, ConfigurationClient, Error, SettingKey};
use azure_core::script::{Answer, Script, answer, lost};
use azure_core::{AccessToken, Endpoint, Timestamp, TokenError, TokenProvider, TokenSource};
use futures::executor::block_on;
use futures::future::LocalBoxFuture;

/// Gives tokens `1`, `2`, … for whatever scope, a new one when the last was refused.
#[derive(Default)]
struct Numbered(std::cell::Cell<u32>);

impl TokenProvider for Numbered {
    fn token<'a>(&'a self, scope: &'a str) -> LocalBoxFuture<'a, Result<AccessToken, TokenError>> {
        assert_eq!(scope, "https://azconfig.io/.default");
        let text = self.0.get().to_string();
        Box::pin(async move { Ok(AccessToken::new(&text, Timestamp::MAX).expect("digits")) })
    }

    fn forget(&self, _: &str, _: &AccessToken) {
        self.0.set(self.0.get() + 1);
    }
}

fn by_tokens(script: &Script, url: &str) -> ConfigurationClient<Script, Script> {
    let endpoint = Endpoint::parse(url).expect("an endpoint");
    let access = Access::Tokens(endpoint, TokenSource::new(Numbered::default()));
    ConfigurationClient::new(access, script.clone(), script.clone())
}

fn by_key(script: &Script) -> ConfigurationClient<Script, Script> {
    let access = "Endpoint=https://x.azconfig.io;Id=i;Secret=bWFya2Vk".parse().expect("a connection string");
    ConfigurationClient::new(access, script.clone(), script.clone())
}

fn setting(value: &str) -> Answer {
    answer(200, &[], serde_json::json!({ "key": "k", "value": value, "content_type": null }).to_string())
}

fn key() -> SettingKey {
    SettingKey::new("k", "l").expect("a key")
}

fn get(client: &ConfigurationClient<Script, Script>) -> Result<String, Error> {
    block_on(client.get(&key())).map(|setting| setting.value.expose().to_owned())
}

#[test]
fn a_setting_is_read_with_a_token_and_kept_for_five_minutes() {
    let script = Script::new([setting("1"), setting("2"), setting("3")]);
    let client = by_tokens(&script, "https://x.azconfig.io");
    assert_eq!((get(&client).as_deref(), get(&client).as_deref()), (Ok("1"), Ok("1")));
    assert_eq!(script.asked(), ["GET https://x.azconfig.io/kv/k?api-version=2023-11-01&label=l"]);
    assert_eq!(script.requests()[0].headers()["authorization"], "Bearer 0");
    script.advance(Duration::from_secs(300));
    assert_eq!(get(&client).as_deref(), Ok("2"));
    client.forget(&key());
    assert_eq!(get(&client).as_deref(), Ok("3"));
}

#[test]
fn each_try_is_signed_anew() {
    let script = Script::new([lost(), lost(), setting("1")]);
    assert_eq!(get(&by_key(&script)).as_deref(), Ok("1"));
    let requests = script.requests();
    let signature = |at: usize| requests[at].headers()["authorization"].clone();
    assert_eq!(signature(0), signature(1), "at once");
    assert_ne!(signature(1), signature(2), "after a while");
    assert_eq!(requests[2].headers()["x-ms-date"], "Thu, 01 Jan 1970 00:00:01 GMT");
}

#[test]
fn a_token_that_the_store_does_not_know_is_replaced_once() {
    let script = Script::new([answer(401, &[], ""), setting("1")]);
    assert_eq!(get(&by_tokens(&script, "https://x.azconfig.io")).as_deref(), Ok("1"));
    assert_eq!(script.requests()[1].headers()["authorization"], "Bearer 1");
    let script = Script::new([answer(401, &[], ""), answer(401, &[], "")]);
    assert!(matches!(get(&by_tokens(&script, "https://x.azconfig.io")), Err(Error::Refused(_))));
}

#[test]
fn no_token_goes_over_plain_http() {
    let script = Script::new([]);
    let error = get(&by_tokens(&script, "http://x.azconfig.io")).expect_err("it must not be sent");
    assert!(matches!(error, Error::Token(TokenError::Insecure { .. })), "{error:?}");
    assert_eq!(error.to_string(), "a token is sent over https only, and http://x.azconfig.io/kv/k is not");

    let script = Script::new([setting("1")]);
    let endpoint = Endpoint::parse("http://x.azconfig.io").expect("an endpoint");
    let tokens = TokenSource::new(Numbered::default()).over_plain_http(true);
    let client = ConfigurationClient::new(Access::Tokens(endpoint, tokens), script.clone(), script);
    assert_eq!(get(&client).as_deref(), Ok("1"));
}

#[test]
fn each_refusal_has_its_kind() {
    type IsKind = fn(&Error) -> bool;
    let problem = r#"{"type":"t","title":"Forbidden","detail":"No."}"#;
    let cases: [(Vec<Answer>, IsKind, &str); 6] = [
        (vec![answer(403, &[], problem)], |e| matches!(e, Error::Refused(_)), "status 403 Forbidden: No."),
        (vec![answer(404, &[], "")], |e| matches!(e, Error::NotFound(_)), "no setting k (label l)"),
        (
            vec![answer(200, &[], "marked")],
            |e| matches!(e, Error::BadAnswer(_)),
            "it is not a setting in JSON",
        ),
        (
            vec![answer(302, &["location: https://marked"], "")],
            |e| matches!(e, Error::Unexpected(_)),
            "status 302",
        ),
        (
            (0..5).map(|_| answer(503, &[], "")).collect(),
            |e| matches!(e, Error::Unanswered(_)),
            "(tries: 5): status 503",
        ),
        ((0..5).map(|_| lost()).collect(), |e| matches!(e, Error::Unanswered(_)), "the connection was reset"),
    ];
    for (answers, is_kind, says) in cases {
        let error = get(&by_key(&Script::new(answers))).expect_err(says);
        assert!(is_kind(&error), "{error:?}");
        assert!(error.to_string().ends_with(says) && !error.to_string().contains("marked"), "{error}");
    }
}
