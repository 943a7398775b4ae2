//! What an identity sends, keeps and says, against scripted answers.

use std::time::Duration;

use azure_core::script::{Answer, Script, answer, lost};
use azure_core::{Secret, TokenError, TokenProvider as _};
use azure_identity::{Choice, Identity, IdentityOptions};
use futures::executor::block_on;
use futures::future::join;

const SCOPE: &str = "https://vault.azure.net/.default";

fn options() -> IdentityOptions {
    IdentityOptions {
        tenant_id: "72f988bf-86f1-41af-91ab-2d7cd011db47".into(),
        client_id: "11111111-2222-3333-4444-555555555555".into(),
        client_secret: Secret::new("s3cr3t~value.with%2F+=&%"),
        federated_token: Secret::new("eyJhbGciOiJSUzI1NiJ9.federated.token\n"),
        identity_endpoint: "http://127.0.0.1:8081/msi/token".into(),
        identity_header: Secret::new("853b9a84-5bfa"),
        ..IdentityOptions::default()
    }
}

fn identity(choice: Choice, options: &IdentityOptions, script: &Script) -> Identity<Script, Script> {
    Identity::new(choice, options, script.clone(), script.clone()).expect("the options are complete")
}

fn token(text: &str, life: u32) -> Answer {
    answer(200, &[], format!(r#"{{"token_type":"Bearer","expires_in":{life},"access_token":"{text}"}}"#))
}

fn refusal(description: &str) -> Answer {
    let body = serde_json::json!({ "error": "invalid_client", "error_description": description });
    answer(401, &[], body.to_string())
}

fn ask(identity: &Identity<Script, Script>, scope: &str) -> Result<String, TokenError> {
    block_on(identity.token(scope)).map(|token| token.secret().expose().to_owned())
}

#[test]
fn each_identity_asks_as_the_official_clients_do() {
    let authority =
        "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token";
    let scope = "scope=https%3A%2F%2Fvault.azure.net%2F.default";
    let client = "11111111-2222-3333-4444-555555555555";
    let resource = "https%3A%2F%2Fvault.azure.net";
    for (choice, asked, body, header) in [
        (
            Choice::ClientSecret,
            format!("POST {authority}"),
            format!(
                "client_id={client}&grant_type=client_credentials&client_secret=s3cr3t%7Evalue.with%252F%2B%3D%26%25&{scope}"
            ),
            ("content-type", "application/x-www-form-urlencoded"),
        ),
        (
            Choice::WorkloadIdentity,
            format!("POST {authority}"),
            format!(
                "client_id={client}&grant_type=client_credentials\
                 &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer\
                 &client_assertion=eyJhbGciOiJSUzI1NiJ9.federated.token&{scope}"
            ),
            ("content-type", "application/x-www-form-urlencoded"),
        ),
        (
            Choice::AppService,
            format!(
                "GET http://127.0.0.1:8081/msi/token?api-version=2019-08-01&resource={resource}&client_id={client}"
            ),
            String::new(),
            ("x-identity-header", "853b9a84-5bfa"),
        ),
        (
            Choice::Imds,
            format!(
                "GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}&client_id={client}"
            ),
            String::new(),
            ("metadata", "true"),
        ),
    ] {
        let script = Script::new([token("t", 3600)]);
        assert_eq!(ask(&identity(choice, &options(), &script), SCOPE).as_deref(), Ok("t"));
        assert_eq!(script.asked(), [asked]);
        let request = &script.requests()[0];
        assert_eq!(request.body(), &body);
        assert_eq!(request.headers()[header.0], header.1);
        assert!(!format!("{:?}", request.headers()).contains("853b9a84"), "what is secret is marked so");
    }
}

#[test]
fn sovereign_clouds_have_their_own_authority() {
    let script = Script::new([token("t", 3600)]);
    let options = IdentityOptions { authority_host: "https://login.microsoftonline.us/".into(), ..options() };
    ask(&identity(Choice::ClientSecret, &options, &script), SCOPE).expect("a token");
    assert!(script.asked()[0].starts_with("POST https://login.microsoftonline.us/72f988bf"));
}

#[test]
fn a_token_is_asked_for_once_for_each_scope_and_renewed_before_it_ends() {
    let script = Script::new([token("a1", 3600), token("b1", 3600), token("a2", 3600)]);
    let identity = identity(Choice::ClientSecret, &options(), &script);
    let both = block_on(join(identity.token("a"), identity.token("a")));
    assert_eq!(both.0, both.1);
    assert_eq!(ask(&identity, "b").as_deref(), Ok("b1"));
    script.advance(Duration::from_secs(3299));
    assert_eq!(ask(&identity, "a").as_deref(), Ok("a1"));
    script.advance(Duration::from_secs(1));
    assert_eq!(ask(&identity, "a").as_deref(), Ok("a2"), "five minutes before its end");
    // The authority is down, and the old token good for another minute.
    script.advance(Duration::from_secs(60));
    script.then((0..5).map(|_| answer(503, &[], "")));
    assert_eq!(ask(&identity, "b").as_deref(), Ok("b1"));
    script.advance(Duration::from_secs(600));
    script.then((0..5).map(|_| answer(503, &[], "")));
    assert!(matches!(ask(&identity, "b"), Err(TokenError::Unanswered { .. })));
}

#[test]
fn a_token_that_was_refused_is_given_up_unless_there_is_a_newer_one() {
    let script = Script::new([token("1", 3600), token("2", 3600)]);
    let identity = identity(Choice::ClientSecret, &options(), &script);
    let first = block_on(identity.token(SCOPE)).expect("a token");
    identity.forget(SCOPE, &first);
    assert_eq!(ask(&identity, SCOPE).as_deref(), Ok("2"));
    identity.forget(SCOPE, &first);
    assert_eq!(ask(&identity, SCOPE).as_deref(), Ok("2"));
}

#[test]
fn the_first_identity_that_gives_a_token_is_kept_and_if_none_does_each_says_why() {
    let wrong = || refusal("AADSTS7000215: Invalid client secret provided.");
    let script = Script::new([wrong(), token("workload", 3600), token("workload 2", 3600)]);
    let identity = identity(Choice::Default, &options(), &script);
    assert_eq!(ask(&identity, "a").as_deref(), Ok("workload"));
    assert!(ask(&identity, "b").is_err(), "a space is no part of a token, and nobody else is asked");
    assert_eq!(script.requests().len(), 3);

    let script = Script::new([wrong(), refusal("AADSTS700213: No match."), answer(400, &[], "")]);
    let error =
        ask(&self::identity(Choice::Default, &options(), &script), SCOPE).expect_err("nobody gives one");
    let said = error.to_string();
    for part in [
        "client secret: https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token refused",
        "AADSTS7000215: Invalid client secret provided.; then workload identity: ",
        "App Service managed identity: http://127.0.0.1:8081/msi/token refused: status 400",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!error.may_pass());
}

#[test]
fn what_may_pass_is_tried_again_and_imds_is_given_time_for_its_update() {
    let script =
        Script::new([lost(), answer(500, &[], ""), answer(429, &["retry-after: 7"], ""), token("t", 3600)]);
    assert_eq!(ask(&identity(Choice::ClientSecret, &options(), &script), SCOPE).as_deref(), Ok("t"));
    let script = Script::new([answer(410, &[], ""), answer(404, &[], ""), token("t", 3600)]);
    assert_eq!(ask(&identity(Choice::Imds, &options(), &script), SCOPE).as_deref(), Ok("t"));
    let script = Script::new([answer(404, &[], "")]);
    assert!(ask(&identity(Choice::AppService, &options(), &script), SCOPE).is_err());
}

#[test]
fn nothing_that_is_secret_is_shown_even_if_the_authority_quotes_it() {
    let options = options();
    let secrets = ["s3cr3t~value.with%2F+=&%", "federated.token", "853b9a84-5bfa"];
    let quoted = secrets.join(" and ");
    for choice in [Choice::ClientSecret, Choice::WorkloadIdentity, Choice::AppService] {
        let one = match choice {
            Choice::ClientSecret => secrets[0],
            Choice::WorkloadIdentity => "eyJhbGciOiJSUzI1NiJ9.federated.token",
            _ => secrets[2],
        };
        for status in [401, 503] {
            let body = serde_json::json!({ "error": one, "error_description": format!("What is {one}?") });
            let script = Script::new((0..5).map(|_| answer(status, &[], body.to_string())));
            let identity = identity(choice, &options, &script);
            let error = ask(&identity, SCOPE).expect_err("it is refused");
            for shown in
                [error.to_string(), format!("{error:?}"), format!("{identity:?}"), format!("{options:?}")]
            {
                // The scripted transport shows what it was sent, which is not the identity's own.
                let shown = shown.split("requests:").next().unwrap_or_default();
                assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown} {quoted}");
            }
        }
    }
    let script = Script::new([token("marked-token", 3600)]);
    let token = block_on(identity(Choice::Imds, &options, &script).token(SCOPE)).expect("a token");
    assert!(!format!("{token:?}").contains("marked"));
}

#[test]
fn what_is_no_token_is_told_from_a_refusal() {
    let script = Script::new([answer(200, &[], "<html>marked</html>")]);
    let error = ask(&identity(Choice::Imds, &options(), &script), SCOPE).expect_err("that is no token");
    assert!(matches!(error, TokenError::BadAnswer { .. }) && error.may_pass(), "{error:?}");
    assert!(!error.to_string().contains("marked"), "{error}");
}
