//! Which source is chosen, what is asked for it, what is kept, and what a failure says, against scripted answers.

use std::cell::Cell;
use std::time::Duration;

use async_query::credentials::{CredentialError, CredentialSettings, Credentials, Kept, Step};
use azure_core::Secret;
use azure_core::script::{Answer, Script, answer, lost};
use azure_tables::ConnectionString;
use futures::executor::block_on;

const CONNECTION: &str = "TableEndpoint=https://a.example.org;AccountName=a;AccountKey=bWFya2Vk";
const ROTATED: &str = "TableEndpoint=https://a.example.org;AccountName=a;AccountKey=bmV3";

/// The variables of this text, `name=value` a word; the rest is empty.
fn settings(text: &str) -> CredentialSettings {
    let words: Vec<(&str, &str)> = text.split(' ').filter_map(|word| word.split_once('=')).collect();
    let variable = async |name: &'static str| {
        let found = words.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned()).unwrap_or_default()
    };
    block_on(CredentialSettings::read(variable))
}

const IDENTITY: &str = "azure_tenant_id=t azure_client_id=c azure_client_secret=marked-secret";

fn token() -> Answer {
    answer(200, &[], r#"{"token_type":"Bearer","expires_in":3600,"access_token":"marked-token"}"#)
}

fn setting(value: &str) -> Answer {
    answer(200, &[], serde_json::json!({ "key": "k", "value": value, "content_type": "" }).to_string())
}

fn reference(uri: &str) -> Answer {
    let value = serde_json::json!({ "uri": uri }).to_string();
    let content_type = "application/vnd.microsoft.appconfig.keyvaultref+json;charset=utf-8";
    let body = serde_json::json!({ "key": "k", "value": value, "content_type": content_type });
    answer(200, &[], body.to_string())
}

fn challenge() -> Answer {
    let header = "www-authenticate: Bearer authorization=\"https://l.example.org/t\", resource=\"https://vault.azure.net\"";
    answer(401, &[header], "")
}

fn secret(value: &str) -> Answer {
    let id = "https://v.vault.azure.net/secrets/s/1";
    answer(200, &[], serde_json::json!({ "value": value, "id": id }).to_string())
}

fn credentials(text: &str, script: &Script) -> Result<Credentials<Script, Script>, CredentialError> {
    Credentials::new(&settings(text), script.clone(), script.clone())
}

fn connect(text: &str, script: &Script) -> Result<ConnectionString, CredentialError> {
    block_on(credentials(text, script)?.connect())
}

#[test]
fn what_is_set_first_is_chosen_unless_another_is_named() {
    let all = format!(
        "table_connection_string={CONNECTION} app_config_endpoint=https://x.azconfig.io \
         table_endpoint=https://t.example.org {IDENTITY}"
    );
    let without =
        |name: &str| all.split(' ').filter(|word| !word.starts_with(name)).collect::<Vec<_>>().join(" ");
    let store = "https://x.azconfig.io/kv/storage-account-connection-string?api-version=2023-11-01&label=async-http-api";
    for (variables, asked, endpoint) in [
        (all.clone(), vec![], "https://a.example.org"),
        (without("table_connection_string"), vec![store], "https://a.example.org"),
        (format!("{} app_config_key=", without("table_connection")), vec![store], "https://a.example.org"),
        (format!("{all} credential_source=app_config"), vec![store], "https://a.example.org"),
        (format!("{all} credential_source=table_endpoint"), vec![], "https://t.example.org"),
        (
            format!(
                "{} credential_source=default",
                without("app_config").replace("table_connection_string", "x")
            ),
            vec![],
            "https://t.example.org",
        ),
    ] {
        let script = Script::new([token(), setting(CONNECTION)]);
        let connection = connect(&variables, &script).expect("a connection");
        assert_eq!(connection.endpoint().as_str(), endpoint, "{variables}");
        let gets =
            script.asked().into_iter().filter_map(|asked| asked.strip_prefix("GET ").map(str::to_owned));
        assert_eq!(gets.collect::<Vec<_>>(), asked, "{variables}");
    }
}

#[test]
fn a_secret_to_which_a_setting_refers_is_followed_and_all_of_it_kept() {
    let variables = format!(
        "app_config_connection_string=Endpoint=https://x.azconfig.io;Id=i;Secret=bWFya2Vk app_config_key=a/b \
         app_config_label=l {IDENTITY}"
    );
    let script = Script::new([
        reference("https://v.vault.azure.net/secrets/s"),
        challenge(),
        token(),
        secret(CONNECTION),
    ]);
    let kept = Kept::new();
    for _ in 0..2 {
        let credentials =
            kept.of(&settings(&variables), script.clone(), script.clone()).expect("credentials");
        assert_eq!(block_on(credentials.connect()), Ok(CONNECTION.parse().expect("one")));
    }
    assert_eq!(
        script.asked(),
        [
            "GET https://x.azconfig.io/kv/a%2Fb?api-version=2023-11-01&label=l",
            "GET https://v.vault.azure.net/secrets/s/?api-version=7.4",
            "POST https://login.microsoftonline.com/t/oauth2/v2.0/token",
            "GET https://v.vault.azure.net/secrets/s/?api-version=7.4",
        ]
    );
    script.advance(Duration::from_secs(300));
    script.then([reference("https://v.vault.azure.net/secrets/s"), secret(ROTATED)]);
    let credentials = kept.of(&settings(&variables), script.clone(), script.clone()).expect("credentials");
    assert_eq!(block_on(credentials.connect()), Ok(ROTATED.parse().expect("one")));
    // Other variables, other credentials.
    script.then([setting(CONNECTION)]);
    let other = settings(&variables.replace("app_config_label=l", "app_config_label=m"));
    let credentials = kept.of(&other, script.clone(), script.clone()).expect("credentials");
    assert_eq!(block_on(credentials.connect()), Ok(CONNECTION.parse().expect("one")));
}

#[derive(Debug, PartialEq)]
enum Done {
    Refused,
    Failed(CredentialError),
}

impl From<CredentialError> for Done {
    fn from(error: CredentialError) -> Self {
        Self::Failed(error)
    }
}

#[test]
fn a_connection_that_the_table_refuses_is_fetched_again_and_tried_only_if_it_differs() {
    let variables = format!("app_config_endpoint=https://x.azconfig.io {IDENTITY}");
    for (answers, expected, runs) in [
        (vec![token(), setting(CONNECTION), setting(ROTATED)], Ok("bmV3"), 2),
        (vec![token(), setting(CONNECTION), setting(CONNECTION)], Err(Done::Refused), 1),
    ] {
        let script = Script::new(answers);
        let credentials = credentials(&variables, &script).expect("credentials");
        let count = Cell::new(0);
        let work = async |connection: ConnectionString| {
            count.set(count.get() + 1);
            if connection == ROTATED.parse().expect("one") { Ok("bmV3") } else { Err(Done::Refused) }
        };
        let done = block_on(credentials.run(|error| *error == Done::Refused, work));
        assert_eq!((done, count.get()), (expected, runs));
        assert_eq!(script.requests().len(), 3);
    }
    // What stands in a variable is not fetched again.
    let script = Script::new([]);
    let credentials =
        credentials(&format!("table_connection_string={CONNECTION}"), &script).expect("credentials");
    let work = async |_| Err::<(), _>(Done::Refused);
    assert_eq!(block_on(credentials.run(|error| *error == Done::Refused, work)), Err(Done::Refused));
}

#[test]
fn every_failure_names_the_step_the_address_and_what_to_check_and_no_secret() {
    let store = format!("app_config_endpoint=https://x.azconfig.io {IDENTITY}");
    let to_secret = || vec![token(), reference("https://v.vault.azure.net/secrets/s")];
    let five = |make: fn() -> Answer| (0..5).map(|_| make()).collect::<Vec<_>>();
    let refusal = |number: &str| {
        let description = format!("AADSTS{number}: No, not marked-secret.");
        let body = serde_json::json!({ "error": "invalid_client", "error_description": description });
        answer(401, &[], body.to_string())
    };
    let authority = "https://login.microsoftonline.com/t/oauth2/v2.0/token";
    let setting_at = "https://x.azconfig.io";
    let secret_at = "https://v.vault.azure.net/secrets/s/";
    for (variables, answers, step, may_pass, parts) in [
        ("", vec![], Step::Variables, false, ["nothing says", "table_connection_string"]),
        ("credential_source=x", vec![], Step::Variables, false, ["credential_source", "it must be"]),
        (
            "table_connection_string=AccountName=marked;x",
            vec![],
            Step::Variables,
            false,
            ["table_connection_string", "setting 2"],
        ),
        (
            "table_endpoint=ftp://marked",
            vec![],
            Step::Variables,
            false,
            ["table_endpoint", "http or https URL"],
        ),
        (
            "table_endpoint=https://t azure_credential=x",
            vec![],
            Step::Variables,
            false,
            ["azure_credential", "workload_identity"],
        ),
        (
            "table_endpoint=https://t azure_credential=client_secret",
            vec![],
            Step::Variables,
            false,
            ["azure_tenant_id, azure_client_id, azure_client_secret", "azure_credential"],
        ),
        (
            "table_endpoint=https://t azure_credential=app_service",
            vec![],
            Step::Variables,
            false,
            ["identity_endpoint, identity_header", "azure_credential"],
        ),
        (
            "app_config_connection_string=Secret=marked",
            vec![],
            Step::Variables,
            false,
            ["app_config_connection_string", "no Endpoint"],
        ),
        (&store, vec![refusal("7000215")], Step::Token, false, [authority, "the secret's value, not its id"]),
        (&store, vec![refusal("7000222")], Step::Token, false, [authority, "it has expired"]),
        (
            &store,
            vec![refusal("90002")],
            Step::Token,
            false,
            [authority, "Check the variable azure_tenant_id."],
        ),
        (&store, vec![refusal("53003")], Step::Token, false, [authority, "azure_tenant_id, azure_client_id"]),
        (&store, five(lost), Step::Token, true, [authority, "azure_private_host"]),
        (&store, five(|| answer(500, &[], "")), Step::Token, true, [authority, "try again later"]),
        (&store, vec![token(), answer(404, &[], "")], Step::Setting, false, [setting_at, "app_config_label"]),
        (
            &store,
            vec![token(), answer(403, &[], "")],
            Step::Setting,
            false,
            [setting_at, "App Configuration Data Reader"],
        ),
        (
            &store,
            vec![token(), setting("marked")],
            Step::Setting,
            false,
            [setting_at, "no connection string"],
        ),
        (
            &store,
            vec![token(), reference("marked")],
            Step::Setting,
            false,
            [setting_at, "Check the reference"],
        ),
        (
            &store,
            [to_secret(), vec![answer(200, &[], "")]].concat(),
            Step::Secret,
            false,
            [secret_at, "is its address that of a Key Vault?"],
        ),
        (
            &store,
            [to_secret(), vec![challenge(), token(), answer(403, &[], "")]].concat(),
            Step::Secret,
            false,
            [secret_at, "Key Vault Secrets User"],
        ),
        (
            &store,
            [to_secret(), vec![challenge(), token(), answer(404, &[], "")]].concat(),
            Step::Secret,
            false,
            [secret_at, "name and version"],
        ),
        (
            &store,
            [to_secret(), vec![challenge(), token(), secret("marked")]].concat(),
            Step::Secret,
            false,
            [secret_at, "its value"],
        ),
        (&store, [to_secret(), five(lost)].concat(), Step::Secret, true, [secret_at, "azure_private_host"]),
    ] {
        let script = Script::new(answers);
        let error = connect(variables, &script).expect_err(variables);
        let said = error.to_string();
        assert_eq!((error.step, error.may_pass), (step, may_pass), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        assert!(
            !said.contains("marked") && !said.contains("api-version") && !said.contains('?')
                || said.contains("Vault?"),
            "{said}"
        );
    }
}

#[test]
fn settings_show_no_secret() {
    let shown = format!(
        "{:?}",
        CredentialSettings {
            table_connection_string: Secret::new(CONNECTION),
            ..settings(&format!("{IDENTITY} identity_header=marked azure_federated_token=marked"))
        }
    );
    assert!(!shown.contains("marked") && !shown.contains("bWFya2Vk"), "{shown}");
}
