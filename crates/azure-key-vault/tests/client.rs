//! What the client sends, keeps and says, against scripted answers.

use std::time::Duration;

use azure_core::script::{Answer, Script, answer, lost};
use azure_core::{AccessToken, Timestamp, TokenError, TokenProvider, TokenSource};
use azure_key_vault::{Error, SecretId, VaultClient};
use futures::executor::block_on;
use futures::future::LocalBoxFuture;

/// Gives one token for the vaults of the public cloud.
struct One;

impl TokenProvider for One {
    fn token<'a>(&'a self, scope: &'a str) -> LocalBoxFuture<'a, Result<AccessToken, TokenError>> {
        assert_eq!(scope, "https://vault.azure.net/.default");
        Box::pin(async { Ok(AccessToken::new("token", Timestamp::MAX).expect("letters")) })
    }

    fn forget(&self, _: &str, _: &AccessToken) {}
}

fn client(script: &Script) -> VaultClient<Script, Script> {
    VaultClient::new(TokenSource::new(One), script.clone(), script.clone())
}

fn challenge(resource: &str) -> Answer {
    let header = format!(
        "www-authenticate: Bearer authorization=\"https://login.example.org/t\", resource=\"{resource}\""
    );
    answer(401, &[&header], "")
}

fn vault() -> Answer {
    challenge("https://vault.azure.net")
}

fn secret(version: &str, end: Option<i64>) -> Answer {
    let id = format!("https://v.vault.azure.net/secrets/s/{version}");
    let body =
        serde_json::json!({ "value": "marked", "id": id, "attributes": { "enabled": true, "exp": end } });
    answer(200, &[], body.to_string())
}

fn get(client: &VaultClient<Script, Script>, id: &str) -> Result<String, Error> {
    let id: SecretId = id.parse().expect("an address");
    block_on(client.get(&id)).map(|secret| secret.version)
}

const CURRENT: &str = "https://v.vault.azure.net/secrets/s";
const PINNED: &str = "https://v.vault.azure.net/secrets/s/a1";

#[test]
fn a_vault_is_asked_without_a_token_first_and_only_once() {
    let script = Script::new([vault(), secret("a2", None), secret("a1", None), secret("a3", None)]);
    let client = client(&script);
    assert_eq!(get(&client, CURRENT).as_deref(), Ok("a2"));
    assert_eq!(get(&client, PINNED).as_deref(), Ok("a1"));
    assert_eq!(get(&client, CURRENT).as_deref(), Ok("a2"), "it is kept");
    let current = "GET https://v.vault.azure.net/secrets/s/?api-version=7.4";
    assert_eq!(
        script.asked(),
        [current, current, "GET https://v.vault.azure.net/secrets/s/a1?api-version=7.4"]
    );
    let authorization: Vec<_> =
        script.requests().iter().map(|request| request.headers().get("authorization").cloned()).collect();
    assert_eq!(authorization[0], None);
    assert!(authorization[1..].iter().flatten().all(|value| value == "Bearer token"));
    script.advance(Duration::from_secs(300));
    assert_eq!(get(&client, CURRENT).as_deref(), Ok("a3"));
}

#[test]
fn a_secret_that_ends_is_asked_for_again_before() {
    let script = Script::new([vault(), secret("a1", Some(100)), secret("a2", None)]);
    let client = client(&script);
    assert_eq!(get(&client, CURRENT).as_deref(), Ok("a1"));
    script.advance(Duration::from_secs(39));
    assert_eq!(get(&client, CURRENT).as_deref(), Ok("a1"));
    script.advance(Duration::from_secs(1));
    assert_eq!(get(&client, CURRENT).as_deref(), Ok("a2"));
}

#[test]
fn a_token_is_sent_to_nobody_but_a_vault_of_its_service() {
    for resource in
        ["https://management.azure.com", "https://vault.azure.net.evil.example", "https://ault.azure.net"]
    {
        let script = Script::new([challenge(resource)]);
        let error = get(&client(&script), CURRENT).expect_err(resource);
        assert!(matches!(error, Error::ForeignChallenge { .. }), "{error:?}");
    }
    let script = Script::new([vault()]);
    let error =
        get(&client(&script), "https://vault.azure.net.evil.example/secrets/s").expect_err("a stranger");
    assert!(matches!(error, Error::ForeignChallenge { .. }), "{error:?}");
    let script = Script::new([vault()]);
    let error = get(&client(&script), "http://v.vault.azure.net/secrets/s").expect_err("plain http");
    assert!(matches!(error, Error::Token(TokenError::Insecure { .. })), "{error:?}");
    assert_eq!(script.requests().len(), 1, "which had no token");
}

#[test]
fn each_refusal_has_its_kind() {
    type IsKind = fn(&Error) -> bool;
    let forbidden = r#"{"error":{"code":"Forbidden","message":"Caller is not authorized."}}"#;
    let cases: [(Vec<Answer>, IsKind, &str); 8] = [
        (
            vec![vault(), answer(403, &[], forbidden)],
            |e| matches!(e, Error::Refused(_)),
            "status 403 Forbidden: Caller is not authorized.",
        ),
        (vec![vault(), vault(), vault()], |e| matches!(e, Error::Refused(_)), "status 401"),
        (vec![answer(403, &[], forbidden)], |e| matches!(e, Error::Refused(_)), "Caller is not authorized."),
        (vec![vault(), answer(404, &[], "")], |e| matches!(e, Error::NotFound(_)), "status 404"),
        (
            vec![vault(), secret("b2", None)],
            |e| matches!(e, Error::BadAnswer(_)),
            "another version than the one that was asked for",
        ),
        (
            vec![answer(401, &[], "")],
            |e| matches!(e, Error::BadChallenge(_)),
            "it does not ask for a bearer token",
        ),
        (vec![answer(200, &[], "marked")], |e| matches!(e, Error::Unexpected(_)), "status 200"),
        ((0..5).map(|_| lost()).collect(), |e| matches!(e, Error::Unanswered(_)), "the connection was reset"),
    ];
    for (answers, is_kind, says) in cases {
        let error = get(&client(&Script::new(answers)), PINNED).expect_err(says);
        assert!(is_kind(&error), "{error:?}");
        assert!(error.to_string().ends_with(says) && !error.to_string().contains("marked"), "{error}");
    }
}
